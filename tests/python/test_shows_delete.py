"""A deleted show leaves nothing, whatever stood in the way and whoever was interrupted."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dailiesclips as made
import pytest
from onelight.dailies import mhl, setups
from onelight.dailies.ingest import ingest
from onelight.errors import NotFound, OnelightError
from onelight.shows import files, removal
from onelight.shows.store import Show, shows
from showarchives import Given
from showcases import filled, leftovers, onelight, unprivileged, whole
from versionshows import added


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return Given(tmp_path)


def test_deleting_leaves_nothing_whatever_the_modes_of_files(given: Given, tmp_path: Path) -> None:
    root = given.show.folder.parent
    kept = tmp_path / "kept.exr"
    kept.write_text("plate")
    (given.show.folder / "models" / "link").symlink_to(kept)
    (given.show.folder / "models" / "folder").symlink_to(tmp_path)
    version = given.show.folder / "models" / "relight" / "v001"
    for path in (*version.iterdir(), version, version.parent):
        path.chmod(0o500 if path.is_dir() else 0o400)
    with given.show.session():
        assert (given.show.folder / "store.db-wal").exists()
    removal.delete("apollo", root)
    assert list(root.iterdir()) == [] and kept.read_text() == "plate" and shows(root) == []
    with pytest.raises(NotFound, match="There is no show 'apollo'"):
        removal.delete("apollo", root)


def test_deleting_as_an_ordinary_person_takes_read_only_folders_too() -> None:
    if os.geteuid() != 0:
        pytest.skip("covered by the test before")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        filled(root).engine.dispose()
        for path in [Path(folder), root, *root.rglob("*")]:
            os.chown(path, 65534, 65534, follow_symlinks=False)
        version = root / "apollo" / "models" / "relight" / "v001"
        for path in (*version.iterdir(), version, version.parent):
            path.chmod(0o500 if path.is_dir() else 0o400)
        with unprivileged():
            removal.delete("apollo", root)
        assert list(root.iterdir()) == []


def test_an_interrupted_deletion_is_out_of_sight_and_is_gone_on_with(given: Given) -> None:
    root = given.show.folder.parent
    hidden = files.hide(given.show.folder)
    (hidden / "store.db").unlink()
    (hidden / "show.toml").unlink()
    assert shows(root) == []
    assert onelight("show", "list", "--root", root).returncode == 0
    assert list(root.iterdir()) == []
    show = filled(root)
    files.hide(show.folder)
    assert onelight("show", "delete", "apollo", "--confirm", "apollo", "--root", root).returncode == 0
    assert list(root.iterdir()) == []


def test_a_new_show_of_the_same_name_is_not_mixed_up_with_the_deleted_one(given: Given) -> None:
    root = given.show.folder.parent
    files.hide(given.show.folder)
    new = Show.create("apollo", root)
    removal.finish(root)
    assert whole(new) == 1 and leftovers(root) == []


def test_what_still_works_on_a_deleted_show_brings_no_folder_of_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "shows"
    show = Show.create("apollo", root)
    made.movie(tmp_path / "A003C001.mov", made.video(made.shot(1, 6, size=(90, 160))), "prores_ks", "yuv422p10le")
    for module, name in ((mhl, "write"), (setups, "keep")):
        real = getattr(module, name)

        def late(*what: Any, real: Callable[..., Any] = real) -> Any:
            removal.delete("apollo", root)
            return real(*what)

        with monkeypatch.context() as patch:
            patch.setattr(module, name, late)
            (outcome,) = ingest(show, [tmp_path / "A003C001.mov"]).outcomes
        assert outcome.state == "refused" and "cannot be written" in outcome.why
        assert list(root.iterdir()) == []
        show = Show.create("apollo", root)
    removal.delete("apollo", root)
    (tmp_path / "new").mkdir()
    with pytest.raises(OnelightError):
        added(show, tmp_path / "new", 1.0)
    assert list(root.iterdir()) == []


def test_the_command_line_asks_before_it_deletes(given: Given) -> None:
    root = ("--root", given.show.folder.parent)
    for confirm in ((), ("--confirm", "gemini"), ("--confirm", "Apollo")):
        done = onelight("show", "delete", "apollo", *confirm, *root)
        assert done.returncode == 1 and "apollo" in done.stderr
        assert whole(given.show) == 2


def test_what_is_kept_no_longer_goes_and_nothing_else(given: Given) -> None:
    show, day = given.show, 86_400
    root = ("--root", show.folder.parent)
    old, new = time.time() - 40 * day, time.time() - 20 * day
    for path, age in {
        "logs/old.log": old,
        "logs/new.log": new,
        "reports/2026/old.html": old,
        "training/run2/progress.jsonl": new,
        "training/run2/crops.bin": old,
        "training/run1/crops.bin": old,
        "models/relight/v001/shade.onnx": old,
    }.items():
        (show.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (show.folder / path).write_text("x")
        os.utime(show.folder / path, (age, age))
    (show.folder / "logs" / "link").symlink_to(show.places.store)
    assert onelight("show", "prune", "apollo", *root).stdout.startswith("0 removed")
    show.places.policy.write_text("retention_days = 30\n")
    done = onelight("show", "prune", "apollo", *root)
    gone = ["logs/old.log", "reports/2026/old.html", "training/run1"]
    assert done.stdout.splitlines()[:-1] == gone, done.stderr
    assert not [path for path in gone if (show.folder / path).exists()]
    for kept in ("logs/new.log", "logs/link", "training/run2/crops.bin", "models/relight/v001/shade.onnx", "store.db"):
        assert (show.folder / kept).exists(), kept
    assert "show prune" in onelight("show", "log", "apollo", *root).stdout
    assert onelight("show", "prune", "apollo", *root).stdout.startswith("0 removed")
