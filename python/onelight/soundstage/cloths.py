"""Cloth let fall over things, or hung: springs relax on a coarse sheet, then on a finer one, then come wrinkles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from onelight.soundstage import reliefs
from onelight.soundstage.families import Built, family
from onelight.soundstage.mesh import Mesh, grid_faces
from onelight.soundstage.noise import Noise
from onelight.soundstage.surfaces import curve, finished, leaf_faces, pushed, vertices_wanted

_CLOTH = (reliefs.wrinkles, reliefs.folds, reliefs.weave, reliefs.grain)
Obstacle = Callable[[np.ndarray], np.ndarray]  # moves points [..., 3] that lie inside it to its surface


@family("cloths", kind="objects")
def cloths(rng: np.random.Generator, detail: float) -> Built:
    """A sheet that fell over a few balls, rods and boxes, and buckled where it hangs and where it meets the ground."""
    size = rng.uniform(0.8, 1.15)
    cells = 28
    sheet = _flat(rng, cells, size)
    under = _obstacles(rng)
    sheet, cells = _settled(rng, sheet, 2 * size / cells, under, 75), 2 * cells
    sheet = _refined(sheet, cells + 1, cells + 1)
    sheet = _settled(rng, sheet, 2 * size / cells, under, 20)
    lean = Rotation.from_euler("x", rng.choice([0, rng.uniform(0, 75)]), degrees=True).as_matrix()
    return Built(finished(rng, _woven(rng, sheet @ lean.T, detail)))


@family("curtains", kind="objects")
def curtains(rng: np.random.Generator, detail: float) -> Built:
    """A hanging: gathered along a rail or hung from pins, with pleats that widen, swags and a tie that nips it."""
    rows = columns = 64
    u, v = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(0, 1, rows))
    noise = Noise(rng)
    flat = np.stack([u, v, 0 * u], -1).reshape(-1, 3)
    drift = (noise(flat, 1.2) * rng.uniform(0.05, 0.5)).reshape(rows, columns)
    pleats = rng.uniform(2, 11)
    depth = np.minimum(rng.uniform(0.2, 1.0) / pleats, 0.16) * (rng.uniform(0.2, 1) + rng.uniform(0, 1) * v)
    phase = np.pi * pleats * (u + 0.35 * drift * (0.3 + v))
    width = rng.uniform(0.5, 0.9)
    x, z = width * u + 0.35 * depth * np.sin(2 * phase), depth * np.sin(phase)
    z += 0.12 * v * (noise(flat, 2.0, 1).reshape(rows, columns)) * rng.uniform(0, 1)
    y = 1 - 1.8 * v
    if rng.random() < 0.6:  # swags between pins: the top edge and all below it sinks where nothing holds it
        pins = rng.integers(2, 5)
        sag = np.abs(np.sin(np.pi * pins * (u + 1) / 2)) ** rng.uniform(0.6, 1.2) * rng.uniform(0.05, 0.4)
        y -= sag * (1 - 0.7 * v)
        z += 0.5 * sag * np.sin(np.pi * v * rng.uniform(4, 10) + 2 * drift) * np.exp(-2.5 * v) * rng.uniform(0.2, 0.6)
    if rng.random() < 0.4:  # a tie: all pleats run together at one height
        at, side = rng.uniform(0.4, 0.75), rng.uniform(-0.6, 0.6)
        nip = rng.uniform(0.3, 0.85) * np.exp(-(((v - at) / rng.uniform(0.12, 0.3)) ** 2))
        x, z = side * nip + x * (1 - nip), z * (1 + 0.6 * nip)
    return Built(finished(rng, _woven(rng, np.stack([x, y, z], -1), detail)))


def _flat(rng: np.random.Generator, cells: int, size: float) -> np.ndarray:
    """A sheet [N, N, 3] above everything, turned about y and not quite flat, so that it buckles its own way."""
    steps = np.linspace(-size, size, cells + 1)
    x, z = np.meshgrid(steps, -steps)
    angle = rng.uniform(0, np.pi)
    flat = np.stack([np.cos(angle) * x - np.sin(angle) * z, 0 * x + 0.53, np.sin(angle) * x + np.cos(angle) * z], -1)
    return flat + rng.normal(0, 0.015, flat.shape)


def _obstacles(rng: np.random.Generator) -> list[Obstacle]:
    """The ground and one to four things on it, each pushing cloth out to a finger's breadth from itself."""
    ground = rng.uniform(-0.85, -0.45)

    def floor(points: np.ndarray) -> np.ndarray:
        return np.stack([points[..., 0], np.maximum(points[..., 1], ground), points[..., 2]], -1)

    def rounded(middle: np.ndarray, half: np.ndarray, radius: float) -> Obstacle:
        def push(points: np.ndarray) -> np.ndarray:  # away from a box's core: a ball, a rod, a slab or a block
            near = middle + np.clip(points - middle, -half, half)
            away = points - near + (0, 1e-4, 0)
            distance = np.linalg.norm(away, axis=-1, keepdims=True)
            return np.where(distance < radius, near + away * (radius / np.maximum(distance, 1e-6)), points)

        return push

    things: list[Obstacle] = []
    for index in range(int(rng.integers(1, 6))):
        radius, top = rng.uniform(0.17, 0.36), (0.5 if index == 0 else rng.uniform(-0.2, 0.45))
        half = np.array([*(rng.uniform(0, 0.3, 2) * (rng.random(2) < 0.35)), 0.0])[[0, 2, 1]]
        if rng.random() < 0.5:  # it stands on the ground; else it hangs there, as a ball or an arm does
            half[1] = max(0.0, (top - radius - ground) / 2)
        across = rng.normal(0, 0.1 if index == 0 else 0.32, 2)
        things.append(rounded(np.array([across[0], top - radius - half[1], across[1]]), half, radius))
    return [*things, floor] if rng.random() < 0.6 else things


def _settled(
    rng: np.random.Generator, sheet: np.ndarray, length: float, under: list[Obstacle], steps: int
) -> np.ndarray:
    """The sheet [R, C, 3] after it fell for some steps: position-based dynamics (Müller et al. 2007).

    Threads keep their length; diagonals and threads across two cells give way more, which sets shear and stiffness.
    """
    before = sheet.copy()
    stiff = rng.uniform(0.05, 0.5)
    ties = [
        (0, 1, 1, 1.0),
        (1, 0, 1, 1.0),
        (1, 1, 2**0.5, 0.5),
        (1, -1, 2**0.5, 0.5),
        (0, 2, 2, stiff),
        (2, 0, 2, stiff),
    ]
    fall, drag = 0.07 * length, 0.12  # the air lets it fall half a cell a step, so that it cannot pass through things
    for _ in range(steps):
        moved = sheet + (1 - drag) * (sheet - before)
        moved[..., 1] -= fall
        before = sheet
        for _ in range(4):
            for down, right, reach, share in ties:
                _tie(moved, down, right, reach * length, share)
        free = moved
        for push in under:
            moved = push(moved)
        # What touches rubs: it keeps little of its slide, or the sheet would slip off whatever is small.
        touching = (moved != free).any(-1, keepdims=True)
        before = np.where(touching, before + 0.7 * (moved - before), before)
        sheet = moved
    return sheet


def _tie(sheet: np.ndarray, down: int, right: int, length: float, share: float) -> None:
    """Moves the ends of each thread (from a point to the one `down` and `right` of it) toward its length."""
    rows, columns = sheet.shape[:2]
    near, far = sheet[: rows - down], sheet[down:]
    if right >= 0:
        near, far = near[:, : columns - right], far[:, right:]
    else:
        near, far = near[:, -right:], far[:, :right]
    apart = far - near
    distance = np.sqrt(np.einsum("ijk,ijk->ij", apart, apart))[..., None]
    # All threads of a kind pull at once: each by less than half, or a point pulled from two sides would go too far.
    pull = apart * (0.45 * share * (1 - length / np.maximum(distance, 1e-6)))
    near += pull
    far -= pull


def _refined(sheet: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The sheet with more threads, through a smooth curve along each."""
    across = curve(sheet.reshape(len(sheet), -1), rows).reshape(rows, sheet.shape[1], 3)
    turned = across.transpose(1, 0, 2).reshape(sheet.shape[1], -1)
    return curve(turned, columns).reshape(columns, rows, 3).transpose(1, 0, 2)


def _woven(rng: np.random.Generator, sheet: np.ndarray, detail: float) -> Mesh:
    """Both sides of the sheet as a dense mesh with fine wrinkles, joined along a thin hem."""
    edge = max(16, int(np.sqrt(vertices_wanted(detail, 0.6))))
    fine = _refined(sheet, edge, edge)
    face = Mesh(fine.reshape(-1, 3), grid_faces(edge, edge))
    flat = np.stack([*np.meshgrid(np.linspace(-1, 1, edge), np.linspace(-1, 1, edge)), np.zeros((edge, edge))], -1)
    height = reliefs.worn(rng, flat.reshape(-1, 3), _CLOTH, rng.uniform(0.3, 0.9), bare=0.15)
    face = pushed(face, height)
    back = face.vertices - 0.012 * face.normals()
    return Mesh(np.concatenate([face.vertices, back]).astype(np.float32), leaf_faces(edge))
