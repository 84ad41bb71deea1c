"""What tools learn from plain footage is true: pasted wires, rebuilt frames, and set-ups that are kept aside."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from onelight.cli.train_show import seconds
from onelight.errors import RequestError
from onelight.studio import scoring, takes, watching
from onelight.studio.takes import Take
from onelight.tools.cleanup import lessons as cleanup
from onelight.tools.cleanup import pairs
from onelight.tools.relight import lessons as relight

SIZE = (0, 0, 320, 240)


def frame(number: int, height: int = 240, width: int = 320) -> np.ndarray:
    """A smooth picture with a little grain; its level says which frame it is."""
    random = np.random.default_rng(number)
    ground = 0.2 + 0.1 * np.sin(np.arange(width) / 40)[None, :, None] + np.zeros((height, width, 3))
    return (ground * (1 + number / 100) + random.normal(0, 0.002, ground.shape)).astype(np.float32)


def take(name: str, setup: str, frames: int = 12, box: tuple[int, int, int, int] = SIZE) -> Take:
    return Take(name, name, setup, 1, frames, box, lambda first, last: (frame(n) for n in range(first, last + 1)))


def test_whole_setups_are_held_out_the_same_ones_each_time() -> None:
    given = [take(f"clip{n}", f"setup{n // 2}") for n in range(8)]
    parts = takes.split(given, 1)
    assert {t.setup for t in parts.taught}.isdisjoint({t.setup for t in parts.held})
    assert len(parts.taught) + len(parts.held) == 8 and len({t.setup for t in parts.held}) == 1
    assert takes.split(list(reversed(given)), 1).told == parts.told
    assert {t.setup for t in takes.split(given, 1, ("setup3",)).held} == {"setup3"}


def test_stills_are_not_held_out_where_something_moves() -> None:
    given = [take(f"still{n}", f"still{n}", 1) for n in range(9)] + [take("a", "a"), take("b", "b")]
    assert {t.setup for t in takes.split(given, 5).held} < {"a", "b"}


@pytest.mark.parametrize(
    ("held", "sentence"), [(("nowhere",), "no set-up 'nowhere'"), (("a", "b"), "leave some to learn from")]
)
def test_what_cannot_be_held_out_is_refused(held: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        takes.split([take("a", "a"), take("b", "b")], 1, held)


def test_one_setup_alone_is_too_few() -> None:
    with pytest.raises(RequestError, match="at least two"):
        takes.split([take("a", "a"), take("b", "a")], 1)


def test_crops_are_the_frames_own_pixels_inside_the_box_and_the_same_again(tmp_path: Path) -> None:
    given = [take("a" * 20, "a", box=(20, 10, 300, 230))]
    sizes = {"count": 4, "size": 96, "span": 3, "step": 2, "far": 0.0, "seed": 1}
    files = takes.cut(given, tmp_path / "one", **sizes)
    again = takes.cut(given, tmp_path / "two", **sizes)
    assert list(files) == list(again) and len(files) >= 3
    for name, path in files.items():
        crop, first = np.load(path), int(name.split("-")[1])
        assert crop.shape == (3, 96, 96, 3)
        assert path.read_bytes() == again[name].read_bytes()
        here, later = (frame(number)[10:230, 20:300].astype(np.float16) for number in (first, first + 2))
        rows, columns = np.nonzero((here == crop[0, 0, 0]).all(axis=-1))
        found = [
            (row, column)
            for row, column in zip(rows, columns, strict=True)
            if np.array_equal(here[row : row + 96, column : column + 96], crop[0])
        ]
        assert len(found) == 1
        row, column = found[0]
        assert np.array_equal(later[row : row + 96, column : column + 96], crop[1])


def test_clips_of_one_name_each_give_their_own_pixels(tmp_path: Path) -> None:
    given = [
        Take(digest, "A001C001", digest, 1, 1, SIZE, lambda first, last, level=level: iter([frame(1) * 0 + level]))
        for digest, level in (("a" * 20, 0.25), ("b" * 20, 0.5))
    ]
    files = takes.cut(given, tmp_path, count=4, size=96, span=1, step=1, far=0.0, seed=1)
    levels = {name[0]: float(np.load(path).mean()) for name, path in files.items()}
    assert levels == {"a": 0.25, "b": 0.5}


def test_shots_are_ten_frames_of_one_part_and_a_still_is_held() -> None:
    given = [take("a" * 8, "a", box=(20, 10, 300, 230)), take("b" * 8, "b", 1)]
    sizes = {"count": 4, "size": (120, 160), "frames": 10, "seed": 1}
    native, whole = (takes.shots(given, whole=whole, **sizes) for whole in (False, True))
    assert len(native) == len(whole) == 4
    assert {shot.setup for shot in native.values()} == {"a", "b"}
    for name, shot in ((name, shot.frames) for name, shot in native.items()):
        assert [picture.shape for picture in shot] == [(120, 160, 3)] * 10
        first = int(name.split("_")[2])
        rows, columns = np.nonzero((frame(first) == shot[0][0, 0]).all(axis=-1))
        assert any(
            np.array_equal(frame(first)[y : y + 120, x : x + 160], shot[0]) for y, x in zip(rows, columns, strict=True)
        )
        assert np.array_equal(shot[0], shot[9]) == name.startswith("b")
    assert all(picture.shape == (120, 160, 3) for shot in whole.values() for picture in shot.frames)


def test_a_clip_that_ends_early_is_named() -> None:
    short = Take("c", "A001C003", "s", 1, 9, SIZE, lambda first, last: iter([frame(first)]))
    with pytest.raises(RequestError, match="A001C003 has no frame 2"):
        short.window(1, 3)


@pytest.fixture(scope="module")
def lesson() -> dict[str, np.ndarray]:
    """One crop of a frame as a training of Cleanup keeps it."""
    torch.manual_seed(1)
    crop = frame(3, cleanup.SIZE, cleanup.SIZE)[None]
    return {name: value[None] for name, value in cleanup.kept(crop, cleanup.network()).items()}


def test_wires_are_pasted_where_the_truth_says_and_nothing_else_is_changed(lesson: dict[str, np.ndarray]) -> None:
    wires = 0
    for seed in range(12):
        made = cleanup.pasted(lesson, np.array([0]), np.random.default_rng(seed))
        assert made["picture"].shape == (pairs.CROP, pairs.CROP, 3)
        near = made["stroke"][..., 0] > 0
        counted = (made["weight"][..., 0] > 0.5) & (made["stroke"][..., 0] > 0.9)
        if not counted.any():
            continue
        wires += 1
        # The ground is smooth: what stands out by more than its grain is wire.
        column = np.median(made["picture"], axis=(0, 1))
        apart = np.abs(made["picture"] - column).max(axis=-1)
        assert np.median(apart[counted]) > 0.002
        assert made["width"][counted].max() < np.log2(64)
        assert near.mean() < 0.6
    assert wires >= 4


def test_what_the_base_takes_for_wire_in_an_untouched_frame_is_neither_taught_nor_taught_away(
    lesson: dict[str, np.ndarray],
) -> None:
    sure = lesson | {"maybe": np.ones_like(lesson["maybe"])}
    for seed in range(4):
        made = cleanup.pasted(sure, np.array([0]), np.random.default_rng(seed))
        assert not made["weight"][made["stroke"] <= 0.05].any()


def shaded(slope: float, size: int = 64) -> dict[str, torch.Tensor]:
    """Normals that lean to the right by `slope`, everything open and reached."""
    normals = torch.tensor([slope, 0.0, 1.0])
    normals = (normals / normals.norm()).view(1, 3, 1, 1).expand(1, 3, size, size)
    ones = torch.ones(1, 1, size, size)
    return {"normals": normals, "depth": ones, "openness": ones, "reach": ones}


def test_a_frame_is_rebuilt_by_who_knows_how_the_surface_turned() -> None:
    size, lamp = 64, torch.tensor([0.8, 0.0, 0.6, 0.9]).expand(2, 4)
    paint = 1 + torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(1))
    left = (torch.arange(size) < size // 2).view(1, 1, 1, size)

    def both(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """A surface whose left half turned from the first to the second."""
        turned = {name: torch.where(left, other[name], one[name]) for name in one}
        return {name: torch.cat([one[name], turned[name]]) for name in one}

    def shading(found: dict[str, torch.Tensor]) -> torch.Tensor:
        facing = (found["normals"] * lamp[:, :3, None, None]).sum(1, keepdim=True).clamp(min=0)
        return 0.9 * facing + (0.1 + 0.03)

    true, wrong = both(shaded(0.0), shaded(0.8)), both(shaded(0.0), shaded(0.0))
    truth = {
        "stops": torch.log2(paint * shading(true)),
        "lamp": lamp,
        "motion": torch.zeros(2, 2, size, size),
        "counts": torch.ones(2, 1, size, size),
    }
    assert float(relight._rebuilt(true, truth, 1)) < 2e-3
    assert float(relight._rebuilt(wrong, truth, 1)) > 0.1


def test_the_base_says_of_many_equal_frames_what_it_says_of_one() -> None:
    torch.manual_seed(1)
    base = relight.network()
    crop = np.repeat(frame(1, relight.SIZE, relight.SIZE)[None], relight.SPAN, axis=0)
    record = relight.kept(crop, base)
    assert record["said"].shape == (relight.SIZE, relight.SIZE, 6)
    assert np.allclose(np.linalg.norm(record["said"][..., :3], axis=-1), 1, atol=1e-3)
    assert np.allclose(record["said"][..., :3], (0, 0, 1), atol=1e-2), (
        "untrained, it gives its prior: facing the camera"
    )
    assert record["counts"].mean() > 0.9 and np.abs(record["motion"]).max() < 1


def rows(gain: float, low: float, lost: float) -> list[dict[str, object]]:
    told = {"metric": "cleaned_psnr", "baseline": "base", "split": "show", "condition": "all", "high": 2.0}
    return [
        {**told, "kind": "held_out", "gain": gain, "low": low, "better": low > 0},
        {**told, "kind": "soundstage", "metric": "psnr", "gain": lost, "low": lost, "better": False},
    ]


@pytest.mark.parametrize(
    ("gain", "low", "lost", "said"),
    [(0.6, 0.2, -0.05, "gain"), (0.6, -0.1, 0.0, "no gain"), (0.6, 0.2, -0.2, "no gain")],
)
def test_a_gain_is_sure_on_held_out_setups_and_costs_nothing_elsewhere(
    gain: float, low: float, lost: float, said: str
) -> None:
    assert scoring.verdict(cleanup, rows(gain, low, lost), setups=4) == said
    assert scoring.verdict(cleanup, rows(gain, low, lost), setups=3) == "not measured"
    assert scoring.verdict(cleanup, [], setups=8) == "not measured"


@pytest.mark.parametrize("lessons", [cleanup, relight])
def test_what_intervals_are_resampled_by_is_the_setup_however_many_clips_and_shots_it_gave(lessons: ModuleType) -> None:
    given = [take(f"clip{number}", setup) for number, setup in enumerate("aab")]
    found = scoring.held_out(takes.Split([], given), lessons, {"nothing": None}, 4, 1)
    shots = {"_".join(row["case"].split("_")[:4]) for row in found}
    assert len(shots) == 4 and {row["scene"] for row in found} == {"a", "b"}
    for row in found:
        assert (row["scene"] == "b") == row["case"].startswith("clip2")


def test_a_torn_line_of_progress_is_the_only_one_lost(tmp_path: Path) -> None:
    file = tmp_path / watching.NAME
    watching.append(file, {"step": 1})
    with file.open("ab") as torn:
        torn.write(b'{"step": 2, "lo')
    watching.append(file, {"step": 3})
    assert [line["step"] for line in watching.lines(tmp_path)] == [1, 3]


def test_progress_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LARGEST", 200)
    for step in range(100):
        watching.append(tmp_path / watching.NAME, {"step": step})
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 500
    assert json.loads((tmp_path / watching.NAME).read_text().splitlines()[-1]) == {"step": 99}


@pytest.mark.parametrize(("text", "found"), [("90s", 90), ("20m", 1200), ("1.5h", 5400), ("45", 45)])
def test_budgets_are_times(text: str, found: float) -> None:
    assert seconds(text) == found
