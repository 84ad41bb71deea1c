"""Baked crops hold what the scenes hold, however often baking is cut off, and nothing that is broken gets in."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import trainingscenes
from onelight.errors import Busy, NotFound, OnelightError, RequestError
from onelight.locks import locked
from onelight.training.crops import Crops


def quiet(done: int, total: int) -> None:
    """No bar in the tests' output."""


def bake(out: Path, scenes: list[Path], jobs: int = 1) -> Crops:
    return Crops.bake(out, scenes, trainingscenes.read, jobs=jobs, progress=quiet)


def content(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.npy")}


@pytest.fixture
def scenes(tmp_path: Path) -> list[Path]:
    return [trainingscenes.scene(tmp_path / "scenes" / "lathe" / f"{number:05d}.npz", number) for number in range(6)]


def test_a_batch_holds_the_scenes_arrays_as_half_floats_in_the_order_asked(scenes: list[Path], tmp_path: Path) -> None:
    crops = bake(tmp_path / "baked", scenes)
    assert crops.names == [f"lathe/{number:05d}" for number in range(6)]
    rows = np.array([4, 0, 4])
    batch = crops.batch(rows)
    for name in ("picture", "light", "matte"):
        wanted = np.stack([trainingscenes.read(scenes[row])[name] for row in rows])
        stored = wanted.astype(np.float16) if wanted.dtype == np.float32 else wanted
        assert batch[name].dtype == stored.dtype
        assert np.array_equal(batch[name], stored)


def test_the_arrays_are_mapped_not_read_and_cannot_be_changed(scenes: list[Path], tmp_path: Path) -> None:
    crops = bake(tmp_path / "baked", scenes)
    assert all(isinstance(array, np.memmap) and not array.flags.writeable for array in crops.arrays.values())
    assert crops.arrays["picture"].shape == (6, 8, 8, 3)


def test_each_array_is_a_numpy_file_that_any_program_opens(scenes: list[Path], tmp_path: Path) -> None:
    crops = bake(tmp_path / "baked", scenes)
    for name, array in crops.arrays.items():
        assert np.array_equal(np.load(tmp_path / "baked" / f"{name}.npy"), array)


def test_processes_bake_the_same_bytes_as_one_does(scenes: list[Path], tmp_path: Path) -> None:
    one, two = (bake(tmp_path / str(jobs), scenes, jobs) for jobs in (1, 2))
    assert content(one.path) == content(two.path)
    assert one.digest == two.digest


def test_scenes_that_came_later_are_appended_and_the_others_not_read_again(scenes: list[Path], tmp_path: Path) -> None:
    out, read = tmp_path / "baked", []

    def reading(path: Path) -> dict[str, np.ndarray]:
        read.append(path)
        return dict(trainingscenes.read(path))

    first = Crops.bake(out, scenes[:4], reading, progress=quiet)
    both = Crops.bake(out, scenes, reading, progress=quiet)
    assert read == scenes
    assert (len(first), len(both)) == (4, 6)
    assert first.digest != both.digest == bake(tmp_path / "at once", scenes).digest
    assert content(out) == content(tmp_path / "at once")


def test_a_scene_written_again_with_the_same_bytes_is_the_same_scene(scenes: list[Path], tmp_path: Path) -> None:
    digest = bake(tmp_path / "baked", scenes).digest
    os.utime(scenes[2], (1, 1))
    assert bake(tmp_path / "baked", scenes).digest == digest


def test_a_scene_that_changed_since_is_refused_by_name(scenes: list[Path], tmp_path: Path) -> None:
    bake(tmp_path / "baked", scenes)
    trainingscenes.scene(scenes[2], 77)
    with pytest.raises(RequestError, match=r"00002.npz has changed since it was baked"):
        bake(tmp_path / "baked", scenes)


def test_baking_that_was_killed_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    scenes = [
        trainingscenes.scene(tmp_path / "scenes" / "lathe" / f"{number:05d}.npz", number) for number in range(400)
    ]
    out = tmp_path / "baked"
    command = [sys.executable, trainingscenes.__file__, str(out), str(tmp_path / "scenes")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "baked 20\n":
                break
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert workers
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert alive == []  # nobody goes on writing
    assert 19 <= len(Crops.open(out)) < 400
    resumed, whole = bake(out, scenes), bake(tmp_path / "whole", scenes)
    assert content(out) == content(whole.path)
    assert resumed.digest == whole.digest


def test_a_scene_of_another_shape_is_named_and_the_rows_before_it_stay(scenes: list[Path], tmp_path: Path) -> None:
    trainingscenes.scene(scenes[3], 3, size=9)
    with pytest.raises(RequestError, match=r"00003.npz gives .*picture \(9, 9, 3\).* before gave .*\(8, 8, 3\)"):
        bake(tmp_path / "baked", scenes)
    assert len(Crops.open(tmp_path / "baked")) == 3


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_scene_cut_short_is_named(scenes: list[Path], tmp_path: Path, jobs: int) -> None:
    scenes[4].write_bytes(scenes[4].read_bytes()[:100])
    with pytest.raises(RequestError, match=r"00004.npz cannot be read \(BadZipFile: "):
        bake(tmp_path / "baked", scenes, jobs)


@pytest.mark.parametrize("value", [np.nan, np.inf, 70000.0])
def test_values_that_half_floats_cannot_hold_are_refused_by_name(
    scenes: list[Path], tmp_path: Path, value: float
) -> None:
    np.savez(scenes[0], picture=np.full((8, 8, 3), value, np.float32))
    with pytest.raises(RequestError, match=r"00000.npz has values in 'picture' that are not finite or beyond"):
        bake(tmp_path / "baked", scenes)


def test_two_scenes_of_one_name_need_names_of_their_own(tmp_path: Path) -> None:
    twins = [trainingscenes.scene(tmp_path / folder / "lathe" / "00000.npz", 0) for folder in ("a", "b")]
    with pytest.raises(RequestError, match="would both be the row 'lathe/00000'"):
        bake(tmp_path / "baked", twins)
    named = {f"{path.parts[-3]}/{path.stem}": path for path in twins}
    assert Crops.bake(tmp_path / "baked", named, trainingscenes.read, progress=quiet).names == ["a/00000", "b/00000"]


def test_crops_of_another_recipe_are_not_mixed(scenes: list[Path], tmp_path: Path) -> None:
    Crops.bake(tmp_path / "baked", scenes[:1], trainingscenes.read, recipe="linear", progress=quiet)
    with pytest.raises(RequestError, match="baked by the recipe 'linear', not 'log'"):
        Crops.bake(tmp_path / "baked", scenes, trainingscenes.read, recipe="log", progress=quiet)


def test_a_full_disk_is_said_and_the_rows_before_stay(scenes: list[Path], tmp_path: Path) -> None:
    bake(tmp_path / "baked", scenes[:2])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (1000, before[1])
    )  # the kernel refuses writes beyond, as a full disk does
    try:
        with pytest.raises(OnelightError, match=r"picture.npy cannot be written: "):
            bake(tmp_path / "baked", scenes)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    kept = Crops.open(tmp_path / "baked")
    assert len(kept) == 2
    assert np.array_equal(kept.batch(np.array([1]))["matte"][0], trainingscenes.read(scenes[1])["matte"])


def test_a_folder_that_is_no_crops_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="holds no baked crops"):
        Crops.open(tmp_path)
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(RequestError, match="cannot be read as the index"):
        Crops.open(tmp_path)
    with pytest.raises(NotFound, match="There is no scene to bake"):
        bake(tmp_path / "none", [])


def test_an_array_shorter_than_the_index_says_is_refused(scenes: list[Path], tmp_path: Path) -> None:
    crops = bake(tmp_path / "baked", scenes)
    os.truncate(crops.path / "picture.npy", 500)
    with pytest.raises(RequestError, match=r"picture.npy is not the array that index.json speaks of"):
        Crops.open(crops.path).batch(np.array([0]))


def test_two_processes_do_not_bake_to_one_folder(scenes: list[Path], tmp_path: Path) -> None:
    with locked(tmp_path / "baked", "baking"), pytest.raises(Busy, match="another process is baking there"):
        bake(tmp_path / "baked", scenes)
