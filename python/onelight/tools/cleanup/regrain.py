"""The shot's grain where pixels are made: as strong as it was measured, and never stronger than beside the hole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from onelight.temporal import flow
from onelight.temporal.encode import luminance
from onelight.temporal.grain import Grain, bands, clear
from onelight.tools.cleanup import leftovers

if TYPE_CHECKING:  # the tool of a show without a measured look loads nothing of it
    from onelight.look.grain import GrainLook
    from onelight.stages import Session

FINE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6  # blind to slopes, of norm 1
NEAR = 10.0  # px around a pixel in which the surround is asked
RIM = 2  # px beside the hole that may show the wire's soft edge
NORMAL = 0.607  # mean fourth root, to the fourth power, of normal noise of deviation 1
LOWEST = 0.25  # quantile of a frame's levels that tells how strong its grain is: texture only ever adds
FEW = 3  # levels of one frame alone that cannot tell grain from texture
SURE = 0.25  # of what a look says, half of its 95 % interval: clips of one film or sensor agree to that, others do not


def measured(plate: np.ndarray, matte: np.ndarray, other: np.ndarray | None, motion: np.ndarray | None) -> Grain | None:
    """The shot's grain as the plate [H, W, 3] shows it beside the matte [H, W]; None where there is too little of it.

    Where it was taken from texture, what differs from the nearest `other` frame laid over the plate is taken instead;
    `motion` [H, W, 2] leads there, where that is known. All scene-linear.
    """
    if not clear(matte).any():
        return None
    grain = Grain.measure([plate], [matte])
    if other is None:
        return grain
    motion = flow.dense(plate, other, matte) if motion is None else motion
    here, hidden, target = (bands(image) for image in (plate, matte, flow.positions(motion.shape) + motion))
    over, valid = flow.fetch(other, target)
    return grain.told_from_texture(here, over, np.where(valid, hidden, 1))


def known(session: Session | None, measured: Grain | None, shape: tuple[int, int], told: bool) -> Grain | None:
    """The grain of a picture [H, W] of the `shape`, as it was `measured` on a frame and as the show's look knows it.

    The look was measured on many clips: it knows every level, and how coarse the grain is, where one frame has texture
    or few levels. How strong grain is differs from clip to clip, and that the frame says: the look's levels are made as
    much stronger or weaker as the frame's are. A look that is not sure, because its clips have several kinds of grain,
    is no better than the frame, which is taken then. Where the frame cannot say how strong its grain is (`told`:
    whether another frame told it from texture), the look is taken as it is. How coarse grain is depends on the
    picture's size: at another one than the look's it is taken from the frame. A version without a look has the frame's
    own measurement, unchanged.
    """
    if session is None or session.look is None or session.look.grain is None:
        return measured
    from onelight.look import regrain

    look, same = regrain(session.look.grain), session.look.grain.picture == shape[::-1]
    if measured is None or not measured.sigma.any() or (len(measured.levels) < FEW and not told):
        return look if same else measured
    if not _sure(session.look.grain):
        return measured
    within = (measured.levels >= look.levels[0]) & (measured.levels <= look.levels[-1])
    within |= not within.any()
    ours = measured.sigma[within] / np.maximum(look.strength(measured.levels[within][:, None])[:, 0], 1e-20)
    stronger = np.exp(np.quantile(np.log(np.maximum(ours, 1e-6)).mean(axis=1), LOWEST))
    look = replace(look, sigma=look.sigma * stronger)
    return look if same else replace(look, kernel=measured.kernel, mixed=measured.mixed)


def _sure(look: GrainLook) -> bool:
    """Whether all clips of a look told of the same kind of grain, alike at every level and at every frequency."""
    curves = (look.red, look.green, look.blue, look.spectrum)
    return all(e <= SURE * abs(v) for curve in curves for v, e in zip(curve.value, curve.error, strict=True))


def new(
    patch: np.ndarray,
    plate: np.ndarray,
    hole: np.ndarray,
    amount: np.ndarray,
    grain: Grain,
    seed: int,
    origin: tuple[int, int],
) -> np.ndarray:
    """Grain [H, W, 3] to add to the linear patch; `amount` [H, W] says how much, `origin` (x, y) where the box lies.

    Grain is measured over the whole frame, and where a level is seen in texture only, texture is taken for grain. So
    what the plate around the hole [H, W] bool shows of finest detail is the most that is added.
    """
    level = np.maximum(luminance(patch), 0)
    field = grain.field(hole.shape, seed, level, origin)
    shown, added = _fine([luminance(plate), luminance(field)], hole)
    most = np.minimum(shown / np.maximum(added, np.float32(1e-20)), 1)
    return field * (amount * most)[..., None]


def noise(grain: Grain, linear: np.ndarray, code: np.ndarray, hole: np.ndarray, level: float) -> np.ndarray:
    """Variance [H, W] of the plate's grain in coded stops, carried into the hole: as measured, or as seen if less."""
    light = np.maximum(luminance(linear), 0)
    (seen,) = _fine([cv2.transform(code, np.full((1, 3), 1 / 3, np.float32))], hole)
    known = np.where(hole, np.median(light[~hole]) if not hole.all() else level, light)
    sigma = grain.strength(known).mean(axis=-1) / leftovers.per_stop(known, level)
    return np.minimum(sigma, seen) ** 2


def _fine(images: Sequence[np.ndarray], hole: np.ndarray) -> list[np.ndarray]:
    """How strong the finest detail of images [H, W] is around each pixel outside of the hole, edges counting little."""
    beside = cv2.dilate(hole.astype(np.uint8), np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)) == 0
    roots = [np.sqrt(np.sqrt(np.abs(cv2.filter2D(image, -1, FINE)))) * beside for image in images]
    height, width = hole.shape
    quarter = ((width + 3) // 4, (height + 3) // 4)
    known = [cv2.resize(image, quarter, interpolation=cv2.INTER_AREA) for image in (*roots, beside.astype(np.float32))]
    *means, share = (cv2.GaussianBlur(image, (0, 0), NEAR / 4) for image in known)
    means = [(mean / np.maximum(share, np.float32(1e-4))) ** 4 / np.float32(NORMAL) for mean in means]
    return [cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR) for mean in means]
