"""`onelight show`."""

from __future__ import annotations

import typer

app = typer.Typer(help="Productions: create, list, archive, delete.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Productions: create, list, archive, delete."""
