"""A show's commands, killed at random moments: the show is as before or as after, and doing it again completes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyrage
import pytest
from killing import killed_at_random, kills
from onelight.shows import access, archive, keys, removal, restoring
from onelight.shows.keys import Keys
from onelight.shows.schema import Entry, Token
from onelight.shows.sealing import Key, Lock
from onelight.shows.store import Show, shows
from showcases import SHOW, contents, filled, leftovers, whole
from sqlalchemy import select

FEW = 3
NAME = "apollo"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "shows"
    folder.mkdir()
    return folder


def gone(root: Path) -> None:
    if NAME in shows(root):
        removal.delete(NAME, root)


def opened(root: Path) -> Show:
    """The show, which opens, is whole and is the only thing that is seen of the root."""
    assert shows(root) == [NAME]
    assert [path.name for path in root.iterdir() if not path.name.startswith(".")] == [NAME]
    show = Show.open(NAME, root)
    whole(show)
    return show


def test_create(root: Path) -> None:
    def check() -> None:
        if shows(root):
            assert Keys(opened(root)).verify(b"x", Keys(Show.open(NAME, root)).sign(b"x"))
            gone(root)
        assert [path for path in root.iterdir() if not path.name.startswith(".")] == []

    killed_at_random([*SHOW, "create", NAME, "--root", str(root)], kills(FEW), check, watched=root)
    Show.create(NAME, root)
    assert leftovers(root) == []


class Archived:
    """A filled show, its archive for a person's key, and what that person restores with."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.show, self.root = filled(root), root
        self.held = contents(self.show)
        identity = pyrage.x25519.Identity.generate()
        self.recipient, self.key = str(identity.to_public()), Key((identity,))
        self.identity, self.file = folder / "identity", folder / "apollo.age"
        self.identity.write_text(f"{identity}\n")
        archive.archive(self.show, self.file, Lock.for_recipients([self.recipient]))
        self.show.engine.dispose()


def test_archive(tmp_path: Path, root: Path) -> None:
    given, to, there = Archived(tmp_path, root), tmp_path / "out" / "b.age", tmp_path / "there"
    to.parent.mkdir()

    def check() -> None:
        opened(root)
        if to.exists():  # then it is all there
            assert contents(restoring.restore(to, given.key, there)) == given.held
            removal.delete(NAME, there)
            to.unlink()
        assert [path.name for path in to.parent.iterdir()] in ([], [".b.age.part"])

    command = [*SHOW, "archive", NAME, "--to", str(to), "--recipient", given.recipient, "--root", str(root)]
    killed_at_random(command, kills(FEW), check, watched=root / NAME)
    assert list(to.parent.iterdir()) == []
    assert not (root / NAME / "cache" / "archiving").exists()


def test_restore(tmp_path: Path, root: Path) -> None:
    given = Archived(tmp_path, root)
    gone(root)

    def check() -> None:
        if shows(root):
            assert contents(opened(root)) == given.held
            gone(root)
        assert [path for path in root.iterdir() if not path.name.startswith(".")] == []

    command = [*SHOW, "restore", str(given.file), "--identity", str(given.identity), "--root", str(root)]
    killed_at_random(command, kills(FEW), check, watched=root)
    restoring.restore(given.file, given.key, root)
    assert leftovers(root) == []


def test_delete(tmp_path: Path, root: Path) -> None:
    given, kept = Archived(tmp_path, root), tmp_path / "kept"
    shutil.copytree(root / NAME, kept)
    for index in range(200):  # deleting takes a moment
        (kept / "cache" / f"{index}").write_bytes(b"x")

    def there_again() -> None:
        gone(root)
        shutil.copytree(kept, root / NAME)

    def check() -> None:
        if shows(root):
            assert contents(opened(root)) == given.held
        elif not leftovers(root):
            assert list(root.iterdir()) == []
            there_again()

    command = [*SHOW, "delete", NAME, "--confirm", NAME, "--root", str(root)]
    killed_at_random(command, kills(FEW), check, again=lambda: None if shows(root) else there_again(), watched=root)
    gone(root)
    assert list(root.iterdir()) == []


def test_rekey(tmp_path: Path, root: Path) -> None:
    Show.create(NAME, root).engine.dispose()
    signed: list[bytes] = []

    def check() -> None:
        show = opened(root)
        with show.reading() as session:
            entries = list(session.scalars(select(Entry).order_by(Entry.number)))
            tokens = {token.public: token.revoked for token in session.scalars(select(Token))}
        rekeyed = [entry for entry in entries if entry.action == "show rekey"]
        assert Keys(show).fingerprint == (rekeyed[-1].told["now"] if rekeyed else entries[0].told["key"])
        assert len(Keys(show).known) == len(rekeyed) + 1
        assert not (show.places.keys / keys.NEXT).exists()
        last = rekeyed[-1].number if rekeyed else 0
        for entry in entries:
            if entry.action == "token grant":
                assert (tokens[entry.subject] is not None) == (entry.number < last), "revoked when the key is new"
        for signature in signed:
            Keys(show).verify(b"x", signature)
        signed.append(Keys(show).sign(b"x"))
        access.grant(show, "farm")
        show.engine.dispose()

    command = [*SHOW, "rekey", NAME, "--why", "a test", "--root", str(root)]
    killed_at_random(command, kills(FEW), check, watched=root / NAME)
