"""Motion between frames, and pictures moved along it, against motion that is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from onelight.temporal import flow
from onelight.temporal.encode import blocks, coded, middle, spread
from temporalclips import SIZE, grainy, pan, seen, texture, wire

SCENE = texture(2 * SIZE[0], 2 * SIZE[1], 2)


def inner(image: np.ndarray) -> np.ndarray:
    return image[24:-24, 24:-24]


@pytest.mark.parametrize("gain", [1.0, 2.5])
@pytest.mark.parametrize("move", [(3.4, -1.7), (-14.0, 6.0)])
def test_dense_flow_finds_a_known_motion_also_when_the_exposure_changes(move: tuple[float, float], gain: float) -> None:
    here, there = (grainy(seen(SCENE, pan(time, *move)), time) for time in (0, 1))
    found = flow.dense(here, there * np.float32(gain))
    assert np.median(np.abs(inner(found) + np.array(move, np.float32))) < 0.3


def test_inside_the_matte_the_flow_is_that_of_the_background() -> None:
    hole = cv2.dilate(wire(0, 9), np.ones((5, 5), np.uint8))
    cover = wire(0, 9)[..., None]  # the wire stays where it is while the background moves
    here, there = (seen(SCENE, pan(time, 5.0, 2.0)) * (1 - cover) for time in (0, 1))
    found = flow.dense(here, there, hole)
    inside = inner(found)[inner(hole) > 0.99]
    assert np.abs(np.median(inside, axis=0) - (-5.0, -2.0)).max() < 1.0


def test_where_a_thing_was_hidden_the_flow_is_in_doubt() -> None:
    front = texture(2 * SIZE[0], 2 * SIZE[1], 5)
    cover = [np.zeros((*SIZE, 1), np.float32) for _ in range(2)]
    cover[0][50:130, 100:180] = 1
    cover[1][50:130, 130:210] = 1
    here, there = (seen(SCENE, pan(0)) * (1 - c) + seen(front, pan(-t, 30.0, 0.0)) * c for t, c in enumerate(cover))
    missed = flow.doubt(flow.dense(here, there), flow.dense(there, here))
    assert np.median(missed[60:120, 188:202]) > 3  # seen here, hidden there
    assert np.median(missed[20:40, 30:290]) < 0.5


def test_warping_by_whole_pixels_copies_and_by_parts_of_one_keeps_detail() -> None:
    picture = seen(SCENE, pan(0))
    step = np.zeros((*SIZE, 2), np.float32)
    step[...] = (3, -2)
    moved, valid = flow.warp(picture, step)
    assert np.array_equal(moved[2:, :-3], picture[:-2, 3:])
    assert valid[2:, :-3].all() and not valid[:2].any() and not valid[:, -3:].any()
    step[...] = (0.5, 0.25)
    moved, _ = flow.warp(picture, step)
    truth = seen(SCENE, pan(1, 0.5, 0.25))
    assert np.abs(inner(moved) - inner(truth)).mean() < 0.02 * inner(truth).mean()


def test_a_highlight_of_a_linear_picture_does_not_ring() -> None:
    picture = np.full((40, 40, 3), 0.1, np.float32)
    picture[18:22, 18:22] = 500.0
    step = np.full((40, 40, 2), 0.5, np.float32)
    moved, _ = flow.warp(picture, step)
    assert moved.min() > 0.08
    assert moved.max() < 551


@pytest.mark.parametrize("size", [(1, 1), (9, 200), (30, 30)])
def test_pictures_too_small_for_motion_are_taken_to_stand_still(size: tuple[int, int]) -> None:
    picture = np.ones((*size, 3), np.float32)
    assert np.allclose(flow.dense(picture, picture), 0, atol=1e-3)


def test_a_coded_picture_is_the_same_for_twice_the_light_under_twice_the_level() -> None:
    picture = seen(SCENE, pan(0))
    assert middle(picture * 2) == 2 * middle(picture)
    assert np.array_equal(coded(picture * 2, 0.36), coded(picture, 0.18))
    assert np.isfinite(coded(np.array([[[-1.0, 0.0, 1e30]]], np.float32), 0.18)).all()


def test_spreading_leaves_what_is_known_and_goes_on_smoothly_where_it_is_not() -> None:
    down, across = np.mgrid[0:90, 0:120].astype(np.float32)
    ramp = across * np.float32(0.1) + down * np.float32(0.05)
    weight = 1 - (np.abs(across - 60) < 8).astype(np.float32)
    filled = spread(ramp * weight, weight)
    assert np.array_equal(filled[weight > 0], ramp[weight > 0])
    assert np.abs(filled - ramp).max() < 0.5


def test_blocks_are_anchored_top_left_whatever_the_size() -> None:
    picture = texture(30, 41, 6)
    small = blocks(picture, 2)
    assert small.shape == (15, 21, 3)
    assert np.allclose(small[3, 5], picture[6:8, 10:12].mean(axis=(0, 1)), rtol=1e-5)
