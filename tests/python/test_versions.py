"""A show's versions: numbered, signed, approved by people one at a time, rolled back, retired with their clips."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import versionshows as make
from onelight.cli.app import app
from onelight.dailies import withdrawal
from onelight.errors import NotFound, NotReady, RequestError
from onelight.registry import Registry
from onelight.runtime import Session
from onelight.shows import journal, rekeying, versions
from onelight.shows.keys import Keys
from onelight.shows.schema import Clip, Entry
from onelight.shows.store import Show
from onelight.tools import discover
from sqlalchemy import select
from typer.testing import CliRunner
from versionshows import added, registry, served
from versionshows import clip as clip_of


@pytest.fixture
def show(tmp_path: Path) -> Show:
    return Show.create("apollo", tmp_path / "shows")


def withdraw(show: Show, clip: Clip, why: str = "the actor asked") -> list[str]:
    """As the dailies do it: in one transaction."""
    with show.session() as session:
        found = session.get_one(Clip, clip.id)
        found.withdrawn, found.withdrawn_why = found.ingested, why
        return [version.name for version in versions.retire_learnt_from(session, found, why)]


def test_a_version_is_the_next_number_a_candidate_and_runs_by_its_name(show: Show, tmp_path: Path) -> None:
    first, second = added(show, tmp_path, 2.0), added(show, tmp_path, 3.0)
    assert [(each.name, each.state, each.gain) for each in (first, second)] == [
        ("v001", "candidate", "gain"),
        ("v002", "candidate", "gain"),
    ]
    found = served(show, "v002")
    assert (found.state, found.is_default, found.digest) == ("candidate", False, second.digest)
    x = np.ones((2, 3, 4), np.float32)
    assert np.array_equal(Session(found, 1).run("net", {"x": x})["y"], x * 3)
    assert (tmp_path / "staged-2.0").is_dir(), "what was given stays"


def test_the_manifest_says_what_was_learnt_from_and_signs_every_file(show: Show, tmp_path: Path) -> None:
    clip = clip_of(show, "A001C003")
    assert clip.rights is not None
    version = added(
        show, tmp_path, clips=[clip], metrics=[{"metric": "psnr", "gain": 0.7, "low": 0.4, "high": 1.1}], gain="gain"
    )
    checked = versions.verify(show, "probe", "v001")
    told, folder = checked.manifest, show.places.models / "probe" / "v001"
    assert checked.signer == Keys(show).fingerprint
    assert checked.digest == version.digest == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert told["clips"] == [{"digest": clip.digest, "name": "A001C003", "rights": clip.rights.digest}]
    assert told["base"] == {"show": "base", "version": make.BASE.name, "digest": make.BASE.digest}
    assert told["metrics"][0]["low"] == 0.4 and told["training"] == {"code": "0" * 40}
    names = {path.name for path in folder.iterdir()}
    assert names == set(told["files"]) | {"manifest.json", "manifest.sig"}
    for name, entry in told["files"].items():
        assert entry["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()


def test_a_look_that_lies_beside_the_network_goes_into_the_manifest(show: Show, tmp_path: Path) -> None:
    folder = make.finished(tmp_path / "staged")
    (folder / "look.json").write_text(json.dumps({"vignette": [0.1, 0.02]}))
    versions.add(show, "probe", folder, gain="gain", metrics=[], manifest={}, clips=[], base=None)
    assert versions.verify(show, "probe", "v001").manifest["look"] == {"vignette": [0.1, 0.02]}


def test_numbers_that_json_does_not_know_become_ones_that_it_does(show: Show, tmp_path: Path) -> None:
    metrics = {"rows": [{"value": np.float32(0.5), "low": float("nan"), "high": np.inf, "cases": np.int64(3)}]}
    added(show, tmp_path, metrics=metrics, manifest={"sizes": (1, 2)})
    told = versions.verify(show, "probe", "v001").manifest
    assert told["metrics"] == {"rows": [{"value": 0.5, "low": None, "high": None, "cases": 3}]}
    assert told["training"] == {"sizes": [1, 2]}
    with pytest.raises(RequestError, match="A manifest cannot hold this"):
        added(show, tmp_path, 3.0, manifest={"code": b"bytes"})


def test_the_same_files_learnt_from_the_same_clips_are_one_version(show: Show, tmp_path: Path) -> None:
    clip = clip_of(show, "A001")
    folder = make.finished(tmp_path / "staged")
    told = {"gain": "gain", "metrics": [], "manifest": {}, "base": None}
    again = [versions.add(show, "probe", folder, clips=clips, **told).name for clips in ([clip], [clip], [])]
    assert again == ["v001", "v001", "v002"]
    assert [entry.action for entry in versions.history(show, "probe")] == ["version add"] * 2


def test_exactly_one_version_is_approved_and_no_name_means_it(show: Show, tmp_path: Path) -> None:
    for factor in (2.0, 3.0):
        added(show, tmp_path, factor)
    with pytest.raises(NotFound, match=r"'apollo' has no approved version of Probe: approve one.*v001, v002"):
        served(show)
    assert versions.approved(show, "probe") == ""
    versions.approve(show, "probe", "v001")
    versions.approve(show, "probe", "v002", why="steadier on the crane shots")
    assert versions.approved(show, "probe") == "v002" == served(show).name
    assert {name: state for (_, name), state in versions.states(show.folder).items()} == {
        "v001": "retired",
        "v002": "approved",
    }
    assert served(show).is_default and served(show, "v001").state == "retired", "old scripts render as they did"
    with pytest.raises(RequestError, match="approved version of 'apollo' already"):
        versions.approve(show, "probe", "v002")


def test_every_change_is_an_entry_of_the_signed_log_with_who_and_why(show: Show, tmp_path: Path) -> None:
    for factor in (2.0, 3.0):
        added(show, tmp_path, factor)
    versions.approve(show, "probe", "v001", who="ada")
    versions.approve(show, "probe", "v002", why="better", who="ben")
    versions.rollback(show, "probe", "flickers in 0420", who="ada")
    told = [(entry.action, entry.subject, entry.who, entry.why) for entry in versions.history(show, "probe")[2:]]
    assert told == [
        ("version approve", "probe@v001", "ada", ""),
        ("version retire", "probe@v001", "ben", "v002 takes its place: better"),
        ("version approve", "probe@v002", "ben", "better"),
        ("version retire", "probe@v002", "ada", "v001 takes its place: flickers in 0420"),
        ("version rollback", "probe@v001", "ada", "flickers in 0420"),
    ]
    with show.session() as session:
        assert journal.check(session) == 8


def test_a_version_without_a_gain_is_approved_only_for_a_reason(show: Show, tmp_path: Path) -> None:
    added(show, tmp_path, 2.0, gain="no gain")
    added(show, tmp_path, 3.0, gain="not measured")
    with pytest.raises(RequestError, match="probe v001 shows no gain over its base: say why"):
        versions.approve(show, "probe", "v001", why="  ")
    with pytest.raises(RequestError, match="probe v002 was not measured: say why"):
        versions.approve(show, "probe", "v002")
    assert versions.approve(show, "probe", "v001", why="calmer grain, says the lead").state == "approved"
    with pytest.raises(RequestError, match="one of gain, no gain, not measured"):
        added(show, tmp_path, 4.0, gain="great")


def test_rolling_back_goes_the_way_of_approvals_step_by_step(show: Show, tmp_path: Path) -> None:
    for factor in (2.0, 3.0, 4.0):
        added(show, tmp_path, factor)
    with pytest.raises(NotFound, match="No version of probe was approved before"):
        versions.rollback(show, "probe", "why not")
    for name in ("v001", "v003", "v002"):
        versions.approve(show, "probe", name)
    assert versions.rollback(show, "probe", "too soft").name == "v003"
    assert versions.rollback(show, "probe", "too soft as well").name == "v001"
    with pytest.raises(NotFound, match="was approved before v001"):
        versions.rollback(show, "probe", "further")
    versions.approve(show, "probe", "v002", why="second thoughts")
    assert versions.rollback(show, "probe", "no").name == "v001"


def test_rolling_back_passes_over_what_people_retired(show: Show, tmp_path: Path) -> None:
    for factor in (2.0, 3.0, 4.0):
        added(show, tmp_path, factor)
    for name in ("v001", "v002", "v003"):
        versions.approve(show, "probe", name)
    with pytest.raises(RequestError, match="retired already"):
        versions.retire(show, "probe", "v002", "bleeds")
    versions.retire(show, "probe", "v003", "bleeds as well")
    assert versions.approved(show, "probe") == ""
    assert versions.rollback(show, "probe", "back to what held").name == "v002"
    with pytest.raises(RequestError, match="Say why"):
        versions.rollback(show, "probe", "")
    with pytest.raises(RequestError, match="Say why"):
        versions.retire(show, "probe", "v001", "")


def test_withdrawing_a_clip_names_the_versions_that_were_only_scored_on_it(show: Show, tmp_path: Path) -> None:
    taught, held = clip_of(show, "A001"), clip_of(show, "A002")
    split = {"taught": [["1A", taught.digest]], "held_out": [["2B", held.digest]]}
    for factor in (1.0, 2.0, 3.0):
        told = split if factor < 3 else {"taught": [["2B", held.digest]]}
        added(show, tmp_path, factor, clips=[taught] if factor < 3 else [held], manifest=told)
    altered = show.places.models / "probe" / "v002" / "manifest.json"
    altered.chmod(0o600)
    altered.write_bytes(altered.read_bytes().replace(b"2B", b"3C"))
    command = ["dailies", "withdraw", "A002", "--why", "taken back", "--show", show.name]
    done = CliRunner(env={"COLUMNS": "220"}).invoke(app, [*command, "--root", str(show.folder.parent)])
    assert done.exit_code == 0, done.output
    assert "retired with it: probe@v003" in done.stdout
    assert "Scored on it, but learnt nothing from it, and stay as they are: probe@v001\n" in done.stdout
    with show.reading() as session:
        entry = session.scalars(select(Entry).order_by(Entry.number.desc())).first()
        assert entry is not None and (entry.told["retired"], entry.told["scored"]) == (["probe@v003"], ["probe@v001"])
    assert versions.get(show, "probe", "v001").state == "candidate"
    with pytest.raises(RequestError, match="already"):
        withdrawal.withdraw(show, "A002", "again")
    alone = withdrawal.withdraw(show, "A001", "taken back")
    assert [one.name for one in alone.retired] == ["v001", "v002"] and alone.scored == []


def test_the_clips_it_was_scored_on_are_listed_apart_from_those_it_learnt_from(show: Show, tmp_path: Path) -> None:
    taught, held = clip_of(show, "A001"), clip_of(show, "A002")
    assert held.rights is not None
    version = added(show, tmp_path, clips=[taught], scored=[held])
    told = versions.verify(show, "probe", "v001").manifest
    assert [clip["name"] for clip in told["clips"]] == ["A001"]
    assert told["scored"] == [{"digest": held.digest, "name": "A002", "rights": held.rights.digest}]
    assert [clip.name for clip in version.clips] == ["A001"]
    done = withdrawal.withdraw(show, "A002", "taken back")
    assert (done.retired, [one.name for one in done.scored]) == ([], ["v001"])
    assert versions.get(show, "probe", "v001").state == "candidate"


def test_a_run_makes_one_version_whatever_has_changed_until_it_is_begun_again(show: Show, tmp_path: Path) -> None:
    folder = make.finished(tmp_path / "made")
    told: dict[str, Any] = {"gain": "gain", "metrics": [], "clips": [], "base": make.BASE}

    def again(run: str) -> str:
        return versions.add(show, "probe", folder, manifest={"run": run}, **told).name

    assert again("probe-001") == "v001"
    (folder / "look.json").write_text('{"measured": "since"}')
    assert [again(run) for run in ("probe-001", "probe-002", "probe-001")] == ["v001", "v002", "v001"]


def test_a_withdrawn_clip_retires_all_that_learnt_from_it_also_through_a_base(show: Show, tmp_path: Path) -> None:
    clip, other = clip_of(show, "A001"), clip_of(show, "B001")
    added(show, tmp_path, 2.0, clips=[clip])
    added(show, tmp_path, 3.0, clips=[other])
    added(show, tmp_path, 4.0, clips=[other], base=served(show, "v001"))
    assert versions.verify(show, "probe", "v003").manifest["clips"][1]["through"] == "v001"
    versions.approve(show, "probe", "v001")
    versions.approve(show, "probe", "v003")
    assert withdraw(show, clip) == ["v001", "v003"]
    states = {name: state for (_, name), state in versions.states(show.folder).items()}
    assert states == {"v001": "retired", "v002": "candidate", "v003": "retired"}
    with pytest.raises(RequestError, match="learnt from A001, which was withdrawn"):
        versions.approve(show, "probe", "v003", why="we need it")
    with pytest.raises(NotFound, match="was approved before"):
        versions.rollback(show, "probe", "back")
    entry = versions.history(show, "probe", "v003")[-1]
    assert (entry.action, entry.why, entry.told["clip"]) == ("version retire", "the actor asked", clip.digest)
    assert served(show, "v001").name == "v001", "what was rendered can be rendered again"


def test_a_clip_that_may_not_be_learnt_from_makes_no_version(show: Show, tmp_path: Path) -> None:
    gone = clip_of(show, "A001")
    withdraw(show, gone)
    for clip, words in [
        (gone, "A001 was withdrawn"),
        (clip_of(show, "A002", ("editorial",)), "A002 has no rights that allow training"),
        (clip_of(show, "A003", days=-1), "rights to the clip A003 expired on"),
    ]:
        with pytest.raises(RequestError, match=words):
            added(show, tmp_path / clip.name, clips=[clip])
    absent = clip_of(show, "A005")
    with show.session() as session:
        rights = session.get_one(Clip, absent.id).rights
        assert rights is not None
        rights.consents = {"Jane Example": {"given": "2026-01-01", "scope": ["look"]}}
    with pytest.raises(RequestError, match="Jane Example does not consent to training"):
        added(show, tmp_path / "consent", clips=[absent])
    unknown = Clip(digest="0" * 64, name="A004")
    with pytest.raises(NotFound, match="no clip 000000000000"):
        added(show, tmp_path / "unknown", clips=[unknown])
    assert versions.listed(show) == [] and not list((show.places.models).glob("*/v*"))


def test_rights_that_ended_since_ask_for_a_reason(show: Show, tmp_path: Path) -> None:
    clip = clip_of(show, "A001", days=1)
    added(show, tmp_path, clips=[clip])
    with show.session() as session:
        found = session.get_one(Clip, clip.id)
        assert found.rights is not None
        found.rights.expires = found.ingested
    with pytest.raises(RequestError, match="learnt from A001, the rights to which have expired: say why"):
        versions.approve(show, "probe", "v001")
    assert versions.approve(show, "probe", "v001", why="extended by letter").state == "approved"


@pytest.mark.parametrize("name", ["v002", "v1", "v0001", "1", "", "../v001", "v001/", "v99999999999999999999"])
def test_a_version_that_is_not_there_says_so(show: Show, tmp_path: Path, name: str) -> None:
    added(show, tmp_path)
    for ask in (versions.get, versions.verify, versions.approve):
        with pytest.raises(NotFound, match="has no version"):
            ask(show, "probe", name)


def test_what_an_earlier_key_signed_stays_a_version(show: Show, tmp_path: Path) -> None:
    added(show, tmp_path, 2.0)
    before = Keys(show).fingerprint
    rekeying.rekey(show, "a laptop was lost")
    added(show, tmp_path, 3.0)
    assert versions.verify(show, "probe", "v001").signer == before != versions.verify(show, "probe", "v002").signer
    assert served(show, "v001").name == "v001"


def test_shows_and_plain_folders_live_under_one_root_and_need_a_keeper_to_be_told_apart(
    show: Show, tmp_path: Path
) -> None:
    added(show, tmp_path)
    make.finished(show.folder.parent / "north" / "probe" / "v7", version="v7")
    found = registry(show)
    assert found.shows() == ["apollo", "base", "north"]
    assert found.find("north", "probe").name == "v7" and found.find("north", "probe").is_default
    assert found.find("north", "probe").state == ""
    assert [(name, version) for name, _, version, _ in found.all("apollo")] == [("apollo", "v001")]
    without = Registry(discover(), [show.folder.parent])
    assert without.shows() == ["base", "north"]
    with pytest.raises(NotFound, match="No show named 'apollo'"):
        without.find("apollo", "probe", "v001")


def test_states_are_told_from_a_folder_that_may_not_be_written(show: Show, tmp_path: Path) -> None:
    """As on a farm that mounts the shows read-only. Root may write everywhere, so it becomes somebody else."""
    added(show, tmp_path)
    show.engine.dispose()
    mount = Path(tempfile.mkdtemp())  # pytest's own folders are closed to others
    folder = Path(shutil.copytree(show.folder, mount / "apollo"))
    for path in (folder / "show.toml", folder / "store.db"):
        path.chmod(0o444)
    mount.chmod(0o755)
    folder.chmod(0o555)
    code = (
        "import os, sys; from pathlib import Path; from onelight.shows.versions import states\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "print(states(Path(sys.argv[1])))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False)
    folder.chmod(0o700)
    shutil.rmtree(mount)
    assert done.stdout.strip() == "{('probe', 'v001'): 'candidate'}", done.stderr


def test_a_broken_store_is_said_to_who_asks_for_that_show_and_hides_no_other(show: Show, tmp_path: Path) -> None:
    added(show, tmp_path)
    other = Show.create("borealis", show.folder.parent)
    added(other, tmp_path / "other")
    show.engine.dispose()
    for path in show.folder.glob("store.db*"):
        path.write_bytes(b"no database" * 100)
    with pytest.raises(NotReady, match="store of 'apollo' cannot be read"):
        served(show, "v001")
    found = [(name, version) for name, tool, version, _ in registry(show).all() if name != "base"]
    assert found == [("borealis", "v001")]
