"""Fix one frame and the shot follows: hints drawn on a few frames become curves on all of them, kept in one knob."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from onelight.errors import RequestError
from onelight.temporal.cuts import same_shot
from onelight.tools.cleanup.behind import Seen, motion
from onelight.tools.cleanup.curves import Curve, sample
from onelight.tools.cleanup.follow import Wire, begun, followed
from onelight.tools.cleanup.hands import at_once
from onelight.tools.cleanup.link import drawn
from onelight.tools.cleanup.meet import blended, led
from onelight.tools.cleanup.settle import Known, settled

VERSION = 1
LONGEST = 1 << 20  # characters of the knob
_FINE = 8  # steps a pixel in which positions are kept
_DOUBT = 0.65  # against its hint: of frames that lost a faint wire nine of ten are below it, and half of the good ones
_TRUST = 0.8  # of what is seen frame by frame, which may be anything: as much in one smooth course is the likelier wire
_BRIDGE = 32.0  # frames between two that were tracked which are interpolated


def track_shot(
    frames: Mapping[int, np.ndarray],
    hints: Mapping[int, np.ndarray],
    keeps: Mapping[int, np.ndarray] | None = None,
    *,
    check: Callable[[], None] = lambda: None,
) -> dict[int, list[Curve]]:
    """The wires that hints show, for every frame of the shot; none where they could not be followed to.

    `frames` are scene-linear ACEScg [H, W, 3] by number, asked for one after the other and each seldom, so a mapping
    that reads files will do; `hints` and `keeps` are mattes [H, W] on some of them. Each line in a hint is followed
    forward and backward until the next hint; between two hints each course is led to where the other hint has the wire,
    and the courses from both are blended, or both kept where they differ. A cut ends every course. `check` raises
    Cancelled when nobody waits any more. RequestError where a hint lies on no frame, or has another size.
    """
    order = sorted(frames)
    for name, mattes in (("Add", hints), ("Keep", keeps or {})):
        for frame, matte in mattes.items():
            if frame not in frames:
                known = f"the frames {order[0]} to {order[-1]} to track" if order else "no frames at all"
                raise RequestError(f"{name}: frame {frame} is not one of {known}")
            if matte.shape[:2] != frames[frame].shape[:2]:
                height, width = frames[frame].shape[:2]
                raise RequestError(
                    f"{name}: frame {frame} is {matte.shape[1]} x {matte.shape[0]} px, the plate {width} x {height}"
                )
    hinted = [frame for frame in order if frame in hints and float(np.max(hints[frame], initial=0)) > 0.5]
    ahead: dict[int, dict[int, list[Curve]]] = {}
    back: dict[int, dict[int, list[Curve]]] = {}
    drawn_on: dict[int, list[Wire]] = {}
    number = 0
    for frame in hinted:
        check()
        curves = drawn(hints[frame])
        wires = [begun(replace(c, track=number + k), Seen.of(frames[frame])) for k, c in enumerate(curves)]
        number += len(wires)
        at = order.index(frame)
        stops = [order.index(h) for h in hinted]
        after = next((s for s in stops if s > at), len(order))
        before = next((s for s in reversed(stops) if s < at), -1)
        drawn_on[frame] = wires
        ahead[frame] = _course(frames, order[at : after + 1], wires, check)
        back[frame] = _course(frames, order[max(before, 0) : at + 1][::-1], wires, check)
    for first, second in pairwise([None, *hinted, None]):
        one, two = ({} if at is None else courses[at] for at, courses in ((first, ahead), (second, back)))
        before, after = ([] if at is None else drawn_on[at] for at in (first, second))
        known = {frame: [*one.get(frame, ()), *two.get(frame, ())] for frame in {*one, *two}}
        behind = Known(known, {w.curve.track: w.bar for w in (*before, *after)})
        for course, wires, stop, aims in ((one, before, second, after), (two, after, first, before)):
            _settle(course, wires, frames, behind, [w.curve for w in aims] if stop in course else [], check)
    for first, second in pairwise(hinted):
        one, two = ahead[first], back[second]
        ahead[first], back[second] = led(one, first, second, two[second]), led(two, second, first, one[first])
    tracked: dict[int, list[Curve]] = {}
    for first, second in pairwise([None, *hinted, None]):
        inner = [f for f in order if (first is None or f > first) and (second is None or f < second)]
        for frame in inner:
            one = ahead[first].get(frame, []) if first is not None else []
            two = back[second].get(frame, []) if second is not None else []
            share = 0.5 if first is None or second is None else (frame - first) / (second - first)
            tracked[frame] = blended(one, two, share)
    for frame in hinted:
        tracked[frame] = ahead[frame][frame]
    for frame, keep in (keeps or {}).items():
        tracked[frame] = [c for c in tracked.get(frame, []) if float((sample(keep, c.points) > 0.5).mean()) < 0.5]
    return {frame: tracked.get(frame, []) for frame in order} if hinted else {}


def _course(
    frames: Mapping[int, np.ndarray], order: list[int], wires: list[Wire], check: Callable[[], None]
) -> dict[int, list[Curve]]:
    """Wires followed from the first frame of `order` through the rest."""
    found = {order[0]: [w.curve for w in wires]} if order else {}
    here = Seen.of(frames[order[0]]) if len(order) > 1 else None
    for last, frame in pairwise(order):
        check()
        if here is None or not wires:
            break
        picture = frames[frame]
        if picture.shape != here.picture.shape:
            raise RequestError(f"Source: frame {frame} has another size than frame {last}; track the shot in parts")
        if not same_shot(here.picture, picture):
            break
        there = Seen.of(picture)
        behind = motion(here, there, [w.curve for w in wires], [w.bar for w in wires])
        wires = at_once(partial(followed, there=there, behind=behind, frames=abs(frame - last)), wires)
        wires = [w for w in wires if _inside(w.curve, there.shape)]
        found[frame] = [w.curve for w in wires]
        here = there
    return found


def _settle(
    course: dict[int, list[Curve]],
    wires: Sequence[Wire],
    frames: Mapping[int, np.ndarray],
    known: Known,
    aims: Sequence[Curve],
    check: Callable[[], None],
) -> None:
    """Puts wires that were hardly seen on some frame of their course where the shot as a whole shows them."""
    order = [*course]
    followed_to = {
        w.curve.track: {f: c for f in order[1:] for c in course[f] if c.track == w.curve.track} for w in wires
    }
    doubted = [w for w in wires if min((c.confidence for c in followed_to[w.curve.track].values()), default=1) < _DOUBT]
    if not doubted:
        return
    last = max(order.index(frame) for w in doubted for frame in followed_to[w.curve.track])
    found = settled(frames, order[: last + 1], doubted, known, aims if last == len(order) - 1 else [], check)
    for wire, ways in zip(doubted, found, strict=True):
        mine = followed_to[wire.curve.track]
        shown = [sum(curves[frame].confidence * curves[frame].length for frame in mine) for curves in (ways, mine)]
        if shown[0] <= _TRUST * shown[1]:
            continue
        plain = float(np.median([c.confidence for c in mine.values()])) >= _DOUBT  # but for some frames
        for frame, old in mine.items():
            if ways[frame].confidence > 0 and (not plain or old.confidence < _DOUBT):
                course[frame] = [ways[frame] if c is old else c for c in course[frame]]


def _inside(curve: Curve, shape: tuple[int, int]) -> bool:
    x, y = curve.points[:, 0], curve.points[:, 1]
    return bool(((x > 0) & (y > 0) & (x < shape[1]) & (y < shape[0])).any())


def encode(tracked: Mapping[int, Iterable[Curve]]) -> str:
    """What was tracked as the value of the knob: compact JSON, positions to an eighth of a pixel.

    `{"version": 1, "frames": {"1001": [[track, confidence %, [widths x 8], [x, y, dx, dy, ...] x 8], ...]}}`; one width
    stands for all. RequestError where it would be longer than the knob may be.
    """
    frames = {str(frame): [_packed(c) for c in curves] for frame, curves in sorted(tracked.items())}
    text = json.dumps({"version": VERSION, "frames": frames}, separators=(",", ":"))
    if len(text) > LONGEST:
        raise RequestError(
            f"tracked: {len(frames)} frames make {len(text)} characters, more than the {LONGEST} that the knob holds: "
            "track fewer frames at once"
        )
    return text


def _packed(curve: Curve) -> list[Any]:
    points = np.rint(curve.points * _FINE).astype(int)
    width = np.rint(curve.width * _FINE).astype(int)
    steps = np.diff(points, axis=0, prepend=np.zeros((1, 2), int))
    wide = [int(np.median(width))] if np.ptp(width) <= max(2, 0.1 * width.mean()) else width.tolist()
    return [int(curve.track), round(100 * curve.confidence), wide, steps.ravel().tolist()]


def decode(text: str, time: float) -> list[Curve]:
    """The curves at a frame, out of the knob's value; between two frames that were tracked they are interpolated.

    An empty knob and times outside of what was tracked have none. RequestError where the text is not what `encode`
    writes, or comes from a later release.
    """
    if not text.strip():
        return []
    frames = _frames(text)
    before = max((f for f in frames if f <= time), default=None)
    after = min((f for f in frames if f >= time), default=None)
    if before is None or after is None or after - before > _BRIDGE:
        return []
    one = _unpacked(frames[before], before)
    if after == before:
        return one
    others = {curve.track: curve for curve in _unpacked(frames[after], after)}
    share = (time - before) / (after - before)
    return [between(curve, others[curve.track], share) for curve in one if curve.track in others]


def tracked_frames(text: str) -> list[int]:
    """The frames on which the knob's value has wires, in order."""
    return sorted(frame for frame, curves in _frames(text).items() if curves) if text.strip() else []


def doubted_frames(text: str) -> list[int]:
    """The frames, in order, on which a wire of the knob's value was so hardly seen that a person should look."""
    frames = _frames(text) if text.strip() else {}
    return sorted(f for f, packed in frames.items() if any(c.confidence < _DOUBT for c in _unpacked(packed, f)))


def between(one: Curve, two: Curve, share: float) -> Curve:
    """A curve `share` 0..1 of the way from one to the other, point for point along their lengths."""
    count = max(len(one.points), len(two.points))
    at = np.linspace(0, 1, count)

    def spread(values: np.ndarray) -> np.ndarray:
        return np.interp(at, np.linspace(0, 1, len(values)), values)

    points = [spread(one.points[:, k]) * (1 - share) + spread(two.points[:, k]) * share for k in (0, 1)]
    width = spread(one.width) * (1 - share) + spread(two.width) * share
    sure = one.confidence * (1 - share) + two.confidence * share
    return Curve(np.stack(points, axis=1).astype(np.float32), width.astype(np.float32), sure, one.track)


def _frames(text: str) -> dict[int, Any]:
    what = "tracked: this is not what Track wires writes; clear the knob, or track again"
    if len(text) > LONGEST:
        raise RequestError(f"tracked: {len(text)} characters are more than the {LONGEST} that the knob holds")
    try:
        data = json.loads(text)
        version, frames = data["version"], data["frames"]
        if isinstance(version, int) and version > VERSION:
            raise RequestError(f"tracked: written by a later release (form {version}, this one reads {VERSION})")
        if version != VERSION:
            raise RequestError(what)
        return {int(frame): curves for frame, curves in frames.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RequestError(what) from error


def _unpacked(packed: Any, frame: int) -> list[Curve]:
    try:
        return [_curve(*entry) for entry in packed]
    except (ValueError, TypeError, OverflowError) as error:
        raise RequestError(f"tracked: frame {frame} is damaged; track again, or clear the knob") from error


def _curve(track: int, sure: float, wide: list[int], steps: list[int]) -> Curve:
    points = np.cumsum(np.asarray(steps, np.float64).reshape(-1, 2), axis=0) / _FINE
    width = np.broadcast_to(np.asarray(wide, np.float64) / _FINE, len(points)).astype(np.float32)
    if len(points) < 2 or not np.isfinite(points).all() or np.abs(points).max() > 1e6 or not (width >= 0).all():
        raise ValueError
    return Curve(points.astype(np.float32), width, float(np.clip(sure / 100, 0, 1)), int(track))
