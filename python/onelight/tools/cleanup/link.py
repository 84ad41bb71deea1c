"""From what a detector found in a frame to curves: linked, joined over gaps, smooth, and long enough to be wires."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.interpolate import make_smoothing_spline

from onelight.tools.cleanup.chains import STEP, Chain, joined, middles, strung
from onelight.tools.cleanup.curves import SPACING, Curve, Mattes, arc, beside

_BEND = 24.0  # px: what is shorter than this along a wire is noise, not its form
_SLACK = 0.35  # how far below the width knobs a found width may lie, as a share: widths are estimates
_SUPPORT = 0.09  # of the diagonal: how much of a wire must be seen at even sensitivity
_WIGGLE = 1.2  # px, root mean square, that points of a wire stray from their smooth curve, plus a share of its width


@dataclass(frozen=True)
class Drawn:
    """A matte that a person drew, in the form of an answer of the detector."""

    matte: np.ndarray
    width: np.ndarray
    along: np.ndarray


def link(
    found: Mattes,
    *,
    sensitivity: float,
    narrowest: float = 0.5,
    widest: float = 24.0,
    add: np.ndarray | None = None,
    keep: np.ndarray | None = None,
) -> list[Curve]:
    """The wires of one frame, likeliest first.

    `sensitivity` 0 finds nothing, 1 everything that might be one; `narrowest` and `widest` are px across. `add` [H, W]
    is wire wherever it is drawn as a line, whatever the detector says; `keep` [H, W] never is. Hysteresis on the
    detector's matte, its middle, points strung together, gaps and crossings bridged, a smoothing spline, and what is
    short for how likely it is, or strays from its own smooth curve, is dropped.
    """
    curves: list[Curve] = []
    if sensitivity > 0:
        matte = np.asarray(found.matte, np.float32)
        if keep is not None:
            matte = matte * (1 - np.clip(keep, 0, 1))
        bar = float(np.clip(1 - sensitivity, 0.04, 0.97))
        wires = Drawn(matte, found.width, found.along)
        curves = _curves(wires, bar, 0.4 * bar, narrowest * (1 - _SLACK), widest * (1 + _SLACK))
    return drawn(add) + curves if add is not None else curves


def drawn(add: np.ndarray) -> list[Curve]:
    """The lines in a matte [H, W] that a person drew; what is no line in it has no curve."""
    matte = np.clip(np.asarray(add, np.float32), 0, 1)
    inside = (matte > 0.5).astype(np.uint8)
    if not inside.any() or inside.all():  # nothing has no lines, and everything has no edge to be one by
        return []
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    reach = max(1, int(np.ceil(float(depth.max()))))
    span = 2 * reach + 1
    width = 2 * cv2.dilate(depth, np.ones((span, span), np.uint8)) * inside
    along = _along(matte, reach)
    curves = _curves(Drawn(matte, width, along), 0.5, 0.3, 0.0, np.inf, strict=False)
    return [replace(_uncapped(c, matte.shape), confidence=1.0) for c in curves]


def _along(matte: np.ndarray, reach: int) -> np.ndarray:
    """The tangents (cos 2a, sin 2a) [H, W, 2] of strokes up to `reach` px to either side: along what changes least."""
    factor = min(4, max(1, reach // 2))
    size = (max(1, matte.shape[1] // factor), max(1, matte.shape[0] // factor))
    small = cv2.resize(matte, size, interpolation=cv2.INTER_AREA) if factor > 1 else matte
    soft = cv2.GaussianBlur(small, (0, 0), max(1.0, 0.5 * reach / factor))
    right, down = cv2.Scharr(soft, -1, 1, 0), cv2.Scharr(soft, -1, 0, 1)
    sigma = max(2.0, reach / factor)
    xx, yy, xy = (cv2.GaussianBlur(v, (0, 0), sigma) for v in (right * right, down * down, right * down))
    turned = np.dstack([yy - xx, -2 * xy])  # twice the angle across, and a half turn on
    turned /= np.maximum(np.linalg.norm(turned, axis=2, keepdims=True), 1e-12)
    return cv2.resize(turned, matte.shape[::-1], interpolation=cv2.INTER_LINEAR) if factor > 1 else turned


def _uncapped(curve: Curve, shape: tuple[int, ...]) -> Curve:
    """Without half a width at ends inside the picture: that is the stroke's cap, and drawing it adds one again."""
    along, half = arc(curve.points), float(np.median(curve.width)) / 2
    x, y = curve.points[:, 0], curve.points[:, 1]
    inside = np.minimum(np.minimum(x, y), np.minimum(shape[1] - x, shape[0] - y)) > 2 * half + 2
    first, last = half * inside[0], along[-1] - half * inside[-1]
    if last - first < 2 * half + 2:
        return curve
    at = np.linspace(first, last, max(2, round((last - first) / SPACING) + 1))
    points = np.stack([np.interp(at, along, curve.points[:, axis]) for axis in (0, 1)], axis=1)
    return replace(curve, points=points.astype(np.float32), width=np.interp(at, along, curve.width).astype(np.float32))


def _curves(
    found: Mattes, high: float, low: float, narrowest: float, widest: float, strict: bool = True
) -> list[Curve]:
    chains = strung(middles(found, low, narrowest, widest))
    diagonal = float(np.hypot(*found.matte.shape))
    chains = joined(chains, found.matte, longest=0.06 * diagonal)
    needed = max(10.0, _SUPPORT * diagonal * (2 * high) ** 1.5) if strict else 8.0
    curves = []
    for chain in chains:
        support = _support(chain)
        if support < needed or (strict and not _likely(chain, high, support / needed)):
            continue
        curve, stray = smooth(chain)
        wide = float(np.median(curve.width))
        if not strict or (stray < _WIGGLE + 0.1 * wide and curve.length > 5 * wide):
            curves.append(curve)
    return _apart(curves)


def _apart(curves: list[Curve]) -> list[Curve]:
    """Without curves that run within a likelier one: a wide wire's uneven matte has several middles."""
    kept: list[Curve] = []
    for curve in sorted(curves, key=lambda c: (-c.confidence * c.length, *c.points[0].tolist())):
        wide = float(np.median(curve.width))
        if all(beside(curve, o, 1 + 0.4 * (wide + float(np.median(o.width)))).near.mean() < 0.6 for o in kept):
            kept.append(curve)
    return kept


def _likely(chain: Chain, high: float, long: float) -> bool:
    """Hysteresis along a whole wire: some of it has to be plain, and the less of it is the longer it has to be."""
    plain = float((chain.sure > high).mean())
    return plain > max(0.1, 0.5 / long) and _seen(chain) > 0.5 * chain.length


def _support(chain: Chain) -> float:
    """The length in px over which a chain was seen, each stretch by the square of how likely it is; gaps are none."""
    steps, near = _steps(chain)
    return float((steps * chain.sure[1:] * chain.sure[:-1])[near].sum())


def _seen(chain: Chain) -> float:
    steps, near = _steps(chain)
    return float(steps[near].sum())


def _steps(chain: Chain) -> tuple[np.ndarray, np.ndarray]:
    """Distances between neighbours on a chain, px, and which of them are no gaps."""
    steps = np.linalg.norm(np.diff(chain.at, axis=0), axis=1)
    return steps, steps < 2 * np.maximum(STEP, chain.width[1:])


def smooth(chain: Chain, bend: float = _BEND) -> tuple[Curve, float]:
    """The smoothing spline through a chain, and how far its points stray from it (root mean square, px).

    The penalty is on the second derivative, so weighed that waves shorter than `bend` px along the wire are not
    followed; one more round without the points that stray most.
    """
    along = arc(chain.at)
    weight = np.maximum(chain.sure.astype(np.float64), 0.05)
    count = max(2, round(float(along[-1]) / SPACING) + 1)
    even = np.linspace(0, along[-1], count)
    if len(along) < 6:
        points = np.stack([np.interp(even, along, chain.at[:, axis]) for axis in (0, 1)], axis=1)
        return _curve(points, chain, even, along), 0.0
    density = len(along) / max(float(along[-1]), 1e-6)
    stiff = density * (bend * np.sqrt(np.median(chain.width) / 4 + 0.5) / (2 * np.pi)) ** 4
    stray = np.zeros(len(along))
    for _ in range(2):
        spline = make_smoothing_spline(along, chain.at, w=weight, lam=stiff)
        off = spline(along) - chain.at
        stray = np.hypot(off[:, 0], off[:, 1])
        weight = weight / (1 + (stray / max(2 * float(np.median(stray)), 0.3)) ** 2)
    return _curve(spline(even), chain, even, along), float(np.sqrt((stray**2).mean()))


def _curve(points: np.ndarray, chain: Chain, even: np.ndarray, along: np.ndarray) -> Curve:
    size = min(len(chain.width) | 1, 15)
    calm = np.convolve(np.pad(chain.width, size // 2, mode="edge"), np.full(size, 1 / size), mode="valid")
    width = np.interp(even, along, calm[: len(along)])
    return Curve(points.astype(np.float32), width.astype(np.float32), float(np.clip(chain.sure.mean(), 0, 1)))
