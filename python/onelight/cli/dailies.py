"""`onelight dailies`."""

from __future__ import annotations

import typer

app = typer.Typer(help="A show's dailies: ingest, list, withdraw.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """A show's dailies: ingest, list, withdraw."""
