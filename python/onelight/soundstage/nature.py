"""Rocks, trees, bushes and tufts for sets under open sky."""

from __future__ import annotations

import numpy as np

from onelight.soundstage import materials, surfaces, textures
from onelight.soundstage.carpentry import Set
from onelight.soundstage.materials import Look
from onelight.soundstage.mesh import Mesh
from onelight.soundstage.noise import rotation

_GREENS = np.array([(0.05, 0.09, 0.025), (0.09, 0.14, 0.04), (0.16, 0.19, 0.05), (0.03, 0.06, 0.03), (0.2, 0.13, 0.04)])
_FIRST, _SECOND = np.array([0, 1, 2]), np.array([0, 2, 3])  # the two triangles of a leaf


def foliage_tone(rng: np.random.Generator, blossom: float = 0.12) -> np.ndarray:
    """A linear colour of leaves: greens, and autumn or blossom with a chance of `blossom`."""
    if rng.random() < blossom:
        return materials.colour(rng, "vivid")
    return np.clip(
        _GREENS[rng.integers(0, len(_GREENS))] * rng.lognormal(0, 0.3) * rng.lognormal(0, 0.12, 3), 0.02, 0.9
    )


def rock(stage: Set, at: np.ndarray, size: float, tones: np.ndarray) -> None:
    """A boulder: a ball cut by planes, weathered, sunk a little into the ground."""
    rng = stage.rng
    step = float(stage.spacing(np.asarray(at)[None])[0])
    directions, faces = surfaces.sphere(int(np.clip(4 * np.pi * (size / step) ** 2 / 2.5, 150, 24_000)))
    planes = np.stack([rotation(rng)[0] for _ in range(int(rng.integers(6, 14)))])
    reach = rng.uniform(0.55, 1.0, len(planes))
    facing = directions @ planes.T
    # How far the surface lies along each direction: the nearest plane, or the ball where no plane cuts it.
    radius = np.minimum(np.where(facing > 0.15, reach / np.maximum(facing, 0.15), 9.0).min(1), 1.0)
    points = directions * radius[:, None]
    rough = textures.clouds(rng, points, 0.9, smooth=True) + 0.3 * textures.clouds(rng, points, 0.2, smooth=True)
    points = points * (1 + rng.uniform(0.03, 0.09) * rough)[:, None] * rng.uniform(0.6, 1.2, 3) * size
    mesh = Mesh((points + at + np.array([0, 0.25 * size, 0])).astype(np.float32), faces)
    look = materials.patterned(rng, points, size, "stains", tones, "stone")
    moss = np.clip(mesh.normals()[:, 1] - 0.55, 0, 1) * 2 * rng.uniform(0, 1)
    cover = foliage_tone(rng)
    look = Look(look.colour + (cover - look.colour) * moss[:, None], look.roughness, look.specular)
    stage.add(mesh, materials.grimed(rng, look, points, size * 0.4))


def leaves(
    stage: Set,
    middles: np.ndarray,
    radii: np.ndarray,
    count: int,
    size: float,
    tone: np.ndarray,
    part: int,
    sway: np.ndarray,
) -> None:
    """Folded leaves scattered in balls about middles [K, 3]; `sway` is the motion [K, 3] of each ball."""
    rng = stage.rng
    which = rng.integers(0, len(middles), count)
    way = rng.normal(size=(count, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    at = middles[which] + way * (radii[which] * rng.uniform(0.55, 1.0, count) ** 0.5)[:, None] * (1, 0.8, 1)
    # Leaves lie across the way out, which gives the crown its round shading, each turned somewhat.
    normal = way + rng.normal(0, 0.6, (count, 3)) + (0, 0.3, 0)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    long = np.cross(normal, rng.normal(size=(count, 3)))
    long /= np.linalg.norm(long, axis=1, keepdims=True)
    wide = np.cross(normal, long)
    scale = (size * rng.uniform(0.6, 1.4, count))[:, None]
    corners = np.stack([long, wide * 0.5 - normal * 0.1, -long, -wide * 0.5 - normal * 0.1], 1) * scale[:, None]
    vertices = (at[:, None] + corners).reshape(-1, 3)
    start = np.arange(count)[:, None] * 4
    faces = np.concatenate([start + _FIRST, start + _SECOND])
    shade = tone * rng.lognormal(0, 0.22, (count, 1)) * rng.lognormal(0, 0.08, (count, 3))
    look = Look(np.repeat(shade, 4, axis=0), rng.uniform(0.45, 0.8), rng.uniform(0.1, 0.4))
    mesh = Mesh(vertices.astype(np.float32), faces.astype(np.uint32), motion=np.repeat(sway[which], 4, axis=0))
    stage.add(mesh, look, part)


def tree(stage: Set, at: np.ndarray, height: float, wind: np.ndarray, tone: np.ndarray | None = None) -> None:
    """A broad tree: a bent trunk, branches and a crown of leaves that `wind` [3] moves, metres a frame."""
    rng, part = stage.rng, stage.part()
    at = np.asarray(at, np.float64)
    bark = materials.plain(rng, "clay", materials.colour(rng, "earth") * 0.6)
    lean = rng.normal(0, 0.06 * height, 3) * (1, 0, 1)
    fork = at + np.array([0, height * rng.uniform(0.3, 0.5), 0]) + lean
    thick = height * rng.uniform(0.01, 0.02)
    stage.tube(np.stack([at - (0, 0.3, 0), (at + fork) / 2 + rng.normal(0, 0.02 * height, 3), fork]),
               np.array([1.5, 1.0, 0.75]) * thick, bark, part)  # fmt: skip
    count = int(rng.integers(5, 10))
    turn = np.arange(count) * 2.4 + rng.uniform(0, 6)
    spread, rise = height * rng.uniform(0.12, 0.33, count), height * rng.uniform(0.15, 0.5, count)
    tips = fork + np.stack([np.cos(turn) * spread, rise, np.sin(turn) * spread], 1)
    for tip in tips:
        bend = (fork + tip) / 2 + rng.normal(0, 0.03 * height, 3)
        stage.tube(
            np.stack([fork - (0, 0.05 * height, 0), bend, tip]), np.array([0.55, 0.35, 0.12]) * thick, bark, part
        )
    if rng.random() < 0.12:
        return  # bare
    step = float(stage.spacing(fork[None])[0])
    size = max(0.07, step * 2.0)
    radii = height * rng.uniform(0.1, 0.2, count)
    number = int(np.clip(5 * float((radii**2).sum()) / size**2, 60, 4000))
    sway = wind * ((tips[:, 1] - at[1]) / height)[:, None] ** 2 * rng.uniform(0.5, 1.5, (count, 1))
    leaves(stage, tips, radii, number, size, foliage_tone(rng) if tone is None else tone, part, sway)


def conifer(stage: Set, at: np.ndarray, height: float, wind: np.ndarray, tone: np.ndarray) -> None:
    """A fir: a straight stem and tiers of drooping boughs."""
    rng, part = stage.rng, stage.part()
    at = np.asarray(at, np.float64)
    top = at + np.array([0, height, 0])
    stage.tube(np.stack([at - (0, 0.3, 0), (at + top) / 2, top]), np.array([0.02, 0.012, 0.002]) * height,
               materials.plain(rng, "clay", materials.colour(rng, "earth") * 0.5), part)  # fmt: skip
    step = float(stage.spacing((at + top)[None] / 2)[0])
    size = max(0.12, step * 2.2)
    number = int(np.clip(1.6 * height**2 * 0.2 / size**2, 60, 5000))
    share = np.sqrt(rng.random(number)) * 0.88
    reach = height * 0.2 * share * (0.55 + 0.45 * np.abs(np.sin(share * rng.integers(7, 14) * np.pi)))
    turn = rng.uniform(0, 2 * np.pi, number)
    out = np.stack([np.cos(turn), np.zeros(number), np.sin(turn)], 1)
    middles = at + out * reach[:, None] * rng.uniform(0.6, 1, (number, 1))
    middles[:, 1] += height * (1 - share) - 0.25 * reach
    along = out * 0.9 - (0, 0.45, 0) + rng.normal(0, 0.15, (number, 3))
    across = np.cross(along, (0.0, 1.0, 0.0))
    corners = np.stack([along, across * 0.4 - (0, 0.15, 0), -along, -across * 0.4 - (0, 0.15, 0)], 1) * size
    start = np.arange(number)[:, None] * 4
    faces = np.concatenate([start + _FIRST[::-1], start + _SECOND[::-1]]).astype(np.uint32)
    shade = np.repeat(tone * rng.lognormal(0, 0.25, (number, 1)), 4, axis=0)
    sway = np.repeat(wind * ((1 - share) ** 2)[:, None], 4, axis=0).astype(np.float32)
    mesh = Mesh((middles[:, None] + corners).reshape(-1, 3).astype(np.float32), faces, motion=sway)
    stage.add(mesh, Look(shade, 0.7, 0.1), part)


def bush(stage: Set, at: np.ndarray, size: float, wind: np.ndarray) -> None:
    """A bush or a tuft of tall grass."""
    rng, part = stage.rng, stage.part()
    count = int(rng.integers(3, 8))
    middles = np.asarray(at) + rng.normal(0, 0.45 * size, (count, 3)) * (1, 0, 1)
    radii = size * rng.uniform(0.3, 0.7, count)
    middles[:, 1] += radii * 0.6
    leaf = max(0.04, float(stage.spacing(np.asarray(at)[None])[0]) * 1.8)
    number = int(np.clip(5 * float((radii**2).sum()) / leaf**2, 40, 4000))
    leaves(stage, middles, radii, number, leaf, foliage_tone(rng), part, np.repeat(wind[None] * 0.5, count, axis=0))
