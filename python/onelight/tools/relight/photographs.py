"""Photographed objects under known lights as cases: every ordered pair of lights is a question."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np

from onelight.errors import NotFound, RequestError
from onelight.tools.relight import geometry
from onelight.tools.relight.cases import DARK_ROOM, Case, Lamp, Target, Work

Read = Callable[[Path], np.ndarray]  # linear pixels [H, W, 3] of a file
NEARLY = 0.1  # how far a normal may be from length 1: of files of few bits
KEPT_BYTES = 1 << 30  # of an object's pixels inside the mask; what is beyond is read again for every plate
_IMAGE = re.compile(r"light\.(\d+)\.[^.]+", re.IGNORECASE)


def photographed(folder: Path, read: Read) -> list[Work]:
    """Every plate of every object in `folder`, which may itself be one: linear `light.NN.*`, `lights.txt`, `mask.*`.

    Row N of `lights.txt` (no header) is the direction of the Nth image in order of NN, of any length: x right, y up,
    z to camera. Without a mask every pixel counts. Where there is a `normals.exr` (-1 to 1, not coded as colours),
    normals are measured, too. What can be seen without reading pixels is checked for all objects at once: RequestError
    or NotFound names the file and what was expected.
    """
    places = sorted(path for path in folder.iterdir() if (path / "lights.txt").is_file())
    if not places and (folder / "lights.txt").is_file():
        places = [folder]
    if not places:
        raise NotFound(f"{folder} has no cases: one folder for each object is expected, with lights.txt and light.NN.*")
    objects = [_Object(place, read) for place in places]
    return [
        Work(f"{thing.name}_{thing.numbers[index]}", len(thing.files) - 1, partial(thing.case, index))
        for thing in objects
        for index in range(len(thing.files))
    ]


class _Object:
    """One folder; its pixels are read once, when the first of its plates is asked for, by whichever thread asks."""

    def __init__(self, place: Path, read: Read) -> None:
        self.place, self.name, self._read = place, place.name, read
        found: dict[str, Path] = {}
        for path in place.iterdir():
            if not path.name.startswith("light."):
                continue
            if (named := _IMAGE.fullmatch(path.name)) is None:
                raise RequestError(f"{path} is not named light.NN.* as the others: NN is a number")
            if (twin := found.get(named[1])) is not None:
                raise RequestError(f"{place} has two images number {named[1]}, {twin.name} and {path.name}: keep one")
            found[named[1]] = path
        self.numbers = sorted(found, key=lambda number: (int(number), number))
        self.files = [found[number] for number in self.numbers]
        self.towards = _directions(place / "lights.txt")
        if len(self.towards) != len(self.files):
            raise RequestError(
                f"{place / 'lights.txt'} has {len(self.towards)} rows for {len(self.files)} images: one for each"
            )
        if len(self.files) < 2:
            raise RequestError(f"{place} has only one image: at least two lights are needed to ask for the other")
        self._lock, self._left = Lock(), len(self.files)
        self._mask: np.ndarray | None = None
        self._normals: np.ndarray | None = None
        self._truths: dict[int, np.ndarray] = {}

    def case(self, index: int) -> Case:
        """The plate with that index and the questions about it. Raises ImageError, RequestError naming a file."""
        with self._lock:
            mask = self._mask = self._masked() if self._mask is None else self._mask
            if not self._truths:
                self._keep(mask)
                self._normals = self._true_normals(mask)
            truths = dict(self._truths)
            self._left -= 1
            if self._left <= 0:
                self._truths = {}
        plate = self._pixels(index, mask.shape)
        lamps = [Lamp(towards, DARK_ROOM) for towards in self.towards]
        targets = [
            Target(
                f"{self.name}_{self.numbers[index]}_{self.numbers[other]}",
                lamps[other],
                truths[other] if other in truths else self._inside(other, mask),
                partial(self._pixels, other, mask.shape),
            )
            for other in range(len(self.files))
            if other != index
        ]
        matte = None if mask.all() else mask.astype(np.float32)
        return Case(self.name, self.name, "photographed", plate, lamps[index], mask, targets, matte, self._normals)

    def _masked(self) -> np.ndarray:
        files = sorted(path for path in self.place.glob("mask.*"))
        first = self._read(self.files[0])
        if not files:
            return np.ones(first.shape[:2], bool)
        values = self._read(files[0])[..., 0]
        if values.shape != first.shape[:2]:
            raise RequestError(f"{files[0]} is {_size(values)} but {self.files[0].name} is {_size(first)}: equal sizes")
        mask = values > values.max() / 2
        if not mask.any():
            raise RequestError(f"{files[0]} is black everywhere: it should be white where the object is")
        return mask

    def _true_normals(self, mask: np.ndarray) -> np.ndarray | None:
        file = self.place / "normals.exr"  # pictures of normals may lie beside the photographs and are none of ours
        if not file.is_file():
            return None
        normals = np.ascontiguousarray(self._read(file), np.float32)
        if normals.shape[:2] != mask.shape:
            size = f"{mask.shape[1]} x {mask.shape[0]}"
            raise RequestError(f"{file} is {_size(normals)}: {size} as its neighbours are expected")
        if not (np.abs(np.linalg.norm(normals[mask], axis=-1) - 1) < NEARLY).all():
            raise RequestError(
                f"{file} holds no normals of all of the object: x, y and z from -1 to 1, of length 1, are expected"
            )
        return geometry.normalise(np.nan_to_num(normals))

    def _keep(self, mask: np.ndarray) -> None:
        size = int(mask.sum()) * 3 * 4
        for index in range(min(len(self.files), max(1, KEPT_BYTES // size))):
            self._truths[index] = self._inside(index, mask)

    def _pixels(self, index: int, shape: tuple[int, ...]) -> np.ndarray:
        pixels = np.ascontiguousarray(self._read(self.files[index]), np.float32)
        if pixels.shape[:2] != shape:
            expected = f"{shape[1]} x {shape[0]} as its neighbours"
            raise RequestError(f"{self.files[index]} is {_size(pixels)}: {expected} are expected")
        return pixels

    def _inside(self, index: int, mask: np.ndarray) -> np.ndarray:
        values = self._pixels(index, mask.shape)[mask]
        if broken := int((~np.isfinite(values).all(axis=-1)).sum()):
            raise RequestError(f"{self.files[index]} has {broken} broken pixels (NaN or inf) where the object is")
        if values.max() <= 0:
            raise RequestError(f"{self.files[index]} is black where the object is: no light falls on it")
        return values


def _directions(path: Path) -> np.ndarray:
    """Unit vectors [N, 3] of the rows of lights.txt."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.replace(",", " ").split()
        if not words:
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
