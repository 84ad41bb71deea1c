"""Cuts out of a show's clips what a training learns from, and of held-out set-ups the shots it is scored on."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from onelight.errors import RequestError
from onelight.training.files import write_whole

HELD = 0.25  # share of the set-ups that no training sees; at least one
ENLARGED = 2.0  # a picture that would have to be enlarged by more than this is left out
A_FRAME = 3  # crops of one frame of a still, which has no other frame to show
Read = Callable[[int, int], Iterator[np.ndarray]]  # first, last frame -> frames [H, W, 3], scene-linear ACEScg


@dataclass(frozen=True)
class Take:
    """One uninterrupted stretch of a clip, free of slates, bars and letterbox."""

    clip: str  # its digest
    name: str
    setup: str
    first: int
    last: int
    box: tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels, rows from the top: the picture without its borders
    read: Read
    space: str = ""  # the colour space that its files are read by

    @property
    def frames(self) -> int:
        return self.last - self.first + 1

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the box."""
        x1, y1, x2, y2 = self.box
        return y2 - y1, x2 - x1

    def window(
        self, first: int, count: int, step: int = 1, part: Callable[[np.ndarray], np.ndarray] = lambda frame: frame
    ) -> list[np.ndarray]:
        """`count` frames from `first` on, `step` apart, inside the box; at the stretch's end its last frame is held.

        Only `part` of each frame is kept: ten whole frames of a large format are more than a gigabyte.
        """
        wanted = [min(first + step * number, self.last) for number in range(count)]
        found: dict[int, np.ndarray] = {}
        x1, y1, x2, y2 = self.box
        for number, frame in enumerate(self.read(wanted[0], wanted[-1]), wanted[0]):
            if number in wanted:
                inside = np.asarray(frame[y1:y2, x1:x2, :3], np.float32)
                found[number] = part(np.nan_to_num(inside, posinf=0.0, neginf=0.0))
        if missing := sorted(set(wanted) - found.keys()):
            raise RequestError(f"{self.name} has no frame {missing[0]}, which its catalogue entry speaks of.")
        return [found[number] for number in wanted]


@dataclass(frozen=True)
class Shot:
    """A few frames [height, width, 3] of a take, and the set-up that they show."""

    setup: str
    frames: Sequence[np.ndarray]


@dataclass(frozen=True)
class Split:
    """Takes to learn from and takes of held-out set-ups."""

    taught: Sequence[Take]
    held: Sequence[Take]

    @property
    def told(self) -> dict[str, Any]:
        """The clips and set-ups of both, for manifests."""
        return {
            side: sorted({(take.setup, take.clip) for take in takes})
            for side, takes in (("taught", self.taught), ("held_out", self.held))
        }


def split(takes: Sequence[Take], seed: int, held: Sequence[str] = ()) -> Split:
    """Holds out whole set-ups: those named in `held`, else a quarter of them, drawn by `seed` among their names.

    Raises RequestError where fewer than two set-ups are there.
    """
    setups = sorted({take.setup for take in takes})
    if len(setups) < 2:
        raise RequestError(
            f"Training holds whole set-ups out, and this show has {len(setups)} that may be learnt from: "
            "ingest dailies of at least two."
        )
    if unknown := sorted(set(held) - set(setups)):
        raise RequestError(
            f"There is no set-up '{unknown[0]}' among those to learn from: there are {', '.join(setups)}."
        )
    if held and set(held) >= set(setups):
        raise RequestError("All set-ups are to be held out: leave some to learn from.")
    # Stretches that move say more of a tool than stills do, in scoring and in learning: at most half of them go aside.
    moving = [name for name in setups if any(take.setup == name and take.frames > 1 for take in takes)]
    among = moving if len(moving) > 1 else setups
    count = min(max(1, round(HELD * len(setups))), len(among) // 2)
    drawn = np.random.default_rng(seed).permutation(len(among))[:count]
    aside = set(held) or {among[number] for number in drawn}
    return Split([take for take in takes if take.setup not in aside], [take for take in takes if take.setup in aside])


def large_enough(take: Take, size: int) -> bool:
    """Whether a crop of `size` pixels can be taken out of its picture."""
    return min(take.size) * ENLARGED >= size


def cut(
    takes: Sequence[Take],
    folder: Path,
    *,
    count: int,
    size: int,
    span: int,
    step: int,
    far: float,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Path]:
    """Writes about `count` crops [span, size, size, 3] float16 as `.npy` files into the folder; by name, in order.

    Longer takes give more, by the square root of their length. `far` 0 crops pixels as they are; up to 1, crops see
    anything from that to the whole picture. What is there from an earlier call is kept: names say all that decides a
    crop. Raises ImageError where a clip cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    takes = [take for take in takes if large_enough(take, size)]
    weights = np.sqrt([min(take.frames, 400) for take in takes])
    wanted: dict[str, tuple[Take, int, int]] = {}
    for take, share in zip(takes, weights / max(weights.sum(), 1e-9), strict=True):
        number = max(2, round(count * share))
        places = np.linspace(take.first, max(take.last - step * (span - 1), take.first), min(number, take.frames))
        for turn in range(number if take.frames > 1 else min(number, A_FRAME)):
            first = round(float(places[turn % len(places)]))
            wanted[f"{take.clip[:16]}-{first}-{turn}"] = take, first, turn
    out: dict[str, Path] = {}
    read: tuple[tuple[str, int], list[np.ndarray]] = ("", 0), []  # a still is read once for all of its crops
    for done, (name, (take, first, turn)) in enumerate(wanted.items(), 1):
        out[name] = path = folder / f"{name}.npy"
        if not path.is_file():
            random = np.random.default_rng([seed, first, turn, *take.clip.encode()])
            if read[0] != (take.clip, first):  # names are not unique: cameras count their clips from 1 again
                read = (take.clip, first), take.window(first, span, step)
            crops = crop(read[1], size, far, random)
            write_whole(path, npy(np.clip(crops, -6e4, 6e4).astype(np.float16)))
        progress(done, len(wanted))
    return out


def crop(frames: Sequence[np.ndarray], size: int, far: float, random: np.random.Generator) -> np.ndarray:
    """The same part of each frame, [n, size, size, 3]."""
    height, width = frames[0].shape[:2]
    least = size / min(height, width)
    scale = max(least, min(1.0, float(np.exp(random.uniform(0, far) * np.log(min(least, 1.0))))))
    target = (max(size, round(width * scale)), max(size, round(height * scale)))
    left, top = (int(random.integers(0, side - size + 1)) for side in target)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = [frame if scale == 1 else cv2.resize(frame, target, interpolation=how) for frame in frames]
    return np.stack([frame[top : top + size, left : left + size] for frame in scaled])


def shots(
    takes: Sequence[Take], *, count: int, size: tuple[int, int], frames: int, whole: bool, seed: int
) -> dict[str, Shot]:
    """About `count` shots of `frames` frames [height, width, 3], by name: the takes in turn, elsewhere in each.

    `whole` scales the picture to cover the size, else its pixels are taken as they are. A still is held.
    """
    takes = [take for take in takes if large_enough(take, min(size))]
    if not takes:
        raise RequestError(f"No held-out clip has a picture of {size[1]}x{size[0]} pixels: hold out other set-ups.")
    out: dict[str, Shot] = {}
    for number in range(max(count, len(takes))):
        take, turn = takes[number % len(takes)], number // len(takes)
        random = np.random.default_rng([seed, turn, *take.clip.encode()])
        first = take.first + int(random.integers(0, max(take.frames - frames, 0) + 1))
        part = _part(take, size, whole, random)
        out[f"{take.name}_{take.clip[:6]}_{first}_{turn}"] = Shot(take.setup, take.window(first, frames, part=part))
    return out


def _part(
    take: Take, size: tuple[int, int], whole: bool, random: np.random.Generator
) -> Callable[[np.ndarray], np.ndarray]:
    """What cuts a part of `size` out of a take's frames: the same part of each."""
    height, width = take.size
    cover = max(size[0] / height, size[1] / width)
    scale = cover if whole else max(cover, 1.0)
    scaled = (max(size[0], round(height * scale)), max(size[1], round(width * scale)))
    top, left = (int(random.integers(0, side - wanted + 1)) for side, wanted in zip(scaled, size, strict=True))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC

    def part(frame: np.ndarray) -> np.ndarray:
        if frame.shape[:2] != scaled:
            frame = cv2.resize(frame, scaled[::-1], interpolation=how)
        return np.ascontiguousarray(frame[top : top + size[0], left : left + size[1]])

    return part


def npy(array: np.ndarray) -> bytes:
    """An array as the bytes of a .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()
