"""`onelight report`: the data sheet of a show, as HTML for people and signed JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from onelight.cli.showing import RootFolder, ShowName, opened
from onelight.errors import OnelightError

Out = Annotated[Path | None, typer.Option(help="Folder for both files. Default: reports/ of the show.", metavar="DIR")]
Provider = Annotated[str, typer.Option(help="The production company, as it is to stand in the sheet.")]
Contact = Annotated[str, typer.Option(help="Whom to ask there.")]
Json = Annotated[bool, typer.Option("--json", help="Print the signed sheet on stdout and write nothing.")]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(report)


def report(
    show: ShowName = "",
    root: RootFolder = None,
    out: Out = None,
    provider: Provider = "",
    contact: Contact = "",
    as_json: Json = False,
) -> None:
    """Write what the show's models learnt from, in the terms of the EU AI Act's summary of training content."""
    from onelight.provenance import datasheet, page

    production = opened(show, root)
    told = datasheet.signed(datasheet.sheet(production, provider, contact), production)
    text = json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False)
    if as_json:
        print(text)
        return
    folder = out or production.folder / "reports"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, content in ((".json", text + "\n"), (".html", page.html(told))):
            file = folder / f"{production.name}-data-sheet{suffix}"
            part = file.with_name(f".{file.name}.part")
            part.write_text(content, encoding="utf-8")
            part.replace(file)
            print(file)
    except OSError as error:
        raise OnelightError(f"{error.filename or folder} cannot be written: {error.strerror}.") from error
