"""Relight's honest score: new light on plates with a known answer, beside doing nothing and simpler means."""

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
from onelight.tools.relight import baselines, flicker, held_out, score
from onelight.tools.relight.cases import Case, Target, Work
from onelight.tools.relight.photographs import Read, photographed
from onelight.tools.relight.relit import Relit

METHODS = {
    "model": "the version under test, told both lights",
    "model_fitted": "the same, but it fits the present light itself",
    "classical": "Relight without a network, told both lights",
    "nothing": "the plate as it is",
    "cdl": "the best global slope, offset and power per channel: an oracle that knows the answer",
    "lambert": "Relight's ratio for a flat card that faces the camera",
    "inflation_sfs": "Relight's ratio for the inflated matte, tilted by shape from shading under the known light",
    "normals": "the version under test with the true normals connected: what better geometry would bring",
}
SCENES = 8  # of each kind
SCENES_A_TAKE = 4  # scenes of a kind for each that is seen moving
QUICK = ("model", "classical", "nothing", "cdl")  # of photographs, of which there may be thousands of pairs
HANDS = 2  # plates worked on side by side
Progress = Callable[[str, int, int], None]  # what is being done, steps done, steps in all
Rows = list[dict[str, Any]]
Tiles = list[tuple[str, np.ndarray, str]]  # caption, picture [H, W, 3], name of the data pass ("": a linear picture)


@dataclass
class Report:
    """What was measured: flat rows, and contact-sheet lines (title, tiles) where they were asked for."""

    rows: Rows = field(default_factory=list)
    sheet: list[tuple[str, Tiles]] = field(default_factory=list)


def run(
    session: Session | None = None,
    folder: Path | None = None,
    read: Read | None = None,
    count: int | None = None,
    methods: Sequence[str] = (),
    sheet: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> Report:
    """Scores the version whose networks `session` runs (None: it has none).

    On `count` held-out scenes of each kind of the soundstage (`SCENES`), or on the photographs in `folder`, of which
    `count` plates of each object (all; see `photographed`; `read` gives the linear pixels [H, W, 4] of a file). Only
    `methods`, where given; otherwise all of them on the soundstage and `QUICK` on photographs.

    Rows are {case, scene, split, light, method, metric, value}. `psnr` and `log_psnr` (dB, see `score`) ask for the
    same plate under another key; the present and the new light are told. `normals_error` (degrees) is that of the
    plate's geometry. `flicker` is the change in stops along the true motion from frame to frame, each frame relit on
    its own, over that of the true pictures: 1 is steady.
    """
    if unknown := set(methods) - METHODS.keys():
        raise RequestError(f"there is no method {', '.join(sorted(unknown))}: choose of {', '.join(METHODS)}")
    usual = tuple(METHODS) if folder is None else QUICK
    chosen = tuple(name for name in METHODS if name in (methods or usual))
    if sheet and not {"model", "nothing"} <= set(chosen):
        raise RequestError("the sheet sorts cases by what the model gains: it needs the methods model and nothing")
    report, takes = Report(), []
    if folder is not None and read is not None:
        works = photographed(folder, read, count, progress)
    else:
        count = count or SCENES
        works = held_out.questions(held_out.scenes(count, progress))
        takes = held_out.takes(max(1, count // SCENES_A_TAKE), progress)
    asked: dict[str, Work] = {}
    for work, rows in _side_by_side(partial(_scored, session=session, methods=chosen), works, progress):
        report.rows += rows
        asked |= {row["case"]: work for row in rows}
    for done, (entry, frames) in enumerate(takes, 1):
        name = held_out.name_of(entry)
        for method, value in flicker.measure(frames, name, entry.kind, session, chosen).items():
            told = {"case": f"{name}_take", "scene": f"{name}_take", "split": entry.kind, "light": "mixed"}
            report.rows.append({**told, "method": method, "metric": "flicker", "value": value})
        progress("Watching for flicker", done, len(takes))
    if not report.rows:
        raise RequestError(
            f"the method {', '.join(chosen)} has nothing to be measured on here: true normals are needed"
        )
    if sheet:
        report.sheet = _sheet(asked, report.rows, session)
    return report


def _side_by_side(
    score_of: Callable[[Work], Rows], works: Sequence[Work], progress: Progress
) -> Iterable[tuple[Work, Rows]]:
    """Each with its rows, in order."""
    total, done = sum(one.questions for one in works), 0
    pool = ThreadPoolExecutor(HANDS, thread_name_prefix="evaluate")
    try:
        for one, rows in zip(works, pool.map(score_of, works), strict=True):
            done += one.questions
            progress("Scoring", done, total)
            yield one, rows
    finally:
        pool.shutdown(cancel_futures=True)


def _scored(work: Work, session: Session | None, methods: Sequence[str]) -> Rows:
    case = work.load()
    rows: Rows = []

    def add(name: str, method: str, metric: str, value: float) -> None:
        told = {"case": name, "scene": case.scene, "split": case.split, "light": case.light}
        rows.append({**told, "method": method, "metric": metric, "value": value})

    tools = _tools(case, session, methods)
    if case.normals is not None:
        for method, normals in _geometry(case, tools).items():
            add(work.name, method, "normals_error", score.degrees_apart(normals, case.normals[case.mask]))
    plate = case.plate[case.mask]
    for target in case.targets:
        results = {method: tool.inside(target.lamp) for method, tool in tools.items()}
        if "nothing" in methods:
            results["nothing"] = plate
        for metric, measure in (("psnr", score.psnr), ("log_psnr", score.log_psnr)):
            for method, pixels in results.items():
                add(target.case, method, metric, measure(pixels, target.truth))
            if "cdl" in methods:
                grade = baselines.best_cdl(plate, target.truth, metric == "log_psnr")
                add(target.case, "cdl", metric, measure(grade(plate), target.truth))
    return rows


def _tools(case: Case, session: Session | None, methods: Sequence[str]) -> dict[str, Relit]:
    """The methods that are this tool, on the case's plate."""
    ways: dict[str, Callable[[], Relit]] = {
        "model": lambda: Relit.of(case, session),
        "model_fitted": lambda: Relit.of(case, session, fitted=True),
        "classical": lambda: Relit.of(case, None),
        "lambert": lambda: Relit.of(case, None, {"Normals": baselines.flat(case)}),
        "inflation_sfs": lambda: Relit.of(case, None, {"Normals": baselines.inflated(case)}),
    }
    if (true := case.normals) is not None:
        ways["normals"] = lambda: Relit.of(case, session, {"Normals": true})
    return {method: way() for method, way in ways.items() if method in methods}


def _geometry(case: Case, tools: Mapping[str, Relit]) -> dict[str, np.ndarray]:
    """Normals [n, 3] inside the mask that the methods go by, but for the one that was given the true ones."""
    return {method: tool.inside(case.lamp, "normals") for method, tool in tools.items() if method != "normals"}


def _sheet(asked: Mapping[str, Work], rows: Rows, session: Session | None) -> list[tuple[str, Tiles]]:
    """Of each split (of photographs: of all) the case that gained most over the best-gained plate, the median, the
    least."""
    gains: dict[str, dict[str, float]] = {}
    values = {(row["case"], row["method"]): row["value"] for row in rows if row["metric"] == "psnr"}
    for row in rows:
        if row["metric"] == "psnr" and row["method"] == "model" and (row["case"], "nothing") in values:
            group = "photographs" if row["light"] == "photographed" else row["split"]
            gains.setdefault(group, {})[row["case"]] = row["value"] - values[row["case"], "nothing"]
    lines = []
    for group, cases in gains.items():
        order = sorted(cases, key=lambda name: -cases[name])
        for word, name in zip(("best", "median", "worst"), (order[0], order[len(order) // 2], order[-1]), strict=True):
            case = asked[name].load()
            target = next(target for target in case.targets if target.case == name)
            tiles = _tiles(case, target, session, lambda method, name=name: values.get((name, method)))
            lines.append((f"{group}, {word}: {name}, {cases[name]:+.1f} dB over the best-gained plate", tiles))
    return lines


def _tiles(case: Case, target: Target, session: Session | None, value: Callable[[str], float | None]) -> Tiles:
    """The pictures of a case, each with the best gain and as bright as the truth; the plate by its own white."""
    white = 0.8 / score.peak_of(target.truth)
    tools = _tools(case, session, ("model", "classical"))
    plate = case.plate[case.mask]
    graded = baselines.best_cdl(plate, target.truth, logarithmic=False)(case.plate)
    pictures = {method: tool.under(target.lamp) for method, tool in tools.items()} | {"cdl": graded}
    tiles: Tiles = [
        ("plate", case.plate * np.float32(0.8 / score.peak_of(plate)), ""),
        ("truth", target.picture() * np.float32(white), ""),
    ]
    for method, picture in pictures.items():
        said = value(method)
        caption = method if said is None else f"{method} {said:.1f} dB"
        gain = score.best_gain(picture[case.mask], target.truth)
        tiles.append((caption, picture * np.float32(gain * white), ""))
    if case.normals is not None:
        tiles.append(("true normals", case.normals, "normals"))
    tiles.append(("model's normals", tools["model"].under(case.lamp, "normals"), "normals"))
    return tiles
