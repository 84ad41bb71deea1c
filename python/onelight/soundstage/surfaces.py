"""Surfaces to start from (spheres, sweeps, revolutions) and what is done to any: refine, weld, push out."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from onelight.soundstage.mesh import Mesh, grid_faces
from onelight.soundstage.noise import rotation, smoothstep

VERTICES = 90_000  # of a closed subject at detail 1
Faces = NDArray[np.uint32]


def vertices_wanted(detail: float, share: float = 1.0) -> int:
    """How many vertices a part gets that covers `share` of the subject's surface: its edges shrink as detail grows."""
    return max(64, int(VERTICES * share * detail * detail))


@lru_cache(maxsize=4)
def _cube_sphere(edge: int) -> tuple[np.ndarray, Faces]:
    # The tangent spreads the vertices evenly over the sphere, which a plain cube would crowd at its corners.
    steps = np.tan(np.linspace(-np.pi / 4, np.pi / 4, edge))
    u, v = np.meshgrid(steps, steps)
    u, v, one = u.ravel(), v.ravel(), np.ones(edge * edge)
    front = np.stack([u, v, one], 1)
    sides = [front, front[:, [2, 1, 0]] * (1, 1, -1), front * (-1, 1, -1), front[:, [2, 1, 0]] * (-1, 1, 1)]
    sides += [front[:, [0, 2, 1]] * (1, 1, -1), front[:, [0, 2, 1]] * (1, -1, 1)]
    faces = np.concatenate([grid_faces(edge, edge) + np.uint32(side * edge * edge) for side in range(6)])
    vertices, faces = weld(np.concatenate(sides), faces, 1e-6)
    vertices = (vertices / np.linalg.norm(vertices, axis=1, keepdims=True)).astype(np.float32)
    vertices.flags.writeable = faces.flags.writeable = False
    return vertices, faces


def sphere(count: int) -> tuple[np.ndarray, Faces]:
    """Unit directions [V, 3], about `count` and evenly spread, and the faces over them; shared and read-only."""
    return _cube_sphere(max(4, round(np.sqrt(count / 6)) + 1))


def weld(vertices: np.ndarray, faces: np.ndarray, tolerance: float) -> tuple[np.ndarray, Faces]:
    """The surface with vertices joined that share a place to within `tolerance`, and without faces that vanish so."""
    places = np.round(np.asarray(vertices) / tolerance).astype(np.int64)
    _, first, inverse = np.unique(places, axis=0, return_index=True, return_inverse=True)
    joined = inverse.ravel()[faces.astype(np.int64)]
    whole = (joined[:, 0] != joined[:, 1]) & (joined[:, 1] != joined[:, 2]) & (joined[:, 2] != joined[:, 0])
    return vertices[first], joined[whole].astype(np.uint32)


def subdivided(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, Faces]:
    """Each triangle cut into four at the middles of its edges."""
    corners = faces.astype(np.int64)
    edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    key = edges.min(1) * len(vertices) + edges.max(1)
    unique, inverse = np.unique(key, return_inverse=True)
    middles = (vertices[unique // len(vertices)] + vertices[unique % len(vertices)]) / 2
    ab, bc, ca = (inverse + len(vertices)).reshape(3, -1)
    a, b, c = corners.T
    cut = np.stack([[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]])
    return np.concatenate([vertices, middles]), cut.transpose(0, 2, 1).reshape(-1, 3).astype(np.uint32)


def curve(points: np.ndarray, count: int, closed: bool = False) -> np.ndarray:
    """`count` points [count, D] along a smooth curve through the given ones, evenly spaced in its parameter."""
    points = np.asarray(points, np.float64)
    if closed:
        points = np.concatenate([points, points[:1]])
    knots = np.linspace(0, 1, len(points))
    spline = make_interp_spline(knots, points, min(3, len(points) - 1), bc_type="periodic" if closed else None)
    return spline(np.linspace(0, 1, count, endpoint=not closed))


def swept(
    path: np.ndarray, radius: np.ndarray | float, sides: int, closed: bool = False, section: np.ndarray | None = None
) -> tuple[np.ndarray, Faces]:
    """A tube about a path [N, 3]; `radius` is one number, [N] or [N, sides]; `section` [sides, 2] replaces the circle.

    Open tubes end in flat fans. The frame is carried along the path with as little turning as it needs.
    """
    path = np.asarray(path, np.float64)
    ahead = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-12)
    side = _carried(ahead)
    if closed:  # the frame comes back turned: share the difference out along the way
        first = side[0] - ahead[-1] * (side[0] @ ahead[-1])
        twist = np.arctan2(np.cross(side[-1], first) @ ahead[-1], side[-1] @ first)
        angle = np.linspace(0, twist, len(path))[:, None]
        side = side * np.cos(angle) + np.cross(ahead, side) * np.sin(angle)
    up = np.cross(ahead, side)
    if section is None:
        turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
        section = np.stack([np.cos(turn), np.sin(turn)], 1)
    radius = np.asarray(radius, np.float64)
    radius = radius[:, None] if radius.ndim == 1 else radius
    x, y = (np.broadcast_to(radius * section[:, axis], (len(path), sides)) for axis in (0, 1))
    rings = path[:, None] + x[..., None] * side[:, None] + y[..., None] * up[:, None]
    vertices = rings.reshape(-1, 3)
    faces = grid_faces(len(path), sides, wrap=True)
    if closed:
        last = np.arange(sides) + (len(path) - 1) * sides
        first, following = np.arange(sides), np.roll(np.arange(sides), -1)
        after = np.roll(last, -1)
        joint = np.concatenate([np.stack([last, after, following], 1), np.stack([last, following, first], 1)])
        return vertices, np.concatenate([faces, joint.astype(np.uint32)])
    start, end = len(vertices), len(vertices) + 1
    ring = np.arange(sides)
    near = np.stack([np.full(sides, start), np.roll(ring, -1), ring], 1)
    ring = ring + (len(path) - 1) * sides
    far = np.stack([np.full(sides, end), ring, np.roll(ring, -1)], 1)
    faces = np.concatenate([faces, near.astype(np.uint32), far.astype(np.uint32)])
    return np.concatenate([vertices, path[:1], path[-1:]]), faces


def _carried(ahead: np.ndarray) -> np.ndarray:
    """A unit vector across each direction of travel, each turned from the one before by the shortest way."""
    side = np.empty_like(ahead)
    side[0] = np.cross(ahead[0], np.eye(3)[np.abs(ahead[0]).argmin()])
    side[0] /= np.linalg.norm(side[0])
    for step in range(1, len(ahead)):  # a few hundred steps along a path, not one per vertex
        across = side[step - 1] - ahead[step] * (side[step - 1] @ ahead[step])
        side[step] = across / np.linalg.norm(across)
    return side


def revolved(profile: np.ndarray, columns: int) -> tuple[np.ndarray, Faces]:
    """The surface of a profile [R, 2] (distance from the y axis, height) turned round it; faces out where it rises."""
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    radius, height = profile[:, :1], profile[:, 1:]
    rings = np.stack(
        [radius * np.sin(turn), np.broadcast_to(height, (len(profile), columns)), radius * np.cos(turn)], -1
    )
    return rings.reshape(-1, 3), grid_faces(len(profile), columns, wrap=True)


def rim(edge: int) -> NDArray[np.int64]:
    """Indices of the vertices round a grid of `edge` × `edge`, in order, with the grid on the left."""
    ends = np.arange(2, edge + 1) * edge - 1, np.arange(edge * edge - 2, edge * (edge - 1) - 1, -1)
    return np.concatenate([np.arange(edge), *ends, np.arange(edge - 2, 0, -1) * edge])


def band_faces(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Faces between two closed rows of as many vertices; they face away from the grid whose rim `first` is."""
    one, other = np.roll(first, -1), np.roll(second, -1)
    return np.concatenate([np.stack([first, second, one], 1), np.stack([one, second, other], 1)])


def leaf_faces(edge: int) -> Faces:
    """Faces of two grids of `edge` × `edge` vertices, front then back, that meet in a hem round the rim."""
    front, border, behind = grid_faces(edge, edge), rim(edge), edge * edge
    return np.concatenate([front, front[:, ::-1] + behind, band_faces(border, border + behind)]).astype(np.uint32)


def pushed(mesh: Mesh, height: np.ndarray) -> Mesh:
    """The mesh with each vertex moved out along its normal by `height` [V], metres."""
    return replace(mesh, vertices=mesh.vertices + mesh.normals() * np.asarray(height, np.float32)[:, None])


def finished(rng: np.random.Generator, mesh: Mesh, turn: bool = False) -> Mesh:
    """The mesh made a subject: about the origin with radius 1 and, often, moving: turning, or swinging on one side.

    What has no part yet is part 1. With `turn` it is first turned at random, for things that lie any way up.
    """
    mesh = (mesh.moved(rotate=rotation(rng)) if turn else mesh).centred()
    mesh = replace(mesh, part=np.maximum(mesh.part, 1))
    chance = rng.random()
    if chance < 0.3:
        return mesh
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    points = mesh.vertices.astype(np.float64)
    motion = np.cross(axis * rng.uniform(0.005, 0.04), points) + rng.normal(0, 0.01, 3)
    if chance > 0.75:
        along = points @ rotation(rng)[0]
        low, high = np.quantile(along, (0.5, 0.9))
        motion = motion * smoothstep(low, high, along)[:, None]
    return replace(mesh, motion=motion)
