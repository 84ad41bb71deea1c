"""Cuts out of artists' pairs what a training learns from: around what somebody changed for the most part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onelight.errors import RequestError
from onelight.studio.pairs import Hashed
from onelight.studio.takes import npy
from onelight.training.files import write_whole

ELSEWHERE = 4  # every so many crops one is of anywhere; the others show some of what was taken out


def cut(
    pairs: Sequence[Hashed],
    folder: Path,
    marker: Any,
    *,
    count: int,
    size: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Path]:
    """Writes about `count` crops [size, size, C] float16 of what `marker.marked` tells into the folder; by name.

    `marker` is a tool's module for pairs (`tools.cleanup.artist`). What is there from an earlier call is kept: names
    say all that decides a crop. Raises RequestError where a picture is too small, nothing was changed in any frame of
    a pair, or so much that it cannot be the same picture; ImageError where a file cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = np.sqrt([len(pair.pair.frames) for pair in pairs])
    wanted: list[tuple[str, Hashed, int, int]] = []
    for pair, share in zip(pairs, weights / weights.sum(), strict=True):
        frames, number = pair.pair.frames, max(2, round(count * share))
        chosen = np.linspace(0, len(frames) - 1, min(number, len(frames))).round().astype(int)
        key = pair.key
        each = [frames[chosen[turn % len(chosen)]] for turn in range(number)]
        wanted += sorted((f"{key[:16]}-{frame}-{turn}", pair, frame, turn) for turn, frame in enumerate(each))
    out = {name: folder / f"{name}.npy" for name, *_ in wanted}
    read: tuple[tuple[int, int], np.ndarray] | None = None  # a frame is read once for all of its crops
    for done, (name, pair, frame, turn) in enumerate(wanted, 1):
        if not out[name].is_file():
            if read is None or read[0] != (id(pair), frame):
                read = (id(pair), frame), _marked(pair, frame, marker, size)
            fields = read[1]
            random = np.random.default_rng([seed, frame, turn, *pair.key.encode()])
            crop = _crop(fields, marker.wires(fields), size, turn % ELSEWHERE < ELSEWHERE - 1, random)
            write_whole(out[name], npy(np.clip(crop, -6e4, 6e4).astype(np.float16)))
        progress(done, len(wanted))
    for pair in pairs:
        own = [out[name] for name, of, *_ in wanted if of is pair]
        if not any(marker.wires(np.load(path, allow_pickle=False)).any() for path in own):
            raise RequestError(
                f"{pair.pair.stated.after} shows nothing that was taken out: no change beyond grain was found that "
                f"this tool could learn from ({pair.pair.stated.where})."
            )
    return out


def _marked(pair: Hashed, frame: int, marker: Any, size: int) -> np.ndarray:
    before, after, matte = pair.read(frame)
    path = pair.pair.after[frame]
    if min(before.shape[:2]) < size:
        raise RequestError(
            f"{path} has a picture of {before.shape[1]} x {before.shape[0]}: {size} x {size} or more was expected."
        )
    fields = marker.marked(before, after, matte)
    if (share := marker.share(fields)) > marker.MOST_CHANGED:
        raise RequestError(
            f"{path} differs from {pair.pair.before[frame].name} on {share:.0%} of the picture: a finished result of "
            "the same frame was expected, ungraded, in the colour space that 'space' names."
        )
    return fields


def _crop(fields: np.ndarray, wires: np.ndarray, size: int, changed: bool, random: np.random.Generator) -> np.ndarray:
    """A part of the picture; with `changed` one that shows some of what was taken out there, if anything was."""
    height, width = wires.shape
    top, left = int(random.integers(0, height - size + 1)), int(random.integers(0, width - size + 1))
    rows, columns = np.nonzero(wires)
    if changed and len(rows):
        place = int(random.integers(len(rows)))
        low = max(int(rows[place]) - size + 1, 0), max(int(columns[place]) - size + 1, 0)
        high = min(int(rows[place]), height - size), min(int(columns[place]), width - size)
        top, left = (int(random.integers(a, b + 1)) for a, b in zip(low, high, strict=True))
    return fields[top : top + size, left : left + size]
