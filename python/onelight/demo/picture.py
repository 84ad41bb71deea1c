"""Pictures to look at: a viewing transform, labels, the contact sheet and the movie with its slate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import PyOpenColorIO as ocio

from onelight import colour

DISPLAY, MOVIE_DISPLAY = "sRGB - Display", "Rec.1886 Rec.709 - Display"
GREY, WHITE = (24, 24, 24), (230, 230, 230)
FONT = cv2.FONT_HERSHEY_SIMPLEX


@cache
def _view(space: str, display: str) -> ocio.CPUProcessor:
    """The config's default view of a display, for a picture in `space`."""
    config = colour.config()
    transform = ocio.DisplayViewTransform(src=space, display=display, view=config.getDefaultView(display))
    return config.getProcessor(transform).getDefaultCPUProcessor()


def viewed(frame: np.ndarray, space: str, display: str = DISPLAY) -> np.ndarray:
    """Scene-linear [H, W, 4] as a display shows it, uint8 RGB."""
    rgb = np.ascontiguousarray(frame[..., :3], np.float32)
    _view(colour.SPACES.get(space, space), display).applyRGB(rgb)
    return np.round(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def data_viewed(name: str, frame: np.ndarray) -> np.ndarray:
    """A data pass as a picture: normals from -1..1, a ratio in stops around middle grey, mattes and maps as they are,
    others by their range."""
    rgb = frame[..., :3].astype(np.float32)
    if name == "normals":
        rgb = rgb * 0.5 + 0.5
    elif name == "ratio":
        rgb = np.log2(np.maximum(rgb, 2.0**-8)) / 6 + 0.5
    elif name not in ("matte", "source", "confidence"):
        rgb = rgb / max(float(np.quantile(rgb, 0.995)), 1e-6)
    return np.round(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def tile(picture: np.ndarray, label: str, width: int) -> np.ndarray:
    """The picture at a width, its label on a strip below."""
    height = round(picture.shape[0] * width / picture.shape[1])
    strip = np.full((30, width, 3), GREY, np.uint8)
    cv2.putText(strip, label, (8, 20), FONT, 0.5, WHITE, 1, cv2.LINE_AA)
    return np.vstack([cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), strip])


def sheet(
    rows: Sequence[tuple[str, Sequence[tuple[str, np.ndarray]]]], width: int = 480, columns: int = 4
) -> np.ndarray:
    """A contact sheet: titled rows of labelled pictures, wrapped after `columns`."""
    bands: list[np.ndarray] = []
    for title, pictures in rows:
        head = np.full((44, width * columns, 3), GREY, np.uint8)
        cv2.putText(head, title, (8, 30), FONT, 0.7, WHITE, 2, cv2.LINE_AA)
        bands.append(head)
        tiles = [tile(picture, label, width) for label, picture in pictures]
        for start in range(0, len(tiles), columns):
            line = tiles[start : start + columns]
            line += [np.full_like(line[0], GREY)] * (columns - len(line))
            bands.append(np.hstack(line))
    return np.vstack(bands)


def slate(size: tuple[int, int], lines: Iterable[str]) -> np.ndarray:
    """A slate of width x height: the first line large, then what belongs to it."""
    width, height = size
    picture = np.full((height, width, 3), GREY, np.uint8)
    y = 0
    for number, line in enumerate(lines):
        scale = 1.1 if number == 0 else 0.5
        y += 60 if number == 0 else 24
        cv2.putText(picture, line, (40, y), FONT, scale, WHITE, 2 if number == 0 else 1, cv2.LINE_AA)
    return picture


def wiped(before: np.ndarray, after: np.ndarray, labels: tuple[str, str], part: float) -> np.ndarray:
    """The plate left of a line, the result right of it; the line stands at `part` of the width."""
    picture = after.copy()
    at = int(np.clip(part, 0, 1) * picture.shape[1])
    picture[:, :at] = before[:, :at]
    picture[:, max(0, at - 1) : at + 1] = WHITE
    y = picture.shape[0] - 14
    for text, x, shown in ((labels[0], 12, at > 90), (labels[1], picture.shape[1] - 180, at < picture.shape[1] - 190)):
        if shown:
            cv2.putText(picture, text, (x, y), FONT, 0.55, (0, 0, 0), 3, cv2.LINE_AA)
            cv2.putText(picture, text, (x, y), FONT, 0.55, WHITE, 1, cv2.LINE_AA)
    return picture


def write_movie(path: Path, pictures: Iterator[np.ndarray], rate: Fraction) -> None:
    """A ProRes 422 HQ MOV, tagged Rec.709, under its name only once it is complete. Pictures are uint8 RGB."""
    part = path.with_name(f".{path.name}.part.mov")
    try:
        with av.open(str(part), "w", format="mov") as container:
            first = next(pictures)
            stream = container.add_stream("prores_ks", rate=rate, options={"profile": "3", "vendor": "apl0"})
            stream.width, stream.height, stream.pix_fmt = first.shape[1], first.shape[0], "yuv422p10le"
            context = stream.codec_context
            context.color_primaries, context.color_trc, context.colorspace = 1, 1, 1
            for picture in (first, *pictures):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                frame = frame.reformat(format="yuv422p10le", dst_colorspace="ITU709")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_png(path: Path, picture: np.ndarray) -> None:
    """An 8-bit PNG."""
    part = path.with_name(f".{path.stem}.part.png")
    cv2.imwrite(str(part), picture[..., ::-1])
    part.replace(path)
