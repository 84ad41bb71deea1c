"""Two trainings on the same footage, one from the base version and one from nothing, timed against each other."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onelight.errors import RequestError
from onelight.registry import BASE
from onelight.shows.store import Show
from onelight.studio import lessons as lessons_
from onelight.studio import runs, scoring, takes
from onelight.training.course import Course
from onelight.training.loop import State, train
from onelight.training.settings import Settings
from onelight.training.start import begin_with

CHECKS = 10  # validations on the way
RATE = 3.0  # by which the rate from nothing is higher: weights that know nothing have far to go


def run(
    show: Show,
    tool: str,
    folder: Path,
    steps: int,
    crops: int,
    scenes: int,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> dict[str, Any]:
    """A row of `onelight bench training`. Raises RequestError where the show has too little to learn from."""
    lessons = scoring.lessons_of(tool)
    weights = lessons_.weights_of(scoring.registry_of(show).find(BASE, tool))
    found = runs.takes(show)
    if not found:
        raise RequestError(runs.nothing_to_learn(show))
    parts = takes.split(found, runs.SEED)
    settings = replace(
        lessons.SETTINGS, steps=steps, validate_every=max(1, steps // CHECKS), checkpoint_every=steps, threads=0
    )
    settings = replace(settings, warmup=min(settings.warmup, steps // 5))
    course, _ = lessons_.prepare(
        lessons, show.places.cache, folder, parts, settings, weights, crops=crops, scenes=scenes, progress=progress
    )
    untrained = replace(settings, learning_rate=settings.learning_rate * RATE, settled=False, taken=1.0)
    scratch = _timed(lessons, course, untrained, folder / "scratch", None, partial(progress, f"{tool} from nothing"))
    goal = scratch[-1][1]
    based = _timed(lessons, course, settings, folder / "base", weights, partial(progress, f"{tool} from the base"))
    reached = next(((seconds, step) for seconds, score, step in based if score >= goal), None)
    seconds = scratch[-1][0]
    return {
        "tool": tool,
        "metric": f"{lessons.RACED}, held out",
        "score_scratch": goal,
        "score_base": based[-1][1],
        "score_base_at_0": based[0][1],
        "steps_scratch": steps,
        "steps_base": reached[1] if reached else None,
        "seconds_scratch": round(seconds, 2),
        "seconds_base": round(reached[0], 2) if reached else None,
        "time_ratio": reached[0] / seconds if reached else None,
    }


def _timed(
    lessons: Any,
    course: Course,
    settings: Settings,
    out: Path,
    weights: Path | None,
    progress: Callable[[int, int], None],
) -> list[tuple[float, float, int]]:
    """(seconds, held-out score, step) of each validation of a training."""
    began = time.monotonic()
    torch.manual_seed(settings.seed)
    model = lessons.network()
    if weights is not None:
        begin_with(model, weights)
    seen: list[tuple[float, float, int]] = []

    def watch(state: State, loss: float) -> None:
        if math.isnan(loss):
            score = float(state.history[-1]["validation"][lessons.RACED])
            seen.append((time.monotonic() - began, score if np.isfinite(score) else -math.inf, state.step))
        progress(state.step, settings.steps)

    train(model, settings, course.batch_of, course.loss_of, course.validate, out, data="race", watch=watch, silent=True)
    return seen
