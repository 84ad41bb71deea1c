"""The pictures behind Cleanup's score: of each split the best, the median and the worst case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from onelight.stages import Session
from onelight.temporal.encode import middle
from onelight.tools.cleanup import score
from onelight.tools.cleanup.cases import Case, Work
from onelight.tools.cleanup.cleaned import Shot, drawn
from onelight.tools.cleanup.measured import FINDING

GREY = 0.18  # what the middle level is shown as
RED = np.array([0.8, 0.02, 0.02], np.float32)
DIFFUSED = ("telea", "navier_stokes")  # the better of them is what a fill is held against
Tiles = list[tuple[str, np.ndarray, str]]  # caption, picture [H, W, 3], name of the data pass ("": a linear picture)


def lines(
    works: Mapping[str, Work], rows: Sequence[Mapping[str, Any]], session: Session | None
) -> list[tuple[str, Tiles]]:
    """Titled tiles: what is found by its F1, and fills by their gain over the better of Telea and Navier-Stokes."""
    values = {(row["split"], row["case"], row["method"], row["metric"]): row["value"] for row in rows}
    merits: dict[str, dict[str, float]] = {}
    for (split, case, method, metric), value in values.items():
        if method != "model" or case not in works:
            continue
        if metric == "f1":
            merits.setdefault(split, {})[case] = value
        elif metric == "psnr":
            others = [values[key] for name in DIFFUSED if (key := (split, case, name, metric)) in values]
            merits.setdefault(split, {})[case] = value - max(others, default=0.0)
    out = []
    for split, cases in sorted(merits.items()):
        order = sorted(cases, key=lambda name: -cases[name])
        for word, name in zip(("best", "median", "worst"), (order[0], order[len(order) // 2], order[-1]), strict=True):
            case = works[name].load()
            told = f"{split}, {word}: {name}"
            if split.startswith("detect"):
                out.append((f"{told}, F1 {cases[name]:.2f}", _found(case, session)))
            else:
                out.append((f"{told}, {cases[name]:+.1f} dB over diffusion", _filled(case, session)))
    return out


def _found(case: Case, session: Session | None) -> Tiles:
    """The plate, where its wires are, and what was found."""
    frame = case.tested[0]
    plate = _exposed(case.plates[frame], case.plates[frame])
    done = Shot(case.plates, session, knobs=FINDING).clean(frame)
    found, asked = plate * np.float32(0.5), plate * np.float32(0.5)
    centre = case.lines[frame]
    _dot(asked, centre.points[centre.visible])
    _dot(found, drawn(done.curves))
    matte = np.repeat(done.matte[..., None], 3, axis=-1)
    return [
        ("plate", plate, ""),
        ("wires asked for", asked, ""),
        ("matte found", matte, "matte"),
        ("lines found", found, ""),
    ]


def _filled(case: Case, session: Session | None) -> Tiles:
    """The plate, the matte that was given, where pixels came from, the result and the truth."""
    frame = case.tested[0]
    mattes = {number: hole.astype(np.float32) for number, hole in case.holes.items()}
    done = Shot(case.plates, session, mattes).clean(frame)
    truth, result = case.truths[frame], done.output()
    matte = np.repeat(mattes[frame][..., None], 3, axis=-1)
    return [
        ("plate", _exposed(case.plates[frame], truth), ""),
        ("matte", matte, "matte"),
        ("source map", done.output("source"), "source"),
        (f"result {score.psnr(result, truth, case.holes[frame]):.1f} dB", _exposed(result, truth), ""),
        ("truth", _exposed(truth, truth), ""),
    ]


def _exposed(picture: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The linear picture with another's middle level at middle grey."""
    return picture * np.float32(GREY / middle(like))


def _dot(picture: np.ndarray, points: np.ndarray) -> None:
    """Marks points [n, 2] in a linear picture."""
    height, width = picture.shape[:2]
    column, row = points.astype(int).T
    inside = (column >= 0) & (row >= 0) & (column < width) & (row < height)
    picture[row[inside], column[inside]] = RED
