"""Sets up one scene: builds and dresses it, turns and frames its subject, lights it, and traces its passes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from onelight.soundstage import families, lighting, materials
from onelight.soundstage.camera import View, between, drifted, framed, turn
from onelight.soundstage.families import Camera
from onelight.soundstage.mesh import Floats, Mesh, grid_faces, merged
from onelight.soundstage.render import trace
from onelight.soundstage.scenes import Scene
from onelight.soundstage.world import World

SAMPLES = 12  # paths a pixel
CLEAN_SAMPLES = 48  # for pictures that are looked at or measured
PERIOD = 48.0  # frames of one sway to and fro of a take


@dataclass(frozen=True)
class Movement:
    """How a scene goes on from frame to frame: a turn and a drift of the subject, a way of the camera."""

    turn: tuple[float, float] = (0.0, 0.0)  # degrees a frame about y and x
    drift: tuple[float, float, float] = (0.0, 0.0, 0.0)  # metres a frame
    subject: int = 0  # how many vertices, the first of the mesh, turn and drift

    def at(self, mesh: Mesh, time: float) -> Floats:
        """The vertices [V, 3] at a time in frames; what the family moves sways with its speed at frame 0."""
        points = mesh.vertices + mesh.motion * swayed(time)
        if self.subject:
            about_y, about_x = (degrees * swayed(time) for degrees in self.turn)
            turned = points[: self.subject] @ (turn(1, about_y) @ turn(0, about_x)).T + np.multiply(
                self.drift, swayed(time)
            )
            points = np.concatenate([turned, points[self.subject :]])
        return points.astype(np.float32)


@dataclass(frozen=True)
class Setup:
    """A scene ready to be traced; `mesh.motion` is what the family moves, without the movement of the whole."""

    kind: str
    mesh: Mesh
    camera: Camera
    later: Camera  # the camera a frame on, were it to go straight on
    movement: Movement
    lights: Floats  # [more than L, 3] unit vectors in the world, of which those are taken that reach something
    softness: Floats  # degrees


def make(family: str, seed: int, *, size: int = 192, lights: int = 6, samples: int = SAMPLES) -> Scene:
    """Make the scene of that family and seed; the same arguments give the same bits. Raises NotFound, NotReady."""
    return take(family, seed, 1, size=size, lights=lights, samples=samples)[0]


def take(
    family: str, seed: int, frames: int, *, size: int = 192, lights: int = 1, samples: int = CLEAN_SAMPLES
) -> list[Scene]:
    """The scene of that family and seed over some frames, camera and subject moving, lights standing still.

    Each frame's motion leads to the next. Noise differs from frame to frame, like that of a camera. Raises NotFound,
    NotReady.
    """
    setup = set_up(family, seed, size, lights)
    shots: list[Scene] = []
    for frame in range(frames):
        here, there = (setup.movement.at(setup.mesh, time) for time in (frame, frame + 1))
        mesh = replace(setup.mesh, vertices=here, motion=there - here)
        view, later = (View.of(between(setup.camera, setup.later, swayed(time))) for time in (frame, frame + 1))
        world = World(mesh, view, size)
        if frame == 0:
            chosen = lighting.useful(setup.kind, world.lit_shares(setup.lights), lights)
            setup = replace(setup, lights=setup.lights[chosen], softness=setup.softness[chosen])
        shots.append(shot(world, setup, later, samples, seed + frame))
    return shots


def swayed(time: float) -> float:
    """To and fro: a frame a frame at the start, never far, so that a long take stays in the picture."""
    return float(np.sin(2 * np.pi * time / PERIOD) * PERIOD / (2 * np.pi))


def set_up(family: str, seed: int, size: int, lights: int, alone: bool = False, grey: bool = False) -> Setup:
    """Everything of a scene but the picture; `alone` without floor or wall, `grey` in one dull colour all over.

    Raises NotFound where there is no such family.
    """
    known = families.get(family)
    rng = np.random.default_rng(seed)
    built = known.build(rng, size / 256)
    mesh, camera, movement = built.mesh, built.camera, Movement()
    if camera is None:
        mesh = posed(mesh, known.kind, rng)
        turning = rng.normal(0, (1.0, 0.4))
        x, y, z = rng.normal(0, 0.006, 3)
        movement = Movement((float(turning[0]), float(turning[1])), (float(x), float(y), float(z)), len(mesh.vertices))
        camera = framed(mesh.vertices, rng)
        if rng.random() < 0.5 and not alone:
            mesh = merged([mesh, *surroundings(mesh, camera, rng)])
    if not built.dressed:
        mesh = materials.dulled(mesh, rng) if grey else materials.dress(mesh, rng)
    directions, softness = lighting.keys(known.kind, View.of(camera), 4 * lights, rng)
    return Setup(known.kind, mesh, camera, drifted(camera, rng), movement, directions, softness)


def posed(mesh: Mesh, kind: str, rng: np.random.Generator) -> Mesh:
    """The subject turned about the vertical and tilted a little; most faces look more or less this way."""
    yaw = rng.uniform(-180, 180)
    if kind == "faces" and rng.random() < 0.85:
        yaw = rng.triangular(-95, 0, 95)
    return mesh.moved(rotate=turn(0, rng.normal(0, 10)) @ turn(2, rng.normal(0, 8)) @ turn(1, yaw))


def surroundings(mesh: Mesh, camera: Camera, rng: np.random.Generator) -> list[Mesh]:
    """A floor under the subject, a wall behind it, or both; part 0."""
    low, reach = float(mesh.vertices[:, 1].min()), mesh.radius()
    above = camera.eye[1] - low > 0.15 * reach  # a floor seen from below would hide the subject
    choice = rng.random()
    things = []
    if choice < 0.8 and above:
        things.append(_sheet(rng, 6 * reach).moved(translate=(0, low, 0)))
    if choice > 0.4 or not above:
        upright = _sheet(rng, 6 * reach).moved(rotate=turn(0, 90))
        away = np.asarray(camera.target) - np.asarray(camera.eye)
        yaw = float(np.degrees(np.arctan2(-away[0], -away[2]))) + rng.normal(0, 20)
        behind = turn(1, yaw) @ (0, 0, -rng.uniform(1.3, 3.0) * reach)
        things.append(upright.moved(rotate=turn(1, yaw), translate=behind))
    return things


def _sheet(rng: np.random.Generator, half: float, steps: int = 160) -> Mesh:
    """A square that faces up, with finer triangles towards its middle, where it is seen, and long low waves."""
    line = np.linspace(-1, 1, steps)
    line = half * (0.35 * line + 0.65 * line**3)
    z, x = np.meshgrid(-line, line, indexing="ij")
    height = np.zeros_like(x)
    if rng.random() < 0.5:
        for a, b, c in rng.normal(0, 2.5, (4, 3)):
            height += rng.normal(0, 0.01) * np.sin(x * a + z * b + c)
        height = np.minimum(height, 0)
    grey = np.clip(rng.uniform(0.05, 0.75) * (1 + rng.normal(0, 0.08, 3)), 0.02, 0.9).astype(np.float32)
    points = np.stack([x, height, z], -1).reshape(-1, 3).astype(np.float32)
    return Mesh(points, grid_faces(steps, steps), colour=grey)


def shot(world: World, setup: Setup, later: View, samples: int, seed: int) -> Scene:
    """The passes of a scene as its camera sees them."""
    traced = trace(world, later, setup.lights, setup.softness, samples=samples, seed=seed)
    subject = setup.kind in families.SUBJECTS
    sky = np.zeros_like(traced.coverage) if subject else 1 - traced.coverage
    return Scene(
        normals=traced.normals,
        depth=traced.depth,
        albedo=traced.albedo,
        motion=traced.motion,
        matte=traced.subject if subject else traced.coverage,
        sky=sky,
        keys=traced.keys,
        unshadowed=traced.unshadowed,
        ambient=traced.ambient + sky[..., None],
        lights=(setup.lights @ world.view.axes.T).astype(np.float32),
        softness=setup.softness,
    )
