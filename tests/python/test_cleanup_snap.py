"""Curves that were found roughly are laid on what the picture shows, and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from onelight.tools.cleanup.curves import Curve, matte_of
from onelight.tools.cleanup.snap import snapped
from scipy.spatial import KDTree

SHAPE = (200, 420)


def line(sag: float, across: float, aside: float = 0.0, wave: float = 0.0) -> Curve:
    """A wire through the picture, or what was found of it: `aside` px beside, to and fro by `wave` px."""
    t = np.linspace(0, 1, 80)
    y = 60 + 60 * t + 4 * sag * t * (1 - t) + aside + wave * np.sin(9 * t)
    points = np.stack([-5 + 430 * t, y], axis=1)
    return Curve(points.astype(np.float32), np.full(80, across, np.float32), 0.8, 3)


def shot(wire: Curve, light: float, seed: int = 5) -> np.ndarray:
    """A patchwork with grain, the wire in front."""
    random = np.random.default_rng(seed)
    ground = np.kron(random.uniform(0.1, 0.6, (5, 7, 3)), np.ones((40, 60, 1)))[: SHAPE[0], : SHAPE[1]]
    cover = matte_of([wire], SHAPE)[..., None]
    picture = ground * (1 - cover) + light * cover
    return (picture * np.exp(random.normal(0, 0.03, picture.shape))).astype(np.float32)


def away(found: Curve, truth: Curve) -> np.ndarray:
    """How far the points of one lie from the other, px, those in the picture."""
    inside = found.points[(found.points[:, 0] > 4) & (found.points[:, 0] < SHAPE[1] - 4)]
    dense = np.stack([np.interp(np.linspace(0, 79, 5000), np.arange(80), truth.points[:, k]) for k in (0, 1)], axis=1)
    return np.asarray(KDTree(dense).query(inside)[0])


@pytest.mark.parametrize("across", [2.0, 5.0])
@pytest.mark.parametrize("light", [0.02, 1.5])
def test_a_curve_found_beside_its_wire_is_laid_on_it(across: float, light: float) -> None:
    truth = line(30, across)
    rough = line(30, across * 1.4, aside=2.0, wave=1.5)
    [found] = snapped([rough], shot(truth, light), 0.3, np.zeros(SHAPE, np.float32))
    assert np.median(away(rough, truth)) > 1.5
    assert np.quantile(away(found, truth), 0.9) < 1.0
    assert float(np.median(found.width)) == pytest.approx(across, rel=0.35)
    assert (found.confidence, found.track) == (rough.confidence, rough.track)


def test_where_the_picture_shows_nothing_it_stays_where_the_detector_put_it() -> None:
    truth = line(20, 4)
    grey = np.full((*SHAPE, 3), 0.3, np.float32)
    [found] = snapped([truth], grey, 0.3, matte_of([truth], SHAPE))
    assert np.quantile(away(found, truth), 0.9) < 0.7


def test_an_edge_beside_the_wire_does_not_draw_it_away() -> None:
    truth = line(0, 4)
    ground = np.full((*SHAPE, 3), 0.15, np.float32)
    y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
    ground[y > 60 + 60 * (x + 5) / 430 + 6] = 0.9  # a roof, parallel to the wire and far plainer
    cover = matte_of([truth], SHAPE)[..., None]
    picture = (ground * (1 - cover) + 0.1 * cover).astype(np.float32)
    [found] = snapped([line(0, 5, aside=1.5)], picture, 0.3, np.zeros(SHAPE, np.float32))
    assert np.quantile(away(found, truth), 0.9) < 1.0


def test_twice_the_light_changes_nothing() -> None:
    picture = shot(line(30, 4), 1.5)
    likely = np.zeros(SHAPE, np.float32)
    [one] = snapped([line(30, 5, aside=1.5)], picture, 0.3, likely)
    [two] = snapped([line(30, 5, aside=1.5)], picture * np.float32(2), 0.6, likely)
    np.testing.assert_array_equal(one.points, two.points)


def test_a_wide_wire_stays_where_the_detector_put_it() -> None:
    wide = line(30, 12, aside=2.0)
    assert snapped([wide], shot(line(30, 12), 1.5), 0.3, np.zeros(SHAPE, np.float32)) == [wide]


def test_a_curve_too_short_to_tell_anything_is_left_alone() -> None:
    short = Curve(np.array([[10, 10], [18, 12]], np.float32), np.full(2, 4, np.float32), 0.5)
    assert snapped([short], shot(line(0, 4), 1.5), 0.3, np.zeros(SHAPE, np.float32)) == [short]
