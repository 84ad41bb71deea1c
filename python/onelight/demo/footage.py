"""The demo's plates: a scene-linear still as it is, and a clip decoded and linearised."""

from __future__ import annotations

from pathlib import Path

import av
import av.error
import numpy as np

from onelight import images
from onelight.colour import Colour
from onelight.errors import ImageError

PLATES = Path(__file__).resolve().parents[3] / "examples" / "plates"


def still(name: str) -> images.Frame:
    """A plate of the examples."""
    return images.read_frame(PLATES / name)


def clip(name: str, first: int, count: int) -> dict[int, np.ndarray]:
    """Frames of a video by number, float16 [H, W, 4] scene-linear ACEScg, top row first, opaque.

    8-bit video is for a display: Rec.1886 is undone, which gives light in proportion, up to the camera's own grade.
    """
    try:
        with av.open(str(PLATES / name)) as container:
            decoded = container.decode(container.streams.video[0])
            chosen = [frame for number, frame in zip(range(first + count), decoded, strict=False) if number >= first]
            coded = [frame.to_ndarray(format="rgb24") for frame in chosen]
    except (OSError, av.error.FFmpegError) as error:
        raise ImageError(f"{PLATES / name} cannot be read as a video: {error}") from error
    if len(coded) < count:
        raise ImageError(f"{PLATES / name} has {first + len(coded)} frames: {first + count} are wanted")
    space = Colour.of("rec1886")
    frames = {}
    for number, pixels in enumerate(coded, 1):
        linear = space.to_working(np.ascontiguousarray(pixels, np.float32) / 255)
        frames[number] = np.dstack([linear, np.ones(linear.shape[:2], np.float32)]).astype(np.float16)
    return frames
