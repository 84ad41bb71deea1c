"""`onelight evaluate TOOL`: the tool's own held-out score, with the baselines beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import groupby, product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from onelight.cli.showing import RootFolder, opened
from onelight.cli.train_show import of_tool
from onelight.errors import NotFound, NotReady, OnelightError, RequestError
from onelight.images import read_frame
from onelight.registry import BASE, Registry, Version
from onelight.runtime import Session, preference
from onelight.studio import scores
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
            help="Score on your own cases instead. For relight, one folder for each object, with linear images "
            "light.NN.*, lights.txt (row N: direction x y z of the Nth image; x right, y up, z to camera) and, if you "
            "like, mask.* and normals.exr. For cleanup, one folder for each shot, with the linear sequences plate/, "
            "truth/ (the same without wires) and matte/ (white where wires are; truth/ or matte/ may be missing).",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    version: Annotated[str, typer.Option(help="The version to score. [default: the newest]")] = "",
    models: Annotated[
        list[Path] | None, typer.Option(help="A folder with further versions, base/TOOL/VERSION; may be repeated.")
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help="A show's version, such as apollo/relight@v003, to score on the set-ups that it never learnt from, "
            "beside the base that it began with.",
            metavar="SHOW/TOOL@VERSION",
        ),
    ] = "",
    root: RootFolder = None,
    count: Annotated[
        int | None,
        typer.Option(
            help="Held-out scenes of each kind; of a shot of your own, frames; of photographed objects, plates of "
            "each; of a show, shots. [default: 8; of objects, all; of a show, as many as when the version was made]",
            min=1,
        ),
    ] = None,
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
    lines: list[Any] = []
    try:
        if sheet is not None and not sheet.parent.is_dir():
            raise NotFound(f"There is no folder {sheet.parent} to write {sheet.name} to.")
        module, found = evaluation(tool), discover()
        chosen = [name.strip() for name in methods.split(",") if name.strip()]
        if model:
            _refuse_with_model(cases=cases, version=version, models=models, sheet=sheet, methods=methods)
            tested, rows = _of_show(model, tool, root, count)
            head |= {"model": model, "version": tested.name, "digest": tested.digest}
        else:
            tested = Registry(found, models or ()).find(BASE, tool, version)
            session = Session(tested, 1, preference() if tested.stages else ())  # plates are scored side by side
            head |= {"version": tested.name, "digest": tested.digest, "provider": session.provider}
            with progress_bars() as progress:
                report = module.run(session, cases, _linear, count, chosen, sheet is not None, progress)
            rows, lines = report.rows, report.sheet
    except OnelightError as refused:
        if not as_json:
            raise
        print(json.dumps(head | {"error": str(refused), "rows": []}))
        raise typer.Exit(1) from refused
    groups = grouping(module)
    told, compared = scores.summary(rows, **groups), scores.against(rows, **groups)
    if as_json:
        print(json.dumps({**head, "rows": rows, "summary": told, "against": compared}))
    else:
        where = f"set-ups held out of {model}" if model else "held out" if cases is None else str(cases)
        _print(f"{found[tool].label} {tested.name}, {where}", told, compared, getattr(module, "HEADLINES", ()))
    if sheet is not None:  # last: what was measured is told, whatever becomes of the file
        _write_sheet(sheet, lines)


def _print(title: str, told: list[dict[str, Any]], compared: list[dict[str, Any]], headlines: Sequence[str]) -> None:
    console = Console()
    for table in _tables(title, told, headlines):
        console.print(table)
    for sentence in scores.sentences(compared):
        console.print(sentence, highlight=False)


def _of_show(model: str, tool: str, root: Path | None, count: int | None) -> tuple[Version, list[dict[str, Any]]]:
    """A show's version and its rows."""
    show, name = of_tool(model, tool)
    of = opened(show, root)
    try:
        from onelight.studio import scoring
    except ModuleNotFoundError as error:
        raise NotReady(f"Scoring a show's version needs the package {error.name}: install onelight[train].") from error
    with progress_bars() as progress:
        return scoring.of_show(of, tool, name, count, progress)


def _refuse_with_model(**given: Any) -> None:
    for name, value in given.items():
        if value:
            raise RequestError(f"--model scores a show's version on its own set-ups: --{name} does not go with it.")


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


def grouping(module: Any) -> dict[str, Any]:
    """How a tool's rows are put together: by which of their labels, and whether over all splits too."""
    return {"by": getattr(module, "BY", scores.BY), "together": getattr(module, "TOGETHER", True)}


def _linear(path: Path) -> np.ndarray:
    """Pixels of a file as they are, float32 [H, W, 4] over its whole format; alpha is 1 where it has none."""
    frame = read_frame(path, "data")
    return frame.fitted(frame.format, frame.format).astype(np.float32)


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


def _tables(title: str, told: list[dict[str, Any]], headlines: Sequence[str] = ()) -> Iterator[Table]:
    """One table for each split, methods by condition and metric; of many splits only what they say together.

    Where a tool has `headlines`, single conditions are shown for those metrics alone, side by side.
    """
    few = len({row["split"] for row in told}) <= MOST_SPLITS
    for split, of_split in groupby(told, lambda row: row["split"]):
        if not few and split != scores.ALL:
            continue
        rows = list(of_split)
        table = _table(f"{title}: {split}", COLUMNS)
        shown = [row for row in rows if not headlines or not row["label"]]
        for (condition, metric), group in groupby(shown, lambda row: (row["condition"], row["metric"])):
            table.add_section()
            table.add_row(f"[bold]{metric}" if headlines else f"[bold]{condition} {metric}")
            for row in group:
                interval = "" if row["low"] is None else f"{_number(row['low'])}–{_number(row['high'])}"
                numbers = (_number(row["mean"]), interval, _number(row["worst_decile"]))
                table.add_row(f"  {row['method']}", *numbers, str(row["cases"]), str(row["scenes"]))
        yield table
        labels = dict.fromkeys(row["label"] for row in rows if row["label"])
        for metric, label in product(headlines, labels):
            means = {
                (row["method"], row["condition"]): row["mean"]
                for row in rows
                if (row["metric"], row["label"]) == (metric, label)
            }
            if means:
                conditions = list(dict.fromkeys(condition for _, condition in means))
                table = _table("", (f"{split}: mean {metric} by {label}", *conditions))
                for method in dict.fromkeys(method for method, _ in means):
                    cells = [means.get((method, condition)) for condition in conditions]
                    table.add_row(method, *("" if cell is None else _number(cell) for cell in cells))
                yield table


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if table.columns else "left", no_wrap=True)
    return table


def _number(value: float) -> str:
    """Two decimals; of something small, two digits."""
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"


def _write_sheet(path: Path, lines: list[Any]) -> None:
    """Lines of (title, tiles of (caption, picture, the data pass it is or "" for a linear picture)) as one PNG."""
    from onelight.demo import picture  # opens the video library, which nothing else here needs

    rows = []
    for title, tiles in lines:
        views = [
            (caption, picture.data_viewed(data, image) if data else picture.viewed(image, "acescg"))
            for caption, image, data in tiles
        ]
        rows.append((title, views))
    columns = max((len(views) for _, views in rows), default=1)
    picture.write_png(path, picture.sheet(rows, width=TILE, columns=columns))
