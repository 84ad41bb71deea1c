"""`onelight demo`: relights a still and a clip, takes wires out of both, through the OpenFX plug-in; and the cost."""

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
    """Noon to golden hour and two more, on a still and on a clip, and wires taken out of both, in a small OpenFX host.

    Works in a built checkout ('make demo' builds it). Writes EXRs, contact sheets and MOVs, and prints milliseconds a
    frame, the flicker of what stands still, how closely plate x ratio + added gives the result, and how much of what
    wires hid came back.
    """
    from onelight.demo.run import run

    run(out, frames)
