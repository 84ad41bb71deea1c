"""New light over present light at working size: shadows, haze, sheen, sky; everything that follows the knobs.

Both shadings come from the same normals through the same functions, so equal lights give a log ratio of exactly 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np

from onelight.colour import Colour
from onelight.tools.relight import light as lit
from onelight.tools.relight import paint
from onelight.tools.relight.geometry import blur, bounded, smoothstep
from onelight.tools.relight.knobs import SH_NAMES

Kept = tuple[np.ndarray, np.ndarray | None]  # how much of a key is kept off, [h, w]; the hedge, where there is one
Cast = Callable[[np.ndarray], Kept]
SHADOW_LONGEST = 256  # cast shadows are marched at this size: they are soft, and every slider drag marches anew
SHADOW_STEPS = 18


def cast_shadow(depth: np.ndarray, to_light: np.ndarray, softness: float, depth_scale: float) -> np.ndarray:
    """How much of the key reaches each point, [h, w] in 0..1, by marching the depth map towards the light.

    The picture is `depth_scale` widths deep, orthographic. A march in screen space with the penumbra taken from the
    nearest miss over the distance walked (as in Quilez 2010 for distance fields); `softness` is in degrees.
    """
    height, width = depth.shape
    scale = min(1.0, SHADOW_LONGEST / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(depth, size, interpolation=cv2.INTER_AREA)
    surface = -small * np.float32(depth_scale)  # z towards the camera, in picture widths
    flat = float(np.hypot(to_light[0], to_light[1]))
    if flat < 1e-3:
        return np.ones_like(depth)
    step_x, step_y, rise = to_light[0] / flat, -to_light[1] / flat, to_light[2] / flat
    spread = np.float32(1 / max(np.tan(np.radians(softness)), 0.02))
    bias = np.float32(0.004 * depth_scale + 0.002)
    clear = np.ones_like(surface)
    for i in range(1, SHADOW_STEPS + 1):
        walked = 0.35 * (i / SHADOW_STEPS) ** 1.6  # picture widths
        move = np.array([[1, 0, step_x * walked * size[0]], [0, 1, step_y * walked * size[0]]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        there = cv2.warpAffine(surface, move, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        miss = surface + np.float32(rise * walked) + bias - there  # how far the ray passes in front of what is there
        thick = smoothstep(-0.35 * depth_scale, -0.15 * depth_scale, miss)  # things have a back: far walls cast nothing
        open_here = np.clip(0.5 + miss * spread / np.float32(walked), 0, 1)
        np.minimum(clear, 1 - (1 - open_here) * thick, out=clear)
    clear = cv2.GaussianBlur(clear, (0, 0), 0.8 + softness / 12)
    return cv2.resize(clear, (width, height), interpolation=cv2.INTER_LINEAR)


def shading(g: Mapping[str, Any], knobs: Mapping[str, Any], colour: Colour, cast: Cast) -> dict[str, np.ndarray]:
    """Present shading "old" [h, w], "new" [h, w, 3] in the space of the edit, the same without level, colour and
    effects ("even" [h, w]), the new "key" alone, the share of "air". All but the key with the version's hedge: where
    normals are a guess, a ratio of shadings that leans a little to 1 is nearer to the truth. The present shading with
    the hedge of its own key, whatever the new one is, is "present".

    `cast` says how much of a key is kept off where, given the direction to it, as g["shadow"] does for the present one,
    and the hedge with it: where a surface may be turned away from the new key, or in shadow, nobody is sure.
    """
    present, new = lit.present_light(knobs), lit.new_light(knobs)
    normals, openness = g["normals"], g["visibility"]
    weights = np.array([knobs[f"present_fill_{name}"] for name in SH_NAMES])
    fill = lit.fill_shape(g["basis"], weights) * openness if weights.any() else openness
    old_key = lit.key_shape(normals, present.key, present.softness) * (1 - g["shadow"])
    hedge = g["hedge"]
    clear = 1 - g["shadow"] * np.float32(1 - knobs["lift_shadows"])  # the present key's shadows stay, or are lifted
    density = np.float32(knobs["shadow_density"])
    if density > 0:
        kept, asked = cast(new.key)
        clear = np.minimum(clear, 1 - density * kept)
        hedge = hedge if hedge is None or asked is None else hedge + density * (asked - hedge)
    old_key = np.float32(present.key_level) * old_key
    shot, alone = _hedged(hedge, present, fill, old_key), _hedged(g["hedge"], present, fill, old_key)
    key = np.float32(new.key_level) * (lit.key_shape(normals, new.key, new.softness) * clear)
    amounts = [*_hedged(hedge, new, fill, key)]
    tints = [lit.colour(knobs["fill_kelvin"], knobs["fill_tint"]), lit.colour(knobs["key_kelvin"], knobs["key_tint"])]
    if knobs["sky_fill"] > 0:
        turn = lit.camera_rotation(knobs["camera_heading"], knobs["camera_pitch"], knobs["camera_roll"])
        up = (turn @ np.array([0.0, 1.0, 0.0])).astype(np.float32)
        amounts.append((0.5 + 0.5 * (normals @ up)) * openness * np.float32(new.fill_level * knobs["sky_fill"]))
        tints.append(lit.colour(knobs["sky_kelvin"]))
    if knobs["rim"] > 0:
        towards = lit.direction(knobs["rim_azimuth"], knobs["rim_elevation"])
        edge = lit.key_shape(normals, towards, 0.0) * smoothstep(0.0, 0.9, 1 - normals[..., 2])
        amounts.append(edge * np.float32(new.level * knobs["rim"]))
        tints.append(lit.colour(knobs["rim_kelvin"]))
    mix = np.stack([gains(tint, colour) for tint in tints], axis=1)
    air = _air(g, knobs) if knobs["haze"] > 0 else np.float32(0)
    return {
        "old": shot[0] + shot[1],
        "present": alone[0] + alone[1],
        "new": cv2.transform(cv2.merge(amounts), mix),
        "even": (amounts[0] + amounts[1]) / np.float32(new.level),
        "key": key,
        "air": np.asarray(air),
    }


def _hedged(
    hedge: np.ndarray | None, light: lit.Light, fill: np.ndarray, key: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fill and key [h, w] with `hedge` of the key all round, unoccluded; the lit side keeps its level."""
    fill = np.float32(light.fill_level) * fill
    if hedge is None or light.key_level == 0:
        return fill, key
    more = hedge * np.float32(light.key_level)
    share = np.float32(light.level) / (np.float32(light.level) + more)
    return fill * share, (key + more) * share


def log_ratio(g: Mapping[str, Any], knobs: Mapping[str, Any], s: Mapping[str, np.ndarray]) -> np.ndarray:
    """Stops between new and present shading [h, w, 3], before the limit."""
    even = -np.log2(s["old"])  # what is the same in all three channels
    if g["doubt"] > 0 and knobs["lift_shadows"] > 0:  # shadows that stay keep what the plate shows in them
        doubt = g["doubt"] * lit.present_light(knobs).key_level ** 2
        even += paint.lent(g, s["old"], s["even"], doubt) * np.float32(knobs["lift_shadows"])
    if knobs["haze"] > 0:
        even += np.log2(1 - s["air"])
    return np.log2(s["new"]) + cv2.merge([even] * 3)


def gains(acescg: np.ndarray, colour: Colour) -> np.ndarray:
    """A light's colour as positive gains [3] in the space of the edit: a gamut too small for it gives its nearest."""
    return np.maximum(colour.light(acescg), np.float32(0.01))


def sky_stops(g: Mapping[str, Any], knobs: Mapping[str, Any], colour: Colour) -> np.ndarray:
    """Grade of the sky in stops [h, w, 3]: its level, its colour, and the key's colour glowing up from the horizon."""
    grade = np.log2(gains(lit.colour(knobs["sky_grade_kelvin"]), colour)) + np.float32(knobs["sky_stops"])
    height, width = g["depth"].shape
    out = np.zeros((height, width, 3), np.float32)
    if knobs["sky_warmth"] > 0:
        rows = np.arange(height, dtype=np.float32)[:, None] / height
        near = np.exp2(-np.maximum(g["horizon"] - rows, 0) * np.float32(5.0)) * np.float32(knobs["sky_warmth"])
        new = lit.new_light(knobs)
        columns = (np.arange(width, dtype=np.float32)[None, :] + 0.5) / width - 0.5
        towards = np.float32(0.7 + 0.3 * np.clip(-new.key[2], -1, 1)) * (1 + np.float32(0.8 * new.key[0]) * columns)
        glow = np.log2(gains(lit.colour(knobs["key_kelvin"], knobs["key_tint"]), colour))
        out = bounded(_tinted(near * towards, glow), knobs["limit"])
    return cv2.add(out, np.array([*grade, 0], np.float64))


def added(
    g: Mapping[str, Any], knobs: Mapping[str, Any], s: Mapping[str, np.ndarray], colour: Colour
) -> np.ndarray | None:
    """Light that no multiplication gives: haze and sheen [h, w, 3] in the space of the edit; None where none is."""
    total: np.ndarray | None = None
    level = np.float32(g["level"])
    new = lit.new_light(knobs)
    if knobs["haze"] > 0:
        width = g["depth"].shape[1]
        columns = (np.arange(width, dtype=np.float32) + 0.5) / width - 0.5
        toward_sun = 1 + np.float32(0.6 * new.key[0]) * columns - np.float32(0.25 * new.key[2])
        air = s["air"] * np.clip(toward_sun, 0.4, 1.8)[None, :] * level * np.float32(new.level * 1.6)
        total = _tinted(air, gains(lit.colour(knobs["haze_kelvin"]), colour))
    if knobs["specular"] > 0:
        half = new.key + np.array([0.0, 0.0, 1.0])
        half = (half / max(float(np.linalg.norm(half)), 1e-6)).astype(np.float32)
        power = np.float32(2 / max(knobs["roughness"], 0.05) ** 2)
        sheen = np.maximum(g["normals"] @ half, 0) ** power * s["key"] * level * np.float32(knobs["specular"])
        sheen = _tinted(sheen, gains(lit.colour(knobs["key_kelvin"], knobs["key_tint"]), colour))
        total = sheen if total is None else total + sheen
    return total


def shadow_of(surface: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Where the present key seems not to reach, [h, w] in 0..1: broad places darker than the lit level around them."""
    broad = blur(surface, 6.0)
    reach = max(9, (max(surface.shape) // 8) | 1)
    step = 4
    height, width = surface.shape
    size = (max(1, width // step), max(1, height // step))
    small = cv2.resize(broad, size, interpolation=cv2.INTER_AREA)
    top = cv2.dilate(small, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach // step | 1, reach // step | 1)))
    top = cv2.resize(blur(top, reach / step / 2), (width, height), interpolation=cv2.INTER_CUBIC)
    return smoothstep(0.5, 2.5, top - broad) * smoothstep(-7.5, -5.0, stops)


def _air(g: Mapping[str, Any], knobs: Mapping[str, Any]) -> np.ndarray:
    """Share of what the camera sees that is air, [h, w]: exponential in depth; the sky has its own grade."""
    thickness = np.float32(2.5 * knobs["haze"])
    return (1 - np.exp2(-thickness * g["depth"] ** 2)) * (1 - np.float32(0.8) * g["sky"])


def _tinted(amount: np.ndarray, tint: np.ndarray) -> np.ndarray:
    """[h, w] x [3] as [h, w, 3], without broadcasting over a last axis of three, which is slow."""
    return cv2.transform(np.ascontiguousarray(amount, np.float32), tint[:, None])
