"""What an app says of its data, for the version that a release runs."""

from __future__ import annotations

from champ_offline.catalog.data_parts import DataPart
from champ_offline.catalog.index import Catalog
from champ_offline.errors import ChampError, ExitCode


class NothingDeclared(ChampError):
    """An app does not say how its data is saved."""

    id = "data.nothing-declared"
    exit_code = ExitCode.PREFLIGHT
    message = "{app} {version} does not say how its data is saved, so champ cannot save it."
    remedy = "Its README says what its makers advise; a newer version may declare it."


def declared(catalog: Catalog, app: str, version: str) -> tuple[DataPart, ...]:
    """The parts that this version declares; none where it declares none.

    Where the zone no longer holds that version, the newest that it does hold speaks.
    """
    apps = catalog.listing().of(app).apps
    entry = next((one for one in apps if one.version == version), next(iter(apps), None))
    return entry.data if entry else ()
