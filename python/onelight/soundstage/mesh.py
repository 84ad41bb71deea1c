"""Triangle meshes with what a renderer needs at each vertex: colour, surface, motion and which thing it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]


def _absent(dtype: type) -> np.ndarray:
    """Stands for an attribute that was not given, until `Mesh` fills it in."""
    return np.zeros(0, dtype)


@dataclass(frozen=True)
class Mesh:
    """Triangles, counter-clockwise seen from outside; metres, y up. Attributes belong to vertices.

    Of the attributes a plain number stands for all vertices, a missing one for its default: colour 0.5 (linear RGB),
    roughness 0.7, specular 0.3 (0 is Lambertian), metallic 0, motion 0 (metres to the next frame), part 0
    (0 is ground or backdrop, subjects count from 1). Raises ValueError where shapes or indices do not fit.
    """

    vertices: Floats  # [V, 3]
    faces: NDArray[np.uint32]  # [F, 3]
    colour: Floats = field(default_factory=lambda: _absent(np.float32))  # [V, 3]
    roughness: Floats = field(default_factory=lambda: _absent(np.float32))  # [V]
    specular: Floats = field(default_factory=lambda: _absent(np.float32))  # [V]
    metallic: Floats = field(default_factory=lambda: _absent(np.float32))  # [V]
    motion: Floats = field(default_factory=lambda: _absent(np.float32))  # [V, 3]
    part: NDArray[np.uint16] = field(default_factory=lambda: _absent(np.uint16))  # [V]

    def __post_init__(self) -> None:
        vertices = np.ascontiguousarray(self.vertices, np.float32)
        faces = np.ascontiguousarray(self.faces, np.uint32)
        if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
            raise ValueError(f"a mesh wants vertices [V, 3] and faces [F, 3], not {vertices.shape} and {faces.shape}")
        if faces.size and int(faces.max()) >= len(vertices):
            raise ValueError(f"a face speaks of vertex {int(faces.max())}, but there are {len(vertices)} vertices")
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "faces", faces)
        for name, default, width, dtype in _ATTRIBUTES:
            given = np.asarray(getattr(self, name), dtype)
            given = np.asarray(default, dtype) if given.shape == (0,) else given
            shape = (len(vertices), width) if width else (len(vertices),)
            try:
                filled = np.ascontiguousarray(np.broadcast_to(given, shape))
            except ValueError:
                raise ValueError(f"{name} has the shape {given.shape}, but {shape} was expected") from None
            object.__setattr__(self, name, filled)

    def normals(self) -> Floats:
        """Area-weighted unit normals [V, 3]; vertices that are not shared along an edge make that edge hard."""
        corners = self.vertices[self.faces.astype(np.int64)]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        index = self.faces.ravel()
        summed = [np.bincount(index, np.repeat(across[:, axis], 3), len(self.vertices)) for axis in range(3)]
        total = np.stack(summed, 1)
        length = np.linalg.norm(total, axis=1, keepdims=True)
        return np.where(length > 1e-20, total / np.maximum(length, 1e-20), (0.0, 1.0, 0.0)).astype(np.float32)

    def radius(self) -> float:
        """Distance of the furthest vertex from the origin, metres."""
        return float(np.sqrt((self.vertices.astype(np.float64) ** 2).sum(1).max())) if len(self.vertices) else 0.0

    def moved(
        self,
        matrix: ArrayLike | None = None,
        *,
        scale: float | Sequence[float] = 1.0,
        rotate: ArrayLike | None = None,
        translate: Sequence[float] | np.ndarray = (0.0, 0.0, 0.0),
    ) -> Mesh:
        """The mesh scaled, then turned by `rotate` [3, 3], then translated; or moved by a `matrix` [4, 4].

        Motion turns and scales along. A mirroring transform turns the faces round, so that they still face out.
        """
        if matrix is not None:
            whole = np.asarray(matrix, np.float64)
            linear, offset = whole[:3, :3], whole[:3, 3]
        else:
            turn = np.eye(3) if rotate is None else np.asarray(rotate, np.float64)
            linear = turn @ np.diag(np.broadcast_to(np.asarray(scale, np.float64), 3))
            offset = np.asarray(translate, np.float64)
        faces = self.faces if np.linalg.det(linear) >= 0 else self.faces[:, ::-1]
        vertices, motion = self.vertices @ linear.T + offset, self.motion @ linear.T
        return replace(self, vertices=vertices, faces=faces, motion=motion)

    def centred(self, radius: float = 1.0) -> Mesh:
        """The mesh with its bounding box about the origin, scaled so that its furthest vertex is `radius` away."""
        middle = (self.vertices.min(0) + self.vertices.max(0)) / 2
        there = replace(self, vertices=self.vertices - middle)
        return there.moved(scale=radius / max(there.radius(), 1e-9))

    def with_hard_edges(self, degrees: float = 35.0) -> Mesh:
        """The mesh with vertices split wherever two faces meet at more than `degrees`, so that edges stay crisp."""
        corners = self.vertices[self.faces.astype(np.int64)].astype(np.float64)
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        flat = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-20)
        index = self.faces.ravel().astype(np.int64)
        smooth = self.normals()[index]
        turned = (np.repeat(flat, 3, axis=0) * smooth).sum(1) < np.cos(np.radians(degrees / 2))
        # Corners on the sharp side leave the shared vertex, grouped by the way they face, so that flats stay whole.
        way = np.round(np.repeat(flat, 3, axis=0) * 2).astype(np.int64) + 2
        key = index * 126 + np.where(turned, 1 + way @ np.array([25, 5, 1]), 0)
        kept, inverse = np.unique(key, return_inverse=True)
        source = kept // 126
        attributes = {name: getattr(self, name)[source] for name, *_ in _ATTRIBUTES}
        return Mesh(self.vertices[source], inverse.reshape(-1, 3).astype(np.uint32), **attributes)


_ATTRIBUTES = (
    ("colour", 0.5, 3, np.float32),
    ("roughness", 0.7, 0, np.float32),
    ("specular", 0.3, 0, np.float32),
    ("metallic", 0.0, 0, np.float32),
    ("motion", 0.0, 3, np.float32),
    ("part", 0, 0, np.uint16),
)


def grid_faces(rows: int, columns: int, wrap: bool = False) -> NDArray[np.uint32]:
    """Triangles [F, 3] over a grid of rows × columns vertices; with `wrap` the last column joins the first.

    They face the side from which rows run up and columns run to the right (row × column order: right-handed).
    """
    across = columns if wrap else columns - 1
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(across), indexing="ij")
    right = (column + 1) % columns
    a, b = row * columns + column, row * columns + right
    c, d = (row + 1) * columns + right, (row + 1) * columns + column
    faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], -2)
    return faces.reshape(-1, 3).astype(np.uint32)


def merged(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of several, unwelded; parts keep their ids. Raises ValueError where there is none."""
    if not meshes:
        raise ValueError("there is no mesh to merge: at least one was expected")
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    faces = [mesh.faces.astype(np.int64) + start for mesh, start in zip(meshes, starts, strict=True)]
    attributes = {name: np.concatenate([getattr(mesh, name) for mesh in meshes]) for name, *_ in _ATTRIBUTES}
    vertices = np.concatenate([mesh.vertices for mesh in meshes])
    return Mesh(vertices, np.concatenate(faces).astype(np.uint32), **attributes)
