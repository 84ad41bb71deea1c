"""`onelight bench`: what a frame costs on the wire and in each tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from onelight.cli import bench_tools, bench_wire
from onelight.cli.showing import RootFolder, ShowName, opened

app = typer.Typer(help="Measure, on this machine. --json prints one object whose 'rows' are flat records.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def wire(
    server: Annotated[str, typer.Option(help="Measure this server. Default: one of the benchmark's own.")] = "",
    width: Annotated[int, typer.Option(min=1)] = 4096,
    height: Annotated[int, typer.Option(min=1)] = 2160,
    rounds: Annotated[int, typer.Option(min=1, help="Frames a way; medians are printed.")] = 9,
    as_json: Json = False,
) -> None:
    """A frame there and back through the client, half and float, as a multiple of copying its bytes twice."""
    _show(bench_wire.run(as_json, server or None, width, height, rounds), "Wire", as_json)


@app.command()
def tools(
    tool: Annotated[list[str] | None, typer.Argument(help="Default: every tool that ships.")] = None,
    plate: Annotated[
        Path | None, typer.Option(help="A plate to scale up. Default: the one in examples/plates.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Frames a mode; medians are printed.")] = 3,
    as_json: Json = False,
) -> None:
    """Each tool at 1920x1080 and 3840x2160, with a server of its own.

    cold: the model is loaded and the frame was never seen. warm: the same frame and knobs once more. knob: a frame
    that was seen, one knob changed. in sequence: frames of a shot one after the other, for tools that look at
    neighbours. server_peak_mb is the server's peak resident memory at that size.
    """
    _show(bench_tools.run(tool or [], plate, rounds, quiet=as_json), "Tools", as_json)


@app.command()
def training(
    show: ShowName = "",
    tools: Annotated[str, typer.Option(help="By comma.")] = "relight,cleanup",
    steps: Annotated[int, typer.Option(min=5, help="Steps of each training.")] = 200,
    as_json: Json = False,
    root: RootFolder = None,
) -> None:
    """How soon a training on a show's dailies that begins with the base is as good as one that begins with nothing.

    score_scratch is what the one from nothing ends with on held-out crops, seconds_base when the one from the base was
    first as good, time_ratio the second over seconds_scratch. steps_base 0 says that the base was as good before it
    learnt anything, with score_base_at_0: that is a better start, not faster learning.
    """
    from onelight.cli import bench_training

    _show(bench_training.run(_names(tools), opened(show, root), steps, quiet=as_json), "Training", as_json)


@app.command()
def folds(
    show: ShowName = "",
    tools: Annotated[str, typer.Option(help="By comma.")] = "cleanup",
    steps: Annotated[int, typer.Option(min=5, help="Steps of each training.")] = 300,
    crops: Annotated[int, typer.Option(min=4, help="Crops of the show that each learns from.")] = 96,
    scenes: Annotated[int, typer.Option(min=4, help="Scenes of the soundstage that each replays.")] = 32,
    shots: Annotated[int, typer.Option(min=1, help="Shots of each set-up that are scored.")] = 12,
    as_json: Json = False,
    root: RootFolder = None,
) -> None:
    """What training on a show gains over the base, each set-up held out in turn and learnt from in all other turns.

    For shows with too few set-ups to hold out four for good. gain, over the base version, the tool without networks and
    doing nothing, is the mean over the cases of a set-up in the metric's own unit; low and high, of all set-ups where
    there are four, are the 95 % interval of the paired bootstrap over set-ups. It speaks of a training of these sizes
    without artists' pairs, not of one version, and not of a training with another seed. None is kept as a version. Some
    minutes for each set-up; a call that was interrupted goes on where it was when it is given again.
    """
    from onelight.cli import bench_training

    found = bench_training.folds(_names(tools), opened(show, root), steps, crops, scenes, shots, quiet=as_json)
    _show(found, "Each set-up held out in turn", as_json)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _show(rows: list[dict[str, Any]], title: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"rows": rows}))
        return
    table = Table(title=title)
    for column in rows[0] if rows else ():
        table.add_column(column)
    for row in rows:
        table.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()))
    Console().print(table)
