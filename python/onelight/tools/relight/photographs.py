"""Photographed objects under known lights as cases: every ordered pair of lights is a question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np

from onelight.errors import NotFound, RequestError
from onelight.tools.relight import geometry, score
from onelight.tools.relight.cases import DARK_ROOM, Case, Lamp, Target, Work

Read = Callable[[Path], np.ndarray]  # linear pixels [H, W, 4] of a file, alpha 1 where it has none
Progress = Callable[[str, int, int], None]  # what is being done, steps done, steps in all
NEARLY = 0.1  # how far a normal may be from length 1: of files of few bits
KEPT_BYTES = 1 << 30  # of an object's pixels inside the mask; what is beyond is read again for every plate
_IMAGE = re.compile(r"light\.(\d+)\.[^.]+", re.IGNORECASE)


def photographed(
    folder: Path, read: Read, plates: int | None = None, progress: Progress = lambda what, done, total: None
) -> list[Work]:
    """Every plate of every object in `folder`, which may itself be one: linear `light.NN.*`, `lights.txt`, `mask.*`.

    Row N of `lights.txt` (no header) is the direction of the Nth image in order of NN, of any length: x right, y up,
    z to camera. A mask is its alpha, or its colours where it has none; without a mask every pixel counts. Where there
    is a `normals.exr` (-1 to 1, not coded as colours), normals are measured, too. With `plates`, only so many of each
    object, evenly apart; each is still asked about all other lights. All files are read once before the first answer:
    ImageError, RequestError or NotFound names the file and what was expected.
    """
    places = [path for path in sorted(folder.iterdir()) if path.is_dir() and _is_object(path)]
    if _pictures(folder) or (not places and _is_object(folder)):
        if places:
            raise RequestError(f"{folder} is an object itself and holds others ({places[0].name}): part them")
        places = [folder]
    if not places:
        raise NotFound(f"{folder} has no cases: one folder for each object is expected, with lights.txt and light.NN.*")
    objects = [_Object(place, read) for place in places]
    total, done = sum(len(thing.files) for thing in objects), 0
    for thing in objects:
        for _ in thing.checked():
            done += 1
            progress("Reading", done, total)
    return [
        Work(f"{thing.name}_{thing.numbers[index]}", len(thing.files) - 1, partial(thing.case, index))
        for thing in objects
        for index in thing.chosen(plates)
    ]


def _is_object(place: Path) -> bool:
    return (place / "lights.txt").is_file() or _pictures(place)


def _pictures(place: Path) -> bool:
    return any(_IMAGE.fullmatch(path.name) for path in place.iterdir())


@dataclass(frozen=True)
class _Asked(Sequence[Target]):
    """Questions that are read when their turn comes: of a hundred big pictures no two need be in memory."""

    target: Callable[[int], Target]
    lights: Sequence[int]

    def __len__(self) -> int:
        return len(self.lights)

    def __getitem__(self, index: int) -> Target:  # pyright: ignore[reportIncompatibleMethodOverride]  no slices
        return self.target(self.lights[index])


class _Object:
    """One folder; its pixels are kept from the first plate that is asked for to the last, as far as `KEPT_BYTES` go."""

    def __init__(self, place: Path, read: Read) -> None:
        self.place, self.name, self._read = place, place.resolve().name, read
        if not (place / "lights.txt").is_file():
            raise NotFound(f"{place} has images but no lights.txt: a row x y z for each of them is expected")
        found: dict[int, Path] = {}
        for path in sorted(place.iterdir()):
            if not path.name.lower().startswith("light."):
                continue
            if (named := _IMAGE.fullmatch(path.name)) is None:
                raise RequestError(f"{path} is not named light.NN.* as the others: NN is a number")
            if (twin := found.get(int(named[1]))) is not None:
                raise RequestError(f"{place} has two images number {named[1]}, {twin.name} and {path.name}: keep one")
            found[int(named[1])] = path
        self.files = [found[number] for number in sorted(found)]
        self.numbers = [path.name.split(".")[1] for path in self.files]
        self.towards = _directions(place / "lights.txt")
        if len(self.towards) != len(self.files):
            raise RequestError(
                f"{place / 'lights.txt'} has {len(self.towards)} rows for {len(self.files)} images: one for each"
            )
        if len(self.files) < 2:
            raise RequestError(f"{place} has only one image: at least two lights are needed to ask for the other")
        self._lock, self._left = Lock(), 0
        self._mask: np.ndarray | None = None
        self._normals: np.ndarray | None = None
        self._truths: dict[int, np.ndarray] = {}

    def checked(self) -> Iterator[None]:
        """Every image read once, and mask and normals before them. Raises ImageError, RequestError naming a file."""
        self._mask = self._masked()
        self._normals = self._true_normals(self._mask)
        for index in range(len(self.files)):
            self._inside(index)
            yield

    def chosen(self, plates: int | None) -> list[int]:
        """Which of its pictures are plates: all, or so many evenly apart."""
        count = len(self.files)
        some = sorted({round(at) for at in np.linspace(0, count - 1, min(plates or count, count))})
        self._left = len(some)
        return some

    def case(self, index: int) -> Case:
        """The plate with that index and the questions about it."""
        assert self._mask is not None
        with self._lock:
            if not self._truths and self._left > 0:
                kept = max(1, KEPT_BYTES // (int(self._mask.sum()) * 3 * 4))
                self._truths = {other: self._inside(other) for other in range(min(len(self.files), kept))}
            truths = self._truths
            self._left -= 1
            if self._left <= 0:
                self._truths = {}
        lamps = [Lamp(towards, DARK_ROOM, measured=False) for towards in self.towards]

        def target(other: int) -> Target:
            return Target(
                f"{self.name}_{self.numbers[index]}_{self.numbers[other]}",
                lamps[other],
                truths[other] if other in truths else self._inside(other),
                partial(self._pixels, other),
            )

        asked = _Asked(target, [other for other in range(len(self.files)) if other != index])
        matte = None if self._mask.all() else self._mask.astype(np.float32)
        plate, mask = self._pixels(index), self._mask
        return Case(self.name, self.name, "photographed", plate, lamps[index], mask, asked, matte, self._normals)

    def _masked(self) -> np.ndarray:
        files = sorted(path for path in self.place.glob("mask.*"))
        first = self._read(self.files[0])
        if not files:
            return np.ones(first.shape[:2], bool)
        if len(files) > 1:
            raise RequestError(f"{self.place} has {files[0].name} and {files[1].name}: keep one mask")
        rgba = np.nan_to_num(self._read(files[0]))
        if rgba.shape[:2] != first.shape[:2]:
            raise RequestError(f"{files[0]} is {_size(rgba)} but {self.files[0].name} is {_size(first)}: equal sizes")
        values = _white(rgba)
        mask = values > values.max() / 2
        if not mask.any():
            raise RequestError(f"{files[0]} is black everywhere: it should be white where the object is")
        return mask

    def _true_normals(self, mask: np.ndarray) -> np.ndarray | None:
        file = self.place / "normals.exr"  # pictures of normals may lie beside the photographs and are none of ours
        if not file.is_file():
            return None
        normals = np.ascontiguousarray(self._read(file)[..., :3], np.float32)
        if normals.shape[:2] != mask.shape:
            size = f"{mask.shape[1]} x {mask.shape[0]}"
            raise RequestError(f"{file} is {_size(normals)}: {size} as its neighbours are expected")
        if not (np.abs(np.linalg.norm(normals[mask], axis=-1) - 1) < NEARLY).all():
            raise RequestError(
                f"{file} holds no normals of all of the object: x, y and z from -1 to 1, of length 1, are expected"
            )
        return geometry.normalise(np.nan_to_num(normals))

    def _pixels(self, index: int) -> np.ndarray:
        pixels = np.ascontiguousarray(self._read(self.files[index])[..., :3], np.float32)
        assert self._mask is not None
        if pixels.shape[:2] != self._mask.shape:
            expected = f"{self._mask.shape[1]} x {self._mask.shape[0]} as its neighbours"
            raise RequestError(f"{self.files[index]} is {_size(pixels)}: {expected} are expected")
        return pixels

    def _inside(self, index: int) -> np.ndarray:
        values = self._pixels(index)[self._mask]
        if broken := int((~np.isfinite(values).all(axis=-1)).sum()):
            raise RequestError(f"{self.files[index]} has {broken} broken pixels (NaN or inf) where the object is")
        if score.peak_of(values) <= score.NOTHING:
            raise RequestError(f"{self.files[index]} is black where the object is: no light falls on it")
        return values


def _white(rgba: np.ndarray) -> np.ndarray:
    """How white a mask [H, W, 4] is: its alpha, or its colours where alpha only says where the file has data."""
    colours, alpha = rgba[..., :3].max(axis=-1), rgba[..., 3]
    there = alpha > 0
    if alpha.min() == alpha.max():
        return colours
    even = alpha[there].min() == alpha[there].max()
    return colours if even and np.ptp(colours[there]) > 0 else alpha


def _directions(path: Path) -> np.ndarray:
    """Unit vectors [N, 3] of the rows of lights.txt."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        words = re.split(r"[\s,;]+", line.partition("#")[0].strip(" \t,;"))
        if words == [""]:
            continue
        try:
            row = np.array([float(word) for word in words])
        except ValueError:
            row = np.empty(0)
        if row.shape != (3,) or not np.isfinite(row).all():
            raise RequestError(f"{path}, line {number}: '{line.strip()[:60]}' is no direction: x y z are expected")
        if not row.any():
            raise RequestError(f"{path}, line {number}: the direction is 0 0 0, which points nowhere")
        rows.append(row / np.linalg.norm(row))
    return np.array(rows).reshape(-1, 3)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
