"""`onelight look`."""

from __future__ import annotations

import typer

app = typer.Typer(help="A show's look in numbers.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """A show's look in numbers."""
