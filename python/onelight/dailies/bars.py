"""Frames that hold no picture: colour bars, and frames that are one even colour."""

from __future__ import annotations

import numpy as np

# Yellow, cyan, green, magenta, red, blue: which channels are on.
PURE = frozenset({(1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1)})
SMALLEST = 16  # pixels; there is nothing to tell bars by in less
OFF = 0.3  # of the brightest: a channel that is not on in a pure colour is darker
OTHER = 0.25  # of the upper part may be something else: a circle, lettering
EVEN = 0.03  # of the brightest: by so much a bar differs within itself
NARROWEST = 0.06  # of the width: a bar of the six; an edge is narrower
BLANK = 0.02  # between the darkest and the brightest 2 % of an even frame


def is_bars(screen: np.ndarray) -> bool:
    """Whether a picture [h, w, 3], encoded for a screen, shows colour bars of any level: SMPTE, EBU, ARIB, charts.

    In the upper part of all of them the six pure colours stand upright beside each other, each once.
    """
    height, width = screen.shape[:2]
    if min(height, width) < SMALLEST:
        return False
    upper = screen[round(0.08 * height) : round(0.5 * height)]
    row = np.median(upper, axis=0)
    brightest = float(row.max())
    if brightest < 0.1 or float((np.abs(upper - row).max(axis=-1) > 2 * EVEN * brightest).mean()) > OTHER:
        return False
    runs = _runs(row / brightest)
    return any(frozenset(runs[at : at + 6]) == PURE for at in range(len(runs) - 5))


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
            mean = part.mean(axis=0)
            red, green, blue = (int(value > 0.5) if value > 0.5 or value < OFF else 2 for value in mean)
            if not runs or runs[-1] != (red, green, blue):
                runs.append((red, green, blue))
    return runs
