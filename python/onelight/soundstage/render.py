"""Path-traces a scene once for all its lights: every key alone, the white dome alone, and the exact passes.

One kernel follows the paths of the camera; at each of their vertices it asks after every key light, and where a path
leaves the scene it meets the dome. So all lightings share the costly part, and a scene of six keys costs little more
than one. The surface is Lambert under a GGX coat (Walter et al. 2007; visible normals sampled after Dupuy and Benyoub
2023) with the usual metallic blend; a specular level of 0 is Lambert to the digit.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from onelight.errors import NotReady
from onelight.soundstage.camera import View
from onelight.soundstage.mesh import Floats, Mesh

VERTICES = 3  # of a path, after the camera: direct light and two bounces
SPREAD = np.array([0.7548776662466927, 0.5698402909980532])  # of the R2 sequence (Roberts 2018)


@dataclass(frozen=True)
class Traced:
    """What a trace gives: float32 [S, S, channels], linear; names as in `scenes.Scene`."""

    normals: Floats
    depth: Floats
    albedo: Floats
    motion: Floats
    subject: Floats  # coverage by parts >= 1
    coverage: Floats  # coverage by anything
    keys: Floats  # [L, S, S, 3]
    ambient: Floats  # without the dome itself behind the scene


@functools.cache
def backend() -> tuple[Any, Any]:
    """The modules drjit and mitsuba, ready to trace on this machine's processor. Raises NotReady if they are not."""
    try:
        import drjit
        import mitsuba
    except ImportError as error:
        raise NotReady(
            f"The soundstage renders with mitsuba, which is not installed here ({error}): pip install 'onelight[soundstage]'."
        ) from error
    try:
        mitsuba.set_variant("llvm_ad_rgb")
        drjit.eval(mitsuba.Float([0.0]) + 1)
    except Exception as error:  # noqa: BLE001 - drjit raises bare exceptions of several kinds when it finds no LLVM
        raise NotReady(
            f"The soundstage renders through LLVM, which mitsuba did not find ({error}): install the shared library "
            "(Debian: apt install libllvm19), or set DRJIT_LIBLLVM_PATH to it."
        ) from error
    return drjit, mitsuba


def trace(
    mesh: Mesh,
    view: View,
    later: View,
    lights: Floats,
    softness: Floats,
    *,
    size: int,
    samples: int,
    seed: int,
) -> Traced:
    """Render the mesh from `view`; `lights` [L, 3] are unit vectors in the world, `softness` [L] degrees across.

    A key alone gives irradiance π to a surface that faces it; the dome has radiance 1 all round. `later` is the
    view of the next frame, for the motion. The same arguments give the same bits on one machine.
    """
    dr, mi = backend()
    world = _World(dr, mi, mesh, view, size)
    return world.render(mesh, later, lights, softness, samples, seed)


class _World:
    """The mesh where the kernels reach it."""

    def __init__(self, dr: Any, mi: Any, mesh: Mesh, view: View, size: int) -> None:
        self.dr, self.mi, self.view, self.size = dr, mi, view, size
        holder = mi.Mesh("stage", len(mesh.vertices), len(mesh.faces))
        parameters = mi.traverse(holder)
        parameters["vertex_positions"] = mesh.vertices.ravel()
        parameters["faces"] = mesh.faces.ravel()
        parameters.update()
        self.scene = mi.load_dict({"type": "scene", "mesh": holder})
        surface = np.stack([mesh.roughness, mesh.specular, mesh.metallic], 1)
        self.faces = mi.UInt32(mesh.faces.ravel())
        self.table = [mi.Float(a.ravel()) for a in (mesh.vertices, mesh.normals(), mesh.colour, surface)]
        self.parts = mi.UInt32(mesh.part.astype(np.uint32))
        self.eye = dr.opaque(mi.Point3f, list(view.eye))
        right, up, back = (dr.opaque(mi.Vector3f, list(axis)) for axis in view.axes)
        self.axes, self.reach = (right, up, back), dr.opaque(mi.Float, view.reach)

    def ray(self, x: Any, y: Any) -> Any:
        """The direction seen at pixels x, y."""
        right, up, back = self.axes
        across, above = (x * (2 / self.size) - 1) * self.reach, (1 - y * (2 / self.size)) * self.reach
        return self.dr.normalize(right * across + up * above - back)

    def corners(self, prim: Any, active: Any) -> tuple[Any, Any, Any]:
        a, b, c = self.dr.gather(self.mi.Vector3u, self.faces, prim, active)
        return a, b, c

    def at(self, table: Any, corners: Any, uv: Any, active: Any) -> Any:
        dr, mi = self.dr, self.mi
        a, b, c = (dr.gather(mi.Vector3f, table, corner, active) for corner in corners)
        return a * (1 - uv.x - uv.y) + b * uv.x + c * uv.y

    def facet(self, corners: Any, active: Any) -> Any:
        """The flat normal of a triangle."""
        dr, mi = self.dr, self.mi
        a, b, c = (dr.gather(mi.Vector3f, self.table[0], corner, active) for corner in corners)
        return dr.normalize(dr.cross(b - a, c - a))

    def render(self, mesh: Mesh, later: View, lights: Floats, softness: Floats, samples: int, seed: int) -> Traced:
        dr, mi, size = self.dr, self.mi, self.size
        lane = dr.arange(mi.UInt32, size * size * samples)
        pixel, turn = lane // samples, lane % samples
        seeds = dr.opaque(mi.UInt32, seed & 0xFFFFFFFF)

        def pair(slot: int, depth: Any) -> Any:
            """Two numbers in [0, 1): well spread over a pixel's samples at the first vertex, independent later on."""
            first = depth == 0
            key = dr.select(first, pixel, lane + size * size)
            u, v = mi.sample_tea_32(key, seeds + (depth * 8 + slot))
            step = mi.Float((turn * _coprime(samples, slot)) % samples)
            u = mi.Float(u >> 8) * (1 / (1 << 24)) + dr.select(first, step * SPREAD[0], 0)
            v = mi.Float(v >> 8) * (1 / (1 << 24)) + dr.select(first, step * SPREAD[1], 0)
            return mi.Point2f(u - dr.floor(u), v - dr.floor(v))

        jitter = pair(0, mi.UInt32(0))
        way = self.ray(mi.Float(pixel % size) + jitter.x, mi.Float(pixel // size) + jitter.y)
        hit = self.scene.ray_intersect_preliminary(mi.Ray3f(self.eye, way), coherent=True)
        valid = hit.is_valid()
        corners = self.corners(hit.prim_index, valid)
        normal = dr.normalize(self.at(self.table[1], corners, hit.prim_uv, valid))
        normal = dr.select(dr.dot(self.facet(corners, valid), way) > 0, -normal, normal)
        seen = mi.Vector3f(*(dr.dot(normal, axis) for axis in self.axes))
        subject = valid & (dr.gather(mi.UInt32, self.parts, corners[0], valid) > 0)
        first = [*seen, *self.at(self.table[2], corners, hit.prim_uv, valid), mi.Float(1)]
        first = [dr.select(valid, value, 0) for value in first] + [dr.select(subject, mi.Float(1), 0)]

        sources = [dr.opaque(mi.Vector3f, list(light)) for light in np.asarray(lights, np.float64)]
        cosines = [dr.opaque(mi.Float, float(c)) for c in np.cos(np.radians(np.asarray(softness, np.float64)) / 2)]
        state = {
            "depth": mi.UInt32(0),
            "active": valid,
            "prim": hit.prim_index,
            "uv": mi.Point2f(hit.prim_uv),
            "way": mi.Vector3f(way),
            "weight": mi.Color3f(1),
            "dome": mi.Color3f(0),
            "lit": [mi.Color3f(0) for _ in sources],
        }

        def going(s: dict[str, Any]) -> Any:
            return s["active"]

        def step(s: dict[str, Any]) -> tuple[dict[str, Any]]:
            return (self.bounce(s, sources, cosines, pair),)

        (end,) = dr.while_loop((state,), going, step, label="paths")
        layers = [*first, *end["dome"], *(channel for light in end["lit"] for channel in light)]
        dr.eval(layers)  # once: each sum below would otherwise follow all the paths again
        layers = [dr.block_sum(layer, samples) * (1 / samples) for layer in layers]
        flat_way = self.ray(*self.centres())
        centre = self.scene.ray_intersect_preliminary(mi.Ray3f(self.eye, flat_way), coherent=True)
        dr.eval(layers, centre)
        film = np.stack([np.asarray(layer) for layer in layers], -1).reshape(size, size, -1)
        return self.developed(
            film, mesh, later, np.asarray(centre.prim_index), np.asarray(centre.prim_uv).T, np.asarray(centre.t)
        )

    def centres(self) -> tuple[Any, Any]:
        pixel = self.dr.arange(self.mi.UInt32, self.size * self.size)
        return self.mi.Float(pixel % self.size) + 0.5, self.mi.Float(pixel // self.size) + 0.5

    def bounce(self, s: dict[str, Any], sources: list[Any], cosines: list[Any], pair: Any) -> dict[str, Any]:
        """One vertex of all paths: what each light gives there, then on to where the path goes next."""
        dr, mi = self.dr, self.mi
        active, depth, toward = s["active"], s["depth"], -s["way"]
        corners = self.corners(s["prim"], active)
        place = self.at(self.table[0], corners, s["uv"], active)
        flat = self.facet(corners, active)
        smooth = dr.normalize(self.at(self.table[1], corners, s["uv"], active))
        away = dr.dot(flat, toward) < 0  # both sides of a surface are the same
        flat, smooth = dr.select(away, -flat, flat), dr.select(away, -smooth, smooth)
        facing = dr.dot(smooth, toward)  # at outlines the smooth normal may look away: bend it back for shading
        smooth = dr.normalize(smooth + toward * dr.maximum(0.01 - facing, 0))
        colour = mi.Color3f(self.at(self.table[2], corners, s["uv"], active))
        roughness, specular, metallic = self.at(self.table[3], corners, s["uv"], active)
        # Behind the first vertex a sharp highlight would be seen by luck alone (fireflies): it is widened there.
        rough = dr.maximum(roughness, dr.select(depth == 0, 0.12, 0.45))
        surface = _Surface(dr, mi, smooth, toward, colour, rough * rough, specular, metallic)
        place = mi.Point3f(place + flat * (2e-5 * (1 + dr.max(dr.abs(place)))))

        disc = pair(1, depth)
        lit = list(s["lit"])
        for index, (source, cosine) in enumerate(zip(sources, cosines, strict=True)):
            light = mi.Frame3f(source).to_world(mi.warp.square_to_uniform_cone(disc, cosine))
            open_ = active & (dr.dot(flat, light) > 0) & (dr.dot(smooth, light) > 0)
            open_ &= ~self.scene.ray_test(mi.Ray3f(place, light), active=open_)
            # The mean cosine over the cone is divided out, so that the irradiance is π whatever the softness.
            given = s["weight"] * surface.reflected(light) * (dr.pi * 2 / (1 + cosine))
            lit[index] = lit[index] + dr.select(open_, given, 0)

        way, weight = surface.sampled(pair(2, depth), pair(3, depth).x)
        active = active & (dr.dot(flat, way) > 0) & (dr.max(weight) > 0)
        weight = s["weight"] * dr.select(active, weight, 0)
        hit = self.scene.ray_intersect_preliminary(mi.Ray3f(place, way), coherent=False, active=active)
        found = active & hit.is_valid()
        dome = s["dome"] + dr.select(active & ~found, weight, 0)
        return {
            "depth": depth + 1,
            "active": found & (depth + 1 < VERTICES),
            "prim": hit.prim_index,
            "uv": mi.Point2f(hit.prim_uv),
            "way": way,
            "weight": weight,
            "dome": dome,
            "lit": lit,
        }

    def developed(
        self, film: Floats, mesh: Mesh, later: View, prim: np.ndarray, uv: np.ndarray, distance: np.ndarray
    ) -> Traced:
        """The film as passes; depth and motion are those of the pixel's centre."""
        size = self.size
        valid = np.isfinite(distance)
        corners = mesh.faces[np.where(valid, prim, 0)].astype(np.int64)
        u, v = uv[:, :1].astype(np.float64), uv[:, 1:].astype(np.float64)
        shares = np.stack([1 - u - v, u, v], 1)
        here = (mesh.vertices[corners] * shares).sum(1)
        there = here + (mesh.motion[corners] * shares).sum(1)
        moved = later.project(there, size) - self.view.project(here, size)
        depth = -self.view.local(here)[:, 2]
        normals, length = film[..., 0:3], np.linalg.norm(film[..., 0:3], axis=-1, keepdims=True)
        covered = film[..., 6]
        normals = np.where((covered > 0.5)[..., None], normals / np.maximum(length, 1e-6), 0)
        return Traced(
            normals=normals.astype(np.float32),
            depth=np.where(valid, depth, 0).reshape(size, size).astype(np.float32),
            albedo=film[..., 3:6],
            motion=np.where(valid[:, None], moved, 0).reshape(size, size, 2).astype(np.float32),
            subject=film[..., 7],
            coverage=covered,
            keys=np.moveaxis(film[..., 11:].reshape(size, size, -1, 3), 2, 0),
            ambient=film[..., 8:11],
        )


class _Surface:
    """Lambert under a GGX coat at a vertex, seen from `toward`."""

    def __init__(
        self, dr: Any, mi: Any, normal: Any, toward: Any, colour: Any, alpha: Any, specular: Any, metallic: Any
    ) -> None:
        self.dr, self.mi, self.normal, self.toward, self.alpha = dr, mi, normal, toward, alpha
        self.frame = mi.Frame3f(normal)
        self.up = dr.maximum(dr.dot(normal, toward), 1e-3)
        self.straight = dr.lerp(mi.Color3f(0.08 * specular), colour, metallic)
        self.grazing = dr.clip(self.straight * 50, 0, 1)  # no coat, no reflection at grazing angles either
        self.diffuse = colour * ((1 - metallic) / dr.pi) * (1 - self.fresnel(self.up))
        coat, body = dr.mean(self.fresnel(self.up)), dr.mean(self.diffuse) * dr.pi
        self.share = dr.select(coat > 0, dr.clip(coat / (coat + body + 1e-6), 0.1, 0.95), 0)

    def fresnel(self, cosine: Any) -> Any:
        return self.straight + (self.grazing - self.straight) * (1 - cosine) ** 5

    def facets(self, light: Any) -> tuple[Any, Any, Any, Any]:
        """Distribution, both shadowing terms over the cosines, and the cosine to the half vector."""
        dr, squared = self.dr, self.alpha * self.alpha
        half = dr.normalize(light + self.toward)
        n_l, n_h = dr.maximum(dr.dot(self.normal, light), 1e-4), dr.dot(self.normal, half)
        spread = n_h * n_h * (squared - 1) + 1
        distribution = squared / (dr.pi * spread * spread)
        out, back = (dr.sqrt(squared + (1 - squared) * c * c) for c in (self.up, n_l))
        return distribution, 0.5 / (self.up * back + n_l * out), self.up + out, dr.maximum(dr.dot(light, half), 0)

    def reflected(self, light: Any) -> Any:
        """What goes towards the viewer of light from there, times the cosine."""
        cosine = self.dr.maximum(self.dr.dot(self.normal, light), 0)
        distribution, shadowing, _, along = self.facets(light)
        coat = self.fresnel(along) * (distribution * shadowing)
        return (self.diffuse * (1 - self.fresnel(cosine)) + coat) * cosine

    def sampled(self, uv: Any, choice: Any) -> tuple[Any, Any]:
        """A direction to go on, and its weight: reflected light over the probability."""
        dr, mi, alpha = self.dr, self.mi, self.alpha
        view = self.frame.to_local(self.toward)
        stretched = dr.normalize(mi.Vector3f(view.x * alpha, view.y * alpha, dr.maximum(view.z, 1e-3)))
        z = (1 - uv.y) * (1 + stretched.z) - stretched.z
        sine = dr.safe_sqrt(1 - z * z)
        angle = 2 * dr.pi * uv.x
        cap = mi.Vector3f(sine * dr.cos(angle), sine * dr.sin(angle), z) + stretched
        half = dr.normalize(mi.Vector3f(cap.x * alpha, cap.y * alpha, dr.maximum(cap.z, 1e-6)))
        mirrored = half * (2 * dr.dot(view, half)) - view
        way = dr.select(choice < self.share, mirrored, mi.warp.square_to_cosine_hemisphere(uv))
        above = way.z > 1e-4
        way = self.frame.to_world(way)
        distribution, _, smith, _ = self.facets(way)
        chance = self.share * distribution * 0.5 / smith
        chance += (1 - self.share) * dr.maximum(dr.dot(self.normal, way), 0) / dr.pi
        return way, dr.select(above, self.reflected(way) / dr.maximum(chance, 1e-8), 0)


def _coprime(samples: int, slot: int) -> int:
    """A step through a pixel's samples in another order for each use."""
    steps = [step for step in range(1, 2 * samples) if np.gcd(step, samples) == 1]
    return steps[slot % len(steps)]
