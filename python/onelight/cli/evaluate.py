"""`onelight evaluate TOOL`: the tool's own held-out score, with the baselines beside it."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from onelight.errors import NotFound
from onelight.tools import discover

COLUMNS = ("case", "split", "method", "metric", "value")


def register(app: typer.Typer) -> None:
    app.command("evaluate")(evaluate)


def evaluate(
    tool: Annotated[str, typer.Argument(help="The tool to score.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object whose 'rows' are flat records.")
    ] = False,
) -> None:
    """Score a tool on cases held out from its making; 'nothing' is the plate left as it is."""
    found = discover()
    if tool not in found:
        raise NotFound(f"there is no tool '{tool}': there are {', '.join(found)}")
    module = f"onelight.tools.{tool}.evaluate"
    try:
        rows = import_module(module).run()
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise NotFound(f"{found[tool].label} has no evaluation") from error
    if as_json:
        print(json.dumps({"tool": tool, "rows": rows}))
        return
    table = Table(title=f"{found[tool].label}, held out")
    for column in COLUMNS:
        table.add_column(column, justify="right" if column == "value" else "left")
    for row in rows:
        table.add_row(*(f"{row[c]:.4g}" if isinstance(row[c], float) else str(row[c]) for c in COLUMNS))
    Console().print(table)
