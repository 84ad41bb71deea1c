"""Publishing into a folder that Nuke reads: what is there never changes, appears whole, and says where it is from."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from killing import killed_at_random, kills
from nuketcl import script
from onelight.cli.gizmo import version_name
from onelight.errors import RequestError
from onelight.shows import journal, versions
from onelight.shows.schema import Entry
from onelight.shows.store import Show
from onelight.studio import publish as studio
from showcases import Done, onelight
from sqlalchemy import select
from versionshows import finished


@pytest.fixture
def show(tmp_path: Path) -> Show:
    """With three versions of Cleanup: v001 retired by v002, which is approved; v003 nobody approved."""
    show = Show.create("apollo", tmp_path / "shows")
    for factor in (2.0, 3.0, 4.0):
        folder = finished(tmp_path / f"staged-{factor}", factor, "cleanup")
        versions.add(show, "cleanup", folder, gain="gain", metrics=[], manifest={}, clips=[], base=None)
    versions.approve(show, "cleanup", "v001", who="ada")
    versions.approve(show, "cleanup", "v002", why="less flicker\nat night", who="ada")
    return show


@pytest.fixture
def gizmos(tmp_path: Path) -> Path:
    return tmp_path / "nuke" / "gizmos"


def run(show: Show, command: str, *words: object) -> Done:
    return onelight("gizmo", command, "--show", show.name, "--root", str(show.folder.parent), *map(str, words))


def publish(show: Show, into: Path, *words: object, version: object = 2) -> Done:
    return run(show, "publish", "--tool", "cleanup", "--version", version, "--into", into, *words)


def entries(show: Show, action: str = studio.ACTION) -> list[Entry]:
    with show.session() as session:
        journal.check(session)
        return list(session.scalars(select(Entry).where(Entry.action == action)))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_approved_version_is_published_read_only_and_as_the_default(show: Show, gizmos: Path) -> None:
    done = publish(show, gizmos, "--group")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(gizmos / f"apollo_cleanup_v002{end}") for end in (".gizmo", ".nk")]
    assert names(gizmos) == {
        "apollo_cleanup_v002.gizmo",
        "apollo_cleanup_v002.nk",
        "apollo_cleanup.default",
        "apollo_changelog.md",
    }
    for path in map(Path, done.stdout.split()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o444
        nodes = {str(node.name): node for node in script(path.read_text()).all_nodes()}
        assert nodes["Cleanup"].get("digest") == f'"{versions.get(show, "cleanup", "v002").digest}"'
    assert (gizmos / "apollo_cleanup.default").read_text() == "apollo_cleanup_v002\n"
    approved = versions.history(show, "cleanup", "v002")[-1].at[:10]
    line = f"v002, approved {approved} by ada: less flicker at night; better than its base"
    assert (gizmos / "apollo_changelog.md").read_text() == f"# Gizmos of apollo\n\n## Cleanup\n\n- {line}\n"
    (entry,) = entries(show)
    assert (entry.subject, entry.told["folder"]) == ("cleanup@v002", str(gizmos))
    for name, digest in entry.told["sha256"].items():
        assert hashlib.sha256((gizmos / name).read_bytes()).hexdigest() == digest


def test_the_same_again_changes_nothing(show: Show, gizmos: Path) -> None:
    assert publish(show, gizmos).returncode == 0
    before = {path.name: (path.read_bytes(), path.stat().st_ino) for path in gizmos.glob("*.gizmo")}
    assert publish(show, gizmos, "--json").returncode == 0
    assert {path.name: (path.read_bytes(), path.stat().st_ino) for path in gizmos.glob("*.gizmo")} == before
    assert len(entries(show)) == 1


def test_what_was_published_is_never_replaced(show: Show, gizmos: Path, tmp_path: Path) -> None:
    assert publish(show, gizmos).returncode == 0
    before = (gizmos / "apollo_cleanup_v002.gizmo").read_bytes()
    template = tmp_path / "wires.toml"
    template.write_text('knobs = ["sensitivity"]\n')
    done = publish(show, gizmos, "--template", template)
    assert done.returncode == 1
    assert "apollo_cleanup_v002.gizmo was published and never changes, and this one differs" in done.stderr
    assert (gizmos / "apollo_cleanup_v002.gizmo").read_bytes() == before
    assert len(entries(show)) == 1
    assert publish(show, tmp_path / "elsewhere", "--template", template).returncode == 0


@pytest.mark.parametrize("dangling", [True, False])
def test_a_link_that_was_planted_under_the_name_is_not_followed(
    show: Show, gizmos: Path, tmp_path: Path, dangling: bool
) -> None:
    gizmos.mkdir(parents=True)
    other = tmp_path / "other"
    if not dangling:
        other.write_text("another's")
    (gizmos / "apollo_cleanup_v002.gizmo").symlink_to(other)
    assert publish(show, gizmos).returncode == 1
    assert not other.exists() if dangling else other.read_text() == "another's"


def test_a_file_server_without_hard_links_replaces_nothing_either(
    show: Show, gizmos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)  # as CIFS answers
    assert publish(show, gizmos).returncode == 0
    before = (gizmos / "apollo_cleanup_v002.gizmo").read_bytes()
    (tmp_path / "wires.toml").write_text('label = "Wires"\n')
    assert "never changes" in publish(show, gizmos, "--template", tmp_path / "wires.toml").stderr
    assert (gizmos / "apollo_cleanup_v002.gizmo").read_bytes() == before
    assert publish(show, gizmos).returncode == 0
    assert not list(gizmos.glob(".*"))


def test_retired_versions_and_candidates_are_refused(show: Show, gizmos: Path) -> None:
    assert "cleanup v001 of 'apollo' is retired" in publish(show, gizmos, version=1).stderr
    assert "cleanup v003 of 'apollo' is a candidate: approve it first" in publish(show, gizmos, version=3).stderr
    assert "has no version 'v009' of cleanup" in publish(show, gizmos, version=9).stderr
    assert not gizmos.exists()


def test_a_candidate_that_is_let_through_is_no_default_until_it_is_approved(show: Show, gizmos: Path) -> None:
    assert publish(show, gizmos).returncode == 0
    assert publish(show, gizmos, "--candidate", version=3).returncode == 0
    assert (gizmos / "apollo_cleanup.default").read_text() == "apollo_cleanup_v002\n"
    versions.approve(show, "cleanup", "v003", who="ada")
    before = (gizmos / "apollo_cleanup_v003.gizmo").read_bytes()
    done = publish(show, gizmos, version="v003")
    assert done.returncode == 0, done.stderr
    assert (gizmos / "apollo_cleanup_v003.gizmo").read_bytes() == before
    assert (gizmos / "apollo_cleanup.default").read_text() == "apollo_cleanup_v003\n"


def test_after_a_rollback_the_default_is_chosen_by_hand(show: Show, gizmos: Path) -> None:
    assert publish(show, gizmos).returncode == 0
    versions.approve(show, "cleanup", "v003", who="ada")
    assert publish(show, gizmos, version=3).returncode == 0
    retired = run(show, "default", "--tool", "cleanup", "--version", 2, "--into", gizmos)
    assert "cleanup v002 of 'apollo' is retired" in retired.stderr
    versions.rollback(show, "cleanup", "it rang")
    done = run(show, "default", "--tool", "cleanup", "--version", 2, "--into", gizmos)
    assert done.returncode == 0, done.stderr
    found = json.loads(run_list(show, gizmos, "--json").stdout)["gizmos"]
    assert [(each["version"], each["default"]) for each in found] == [("v003", False), ("v002", True)]
    assert [entry.subject for entry in entries(show, studio.ALIAS_ACTION)] == ["cleanup@v002"]
    assert "publish it first" in run(show, "default", "--tool", "relight", "--version", 2, "--into", gizmos).stderr


def run_list(show: Show, into: Path, *words: str) -> Done:
    return onelight("gizmo", "list", "--show", show.name, "--into", str(into), *words)


def test_the_list_reads_the_folder_and_nothing_else(show: Show, gizmos: Path) -> None:
    assert publish(show, gizmos).returncode == 0
    (gizmos / "mine_v001.gizmo").write_text("#! nuke\nGizmo {\n}\n")
    (gizmos / "other_cleanup_v001.gizmo").write_text("#!\n# onelight gizmo other/cleanup@v001 Cleanup\n# v001\n")
    (line,) = [line for line in run_list(show, gizmos).stdout.splitlines() if "v002" in line]
    assert re.split(r"\s{2,}", line.strip())[:4] == ["apollo", "Cleanup", "v002", "default"]
    assert "other" not in run_list(show, gizmos).stdout
    everything = onelight("gizmo", "list", "--into", str(gizmos), "--json", ONELIGHT_SHOW="")
    assert [each["show"] for each in json.loads(everything.stdout)["gizmos"]] == ["apollo", "other"]
    assert f"No gizmos in {gizmos / 'none'}" in run_list(show, gizmos / "none").stdout


def test_a_version_that_was_altered_is_not_published(show: Show, gizmos: Path) -> None:
    card = show.places.models / "cleanup" / "v002" / "card.md"
    card.chmod(0o600)
    card.write_text(card.read_text() + "!")
    done = publish(show, gizmos)
    assert done.returncode == 1
    assert "card.md" in done.stderr
    assert not gizmos.exists()


def test_a_folder_that_cannot_be_written_is_named(show: Show, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = publish(show, tmp_path / "file" / "gizmos")
    assert done.returncode == 1
    assert re.search(r"onelight: /.*/file/gizmos cannot be written: Not a directory\.", done.stderr)


def test_versions_are_named_as_people_write_them() -> None:
    assert [version_name(given) for given in ("3", "003", "v3", " v003 ")] == ["v003"] * 4
    for wrong in ("", "v", "three", "v3.1", "-3", "../v003"):
        with pytest.raises(RequestError, match="A version is a number such as 3 or v003"):
            version_name(wrong)


PUBLISH = """
import sys
from pathlib import Path
from onelight.codegen import gizmo
from onelight.shows.store import Show
from onelight.studio import publish
from onelight.tools import discover
show, into, tool = Show.open("apollo", Path(sys.argv[1])), Path(sys.argv[2]), discover()["cleanup"]
what = publish.release(show, "cleanup", "v002")
pin = gizmo.Pin(what.show, what.tool, what.version, what.digest, publish.note_of(into, what))
texts = {".gizmo": gizmo.published(tool, pin), ".nk": gizmo.group(tool, pin)}
publish.publish(show, what, pin.node_class, texts, into)
"""


def test_a_kill_at_any_moment_leaves_whole_files_and_a_rerun_completes(show: Show, gizmos: Path) -> None:
    whole: dict[str, Any] = {}

    def again() -> None:
        for path in gizmos.glob("*") if gizmos.is_dir() else ():
            path.unlink()

    def check() -> None:
        opened = Show.open("apollo", show.folder.parent)
        assert len({json.dumps(entry.told, sort_keys=True) for entry in entries(opened)}) == len(entries(opened))
        opened.engine.dispose()
        for path in gizmos.glob("[!.]*") if gizmos.is_dir() else ():
            # Whatever is visible is as the completed run had it.
            assert whole.setdefault(path.name, path.read_bytes()) == path.read_bytes()
        if (gizmos / "apollo_cleanup.default").is_file():
            assert {"apollo_cleanup_v002.gizmo", "apollo_cleanup_v002.nk"} <= names(gizmos)

    gizmos.mkdir(parents=True)
    command = [sys.executable, "-c", PUBLISH, str(show.folder.parent), str(gizmos)]
    killed_at_random(command, kills(4), check, again=again, watched=gizmos)
    assert names(gizmos) == set(whole)
    assert len(whole) == 4
    assert not list(gizmos.glob(".*")), "and nothing half-written stays"
    assert len(entries(show)) == 1
