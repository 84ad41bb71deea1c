"""Classical estimation of a picture's geometry at working size: sky, layout, relief from shading, inflated mattes.

Nothing here is learnt. The conventions are: normals x right, y up, z to camera; depth 0 nearest, 1 farthest;
everything float32 [h, w] or [h, w, 3]; `working` is linear ACEScg over the plate's own middle level, `stops` the log2
of its luminance.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from scipy.fft import dctn, fftfreq, idctn, irfft2, rfft2, rfftfreq

from onelight.colour import LUMINANCE

FLOOR = 2.0**-6  # of the plate's middle: below it there is noise, not shape
TILT_REACH, TILT_GAIN, TILT_DAMPING = 16.0, 1.2, 0.15  # known light: widest relief, its depth, the Wiener term
COARSE = 20.0  # octaves wider than this tilt the surface less: they are paint and distance as often as shape
REACH = 24.0  # working pixels over which taking paint out may change its surroundings
NOISE = 0.15  # stops: contrast below it is not taken for relief
DARKEST = 2.0**-10  # of the highlights: below it there is a black backing, or nothing
CEILING = 2.0**20  # above it there is an overflow, not light


def stops_of(working: np.ndarray, level: float) -> np.ndarray:
    """Luminance of scene-linear ACEScg in stops over `level`, floored where noise begins."""
    luminance = cv2.transform(working, LUMINANCE[None]) * np.float32(1 / level)
    return np.log2(np.clip(luminance, 0, np.float32(CEILING)) + np.float32(FLOOR))


def middle(luminance: np.ndarray) -> float:
    """The plate's middle level: the geometric mean of its linear luminance [h, w], black surroundings left out."""
    bright = luminance > np.quantile(luminance, 0.99) * np.float32(DARKEST)
    return float(np.exp2(np.log2(luminance[bright]).mean())) if bright.any() else 1e-30


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur, done at a smaller size where sigma is large."""
    step = 1
    while sigma / step > 6:
        step *= 2
    if step == 1:
        return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    height, width = image.shape[:2]
    size = (max(1, width // step), max(1, height // step))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step, borderType=cv2.BORDER_REPLICATE)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(large, (0, 0), step * 0.7, borderType=cv2.BORDER_REPLICATE)  # no facets in its slopes


def guided(guide: np.ndarray, image: np.ndarray, radius: int, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (a, b) of the guided filter: image ~ a x guide + b in windows. He, Sun & Tang 2013.

    `guide` [h, w]; `image` [h, w] or [h, w, C]; both coefficients have the image's shape.
    """
    size = (2 * radius + 1, 2 * radius + 1)

    def mean(array: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(array, -1, size, borderType=cv2.BORDER_REPLICATE)

    middle = mean(guide)
    variance = mean(guide * guide) - middle * middle
    if image.ndim == 3:
        guide, middle, variance = guide[..., None], middle[..., None], variance[..., None]
    a = (mean(guide * image) - middle * mean(image)) / (np.maximum(variance, 0) + np.float32(eps))
    b = mean(image) - a * middle
    return mean(a), mean(b)


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return t * t * (3 - 2 * t)


def find_sky(working: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """A soft matte of open sky: bright or blue, even, not green or red, reached from the top without a break."""
    fine = cv2.GaussianBlur(stops, (0, 0), 1.2)
    slope = np.hypot(cv2.Sobel(fine, -1, 1, 0, scale=0.125), cv2.Sobel(fine, -1, 0, 1, scale=0.125))
    even = 1 - smoothstep(0.06, 0.16, cv2.dilate(slope, np.ones((3, 3), np.uint8)))
    soft = cv2.GaussianBlur(np.maximum(working, 0), (0, 0), 2) + np.float32(1e-9)
    red, green, blue = (soft[..., i] for i in range(3))
    hue = smoothstep(0.55, 0.85, blue / green) * smoothstep(0.75, 0.95, green / red + 0.1)
    deep = 2 * smoothstep(1.1, 1.8, blue / red)  # away from the sun a clear sky is darker, and bluer
    likely = even * hue * smoothstep(0.3, 1.2, fine + deep)
    reached = smoothstep(0.25, 0.7, np.minimum.accumulate(cv2.boxFilter(likely, -1, (5, 3)), axis=0))
    # what leaked past a soft skyline differs from the sky beside it, and hangs down in narrow columns
    around = blur(reached, 30.0) + np.float32(1e-3)
    differs = np.abs(fine - blur(reached * fine, 30.0) / around)
    reached = cv2.GaussianBlur(reached * (1 - smoothstep(0.5, 1.1, differs)), (0, 0), 1.0)
    wide = cv2.getStructuringElement(cv2.MORPH_RECT, (max(3, stops.shape[1] // 72) | 1, 1))
    reached = cv2.morphologyEx(reached, cv2.MORPH_OPEN, wide, borderType=cv2.BORDER_REPLICATE)
    # what lies beside sky and looks just like it is sky, up to the very edge and between branches
    beside = cv2.dilate(reached, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (25, 25)))
    around = blur(reached, 20.0) + np.float32(1e-3)
    differs = np.abs(stops - blur(reached * stops, 20.0) / around)
    reached = np.maximum(reached, beside * (1 - smoothstep(0.3, 0.8, differs)) * np.minimum(around * 4, 1))
    share = float(reached.mean())
    return reached * np.float32(np.clip((share - 0.01) / 0.03, 0, 1))


def haze_cue(working: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """How far things look by their veil of air, [h, w] in 0..1: the dark channel against the sky (He et al. 2011)."""
    total = float(sky.sum())
    if total < 1:
        return np.zeros_like(sky)
    air = (working * sky[..., None]).sum(axis=(0, 1)) / np.float32(total)
    dark = cv2.erode(np.min(working / np.maximum(air, 1e-9), axis=-1), np.ones((9, 9), np.uint8))
    return smoothstep(0.03, 0.4, blur(np.minimum(dark, 1), 6.0))


def surface_stops(working: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Stops with what looks like paint taken out: steps in hue, and steps too hard for shading, integrated back.

    Colour Retinex (Funt, Drew & Brockington 1992) with soft weights.
    """
    balanced = np.log2(np.maximum(working, 0) + np.float32(2.0**-6))
    hue = np.stack([balanced[..., 0] - balanced[..., 1], balanced[..., 2] - balanced[..., 1]], axis=-1)
    hue = cv2.GaussianBlur(hue, (0, 0), 1.0)
    divergence = np.zeros_like(stops)
    for axis in (0, 1):
        step = np.diff(stops, axis=axis)
        paint = (np.diff(hue, axis=axis) ** 2).sum(axis=-1) / np.float32(0.08**2)
        step = step / (1 + paint) / (1 + (step / np.float32(0.5)) ** 2)
        before, after = (slice(None, -1), slice(1, None)) if axis == 0 else (np.s_[:, :-1], np.s_[:, 1:])
        divergence[before] += step
        divergence[after] -= step
    return poisson(divergence, stops, REACH)


def poisson(divergence: np.ndarray, anchor: np.ndarray | None = None, reach: float = np.inf) -> np.ndarray:
    """The image [h, w] with this Laplacian and reflecting borders, by a cosine transform; of mean 0 without an anchor.

    With one, features wider than `reach` pixels follow it (the screened equation, Bhat et al. 2008): what moves in one
    corner of the picture does not stir the others.
    """
    screen = np.float32(reach**-2)
    spectrum: Any = dctn(divergence if anchor is None else divergence - screen * anchor, type=2, workers=2)
    rows, columns = (2 * np.cos(np.pi * np.arange(n, dtype=np.float32) / n) - 2 for n in divergence.shape)
    laplacian = rows[:, None] + columns[None, :] - screen
    if anchor is None:
        laplacian[0, 0] = 1
        spectrum[0, 0] = 0
    spectrum /= laplacian
    return np.asarray(idctn(spectrum, type=2, workers=2), np.float32)


def inflate(matte: np.ndarray) -> np.ndarray:
    """A rounded height from an outline: the root of the solution of a Poisson equation over the matte, in pixels.

    Inflation as in Johnston 2002 (Lumo) and Williams 1998; solved with a few hundred sweeps on a small grid.
    """
    height, width = matte.shape
    scale = min(1.0, 160 / max(height, width))
    small = cv2.resize(matte, (max(2, int(width * scale)), max(2, int(height * scale))), interpolation=cv2.INTER_AREA)
    inside = (small > 0.5).astype(np.float32)
    swell = np.zeros_like(small)
    kernel = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4
    for _ in range(600):
        swell = (cv2.filter2D(swell, -1, kernel, borderType=cv2.BORDER_REFLECT) + 1) * inside
    bump = cv2.GaussianBlur(np.sqrt(swell) * np.float32(1.4 / scale), (0, 0), 1.0)
    return cv2.resize(bump, (width, height), interpolation=cv2.INTER_CUBIC)


def bounded(stops: np.ndarray, limit: float) -> np.ndarray:
    """Stops kept within +- `limit`: as they are up to three quarters of it, then bent over by a hyperbolic tangent."""
    knee = np.float32(0.75 * limit)
    if -knee <= stops.min(initial=0) and stops.max(initial=0) <= knee:
        return stops
    rest = np.float32(limit) - knee
    straight = np.clip(stops, -knee, knee)
    return straight + rest * np.tanh((stops - straight) / rest)


def slopes(height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of a height map to the right and *up*, in height per pixel (Scharr)."""
    right = cv2.Scharr(height, -1, 1, 0, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Scharr(height, -1, 0, 1, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
    return right, -down


def normalise(vectors: np.ndarray) -> np.ndarray:
    """Unit length along the last axis; zero vectors become (0, 0, 1)."""
    length = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    out = vectors / np.maximum(length, np.float32(1e-6))
    out[length[..., 0] < 1e-6] = (0, 0, 1)
    return out


def relief(surface: np.ndarray, detail: float) -> np.ndarray:
    """Slopes (right, up) [h, w, 2] from shading by 'dark is deep' (Langer & Zucker 1994), octave by octave.

    Each octave's slope is scaled by its size: a fold and a hillside of the same contrast tilt alike. The octaves
    are split by guided filters (Fattal 2009 argues for edge-avoiding ones): a thing does not swell into what is behind.
    """
    total = np.zeros((*surface.shape, 2), np.float32)
    finer, radius = cv2.GaussianBlur(surface, (0, 0), 1.0), 2
    while radius <= 96:
        a, b = guided(finer, finer, radius, 0.15)
        coarser = a * finer + b
        weight = np.float32((detail if radius <= 8 else 1.0) / (1 + radius / COARSE))
        band = finer - blur(finer, radius)
        band *= band * band / (band * band + np.float32(NOISE**2))  # cored: grain and compression are no surface
        band = np.tanh(band * np.float32(1.2)) * weight  # one hard contrast cannot tip it over
        right, up = slopes(band)
        total += np.stack([right, up], axis=-1) * np.float32(radius)
        finer, radius = coarser, radius * 2
    return total


def tilted(surface: np.ndarray, to_light: np.ndarray, ratio: float) -> np.ndarray:
    """Slopes (right, up) [h, w, 2] from shading under a known light: linear shape from shading (Pentland 1990).

    Under a light from the side brightness is, to first order, the slope towards it. That is inverted in the Fourier
    domain, with a Wiener term where the slope lies across the light. `ratio` is (key + fill) : fill.
    """
    pad = int(min(32, *(n - 1 for n in surface.shape)))
    band = blur(surface, 1.5) - blur(surface, TILT_REACH)
    band *= band * band / (band * band + np.float32(NOISE**2))
    wide = np.pad(np.clip(band, -2, 2), pad, mode="reflect")
    key = 1 - 1 / max(ratio, 1.05)
    contrast = np.float32(TILT_GAIN * np.log(2) * (1 / key - 1 + max(float(to_light[2]), 0.2)))
    across = np.float32(2 * np.pi) * rfftfreq(wide.shape[1]).astype(np.float32)[None, :]
    upward = np.float32(-2 * np.pi) * fftfreq(wide.shape[0]).astype(np.float32)[:, None]
    along = across * np.float32(to_light[0]) + upward * np.float32(to_light[1])
    damped = along * along + np.float32(TILT_DAMPING) * (across * across + upward * upward) + np.float32(1e-8)
    spectrum = np.asarray(rfft2(wide, workers=2)) * (-contrast * along / damped)  # of the height, times i
    inner = np.s_[pad : wide.shape[0] - pad, pad : wide.shape[1] - pad]
    slope = [np.asarray(irfft2(spectrum * axis, s=wide.shape, workers=2))[inner] for axis in (across, upward)]
    return np.stack(slope, axis=-1).astype(np.float32)


def integrate(slope: np.ndarray) -> np.ndarray:
    """The height [h, w] in pixels whose slopes (right, up) [h, w, 2] are nearest (Frankot & Chellappa 1988)."""
    right, down = slope[..., 0], -slope[..., 1]
    divergence = np.zeros_like(right)
    step = (right[:, 1:] + right[:, :-1]) / 2
    divergence[:, :-1] += step
    divergence[:, 1:] -= step
    step = (down[1:] + down[:-1]) / 2
    divergence[:-1] += step
    divergence[1:] -= step
    return poisson(divergence)


def layout(sky: np.ndarray, veil: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """What the picture plane tells: how much is ground [h, w], depth [h, w], and the horizon (0 top, 1 bottom).

    The horizon is read off the sky; without any, it is taken to lie above the frame. Below it depth follows a ground
    plane; what stands above it is as far as its veil of air says.
    """
    height = len(sky)
    coverage = cv2.blur(sky.mean(axis=1)[:, None], (1, 5))[:, 0]
    outside = float(np.clip(coverage.max() * 2 - 0.2, 0, 1))  # how sure we are to be outdoors
    horizon = float(np.clip(coverage / 0.3, 0, 1).sum()) / height
    horizon = outside * horizon - (1 - outside) * 0.4
    y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    below = np.clip((y - horizon) / max(1 - horizon, 0.2), 0, 1)
    ground = smoothstep(0.25, 0.9, below) * np.float32(0.25 + 0.5 * outside)
    standing = np.float32(0.45) + np.float32(0.5) * veil
    plane = 1 - np.float32(0.85) * below ** np.float32(0.6)
    depth = plane + (np.minimum(plane, standing) - plane) * np.float32(outside)
    return np.broadcast_to(ground, sky.shape), depth.astype(np.float32), horizon
