"""One wire from one frame to another: what it looks like, and where near a predicted course the picture shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import make_smoothing_spline

from onelight.tools.cleanup.across import path, profile, reach_of, scores
from onelight.tools.cleanup.behind import Behind, Seen
from onelight.tools.cleanup.curves import SPACING, Curve, arc, normals, resampled, tangents

REACH = 0.018  # of the picture's diagonal, searched across the predicted course on either side
_WIDTHS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0)  # px, bars that are tried on a hint
_BEND = 90.0  # px: motion that changes faster than this along a wire is noise
_EXACT = 0.8  # px that smoothing may move a hint
_LOOSE = 0.3  # cost of lying at a stroke's edge: where little is seen the person's middle is the likeliest
_STRETCH = 11  # points over which a wire's contrast is taken to be the same
_UNSEEN = 0.15  # weight of a place where the wire is not seen: there it goes on as predicted
_SAME = 0.3  # px by which two predicted courses differ too little to try both
_HASTE = 0.7  # share of a change of speed that is believed where it is seen plainly
_LEAST = 0.1  # how plainly a wire is seen at least
_GROWS = 2  # points by which an end that the picture goes on with may grow, a frame


@dataclass(frozen=True)
class Wire:
    """A wire that is followed, as it is in one frame."""

    curve: Curve  # drawn as wide as the hint was
    bar: float  # px across the wire itself
    contrast: np.ndarray  # [N, 3] stops by which it differs from both of its sides
    speed: np.ndarray  # [N, 2] px a frame, against the background
    usual: float  # how plainly it was seen on the hint
    leaves: tuple[bool, bool]  # whether its first and its last end go on outside of the picture
    bend: float  # px: it has no bends shorter than this


def begun(curve: Curve, frame: Seen) -> Wire:
    """A hint's curve drawn onto the wire beneath it, which is in the stroke: how wide, how it differs, its middle."""
    wide = float(np.median(curve.width))
    reach = max(2.0, wide / 2)
    best = None
    for bar in [w for w in _WIDTHS if w <= max(2.0, 1.2 * wide)]:
        stops = profile(frame.picture, frame.level, curve.points, reach, bar)
        score, differs = scores(stops, bar, None)
        alone, _ = path(score)
        beside = np.float32(_LOOSE) * np.linspace(-1, 1, score.shape[1], dtype=np.float32) ** 2
        steady = np.full(len(alone), int((differs.mean(axis=0) ** 2).mean(axis=1).argmax()))
        for guess in (alone, steady):
            expected = _along(differs[np.arange(len(guess)), guess])
            score, _ = scores(stops, bar, expected)
            way, plain = path(score - beside)
            if best is None or plain > best[0]:
                best = (plain, bar, score, expected, way)
    assert best is not None
    _, bar, score, expected, way = best
    rows = np.arange(len(way))
    plain = np.maximum(score[rows, way], _UNSEEN)
    points = _moved(curve.points, way - reach_of(reach), plain)
    usual = max(_LEAST, float(np.median(plain)))
    bend = _bend(points)
    points = _smooth(points, plain, bend)
    wire = Wire(replace(curve, points=points), bar, expected, np.zeros_like(points), usual, (False, False), bend)
    return replace(wire, leaves=_leaves(wire.curve, frame.shape))


def _along(values: np.ndarray) -> np.ndarray:
    """What [N, 3] values are over a stretch of the wire: what is behind it differs from place to place."""
    size = min(_STRETCH, len(values) - 1 + len(values) % 2)
    middling = np.median(np.lib.stride_tricks.sliding_window_view(
        np.pad(values, ((size // 2, size // 2), (0, 0)), mode="edge"), size, axis=0), axis=2)  # fmt: skip
    return ((middling + np.median(values, axis=0)) / 2).astype(np.float32)


def followed(wire: Wire, there: Seen, behind: Behind, frames: int = 1) -> Wire:
    """The wire in another frame, `frames` away. It may go with the background or keep its own speed; the likelier of
    both courses is taken and drawn onto what the picture shows beside it.
    """
    points = wire.curve.points
    reach = REACH * float(np.hypot(*there.shape)) * min(frames, 3) + wire.bar
    best = None
    steady = points @ behind.steady[:2] + behind.steady[2]
    steps: list[np.ndarray] = []
    for step in (behind.moved(points), steady, steady + wire.speed * frames):
        if any(float(np.abs(step - other).max()) < _SAME for other in steps):
            continue  # the search across it would find the same
        steps.append(step)
        course = points + step
        stops = profile(there.picture, there.level, course, reach, wire.bar, behind)
        score, core = scores(stops, wire.bar, wire.contrast)
        way, plain = path(score)
        if best is None or plain > best[0]:
            best = (plain, course, score, core, way)
    assert best is not None
    _, course, score, core, way = best
    rows = np.arange(len(way))
    plain = np.maximum(score[rows, way], _UNSEEN * wire.usual)
    moved = smoothed(course, way - reach_of(reach), plain, wire)
    # The tips go along with what they hang on; how far along itself a wire has gone cannot be seen in between.
    contrast = wire.contrast + (0.1 * np.clip(plain / wire.usual, 0, 1))[:, None] * (
        _along(core[rows, way]) - wire.contrast
    )
    sure = surely(plain, wire)
    speed = (moved - points - steady) / np.float32(max(frames, 1))
    speed = wire.speed + np.float32(_HASTE * sure) * (_simple(speed, plain) - wire.speed)
    curve = replace(wire.curve, points=moved, confidence=sure)
    return _ended(replace(wire, curve=curve, contrast=contrast, speed=speed), there)


def smoothed(course: np.ndarray, offsets: np.ndarray, plain: np.ndarray, wire: Wire) -> np.ndarray:
    """A course [N, 2] moved across by offsets [N] px, as plainly as these are seen, and as smooth as the wire is."""
    plain = np.maximum(plain, _UNSEEN * wire.usual)
    return _smooth(_moved(course, offsets, plain), plain, wire.bend)


def surely(plain: np.ndarray, wire: Wire) -> float:
    """How sure it is, 0..1, that a wire is where it was drawn, by how plainly each point [N] of it is seen there."""
    return float(np.clip(plain / wire.usual, _UNSEEN, 1).mean()) if len(plain) else _UNSEEN


def _simple(speed: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Speeds [N, 2] along a wire as shift, turn and bend: it swings as a whole."""
    at = np.linspace(-1, 1, len(speed))
    weight = np.sqrt(plain + 1e-3)[:, None]
    terms = np.stack([at**k for k in range(min(3, len(speed)))], axis=1)
    fit = np.linalg.lstsq(terms * weight, speed * weight, rcond=None)[0]
    return (terms @ fit).astype(np.float32)


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
    curve, contrast, speed = wire.curve, wire.contrast, wire.speed
    for end in (0, 1):
        points, width = curve.points, curve.width
        if end == 0:
            points, width, contrast, speed = points[::-1], width[::-1], contrast[::-1], speed[::-1]
        outside = _outside(points, frame.shape)
        more = 12 * (not outside[-1]) if wire.leaves[end] else _grows(wire, points, contrast[-1], frame)
        way = tangents(points)[-max(2, min(4, len(points))) :].mean(axis=0)
        tip = points[-1] + np.arange(1, more + 1)[:, None] * SPACING * way
        if wire.leaves[end]:
            tip = tip[: int(np.argmax(_outside(tip, frame.shape))) + 1] if len(tip) else tip
        points = np.concatenate([points, tip]).astype(np.float32)
        width, contrast, speed = (
            np.concatenate([v, np.repeat(v[-1:], len(tip), axis=0)]) for v in (width, contrast, speed)
        )
        gone = _outside(points, frame.shape)
        if wire.leaves[end] and gone.any() and not gone.all():
            stop = int(np.flatnonzero(~gone)[-1]) + 2  # one point outside, so that the stroke reaches the border
            points, width, contrast, speed = points[:stop], width[:stop], contrast[:stop], speed[:stop]
        if end == 0:
            points, width, contrast, speed = points[::-1], width[::-1], contrast[::-1], speed[::-1]
        curve = replace(curve, points=points, width=width)
    even, width = resampled(curve.points, curve.width)
    before, after = arc(curve.points), arc(even)
    before, after = before / before[-1], after / after[-1]
    contrast, speed = (
        np.stack([np.interp(after, before, v[:, c]) for c in range(v.shape[1])], axis=1) for v in (contrast, speed)
    )
    leaves = tuple(
        a or b for a, b in zip(wire.leaves, _leaves(replace(curve, points=even, width=width), frame.shape), strict=True)
    )
    return replace(
        wire,
        curve=replace(curve, points=even, width=width),
        contrast=contrast.astype(np.float32),
        speed=speed.astype(np.float32),
        leaves=(leaves[0], leaves[1]),
    )


def _outside(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return (points < 0).any(axis=1) | (points[:, 0] > shape[1]) | (points[:, 1] > shape[0])


def _grows(wire: Wire, points: np.ndarray, contrast: np.ndarray, frame: Seen) -> int:
    """By how many points the wire goes on beyond the last of these, as plainly as it is seen elsewhere."""
    way = tangents(points)[-max(2, min(4, len(points))) :].mean(axis=0)
    tip = points[-1] + np.arange(1, _GROWS + 1)[:, None] * SPACING * way
    if _outside(tip, frame.shape).any():
        return 0
    score, _ = scores(
        profile(frame.picture, frame.level, tip, 2.0, wire.bar), wire.bar, np.repeat(contrast[None], _GROWS, axis=0)
    )
    return int(np.argmin(np.append(score.max(axis=1) > max(0.7 * wire.usual, 0.3), False)))
