"""Builds sets from panels, boxes, turned and bent things, each with as many vertices as the camera can tell apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from onelight.soundstage import materials, surfaces
from onelight.soundstage.boxes import shell, turns_of
from onelight.soundstage.families import Built, Camera
from onelight.soundstage.materials import Look
from onelight.soundstage.mesh import Mesh, grid_faces, merged

PICTURE = 256  # edge of the picture at detail 1, pixels
_CELLS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128])
_PLAINER = 2.0  # boxes and turned things carry less drawing than walls and floors, which get the finest cells
_UNSEEN = 8.0  # what no lens sees casts shadows still, for which coarser cells do

Vector = Sequence[float] | np.ndarray
Dye = Callable[[np.ndarray, np.ndarray], Look]  # points [N, 3] and places [N, 2] on a thing, metres, to its look


class Relief(NamedTuple):
    """What a panel carries: heights [N] in metres, and its own look where the dye does not tell."""

    height: np.ndarray
    look: Look | None = None


class Set:
    """A set under construction around one camera. Things added get part ids of their own unless they are backdrop."""

    def __init__(self, rng: np.random.Generator, camera: Camera, detail: float, coarse: float = 1.35) -> None:
        self.rng, self.camera = rng, camera
        self.eye = np.asarray(camera.eye, np.float64)
        ahead = np.asarray(camera.target, np.float64) - self.eye
        self.ahead = ahead / np.linalg.norm(ahead)
        self.half = np.radians(camera.fov) / 2
        self.pixel = coarse * np.tan(self.half) * 2 / PICTURE / max(detail, 0.05)
        self._meshes: list[Mesh] = []
        self._parts = 0

    # ---- how fine

    def spacing(self, points: np.ndarray, along: np.ndarray | None = None) -> np.ndarray:
        """Distance between vertices [N] that points want, metres; larger along a direction seen at a slant."""
        ray = np.asarray(points, np.float64) - self.eye
        distance = np.maximum(np.linalg.norm(ray, axis=-1), 0.4)
        ray = ray / distance[..., None]
        seen = ray @ self.ahead > np.cos(min(self.half * 1.5 + 0.08, 1.5))
        wanted = self.pixel * distance * np.where(seen, 1.0, _UNSEEN)
        if along is not None:
            wanted = wanted / np.maximum(np.sqrt(np.maximum(1 - (ray @ along) ** 2, 0)), 0.3)
        return wanted

    def part(self) -> int:
        """The next free part id."""
        self._parts += 1
        return self._parts

    def steps(
        self, start: np.ndarray, along: np.ndarray, across: np.ndarray, lines: Sequence[float] = ()
    ) -> np.ndarray:
        """Positions [n] in metres along one side of a panel, denser near the lens; `lines` fall between two."""
        length = float(np.linalg.norm(along))
        share = np.linspace(0, 1, 33)
        points = start + share[:, None, None] * along + np.linspace(0, 1, 9)[:, None] * across
        wanted = np.quantile(self.spacing(points, along / max(length, 1e-9)), 0.3, axis=1)
        travelled = np.concatenate([[0], np.cumsum((1 / wanted[1:] + 1 / wanted[:-1]) / 2 * (length / 32))])
        count = int(np.clip(np.ceil(travelled[-1]), 1, 900)) + 1
        at = np.interp(np.linspace(0, travelled[-1], count), travelled, share * length)
        if len(lines):
            edges = np.asarray(lines, np.float64)
            edges = edges[(edges > 2e-4) & (edges < length - 2e-4)]
            at = np.unique(np.round(np.concatenate([at, edges - 1e-4, edges + 1e-4]), 6))
        return at

    # ---- things

    def add(self, mesh: Mesh, look: Look | None = None, part: int | None = None) -> Mesh:
        """Puts a mesh on the set, in a look if given, as a part of its own (0: backdrop). Returns what was put."""
        mesh = mesh if look is None else materials.dressed_in(mesh, look)
        mesh = replace(mesh, part=np.uint16(self.part() if part is None else part))
        self._meshes.append(mesh)
        return mesh

    def panel(
        self,
        origin: Vector,
        along: Vector,
        up: Vector,
        dye: Dye | Look,
        relief: Callable[[np.ndarray, np.ndarray], Relief] | None = None,
        lines: tuple[Sequence[float], Sequence[float]] = ((), ()),
        shape: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray] | None = None,
        part: int | None = None,
    ) -> Mesh:
        """A rectangle from `origin`, with edges `along` and `up`; its front is the side of along × up.

        `relief` gives heights over places (u, v), metres along the edges; `lines` are values of u and of v where it
        jumps; `shape` bends the finished points [N, 3] (it also gets u and v).
        """
        o, a, b = (np.asarray(value, np.float64) for value in (origin, along, up))
        u_at, v_at = self.steps(o, a, b, lines[0]), self.steps(o, b, a, lines[1])
        u, v = (axis.ravel() for axis in np.meshgrid(u_at, v_at))
        a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
        points = o + u[:, None] * a + v[:, None] * b
        made = relief(u, v) if relief else None
        if made is not None:
            points = points + made.height[:, None] * np.cross(a, b)
        if shape is not None:
            points = shape(points, u, v)
        look = made.look if made is not None else None
        look = look or (dye if isinstance(dye, Look) else dye(points, np.stack([u, v], 1)))
        mesh = Mesh(points.astype(np.float32), grid_faces(len(v_at), len(u_at)))
        return self.add(mesh, look, part)

    def surface(
        self,
        points: np.ndarray,
        uv: np.ndarray,
        dye: Dye | Look,
        relief: Callable[..., Relief] | None = None,
        part: int | None = None,
    ) -> Mesh:
        """A bent sheet over points [R, C, 3] with places [R, C, 2] on it, metres; `grid_faces` tells its front."""
        flat, places = points.reshape(-1, 3), uv.reshape(-1, 2)
        mesh = Mesh(flat.astype(np.float32), grid_faces(*points.shape[:2]))
        made = relief(*places.T) if relief else Relief(np.zeros(len(flat)))
        mesh = surfaces.pushed(mesh, made.height)
        look = made.look or (dye if isinstance(dye, Look) else dye(flat, places))
        return self.add(mesh, look, part)

    def count(self, points: np.ndarray, most: int = 300) -> int:
        """How many vertices a line through points [N, 3] wants."""
        lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
        return int(np.clip((lengths / self.spacing((points[1:] + points[:-1]) / 2)).sum(), 3, most)) + 1

    def boxes(
        self,
        centres: ArrayLike,
        sizes: ArrayLike,
        dye: Dye | Look | Sequence[Look],
        bevel: float = 0.01,
        turns: ArrayLike | None = None,
        part: int | None = None,
        motion: ArrayLike | None = None,
        most: int = 128,
    ) -> Mesh:
        """Boxes [K] with bevelled edges about centres [K, 3], of full sizes [K, 3], metres; one part.

        `turns` are [K] radians about y or matrices [K, 3, 3]; a list of looks paints the boxes in turn; no side has
        over `most` cells.
        """
        centres = np.atleast_2d(np.asarray(centres, np.float64))
        sizes = np.broadcast_to(np.atleast_2d(np.asarray(sizes, np.float64)), centres.shape)
        turn = turns_of(turns, len(centres))
        count = len(centres)
        distance = np.maximum(np.linalg.norm(centres - self.eye, axis=1), 0.4)
        nearer = np.clip(1 - np.linalg.norm(sizes, axis=1) / 2 / distance, 0.4, 1)
        step = self.spacing(centres) * nearer * _PLAINER
        # Boxes of about one shape share one layout of cells, so that a hundred books cost a few array operations.
        cells = _CELLS[np.searchsorted(_CELLS, np.minimum(sizes / step[:, None], most))]
        layout = np.concatenate([cells, (bevel * 4 > step)[:, None]], 1)
        kinds, kind = np.unique(layout, axis=0, return_inverse=True)
        shift = None if motion is None else np.broadcast_to(np.asarray(motion, np.float32), (count, 3))
        meshes = []
        for number, (x, y, z, bevelled) in enumerate(kinds):
            which = np.flatnonzero(kind.ravel() == number)
            soft = np.minimum(bevel, sizes[which].min(1) * 0.3)[:, None, None] * bevelled
            unit, faces = shell(int(x), int(y), int(z), bool(bevelled))
            inner = np.clip(unit, -1, 1)
            way = unit - inner  # nonzero in the bevel only: how far round the edge
            way = way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
            local = inner * (sizes[which, None] / 2 - soft) + soft * way
            points = (np.einsum("kij,knj->kni", turn[which], local) + centres[which, None]).reshape(-1, 3)
            of = np.repeat(which, len(unit))
            starts = np.arange(len(which))[:, None, None] * len(unit)
            mesh = Mesh(
                points.astype(np.float32), (faces[None].astype(np.int64) + starts).reshape(-1, 3).astype(np.uint32)
            )
            if isinstance(dye, Look):
                look = dye
            elif callable(dye):
                flat = (local + sizes[which, None] / 2).reshape(-1, 3)
                look = dye(flat + centres[of] * 3.7, flat[:, :2])
            else:
                look = materials.each_of(dye, of % len(dye))
            mesh = materials.dressed_in(mesh, look)
            meshes.append(mesh if shift is None else replace(mesh, motion=shift[of]))
        return self.add(merged(meshes), part=part)

    def turned(self, profile: np.ndarray, at: Vector, dye: Dye | Look, part: int | None = None, carve: int = 0) -> Mesh:
        """A turned thing standing at a place: a profile [R, 2] (radius, height), metres; `carve` flutes its shaft."""
        at = np.asarray(at, np.float64)
        profile = np.asarray(profile, np.float64)
        middle = at + np.array([0, profile[:, 1].mean(), 0])
        step = float(self.spacing(middle)) * _PLAINER * 0.75
        length = float(np.linalg.norm(np.diff(profile, axis=0), axis=1).sum())
        rows = int(np.clip(length / step, len(profile), 500))
        travelled = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(profile, axis=0), axis=1))])
        even = np.unique(np.concatenate([np.linspace(0, travelled[-1], rows), travelled]))
        fine = np.stack([np.interp(even, travelled, profile[:, axis]) for axis in (0, 1)], 1)
        columns = int(np.clip(2 * np.pi * profile[:, 0].max() / step, 10, 400))
        vertices, faces = surfaces.revolved(fine, columns)
        if carve:
            share = (vertices[:, 1] - profile[0, 1]) / max(float(np.ptp(profile[:, 1])), 1e-9)
            groove = np.abs(np.sin(np.arctan2(vertices[:, 0], vertices[:, 2]) * carve / 2)) ** 0.5
            deep = 1 - 0.09 * (1 - groove) * ((share > 0.12) & (share < 0.88))
            vertices = vertices * np.stack([deep, np.ones_like(deep), deep], 1)
        mesh = Mesh((vertices + at).astype(np.float32), faces)
        if profile[:, 0].max() * 8 > step:  # what is a pixel wide has no edges to keep
            mesh = mesh.with_hard_edges(50)
        around = np.arctan2(mesh.vertices[:, 0] - at[0], mesh.vertices[:, 2] - at[2]) * profile[:, 0].max()
        return self._painted(mesh, dye, np.stack([around, mesh.vertices[:, 1] - at[1]], 1), part)

    def tube(self, path: np.ndarray, radius: np.ndarray | float, dye: Dye | Look, part: int | None = None) -> Mesh:
        """A round bar along points [N, 3], smoothly bent; `radius` one number or one per point."""
        path = np.asarray(path, np.float64)
        step = float(np.quantile(self.spacing(path), 0.3))
        length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
        count = int(np.clip(length / step / 1.5, max(4, len(path)), 300))
        width = np.broadcast_to(radius, len(path))
        fine = surfaces.curve(path, count)
        radii = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(path)), width)
        sides = int(np.clip(2 * np.pi * width.max() / step, 6, 64))
        vertices, faces = surfaces.swept(fine, radii, sides)
        return self._painted(Mesh(vertices.astype(np.float32), faces), dye, vertices[:, :2], part)

    def give_motion(self, mesh: Mesh, motion: np.ndarray) -> None:
        """Sets the motion [V, 3] of a mesh that stands on the set, metres to the next frame."""
        place = next(i for i, known in enumerate(self._meshes) if known is mesh)
        self._meshes[place] = replace(mesh, motion=motion)

    def cut(self, mesh: Mesh, hole: np.ndarray) -> None:
        """Takes faces whose corners all lie in the hole [V] out of a mesh that stands on the set."""
        place = next(i for i, known in enumerate(self._meshes) if known is mesh)
        self._meshes[place] = replace(mesh, faces=mesh.faces[~hole[mesh.faces.astype(np.int64)].all(1)])

    def _painted(self, mesh: Mesh, dye: Dye | Look, uv: np.ndarray, part: int | None) -> Mesh:
        return self.add(mesh, dye if isinstance(dye, Look) else dye(mesh.vertices.astype(np.float64), uv), part)

    def built(self, sky: bool = False) -> Built:
        """The set as the stage wants it."""
        return Built(merged(self._meshes), self.camera, sky=sky, dressed=True)
