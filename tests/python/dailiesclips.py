"""Clips of known contents for tests of the dailies: movies and sequences, and what is to be found in them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from onelight.colour import Colour
from onelight.images import Frame, write_frame
from temporalclips import grainy, pan, seen, texture

SIZE = (270, 480)  # height, width
VIDEO = Colour.of("rec1886")
BARS = ((1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1))


def shot(seed: int, count: int, x: float = 2.3, y: float = 1.1, size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """A moving camera's frames, scene-linear ACEScg with grain."""
    scene = texture(2 * size[0], 2 * size[1], seed)
    return [grainy(seen(scene, pan(t, x, y, size), size), seed * 1000 + t) for t in range(count)]


def video(linear: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The frames as Rec.1886 video, 0..1."""
    return [np.clip(VIDEO.encode(np.maximum(picture, 0)), 0, 1).astype(np.float32) for picture in linear]


def movie(
    path: Path,
    frames: Sequence[np.ndarray],
    codec: str = "libx264",
    pixels: str = "yuv420p",
    rate: Fraction = Fraction(24),
    tags: dict[str, str] | None = None,
    timecode: str = "",
) -> Path:
    """Writes encoded R'G'B' frames [h, w, 3], 0..1, as a movie of Rec.709 in video range."""
    with av.open(str(path), "w") as container:
        container.metadata.update(tags or {})
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], pixels
        context = stream.codec_context
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1
        if codec == "libx264":
            stream.options = {"crf": "18", "preset": "veryfast"}
        if codec == "dnxhd":
            stream.options = {"profile": "dnxhr_hqx"}
        if timecode:
            stream.metadata["timecode"] = timecode
        for picture in frames:
            sixteen = np.round(np.clip(picture, 0, 1) * 65535).astype(np.uint16)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(sixteen), format="rgb48le")
            frame = frame.reformat(format=pixels, dst_colorspace="ITU709", src_color_range=2, dst_color_range=1)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def sequence(folder: Path, frames: Sequence[np.ndarray], name: str = "plate", first: int = 1001, **tags: Any) -> Path:
    """Writes frames [h, w, 3] as half float EXRs; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(frames, first):
        opaque = np.ones((*picture.shape[:2], 1), np.float16)
        frame = Frame.of(np.concatenate([picture.astype(np.float16), opaque], 2), **tags)
        write_frame(folder / f"{name}.{number:04d}.exr", frame)
    return folder


def bars(level: float = 0.75, size: tuple[int, int] = SIZE) -> np.ndarray:
    """SMPTE bars: seven over the upper two thirds, others below."""
    height, width = size
    colours = np.array(BARS, np.float32) * np.float32(level)
    picture = np.repeat(colours[np.arange(width) * 7 // width][None], height, axis=0)
    picture[round(0.67 * height) :] = colours[::-1][np.arange(width) * 7 // width] * np.float32(0.5)
    return np.ascontiguousarray(picture)


def lettered(picture: np.ndarray, words: str, at: tuple[float, float], size: float = 0.045) -> np.ndarray:
    """The picture with white lettering whose feet stand at (x, y) of the frame, `size` of its height tall."""
    out = np.round(picture * 255).astype(np.uint8)
    height, width = out.shape[:2]
    scale = size * height / 22  # OpenCV's capitals are 22 pixels tall at 1
    origin = (round(at[0] * width), round(at[1] * height))
    cv2.putText(
        out, words, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), max(1, round(2 * scale)), cv2.LINE_AA
    )
    return out.astype(np.float32) / np.float32(255)


def card(words: Sequence[str], size: tuple[int, int] = SIZE) -> np.ndarray:
    """A written slate: lines on an even grey."""
    picture = np.full((*size, 3), 0.16, np.float32)
    for row, line in enumerate(words):
        picture = lettered(picture, line, (0.1, 0.2 + 0.12 * row), 0.06)
    return picture


def board(picture: np.ndarray, centre: tuple[float, float], width: float, turn: float, closed: bool) -> np.ndarray:
    """The picture with a clapper board held into it, `turn` degrees out of level, its stick open or closed."""
    unit = 400
    face = np.full((unit, unit, 4), (0.04, 0.04, 0.045, 1), np.float32)
    for row in range(4):
        cv2.line(face, (0, 130 + 70 * row), (unit, 130 + 70 * row), (0.6, 0.6, 0.6, 1), 3)
    stick = np.full((44, unit, 4), (0.03, 0.03, 0.03, 1), np.float32)
    for at in range(0, unit, 80):
        corners = np.array([[at, 0], [at + 40, 0], [at + 66, 43], [at + 26, 43]])
        cv2.fillConvexPoly(stick, corners, (0.85, 0.84, 0.82, 1), cv2.LINE_AA)
    face[50:94] = stick[:, ::-1]
    layer = np.zeros((unit + 300, unit + 200, 4), np.float32)
    layer[250 : 250 + unit, 100 : 100 + unit] = face
    top = np.zeros_like(layer)
    top[250:294, 100 : 100 + unit] = stick
    lift = cv2.getRotationMatrix2D((100.0, 294.0), 0 if closed else 18, 1)
    top = cv2.warpAffine(top, lift, (layer.shape[1], layer.shape[0]))
    layer = layer * (1 - top[..., 3:]) + top
    height_px, width_px = picture.shape[:2]
    scale = width * width_px / unit
    place = cv2.getRotationMatrix2D((layer.shape[1] / 2, layer.shape[0] / 2), turn, scale)
    place[:, 2] += np.array(centre) * (width_px, height_px) - np.array((layer.shape[1] / 2, layer.shape[0] / 2))
    small = cv2.warpAffine(
        cv2.GaussianBlur(layer, (0, 0), 0.6 / scale), place, (width_px, height_px), flags=cv2.INTER_AREA
    )
    return (picture * (1 - small[..., 3:]) + small[..., :3]).astype(np.float32)
