"""The options by which every command group says which show it works on, and the show that they name, open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onelight.errors import RequestError

if TYPE_CHECKING:  # a command line that only prints its help loads no database
    from onelight.shows.store import Show

ShowName = Annotated[
    str, typer.Option("--show", envvar="ONELIGHT_SHOW", help="The show's name.", metavar="NAME", show_default=False)
]
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
