"""The vignette: how many stops the lens loses toward the corners, told from what the scene itself does there.

Natural pictures brighten and darken as often inward as outward, so that the typical radial slope of log luminance,
taken over places and pictures, is the lens's (Zheng, Yu, Kang, Lin, Kambhamettu, Single-image vignetting correction
using radial gradient symmetry, CVPR 2008). One picture may hold a pool of light in its middle; many do not all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from onelight.look.numbers import WIDTH, Curve, Untold, pooled, resampled
from onelight.temporal.encode import luminance, shrink

LONGEST = 320  # pixels at which slopes are taken: coarser than grain and texture
RINGS, SECTORS = 9, 16
INNER = 0.15  # of the half diagonal: nearer the middle a slope says nothing of a vignette
RADII = tuple(round(step / 10, 1) for step in range(11))  # of the half diagonal, where the curve is told
EDGE = 0.7  # stops a pixel: more is an edge of the scene
STEEP = 12.0  # stops a half diagonal: a cell that is steeper shows something else
FLOOR, CEILING = 2.0**-7, 0.995  # of the median and of the top: below is noise, above is clipped
FEWEST = 40  # cells of a picture that show smooth ground
SCENE = 0.55  # stops: standard deviation at the corner that scenes without any vignette show, one picture each
DOUBTFUL = 0.45  # stops: a corner that is not known to this is not told
RISING = 0.1  # stops by which a corner may be brighter than the middle before no lens explains it
THUMB = (24, 14)
ALIKE = 0.85  # correlation of thumbnails above which two frames are one picture


@dataclass(frozen=True)
class Vignette:
    """`loss`: radius in half diagonals -> stops relative to the middle, at most 0 but for its error.

    The curve is a r^2 + b r^4 in stops; a lens of cos^4 alone has a negative and b small. `pictures` counts different
    pictures that it was told from.
    """

    loss: Curve
    polynomial: tuple[float, float]
    pictures: int

    @property
    def corner(self) -> float:
        """Stops at the corner."""
        return self.loss.value[-1]


@dataclass(frozen=True)
class Seen:
    """One frame: typical radial slope [RINGS, SECTORS] in stops a half diagonal, nan where unknown, and a thumbnail."""

    slope: np.ndarray
    thumb: np.ndarray


def observe(linear: np.ndarray) -> Seen:
    """Slopes of a scene-linear ACEScg frame [H, W, 3] without NaN."""
    light = shrink(luminance(linear), LONGEST)
    height, width = light.shape
    middle = float(np.median(light[light > 0])) if (light > 0).any() else 1.0
    usable = (light > middle * FLOOR) & (light < float(light.max()) * CEILING)
    stops = np.log2(np.maximum(light, middle * FLOOR))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x - (width - 1) / 2, y - (height - 1) / 2
    half = np.float32(np.hypot(width, height) / 2)
    radius = np.hypot(x, y)
    down, across = np.gradient(stops)
    slope = (across * x + down * y) / np.maximum(radius, 1) * half
    known = usable[1:-1, 1:-1] & usable[:-2, 1:-1] & usable[2:, 1:-1] & usable[1:-1, :-2] & usable[1:-1, 2:]
    known = np.pad(known, 1) & (np.hypot(across, down) < EDGE)
    ring = ((radius / half - INNER) / (1 - INNER) * RINGS).astype(int)
    sector = ((np.arctan2(y, x) / (2 * np.pi) + 0.5) * SECTORS).astype(int) % SECTORS
    out = np.full((RINGS, SECTORS), np.nan)
    cell = np.where(known & (radius / half >= INNER) & (ring < RINGS), ring * SECTORS + sector, -1).ravel()
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(RINGS * SECTORS + 1))
    flat = slope.ravel()[order]
    for index in range(RINGS * SECTORS):
        inside = flat[starts[index] : starts[index + 1]]
        if len(inside) >= 24:
            out.flat[index] = np.median(inside)
    thumb = cv2.resize(stops, THUMB, interpolation=cv2.INTER_AREA)
    return Seen(out, (thumb - thumb.mean()) / max(float(thumb.std()), 1e-6))


def conclude(seen: Sequence[Seen]) -> Vignette:
    """The loss over all frames; Untold where scenes of their own may have made it."""
    pictures = _different(seen)
    fits = [_fit(slope) for slope in pictures]
    fits = [fit for fit in fits if fit is not None]
    if not fits:
        raise Untold("No picture has enough smooth, lit ground out to the corners.")
    values = np.array([value for value, _ in fits])
    scene = np.array([WIDTH * SCENE, WIDTH * SCENE])[None]  # of a r^2 + b r^4 at the corner and half way out
    errors = np.hypot(np.array([error for _, error in fits]), scene * np.array([1.0, 0.45]))
    value, error = pooled(values, errors)
    apart = max(0.0, _diagonals(pictures) - error[0])
    return _told(value, np.hypot(error, WIDTH * apart * np.array([1.0, 0.45])), len(fits))


def _diagonals(pictures: Sequence[np.ndarray]) -> float:
    """Half of what the falls along the two diagonals differ by, stops: a lens falls off alike, a dark corner does not.

    Opposite quadrants are taken together, so that a scene lit from one side drops out.
    """
    slopes = np.array([np.where(np.abs(one) < STEEP, one, np.nan) for one in pictures])
    known = np.isfinite(slopes)
    mean = np.where(known, slopes, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    quadrants = mean.reshape(RINGS, 4, SECTORS // 4).mean(axis=2).sum(axis=0) * (1 - INNER) / RINGS
    return abs(float(quadrants[0] + quadrants[2] - quadrants[1] - quadrants[3])) / 4


def _told(value: np.ndarray, error: np.ndarray, pictures: int) -> Vignette:
    """From the stops at the corner and half way out; Untold where they are not those of a lens."""
    corner, half = float(value[0]), float(value[1])
    if error[0] > DOUBTFUL:
        raise Untold(
            f"{pictures} different picture{'s' * (pictures != 1)} cannot tell a vignette from the scene's own light "
            f"(corner {corner:+.1f} ± {error[0]:.1f} stops)."
        )
    if corner - error[0] > RISING:
        raise Untold(f"The corners are {corner:.1f} stops brighter than the middle: that is the scene, no lens.")
    b = (corner - 4 * half) * 4 / 3  # a + b = corner, a / 4 + b / 16 = half
    a = corner - b
    radii = np.array(RADII)
    doubt = np.interp(radii, [0, 0.5, 1], [0, error[1], error[0]])
    return Vignette(Curve.of(radii, a * radii**2 + b * radii**4, doubt), (round(a, 4), round(b, 4)), pictures)


def _different(seen: Sequence[Seen]) -> list[np.ndarray]:
    """Slopes of each different picture: frames of a still camera are one."""
    groups: list[list[Seen]] = []
    for one in seen:
        group = next((g for g in groups if float((g[0].thumb * one.thumb).mean()) > ALIKE), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return [np.nanmean(_stacked(group), axis=0) for group in groups]


def _stacked(group: list[Seen]) -> np.ndarray:
    slopes = np.array([one.slope for one in group])
    everywhere = np.isnan(slopes).all(axis=0)
    slopes[0][everywhere] = 1e9  # no warning of an empty mean; taken out by the fit
    return slopes


def _fit(slope: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Stops at the corner and half way out, with errors from drawing sectors anew; None where too little is known."""
    rings, sectors = np.nonzero(np.abs(slope) < STEEP)
    if len(rings) < FEWEST or len(np.unique(sectors)) < SECTORS * 3 // 4 or rings.max() < RINGS - 2:
        return None
    radius = INNER + (rings + 0.5) / RINGS * (1 - INNER)
    angle = (sectors + 0.5) / SECTORS * 2 * np.pi
    seen = slope[rings, sectors]
    # A slope of the whole scene (a sky, a wall lit from one side) points the same way everywhere: it is fitted beside.
    basis = np.stack([2 * radius, 4 * radius**3, np.cos(angle), np.sin(angle)], axis=1)
    area = np.sqrt(radius)

    def solve(drawn: np.ndarray) -> np.ndarray:
        count = np.bincount(drawn, minlength=SECTORS)[sectors].astype(np.float64)
        weight = area * count
        found = np.zeros(4)
        for _ in range(12):  # Tukey's weights: what one part of a set does alone is left out
            scaled = basis * np.sqrt(weight)[:, None]
            ridge = np.diag([0.0, 0.02 * weight.sum(), 0.0, 0.0])  # b is small unless the rings ask for it
            found = np.linalg.solve(scaled.T @ scaled + ridge + 1e-9 * np.eye(4), basis.T @ (weight * seen))
            away = np.abs(seen - basis @ found)
            scale = max(1.48 * float(np.median(away)), 0.05)
            weight = area * count * np.maximum(1 - (away / (3 * scale)) ** 2, 1e-3) ** 2
        a, b = found[:2]
        return np.array([a + b, a / 4 + b / 16])

    return solve(np.arange(SECTORS)), resampled(SECTORS, solve, 40)
