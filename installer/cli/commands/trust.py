"""`champ trust ...`: keys, the roots that say whose they are, and the way of roots to the zones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from installer.cli.commands.image_key import image_key
from installer.cli.key_options import algorithm, locking
from installer.cli.options import DIRECTORY, GIVEN_DIRECTORY, GIVEN_FILE, Verb
from installer.cli.output import Column
from installer.cli.passphrases import NewPassphrase, Passphrases
from installer.cli.session import Session
from installer.cli.trust_view import table, tallies
from installer.language import translate as _

ROLES = ("root", "targets", "snapshot", "timestamp")


# No root has keys for more.
_LONGEST_NUMBER = 4


class Threshold(click.ParamType[tuple[str, int]]):
    """`ROLE=N`: how many signatures a role wants."""

    name = "ROLE=N"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """The role and the number."""
        role, _sign, number = str(value).partition("=")
        plain = number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER
        if role not in ROLES or not plain:
            text = _("“{value}” is not ROLE=N with one of the roles {roles}.")
            self.fail(text.format(value=value, roles=", ".join(ROLES)), param, ctx)
        return role, int(number)


def _changes(function: Callable[..., Any]) -> Callable[..., Any]:
    function = click.option(
        "--threshold", "thresholds", type=Threshold(), multiple=True,
        help=_("How many signatures a role wants; may be given several times."),
    )(function)  # fmt: skip
    return click.option(
        "--add", "added", type=GIVEN_FILE, multiple=True, metavar="FILE",
        help=_("The public.json of a holder; may be given several times."),
    )(function)  # fmt: skip


@click.group("trust", help=_("Make the keys and the roots that bundles are signed with."))
def command() -> None:
    """Group the acts on keys."""


command.add_command(image_key)


@command.command(
    "init",
    cls=Verb,
    help=_(
        "Make the first root in DIRECTORY: with the keys of one person (--holder), or as a draft"
        " that the holders of several public files have to sign (--add)."
    ),
)
@click.argument("directory", type=DIRECTORY)
@click.option("--holder", metavar="NAME", help=_("Who holds the keys."))
@_changes
@algorithm
@locking
@click.pass_obj
def init(
    session: Session,
    directory: Path,
    holder: str | None,
    added: tuple[Path, ...],
    thresholds: tuple[tuple[str, int], ...],
    algorithm: str,
    passphrase_file: Path | None,
    unencrypted: bool,  # noqa: FBT001 - click passes by keyword
) -> None:
    """Make the keys and the root, or its draft, and show its fingerprint."""
    from champ_offline import ceremony
    from champ_offline.clock import now_utc

    if (holder is None) == (not added):
        raise click.UsageError(_("Give either --holder NAME or --add FILE."))
    if holder is not None and thresholds:
        raise click.UsageError(
            _("--threshold goes with --add: one person's root wants one signature of each role.")
        )
    lock = NewPassphrase(directory, passphrase_file, unencrypted=unencrypted)
    now = now_utc()
    if holder is None:
        draft = ceremony.init_together(directory, added, dict(thresholds), lock, now)
        session.output.record(draft, _draft_columns())
        return
    session.output.record(
        ceremony.init_alone(directory, holder, algorithm, lock, now),
        [
            Column("root", _("public root")),
            Column("fingerprint", _("fingerprint")),
            Column("expires", _("valid until")),
        ],
    )


@command.group("key", help=_("Make the keys of one holder."))
def key() -> None:
    """Group the acts on one holder's keys."""


@key.command(
    "new",
    cls=Verb,
    help=_(
        "Make a holder's keys in FOLDER, and public.json there to hand over. A role for which"
        " keys/ROLE.command.yaml names a signer program gets no other key."
    ),
)
@click.argument("folder", type=DIRECTORY)
@click.option("--holder", required=True, metavar="NAME", help=_("Who holds the keys."))
@click.option(
    "--role", "roles", type=click.Choice(ROLES), multiple=True,
    help=_("What the holder signs; all roles unless given."),
)  # fmt: skip
@algorithm
@locking
@click.pass_obj
def new(
    session: Session,
    folder: Path,
    holder: str,
    roles: tuple[str, ...],
    algorithm: str,
    passphrase_file: Path | None,
    unencrypted: bool,  # noqa: FBT001 - click passes by keyword
) -> None:
    """Make the keys and show which file is to be handed over."""
    from champ_offline import ceremony

    lock = NewPassphrase(folder, passphrase_file, unencrypted=unencrypted)
    made = ceremony.new_keys(folder, holder, roles or ROLES, algorithm, lock)
    session.output.record(
        made,
        [
            Column("public", _("to hand over")),
            Column("holder", _("holder")),
            *[Column(f"keys.{role}", role) for role in made.keys],
        ],
    )


@key.command(
    "images",
    cls=Verb,
    help=_("Make another key for image signatures in the signing folder DIRECTORY."),
)
@click.argument("directory", type=GIVEN_DIRECTORY)
@locking
@click.pass_obj
def images(
    session: Session,
    directory: Path,
    passphrase_file: Path | None,
    unencrypted: bool,  # noqa: FBT001 - click passes by keyword
) -> None:
    """Make the key and show where its public half lies."""
    from champ_offline import ceremony

    lock = NewPassphrase(directory, passphrase_file, unencrypted=unencrypted)
    public = ceremony.new_images_key(directory, lock)
    session.output.record({"public": public}, [Column("public", _("to hand over"))])


@command.command(
    "rotate",
    cls=Verb,
    help=_(
        "Draft the next root of the signing folder DIRECTORY; nothing changes before it is signed."
    ),
)
@click.argument("directory", type=GIVEN_DIRECTORY)
@click.option(
    "--remove", "removed", multiple=True, metavar="KEY",
    help=_("A holder's name, or the beginning of a key id; may be given several times."),
)  # fmt: skip
@_changes
@click.pass_obj
def rotate(
    session: Session,
    directory: Path,
    removed: tuple[str, ...],
    added: tuple[Path, ...],
    thresholds: tuple[tuple[str, int], ...],
) -> None:
    """Write the draft and show who has to sign it."""
    from champ_offline import ceremony
    from champ_offline.clock import now_utc

    now = now_utc()
    draft = ceremony.rotate(directory, added, removed, dict(thresholds), now)
    session.output.record(draft, _draft_columns())


@command.command(
    "sign",
    cls=Verb,
    help=_(
        "Sign DRAFT with a holder's root key. With enough signatures of the old and the new root"
        " it becomes the next root of its signing folder."
    ),
)
@click.argument("draft", type=GIVEN_FILE)
@click.option(
    "--signing", type=GIVEN_DIRECTORY, multiple=True, metavar="FOLDER",
    help=_("A holder's folder of keys; without one the signatures are only counted."),
)  # fmt: skip
@click.option(
    "--passphrase-file", "files", type=GIVEN_FILE, multiple=True, metavar="FILE",
    help=_("Read the passphrase from a file; one for all folders, or one each in their order."),
)  # fmt: skip
@click.pass_obj
def sign(session: Session, draft: Path, signing: tuple[Path, ...], files: tuple[Path, ...]) -> None:
    """Sign, and show what is missing still."""
    from champ_offline import ceremony

    found = ceremony.sign(draft, signing, Passphrases(signing, files))
    session.output.record(found, _draft_columns())


@command.command(
    "export", cls=Verb, help=_("Write the roots, and no bundle, to MEDIA for `champ trust update`.")
)
@click.argument("media", type=DIRECTORY)
@click.option(
    "--signing", type=GIVEN_DIRECTORY, required=True, metavar="DIR", help=_("The signing folder.")
)
@click.pass_obj
def export(session: Session, media: Path, signing: Path) -> None:
    """Write the roots and show where they lie."""
    from champ_offline import ceremony

    columns = [Column("folder", _("folder")), Column("newest", _("newest root"))]
    session.output.record(ceremony.export(media, signing), columns)


@command.command(
    "update", cls=Verb, help=_("Take the newer roots on MEDIA into the zone; no bundle is needed.")
)
@click.argument("media", type=DIRECTORY)
@click.pass_obj
def update(session: Session, media: Path) -> None:
    """Follow the roots and show which one the zone trusts now."""
    updated = session.appliance().update_trust(media)
    columns = [
        Column("before", _("root before")),
        Column("version", _("root now")),
        Column("fingerprint", _("fingerprint")),
        Column("expires", _("valid until"), _day),
        *([Column("expired", _("expired"), _asks)] if updated.expired else []),
    ]
    session.output.record(updated, columns)


@command.command(
    "show",
    cls=Verb,
    help=_("Show who must have signed what: in the zone, on MEDIA, in a signing folder or a root."),
)
@click.argument("media", type=DIRECTORY, required=False)
@click.option("--signing", type=GIVEN_DIRECTORY, metavar="DIR", help=_("The signing folder."))
@click.option("--root", type=GIVEN_FILE, metavar="ROOT.json", help=_("The public root."))
@click.pass_obj
def show(session: Session, media: Path | None, signing: Path | None, root: Path | None) -> None:
    """Show holders, thresholds, dates, the fingerprint, and what was overridden."""
    from champ_offline import ceremony

    if sum(one is not None for one in (media, signing, root)) > 1:
        raise click.UsageError(_("Give only one of MEDIA, --signing and --root."))
    if media is not None:
        view = ceremony.show_media(media)
    elif signing is not None:
        view = ceremony.show_folder(signing)
    elif root is not None:
        view = ceremony.show_root(root)
    else:
        view = session.appliance().trust_view()
    if session.output.form == "table":
        session.output.text(table(view))
    else:
        session.output.document(view)


def _day(time: str) -> str:
    return time[:10]


def _asks(_expired: object) -> str:
    return _(
        "yes, by this machine's clock: imports ask for --accept-expired until a newer root comes"
    )


def _draft_columns() -> list[Column]:
    return [
        Column("file", _("file")),
        Column("version", _("version of the root")),
        Column("fingerprint", _("fingerprint")),
        Column("complete", _("complete"), lambda complete: _("yes") if complete else _("no")),
        Column("tallies", _("signatures"), tallies),
    ]
