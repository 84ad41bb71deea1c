"""Fix one frame and the shot follows, on what a camera shot: faint wires over real texture and real motion."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from onelight.tools.cleanup.curves import Curve, matte_of
from onelight.tools.cleanup.hints import doubted_frames, encode, track_shot
from onelight.tools.cleanup.rigging import Look
from onelight.tools.cleanup.wires import Wire, paste
from wireshots import left_over

PLATES = Path(__file__).parents[2] / "examples" / "plates"
GREY = Look(np.full(3, 0.5, np.float32), 1, 0, 0, 0, 0, 0, 0)


def clip(path: str, start: int, frames: int) -> list[np.ndarray]:
    """Some frames of a movie, linear [H, W, 3]."""
    with av.open(str(PLATES / path)) as movie:
        shown = [frame.to_ndarray(format="rgb24") for frame in islice(movie.decode(video=0), start, start + frames)]
    coded = [picture.astype(np.float32) / 255 for picture in shown]
    return [np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4).astype(np.float32) for c in coded]


def with_wire(plates: list[np.ndarray], contrast: float, swing: float) -> tuple[dict, dict[int, list[Curve]]]:
    """Plates of a camera that stands still, with one wire of 2.5 px, `contrast` over what is behind it."""
    height, width = plates[0].shape[:2]
    down = np.linspace(-0.3, 1.3, 2 * height)
    rest = np.stack([(0.5 - 0.08 * (down - 0.5)) * width, down * height], axis=1)
    wire = Wire(rest, 2.5, 0, GREY, 0.5, swing=(swing, 0), period=24, phase=0.6)
    pictures, truth = {}, {}
    for index, plate in enumerate(plates):
        matte = paste(plate, [wire], index).matte[..., None]
        behind = cv2.GaussianBlur(plate, (0, 0), 6)
        pictures[1001 + index] = plate * (1 - matte) + matte * behind * np.float32(1 + contrast)
        points = wire.at(index)[::4].astype(np.float32)
        truth[1001 + index] = [Curve(points, np.full(len(points), 2.5, np.float32), 1.0)]
    return pictures, truth


@pytest.mark.parametrize(
    ("path", "start", "contrast", "swing"),
    [("flower.mp4", 10, 0.06, 0.0), ("video/car-detection.mp4", 40, -0.06, 12.0), ("video/friday.mp4", 20, 0.06, 0.0)],
)
def test_one_hint_leaves_no_faint_wire_longer_than_10_px_on_real_footage(
    path: str, start: int, contrast: float, swing: float
) -> None:
    pictures, truth = with_wire(clip(path, start, 8), contrast, swing)
    shape = pictures[1001].shape[:2]
    drawn = [replace(c, points=c.points + np.array([0.8, 0], np.float32)) for c in truth[1006]]
    tracked = track_shot(pictures, {1006: matte_of(drawn, shape, grow=2)})
    left = {frame: left_over(tracked[frame], curves, shape, 1.5) for frame, curves in truth.items()}
    assert max(left.values()) <= 10, left
    assert max(float(c.width.max()) for curves in tracked.values() for c in curves) < 12


def test_two_hints_hold_a_faint_wire_that_swings_before_flowers() -> None:
    """Followed from frame to frame 500 px of it were lost for a third of the shot; in all together it shows."""
    plates = clip("flower.mp4", 10, 30)
    pictures, truth = with_wire(plates, -0.06, 12.0)
    shape = plates[0].shape[:2]
    tracked = track_shot(pictures, {at: matte_of(truth[at], shape, grow=2) for at in (1006, 1025)})
    left = {frame: left_over(tracked[frame], curves, shape, 1.5) for frame, curves in truth.items()}
    assert max(left.values()) <= 120, left
    assert sum(length > 10 for length in left.values()) <= 5, left


def panned(frames: int, pixels: int, ground: np.ndarray, x: float) -> tuple[dict, dict[int, list[Curve]]]:
    """A pan over a ground past one upright faint wire that stands in the set, in front of it."""
    height, width = ground.shape[0], ground.shape[1] - frames * pixels
    pictures, truth = {}, {}
    for index in range(frames):
        plate = ground[:, index * pixels : index * pixels + width]
        points = np.stack([np.full(40, x - index * pixels), np.linspace(-20, height + 20, 40)], axis=1)
        curve = Curve(points.astype(np.float32), np.full(40, 2.5, np.float32), 1.0)
        matte = matte_of([curve], plate.shape[:2])[..., None]
        pictures[1001 + index], truth[1001 + index] = plate * (1 - matte * np.float32(0.06)), [curve]
    return pictures, truth


def test_a_faint_wire_that_leaves_the_picture_is_followed_up_to_its_border() -> None:
    pictures, truth = panned(10, 14, clip("flower.mp4", 10, 1)[0][:300, :500], 60)
    shape = pictures[1001].shape[:2]
    tracked = track_shot(pictures, {1001: matte_of(truth[1001], shape, grow=2)})
    left = {frame: left_over(tracked[frame], curves, shape, 1.5) for frame, curves in truth.items()}
    assert max(left[frame] for frame in range(1001, 1005)) <= 10, left  # then it is beyond the border
    beyond = [curve.points[:, 0].max() for frame in range(1006, 1011) for curve in tracked[frame]]
    assert max(beyond, default=0) < 30, beyond  # a while it is looked for at the border, not in the picture


def test_a_hint_beyond_a_cut_says_nothing_of_the_shot_before_it() -> None:
    first, truth = panned(5, 1, clip("flower.mp4", 10, 1)[0][:300, :500], 200)
    then, other = panned(5, 1, clip("video/friday.mp4", 20, 1)[0][:300, :500], 230)
    pictures = {**first, **{frame + 5: picture for frame, picture in then.items()}}
    shape = pictures[1001].shape[:2]
    hints = {1001: matte_of(truth[1001], shape, grow=2), 1010: matte_of(other[1005], shape, grow=2)}
    tracked = track_shot(pictures, hints)
    alone = track_shot(first, {1001: hints[1001]})
    for frame in range(1001, 1006):
        assert [c.points.tolist() for c in tracked[frame]] == [c.points.tolist() for c in alone[frame]]


def test_frames_on_which_a_wire_is_hardly_seen_are_listed() -> None:
    """The wire ends on the fourth frame; what is drawn on from there is a guess, and named as one."""
    plates = clip("video/car-detection.mp4", 40, 8)
    pictures, truth = with_wire(plates, 0.06, 0.0)
    gone = {frame: picture if frame <= 1004 else plates[frame - 1001] for frame, picture in pictures.items()}
    text = encode(track_shot(gone, {1001: matte_of(truth[1001], plates[0].shape[:2], grow=2)}))
    assert doubted_frames(text) == [1005, 1006, 1007, 1008]
    assert doubted_frames("") == []
