"""What a picture shows across the course that a wire is expected on, and the likeliest way along it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from onelight.temporal.encode import coded
from onelight.tools.cleanup.behind import Behind
from onelight.tools.cleanup.curves import SPACING, normals, sample, tangents

_LEAP = 2  # px by which neighbours on a curve may differ in how far they moved
_FIRM = 0.4  # cost of such a difference, per px squared
_FREE = 0.5  # cost of lying at the end of the reach
_STRAY = 5.0  # px that the course may stray from the best shifted, tilted and bent one, at the cost of _FREE
_SWINGS = 48  # points of a curve that are asked for that one
TILTS, BENDS = np.arange(-6, 7) / 12, np.arange(-3, 4) / 12  # of a course, in reaches at its ends
_TOO_MUCH = 3.5  # times the expected contrast: less and less likely up to this
_QUIET = 0.03  # stops: contrast that counts for nothing even on a clean picture


def reach_of(reach: float) -> int:
    """Whole pixels searched to either side."""
    return int(np.ceil(reach))


def profile(
    picture: np.ndarray, level: float, points: np.ndarray, reach: float, bar: float, behind: Behind | None = None
) -> np.ndarray:
    """Stops [N, K, 3] across a curve, a pixel apart, the mean of three places along it; margins for the flanks.

    With `behind` there are six channels: the stops, and by how much these differ from the background's.
    """
    margin = reach_of(reach) + _margin(bar)
    offsets = np.arange(-margin, margin + 1, dtype=np.float32)
    across, along = normals(points).astype(np.float32), tangents(points).astype(np.float32)
    total = np.zeros((len(points), len(offsets), 3 if behind is None else 6), np.float32)
    for step in (-SPACING / 3, 0, SPACING / 3):
        where = (points + np.float32(step) * along)[:, None] + offsets[:, None] * across[:, None]
        stops = coded(sample(picture, where), level)
        total[..., :3] += stops
        if behind is not None:
            total[..., 3:] += stops - behind.stops(where)
    return total / 3


def _margin(bar: float) -> int:
    core, flank = _sizes(bar)
    return core // 2 + flank + 2


def _sizes(bar: float) -> tuple[int, int]:
    """Pixels of the middle and of each flank that a bar is compared by."""
    return max(1, round(bar)), max(2, round(bar / 2))


def scores(stops: np.ndarray, bar: float, expected: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """How much each place [N, K] looks like the middle of the wire, and by how many stops it differs there [N, K, 3].

    The smaller of the contrasts to both sides counts, so that edges do not; against what is usual across the course.
    Where the wire's own contrast `expected` [N, 3] is known, what differs the other way, or by more, counts against it;
    and where `stops` say what differs from the background too, that counts as much more as it is quieter.
    """
    if expected is None:
        least, plain = _differs(stops, bar)
        strength, usual = _usual(least)
        return np.minimum(strength / usual, 4), plain
    _, plain = _differs(stops, bar)
    alone = plain[..., :3]
    if stops.shape[2] == 3:
        return _matched(alone, expected, _usual(alone)[1]), alone
    here, left = (_matched(d, expected, u) for d, u in ((d, _usual(d)[1]) for d in (alone, plain[..., 3:])))
    quiet, loud = (_usual(d)[1] ** 2 for d in (plain[..., 3:], alone))
    share = loud / (loud + quiet)
    return share * left + (1 - share) * here, alone


def _differs(stops: np.ndarray, bar: float) -> tuple[np.ndarray, np.ndarray]:
    """The smaller of the contrasts [N, K, C] of a bar to both sides, 0 where these have other signs; and their mean."""
    core, flank = _sizes(bar)
    sums = np.cumsum(np.pad(stops, ((0, 0), (1, 0), (0, 0))), axis=1, dtype=np.float64)
    margin = _margin(bar)
    count = stops.shape[1] - 2 * margin
    place = np.arange(count) + margin

    def mean(start: np.ndarray, size: int) -> np.ndarray:
        return ((sums[:, start + size] - sums[:, start]) / size).astype(np.float32)

    middle_ = mean(place - core // 2, core)
    first = middle_ - mean(place - core // 2 - 1 - flank, flank)
    second = middle_ - mean(place - core // 2 + core + 1, flank)
    least = np.where(first * second > 0, np.where(np.abs(first) < np.abs(second), first, second), np.float32(0))
    return least, (least + (first + second) / 2) / 2


def _usual(differs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How strong contrasts [N, K, 3] are [N, K], and what is usual across the course [N, 1]."""
    strength = np.sqrt((differs * differs).mean(axis=2))
    return strength, 2 * np.median(strength, axis=1, keepdims=True) + np.float32(_QUIET)


def _matched(differs: np.ndarray, expected: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """How much likelier contrasts [N, K, 3] are with the wire than without it [N, K]: a matched filter's answer."""
    power = (expected * expected).mean(axis=1, keepdims=True) + np.float32(1e-6)
    share = (differs * expected[:, None]).mean(axis=2) / power
    aside = (differs * differs).mean(axis=2) / power - share * share
    share = np.minimum(share, np.maximum(_TOO_MUCH - share, -1))  # another thing is plainer than the wire ever was
    gain = power / (power / 4 + (usual / 2) ** 2)
    return 2 * gain * np.clip(share - np.float32(0.5) - aside / 4, -0.5, 0.5)


def path(score: np.ndarray, about: np.ndarray | None = None) -> tuple[np.ndarray, float]:
    """The course [N] through scores [N, K] and how well it is seen, a point.

    A wire moves as a whole: first the best shift, tilt and bend, tried out (or the columns `about` [N], where these are
    known), then what little it strays from that, by dynamic programming (Viterbi).
    """
    swung = _swung(score) if about is None else about
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
    way = np.zeros(count, np.int64)
    way[-1] = int(total.argmin())
    for row in range(count - 1, 0, -1):
        way[row - 1] = came[row, way[row]]
    return way, -float(total.min()) / count


def _swung(score: np.ndarray) -> np.ndarray:
    """The best course [N] of the form shift + tilt + bend through scores [N, K], in columns."""
    count, width = score.shape
    if count < 4:
        return np.full(count, float(cv2.blur(score, (3, 1), borderType=cv2.BORDER_REPLICATE).mean(axis=0).argmax()))
    reach = (width - 1) / 2
    shift = np.arange(width, dtype=np.float32)[:, None, None] - reach
    tilt, bend = (share[None] * reach for share in (TILTS[:, None], BENDS[None]))
    far = (shift * shift + tilt * tilt / 3 + bend * bend / 5) / (reach * reach)
    best = np.unravel_index(int((poses(score) - _FREE * far.astype(np.float32)).argmax()), far.shape)
    return posed(count, width, [int(index) for index in best])


def poses(score: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
    """The mean score [K, `TILTS`, `BENDS`] of courses through scores [N, K]: each shifted, tilted and bent otherwise.

    Only rows that `counts` [N] bool, where given: then what lies beyond a row's ends is as its middling score, else it
    says nothing (0). Tilts and bends are shares of half the width K.
    """
    count, width = score.shape
    asked = np.arange(count) if counts is None else np.flatnonzero(counts)
    if not len(asked):
        return np.zeros((width, len(TILTS), len(BENDS)), np.float32)
    rows = asked[np.unique(np.linspace(0, len(asked) - 1, min(len(asked), _SWINGS)).round().astype(int))]
    beyond = np.zeros((len(rows), 1)) if counts is None else np.median(score[rows], axis=1, keepdims=True)
    soft = np.repeat(beyond.astype(np.float32), 3 * width, axis=1)
    soft[:, width : 2 * width] = cv2.blur(score[rows], (3, 1), borderType=cv2.BORDER_REPLICATE)
    at = np.linspace(-1, 1, count)[rows]
    reach = (width - 1) / 2
    out = np.empty((width, len(TILTS), len(BENDS)), np.float32)
    line = np.arange(len(rows))[:, None]
    for i, tilt in enumerate(TILTS * reach):
        for j, bend in enumerate(BENDS * reach):
            first = np.rint(width + tilt * at + bend * (at * at - 1 / 3)).astype(np.int64)
            out[:, i, j] = soft[line, first[:, None] + np.arange(width)].mean(axis=0)
    return out


def posed(count: int, width: int, pose: Sequence[int]) -> np.ndarray:
    """The columns [N] of a course that is shifted, tilted and bent as those indices of `poses` say."""
    at, reach = np.linspace(-1, 1, count), (width - 1) / 2
    shift, tilt, bend = pose
    return np.clip(shift + TILTS[tilt] * reach * at + BENDS[bend] * reach * (at * at - 1 / 3), 0, width - 1)
