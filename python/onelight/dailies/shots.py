"""Shot boundaries and flash frames of a clip, by `temporal.cuts`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from onelight.temporal.cuts import same_shot

Run = tuple[int, int]  # first and last, both included
STILL = 0.15  # stops between two frames on the average: less is no cut, and need not be looked at closely
FLASH = 3  # frames at the most
SURGE = 0.6  # stops off both neighbours that make a flash
AGREE = 0.3  # stops between the neighbours of a flash


def shots(small: Sequence[np.ndarray], level: Sequence[float]) -> tuple[list[Run], list[Run]]:
    """Shots and flash frames as runs of indices; `small`: scene-linear Y [h, w] of every frame, `level`: in stops.

    A run of at most three frames that differs from what goes before and after, which are one shot, is a flash: a
    single frame of something else, a photographer's flash, a frame that got too much light where a film camera
    stopped. The shot goes on through it.
    """
    count = len(small)
    cuts = [at for at in range(1, count) if not _same(small, level, at - 1, at)]
    flashes = _surges(small, level)
    kept: list[int] = []
    for at in cuts:
        before = max((cut for cut in kept if at - cut <= FLASH), default=None)
        if before is not None and before > 0 and _joined(small, before - 1, at):
            kept.remove(before)
            flashes.append((before, at - 1))
        else:
            kept.append(at)
    # A surge may itself have looked like a cut.
    kept = [at for at in kept if not any(first <= at <= last + 1 for first, last in flashes)]
    bounds = [0, *kept, count]
    return [(a, b - 1) for a, b in itertools.pairwise(bounds)], _merged(flashes)


def _same(small: Sequence[np.ndarray], level: Sequence[float], before: int, after: int) -> bool:
    a, b = (np.log2(np.maximum(small[at].astype(np.float32), 2.0**-12)) for at in (before, after))
    if float(np.abs((a - level[before]) - (b - level[after])).mean()) < STILL:
        return True
    return _joined(small, before, after)


def _joined(small: Sequence[np.ndarray], before: int, after: int) -> bool:
    return same_shot(small[before].astype(np.float32), small[after].astype(np.float32))


def _surges(small: Sequence[np.ndarray], level: Sequence[float]) -> list[Run]:
    """Runs of frames much brighter or darker than both neighbours."""
    found: list[Run] = []
    at, count = 1, len(level)
    while at < count - 1:
        for last in range(at, min(at + FLASH, count - 1)):
            left, right = level[at - 1], level[last + 1]
            apart = [one - (left + right) / 2 for one in level[at : last + 1]]
            one_way = min(apart) > SURGE or max(apart) < -SURGE
            if one_way and abs(left - right) < AGREE and _joined(small, at - 1, last + 1):
                found.append((at, last))
                at = last
                break
        at += 1
    return found


def _merged(runs: list[Run]) -> list[Run]:
    merged: list[Run] = []
    for first, last in sorted(runs):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
