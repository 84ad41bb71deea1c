"""The learnt estimate of a surface: the version's network run coarse to fine over the working picture, and mirrored."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from onelight.stages import Context, Session
from onelight.tools.relight import geometry
from onelight.tools.relight.light import Light

STAGE = "geometry"
MULTIPLE = 16  # the network wants sizes that are multiples of this
SMALLEST = 160  # the first level sees the whole picture at most this long
ROUGH = 256  # enough for the broad light that the fit looks for
MIRROR = np.array([-1, 1, 1, 1], np.float32)  # a mirrored direction (and depth, or key share)


class Surface(NamedTuple):
    """What the network found, float32 at working size."""

    normals: np.ndarray  # [h, w, 3]: x right, y up, z to camera
    depth: np.ndarray  # [h, w], affine: larger is farther, about 0 +- 1
    openness: np.ndarray  # [h, w] share of the light from all round that arrives
    reach: np.ndarray  # [h, w] share of the present key that arrives


def known(session: Session | None) -> bool:
    """Whether the model version has a network for the geometry."""
    return session is not None and session.has(STAGE)


def find(context: Context, working: np.ndarray, matte: np.ndarray | None, lamp: Light | None) -> Surface:
    """Reads the surface off `working` [h, w, 3], linear ACEScg over the plate's middle level.

    `matte` [h, w] in 0..1 and the present light help where they are known. Each level is given what the one at half
    its size found; every level is seen twice, as it is and mirrored, and the two are averaged. Without a light, that
    is while it is being fitted, the finest levels are left out.
    """
    session, check = context.session, context.check
    assert session is not None
    light = np.zeros(4, np.float32)
    if lamp is not None:
        light[:3], light[3] = lamp.key, 1 - 1 / lamp.ratio
    levels = [coded(working)]
    mattes = [np.zeros(working.shape[:2], np.float32) if matte is None else matte * 2 - 1]
    while max(levels[-1].shape[:2]) > SMALLEST:
        levels.append(halved(levels[-1]))
        mattes.append(halved(mattes[-1]))
    first = mattes[-1].shape
    prior = np.zeros((*first, 4), np.float32)
    if matte is not None:
        prior[..., :3] = inflated((mattes[-1] + 1) / 2)
    found = None
    for picture, outline in zip(reversed(levels), reversed(mattes), strict=True):
        if lamp is None and found is not None and max(outline.shape) > ROUGH:
            found = cv2.resize(found, working.shape[1::-1], interpolation=cv2.INTER_LINEAR)
            found[..., :3] = geometry.normalise(found[..., :3])
            break
        if found is not None:
            prior = cv2.resize(found[..., :4], picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        found = _both_ways(session, picture, outline, prior, light, check)
    assert found is not None
    return Surface(found[..., :3], found[..., 3], found[..., 4], found[..., 5])


def coded(picture: np.ndarray) -> np.ndarray:
    """Scene-linear ACEScg over the plate's middle level, as the network sees it."""
    bounded = np.clip(picture, 0, np.float32(geometry.CEILING))
    return (np.log2(bounded + np.float32(geometry.FLOOR)) / 4).astype(np.float32)


def inflated(matte: np.ndarray) -> np.ndarray:
    """Normals [h, w, 3] of the outline's inflation, 0 outside of the matte [h, w]: the classical prior."""
    right, up = geometry.slopes(geometry.inflate(matte))
    inside = (matte > 0.5)[..., None]
    return geometry.normalise(np.dstack([-right, -up, np.ones_like(matte)])) * inside


def halved(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    size = (max(1, -(-width // 2)), max(1, -(-height // 2)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _both_ways(
    session: Session,
    picture: np.ndarray,
    matte: np.ndarray,
    prior: np.ndarray,
    light: np.ndarray,
    check: Callable[[], None],
) -> np.ndarray:
    """The mean of the answers to the picture and to its mirror image, [h, w, 6]."""
    check()
    straight = _run(session, picture, matte, prior, light)
    check()
    mirrored = _run(session, picture[:, ::-1], matte[:, ::-1], prior[:, ::-1] * MIRROR, light * MIRROR)[:, ::-1]
    both = (straight + mirrored * np.array([-1, 1, 1, 1, 1, 1], np.float32)) / 2
    both[..., :3] = geometry.normalise(both[..., :3])
    return both


def _run(session: Session, picture: np.ndarray, matte: np.ndarray, prior: np.ndarray, light: np.ndarray) -> np.ndarray:
    height, width = matte.shape
    pad = (0, -height % MULTIPLE, 0, -width % MULTIPLE)

    def tensor(image: np.ndarray) -> np.ndarray:
        wide = cv2.copyMakeBorder(
            np.ascontiguousarray(image),
            *pad,
            cv2.BORDER_REFLECT_101 if min(height, width) > MULTIPLE else cv2.BORDER_REPLICATE,
        )
        wide = wide[..., None] if wide.ndim == 2 else wide
        return np.ascontiguousarray(wide.transpose(2, 0, 1)[None])

    inputs = {"picture": tensor(picture), "matte": tensor(matte), "prior": tensor(prior), "light": light[None]}
    out = session.run(STAGE, inputs)
    found = np.concatenate([out[name][0] for name in ("normals", "depth", "openness", "reach")])
    return np.ascontiguousarray(found[:, :height, :width].transpose(1, 2, 0))
