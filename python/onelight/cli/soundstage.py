"""`onelight soundstage render | sheet | families`: synthetic scenes to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

app = typer.Typer(
    help="Render synthetic scenes with exact passes, from which tools learn.",
    no_args_is_help=True,
)


@app.command("render")
def render(
    out: Annotated[Path, typer.Option(help="The folder of renders; made if missing, gone on with if there.")],
    count: Annotated[int, typer.Option(min=1, help="Scenes in all, in turn of every family.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bits, whatever --jobs.")] = 1,
    size: Annotated[int, typer.Option(min=16, max=4096, help="Pixels of each side.")] = 192,
    families: Annotated[str, typer.Option(help="a,b,c. Default: all of the split.")] = "",
    split: Annotated[str, typer.Option(help="train, or test: the families held out from training.")] = "train",
    lights: Annotated[int, typer.Option(min=1, help="Key lights of each scene, each rendered alone.")] = 6,
    samples: Annotated[int, typer.Option(min=1, help="Paths a pixel, shared by all lights.")] = 12,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes. Default: one a core.")] = None,
    mix: Annotated[bool, typer.Option(help="Go on with a folder that other sources of the soundstage began.")] = False,
) -> None:
    """Render scenes, each with every key light alone, a white dome alone, normals, depth, albedo, motion and mattes.

    What is there and whole is kept, so a run that was stopped goes on where it was. The folder gets a manifest.json
    from which every scene can be made again to the bit.
    """
    from onelight.soundstage import stage

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("Rendering", total=count)
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
            progress=lambda done, _, file: bar.update(task, completed=done, description=f"Rendering {file}"),
        )
    print(f"{out}: {len(manifest.scenes)} scenes of {len(manifest.families)} families")


@app.command("families")
def families() -> None:
    """List the scene families: what they make, and which are held out from training."""
    from onelight.soundstage.families import discover

    for name, one in discover().items():
        print(f"{name:24} {one.kind:10} {'held out' if one.held_out else ''}".rstrip())
