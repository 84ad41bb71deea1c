"""`onelight train show`: a show's own versions, learnt from its dailies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from onelight.cli.showing import RootFolder, ShowName, opened, visible
from onelight.errors import NotFound, RequestError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
MOST_PARTS = 12  # of the comparison that the table shows; --json has all


def train_show(
    show: ShowName = "",
    tools: Annotated[str, typer.Option(help="The tools to train, by comma.")] = "relight,cleanup",
    budget: Annotated[
        str,
        typer.Option(
            help="Time for all of it, preparing and scoring included, such as 20m or 1h; shared evenly by the tools. "
            "It is made a number of steps once, by the speed measured when a run begins."
        ),
    ] = "30m",
    hold_out: Annotated[
        list[str] | None,
        typer.Option(help="A set-up to score on and not to learn from; may be repeated. Default: a quarter is drawn."),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="A TOML file of artists' pairs to learn from as well: before and after sequences of clips of this "
            "show, or accepted results with a sidecar, with the rights to them. docs/training.md shows one.",
            metavar="FILE",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of everything that is drawn.")] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of each tool, instead of what the budget allows.")
    ] = None,
    scenes: Annotated[
        int | None, typer.Option(min=4, help="Scenes of the soundstage to replay. Default: by the budget.")
    ] = None,
    crops: Annotated[
        int | None, typer.Option(min=4, help="Crops of the dailies to learn from. Default: by the budget.")
    ] = None,
    shots: Annotated[
        int | None, typer.Option(min=1, help="Held-out shots to score on. Default: by the budget.")
    ] = None,
    suite: Annotated[
        int,
        typer.Option(
            min=0, help="Scenes of each kind of the soundstage to score on, to see that nothing is forgotten."
        ),
    ] = 1,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads that learn, which decide the last bits. Default: the cores but one."),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, or cuda.")] = "cpu",
    tracking: Annotated[
        str, typer.Option(help="URL of an MLflow tracking server. Default: mlflow.db in the show.", metavar="URL")
    ] = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew where a run was interrupted.")] = False,
    stop_after: Annotated[
        float | None, typer.Option(min=0, help="Stop after this many minutes of training; the same command goes on.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object whose 'rows' are the comparison.")
    ] = False,
    root: RootFolder = None,
) -> None:
    """Train a show's own versions of tools, from the base, on the clips that may be learnt from.

    Whole set-ups are held out, and the version is scored on them beside its base, the tool without networks and doing
    nothing. Scenes of the soundstage are replayed, so that nothing is forgotten. The same command goes on with what was
    interrupted, leaves tools alone that were done by then, and ends with the same weights to the bit. Each version
    becomes a candidate: `onelight version approve`.

    With --pairs, Cleanup learns from what artists took out of this show's plates, too. Plates have to be clips of the
    catalogue that may be learnt from; pairs of held-out set-ups are not learnt from. Relight learns from no pairs.
    """
    of_show = opened(show, root)
    names = [name.strip() for name in tools.split(",") if name.strip()]
    if not names:
        raise RequestError("Which tools? Give --tools relight,cleanup, or one of them.")
    from onelight.shows import versions
    from onelight.studio.plan import Ask, find_tool
    from onelight.tools import discover

    names = find_tool(discover(), names)
    try:
        from onelight.studio import pairfile, pairing, runs, scoring, training
    except ModuleNotFoundError as error:
        from onelight.errors import NotReady

        raise NotReady(f"Training needs the package {error.name}: install onelight[train,soundstage].") from error
    ask = Ask(
        budget=seconds(budget) / len(names),
        held=tuple(hold_out or ()),
        steps=steps,
        seed=seed,
        scenes=scenes,
        crops=crops,
        shots=shots,
        suite=suite,
        device=device,
        threads=threads,
        pairs=pairfile.load(pairs) if pairs else None,
    )
    if ask.pairs:
        pairing.check(of_show, ask.pairs, names)
    limit = None if stop_after is None else stop_after * 60
    out: list[dict[str, Any]] = []
    call = runs.call(of_show, names, ask, fresh)
    for name in names:
        if name in call.done:
            Console(stderr=True).print(f"{name}: {call.done[name]} was made before this command was interrupted.")
            version = versions.get(of_show, name, call.done[name])
        else:
            with told(name) as listener:
                version = training.train_show(
                    of_show,
                    name,
                    ask,
                    fresh=fresh,
                    call=call,
                    tracking=tracking,
                    listeners=(listener,),
                    stop_after=limit,
                )
        if version is None:
            Console(stderr=True).print(f"{name}: stopped for now; the same command goes on from there.")
            continue
        against = measured(of_show, name, version.name)
        out += [{"tool": name, "version": version.name, "verdict": version.gain, **row} for row in against]
        if not as_json:
            _print(
                f"{show}/{name}@{version.name}: {version.gain}",
                scoring.sentence(scoring.lessons_of(name), against),
                against,
            )
    if as_json:
        print(json.dumps({"show": show, "rows": out}))


def seconds(text: str) -> float:
    """'90s', '20m', '1.5h' or plain seconds. Raises RequestError."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", text.lower())
    if not found or float(found[1]) <= 0:
        raise RequestError(f"A budget is a time such as 90s, 20m or 1.5h; it was given as {text!r}.")
    return float(found[1]) * _UNITS[found[2] or "s"]


def measured(show: Any, tool: str, name: str) -> list[dict[str, Any]]:
    """The comparison that a version's manifest holds."""
    from onelight.shows import versions

    told_of = versions.verify(show, tool, name).manifest["metrics"]
    return list(told_of.get("against", [])) if isinstance(told_of, dict) else []


@contextmanager
def told(tool: str) -> Iterator[Any]:
    """Bars on stderr for what a run says of itself: what is prepared, then its steps, with loss, gain and time left."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        known: dict[str, Any] = {}

        def listener(line: dict[str, Any]) -> None:
            what = line.get("what", "") if line["state"] == "preparing" else line["state"].capitalize()
            done, total = (line["done"], line["total"]) if "done" in line else (line["step"], line["steps"])
            if not what or done is None or not total:
                return
            if what not in known:
                known[what] = bars.add_task(f"{tool}: {what}", total=total, note="")
            bars.update(known[what], completed=done, total=total, note=_note(line))

        yield listener


def _note(line: dict[str, Any]) -> str:
    from onelight.training.progress import duration

    parts = [f"loss {line['loss']:.3g}"] if line.get("loss") is not None else []
    parts += [f"gain {line['gain']:+.3g}"] if line.get("gain") is not None else []
    parts += [f"{duration(line['eta_s'])} left"] if line.get("eta_s") is not None else []
    return ", ".join(parts)


def _print(title: str, sentence: str, against: list[dict[str, Any]]) -> None:
    console = Console()
    table = Table(title=visible(title), box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("on", "metric", "beside", "gain", "95 %"):
        table.add_column(column, justify="right" if column in ("gain", "95 %") else "left")
    shown = [row for row in against if row["condition"] == "all" or row["kind"] == "held_out"]
    for row in shown[:MOST_PARTS]:
        between = "" if row["low"] is None else f"{row['low']:+.2f} to {row['high']:+.2f}"
        on = "held-out set-ups" if row["kind"] == "held_out" else f"soundstage, {row['split']}"
        table.add_row(on, row["metric"], row["baseline"], f"{row['gain']:+.2f}", between)
    console.print(table)
    console.print(sentence, highlight=False)


def version_named(text: str) -> tuple[str, str, str]:
    """Show, tool and version of 'apollo/relight@v003'. Raises RequestError."""
    found = re.fullmatch(r"([^/@]+)/([^/@]+)@([^/@]+)", text)
    if not found:
        raise RequestError(f"A show's version is named like apollo/relight@v003; it was given as {text!r}.")
    return found[1], found[2], found[3]


def of_tool(text: str, tool: str) -> tuple[str, str]:
    """Show and version of such a name, which has to be of that tool."""
    show, named, version = version_named(text)
    if named != tool:
        raise NotFound(f"{text} is a version of {named}, and {tool} was to be scored.")
    return show, version
