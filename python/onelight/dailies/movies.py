"""Movie files as float R, G, B in their own encoding, by PyAV: every bit kept, matrix and range as the file says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation
from av.video.stream import VideoStream

from onelight.errors import ImageError

FIRST = 1  # hosts count a movie's frames from one
MAX_PIXELS = 16384 * 8640  # of a frame; a bigger claim is a broken header
HD_LINES = 720  # from here on an untagged movie is taken for Rec.709, below for Rec.601
KR_KB = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
FINE = Interpolation.BICUBIC | Interpolation.ACCURATE_RND  # how chroma is brought to full resolution
COARSE = Interpolation.AREA | Interpolation.ACCURATE_RND


@dataclass(frozen=True)
class Movie:
    """What a movie's header says. `tags`: the container's, then the stream's metadata, lower-case names."""

    path: Path
    width: int
    height: int
    rate: Fraction
    codec: str
    pixels: str  # ffmpeg's name of the pixel format
    bits: int
    transfer: int  # ITU-T H.273 numbers, 2: not said
    primaries: int
    matrix: int
    full_range: bool
    tags: dict[str, str]


def probe(path: Path) -> Movie:
    """Reads the header. Raises ImageError naming the file where it is no movie with pictures."""
    with _opened(path) as (container, stream):
        context: Any = stream.codec_context
        rate = stream.average_rate or stream.guessed_rate
        if not rate or not context.width or not context.height or context.format is None:
            raise ImageError(f"{path} does not say its size or frame rate: a whole movie was expected.")
        if context.width * context.height > MAX_PIXELS:
            raise ImageError(f"{path} claims {context.width} x {context.height} pixels, more than a frame can have.")
        tags = {name.lower(): value for part in (container, stream) for name, value in part.metadata.items()}
        for other in container.streams.data:  # QuickTime keeps its timecode in a track of its own
            tags |= {name.lower(): value for name, value in other.metadata.items() if name.lower() == "timecode"}
        return Movie(
            path,
            context.width,
            context.height,
            Fraction(rate),
            context.name,
            context.format.name,
            context.format.components[0].bits,
            int(context.color_trc),
            int(context.color_primaries),
            int(context.colorspace),
            _is_full(context.color_range, context.format.name),
            tags,
        )


def frames(
    path: Path, first: int = FIRST, last: int | None = None, steady: bool = True
) -> Iterator[tuple[int, np.ndarray]]:
    """Number and pixels of the frames from `first` to `last`: float32 [H, W, 3], 0..1 as encoded, overshoot kept.

    `steady` says that frames come at the header's rate throughout, so that a seek finds them; else the movie is
    decoded from its beginning. Raises ImageError naming the file and the frame where it breaks off.
    """
    for number, frame in decoded(path, first, last, steady):
        yield number, rgb(frame)


def decoded(
    path: Path, first: int = FIRST, last: int | None = None, steady: bool = True
) -> Iterator[tuple[int, VideoFrame]]:
    """As `frames`, as the decoder gives them; `rgb` makes pixels of one."""
    number, promised = FIRST - 1, 0
    try:
        with _opened(path) as (container, stream):
            rate, base = Fraction(stream.average_rate or stream.guessed_rate or 24), Fraction(stream.time_base or 1)
            origin = stream.start_time or 0
            promised = _promised(stream, rate)
            if steady and first > FIRST + 1:
                # A frame early: rounding of time stamps may put the key frame just behind the one that is wanted.
                container.seek(origin + int((first - FIRST - 1) / rate / base), stream=stream)
            else:
                steady = False
            for frame in container.decode(stream):
                number = (
                    FIRST + round((frame.pts - origin) * base * rate)
                    if steady and frame.pts is not None
                    else number + 1
                )
                if last is not None and number > last:
                    return
                if number >= first:
                    yield number, frame
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ImageError(f"{path} cannot be read beyond frame {max(number, 0)}: {_words(error)}.") from error
    # What was cut off behind its index decodes without a complaint, up to there.
    if number < (last or promised):
        raise ImageError(f"{path} ends at frame {number}: {last or promised} were expected. Is the copy complete?")


def rgb(frame: VideoFrame, longest: int = 0) -> np.ndarray:
    """A decoded frame as float32 [H, W, 3] R'G'B', 0..1 being the range that the frame says, overshoot kept.

    With `longest`, its longest side is at most that, as means over areas. The matrix is ITU-T H.273's of the frame's
    own coefficients; what carries none is Rec.709 or, below HD, Rec.601.
    """
    kind, bits = frame.format, frame.format.components[0].bits
    scale = min(1.0, longest / max(frame.width, frame.height)) if longest else 1.0
    size = {"width": max(2, round(frame.width * scale)), "height": max(2, round(frame.height * scale))}
    if kind.is_rgb or kind.has_palette:
        form, same = ("rgb48le" if bits > 8 else "rgb24"), ColorRange.JPEG
    else:
        form, same = "yuv444p16le", ColorRange.JPEG if _is_full(frame.color_range, kind.name) else ColorRange.MPEG
    # Both ranges given, or the scaler would squeeze one into the other.
    way = COARSE if scale < 1 else FINE
    coded = frame.reformat(
        **size, format=form, src_color_range=same, dst_color_range=same, interpolation=way
    ).to_ndarray()
    if form != "yuv444p16le":
        return coded.astype(np.float32) / np.float32(65535 if bits > 8 else 255)
    if same == ColorRange.JPEG:
        unit = float((2**bits - 1) << (16 - bits))
        luma, chroma = coded[..., 0] / np.float32(unit), (coded[..., 1:] - np.float32(32768)) / np.float32(unit)
    else:
        luma = (coded[..., 0] - np.float32(16 * 256)) / np.float32(219 * 256)
        chroma = (coded[..., 1:] - np.float32(32768)) / np.float32(224 * 256)
    red, blue = KR_KB.get(int(frame.colorspace), KR_KB[1] if frame.height >= HD_LINES else KR_KB[6])
    green = 1 - red - blue
    out = np.empty((*luma.shape, 3), np.float32)
    out[..., 0] = luma + np.float32(2 * (1 - red)) * chroma[..., 1]
    out[..., 2] = luma + np.float32(2 * (1 - blue)) * chroma[..., 0]
    out[..., 1] = luma - np.float32(2 * blue * (1 - blue) / green) * chroma[..., 0]
    out[..., 1] -= np.float32(2 * red * (1 - red) / green) * chroma[..., 1]
    return out


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ImageError(f"{path} cannot be read as a movie: {_words(error)}.") from error
    with container:
        if not container.streams.video:
            raise ImageError(f"{path} has no pictures: a movie was expected.")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        yield container, stream


def _promised(stream: VideoStream, rate: Fraction) -> int:
    """The least number of frames that a whole file of this header has; edit lists and rounding may take some away."""
    told = [stream.frames] if stream.frames else []
    if stream.duration and stream.time_base:
        told.append(int(stream.duration * stream.time_base * rate))
    return max(0, round(min(told) * 0.98) - 2) if told else 0


def _is_full(told: int, pixels: str) -> bool:
    return int(told) == 2 or (int(told) == 0 and pixels.startswith("yuvj"))


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")
