"""A version's folder as one signed thing: a manifest with the SHA-256 of every file, and a signature over it.

    manifest.json    canonical JSON: what the version is and learnt from, and {name: {"size", "sha256"}} of all else
    manifest.sig     the show's signature over manifest.json, byte for byte
    version.json     what the registry reads
    *.onnx *.safetensors *.json *.md *.png

The digest of a version is the SHA-256 of its manifest.json, so it stands for every byte of it. Nothing else may lie in
the folder: no other kind of file, no link, no folder.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from onelight.errors import NotReady, RequestError
from onelight.registry import LARGEST_FILE, LARGEST_JSON, files
from onelight.registry.version import is_network
from onelight.shows.files import write
from onelight.shows.keys import BadSignature

MANIFEST, SIGNATURE, SHEET, LOOK = "manifest.json", "manifest.sig", "version.json", "look.json"
KIND, FORMAT = "onelight model version", 1
GAINS = ("gain", "no gain", "not measured")
MOST_FILES = 64
LARGEST_MANIFEST = 32 << 20  # every row of an evaluation may be in it
READ_ONLY = 0o400  # versions never change: a slip of the hand is refused, and what is no slip shows in the hashes
LARGEST_SIGNATURE = 4096
NAME = re.compile(r"v\d{3,8}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.(onnx|safetensors|json|md|png)")
_BLOCK = 1 << 20

Verify = Callable[[bytes, bytes], str]  # data, signature -> fingerprint of the key; raises OnelightError


class Altered(NotReady):
    """A version is not as it was signed; the sentence names the file."""


@dataclass(frozen=True)
class Bundle:
    """A version whose signature and files were checked."""

    folder: Path
    manifest: Mapping[str, Any]
    digest: str
    signer: str  # fingerprint of the key; empty where it is not signed and that is allowed
    text: bytes  # the manifest as it was signed
    signature: bytes

    @property
    def files(self) -> Mapping[str, Mapping[str, Any]]:
        """Size and SHA-256 of every file but the manifest and its signature."""
        return self.manifest["files"]


def canonical(content: Any) -> bytes:
    """JSON of one form for equal content, a line an entry for people. Raises RequestError for what JSON cannot say."""
    try:
        return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise RequestError(f"A manifest cannot hold this: {error}.") from error


def plain(value: Any) -> Any:
    """A value as JSON can say it: NumPy's numbers as Python's, what is not finite as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def name_of(number: int) -> str:
    """A version's name: 3 -> v003."""
    return f"v{number:03d}"


def is_file_name(name: str) -> bool:
    """Whether a file of that name can be part of a version's folder."""
    return bool(_FILE.fullmatch(name)) or name == SIGNATURE


def gather(source: Path, target: Path) -> None:
    """Copies a finished version's files into a folder, but for what `seal` writes.

    Raises RequestError for a file that a version cannot have, or that is not what its name says; OSError.
    """
    for path in sorted(source.iterdir()):
        if path.name in (MANIFEST, SIGNATURE):
            continue
        if not _FILE.fullmatch(path.name):
            raise RequestError(f"{path} cannot be part of a version: {_expected()}.")
        with files.opened(path, LARGEST_FILE) as file:
            check_kind(path.name, file)
            data = file.read()
        write(target / path.name, data, READ_ONLY)


def listed(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of every file, for a manifest. Raises RequestError where there are too many."""
    told = {}
    for path in sorted(folder.iterdir()):
        size, digest = _hashed(path, folder.name)
        told[path.name] = {"size": size, "sha256": digest}
    return _bounded(told)


def check_kind(name: str, file: BinaryIO) -> None:
    """Raises RequestError where a file is not what its name says; nothing of it is run. Leaves it at its beginning."""
    head = file.read(8)
    if name.endswith(".onnx") and not is_network(head):
        raise RequestError(f"{name} is no network: ONNX was expected.")
    if name.endswith(".safetensors"):
        size = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
        header = file.read(min(size, LARGEST_JSON))
        if not (2 <= size <= LARGEST_JSON and len(header) == size and header[:1] == b"{"):
            raise RequestError(f"{name} holds no weights: safetensors was expected.")
    file.seek(0)


def seal(folder: Path, manifest: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """Writes the manifest and its signature into a folder that has all the other files; its digest."""
    data = canonical({**manifest, "kind": KIND, "format": FORMAT})
    if len(data) > LARGEST_MANIFEST:
        raise RequestError(f"A manifest of {len(data)} bytes is too large: at most {LARGEST_MANIFEST} were expected.")
    write(folder / MANIFEST, data, READ_ONLY)
    write(folder / SIGNATURE, sign(data), READ_ONLY)
    return hashlib.sha256(data).hexdigest()


def read(folder: Path, verify: Verify, what: str = "", unsigned: bool = False) -> Bundle:
    """Checks a version's folder whole: signature, manifest, every file. Raises Altered, naming what is not right.

    `what` names the version in sentences. `unsigned` lets a missing signature pass, as a show's policy may.
    """
    what = what or folder.name
    if not files.is_folder(folder):
        raise Altered(f"{what} is not there: {folder.name} is no folder.")
    data = _read(folder / MANIFEST, LARGEST_MANIFEST, what)
    if unsigned and not (folder / SIGNATURE).exists():
        signature, checks = b"", lambda data, signature: ""
    else:
        signature, checks = _read(folder / SIGNATURE, LARGEST_SIGNATURE, what), verify
    checked = replace(signed(data, signature, checks, what), folder=folder)
    told = checked.files
    try:
        there = {path.name for path in folder.iterdir()} - {MANIFEST, SIGNATURE}
    except OSError as error:
        raise Altered(f"{what} cannot be read: {error.strerror}.") from error
    if extra := sorted(there - set(told)):
        raise Altered(f"{what} was altered: {extra[0]} is not in its manifest.")
    for name, entry in sorted(told.items()):
        size, digest = _hashed(folder / name, what)
        if (size, digest) != (entry["size"], entry["sha256"]):
            raise Altered(f"{what} was altered: {name} is not the file that was signed.")
    return checked


def signed(data: bytes, signature: bytes, verify: Verify, what: str) -> Bundle:
    """A manifest whose signature holds; its files are not looked at, and it lies nowhere yet. Raises Altered."""
    try:
        signer = verify(data, signature)
    except BadSignature as error:
        raise Altered(f"{what} was altered or comes from elsewhere: {error}") from error
    return Bundle(Path(), parsed(data, what), hashlib.sha256(data).hexdigest(), signer, data, signature)


def check_identity(checked: Bundle, identity: str, tool: str, name: str, what: str) -> None:
    """Raises Altered where a bundle, signed as it is, is another show's, another tool's or another version."""
    told = checked.manifest
    if (told["show"]["identity"], told["tool"], told["version"]) != (identity, tool, name):
        raise Altered(f"{what} was altered: {MANIFEST} speaks of another show, tool or version.")


def parsed(data: bytes, what: str) -> dict[str, Any]:
    """A manifest whose form is right: canonical, of a kind that is known, with sane names. Raises Altered."""
    try:
        manifest = json.loads(data)
        right = (
            manifest["kind"] == KIND
            and canonical(manifest) == data
            and all(isinstance(manifest[key], str) for key in ("tool", "version", "created", "gain"))
            and isinstance(manifest["show"]["identity"], str)
            and manifest["gain"] in GAINS
            and isinstance(manifest["clips"], list)
            and all(isinstance(clip["digest"], str) for clip in manifest["clips"])
            and all(_is_entry(name, entry) for name, entry in manifest["files"].items())
            and SHEET in manifest["files"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, RequestError) as error:
        raise Altered(f"{what} was altered: its {MANIFEST} cannot be read.") from error
    if not right:
        raise Altered(f"{what} was altered: its {MANIFEST} is not one of a model version.")
    if manifest["format"] != FORMAT:
        raise NotReady(f"{what} was made by a newer Onelight (manifest {manifest['format']}): update this one.")
    _bounded(manifest["files"])
    return manifest


def _is_entry(name: str, entry: Any) -> bool:
    return (
        bool(_FILE.fullmatch(name))
        and name != MANIFEST
        and isinstance(entry["size"], int)
        and 0 <= entry["size"] <= LARGEST_FILE
        and bool(re.fullmatch(r"[0-9a-f]{64}", entry["sha256"]))
    )


def _bounded(told: dict[str, Any]) -> dict[str, Any]:
    if len(told) > MOST_FILES:
        raise RequestError(f"A version of {len(told)} files is too large: at most {MOST_FILES} were expected.")
    return told


def _expected() -> str:
    return "networks (.onnx), weights (.safetensors), .json, .md and .png with plain names were expected"


def _read(path: Path, largest: int, what: str) -> bytes:
    try:
        return files.read(path, largest)
    except FileNotFoundError as error:
        raise Altered(f"{what} is not whole: its {path.name} is missing.") from error
    except OSError as error:
        raise Altered(f"{what} was altered: its {path.name} cannot be read ({error.strerror}).") from error


def _hashed(path: Path, what: str) -> tuple[int, str]:
    found, size = hashlib.sha256(), 0
    try:
        with files.opened(path, LARGEST_FILE) as file:
            while block := file.read(_BLOCK):
                found.update(block)
                size += len(block)
    except FileNotFoundError as error:
        raise Altered(f"{what} is not whole: its {path.name} is missing.") from error
    except OSError as error:
        raise Altered(f"{what} was altered: its {path.name} cannot be read ({error.strerror}).") from error
    return size, found.hexdigest()
