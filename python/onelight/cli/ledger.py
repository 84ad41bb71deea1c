"""Remembers beside the output which frames are finished and from what, so that a stopped render goes on where it was.

One line of JSON a finished frame, appended when the frame's file is complete and just before it appears under its
name: being killed between the two costs one frame rendered again, never a wrong one. A broken last line is passed over.
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
        self._done: dict[str, list[dict[str, Any]]] = {}
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines() if self.path.exists() else []
        for line in lines:
            try:
                entry = json.loads(line)
                self._done.setdefault(entry["file"], []).append(entry)
            except (ValueError, KeyError, TypeError):
                continue

    def knows(self, file: Path) -> bool:
        """Whether the file as it lies there came from a render recorded here."""
        return self._entry(file) is not None

    def finished(self, file: Path, fingerprint: str) -> bool:
        """Whether the file lies there, untouched since it was made from just this."""
        entry = self._entry(file)
        return entry is not None and entry["from"] == fingerprint

    def ran_before(self, files: Iterable[Path], ran: Mapping[str, str]) -> dict[str, str]:
        """On what files that lie there ran with the model that `ran` names; `ran` itself where there are none."""
        found = ((self._entry(file) or {}).get("ran", {}) for file in files)
        return next((one for one in found if one and one.get("digest") == ran.get("digest")), dict(ran))

    def record(self, file: Path, fingerprint: str, part: Path, ran: Mapping[str, str]) -> None:
        """Note that `part` is complete and about to be renamed to `file`, which keeps its size and time."""
        entry = {"file": file.name, "from": fingerprint, "state": _state(part), "ran": dict(ran)}
        try:
            with self.path.open("a", encoding="utf-8") as ledger:
                ledger.write(json.dumps(entry) + "\n")
                ledger.flush()
        except OSError as error:
            raise ImageError(f"{self.path} cannot be written: {error.strerror or error}") from error
        self._done.setdefault(file.name, []).append(entry)

    def _entry(self, file: Path) -> dict[str, Any] | None:
        """The latest entry that fits the file: a render killed before its frame appeared has left the one before."""
        state = _state(file) if file.exists() else None
        return next((one for one in reversed(self._done.get(file.name, [])) if one.get("state") == state), None)


def fingerprint(settings: Mapping[str, Any], files: Iterable[Path]) -> str:
    """What a frame is made from: settings and knobs, the files with their size and time, and this release."""
    inputs = [[str(file.absolute()), *_state(file)] for file in files if file.exists()]
    text = json.dumps([metadata.version("onelight"), dict(settings), inputs], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _state(file: Path) -> list[int]:
    found = file.stat()
    return [found.st_size, found.st_mtime_ns]
