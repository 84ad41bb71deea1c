"""Letterbox and pillarbox: even borders that never change, with a straight edge to the picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Box = tuple[int, int, int, int]
EVEN = 0.035  # of full scale: by so much a border differs within itself and over time, compressed as it may be
DARK = 0.12  # of full scale: a border is darker
THINNEST = 0.012  # of the side; less is a blanking error, and no reason to cut
EDGE = 0.35  # of the picture's length on which it is brighter than the border right behind the edge
SMEAR = 8  # rows


def picture_box(samples: Mapping[int, np.ndarray]) -> Box | None:
    """The picture inside its borders, in pixels of the samples (number -> [h, w, 3] for a screen); None without any."""
    if not samples:
        return None
    stack = np.stack([np.clip(picture, 0, 1).max(axis=-1) for picture in samples.values()])
    brightest, darkest = stack.max(axis=0), stack.min(axis=0)
    top, bottom = _borders(brightest, darkest)
    left, right = _borders(brightest[top : len(brightest) - bottom].T, darkest[top : len(darkest) - bottom].T)
    if not any((top, bottom, left, right)):
        return None
    height, width = brightest.shape
    return (left, top, width - right, height - bottom)


def _borders(brightest: np.ndarray, darkest: np.ndarray) -> tuple[int, int]:
    """Rows of border above and below; either both are found (of whatever height each) or there are none."""
    found = _border(brightest, darkest), _border(brightest[::-1], darkest[::-1])
    return found if min(found) >= THINNEST * len(brightest) else (0, 0)


def _border(brightest: np.ndarray, darkest: np.ndarray) -> int:
    level = float(np.median(darkest[: max(1, round(THINNEST * len(darkest)))]))
    # Compression rings at the edge and leaves single pixels: a percentile, not the extreme.
    even = (np.percentile(brightest, 98, axis=1) - level < EVEN) & (level - np.percentile(darkest, 2, axis=1) < EVEN)
    rows = int(np.argmin(even)) if not even.all() else 0
    if level > DARK or rows < THINNEST * len(brightest) or rows > 0.45 * len(brightest):
        return 0
    # Compression smears the edge: the picture begins two rows behind the first that is brighter for much of its length.
    begins = (brightest[rows : rows + SMEAR] > level + 2 * EVEN).mean(axis=1) >= EDGE
    return rows + int(begins.argmax()) + 2 if begins.any() else 0
