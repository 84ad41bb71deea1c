"""`onelight show`: productions, made, listed, archived, deleted; who may use them, and what was done to them."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from onelight.cli import show_archive, show_token
from onelight.cli.showing import Name, RootFolder, as_size, opened, table_of, visible
from onelight.errors import OnelightError, RequestError

app = typer.Typer(help="Productions: create, list, archive, delete.", no_args_is_help=True)
app.add_typer(show_token.app, name="token")
show_archive.register(app)

NEW_NAME = typer.Argument(help="The show's name: letters, digits, hyphens and underscores.", metavar="NAME")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("create")
def create(
    name: Annotated[str, NEW_NAME],
    root: RootFolder = None,
    database: Annotated[
        str, typer.Option(metavar="URL", help="An empty PostgreSQL database to use in place of a SQLite file.")
    ] = "",
) -> None:
    """Make a new show: a folder of its own, with its store, signing key and policy.toml."""
    from onelight.shows.store import Show

    show = Show.create(name, root, database)
    print(f"The show '{name}' is in {show.folder}. What it allows is in {show.places.policy}.")


@app.command("list")
def list_shows(root: RootFolder = None, as_json: Json = False) -> None:
    """List the shows of a root; one that cannot be opened says why."""
    from onelight.shows import places, removal
    from onelight.shows.store import Show, shows
    from onelight.shows.summary import summary

    removal.finish(root)
    rows, wrong = [], {}
    for name in shows(root):
        try:
            rows.append(summary(Show.open(name, root)))
        except OnelightError as error:
            wrong[name] = str(error)
    if as_json:
        print(json.dumps({"shows": [dataclasses.asdict(row) for row in rows], "unreadable": wrong}))
        return
    if not rows and not wrong:
        print(f"There is no show in {places.root(root)}: make one by 'onelight show create NAME'.")
        return
    table = table_of("show", "created", "clips", "versions", "approved", "size")
    for row in rows:
        approved = sum(counts.get("approved", 0) for counts in row.versions.values())
        total = sum(sum(counts.values()) for counts in row.versions.values())
        table.add_row(row.name, row.created[:10], str(row.clips), str(total), str(approved), as_size(row.size))
    for name, reason in wrong.items():
        table.add_row(name, visible(reason))
    Console().print(table)


@app.command("info")
def info(name: Name, root: RootFolder = None, as_json: Json = False) -> None:
    """Tell what a show holds and allows, and check its log."""
    from onelight.shows.summary import summary

    found = summary(opened(name, root))
    if as_json:
        print(json.dumps(dataclasses.asdict(found)))
        return
    states = (f"{tool} {n} {state}" for tool, counts in found.versions.items() for state, n in counts.items())
    for key, value in {
        "show": found.name,
        "folder": found.folder,
        "created": found.created,
        "store": found.database,
        "size": as_size(found.size),
        "clips": f"{found.clips}, and {found.withdrawn} withdrawn",
        "training runs": str(found.runs),
        "versions": ", ".join(states) or "none",
        "tokens": f"{found.tokens} in use",
        "signing key": found.key,
        "log": f"{found.entries} entries, whole; the last is {found.last}",
        "policy": ", ".join(f"{key} {_plain(value)}" for key, value in found.policy.items()),
    }.items():
        print(f"{key:13}  {value}")


@app.command("delete")
def delete(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The show.")],
    confirm: Annotated[
        str, typer.Option(metavar="NAME", help="The name once more, where nobody is there to be asked.")
    ] = "",
    root: RootFolder = None,
) -> None:
    """Delete a show: its models, training, keys and log. Its dailies stay where they are; nothing else does."""
    from onelight.shows.removal import delete as remove

    if not confirm:
        if not sys.stdin.isatty():
            raise RequestError(f"Deleting cannot be undone: give the name again, --confirm {name}.")
        confirm = typer.prompt(f"This deletes '{name}' with all its versions, and cannot be undone. Type its name")
    if confirm != name:
        raise RequestError(f"'{confirm}' is not '{name}': nothing was deleted.")
    remove(name, root)
    print(f"The show '{name}' is deleted. Archives and backups of it are not ours to find.")


@app.command("rekey")
def rekey(
    name: Name,
    why: Annotated[str, typer.Option(help="The reason, for the log.")] = "",
    root: RootFolder = None,
) -> None:
    """Give the show a new signing key and revoke all its tokens. What was signed before stays proven."""
    from onelight.shows.rekeying import rekey as renew

    fingerprint, revoked = renew(opened(name, root), why)
    print(f"The show '{name}' signs with the key {fingerprint} from now on; {revoked} tokens were revoked.")


@app.command("prune")
def prune(name: Name, root: RootFolder = None) -> None:
    """Remove logs, reports and training runs that are older than the policy's retention_days. Versions stay."""
    from onelight.shows.retention import prune as remove

    gone = remove(opened(name, root))
    for each in gone:
        print(visible(each))
    print(f"{len(gone)} removed, by the retention_days of the show '{name}'.")


@app.command("log")
def log(
    name: Name,
    contains: Annotated[
        str, typer.Option(metavar="HASH", help="Fail unless this entry, noted earlier, is still in the log.")
    ] = "",
    root: RootFolder = None,
    as_json: Json = False,
) -> None:
    """Print the show's log and check that nobody changed it. Fails where somebody did."""
    from sqlalchemy import select

    from onelight.shows import journal
    from onelight.shows.schema import Entry

    with opened(name, root).reading() as session:
        entries = list(session.scalars(select(Entry).order_by(Entry.number)))
        if as_json:
            names = [column.name for column in Entry.__table__.columns]
            print(json.dumps([{each: getattr(entry, each) for each in names} for entry in entries]))
        else:
            table = table_of("no.", "when (UTC)", "who", "what", "of", "why")
            for each in entries:
                moment = each.at[:19].replace("T", " ")
                texts = (each.who, each.action, each.subject, each.why)
                table.add_row(str(each.number), moment, *map(visible, texts))
            Console().print(table)
        count = journal.check(session)
        if contains and not journal.holds(session, contains):
            raise journal.BrokenJournal(
                f"The log of the show '{name}' lacks the entry {contains}: its end was cut off."
            )
        if not as_json:
            print(f"{count} entries, each as it was written. The last: {entries[-1].hash}")


def _plain(value: bool | int | None) -> str:
    return (
        {True: "yes", False: "no", None: "without end"}.get(value, str(value)) if type(value) is not int else str(value)
    )
