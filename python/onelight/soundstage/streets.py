"""Streets: rows of houses over pavements, with what stands in them: parked blocks, lamps, bins, trees, wires."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from onelight.soundstage import cladding, facades, materials, nature
from onelight.soundstage.carpentry import Relief, Set
from onelight.soundstage.families import Built, family
from onelight.soundstage.fittings import Spot
from onelight.soundstage.materials import Look
from onelight.soundstage.walls import camera

_LENGTH = 70.0


@family("street", kind="exteriors")
def street(rng: np.random.Generator, detail: float) -> Built:
    """A street seen from its pavement or carriageway, along it or across to one side."""
    road, walk = rng.uniform(3.0, 9.0), rng.uniform(1.2, 3.5)
    half = road / 2 + walk
    eye = np.array([rng.uniform(-0.9, 0.9) * (half - 0.8), rng.uniform(1.4, 2.1), 0.0])
    if rng.random() < 0.6:
        target = np.array([rng.uniform(-0.5, 0.5) * half, rng.uniform(1.3, 3.0), -18.0])
    else:
        eye[0] = rng.choice([-1, 1]) * (half - 0.8)
        target = np.array([-np.sign(eye[0]) * half, rng.uniform(1.2, 3.0), -rng.uniform(2, 12)])
    stage = Set(rng, camera(rng, eye, target, 70.0), detail)
    _ground(stage, road, walk)
    for side in (-1, 1):
        z = rng.uniform(3, 9)
        while z > -_LENGTH:
            width = min(rng.uniform(5, 14), z + _LENGTH + 5)
            if rng.random() < 0.9 or width < 6:
                start, along = np.array([side * half, 0.15, z]), np.array([0, 0, -width])
                if side > 0:  # the fronts look at one another: on the right they run the other way
                    start, along = start + along, -along
                facades.house(stage, start, along, rng.uniform(6, 10))
            z -= width + (0.0 if rng.random() < 0.85 else rng.uniform(1, 4))
    if rng.random() < 0.6:
        facades.house(stage, np.array([-half - 4, 0.15, -_LENGTH]), np.array([2 * half + 8, 0, 0.0]), 8)
    wind = rng.normal(0, 0.02, 3) * (1, 0.2, 1)
    _parked(stage, road)
    _lamps(stage, road / 2 + 0.4)
    if rng.random() < 0.45:
        side, tone = rng.choice([-1, 1]), nature.foliage_tone(rng)
        for z in np.arange(-rng.uniform(5, 9), -50, -rng.uniform(6, 12)):
            nature.tree(stage, np.array([side * (road / 2 + 0.7), 0.1, z]), rng.uniform(4, 8), wind, tone)
    _clutter(stage, half)
    return stage.built(sky=True)


def _ground(stage: Set, road: float, walk: float) -> None:
    """Carriageway with a crown, kerbs, and slabs or cobbles on both pavements."""
    rng = stage.rng
    half, length = road / 2 + walk, _LENGTH + 14
    paving = materials.colour(rng, "grey") * rng.lognormal(0, 0.12, (5, 1))
    lane = cladding.ground(rng, np.stack([materials.colour(rng, "grey") * 0.5, materials.colour(rng, "dark")]), 0.006)
    if rng.random() < 0.4:
        lane = cladding.masonry(rng, 0.16, 0.11, 0.02)
    slabs = (
        cladding.tiles(rng, rng.uniform(0.3, 0.8), "stone", paving)
        if rng.random() < 0.7
        else cladding.masonry(rng, 0.2, 0.1, 0.006)
    )
    kerb = materials.colour(rng, "grey")

    def clad(u: np.ndarray, v: np.ndarray) -> Relief:
        x = np.abs(u - half)
        on_road = x < road / 2
        low, high = lane(u, v), slabs(u, v)
        assert low.look is not None and high.look is not None
        stone = (x >= road / 2) & (x < road / 2 + 0.18)
        crown = 0.05 * (1 - (x / road * 2) ** 2)
        height = np.where(on_road, low.height + crown, 0.13 + np.where(stone, 0.01, high.height))
        colour = np.where(on_road[:, None], low.look.colour, np.where(stone[:, None], kerb, high.look.colour))
        rough = np.where(on_road, low.look.roughness, high.look.roughness)
        return Relief(height, Look(colour, rough, np.where(on_road, low.look.specular, 0.15)))

    lines = [half - road / 2, half + road / 2, half - road / 2 - 0.18, half + road / 2 + 0.18]
    base = Look(np.array([0.3, 0.3, 0.3]), 0.8, 0.1)
    stage.panel((-half, 0, 12), (2 * half, 0, 0), (0, 0, -length), base, clad, (lines, []), part=0)
    far = Look(materials.colour(rng, "earth"), 0.9, 0.05)
    stage.boxes((0, -0.6, -110), (300, 1.0, 260), far, part=0, most=8)


def _parked(stage: Set, road: float) -> None:
    """Blocks about as large as cars and vans, on wheels; some drive."""
    rng = stage.rng
    for side in (-1, 1):
        z = -rng.uniform(3, 9)
        while z > -55:
            if rng.random() < 0.5:
                drives = rng.random() < 0.2
                x = side * (road / 2 - (1.1 if not drives else road * 0.3))
                speed = (0, 0, side * rng.uniform(0.02, 0.12)) if drives else None
                if np.hypot(x - stage.eye[0], z) > 3.5:
                    _vehicle(stage, Spot(np.array([x, 0.02, z]), rng.normal(0, 0.03)), speed)
            z -= rng.uniform(5, 12)


def _vehicle(stage: Set, spot: Spot, speed: tuple[float, float, float] | None) -> None:
    rng, part = stage.rng, stage.part()
    paint = materials.plain(rng, "glaze", materials.colour(rng))
    w, d = rng.uniform(1.6, 1.9), rng.uniform(3.4, 4.8)
    body, cabin = rng.uniform(0.55, 0.8), rng.uniform(0.45, 1.2)
    length, shift = d * rng.uniform(0.45, 0.8), rng.uniform(-0.3, 0.3)
    stage.boxes(spot((0, 0.3 + body / 2, 0)), [(w, body, d)], paint, 0.14, spot.yaw, part, speed)
    glass = Look(np.array([0.03, 0.035, 0.04]), 0.08, 0.9)
    top = 0.3 + body + cabin / 2 - 0.05
    stage.boxes(spot((0, top, shift)), [(w * 0.86, cabin, length)], glass, 0.16, spot.yaw, part, speed)
    stage.boxes(
        spot((0, top + cabin / 2 - 0.03, shift)), [(w * 0.84, 0.1, length * 0.94)], paint, 0.04, spot.yaw, part, speed
    )
    posts = [(x * w * 0.42, top, shift + z * length * 0.45) for x in (-1, 1) for z in (-1, 0, 1)]
    stage.boxes(spot(*posts), [(0.07, cabin * 0.95, 0.09)], paint, 0.02, spot.yaw, part, speed)
    ends = [(0, 0.45, d / 2), (0, 0.45, -d / 2)]
    bumper = materials.plain(rng, "plastic", materials.colour(rng, "dark"))
    stage.boxes(spot(*ends), [(w * 0.96, 0.16, 0.12)], bumper, 0.04, spot.yaw, part, speed)
    lights = [(x * w * 0.36, 0.68, z * d / 2) for x in (-1, 1) for z in (-1, 1)]
    stage.boxes(
        spot(*lights), [(0.3, 0.14, 0.05)], Look(np.array([0.7, 0.6, 0.55]), 0.1, 0.8), 0.02, spot.yaw, part, speed
    )
    rubber = Look(np.array([0.025, 0.025, 0.025]), 0.8, 0.1)
    for x in (-1, 1):
        for z in (-1, 1):
            at = [spot((x * (w / 2 - e), 0.31, z * d * 0.32))[0] for e in (0.2, 0.1, 0.0)]
            wheel = stage.tube(np.array(at), 0.31, rubber, part)
            if speed is not None:
                stage.give_motion(wheel, np.broadcast_to(np.asarray(speed), wheel.vertices.shape))


def _lamps(stage: Set, x: float) -> None:
    """Lamp posts or poles with sagging wires."""
    rng = stage.rng
    tall, gap, side = rng.uniform(3.5, 7.5), rng.uniform(9, 20), rng.choice([-1, 1])
    paint, wired = materials.plain(rng, "metal", materials.colour(rng, "dark")), rng.random() < 0.4
    places = np.arange(-rng.uniform(3, 9), -55, -gap)
    for z in places:
        foot = np.array([side * x, 0.12, z])
        post = np.array([(0.14, 0), (0.13, 0.4), (0.08, 0.5), (0.06, 1.2), (0.045, tall), (0.0, tall)])
        part = stage.part()
        stage.turned(post, foot, paint, part)
        head = foot + np.array([-side * 0.9, tall - 0.1, 0])
        arm = np.stack([foot + np.array([0, tall - 0.5, 0]), foot + np.array([-side * 0.35, tall, 0]), head])
        stage.tube(arm, 0.03, paint, part)
        stage.boxes(head, [(0.5, 0.1, 0.2)], paint, 0.04, part=part)
    if wired:
        for near, far in pairwise(places):
            for lift in (0.0, -0.25):
                ends = [np.array([side * x, tall + 0.1 + lift, z]) for z in (near, far)]
                stage.tube(np.stack([ends[0], (ends[0] + ends[1]) / 2 - (0, 0.35, 0), ends[1]]), 0.012, paint, 0)


def _clutter(stage: Set, half: float) -> None:
    """Bins, boxes, bollards and signs along the walls."""
    rng = stage.rng
    for _ in range(int(rng.integers(3, 12))):
        at = np.array([rng.choice([-1, 1]) * (half - rng.uniform(0.35, 0.7)), 0.14, -rng.uniform(2.5, 25)])
        if np.hypot(*(at - stage.eye)[[0, 2]]) < 2.0:
            continue
        what, yaw = rng.random(), rng.normal(0, 0.2)
        if what < 0.35:
            r, h = rng.uniform(0.2, 0.32), rng.uniform(0.7, 1.1)
            profile = np.array(
                [(r * 0.85, 0), (r, h * 0.9), (r * 1.06, h * 0.9), (r * 1.06, h * 0.95), (r * 0.7, h), (0, h)]
            )
            stage.turned(
                profile, at, materials.plain(rng, str(rng.choice(["metal", "plastic"]))), carve=int(rng.choice([0, 24]))
            )
        elif what < 0.75:
            count = int(rng.integers(1, 5))
            sizes = rng.uniform(0.25, 0.6, (count, 3))
            lift = np.concatenate([[0], np.cumsum(sizes[:-1, 1])]) + sizes[:, 1] / 2
            looks = [
                materials.plain(rng, str(rng.choice(["paper", "plastic", "wood"])), materials.colour(rng))
                for _ in range(count)
            ]
            stage.boxes(
                at + np.stack([0 * lift, lift, 0 * lift], 1), sizes, looks, 0.01, yaw + rng.normal(0, 0.2, count)
            )
        else:
            print_ = cladding.sheet(rng, 0.7, "label")
            part, turn = stage.part(), Spot(at, rng.uniform(-1, 1))
            right, lean = turn.ways((0.6, 0, 0), (0, 0.9, -0.25))
            stage.panel(at - right / 2, right, lean, materials.plain(rng, "paper"), print_, part=part)
            stage.panel(at + right / 2 - (0, 0, 0.4), -right, (0, 0.9, 0.15), materials.plain(rng, "wood"), part=part)
