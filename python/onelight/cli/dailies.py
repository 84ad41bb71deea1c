"""`onelight dailies ingest | list | withdraw | sheet`: the clips that a show has, and what may be learnt from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from onelight.cli.showing import RootFolder, ShowName, opened
from onelight.errors import OnelightError, RequestError

if TYPE_CHECKING:  # a command line that only prints its help loads no database
    from onelight.dailies.ingest import Report
    from onelight.shows.schema import Clip

app = typer.Typer(help="A show's dailies: ingest, list, withdraw.", no_args_is_help=True)
Sheet = Annotated[Path | None, typer.Option("--sheet", help="Where the contact sheet goes.", metavar="FILE.png")]


@app.command("ingest")
def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Folders, movies, frames, or patterns as plate.####.exr.")],
    show: ShowName = "",
    root: RootFolder = None,
    rights: Annotated[Path | None, typer.Option(help="What may be done with which clips.", metavar="FILE.toml")] = None,
    edl: Annotated[list[Path] | None, typer.Option(help="A CMX 3600 list of what was used.")] = None,
    ale: Annotated[list[Path] | None, typer.Option(help="An Avid log of the clips.")] = None,
    otio: Annotated[list[Path] | None, typer.Option(help="A timeline: .otio, FCP 7 .xml or .fcpxml.")] = None,
    aaf: Annotated[list[Path] | None, typer.Option(help="An AAF timeline.")] = None,
    cdl: Annotated[list[Path] | None, typer.Option(help="A .cc, .ccc or .cdl file, or a folder of them.")] = None,
    space: Annotated[str, typer.Option(help="Input colour space, where the files do not say or say wrong.")] = "",
    fps: Annotated[str, typer.Option(help="Frames a second, where they do not say: 24 or 24000/1001.")] = "",
    sheet: Sheet = None,
) -> None:
    """Take clips into a show. Their files are only read; run again, it goes on where it was stopped.

    A clip without rights that allow it is catalogued and not trained on. Slates, burn-ins, letterbox, bars, flash
    frames and baked viewing LUTs are found, listed and kept out of training. Where no ASC MHL hash list lies above a
    clip, one is written into the show. A contact sheet is written to dailies.png in the show's folder.
    Exit codes: 0 done, 1 some clip or list could not be taken, 2 usage, 130 interrupted.
    """
    from onelight.dailies import ingest as taking
    from onelight.dailies import sheet as contact

    opened_show = opened(show, root)
    with _bar("Ingesting") as progress:
        report = taking.ingest(
            opened_show,
            paths,
            rights,
            [*(edl or ()), *(ale or ()), *(otio or ()), *(aaf or ())],
            cdl or (),
            space=space,
            rate=_rate(fps),
            progress=progress,
        )
    console = Console()
    with opened_show.session() as session:
        clips = _clips(session)
        console.print(_outcomes(report, {clip.id: clip for clip in clips}))
    for sentence in report.complaints:
        Console(stderr=True).print(sentence, style="yellow", highlight=False)
    if clips:
        with _bar("Drawing") as progress:
            console.print(str(contact.write(clips, sheet or opened_show.folder / "dailies.png", progress)))
    refused = sum(one.state == "refused" for one in report.outcomes)
    if refused or report.complaints:
        raise OnelightError(
            f"{refused} of {len(report.outcomes)} clips could not be taken, {len(report.complaints)} other complaints: "
            "see above."
        )


@app.command("list")
def list_clips(show: ShowName = "", root: RootFolder = None) -> None:
    """List the clips, what was found in them, and why a clip is not trained on."""
    from onelight.dailies import material

    with opened(show, root).session() as session:
        table = Table("clip", "frames", "size", "reel", "timecode", "colour", "set-up", "found", "training")
        for clip in _clips(session):
            why = material.refusal(clip)
            table.add_row(*_row(clip), f"[red]no: {why}[/]" if why else "[green]yes[/]")
        Console().print(table)


@app.command("withdraw")
def withdraw(
    clip: Annotated[str, typer.Argument(help="Its name, path, or the beginning of its digest.")],
    why: Annotated[str, typer.Option(help="Goes into the show's log.")],
    show: ShowName = "",
    root: RootFolder = None,
) -> None:
    """Withdraw a clip: nothing learns from it any more, and the model versions that did are retired."""
    from onelight.dailies import withdrawal

    done = withdrawal.withdraw(opened(show, root), clip, why)
    retired, scored = (", ".join(f"{one.tool}@{one.name}" for one in of) for of in (done.retired, done.scored))
    print(f"{clip} is withdrawn; " + (f"retired with it: {retired}" if retired else "no model version learnt from it"))
    if scored:
        print(f"Scored on it, but learnt nothing from it, and stay as they are: {scored}")


@app.command("sheet")
def sheet(
    out: Annotated[Path | None, typer.Option(help="The picture. Default: dailies.png in the show's folder.")] = None,
    show: ShowName = "",
    root: RootFolder = None,
) -> None:
    """Write a contact sheet: frames of every clip, with its shots and what is kept out of training."""
    from onelight.dailies import sheet as contact

    opened_show = opened(show, root)
    with opened_show.session() as session:
        clips = _clips(session)
    with _bar("Drawing") as progress:
        print(contact.write(clips, out or opened_show.folder / "dailies.png", progress))


def _clips(session) -> list[Clip]:
    from sqlalchemy import select

    from onelight.shows.schema import Clip

    return list(session.scalars(select(Clip).order_by(Clip.withdrawn.is_not(None), Clip.name, Clip.id)))


def _row(clip: Clip) -> tuple[str, ...]:
    from collections import Counter

    kinds = Counter(span.kind for span in clip.spans)
    found = ", ".join(f"{count} {kind}{'s' * (count > 1 and kind == 'shot')}" for kind, count in kinds.items())
    size = f"{clip.width} x {clip.height}"
    colour = f"{clip.space or '?'}{' (assumed)' if 'assumed' in clip.camera else ''}"
    return (
        clip.name,
        f"{clip.first}-{clip.last}",
        size,
        clip.reel,
        clip.timecode,
        colour,
        clip.setup.name if clip.setup else "",
        found.replace("_", "-"),
    )


def _outcomes(report: Report, clips: dict[int, Clip]) -> Table:
    from onelight.dailies import material

    table = Table("clip", "", "frames", "colour", "set-up", "events", "found", "training")
    for one in report.outcomes:
        clip = clips.get(one.clip or 0)
        if clip is None or one.state in ("refused", "duplicate"):
            table.add_row(one.name, f"[red]{one.state}[/]", "", "", "", "", one.why, "")
            continue
        name, frames, _, _, _, colour, setup, found = _row(clip)
        why = material.refusal(clip)
        told = f"[red]no: {why}[/]" if why else "[green]yes[/]"
        table.add_row(name, one.state, frames, colour, setup, str(len(clip.events)), found, told)
    return table


def _rate(text: str):
    from fractions import Fraction

    if not text:
        return None
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise RequestError(f"--fps {text} is no rate: 24, 23.976 or 24000/1001 was expected.") from error
    if not 1 <= rate <= 1000:
        raise RequestError(f"--fps {text} is no rate of frames: 1 to 1000 was expected.")
    return rate


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar with the time left, on stderr; nothing where stderr is no terminal."""
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total, name: bar.update(task, completed=done, total=total, description=f"{what} {name}")
