"""Where wires are in one picture: the version's network, or ridge filters where the version has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from onelight.stages import Session
from onelight.tools.cleanup import ridge

STAGE = "detect"
_LIKELY = 0.05  # below it the ridge filters say nothing


@dataclass(frozen=True)
class Found:
    """What was found in one frame, float32 at its size."""

    matte: np.ndarray  # [H, W] 0..1: how likely the pixel is wire
    width: np.ndarray  # [H, W] pixels across the wire; 0 where there is none
    along: np.ndarray  # [H, W, 2] the tangent's angle a (x right, y down) as (cos 2a, sin 2a): a line has no direction


def known(session: Session | None) -> bool:
    """Whether the model version has a network that finds wires."""
    return session is not None and session.has(STAGE)


def find(
    session: Session | None,
    picture: np.ndarray,
    level: float,
    residual: np.ndarray | None = None,
    check: Callable[[], None] = lambda: None,
) -> Found:
    """Finds wires in `picture` [H, W, 3], scene-linear ACEScg; `level` is the middle level of its luminance.

    `residual` [H, W] is how far the pixel differs from its neighbours in time, moved along by flow, in stops; None
    where that is not known. `check` raises Cancelled when nobody waits any more. A picture that is `k` times as bright
    over a level `k` times as high gives the same answer.
    """
    return by_ridges(picture, level, check)


def by_ridges(picture: np.ndarray, level: float, check: Callable[[], None] = lambda: None) -> Found:
    """The classical answer: ridges of any width that go on as lines, drawn as wide as they are."""
    height, width = picture.shape[:2]
    matte = np.zeros((height, width), np.float32)
    across = np.zeros((height, width), np.float32)
    angle = np.zeros((height, width), np.float32)
    for scale in ridge.scales(ridge.stops_of(picture, level)):
        check()
        found = ridge.lines(scale)
        keep = found.sure > _LIKELY
        if not keep.any():
            continue
        stroke = _stroke(found, keep, scale, (height, width))
        better = stroke[0] > matte
        matte[better] = stroke[0][better]
        across[better] = scale.width
        angle[better] = stroke[1][better]
    along = np.dstack([np.cos(2 * angle), np.sin(2 * angle)]) * (across > 0)[..., None]
    return Found(matte, across, along.astype(np.float32))


def _stroke(
    found: ridge.Lines, keep: np.ndarray, scale: ridge.Scale, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The middles of lines drawn as wide as they are: how sure, and their angle, [H, W] each."""
    factor = scale.factor
    small = tuple(-(-side // factor) for side in shape)
    row = np.minimum((found.y[keep] / factor).astype(np.int32), small[0] - 1)
    column = np.minimum((found.x[keep] / factor).astype(np.int32), small[1] - 1)
    sure, angle = np.zeros(small, np.float32), np.zeros(small, np.float32)
    sure[row, column], angle[row, column] = found.sure[keep], found.along[keep]
    reach = max(1, round(scale.sigma))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    wide = cv2.dilate(sure, disc)
    # The angle of whichever middle is nearest: tangents differ little within a wire's width.
    weight = cv2.GaussianBlur(sure, (0, 0), 0.6 * reach)
    turned = [cv2.GaussianBlur(sure * wave(2 * angle), (0, 0), 0.6 * reach) for wave in (np.cos, np.sin)]
    angle = np.arctan2(turned[1], turned[0]) / 2 * (weight > 0)
    if factor > 1:
        size = (small[1] * factor, small[0] * factor)
        wide = cv2.resize(wide, size, interpolation=cv2.INTER_LINEAR)[: shape[0], : shape[1]]
        angle = cv2.resize(angle, size, interpolation=cv2.INTER_NEAREST)[: shape[0], : shape[1]]
    return wide, angle.astype(np.float32)
