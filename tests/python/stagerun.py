"""Runs a tool's stages on arrays in this process, for tests that ask about the computation and not about the wire."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from onelight import stages, tools
from onelight.colour import Colour
from onelight.registry import BASE, Registry
from onelight.runtime import Session
from onelight.spec import SameAs, Tool
from onelight.stages import Context, FrameInfo
from onelight.tools.relight import light


def defaults(tool: Tool, **knobs: Any) -> dict[str, Any]:
    """Every render knob at its default, some overruled."""
    return {**{knob.name: getattr(knob, "default", None) for knob in tool.render_knobs()}, **knobs}


def preset(tool: Tool, name: str, **knobs: Any) -> dict[str, Any]:
    """The knobs after choosing a preset, some overruled."""
    assert tool.presets is not None
    values = defaults(tool)
    entry = next(entry for entry in tool.presets.entries if entry.name == name)
    for knob, value in entry.values.items():
        values[knob] = values[value.param] if isinstance(value, SameAs) else value
    return {**values, **knobs}


@cache
def session(tool: str, version: str = "") -> Session:
    """The built-in version of that name, loaded; the newest without one."""
    found = Registry(tools.discover()).find(BASE, tool, version)
    return Session(found, 1)


def run(
    tool: Tool, plate: np.ndarray, knobs: dict[str, Any], info: FrameInfo | None = None, **changes: Any
) -> dict[str, Any]:
    """What all the tool's stages make of a plate [H, W, 4]; `clips` by name, or by name and offset for neighbours,
    `version` and FrameInfo fields by keyword."""
    clips, version = changes.pop("clips", {}), changes.pop("version", "")
    info = replace(info or FrameInfo.of(plate.shape[1], plate.shape[0]), **changes)
    places = {name if isinstance(name, tuple) else (name, 0): pixels for name, pixels in clips.items()}
    frames = {("Source", 0): plate, **places}
    context = Context(knobs, info, frames, Colour.of(info.colourspace), session(tool.id, version))
    return stages.run(tools.graph(tool.id).STAGES, context)


def bits(image: np.ndarray) -> np.ndarray:
    """The image's bit patterns, so that NaN equals NaN and -0 differs from 0."""
    return np.ascontiguousarray(image).view(np.uint16 if image.dtype == np.float16 else np.uint32)


def scene(width: int = 200, height: int = 120, dtype: Any = np.float32, seed: int = 1) -> np.ndarray:
    """A plate of lit bumps under a bright top, linear, with values above 1 and below 0 and a soft alpha."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    shade = np.full((height, width), 0.2, np.float32)
    for _ in range(12):
        cx, cy, r = random.uniform(0, width), random.uniform(height / 3, height), random.uniform(8, 30)
        d2 = ((x - cx) ** 2 + (y - cy) ** 2) / r**2
        shade += np.where(d2 < 1, np.sqrt(np.maximum(1 - d2, 0)) * 0.6 * (1 - (x - cx) / r * 0.5), 0)
    shade[: height // 4] = 3.0
    paint = random.uniform(0.3, 1.0, (1, 1, 3)).astype(np.float32)
    rgb = shade[..., None] * paint + random.normal(0, 0.01, (height, width, 3)).astype(np.float32)
    rgb[height // 4 : height // 3] *= np.array([0.8, 0.9, 1.1], np.float32)
    rgb[-3:, :10] = -0.05
    rgb[height // 20, width // 20] = 60.0
    alpha = np.clip(x / width * 1.2, 0, 1)[..., None]
    return np.concatenate([rgb, alpha], axis=-1).astype(dtype)


def crossed(plate: np.ndarray, width: float = 3.0, slope: float = 0.35) -> np.ndarray:
    """A plate [H, W, 4] with a dark wire across it, straight, `width` pixels wide and soft at its edges."""
    height, columns = plate.shape[:2]
    y, x = np.mgrid[0:height, 0:columns].astype(np.float32)
    away = np.abs(y - height / 2 - slope * (x - columns / 2)) / np.hypot(1, slope)
    covered = np.clip(width / 2 + 0.5 - away, 0, 1)[..., None]
    wired = plate.astype(np.float32)
    wired[..., :3] = wired[..., :3] * (1 - covered) + np.float32(0.02) * covered
    return wired.astype(plate.dtype)


def panned_wall(heading: float, azimuth: float) -> tuple[np.ndarray, np.ndarray]:
    """A bumpy grey wall as a camera panned by `heading` sees it, lit from `azimuth` of the reference camera, and its
    true normals: two float32 [64, 96, 4]; degrees."""
    y, x = np.mgrid[0:64, 0:96].astype(np.float32)
    bumps = np.stack([0.9 * np.sin(x / 9 + heading / 7), 0.9 * np.cos(y / 7 + heading / 7), np.ones_like(x)], axis=-1)
    normals = bumps / np.linalg.norm(bumps, axis=-1, keepdims=True)
    towards = light.camera_rotation(heading, 0, 0) @ light.direction(azimuth, 30.0)
    value, one = 0.1 + 0.4 * np.maximum(normals @ towards, 0), np.ones_like(x)
    return np.dstack([value, value, value, one]).astype(np.float32), np.dstack([normals, one]).astype(np.float32)


def card() -> tuple[np.ndarray, np.ndarray]:
    """An evenly lit card [120, 160, 4] with spots of paint, and its matte."""
    plate = np.full((120, 160, 4), 0.02, np.float32)
    plate[20:100, 30:130, :3] = 0.4
    for row, column in np.random.default_rng(2).integers(30, 90, (12, 2)):
        plate[row : row + 6, column + 20 : column + 26, :3] = 0.2
    plate[..., 3] = 1
    matte = np.zeros_like(plate)
    matte[20:100, 30:130] = 1
    return plate, matte
