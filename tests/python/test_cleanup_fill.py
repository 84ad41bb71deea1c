"""What Cleanup puts where wires were: which source, how well, how it joins, and what it must never touch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from onelight.temporal.encode import middle
from onelight.temporal.gather import Brought
from onelight.temporal.grain import Grain, ratio
from onelight.tools.cleanup import matching
from onelight.tools.cleanup.curves import Curve
from onelight.tools.cleanup.fill import FAINT, Filled, From, fill

SHAPE = (160, 240)


def scene(seed: int = 3, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Overlapping shaded shapes with straight edges, some three stops apart, and a highlight: linear [H, W, 3]."""
    random = np.random.default_rng(seed)
    height, width = shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    out = np.full((height, width, 3), 0.18, np.float32) * (1 + 0.5 * (y / height)[..., None])
    for _ in range(24):
        angle, reach = random.uniform(0, np.pi), random.uniform(20, 60)
        cx, cy = random.uniform(0, width), random.uniform(0, height)
        u, v = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle), (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        cover = np.clip(reach + 0.5 - np.abs(u), 0, 1) * np.clip(reach * 0.6 + 0.5 - np.abs(v), 0, 1)
        paint = random.uniform(0.04, 0.5, 3).astype(np.float32) * (1 + 0.3 * u / reach)[..., None]
        out += cover[..., None] * (paint - out)
    return np.maximum(out, 0)


def wire(width: float, shape: tuple[int, int] = SHAPE, shift: float = 0.0) -> np.ndarray:
    """The matte [H, W] of two wires that cross, `width` px across and a pixel soft."""
    height, right = shape
    y, x = np.mgrid[0:height, 0:right].astype(np.float32)
    one = np.abs(y - 0.35 * height - 0.25 * x + shift) / np.hypot(1, 0.25)
    two = np.abs(y - 0.9 * height + 0.5 * x + shift) / np.hypot(1, 0.5)
    return np.clip(width / 2 + 0.5 - np.minimum(one, two), 0, 1).astype(np.float32)


def hidden(picture: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """The picture with a dark wire over it."""
    return picture * (1 - matte[..., None]) + np.float32(0.004) * matte[..., None]


def filled(plate: np.ndarray, matte: np.ndarray, neighbours: Sequence[Brought] = (), **more: Any) -> Filled:
    options: dict[str, Any] = {
        "protect": None,
        "wardrobe": False,
        "curves": [],
        "level": middle(np.nan_to_num(plate, posinf=0, neginf=0)),
        "grain": None,
        "regrain": 1.0,
        "seed": 1,
        "check": lambda: None,
    }
    return fill(plate, matte, neighbours, **{"clean": None, **options, **more})


def grown(matte: np.ndarray) -> np.ndarray:
    """The wire and a little more on each side, as it is drawn by default."""
    return cv2.GaussianBlur(cv2.dilate(matte, np.ones((3, 3), np.uint8)), (3, 3), 0)


def noise(result: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    """Masked PSNR in dB of stops, over 8 stops."""
    stops = (np.log2(np.maximum(image, 0) + np.float32(0.005)) for image in (result, truth))
    error = (next(stops) - next(stops))[where]
    return float(-10 * np.log10(np.mean(error**2) / 64))


def inpainted(plate: np.ndarray, hole: np.ndarray, method: int) -> np.ndarray:
    """OpenCV's inpainting in stops, on floats scaled so that its rounding does not count."""
    stops = (np.log2(np.maximum(plate, 0) + np.float32(0.005)) + 10) * 1000
    done = [cv2.inpaint(np.ascontiguousarray(stops[..., c]), hole.astype(np.uint8), 4, method) for c in range(3)]
    return np.exp2(np.stack(done, axis=-1) / 1000 - 10) - np.float32(0.005)


def brought(picture: np.ndarray, hole: np.ndarray, sure: float | np.ndarray = 1.0, offset: int = 1) -> Brought:
    """What another frame shows in the hole and a ring around it."""
    ring = cv2.dilate((hole > 0).astype(np.uint8), np.ones((33, 33), np.uint8)) > 0
    return Brought(np.where(ring[..., None], picture, 0), np.where(ring, sure, 0).astype(np.float32), offset)


@pytest.mark.parametrize("width", [2, 4, 8, 12])
def test_what_nobody_sees_is_made_better_than_by_telea_and_navier_stokes(width: int) -> None:
    gains = []
    for seed in (3, 4, 5):
        truth, matte = scene(seed), wire(width)
        plate, cover = hidden(truth, matte), grown(matte)
        hole = cover > FAINT
        ours = noise(filled(plate, cover).pixels, truth, hole)
        theirs = (inpainted(plate, hole, m) for m in (cv2.INPAINT_TELEA, cv2.INPAINT_NS))
        gains.append(ours - max(noise(other, truth, hole) for other in theirs))
    assert np.mean(gains) >= 2, gains


def test_an_edge_that_crosses_a_wire_goes_on_straight() -> None:
    y, x = np.mgrid[0:96, 0:96].astype(np.float32)
    truth = np.where((x - 48 + 0.7 * (y - 48))[..., None] > 0, 0.8, 0.1).astype(np.float32).repeat(3, axis=2)
    matte = (np.abs(y - 48) <= 4).astype(np.float32)
    result = filled(hidden(truth, matte), matte).pixels
    row = result[48, :, 0]
    crossing = float(np.interp(0.3, row, np.arange(96)))  # the row is dark, then bright
    assert abs(crossing - 48) < 1.5
    assert np.count_nonzero((row > 0.2) & (row < 0.7)) <= 4  # as sharp as it can be


def test_outside_the_matte_the_plate_stays_bit_for_bit_whatever_it_holds() -> None:
    plate, matte = hidden(scene(), wire(4)), grown(wire(4))
    outside = matte <= FAINT
    random = np.random.default_rng(0)
    for value in (np.nan, np.inf, -np.inf, -0.3, 6e4, 1e30):
        rows, columns = random.integers(0, SHAPE[0], 200), random.integers(0, SHAPE[1], 200)
        plate[rows, columns, random.integers(0, 3, 200)] = value
    result = filled(plate, matte, level=0.2)
    np.testing.assert_array_equal(result.pixels[outside], plate[outside])
    inside = result.pixels[~outside]
    assert np.isfinite(inside).all()
    assert np.median(inside) < 1


def test_a_broken_pixel_next_to_the_wire_does_not_spread_into_it() -> None:
    truth, matte = scene(), wire(4)
    plate, cover = hidden(truth, matte), grown(matte)
    good = filled(plate, cover).pixels
    rim = (cv2.dilate((cover > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & (cover <= 0)
    rows, columns = (axis[::17] for axis in np.nonzero(rim))
    plate[rows, columns] = np.nan
    hole = cover > FAINT
    result = filled(plate, cover).pixels
    assert np.isfinite(result[hole]).all()
    assert noise(result, truth, hole) > noise(good, truth, hole) - 1


def test_twice_the_light_gives_twice_the_result() -> None:
    plate, matte = hidden(scene(), wire(6)), grown(wire(6))
    once, twice = filled(plate, matte), filled(plate * 2, matte)
    np.testing.assert_allclose(twice.pixels, once.pixels * 2, rtol=1e-4, atol=1e-5)


def test_pixels_of_other_frames_come_first_and_are_said_to() -> None:
    truth, matte = scene(), wire(8)
    plate, cover = hidden(truth, matte), grown(wire(8))
    hole = cover > FAINT
    result = filled(plate, cover, [brought(truth, cover, offset=-2)], clean=brought(truth * 2, cover))
    assert (result.source[hole] == From.NEIGHBOUR).all()
    assert (result.offset[hole] == -2).all()
    assert (result.source[~hole] == From.PLATE).all()
    assert noise(result.pixels, truth, hole) > 50


def test_where_neighbours_end_the_clean_plate_goes_on_and_then_interpolation() -> None:
    truth, matte = scene(), wire(6)
    plate, cover = hidden(truth, matte), grown(matte)
    x = np.arange(SHAPE[1])
    left, middle_ = (np.broadcast_to(part, SHAPE).astype(np.float32) for part in (x < 80, x < 160))
    result = filled(plate, cover, [brought(truth, cover, left)], clean=brought(truth, cover, middle_))
    hole = cover > FAINT
    for part, wanted in ((x < 70, From.NEIGHBOUR), ((x > 90) & (x < 150), From.CLEAN), (x > 170, From.ACROSS)):
        found = result.source[:, part][hole[:, part]]
        assert (found == wanted).mean() > 0.9, wanted
    assert noise(result.pixels, truth, hole & (x < 70)) > 50


def test_sources_meet_without_a_seam() -> None:
    """Two sources of different brightness: along the wire nothing jumps where one ends."""
    truth = np.full((*SHAPE, 3), 0.2, np.float32)
    matte = wire(6)
    plate, cover = hidden(truth, matte), grown(matte)
    left = np.broadcast_to(np.arange(SHAPE[1]) < 120, SHAPE).astype(np.float32)
    result = filled(plate, cover, [brought(truth * 1.15, cover, left)]).pixels
    solid = cv2.erode((cover >= 1).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    both = solid[:, 1:] & solid[:, :-1]
    steps = np.abs(np.diff(np.log2(result[..., 1]), axis=1))[both]
    assert steps.max() < 0.02


def test_a_source_that_is_brighter_is_matched_to_the_ring_and_keeps_its_detail() -> None:
    truth, matte = scene(), wire(10)
    plate, cover = hidden(truth, matte), grown(matte)
    hole = cover > FAINT
    fall = np.linspace(0.8, 1.3, SHAPE[1], dtype=np.float32)[None, :, None]
    result = filled(plate, cover, [brought(truth * fall, cover)]).pixels
    assert noise(result, truth, hole) > noise(truth * fall, truth, hole) + 12


def test_colour_is_matched_by_what_most_of_the_ring_says() -> None:
    """Something stands in part of the ring in the other frame: it does not tint the fill."""
    code = np.zeros((80, 80, 3), np.float32)
    known = np.ones((80, 80), bool)
    known[36:44] = False
    other = code - np.float32(0.05)
    other[28:36, 20:28] += 2.0
    result = matching.matched(code, known, other, np.ones((80, 80), np.float32))
    assert np.abs(result[36:44]).max() < 0.05


def test_the_grain_of_the_shot_is_put_where_pixels_are_made_and_only_there() -> None:
    random, shape = np.random.default_rng(5), (360, 480)
    smooth = cv2.GaussianBlur(scene(shape=shape), (0, 0), 6)

    def grained() -> np.ndarray:
        return smooth * (1 + np.float32(0.04) * random.standard_normal(smooth.shape, np.float32))

    matte = wire(8, shape)
    plate, cover = hidden(grained(), matte), grown(matte)
    grain = Grain.measure([plate], [cover])
    solid = (cover >= 1).astype(np.float32)
    ring = np.clip(cv2.dilate(cover, np.ones((25, 25), np.uint8)) - (cover > 0), 0, 1)
    made, bare = (filled(plate, cover, grain=grain, regrain=amount).pixels for amount in (1.0, 0.0))
    assert 0.9 <= ratio(made, plate, solid, ring) <= 1.1
    assert ratio(bare, plate, solid, ring) < 0.5
    other = brought(grained(), cover)
    real, kept = (filled(plate, cover, [other], grain=grain, regrain=amount).pixels for amount in (1.0, 0.0))
    assert 0.9 <= ratio(real, plate, solid, ring) <= 1.1
    np.testing.assert_array_equal(real[cover >= 1], kept[cover >= 1])


def test_what_is_interpolated_changes_less_from_frame_to_frame_where_neighbours_show_its_surround() -> None:
    smooth, matte = scene(), wire(6)
    cover, random = grown(matte), np.random.default_rng(9)

    def grained() -> np.ndarray:
        return smooth * (1 + np.float32(0.04) * random.standard_normal(smooth.shape, np.float32))

    def cleaned(around: int) -> np.ndarray:
        plate = grained()
        beside = (cover <= 0).astype(np.float32)
        others = [brought(grained(), cover, beside, offset + 1) for offset in range(around)]
        return filled(hidden(plate, matte), cover, others, grain=Grain.measure([plate], [cover]), regrain=0.0).pixels

    alone, among = (cleaned(around) - cleaned(around) for around in (0, 4))
    inside = cover >= 1
    assert among[inside].std() < 0.65 * alone[inside].std()


def test_a_neighbour_that_shows_another_thing_beside_the_wire_has_no_part_in_what_is_interpolated() -> None:
    plate, cover = hidden(scene(), wire(6)), grown(wire(6))
    beside = (cover <= 0).astype(np.float32)
    np.testing.assert_allclose(
        filled(plate, cover, [brought(scene() * 2, cover, beside)]).pixels, filled(plate, cover).pixels, rtol=0.02
    )


def test_grain_that_was_measured_too_strong_is_not_put_in_stronger_than_beside_the_wire() -> None:
    """Where a level is seen in texture only, the measurement takes texture for grain."""
    random, shape = np.random.default_rng(6), (240, 320)
    smooth = cv2.GaussianBlur(scene(shape=shape), (0, 0), 6)
    plate = smooth * (1 + np.float32(0.02) * random.standard_normal(smooth.shape, np.float32))
    matte = wire(8, shape)
    cover = grown(matte)
    dot = np.zeros((7, 7, 3), np.float32)
    dot[3, 3] = 1
    levels = np.array([0.01, 1.0])
    grain = Grain(levels, 0.1 * levels[:, None].repeat(3, axis=1), dot, np.eye(3, dtype=np.float32))
    result = filled(hidden(plate, matte), cover, grain=grain).pixels
    ring = np.clip(cv2.dilate(cover, np.ones((25, 25), np.uint8)) - (cover > 0), 0, 1)
    assert 0.9 <= ratio(result, plate, (cover >= 1).astype(np.float32), ring) <= 1.1


def test_grain_changes_with_the_seed_and_with_nothing_else() -> None:
    plate, matte = hidden(scene(), wire(4)), grown(wire(4))
    grain = Grain.measure([plate * (1 + 0.05 * np.random.default_rng(1).standard_normal(plate.shape, np.float32))])
    once, again, other = (filled(plate, matte, grain=grain, seed=seed).pixels for seed in (7, 7, 8))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


def test_nothing_is_made_of_a_performer_and_what_is_left_there_needs_paint() -> None:
    plate, matte = hidden(scene(), wire(6)), grown(wire(6))
    protect = np.zeros(SHAPE, np.float32)
    protect[:, 60:120] = 1
    result = filled(plate, matte, protect=protect, clean=brought(scene(), matte))
    inside = (matte > FAINT) & (protect > 0)
    assert (result.source[inside] == From.PAINT).all()
    np.testing.assert_array_equal(result.pixels[inside], plate[inside])
    assert (result.source[(matte > FAINT) & (protect <= 0)] == From.CLEAN).mean() > 0.95


def test_a_performer_is_mended_with_the_shots_own_pixels() -> None:
    truth, matte = scene(), grown(wire(6))
    plate = hidden(truth, wire(6))
    protect = np.ones(SHAPE, np.float32)
    half = np.broadcast_to(np.arange(SHAPE[1]) < 120, SHAPE).astype(np.float32)
    result = filled(plate, matte, [brought(truth, matte, half)], protect=protect)
    hole = matte > FAINT
    left, right = (hole & np.broadcast_to(part, SHAPE) for part in (half > 0, half <= 0))
    assert (result.source[left] == From.NEIGHBOUR).all()
    assert (result.source[right] == From.PAINT).all()
    assert noise(result.pixels, truth, left) > 50


@pytest.mark.parametrize(("width", "wanted"), [(4, From.ACROSS), (24, From.PAINT)])
def test_wardrobe_is_interpolated_across_thin_wires_only_where_the_show_allows_it(width: int, wanted: From) -> None:
    y = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]][0].astype(np.float32)
    matte = (np.abs(y - 80) <= width / 2).astype(np.float32)
    plate, protect = hidden(scene(), matte), np.ones(SHAPE, np.float32)
    result = filled(plate, matte, protect=protect, wardrobe=True)
    assert (result.source[matte > 0] == wanted).all()


def test_a_background_beside_a_performer_is_not_made_of_the_performer() -> None:
    truth = np.full((*SHAPE, 3), 0.1, np.float32)
    truth[:, 120:] = (0.6, 0.3, 0.2)
    protect = np.zeros(SHAPE, np.float32)
    protect[:, 120:] = 1
    matte = np.zeros(SHAPE, np.float32)
    matte[78:84] = 1
    result = filled(hidden(truth, matte), matte, protect=protect)
    np.testing.assert_allclose(result.pixels[78:84, :120], 0.1, rtol=0.02)


def test_a_wide_leftover_is_called_made_and_is_better_than_telea() -> None:
    truth, matte = scene(), wire(30)
    plate, cover = hidden(truth, matte), grown(matte)
    result = filled(plate, cover)
    hole = cover > FAINT
    assert (result.source[hole] == From.MADE).mean() > 0.8
    telea = inpainted(plate, hole, cv2.INPAINT_TELEA)
    assert noise(result.pixels, truth, hole) > noise(telea, truth, hole) + 1


def test_curves_tell_which_way_to_look_across() -> None:
    """Streaks of noise on both sides: with the wire's direction known, less is blurred along it."""
    random = np.random.default_rng(2)
    truth = 0.2 + 0.02 * random.standard_normal((*SHAPE, 1), np.float32).repeat(3, axis=2)
    matte = np.zeros(SHAPE, np.float32)
    matte[78:82] = 1
    points = np.stack([np.arange(0, SHAPE[1] + 1, 8.0), np.full(31, 80.0)], axis=1).astype(np.float32)
    curve = Curve(points, np.full(31, 4, np.float32), 1.0)
    told, untold = (filled(hidden(truth, matte), matte, curves=curves).pixels[78:82] for curves in ([curve], []))
    assert np.diff(told, axis=1).std() > np.diff(untold, axis=1).std()


def test_a_matte_that_covers_everything_leaves_the_plate_and_asks_for_paint() -> None:
    plate = scene()
    result = filled(plate, np.ones(SHAPE, np.float32))
    np.testing.assert_array_equal(result.pixels, plate)
    assert (result.source == From.PAINT).all()
    assert (result.sure == 0).all()


def test_an_empty_matte_gives_the_plate() -> None:
    plate = scene()
    result = filled(plate, np.zeros(SHAPE, np.float32), [brought(plate, np.zeros(SHAPE))])
    np.testing.assert_array_equal(result.pixels, plate)
    assert not result.source.any() and (result.sure == 1).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (3, 5), (7, 3), (17, 16)])
def test_tiny_pictures_are_filled_too(shape: tuple[int, int]) -> None:
    plate = np.full((*shape, 3), 0.3, np.float32)
    matte = np.zeros(shape, np.float32)
    matte[0, 0] = 1
    result = filled(plate, matte)
    np.testing.assert_allclose(result.pixels, plate, rtol=1e-3)


def test_a_soft_matte_goes_over_softly() -> None:
    truth = np.full((*SHAPE, 3), 0.2, np.float32)
    plate = truth.copy()
    plate[60:100] = 0.4
    matte = np.zeros(SHAPE, np.float32)
    matte[60:100] = np.linspace(0.01, 1, 40, dtype=np.float32)[:, None]
    result = filled(plate, matte)
    share = (0.4 - result.pixels[60:100, 100, 0]) / 0.2
    np.testing.assert_allclose(share, matte[60:100, 100], atol=0.02)


def test_pixels_do_not_depend_on_what_else_is_in_the_matte() -> None:
    truth, matte = scene(shape=(160, 400)), np.zeros((160, 400), np.float32)
    matte[20:24, 20:100] = 1
    alone = filled(hidden(truth, matte), matte, level=0.2).pixels
    more = matte.copy()
    more[100:130, 300:320] = 1
    both = filled(hidden(truth, more), more, level=0.2).pixels
    np.testing.assert_array_equal(alone[:60, :140], both[:60, :140])


def test_the_fill_does_not_flicker_while_a_wire_moves() -> None:
    """A still background with the shot's grain; the wire drifts. Inside changes as much as outside."""
    random = np.random.default_rng(9)
    smooth = cv2.GaussianBlur(scene(), (0, 0), 2)
    frames, holes = [], []
    for time in range(4):
        plate = smooth * (1 + np.float32(0.03) * random.standard_normal(smooth.shape, np.float32))
        matte = wire(5, shift=0.4 * time)
        plate, cover = hidden(plate, matte), grown(matte)
        frames.append(filled(plate, cover, grain=Grain.measure([plate], [cover]), seed=time).pixels)
        holes.append(cover > FAINT)
    inside, outside = np.logical_and.reduce(holes), ~np.logical_or.reduce(holes)
    change = np.mean(
        [np.abs(np.log2(a / b)).mean(axis=-1) for a, b in zip(frames[1:], frames[:-1], strict=True)], axis=0
    )
    assert change[inside].mean() / change[outside].mean() <= 1.15


def test_a_render_that_nobody_waits_for_is_given_up() -> None:
    class GivenUp(Exception):
        pass

    def check() -> None:
        raise GivenUp

    stop: Callable[[], None] = check
    with pytest.raises(GivenUp):
        filled(hidden(scene(), wire(4)), grown(wire(4)), check=stop)
