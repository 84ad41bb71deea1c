"""Pictures with a known look: scenes of several kinds, and a lens, a film and a codec that are put onto them."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from onelight.temporal.encode import luminance
from temporalclips import texture

SIZE = (360, 640)
PSF = ((0.01, (0.04, 0.03, 0.03)), (0.04, (0.05, 0.03, 0.02)), (0.08, (0.02, 0.02, 0.02)))  # heights, shares of light


def dark(seed: int = 0) -> np.ndarray:
    """A dark, plain set."""
    return np.full((*SIZE, 3), 0.02 + 0.002 * seed, np.float32)


@cache
def cloth(seed: int = 0, contrast: float = 0.6) -> np.ndarray:
    """A textured set with hard edges around middle grey; not to be written to."""
    return texture(*SIZE, seed, contrast)


def ramp(seed: int = 0) -> np.ndarray:
    """Every level from five stops below to two above grey, lit from one side or the other."""
    stops = np.linspace(-5, 2, SIZE[1], dtype=np.float32)[:: 1 if seed % 2 else -1]
    return np.ascontiguousarray(np.broadcast_to(np.float32(0.18) * np.exp2(stops)[None, :, None], (*SIZE, 3)))


def bars(seed: int, size: tuple[int, int] = (720, 1280)) -> np.ndarray:
    """Coloured things with sharp edges in every direction, all over the picture."""
    random = np.random.default_rng(seed)
    out = np.full((*size, 3), 0.2, np.float32)
    for _ in range(900):
        centre = random.integers((size[1], size[0])).tolist()
        axes, angle = random.integers(12, 56, 2).tolist(), float(random.uniform(0, 180))
        colour = (0.3 * np.exp2(random.normal(0, 1.3)) * random.uniform(0.6, 1.4, 3)).tolist()
        cv2.ellipse(out, centre, axes, angle, 0, 360, colour, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(out, (0, 0), 0.7)


def lamps(ground: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The picture with lamps of different size, strength and colour far from each other, and their places (x, y)."""
    random, out, places = np.random.default_rng(seed), ground.copy(), []
    height, width = out.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    while len(places) < count:
        centre = random.uniform((0.12 * width, 0.15 * height), (0.88 * width, 0.85 * height))
        if any(np.hypot(*(centre - other)) < 0.28 * height for other in places):
            continue
        places.append(centre)
        radius, light = random.uniform(0.008, 0.02) * height, 60 * np.exp2(random.uniform(-1.5, 1.5))
        away = np.hypot(x - centre[0], y - centre[1]) / radius
        lamp = np.clip((1.2 - away) * radius, 0, 1) * (1.1 - 0.5 * np.clip(away, 0, 1) ** 2) * light
        out += (lamp[..., None] * random.uniform(0.8, 1.1, 3)).astype(np.float32)
    return out, places


def bloomed(picture: np.ndarray, psf: tuple = PSF) -> np.ndarray:
    """The picture through a lens that spreads some of all light."""
    height = picture.shape[0]
    kept = 1 - np.sum([shares for _, shares in psf], axis=0)
    out = picture * kept.astype(np.float32)
    for deviation, shares in psf:
        pad = int(3 * deviation * height)
        padded = cv2.copyMakeBorder(picture, pad, pad, pad, pad, cv2.BORDER_REFLECT)
        out += cv2.GaussianBlur(padded, (0, 0), deviation * height)[pad:-pad, pad:-pad] * np.array(shares, np.float32)
    return out


def farther(distances: tuple[float, ...], channel: int, psf: tuple = PSF) -> np.ndarray:
    """The share of light that such a lens throws farther than each distance."""
    away = np.array(distances)
    return np.sum([shares[channel] * np.exp(-(away**2) / (2 * d * d)) for d, shares in psf], axis=0)


def radius(shape: tuple[int, ...]) -> np.ndarray:
    """Distance of each pixel from the middle, in half diagonals."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    return np.hypot(x - (shape[1] - 1) / 2, y - (shape[0] - 1) / 2) / (np.hypot(shape[0], shape[1]) / 2)


def vignetted(picture: np.ndarray, corner: float) -> np.ndarray:
    """The picture through a lens that loses `corner` stops (negative) at the corner."""
    r = radius(picture.shape)
    return picture * np.exp2(np.float32(corner) * (0.7 * r**2 + 0.3 * r**4)).astype(np.float32)[..., None]


def fringed(picture: np.ndarray, red: float, blue: float) -> np.ndarray:
    """The picture through a lens that magnifies red and blue by so many thousandths more than green."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    out = picture.copy()
    for channel, shift in ((0, red), (2, blue)):
        scale = np.float32(1 / (1 + shift / 1000))
        x_at, y_at = [(axis - (size - 1) / 2) * scale + (size - 1) / 2 for axis, size in ((x, width), (y, height))]
        plane = np.ascontiguousarray(picture[..., channel])
        out[..., channel] = cv2.remap(plane, x_at, y_at, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT)
    return out


def strength(level: np.ndarray, sigma: float) -> np.ndarray:
    """Sigma of `grained` at luminances."""
    return sigma * np.sqrt(np.maximum(level, 0) / 0.18 + 0.02)


def grained(picture: np.ndarray, seed: int, sigma: float, soft: float = 0.0, tied: float = 0.0) -> np.ndarray:
    """The picture with grain of `sigma` at grey, `soft` pixels wide, `tied` of its variance alike in all channels."""
    noise = np.random.default_rng(seed).normal(size=picture.shape).astype(np.float32)
    noise = noise * np.sqrt(1 - tied) + noise.mean(axis=2, keepdims=True) * np.sqrt(3 * tied)
    noise = cv2.GaussianBlur(noise, (0, 0), soft) if soft else noise
    return (picture + noise / noise.std() * strength(luminance(picture), sigma)[..., None]).astype(np.float32)


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """The picture as an 8-bit JPEG gives it back."""
    coded = np.rint(np.clip(picture, 0, 1) ** (1 / 2.4) * 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", coded, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return (np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.float32) / 255) ** 2.4
