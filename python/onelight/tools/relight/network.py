"""The learnt estimate of a surface: the version's network run coarse to fine over the working picture, and mirrored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from onelight.stages import Context, Session
from onelight.tools.relight import geometry
from onelight.tools.relight.light import Light

STAGE = "geometry"
MULTIPLE = 16  # the network wants sizes that are multiples of this
SMALLEST = 96  # the first level sees the whole picture at most this long, as it did while it was trained
ASKING = 384  # shadows are soft, and every slider drag asks anew: the longest level that is asked about them
SPREAD = 4.0  # degrees: angular diameter of the present key, as its shadows see it
ROUGH = 256  # enough for the broad light that the fit looks for
MIRROR = np.array([-1, 1, 1, 1], np.float32)  # a mirrored direction (and depth, or key share)


@dataclass(frozen=True)
class Level:
    """What the network looks at on one level, float32 at that level's size."""

    picture: np.ndarray  # [h, w, 3] as `coded`
    matte: np.ndarray  # [h, w]: +1 inside, -1 outside, 0 where nobody said
    prior: np.ndarray  # [h, w, 4]: normals and depth found at half the size, or the outline's inflation
    light: np.ndarray  # [4]: direction to the present key and its share of key + fill; 0 where unknown


class Reach(NamedTuple):
    """What the network says of a key's light, float32."""

    share: np.ndarray  # [h, w] in 0..1 of the key that arrives
    hedge: np.ndarray  # [h, w] of the key: light from all round that is added to both shadings before their ratio; 0
    # where a version is silent on that


@dataclass(frozen=True)
class Surface:
    """What the network found, float32 at working size."""

    normals: np.ndarray  # [h, w, 3]: x right, y up, z to camera
    depth: np.ndarray  # [h, w], affine: larger is farther, about 0 +- 1
    openness: np.ndarray  # [h, w] share of the light from all round that arrives
    asked: Level  # where the reach of keys is asked for
    doubt: float  # of a key's light: how far the shading may be off; 0 where a version is silent on that


def known(session: Session | None) -> bool:
    """Whether the model version has a network for the geometry."""
    return session is not None and session.has(STAGE)


def hedges(session: Session | None) -> bool:
    """Whether the version takes its ratios with a hedge, so that a light can be told as it is."""
    if session is None or not session.has(STAGE):
        return False
    channels = {"picture": 3, "matte": 1, "prior": 4}
    blank = {name: np.zeros((1, count, MULTIPLE, MULTIPLE), np.float32) for name, count in channels.items()}
    lamps = {name: np.zeros((1, 4), np.float32) for name in ("light", "asked")}
    return "hedge" in session.run(STAGE, {**blank, **lamps})


def find(context: Context, working: np.ndarray, matte: np.ndarray | None, lamp: Light | None) -> Surface:
    """Reads the surface off `working` [h, w, 3], linear ACEScg over the plate's middle level.

    `matte` [h, w] in 0..1 and the present light help where they are known. Each level is given what the one at half
    its size found; every level is seen twice, as it is and mirrored, and the two are averaged. Without a light, that
    is while it is being fitted, the finest levels are left out.
    """
    light, asked = np.zeros(4, np.float32), np.array([0, 0, 1, 0], np.float32)
    if lamp is not None:
        light[:3], light[3], asked = lamp.key, 1 - 1 / lamp.ratio, _asked(lamp.key, SPREAD)
    pictures = [coded(working)]
    mattes = [np.zeros(working.shape[:2], np.float32) if matte is None else matte * 2 - 1]
    while max(pictures[-1].shape[:2]) > SMALLEST:
        pictures.append(halved(pictures[-1]))
        mattes.append(halved(mattes[-1]))
    prior = np.zeros((*mattes[-1].shape, 4), np.float32)
    if matte is not None:
        prior[..., :3] = inflated((mattes[-1] + 1) / 2)
    found, asking, doubt = prior, None, 0.0
    for picture, outline in zip(reversed(pictures), reversed(mattes), strict=True):
        longest = max(outline.shape)
        if asking is not None:
            if lamp is None and longest > ROUGH:
                break
            prior = cv2.resize(found[..., :4], outline.shape[::-1], interpolation=cv2.INTER_LINEAR)
        level = Level(picture, outline, prior, light)
        asking = level if asking is None or longest <= ASKING else asking
        found, doubt = _both_ways(context, level, asked)
    assert asking is not None
    if found.shape[:2] != working.shape[:2]:
        found = cv2.resize(found, working.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        found[..., :3] = geometry.normalise(found[..., :3])
    return Surface(found[..., :3], found[..., 3], found[..., 4], asking, doubt)


def reach(context: Context, asked: Level, key: np.ndarray, degrees: float, size: tuple[int, int]) -> Reach:
    """What of a key arrives, `size` = [h, w]: what the network sees of the shadows it casts, and how sure it is.

    `key` is the direction to it, `degrees` its angular diameter.
    """
    found = _both_ways(context, asked, _asked(key, degrees))[0][..., 5:]
    share, hedge = cv2.split(cv2.resize(found, size[::-1], interpolation=cv2.INTER_LINEAR))
    return Reach(np.clip(share, 0, 1), hedge)


def _asked(key: np.ndarray, degrees: float) -> np.ndarray:
    return np.array([*key, spread(degrees)], np.float32)


def spread(degrees: float) -> float:
    """A lamp's angular diameter as the network is told it: 0 a point, 1 at 45 degrees."""
    return float(np.sqrt(np.clip(degrees / 45, 0, 1)))


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


def _both_ways(context: Context, level: Level, asked: np.ndarray) -> tuple[np.ndarray, float]:
    """The mean of the answers to the level and to its mirror image, [h, w, 7], and the doubt about them."""
    context.check()
    straight, doubt = _run(context, level, asked)
    context.check()
    flipped = Level(level.picture[:, ::-1], level.matte[:, ::-1], level.prior[:, ::-1] * MIRROR, level.light * MIRROR)
    mirrored = _run(context, flipped, asked * MIRROR)[0][:, ::-1]
    both = (straight + mirrored * np.array([-1, 1, 1, 1, 1, 1, 1], np.float32)) / 2
    both[..., :3] = geometry.normalise(both[..., :3])
    return both, doubt


def _run(context: Context, level: Level, asked: np.ndarray) -> tuple[np.ndarray, float]:
    """Normals, depth, openness, reach and hedge, [h, w, 7], and the doubt about them.

    Earlier versions have one hedge for all of the picture, or none.
    """
    height, width = level.matte.shape
    pad = (0, -height % MULTIPLE, 0, -width % MULTIPLE)

    def tensor(image: np.ndarray) -> np.ndarray:
        wide = cv2.copyMakeBorder(np.ascontiguousarray(image), *pad, cv2.BORDER_REPLICATE)
        wide = wide[..., None] if wide.ndim == 2 else wide
        return np.ascontiguousarray(wide.transpose(2, 0, 1)[None])

    inputs = {name: tensor(getattr(level, name)) for name in ("picture", "matte", "prior")}
    assert context.session is not None
    out = context.session.run(STAGE, {**inputs, "light": level.light[None], "asked": asked[None]})
    found = np.concatenate([out[name][0] for name in ("normals", "depth", "openness", "reach")])
    hedge = np.broadcast_to(out["hedge"][0] if "hedge" in out else np.float32(0), found[:1].shape)
    found = np.concatenate([found, hedge])[:, :height, :width]
    return np.ascontiguousarray(found.transpose(1, 2, 0)), float(out["doubt"][0]) if "doubt" in out else 0.0
