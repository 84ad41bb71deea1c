"""How a scene-linear picture is coded for matching: stops over its own middle level, so that exposure drops out."""

from __future__ import annotations

import cv2
import numpy as np

from onelight.colour import LUMINANCE

FLOOR = 2.0**-6  # of the middle level: below it there is noise, nothing to match
DARKEST = 2.0**-10  # of the highlights: below it there is a black surround, which would drag the middle down
CEILING = 2.0**20  # above it there is an overflow, not light
KNOWN = 0.98  # share of a place that must be known for it to count
STATISTIC = 256  # longest side at which a whole picture's level is taken


def luminance(linear: np.ndarray) -> np.ndarray:
    """Y of scene-linear ACEScg [H, W, 3], float32 [H, W]; a picture that is [H, W] already is taken for Y."""
    linear = np.asarray(linear, np.float32)
    return linear if linear.ndim == 2 else cv2.transform(linear, LUMINANCE[None])


def shrink(image: np.ndarray, longest: int) -> np.ndarray:
    """The image [H, W(, C)] with its longest side at most `longest`, as means over areas."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def blocks(image: np.ndarray, factor: int) -> np.ndarray:
    """Means over blocks of `factor` pixels a side, anchored top left; the border is held to fill the last ones."""
    if factor == 1:
        return image
    height, width = image.shape[:2]
    down, across = -height % factor, -width % factor
    if down or across:
        image = cv2.copyMakeBorder(image, 0, down, 0, across, cv2.BORDER_REPLICATE)
    size = (image.shape[1] // factor, image.shape[0] // factor)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def middle(linear: np.ndarray, known: np.ndarray | None = None) -> float:
    """The picture's middle level: geometric mean of its luminance, black surrounds left out; 1e-30 if all is black.

    What `known` [H, W] says 0 of (a wire, with its glint) is left out as well.
    """
    small = luminance(shrink(np.asarray(linear, np.float32), STATISTIC))
    if known is not None and (shown := shrink(known, STATISTIC) > KNOWN).any():
        small = small[shown]
    bright = small > max(float(np.quantile(small, 0.99)) * DARKEST, 0)
    return float(np.exp2(np.log2(small[bright], dtype=np.float32).mean())) if bright.any() else 1e-30


def coded(linear: np.ndarray, level: float) -> np.ndarray:
    """Stops over `level`, floored where noise begins: float32, of the shape of `linear` ([H, W, 3] or Y [H, W]).

    Twice the light under twice the level gives the same picture, bit for bit.
    """
    relative = np.multiply(linear, np.float32(1 / level), dtype=np.float32)
    np.clip(relative, 0, np.float32(CEILING), out=relative)
    relative += np.float32(FLOOR)
    return np.log2(relative, out=relative)


def spread(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The image [H, W(, C)] with what has little `weight` [H, W] (0..1) filled smoothly from around it.

    Push-pull interpolation over a pyramid (Gortler et al. 1996): where the weight is 1 nothing changes.
    """
    flat = image[..., None] if image.ndim == 2 else image
    known = flat * weight[..., None]
    total = _pull(known, weight)
    filled = known + total * (1 - weight[..., None])
    return filled.reshape(image.shape)


def _pull(known: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Smooth values everywhere from weighted ones [H, W, C] (already times their weight [H, W])."""
    height, width = weight.shape
    if min(height, width) <= 2:
        total = max(float(weight.sum()), 1e-12)
        mean = known.sum(axis=(0, 1), keepdims=True) / np.float32(total)
        return np.broadcast_to(mean, known.shape)
    size = ((width + 1) // 2, (height + 1) // 2)
    less = cv2.resize(known, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
    share = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    sure = np.minimum(share * 4, 1)  # one known pixel of four makes a known block
    known = less * (sure / np.maximum(share, np.float32(1e-12)))[..., None]
    values = known if sure.min() >= 1 else known + _pull(known, sure) * (1 - sure[..., None])
    grown = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
    return grown.reshape(height, width, -1)
