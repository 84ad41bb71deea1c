"""A picture taken apart: its geometry by the version's network or, where it has none, by classical estimation.

What is connected overrules what was estimated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from onelight.errors import RequestError
from onelight.imaging import Grid
from onelight.spec import Float
from onelight.stages import Context
from onelight.tools.relight import geometry, network, shade
from onelight.tools.relight.knobs import GEOMETRY
from onelight.tools.relight.light import Light, harmonics, present_light

DETAIL = next(knob.default for knob in GEOMETRY if isinstance(knob, Float) and knob.name == "detail")
FINE = 4.0  # working pixels: what is narrower is fine detail


class Surface(NamedTuple):
    """What was estimated, float32 at working size."""

    normals: np.ndarray  # [h, w, 3]: x right, y up, z to camera
    depth: np.ndarray  # [h, w]: 0 nearest, 1 farthest
    openness: np.ndarray  # [h, w] share of the light from all round that arrives
    shadow: np.ndarray  # [h, w] share of the present key that is kept off
    asked: network.Level | None = None  # what the network is asked about other keys with
    doubt: float = 0.0  # as in `network.Surface`
    hedge: np.ndarray | None = None  # [h, w] as in `network.Reach`, of the present key


def decompose(context: Context, made: dict[str, Any]) -> dict[str, Any]:
    """Normals, depth, openness, sky and present shadow: from the picture, overruled by the clips that are connected."""
    knobs, grid = context.knobs, made["grid"]
    working, stops = made["working"] / np.float32(made["level"]), made["stops"]
    sky_clip, depth_clip, normals_clip = context.clip("Sky"), context.clip("Depth"), context.clip("Normals")
    matte = _matte(context, "Matte", grid)
    if sky_clip is not None:
        sky_full = np.clip(np.nan_to_num(matte_channel(sky_clip, knobs)), 0, 1)
        sky = grid.shrink(sky_full)
    else:
        sky = geometry.find_sky(working, stops) * np.float32(knobs["auto_sky"])
        sky_full = _upsampled_sky(made, stops, sky) if sky.max() > 0.05 else None
    context.check()
    layout = geometry.layout(sky, geometry.haze_cue(working, sky))
    lamp = present_key(made, knobs)
    if network.known(context.session):
        surface = _learnt(context, working, matte, lamp)
    else:
        surface = _classical(context, working, stops, matte, lamp, layout)
    context.check()
    normals, depth = surface.normals, surface.depth * (1 - sky) + sky
    if normals_clip is not None:
        normals = _connected_normals(normals_clip, grid, knobs["normals_coding"], normals)
    if depth_clip is not None:
        depth = _connected_depth(depth_clip, grid, knobs)
    return {
        "normals": normals,
        "depth": depth.astype(np.float32),
        "basis": harmonics(normals),
        "visibility": surface.openness,
        "shadow": surface.shadow * (1 - sky),
        "sky": sky,
        "sky_full": sky_full,
        "horizon": layout[2],
        "asked": surface.asked,
        "doubt": surface.doubt if normals_clip is None else 0.0,  # what is connected is believed
        "hedge": surface.hedge if normals_clip is None else None,
        "matte": matte,
    }


def _learnt(context: Context, working: np.ndarray, matte: np.ndarray | None, lamp: Light | None) -> Surface:
    """The network's surface, as deep and as detailed as the knobs ask for."""
    found = network.find(context, working, matte, lamp)
    normals, gain = found.normals, _gain(context, matte)
    if (share := np.float32(context.knobs["detail"] / DETAIL)) != 1:
        broad = geometry.blur(normals, FINE)
        normals = broad + (normals - broad) * share
    normals = geometry.normalise(np.dstack([normals[..., :2] * np.dstack([gain]), normals[..., 2]]))
    depth = 1 / (1 + np.exp2(np.float32(-1.5) * found.depth))
    if lamp is None:
        return Surface(normals, depth, found.openness**gain, np.zeros_like(depth), found.asked, found.doubt)
    reached = network.reach(context, found.asked, lamp.key, network.SPREAD, depth.shape)
    return Surface(normals, depth, found.openness**gain, 1 - reached.share, found.asked, found.doubt, reached.hedge)


def _classical(
    context: Context,
    working: np.ndarray,
    stops: np.ndarray,
    matte: np.ndarray | None,
    lamp: Light | None,
    layout: tuple[np.ndarray, np.ndarray, float],
) -> Surface:
    """Relief from shading upon a ground plane and the inflated matte, tilted by what the present light tells."""
    knobs = context.knobs
    painted = geometry.surface_stops(working, stops)
    context.check()
    slope = geometry.relief(painted, knobs["detail"])
    if lamp is not None:
        slope = slope * np.float32(0.3) + geometry.tilted(painted, lamp.key, lamp.ratio)
    ground, depth, _ = layout
    gain = _gain(context, matte)
    flat = (1 - ground[..., None]) * np.array([0, 0.1, 1], np.float32) + ground[..., None] * np.array(
        [0, 1, 0.45], np.float32
    )
    if matte is not None:
        bump = geometry.inflate(matte)
        bump_right, bump_up = geometry.slopes(bump)
        inside = geometry.smoothstep(0.2, 0.8, matte)
        flat = flat * (1 - inside[..., None]) + inside[..., None] * np.array([0, 0, 1], np.float32)
        slope += np.stack([bump_right, bump_up], axis=-1) * (inside * np.float32(1.5))[..., None]
        nearest = float(depth[inside > 0.5].min()) if (inside > 0.5).any() else 0.0
        depth = depth * (1 - inside) + inside * nearest
    slope *= np.dstack([gain])
    normals = geometry.normalise(flat - np.dstack([slope, np.zeros_like(stops)]))
    context.check()
    a, b = geometry.guided(stops, depth, 24, 0.2)
    bump = geometry.integrate(slope) / np.float32(stops.shape[1] * 4 * knobs["depth_scale"])
    depth = np.clip(a * stops + b - np.clip(bump, -0.15, 0.15), 0, 1)
    hollow = geometry.blur(painted, 12.0) - geometry.blur(painted, 2.0)
    openness = np.exp2(-np.float32(0.5) * gain * np.clip(hollow, 0, 2)).astype(np.float32)
    return Surface(normals, depth, openness, shade.shadow_of(painted, stops))


def _gain(context: Context, matte: np.ndarray | None) -> np.ndarray:
    """What slopes are multiplied by: one number, or [h, w] where the subject in the matte is deeper or flatter."""
    relief, subject = (np.asarray(context.knobs[name], np.float32) for name in ("relief", "subject_relief"))
    return relief if matte is None or subject == 1 else relief * (1 + (subject - 1) * matte)


def present_key(made: Mapping[str, Any], knobs: Mapping[str, Any]) -> Light | None:
    """The present light, once it is known; None while it is being fitted."""
    return present_light({**knobs, **made["fitted"]}) if "fitted" in made else None


def matte_channel(clip: np.ndarray, knobs: Mapping[str, Any]) -> np.ndarray:
    """A matte clip's one channel [H, W], the same on every frame."""
    return clip[..., 0 if knobs["matte_channel"] == "red" else 3].astype(np.float32)


def _matte(context: Context, name: str, grid: Grid) -> np.ndarray | None:
    clip = context.clip(name)
    return None if clip is None else np.clip(grid.shrink(np.nan_to_num(matte_channel(clip, context.knobs))), 0, 1)


def _connected_normals(clip: np.ndarray, grid: Grid, coding: str, estimated: np.ndarray) -> np.ndarray:
    """Normals of the clip at working size; where it has none (0, 0, 0) or NaN, the estimated ones."""
    small = grid.shrink(np.nan_to_num(clip[..., :3].astype(np.float32)))
    covered = (np.abs(small).sum(axis=-1) > 1e-3)[..., None]
    return np.where(covered, geometry.normalise(small * 2 - 1 if coding == "unsigned" else small), estimated)


def _connected_depth(clip: np.ndarray, grid: Grid, knobs: Mapping[str, Any]) -> np.ndarray:
    """Depth of the clip at working size, brought to 0 nearest .. 1 farthest by its analysed range, else its own."""
    small = depth_of(clip, grid)
    near, far = knobs["depth_near"], knobs["depth_far"]
    if near == far:
        near, far = depth_range([small], knobs["depth_coding"])
    if near == far:
        raise RequestError("The Depth input is the same everywhere: connect a depth pass, or disconnect it.")
    return np.clip((small - np.float32(near)) / np.float32(far - near), 0, 1)


def depth_of(clip: np.ndarray, grid: Grid) -> np.ndarray:
    return grid.shrink(np.nan_to_num(clip[..., 0].astype(np.float32), posinf=0.0, neginf=0.0))


def depth_range(frames: Sequence[np.ndarray], coding: str) -> tuple[float, float]:
    """(near, far) of depth frames: their 1st and 99th percentile, the way round that the coding says."""
    low, high = (float(v) for v in np.percentile(np.stack(frames), (1, 99)))
    return (high, low) if coding == "inverse" else (low, high)


def _upsampled_sky(made: Mapping[str, Any], stops: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """The sky matte at full size, its edge drawn by the plate's own."""
    a, b = geometry.guided(stops, sky, 6, 0.01)
    grid, guide = made["grid"], made["guide"]
    full = np.empty(grid.window, np.float32)
    for rows in grid.bands(slice(0, grid.window[0])):
        full[rows] = grid.grow(a, rows) * guide[rows] + grid.grow(b, rows)
    return geometry.smoothstep(0.05, 0.95, full)
