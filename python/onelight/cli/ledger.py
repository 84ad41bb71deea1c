"""Remembers beside the output which frames are finished and from what, so that a stopped render goes on where it was.

One line of JSON a finished frame, appended after the frame's file is complete: being killed between the two costs one
frame rendered again, never a wrong one. A broken last line is passed over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from onelight.cli.sequences import Sequence
from onelight.errors import ImageError


class Ledger:
    """The finished frames of one output pattern."""

    def __init__(self, output: Sequence) -> None:
        name = Path(output.pattern).name
        self.path = output.folder / f".{name}.onelight"
        self._done: dict[str, dict[str, Any]] = {}
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines() if self.path.exists() else []
        for line in lines:
            try:
                entry = json.loads(line)
                self._done[entry["file"]] = entry
            except (ValueError, KeyError, TypeError):
                continue

    def knows(self, file: Path) -> bool:
        """Whether the file as it lies there came from a render recorded here."""
        entry = self._done.get(file.name)
        return entry is not None and file.exists() and entry["state"] == _state(file)

    def finished(self, file: Path, fingerprint: str) -> bool:
        """Whether the file lies there, untouched since it was made from just this."""
        return self.knows(file) and self._done[file.name]["from"] == fingerprint

    def record(self, file: Path, fingerprint: str) -> None:
        """Note that the file is complete."""
        entry = {"file": file.name, "from": fingerprint, "state": _state(file)}
        try:
            with self.path.open("a", encoding="utf-8") as ledger:
                ledger.write(json.dumps(entry) + "\n")
                ledger.flush()
        except OSError as error:
            raise ImageError(f"{self.path} cannot be written: {error.strerror or error}") from error
        self._done[file.name] = entry


def fingerprint(settings: Mapping[str, Any], files: Iterable[Path]) -> str:
    """What a frame is made from: settings and knobs, the files with their size and time, and this release."""
    inputs = [[str(file.absolute()), *_state(file)] for file in files if file.exists()]
    text = json.dumps([metadata.version("onelight"), dict(settings), inputs], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _state(file: Path) -> list[int]:
    found = file.stat()
    return [found.st_size, found.st_mtime_ns]
