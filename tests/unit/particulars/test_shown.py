"""All that a zone tells of an app: from a real store, a real chart, and what runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.catalog.index import AppUnknown
from champ_offline.catalog.upgrades import StepsRequired
from champ_offline.events import ignore
from champ_offline.oci.digest import Digest
from champ_offline.particulars.rendering import AsksUntold
from champ_offline.particulars.runs import Step
from champ_offline.particulars.shown import Particulars
from champ_offline.particulars.sizes import Sizes
from installer.app_text import about, run_text, whole
from installer.language import activate
from tests.simulators.charts import PAUSE
from tests.tui.sample_app import SUMMARY, ZONE, make_media
from tests.tui.simulated import World

TABLE = """\
upgrades:
  - to: "2.0"
    from: ">=1.5"
    reason: {en: its index changed, zh: 索引的格式在这一版本中已改变}
  - to: "2.0"
    back: no
    reason: {en: its index changed, zh: 索引的格式在这一版本中已改变}
"""
ANSWERS = "site: North Clinic\n"


class Made:
    """A zone with two versions of an app and a world to install them in."""

    def __init__(self, folder: Path, table: str = "") -> None:
        media = make_media(folder, table=table)
        Appliance.create(folder / "zone", ZONE, media.root, media.fingerprint)
        self.appliance = World().open(folder / "zone")
        for version in ("1.0", "2.0"):
            self.appliance.import_media([media.stick / f"champ/greeter-{version}"], ignore)
        self.kubeconfig = folder / "kubeconfig"
        self.answers = folder / "answers.yaml"
        self.answers.write_text(ANSWERS)

    def install(self, version: str, release: str) -> None:
        releases, where = self.appliance.releases, (release, release)
        plan = releases.plan_install("greeter", version, *where, self.answers, self.kubeconfig)
        releases.apply(plan, self.kubeconfig, ignore)

    def told(self, version: str | None = None, language: str = "en") -> Particulars:
        return self.appliance.showcase.particulars("greeter", version, language)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def named(cluster: str) -> str:
    return f"<{cluster}>"


def test_sizes_count_shared_content_once(made: Made) -> None:
    listing = made.appliance.catalog.listing()
    newer, older = made.appliance.showcase.offered(listing, listing)
    assert (newer.app.version, older.app.version) == ("2.0", "1.0")
    assert newer.size is not None
    assert older.size is not None
    # Each has an image with a layer of 600,000 bytes of its own; chart and files are shared.
    assert newer.size.own == older.size.own
    assert 600_000 < newer.size.own < newer.size.whole < 610_000
    blobs = Sizes(made.appliance._blobs).blobs(newer.app)
    assert blobs is not None
    assert newer.size.whole == sum(made.appliance._blobs.size(one) for one in blobs)
    alone = made.appliance.showcase.offered(listing.of("greeter"), listing.of("greeter"))
    assert alone[0].size == newer.size


def test_a_size_is_not_told_where_the_store_lacks_something(made: Made) -> None:
    entry = made.appliance.catalog.entry("greeter", "2.0")
    made.appliance._blobs.path(entry.images[PAUSE]).unlink()
    listing = made.appliance.catalog.listing()
    newer, older = made.appliance.showcase.offered(listing, listing)
    assert newer.size is None
    assert older.size is not None
    assert Sizes(made.appliance._blobs).image(entry.images[PAUSE]) is None
    assert Sizes(made.appliance._blobs).image(Digest.of(b"none")) is None


def test_all_of_a_version_in_one_value(made: Made) -> None:
    found = made.told()
    assert (found.app.version, found.versions) == ("2.0", ("2.0", "1.0"))
    assert found.readme.startswith("# Greeter")
    assert made.told("1.0", "zh").readme.startswith("# 问候服务")
    [image] = found.contents.images
    assert (image.name, image.listed, image.packages) == (PAUSE, False, {})
    assert found.contents.unlisted == (PAUSE,)
    assert found.untold is None
    assert found.asks is not None
    # The form has a field without a default, so documented answers stand in.
    assert found.asks.answers == "one-clinic"
    assert [one.subject for one in found.asks.pods] == ["Deployment greeter-work"]
    with pytest.raises(AppUnknown):
        made.told("9")


def test_where_somebody_has_to_answer_it_says_so(tmp_path: Path) -> None:
    made = Made(tmp_path)
    entry = made.appliance.catalog.entry("greeter", "2.0")
    files = {title: one for title, one in entry.files.items() if not title.startswith("answers/")}
    object.__setattr__(entry, "files", files)
    from champ_offline.particulars.rendering import asked

    with pytest.raises(AsksUntold) as caught:
        asked(made.appliance.catalog, entry, made.appliance._blobs)
    assert "site" in str(caught.value)


def test_a_chart_that_cannot_be_rendered_leaves_the_rest(made: Made) -> None:
    entry = made.appliance.catalog.entry("greeter", "2.0")
    made.appliance._blobs.path(entry.chart.digest).unlink()
    found = made.told("2.0")
    assert found.asks is None
    assert found.untold is not None
    assert found.untold.id == "store.blob-missing"
    assert found.contents.images[0].size is not None
    activate("en")
    assert found.untold.id in about(found, named)


def test_releases_and_whether_they_may_go_there(tmp_path: Path) -> None:
    made = Made(tmp_path, TABLE)
    assert made.told("1.0").runs == ()
    made.install("1.0", "north")
    made.install("2.0", "south")
    [north, south] = made.told("2.0").runs
    assert (north.release, north.version, north.step) == ("north", "1.0", Step.UP)
    assert north.refused is not None
    assert north.refused.id == "upgrade.no-way"
    assert (south.step, south.refused) == (Step.SAME, None)
    [north, south] = made.told("1.0").runs
    assert (north.step, north.refused) == (Step.SAME, None)
    assert south.step is Step.DOWN
    assert south.refused is not None
    assert south.refused.id == "upgrade.no-way-back"
    listing = made.appliance.catalog.listing()
    newer, older = made.appliance.showcase.offered(listing, listing)
    assert [run.release for run in newer.running] == ["south"]
    assert [run.release for run in older.running] == ["north"]


def test_without_rules_every_way_is_open(made: Made) -> None:
    made.install("1.0", "north")
    [north] = made.told("2.0").runs
    assert (north.step, north.refused) == (Step.UP, None)
    assert not isinstance(north.refused, StepsRequired)


def test_the_text_has_all_of_it_within_the_screen(tmp_path: Path) -> None:
    made = Made(tmp_path, TABLE)
    made.install("1.0", "north")
    for language, words in (("en", "its index changed"), ("zh", "索引的格式")):
        activate(language)
        try:
            found = made.told("2.0", language)
            text = about(found, named, 60)
            assert SUMMARY[language][:12] in text
            assert words in text
            assert "north" in text
            assert PAUSE in text
            assert "one-clinic" in text
            assert run_text(found.runs[0], named).startswith("north")
            assert whole(found, named).rstrip().endswith(found.readme.rstrip())
        finally:
            activate("en")


def test_what_came_from_outside_cannot_drive_the_terminal(made: Made) -> None:
    found = made.told()
    object.__setattr__(found, "readme", "\x1b[2J\x9bmore\n\tin\n")
    text = whole(found, named)
    assert "\x1b" not in text
    assert "\x9b" not in text
