"""Brings a show's footage and the soundstage's scenes to where a training learns from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onelight.errors import RequestError
from onelight.registry import Version
from onelight.studio import paircrops, replay, takes
from onelight.studio.pairs import Hashed
from onelight.studio.takes import Split
from onelight.training.course import Course
from onelight.training.crops import Crops
from onelight.training.process import repeatable
from onelight.training.settings import Settings
from onelight.training.start import begin_with

PAIR_CROPS = 0.5  # crops of artists' pairs for each crop of the dailies
HELD_CROPS = 5  # one crop of held-out set-ups, to watch a training by, for so many that are learnt from


def prepare(
    lessons: Any,
    cache: Path,
    folder: Path,
    parts: Split,
    settings: Settings,
    weights: Path,
    *,
    crops: int,
    scenes: int,
    pairs: Sequence[Hashed] = (),
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> tuple[Course, str]:
    """What is learnt from and how, and the digest of all of it; what lies in `folder` from before is not made again.

    `weights` are the base version's, which judges crops before they are learnt from. Raises RequestError where no
    picture is large enough or a pair teaches nothing, ImageError where a clip cannot be read.
    """
    # First: a pair that teaches nothing is refused before minutes are spent on the rest.
    paired = _paired(lessons, folder, pairs, round(PAIR_CROPS * crops), settings.seed, progress) if pairs else None
    rendered = replay.scenes(cache, scenes, progress)
    cut = partial(
        takes.cut,
        folder=folder / "footage",
        size=lessons.SIZE,
        span=lessons.SPAN,
        step=lessons.STEP,
        far=lessons.FAR,
        seed=settings.seed,
    )
    taught = cut(parts.taught, count=crops, progress=partial(progress, "Reading frames"))
    held = cut(parts.held, count=max(4, crops // HELD_CROPS), progress=partial(progress, "Reading held-out frames"))
    if not taught or not held:
        raise RequestError(f"No clip has a picture large enough to learn from: {lessons.SIZE} pixels were expected.")
    base = lessons.network()
    begin_with(base, weights)
    with repeatable(settings, True):  # what the base says is learnt from: it is to come out the same again
        baked = Crops.bake(
            folder / "crops",
            {**taught, **held},
            partial(_kept, lessons, base),
            recipe="lessons",
            progress=partial(progress, "Preparing lessons"),
        )
    replayed = Crops.bake(
        folder / "scenes",
        rendered,
        lessons.replay,
        recipe="replay 2",
        progress=partial(progress, "Preparing scenes to replay"),
    )
    rows = {name: row for row, name in enumerate(baked.names)}
    # By name: a run that goes on finds its takes in another order than they were first planned in.
    first, second = (np.array([rows[name] for name in sorted(side)]) for side in (taught, held))
    digest = f"{baked.digest} {replayed.digest}"
    if paired is None:
        return lessons.course(baked.arrays, replayed.arrays, first, second, settings), digest
    course = lessons.course(baked.arrays, replayed.arrays, first, second, settings, paired=paired.arrays)
    return course, f"{digest} {paired.digest}"


def weights_of(version: Version) -> Path:
    """The weights that a version was exported from. Raises RequestError where it has none."""
    for graph in version.stages.values():
        if (weights := graph.with_name("weights.safetensors")).is_file():
            return weights
    raise RequestError(f"{version.tool} {version.name} has no weights that a training could begin with.")


def _paired(
    lessons: Any,
    folder: Path,
    pairs: Sequence[Hashed],
    count: int,
    seed: int,
    progress: Callable[[str, int, int], None],
) -> Crops:
    """Crops of artists' pairs; rows are sorted by name, whatever order they are found in."""
    files = paircrops.cut(
        pairs,
        folder / "pairs",
        lessons.artist,
        count=count,
        size=lessons.SIZE,
        seed=seed,
        progress=partial(progress, "Reading artists' pairs"),
    )
    return Crops.bake(
        folder / "paired",
        {name: files[name] for name in sorted(files)},
        partial(_kept_pair, lessons),
        recipe="pairs",
        progress=partial(progress, "Preparing artists' pairs"),
    )


def _kept_pair(lessons: Any, path: Path) -> dict[str, np.ndarray]:
    return lessons.artist.kept(np.load(path, allow_pickle=False))


def _kept(lessons: Any, base: torch.nn.Module, path: Path) -> dict[str, np.ndarray]:
    return lessons.kept(np.load(path, allow_pickle=False), base)
