"""What an app says of its upgrades holds every verb: those of the simulated world, as a zone's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.catalog.upgrades import NoWayBack, NoWayThere, StepsRequired
from champ_offline.durable.typed_yaml import UnknownKey
from champ_offline.events import ignore
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.retention import Retention, RevisionNotKept
from champ_offline.release.review.irreversible import Why
from installer.error_text import sentences
from installer.plan_words import irreversible_text
from tests.tui.sample_app import ZONE, make_media
from tests.tui.simulated import World

REASON = "reason: {en: The index is another one, zh: 索引的格式已经不同，旧版无法读取}"
NO_WAY_BACK = f"upgrades: [{{to: '>=2.0', back: no, {REASON}}}]\n"
STEPS = f"upgrades: [{{to: '>=2.0', from: '>=1.5', via: '1.5', {REASON}}}]\n"
CLOSED = f"upgrades: [{{to: '>=2.0', from: '>=1.5', {REASON}}}]\n"
NAME = "greeter"


class Site:
    """A zone that holds both versions, over a simulated cluster."""

    def __init__(self, folder: Path, table: str) -> None:
        media = make_media(folder / "media", table=table)
        Appliance.create(folder / "zone", ZONE, media.root, media.fingerprint)
        self.appliance = World().open(folder / "zone")
        for version in ("1.0", "2.0"):
            self.appliance.import_media([media.stick / "champ" / f"{NAME}-{version}"], ignore)
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text("{}")
        self.folder = folder

    def answered(self, greeting: str) -> Path:
        """A file of answers."""
        path = self.folder / "answers.yaml"
        text = f"greeting: {greeting}\nsite: North\nport: 30104\n"
        path.write_text(text, encoding="utf-8")
        return path

    def install(self, version: str, answers: Path | None = None) -> None:
        releases = self.appliance.releases
        plan = releases.plan_install(NAME, version, NAME, NAME, answers, self.kubeconfig)
        releases.apply(plan, self.kubeconfig, ignore)


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    (tmp_path / "media").mkdir()
    site = Site(tmp_path, request.param)
    site.install("1.0", site.answered("moin"))
    yield site
    site.appliance._database.close()


@pytest.mark.parametrize("site", [STEPS], indirect=True, ids=[""])
def test_a_jump_over_a_stop_is_refused_with_the_way_in_the_readers_language(
    site: Site, spoken: str
) -> None:
    with pytest.raises(StepsRequired) as caught:
        site.install("2.0")
    message, remedy = sentences(caught.value)
    assert "1.0 -> 1.5 -> 2.0" in remedy
    assert caught.value.fields["missing"] == "1.5"
    told = {"en": "The index is another one", "zh": "索引的格式已经不同，旧版无法读取"}
    assert told[spoken] in message
    [status] = site.appliance.releases.status(NAME, NAME, None)
    assert (status.version, status.number) == ("1.0", 1)


@pytest.mark.parametrize("site", [STEPS], indirect=True, ids=[""])
def test_answers_that_cannot_be_read_are_told_before_anything_is_asked(site: Site) -> None:
    """The file's line helps whoever wrote it, also where the cluster is away or the way closed."""
    wrong = site.folder / "wrong.yaml"
    wrong.write_text("nothing: such\n", encoding="utf-8")
    with pytest.raises(UnknownKey):
        site.install("2.0", wrong)
    with pytest.raises(StepsRequired):
        site.install("2.0", site.answered("servus"))


@pytest.mark.parametrize("site", [CLOSED], indirect=True, ids=[""])
def test_where_there_is_no_way_the_answers_can_still_be_changed(site: Site) -> None:
    with pytest.raises(NoWayThere):
        site.install("2.0")
    site.install("1.0", site.answered("servus"))
    [status] = site.appliance.releases.status(NAME, NAME, None)
    assert (status.version, status.number) == ("1.0", 2)


@pytest.mark.parametrize("site", [NO_WAY_BACK], indirect=True, ids=[""])
def test_what_cannot_come_back_is_told_before_and_refused_after(site: Site, spoken: str) -> None:
    releases = site.appliance.releases
    plan = releases.plan_install(NAME, "2.0", NAME, NAME, None, site.kubeconfig)
    (told,) = [one for one in plan.irreversible if one.why is Why.NO_WAY_BACK]
    assert (told.name, told.fields["before"], told.fields["after"]) == (NAME, "1.0", "2.0")
    assert (
        irreversible_text(told)
        == {
            "en": (
                "greeter cannot go back from 2.0 to 1.0 with its data as they are then:"
                " The index is another one."
            ),
            "zh": "greeter 无法带着那时的数据从 2.0 退回到 1.0：索引的格式已经不同，旧版无法读取。",
        }[spoken]
    )
    releases.apply(Plan.from_bytes(plan.to_bytes()), site.kubeconfig, ignore)
    with pytest.raises(NoWayBack) as caught:
        releases.plan_rollback(NAME, NAME, None, site.kubeconfig)
    assert caught.value.fields["possible"] == "—"
    site.install("2.0", site.answered("servus"))
    with pytest.raises(NoWayBack) as caught:
        releases.plan_rollback(NAME, NAME, 1, site.kubeconfig)
    assert caught.value.fields["possible"] == "2 (2.0)"
    plan = releases.plan_rollback(NAME, NAME, 2, site.kubeconfig)
    assert plan.target == 2
    with pytest.raises(NoWayBack):
        site.install("1.0")
    [status] = releases.status(NAME, NAME, None)
    assert status.version == "2.0"


@pytest.mark.parametrize("site", [""], indirect=True, ids=[""])
def test_without_a_table_a_release_goes_up_and_back(site: Site) -> None:
    site.install("2.0")
    plan = site.appliance.releases.plan_rollback(NAME, NAME, 1, site.kubeconfig)
    assert plan.operation is Operation.ROLLBACK
    site.appliance.releases.apply(plan, site.kubeconfig, ignore)
    [status] = site.appliance.releases.status(NAME, NAME, None)
    assert status.version == "1.0"


@pytest.mark.parametrize("site", [""], indirect=True, ids=[""])
def test_a_revision_that_is_kept_no_more_is_told_as_such(site: Site, spoken: str) -> None:
    for greeting in ("servus", "hallo"):
        site.install("1.0", site.answered(greeting))
    releases, upkeep = site.appliance.releases, site.appliance.upkeep
    upkeep.records.retain(Retention(2))
    assert upkeep.collect(upkeep.collection(), ignore).records > 0
    assert releases.plan_rollback(NAME, NAME, 2, site.kubeconfig).target == 2
    with pytest.raises(RevisionNotKept) as caught:
        releases.plan_rollback(NAME, NAME, 1, site.kubeconfig)
    message, remedy = sentences(caught.value)
    assert {"en": "is not kept", "zh": "已不再保留"}[spoken] in message
    assert "champ zone retention" in remedy
    assert [one.number for one in releases.history(NAME, NAME)] == [1, 2, 3]
