"""`onelight show token grant | list | revoke`: credentials for machines and people that are not the folder's owner."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from onelight.cli.showing import RootFolder, opened, table_of, visible
from onelight.errors import RequestError

app = typer.Typer(help="Who may use the show over the network.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The show.", metavar="NAME")]


@app.command("grant")
def grant(
    name: Name,
    label: Annotated[str, typer.Argument(metavar="LABEL", help="Who or what gets it: 'farm', 'anna's workstation'.")],
    expires: Annotated[str, typer.Option(metavar="WHEN", help="30d, 12h, or a date 2027-03-31. Default: never.")] = "",
    root: RootFolder = None,
) -> None:
    """Make a token and print it, this once. Put it into ONELIGHT_TOKEN, or a file only its user can read."""
    from onelight.shows import access

    print(access.grant(opened(name, root), label, _moment(expires)))


@app.command("list")
def list_tokens(
    name: Name, root: RootFolder = None, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the tokens that were granted. Their secrets are kept nowhere."""
    from onelight.shows import access

    now = datetime.now(UTC)
    with opened(name, root).reading() as session:
        rows = [
            {
                "token": each.public,
                "label": each.label,
                "created": each.created.isoformat(timespec="seconds"),
                "expires": each.expires.isoformat(timespec="seconds") if each.expires else "",
                "state": "revoked" if each.revoked else "expired" if each.expires and each.expires <= now else "in use",
            }
            for each in access.tokens(session)
        ]
    if as_json:
        print(json.dumps(rows))
        return
    table = table_of("token", "label", "created", "expires", "state")
    for row in rows:
        table.add_row(
            row["token"], visible(row["label"]), row["created"][:10], row["expires"][:16] or "never", row["state"]
        )
    Console().print(table)


@app.command("revoke")
def revoke(
    name: Name,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its public part, as 'token list' shows it.")],
    why: Annotated[str, typer.Option(help="The reason, for the log.")] = "",
    root: RootFolder = None,
) -> None:
    """Refuse a token from now on."""
    from onelight.shows import access

    access.revoke(opened(name, root), token, why)
    print("The token is revoked.")


def _moment(text: str) -> datetime | None:
    """Raises RequestError for what is neither a span nor a date."""
    if not text:
        return None
    if span := re.fullmatch(r"([1-9][0-9]{0,4})([hd])", text, re.ASCII):
        return datetime.now(UTC) + timedelta(hours=int(span[1]) * (24 if span[2] == "d" else 1))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise RequestError(f"'{text}' is no time: 30d, 12h, or a date as 2027-03-31 was expected.") from error
    if len(text) == 10:  # a date: its last moment, here
        moment += timedelta(days=1)
    return moment.astimezone()
