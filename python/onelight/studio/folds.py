"""Trains on a show once for each of its set-ups, which is held out: what its training is worth, however few it has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from onelight.errors import RequestError
from onelight.registry import BASE, Version
from onelight.shows.store import Show
from onelight.studio import lessons as lessons_
from onelight.studio import runs, scores, scoring, takes
from onelight.studio.takes import Split, Take
from onelight.tools import discover
from onelight.training.files import write_json
from onelight.training.loop import train
from onelight.training.start import begin_with

Progress = Callable[[str, int, int], None]


def run(
    show: Show,
    tool: str,
    folder: Path,
    *,
    steps: int,
    crops: int,
    scenes: int,
    shots: int,
    progress: Progress = lambda what, done, total: None,
) -> list[dict[str, Any]]:
    """Rows {tool, setup, metric, baseline, gain, low, high, cases}, of each set-up and of "all" of them: gains over the
    base version, and over doing nothing.

    The interval of "all" resamples set-ups (95 %, paired bootstrap). What a fold scored is kept in `folder`, and a call
    with the same numbers goes on from there. RequestError where fewer than two set-ups move and are large enough.
    """
    lessons = scoring.lessons_of(tool)
    base = scoring.registry_of(show).find(BASE, tool)
    found = runs.takes(show)
    setups = sorted({one.setup for one in found if _scored(one, min(lessons.SHOT_SIZE))})
    if len(setups) < 2:
        raise RequestError(
            f"Holding out each set-up in turn needs two that move, with pictures of {min(lessons.SHOT_SIZE)} lines or "
            f"nearly: this show has {len(setups)}."
        )
    asked = [base.digest, steps, crops, scenes, shots]
    rows: list[dict[str, Any]] = []
    for number, setup in enumerate(setups, 1):
        told = partial(_told, progress, f"Set-up {number} of {len(setups)}: ")
        parts = takes.split(found, runs.SEED, (setup,))
        key = [setup, *asked, *sorted((one.clip, one.first, one.last) for one in (*parts.taught, *parts.held))]
        place = folder / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
        done = place / "rows.json"
        if not done.is_file():
            tested = _trained(show, lessons, base, parts, place, steps, crops, scenes, told)
            scorer = scoring.Scorer(tool, lessons, parts, shots, 0, runs.SEED, told)
            write_json(done, scorer.rows({"base": base, "model": tested, "nothing": None}))
        rows += json.loads(done.read_bytes())
    cases = {
        name: len({row["case"] for row in rows if name in (row["scene"], scores.ALL)}) for name in (*setups, scores.ALL)
    }
    alone = scores.against(rows, by=("scene",), together=False)
    whole = scores.against([{**row, "of": scores.ALL} for row in rows], by=("of",), together=False)
    return [
        {
            "tool": tool,
            "setup": row["condition"],
            **{name: row[name] for name in ("metric", "baseline", "gain", "low", "high")},
            "cases": cases[row["condition"]],
        }
        for row in (*alone, *whole)
    ]


def _trained(
    show: Show,
    lessons: Any,
    base: Version,
    parts: Split,
    folder: Path,
    steps: int,
    crops: int,
    scenes: int,
    progress: Progress,
) -> Version:
    """A version that learnt from one side of the split, as `train show` would have made it."""
    settings = replace(lessons.SETTINGS, steps=steps, warmup=min(lessons.SETTINGS.warmup, steps // 5))
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
        watch=lambda state, loss: progress("training", state.step, steps),
        silent=True,
    )
    assert learnt is not None  # nothing stops it early
    graphs = folder / "graphs"
    graphs.mkdir(exist_ok=True)
    exported = scoring.script_of(base.tool).export(learnt, graphs)
    return Version(BASE, base.tool, scoring.STAGED, discover()[base.tool].version, scoring.STAGED, dict(exported))


def _scored(take: Take, size: int) -> bool:
    return take.frames > 1 and takes.large_enough(take, size)


def _told(progress: Progress, before: str, what: str, done: int, total: int) -> None:
    progress(before + what[:1].lower() + what[1:], done, total)
