"""Turns numpy frames, top row first, into what a host keeps: a depth, components, bounds, render scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

DEPTHS: dict[str, tuple[str, Any]] = {
    "byte": ("OfxBitDepthByte", np.uint8),
    "short": ("OfxBitDepthShort", np.uint16),
    "half": ("OfxBitDepthHalf", np.float16),
    "float": ("OfxBitDepthFloat", np.float32),
}
COMPONENTS = {
    "RGBA": ("OfxImageComponentRGBA", 4),
    "RGB": ("OfxImageComponentRGB", 3),
    "Alpha": ("OfxImageComponentAlpha", 1),
}
PREMULTIPLICATION = {
    "opaque": "OfxImageOpaque",
    "premultiplied": "OfxImageAlphaPremultiplied",
    "unpremultiplied": "OfxImageAlphaUnPremultiplied",
}
Window = tuple[int, int, int, int]
Frames = np.ndarray | Mapping[float, np.ndarray] | Callable[[float], np.ndarray | None]
KEPT_FRAMES = 16


def to_depth(pixels: np.ndarray, depth: str) -> np.ndarray:
    """The pixels in a depth: numbers of the depth's own type as they are, floats with 1.0 at the top of the range."""
    dtype = DEPTHS[depth][1]
    if pixels.dtype == dtype:
        return pixels
    if np.issubdtype(pixels.dtype, np.integer):
        raise ValueError(f"A frame of {pixels.dtype} cannot become {depth}; give floats or {np.dtype(dtype)}.")
    if np.issubdtype(dtype, np.integer):
        top = np.iinfo(dtype).max
        return np.rint(np.clip(np.nan_to_num(pixels), 0.0, 1.0) * top).astype(dtype)
    with np.errstate(over="ignore"):
        return pixels.astype(dtype)


def to_float(pixels: np.ndarray) -> np.ndarray:
    """Any depth as float32 with 1.0 at the top of an integer range."""
    if np.issubdtype(pixels.dtype, np.integer):
        return pixels.astype(np.float32) / np.iinfo(pixels.dtype).max
    return pixels.astype(np.float32)


def scaled_bounds(bounds: Window, scale: float) -> Window:
    """Pixel bounds at a render scale, grown to whole pixels."""
    x1, y1, x2, y2 = (v * scale for v in bounds)
    return math.floor(x1 + 1e-6), math.floor(y1 + 1e-6), math.ceil(x2 - 1e-6), math.ceil(y2 - 1e-6)


def shrink(pixels: np.ndarray, bounds: Window, scale: float) -> tuple[np.ndarray, Window]:
    """A proxy: the mean of n x n pixels for scale 1/n, edges held, and its bounds."""
    if scale == 1.0:
        return pixels, bounds
    n = round(1 / scale)
    if abs(n * scale - 1) > 1e-6:
        raise ValueError(f"This host renders at 1/n of full size, not at {scale}.")
    small = scaled_bounds(bounds, scale)
    left, bottom = bounds[0] - small[0] * n, bounds[1] - small[1] * n
    right, top = small[2] * n - bounds[2], small[3] * n - bounds[3]
    padded = np.pad(pixels, ((top, bottom), (left, right), (0, 0)), mode="edge").astype(np.float64)
    height, width = (small[3] - small[1]), (small[2] - small[0])
    mean = padded.reshape(height, n, width, n, -1).mean(axis=(1, 3))
    if np.issubdtype(pixels.dtype, np.integer):
        mean = np.rint(mean)
    return mean.astype(pixels.dtype), small


@dataclass
class Plate:
    """One connected clip: its frames and how the host stores them."""

    frames: Frames
    depth: str
    components: str
    bounds: Window
    span: tuple[float, float]
    host: Any  # the onelight_testhost module
    format: Any  # its ImageFormat
    guarded: bool
    kept: dict[tuple[float, float], Any] = field(default_factory=dict)
    asked: list[float] = field(default_factory=list)

    def pixels(self, time: float) -> np.ndarray:
        """[height, width, channels] in the clip's own depth; a mapping holds its first and last frame."""
        if isinstance(self.frames, np.ndarray):
            frame = self.frames
        elif isinstance(self.frames, Mapping):
            known = sorted(self.frames)
            at = max([t for t in known if t <= time], default=known[0])
            frame = self.frames[at]
        else:
            frame = self.frames(time)
            if frame is None:
                raise LookupError(f"The host has no frame {time:g}.")
        frame = frame[..., None] if frame.ndim == 2 else frame
        return to_depth(frame, self.depth)

    def image(self, time: float, scale_x: float, _scale_y: float) -> Any:
        """What clipGetImage gives; called from the plug-in's thread."""
        self.asked.append(time)
        key = (time, scale_x)
        image = self.kept.get(key)
        if image is None:
            try:
                pixels, bounds = shrink(self.pixels(time), self.bounds, scale_x)
            except LookupError:
                return None
            image = self.host.Image(self.format, np.ascontiguousarray(pixels), bounds[0], bounds[1], self.guarded)
            while len(self.kept) >= KEPT_FRAMES:
                self.kept.pop(next(iter(self.kept)), None)
            self.kept[key] = image
        return image


def first_frame(frames: Frames) -> np.ndarray:
    """Any one frame, to learn size and channels from."""
    if isinstance(frames, np.ndarray):
        return frames
    if isinstance(frames, Mapping):
        return frames[min(frames)]
    frame = frames(1.0)
    if frame is None:
        raise ValueError("Frames given as a function must have a frame 1.")
    return frame


def crop(pixels: np.ndarray, bounds: Window, window: Window) -> np.ndarray:
    """The window of pixels that cover bounds; both y up, pixels top row first. Zero outside."""
    result = np.zeros((window[3] - window[1], window[2] - window[0], pixels.shape[2]), pixels.dtype)
    x1, y1 = max(bounds[0], window[0]), max(bounds[1], window[1])
    x2, y2 = min(bounds[2], window[2]), min(bounds[3], window[3])
    if x1 < x2 and y1 < y2:
        result[window[3] - y2 : window[3] - y1, x1 - window[0] : x2 - window[0]] = pixels[
            bounds[3] - y2 : bounds[3] - y1, x1 - bounds[0] : x2 - bounds[0]
        ]
    return result
