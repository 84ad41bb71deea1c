"""From likely pixels to wires: linking, gaps and crossings, what is refused, mattes, and steadiness in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onelight.tools.cleanup import detect
from onelight.tools.cleanup.curves import Curve, beside, matte_of, sample, tangents
from onelight.tools.cleanup.link import drawn, link
from onelight.tools.cleanup.track import numbered, steadied
from scipy.spatial import KDTree
from wireshots import ground, left_over, wire

H, W = 270, 480
SHAPE = (H, W)


def line(x1: float, y1: float, x2: float, y2: float, across: float = 4.0, sag: float = 0.0) -> Curve:
    """A wire from one place to another that hangs through by `sag` px."""
    t = np.linspace(0, 1, 60)
    points = np.stack([x1 + (x2 - x1) * t, y1 + (y2 - y1) * t + 4 * sag * t * (1 - t)], axis=1)
    return Curve(points.astype(np.float32), np.full(60, across, np.float32), 1.0)


def seen(curves: list[Curve], likely: float = 0.9, seed: int = 3) -> detect.Found:
    """What a detector says of wires: uneven likelihood over each, its width and its tangent, a little of it noise."""
    noise = np.random.default_rng(seed)
    matte = np.zeros(SHAPE, np.float32)
    across, along = np.zeros(SHAPE, np.float32), np.zeros((*SHAPE, 2), np.float32)
    for curve in curves:
        one = matte_of([curve], SHAPE)
        y, x = np.nonzero(matte_of([curve], SHAPE, grow=1.5) > 0)
        nearest = KDTree(curve.points).query(np.stack([x, y], axis=1) + 0.5)[1]
        way = tangents(curve.points)[nearest]
        angle = 2 * np.arctan2(way[:, 1], way[:, 0]) + noise.normal(0, 0.15, len(x))
        along[y, x] = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        across[y, x] = curve.width[nearest] * noise.uniform(0.8, 1.25, len(x))
        matte = np.maximum(matte, one * likely)
    matte = matte * noise.uniform(0.75, 1.1, SHAPE).astype(np.float32)
    return detect.Found(np.clip(matte, 0, 1).astype(np.float32), across, along)


def stray(found: Curve, truth: Curve) -> float:
    """The furthest that a found wire lies from the true one, px."""
    dense = np.stack([np.interp(np.linspace(0, 59, 4000), np.arange(60), truth.points[:, k]) for k in (0, 1)], axis=1)
    return float(KDTree(dense).query(found.points)[0].max())


def test_a_wire_comes_back_as_one_smooth_curve_of_its_width() -> None:
    truth = line(-20, 40, 500, 120, across=5, sag=40)
    curves = link(seen([truth]), sensitivity=0.5)
    assert len(curves) == 1
    assert stray(curves[0], truth) < 0.6
    assert np.median(curves[0].width) == pytest.approx(5, rel=0.2)
    assert left_over(curves, [truth], SHAPE, 0.5) < 4
    steps = np.linalg.norm(np.diff(curves[0].points, axis=0), axis=1)
    assert steps.min() > 6
    assert steps.max() < 10


@pytest.mark.parametrize("across", [1.0, 2.0, 8.0, 20.0])
def test_wires_of_any_width_are_linked(across: float) -> None:
    truth = line(30, -10, 300, 290, across)
    curves = link(seen([truth]), sensitivity=0.5)
    assert len(curves) == 1
    assert left_over(curves, [truth], SHAPE, 1.0) < max(6, across)


def test_wires_that_cross_stay_two_wires() -> None:
    truth = [line(-10, 30, 490, 240), line(-10, 220, 490, 60)]
    curves = link(seen(truth), sensitivity=0.5)
    assert len(curves) == 2
    for one in truth:
        assert min(stray(curve, one) for curve in curves) < 1.0


def test_a_gap_is_bridged_where_the_wire_goes_on_in_the_same_direction() -> None:
    truth = line(-10, 60, 490, 150, sag=30)
    found = seen([truth])
    matte = found.matte.copy()
    matte[:, 220:244] = 0
    curves = link(replace(found, matte=matte), sensitivity=0.5)
    assert len(curves) == 1
    assert left_over(curves, [truth], SHAPE, 1.0) < 4


def test_lines_that_end_side_by_side_are_not_joined() -> None:
    truth = [line(-10, 100, 220, 100), line(240, 125, 490, 125)]
    curves = link(seen(truth), sensitivity=0.5)
    assert len(curves) == 2


def test_specks_and_wriggles_are_no_wires_however_likely() -> None:
    t = np.linspace(0, 1, 60)
    wriggle = np.stack([100 + 60 * t, 100 + 9 * np.sin(40 * t)], axis=1).astype(np.float32)
    specks = [line(40 + 60 * k, 200, 52 + 60 * k, 204) for k in range(6)]
    assert link(seen([Curve(wriggle, np.full(60, 4, np.float32), 1.0), *specks]), sensitivity=0.5) == []


def test_what_is_faint_is_found_with_more_sensitivity_and_nothing_without_any() -> None:
    found = seen([line(-10, 40, 490, 120)], likely=0.35)
    assert link(found, sensitivity=0.5) == []
    assert len(link(found, sensitivity=0.75)) == 1
    assert link(seen([line(-10, 40, 490, 120)]), sensitivity=0.0) == []


def test_widths_beyond_the_knobs_are_left_alone() -> None:
    found = seen([line(-10, 40, 490, 60, across=2), line(-10, 150, 490, 170, across=14)])
    assert [round(float(np.median(c.width))) > 8 for c in link(found, sensitivity=0.5, narrowest=6)] == [True]
    assert [round(float(np.median(c.width))) < 8 for c in link(found, sensitivity=0.5, widest=6)] == [True]


def test_keep_takes_a_wire_out_and_add_puts_one_in_whatever_was_found() -> None:
    there, missed = line(-10, 40, 490, 120), line(-10, 220, 490, 180)
    found = seen([there])
    add, keep = matte_of([missed], SHAPE, grow=2), matte_of([there], SHAPE, grow=6)
    for sensitivity in (0.5, 0.0):
        curves = link(found, sensitivity=sensitivity, add=add, keep=keep)
        assert len(curves) == 1
        assert stray(curves[0], missed) < 1.5


def test_a_drawn_stroke_becomes_a_curve_and_a_blob_a_short_one() -> None:
    truth = line(60, 40, 400, 230, across=9)
    curves = drawn(matte_of([truth], SHAPE))
    assert len(curves) == 1
    assert stray(curves[0], truth) < 1.0
    assert np.median(curves[0].width) == pytest.approx(9, abs=1)
    assert drawn(np.zeros(SHAPE, np.float32)) == []
    blob = np.zeros(SHAPE, np.float32)
    blob[100:130, 200:224] = 1
    covered = matte_of(drawn(blob), SHAPE, grow=1)
    assert covered[100:130, 200:224].mean() > 0.85


def test_a_matte_over_the_whole_frame_holds_no_line() -> None:
    assert drawn(np.ones(SHAPE, np.float32)) == []


def test_texture_alone_gives_no_wire() -> None:
    for seed in range(3):
        picture = ground(H, W, seed)
        assert link(detect.by_ridges(picture, 0.18), sensitivity=0.5) == []


def test_a_stroke_covers_exactly_what_the_wire_does() -> None:
    """Area in px squared: length times width, for wires thinner and wider than a pixel, at any slope."""
    for across in (0.5, 1.0, 3.0, 12.0):
        for down in (0.0, 37.0, 200.0):
            stroke = matte_of([line(-40, 30, 520, 30 + down, across)], SHAPE)
            length = W * np.hypot(1, down / 560)
            assert stroke.sum() == pytest.approx(across * length, rel=0.06), (across, down)
            assert stroke.max() <= 1


def test_grow_adds_to_both_sides_and_soften_widens_the_edge_around_the_same_place() -> None:
    wire_ = line(-40, 100.5, 520, 100.5, across=4)
    column = matte_of([wire_], SHAPE, grow=3)[:, 240]
    assert column.sum() == pytest.approx(10, abs=0.1)
    soft = matte_of([wire_], SHAPE, grow=3, soften=4)[:, 240]
    assert soft.sum() == pytest.approx(10, abs=0.3)
    assert ((soft > 0.02) & (soft < 0.98)).sum() >= 6


def test_a_wide_wire_keeps_the_outline_that_was_found() -> None:
    """A rod with a knob on it: the stroke alone would cut the knob off."""
    rod = line(-40, 100, 520, 100, across=16)
    found = seen([rod], likely=1.0)
    matte = found.matte.copy()
    matte[88:112, 230:250] = 1
    given = replace(found, matte=matte)
    assert matte_of([rod], SHAPE)[89:91, 232:248].mean() < 0.2
    assert matte_of([rod], SHAPE, found=given)[89:91, 232:248].mean() > 0.8
    assert matte_of([rod], SHAPE, found=found).sum() == pytest.approx(matte_of([rod], SHAPE).sum(), rel=0.03)
    far = matte.copy()
    far[20:60, 100:140] = 1  # what is found elsewhere is another matter
    assert matte_of([rod], SHAPE, found=replace(found, matte=far))[20:60, 100:140].max() == 0


def test_add_is_in_the_matte_as_drawn_and_keep_never() -> None:
    add, keep = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.float32)
    add[30:60, 40:90], keep[:, 200:210] = 0.7, 1
    matte = matte_of([line(-10, 150, 490, 150)], SHAPE, add=add, keep=keep)
    assert np.array_equal(matte[30:60, 40:90], add[30:60, 40:90])
    assert matte[:, 200:210].max() == 0


def still() -> np.ndarray:
    return np.zeros((*SHAPE, 2), np.float32)


@pytest.mark.parametrize(("before", "after"), [(-1, 1), (-1, 2), (-2, 1)])
def test_a_wire_that_is_lost_for_up_to_two_frames_is_kept_where_it_was_between(before: int, after: int) -> None:
    at = {offset: wire(H, W, 10 + offset) for offset in (before, 0, after)}
    flows = {offset: still() for offset in (before, after)}
    curves = steadied({before: [at[before]], 0: [], after: [at[after]]}, flows, (H, W))
    assert left_over(curves, [at[0]], SHAPE, 1.0) < 8


def test_the_stretch_of_a_wire_that_is_lost_is_filled_in() -> None:
    whole = wire(H, W, 10)
    half = replace(whole, points=whole.points[:30], width=whole.width[:30])
    curves = steadied({-1: [wire(H, W, 9)], 0: [half], 1: [wire(H, W, 11)]}, {-1: still(), 1: still()}, (H, W))
    assert left_over(curves, [whole], SHAPE, 1.0) < 8


def test_a_wire_seen_on_one_side_only_is_not_brought_back() -> None:
    assert steadied({-1: [wire(H, W, 9)], 0: [], 1: []}, {-1: still(), 1: still()}, (H, W)) == []
    three_lost = {-2: [wire(H, W, 8)], 0: [], 2: [wire(H, W, 12)]}
    assert steadied(three_lost, {-2: still(), 2: still()}, (H, W)) == []


@pytest.mark.parametrize("smaller", [1, 3])
def test_neighbours_come_along_the_flow(smaller: int) -> None:
    """The camera pans by 9 px: without the flow the wire would be put somewhere else. Flows are small pictures."""
    whole = line(100, -10, 180, 290)
    moved = {k: replace(whole, points=whole.points + np.array([9 * k, 0], np.float32)) for k in (-1, 2)}
    small = np.zeros((H // smaller, W // smaller, 2), np.float32)
    flows = {k: small + np.array([9 * k / smaller, 0], np.float32) for k in moved}
    curves = steadied({-1: [moved[-1]], 0: [], 2: [moved[2]]}, flows, (H, W))
    assert len(curves) == 1
    assert stray(curves[0], whole) < 0.5


def test_a_flash_that_no_neighbour_knows_is_dropped_unless_it_is_very_likely() -> None:
    flash = replace(line(40, 40, 200, 200), confidence=0.6)
    flows = {-1: still(), 1: still()}
    assert steadied({-1: [], 0: [flash], 1: []}, flows, (H, W)) == []
    assert len(steadied({-1: [], 0: [replace(flash, confidence=0.95)], 1: []}, flows, (H, W))) == 1
    assert len(steadied({0: [flash], 1: []}, {1: still()}, (H, W))) == 1  # the first frame of a clip: nobody can tell


def test_stiffness_takes_jitter_out_and_leaves_steady_motion_alone() -> None:
    base = line(100, -10, 180, 290)
    shake = replace(base, points=base.points + np.array([1.2, 0], np.float32))
    flows = {-1: still(), 1: still()}
    frames = {-1: [base], 0: [shake], 1: [base]}
    calmed = [steadied(frames, flows, (H, W), stiffness=s)[0] for s in (0, 0.5, 1)]
    off = [float(np.abs(beside(curve, base, 9).away).mean()) for curve in calmed]
    assert off[0] > off[1] > off[2] > 0
    moving = {k: [replace(base, points=base.points + np.array([4 * k, 0], np.float32))] for k in (-1, 0, 1)}
    assert stray(steadied(moving, flows, (H, W), stiffness=1)[0], base) < 0.1


def test_wires_keep_their_numbers_from_frame_to_frame() -> None:
    frames = {f: [replace(wire(H, W, f, k), track=-1) for k in ((0, 1) if f % 2 else (1, 0))] for f in range(6)}
    found = numbered(frames)
    for frame, curves in found.items():
        order = (0, 1) if frame % 2 else (1, 0)
        assert {k: c.track for k, c in zip(order, curves, strict=True)} == {0: 1, 1: 0}


def test_sampling_takes_pixel_centres_at_one_half() -> None:
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert sample(image, np.array([[0.5, 0.5], [3.5, 2.5], [1.0, 0.5]])).tolist() == [0, 11, 0.5]
