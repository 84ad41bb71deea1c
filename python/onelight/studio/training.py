"""Trains a show's own version of a tool: from the base, on the show's clips, scored on set-ups that were held out.

A run can be killed at any moment. The same call goes on from what is on disk, and ends with the same weights.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onelight.errors import Busy, OnelightError, RequestError
from onelight.locks import locked
from onelight.registry import BASE, Version
from onelight.shows import versions
from onelight.shows.schema import ModelVersion, Run
from onelight.shows.store import Show
from onelight.studio import made, pace, pairing, runs, scoring
from onelight.studio.lessons import prepare, weights_of
from onelight.studio.pairs import Hashed
from onelight.studio.plan import Ask, Plan
from onelight.studio.takes import Split
from onelight.studio.tracking import Tracking
from onelight.studio.watching import Listener, Progress
from onelight.training.course import Course
from onelight.training.files import write_json
from onelight.training.loop import State, train
from onelight.training.settings import Settings
from onelight.training.start import begin_with

FEWEST = 10  # steps, however short the budget
EXPORT_SECONDS = 20.0  # that are left for the export and the version's bundle


def train_show(
    show: Show,
    tool: str,
    ask: Ask,
    *,
    fresh: bool = False,
    call: runs.Call | None = None,
    tracking: str = "",
    listeners: Sequence[Listener] = (),
    stop_after: float | None = None,
) -> ModelVersion | None:
    """The show's next version of a tool; None where `stop_after` seconds of training were over first.

    Goes on with a run of the same tool and the same `ask` that was interrupted, unless `fresh`. `call` is the command
    that this is a part of, where it trains several tools. Raises RequestError where there are too few clips, where one
    of an interrupted run's may not be learnt from any more, or where the wishes differ; Busy while another process
    trains it; NotReady where a package is missing.
    """
    lessons = scoring.lessons_of(tool)
    base = scoring.registry_of(show).find(BASE, tool)
    if not base.stages:
        raise RequestError(f"The newest base version of {tool}, {base.name}, has no network to go on from.")
    runs.sweep(show)
    run = runs.begin(show, tool, ask, fresh, call)
    folder = show.places.training / run.name
    try:
        with locked(folder, "training"):
            return _Training(show, run, folder, ask, lessons, base, tracking, listeners).told(stop_after)
    except Busy:
        raise
    except BaseException as error:
        _interrupted(show, run.name, folder, error)
        raise


def _interrupted(show: Show, name: str, folder: Path, error: BaseException) -> None:
    """What is wrong with the request ends a run for good; from anything else it can go on."""
    state = _ended(error)
    runs.end(show, name, state, why=str(error) if isinstance(error, OnelightError) else type(error).__name__)
    Progress(folder).say(state)


def _ended(error: BaseException) -> str:
    return runs.FAILED if isinstance(error, RequestError) else runs.STOPPED


class _Training:
    """One run, on its way through."""

    def __init__(
        self,
        show: Show,
        run: Run,
        folder: Path,
        ask: Ask,
        lessons: Any,
        base: Version,
        tracking: str,
        listeners: Sequence[Listener],
    ) -> None:
        self.show, self.run, self.folder, self.ask, self.lessons = show, run, folder, ask, lessons
        self.began = time.monotonic()
        self.progress = Progress(folder, tuple(listeners))
        self.plan, self.parts, self.pairs = self._planned(base)
        self.base = scoring.registry_of(show).find(BASE, run.tool, self.plan.base["version"])
        if self.base.digest != self.plan.base["digest"]:
            raise RequestError(f"{run.tool} {self.base.name} is not what the run {run.name} began with: use --fresh.")
        self.weights = weights_of(self.base)
        suite = int(self.plan.ask["suite"])
        self.scorer = scoring.Scorer(
            run.tool, lessons, self.parts, self.plan.shots, suite, self.plan.seed, self.progress.count
        )
        self.tracking = Tracking(show.folder, show.name, run.tool, tracking, run.tracked)
        runs.tracked(show, run.name, self.tracking.run)

    def _planned(self, base: Version) -> tuple[Plan, Split, list[Hashed]]:
        show, name, tell = self.show, self.run.name, self.progress.count
        if (plan := Plan.load(self.folder)) is not None:
            return plan, runs.parts_of(show, plan), pairing.again(show, name, self.ask, plan, tell)
        told = {"version": base.name, "digest": base.digest}
        threads = max(1, min((os.cpu_count() or 1) - 1, 8))  # beside the one that makes batches
        plan, parts = runs.planned(show, self.run, self.ask, told, threads)
        plan, pairs = pairing.begin(show, name, self.ask, plan, tell)
        return plan.save(self.folder), parts, pairs

    def told(self, stop_after: float | None) -> ModelVersion | None:
        """`through`; the tracking store is told of an interruption, too."""
        try:
            return self.through(stop_after)
        except BaseException as error:
            with suppress(OnelightError):  # a store that is gone must not hide what ended the run
                self.tracking.end(_ended(error))
            raise

    def through(self, stop_after: float | None) -> ModelVersion | None:
        self.progress.say("preparing")
        course, digest = self._course()
        before = self._remembered("base.json", partial(self.scorer.of_base, self.base))
        settings = self._settled(course, before["seconds"])
        self.tracking.begin({**settings.deciding(), **made.told(self.run, self.plan)})
        model = self._learnt(course, settings, digest, stop_after)
        if model is None:
            self.tracking.end(runs.STOPPED)
            runs.end(self.show, self.run.name, runs.STOPPED)
            self.progress.say("stopped")
            return None
        self.progress.say("exporting", step=settings.steps)
        into = self.folder / "graphs"
        into.mkdir(exist_ok=True)
        graphs = scoring.script_of(self.run.tool).export(model, into)
        after = self._remembered("metrics.json", partial(self.scorer.of_version, graphs, before["rows"]))
        staged = made.staged(
            self.show, self.run, self.folder, self.plan, self.ask.device, model, graphs, settings, after["against"]
        )
        pairing.check_rights(self.pairs)
        version = versions.add(
            self.show,
            self.run.tool,
            staged,
            gain=after["gain"],
            metrics=after,
            manifest=made.manifest(self.run, self.plan, settings, digest),
            clips=runs.clips_of(self.show, self.plan.learnt),
            scored=runs.clips_of(self.show, self.plan.scored_on),
            base=self.base,
        )
        self.tracking.results(after["against"])
        self.tracking.end(runs.DONE)
        runs.end(self.show, self.run.name, runs.DONE, version)
        self.progress.say("done", scoring.sentence(self.lessons, after["against"]), settings.steps)
        runs.forget(self.show, self.run.name)
        return version

    def _course(self) -> tuple[Course, str]:
        plan = self.plan
        return prepare(
            self.lessons,
            self.show.places.cache,
            self.folder,
            self.parts,
            replace(self.lessons.SETTINGS, seed=plan.seed, threads=plan.threads),
            self.weights,
            crops=plan.crops,
            scenes=plan.scenes,
            pairs=self.pairs,
            progress=self.progress.count,
        )

    def _settled(self, course: Course, reserve: float) -> Settings:
        """The settings with the number of steps, which is found out once and kept."""
        settings = replace(self.lessons.SETTINGS, steps=1, seed=self.plan.seed, threads=self.plan.threads)
        if self.pairs:  # they teach what the base does not know: all of that is wanted
            settings = replace(settings, taken=1.0)
        if self.plan.step_seconds is None:
            self.progress.say("measuring", "How long a step takes")
            model = self._begun()
            seconds = pace.seconds_a_step(model, course, settings, self.ask.device)
            spent = time.monotonic() - self.began
            left = float(self.plan.ask["budget"]) - spent - reserve - EXPORT_SECONDS
            steps = self.plan.steps or int(np.clip(left / seconds, FEWEST, self.lessons.MOST))
            self.plan = self.plan.settle(self.folder, steps, seconds)
        assert self.plan.steps is not None
        self.progress.steps = self.plan.steps
        return replace(settings, steps=self.plan.steps, warmup=min(settings.warmup, self.plan.steps // 5))

    def _begun(self) -> torch.nn.Module:
        torch.manual_seed(self.plan.seed)
        model = self.lessons.network()
        begin_with(model, self.weights)
        return model

    def _learnt(
        self, course: Course, settings: Settings, digest: str, stop_after: float | None
    ) -> torch.nn.Module | None:
        def watch(state: State, loss: float) -> None:
            scores = [record["validation"][self.lessons.GAIN] for record in state.history if "validation" in record]
            self.progress.gain = scores[-1] - scores[0] if scores else None
            if np.isnan(loss) or state.step % 25 == 0:
                self.tracking.curves(state.history)
            if not np.isnan(loss):
                self.progress.step(state.step, loss)

        return train(
            self._begun(),
            settings,
            course.batch_of,
            course.loss_of,
            course.validate,
            self.folder / "network",
            self.ask.device,
            data=f"{digest} from {self.base.digest}",
            stop_after=stop_after,
            watch=watch,
            silent=True,
        )

    def _remembered(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What takes minutes is made once and kept in the run's folder."""
        path = self.folder / name
        if not path.is_file():
            write_json(path, make())
        return json.loads(path.read_bytes())
