"""Cleanup's honest score: wires pasted on held-out footage, found and taken out again, beside simpler means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from onelight.errors import RequestError
from onelight.stages import Session
from onelight.temporal.encode import middle
from onelight.tools.cleanup import cases, folders, footage, measured, sheets
from onelight.tools.cleanup.cases import Work
from onelight.tools.cleanup.footage import Clip
from onelight.tools.cleanup.sheets import Tiles

METHODS = {
    "model": "the version under test",
    "classical": "Cleanup without networks",
    "nothing": "the plate as it is",
    "telea": "OpenCV's fast marching from the hole's edge, in stops",
    "navier_stokes": "OpenCV's diffusion along isophotes, in stops",
    "temporal_median": "the neighbours laid over the plate by homographies, and their median",
}
BY = ("width", "contrast", "motion")  # labels that rows are grouped by, beside all of a split together
HEADLINES = ("f1", "psnr")  # metrics that the table shows for each group
TOGETHER = False  # splits ask for different things: nothing is averaged over them
DETECT, WIDE, CLEAN = "detect", "detect_wide", "clean"
COUNT = 8
HANDS = 2  # shots worked on side by side
Progress = Callable[[str, int, int], None]  # what is being done, steps done, steps in all
Rows = list[dict[str, Any]]


@dataclass
class Report:
    """What was measured: flat rows, and contact-sheet lines (title, tiles) where they were asked for."""

    rows: Rows = field(default_factory=list)
    sheet: list[tuple[str, Tiles]] = field(default_factory=list)


def run(
    session: Session | None = None,
    folder: Path | None = None,
    read: folders.Read | None = None,
    count: int | None = None,
    methods: Sequence[str] = (),
    sheet: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> Report:
    """Scores the version whose networks `session` runs (None: it has none).

    On `count` (`COUNT`) procedural clips with as many stills, half as many takes of the soundstage and a real clip; or
    on the shots in `folder` (see `folders.found`; `read` gives the linear pixels [H, W, 4] of a file, and about `count`
    frames of each shot are scored). Only `methods`, where given.

    Rows are {case, scene, split, width, contrast, motion, method, metric, value}. In `detect` (wires up to 12 px; wider
    ones in `detect_wide`), `precision`, `recall` and `f1` are of centre lines, 1.5 px apart at most; parts that differ
    less than 5 % from what is behind them are not asked for. In `clean`, `false_positive_share` is of the pixels of
    frames without wires. In `fill_static` what is behind the wire is hidden all the time and in `fill_revealed`
    neighbours show it; the matte is given. `psnr`, `log_psnr` (dB) and `ssim` are of the hidden pixels and are taken
    with Regrain off, for new grain is not meant to be the old one; the rest with all knobs at their defaults:
    `boundary` (the seam in stops), `flicker` and `grain` (inside relative to outside, over the same of the true
    frames: 1 is as shot), `transported_share` (of real pixels).
    """
    if unknown := set(methods) - METHODS.keys():
        raise RequestError(f"there is no method {', '.join(sorted(unknown))}: choose of {', '.join(METHODS)}")
    chosen = tuple(name for name in METHODS if name in (methods or METHODS))
    if session is None or not any(session.has(stage) for stage in ("detect", "fill")):
        chosen = tuple(name for name in chosen if name != "classical" or "model" not in chosen)
    report, count = Report(), count or COUNT
    tasks: list[Callable[[], Rows]] = []
    if folder is not None and read is not None:
        works = folders.found(folder, read, count)
    else:
        clips = footage.clips(count, progress)
        works = cases.pasted(clips)
        tasks = [partial(_alarms, clip, session, chosen) for clip in (*clips, *footage.stills(count))]
    tasks = [*(partial(_scored, work, session, chosen) for work in works), *tasks]
    for rows in _side_by_side(tasks, progress):
        report.rows += rows
    if sheet:
        report.sheet = sheets.lines({work.name: work for work in works}, report.rows, session)
    return report


def _side_by_side(tasks: Sequence[Callable[[], Rows]], progress: Progress) -> Iterable[Rows]:
    """The rows of each, in order."""
    pool = ThreadPoolExecutor(HANDS, thread_name_prefix="evaluate")
    try:
        for done, rows in enumerate(pool.map(lambda task: task(), tasks), 1):
            progress("Scoring", done, len(tasks))
            yield rows
    finally:
        pool.shutdown(cancel_futures=True)


def _scored(work: Work, session: Session | None, methods: Sequence[str]) -> Rows:
    """The rows of one shot: how well its wires are found, and how well each method fills them."""
    case = work.load()
    rows: Rows = []

    def add(split: str, method: str, metric: str, value: float | None) -> None:
        if value is not None:
            told = {"case": work.name, "scene": case.scene, "split": split}
            told |= {name: case.labels.get(name, "") for name in BY}
            rows.append({**told, "method": method, "metric": metric, "value": float(value)})

    for method in methods:
        if (lines := measured.found(case, method, session)) is not None:
            for metric in ("precision", "recall", "f1"):
                add(WIDE if case.wide else DETECT, method, metric, getattr(lines, metric))
        if case.truths and (method != "classical" or _has(session, "fill")):
            for metric, value in measured.filled(case, method, session).items():
                add(case.split, method, metric, value)
    if case.clean:
        rows += _false_alarms(work.name, case.scene, case.truths, case.tested[0], session, methods)
    return rows


def _has(session: Session | None, stage: str) -> bool:
    return session is not None and session.has(stage)


def _alarms(clip: Clip, session: Session | None, methods: Sequence[str]) -> Rows:
    """What is taken for a wire in a clip without any."""
    shot = clip.load()
    frame = footage.TESTED[0] if shot.motions else 0
    level = middle(shot.frames[0])
    random, strength, softness = footage.grain_of(f"{clip.name}_clean")
    pictures = {
        number: footage.grained(picture, footage.grain(picture.shape, softness, random), strength, level)
        for number, picture in enumerate(shot.frames)
    }
    return _false_alarms(clip.name, clip.name, pictures, frame, session, methods, clip.motion)


def _false_alarms(
    name: str,
    scene: str,
    pictures: Mapping[int, np.ndarray],
    frame: int,
    session: Session | None,
    methods: Sequence[str],
    motion: str = "",
) -> Rows:
    told = {"case": name, "scene": scene, "split": CLEAN, "width": "", "contrast": "", "motion": motion}
    shares = {method: measured.taken_for_wire(pictures, frame, method, session) for method in methods}
    return [
        {**told, "method": method, "metric": "false_positive_share", "value": share}
        for method, share in shares.items()
        if share is not None
    ]
