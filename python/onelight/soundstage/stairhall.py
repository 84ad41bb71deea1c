"""A round hall with stairs that wind up its middle or its wall: the room that training never sees."""

from __future__ import annotations

import numpy as np

from onelight.soundstage import cladding, fittings, furniture, materials, textures
from onelight.soundstage.boxes import turned_by
from onelight.soundstage.carpentry import Relief, Set
from onelight.soundstage.families import Built, family
from onelight.soundstage.fittings import Spot
from onelight.soundstage.materials import Look
from onelight.soundstage.noise import smoothstep
from onelight.soundstage.walls import camera

_GREY = Look(np.array([0.5, 0.5, 0.5]), 0.7, 0.2)


def _on_ring(radius: float, turn: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    """Points about the y axis; a turn of 0 lies straight away from the camera, at -z."""
    turn, y = np.broadcast_arrays(np.asarray(turn, np.float64), np.asarray(y, np.float64))
    return np.stack([radius * np.sin(turn), y, -radius * np.cos(turn)], -1)


@family("stairhall", kind="rooms", held_out=True)
def stairhall(rng: np.random.Generator, detail: float) -> Built:
    """A drum of niches and windows, cut open towards the camera, with a winding stair, a gallery and a plinth."""
    radius, tall = rng.uniform(3.0, 5.0), rng.uniform(5.0, 8.0)
    eye = np.array([rng.uniform(-0.4, 0.4) * radius, rng.uniform(1.3, 2.0), radius * rng.uniform(0.8, 1.7)])
    target = np.array([rng.uniform(-0.3, 0.3) * radius, rng.uniform(1.2, 0.5 * tall), -radius * 0.5])
    stage = Set(rng, camera(rng, eye, target, 40.0), detail)
    half = np.radians(rng.uniform(95, 120))
    _floor(stage, radius * 1.6)
    _wall(stage, radius, tall, half)
    _stair(stage, radius, tall, half)
    _furnish(stage, radius, tall)
    if rng.random() < 0.6:
        _dome(stage, radius, tall, half)
    return stage.built()


def _floor(stage: Set, radius: float) -> None:
    """Rings of slabs about the middle, in two or three tones."""
    rng = stage.rng
    tones, ring, sectors = materials.palette(rng, 3), rng.uniform(0.4, 0.8), int(rng.integers(8, 24))
    finish = materials.finish(rng, str(rng.choice(["stone", "glaze"])))

    def clad(u: np.ndarray, v: np.ndarray) -> Relief:
        x, z = u - radius, v - radius
        far, turn = np.hypot(x, z), np.arctan2(x, z) / (2 * np.pi) * sectors
        which, inside = textures.courses(turn * ring, far, ring, ring, 0.01)
        tone = tones[((np.floor(far / ring) + np.floor(turn)) % len(tones)).astype(int)]
        colour = tone * np.exp(0.3 * (which - 0.5))[:, None] * (0.4 + 0.6 * inside)[:, None]
        return Relief((inside - 1) * 0.004, Look(colour, *finish))

    stage.panel((-radius, 0, radius), (2 * radius, 0, 0), (0, 0, -2 * radius), _GREY, clad, part=0)


def _wall(stage: Set, radius: float, tall: float, half: float) -> None:
    """The drum: in each bay an arched niche or window below and above, pilasters between, bands between the floors."""
    rng = stage.rng
    bays = int(rng.integers(5, 9))
    length = 2 * half * radius
    bay, storeys = length / bays, 2
    storey, wide = tall / storeys, bay * rng.uniform(0.25, 0.36)
    lime, tone = cladding.plaster(rng), materials.colour(rng, "pale")
    trim = materials.colour(rng, str(rng.choice(["pale", "earth", "grey"])))
    pierced = rng.random((bays, storeys)) < 0.35
    spring = storey * 0.55

    def clad(u: np.ndarray, v: np.ndarray) -> Relief:
        made = lime(u, v)
        assert made.look is not None
        x, y = np.abs(u % bay - bay / 2), v % storey
        over = np.hypot(x, np.maximum(y - spring, 0))
        depth = smoothstep(wide, wide - 0.04, over) * (y > 0.5)
        moulding = smoothstep(0.09, 0.05, np.abs(over - wide - 0.08)) * (y > 0.5)
        pilaster = smoothstep(bay / 2 - 0.16, bay / 2 - 0.13, x)
        band = smoothstep(0.22, 0.2, y) * (v > 0.3) + smoothstep(0.3, 0.28, v)
        raised = np.maximum(np.maximum(moulding * 0.06, pilaster * 0.1), band * 0.14 + 0.04 * band * np.sin(y * 60))
        colour = made.look.colour * (1 - depth[:, None]) + tone * 0.8 * depth[:, None]
        colour = np.where((raised > 0.03)[:, None], trim, colour)
        return Relief(made.height + raised - 0.45 * depth, Look(colour, made.look.roughness, made.look.specular))

    rough = _on_ring(radius, np.linspace(-half, half, 33), 1.5)
    columns, rows = stage.count(rough, 620), stage.count(np.stack([rough[16], rough[16] + (0.0, tall, 0.0)]), 320)
    turn, y = np.meshgrid(np.linspace(-half, half, columns), np.linspace(0, tall, rows))
    uv = np.stack([(turn + half) * radius, y], 2)
    mesh = stage.surface(_on_ring(radius, turn, y), uv, _GREY, clad, 0)
    # Windows are niches whose back is cut out.
    u, v = uv.reshape(-1, 2).T
    which = pierced[np.clip((u / bay).astype(int), 0, bays - 1), np.clip((v / storey).astype(int), 0, storeys - 1)]
    over = np.hypot(np.abs(u % bay - bay / 2), np.maximum(v % storey - spring, 0))
    stage.cut(mesh, which & (over < wide - 0.05) & (v % storey > 0.55))


def _stair(stage: Set, radius: float, tall: float, half: float) -> None:
    """Steps that wind round a newel or along the wall, with a string, balusters and a handrail."""
    rng, part = stage.rng, stage.part()
    newel = rng.random() < 0.5
    inner, outer = (0.15, rng.uniform(1.1, 1.5)) if newel else (radius - rng.uniform(1.1, 1.5), radius - 0.1)
    count = int(tall * rng.uniform(0.5, 0.9) / 0.18)
    per_step = (rng.uniform(0.28, 0.4) if newel else 0.3 / ((inner + outer) / 2)) * rng.choice([-1, 1])
    if not newel:
        count = min(count, int(1.9 * half / abs(per_step)))
    turn = (rng.uniform(-1, 1) if newel else -np.sign(per_step) * half * 0.95) + np.arange(count) * per_step
    y = (np.arange(count) + 1) * 0.18
    dye = cladding.solid(rng, str(rng.choice(["stone", "wood"])))
    tread = abs(per_step) * (outer if newel else (inner + outer) / 2) * 1.08
    middles = _on_ring((inner + outer) / 2, turn, y - 0.05)
    frames = np.stack([turned_by(-float(angle)) for angle in turn])
    stage.boxes(middles, [(tread, rng.uniform(0.06, 0.17), outer - inner)], dye, 0.015, frames, part)
    if newel:
        fittings.column(stage, np.zeros(3), tall * 0.95, 0.17, dye)
    edge = outer - 0.05 if newel else inner + 0.05
    posts = _on_ring(edge, turn, y + 0.45)
    look = materials.plain(
        rng, str(rng.choice(["metal", "wood"])), materials.colour(rng, str(rng.choice(["dark", "pale", "earth"])))
    )
    if rng.random() < 0.6:
        stage.boxes(posts, [(0.03, 0.9, 0.03)], look, 0.004, frames, part)
    else:
        profile = np.array([(0.02, 0), (0.045, 0.1), (0.05, 0.25), (0.02, 0.4), (0.03, 0.6), (0.018, 0.88)])
        for foot in posts:
            stage.turned(profile, foot - np.array([0, 0.45, 0]), look, part)
    stage.tube(posts + np.array([0, 0.47, 0]), 0.04, dye, part)


def _furnish(stage: Set, radius: float, tall: float) -> None:
    """Plinths with urns, benches round the wall, and a banner that hangs in the draught."""
    rng = stage.rng
    for turn in rng.uniform(-1.9, 1.9, int(rng.integers(2, 6))):
        foot = _on_ring(radius * rng.uniform(0.35, 0.85), turn, 0.0)
        if np.linalg.norm((foot - stage.eye)[[0, 2]]) > 1.5:
            high = rng.uniform(0.6, 1.1)
            fittings.column(
                stage, foot, high, rng.uniform(0.16, 0.26), cladding.solid(rng, "stone"), int(rng.choice([0, 14]))
            )
            fittings.pot(stage, foot + np.array([0, high, 0]), rng.uniform(0.3, 0.8))
    wood = cladding.solid(rng, "wood")
    for turn in np.arange(-1.4, 1.5, rng.uniform(0.7, 1.2)):
        foot = _on_ring(radius - 0.45, turn, 0.0)
        if rng.random() < 0.5 and np.linalg.norm((foot - stage.eye)[[0, 2]]) > 1.5:
            furniture.table(
                stage, Spot(foot, -turn), (rng.uniform(0.9, 1.5), 0.45, 0.4), wood, bool(rng.random() < 0.5)
            )
    if rng.random() < 0.6:
        at = _on_ring(radius - 0.35, rng.uniform(-1, 1), tall * 0.85)
        way = np.cross((0.0, 1.0, 0.0), at * (-1, 0, -1))
        along = way / np.linalg.norm(way) * rng.uniform(0.8, 1.6)
        fittings.curtain(stage, at - along / 2, along, tall * rng.uniform(0.35, 0.6), rng.uniform(0.005, 0.03))


def _dome(stage: Set, radius: float, tall: float, half: float) -> None:
    """A coffered shell over the far side, with an eye at its top."""
    rng = stage.rng
    coffers, tone = int(rng.integers(10, 22)), materials.colour(rng, "pale")

    def clad(u: np.ndarray, v: np.ndarray) -> Relief:
        x, y = np.abs(u * coffers % 1 - 0.5), np.abs(v * 5 % 1 - 0.5)
        sunk = smoothstep(0.42, 0.36, np.maximum(x, y))
        return Relief(-0.12 * sunk, Look(tone * (1 - 0.15 * sunk)[:, None], 0.9, 0.05))

    rough = _on_ring(radius, np.linspace(-half, half, 17), tall)
    turn, lift = np.meshgrid(np.linspace(-half, half, stage.count(rough, 240)), np.linspace(0, 1.25, 90))
    shell = _on_ring(1.0, turn, 0.0) * (radius * np.cos(lift))[..., None]
    shell[..., 1] = tall + 0.6 * radius * np.sin(lift)
    stage.surface(shell, np.stack([(turn + half) / (2 * half), lift / 1.25], 2), _GREY, clad, 0)
