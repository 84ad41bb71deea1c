"""Where wires are in one picture: the version's network, or ridge filters where the version has none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from onelight.stages import Session
from onelight.temporal import encode
from onelight.tools.cleanup import ridge
from onelight.tools.cleanup.hands import at_once

STAGE = "detect"
MULTIPLE = 16  # the network wants sizes that are multiples of this
PICTURE, HAND, MOTION = 3, 10, 2  # channels of its inputs
TANGENTS = (4, 6)  # where in the hand-made ones pairs (cos 2a, sin 2a) begin
NEAR = 4  # pixels: where a place's brightest and darkest neighbours are looked for
TILE = (1088, 1920)  # pixels seen at once, from the picture's top left corner on: a larger picture takes several
HALO = 224  # pixels around a tile that matter to it; both are multiples of `MULTIPLE`
LIKELY = 0.05  # what is less likely to be wire has neither width nor tangent


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
    if known(session):
        assert session is not None
        return _by_network(session, picture, level, residual, check)
    return by_ridges(picture, level, check)


def coded(picture: np.ndarray, level: float) -> np.ndarray:
    """Scene-linear ACEScg over the middle level, as the network sees it: stops over 4."""
    return encode.coded(picture, level) * np.float32(0.25)


def hand(stops: np.ndarray) -> np.ndarray:
    """Hand-made features [H, W, 10] of luminance in stops [H, W], for the network.

    Bright and dark ridges up to 4.6 pixels, bright and dark ones beyond, over four times what is usual around them;
    the tangents (cos 2a, sin 2a) of the narrow and of the broad ones, as long as those are strong; how far the
    brightest and the darkest place within 4 pixels are, over 4 stops.
    """
    planes = np.zeros((HAND, *stops.shape), np.float32)
    narrow, broad = ([*planes[2 * group : 2 * group + 2], *planes[first:][:2]] for group, first in enumerate(TANGENTS))
    finest, *others = ridge.octaves(stops)
    second = [np.zeros_like(stops) for _ in narrow]  # of the narrow ones, what the second octave has of them
    near = np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8)

    def first() -> None:
        _add(narrow, finest)
        planes[8] = (cv2.dilate(stops, near) - stops) * np.float32(0.25)
        planes[9] = (stops - cv2.erode(stops, near)) * np.float32(0.25)

    def rest() -> None:
        for octave, into in zip(others, (second, broad, broad), strict=False):
            _add(into, octave)

    at_once(lambda work: work(), (first, rest))
    for join, into, more in zip((np.maximum, np.minimum, np.add, np.add), narrow, second, strict=True):
        join(into, more, out=into)
    return planes.transpose(1, 2, 0)


def _add(into: Sequence[np.ndarray], octave: Iterable[ridge.Scale]) -> None:
    """Adds an octave's ridges to bright, dark, cos 2a and sin 2a, each [H, W]."""
    from onelight.tools.cleanup.kernels import stand_out

    bright, dark, *ways = into
    within, factor = ways, 1
    for scale in octave:
        if scale.factor > factor:
            within, factor = [np.zeros_like(scale.response) for _ in ways], scale.factor
        stand_out(scale.response, ridge.usual(scale.response), scale.skew, scale.cross, scale.apart, *within)
        standing = ridge.enlarged(scale.response, factor, bright.shape)
        np.maximum(bright, standing, out=bright)
        np.minimum(dark, standing, out=dark)
    if factor > 1:
        for way, sums in zip(ways, within, strict=True):
            way += ridge.enlarged(sums, factor, way.shape)


def motion(residual: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """What is known of motion [H, W, 2], for the network: the residual over 2 stops, and whether there is one."""
    planes = np.zeros((MOTION, *shape[:2]), np.float32)
    if residual is not None:
        planes[0], planes[1] = np.clip(residual, 0, 4) / 2, 1
    return planes.transpose(1, 2, 0)


def _by_network(
    session: Session, picture: np.ndarray, level: float, residual: np.ndarray | None, check: Callable[[], None]
) -> Found:
    check()
    height, width = picture.shape[:2]
    below, beside = -height % MULTIPLE, -width % MULTIPLE
    whole = cv2.copyMakeBorder(picture, 0, below, 0, beside, cv2.BORDER_REPLICATE) if below or beside else picture
    if residual is not None:
        residual = cv2.copyMakeBorder(residual, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    features = {
        "picture": coded(whole, level),
        "hand": hand(ridge.stops_of(whole, level)),
        "motion": motion(residual, whole.shape),
    }
    inputs = {name: np.ascontiguousarray(value.transpose(2, 0, 1))[None] for name, value in features.items()}
    matte, across = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    along = np.zeros((height, width, 2), np.float32)
    for top in range(0, height, TILE[0]):
        for left in range(0, width, TILE[1]):
            check()
            inner = np.s_[top : top + TILE[0], left : left + TILE[1]]
            first = max(top - HALO, 0), max(left - HALO, 0)
            seen = np.s_[..., first[0] : top + TILE[0] + HALO, first[1] : left + TILE[1] + HALO]
            out = session.run(STAGE, {name: np.ascontiguousarray(value[seen]) for name, value in inputs.items()})
            size = matte[inner].shape
            part = np.s_[top - first[0] :, left - first[1] :]
            logit, log_width, tangent = (out[name][0][:, *part] for name in ("matte", "width", "along"))
            logit, log_width, tangent = (value[:, : size[0], : size[1]] for value in (logit, log_width, tangent))
            matte[inner] = 1 / (1 + np.exp(-logit[0]))
            there = matte[inner] > LIKELY  # a small share of the picture
            across[inner][there] = np.exp2(np.clip(log_width[0][there], -2, 6))
            ways = tangent[:, there].T
            along[inner][there] = ways / np.maximum(np.linalg.norm(ways, axis=-1, keepdims=True), np.float32(1e-6))
    return Found(matte, across, along)


def by_ridges(picture: np.ndarray, level: float, check: Callable[[], None] = lambda: None) -> Found:
    """The classical answer: ridges of any width that go on as lines, drawn as wide as they are."""
    height, width = picture.shape[:2]
    matte = np.zeros((height, width), np.float32)
    across = np.zeros((height, width), np.float32)
    angle = np.zeros((height, width), np.float32)
    for scale in ridge.scales(ridge.stops_of(picture, level)):
        check()
        found = ridge.lines(scale)
        keep = found.sure > LIKELY
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
