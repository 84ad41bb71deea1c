"""`onelight bench training` and `folds`: how soon, and how much, a show's training gains."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from onelight.cli.evaluate import progress_bars


def run(
    tools: list[str], show: Any, steps: int, quiet: bool, crops: int = 32, scenes: int = 24
) -> list[dict[str, Any]]:
    """Rows {tool, metric, score_scratch, score_base, score_base_at_0, steps_scratch, steps_base,
    seconds_scratch, seconds_base, time_ratio}.

    Both trainings are on the same crops and scenes, with the same settings, in this process, one after the other.
    `score_scratch` is the last held-out score of the one that begins with nothing; `seconds_base` is when the one that
    begins with the base version was first at least as good, its loading and validation included; None where it never
    was. `score_base_at_0` is the base's score before any step, and `steps_base` the step at `seconds_base`: 0 where the
    base was as good without learning, and then `time_ratio` tells nothing of how fast it learns. The base's own
    training is not counted: it was paid for once, for all shows.
    """
    from onelight.studio import race

    rows = []
    with progress_bars() as progress, TemporaryDirectory() as folder:
        told = (lambda what, done, total: None) if quiet else progress
        for tool in tools:
            rows.append(race.run(show, tool, Path(folder) / tool, steps, crops, scenes, told))
    return rows


def folds(
    tools: list[str], show: Any, steps: int, crops: int, scenes: int, shots: int, quiet: bool
) -> list[dict[str, Any]]:
    """Rows as `studio.folds.run` gives them, of each tool."""
    from onelight.studio import folds as folds_

    rows: list[dict[str, Any]] = []
    with progress_bars() as progress:
        told = (lambda what, done, total: None) if quiet else progress
        for tool in tools:
            rows += folds_.run(show, tool, steps=steps, crops=crops, scenes=scenes, shots=shots, progress=told)
    return rows
