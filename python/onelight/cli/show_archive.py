"""`onelight show archive | restore`: a whole show in one encrypted file, and back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from onelight.cli.showing import Name, RootFolder, as_size, opened
from onelight.errors import RequestError

if TYPE_CHECKING:
    from onelight.shows.sealing import Key, Lock

Passphrase = Annotated[
    Path | None, typer.Option("--passphrase-file", metavar="FILE", help="Its first line is the passphrase.")
]


def register(app: typer.Typer) -> None:
    app.command("archive")(archive)
    app.command("restore")(restore)


def archive(
    name: Name,
    to: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.")],
    recipient: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Who may open it: age1... or ssh-ed25519 ...; may be given again."),
    ] = None,
    passphrase_file: Passphrase = None,
    root: RootFolder = None,
) -> None:
    """Write the whole show, but for its cache, into one encrypted file (age). The show stays as it is."""
    from onelight.shows.archive import archive as write

    show, lock = opened(name, root), _lock(recipient or [], passphrase_file)
    with _bar(f"Archiving {name}") as progress:
        count = write(show, to, lock, progress)
    print(f"{to}: {count} files, {as_size(to.stat().st_size)}. Restore it by 'onelight show restore {to.name}'.")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What 'show archive' wrote.")],
    identity: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your age identity (AGE-SECRET-KEY...) or SSH private key.")
    ] = None,
    passphrase_file: Passphrase = None,
    name: Annotated[str, typer.Option("--as", metavar="NAME", help="Another name than it had.")] = "",
    root: RootFolder = None,
) -> None:
    """Make a show again from its archive; it appears when all of it was checked."""
    from onelight.shows.restoring import restore as make

    show = make(file, _key(file, identity, passphrase_file), root, name)
    print(f"The show '{show.name}' is in {show.folder}.")


def _lock(recipients: list[str], passphrase_file: Path | None) -> Lock:
    from onelight.shows.sealing import Lock, passphrase_of

    if recipients and passphrase_file:
        raise RequestError("An archive opens with recipients' keys or with a passphrase: give one of the two.")
    if recipients:
        return Lock.for_recipients(recipients)
    if passphrase_file:
        return Lock(passphrase=passphrase_of(passphrase_file))
    if not sys.stdin.isatty():
        raise RequestError("Who may open the archive? Give --recipient age1..., or --passphrase-file FILE.")
    return Lock(passphrase=typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True))


def _key(file: Path, identity: Path | None, passphrase_file: Path | None) -> Key:
    from onelight.shows.sealing import Key, passphrase_of

    if identity and passphrase_file:
        raise RequestError("An archive opens with an identity or with a passphrase: give one of the two.")
    if identity:
        return Key.from_file(identity)
    if passphrase_file:
        return Key(passphrase=passphrase_of(passphrase_file))
    if not sys.stdin.isatty():
        raise RequestError(f"What opens {file}? Give --identity FILE, or --passphrase-file FILE.")
    return Key(passphrase=typer.prompt("Passphrase", hide_input=True))


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on stderr; nothing where stderr is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total, name: bar.update(task, completed=done, total=total)
