"""What a frame shows behind its wires, and where that goes in the next frame: what is left over there is a wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from onelight.temporal.encode import coded, middle, shrink, spread
from onelight.temporal.flow import between, covered, seen
from onelight.tools.cleanup.curves import Curve, matte_of, sample

_MARGIN = 24.0  # px around a wire that fill it


@dataclass(frozen=True)
class Seen:
    """A frame as wires are followed through it."""

    picture: np.ndarray  # [H, W, 3] scene-linear
    level: float
    small: np.ndarray  # coded, as flow is found on

    @staticmethod
    def of(picture: np.ndarray) -> Seen:
        return Seen(picture, middle(picture), seen(picture, None))

    @property
    def shape(self) -> tuple[int, int]:
        return self.picture.shape[0], self.picture.shape[1]


@dataclass(frozen=True)
class Behind:
    """What the frame that a wire comes from shows without its wires, and how that goes on to the next."""

    picture: np.ndarray  # [H, W, 3] scene-linear, filled across the wires
    level: float
    flow: np.ndarray  # [h, w, 2] px of the full frame

    def moved(self, points: np.ndarray) -> np.ndarray:
        """How far the background goes at [..., 2] points of that frame."""
        size = np.array([self.flow.shape[1], self.flow.shape[0]], np.float32)
        return sample(self.flow, points * (size / np.array(self.picture.shape[1::-1], np.float32)))

    @cached_property
    def steady(self) -> np.ndarray:
        """The affine motion [3, 2] that most of the picture agrees on: px by (x, y, 1), people left out."""
        height, width = self.picture.shape[:2]
        down, right = np.mgrid[0:48, 0:48].reshape(2, -1) + 0.5
        at = np.stack([right * width / 48, down * height / 48], axis=1).astype(np.float32)
        moved, terms = self.moved(at).astype(np.float64), np.column_stack([at, np.ones(len(at))])
        weight, fit = np.ones(len(at)), np.zeros((3, 2))
        for _ in range(12):  # least squares, over and over, with less and less weight for what strays
            fit = np.linalg.lstsq(terms * weight[:, None], moved * weight[:, None], rcond=None)[0]
            stray = np.hypot(*(moved - terms @ fit).T)
            weight = 1 / (1 + (stray / max(float(np.median(stray)), 0.2)) ** 2)
        return fit.astype(np.float32)

    def stops(self, where: np.ndarray) -> np.ndarray:
        """What is expected at [..., 2] points of the next frame if no wire is there."""
        came = where - self.moved(where - self.moved(where))
        return coded(sample(self.picture, came), self.level)


def motion(here: Seen, there: Seen, curves: Sequence[Curve], bars: Sequence[float]) -> Behind:
    """What is behind wires here, and where it goes to there. `curves` are as wide as hints, `bars` px as wires."""
    matte = covered(shrink(matte_of(curves, here.shape, grow=2), max(here.small.shape)))
    flow = spread(between(spread(here.small, 1 - matte), there.small), 1 - matte)
    scale = np.array([here.shape[1] / flow.shape[1], here.shape[0] / flow.shape[0]], np.float32)
    thin = [replace(c, width=np.full_like(c.width, bar + 2)) for c, bar in zip(curves, bars, strict=True)]
    return Behind(_without(here.picture, thin), here.level, flow * scale)


def _without(picture: np.ndarray, wires: Sequence[Curve]) -> np.ndarray:
    """The picture [H, W, 3] filled across its wires from both sides: only around each, as a whole frame takes long."""
    filled = picture.copy()
    known = 1 - covered(matte_of(wires, picture.shape[:2], grow=1))
    for curve in wires:
        low = np.maximum(curve.points.min(axis=0) - _MARGIN, 0).astype(int)
        high = np.maximum(curve.points.max(axis=0) + _MARGIN, 0).astype(int)
        part = np.s_[low[1] : high[1], low[0] : high[0]]
        if known[part].size:
            filled[part] = spread(picture[part], known[part])
    return filled
