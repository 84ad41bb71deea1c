"""One model version as it lies on disk, and what a registry has to be told of shows that keep their own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from onelight.errors import NotReady
from onelight.registry import files

BASE = "base"  # the show of the built-in versions
LARGEST_JSON = 4 << 20
LARGEST_FILE = 2**31 - 1  # bytes of a protobuf message, which a network is
_ONNX = b"\x08"  # a network begins with the field of its format's version, a pickle with 0x80, a zip of them with "P"


@dataclass(frozen=True)
class Version:
    """One immutable model version. `stages` are its ONNX files by stage name; empty where all is plain code."""

    show: str
    tool: str
    name: str
    spec_version: int
    digest: str
    stages: Mapping[str, Path] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of each stage's file
    state: str = ""  # candidate, approved or retired; empty where versions have no states
    is_default: bool = False  # what no name means
    look: str = ""  # its show's look, JSON out of its signed manifest; empty where it has none

    @property
    def bytes(self) -> int:
        """Size of its weights on disk."""
        return sum(path.stat().st_size for path in self.stages.values())

    def network(self, stage: str) -> bytes:
        """A stage's file, hashed as it is read, so that nothing can be put in its place after it was checked.

        Raises NotReady where it is not the file that the version was made with.
        """
        path = self.stages[stage]
        try:
            data = files.read(path, LARGEST_FILE)
        except OSError as error:
            raise NotReady(f"{self.tool} {self.name} is damaged: {path.name} cannot be read ({error}).") from error
        if stage in self.hashes and hashlib.sha256(data).hexdigest() != self.hashes[stage]:
            raise NotReady(f"{self.tool} {self.name} is damaged: {path.name} is not the file it was made with.")
        if not is_network(data):
            raise NotReady(f"{self.tool} {self.name} cannot be loaded: {path.name} is no network (ONNX was expected).")
        return data


class Signed(NamedTuple):
    """What a version's signed manifest says of it."""

    digest: str
    look: str = ""  # JSON, as `Version.look`


class Keeper(Protocol):
    """What knows the shows that have a store and keys of their own."""

    def models(self, folder: Path) -> Path | None:
        """Where the show in that folder has its versions, `<tool>/<version>`; None where the folder is no such show."""
        ...

    def states(self, folder: Path) -> Mapping[tuple[str, str], str]:
        """State by tool and name of every version of the show in that folder; what is not there is no version."""
        ...

    def signed(self, folder: Path, tool: str, name: str) -> Signed:
        """What is said of a version whose files are all as they were signed. Raises NotReady, naming what is not."""
        ...


def is_network(data: bytes) -> bool:
    """Whether a file begins as ONNX does; what follows is parsed by onnxruntime, which runs nothing of it."""
    return data[:1] == _ONNX
