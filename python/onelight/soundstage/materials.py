"""Looks: gives things their colour, gloss and metal, plain or patterned, new or worn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from onelight.soundstage import textures
from onelight.soundstage.mesh import Mesh
from onelight.soundstage.noise import Floats, rotation, smoothstep

DARKEST, BRIGHTEST = 0.02, 0.9  # base colours of real things lie between soot and fresh snow
_ALL_PLAIN, _PART_PLAIN = 0.25, 0.2  # shares that leave two surfaces in five plain

# Ranges of roughness and of specular, by what a thing is made of.
FINISHES: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "plaster": ((0.85, 1.0), (0.0, 0.1)),
    "clay": ((0.6, 0.9), (0.05, 0.3)),
    "stone": ((0.55, 0.95), (0.05, 0.3)),
    "cloth": ((0.8, 1.0), (0.0, 0.12)),
    "wood": ((0.4, 0.8), (0.15, 0.4)),
    "leather": ((0.35, 0.65), (0.2, 0.45)),
    "paper": ((0.6, 0.95), (0.05, 0.25)),
    "plastic": ((0.2, 0.55), (0.35, 0.6)),
    "glaze": ((0.08, 0.25), (0.5, 0.9)),
    "glass": ((0.05, 0.12), (0.8, 1.0)),
    "metal": ((0.18, 0.5), (0.5, 0.8)),
}
_METALS = np.array([(0.55, 0.55, 0.56), (0.42, 0.4, 0.38), (0.8, 0.6, 0.3), (0.7, 0.42, 0.3), (0.8, 0.78, 0.74)])


@dataclass(frozen=True)
class Look:
    """A surface at N points: colour [N, 3] or [3] (linear), the others [N] or one number."""

    colour: np.ndarray
    roughness: np.ndarray | float
    specular: np.ndarray | float
    metallic: np.ndarray | float = 0.0


def colour(rng: np.random.Generator, kind: str | None = None) -> np.ndarray:
    """A linear base colour [3]: "grey", "earth", "vivid", "dark" or "pale", or of any of these kinds.

    Shares and spreads follow what rooms and streets are made of: mostly dull, some earthen, few vivid.
    """
    kind = kind or str(rng.choice(["grey", "earth", "vivid", "dark", "pale"], p=[0.22, 0.3, 0.2, 0.13, 0.15]))
    level = {
        "grey": (0.14, 0.6),
        "earth": (0.09, 0.55),
        "vivid": (0.05, 0.6),
        "dark": (0.02, 0.08),
        "pale": (0.55, 0.88),
    }
    low, high = level[kind]
    value = np.exp(rng.uniform(np.log(low), np.log(high)))
    saturation = {"grey": 0.06, "earth": 0.6, "vivid": 0.9, "dark": 0.3, "pale": 0.2}[kind] * rng.uniform(0.3, 1)
    hue = rng.normal(0.08, 0.025) if kind == "earth" or (kind == "pale" and rng.random() < 0.7) else rng.random()
    wheel = np.clip(np.abs((hue + np.array([0, 2 / 3, 1 / 3])) % 1.0 * 6 - 3) - 1, 0, 1)
    return np.clip(value * (1 - saturation + saturation * wheel), DARKEST, BRIGHTEST)


def palette(rng: np.random.Generator, count: int = 6) -> np.ndarray:
    """Colours [count, 3] that belong together: around one or two colours, with a dark and a pale one."""
    first, second = colour(rng), colour(rng)
    near = np.where(rng.random((count, 1)) < 0.5, first, second) * rng.lognormal(0, 0.5, (count, 1))
    near = near * rng.lognormal(0, 0.12, (count, 3))
    near[rng.integers(0, count)] = colour(rng, "pale")
    near[-1] = colour(rng, "dark") if rng.random() < 0.7 else colour(rng)
    return np.clip(near, DARKEST, BRIGHTEST)


def finish(rng: np.random.Generator, name: str) -> tuple[float, float, float]:
    """Roughness, specular and metallic of a surface made of `name`, one of FINISHES."""
    rough, shine = FINISHES[name]
    return rng.uniform(*rough), rng.uniform(*shine), float(name == "metal")


def plain(rng: np.random.Generator, made_of: str | None = None, tone: np.ndarray | str | None = None) -> Look:
    """One colour all over; grey plaster, clay and plastic are likely where nothing is said."""
    made_of = made_of or str(
        rng.choice(["plaster", "clay", "plastic", "glaze", "metal"], p=[0.4, 0.25, 0.2, 0.11, 0.04])
    )
    if made_of == "metal" and tone is None:
        tone = _METALS[rng.integers(0, len(_METALS))]
    elif tone is None:
        tone = {"plaster": rng.choice(["grey", "pale"]), "clay": rng.choice(["earth", "grey"])}.get(made_of)
    return Look(tone if isinstance(tone, np.ndarray) else colour(rng, tone), *finish(rng, made_of))


def patterned(
    rng: np.random.Generator,
    points: np.ndarray,
    size: float,
    pattern: str | None = None,
    tones: np.ndarray | None = None,
    made_of: str | None = None,
) -> Look:
    """Two colours [2, 3] mixed by a pattern in space at points [N, 3]; `size` is that of the thing, metres."""
    pattern = pattern or str(rng.choice(list(textures.PATTERNS)))
    made_of = made_of or {
        "veins": "stone", "marble": "glaze", "rings": "wood", "speckle": "stone", "stains": "plaster",
    }.get(pattern) or str(rng.choice(["plastic", "clay", "cloth", "glaze"]))  # fmt: skip
    if tones is None:
        base = colour(rng, "earth" if pattern == "rings" else None)
        tones = np.stack([base, colour(rng) if rng.random() < 0.6 else base * rng.uniform(0.3, 0.8)])
    share = textures.PATTERNS[pattern](rng, points, size * np.exp(rng.uniform(np.log(0.08), np.log(0.5))))[:, None]
    rough, shine, metal = finish(rng, made_of)
    dull = 1 + 0.25 * share[:, 0] * rng.choice([-1, 0, 1])
    return Look(tones[0] + (tones[1] - tones[0]) * share, np.clip(rough * dull, 0.05, 1), shine, metal)


def printed(
    rng: np.random.Generator, uv: np.ndarray, sheet: str | None = None, tones: np.ndarray | None = None,
) -> Look:  # fmt: skip
    """A drawn sheet laid on at places uv [N, 2], in sheets: leaves, cloth or print."""
    sheet = sheet or str(rng.choice(list(textures.SHEETS), p=[0.55, 0.15, 0.15, 0.15]))
    made_of = {"tartan": "cloth", "motif": "cloth", "label": "paper"}.get(sheet, str(rng.choice(list(FINISHES)[:8])))
    tones = palette(rng) if tones is None else tones
    return Look(textures.projected(textures.SHEETS[sheet](rng, tones), uv), *finish(rng, made_of))


def boxed(rng: np.random.Generator, points: np.ndarray, normals: np.ndarray, size: float) -> np.ndarray:
    """Places uv [N, 2] of a sheet of `size` metres laid on from the three sides that each point faces most."""
    turn = rotation(rng).astype(np.float32) if rng.random() < 0.7 else np.eye(3, dtype=np.float32)
    local, facing = points @ turn.T / np.float32(size), np.abs(normals @ turn.T).argmax(1)
    uv = np.where((facing == 0)[:, None], local[:, [2, 1]], local[:, [0, 1]])
    return np.where((facing == 1)[:, None], local[:, [0, 2]], uv) + rng.uniform(0, 4, 2)


def grimed(rng: np.random.Generator, look: Look, points: np.ndarray, size: float) -> Look:
    """The look with colour that varies slowly over the thing, as all but new paint does."""
    drift = np.exp(rng.uniform(0.04, 0.15) * textures.clouds(rng, points, size))[:, None]
    return replace(look, colour=look.colour * drift)


def curvature(mesh: Mesh, normals: np.ndarray | None = None) -> Floats:
    """How far each vertex [V] stands out from its neighbours: above 0 on edges, below in cavities; unit deviation."""
    faces = mesh.faces.astype(np.int64)
    normals = mesh.normals() if normals is None else normals
    start, end = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    along = ((mesh.vertices[start] - mesh.vertices[end]) * normals[start]).sum(1)
    height = np.bincount(start, along, len(normals)) / np.maximum(np.bincount(start, minlength=len(normals)), 1)
    return np.clip(height / max(float(np.median(np.abs(height))) * 1.5, 1e-9), -4, 4).astype(np.float32)


def worn(rng: np.random.Generator, mesh: Mesh, normals: np.ndarray | None = None) -> Mesh:
    """The mesh with dirt in its cavities, or its edges worn down to what lies under the paint, or both."""
    height = curvature(mesh, normals)
    paint, rough, shine = mesh.colour, mesh.roughness, mesh.specular
    ways = rng.random(2) < 0.6
    if ways[0] or not ways.any():
        dirt = smoothstep(0.3, -2.5, height)[:, None] * rng.uniform(0.5, 0.9)
        paint = paint + (colour(rng, "dark") - paint) * dirt
        rough, shine = rough + (0.95 - rough) * dirt[:, 0], shine * (1 - dirt[:, 0])
    if ways[1]:
        bare = smoothstep(1.0, 2.5, height + 0.7 * textures.clouds(rng, mesh.vertices, 0.5))[:, None]
        paint = paint + (colour(rng) - paint) * bare
    return replace(mesh, colour=np.clip(paint, DARKEST, BRIGHTEST), roughness=rough, specular=shine)


def each_of(looks: Sequence[Look], chosen: np.ndarray) -> Look:
    """Plain looks, one chosen by number for each point [N]."""
    columns = [np.array([np.broadcast_to(getattr(look, name), ()) for look in looks])[chosen]
               for name in ("roughness", "specular", "metallic")]  # fmt: skip
    return Look(np.array([look.colour for look in looks])[chosen], *columns)


def dressed_in(mesh: Mesh, look: Look) -> Mesh:
    """The whole mesh in one look, within what real base colours reach."""
    tone = np.clip(look.colour, DARKEST, BRIGHTEST)
    return replace(mesh, colour=tone, roughness=look.roughness, specular=look.specular, metallic=look.metallic)


def dulled(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """The mesh in plaster or clay of one colour all over."""
    return dressed_in(mesh, plain(rng, str(rng.choice(["plaster", "clay"]))))


def dress(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """The mesh with a look for each part: two in five plain, else a pattern or a sheet laid on; some worn.

    The generator alone decides; the same mesh and generator state give the same bits.
    """
    all_plain = plain(rng) if rng.random() < _ALL_PLAIN else None
    order = np.argsort(mesh.part, kind="stable")
    ids, starts = np.unique(mesh.part[order], return_index=True)
    normals: np.ndarray | None = None
    shape = len(mesh.vertices)
    looks = [np.empty((shape, 3), np.float32), *(np.empty(shape, np.float32) for _ in range(3))]
    for _, which in zip(ids, np.split(order, starts[1:]), strict=True):
        points = mesh.vertices[which]
        size = max(float(np.linalg.norm(np.ptp(points, axis=0))) / 2, 1e-3)
        chance = rng.random()
        if all_plain is not None:
            look = all_plain
        elif chance < _PART_PLAIN:
            look = plain(rng)
        elif chance < 0.6:
            look = patterned(rng, points, size)
        else:
            normals = mesh.normals() if normals is None else normals
            uv = boxed(rng, points, normals[which], size * rng.uniform(0.7, 3))
            look = printed(rng, uv)
        for target, value in zip(looks, (look.colour, look.roughness, look.specular, look.metallic), strict=True):
            target[which] = value
    paint = np.clip(looks[0], DARKEST, BRIGHTEST)
    done = replace(mesh, colour=paint, roughness=looks[1], specular=looks[2], metallic=looks[3])
    return worn(rng, done, normals) if rng.random() < 0.2 else done
