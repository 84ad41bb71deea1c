"""The options by which every command group says which show it works on, and the show that they name, open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from onelight.errors import RequestError

if TYPE_CHECKING:  # a command line that only prints its help loads no database
    from onelight.shows.store import Show

ShowName = Annotated[
    str, typer.Option("--show", envvar="ONELIGHT_SHOW", help="The show's name.", metavar="NAME", show_default=False)
]
Name = Annotated[str, typer.Argument(help="The show.", metavar="NAME", envvar="ONELIGHT_SHOW")]
RootFolder = Annotated[
    Path | None,
    typer.Option(
        "--root",
        help="The folder of all shows. Default: $ONELIGHT_SHOWS, else onelight/shows under your data home.",
        metavar="DIR",
        show_default=False,
    ),
]


def opened(show: str, root: Path | None) -> Show:
    """The show of that name, open. Raises RequestError where none was named, NotFound where there is none."""
    from onelight.shows.store import Show

    if not show:
        raise RequestError("Which show? Give --show NAME, or set ONELIGHT_SHOW.")
    return Show.open(show, root)


def table_of(*columns: str) -> Table:
    """An empty table for the terminal; give it texts of people and files as `visible`."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, no_wrap=index == 0, overflow="fold")
    return table


def visible(text: str) -> str:
    """A text that comes from a file or a person, so that the terminal shows it and does nothing else with it."""
    return escape("".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text))


def as_size(count: int) -> str:
    """Bytes, for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
