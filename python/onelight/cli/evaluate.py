"""`onelight evaluate TOOL`: the tool's own held-out score, with the baselines beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from onelight.cli import scores
from onelight.errors import NotFound, OnelightError
from onelight.images import read_frame
from onelight.registry import BASE, Registry
from onelight.runtime import Session, preference
from onelight.tools import discover

COLUMNS = ("", "mean", "95 %", "worst decile", "cases", "scenes")
MOST_SPLITS = 6  # in the table; --json has all of them
TILE = 200  # pixels


def register(app: typer.Typer) -> None:
    app.command("evaluate")(evaluate)


def evaluate(
    tool: Annotated[str, typer.Argument(help="The tool to score.")],
    cases: Annotated[
        Path | None,
        typer.Option(
            help="Score on your own cases instead: one folder for each object, with linear images light.NN.*, "
            "lights.txt (row N: direction x y z of image N; x right, y up, z to camera) and, if you like, mask.*.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    version: Annotated[str, typer.Option(help="The version to score. [default: the newest]")] = "",
    models: Annotated[
        list[Path] | None, typer.Option(help="A folder with further versions, base/TOOL/VERSION; may be repeated.")
    ] = None,
    count: Annotated[int, typer.Option(help="Held-out scenes of each kind.", min=1)] = 8,
    methods: Annotated[
        str, typer.Option(help="Only these, by comma, such as model,nothing. [default: what the tool is judged by]")
    ] = "",
    sheet: Annotated[
        Path | None, typer.Option(help="Write a contact sheet (PNG) of the best, median and worst cases.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object whose 'rows' are flat records.")
    ] = False,
) -> None:
    """Score a tool on cases held out from its making; 'nothing' is the plate left as it is."""
    head: dict[str, Any] = {"tool": tool, "error": ""}
    try:
        score, found = evaluation(tool).run, discover()
        tested = Registry(found, models or ()).find(BASE, tool, version)
        session = Session(tested, 1, preference() if tested.stages else ())  # plates are scored side by side
        head |= {"version": tested.name, "digest": tested.digest, "provider": session.provider}
        chosen = [name.strip() for name in methods.split(",") if name.strip()]
        with progress_bars() as progress:
            report = score(session, cases, _linear, count, chosen, sheet is not None, progress)
        if sheet is not None:
            _write_sheet(sheet, report.sheet)
    except OnelightError as refused:
        if not as_json:
            raise
        print(json.dumps(head | {"error": str(refused), "rows": []}))
        raise typer.Exit(1) from refused
    told, compared = scores.summary(report.rows), scores.against(report.rows)
    if as_json:
        print(json.dumps({**head, "rows": report.rows, "summary": told, "against": compared}))
        return
    console = Console()
    for table in _tables(f"{found[tool].label} {tested.name}, held out", told):
        console.print(table)
    for sentence in scores.sentences(compared):
        console.print(sentence, highlight=False)


def evaluation(tool: str) -> Any:
    """A tool's module `evaluate`. NotFound where there is no such tool, or it has none."""
    found = discover()
    if tool not in found:
        raise NotFound(f"there is no tool '{tool}': there are {', '.join(found)}")
    module = f"onelight.tools.{tool}.evaluate"
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise NotFound(f"{found[tool].label} has no evaluation") from error


def _linear(path: Path) -> np.ndarray:
    """Pixels of a file as they are, float32 [H, W, 3]."""
    return read_frame(path, "data").pixels[..., :3].astype(np.float32)


@contextmanager
def progress_bars() -> Iterator[Any]:
    """A bar on stderr for each thing that is being done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        known: dict[str, Any] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in known:
                known[what] = bars.add_task(what, total=total)
            bars.update(known[what], completed=done, total=total)

        yield tell


def _tables(title: str, told: list[dict[str, Any]]) -> Iterator[Table]:
    """One table for each split, methods by light and metric; of many splits only what they say together."""
    few = len({row["split"] for row in told}) <= MOST_SPLITS
    for split, rows in groupby(told, lambda row: row["split"]):
        if not few and split != scores.ALL:
            continue
        table = Table(title=f"{title}: {split}", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for column in COLUMNS:
            table.add_column(column, justify="right" if column else "left", no_wrap=True)
        for (light, metric), group in groupby(rows, lambda row: (row["light"], row["metric"])):
            table.add_section()
            table.add_row(f"[bold]{light} {metric}")
            for row in group:
                interval = "" if row["low"] is None else f"{row['low']:.2f}–{row['high']:.2f}"
                numbers = (f"{row['mean']:.2f}", interval, f"{row['worst_decile']:.2f}")
                table.add_row(f"  {row['method']}", *numbers, str(row["cases"]), str(row["scenes"]))
        yield table


def _write_sheet(path: Path, lines: list[Any]) -> None:
    """Lines of (title, tiles of (caption, picture, whether it is normals)) as one PNG."""
    from onelight.demo import picture  # opens the video library, which nothing else here needs

    rows = []
    for title, tiles in lines:
        views = [
            (caption, picture.data_viewed("normals", image) if data else picture.viewed(image, "acescg"))
            for caption, image, data in tiles
        ]
        rows.append((title, views))
    columns = max((len(views) for _, views in rows), default=1)
    picture.write_png(path, picture.sheet(rows, width=TILE, columns=columns))
