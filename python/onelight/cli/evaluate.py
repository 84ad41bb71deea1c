"""`onelight evaluate TOOL`: the tool's own held-out score, with the baselines beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from onelight.errors import NotFound
from onelight.images import read_frame
from onelight.tools import discover

COLUMNS = ("split", "metric", "method", "mean", "worst decile", "cases")


def register(app: typer.Typer) -> None:
    app.command("evaluate")(evaluate)


def evaluate(
    tool: Annotated[str, typer.Argument(help="The tool to score.")],
    cases: Annotated[
        Path | None,
        typer.Option(
            help="Score on your own cases: one folder for each object, with linear images light.NN.*, lights.txt "
            "(row N: direction x y z of image N; x right, y up, z to camera) and, if you like, mask.*.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object whose 'rows' are flat records.")
    ] = False,
) -> None:
    """Score a tool on cases held out from its making; 'nothing' is the plate left as it is."""
    found = discover()
    if tool not in found:
        raise NotFound(f"there is no tool '{tool}': there are {', '.join(found)}")
    module = f"onelight.tools.{tool}.evaluate"
    try:
        score = import_module(module).run
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise NotFound(f"{found[tool].label} has no evaluation") from error
    progress = partial(track, description="Scoring", console=Console(stderr=True), transient=True)
    rows = score(cases, lambda path: read_frame(path, "data").pixels[..., :3].astype("float32"), progress)
    if as_json:
        print(json.dumps({"tool": tool, "rows": rows}))
        return
    table = Table(title=f"{found[tool].label}, held out")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in COLUMNS[:3] else "right")
    for row in summary(rows):
        table.add_row(*row)
    Console().print(table)


def summary(rows: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """For each split, metric and method: the mean, the worst decile and the number of cases, as text."""
    groups: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        groups.setdefault((row["split"], row["metric"], row["method"]), []).append(row["value"])
    for (split, metric, method), values in sorted(groups.items()):
        ordered = sorted(values, reverse="error" in metric)
        worst = ordered[: max(1, len(ordered) // 10)]
        yield (
            split,
            metric,
            method,
            f"{sum(values) / len(values):.2f}",
            f"{sum(worst) / len(worst):.2f}",
            str(len(values)),
        )
