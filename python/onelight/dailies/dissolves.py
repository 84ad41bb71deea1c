"""Dissolves: stretches in which one shot is mixed into the next, where no two neighbouring frames show a cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onelight.temporal.cuts import same_shot

Run = tuple[int, int]  # first and last, both included
LENGTHS = (16, 32, 64)  # frames of the windows in which a dissolve is looked for
STEP = 6  # frames from one window to the next
APART = 0.04  # of full scale between a window's ends, on the average: less is no dissolve
LEFT_OVER = 0.12  # of the difference of the ends that no mixture of them explains
BACK = 0.06  # by so much the share of the first may grow again from a frame to the next
MIXED = (0.04, 0.96)  # shares of the first between which a frame is a mixture
CLEAR = 2  # frames at both ends of a window that are no mixtures, or the dissolve goes on beyond it
FEWEST = 4  # mixed frames; less is a cut in an interlaced transfer


def dissolves(small: Sequence[np.ndarray], cuts: Sequence[int]) -> list[Run]:
    """Runs of mixed frames; `small`: scene-linear Y [h, w] of every frame, `cuts`: indices at which a shot begins.

    Within a dissolve every frame is a x first + (1 - a) x last as a screen shows them, and a falls all the way. A
    camera move or a change of light does not look so.
    """
    screen = [np.power(np.clip(picture.astype(np.float32), 0, 1), 1 / 2.4) for picture in small]
    found: list[Run] = []
    for length in LENGTHS:
        for first in range(0, len(small) - length, STEP):
            last = first + length
            if any(first < cut <= last for cut in cuts) or any(a <= last and b >= first for a, b in found):
                continue
            if float(np.abs(screen[first] - screen[last]).mean()) < APART:
                continue
            run = _mixed(screen[first : last + 1])
            if run is None or same_shot(small[first].astype(np.float32), small[last].astype(np.float32)):
                continue
            found.append((first + run[0], first + run[1]))
    return sorted(found)


def _mixed(window: Sequence[np.ndarray]) -> Run | None:
    """The frames of a window that are mixtures of its ends, where all its frames are and the first one fades."""
    first, last = window[0], window[-1]
    apart = first - last
    power = float((apart * apart).sum())
    shares: list[float] = []
    for picture in window:
        share = float(((picture - last) * apart).sum()) / power
        rest = picture - last - share * apart
        if float((rest * rest).sum()) > LEFT_OVER * power or (shares and share > shares[-1] + BACK):
            return None
        shares.append(share)
    inside = [at for at, share in enumerate(shares) if MIXED[0] < share < MIXED[1]]
    whole = len(inside) >= FEWEST and inside[0] >= CLEAR and inside[-1] < len(shares) - CLEAR
    return (inside[0], inside[-1]) if whole else None
