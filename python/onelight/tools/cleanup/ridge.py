"""Thin things found by hand-made filters: bright and dark ridges of 1.6 to 26 pixels, and which of them go on as lines.

Everything is float32 [H, W] at the picture's size, in stops; x right, y down. A ridge's response is scaled so that a
bar of the filter's width has the bar's contrast; where a picture is rich in detail or grain, that is held against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from onelight.temporal import encode

OCTAVES = 4  # sizes at which ridges are looked for: 1, 1/2, 1/4, 1/8
SIGMAS = (0.8, 1.13)  # of the filters in each of them, in its pixels: two to an octave
WIDEST = 1.6  # and one more in the last
_BAR = 2 * np.exp(-0.5) / np.sqrt(2 * np.pi)  # response of sigma^2 G'' to a bar of unit contrast and half-width sigma
_QUIET = 0.02  # stops: contrast that counts for nothing even where a picture is perfectly clean
_NEAR = 15  # pixels of an octave around a place whose texture and grain are its measure
_STEPS = np.array([-14, -11, -8, -6, -4, -2, 2, 4, 6, 8, 11, 14], np.float32)  # along a line, in sigmas
_CANDIDATE = 1.6  # times the response that is usual around
_SURE = 2.4  # times the same, in the mean along a line: even chances


@dataclass(frozen=True)
class Scale:
    """The ridges of one width: `factor` pixels of the picture are one here, `sigma` is the filter's in those."""

    factor: int
    sigma: float
    response: np.ndarray  # [h, w] stops: > 0 where a bright line runs, < 0 where a dark one does
    skew: np.ndarray  # [h, w] of the Hessian: xx - yy
    cross: np.ndarray  # [h, w] xy
    apart: np.ndarray  # [h, w] how far its eigenvalues are apart

    @property
    def width(self) -> float:
        """Pixels of the picture across the bar to which this answers most."""
        return 2 * self.sigma * self.factor

    def along(self, where: tuple[np.ndarray, ...]) -> np.ndarray:
        """The angle of the line's tangent, radians, at some places (rows, columns)."""
        uphill = np.arctan2(2 * self.cross[where], self.skew[where]) / 2  # along a bright line, across a dark one
        return np.where(self.response[where] > 0, uphill, uphill + np.float32(np.pi / 2))


def stops_of(picture: np.ndarray, level: float) -> np.ndarray:
    """Luminance of scene-linear ACEScg [H, W, 3] in stops over `level`, floored where noise begins."""
    return encode.coded(encode.luminance(picture), level)


def scales(stops: np.ndarray) -> Iterator[Scale]:
    """Ridge responses, finest first: the larger eigenvalue of the Hessian, less a blob's share (Lindeberg 1998)."""
    for octave in octaves(stops):
        yield from octave


def octaves(stops: np.ndarray) -> Iterator[Iterator[Scale]]:
    """`scales` by octaves; each may be worked on by itself."""
    image, factor = stops, 1
    for octave in range(OCTAVES):
        last = octave == OCTAVES - 1
        yield _scales(image, factor, (*SIGMAS, *(WIDEST,) * last))
        if last or min(image.shape) < 16:
            return
        image, factor = halved(image), factor * 2


def _scales(image: np.ndarray, factor: int, sigmas: Sequence[float]) -> Iterator[Scale]:
    return (Scale(factor, sigma, *_ridge(image, sigma)) for sigma in sigmas)


def halved(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    even = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)


def enlarged(image: np.ndarray, factor: int, shape: tuple[int, ...]) -> np.ndarray:
    """An image of a lower octave at the picture's size [H, W]."""
    if factor == 1:
        return image
    size = (image.shape[1] * factor, image.shape[0] * factor)
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)[: shape[0], : shape[1]]


def _ridge(image: np.ndarray, sigma: float) -> tuple[np.ndarray, ...]:
    """Response, skew, cross and apart of a `Scale`, without trigonometry."""
    from onelight.tools.cleanup.kernels import ridges

    reach = int(np.ceil(3.5 * sigma))
    x = np.arange(-reach, reach + 1, dtype=np.float64)
    bell = np.exp(-(x**2) / (2 * sigma**2))
    bell /= bell.sum()
    first, second = -x / sigma**2 * bell, (x**2 / sigma**4 - 1 / sigma**2) * bell
    second -= second.mean()  # the sampled kernel must not answer to an even surface
    scale = sigma**2 / _BAR

    def derived(across: np.ndarray, down: np.ndarray) -> np.ndarray:
        return cv2.sepFilter2D(image, cv2.CV_32F, across * scale, down, borderType=cv2.BORDER_REPLICATE)

    cross = derived(first, first)
    response, skew, apart = ridges(derived(second, bell), derived(bell, second), cross)
    return response, skew, cross, apart


def usual(response: np.ndarray) -> np.ndarray:
    """The mean response around each place, what texture and grain make of it: the measure of what stands out."""
    size = (2 * _NEAR + 1, 2 * _NEAR + 1)
    around = cv2.boxFilter(np.abs(response), cv2.CV_32F, size, borderType=cv2.BORDER_REFLECT)
    return around + np.float32(_QUIET)


@dataclass(frozen=True)
class Lines:
    """Places on the middle of a line, N of them, in pixels of the picture."""

    x: np.ndarray  # [N] of pixel centres, which lie at .5
    y: np.ndarray
    width: np.ndarray  # across
    along: np.ndarray  # angle of the tangent, radians
    sure: np.ndarray  # 0..1


def lines(scale: Scale) -> Lines:
    """Where the ridges of one width go on as lines, both sides of them alike, more than chance and texture explain."""
    response, measure = scale.response, usual(scale.response)
    standing = np.abs(response) > measure * np.float32(_CANDIDATE)
    index = np.nonzero(standing)
    y, x = (axis.astype(np.float32) for axis in index)
    angle, strength, usual_here = scale.along(index), response[index], measure[index]
    sign = np.sign(strength).astype(np.float32)
    strength = np.abs(strength)
    tangent, normal = (np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))

    def seen(image: np.ndarray, direction: tuple[np.ndarray, np.ndarray], distance: float) -> np.ndarray:
        where = (x + direction[0] * np.float32(distance), y + direction[1] * np.float32(distance))
        return _sampled(image, *where)

    # The middle: no neighbour across is stronger. Most candidates end here.
    middle = np.maximum(seen(response, normal, 1) * sign, seen(response, normal, -1) * sign) <= strength
    x, y, angle, strength, usual_here, sign = (v[middle] for v in (x, y, angle, strength, usual_here, sign))
    tangent, normal = (np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))
    # It goes on: the mean along the tangent, no place counting more than this one does.
    total = strength.copy()
    for step in _STEPS:
        total += np.clip(seen(response, tangent, step * scale.sigma) * sign, -strength, strength)
    mean = total / np.float32(len(_STEPS) + 1)
    # The lobes beside an edge look like a ridge on one side alone: a bar has both of its own lobes.
    lobes = [-seen(response, normal, side * 2.0 * scale.sigma) * sign for side in (-1, 1)]
    balance = np.clip(np.minimum(*lobes) / (np.float32(0.15) * strength + np.float32(1e-6)), 0, 1)
    odds = (mean * balance / usual_here - np.float32(_SURE)) * np.float32(2.0)
    sure = 1 / (1 + np.exp(-odds))
    factor = np.float32(scale.factor)
    width = np.full_like(x, scale.width)
    return Lines((x + np.float32(0.5)) * factor, (y + np.float32(0.5)) * factor, width, angle, sure)


def _sampled(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The image between pixels, bilinear; its border goes on."""
    height, width = image.shape
    x, y = np.clip(x, 0, width - 1.001), np.clip(y, 0, height - 1.001)
    column, row = x.astype(np.int32), y.astype(np.int32)
    right, down = x - column, y - row
    flat, start = image.ravel(), row * width + column
    top = flat[start] * (1 - right) + flat[start + 1] * right
    bottom = flat[start + width] * (1 - right) + flat[start + width + 1] * right
    return top * (1 - down) + bottom * down
