"""Grain as a function of level, its spectrum and the tie between its colours, from few frames of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from onelight.errors import RequestError
from onelight.look import codec
from onelight.look.numbers import WIDTH, Curve, Untold, plain
from onelight.temporal import cuts, encode, flow
from onelight.temporal.grain import BLOCK, LEVELS, RADIUS, Grain

SYSTEMATIC = 0.15  # of a sigma, half of a 95 % interval: what the method itself was seen to be off by
FREQUENCIES = tuple(round(step / 20, 2) for step in range(1, 11))  # cycles a pixel
MOVES = 1.15  # how much better a frame has to fit once moved for the camera not to have stood still
CHANGED = 0.1  # stops by which a place may differ between frames before it shows other things
ALL_TEXTURE = Grain(np.zeros(1), np.full((1, 3), np.inf), np.zeros((1, 1, 3), np.float32), np.eye(3, dtype=np.float32))
COARSE = 48  # pixels of the longest side at which frames of a still camera are alike whatever their grain
LEAST = 1e-5  # of its level: less is arithmetic, no grain


@dataclass(frozen=True)
class GrainLook:
    """`red`, `green`, `blue`: luminance -> sigma, scene-linear. `spectrum`: cycles a pixel -> power over white noise's.

    `size` is the width in pixels at which the grain's autocorrelation has fallen to a half. `kernel` [11 x 11 x 3,
    rows first] makes such grain out of white noise, `ties` are the correlations red-green, red-blue, green-blue.
    `pairs` counts the pairs of frames it was told from.
    """

    red: Curve
    green: Curve
    blue: Curve
    spectrum: Curve
    size: float
    kernel: tuple[float, ...]
    ties: tuple[float, float, float]
    pairs: int
    picture: tuple[int, int]  # width, height of the pictures whose pixels these are


@dataclass(frozen=True)
class Seen:
    """Two frames that follow each other: the grain at least and at most, and what a codec did. None: not told."""

    least: Grain | None
    most: Grain | None  # the same as `least` where nothing moved
    copied: float
    grid: float
    picture: tuple[int, int]


def observe(linear: np.ndarray, before: np.ndarray) -> Seen | None:
    """Grain of a scene-linear ACEScg frame [H, W, 3] without NaN, told from texture by the frame `before` it.

    None where the two are not of one shot.
    """
    size = (linear.shape[1], linear.shape[0])
    if min(size) < 3 * BLOCK or before.shape != linear.shape or not _one_shot(linear, before):
        return None
    copied, grid = codec.frozen(linear, before), codec.grid(linear)
    if copied >= codec.HELD:
        return Seen(None, None, copied, grid, size)
    there, fits, moved = _laid_over(linear, before)
    least = _told(ALL_TEXTURE.told_from_texture(linear, there, np.where(fits, np.float32(0), np.float32(1))))
    if not moved or least is None:
        return Seen(least, least, copied, grid, size)
    # Moved by parts of a pixel the other frame is softer: the difference then has too little grain. One frame alone
    # has too much, where it has texture.
    return Seen(least, _told(Grain.measure([linear])), copied, grid, size)


def _one_shot(here: np.ndarray, there: np.ndarray) -> bool:
    """Whether two frames are of one shot: alike as they are (a bare wall has no detail to compare), or once moved."""
    return float(np.abs(_stops(here, COARSE) - _stops(there, COARSE)).mean()) < CHANGED or cuts.same_shot(here, there)


def _told(grain: Grain) -> Grain | None:
    """The grain, unless it is no more than arithmetic."""
    if grain is ALL_TEXTURE or not (grain.sigma > LEAST * np.maximum(grain.levels[:, None], 1e-9)).all():
        return None
    return grain


def _laid_over(here: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """The other frame laid over this one, where it fits [H, W], and whether it had to be moved for that."""
    over, valid = flow.warp(there, flow.dense(here, there))
    one, still, moved = (_stops(picture) for picture in (here, there, over))
    known = cv2.resize((valid > 0).astype(np.uint8), one.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    off = [float(np.minimum(np.abs(one - other), CHANGED * 3)[known].mean()) for other in (still, moved)]
    stands = not known.any() or off[0] <= MOVES * off[1]
    # Compared so coarsely that strong grain is not taken for change.
    coarse = np.abs(_stops(here, COARSE * 2) - _stops(there if stands else over, COARSE * 2))
    changed = cv2.resize(coarse, here.shape[1::-1], interpolation=cv2.INTER_LINEAR) > CHANGED
    return (there if stands else over), ~changed & (stands | (valid > 0)), not stands


def _stops(picture: np.ndarray, longest: int = flow.LONGEST // 2) -> np.ndarray:
    """Stops of the luminance, so small that grain hardly shows."""
    light = encode.luminance(encode.shrink(picture, longest))
    floor = max(float(np.median(light)), 1e-9) * np.float32(2.0**-6)
    return cv2.blur(np.log2(np.maximum(light, 0) + floor), (3, 3))


def without_codec(clips: Sequence[Sequence[Seen | None]]) -> list[Seen | None]:
    """What was seen in the clips, each a list, whose fine detail is not a codec's; in all, where there is none such."""
    sound = []
    for frames in clips:
        found = [one for one in frames if one is not None]
        if found and not codec.complaint([one.copied for one in found], [one.grid for one in found]):
            sound += found
    return sound or [one for frames in clips for one in frames]


def conclude(seen: Sequence[Seen | None]) -> GrainLook:
    """Grain over all pairs; Untold where a codec made what there is, or nothing is smooth enough."""
    found = [one for one in seen if one is not None]
    if not found:
        raise Untold("Two frames that follow each other are needed to tell grain from texture.")
    sizes = [one.picture for one in found]
    picture = max(set(sizes), key=lambda size: (sizes.count(size), size))
    found = [one for one in found if one.picture == picture]
    if why := codec.complaint([one.copied for one in found], [one.grid for one in found]):
        raise Untold(why)
    both = [(one.least, one.most) for one in found if one.least is not None and one.most is not None]
    if not both:
        raise Untold("No smooth ground with grain on it was found: the picture is clean, clipped or moves throughout.")
    levels = _levels([grain for pair in both for grain in pair])
    mean, error = _sigma(both, levels)
    colours = [Curve.of(levels, np.exp(mean[:, c]), np.exp(mean[:, c]) * error[:, c]) for c in range(3)]
    kernels = np.array([most.kernel for _, most in both], np.float64)
    kernel = kernels.mean(axis=0)
    kernel /= np.sqrt((kernel**2).sum(axis=(0, 1)))
    tie = np.mean([most.mixed.astype(np.float64) @ most.mixed.T for _, most in both], axis=0)
    powers = np.array([[_power(end.kernel.astype(np.float64)) for end in pair] for pair in both])
    spread = WIDTH * powers[:, 1].std(axis=0) / np.sqrt(max(len(both) - 1, 1))
    apart = np.abs(powers[:, 1] - powers[:, 0]).mean(axis=0)
    spectrum = Curve.of(FREQUENCIES, _power(kernel), np.hypot(spread, SYSTEMATIC * _power(kernel)) + apart)
    return GrainLook(
        *colours,
        spectrum=spectrum,
        size=plain([_width(kernel)])[0],
        kernel=plain(kernel),
        ties=plain([tie[0, 1], tie[0, 2], tie[1, 2]]),  # type: ignore[arg-type]
        pairs=len(both),
        picture=picture,
    )


def _sigma(both: Sequence[tuple[Grain, Grain]], levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of sigma [levels, 3] and half its 95 % interval, from each pair's least and most."""
    ends = np.array([[np.log(g.strength(levels[:, None])[:, 0].astype(np.float64)) for g in pair] for pair in both])
    logs, apart = ends.mean(axis=1), np.abs(ends[:, 1] - ends[:, 0]) / 2
    inside = np.array([(levels >= low.levels[0] * 0.9) & (levels <= low.levels[-1] * 1.1) for low, _ in both])
    weight = np.maximum(inside, 1e-6)[..., None]
    total = weight.sum(axis=0)
    mean = (logs * weight).sum(axis=0) / total
    many = np.maximum(inside.sum(axis=0), 1)[:, None]
    scatter = np.sqrt((weight * (logs - mean) ** 2).sum(axis=0) / total / np.maximum(many - 1, 1))
    return mean, np.sqrt(SYSTEMATIC**2 + (WIDTH * scatter) ** 2) + (weight * apart).sum(axis=0) / total


def _levels(grains: Sequence[Grain]) -> np.ndarray:
    """Luminances at which the curve is told: as many as were measured, spread over all frames' levels in stops."""
    seen = np.sort(np.concatenate([np.maximum(g.levels, 1e-9) for g in grains]))
    low, high = np.log2(seen[[0, -1]])
    count = min(LEVELS, max(2, len(seen) // 2)) if high > low else 1
    return np.exp2(np.linspace(low, high, count))


def _power(kernel: np.ndarray) -> np.ndarray:
    """Power of what a kernel [k, k, 3] makes of white noise at FREQUENCIES, mean of directions and channels."""
    grid = 40
    power = (np.abs(np.fft.fft2(kernel, s=(grid, grid), axes=(0, 1))) ** 2).mean(axis=2)
    across = np.fft.fftfreq(grid)
    radius = np.hypot(across[:, None], across[None])
    rings = [(np.abs(radius - f) <= 0.025) for f in FREQUENCIES]
    return np.array([power[ring].mean() for ring in rings])


def _width(kernel: np.ndarray) -> float:
    """Full width in pixels at half height of the autocorrelation, along rows and columns, mean of channels."""
    grid = 8 * RADIUS
    power = (np.abs(np.fft.fft2(kernel, s=(grid, grid), axes=(0, 1))) ** 2).mean(axis=2)
    shape = np.fft.ifft2(power).real
    profile = (shape[0, : grid // 2] + shape[: grid // 2, 0]) / (2 * shape[0, 0])
    below = int(np.argmax(profile < 0.5))
    fraction = (profile[below - 1] - 0.5) / max(profile[below - 1] - profile[below], 1e-9)
    return 2 * (below - 1 + float(fraction))


def regrain(look: GrainLook) -> Grain:
    """The grain as `onelight.temporal.grain` makes it anew: what Cleanup's regrain takes in place of a frame's own.

    Its pixels are those of `look.picture`: a proxy has other grain. RequestError where the kernel is not whole.
    """
    side = 2 * RADIUS + 1
    if len(look.kernel) != side * side * 3:
        raise RequestError(f"The look's grain kernel has {len(look.kernel)} numbers; {side * side * 3} were expected.")
    rg, rb, gb = look.ties
    tie = np.array([[1, rg, rb], [rg, 1, gb], [rb, gb, 1]])
    mixed = np.linalg.cholesky(tie * 0.999 + np.eye(3) * 0.001).astype(np.float32)
    sigma = np.stack([np.asarray(one.value) for one in (look.red, look.green, look.blue)], axis=1)
    kernel = np.asarray(look.kernel, np.float32).reshape(side, side, 3)
    return Grain(np.asarray(look.green.at), sigma, kernel, mixed)
