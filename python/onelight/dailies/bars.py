"""Frames that hold no picture: colour bars, and frames that are one even colour."""

from __future__ import annotations

import numpy as np

ORDER = ((1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1))  # yellow cyan green magenta red blue
EVEN = 0.03  # of the brightest: by so much a bar differs within itself
NARROWEST = 0.06  # of the width: a bar of the six; an edge is narrower
BLANK = 0.02  # between the darkest and the brightest 2 % of an even frame


def is_bars(screen: np.ndarray) -> bool:
    """Whether a picture [h, w, 3], encoded for a screen, shows SMPTE, EBU or ARIB bars of any level.

    The six bars from yellow to blue stand side by side in this order, or mirrored, in the upper part of all of them.
    """
    height = screen.shape[0]
    upper = screen[round(0.08 * height) : round(0.5 * height)]
    row = np.median(upper, axis=0)
    brightest = float(row.max())
    if brightest < 0.1 or float(np.abs(upper - row).mean()) > EVEN * brightest:
        return False
    runs = _runs(row / brightest)
    return any(tuple(runs[at : at + 6]) in (ORDER, ORDER[::-1]) for at in range(len(runs) - 5))


def is_blank(screen: np.ndarray) -> bool:
    """Whether a picture [h, w, 3] is one even colour: leader, black, a lens cap."""
    darkest, brightest = np.percentile(screen, (2, 98), axis=(0, 1))
    return bool((brightest - darkest).max() < BLANK)


def _runs(row: np.ndarray) -> list[tuple[int, int, int]]:
    """The colours of a row [w, 3] from left to right as bits, of what is even for long enough; none twice running."""
    width = len(row)
    edges = np.flatnonzero(np.abs(np.diff(row, axis=0)).max(axis=1) > 2 * EVEN) + 1
    runs: list[tuple[int, int, int]] = []
    for part in np.split(row, edges):
        if len(part) >= NARROWEST * width:
            red, green, blue = (int(value > 0.5) for value in part.mean(axis=0))
            if not runs or runs[-1] != (red, green, blue):
                runs.append((red, green, blue))
    return runs
