"""A clip's frames as the tools want them: scene-linear ACEScg, from the very files that were ingested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from onelight.colour import Colour
from onelight.dailies import files, movies
from onelight.errors import ImageError, NotFound
from onelight.images import read_frame
from onelight.imaging import mend

if TYPE_CHECKING:
    from onelight.shows.schema import Clip


def frames(clip: Clip, first: int | None = None, last: int | None = None, step: int = 1) -> Iterator[np.ndarray]:
    """Frames `first` to `last` (default: all), every `step`-th: float32 [H, W, 3] scene-linear ACEScg, top row first.

    [H, W] is the clip's whole format; what is not finite is mended from its neighbourhood. Raises ImageError naming
    the file where it is gone, broken or no longer what was ingested, and where the clip's colour space is unknown;
    NotFound where the clip has no such frame.
    """
    if not clip.space:
        raise ImageError(f"The colour space of the clip '{clip.name}' is unknown: ingest it again with --space.")
    colour = Colour.of(clip.space)
    for encoded in coded(clip, first, last, step):
        yield mend(colour.to_working(encoded))[0]


def coded(clip: Clip, first: int | None = None, last: int | None = None, step: int = 1) -> Iterator[np.ndarray]:
    """As `frames`, in the clip's own encoding."""
    first, last = clip.first if first is None else first, clip.last if last is None else last
    if not clip.first <= first <= last <= clip.last or step < 1:
        raise NotFound(f"The clip '{clip.name}' has frames {clip.first} to {clip.last}, not {first} to {last}.")
    if clip.kind == "movie":
        path = Path(clip.path)
        told = clip.files[path.name]
        files.check(path, told, clip.name)
        for number, pixels in movies.frames(path, first, last, bool(told.get("steady"))):
            if (number - first) % step == 0:
                yield pixels
        return
    paths = numbered(clip)
    for number in range(first, last + 1, step):
        if number not in paths:
            raise ImageError(f"The clip '{clip.name}' lacks frame {number}: it was missing when it was ingested.")
        path = paths[number]
        files.check(path, clip.files[path.name], clip.name)
        yield picture(path)


def picture(path: Path) -> np.ndarray:
    """One image file as float32 [H, W, 3] over its whole format, as encoded. Raises ImageError naming it."""
    frame = read_frame(path)
    return np.ascontiguousarray(frame.fitted(frame.format, frame.format)[..., :3], np.float32)


def numbered(clip: Clip) -> dict[int, Path]:
    """The files of a sequence or a still by frame number."""
    folder = Path(clip.path).parent
    return {int(told["frame"]): folder / name for name, told in clip.files.items()}
