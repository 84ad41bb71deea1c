"""Says how far a training is, in a file that anyone may follow while it grows."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onelight.training.files import cannot_write

NAME = "progress.jsonl"
LARGEST = 256 << 10  # bytes, then the file becomes `progress.jsonl.1` and a new one begins
Listener = Callable[[dict[str, Any]], object]


@dataclass
class Progress:
    """Appends `{"step", "steps", "loss", "gain", "eta_s", "state"}` to a run's progress.jsonl, a line at a time.

    `state` is preparing, measuring, training, exporting, done, stopped or failed; numbers that are not known yet are
    null. `gain` is what the training watches on held-out crops less what it was before the first step. Each line is
    also given to `listeners`, and so is a line that says `what` is being prepared.
    """

    folder: Path
    listeners: tuple[Listener, ...] = ()
    steps: int | None = None
    gain: float | None = None
    _began: tuple[float, int] | None = field(default=None, init=False)
    _said: float = field(default=0.0, init=False)
    _what: str = field(default="", init=False)

    def step(self, step: int, loss: float) -> None:
        """A step was taken."""
        now = time.monotonic()
        if self._began is None or step < self._began[1]:
            self._began = now, step - 1
        began, before = self._began
        left = (self.steps or step) - step
        self._tell("training", step, loss, left * (now - began) / max(step - before, 1))

    def say(self, state: str, what: str = "", step: int | None = None) -> None:
        """The run is at another of its states; `what` it does there, with how much of it."""
        self._tell(state, step, None, None, what)

    def count(self, what: str, done: int, total: int) -> None:
        """So much of some preparation is done; the file gets a line a second of it."""
        line = {"step": None, "steps": self.steps, "state": "preparing", "what": what, "done": done, "total": total}
        for listener in self.listeners:
            listener(line)
        if time.monotonic() - self._said > 1 or what != self._what:
            self._said, self._what = time.monotonic(), what
            append(self.folder / NAME, line | {"loss": None, "gain": None, "eta_s": None})

    def _tell(self, state: str, step: int | None, loss: float | None, eta: float | None, what: str = "") -> None:
        line: dict[str, Any] = {
            "step": step,
            "steps": self.steps,
            "loss": loss if loss is None or math.isfinite(loss) else None,
            "gain": self.gain,
            "eta_s": None if eta is None else round(eta, 1),
            "state": state,
        }
        line |= {"what": what} if what else {}
        append(self.folder / NAME, line)
        for listener in self.listeners:
            listener(line)


def append(path: Path, line: dict[str, Any]) -> None:
    """One line more; what a killed process left of one is closed first, so that it is the only line lost."""
    try:
        if path.exists() and path.stat().st_size > LARGEST:
            os.replace(path, path.with_name(f"{path.name}.1"))
        with path.open("ab+") as file:
            torn = file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
            file.write(b"\n" * bool(torn) + json.dumps(line, allow_nan=False).encode() + b"\n")
    except OSError as error:
        raise cannot_write(path, error) from error


def lines(folder: Path) -> list[dict[str, Any]]:
    """What a run has said so far, oldest first; lines that are torn are passed over."""
    out = []
    for name in (f"{NAME}.1", NAME):
        try:
            content = (folder / name).read_bytes()
        except OSError:
            continue
        for line in content.splitlines():
            try:
                out.append(json.loads(line))
            except ValueError:
                continue
    return out
