"""`onelight gizmo`."""

from __future__ import annotations

import typer

app = typer.Typer(help="Publish a show's gizmos.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Publish a show's gizmos."""
