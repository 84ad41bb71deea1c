"""Chooses the R, G, B, A of a plate, a data clip or a mask out of a file's channels by their names, or says why not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from onelight.errors import ImageError

Kind = Literal["plate", "data", "mask"]
_WORDS = {"r": "R", "red": "R", "g": "G", "green": "G", "b": "B", "blue": "B", "a": "A", "alpha": "A"}
_UNNAMED = re.compile(r"channel\d+$")  # what OpenImageIO calls the channels of a file that names none


@dataclass(frozen=True)
class Selection:
    """Indices of R, G, B and A in a file; `alpha` None means opaque, a mask has its one channel everywhere."""

    rgb: tuple[int, int, int]
    alpha: int | None

    @property
    def has_alpha(self) -> bool:
        return self.alpha is not None

    def pick(self, pixels: np.ndarray) -> np.ndarray:
        """RGBA [H, W, 4] out of all channels [H, W, N], same sample type."""
        out = np.empty((*pixels.shape[:2], 4), pixels.dtype)
        out[..., :3] = pixels[..., self.rgb]
        out[..., 3] = 1 if self.alpha is None else pixels[..., self.alpha]
        return out


def select(file: str, names: tuple[str, ...], layer: str, kind: Kind, part_name: str | None = None) -> Selection:
    """The channels to use; ImageError listing what the file has and what was expected.

    A 'plate' needs R, G, B and may have A. 'data' (normals, depth, mattes) may also be one channel, which then stands
    in all four, or grey (Y) and A. A 'mask' is its alpha, else its only channel, else its red one. A layer is a prefix
    of the channels' names or a part's name.
    """
    prefix = "" if not layer or layer == part_name else f"{layer}."
    inside = {name[len(prefix) :]: index for index, name in enumerate(names) if name.startswith(prefix)}
    if prefix and not inside:
        raise ImageError(f"{file} has no layer '{layer}': its channels are {', '.join(names)}")
    found: dict[str, int] = {}
    for name, index in inside.items():
        found.setdefault(_WORDS.get(name.lower(), ""), index)
    unnamed = any(_UNNAMED.fullmatch(name) for name in inside)
    if kind != "plate" and len(inside) == 1:
        only = next(iter(inside.values()))
        return Selection((only, only, only), only)
    if kind == "mask":
        letter = next((letter for letter in "AR" if letter in found and not unnamed), None)
        if letter is None:
            raise ImageError(f"{file} has {_listed(names)}: a mask needs an alpha, R, G, B or exactly one channel")
        return Selection((found[letter], found[letter], found[letter]), found[letter])
    if kind == "data" and {name.upper() for name in inside} == {"Y", "A"}:
        grey = next(index for name, index in inside.items() if name.upper() == "Y")
        return Selection((grey, grey, grey), found["A"])
    if {"R", "G", "B"} <= found.keys() and not unnamed:
        return Selection((found["R"], found["G"], found["B"]), found.get("A"))
    layers = sorted({name.rpartition(".")[0] for name in names if name.rpartition(".")[2].lower() in _WORDS} - {""})
    advice = f"; choose a layer, such as {file}:{layers[0]} (there are: {', '.join(layers)})" if layers else ""
    expected = "R, G, B and perhaps A" if kind == "plate" else "R, G, B, or one channel"
    raise ImageError(f"{file} has {_listed(names)}: {expected} are expected{advice}")


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"{len(names)} channel{'s' * (len(names) != 1)} ({shown})"
