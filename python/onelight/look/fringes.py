"""Lateral chromatic aberration: how far red and blue are magnified beside green, from edges all over the picture.

In a small patch with two materials red is a linear function of green, whatever their colours; where the lens magnifies
red otherwise, it is that function of green moved. The move is found by linearising in green's gradient (Lucas and
Kanade 1981) and fitted over patches by a radial polynomial (Johnson and Farid, Exposing digital forgeries through
chromatic aberration, 2006; Kang, Automatic removal of chromatic aberration from a single image, 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from onelight.look.numbers import Curve, Untold, resampled

HALF = 2  # pixels of the picture in one that is looked at: sensors and codecs carry colour at half the detail
SMOOTH = 1.2  # deviation in those pixels: grain in green would make every move look smaller
PATCH = 20
STEPS = 3
MOST = 60  # patches of one ring of one frame
RINGS = np.array([0, 0.3, 0.5, 0.65, 0.8, 1.01])  # of the half diagonal
RADII = tuple(round(step / 10, 1) for step in range(11))
FEWEST = 40  # patches in all
OUTER = 0.6  # of the half diagonal: patches have to reach beyond
EXPLAINED = 0.9  # share of red's variance that green has to explain
FARTHEST = 2.5  # looked-at pixels: beyond it a linearised move is not to be believed
TRUE = 0.1  # of a shift: what chroma at half the detail and smoothing may take from it
GROWTH = 0.005  # how much edges have to ask for it
COLOURLESS = 0.004  # relative scatter of a channel's ratio to green below which it is a copy of it
DOUBTFUL = 0.6  # thousandths of the half diagonal: a corner not known to this is not told


@dataclass(frozen=True)
class Fringes:
    """`red`, `blue`: radius in half diagonals -> how far the channel lies outside of green, thousandths of it.

    `swirl` is what the same patches say of a turn about the middle, at the corner: no lens has one, so it shows what
    the scene's own colours can feign. `patches` counts edges.
    """

    red: Curve
    blue: Curve
    swirl: float
    patches: int

    def pixels(self, size: tuple[int, int]) -> tuple[float, float]:
        """Red's and blue's shift at the corner of a picture (width, height), in its pixels."""
        half = float(np.hypot(*size) / 2) / 1000
        return self.red.value[-1] * half, self.blue.value[-1] * half


@dataclass(frozen=True)
class Seen:
    """One frame's patches [n, 8]: place x, y; red's move x, y and blue's, in half diagonals; weights of red, blue."""

    patches: np.ndarray


def observe(linear: np.ndarray) -> Seen:
    """Moves of red and blue against green in patches of a scene-linear frame [H, W, 3] without NaN."""
    height, width = linear.shape[0] // HALF, linear.shape[1] // HALF
    if min(height, width) < 4 * PATCH or _grey(linear):
        return Seen(np.zeros((0, 8)))
    small = cv2.resize(linear[: height * HALF, : width * HALF], (width, height), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), SMOOTH)
    green = np.ascontiguousarray(small[..., 1])
    slope = [cv2.Sobel(green, -1, 1, 0, scale=1 / 8), cv2.Sobel(green, -1, 0, 1, scale=1 / 8)]
    channels = [np.ascontiguousarray(small[..., channel]) for channel in (0, 2)]
    half = float(np.hypot(width, height) / 2)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    found = []
    for top, left in _best(slope, green, middle, half):
        centre = np.array([left, top]) + (PATCH - 1) / 2
        moves = [_move(green, slope, channel, centre) for channel in channels]
        if any(weight for _, weight in moves):
            found.append([*((centre - middle) / half), *(moves[0][0] / half), *(moves[1][0] / half)])
            found[-1] += [moves[0][1], moves[1][1]]
    return Seen(np.array(found).reshape(-1, 8))


def _grey(linear: np.ndarray) -> bool:
    """Whether the picture is black and white: channels that are copies lie on each other, whatever the lens."""
    sample = linear[::4, ::4].reshape(-1, 3)
    bright = sample[sample[:, 1] > np.median(sample[:, 1])].astype(np.float64)
    if len(bright) < 16:
        return False
    ratios = bright[:, [0, 2]] / bright[:, 1:2]
    return bool((ratios.std(axis=0) < COLOURLESS * np.abs(ratios.mean(axis=0))).any())


def _best(slope: list[np.ndarray], green: np.ndarray, middle: np.ndarray, half: float) -> list[tuple[int, int]]:
    """Top left corners of the patches with the strongest contrast for their level, as many of each ring."""
    rows, columns = (n // PATCH for n in green.shape)
    energy = cv2.resize(
        (slope[0] ** 2 + slope[1] ** 2)[: rows * PATCH, : columns * PATCH],
        (columns, rows),
        interpolation=cv2.INTER_AREA,
    )
    level = cv2.resize(green[: rows * PATCH, : columns * PATCH], (columns, rows), interpolation=cv2.INTER_AREA)
    contrast = np.sqrt(energy) / np.maximum(level, 1e-4 * max(float(green.max()), 1e-9))
    y, x = np.mgrid[0:rows, 0:columns] * PATCH + (PATCH - 1) / 2
    radius = np.hypot(x - middle[0], y - middle[1]) / half
    chosen = []
    for inner, outer in pairwise(RINGS):
        inside = np.flatnonzero((radius >= inner) & (radius < outer) & (contrast > 0.01))
        best = inside[np.argsort(-contrast.ravel()[inside], kind="stable")[:MOST]]
        chosen += [(int(i) // columns * PATCH, int(i) % columns * PATCH) for i in best]
    return chosen


def _move(
    green: np.ndarray, slope: list[np.ndarray], channel: np.ndarray, centre: np.ndarray
) -> tuple[np.ndarray, float]:
    """A channel's move [2] against green around a place and its weight, 0 where the patch does not tell."""
    size, nothing = (PATCH, PATCH), (np.zeros(2), 0.0)
    seen = cv2.getRectSubPix(channel, size, centre.tolist()).ravel().astype(np.float64)
    total, move, variance = float(((seen - seen.mean()) ** 2).sum()), np.zeros(2), np.zeros(2)
    for _ in range(STEPS):  # each step linearises where the last one led
        at = (centre - move).tolist()
        parts = [cv2.getRectSubPix(one, size, at).ravel() for one in (green, *slope)]
        basis = np.column_stack([np.ones(len(seen)), *parts]).astype(np.float64)
        normal = basis.T @ basis
        try:
            inverse = np.linalg.inv(normal + np.diag([0, 0, 1, 1]) * 1e-6 * normal[1, 1] / len(seen))
        except np.linalg.LinAlgError:
            return nothing
        solution = inverse @ (basis.T @ seen)
        left = float(((seen - basis @ solution) ** 2).sum())
        if solution[1] <= 0.05 or total <= 0 or left > (1 - EXPLAINED) * total:
            return nothing
        move = move - solution[2:] / solution[1]
        variance = np.diag(inverse)[2:] * left / (len(seen) - 4) / solution[1] ** 2
        if np.abs(move).max() > FARTHEST or not np.isfinite(variance).all():
            return nothing
    return move, float(1 / (variance.mean() + 0.02**2))  # a patch is never better than a fiftieth of a pixel


def conclude(seen: Sequence[Seen]) -> Fringes:
    """The radial curves over all frames; Untold where edges are too few, too near the middle or disagree."""
    patches = np.concatenate([one.patches for one in seen]) if seen else np.zeros((0, 8))
    radius = np.hypot(patches[:, 0], patches[:, 1])
    if len(patches) < FEWEST or (radius > OUTER).sum() < FEWEST // 4:
        raise Untold(f"Only {len(patches)} sharp edges with colour were found, too few of them toward the corners.")
    curves, swirls = [], []
    for channel in (0, 1):
        curve, swirl = _radial(patches, channel)
        curves.append(curve)
        swirls.append(swirl)
    worst = max(curve.error[-1] for curve in curves)
    if worst > DOUBTFUL:
        raise Untold(f"Edges disagree: the shift at the corner is known to ± {worst:.1f} thousandths only.")
    return Fringes(*curves, swirl=round(float(max(swirls, key=abs)), 4), patches=len(patches))


def _radial(patches: np.ndarray, channel: int) -> tuple[Curve, float]:
    """Radial curve of a channel and the swirl at the corner, thousandths of the half diagonal."""
    weight = patches[:, 6 + channel]
    place, move = patches[weight > 0, :2], patches[weight > 0, 2 + 2 * channel : 4 + 2 * channel] * 1000
    weight = weight[weight > 0]
    if len(place) < FEWEST // 2:
        raise Untold(f"Only {len(place)} sharp edges show {('red', 'blue')[channel]} beside green.")
    square = (place**2).sum(axis=1)
    zero, one = np.zeros(len(place)), np.ones(len(place))
    # columns: magnification, its growth outward, swirl, and a move of the whole channel (a codec's chroma siting)
    across = np.column_stack([place[:, 0], place[:, 0] * square, -place[:, 1], one, zero])
    down = np.column_stack([place[:, 1], place[:, 1] * square, place[:, 0], zero, one])

    def solve(drawn: np.ndarray) -> np.ndarray:
        count = np.bincount(drawn, minlength=len(place)) * weight
        trust, found = count.copy(), np.zeros(5)
        for _ in range(10):  # Tukey's weights: coloured things of the scene are far off
            normal = (across.T * trust) @ across + (down.T * trust) @ down
            normal += np.diag([0, GROWTH, 0, 0, 0]) * trust.sum()  # growth is small unless the edges ask for it
            right = across.T @ (trust * move[:, 0]) + down.T @ (trust * move[:, 1])
            found = np.linalg.solve(normal + 1e-9 * np.eye(5), right)
            away = np.hypot(move[:, 0] - across @ found, move[:, 1] - down @ found)
            scale = max(1.2 * _weighted_median(away, count), 1e-3)
            trust = count * np.maximum(0, 1 - (away / (4 * scale)) ** 2) ** 2
        return found

    radii = np.array(RADII)
    best = solve(np.arange(len(place)))
    value = best[0] * radii + best[1] * radii**3
    error = resampled(len(place), lambda d: (lambda f: np.append(f[0] * radii + f[1] * radii**3, f[2]))(solve(d)), 40)
    feigned = max(0.0, abs(float(best[2])) - float(error[-1]))  # a swirl beyond chance: no better known than that
    return Curve.of(radii, value, np.sqrt(error[:-1] ** 2 + (2 * feigned * radii) ** 2 + (TRUE * value) ** 2)), float(
        best[2]
    )


def _weighted_median(values: np.ndarray, weight: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
