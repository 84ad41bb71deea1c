"""Bloom: what share of a highlight's light the lens, its filters and the film spread around it, and how far.

Around each highlight the picture is its own ground plus the highlights' light convolved with a sum of Gaussians whose
weights are found by non-negative least squares (multi-Gaussian expansion, Emsellem, Monnet and Bacon 1994). What the
lens does it does to every highlight alike; a lamp with a shade, steam or a lit wall around it stands alone, so several
are asked and the one in the middle believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from scipy.optimize import lsq_linear
from scipy.stats import t

from onelight.look.numbers import Curve, Untold, plain
from onelight.temporal.encode import luminance, shrink

LONGEST = 720  # pixels at which halos are looked at
DEVIATIONS = (0.006, 0.012, 0.024, 0.048, 0.096)  # of the Gaussians, in picture heights
DISTANCES = (0.01, 0.015, 0.02, 0.03, 0.05, 0.08, 0.12, 0.18)  # picture heights at which the curve is told
BRIGHT = 16.0  # times the ground around it is a highlight
LARGEST = 0.05  # picture heights: the radius of a highlight whose halo can be told from it
REACH = 0.3  # picture heights around it that are looked at
NEAR = 2.5  # looked-at pixels beyond its edge that the lens's own softness covers
FLAT = 4  # pixels at the very top of the picture: a highlight with so many is clipped
NEARLY = 0.9  # of the top: several highlights that all reach it are clipped too, through a codec's noise
MOST = 12  # highlights of a frame
FEWEST = 3  # highlights in all: fewer may each have a halo of its own
RINGS, SECTORS = 12, 12
SYSTEMATIC = 0.15  # of a share, half of a 95 % interval: what the method itself was seen to be off by
FLOOR = 0.002  # of the light: a ground that is not quite even feigns so much
DOUBTFUL = 0.02  # of the light: a spread beyond 2 % of the height not known to this is not told


@dataclass(frozen=True)
class Bloom:
    """`red`, `green`, `blue`: distance in picture heights -> share of a point's light that falls farther away.

    `deviations` of the Gaussians in picture heights and `weights` [channel, Gaussian] (shares of all light) are that
    point spread, what is left of 1 being unspread. `highlights` counts those it was told from.
    """

    red: Curve
    green: Curve
    blue: Curve
    deviations: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    highlights: int


@dataclass(frozen=True)
class Seen:
    """The weights [n, 3, Gaussians] of a frame's highlights, and how many more were clipped."""

    weights: np.ndarray
    clipped: int


def observe(linear: np.ndarray) -> Seen:
    """Halos around the highlights of a scene-linear ACEScg frame [H, W, 3] without NaN."""
    nothing = np.zeros((0, 3, len(DEVIATIONS)))
    small = shrink(linear, LONGEST)
    flat, nearly = (_at_top(linear, share) for share in (0.999, NEARLY))
    height = small.shape[0]
    light = luminance(small)
    ground = _ground(light, height)
    bright = (light > BRIGHT * ground).astype(np.uint8)
    count, names, stats, centres = cv2.connectedComponentsWithStats(bright, connectivity=8)
    if count < 2:
        return Seen(nothing, 0)
    inside = cv2.dilate(bright, np.ones((3, 3), np.uint8)) > 0
    source = np.where(inside[..., None], np.maximum(small, 0), np.float32(0))
    spread = [_blurred(source, deviation * height) for deviation in DEVIATIONS]
    energy = np.bincount(names.ravel(), light.ravel(), count)
    scale = linear.shape[0] * linear.shape[1] / light.size
    top, almost = (np.bincount(names.ravel(), image.ravel(), count)[1:] * scale >= FLAT for image in (flat, nearly))
    top |= almost & (almost.sum() > 1)
    found, clipped = [], 0
    for name in np.argsort(-energy[1:], kind="stable")[: 3 * MOST] + 1:
        extent = max(stats[name, cv2.CC_STAT_WIDTH], stats[name, cv2.CC_STAT_HEIGHT]) / 2
        if extent > LARGEST * height:
            continue
        if top[name - 1]:
            clipped += 1
        elif len(found) < MOST:
            weights = _halo(small, spread, inside, centres[name], extent)
            if weights is not None:
                found.append(weights)
    return Seen(np.array(found).reshape(-1, 3, len(DEVIATIONS)), clipped)


def _at_top(linear: np.ndarray, share: float) -> np.ndarray:
    """Share of pixels of each looked-at one whose highest channel is within `share` of all that channel reaches."""
    reached = np.max([plane >= plane.max() * np.float32(share) for plane in cv2.split(linear)], axis=0)
    return shrink(reached.astype(np.float32), LONGEST)


def _ground(light: np.ndarray, height: int) -> np.ndarray:
    """The level around each place, blind to what is small and bright."""
    quarter = cv2.resize(light, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    window = max(3, int(0.15 * height / 4) | 1)
    low = cv2.erode(quarter, np.ones((3, 3), np.uint8))
    eroded = cv2.boxFilter(np.sqrt(np.maximum(low, 0)), -1, (window, window)) ** 2
    ground = cv2.resize(eroded, light.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.maximum(ground, max(float(np.median(light)) / 4, 1e-6))


def _blurred(image: np.ndarray, deviation: float) -> np.ndarray:
    """A Gaussian blur whose border is black; wide ones are made small, where they lose nothing."""
    factor = max(1, int(deviation / 4))
    height, width = image.shape[:2]
    pad = int(3 * deviation)
    padded = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
    small = cv2.resize(padded, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), deviation / factor, borderType=cv2.BORDER_CONSTANT)
    back = cv2.resize(small, padded.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return back[pad : pad + height, pad : pad + width]


def _halo(
    small: np.ndarray, spread: list[np.ndarray], inside: np.ndarray, centre: np.ndarray, extent: float
) -> np.ndarray | None:
    """Weights [3, Gaussians] that explain the light around one highlight; None where other things are in the way."""
    height, width = small.shape[:2]
    reach = REACH * height
    x1, y1 = (max(0, int(c - reach)) for c in centre)
    x2, y2 = min(width, int(centre[0] + reach) + 1), min(height, int(centre[1] + reach) + 1)
    y, x = np.mgrid[y1:y2, x1:x2].astype(np.float32)
    x, y = x - np.float32(centre[0]), y - np.float32(centre[1])
    radius, inner = np.hypot(x, y), extent + NEAR
    ring = (np.log(np.maximum(radius, 1) / inner) / np.log(reach / inner) * RINGS).astype(int)
    sector = ((np.arctan2(y, x) / (2 * np.pi) + 0.5) * SECTORS).astype(int) % SECTORS
    window = np.s_[y1:y2, x1:x2]
    free = (radius >= inner) & (radius < reach) & ~inside[window]
    names = np.where(free, ring * SECTORS + sector, -1)
    seen, basis = [], []
    pixels = small[window].reshape(-1, 3)
    spreads = np.stack([one[window] for one in spread], axis=-1).reshape(-1, 3, len(spread))
    order = np.argsort(names.ravel(), kind="stable")
    starts = np.searchsorted(names.ravel()[order], np.arange(RINGS * SECTORS + 1))
    places = np.stack([x.ravel(), y.ravel()], axis=1) / np.float32(reach)
    for first, last in pairwise(starts):
        if last - first >= 3:
            cell = order[first:last]
            middle = cell[np.argsort(pixels[cell, 1])[len(cell) // 4 : 3 * len(cell) // 4 + 1]]  # blind to small things
            seen.append(pixels[middle].mean(axis=0))
            flat = np.broadcast_to(np.array([1.0, *places[middle].mean(axis=0)]), (3, 3))
            basis.append(np.concatenate([spreads[middle].mean(axis=0), flat], axis=1))
    if len(seen) < RINGS * SECTORS // 3:
        return None
    seen, basis = np.array(seen, np.float64), np.array(basis, np.float64)
    return np.array([_weights(seen[:, c], basis[:, c]) for c in range(3)])


def _weights(seen: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Shares of light per Gaussian from cells [n] and what each would add [n, Gaussians, then 1, x, y]."""
    kinds = len(DEVIATIONS)
    scale = np.maximum(np.abs(basis).max(axis=0), 1e-12)
    low = np.array([0.0] * kinds + [0.0, -np.inf, -np.inf])
    floor = max(float(np.quantile(seen, 0.1)), 1e-9)
    trust = 1 / np.maximum(seen, floor)
    found = np.zeros(kinds + 3)
    for _ in range(6):
        weighted = lsq_linear(basis / scale * trust[:, None], seen * trust, bounds=(low, np.inf))
        found = weighted.x / scale
        expected = basis @ found
        off = (seen - expected) / np.maximum(expected, floor)
        width = max(1.48 * float(np.median(np.abs(off))), 0.01)
        # The scene can only add light to a halo, never take it: what is brighter than expected counts less.
        robust = np.where(off > 0, 1 / (1 + (off / (1.5 * width)) ** 2), 1 / (1 + (off / (4 * width)) ** 2))
        trust = np.sqrt(robust) / np.maximum(expected, floor)
    shares = found[:kinds]
    return shares / (1 + shares.sum())  # of all its light, not of what stayed


def conclude(clips: Sequence[Sequence[Seen]]) -> Bloom:
    """The point spread over clips, each a list of frames; Untold where halos may be the scene's."""
    # A lamp in the next frame is the same lamp: of each clip the frame with the most highlights speaks.
    best = [max(frames, key=lambda one: len(one.weights)) for frames in clips if frames]
    weights = np.concatenate([one.weights for one in best]) if best else np.zeros((0, 3, len(DEVIATIONS)))
    clipped = max((one.clipped for frames in clips for one in frames), default=0)
    if len(weights) < FEWEST:
        if clipped:
            raise Untold("The highlights are clipped: how much light they had to spread is not in the picture.")
        raise Untold(f"{len(weights)} small, bright highlights on darker ground were found; {FEWEST} are needed.")
    falls = np.exp(-(np.array(DISTANCES)[:, None] ** 2) / (2 * np.array(DEVIATIONS) ** 2))
    shares = weights @ falls.T  # [highlights, 3, distances]
    middle = np.median(shares, axis=0)
    # The middle one's doubt from how far the middle half lies from it: one lamp in steam must not widen it.
    typical_off = 1.48 * np.median(np.abs(shares - middle), axis=0)
    chance = float(t.ppf(0.975, len(shares) - 1)) * 1.25 * typical_off / np.sqrt(len(shares))
    error = np.hypot(chance + SYSTEMATIC * middle, FLOOR)
    if error[1, DISTANCES.index(0.02)] > DOUBTFUL and (error[1] > 0.6 * middle[1])[DISTANCES.index(0.02)]:
        raise Untold(f"{len(weights)} highlights have halos of their own, too different to be the lens's.")
    typical = np.median(weights, axis=0)
    typical *= middle.sum(axis=1, keepdims=True) / np.maximum((typical @ falls.T).sum(axis=1, keepdims=True), 1e-12)
    curves = [Curve.of(DISTANCES, middle[c], error[c]) for c in range(3)]
    rows = tuple(plain(row) for row in typical)
    return Bloom(*curves, deviations=DEVIATIONS, weights=rows, highlights=len(weights))
