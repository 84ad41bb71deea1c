"""Which clips lie in folders: movies, and image sequences put together by fileseq."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fileseq.exceptions import FileSeqException
from fileseq.filesequence import FileSequence

from onelight.dailies import movies
from onelight.errors import NotFound

MOVIES = frozenset({".mov", ".mxf", ".mp4", ".m4v", ".mkv", ".avi"})
IMAGES = frozenset({".exr", ".dpx", ".cin", ".tif", ".tiff", ".png", ".jpg", ".jpeg"})
CAMERA_RAW = frozenset({".ari", ".arx", ".r3d", ".braw", ".crm", ".dng", ".x-ocn"})  # need the maker's debayer


@dataclass(frozen=True)
class Found:
    """A clip on disk. `path`: the movie, the still, or the sequence in fileseq's notation; `files` by frame number."""

    kind: str  # movie | sequence | still
    path: str
    name: str  # without folder, frame number and ending
    files: dict[int, Path]

    @property
    def first(self) -> int:
        """Number of the first frame."""
        return min(self.files)

    @property
    def last(self) -> int:
        """Number of the last frame that has a file; a movie's is not known before it was read."""
        return max(self.files)

    @property
    def missing(self) -> list[tuple[int, int]]:
        """Runs of frames, first and last, that have no file between the first and the last that have one."""
        numbers = sorted(self.files)
        return [(a + 1, b - 1) for a, b in itertools.pairwise(numbers) if b > a + 1]


@dataclass(frozen=True)
class Finds:
    """All clips in order of path, and the camera raw files that nobody but their maker's software reads."""

    clips: list[Found]
    raw: list[Path]


def find(paths: Iterable[Path]) -> Finds:
    """Looks into folders, with those in them; takes files and fileseq patterns (plate.####.exr) as given.

    Raises NotFound where a path does not exist or nothing at all is found.
    """
    given = list(paths)
    every = sorted({file.absolute() for path in given for file in _files(path)})
    clips = [_movie(file) for file in every if file.suffix.lower() in MOVIES]
    images = [file for file in every if file.suffix.lower() in IMAGES]
    clips += [_images(sequence) for sequence in FileSequence.yield_sequences_in_list([str(file) for file in images])]
    raw = [file for file in every if file.suffix.lower() in CAMERA_RAW]
    if not clips and not raw:
        told = ", ".join(str(path) for path in given) or "no path"
        raise NotFound(f"There are no clips in {told}: movies or image sequences were expected.")
    return Finds(sorted(clips, key=lambda clip: clip.path), raw)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in path.rglob("*") if not file.name.startswith(".") and file.is_file())
    elif path.exists():
        yield path
    else:
        try:
            sequence = FileSequence.findSequenceOnDisk(str(path))
        except FileSeqException as error:
            raise NotFound(f"{path} does not exist.") from error
        yield from (Path(file) for file in sequence)


def _movie(file: Path) -> Found:
    return Found("movie", str(file), file.stem, {movies.FIRST: file})


def _images(sequence: FileSequence) -> Found:
    # One picture has no neighbours by which to tell a frame number from a part of its name.
    numbers = [int(str(frame)) for frame in sequence.frameSet() or ()]
    if len(numbers) < 2:
        file = Path(sequence[0])
        return Found("still", str(file), file.stem, {1: file})
    name = sequence.basename().rstrip("._-") or Path(sequence.dirname()).name
    return Found("sequence", str(sequence), name, {frame: Path(sequence.frame(frame)) for frame in numbers})
