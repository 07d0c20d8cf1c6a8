"""What starts a run when a stick is plugged in: a rule for udev and two services of systemd's.

Invariant: nothing that is on a stick, its label included, becomes a word of a command or a path:
the services are named after the kernel's device. One, with full rights, makes the device read-only
and mounts it as one of the file systems named; the other runs as the zone's owner and may do
little. They are two because a mount made by a confined service is seen by no other process. The
words are those of `durable.units`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from champ_offline.durable.units import command_line, confined, path, plain

SERVICE, MEDIUM, RULES = "champ-run@.service", "champ-medium@.service", "99-champ-run.rules"
FILE_SYSTEMS = ("vfat", "exfat", "ext4", "udf", "iso9660")
_PLACE = "%t/champ-run/%i"

_RULES = """\
# A stick with one of these file systems starts a run; the service is named after the device.
ACTION=="add", SUBSYSTEM=="block", SUBSYSTEMS=="usb", KERNEL=="sd[a-z]*", \
ENV{{ID_FS_USAGE}}=="filesystem", ENV{{ID_FS_TYPE}}=="{kinds}", \
TAG+="systemd", ENV{{SYSTEMD_WANTS}}+="champ-run@%k.service"
"""
_MEDIUM = """\
[Unit]
Description=The stick %i, read-only, for a CHAMP run
StopWhenUnneeded=yes

[Service]
Type=oneshot
RemainAfterExit=yes
RuntimeDirectory=champ-run/%i
ExecStartPre=/usr/sbin/blockdev --setro /dev/%i
ExecStart=/usr/bin/mount -t {kinds} -o ro,nosuid,nodev,noexec /dev/%i {place}
ExecStop=/usr/bin/umount {place}
"""
_SERVICE = """\
[Unit]
Description=CHAMP run on the stick %i
Requires={medium}
After={medium} local-fs.target network-online.target
RequiresMountsFor={zone}

[Service]
Type=exec
ExecStart={command} {place}
# Another run is at work (8): again when it has ended. The next stick of a set is awaited (9).
RestartForceExitStatus=8
RestartSec=30
SuccessExitStatus=9
User={user}
UMask=0027

{confined}
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
"""


@dataclass(frozen=True)
class Order:
    """What to run: `command` is `champ run` with all its arguments but the medium.

    `writable` are folders it writes to besides the zone, `readable` what else it reads;
    `file_systems` are some of FILE_SYSTEMS.
    """

    command: Sequence[str]
    zone: Path
    writable: Sequence[Path]
    readable: Sequence[Path]
    file_systems: Sequence[str]
    user: str


def units(order: Order) -> Mapping[str, str]:
    """The text of the services and of the rule by its file's name; raises UnitImpossible."""
    folders = [order.zone, *order.writable]
    kinds = dict.fromkeys(order.file_systems)
    service = _SERVICE.format(
        zone=path(order.zone),
        medium=MEDIUM.replace("@", "@%i"),
        place=_PLACE,
        command=command_line(order.command),
        user=plain(order.user),
        confined=confined(folders, [Path(order.command[0]), *order.readable]),
    )
    medium = _MEDIUM.format(kinds=",".join(kinds), place=_PLACE)
    return {SERVICE: service, MEDIUM: medium, RULES: _RULES.format(kinds="|".join(kinds))}
