"""A DICOM study of one small image: made, sent and looked for with dcmtk, as a modality would."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.commands import Enter, Failed, run

STUDY = "1.2.826.0.1.3680043.8.498.1001"
# The name under which the modality calls the PACS.
MODALITY = "MODALITY"
_SIDE = 64
_PATIENCE_SECONDS = 30.0

_DUMP = """\
(0008,0005) CS [ISO_IR 192]
(0008,0016) UI [1.2.840.10008.5.1.4.1.1.7]
(0008,0018) UI [{study}.1.1]
(0008,0020) DA [20260301]
(0008,0030) TM [090000]
(0008,0050) SH [A0001]
(0008,0060) CS [OT]
(0008,0064) CS [SYN]
(0010,0010) PN [TEST^STUDY]
(0010,0020) LO [P0001]
(0010,0030) DA [19700101]
(0010,0040) CS [O]
(0020,000d) UI [{study}]
(0020,000e) UI [{study}.1]
(0020,0010) SH [1]
(0020,0011) IS [1]
(0020,0013) IS [1]
(0028,0002) US 1
(0028,0004) CS [MONOCHROME2]
(0028,0010) US {side}
(0028,0011) US {side}
(0028,0100) US 8
(0028,0101) US 8
(0028,0102) US 7
(0028,0103) US 0
(7fe0,0010) OB {pixels}
"""


@dataclass(frozen=True)
class Modality:
    """A machine in the zone that speaks DICOM to the PACS at `address`."""

    enter: Enter
    address: str
    port: int
    title: str

    def echo(self) -> None:
        """C-ECHO until the PACS answers: a port of the nodes opens a moment after its pod is well.

        Raises Failed when it does not within 30 s.
        """
        words = ["echoscu", "-to", "5", "-aec", self.title, self.address, str(self.port)]
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while run(words, enter=self.enter, expect=None).returncode != 0:
            if time.monotonic() > deadline:
                run(words, enter=self.enter)
            time.sleep(0.2)

    def store(self, file: Path) -> None:
        """C-STORE one file."""
        run(["storescu", "-to", "20", "-aec", self.title, self.address, str(self.port), file],
            enter=self.enter)  # fmt: skip

    def find(self, study: str) -> list[str]:
        """C-FIND by study; the patients' names of what was found."""
        words = ["findscu", "-S", "-to", "20", "-aet", MODALITY, "-aec", self.title,
                 "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}",
                 "-k", "PatientName", self.address, str(self.port)]  # fmt: skip
        done = run(words, enter=self.enter)
        # findscu echoes the request as well; only answers carry a name.
        return re.findall(r"\(0010,0010\) PN \[([^\]]+?)\s*\]", done.stderr + done.stdout)


def make_file(folder: Path, study: str = STUDY) -> Path:
    """A DICOM file of the test study, or of another."""
    pixels = "\\".join(f"{(x * y) % 256:02x}" for y in range(_SIDE) for x in range(_SIDE))
    dump, file = folder / "study.dump", folder / "study.dcm"
    dump.write_text(_DUMP.format(study=study, side=_SIDE, pixels=pixels))
    # dump2dcm ends with 0 whatever happened.
    done = run(["dump2dcm", "+l", "65536", dump, file])
    if not file.is_file():
        raise Failed(done.stderr)
    return file
