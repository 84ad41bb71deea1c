"""Relight's computation: ingest, the present light and decompose (images only, cached), then shade and apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import cv2
import numpy as np

from onelight.colour import LUMINANCE, Colour
from onelight.imaging import Grid, edit, mend, rgb32, write_bands
from onelight.stages import Context, Stage
from onelight.tools.relight import depth, fit, geometry, network, shade
from onelight.tools.relight.scene import decompose, depth_of, depth_range, matte_channel

RADIUS, EPS = 8, 0.1  # edge-aware upsampling: window in working pixels, variance of stops that counts as an edge
GEOMETRY_CLIPS = ("Source", "Denoised", "Normals", "Depth", "Matte", "Sky")
LOOKED_AT = 3  # frames of a shot whose surface tells how deep it is
PRESENT = {"azimuth": "key_azimuth", "elevation": "key_elevation", "ratio": "fill_ratio"}


def ingest(context: Context, _: dict[str, Any]) -> dict[str, Any]:
    """The plate (or its Denoised version) in ACEScg at working size, its middle level, and a full-size guide."""
    info, colour = context.info, context.colour
    grid = Grid.of(info)
    driver = context.clip("Denoised")
    driver = context.source if driver is None else driver
    working, broken = mend(colour.to_working(rgb32(driver, info.premult)))
    context.check()
    small = np.maximum(grid.shrink(working), 0)
    luminance = small @ LUMINANCE
    frame_level = geometry.middle(luminance)
    level = 2.0 ** context.knobs["exposure"] if context.knobs["analysed"] else frame_level
    context.check()
    guide, stops = geometry.stops_of(working, level), geometry.stops_of(small, level)
    return {
        "grid": grid,
        "working": small,
        "frame_level": frame_level,
        "level": level,
        "stops": stops,
        "guide": guide,
        "finer": _finer(grid, guide, stops),
        "nan_replaced": broken,
    }


def _finer(grid: Grid, guide: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """What of the full-size guide [H, W] the working grid does not show, in stops."""
    finer = np.empty_like(guide)
    for rows in grid.bands(slice(0, grid.window[0])):
        np.subtract(guide[rows], grid.grow(stops, rows), out=finer[rows])
    return finer


def present(context: Context, made: dict[str, Any]) -> dict[str, Any]:
    """The present light: the analysed knobs, or fitted to this frame where nobody analysed the shot."""
    if context.knobs["analysed"]:
        return {"fitted": {}, "status": ""}
    found = fit.solve([fit.sample({**made, **decompose(context, made)})])
    return {"fitted": found, "status": "Not analysed: the present light was fitted to this frame. Press Analyse shot."}


def _lit_knobs(context: Context, made: Mapping[str, Any]) -> dict[str, Any]:
    """The knobs with the fitted present light in place; a knob at its 'as shot' value follows what was fitted."""
    knobs = dict(context.knobs)
    for name, value in made["fitted"].items():
        follower = PRESENT.get(name.removeprefix("present_"))
        if follower and knobs[follower] == knobs[name]:
            knobs[follower] = value
        knobs[name] = value
    return knobs


def apply(context: Context, made: dict[str, Any]) -> dict[str, Any]:
    """Shades at working size, brings the ratio to full size along the plate's edges, and edits the plate."""
    knobs, info, colour, grid = _lit_knobs(context, made), context.info, context.colour, made["grid"]
    level, limit = float(knobs["key_stops"]), float(knobs["limit"])
    shadings = shade.shading(made, knobs, colour, partial(_cast, context, made, knobs))
    stops = level + geometry.bounded(shade.log_ratio(made, knobs, shadings) - level, limit)
    context.check()
    extra = _rgba(shade.added(made, knobs, shadings, colour))
    slope = _edge_slope(made["stops"], stops) if grid.factor > 1 else None
    stops = _rgba(stops)
    context.check()
    sky_full = made["sky_full"]
    sky = None if sky_full is None else _rgba(shade.sky_stops(made, knobs, colour))
    emissive = context.clip("Emissive")
    held = None if emissive is None else np.clip(np.nan_to_num(matte_channel(emissive, knobs)), 0, 1)
    grain = _grain(context) if knobs["hold_grain"] > 0 else None

    def operator(rows: slice) -> tuple[np.ndarray, np.ndarray | None]:
        full = grid.grow(stops, rows)
        if slope is not None:
            full += _four(grid.grow(slope, rows) * made["finer"][rows])
        more = None if extra is None else grid.grow(extra, rows)
        np.clip(full, level - limit, level + limit, out=full)
        if sky is not None and sky_full is not None and sky_full[rows].any():
            graded = grid.grow(sky, rows)
            graded -= full
            graded *= _four(sky_full[rows])
            full += graded
        if held is not None:
            free = _four(1 - held[rows])
            full *= free
            more = None if more is None else more * free
        ratio = np.exp2(full, out=full)
        if grain is not None:  # lifting by r lifts the grain by r too: take the surplus out again
            surplus = grain[rows] * (1 - np.maximum(ratio, 1)) * np.float32(knobs["hold_grain"])
            more = surplus if more is None else more + surplus
        return ratio, more

    status = made["status"]
    if made["nan_replaced"]:
        status = f"{status} {made['nan_replaced']} broken pixels (NaN or inf) were left as they are.".strip()
    out = context.output()
    if info.output == "result":
        edit(context.source, out, info, grid, colour, operator, context.check)
        if knobs["to_alpha"]:
            write_bands(info, grid, lambda rows: grid.grow(shadings["key"], rows)[..., None], out[..., 3:])
    else:
        if info.output in ("ratio", "added"):
            write_bands(info, grid, lambda rows: _operand(context, rows, *operator(rows)), out[..., :3])
        else:
            small = _pass(info.output, made, shadings, colour)
            write_bands(info, grid, lambda rows: grid.grow(small, rows), out[..., :3])
        out[..., 3] = 1
    return {"output": out, "status": status, "alpha": "result" if knobs["to_alpha"] else "plate"}


def _cast(context: Context, made: Mapping[str, Any], knobs: Mapping[str, Any], key: np.ndarray) -> shade.Kept:
    """How much of a key from that direction is kept off, [h, w] in 0..1, as the network sees it, or by the depth; and
    the hedge with which its light is taken.

    A connected Depth is exact where the network guesses, so it decides.
    """
    softness = knobs["shadow_softness"]
    if made["asked"] is None or context.clip("Depth") is not None:
        return 1 - shade.cast_shadow(made["depth"], key, softness, knobs["depth_scale"]), made["hedge"]
    found = network.reach(context, made["asked"], key, softness, made["depth"].shape)
    return (1 - found.share) * (1 - made["sky"]), None if made["hedge"] is None else found.hedge


def _edge_slope(guide: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """How far the ratio [h, w, 3] goes along with the plate's own edges, [h, w]: a of the guided filter.

    Joint upsampling: what the working grid could not see of an edge moves the ratio as far as the two agree around it.
    The windows are wide, so half the working size is enough (He & Sun 2015).
    """
    height, width = guide.shape
    half = (max(1, width // 2), max(1, height // 2))
    mean = cv2.transform(stops, np.full((1, 3), 1 / 3, np.float32))
    edges, along = (cv2.resize(image, half, interpolation=cv2.INTER_AREA) for image in (guide, mean))
    slope, _ = geometry.guided(edges, along, RADIUS // 2, EPS)
    return cv2.resize(slope, (width, height), interpolation=cv2.INTER_LINEAR)


def _rgba(image: np.ndarray | None) -> np.ndarray | None:
    """A fourth channel of zeros: no stops, nothing added; four floats move faster than three."""
    if image is None:
        return None
    out = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)
    out[..., 3] = 0
    return out


def _four(image: np.ndarray) -> np.ndarray:
    """One channel repeated four times: broadcasting over a last axis of four is several times slower."""
    return cv2.merge([image] * 4)


def _operand(context: Context, rows: slice, ratio: np.ndarray, more: np.ndarray | None) -> np.ndarray:
    """Rows of the pass `ratio` or `added` [rows, W, 3], as the host's own Multiply and Plus need them."""
    if context.info.output == "ratio":
        return ratio[..., :3]
    if more is None:
        return np.zeros_like(ratio[..., :3])
    if context.info.premult == "premultiplied" and context.colour.linear:
        return more[..., :3] * context.source[rows, :, 3:].astype(np.float32)
    return more[..., :3]


def _pass(name: str, made: Mapping[str, Any], shadings: Mapping[str, np.ndarray], colour: Colour) -> np.ndarray:
    """A pass at working size, [h, w, 3]."""
    if name == "albedo":
        return colour.from_working(made["working"]) / shadings["present"][..., None]
    image = {
        "normals": made["normals"],
        "depth": made["depth"],
        "shading": shadings["new"],
        "light_map": shadings["key"],
    }[name]
    return image if image.ndim == 3 else cv2.merge([image] * 3)


def _grain(context: Context) -> np.ndarray | None:
    """Plate minus Denoised [H, W, 3] in the space of the edit; None without a Denoised clip."""
    clean = context.clip("Denoised")
    if clean is None:
        return None
    plate, clean = (context.colour.decode(mend(rgb32(x, context.info.premult))[0]) for x in (context.source, clean))
    return _rgba(plate - clean)


def analyse(contexts: Sequence[Context]) -> dict[str, float | bool]:
    """Fits the present light, the exposure and how deep a subject is to sampled frames once; returns what to write.

    Every frame is seen in the reference camera: the light's direction is turned back by that frame's camera knobs.
    """
    samples, levels, depths = [], [], []
    for analysed in contexts:
        context = _unfitted(analysed)
        made = ingest(context, {})
        made |= decompose(context, made)
        samples.append(fit.sample(made, context.knobs))
        levels.append(made["frame_level"])
        if (clip := context.clip("Depth")) is not None:
            depths.append(depth_of(clip, made["grid"]))
    near, far = depth_range(depths, contexts[0].knobs["depth_coding"]) if depths else (0.0, 0.0)
    exposure = float(np.median(np.log2(levels)))
    found = fit.solve(samples)
    return {
        "analysed": True,
        "exposure": exposure,
        "depth_near": near,
        "depth_far": far,
        "subject_relief": _subject_relief(contexts, found),
        **found,
    }


def _subject_relief(contexts: Sequence[Context], present: Mapping[str, float]) -> float:
    """How deep the subject is that the network sees under the present light that was found, on a few frames.

    1 where there is no network, no Matte says what the subject is, or Normals are connected.
    """
    able = [context for context in contexts if depth.can_tell(context)]
    frames = []
    for index in np.unique(np.linspace(0, len(able) - 1, LOOKED_AT).round().astype(int)) if able else ():
        context = _unfitted(able[index])
        knobs = {**context.knobs, **present, "relief": 1.0}
        made = {**ingest(context, {}), "fitted": {}}
        frames.append(({**made, **decompose(replace(context, knobs=knobs), made)}, knobs))
    return depth.of_subject(frames)


def _unfitted(context: Context) -> Context:
    """A frame as it is before anything was found."""
    found = {"analysed": False, "depth_near": 0.0, "depth_far": 0.0, "subject_relief": 1.0}
    return replace(context, knobs={**context.knobs, **found})


GEOMETRY_KNOBS = ("relief", "subject_relief", "detail", "auto_sky", "normals_coding", "matte_channel")
DEPTH_KNOBS = ("depth_coding", "depth_scale", "depth_near", "depth_far")
LIGHT_KNOBS = tuple(f"present_{what}" for what in ("azimuth", "elevation", "ratio", "softness"))
CAMERA_KNOBS = ("camera_heading", "camera_pitch", "camera_roll")
DECOMPOSE = Stage(
    "decompose",
    decompose,
    knobs=(*GEOMETRY_KNOBS, *DEPTH_KNOBS, *LIGHT_KNOBS, *CAMERA_KNOBS),
    clips=GEOMETRY_CLIPS,
    cached=True,
)
STAGES = (
    Stage("ingest", ingest, knobs=("analysed", "exposure"), clips=("Source", "Denoised"), cached=True),
    Stage("present", present, knobs=("analysed", *GEOMETRY_KNOBS, *DEPTH_KNOBS), clips=GEOMETRY_CLIPS, cached=True),
    DECOMPOSE,
    Stage("apply", apply, clips=(*GEOMETRY_CLIPS, "Emissive")),
)
