"""`onelight codegen`: rewrite what is generated from the specs, or check that it is current."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("codegen", hidden=True)(codegen)


def codegen(
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is out of date; exit code 1 if anything is.")
    ] = False,
) -> None:
    """Write the OpenFX table, the gizmos and the docs pages into the checkout."""
    from onelight.codegen.__main__ import main

    raise typer.Exit(main(["--check"] if check else []))
