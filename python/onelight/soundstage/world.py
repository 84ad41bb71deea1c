"""A scene's mesh where drjit's kernels reach it: rays, what they hit, and the attributes there."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from onelight.errors import NotReady
from onelight.soundstage.camera import View
from onelight.soundstage.mesh import Floats, Mesh


@functools.cache
def backend() -> tuple[Any, Any]:
    """The modules drjit and mitsuba, ready to trace on this machine's processor. Raises NotReady if they are not."""
    try:
        import drjit
        import mitsuba
    except ImportError as error:
        raise NotReady(
            f"The soundstage renders with mitsuba, which is not installed here ({error}): "
            "pip install 'onelight[soundstage]'."
        ) from error
    try:
        mitsuba.set_variant("llvm_ad_rgb")
        drjit.eval(mitsuba.Float([0.0]) + 1)
    except Exception as error:  # drjit raises bare exceptions of several kinds when it finds no LLVM
        raise NotReady(
            f"The soundstage renders through LLVM, which mitsuba did not find ({error}): install the shared library "
            "(Debian: apt install libllvm19), or set DRJIT_LIBLLVM_PATH to it."
        ) from error
    return drjit, mitsuba


class World:
    """A mesh as triangles that rays hit, seen by a camera of S × S pixels. Its kernels serve every scene."""

    def __init__(self, mesh: Mesh, view: View, size: int) -> None:
        self.dr, self.mi = dr, mi = backend()
        self.mesh, self.view, self.size = mesh, view, size
        holder = mi.Mesh("stage", len(mesh.vertices), len(mesh.faces))
        parameters = mi.traverse(holder)
        parameters["vertex_positions"] = mesh.vertices.ravel()
        parameters["faces"] = mesh.faces.ravel()
        parameters.update()
        self.scene = mi.load_dict({"type": "scene", "mesh": holder})
        surface = np.stack([mesh.roughness, mesh.specular, mesh.metallic], 1)
        self.faces = mi.UInt32(mesh.faces.ravel())
        self.points, self.normals, self.colours, self.surfaces = (
            mi.Float(values.ravel()) for values in (mesh.vertices, mesh.normals(), mesh.colour, surface)
        )
        self.parts = mi.UInt32(mesh.part.astype(np.uint32))
        # Opaque: a number of this scene must not become a part of the kernel, which would be compiled anew for each.
        self.eye = dr.opaque(mi.Point3f, list(view.eye))
        self.axes = [dr.opaque(mi.Vector3f, list(axis)) for axis in view.axes]
        self.reach = dr.opaque(mi.Float, view.reach)

    def looking(self, x: Any, y: Any, size: int = 0) -> Any:
        """The ray from the eye through pixels x, y of a picture of `size` pixels (else the camera's own)."""
        right, up, back = self.axes
        scale = 2 / (size or self.size)
        way = right * ((x * scale - 1) * self.reach) + up * ((1 - y * scale) * self.reach) - back
        return self.mi.Ray3f(self.eye, self.dr.normalize(way))

    def centres(self) -> Any:
        """The rays through the centres of all pixels, row by row."""
        mi = self.mi
        pixel = self.dr.arange(mi.UInt32, self.size * self.size)
        return self.looking(mi.Float(pixel % self.size) + 0.5, mi.Float(pixel // self.size) + 0.5)

    def hit(self, ray: Any, active: Any = True, coherent: bool = False) -> Any:
        return self.scene.ray_intersect_preliminary(ray, coherent=coherent, active=active)

    def blocked(self, place: Any, way: Any, active: Any) -> Any:
        return self.scene.ray_test(self.mi.Ray3f(place, way), active=active)

    def corners(self, triangle: Any, active: Any) -> list[Any]:
        """The three vertices of triangles."""
        return list(self.dr.gather(self.mi.Vector3u, self.faces, triangle, active))

    def at(self, table: Any, corners: list[Any], uv: Any, active: Any) -> Any:
        """An attribute of three channels between the corners."""
        a, b, c = (self.dr.gather(self.mi.Vector3f, table, corner, active) for corner in corners)
        return a * (1 - uv.x - uv.y) + b * uv.x + c * uv.y

    def facet(self, corners: list[Any], active: Any) -> Any:
        """The flat unit normal of triangles."""
        a, b, c = (self.dr.gather(self.mi.Vector3f, self.points, corner, active) for corner in corners)
        return self.dr.normalize(self.dr.cross(b - a, c - a))

    def lifted(self, place: Any, flat: Any) -> Any:
        """Points a little off their surface, so that rays from there do not hit it again."""
        dr = self.dr
        return self.mi.Point3f(place + flat * (2e-5 * (1 + dr.max(dr.abs(place)))))

    def lit_shares(self, lights: Floats, size: int = 48) -> np.ndarray:
        """For each light [L, 3] the share of what the camera sees that its rays reach, looked at coarsely."""
        dr, mi, count = self.dr, self.mi, len(lights)
        lane = dr.arange(mi.UInt32, size * size * count)
        pixel, light = lane // count, lane % count
        ray = self.looking(mi.Float(pixel % size) + 0.5, mi.Float(pixel // size) + 0.5, size)
        hit = self.hit(ray, coherent=True)
        valid = hit.is_valid()
        corners = self.corners(hit.prim_index, valid)
        flat = self.facet(corners, valid)
        flat = dr.select(dr.dot(flat, ray.d) > 0, -flat, flat)
        place = self.lifted(self.at(self.points, corners, hit.prim_uv, valid), flat)
        way = dr.gather(mi.Vector3f, mi.Float(np.ascontiguousarray(lights, np.float32).ravel()), light)
        facing = valid & (dr.dot(flat, way) > 0)
        reached = facing & ~self.blocked(place, way, facing)
        dr.eval(valid, reached)
        seen, lit = (np.asarray(flags).reshape(-1, count).sum(0) for flags in (valid, reached))
        return lit / np.maximum(seen, 1)
