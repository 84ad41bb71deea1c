"""`onelight version`."""

from __future__ import annotations

import typer

app = typer.Typer(help="A show's model versions.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """A show's model versions."""
