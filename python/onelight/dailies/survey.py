"""One look at every frame of a clip: what the detectors need, measured while its files are read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from onelight.colour import Colour
from onelight.dailies import bars, movies, reading, slate
from onelight.dailies.finding import Found
from onelight.errors import ImageError
from onelight.imaging import mend
from onelight.temporal.encode import luminance, middle, shrink

SMALL = 128  # longest side at which every frame is kept
LARGE = 960  # longest side at which some are looked at more closely
EVERY = 6  # frames from one closer look to the next: a slate is held far longer
HIGHEST = np.float32(65504)  # what half floats hold
KEPT = 24  # of the closer looks are kept, spread evenly over the clip
STEADY = 0.25  # of a frame's time: by so much a time stamp may be off

Pictures = Iterator[tuple[int, Callable[[int], np.ndarray]]]  # number, and pixels at a longest side (0: all)


@dataclass
class Survey:
    """What was seen. Lists by frame are in the order of `numbers`."""

    numbers: list[int] = field(default_factory=list)
    small: list[np.ndarray] = field(default_factory=list)  # scene-linear Y, float16 [h, w]
    level: list[float] = field(default_factory=list)  # of its middle, in stops
    bars: list[bool] = field(default_factory=list)
    blank: list[bool] = field(default_factory=list)
    slates: list[int] = field(default_factory=list)  # numbers of frames with a clapper board in them
    cards: list[int] = field(default_factory=list)  # numbers of frames that are written cards
    samples: dict[int, np.ndarray] = field(default_factory=dict)  # encoded, float32 [h, w, 3]
    height: int = 0
    width: int = 0
    steady: bool = True  # a movie's frames come at its rate throughout


def look(found: Found, space: str, progress: Callable[[int], None] = lambda _: None) -> Survey:
    """Reads the whole clip. Raises ImageError naming the file that breaks off, or that is of another size."""
    colour = Colour.of(space or "rec1886")  # what is not known is looked at as if it were video
    seen, stride = Survey(), EVERY
    for number, picture in _movie(found, seen) if found.kind == "movie" else _images(found, seen):
        encoded = picture(SMALL)
        linear = mend(colour.to_working(encoded))[0]
        small = np.clip(luminance(shrink(linear, SMALL)), -HIGHEST, HIGHEST)
        seen.numbers.append(number)
        seen.small.append(small.astype(np.float16))
        seen.level.append(float(np.log2(middle(small))))
        screen = np.sqrt(np.clip(linear, 0, 1)) if colour.linear else encoded
        seen.bars.append(bars.is_bars(screen))
        seen.blank.append(bars.is_blank(screen))
        if (number - seen.numbers[0]) % EVERY == 0:
            large = picture(LARGE)
            screen = np.sqrt(np.clip(colour.to_working(large), 0, 1)) if colour.linear else large
            if slate.has_board(screen):
                seen.slates.append(number)
            if slate.is_card(screen):
                seen.cards.append(number)
            if (number - seen.numbers[0]) % stride == 0:
                seen.samples[number] = large
                if len(seen.samples) > KEPT:
                    stride *= 2
                    seen.samples = {n: one for n, one in seen.samples.items() if (n - seen.numbers[0]) % stride == 0}
        progress(number)
    if not seen.numbers:
        raise ImageError(f"{found.path} has no frames.")
    return seen


def _movie(found: Found, seen: Survey) -> Pictures:
    told = movies.probe(found.files[movies.FIRST])
    seen.width, seen.height = told.width, told.height
    origin = None
    for number, frame in movies.decoded(found.files[movies.FIRST], steady=False):
        if (frame.width, frame.height) != (told.width, told.height):
            raise ImageError(f"{found.path} changes its size at frame {number}: one size throughout was expected.")
        time = float(frame.time) if frame.time is not None else None
        origin = time if origin is None else origin
        seen.steady &= time is not None and abs((time - (origin or 0)) * told.rate - (number - 1)) < STEADY
        yield number, lambda longest, frame=frame: movies.rgb(frame, longest)


def _images(found: Found, seen: Survey) -> Pictures:
    for number, path in sorted(found.files.items()):
        pixels = reading.picture(path)
        if not seen.height:
            seen.height, seen.width = pixels.shape[:2]
        if pixels.shape[:2] != (seen.height, seen.width):
            raise ImageError(
                f"{path} is {pixels.shape[1]} x {pixels.shape[0]} but the clip began with "
                f"{seen.width} x {seen.height}: one size throughout was expected."
            )
        yield number, lambda longest, pixels=pixels: shrink(pixels, longest) if longest else pixels
