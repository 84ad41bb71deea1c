"""Tells on stderr how far a long job is: a live bar in a terminal, a plain line every minute in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_SECONDS = 60.0


class Bar:
    """`update(done, note)` as the work goes on; `start` is what an earlier run had done, so that the ETA is honest.

    `unit` names what is counted for the speed ("crops"), of which one step is `each`.
    `silent` says nothing by itself, for a caller that reports progress in its own way.
    """

    def __init__(
        self, label: str, total: int, start: int = 0, silent: bool = False, each: int = 1, unit: str = ""
    ) -> None:
        self.label, self.total, self.done, self._note = label, total, start, ""
        self._each, self._unit = each, unit
        self._start, self._began = start, time.monotonic()
        self.silent, self._said = silent, self._began
        console = Console(stderr=True)
        self._progress: Progress | None = None
        if console.is_terminal and not silent:
            columns = (BarColumn(bar_width=30), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
            self._progress = Progress(
                TextColumn("{task.description}"),
                *columns,
                TimeRemainingColumn(),
                console=console,
                speed_estimate_period=120,
            )
            self._task = self._progress.add_task(label, total=total, completed=start, note="")

    def __enter__(self) -> Bar:
        if self._progress:
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        if self._progress:
            self._progress.stop()
        elif self.done > self._start and not self.silent:
            self._line()

    def update(self, done: int, note: str = "") -> None:
        """Say that `done` of `total` are done; `note` is a few words, such as the loss."""
        self.done = done
        speed = self.rate() * self._each
        said = f"{speed:{'.0f' if speed >= 10 else '.2g'}} {self._unit}/s" if self._unit else ""
        self._note = ", ".join(filter(None, (note, said)))
        if self._progress:
            self._progress.update(self._task, completed=done, note=self._note)
        elif not self.silent and time.monotonic() - self._said >= PLAIN_SECONDS:
            self._line()

    def say(self, sentence: str) -> None:
        """Print a line of its own, above the bar where there is one."""
        if self._progress:
            self._progress.console.print(sentence, highlight=False, markup=False)
        else:
            print(sentence, file=sys.stderr, flush=True)

    def rate(self) -> float:
        """Units a second since this process began."""
        return (self.done - self._start) / max(time.monotonic() - self._began, 1e-6)

    def _line(self) -> None:
        self._said = time.monotonic()
        left = (self.total - self.done) / rate if (rate := self.rate()) > 0 else 0.0
        eta = f", {duration(left)} left" if 0 < self.done < self.total else ""
        self.say(f"{self.label} {self.done}/{self.total}{', ' if self._note else ''}{self._note}{eta}")


def duration(seconds: float) -> str:
    """'2 h 05 min', '3 min 20 s' or '12 s'."""
    if seconds >= 3600:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours} h {minutes:02d} min"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
