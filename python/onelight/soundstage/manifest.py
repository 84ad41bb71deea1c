"""What a folder of renders was made from, so that it can be made again to the bit and checked."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

import numpy as np

from onelight.errors import ImageError, NotFound, RequestError

NAME = "manifest.json"
VERSION = 1
AFTERWARDS = (
    "crew.py",
    "rigs.py",
    "sheet.py",
    "photometric.py",
)  # modules that decide nothing about a scene with its set


@dataclass(frozen=True)
class Entry:
    """One scene: `file` relative to the folder; `seed` is its own, from which the family makes it again."""

    file: str
    family: str
    kind: str
    seed: int
    sha256: str = ""
    code: str = ""  # digest of the sources that rendered it
    renderer: str = ""  # that rendered it; nothing where nobody noted it


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
    renderer: str = ""  # of the last run, "mitsuba 3.9.1": another one may give other bits
    lone: bool = False  # things on black under lamps before them, as photometric sets are

    @classmethod
    def load(cls, folder: Path, name: str = NAME) -> Self:
        """Read the manifest of a folder.

        Raises NotFound where there is none, ImageError where it cannot be read, RequestError where it is damaged.
        """
        path = folder / name
        try:
            told: Any = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(told, dict):
                raise TypeError(f"it holds a {type(told).__name__} where settings by name were expected")
            scenes = [Entry(**entry) for entry in told.pop("scenes")]
            return cls(**told, scenes=scenes)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"{folder} has no {name}: it is not a folder of renders") from error
        except OSError as error:
            raise ImageError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise RequestError(
                f"{path} cannot be read as a manifest ({error}): put it back as it was, or choose another folder"
            ) from error

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
        told = {name: getattr(self, name) for name in ("seed", "size", "lights", "split")}
        return {**told, "samples": self.spp, "content": "lone things" if self.lone else "things with their sets"}

    def follows(self, earlier: Manifest, folder: Path) -> None:
        """Raises RequestError, naming both values and the option, where the folder was begun with other settings."""
        before = earlier.settings()
        for name, value in self.settings().items():
            if before[name] not in (value, ""):  # an older folder may not say
                option = "--lone" if name == "content" else f"--{name}"
                raise RequestError(
                    f"{folder} was begun with the {name} {before[name]}, not {value} ({option}): "
                    "go on with that, or choose another folder"
                )


def otherwise(made: Entry | Manifest, here: Manifest) -> str:
    """What else than the sources and the renderer here made a scene or a folder; nothing where nobody noted it."""
    found = []
    if made.code and made.code != here.code:
        found.append(f"other sources of the soundstage ({made.code[:12]}, here {here.code[:12]})")
    if made.renderer and here.renderer and made.renderer != here.renderer:
        found.append(f"another renderer ({made.renderer}, here {here.renderer})")
    return " and ".join(found)


class FamilyFailed(RequestError):
    """A family could not make a scene of a seed; others may be well."""

    @classmethod
    def on(cls, name: str, family: str, seed: int, error: Exception) -> Self:
        """It may fail in any way: what matters is which, and with what seed."""
        return cls(f"{name}: the family '{family}' failed on the seed {seed} ({type(error).__name__}: {error})")


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
