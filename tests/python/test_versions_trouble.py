"""Versions while several people change them at once, and while the disk refuses."""

from __future__ import annotations

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import versionshows as make
from onelight.errors import RequestError
from onelight.shows import journal, versions
from onelight.shows.store import Show
from versionshows import added, registry

FULL = """
import resource, sys
from pathlib import Path
from onelight.errors import OnelightError
from onelight.shows import transfer, versions
from onelight.shows.store import Show
show, there = Show.open("apollo", Path(sys.argv[1])), Path(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))  # what a full disk does, to files above a megabyte
try:
    if there.is_dir():
        versions.add(show, "probe", there, gain="gain", metrics=[], manifest={}, clips=[], base=None)
    else:
        transfer.export(show, "probe", "v001", there)
except OnelightError as refused:
    print(refused)
"""


@pytest.fixture
def show(tmp_path: Path) -> Show:
    return Show.create("apollo", tmp_path / "shows")


def whole(show: Show) -> None:
    with show.session() as session:
        journal.check(session)
    for version in versions.listed(show):
        versions.verify(show, version.tool, version.name)


def test_models_that_are_added_at_once_get_a_number_each(show: Show, tmp_path: Path) -> None:
    def one(number: int) -> str:
        return added(Show.open("apollo", show.folder.parent), tmp_path, 2.0 + number).name

    with ThreadPoolExecutor(4) as people:
        names = list(people.map(one, range(8)))
    assert sorted(names) == [f"v{number:03d}" for number in range(1, 9)] == registry(show).names("apollo", "probe")
    whole(show)


def test_people_who_approve_at_once_leave_one_approved(show: Show, tmp_path: Path) -> None:
    for factor in (2.0, 3.0, 4.0):
        added(show, tmp_path, factor)

    def one(seed: int) -> None:
        opened, choice = Show.open("apollo", show.folder.parent), random.Random(seed)
        for _ in range(6):
            try:
                versions.approve(opened, "probe", f"v{choice.randint(1, 3):03d}", why="I like this one")
            except RequestError as error:
                if "already" not in str(error):
                    raise
            states = [state for _, state in versions.states(show.folder).items()]
            assert states.count("approved") == 1, "nobody ever sees two, or none"

    versions.approve(show, "probe", "v001")
    with ThreadPoolExecutor(4) as people:
        list(people.map(one, range(4)))
    whole(show)
    approvals = [entry for entry in versions.history(show, "probe") if entry.action == "version approve"]
    assert approvals[-1].told["version"] == versions.approved(show, "probe")


def refused(show: Show, there: Path) -> str:
    words = [sys.executable, "-c", FULL, str(show.folder.parent), str(there)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_disk_that_is_full_leaves_no_half_of_a_version_or_an_archive(show: Show, tmp_path: Path) -> None:
    large = make.finished(tmp_path / "large")
    (large / "card.md").write_text("words " * 400_000)
    assert "models/probe/v001 cannot be written: File too large" in refused(show, large)
    assert versions.listed(show) == [] and not list((show.places.models / "probe").iterdir())
    told = versions.add(show, "probe", large, gain="gain", metrics=[], manifest={}, clips=[], base=None)
    assert told.name == "v001", "with room again it goes on"
    assert "x.zip cannot be written: File too large" in refused(show, tmp_path / "x.zip")
    assert not list(tmp_path.glob("*x.zip*"))
    whole(show)
