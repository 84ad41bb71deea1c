"""Carries a version from show to show: a zip of its signed files, taken in only as its signer made it.

The zip holds the files of the version's folder, stored without compression, and nothing else. It is signed, not secret:
its manifest names the clips that the version learnt from.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from onelight.errors import OnelightError, RequestError
from onelight.registry import LARGEST_FILE
from onelight.registry.files import opened
from onelight.shows import bundle, files, journal, placing, versions
from onelight.shows.bundle import Bundle
from onelight.shows.keys import BadSignature, Keys, fingerprint_of
from onelight.shows.schema import Clip, ModelVersion
from onelight.shows.store import Show, written
from onelight.tools import discover

ORIGIN = "origin"  # .json: manifest and signature under which a version came from another show
_LARGEST = 8 << 30  # bytes of an archive
_LARGEST_KEY = 4096
_WHEN = (1980, 1, 1, 0, 0, 0)  # the same version gives the same archive
_UNIX = 3


@dataclass(frozen=True)
class Trusted:
    """A public key from a file, that of another show."""

    key: Ed25519PublicKey

    @classmethod
    def of(cls, path: Path) -> Trusted:
        """Raises RequestError where the file holds no Ed25519 public key in PEM."""
        try:
            key = serialization.load_pem_public_key(files.read(path, _LARGEST_KEY))
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise RequestError(f"{path} cannot be read as a public key: {error}.") from error
        if not isinstance(key, Ed25519PublicKey):
            raise RequestError(f"{path} is a key of another kind: an Ed25519 public key was expected.")
        return cls(key)

    def verify(self, data: bytes, signature: bytes) -> str:
        """The key's fingerprint, where it signed the data. Raises BadSignature."""
        try:
            self.key.verify(signature, data)
        except InvalidSignature as error:
            raise BadSignature("it is not signed by the key that was given") from error
        return fingerprint_of(self.key)


def export(show: Show, tool: str, name: str, path: Path, who: str = "") -> str:
    """Writes a version to the new file `path`, checked as it is read; its SHA-256. The log keeps that it was.

    Raises RequestError where the file is there, bundle.Altered, OnelightError where the disk refuses.
    """
    if path.exists() or path.is_symlink():
        raise RequestError(f"{path} is there already: name another file.")
    checked = versions.verify(show, tool, name)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with written(path):
        try:
            with part.open("xb") as file:
                _pack(checked, file)
                file.flush()
                os.fsync(file.fileno())
            with part.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            told = {"tool": tool, "version": name, "digest": checked.digest, "archive": digest, "to": path.name}
            with contextlib.ExitStack() as undo, show.session() as session:
                journal.record(session, "version export", f"{tool}@{name}", who=who, **told)
                files.name(part, path)
                undo.callback(path.unlink)
                session.commit()  # an entry and a file, or neither
                undo.pop_all()
        finally:
            part.unlink(missing_ok=True)
    return digest


def take_in(show: Show, path: Path, key: Path | None = None, who: str = "") -> ModelVersion:
    """Makes the version in an archive a candidate of this show.

    It has to be signed by the show's own keys, or by the public key in the file `key`. One that this show made comes
    back under its own name, byte for byte; any other gets the next number, is signed by this show, and keeps what it
    was signed as in origin.json. What is there already is not added again.
    Raises RequestError for an archive that is none of ours, bundle.Altered for one that was changed.
    """
    verify = Trusted.of(key).verify if key else Keys(show).verify
    try:
        with opened(path, _LARGEST) as file, zipfile.ZipFile(file) as archive:
            members = _members(archive, path)
            checked = _checked(archive, members, path, verify)
            if checked.manifest["tool"] not in discover():
                raise RequestError(f"{path} is a version of a tool that is not here: {checked.manifest['tool']!r}.")
            with show.session() as session:
                return _enter(session, show, checked, lambda part: _unpack(archive, checked, part), who)
    except OSError as error:
        raise OnelightError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} is no archive of a version: {error}.") from error


def _enter(session: Session, show: Show, checked: Bundle, unpack: Callable[[Path], None], who: str) -> ModelVersion:
    told = checked.manifest
    digests = [str(clip.get("digest")) for clip in told["clips"]]
    clips = list(session.scalars(select(Clip).where(Clip.digest.in_(digests))))
    if gone := [clip for clip in clips if clip.withdrawn is not None]:
        raise RequestError(f"The version learnt from {gone[0].name}, which was withdrawn: it cannot come in.")
    if told["show"]["identity"] == show.identity:
        found = placing.restore(session, show, checked, unpack, clips, who)
        if found is not None:
            return found

    def fill(part: Path, name: str) -> None:
        unpack(part)
        number = sum(path.name.startswith(ORIGIN) for path in part.iterdir()) + 1
        origin = {"manifest": checked.text.decode(), "signature": checked.signature.hex(), "key": checked.signer}
        files.write(part / f"{ORIGIN}{number}.json", bundle.canonical(origin), bundle.READ_ONLY)
        placing.rename(part, name)

    origin = {**told["show"], "version": told["version"], "digest": checked.digest, "key": checked.signer}
    kept = {key: told.get(key) for key in ("gain", "metrics", "training", "base", "clips", "scored")}
    return placing.place(session, show, told["tool"], fill, {**kept, "origin": origin}, clips, "version import", who)


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The archive's entries by name. Raises RequestError for any that we would not have written."""
    members: dict[str, zipfile.ZipInfo] = {}
    room = path.stat().st_size
    for entry in archive.infolist():
        kind = entry.external_attr >> 16 if entry.create_system == _UNIX else 0
        if not bundle.is_file_name(entry.filename) or entry.filename != entry.orig_filename:
            raise RequestError(f"{path} holds {entry.orig_filename[:80]!r}, which is no file of a version.")
        if entry.filename in members:
            raise RequestError(f"{path} holds {entry.filename} twice.")
        if stat.S_IFMT(kind) not in (0, stat.S_IFREG):
            raise RequestError(f"{path} holds {entry.filename} as something else than a file.")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 or entry.file_size != entry.compress_size:
            raise RequestError(f"{path} holds {entry.filename} compressed or encrypted: it was expected as it is.")
        room -= entry.file_size
        if room < 0 or len(members) > bundle.MOST_FILES + 1:
            raise RequestError(f"{path} claims to hold more than it does.")
        members[entry.filename] = entry
    return members


def _checked(
    archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], path: Path, verify: bundle.Verify
) -> Bundle:
    """The manifest, its signature verified; nothing else of the archive was looked at by then."""
    for name, largest in ((bundle.MANIFEST, bundle.LARGEST_MANIFEST), (bundle.SIGNATURE, bundle.LARGEST_SIGNATURE)):
        if name not in members:
            raise RequestError(f"{path} is no archive of a version: it has no {name}.")
        if members[name].file_size > largest:
            raise RequestError(f"{path} holds a {name} of more than {largest} bytes.")
    checked = bundle.signed(archive.read(bundle.MANIFEST), archive.read(bundle.SIGNATURE), verify, path.name)
    names = set(members) - {bundle.MANIFEST, bundle.SIGNATURE}
    if other := sorted(names ^ set(checked.files)):
        raise bundle.Altered(f"{path.name} was altered: {other[0]} is not in both the archive and its manifest.")
    return checked


def _unpack(archive: zipfile.ZipFile, checked: Bundle, part: Path) -> None:
    for name, entry in checked.files.items():
        with archive.open(name) as source, (part / name).open("xb") as target:
            found = _copy(source, target, entry["size"])
            os.chmod(target.fileno(), bundle.READ_ONLY)
        if found != entry["sha256"]:
            raise bundle.Altered(f"The archive was altered: {name} is not the file that was signed.")
        with opened(part / name, LARGEST_FILE) as file:
            bundle.check_kind(name, file)


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> str:
    """Copies at most what was promised and one byte more, which the hash then shows."""
    found, left = hashlib.sha256(), size + 1
    while left and (block := source.read(min(left, 1 << 20))):
        target.write(block)
        found.update(block)
        left -= len(block)
    return found.hexdigest()


def _pack(checked: Bundle, file: IO[bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in (bundle.MANIFEST, bundle.SIGNATURE, *sorted(checked.files)):
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.create_system, entry.external_attr = _UNIX, (stat.S_IFREG | 0o644) << 16
            with opened(checked.folder / name, LARGEST_FILE) as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)
