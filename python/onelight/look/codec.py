"""Tells what a codec left in a picture from what film or a sensor put there: frozen tiles and the grid of blocks."""

from __future__ import annotations

import cv2
import numpy as np

from onelight.temporal.encode import luminance

TILE = 8  # pixels a side, of JPEG's and H.26x's transforms
SAME = 1e-6  # of its own level: a tile that differs by no more is a copy
FROZEN = 0.05  # share of lit tiles that are copies: grain leaves none
HELD = 0.995  # share above which the whole frame was repeated
GRID = 0.06  # by which the steps at one column of eight are larger than beside it
CERTAIN = 5.0  # standard errors


def frozen(here: np.ndarray, there: np.ndarray) -> float:
    """Share of the lit tiles of a scene-linear frame [H, W, 3] that the frame before shows bit for bit.

    Clipped tiles are left out: they stand still whatever the grain. 0 where nothing is lit.
    """
    rows, columns = (n // TILE for n in here.shape[:2])
    one, two = (luminance(p)[: rows * TILE, : columns * TILE].reshape(rows, TILE, columns, TILE) for p in (here, there))
    level = one.mean(axis=(1, 3))
    lit = (one.min(axis=(1, 3)) > 1e-3 * max(float(np.median(level)), 1e-12)) & (
        one.max(axis=(1, 3)) < 0.98 * float(one.max(initial=0))
    )
    copied = np.abs(one - two).max(axis=(1, 3)) <= SAME * level
    return float(copied[lit].mean()) if lit.any() else 0.0


def grid(linear: np.ndarray) -> float:
    """By how much steps between neighbours are larger at one column and row of eight: 0 where there is no such grid.

    Blockiness as in Wang, Sheikh and Bovik, No-reference perceptual quality assessment of JPEG compressed images
    (2002), of stops, at whichever place the grid lies (a crop moves it).
    """
    light = luminance(linear)
    floor = max(float(np.median(light)), 1e-12) * 2.0**-6
    stops = np.log2(np.maximum(light, floor))
    return min(_along(stops), _along(np.ascontiguousarray(stops.T)))


def _along(stops: np.ndarray) -> float:
    steps = np.abs(np.diff(stops, axis=1))
    steps = np.minimum(steps, 4 * max(float(np.median(steps)), 1e-4))  # edges of the scene say nothing
    column = steps.mean(axis=0)
    column = column - cv2.blur(column[None], (2 * TILE + 1, 1), borderType=cv2.BORDER_REFLECT)[0]
    scale = max(float(steps.mean()), 1e-9)
    column = column[: len(column) // TILE * TILE].reshape(-1, TILE)
    if len(column) < 4:
        return 0.0
    mean = column.mean(axis=0)
    best = int(np.argmax(mean))
    others = np.delete(mean, best)
    noise = float(column.std() / np.sqrt(len(column)))
    excess = float(mean[best] - others.mean())
    return excess / scale if excess > CERTAIN * noise else 0.0


def complaint(copies: list[float], grids: list[float]) -> str:
    """The sentence for footage whose fine detail is a codec's, from its frames' shares and grids; empty where not."""
    moving = [share for share in copies if share < HELD]
    if copies and not moving:
        return "Every frame that was looked at repeats the one before: what changes from frame to frame is not shown."
    if moving and float(np.median(moving)) > FROZEN:
        share = round(100 * float(np.median(moving)))
        return f"The codec copied {share} % of the picture from frame to frame: what looks like grain is what it left."
    if grids and float(np.median(grids)) > GRID:
        return "The picture shows a codec's grid of 8 pixels: what looks like grain is what it left."
    return ""
