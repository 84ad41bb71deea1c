"""One wire from one frame to another: what it looks like, and where near a predicted course the picture shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import make_smoothing_spline

from onelight.temporal.encode import middle, shrink, spread
from onelight.temporal.flow import between, covered, seen
from onelight.tools.cleanup.across import path, profile, reach_of, scores
from onelight.tools.cleanup.curves import SPACING, Curve, arc, matte_of, normals, resampled, sample, tangents

REACH = 0.018  # of the picture's diagonal, searched across the predicted course on either side
_WIDTHS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0)  # px, bars that are tried on a hint
_BEND = 90.0  # px: motion that changes faster than this along a wire is noise
_EXACT = 0.8  # px that smoothing may move a hint
_GROWS = 2  # points by which an end that the picture goes on with may grow, a frame


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
class Wire:
    """A wire that is followed, as it is in one frame."""

    curve: Curve  # drawn as wide as the hint was
    bar: float  # px across the wire itself
    colour: np.ndarray  # [N, 3] stops over the frame's level, on its middle
    speed: np.ndarray  # [N, 2] px a frame
    usual: float  # how plainly it was seen on the hint
    leaves: tuple[bool, bool]  # whether its first and its last end go on outside of the picture
    bend: float  # px: it has no bends shorter than this


def begun(curve: Curve, frame: Seen) -> Wire:
    """A hint's curve drawn onto the wire beneath it: how wide, what colour, its middle."""
    wide = float(np.median(curve.width))
    reach = max(4.0, wide / 2 + 3)
    best = None
    for bar in [w for w in _WIDTHS if w <= max(2.0, 1.2 * wide)]:
        score, core = scores(profile(frame.picture, frame.level, curve.points, reach, bar), bar, None)
        way, plain = path(score)
        plain *= np.sqrt(bar)  # a wider bar averages over more pixels
        if best is None or plain > best[0]:
            best = (plain, bar, score, core, way)
    assert best is not None
    _, bar, score, core, way = best
    rows = np.arange(len(way))
    points = _moved(curve.points, way - reach_of(reach), score[rows, way])
    usual = max(0.3, float(np.median(score[rows, way])))
    bend = _bend(points)
    points = _smooth(points, score[rows, way], bend)
    wire = Wire(replace(curve, points=points), bar, core[rows, way], np.zeros_like(points), usual, (False, False), bend)
    return replace(wire, leaves=_leaves(wire.curve, frame.shape))


def motion(here: Seen, there: Seen, wires: list[Wire]) -> np.ndarray:
    """Where the background goes from here to there, [h, w, 2] px of the full frame, at flow's own size."""
    matte = covered(shrink(matte_of([w.curve for w in wires], here.shape, grow=2), max(here.small.shape)))
    flow = spread(between(spread(here.small, 1 - matte), there.small), 1 - matte)
    scale = np.array([here.shape[1] / flow.shape[1], here.shape[0] / flow.shape[0]], np.float32)
    return flow * scale


def followed(wire: Wire, there: Seen, flow: np.ndarray, frames: int = 1) -> Wire:
    """The wire in another frame, `frames` away. It may go with the background or keep its own speed; the likelier of
    both courses is taken and drawn onto what the picture shows beside it.
    """
    points = wire.curve.points
    scale = np.array([flow.shape[1] / there.shape[1], flow.shape[0] / there.shape[0]], np.float32)
    ground = sample(flow, points * scale)
    reach = REACH * float(np.hypot(*there.shape)) * min(frames, 3) + wire.bar
    best = None
    for step in (ground, wire.speed * frames):
        course = points + step
        score, core = scores(profile(there.picture, there.level, course, reach, wire.bar), wire.bar, wire.colour)
        way, plain = path(score)
        if best is None or plain > best[0]:
            best = (plain, course, score, core, way)
    assert best is not None
    _, course, score, core, way = best
    rows = np.arange(len(way))
    plain = score[rows, way]
    moved = _smooth(_moved(course, way - reach_of(reach), plain), plain, wire.bend)
    # The tips go along with what they hang on; how far along itself a wire has gone cannot be seen in between.
    colour = wire.colour + (0.2 * np.clip(plain / wire.usual, 0, 1))[:, None] * (core[rows, way] - wire.colour)
    sure = float(np.clip(np.mean(np.minimum(plain / wire.usual, 1)), 0, 1))
    speed = (moved - points) / np.float32(max(frames, 1))
    curve = replace(wire.curve, points=moved, confidence=sure)
    return _ended(replace(wire, curve=curve, colour=colour, speed=speed), there)


def _moved(points: np.ndarray, offsets: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Points moved across by offsets [N] px, which change slowly along the curve; the plainly seen ones count most."""
    across = normals(points)
    if len(points) < 6:
        weight = plain + 1e-3
        return (points + across * float((offsets * weight).sum() / weight.sum())).astype(np.float32)
    calm = _spline(arc(points), offsets.astype(np.float64), plain, max(_BEND, 0.4 * float(arc(points)[-1])))
    return (points + across * calm[:, None]).astype(np.float32)


def _smooth(points: np.ndarray, plain: np.ndarray, bend: float) -> np.ndarray:
    """The smooth curve nearest to points, the plainly seen ones counting most: errors do not add up to wriggles."""
    if len(points) < 6:
        return points
    return _spline(arc(points), points.astype(np.float64), plain, bend).astype(np.float32)


def _bend(points: np.ndarray) -> float:
    """The longest of some bends by which a curve can be smoothed without leaving its course."""
    length = float(arc(points)[-1])
    even = np.ones(len(points))
    fits = (b for b in (length, 0.7 * length, 0.5 * length, 0.35 * length, 0.25 * length)
            if b > _BEND and float(np.abs(_smooth(points, even, b) - points).max()) < _EXACT)  # fmt: skip
    return next(fits, _BEND)


def _spline(along: np.ndarray, values: np.ndarray, plain: np.ndarray, bend: float) -> np.ndarray:
    """Smoothing spline through values [N] or [N, 2] that follows no waves shorter than `bend` px."""
    weight = np.maximum(plain.astype(np.float64), 0.02) ** 2
    stiff = (bend / (2 * np.pi)) ** 4 / SPACING
    return make_smoothing_spline(along, values, w=weight / weight.mean(), lam=stiff)(along)


def _leaves(curve: Curve, shape: tuple[int, int]) -> tuple[bool, bool]:
    """Which ends lie at the border of the picture."""
    edge = np.float32(10) + float(curve.width.max())
    far = np.array([shape[1], shape[0]], np.float32) - edge
    first, last = (bool((curve.points[end] < edge).any() or (curve.points[end] > far).any()) for end in (0, -1))
    return first, last


def _ended(wire: Wire, frame: Seen) -> Wire:
    """The ends put right: those that leave the picture reach its border, the others grow while the picture goes on."""
    curve, colour, speed = wire.curve, wire.colour, wire.speed
    for end in (0, 1):
        points, width = curve.points, curve.width
        if end == 0:
            points, width, colour, speed = points[::-1], width[::-1], colour[::-1], speed[::-1]
        outside = _outside(points, frame.shape)
        more = 12 * (not outside[-1]) if wire.leaves[end] else _grows(wire, points, colour[-1], frame)
        way = tangents(points)[-max(2, min(4, len(points))) :].mean(axis=0)
        tip = points[-1] + np.arange(1, more + 1)[:, None] * SPACING * way
        if wire.leaves[end]:
            tip = tip[: int(np.argmax(_outside(tip, frame.shape))) + 1] if len(tip) else tip
        points = np.concatenate([points, tip]).astype(np.float32)
        width, colour, speed = (
            np.concatenate([v, np.repeat(v[-1:], len(tip), axis=0)]) for v in (width, colour, speed)
        )
        gone = _outside(points, frame.shape)
        if wire.leaves[end] and gone.any() and not gone.all():
            stop = int(np.flatnonzero(~gone)[-1]) + 2  # one point outside, so that the stroke reaches the border
            points, width, colour, speed = points[:stop], width[:stop], colour[:stop], speed[:stop]
        if end == 0:
            points, width, colour, speed = points[::-1], width[::-1], colour[::-1], speed[::-1]
        curve = replace(curve, points=points, width=width)
    even, width = resampled(curve.points, curve.width)
    before, after = arc(curve.points), arc(even)
    before, after = before / before[-1], after / after[-1]
    colour, speed = (
        np.stack([np.interp(after, before, v[:, c]) for c in range(v.shape[1])], axis=1) for v in (colour, speed)
    )
    leaves = tuple(
        a or b for a, b in zip(wire.leaves, _leaves(replace(curve, points=even, width=width), frame.shape), strict=True)
    )
    return replace(
        wire,
        curve=replace(curve, points=even, width=width),
        colour=colour.astype(np.float32),
        speed=speed.astype(np.float32),
        leaves=(leaves[0], leaves[1]),
    )


def _outside(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return (points < 0).any(axis=1) | (points[:, 0] > shape[1]) | (points[:, 1] > shape[0])


def _grows(wire: Wire, points: np.ndarray, colour: np.ndarray, frame: Seen) -> int:
    """By how many points the wire goes on beyond the last of these, as plainly as it is seen elsewhere."""
    way = tangents(points)[-max(2, min(4, len(points))) :].mean(axis=0)
    tip = points[-1] + np.arange(1, _GROWS + 1)[:, None] * SPACING * way
    if _outside(tip, frame.shape).any():
        return 0
    score, _ = scores(
        profile(frame.picture, frame.level, tip, 2.0, wire.bar), wire.bar, np.repeat(colour[None], _GROWS, axis=0)
    )
    return int(np.argmin(np.append(score.max(axis=1) > 0.7 * wire.usual, False)))
