"""The cells of bevelled boxes, and turns about the upright axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from onelight.soundstage.mesh import Floats, grid_faces


def turned_by(angle: float) -> Floats:
    """A turn about the upright axis [3, 3], radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([(c, 0, s), (0, 1, 0), (-s, 0, c)], np.float32)


def turns_of(turns: ArrayLike | None, count: int) -> np.ndarray:
    if turns is None:
        return np.broadcast_to(np.eye(3), (count, 3, 3))
    turns = np.asarray(turns, np.float64)
    if turns.ndim >= 2:
        return np.broadcast_to(turns, (count, 3, 3))
    return np.stack([turned_by(float(angle)) for angle in np.broadcast_to(turns, count)])


def shell(x: int, y: int, z: int, bevelled: bool) -> tuple[np.ndarray, np.ndarray]:
    """The six sides of a box with x × y × z cells as places [N, 3]: -1..1 on the flats, to ±1.5 round the bevels."""
    axes = [np.linspace(-1, 1, count + 1) for count in (x, y, z)]
    if bevelled:
        axes = [np.concatenate([[-1.5, -1.25], axis, [1.25, 1.5]]) for axis in axes]
    places, faces, start = [], [], 0
    for axis in range(3):
        u, v = axes[(axis + 1) % 3], axes[(axis + 2) % 3]
        grid_u, grid_v = (value.ravel() for value in np.meshgrid(u, v))
        face = grid_faces(len(v), len(u))
        for side in (1.0, -1.0):
            place = np.empty((len(grid_u), 3))
            place[:, axis] = side * (1.5 if bevelled else 1)
            place[:, (axis + 1) % 3], place[:, (axis + 2) % 3] = grid_u, grid_v
            places.append(place)
            faces.append((face if side > 0 else face[:, ::-1]) + np.uint32(start))
            start += len(place)
    return np.concatenate(places), np.concatenate(faces)
