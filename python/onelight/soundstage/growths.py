"""Grown things: lobed fruit with stalks, and cones, buds and flowers whose scales stand in spirals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from onelight.soundstage import reliefs
from onelight.soundstage.families import Built, family
from onelight.soundstage.mesh import Mesh, merged
from onelight.soundstage.noise import Noise, smoothstep
from onelight.soundstage.surfaces import curve, finished, leaf_faces, pushed, sphere, swept, vertices_wanted

_GOLDEN = np.pi * (3 - np.sqrt(5))
_SKIN = (reliefs.pores, reliefs.grain, reliefs.cobbles, reliefs.wrinkles, reliefs.hair, reliefs.cracks, reliefs.scales)


@family("fruit", kind="objects")
def fruit(rng: np.random.Generator, detail: float) -> Built:
    """Apples to pumpkins to gourds: lobes, a sunken stalk, a waist, a lean, warts; whole or with a bite out."""
    directions, faces = sphere(vertices_wanted(detail))
    noise = Noise(rng)
    down = np.arccos(np.clip(directions[:, 1], -1, 1)).astype(np.float64)
    turn = np.arctan2(directions[:, 0], directions[:, 2]).astype(np.float64)
    knots = 1 + np.cumsum(rng.normal(0, rng.uniform(0.03, 0.22), 7))
    radius = np.interp(down, np.linspace(0, np.pi, 60), curve(np.clip(knots, 0.35, 1.8)[:, None], 60)[:, 0])
    lobes, sharp = int(rng.integers(3, 16)), rng.uniform(0.35, 1.2)
    swing = turn + 0.15 * noise(directions, 1.0) + rng.normal(0, 0.3) * down
    radius -= (
        rng.choice([0.0, rng.uniform(0.05, 0.28)]) * (1 - np.abs(np.sin(swing * lobes / 2)) ** sharp) * np.sin(down)
    )
    radius -= rng.uniform(0.1, 0.5) * np.exp(-((down / rng.uniform(0.15, 0.5)) ** 2))  # the stalk's hollow
    radius -= rng.uniform(0, 0.25) * np.exp(-(((np.pi - down) / rng.uniform(0.1, 0.4)) ** 2))
    radius = np.maximum(radius, 0.25) * (1 + rng.uniform(0.01, 0.07) * noise(directions, 1.3, 1))
    shape = directions * radius[:, None] * [1, rng.uniform(0.6, 1.5), 1]
    shape[:, 0] += rng.normal(0, 0.12) * shape[:, 1] ** 2
    part = np.ones(len(shape), np.uint16)
    for _ in range(int(rng.choice([0, 1, 2], p=[0.75, 0.18, 0.07]))):
        part[_bitten(rng, shape)] = 3
    body = replace(Mesh(shape, faces).centred(), part=part)
    body = pushed(body, reliefs.worn(rng, body.vertices, _SKIN, rng.uniform(0.2, 0.8), bare=0.35))
    top = body.vertices[directions[:, 1].argmax()]
    parts = [body, *([_stalk(rng, top, detail)] if rng.random() < 0.7 else [])]
    if rng.random() < 0.25:
        leaf = _scale(rng, 24, rng.uniform(0.4, 0.8), rng.uniform(0.15, 0.3), rng.uniform(-0.3, 0.6))
        angles = rng.uniform(0, 2 * np.pi, int(rng.integers(1, 6)))
        parts += [_set_round(leaf, angle, rng.uniform(-0.2, 0.4), top, 2) for angle in angles]
    return Built(finished(rng, merged(parts), turn=rng.random() < 0.4))


@family("cones", kind="objects")
def cones(rng: np.random.Generator, detail: float) -> Built:
    """Pine cones, artichokes, buds, thistles, succulents: one scale set again and again by the golden angle."""
    count = int(rng.integers(25, 160))
    edge = max(5, int(np.sqrt(vertices_wanted(detail, 0.55) / count)))
    t = (np.arange(count) + 0.5) / count  # 0 at the base, 1 at the tip
    height, belly = rng.uniform(0.3, 1.8), rng.uniform(0.2, 0.7)
    outline = np.sin(np.pi * (belly * 0.3 + (1 - 0.3 * belly) * t) ** rng.uniform(0.6, 1.3)) ** rng.uniform(0.5, 1.2)
    radius = 0.5 * np.clip(outline, 0.03, None)
    lift = np.interp(t, [0, 1], np.sort(rng.uniform(-0.5, 1.35, 2)))
    size = np.sqrt(4.5 / count) * rng.uniform(0.8, 1.5) * (0.45 + 0.55 * outline)
    scale = _scale(rng, edge, 1.0, rng.uniform(0.35, 0.75), rng.uniform(-0.4, 0.8))
    parts = []
    for index in range(count):  # one call per scale; each is a small mesh
        foot = np.array([0, height * (t[index] - 0.5), 0])
        angle = index * _GOLDEN + rng.normal(0, 0.03)
        out = np.array([np.sin(angle), 0, np.cos(angle)]) * radius[index] * 0.85
        grown = scale.moved(scale=float(size[index] * rng.uniform(0.9, 1.1)))
        parts.append(_set_round(grown, angle, lift[index] + rng.normal(0, 0.05), foot + out, 1))
    core = np.stack([0 * t, height * (t - 0.5) * 1.02, 0 * t], 1)
    axis = Mesh(*swept(core, radius * 0.95, max(8, int(80 * detail))))
    parts.append(replace(axis, part=np.full(len(axis.vertices), 2, np.uint16)))
    whole = merged(parts).centred()
    whole = pushed(
        whole, reliefs.worn(rng, whole.vertices, (reliefs.grain, reliefs.hair, reliefs.pores), 0.2, bare=0.4)
    )
    return Built(finished(rng, whole, turn=rng.random() < 0.5))


def _bitten(rng: np.random.Generator, shape: np.ndarray) -> np.ndarray:
    """Takes a ball out of the shape [V, 3], in place: what lies in it goes in to its near side. Returns which did."""
    reach = np.linalg.norm(shape, axis=1)
    way = shape / reach[:, None]
    middle = way[int(rng.integers(len(way)))] * float(reach.mean()) * rng.uniform(1.0, 1.3)
    bite = rng.uniform(0.3, 0.6) * float(np.linalg.norm(middle))
    along = way @ middle
    inside = bite * bite - middle @ middle + along * along  # along each ray, half the way through the ball, squared
    near = along - np.sqrt(np.maximum(inside, 0))
    eaten = (inside > 0) & (along > 0) & (near < reach)
    shape[eaten] = way[eaten] * near[eaten, None]
    return eaten


def _scale(rng: np.random.Generator, edge: int, length: float, width: float, curl: float) -> Mesh:
    """A leaf or scale from the origin up y, facing z: cupped, curled, ribbed, pointed."""
    u, v = np.meshgrid(np.linspace(-1, 1, edge), np.linspace(0, 1, edge))
    point, cup, rib = rng.uniform(0.4, 1.6), rng.uniform(-0.1, 0.35), rng.uniform(-0.12, 0.12)
    half = width * np.sin(np.pi * np.clip(v, 0.06, 1) ** rng.uniform(0.5, 1.1)) ** point + 0.02 * (1 - v)
    bend = curl * 1.2 * v
    along = length * (v if abs(curl) < 0.05 else np.sin(bend) / (curl * 1.2))
    out = length * (1 - np.cos(bend)) / max(abs(curl) * 1.2, 0.05) * np.sign(curl)
    thick = 0.07 * length * np.sqrt(np.clip(1 - u**2, 0, 1)) * (1 - 0.7 * v) + 0.01 * length
    middle = out - cup * half * (1 - u**2) + rib * width * np.exp(-((u / 0.18) ** 2)) * np.sin(np.pi * v)
    front = np.stack([u * half, along, middle + thick], -1).reshape(-1, 3)
    back = np.stack([u * half, along, middle - thick], -1).reshape(-1, 3)
    both = np.concatenate([front, back]).astype(np.float32)
    return Mesh(both, leaf_faces(edge))


def _set_round(mesh: Mesh, angle: float, lift: float, at: np.ndarray, part: int) -> Mesh:
    """The scale leant by `lift` radians (0 lies flat outward, pi/2 stands up), turned about y and set in place."""
    sine, cosine = np.sin(lift), np.cos(lift)
    lean = np.array([[1, 0, 0], [0, sine, cosine], [0, cosine, -sine]]) @ np.diag([-1.0, 1.0, 1.0])
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    set_ = mesh.moved(rotate=turn @ lean, translate=at)
    return replace(set_, part=np.full(len(set_.vertices), part, np.uint16))


def _stalk(rng: np.random.Generator, foot: np.ndarray, detail: float) -> Mesh:
    """A ribbed stalk, bent to one side and wider at both ends."""
    lean = rng.normal(0, 0.12, 2)
    knots = foot + np.array([[0, -0.08, 0], [0, 0.1, 0], [lean[0], rng.uniform(0.15, 0.4), lean[1]]])
    path = curve(knots, max(8, int(70 * detail)))
    sides = max(8, int(48 * detail))
    ribs = 1 + 0.15 * np.cos(np.linspace(0, 2 * np.pi, sides, endpoint=False) * rng.integers(3, 8))
    t = np.linspace(-1, 1, len(path))
    thick = rng.uniform(0.03, 0.09) * (0.6 + 0.5 * t**2 + 0.3 * smoothstep(0, -1, t))
    mesh = Mesh(*swept(path, thick[:, None] * ribs, sides))
    return replace(mesh, part=np.full(len(mesh.vertices), 2, np.uint16))
