"""Archives of a show, and what somebody who knows only the recipient could make of one."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest
from onelight.shows import archive, restoring
from onelight.shows.sealing import BadArchive, Key, Lock
from onelight.shows.store import shows
from showcases import filled, leftovers

Members = dict[str, bytes]


class Given:
    """A filled show, a person's age key, and an archive for it."""

    def __init__(self, folder: Path) -> None:
        self.show = filled(folder / "here")
        self.identity = pyrage.x25519.Identity.generate()
        self.lock, self.key = Lock((self.identity.to_public(),)), Key((self.identity,))
        self.file, self.there = folder / "apollo.age", folder / "there"
        archive.archive(self.show, self.file, self.lock)

    def members(self) -> Members:
        """What the archive holds, decrypted by another implementation's rules: one tar."""
        plain = pyrage.decrypt(self.file.read_bytes(), [self.identity])
        with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
            return {member.name: tar.extractfile(member).read() for member in tar}  # pyright: ignore

    def forge(self, members: Members, *more: tarfile.TarInfo, sums: bool = True) -> Path:
        """An archive that anybody who knows the recipient could make; its list says what it holds."""
        if sums:
            about = {n: {"size": len(d), "sha256": hashlib.sha256(d).hexdigest()} for n, d in members.items()}
            about = {name: each for name, each in about.items() if name not in (archive.ABOUT, archive.SUMS)}
            members = {
                **{n: d for n, d in members.items() if n != archive.SUMS},
                archive.SUMS: json.dumps(about).encode(),
            }
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, data in members.items():
                if name == archive.SUMS:
                    for extra in more:
                        tar.addfile(extra, io.BytesIO(b"\0" * extra.size))
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return self.seal(out.getvalue())

    def seal(self, plain: bytes) -> Path:
        forged = self.file.with_name("forged.age")
        forged.write_bytes(pyrage.encrypt(plain, [self.identity.to_public()]))
        return forged

    def nothing_there(self) -> None:
        """No show appeared, and nothing of one."""
        assert shows(self.there) == [] and leftovers(self.there) == []

    def refused(self, file: Path, why: str) -> None:
        """The archive is refused for that reason, and no trace is left, here or anywhere near."""
        before = sorted(self.file.parent.rglob("*"))
        with pytest.raises(BadArchive, match=why):
            restoring.restore(file, self.key, self.there)
        after = [path for path in sorted(self.file.parent.rglob("*")) if path != self.there]
        assert after == [path for path in before if path != self.there]


def edited(change: Callable[[Path], object]) -> Callable[[Members], Members]:
    """Members with the store changed by `change`."""

    def apply(members: Members) -> Members:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "store.db"
            path.write_bytes(members["store.db"])
            change(path)
            return {**members, "store.db": path.read_bytes()}

    return apply


def sql(*statements: str) -> Callable[[Members], Members]:
    def change(path: Path) -> None:
        connection = sqlite3.connect(path)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    return edited(change)


def without(name: str) -> Callable[[Members], Members]:
    return lambda members: {each: data for each, data in members.items() if each != name}


def about(**changes: object) -> Callable[[Members], Members]:
    def change(members: Members) -> Members:
        told = {**json.loads(members[archive.ABOUT]), **changes}
        return {**members, archive.ABOUT: json.dumps(told).encode()}

    return change
