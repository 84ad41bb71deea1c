"""The grain of a shot: how strong it is at each level, how coarse, and a fresh field of the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.special import ndtri

from onelight.temporal.encode import luminance

LEVELS = 12  # nodes of the curve of sigma over level
BLOCK = 24  # pixels a side of a block whose noise is measured
RADIUS = 5  # of the grain's autocorrelation that is measured and made, in pixels
FADE = 6.0  # pixels over which the autocorrelation is believed
QUIETEST = 0.1  # share of blocks of a level that are taken for free of texture
MOST = 2048  # blocks of one picture that are looked at
PAIRED = 1024  # and of two that are held against each other
LAGS = 128  # blocks that say how coarse it is
FEWEST = 8  # blocks that a curve can be measured on
WEAKER = 0.7  # moving a frame by parts of a pixel alone takes this much of its grain; less than that left is no texture


@dataclass(frozen=True)
class Grain:
    """Measured grain. `levels` [n] are luminances, `sigma` [n, 3] its strength per channel there, scene-linear;
    `kernel` [k, k, 3] turns white noise of variance 1 into grain of variance 1; `mixed` [3, 3] correlates channels.
    """

    levels: np.ndarray
    sigma: np.ndarray
    kernel: np.ndarray
    mixed: np.ndarray

    @staticmethod
    def measure(pictures: Sequence[np.ndarray], keep: Sequence[np.ndarray] | None = None) -> Grain:
        """Grain of scene-linear pictures [H, W, 3]; where a matte of `keep` [H, W] is above 0, nothing is measured."""
        blocks = [_blocks(p, None if keep is None else keep[i]) for i, p in enumerate(pictures)]
        return _fit(np.concatenate(blocks))

    def told_from_texture(self, here: np.ndarray, there: np.ndarray, keep: np.ndarray) -> Grain:
        """This grain, measured on one frame, or where that took texture for grain, what two frames say.

        `there` [H, W, 3] is another frame laid over `here`; where `keep` [H, W] is above 0 it does not fit. Texture is
        the same in both and grain is not, so that their difference is grain (of both), and what did not fit.
        """
        blocks = _blocks(np.dstack([(here - there) * np.float32(0.5**0.5), luminance(here)]), keep)
        if len(blocks) < FEWEST:
            return self
        found = _fit(blocks[..., :3], blocks[..., 3].mean(axis=1))
        at = found.levels[:, None]
        strength = self.strength(at)[:, 0]
        weaker = found.sigma.any() and np.median(found.sigma / np.maximum(strength, 1e-12)) < WEAKER
        return found if weaker else self

    def field(
        self, shape: tuple[int, int], seed: int, level_image: np.ndarray, origin: tuple[int, int] = (0, 0)
    ) -> np.ndarray:
        """Fresh grain [H, W, 3] to add, for luminances `level_image` [H, W], scene-linear.

        A pure function of the seed and the absolute position: `origin` (x, y) is that of the first pixel, so that a
        crop repeats the whole picture.
        """
        reach = self.kernel.shape[0] // 2
        height, width = shape
        white = _white((height + 2 * reach, width + 2 * reach), seed, (origin[0] - reach, origin[1] - reach))
        out = np.empty((height, width, 3), np.float32)
        for channel in range(3):
            made = cv2.filter2D(white[..., channel], -1, self.kernel[..., channel], borderType=cv2.BORDER_CONSTANT)
            out[..., channel] = made[reach : reach + height, reach : reach + width]
        out = cv2.transform(out, self.mixed)
        return out * self.strength(level_image)

    def strength(self, level_image: np.ndarray) -> np.ndarray:
        """Sigma per channel [H, W, 3] at luminances [H, W]; held at the ends."""
        flat = [np.interp(level_image, self.levels, self.sigma[:, c]).astype(np.float32) for c in range(3)]
        return np.stack(flat, axis=-1)


def ratio(result: np.ndarray, plate: np.ndarray, inside: np.ndarray, around: np.ndarray) -> float:
    """Strength of the grain of `result` in the matte `inside` over that of `plate` in the matte `around`; nan if none.

    Both scene-linear [H, W, 3], mattes [H, W]. Pixels are compared at like levels, on the high-pass, by the median of
    its magnitude, so a few edges do not count.
    """
    grey, other = luminance(result), luminance(plate)
    fine, reference = np.abs(_highpass(grey)), np.abs(_highpass(other))
    solid = np.ones((5, 5), np.uint8)
    within, beside = inside > 0.5, (around > 0.5) & (inside <= 0)
    within = cv2.erode(within.astype(np.uint8), solid[:3, :3]) > 0 if within.sum() > 400 else within
    if within.sum() < 16 or beside.sum() < 16:
        return float("nan")
    edges = np.quantile(other[beside], np.linspace(0, 1, 9))
    bins = [np.digitize(image[m], edges[1:-1]) for image, m in ((grey, within), (other, beside))]
    total, weight = 0.0, 0.0
    for level in range(8):
        one, two = fine[within][bins[0] == level], reference[beside][bins[1] == level]
        if len(one) >= 8 and len(two) >= 8 and np.median(two) > 0:
            total += len(one) * float(np.log(max(np.median(one), 1e-12) / np.median(two)))
            weight += len(one)
    return float(np.exp(total / weight)) if weight else float("nan")


def _highpass(picture: np.ndarray) -> np.ndarray:
    """What a smooth surface does not have: the picture less a quadratic fit along rows and columns."""
    kernel = np.array([-1, 4, 10, 4, -1], np.float32)[None] / 16
    return picture - cv2.sepFilter2D(picture, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)


def _blocks(picture: np.ndarray, matte: np.ndarray | None) -> np.ndarray:
    """Blocks [n, BLOCK x BLOCK, 3] of a picture that lie outside of the matte."""
    rows, columns = (n // BLOCK for n in picture.shape[:2])
    at = np.flatnonzero(np.ones((rows, columns), bool) if matte is None else clear(matte))
    at = at[:: max(1, -(-len(at) // MOST))]
    whole = np.asarray(picture, np.float32)[: rows * BLOCK, : columns * BLOCK]
    tiled = whole.reshape(rows, BLOCK, columns, BLOCK, whole.shape[2]).transpose(0, 2, 1, 3, 4)
    chosen = tiled[at // max(columns, 1), at % max(columns, 1)]
    return chosen.reshape(len(at), BLOCK * BLOCK, whole.shape[2])


def clear(matte: np.ndarray) -> np.ndarray:
    """Which whole blocks of a picture a matte [H, W] leaves alone, bool [H // BLOCK, W // BLOCK]."""
    rows, columns = (side // BLOCK for side in matte.shape)
    if not rows or not columns:
        return np.zeros((rows, columns), bool)
    touched = (matte[: rows * BLOCK, : columns * BLOCK] > 0).astype(np.float32)
    return cv2.resize(touched, (columns, rows), interpolation=cv2.INTER_AREA) <= 0


def bands(image: np.ndarray) -> np.ndarray:
    """Rows of blocks of an image [H, W(, C)] in which about `PAIRED` blocks lie, evenly spread from its top."""
    rows, columns = (side // BLOCK for side in image.shape[:2])
    step = max(1, -(-rows * columns // PAIRED))
    whole = image[: rows * BLOCK].reshape(rows, BLOCK, *image.shape[1:])
    return whole[::step].reshape(-1, *image.shape[1:])


def _fit(blocks: np.ndarray, level: np.ndarray | None = None) -> Grain:
    """The curve of sigma over level and the autocorrelation, of the blocks [n, b x b, 3] that show no texture.

    `level` [n] are the blocks' luminances; without it they are taken from the blocks.
    """
    if len(blocks) < FEWEST:
        return _none()
    y, x = (axis.ravel() / (BLOCK - 1) * 2 - 1 for axis in np.mgrid[0:BLOCK, 0:BLOCK])
    basis, _ = np.linalg.qr(np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1))
    basis = basis.astype(np.float32)
    light = luminance(np.ascontiguousarray(blocks.mean(axis=1)[None]))[0] if level is None else level
    texture, moving = _coarse(blocks, basis)
    order = np.flatnonzero(moving)[np.argsort(light[moving], kind="stable")]
    if len(order) < FEWEST:
        return _none()
    levels, sigmas, quiet = [], [], []
    for group in np.array_split(order, min(LEVELS, max(1, len(order) // 24))):
        chosen = group[np.argsort(texture[group], kind="stable")][: max(4, int(len(group) * QUIETEST))]
        residual = _rough(blocks[chosen], basis)
        variance = (residual * residual).sum(axis=1) / np.float32(BLOCK * BLOCK - basis.shape[1])
        levels.append(float(np.median(light[chosen])))
        sigmas.append(np.sqrt(np.median(variance, axis=0)))
        quiet.append(residual / np.maximum(sigmas[-1], 1e-12))
    rise = np.argsort(levels, kind="stable")
    flat = np.concatenate(quiet)
    mixed = np.corrcoef(flat.reshape(-1, 3).T)
    factor = np.linalg.cholesky(mixed * 0.999 + np.eye(3) * 0.001).astype(np.float32)
    return Grain(np.asarray(levels)[rise], np.asarray(sigmas)[rise], _kernel(flat), factor)


def _rough(blocks: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Blocks [n, b x b, c] less the smooth surface of `basis` [b x b, k] through each."""
    return blocks - np.einsum("pk,qk,nqc->npc", basis, basis, blocks, optimize=True)


def _coarse(blocks: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much texture each of blocks [n, b x b, 3] has, [n], and whether it has grain at all: clipped black has none.

    Texture is told from grain by what is coarse: means of 4 x 4 pixels, against the grain that is measured finely.
    """
    fourth = BLOCK // 4
    small = blocks.reshape(-1, fourth, 4, fourth, 4, 3).mean(axis=(2, 4)).reshape(len(blocks), -1, 3)
    plane = basis.reshape(fourth, 4, fourth, 4, -1).mean(axis=(1, 3)).reshape(fourth * fourth, -1)
    coarse = small - np.einsum("pk,qk,nqc->npc", plane, 16 * plane, small, optimize=True)
    some = blocks[:, ::7]
    moving = np.asarray((some != some[:, :1]).any(axis=1).all(axis=1))
    return (coarse * coarse).mean(axis=(1, 2)), moving


def _kernel(flat: np.ndarray) -> np.ndarray:
    """The filter [k, k, 3] that gives white noise the mean autocorrelation of blocks [n, b x b, 3]."""
    fields = flat[:: max(1, -(-len(flat) // LAGS))].reshape(-1, BLOCK, BLOCK, 3)
    grid = 4 * RADIUS
    kernel = np.empty((2 * RADIUS + 1, 2 * RADIUS + 1, 3), np.float32)
    for channel in range(3):
        f = fields[..., channel]
        shape = np.zeros((grid, grid))
        for dy in range(RADIUS + 1):
            for dx in range(-RADIUS, RADIUS + 1):
                a = f[:, dy:, max(dx, 0) : BLOCK + min(dx, 0)]
                b = f[:, : BLOCK - dy, max(-dx, 0) : BLOCK - max(dx, 0)]
                fade = np.exp(-(dx * dx + dy * dy) / (2 * FADE**2))  # far lags are mostly chance
                shape[dy % grid, dx % grid] = shape[-dy % grid, -dx % grid] = float((a * b).mean()) * fade
        power = np.maximum(np.fft.fft2(shape).real, 0)
        filter_ = np.fft.fftshift(np.fft.ifft2(np.sqrt(power)).real)
        middle = grid // 2
        window = slice(middle - RADIUS, middle + RADIUS + 1)
        kernel[..., channel] = filter_[window, window] / max(float(np.linalg.norm(filter_[window, window])), 1e-12)
    return kernel


def _none() -> Grain:
    kernel = np.zeros((2 * RADIUS + 1, 2 * RADIUS + 1, 3), np.float32)
    kernel[RADIUS, RADIUS] = 1
    return Grain(np.zeros(1), np.zeros((1, 3)), kernel, np.eye(3, dtype=np.float32))


def _white(shape: tuple[int, int], seed: int, origin: tuple[int, int]) -> np.ndarray:
    """Normal noise [H, W, 3] hashed from the absolute positions and the seed."""
    y = (np.arange(shape[0], dtype=np.int64) + origin[1]).astype(np.uint32)[:, None]
    x = (np.arange(shape[1], dtype=np.int64) + origin[0]).astype(np.uint32)[None]
    with np.errstate(over="ignore"):
        base = x * np.uint32(0x9E3779B1) ^ _mix(y * np.uint32(0x85EBCA77) + np.uint32(seed & 0xFFFFFFFF))
        planes = [_TABLE[_mix(base + np.uint32(0xC2B2AE3D) * np.uint32(c + 1)) >> np.uint32(16)] for c in range(3)]
    return np.stack(planes, axis=-1)


def _mix(bits: np.ndarray) -> np.ndarray:
    """Every bit of the input stirs every bit of the output (the finaliser of MurmurHash3, Appleby 2008)."""
    bits = (bits ^ (bits >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    bits = (bits ^ (bits >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return bits ^ (bits >> np.uint32(16))


_TABLE = ndtri((np.arange(65536) + 0.5) / 65536).astype(np.float32)
