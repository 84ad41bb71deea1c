"""`onelight soundstage render | rebuild | sheet | families | objects`: synthetic scenes to learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from onelight.errors import RequestError

app = typer.Typer(
    help="Render synthetic scenes with exact passes, from which tools learn.",
    no_args_is_help=True,
)
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes of one thread each. Default: one a core.")]
Folder = Annotated[Path, typer.Argument(help="A folder of renders.", metavar="DIR")]


@app.command("render")
def render(
    out: Annotated[Path, typer.Option(help="The folder of renders; made if missing, gone on with if there.")],
    count: Annotated[int, typer.Option(min=1, help="Scenes in all, in turn of every family.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bits, whatever --jobs.")] = 1,
    size: Annotated[int, typer.Option(min=16, max=4096, help="Pixels of each side.")] = 192,
    families: Annotated[str, typer.Option(help="a,b,c. Default: all of the split.")] = "",
    split: Annotated[
        str,
        typer.Option(
            help="train; test: the families held out from training; all: both, so those held out too, which training "
            "refuses."
        ),
    ] = "train",
    lights: Annotated[int, typer.Option(min=1, help="Key lights of each scene, each rendered alone.")] = 6,
    samples: Annotated[int, typer.Option(min=1, help="Paths a pixel, shared by all lights.")] = 12,
    jobs: Jobs = None,
    mix: Annotated[
        bool,
        typer.Option(
            "--mix",
            help="Go on with a folder that other sources or another renderer began; what manifest.json does not name "
            "is removed, and made anew as far as it is asked for.",
        ),
    ] = False,
    lone: Annotated[
        bool, typer.Option("--lone", help="Lone things on black under lamps before them, as photometric sets are.")
    ] = False,
) -> None:
    """Render scenes: each key light alone, a white dome alone, normals, depth, albedo, motion and mattes.

    What is there and whole is kept, so a run that was stopped goes on where it was. The folder gets a manifest.json
    from which every scene can be made again to the bit ('onelight soundstage rebuild'), and a contact sheet, sheet.png.
    Exit codes: 0 done, 1 failed with a sentence, 2 usage, 130 interrupted.
    """
    from onelight.soundstage import sheet as contact
    from onelight.soundstage import stage

    with _bar("Rendering", count) as progress:
        manifest = stage.render(
            out,
            count=count,
            seed=seed,
            size=size,
            families=[name.strip() for name in families.split(",") if name.strip()],
            split=split,
            lights=lights,
            samples=samples,
            jobs=jobs,
            mix=mix,
            lone=lone,
            progress=progress,
        )
    print(f"{out}: {len(manifest.scenes)} scenes of {len(manifest.families)} families; {contact.write(out)}")


@app.command("rebuild")
def rebuild(folder: Folder, jobs: Jobs = None) -> None:
    """Make every scene of a folder again that is missing or damaged, from its manifest.json; check the others.

    Fails before anything is made where other sources or another renderer made what is missing; fails when a scene
    comes out with other bits than the manifest says, as on another processor it may, and keeps none of those.
    """
    from onelight.soundstage import stage
    from onelight.soundstage.manifest import Manifest

    count = len(Manifest.load(folder).scenes)
    with _bar("Rebuilding", count) as progress:
        other = stage.rebuild(folder, jobs=jobs, progress=progress)
    if other:
        raise RequestError(
            f"{len(other)} of {count} scenes of {folder} were made again but are not those of the manifest and were "
            f"not kept, the first is {other[0]}: rebuild them on the machine that rendered them, or go on "
            "rendering the folder, which takes them as they come out here"
        )
    print(f"{folder}: {count} scenes as in the manifest")


@app.command("sheet")
def sheet(
    folder: Folder,
    out: Annotated[Path | None, typer.Option(help="The picture. Default: sheet.png in the folder.")] = None,
    each: Annotated[int, typer.Option(min=1, help="Scenes of every family.")] = 2,
) -> None:
    """Write a contact sheet: some scenes of every family under two lights, with their passes."""
    from onelight.soundstage import sheet as contact

    print(contact.write(folder, out, each))


@app.command("objects")
def objects(
    out: Annotated[Path, typer.Option(help="The folder of cases; made if missing, gone on with if there.")],
    count: Annotated[int, typer.Option(min=1, help="Things in all: grey and painted, in turn of every family.")] = 18,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bits.")] = 1,
    size: Annotated[int, typer.Option(min=16, max=4096, help="Pixels of each side.")] = 320,
    families: Annotated[str, typer.Option(help="a,b,c. Default: all of the split.")] = "",
    split: Annotated[str, typer.Option(help="test: the families held out from training; train; or all.")] = "test",
    lights: Annotated[int, typer.Option(min=2, help="Lamps before each thing, each photographed alone.")] = 6,
) -> None:
    """Photograph lone things on black under known lamps: cases for 'onelight evaluate relight --cases DIR'.

    As photometric sets are made: one thing, one lamp at a time 12 to 48 degrees off the camera's axis, the same
    exposure. What is finished is kept, so a run that was stopped goes on where it was.
    """
    from onelight.soundstage import photometric

    chosen = [name.strip() for name in families.split(",") if name.strip()]
    told = {"count": count, "seed": seed, "families": chosen, "split": split, "size": size, "lights": lights}
    with _bar("Photographing", count) as progress:
        photometric.render(out, _write, **told, progress=progress)
    print(f"{out}: {count} things under {lights} lamps each; onelight evaluate relight --cases {out}")


@app.command("families")
def families() -> None:
    """List the scene families: what they make, and which are held out from training."""
    from onelight.soundstage.families import discover

    table = Table("family", "kind", "used for")
    for one in sorted(discover().values(), key=lambda one: (one.kind, one.name)):
        table.add_row(one.name, one.kind, "tests only" if one.held_out else "training")
    Console().print(table)


def _write(path: Path, picture: np.ndarray) -> None:
    from onelight import images

    opaque = np.ones((*picture.shape[:2], 1), np.float32)
    images.write_frame(path, images.Frame.of(np.concatenate([picture, opaque], axis=-1).astype(np.float32)))


@contextmanager
def _bar(what: str, count: int) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar with the time left, on stderr; nothing where stderr is no terminal."""
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(TextColumn("{task.description}"), *columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=count)
        yield lambda done, total, file: bar.update(task, completed=done, total=total, description=f"{what} {file}")
