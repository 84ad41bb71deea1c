"""Folders of renders: what made each scene is known, one process at a time writes, and nothing unasked is kept."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from onelight.cli.app import app
from onelight.errors import Busy, ImageError, NotFound, NotReady, RequestError
from onelight.soundstage import families, stage
from onelight.soundstage.families import Family
from onelight.soundstage.manifest import Entry, Manifest, code_digest, renderer, scene_seed
from typer.testing import CliRunner

pytest.importorskip("mitsuba", reason="the soundstage renders with mitsuba")
COUNT = 4
SETTINGS: dict[str, Any] = {"seed": 7, "size": 32, "families": ["lathes", "rocks"], "samples": 2, "lights": 2}
LAST = "rocks/00001.npz"
OLD = {"code": "0" * 64, "renderer": "mitsuba 0.1"}


@pytest.fixture(scope="module")
def renders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four scenes of two families."""
    out = tmp_path_factory.mktemp("folders") / "renders"
    stage.render(out, count=COUNT, jobs=1, **SETTINGS)
    return out


@pytest.fixture
def folder(renders: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return shutil.copytree(renders, tmp_path / "renders")


def entries(folder: Path) -> dict[str, Entry]:
    return {entry.file: entry for entry in Manifest.load(folder).scenes}


def digests(folder: Path) -> dict[str, str]:
    return {file: entry.sha256 for file, entry in entries(folder).items()}


def retold(folder: Path, unlisted: str = "", **changes: str) -> None:
    """Write the manifest as a run by other sources or another renderer would have, without one of its scenes."""
    told = json.loads((folder / "manifest.json").read_text())
    scenes = [{**entry, **changes} for entry in told["scenes"] if entry["file"] != unlisted]
    (folder / "manifest.json").write_text(json.dumps({**told, **changes, "scenes": scenes}))


def test_each_scene_tells_what_rendered_it_and_another_renderer_is_refused_unless_mixed(folder: Path) -> None:
    assert {(entry.code, entry.renderer) for entry in entries(folder).values()} == {(code_digest(), renderer())}
    retold(folder, renderer=OLD["renderer"])
    with pytest.raises(RequestError, match=rf"rendered by another renderer \(mitsuba 0.1, here {renderer()}\)"):
        stage.render(folder, count=COUNT, **SETTINGS)
    assert Manifest.load(folder).renderer == OLD["renderer"]
    (folder / LAST).unlink()
    stage.render(folder, count=COUNT, jobs=1, mix=True, **SETTINGS)
    made = {file: entry.renderer for file, entry in entries(folder).items()}
    assert made.pop(LAST) == renderer()
    assert set(made.values()) == {OLD["renderer"]}


def test_scenes_of_another_renderer_that_no_manifest_names_are_made_anew(folder: Path, renders: Path) -> None:
    retold(folder, LAST, renderer=OLD["renderer"])
    shutil.copyfile(folder / "lathes/00000.npz", folder / LAST)  # whole, but with the bits of something else
    stage.render(folder, count=COUNT, jobs=1, mix=True, **SETTINGS)
    assert digests(folder) == digests(renders)


def test_a_folder_whose_manifest_names_no_renderer_is_gone_on_with_and_rebuilt(folder: Path, renders: Path) -> None:
    told = json.loads((folder / "manifest.json").read_text())
    for one in (told, *told["scenes"]):
        del one["renderer"]
    (folder / "manifest.json").write_text(json.dumps(told))
    (folder / LAST).unlink()
    assert stage.rebuild(folder, jobs=1) == []
    stage.render(folder, count=COUNT, jobs=1, **SETTINGS)
    assert digests(folder) == digests(renders)
    assert {entry.renderer for entry in entries(folder).values()} == {""}


MIX_AND_DIE = """
import json, os, signal, sys
from pathlib import Path
from onelight.soundstage import stage
def die(done, total, file):
    os.kill(os.getpid(), signal.SIGKILL)
stage.render(Path(sys.argv[1]), count=4, jobs=1, mix=True, progress=die, **json.loads(sys.argv[2]))
"""


def test_a_mix_that_is_killed_passes_no_older_scenes_off_as_its_own(folder: Path, renders: Path) -> None:
    retold(folder, LAST, **OLD)
    shutil.copyfile(folder / "lathes/00000.npz", folder / LAST)
    killed = subprocess.run([sys.executable, "-c", MIX_AND_DIE, folder, json.dumps(SETTINGS)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert Manifest.load(folder).code == code_digest(), "the mix had begun"
    stage.render(folder, count=COUNT, jobs=1, **SETTINGS)
    assert digests(folder) == digests(renders)
    made = {file: (entry.code, entry.renderer) for file, entry in entries(folder).items()}
    assert made.pop(LAST) == (code_digest(), renderer())
    assert set(made.values()) == {tuple(OLD.values())}


def test_a_mix_of_some_families_leaves_nothing_of_the_others_to_be_passed_off_later(
    folder: Path, renders: Path
) -> None:
    retold(folder, LAST, **OLD)
    shutil.copyfile(folder / "lathes/00000.npz", folder / LAST)
    stage.render(folder, count=1, jobs=1, mix=True, **{**SETTINGS, "families": ["lathes"]})
    stage.render(folder, count=COUNT, jobs=1, **SETTINGS)
    assert digests(folder) == digests(renders)


def test_scenes_without_a_manifest_are_not_gone_on_with_unless_they_are_made_anew(folder: Path, renders: Path) -> None:
    (folder / "manifest.json").unlink()
    shutil.copyfile(folder / "lathes/00000.npz", folder / LAST)
    with pytest.raises(RequestError, match=r"holds scenes and no manifest\.json"):
        stage.render(folder, count=COUNT, **SETTINGS)
    stage.render(folder, count=COUNT, jobs=1, mix=True, **SETTINGS)
    assert digests(folder) == digests(renders)


RENDER_AND_WAIT = """
import json, sys
from pathlib import Path
from onelight.soundstage import stage
def told(done, total, file):
    print(file, flush=True)
    sys.stdin.readline()
stage.render(Path(sys.argv[1]), count=4, jobs=1, progress=told, **json.loads(sys.argv[2]))
"""


@contextmanager
def rendering(out: Path) -> Iterator[None]:
    """Another process renders into the folder meanwhile, and is well afterwards."""
    command = [sys.executable, "-c", RENDER_AND_WAIT, str(out), json.dumps(SETTINGS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline().strip()
        yield
        process.communicate("\n" * COUNT)
    assert process.returncode == 0


def test_a_second_process_is_told_that_the_folder_is_in_use_and_the_first_goes_on(
    renders: Path, tmp_path: Path
) -> None:
    with rendering(tmp_path):
        half = tmp_path / "rocks" / ".00001.1.part"
        half.write_bytes(b"half")
        for again in (
            lambda: stage.render(tmp_path, count=COUNT, **SETTINGS),
            lambda: stage.rebuild(tmp_path),
        ):
            with pytest.raises(Busy, match=f"{tmp_path} is in use: another process is rendering there"):
                again()
        assert half.exists(), "what another process writes is left alone"
    assert digests(tmp_path) == digests(renders)
    assert stage.rebuild(tmp_path, jobs=1) == []
    stage.render(tmp_path, count=COUNT, jobs=1, **SETTINGS)
    assert not half.exists(), "what a killed process left is cleared away"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": OLD["code"]}, r"other sources of the soundstage \(000000000000, here "),
        ({"renderer": OLD["renderer"]}, r"another renderer \(mitsuba 0\.1, here mitsuba "),
        (OLD, r"other sources of the soundstage \(.*\) and another renderer \("),
    ],
    ids=["sources", "renderer", "both"],
)
def test_what_something_else_rendered_is_not_rebuilt(folder: Path, changes: dict[str, str], words: str) -> None:
    retold(folder, **changes)
    assert stage.rebuild(folder, jobs=1) == [], "all is there: nothing has to be made"
    (folder / LAST).unlink()
    with pytest.raises(RequestError, match=rf"{LAST} is missing or damaged, and was rendered by {words}"):
        stage.rebuild(folder, jobs=1)
    assert not (folder / LAST).exists()


def test_a_scene_that_is_rebuilt_with_other_bits_is_told_of_and_not_kept(folder: Path) -> None:
    told = json.loads((folder / "manifest.json").read_text())
    for one in told["scenes"]:
        one["sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(told))
    (folder / LAST).unlink()
    damaged = folder / "lathes" / "00000.npz"
    damaged.write_bytes(b"damaged")
    assert stage.rebuild(folder, jobs=1) == sorted(digests(folder))
    assert not (folder / LAST).exists()
    assert damaged.read_bytes() == b"damaged"
    assert not list(folder.rglob("*.part"))


def test_a_family_that_is_gone_is_named_before_anything_is_rebuilt(folder: Path) -> None:
    told = json.loads((folder / "manifest.json").read_text())
    told["scenes"][-1]["family"] = "teapots"
    (folder / "manifest.json").write_text(json.dumps(told))
    for file in digests(folder):
        (folder / file).unlink()
    with pytest.raises(NotFound, match="There is no scene family 'teapots'"):
        stage.rebuild(folder, jobs=1)
    assert not list(folder.glob("*/*.npz"))


@pytest.mark.parametrize("text", ['"words"', "[]", "[1, 2]", "null", "12", '{"scenes": 3}', '{"scenes": ["a"]}', "{}"])
def test_a_manifest_that_is_something_else_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    for words in (["rebuild", str(tmp_path)], ["render", "--out", str(tmp_path), "--count", "1"]):
        done = CliRunner().invoke(app, ["soundstage", *words])
        assert isinstance(done.exception, RequestError), done.exception
        assert f"{tmp_path / 'manifest.json'} cannot be read as a manifest" in str(done.exception)


def test_a_manifest_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(ImageError, match=r"manifest\.json cannot be read: Is a directory"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"samples": 3}, r"begun with the samples 2, not 3 \(--samples\)"),
        ({"lights": 3}, r"begun with the lights 2, not 3 \(--lights\)"),
        ({"lone": True}, r"not lone things \(--lone\)"),
    ],
)
def test_a_setting_that_a_folder_was_not_begun_with_is_named_by_its_option(
    folder: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(RequestError, match=sentence):
        stage.render(folder, count=COUNT, **{**SETTINGS, **changes})


def test_the_help_tells_every_split_and_that_all_holds_what_training_refuses() -> None:
    shown = CliRunner().invoke(app, ["soundstage", "render", "--help"], env={"COLUMNS": "200"}).stdout
    assert "all: both, so those held out too, which training refuses" in " ".join(shown.replace("│", " ").split())
    for split in families.SPLITS:
        assert families.names(split)


def test_a_family_that_fails_is_named_with_its_seed_and_the_others_stay_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    families.discover()
    # Registered in this process only: those that render do not find it, which is an error of ours and no ValueError.
    monkeypatch.setitem(families._FAMILIES, "gone", Family("gone", "objects", False, families.get("rocks").build))
    seed = scene_seed(SETTINGS["seed"], "gone", 0)
    with pytest.raises(RequestError, match=rf"gone/00000\.npz: the family 'gone' failed on the seed {seed} \(NotFound"):
        stage.render(tmp_path, count=COUNT, jobs=1, **{**SETTINGS, "families": ["gone", "rocks"]})
    assert sorted(entries(tmp_path)) == ["rocks/00000.npz", "rocks/00001.npz"]


def test_a_render_process_that_is_killed_is_told_of_with_what_it_was_at(tmp_path: Path) -> None:
    def kill(done: int, total: int, file: str) -> None:
        for worker in multiprocessing.active_children():
            worker.kill()

    with pytest.raises(NotReady, match=r"a render process ended by itself at .*\d{5}\.npz"):
        stage.render(tmp_path, count=COUNT, jobs=1, progress=kill, **SETTINGS)
    assert entries(tmp_path)
