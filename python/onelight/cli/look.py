"""`onelight look measure | show | compare`: a show's look in numbers, per show, lens and set-up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from onelight.cli import looked
from onelight.cli.showing import RootFolder, ShowName, opened, table_of, visible
from onelight.errors import NotFound, OnelightError, RequestError

if TYPE_CHECKING:  # a command line that only prints its help loads no database
    from onelight.look import Look, Sightings
    from onelight.shows.schema import Clip

app = typer.Typer(help="A show's look in numbers.", no_args_is_help=True)
PLACES = 4  # of a clip at which two frames that follow each other are looked at
WHICH = "show, lens:NAME, setup:NAME, or a file.json"


class By(StrEnum):
    """What one look is measured for."""

    show = "show"
    lens = "lens"
    setup = "setup"


@app.command("measure")
def measure(
    show: ShowName = "",
    root: RootFolder = None,
    by: Annotated[By, typer.Option(help="One look of the whole show; or also one of each lens, or set-up.")] = By.show,
    skin: Annotated[
        list[str] | None,
        typer.Option(help="An artist's skin masks of a clip: a folder of images named by frame.", metavar="CLIP=DIR"),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, max=64, help="Places of each clip that are looked at.")] = PLACES,
) -> None:
    """Measure the look from the clips whose rights allow it, and draw it as a page of plots.

    What the footage cannot tell is said with the reason. Numbers and pages go to look/ in the show's folder.
    Exit codes: 0 done, 1 failed with a sentence, 2 usage, 130 interrupted.
    """
    from onelight import look
    from onelight.dailies import material

    opened_show, masks = opened(show, root), looked.masks(skin or [])
    with opened_show.session() as session:
        clips = material.trainable(session, "look")
        refused = material.refusals(session, "look")
    if unknown := sorted(set(masks) - {clip.name for clip in clips}):
        raise RequestError(f"No clip that may be measured is called '{unknown[0]}': --skin CLIP=DIR names one.")
    seen: dict[int, Sightings] = {}
    complaints = [f"{clip.name}: {why}" for clip, why in refused]
    with _bar("Measuring", len(clips)) as step:
        for clip in clips:
            step(clip.name)
            try:
                seen[clip.id] = looked.observe(clip, masks.get(clip.name, {}), frames)
            except OnelightError as error:
                complaints.append(str(error))
    groups = _groups([clip for clip in clips if clip.id in seen], by)
    for sentence in complaints:
        Console(stderr=True).print(f"left out: {visible(sentence)}", style="yellow", highlight=False)
    if not groups:
        raise NotFound(f"The show '{opened_show.name}' has no clip whose look may be measured; see 'dailies list'.")
    for (kind, name), members in groups.items():
        found = look.conclude([seen[clip.id] for clip in members])
        _print(f"{kind} {name}", found)
        print(looked.store(opened_show, kind, name, found, members))


@app.command("show")
def show_look(
    which: Annotated[str, typer.Argument(help=WHICH)] = "show",
    show: ShowName = "",
    root: RootFolder = None,
) -> None:
    """Print a look that was measured, with where its page of plots lies."""
    path, found, warning = looked.load(which, show, root)
    _print(which, found)
    if warning:
        Console(stderr=True).print(visible(warning), style="yellow", highlight=False)
    print(path.with_suffix(".png") if path.with_suffix(".png").exists() else path)


@app.command("compare")
def compare(
    one: Annotated[str, typer.Argument(help=WHICH)],
    two: Annotated[str, typer.Argument(help=WHICH)],
    show: ShowName = "",
    root: RootFolder = None,
    out: Annotated[Path | None, typer.Option(help="A page with both, to write.", metavar="FILE.png")] = None,
) -> None:
    """Say in what two looks differ beyond their doubt."""
    from onelight.look import page, summary
    from onelight.training.curves import write_png

    looks = [looked.load(which, show, root)[1] for which in (one, two)]
    table = table_of("", visible(one), visible(two), "")
    for difference in summary.differences(*looks):
        verdict = "[bold]differ[/]" if difference.apart else "[dim]no difference told[/]"
        table.add_row(
            f"{difference.one.measurement}: {difference.one.name}", str(difference.one), str(difference.two), verdict
        )
    Console().print(table)
    if out:
        first, second = (one, two) if one != two else (one, f"{two} again")
        write_png(out, page.draw({first: looks[0], second: looks[1]}))
        print(out)


def _groups(clips: list[Clip], by: By) -> dict[tuple[str, str], list[Clip]]:
    """Clips of the whole show, and of each lens or set-up; those of which it is not known are in the show's only."""
    groups: dict[tuple[str, str], list[Clip]] = {("show", ""): clips} if clips else {}
    for clip in clips:
        told = clip.camera.get("lens") if by is By.lens else clip.setup and clip.setup.name
        if by is not By.show and told:
            groups.setdefault((by.value, str(told)), []).append(clip)
    return groups


def _print(title: str, found: Look) -> None:
    from onelight.look import MEASUREMENTS, summary

    console = Console()
    console.print(f"[bold]{visible(title.strip())}[/]  {found.clips} clips, {found.frames} frames", highlight=False)
    table = table_of("measurement", "", "95 %")
    told = {figure.measurement: figure for figure in summary.figures(found)}
    for name in MEASUREMENTS:
        for figure in (one for one in summary.figures(found) if one.measurement == name):
            table.add_row(name, figure.name, str(figure))
        if name not in told:
            table.add_row(name, "[dim]not told[/]", f"[dim]{visible(found.why.get(name, ''))}[/]")
    console.print(table)


@contextmanager
def _bar(what: str, count: int) -> Iterator:
    """A progress bar on stderr; nothing where stderr is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=count)
        begun = iter(range(count))
        yield lambda name: bar.update(task, completed=next(begun), description=f"{what} {visible(name)}")
        bar.update(task, completed=count)
