"""Cleanup's honest score: wires pasted on held-out footage, found and taken out again, beside simpler means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from onelight.errors import RequestError
from onelight.stages import Session
from onelight.temporal.encode import middle
from onelight.tools.cleanup import baselines, cases, folders, footage, score, sheets
from onelight.tools.cleanup.cases import Case, Work
from onelight.tools.cleanup.cleaned import Cleaned, Shot, drawn, offsets
from onelight.tools.cleanup.fill import From
from onelight.tools.cleanup.footage import Clip
from onelight.tools.cleanup.scene import SOURCE_COLOURS
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
FINDING = {"range": 2}  # frames further away give pixels, and have no part in what is found
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
    count: int = 8,
    methods: Sequence[str] = (),
    sheet: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> Report:
    """Scores the version whose networks `session` runs (None: it has none).

    On `count` procedural clips with as many stills, half as many takes of the soundstage and a real clip; or on the
    shots in `folder` (see `folders.found`; `read` gives the linear pixels [H, W, 3] of a file, and about `count` frames
    of each shot are scored). Only `methods`, where given.

    Rows are {case, scene, split, width, contrast, motion, method, metric, value}. In `detect` (wires up to 12 px; wider
    ones in `detect_wide`), `precision`, `recall` and `f1` are of centre lines, 1.5 px apart at most; parts that differ
    less than 5 % from what is behind them are not asked for. In `clean`, `false_positive_share` is of the pixels of frames without wires. In `fill_static` what
    is behind the wire is hidden all the time and in `fill_revealed` neighbours show it; the matte is given. `psnr`,
    `log_psnr` (dB) and `ssim` are of the hidden pixels and are taken with Regrain off, for new grain is not meant to be
    the old one; the rest with all knobs at their defaults: `boundary` (stops of seam), `flicker` and `grain` (inside
    relative to outside, over the same of the true frames: 1 is as shot), `transported_share` (of real pixels).
    """
    if unknown := set(methods) - METHODS.keys():
        raise RequestError(f"there is no method {', '.join(sorted(unknown))}: choose of {', '.join(METHODS)}")
    chosen = tuple(name for name in METHODS if name in (methods or METHODS))
    if session is None or not any(session.has(stage) for stage in ("detect", "fill")):
        chosen = tuple(name for name in chosen if name != "classical" or "model" not in chosen)
    report = Report()
    wireless: list[tuple[str, Callable[[], Rows]]] = []
    if folder is not None and read is not None:
        works = folders.found(folder, read, count)
    else:
        clips = footage.clips(count, progress)
        works = cases.pasted(clips)
        wireless = [(clip.name, partial(_alarms, clip, session, chosen)) for clip in (*clips, *footage.stills(count))]
    tasks = [(work.name, partial(_scored, work, session, chosen)) for work in works]
    for rows in _side_by_side([*tasks, *wireless], progress):
        report.rows += rows
    if sheet:
        report.sheet = sheets.lines({work.name: work for work in works}, report.rows, session, FINDING)
    return report


def _side_by_side(tasks: Sequence[tuple[str, Callable[[], Rows]]], progress: Progress) -> Iterable[Rows]:
    """The rows of each, in order."""
    pool = ThreadPoolExecutor(HANDS, thread_name_prefix="evaluate")
    try:
        for done, rows in enumerate(pool.map(lambda task: task[1](), tasks), 1):
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
            told = {
                "case": work.name,
                "scene": case.scene,
                "split": split,
                **{name: case.labels.get(name, "") for name in BY},
            }
            rows.append({**told, "method": method, "metric": metric, "value": float(value)})

    for method in methods:
        if (found := _found(case, method, session)) is not None:
            for metric in ("precision", "recall", "f1"):
                add(WIDE if case.wide else DETECT, method, metric, getattr(found, metric))
        if case.truths and (method != "classical" or _has(session, "fill")):
            for metric, value in _filled(case, method, session).items():
                add(case.split, method, metric, value)
    if case.clean:
        rows += _false_alarms(work.name, case.scene, case.truths, case.tested[0], session, methods)
    return rows


def _has(session: Session | None, stage: str) -> bool:
    return session is not None and session.has(stage)


def _found(case: Case, method: str, session: Session | None) -> score.Detected | None:
    """How well the wires of the first scored frame are found; None for methods that look for none."""
    frame = case.tested[0]
    lines = case.lines[frame]
    if method not in ("model", "classical", "nothing") or not len(lines.points):
        return None
    points = np.zeros((0, 2), np.float32)
    if method != "nothing":
        shot = Shot(case.plates, session if method == "model" else None, knobs=FINDING)
        points = drawn(shot.clean(frame).curves)
        height, width = case.plates[frame].shape[:2]
        points = points[(points >= 0).all(axis=1) & (points < (width, height)).all(axis=1)]
    return score.detected(points, lines.points, lines.visible)


def _filled(case: Case, method: str, session: Session | None) -> dict[str, float | None]:
    """The metrics of a method's fill, means over the scored frames."""
    pictures: list[np.ndarray] = []
    sums: dict[str, list[float | None]] = {}
    shot = Shot(case.plates, session if method == "model" else None, _given(case)) if _is_tool(method) else None
    for frame in case.tested:
        hole, truth = case.holes[frame], case.truths[frame]
        if not hole.any():
            continue
        if shot is not None:
            done = shot.clean(frame)
            picture, smooth = done.output(), done.output(regrain=0.0)
            share = _transported(done, hole)
        else:
            picture = smooth = _baseline(case, frame, method)
            share = (
                float((picture != case.plates[frame]).any(axis=-1)[hole].mean()) if method == "temporal_median" else 0.0
            )
        picture, smooth = (np.nan_to_num(image, posinf=0.0, neginf=0.0) for image in (picture, smooth))
        pictures.append(picture)
        measured = {
            "psnr": score.psnr(smooth, truth, hole),
            "log_psnr": score.log_psnr(smooth, truth, hole),
            "ssim": score.ssim(smooth, truth, hole),
            "boundary": score.boundary(picture, truth, hole),
            "grain": score.grain(picture, truth, hole),
            "transported_share": share,
        }
        for metric, value in measured.items():
            sums.setdefault(metric, []).append(value)
    known = {metric: [value for value in values if value is not None] for metric, values in sums.items()}
    means: dict[str, float | None] = {metric: float(np.mean(values)) for metric, values in known.items() if values}
    if case.motions and len(pictures) == len(case.tested):
        truths, holes = ([each[frame] for frame in case.tested] for each in (case.truths, case.holes))
        means["flicker"] = score.flicker(pictures, truths, holes, list(case.motions.values()))
    return means


def _is_tool(method: str) -> bool:
    return method in ("model", "classical")


def _given(case: Case) -> dict[int, np.ndarray]:
    return {frame: hole.astype(np.float32) for frame, hole in case.holes.items()}


def _transported(done: Cleaned, hole: np.ndarray) -> float:
    """The share of the hole that got pixels of this shot or of a clean plate, as the source map's colours say."""
    source = done.output("source")[hole]
    return float(
        (np.abs(source[:, None] - SOURCE_COLOURS[[From.NEIGHBOUR, From.CLEAN]]).max(axis=-1) < 0.01).any(axis=1).mean()
    )


def _baseline(case: Case, frame: int, method: str) -> np.ndarray:
    plate, hole = case.plates[frame], case.holes[frame]
    if method == "nothing":
        return plate
    if method == "temporal_median":
        near = {offset: frame + offset for offset in offsets() if offset and frame + offset in case.plates}
        return baselines.temporal_median(plate, hole, {at: (case.plates[n], case.holes[n]) for at, n in near.items()})
    return baselines.inpainted(plate, hole, cv2.INPAINT_TELEA if method == "telea" else cv2.INPAINT_NS)


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
    rows = []
    for method in methods:
        if _is_tool(method) or method == "nothing":
            share = 0.0
            if method != "nothing":
                shot = Shot(pictures, session if method == "model" else None, knobs=FINDING)
                share = float((shot.clean(frame).matte > score.HALF).mean())
            told = {"case": name, "scene": scene, "split": CLEAN, "width": "", "contrast": "", "motion": motion}
            rows.append({**told, "method": method, "metric": "false_positive_share", "value": share})
    return rows
