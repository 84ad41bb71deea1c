"""File patterns: plate.####.exr, plate.@@@@.exr, plate.%04d.exr or one file, each perhaps with ':layer' behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from fileseq.constants import PAD_STYLE_HASH1
from fileseq.exceptions import FileSeqException, ParseException
from fileseq.filesequence import FileSequence
from fileseq.frameset import FrameSet

from onelight.errors import NotFound, RequestError
from onelight.images import split_layer

_TOKEN = re.compile(r"#+|@+|%0?(\d*)d")


@dataclass(frozen=True)
class Sequence:
    """A pattern of files, one a frame; or a single file, which stands for every frame."""

    text: str  # as it was given
    pattern: str
    layer: str
    files: FileSequence | None  # None: a single file

    @staticmethod
    def parse(text: str) -> Sequence:
        """Read a pattern. `####` is four digits, `#` alone too; `@` counts singly; `%04d` as in C."""
        file, layer = split_layer(text)
        tokens = list(_TOKEN.finditer(file.name))
        if not tokens:
            return Sequence(text, str(file), layer, None)
        token = tokens[-1]
        digits = int(token[1] or 1) if token[0].startswith("%") else len(token[0])
        digits = 4 if token[0] == "#" else digits
        name = f"{file.name[: token.start()]}{'@' * digits}{file.name[token.end() :]}"
        pattern = str(file.parent / name)
        return Sequence(text, pattern, layer, FileSequence(pattern, pad_style=PAD_STYLE_HASH1))

    @property
    def moves(self) -> bool:
        """Whether each frame is a file of its own."""
        return self.files is not None

    @property
    def folder(self) -> Path:
        return Path(self.pattern).parent

    def path(self, frame: int) -> Path:
        """The file of a frame."""
        return Path(self.pattern) if self.files is None else Path(self.files.frame(frame))

    def image(self, frame: int) -> str:
        """What `images.read_frame` takes: the file with its layer."""
        path = self.path(frame)
        return f"{path}:{self.layer}" if self.layer else str(path)

    def on_disk(self) -> list[int]:
        """The frames there are, in order; NotFound where there is none."""
        if self.files is None:
            return [1] if Path(self.pattern).exists() else self._none()
        try:
            found = FileSequence.findSequenceOnDisk(self.pattern, strictPadding=True, pad_style=PAD_STYLE_HASH1)
        except FileSeqException:
            return self._none()
        return sorted(int(frame) for frame in found.frameSet() or []) or self._none()

    def _none(self) -> list[int]:
        raise NotFound(f"{self.text} matches no file")


def parse_frames(text: str) -> list[int]:
    """Frames out of '1001-1010', '1-9x2', '1,5,7-9', in the order given."""
    try:
        return [int(frame) for frame in FrameSet(text)]
    except ParseException as error:
        raise RequestError(f"--frames {text} is not a frame range: write 1001-1010, 1-9x2 or 1,5,7-9") from error


def frames_text(frames: list[int]) -> str:
    """The short form of a list of frames."""
    return FrameSet.framesToFrameRange(frames)
