"""What a folder of renders was made from, so that it can be made again to the bit and checked."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from onelight.errors import ImageError, NotFound, RequestError

NAME = "manifest.json"
VERSION = 1
AFTERWARDS = ("rigs.py", "sheet.py", "photometric.py")  # modules that decide nothing about a scene with its set


@dataclass(frozen=True)
class Entry:
    """One scene: `file` relative to the folder; `seed` is its own, from which the family makes it again."""

    file: str
    family: str
    kind: str
    seed: int
    sha256: str = ""
    code: str = ""  # digest of the sources that rendered it


@dataclass(frozen=True)
class Manifest:
    """The settings of a folder of renders, and its scenes."""

    seed: int
    size: int
    lights: int
    spp: int
    families: list[str]
    split: str
    code: str
    scenes: list[Entry] = field(default_factory=list)
    version: int = VERSION
    renderer: str = ""  # "mitsuba 3.9.1": another one may give other bits
    lone: bool = False  # things on black under lamps before them, as photometric sets are

    @classmethod
    def load(cls, folder: Path, name: str = NAME) -> Manifest:
        """Read the manifest of a folder. Raises NotFound where there is none, ImageError where it is damaged."""
        path = folder / name
        try:
            told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            scenes = [Entry(**entry) for entry in told.pop("scenes")]
            return cls(**told, scenes=scenes)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"{folder} has no {name}: it is not a folder of renders") from error
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ImageError(f"{path} cannot be read as a manifest ({error})") from error

    def save(self, folder: Path, name: str = NAME) -> None:
        """Write it whole or not at all."""
        part = folder / f".{name}.{os.getpid()}.part"
        try:
            part.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
            part.replace(folder / name)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise ImageError(f"{folder / name} cannot be written: {error.strerror}") from error

    def settings(self) -> dict[str, Any]:
        """What must be equal for two runs to belong in one folder."""
        told = {name: getattr(self, name) for name in ("seed", "size", "lights", "spp", "split")}
        return {**told, "content": "lone things" if self.lone else "things with their sets"}

    def follows(self, earlier: Manifest, folder: Path) -> None:
        """Raises RequestError, naming both values, where the folder was begun with other settings."""
        for name, value in self.settings().items():
            told = earlier.settings()[name]
            if told != value:
                raise RequestError(
                    f"{folder} was begun with the {name} {told}, not {value}: go on with that, or choose another folder"
                )


def renderer() -> str:
    """The renderer installed here, or nothing."""
    try:
        return f"mitsuba {version('mitsuba')}"
    except PackageNotFoundError:
        return ""


def scene_seed(seed: int, family: str, number: int) -> int:
    """A scene's own seed, below 2^53 so that every reader of JSON keeps it whole."""
    name = int.from_bytes(hashlib.sha256(family.encode()).digest()[:8], "little")
    high, low = np.random.SeedSequence([seed, name, number]).generate_state(2, np.uint32)
    return (int(high) << 21) ^ (int(low) >> 11)


def code_digest(and_of: str = "") -> str:
    """SHA-256 over the sources that decide what a scene looks like: the soundstage's modules, by name.

    `and_of` is one of `AFTERWARDS` that decides, too.
    """
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.name not in AFTERWARDS or path.name == and_of:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
