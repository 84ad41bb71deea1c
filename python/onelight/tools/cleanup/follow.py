"""One wire from one frame to another: what it looks like, and where near a predicted course the picture shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.interpolate import make_smoothing_spline

from onelight.temporal.encode import coded, middle, shrink, spread
from onelight.temporal.flow import between, covered, seen
from onelight.tools.cleanup.curves import SPACING, Curve, arc, matte_of, normals, resampled, sample, tangents

REACH = 0.018  # of the picture's diagonal, searched across the predicted course on either side
_WIDTHS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0)  # px, bars that are tried on a hint
_LEAP = 2  # px by which neighbours on a curve may differ in how far they moved
_FIRM = 0.4  # cost of such a difference, per px squared
_FREE = 0.5  # cost of lying at the end of the reach
_STRAY = 5.0  # px that the course may stray from the best shifted, tilted and bent one, at the cost of _FREE
_SWINGS = 48  # points of a curve that are asked for that one
_QUIET = 0.03  # stops: contrast that counts for nothing even on a clean picture
_BEND = 90.0  # px: motion that changes faster than this along a wire is noise
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


def begun(curve: Curve, frame: Seen) -> Wire:
    """A hint's curve drawn onto the wire beneath it: how wide, what colour, its middle."""
    wide = float(np.median(curve.width))
    reach = max(4.0, wide / 2 + 3)
    best = None
    for bar in [w for w in _WIDTHS if w <= max(2.0, 1.2 * wide)]:
        profile = _profile(frame, curve.points, reach, bar)
        score, core = _scores(profile, bar, None)
        path, plain = _path(score)
        plain *= np.sqrt(bar)  # a wider bar averages over more pixels
        if best is None or plain > best[0]:
            best = (plain, bar, score, core, path)
    assert best is not None
    _, bar, score, core, path = best
    rows = np.arange(len(path))
    points = _moved(curve.points, path - reach_of(reach), score[rows, path])
    usual = max(0.3, float(np.median(score[rows, path])))
    wire = Wire(replace(curve, points=points), bar, core[rows, path], np.zeros_like(points), usual, (False, False))
    return replace(wire, leaves=_leaves(wire.curve, frame.shape))


def reach_of(reach: float) -> int:
    """Whole pixels searched to either side."""
    return int(np.ceil(reach))


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
        score, core = _scores(_profile(there, course, reach, wire.bar), wire.bar, wire.colour)
        path, plain = _path(score)
        if best is None or plain > best[0]:
            best = (plain, course, score, core, path)
    assert best is not None
    _, course, score, core, path = best
    rows = np.arange(len(path))
    plain = score[rows, path]
    moved = _moved(course, path - reach_of(reach), plain)
    # The tips go along with what they hang on; how far along itself a wire has gone cannot be seen in between.
    colour = wire.colour + (0.2 * np.clip(plain / wire.usual, 0, 1))[:, None] * (core[rows, path] - wire.colour)
    sure = float(np.clip(np.mean(np.minimum(plain / wire.usual, 1)), 0, 1))
    speed = (moved - points) / np.float32(max(frames, 1))
    curve = replace(wire.curve, points=moved, confidence=sure)
    return _ended(replace(wire, curve=curve, colour=colour, speed=speed), there)


def _profile(frame: Seen, points: np.ndarray, reach: float, bar: float) -> np.ndarray:
    """Stops [N, K, 3] across a curve, a pixel apart, the mean of three places along it; margins for the flanks."""
    margin = reach_of(reach) + _margin(bar)
    offsets = np.arange(-margin, margin + 1, dtype=np.float32)
    across, along = normals(points).astype(np.float32), tangents(points).astype(np.float32)
    total = np.zeros((len(points), len(offsets), 3), np.float32)
    for step in (-SPACING / 3, 0, SPACING / 3):
        where = (points + np.float32(step) * along)[:, None] + offsets[:, None] * across[:, None]
        total += coded(sample(frame.picture, where), frame.level)
    return total / 3


def _margin(bar: float) -> int:
    core, flank = _sizes(bar)
    return core // 2 + flank + 2


def _sizes(bar: float) -> tuple[int, int]:
    """Pixels of the middle and of each flank that a bar is compared by."""
    return max(1, round(bar)), max(2, round(bar / 2))


def _scores(profile: np.ndarray, bar: float, colour: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """How much each place [N, K] looks like the middle of the wire, 0..4, and the stops there [N, K, 3].

    The smaller of the contrasts to both sides counts, so that edges do not; against what is usual across the course;
    and less where the colour is not the wire's own.
    """
    core, flank = _sizes(bar)
    sums = np.cumsum(np.pad(profile, ((0, 0), (1, 0), (0, 0))), axis=1, dtype=np.float64)
    margin = _margin(bar)
    count = profile.shape[1] - 2 * margin
    place = np.arange(count) + margin

    def mean(start: np.ndarray, size: int) -> np.ndarray:
        return ((sums[:, start + size] - sums[:, start]) / size).astype(np.float32)

    middle_ = mean(place - core // 2, core)
    first = middle_ - mean(place - core // 2 - 1 - flank, flank)
    second = middle_ - mean(place - core // 2 + core + 1, flank)
    least = np.where(first * second > 0, np.minimum(np.abs(first), np.abs(second)), 0)
    strength = np.sqrt((least * least).mean(axis=2))
    usual = 2 * np.median(strength, axis=1, keepdims=True) + np.float32(_QUIET)
    score = np.minimum(strength / usual, 4)
    if colour is not None:
        off = np.sqrt(((middle_ - colour[:, None]) ** 2).mean(axis=2))
        score = score * (0.25 + 0.75 * np.exp(-((off / np.float32(0.8)) ** 2)))
    return score, middle_


def _path(score: np.ndarray) -> tuple[np.ndarray, float]:
    """The course [N] through scores [N, K] and how well it is seen, a point.

    A wire moves as a whole: first the best shift, tilt and bend, tried out, then what little it strays from that, by
    dynamic programming (Viterbi).
    """
    swung = _swung(score)
    count, width = score.shape
    columns = np.arange(width, dtype=np.float32)
    cost = np.float32(_FREE) * ((columns[None] - swung[:, None]) / np.float32(_STRAY)) ** 2 - score
    steps = np.arange(-_LEAP, _LEAP + 1)
    turned = steps[None] - np.diff(swung)[:, None]  # differences that the swing itself explains cost nothing
    price = (np.float32(_FIRM) * turned * turned).astype(np.float32)
    came = np.zeros((count, width), np.int32)
    total = cost[0]
    shifted = np.arange(width)[None] - steps[:, None] + _LEAP
    for row in range(1, count):
        choices = np.pad(total, _LEAP, constant_values=1e9)[shifted] + price[row - 1][:, None]
        best = choices.argmin(axis=0)
        came[row] = np.arange(width) - steps[best]
        total = np.take_along_axis(choices, best[None], axis=0)[0] + cost[row]
    path = np.zeros(count, np.int64)
    path[-1] = int(total.argmin())
    for row in range(count - 1, 0, -1):
        path[row - 1] = came[row, path[row]]
    return path, -float(total.min()) / count


def _swung(score: np.ndarray) -> np.ndarray:
    """The best course [N] of the form shift + tilt + bend through scores [N, K], in columns."""
    count, width = score.shape
    rows = np.unique(np.linspace(0, count - 1, min(count, _SWINGS)).round().astype(int))
    at = np.linspace(-1, 1, count)
    reach = (width - 1) / 2
    soft = cv2.blur(score[rows], (3, 1), borderType=cv2.BORDER_REPLICATE)
    if count < 4:
        return np.full(count, float(soft.mean(axis=0).argmax()))
    shift = np.arange(width, dtype=np.float32)
    tilt, bend = np.arange(-0.5, 0.51, 1 / 12) * reach, np.arange(-0.25, 0.26, 1 / 12) * reach
    curve = at[rows] ** 2 - 1 / 3
    best = (-np.inf, 0.0, 0.0, 0.0)
    line = np.arange(len(rows))[:, None]
    for b in tilt:
        for c in bend:
            where = np.rint(shift[None] + (b * at[rows] + c * curve)[:, None]).astype(np.int32)
            inside = (where >= 0) & (where < width)
            sums = np.where(inside, soft[line, np.clip(where, 0, width - 1)], 0).mean(axis=0)
            sums -= _FREE * (((shift - reach) ** 2 + b * b / 3 + c * c / 5) / (reach * reach)).astype(np.float32)
            k = int(sums.argmax())
            if sums[k] > best[0]:
                best = (float(sums[k]), float(shift[k]), float(b), float(c))
    _, a, b, c = best
    return np.clip(a + b * at + c * (at**2 - 1 / 3), 0, width - 1)


def _moved(points: np.ndarray, offsets: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Points moved across by offsets [N] px, smoothed along the curve, the plainly seen ones counting most."""
    across = normals(points)
    if len(points) < 6:
        weight = plain + 1e-3
        return (points + across * float((offsets * weight).sum() / weight.sum())).astype(np.float32)
    along = arc(points)
    weight = np.maximum(plain.astype(np.float64), 0.02) ** 2
    weight /= weight.mean()
    stiff = (max(_BEND, 0.4 * float(along[-1])) / (2 * np.pi)) ** 4 / SPACING
    calm = make_smoothing_spline(along, offsets.astype(np.float64), w=weight, lam=stiff)(along)
    return (points + across * calm[:, None]).astype(np.float32)


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
    score, _ = _scores(_profile(frame, tip, 2.0, wire.bar), wire.bar, np.repeat(colour[None], _GROWS, axis=0))
    return int(np.argmin(np.append(score.max(axis=1) > 0.7 * wire.usual, False)))
