"""Fittings for sets: places to put them, curtains, pictures, pots, lamps, columns, stairs, railings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onelight.soundstage import cladding, materials, textures
from onelight.soundstage.boxes import turned_by
from onelight.soundstage.carpentry import Dye, Relief, Set


@dataclass(frozen=True)
class Spot:
    """A place on the floor and the way a thing there is turned: its front looks along local +z."""

    at: np.ndarray
    yaw: float = 0.0

    def __call__(self, *local: tuple[float, float, float]) -> np.ndarray:
        """Local places as points of the set [K, 3]."""
        return np.asarray(local, np.float64).reshape(-1, 3) @ turned_by(self.yaw).T.astype(np.float64) + self.at

    def ways(self, *local: tuple[float, float, float]) -> np.ndarray:
        """Local directions as directions of the set [K, 3]."""
        return np.asarray(local, np.float64).reshape(-1, 3) @ turned_by(self.yaw).T.astype(np.float64)


def curtain(stage: Set, start: np.ndarray, along: np.ndarray, height: float, sway: float = 0.0) -> None:
    """Cloth that hangs in folds from (start, start + along) down to the floor; `sway` moves its hem, metres a frame."""
    rng, part = stage.rng, stage.part()
    width = float(np.linalg.norm(along))
    folds, depth = width / rng.uniform(0.1, 0.22), rng.uniform(0.025, 0.06)
    phase, gather = rng.uniform(0, 6), rng.uniform(0.3, 1.2)
    dye = (
        cladding.sheet(rng, rng.uniform(0.3, 1.2), "motif" if rng.random() < 0.35 else None)
        if rng.random() < 0.5
        else None
    )
    flat = materials.plain(rng, "cloth", materials.colour(rng))
    seed = rng.uniform(0, 100)

    def hang(u: np.ndarray, v: np.ndarray) -> Relief:
        drop = 1 - v / height
        wander = textures.clouds(rng, np.stack([u * 1.5, v * 0.35, np.full_like(u, seed)], 1), 0.5)
        wave = np.sin(2 * np.pi * folds * u / width + phase + gather * wander * (0.3 + drop))
        look = dye(u * 1.6, v).look if dye is not None else flat
        return Relief(depth * (wave + 0.35 * np.sin(2.3 * wave + wander)) * (0.45 + 0.55 * drop), look)

    ahead = np.cross(along / width, (0.0, 1.0, 0.0))
    mesh = stage.panel(np.asarray(start) - (0, height, 0), along, (0.0, height, 0.0), flat, hang, part=part)
    if sway:
        low = (1 - (mesh.vertices[:, 1] - mesh.vertices[:, 1].min()) / height) ** 2
        stage.give_motion(mesh, (ahead * sway)[None] * low[:, None])


def picture(stage: Set, middle: np.ndarray, out: np.ndarray, size: tuple[float, float]) -> None:
    """A framed picture or print on a wall that faces along `out`."""
    rng, part = stage.rng, stage.part()
    (w, h), right = size, np.cross((0.0, 1.0, 0.0), out)
    turn = np.stack([right, (0.0, 1.0, 0.0), out], 1)
    kind = str(rng.choice(["dead_leaves", "label", "motif"], p=[0.6, 0.3, 0.1]))
    print_ = cladding.sheet(rng, max(w, h), kind)
    corner = middle + out * 0.012 - right * w / 2 - np.array([0, h / 2, 0])
    stage.panel(corner, right * w, (0, h, 0), materials.plain(rng, "paper"), print_, part=part)
    rim, thick = rng.uniform(0.02, 0.07), rng.uniform(0.02, 0.05)
    places = [
        right * (w + rim) / 2,
        -right * (w + rim) / 2,
        np.array([0, (h + rim) / 2, 0]),
        np.array([0, -(h + rim) / 2, 0]),
    ]
    sizes = [(rim, h + 2 * rim, thick)] * 2 + [(w, rim, thick)] * 2
    dye = cladding.solid(rng, str(rng.choice(["wood", "metal", "plastic"])), 0.5)
    stage.boxes(middle + np.array(places), np.array(sizes), dye, rim * 0.3, turn, part)


def pot(stage: Set, at: np.ndarray, height: float) -> None:
    """A turned pot, vase, bottle or bowl: a smooth profile with an open top."""
    rng = stage.rng
    widths = height * rng.uniform(0.15, 0.6, 5)
    at_heights = np.linspace(0, 1, 40)
    body = np.interp(at_heights, np.linspace(0, 1, 5), widths)
    body = np.convolve(np.pad(body, 6, "edge"), np.ones(13) / 13, "valid")
    outside = np.stack([body, at_heights * height], 1)
    inside = np.stack([body[::-1] - 0.04 * height, at_heights[::-1] * height], 1)[:30]
    profile = np.concatenate([[(0, 0)], outside, inside])
    if rng.random() < 0.5:
        dye: Dye | materials.Look = materials.plain(rng, str(rng.choice(["glaze", "clay", "plastic", "metal"])))
    else:
        pattern = str(rng.choice(["stripes", "veins", "dots", "stains", "checks"]))
        dye = lambda points, uv: materials.patterned(rng, points - at, height, pattern)  # noqa: E731
    stage.turned(profile, at, dye)


def lamp(stage: Set, at: np.ndarray, height: float) -> None:
    """A standing or table lamp with a shade."""
    rng, part = stage.rng, stage.part()
    radius = height * rng.uniform(0.1, 0.2)
    stem = np.array([(radius * 0.6, 0), (radius * 0.55, 0.02), (0.012, 0.03), (0.012, height * 0.8)])
    stage.turned(stem, at, materials.plain(rng, "metal"), part)
    shade = np.array([(radius, height * 0.68), (radius * rng.uniform(0.4, 1), height), (radius * 0.35, height)])
    stage.turned(shade, at, materials.plain(rng, "paper", "pale"), part)


def column(stage: Set, at: np.ndarray, height: float, radius: float, dye: Dye, flutes: int = 0) -> None:
    """A column with base, shaft with a slight swelling, and capital; `flutes` carves its shaft."""
    part = stage.part()
    r, h = radius, height
    base = [(r * 1.5, 0), (r * 1.5, r * 0.35), (r * 1.45, r * 0.4), (r * 1.3, r * 0.6), (r * 1.08, r * 0.75)]
    shaft = [(r * (1 - 0.12 * t * t), r * 0.8 + (h - 1.8 * r) * t) for t in np.linspace(0, 1, 12)]
    top = [
        (r * 1.0, h - r * 0.9),
        (r * 0.95, h - r * 0.8),
        (r * 1.3, h - r * 0.4),
        (r * 1.45, h - r * 0.35),
        (r * 1.45, h),
    ]
    stage.turned(np.array(base + shaft + top), at, dye, part, carve=flutes)


def stairs(stage: Set, spot: Spot, steps: int, size: tuple[float, float, float], dye: Dye) -> None:
    """A straight flight up along local -z; each step measures (width, rise, tread)."""
    w, rise, tread = size
    places = [(0, (i + 1) * rise / 2, -i * tread) for i in range(steps)]
    stage.boxes(spot(*places), np.array([(w, (i + 1) * rise, tread) for i in range(steps)]), dye, 0.012, spot.yaw)
