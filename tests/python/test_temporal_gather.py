"""Pixels brought from other frames: what is put into a hole, how sure it is, and that nothing jumps in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import pytest
from onelight.errors import RequestError
from onelight.temporal import grain
from onelight.temporal.combine import combine
from onelight.temporal.flow import covered
from onelight.temporal.gather import Brought, bring
from onelight.temporal.views import View
from temporalclips import SIZE, Shot, decibels, grainy, pan, seen, telea, texture, wire, zoom

SCENE = texture(2 * SIZE[0], 2 * SIZE[1], 1)
TIMES = (-2, -1, 0, 1, 2)


def shot(camera: Callable[[float], np.ndarray] = pan, times: tuple[int, ...] = TIMES, **moves: float) -> Shot:
    clean = {time: grainy(seen(SCENE, camera(time)), time + 50) for time in times}
    return Shot.of(clean, **moves)


def bring_all(
    here: np.ndarray,
    hole: np.ndarray,
    others: Mapping[int, tuple[np.ndarray, np.ndarray | None]],
    vectors: Mapping[int, np.ndarray] | None = None,
) -> list[Brought]:
    mine, given = View(here, hole), vectors or {}
    return [bring(mine, hole, there, matte, offset, given.get(offset)) for offset, (there, matte) in others.items()]


def gathered(given: Shot, around: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return combine(bring_all(given.plates[around], given.holes[around], given.others(around)))


@pytest.mark.parametrize("camera", [pan, zoom, lambda time: pan(time, 0.0, 0.0)], ids=["pan", "zoom", "locked off"])
def test_what_motion_reveals_comes_back_far_better_than_inpainting(camera: Callable[[float], np.ndarray]) -> None:
    given = shot(camera)
    pixels, sure, _ = gathered(given)
    hole = given.holes[0] > 0
    assert sure[hole].mean() > 0.9
    good = hole & (sure > 0.5)
    ours = decibels(pixels, given.clean[0], good)
    assert ours > decibels(telea(given.plates[0], hole), given.clean[0], good) + 6


def test_a_performer_in_front_of_another_plane_does_not_spoil_the_fill() -> None:
    subject = texture(2 * SIZE[0], 2 * SIZE[1], 8)
    down, across = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    clean = {}
    for time in TIMES:
        cover = np.clip(45.5 - np.hypot(across - 160 + 4.7 * time, down - 90), 0, 1)[..., None]
        front = seen(subject, pan(time, 4.7, 0.0))
        clean[time] = grainy(seen(SCENE, pan(time)) * (1 - cover) + front * cover, time + 9)
    given = Shot.of(clean)
    pixels, sure, _ = gathered(given)
    good = (given.holes[0] > 0) & (sure > 0.5)
    assert good.sum() > 0.85 * (given.holes[0] > 0).sum()
    filled = telea(given.plates[0], given.holes[0])
    assert decibels(pixels, given.clean[0], good) > decibels(filled, given.clean[0], good) + 3


def test_a_hole_wider_than_any_window_is_filled_to_its_middle() -> None:
    given = shot(lambda time: pan(time, 40.0, 0.0), times=(0, 1))
    holes = {time: np.zeros(SIZE, np.float32) for time in (0, 1)}
    for time in (0, 1):
        holes[time][:, 130 - 110 * time : 200 - 110 * time] = 1
    one = bring(given.clean[0], holes[0], given.clean[1], holes[1], 1)
    assert (one.sure[holes[0] > 0] > 0.5).mean() > 0.9
    assert decibels(one.pixels, given.clean[0], (holes[0] > 0) & (one.sure > 0.5)) > 35


def test_a_background_hidden_in_every_frame_is_not_sure() -> None:
    given = shot(lambda time: pan(time, 0.0, 0.0), x=0.0, y=0.0)
    _, sure, offset = gathered(given)
    inside = given.holes[0] > 0.99
    assert (sure[inside] < 0.01).all()
    assert (offset[inside] == 0).all()


def test_what_is_hidden_in_the_neighbour_is_never_taken_from_it() -> None:
    given = shot()
    poisoned = given.plates[1].copy()
    poisoned[given.holes[1] > 0] = 1000.0
    one = bring(given.plates[0], given.holes[0], poisoned, given.holes[1], 1)
    assert one.pixels[one.sure > 0].max() < 20


def test_a_change_of_exposure_and_colour_between_frames_is_taken_out() -> None:
    given = shot()
    gain = np.array([1.3, 1.15, 0.9], np.float32)
    plain = bring(given.plates[0], given.holes[0], given.plates[1], given.holes[1], 1)
    brighter = bring(given.plates[0], given.holes[0], given.plates[1] * gain, given.holes[1], 1)
    good = (given.holes[0] > 0) & (plain.sure > 0.5) & (brighter.sure > 0.5)
    assert good.sum() > 0.8 * (plain.sure[given.holes[0] > 0] > 0.5).sum()
    before, after = (decibels(one.pixels, given.clean[0], good) for one in (plain, brighter))
    assert after > before - 1


def test_twice_the_light_in_gives_twice_the_light_out_and_is_as_sure() -> None:
    given = shot()
    plain = bring(given.plates[0], given.holes[0], given.plates[1], given.holes[1], 1)
    double = bring(given.plates[0] * 2, given.holes[0], given.plates[1] * 2, given.holes[1], 1)
    assert np.array_equal(double.sure, plain.sure)
    assert np.allclose(double.pixels, plain.pixels * 2, rtol=1e-6)


def test_the_same_frames_give_the_same_bits_on_any_number_of_threads() -> None:
    given, threads, found = shot(zoom), cv2.getNumThreads(), []
    try:
        for count in (1, 2, 5):
            cv2.setNumThreads(count)
            found.append(gathered(given))
    finally:
        cv2.setNumThreads(threads)
    for other in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_a_passer_by_in_one_neighbour_is_outvoted() -> None:
    given = shot(lambda time: pan(time, 0.0, 0.0), times=(-2, -1, 0, 1, 2))
    walker = (slice(40, 140), slice(90, 150))
    given.plates[-1][walker] = texture(100, 60, 33, 1.2) * 2
    pixels, sure, offset = gathered(given)
    inside = np.zeros(SIZE, bool)
    inside[walker] = True
    good = inside & (given.holes[0] > 0) & (sure > 0.5)
    assert good.sum() > 0.5 * (inside & (given.holes[0] > 0)).sum()
    assert (offset[good] == -1).mean() < 0.05
    assert decibels(pixels, given.clean[0], good) > 35


def test_grain_is_as_strong_inside_as_outside() -> None:
    given = shot()
    pixels, sure, _ = gathered(given)
    inside = ((given.holes[0] > 0) & (sure > 0.5)).astype(np.float32)
    around = cv2.dilate(inside, np.ones((31, 31), np.uint8)) * (given.holes[0] <= 0)
    assert 0.8 < grain.ratio(pixels, given.clean[0], inside, around) < 1.1


def test_the_fill_flickers_no_more_than_the_shot_around_it() -> None:
    given = shot(lambda time: pan(time, 1.0, 0.0), times=tuple(range(-2, 5)))
    made = []
    for now in range(3):
        near = {
            time - now: pair
            for time, pair in ((t + now, p) for t, p in given.others(now).items())
            if abs(time - now) <= 2
        }
        pixels, sure, _ = combine(bring_all(given.plates[now], given.holes[now], near))
        made.append((np.where(given.holes[now][..., None] > 0, pixels, given.plates[now]), sure))
    inside, outside = [], []
    for now in (1, 2):  # the camera moves by one pixel a frame: frames overlay exactly
        change = np.abs(made[now][0][:, :-1] - made[now - 1][0][:, 1:]).mean(axis=-1)
        either = np.maximum(given.holes[now][:, :-1], given.holes[now - 1][:, 1:]) > 0
        known = (made[now][1][:, :-1] > 0.5) & (made[now - 1][1][:, 1:] > 0.5)
        plain = cv2.dilate(either.astype(np.uint8), np.ones((21, 21), np.uint8)).astype(bool) & ~either
        inside.append(change[either & (known | (given.holes[now][:, :-1] <= 0))].mean())
        outside.append(change[plain].mean())
    assert sum(inside) < 1.15 * sum(outside)


def test_vectors_overrule_the_flow() -> None:
    given = shot()
    true = np.zeros((*SIZE, 2), np.float32)
    true[...] = (-2.3, -1.1)
    right, wrong = (
        bring(given.plates[0], given.holes[0], given.plates[1], given.holes[1], 1, vectors)
        for vectors in (true, true + np.float32(9))
    )
    good = (given.holes[0] > 0) & (right.sure > 0.5)
    assert decibels(right.pixels, given.clean[0], good) > 38
    assert decibels(wrong.pixels, given.clean[0], good) < 25
    assert wrong.sure[good].mean() < 0.3


def test_a_clean_plate_of_another_shot_is_not_sure() -> None:
    given = shot()
    other = bring(given.plates[0], given.holes[0], texture(*SIZE, 77), None, 0)
    assert other.sure[given.holes[0] > 0].mean() < 0.1


def test_an_empty_hole_brings_nothing_and_a_hole_over_all_the_frame_fails_nothing() -> None:
    given = shot()
    nothing = bring(given.plates[0], np.zeros(SIZE, np.float32), given.plates[1], None, 1)
    assert not nothing.sure.any() and not nothing.pixels.any()
    everything = bring(given.plates[0], np.ones(SIZE, np.float32), given.plates[1], np.ones(SIZE, np.float32), 1)
    assert not everything.sure.any() and np.isfinite(everything.pixels).all()


@pytest.mark.parametrize("size", [(1, 1), (7, 31), (64, 65)])
def test_pictures_of_any_size_are_taken(size: tuple[int, int]) -> None:
    picture = texture(max(size[0], 8), max(size[1], 8), 3)[: size[0], : size[1]]
    hole = np.zeros(size, np.float32)
    hole[size[0] // 2, size[1] // 2] = 1
    one = bring(picture, hole, picture, None, 1)
    assert one.pixels.shape == (*size, 3) and np.isfinite(one.pixels).all() and np.isfinite(one.sure).all()


def test_a_frame_wider_than_is_matched_at_full_size_is_filled_as_exactly() -> None:
    size = (451, 1603)  # odd, and matched at half size
    scene = texture(2 * size[0], 2 * size[1], 4)
    times = (0, 1)
    clean = {time: seen(scene, pan(time, 3.4, 1.7, size), size) for time in times}
    holes = {time: cv2.dilate(wire(time, 6, 25, -9, size), np.ones((5, 5), np.uint8)) for time in times}
    one = bring(clean[0] * (1 - holes[0][..., None]), holes[0], clean[1] * (1 - holes[1][..., None]), holes[1], 1)
    hole = holes[0] > 0
    good = hole & (one.sure > 0.5)
    assert good.sum() > 0.85 * hole.sum()
    assert decibels(one.pixels, clean[0], good) > 45


@pytest.mark.parametrize("what", ["picture", "matte", "vectors"])
def test_another_size_is_refused_with_the_frame_and_both_sizes_named(what: str) -> None:
    here, hole, small = np.ones((40, 60, 3), np.float32), np.ones((40, 60), np.float32), np.ones((20, 60), np.float32)
    there = cv2.merge([small] * 3) if what == "picture" else here
    vectors = cv2.merge([small] * 2) if what == "vectors" else None
    with pytest.raises(RequestError, match=rf"The {what} of the frame at -3 is 60 x 20; the plate is 60 x 40"):
        bring(here, hole, there, small if what == "matte" else None, -3, vectors)


def test_beside_the_hole_nothing_of_another_frames_wire_is_brought() -> None:
    given = shot()
    hole = given.holes[0] > 0
    beside = (cv2.dilate(hole.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0) & ~hole
    for offset, (there, matte) in given.others(0).items():
        bright = 4 * given.clean[0].max()  # a wire that nobody could overlook
        marked = np.where(covered(matte)[..., None] > 0, bright, there)
        one = bring(given.plates[0], given.holes[0], marked, matte, offset)
        told = beside & (one.sure > 0.5)
        assert told.sum() > 500
        assert one.pixels[told].max() < 0.3 * bright


def test_combining_nothing_is_refused() -> None:
    with pytest.raises(RequestError, match="no neighbours"):
        combine([])


def test_of_neighbours_that_agree_the_nearest_gives_the_pixel() -> None:
    value, sure = np.full((16, 16, 3), 0.5, np.float32), np.ones((16, 16), np.float32)
    stack = [Brought(value + np.float32(0.001) * k, sure, k) for k in (4, -2, 1)]
    _, certain, offset = combine(stack)
    assert (offset == 1).all() and (certain > 0.95).all()


def test_one_neighbour_that_differs_from_two_is_not_taken_even_if_it_is_the_nearest() -> None:
    value, sure = np.full((16, 16, 3), 0.5, np.float32), np.ones((16, 16), np.float32)
    stack = [Brought(value * factor, sure, k) for k, factor in ((1, 3.0), (-2, 1.0), (2, 1.01))]
    pixels, _, offset = combine(stack)
    assert (offset == -2).all()
    assert np.allclose(pixels, 0.5, rtol=0.02)


def test_where_a_neighbours_pixels_end_beside_an_edge_the_edge_is_not_bent() -> None:
    x = np.arange(48, dtype=np.float32)[None, :, None]
    picture = np.broadcast_to(0.1 + 0.9 / (1 + np.exp(-(x - 23) / 1.5)), (32, 48, 3)).astype(np.float32)
    left, right = (np.broadcast_to(side, (32, 48)).astype(np.float32) for side in (x[..., 0] < 24, x[..., 0] >= 22))
    pixels, sure, _ = combine(
        [Brought(picture * one[..., None], one, k) for one, k in ((left, 1), (right, -1), (np.ones_like(left), 2))]
    )
    assert (sure > 0.9).all()
    np.testing.assert_allclose(pixels[8:-8, 8:-8], picture[8:-8, 8:-8], rtol=0.01)


def test_beside_a_highlight_that_lies_a_fraction_of_a_pixel_off_nothing_gets_darker_than_any_frame_shows() -> None:
    x = np.arange(48, dtype=np.float32)[None, :, None]

    def highlight(at: float) -> np.ndarray:
        return np.broadcast_to(0.1 + 20 / (1 + np.exp(np.clip(4 * (at - x), -50, 50))), (32, 48, 3)).astype(np.float32)

    sure = np.ones((32, 48), np.float32)
    frames = [Brought(highlight(at), sure, k) for k, at in ((1, 24.0), (-1, 24.3), (2, 24.5), (-2, 24.4))]
    pixels, _, _ = combine(frames)
    assert pixels.min() > 0.085
