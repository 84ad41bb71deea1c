"""`onelight demo`: relights a still and a clip through the OpenFX plug-in and says what it cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    out: Annotated[Path, typer.Option(help="Where the pictures go; made if missing.")] = Path("demo/out"),
    frames: Annotated[int, typer.Option(min=2, max=150, help="Frames of the moving clip.")] = 36,
) -> None:
    """Noon to golden hour and two more, on a still and on a clip, through the built plug-in in a small OpenFX host.

    Works in a built checkout ('make demo' builds it). Writes EXRs, a contact sheet and a MOV, and prints milliseconds
    a frame, the flicker of what stands still, and how closely plate x ratio + added gives the result.
    """
    from onelight.demo.run import run

    run(out, frames)
