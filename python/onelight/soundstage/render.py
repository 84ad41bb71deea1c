"""Path-traces a scene once for all its lights: every key alone, the white dome alone, and the exact passes.

One kernel follows the paths of the camera; at each of their vertices it asks after every key light, and where a path
leaves the scene it meets the dome. So all lightings share the costly part, and a scene of six keys costs little more
than one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from onelight.soundstage.camera import View
from onelight.soundstage.mesh import Floats
from onelight.soundstage.reflectance import Surface
from onelight.soundstage.world import World

VERTICES = 3  # of a path, after the camera: direct light and two bounces
SPREAD = (0.7548776662466927, 0.5698402909980532)  # of the R2 sequence (Roberts 2018)
SMOOTHEST = 0.12  # roughness seen by the camera; below it the highlight of a sun is smaller than a pixel
SMOOTHEST_BEHIND = 0.45  # and seen by a path: sharper highlights would be found by luck alone (fireflies)

State = dict[str, Any]  # of all paths at once: drjit arrays
Pair = Callable[[int, Any], Any]


@dataclass(frozen=True)
class Traced:
    """What a trace gives: float32 [S, S, channels], linear; names as in `scenes.Scene`."""

    normals: Floats
    depth: Floats
    albedo: Floats
    motion: Floats
    subject: Floats  # coverage by parts from 1
    coverage: Floats  # coverage by anything
    keys: Floats  # [L, S, S, 3]
    unshadowed: Floats  # [L, S, S]
    ambient: Floats  # without the dome itself behind the scene


def trace(world: World, later: View, lights: Floats, softness: Floats, *, samples: int, seed: int) -> Traced:
    """Render a world; `lights` [L, 3] are unit vectors to the keys, `softness` [L] their angular diameters in degrees.

    A key alone gives irradiance π to a surface that faces it; the dome has radiance 1 all round. `later` is the view
    of the next frame, for the motion. The same arguments give the same bits on one machine. Nothing is clamped.
    """
    dr, mi, size = world.dr, world.mi, world.size
    lane = dr.arange(mi.UInt32, size * size * samples)
    pixel = lane // samples
    pair = _pairs(world, lane, pixel, samples, seed)
    jitter = pair(0, mi.UInt32(0))
    ray = world.looking(mi.Float(pixel % size) + jitter.x, mi.Float(pixel // size) + jitter.y)
    hit = world.hit(ray, coherent=True)
    sources = [dr.opaque(mi.Vector3f, list(light)) for light in np.asarray(lights, np.float64)]
    cosines = [dr.opaque(mi.Float, float(c)) for c in np.cos(np.radians(np.asarray(softness, np.float64)) / 2)]
    state = {
        "depth": mi.UInt32(0),
        "active": hit.is_valid(),
        "triangle": hit.prim_index,
        "uv": mi.Point2f(hit.prim_uv),
        "way": mi.Vector3f(ray.d),
        "weight": mi.Color3f(1),
        "dome": mi.Color3f(0),
        "lit": [mi.Color3f(0) for _ in sources],
        "unshadowed": [mi.Float(0) for _ in sources],
    }
    (end,) = dr.while_loop(
        (state,), lambda s: s["active"], lambda s: (_bounce(world, s, sources, cosines, pair),), label="paths"
    )
    layers = [*_first_hit(world, ray, hit), *end["dome"], *(channel for light in end["lit"] for channel in light)]
    layers += end["unshadowed"]
    dr.eval(layers)  # once: each sum below would otherwise follow all the paths again
    layers = [dr.block_sum(layer, samples) * (1 / samples) for layer in layers]
    dr.eval(layers)
    film = np.stack([np.asarray(layer) for layer in layers], -1).reshape(size, size, -1)
    return _developed(world, later, film)


def _pairs(world: World, lane: Any, pixel: Any, samples: int, seed: int) -> Pair:
    """A source of random pairs in [0, 1): each use of a path has its slot.

    At a path's first vertex the pairs of a pixel's samples are an evenly spread set, shifted at random from pixel to
    pixel and from slot to slot (Cranley and Patterson 1976); later on they are independent.
    """
    dr, mi = world.dr, world.mi
    key = dr.opaque(mi.UInt32, seed & 0xFFFFFFFF) ^ dr.opaque(mi.UInt32, (seed >> 32) * 0x9E3779B1 & 0xFFFFFFFF)
    steps = [step for step in range(1, 2 * samples) if np.gcd(step, samples) == 1]  # another order for each slot

    def pair(slot: int, depth: Any) -> Any:
        first = depth == 0
        random = mi.sample_tea_32(dr.select(first, pixel, lane + world.size * world.size), key + (depth * 8 + slot))
        order = mi.Float(((lane % samples) * steps[slot % len(steps)]) % samples)
        shifts = (order * spread - dr.floor(order * spread) for spread in SPREAD)
        u, v = (
            mi.Float(bits >> 8) * (1 / (1 << 24)) + dr.select(first, shift, 0)
            for bits, shift in zip(random, shifts, strict=True)
        )
        return mi.Point2f(u - dr.floor(u), v - dr.floor(v))

    return pair


def _first_hit(world: World, ray: Any, hit: Any) -> list[Any]:
    """Layers of what the camera sees: normal, base colour, coverage by anything and by the subject."""
    dr, mi = world.dr, world.mi
    valid = hit.is_valid()
    corners = world.corners(hit.prim_index, valid)
    normal = dr.normalize(world.at(world.normals, corners, hit.prim_uv, valid))
    normal = dr.select(dr.dot(world.facet(corners, valid), ray.d) > 0, -normal, normal)
    subject = valid & (dr.gather(mi.UInt32, world.parts, corners[0], valid) > 0)
    seen = [*(dr.dot(normal, axis) for axis in world.axes), *world.at(world.colours, corners, hit.prim_uv, valid)]
    flags = [dr.select(flag, mi.Float(1), 0) for flag in (valid, subject)]
    return [*(dr.select(valid, value, 0) for value in seen), *flags]


def _bounce(world: World, s: State, sources: list[Any], cosines: list[Any], pair: Pair) -> State:
    """One vertex of all paths: what each light gives there, then on to where the path goes next."""
    dr, mi = world.dr, world.mi
    active, depth, toward = s["active"], s["depth"], -s["way"]
    corners = world.corners(s["triangle"], active)
    flat = world.facet(corners, active)
    smooth = dr.normalize(world.at(world.normals, corners, s["uv"], active))
    away = dr.dot(flat, toward) < 0  # both sides of a surface are the same
    flat, smooth = dr.select(away, -flat, flat), dr.select(away, -smooth, smooth)
    # At outlines the smooth normal may look away from the viewer: bend it back for shading.
    smooth = dr.normalize(smooth + toward * dr.maximum(0.01 - dr.dot(smooth, toward), 0))
    colour = mi.Color3f(world.at(world.colours, corners, s["uv"], active))
    roughness, specular, metallic = world.at(world.surfaces, corners, s["uv"], active)
    rough = dr.maximum(roughness, dr.select(depth == 0, SMOOTHEST, SMOOTHEST_BEHIND))
    surface = Surface(dr, mi, smooth, toward, colour, rough * rough, specular, metallic)
    place = world.lifted(world.at(world.points, corners, s["uv"], active), flat)

    disc = pair(1, depth)
    lit, unshadowed = [], []
    for sum_, whole, source, cosine in zip(s["lit"], s["unshadowed"], sources, cosines, strict=True):
        light = mi.Frame3f(source).to_world(mi.warp.square_to_uniform_cone(disc, cosine))
        facing = active & (dr.dot(flat, light) > 0) & (dr.dot(smooth, light) > 0)
        open_ = facing & ~world.blocked(place, light, facing)
        # The mean cosine over the cone is divided out, so that the irradiance is π whatever the softness.
        given = s["weight"] * surface.reflected(light) * (dr.pi * 2 / (1 + cosine))
        lit.append(sum_ + dr.select(open_, given, 0))
        unshadowed.append(whole + dr.select(facing & (depth == 0), dr.mean(given), 0))

    way, weight = surface.sampled(pair(2, depth), pair(3, depth).x)
    going = active & (dr.dot(flat, way) > 0) & (dr.max(weight) > 0)
    weight = s["weight"] * dr.select(going, weight, 0)
    hit = world.hit(mi.Ray3f(place, way), going)
    found = going & hit.is_valid()
    return {
        "depth": depth + 1,
        "active": found & (depth + 1 < VERTICES),
        "triangle": hit.prim_index,
        "uv": mi.Point2f(hit.prim_uv),
        "way": way,
        "weight": weight,
        "dome": s["dome"] + dr.select(going & ~found, weight, 0),
        "lit": lit,
        "unshadowed": unshadowed,
    }


def _developed(world: World, later: View, film: Floats) -> Traced:
    """The film as passes; depth and motion are those of the pixels' centres."""
    size, mesh = world.size, world.mesh
    hit = world.hit(world.centres(), coherent=True)
    world.dr.eval(hit)
    valid = np.isfinite(np.asarray(hit.t))
    corners = mesh.faces[np.where(valid, np.asarray(hit.prim_index), 0)].astype(np.int64)
    u, v = (np.where(valid, np.asarray(channel), 0).astype(np.float64)[:, None] for channel in hit.prim_uv)
    shares = np.stack([1 - u - v, u, v], 1)
    here = (mesh.vertices[corners] * shares).sum(1)
    there = here + (mesh.motion[corners] * shares).sum(1)
    moved = later.project(there, size) - world.view.project(here, size)
    depth = -world.view.local(here)[:, 2]
    covered = film[..., 6]
    length = np.linalg.norm(film[..., 0:3], axis=-1, keepdims=True)
    lights = (film.shape[-1] - 11) // 4
    normals = np.where((covered > 0.5)[..., None], film[..., 0:3] / np.maximum(length, 1e-6), 0)
    return Traced(
        normals=normals.astype(np.float32),
        depth=np.where(valid, depth, 0).reshape(size, size).astype(np.float32),
        albedo=film[..., 3:6],
        motion=np.where(valid[:, None], moved, 0).reshape(size, size, 2).astype(np.float32),
        subject=film[..., 7],
        coverage=covered,
        keys=np.moveaxis(film[..., 11 : 11 + 3 * lights].reshape(size, size, lights, 3), 2, 0),
        unshadowed=np.moveaxis(film[..., 11 + 3 * lights :], 2, 0),
        ambient=film[..., 8:11],
    )
