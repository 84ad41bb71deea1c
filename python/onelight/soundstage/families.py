"""The register of scene families: each makes its own kind of shape, and some are held out from training."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onelight.errors import NotFound, RequestError
from onelight.soundstage.mesh import Mesh

SUBJECTS = ("objects", "faces")  # kinds that are a thing before something or nothing; the others are sets
KINDS = (*SUBJECTS, "rooms", "exteriors")
SPLITS = ("train", "test", "all")


@dataclass(frozen=True)
class Camera:
    """Where a scene is seen from, metres; `fov` is that of the picture's longest side, degrees, like `roll`."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    fov: float
    roll: float = 0.0


@dataclass(frozen=True)
class Built:
    """What a family made: a mesh, and what the stage must know to light and frame it."""

    mesh: Mesh
    camera: Camera | None = None  # None: the stage frames the subject, which is about the origin with radius about 1
    sky: bool = False  # open sky above
    dressed: bool = False  # the family painted its own colours; else the stage gives each part a material


Builder = Callable[[np.random.Generator, float], Built]


@dataclass(frozen=True)
class Family:
    """A way to make scenes. `build(rng, detail)`: detail 1 is about one vertex per pixel of a picture of 256 pixels."""

    name: str
    kind: str
    held_out: bool
    build: Builder


_FAMILIES: dict[str, Family] = {}


def family(name: str, kind: str, held_out: bool = False) -> Callable[[Builder], Builder]:
    """Registers the decorated builder under a name; a held-out family is seen in tests only, never in training."""
    if kind not in KINDS:
        raise ValueError(f"the family '{name}' is of the kind '{kind}'; it must be one of {', '.join(KINDS)}")

    def register(build: Builder) -> Builder:
        known = _FAMILIES.get(name)
        if known and known.build.__module__ != build.__module__:
            raise ValueError(f"two families are named '{name}', in {known.build.__module__} and {build.__module__}")
        _FAMILIES[name] = Family(name, kind, held_out, build)
        return build

    return register


def discover() -> dict[str, Family]:
    """Every family, by name; imports the modules of this package, so that a new file alone makes a new family."""
    package = __package__ or "onelight.soundstage"
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"{package}.{module.name}")
    return dict(sorted(_FAMILIES.items()))


def names(split: str = "all", kind: str | None = None) -> list[str]:
    """Names of the families of a split ("train", "test" for the held-out ones, "all"), of one kind or of every kind."""
    if split not in SPLITS:
        raise RequestError(f"There is no split '{split}' of the scene families: choose {', '.join(SPLITS)}.")
    wanted = {"train": (False,), "test": (True,), "all": (False, True)}[split]
    found = discover().values()
    return [known.name for known in found if known.held_out in wanted and kind in (None, known.kind)]


def get(name: str) -> Family:
    """The family of that name. Raises NotFound where there is none."""
    found = discover()
    if name not in found:
        raise NotFound(f"There is no scene family '{name}'; there are {', '.join(found)}.")
    return found[name]
