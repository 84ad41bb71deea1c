"""Fix one frame and the shot follows: tracking, the knob it is kept in, and the commands around it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onelight import images
from onelight.cli.app import app
from onelight.errors import Cancelled, RequestError
from onelight.tools.cleanup.curves import Curve, matte_of
from onelight.tools.cleanup.hints import LONGEST, decode, encode, track_shot, tracked_frames
from typer.testing import CliRunner
from wireshots import ground, left_over, shot

H, W = 270, 480
GROW = 1.5  # the node's default


@pytest.fixture(scope="module")
def moving() -> tuple[dict[int, np.ndarray], dict[int, list[Curve]]]:
    """32 frames of a pan with two wires that swing on their own."""
    return shot(32, H, W, wires=2, across=3.0, light=0.03)


def hint(truth: Mapping[int, list[Curve]], frame: int, which: slice = slice(None)) -> np.ndarray:
    """What a person draws over wires: a loose stroke, a few pixels wider, slightly beside them."""
    moved = [Curve(c.points + np.array([0.8, 0], np.float32), c.width, 1.0) for c in truth[frame][which]]
    return matte_of(moved, (H, W), grow=2)


def worst(tracked: Mapping[int, list[Curve]], truth: Mapping[int, list[Curve]]) -> float:
    """The longest stretch of wire in px that is left on any frame."""
    return max(left_over(tracked.get(frame, []), curves, (H, W), GROW) for frame, curves in truth.items())


def test_a_hint_on_one_frame_leaves_no_wire_longer_than_10_px_on_any(moving: Any) -> None:
    pictures, truth = moving
    tracked = track_shot(pictures, {1012: hint(truth, 1012)})
    assert sorted(tracked) == sorted(pictures)
    assert worst(tracked, truth) <= 10
    widths = [float(c.width.max()) for curves in tracked.values() for c in curves]
    assert max(widths) < 12, "a wire is not covered by covering the picture"


def test_two_hints_correct_each_other_where_the_wire_cannot_be_seen_between_them(moving: Any) -> None:
    """Eight frames are lost in smoke: one hint before and one after, and what is between lies between."""
    pictures, truth = moving
    smoke = dict(pictures)
    for frame in range(1012, 1020):
        smoke[frame] = ground(H, W, 5)
    tracked = track_shot(smoke, {1011: hint(truth, 1011), 1020: hint(truth, 1020)})
    clear = {frame: curves for frame, curves in truth.items() if not 1012 <= frame < 1020}
    assert worst(tracked, clear) <= 10


def test_each_hint_holds_until_the_next_one(moving: Any) -> None:
    pictures, truth = moving
    one, other = slice(0, 1), slice(1, 2)
    tracked = track_shot(pictures, {1005: hint(truth, 1005, one), 1025: hint(truth, 1025, other)})
    assert len(tracked[1005]) == 1
    assert len(tracked[1025]) == 1
    assert left_over(tracked[1001], truth[1001][one], (H, W), GROW) <= 10
    assert left_over(tracked[1032], truth[1032][other], (H, W), GROW) <= 10
    assert left_over(tracked[1015], truth[1015], (H, W), GROW) <= 10  # between them both are followed


def test_a_wire_has_one_number_all_along_the_shot(moving: Any) -> None:
    pictures, truth = moving
    some = {frame: pictures[frame] for frame in range(1001, 1009)}
    tracked = track_shot(some, {1001: hint(truth, 1001), 1008: hint(truth, 1008)})
    assert all({0, 1} <= {c.track for c in curves} for frame, curves in tracked.items() if frame < 1008)


def test_nothing_is_followed_across_a_cut(moving: Any) -> None:
    pictures, truth = moving
    cut = {frame: pictures[frame] if frame < 1006 else ground(H, W, 77) for frame in range(1001, 1011)}
    tracked = track_shot(cut, {1003: hint(truth, 1003)})
    assert [frame for frame, curves in tracked.items() if curves] == list(range(1001, 1006))


def test_exposure_and_threads_change_nothing(moving: Any) -> None:
    pictures, truth = moving
    some = {frame: pictures[frame] for frame in range(1001, 1005)}
    brighter = {frame: picture * np.float32(4) for frame, picture in some.items()}
    hints = {1002: hint(truth, 1002)}
    assert encode(track_shot(some, hints)) == encode(track_shot(brighter, hints)) == encode(track_shot(some, hints))


def test_frames_are_asked_for_one_after_the_other_and_not_kept(moving: Any) -> None:
    pictures, truth = moving
    asked: list[int] = []

    class Reading(Mapping[int, np.ndarray]):
        def __getitem__(self, frame: int) -> np.ndarray:
            asked.append(frame)
            return pictures[frame]

        def __iter__(self) -> Iterator[int]:
            return iter(range(1001, 1011))

        def __len__(self) -> int:
            return 10

    track_shot(Reading(), {1004: hint(truth, 1004)})
    assert len(asked) <= 15  # the hinted frame more than once, every other one once


def test_keep_on_a_frame_takes_a_tracked_wire_out_there(moving: Any) -> None:
    pictures, truth = moving
    some = {frame: pictures[frame] for frame in range(1001, 1005)}
    keep = matte_of(truth[1003][:1], (H, W), grow=8)
    tracked = track_shot(some, {1001: hint(truth, 1001)}, {1003: keep})
    assert [len(tracked[frame]) for frame in sorted(tracked)] == [2, 2, 1, 2]
    both = matte_of(truth[1003], (H, W), grow=8)
    text = encode(track_shot(some, {1001: hint(truth, 1001)}, {1003: both}))
    assert decode(text, 1003) == []
    assert len(decode(text, 1004)) == 2


def test_hints_that_do_not_fit_are_refused_by_name(moving: Any) -> None:
    pictures, truth = moving
    with pytest.raises(RequestError, match=r"Add: frame 999 is not one of the frames 1001 to 1032"):
        track_shot(pictures, {999: hint(truth, 1001)})
    with pytest.raises(RequestError, match=r"Add: frame 1003 is 240 x 135 px, the plate 480 x 270"):
        track_shot(pictures, {1003: np.ones((135, 240), np.float32)})
    grown = {1001: pictures[1001], 1002: np.zeros((100, 100, 3), np.float32)}
    with pytest.raises(RequestError, match=r"Source: frame 1002 has another size than frame 1001"):
        track_shot(grown, {1001: hint(truth, 1001)})
    assert track_shot(pictures, {}) == {}
    assert track_shot(pictures, {1001: np.zeros((H, W), np.float32)}) == {}


def test_tracking_stops_when_nobody_waits(moving: Any) -> None:
    pictures, truth = moving
    seen: list[int] = []

    def check() -> None:
        seen.append(1)
        if len(seen) > 3:
            raise Cancelled("given up")

    with pytest.raises(Cancelled):
        track_shot(pictures, {1001: hint(truth, 1001)}, check=check)
    assert len(seen) == 4


def some_curves(frame: int) -> list[Curve]:
    t = np.linspace(0, 1, 40)
    points = np.stack([-20 + 3000 * t, 400 + 80 * np.sin(4 * t) + 2.5 * frame], axis=1)
    return [Curve(points.astype(np.float32), np.linspace(2, 9, 40).astype(np.float32), 0.83, 7)]


def test_the_knob_gives_back_what_was_put_in_to_an_eighth_of_a_pixel() -> None:
    text = encode({1001: some_curves(0), 1002: some_curves(1)})
    (back,) = decode(text, 1002)
    (given,) = some_curves(1)
    assert np.abs(back.points - given.points).max() < 0.07
    assert np.abs(back.width - given.width).max() < 0.07
    assert (back.confidence, back.track) == (0.83, 7)
    assert tracked_frames(text) == [1001, 1002]


def test_between_tracked_frames_wires_are_interpolated_and_beyond_them_there_are_none() -> None:
    text = encode({1001: some_curves(0), 1005: some_curves(4)})
    (half,) = decode(text, 1003)
    assert half.points[0, 1] == pytest.approx(some_curves(2)[0].points[0, 1], abs=0.1)
    assert decode(text, 1002.5)[0].points[0, 1] == pytest.approx(some_curves(0)[0].points[0, 1] + 3.75, abs=0.1)
    assert decode(text, 1000) == decode(text, 1006) == []
    assert decode("", 1001) == decode("  ", 1001) == []
    far = encode({1001: some_curves(0), 1101: some_curves(4)})
    assert decode(far, 1050) == []


@pytest.mark.parametrize(
    "text",
    ["wires", "[]", "{}", "null", '{"version":1}', '{"version":0,"frames":{}}', '{"version":1,"frames":[1]}',
     '{"version":1,"frames":{"a":[]}}', "[" * 100000],
)  # fmt: skip
def test_garbage_in_the_knob_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(RequestError, match="tracked: this is not what Track wires writes"):
        decode(text, 1)


@pytest.mark.parametrize(
    "curve",
    ["[0,90,[8],[1]]", "[0,90,[8],[]]", '[0,90,[8],["x",1,2,3]]', "[0,90,[-8],[1,2,3,4]]", "[0,90,[8,8,8],[1,2,3,4]]",
     "[0]", "7", "[0,90,[8],[1e300,2,1e300,4]]", "[0,90,[8],[NaN,2,3,4]]"],
)  # fmt: skip
def test_a_damaged_frame_is_named(curve: str) -> None:
    with pytest.raises(RequestError, match="tracked: frame 12 is damaged"):
        decode(f'{{"version":1,"frames":{{"12":[{curve}]}}}}', 12)


def test_the_knob_is_bounded_both_ways_and_says_so() -> None:
    with pytest.raises(RequestError, match="track fewer frames"):
        encode({frame: some_curves(frame) * 60 for frame in range(100)})
    with pytest.raises(RequestError, match="more than"):
        decode(" " * LONGEST + "{}", 1)
    with pytest.raises(RequestError, match="later release"):
        decode('{"version":2,"frames":{}}', 1)


def write_shot(folder: Path, pictures: Mapping[int, np.ndarray], mattes: Mapping[int, np.ndarray]) -> None:
    holder = images.Frame.of(np.zeros((H, W, 4), np.float16))
    for frame, picture in pictures.items():
        pixels = np.dstack([picture, np.ones((H, W), np.float32)]).astype(np.float16)
        images.write_frame(folder / f"plate.{frame}.exr", holder, pixels)
    for frame, matte in mattes.items():
        images.write_frame(folder / f"add.{frame}.exr", holder, np.dstack([matte] * 4).astype(np.float16))


def run(*words: object) -> Any:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(map(str, ["cleanup", *words])))


def test_the_command_tracks_through_the_server_into_a_file_that_renders_read(
    server: Any, tmp_path: Path, moving: Any
) -> None:
    pictures, truth = moving
    some = {frame: pictures[frame] for frame in range(1001, 1007)}
    write_shot(tmp_path, some, {1003: hint(truth, 1003)})
    out = tmp_path / "wires.json"
    add = ("--add", f"{tmp_path}/add.####.exr", "--out", out, "--server", server.address)
    done = run("track", f"{tmp_path}/plate.####.exr", *add, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["frames"] == "1001-1006"
    text = json.loads(out.read_text())["knobs"]["tracked"]
    tracked = {frame: decode(text, frame) for frame in some}
    assert worst(tracked, {frame: truth[frame] for frame in some}) <= 10
    render = ["render", "cleanup", "--in", f"{tmp_path}/plate.####.exr", "--frames", "1005", "--analysis", out,
              "--set", "sensitivity=0", "--set", "range=1", "--output", "matte", "--server", server.address,
              "--out", f"{tmp_path}/matte.####.exr"]  # fmt: skip
    done = CliRunner().invoke(app, list(map(str, render)))
    assert done.exit_code == 0, done.output
    matte = images.read_frame(tmp_path / "matte.1005.exr", "data").pixels[..., 0]
    expected = matte_of(tracked[1005], (H, W), grow=GROW)
    assert np.abs(matte.astype(np.float32) - expected).mean() < 0.01


def test_the_command_says_which_frame_or_file_is_missing(tmp_path: Path, moving: Any) -> None:
    pictures, _ = moving
    write_shot(tmp_path, {1001: pictures[1001], 1003: pictures[1003]}, {})
    words = ("track", f"{tmp_path}/plate.####.exr", "--add", f"{tmp_path}/add.####.exr", "--out", tmp_path / "w.json")
    assert "has no file on any frame of 1001,1003" in str(run(*words).exception)
    write_shot(tmp_path, {}, {1002: np.ones((H, W), np.float32)})
    assert "Source has no frame 1002" in str(run(*words, "--frames", "1001-1003").exception)
