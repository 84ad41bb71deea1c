"""Trains on a show once for each of its set-ups, with that one held out: what its training gains, set-up by set-up."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from onelight.errors import Busy, RequestError
from onelight.locks import locked
from onelight.registry import BASE, Version
from onelight.shows import files
from onelight.shows.store import Show
from onelight.studio import lessons as lessons_
from onelight.studio import pace, runs, scores, scoring, takes
from onelight.studio.takes import Split, Take
from onelight.tools import discover
from onelight.training.files import write_json
from onelight.training.loop import train
from onelight.training.settings import Settings
from onelight.training.start import begin_with

Progress = Callable[[str, int, int], None]


def run(
    show: Show,
    tool: str,
    *,
    steps: int,
    crops: int,
    scenes: int,
    shots: int,
    progress: Progress = lambda what, done, total: None,
) -> list[dict[str, Any]]:
    """Rows {tool, setup, metric, baseline, gain, low, high, cases}, of each set-up and of "all" of them: gains over the
    base version, the tool without networks, and doing nothing.

    The interval of "all" resamples set-ups (95 %, paired bootstrap); None where there are fewer than `FEWEST_SETUPS`.
    What a fold scored is kept in the show's cache, and its frames are not: a call with the same numbers goes on from
    there, also in the middle of a fold; one with other numbers for that tool begins what was left in the middle anew.
    RequestError where fewer than two set-ups move and are large enough, Busy while another process is at the same fold.
    """
    lessons = scoring.lessons_of(tool)
    base = scoring.registry_of(show).find(BASE, tool)
    settings = replace(lessons.SETTINGS, steps=steps, warmup=min(lessons.SETTINGS.warmup, steps // 5))
    found = runs.takes(show)
    root = files.below(show.folder, "cache", "folds", mode=0o700)
    least = max(lessons.SIZE, min(lessons.SHOT_SIZE))
    setups = sorted({one.setup for one in found if one.frames > 1 and takes.large_enough(one, least)})
    if len(setups) < 2:
        _swept(root, tool, ())
        raise RequestError(
            f"Holding out each set-up in turn needs two that move, with pictures of {round(least / takes.ENLARGED)} "
            f"lines at least: this show has {len(setups)}."
            if found
            else runs.nothing_to_learn(show)
        )
    asked = [tool, base.digest, pace.code_digest(tool), settings.deciding(), crops, scenes, shots]
    splits = [takes.split(found, runs.SEED, (setup,)) for setup in setups]
    keys = [json.dumps([*asked, _sides(parts.taught), _sides(parts.held)]) for parts in splits]
    folders = [f"{tool}-{hashlib.sha256(key.encode()).hexdigest()[:16]}" for key in keys]
    _swept(root, tool, folders)
    rows: list[dict[str, Any]] = []
    for number, (parts, name) in enumerate(zip(splits, folders, strict=True), 1):
        told = partial(_told, progress, f"Set-up {number} of {len(setups)}: ")
        folder = files.below(show.folder, "cache", "folds", name, mode=0o700)
        done = folder / "rows.json"
        with locked(folder, "fold"):
            if not done.is_file():
                tested = _trained(show, lessons, base, parts, folder / "work", settings, crops, scenes, told)
                scorer = scoring.Scorer(tool, lessons, parts, shots, 0, runs.SEED, told)
                plain = scoring.without_networks(base)
                write_json(done, scorer.rows({"base": base, "model": tested, "classical": plain, "nothing": None}))
            shutil.rmtree(folder / "work", ignore_errors=True)  # crops are the show's pictures
        rows += json.loads(done.read_bytes())
    alone = scores.against(rows, by=("scene",), together=False)
    whole = scores.against([{**row, "of": scores.ALL} for row in rows], by=("of",), together=False)
    if len(setups) < scoring.FEWEST_SETUPS:
        whole = [{**row, "low": None, "high": None} for row in whole]
    cases = {
        name: len({row["case"] for row in rows if name in (row["scene"], scores.ALL)}) for name in (*setups, scores.ALL)
    }
    return [
        {
            "tool": tool,
            "setup": row["condition"],
            **{name: row[name] for name in ("metric", "baseline", "gain", "low", "high")},
            "cases": cases[row["condition"]],
        }
        for row in (*alone, *whole)
    ]


def _swept(folds: Path, tool: str, wanted: Sequence[str]) -> None:
    """Removes the crops that a tool's killed fold of other numbers, or of clips since withdrawn, left behind."""
    for work in folds.glob(f"{tool}-*/work"):
        if work.parent.name not in wanted:
            with suppress(Busy), locked(work.parent, "fold"):
                shutil.rmtree(work, ignore_errors=True)


def _sides(several: Sequence[Take]) -> list[list[Any]]:
    """What decides what a side of the split shows, as JSON takes it."""
    return sorted([one.clip, one.space, one.setup, one.first, one.last, list(one.box)] for one in several)


def _trained(
    show: Show,
    lessons: Any,
    base: Version,
    parts: Split,
    folder: Path,
    settings: Settings,
    crops: int,
    scenes: int,
    progress: Progress,
) -> Version:
    """A version that learnt from one side of the split, without artists' pairs."""
    weights = lessons_.weights_of(base)
    course, digest = lessons_.prepare(
        lessons, show.places.cache, folder, parts, settings, weights, crops=crops, scenes=scenes, progress=progress
    )
    torch.manual_seed(settings.seed)
    model = lessons.network()
    begin_with(model, weights)
    learnt = train(
        model,
        settings,
        course.batch_of,
        course.loss_of,
        lambda ema: {},
        folder / "network",
        data=f"{digest} from {base.digest}",
        watch=lambda state, loss: progress("training", state.step, settings.steps),
        silent=True,
    )
    assert learnt is not None  # nothing stops it early
    graphs = folder / "graphs"
    graphs.mkdir(exist_ok=True)
    exported = scoring.script_of(base.tool).export(learnt, graphs)
    return Version(BASE, base.tool, scoring.STAGED, discover()[base.tool].version, scoring.STAGED, dict(exported))


def _told(progress: Progress, before: str, what: str, done: int, total: int) -> None:
    progress(before + what[:1].lower() + what[1:], done, total)
