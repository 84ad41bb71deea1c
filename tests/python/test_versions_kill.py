"""Adding, approving and importing versions, killed at random moments: all of it or nothing, and a rerun completes."""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import versionshows as make
from killing import killed_at_random, kills
from onelight.shows import journal, transfer, versions
from onelight.shows.keys import Keys
from onelight.shows.store import Show
from versionshows import added, registry, served

ADD = """
from onelight.shows import versions
versions.add(show, "probe", there, gain="gain", metrics=[], manifest={}, clips=[], base=None)
"""
APPROVE = """
from onelight.shows import versions
other = {"v001": "v002", "v002": "v001"}
versions.approve(show, "probe", other[versions.approved(show, "probe")], why="a change of mind")
"""
IMPORT = """
from onelight.shows import transfer
transfer.take_in(show, there / "probe.zip", there / "public.pem")
"""


def command(script: str, show: Show, there: Path) -> list[str]:
    """A process of its own that opens the show and does what a command does."""
    begin = "import sys; from pathlib import Path; from onelight.shows.store import Show\n"
    begin += "there, show = Path(sys.argv[1]), Show.open('apollo', Path(sys.argv[2]))\n"
    return [sys.executable, "-c", begin + script, str(there), str(show.folder.parent)]


@pytest.fixture
def show(tmp_path: Path) -> Show:
    """With two versions of Probe, the first approved."""
    show = Show.create("apollo", tmp_path / "shows")
    for factor in (2.0, 3.0):
        added(show, tmp_path, factor)
    versions.approve(show, "probe", "v001")
    return show


def whole(show: Show) -> Callable[[], None]:
    """The store opens, the log holds and tells the states that are there, and what is visible is whole and signed."""

    def check() -> None:
        opened = Show.open("apollo", show.folder.parent)
        with opened.session() as session:
            journal.check(session)
        rows = {version.name: version for version in versions.listed(opened)}
        assert registry(opened).names("apollo", "probe") == list(rows)
        told: dict[str, str] = {}
        for entry in versions.history(opened, "probe"):
            states = {"add": "candidate", "import": "candidate", "retire": "retired", "approve": "approved"}
            told[entry.told["version"]] = states[entry.action.removeprefix("version ")]
        assert told == {name: version.state for name, version in rows.items()}
        assert list(told.values()).count("approved") == 1
        contents = [versions.verify(opened, "probe", name).manifest["content"] for name in rows]
        assert len(set(contents)) == len(contents), "a rerun goes on with what a killed run had done"
        assert [served(opened, name).state for name in rows] == [version.state for version in rows.values()]
        opened.engine.dispose()

    return check


def test_adding_a_version_is_all_or_nothing(show: Show, tmp_path: Path) -> None:
    there, factors = tmp_path / "there", itertools.count(10.0)

    def again() -> None:
        shutil.rmtree(there, ignore_errors=True)
        make.finished(there, next(factors))

    home = show.places.models / "probe"
    killed_at_random(command(ADD, show, there), kills(4), whole(show), again=again, watched=home)
    assert len(versions.listed(show)) == next(factors) - 10 + 2, "one for each model, killed or not"
    added(show, tmp_path, 99.0)
    assert not [path.name for path in home.iterdir() if not path.name.startswith("v0")], "and no rubbish stays"


def test_approving_a_version_is_all_or_nothing(show: Show, tmp_path: Path) -> None:
    killed_at_random(command(APPROVE, show, tmp_path), kills(4), whole(show), watched=show.folder, seed=2)


def test_importing_a_version_is_all_or_nothing(show: Show, tmp_path: Path) -> None:
    there, factors = tmp_path / "there", itertools.count(10.0)
    other = Show.create("borealis", tmp_path / "shows")

    def again() -> None:
        shutil.rmtree(there, ignore_errors=True)
        there.mkdir()
        name = added(other, tmp_path, next(factors)).name
        transfer.export(other, "probe", name, there / "probe.zip")
        (there / "public.pem").write_bytes(Keys(other).public_pem)

    home = show.places.models / "probe"
    killed_at_random(command(IMPORT, show, there), kills(4), whole(show), again=again, watched=home, seed=3)
    assert len(versions.listed(show)) == len(versions.listed(other)) + 2


def test_a_folder_that_was_put_in_place_but_never_entered_goes_with_the_next_addition(
    show: Show, tmp_path: Path
) -> None:
    """The moment between the rename and the end of the transaction, which a kill seldom meets."""
    home = show.places.models / "probe"
    shutil.copytree(home / "v002", home / "v003")
    assert registry(show).names("apollo", "probe") == ["v001", "v002"]
    assert added(show, tmp_path, 5.0).name == "v003"
    assert versions.verify(show, "probe", "v003").manifest["version"] == "v003"
    shutil.copytree(home / "v002", home / "v017")
    added(show, tmp_path, 6.0)
    assert not (home / "v017").exists()
