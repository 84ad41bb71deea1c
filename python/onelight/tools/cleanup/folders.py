"""Shots from outside as cases: folders with the sequences plate/, truth/ (without wires) and matte/."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from fileseq.exceptions import FileSeqException
from fileseq.filesequence import FileSequence

from onelight.errors import NotFound, RequestError
from onelight.temporal import flow
from onelight.temporal.encode import luminance
from onelight.tools.cleanup import score
from onelight.tools.cleanup.cases import REVEALED, SEEN, STATIC, WIDE, WIDTHS, Case, Lines, Work
from onelight.tools.cleanup.cleaned import offsets

Read = Callable[[Path], np.ndarray]  # linear pixels [H, W, 4] of a file, alpha 1 where it has none
DIFFERS = 0.02  # of the light: what differs less between plate and truth is no wire, where nobody drew a matte
SHOWN = 0.5  # of what is hidden: where neighbours show more than that, the case counts as revealed
STILL = 1  # the frame number of a file that has none


def found(folder: Path, read: Read, frames: int) -> list[Work]:
    """The cases of `folder`, which may itself be one: it holds plate/, and truth/, matte/ or both.

    Files are one a frame, name.1001.exr or the like, and all three have the same frame numbers; a single file without
    a number is a still. About `frames` frames of each are scored, in neighbouring pairs spread over the shot. What can
    be seen without reading pixels is checked at once: NotFound or RequestError names the file and what was expected.
    """
    places = sorted(path for path in folder.iterdir() if (path / "plate").is_dir())
    if (folder / "plate").is_dir():
        places = [folder]
    if not places:
        raise NotFound(f"{folder} has no cases: plate/ with truth/, matte/ or both is expected, or folders with those")
    works = []
    for place in places:
        shot = _Shot(place, read)
        numbers = sorted(shot.plate)
        pairs = max(1, min(frames // 2, len(numbers) // 2))
        for start in np.unique(np.linspace(0, max(0, len(numbers) - 2), pairs).round().astype(int)):
            tested = tuple(numbers[start : start + 2])
            works.append(Work(f"{place.name}_{tested[0]}", partial(shot.case, tested)))
    return works


class _Shot:
    """One folder; pixels are read when a case needs them."""

    def __init__(self, place: Path, read: Read) -> None:
        self.name, self._read = place.name, read
        self.plate = _sequence(place / "plate")
        self.truth, self.matte = (
            _sequence(place / name) if (place / name).is_dir() else {} for name in ("truth", "matte")
        )
        if not self.truth and not self.matte:
            raise NotFound(
                f"{place} has neither truth/ nor matte/: nothing says what is behind the wires, or where they are"
            )
        for files in (self.truth, self.matte):
            if files and (missing := sorted(set(self.plate) - set(files))):
                expected = next(iter(files.values())).parent
                raise NotFound(
                    f"{expected} has no frame {missing[0]}, which {self.plate[missing[0]]} is: one for each plate"
                )

    def case(self, tested: tuple[int, ...]) -> Case:
        """The case whose scored frames are `tested`. ImageError, RequestError naming a file."""
        wanted = sorted({frame + offset for frame in tested for offset in offsets()} & set(self.plate))
        plates = {frame: self._pixels(self.plate[frame]) for frame in wanted}
        size = plates[wanted[0]].shape
        truths = {frame: self._pixels(self.truth[frame], size) for frame in wanted} if self.truth else {}
        if self.matte:
            drawn = {frame: self._pixels(self.matte[frame], size)[..., 0] for frame in wanted}
        else:
            drawn = {frame: _difference(plates[frame], truths[frame]) for frame in wanted}
        holes = {frame: matte > score.HALF / 8 for frame, matte in drawn.items()}
        for frame in tested:
            if self.matte and holes[frame].all():
                raise RequestError(f"{self.matte[frame]} is white everywhere: it should be white where the wires are")
        lines = {frame: _lines(drawn[frame], plates[frame], truths.get(frame)) for frame in tested}
        motions = {}
        if truths:
            motions = {now: flow.dense(truths[now], truths[later]) for now, later in pairwise(tested)}
        shown = _shown(tested[0], truths, holes) if truths else 0.0
        across = _width(drawn[tested[0]], lines[tested[0]])
        labels = {"width": f"{across} px" if across else ""}
        split = REVEALED if shown > SHOWN else STATIC
        name = f"{self.name}_{tested[0]}"
        wide = across > WIDE
        return Case(
            name, self.name, split, labels, tested, plates, truths, holes, lines, motions, {}, wide, clean=bool(truths)
        )

    def _pixels(self, path: Path, size: tuple[int, ...] | None = None) -> np.ndarray:
        pixels = np.ascontiguousarray(self._read(path)[..., :3], np.float32)
        first = size or pixels.shape
        if pixels.shape[:2] != first[:2]:
            expected = f"{first[1]} x {first[0]} as the plate"
            raise RequestError(f"{path} is {pixels.shape[1]} x {pixels.shape[0]}: {expected} is expected")
        if broken := int((~np.isfinite(pixels).all(axis=-1)).sum()):
            raise RequestError(f"{path} has {broken} broken pixels (NaN or inf): nothing can be measured against those")
        return pixels


def _sequence(folder: Path) -> dict[int, Path]:
    """The files of a folder by frame number."""
    try:
        every = FileSequence.findSequencesOnDisk(str(folder))
    except FileSeqException as error:
        raise NotFound(f"{folder} cannot be listed: {error}") from error
    sequences = sorted((one for one in every if not one.basename().startswith(".")), key=str)
    if not sequences:
        raise NotFound(f"{folder} is empty: a sequence such as name.1001.exr is expected")
    if len(sequences) > 1:
        raise RequestError(
            f"{folder} holds {sequences[0].basename()}* and {sequences[1].basename()}*: keep one sequence"
        )
    numbers = sequences[0].frameSet()
    if not numbers:
        return {STILL: Path(str(sequences[0][0]))}
    return {int(number): Path(sequences[0].frame(number)) for number in numbers}


def _difference(plate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Where a plate [H, W, 3] shows something else than the truth, [H, W] 0 or 1."""
    scale = np.maximum(cv2.GaussianBlur(luminance(truth), (0, 0), 4.0), 1e-6)
    differs = (np.abs(plate - truth).max(axis=-1) > DIFFERS * scale).astype(np.uint8)
    return cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)).astype(np.float32)


def _lines(matte: np.ndarray, plate: np.ndarray, truth: np.ndarray | None) -> Lines:
    points = score.centre_lines(matte)
    if truth is None or not len(points):
        return Lines(points, np.ones(len(points), bool))
    behind = luminance(truth)
    differs = np.abs(luminance(plate) - behind) / np.maximum(cv2.GaussianBlur(behind, (0, 0), 4.0), 1e-6)
    column, row = points.astype(int).T
    return Lines(points, cv2.dilate(differs, np.ones((3, 3), np.uint8))[row, column] >= SEEN)


def _width(matte: np.ndarray, lines: Lines) -> int:
    """The class of the wires' width in pixels; 0 where there are none."""
    if not len(lines.points):
        return 0
    inside = cv2.distanceTransform((matte > score.HALF).astype(np.uint8), cv2.DIST_L2, 5)
    column, row = lines.points.astype(int).T
    across = 2 * float(np.median(inside[row, column])) - 1
    return min(WIDTHS, key=lambda width: abs(np.log(width / max(across, 1.0))))


def _shown(frame: int, truths: dict[int, np.ndarray], holes: dict[int, np.ndarray]) -> float:
    """The share of what is hidden in a frame that some neighbour shows."""
    hole = holes[frame]
    shown = np.zeros(int(hole.sum()), bool)
    for other, truth in truths.items():
        if other == frame or not len(shown):
            continue
        target = (flow.positions(hole.shape) + flow.dense(truths[frame], truth))[hole]
        column, row = np.round(target).astype(int).T
        height, width = hole.shape
        inside = (column >= 0) & (row >= 0) & (column < width) & (row < height)
        shown[inside] |= ~holes[other][row[inside], column[inside]]
    return float(shown.mean()) if len(shown) else 0.0
