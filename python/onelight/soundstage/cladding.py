"""What sets are clad with: plaster, planks, tiles, masonry, paper, cloth and earth, each over places in metres."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from onelight.soundstage import materials, textures
from onelight.soundstage.carpentry import Dye, Relief
from onelight.soundstage.materials import Look
from onelight.soundstage.noise import smoothstep

Cladding = Callable[[np.ndarray, np.ndarray], Relief]


def _places(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.stack([u, v, np.zeros_like(u)], 1)


def _toned(tone: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    return tone + (other - tone) * share[:, None]


def plaster(rng: np.random.Generator, tone: np.ndarray | str | None = None, rough: float = 0.002) -> Cladding:
    """Trowelled or painted plaster, concrete, stucco: nearly even, stained lower down or in places."""
    base = (
        tone
        if isinstance(tone, np.ndarray)
        else materials.colour(rng, tone or str(rng.choice(["pale", "grey", "earth"])))
    )
    finish = materials.finish(rng, "plaster" if rng.random() < 0.8 else "paper")
    old, dirt = rng.uniform(0, 1) ** 2, base * rng.uniform(0.4, 0.8) * rng.lognormal(0, 0.1, 3)

    def clad(u: np.ndarray, v: np.ndarray) -> Relief:
        places = _places(u, v)
        slow = textures.clouds(rng, places, 2.5)
        colour = base * np.exp((0.02 + 0.08 * old) * slow)[:, None]
        if old > 0.25:
            damp = smoothstep(0.6, 1.6, textures.clouds(rng, places, 3.0) + smoothstep(0.8, 0, v)) * old
            colour = _toned(colour, dirt, damp)
        return Relief(rough * slow, Look(colour, *finish))

    return clad


def planks(rng: np.random.Generator, width: float = 0.12, length: float = 2.2, gap: float = 0.004) -> Cladding:
    """Boards side by side along u: each of its own tone, with grain along it and dark gaps."""
    tones = np.stack([materials.colour(rng, "earth"), materials.colour(rng, "earth")])
    tones[1] = tones[0] * rng.uniform(0.35, 0.8)
    vary, finish = rng.uniform(0.05, 0.35), materials.finish(rng, "wood")

    def clad(u: np.ndarray, v: np.ndarray) -> Relief:
        board, inside = textures.courses(u, v, length, width, gap, 0.37)
        grain = textures.clouds(rng, np.stack([u * 0.08, v, board * 9], 1), width * 0.8)
        colour = _toned(tones[0], tones[1], smoothstep(-0.6, 1.8, grain)) * np.exp(vary * (board - 0.5) * 4)[:, None]
        return Relief((inside - 1) * gap * 1.5, Look(colour * (0.25 + 0.75 * inside[:, None]), *finish))

    return clad


def tiles(
    rng: np.random.Generator, size: float = 0.25, made_of: str | None = None, tones: np.ndarray | None = None
) -> Cladding:
    """Square tiles: chequered, of one tone or of mixed ones, with joints."""
    tones = materials.palette(rng, 5) if tones is None else tones
    way, joint = rng.random(), float(np.clip(size * 0.03, 0.004, 0.012))
    finish = materials.finish(rng, made_of or str(rng.choice(["glaze", "stone", "clay"])))
    cement = materials.colour(rng, "grey")

    def clad(u: np.ndarray, v: np.ndarray) -> Relief:
        which, inside = textures.courses(u, v, size, size, joint, 0.0)
        if way < 0.4:
            colour = tones[((np.floor(u / size) + np.floor(v / size)) % 2).astype(int)]
        elif way < 0.7:
            colour = np.broadcast_to(tones[0], (len(u), 3))
        else:
            colour = tones[(which * len(tones)).astype(int)]
        colour = colour * np.exp(0.12 * (which - 0.5) + 0.06 * textures.clouds(rng, _places(u, v), 0.5))[:, None]
        dull = finish[0] + (0.9 - finish[0]) * (1 - inside)
        tilt = (which - 0.5) * 0.001
        return Relief((inside - 1) * joint * 0.5 + tilt, Look(_toned(cement, colour, inside), dull, finish[1] * inside))

    return clad


def masonry(
    rng: np.random.Generator,
    width: float = 0.45,
    height: float = 0.22,
    rough: float = 0.012,
    tone: np.ndarray | None = None,
) -> Cladding:
    """Bricks or hewn stones in mortar: each stands out a little differently and has its own tone."""
    base = materials.colour(rng, "earth" if rng.random() < 0.7 else "grey") if tone is None else tone
    mortar, other = materials.colour(rng, "grey"), base * rng.lognormal(0, 0.3, 3)
    joint, finish = min(height * 0.12, 0.02), materials.finish(rng, "stone")
    wander = 0.0 if height < 0.1 else rng.uniform(0, 0.25) * height

    def clad(u: np.ndarray, v: np.ndarray) -> Relief:
        places = _places(u, v)
        lumps = textures.clouds(rng, places, height * 1.5)
        stone, inside = textures.courses(u + wander * lumps, v + wander * 0.5 * lumps, width, height, joint)
        face = (stone - 0.5) * rough + lumps * rough * 0.35
        colour = (
            _toned(base, other, stone)
            * np.exp(0.5 * (textures.hashed(stone * 997, stone) - 0.5) + 0.1 * lumps)[:, None]
        )
        return Relief((face + joint * 0.6) * inside, Look(_toned(mortar, colour, inside), *finish))

    return clad


def paper(rng: np.random.Generator) -> Cladding:
    """Wallpaper: upright stripes or a printed figure."""
    tones, finish = materials.palette(rng, 4), materials.finish(rng, "paper")
    if rng.random() < 0.4:
        width = rng.uniform(0.04, 0.25)

        def clad(u: np.ndarray, v: np.ndarray) -> Relief:
            share = smoothstep(0.3, 0.36, np.abs(u / width % 1.0 - 0.5) * 2)
            return Relief(np.zeros_like(u), Look(_toned(tones[0], tones[0] * 0.4 + tones[1] * 0.6, share), *finish))

        return clad
    return sheet(rng, rng.uniform(0.8, 2.2), "motif", tones)


def sheet(rng: np.random.Generator, size: float, kind: str | None = None, tones: np.ndarray | None = None) -> Cladding:
    """A drawn sheet that measures `size` metres: cloth, a rug, a poster."""
    offset = rng.uniform(0, 2, 2) if kind != "label" else np.zeros(2)

    def clad(u: np.ndarray, v: np.ndarray) -> Relief:
        return Relief(np.zeros_like(u), materials.printed(rng, np.stack([u, -v], 1) / size + offset, kind, tones))

    return clad


def ground(
    rng: np.random.Generator, tones: np.ndarray | None = None, rough: float = 0.02, size: float = 1.0
) -> Cladding:
    """Earth, asphalt, gravel or trodden grass: patches of two tones, specks, unevenness."""
    if tones is None:
        tones = np.stack([materials.colour(rng, "earth"), materials.colour(rng, str(rng.choice(["earth", "grey"])))])
    finish, specks = materials.finish(rng, "stone"), rng.uniform(0, 0.5)

    def clad(u: np.ndarray, v: np.ndarray) -> Relief:
        places = _places(u, v)
        lumps = textures.clouds(rng, places, size)
        fine = textures.grains(rng, places, 0.03 * size)
        share = smoothstep(-1, 1, textures.clouds(rng, places, 3 * size) + 0.3 * lumps)
        colour = _toned(tones[0], tones[1], share) * np.exp(0.1 * lumps + specks * 0.5 * fine)[:, None]
        return Relief(rough * (lumps + 0.15 * fine), Look(colour, *finish))

    return clad


def wall(rng: np.random.Generator) -> Cladding:
    """Something that the walls of a room are likely to be clad with."""
    return [
        lambda: plaster(rng),
        lambda: paper(rng),
        lambda: planks(rng, rng.uniform(0.08, 0.2)),
        lambda: masonry(rng, 0.22, 0.075, 0.005),
        lambda: tiles(rng, rng.uniform(0.1, 0.3)),
    ][int(rng.choice(5, p=[0.4, 0.3, 0.12, 0.1, 0.08]))]()


def floor(rng: np.random.Generator) -> Cladding:
    """Something that the floor of a room is likely to be clad with."""
    return [
        lambda: planks(rng, rng.uniform(0.08, 0.22)),
        lambda: tiles(rng, rng.uniform(0.15, 0.6)),
        lambda: ground(rng, rough=0.002),
        lambda: sheet(rng, rng.uniform(1.5, 4.0), "motif"),
    ][int(rng.choice(4, p=[0.45, 0.3, 0.15, 0.1]))]()


def solid(rng: np.random.Generator, made_of: str = "wood", size: float = 1.0, tones: np.ndarray | None = None) -> Dye:
    """A dye for things cut from one block: "wood" has rings, "stone" veins or specks, all else is plain but uneven."""
    pattern = {"wood": "rings", "stone": str(rng.choice(["speckle", "marble", "veins", "stains"]))}.get(made_of)
    base = tones if tones is not None else np.stack([materials.colour(rng, "earth"), materials.colour(rng)])
    if tones is None and pattern is not None:
        base[1] = base[0] * rng.uniform(0.4, 0.8)
    flat = materials.plain(rng, made_of, None if made_of == "metal" else base[0])

    def dye(points: np.ndarray, uv: np.ndarray) -> Look:
        if pattern is None:
            return materials.grimed(rng, flat, points, size)
        return materials.patterned(rng, points, 0.4 * size, pattern, base, made_of)

    return dye
