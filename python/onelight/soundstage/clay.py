"""Modelling in clay: distances on a grid, to which solids are joined and from which they are cut, then a mesh of it.

Each solid touches only the box of cells about it, so that a hundred limbs cost little more than ten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import map_coordinates
from skimage.measure import label, marching_cubes

from onelight.soundstage import reliefs
from onelight.soundstage.mesh import Mesh
from onelight.soundstage.surfaces import pushed, subdivided, vertices_wanted

Axes = tuple[np.ndarray, np.ndarray, np.ndarray]  # x [1, 1, n], y [1, n, 1], z [n, 1, 1], metres, or points' [N] each
Distance = Callable[[Axes], np.ndarray]

_CELLS = 92  # a side at detail 1: each about two pixels of a picture of 256


class Solid:
    """A distance, negative inside, and the box outside of which it is of no interest."""

    def __init__(self, distance: Distance, low: ArrayLike, high: ArrayLike) -> None:
        self.distance, self.low, self.high = distance, np.asarray(low, float), np.asarray(high, float)


class Clay:
    """A block about the origin that reaches `extent` metres each way; empty at first."""

    def __init__(self, detail: float, extent: float = 1.1) -> None:
        cells = max(24, int(_CELLS * detail))
        self.axis = np.linspace(-extent, extent, cells, dtype=np.float32)
        self.step = float(self.axis[1] - self.axis[0])
        self.field = np.full((cells,) * 3, 4 * extent, np.float32)  # [z, y, x]
        self.owner = np.ones((cells,) * 3, np.uint8)

    def join(self, solid: Solid, blend: float = 0.05, part: int = 1) -> None:
        """Adds a solid; where surfaces come nearer than `blend` they meet in a fillet (Quilez, smooth minimum)."""
        box, axes = self._box(solid, blend)
        if axes is None:
            return
        old, new = self.field[box], np.asarray(solid.distance(axes), np.float32)
        self.owner[box][new < old] = part
        near = np.maximum(blend - np.abs(old - new), 0)
        self.field[box] = np.minimum(old, new) - near * near * np.float32(0.25 / max(blend, 1e-6))

    def cut(self, solid: Solid, blend: float = 0.02) -> None:
        """Takes a solid away; the edge is rounded over `blend`."""
        box, axes = self._box(solid, blend + 2 * self.step)
        if axes is None:
            return
        old, new = self.field[box], -np.asarray(solid.distance(axes), np.float32)
        near = np.maximum(blend - np.abs(old - new), 0)
        self.field[box] = np.maximum(old, new) + near * near * np.float32(0.25 / max(blend, 1e-6))

    def mesh(self, detail: float) -> Mesh:
        """The surface of the largest piece, cut fine enough for `detail` and drawn back onto the field; closed.

        Clay that would stick out of the block is cut flat there.
        """
        field = self.field.copy()
        pieces = np.asarray(label(field < 0, connectivity=1))
        sizes = np.bincount(pieces.ravel())
        if len(sizes) > 2:
            field[(pieces > 0) & (pieces != sizes[1:].argmax() + 1)] = 0.5 * self.step
        for side in (np.s_[:1], np.s_[-1:], np.s_[:, :1], np.s_[:, -1:], np.s_[:, :, :1], np.s_[:, :, -1:]):
            field[side] = np.maximum(field[side], 0.5 * self.step)
        vertices, faces, _, _ = marching_cubes(field, 0.0, gradient_direction="ascent")
        faces = faces.astype(np.uint32)
        while len(vertices) < 0.4 * vertices_wanted(detail):
            vertices, faces = subdivided(vertices, faces)
            vertices = self._drawn(field, vertices)
        at = np.clip(np.round(vertices).astype(np.int64), 0, len(self.axis) - 1)
        part = self.owner[tuple(at.T)].astype(np.uint16)
        places = vertices[:, ::-1] * self.step + self.axis[0]
        return Mesh(places.astype(np.float32), faces, part=part)

    def depth(self, mesh: Mesh, reach: float) -> np.ndarray:
        """How much clay lies under each vertex [V]: 1 where it goes on for `reach` metres, 0 on the thinnest wall."""
        below = (mesh.vertices - reach * mesh.normals() - self.axis[0]) / self.step
        under = map_coordinates(self.field, below[:, ::-1].T, np.float32, 1, "nearest")
        return np.clip(-np.asarray(under) / reach, 0, 1)

    def weathered(
        self,
        rng: np.random.Generator,
        detail: float,
        styles: Sequence[reliefs.Style] = reliefs.STYLES,
        strength: float = 1.0,
        bare: float = 0.3,
    ) -> Mesh:
        """The surface with fine relief, shallower where the clay is thin so that nothing breaks through."""
        mesh = self.mesh(detail)
        size = mesh.radius()
        height = reliefs.worn(rng, mesh.vertices / size, styles, strength, bare) * size
        return pushed(mesh, height * (0.1 + 0.9 * self.depth(mesh, 0.09 * size)))

    def _drawn(self, field: np.ndarray, vertices: np.ndarray) -> np.ndarray:
        """One Newton step onto the field averaged over a cell, in cells; kept short where the field is not steep."""
        probes = np.concatenate([vertices + shift for shift in (*(0.5 * np.eye(3)), *(-0.5 * np.eye(3)))])
        around = map_coordinates(field, probes.T, np.float32, 1, "nearest").reshape(6, -1)
        slope = (around[:3] - around[3:]).T
        value = around.mean(0)
        step = value / np.maximum((slope * slope).sum(1), (0.3 * self.step) ** 2)
        moved = -step[:, None] * slope
        return (vertices + np.clip(moved, -0.35, 0.35)).astype(np.float32)

    def _box(self, solid: Solid, margin: float) -> tuple[tuple[slice, slice, slice], Axes | None]:
        low = np.searchsorted(self.axis, solid.low - margin - self.step)
        high = np.searchsorted(self.axis, solid.high + margin + self.step)
        x, y, z = (slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
        axis = self.axis
        axes = axis[None, None, x], axis[None, y, None], axis[z, None, None]
        return (z, y, x), axes if all(part.size for part in axes) else None


def at(x: float, y: float, z: float) -> np.ndarray:
    """A place, or the way from one to another, metres."""
    return np.array([x, y, z])


def limb(start: ArrayLike, end: ArrayLike, near: float, far: float) -> Solid:
    """A capsule that goes from radius `near` at `start` to `far` at `end`."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    along = b - a
    length = float(along @ along) + 1e-9
    radius = max(near, far)

    def distance(axes: Axes) -> np.ndarray:
        x, y, z = (axis - np.float32(origin) for axis, origin in zip(axes, a, strict=True))
        t = np.clip((x * along[0] + y * along[1] + z * along[2]) / length, 0, 1)
        away = (x - t * along[0]) ** 2 + (y - t * along[1]) ** 2 + (z - t * along[2]) ** 2
        return np.sqrt(away) - (near + (far - near) * t)

    return Solid(distance, np.minimum(a, b) - radius, np.maximum(a, b) + radius)


def chain(points: ArrayLike, radii: ArrayLike) -> list[Solid]:
    """Limbs end to end through points [N, 3], of radii [N]."""
    at, thick = np.asarray(points, float), np.asarray(radii, float)
    return [limb(*ends) for ends in zip(at, at[1:], thick, thick[1:], strict=False)]


def ellipsoid(centre: ArrayLike, radii: ArrayLike, turn: np.ndarray | None = None) -> Solid:
    """An ellipsoid, turned by a matrix [3, 3]; its distance is near to true around its surface."""
    return _turned(centre, radii, turn, _ellipsoid_distance)


def box(centre: ArrayLike, half: ArrayLike, turn: np.ndarray | None = None, rounding: float = 0.03) -> Solid:
    """A box of half sides `half` with rounded edges."""

    def distance(local: Axes, size: np.ndarray) -> np.ndarray:
        over = [np.abs(axis) - (side - rounding) for axis, side in zip(local, size, strict=True)]
        outside = np.sqrt(sum(np.maximum(part, 0) ** 2 for part in over))
        return outside + np.minimum(np.maximum(np.maximum(over[0], over[1]), over[2]), 0) - rounding

    return _turned(centre, half, turn, distance)


def cylinder(
    centre: ArrayLike, radius: float, half: float, turn: np.ndarray | None = None, edge: float = 0.02
) -> Solid:
    """A cylinder along its own y axis with rounded rims."""

    def distance(local: Axes, size: np.ndarray) -> np.ndarray:
        round_, flat = np.sqrt(local[0] ** 2 + local[2] ** 2) - radius + edge, np.abs(local[1]) - half + edge
        outside = np.sqrt(np.maximum(round_, 0) ** 2 + np.maximum(flat, 0) ** 2)
        return outside + np.minimum(np.maximum(round_, flat), 0) - edge

    return _turned(centre, (radius, half, radius), turn, distance)


def ring(centre: ArrayLike, radius: float, tube: float, turn: np.ndarray | None = None) -> Solid:
    """A torus about its own y axis."""

    def distance(local: Axes, size: np.ndarray) -> np.ndarray:
        return np.sqrt((np.sqrt(local[0] ** 2 + local[2] ** 2) - radius) ** 2 + local[1] ** 2) - tube

    return _turned(centre, (radius + tube, tube, radius + tube), turn, distance)


def _ellipsoid_distance(local: Axes, size: np.ndarray) -> np.ndarray:
    scaled = [axis / side for axis, side in zip(local, size, strict=True)]
    near = np.sqrt(sum(part * part for part in scaled))
    steep = np.sqrt(sum((part / side) ** 2 for part, side in zip(scaled, size, strict=True)))
    return near * (near - 1) / np.maximum(steep, 1e-6)


def _turned(
    centre: ArrayLike, size: ArrayLike, turn: np.ndarray | None, local: Callable[[Axes, np.ndarray], np.ndarray]
) -> Solid:
    middle, half = np.asarray(centre, float), np.asarray(size, np.float32)
    rows = np.eye(3) if turn is None else np.asarray(turn)
    reach = np.abs(rows) @ half  # of the turned box along each axis of the world

    def distance(axes: Axes) -> np.ndarray:
        x, y, z = (axis - np.float32(origin) for axis, origin in zip(axes, middle, strict=True))
        if turn is None:
            return local((x, y, z), half)
        own = [x * np.float32(r[0]) + y * np.float32(r[1]) + z * np.float32(r[2]) for r in rows.T]
        return local((own[0], own[1], own[2]), half)

    return Solid(distance, middle - reach, middle + reach)
