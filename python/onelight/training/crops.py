"""Scenes baked once to memory-mapped arrays, so that the training loop never waits for decoding."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from onelight.errors import NotFound, RequestError
from onelight.locks import locked
from onelight.training.baking import FORMAT, INDEX, Baker, Reader, header
from onelight.training.files import sha256
from onelight.training.progress import Bar


@dataclass(frozen=True)
class Crops:
    """A baked folder: `index.json` and one `<array>.npy` [N, ...] for each array, N rows in the order of baking.

    Floating-point arrays are stored as float16, integers and booleans as they were. Only rows that `index.json` lists
    are whole, and only those are seen here, also while another process bakes on.
    """

    path: Path
    index: Mapping[str, Any]

    @staticmethod
    def bake(
        out: Path,
        scenes: Sequence[Path] | Mapping[str, Path],
        read: Reader,
        *,
        jobs: int = 1,
        recipe: str = "",
        progress: Callable[[int, int], None] | None = None,
    ) -> Crops:
        """Read every scene that is not in `out` yet and append it as one row; return all that is there.

        `scenes` maps row names to files; of plain paths the name is "<folder>/<stem>". `read` gives a record: arrays
        by name, of the same shapes for every scene; with `jobs` > 1 it runs in other processes and is therefore a
        function of a module. `recipe` is any word that changes when `read` gives other arrays. Rows that were baked
        are kept when this is interrupted, whatever way. `progress(done, total)` replaces the bar on stderr.
        An error names the scene that cannot be read, that differs in shape, that does not fit half floats or that has
        changed since it was baked (OnelightError), or says that another process bakes here (Busy).
        """
        out, files = Path(out), dict(scenes) if isinstance(scenes, Mapping) else _named(scenes)
        with locked(out, "baking"):
            index = _read_index(out) if (out / INDEX).is_file() else {"format": FORMAT, "recipe": recipe, "scenes": []}
            if index["recipe"] != recipe:
                raise RequestError(
                    f"{out} was baked by the recipe '{index['recipe']}', not '{recipe}': bake elsewhere."
                )
            for scene in index["scenes"]:
                _check_unchanged(scene, files.get(scene["name"]), out)
            known = {scene["name"] for scene in index["scenes"]}
            missing = {name: path for name, path in files.items() if name not in known}
            if not files and not known:
                raise NotFound(f"There is no scene to bake to {out}.")
            if missing:
                start, total = len(known), len(known) + len(missing)
                with Bar("Baking", total, start, silent=progress is not None, unit="scenes") as bar:
                    tell = bar.update if progress is None else lambda done: progress(done, total)
                    Baker(out, index, read).run(missing, jobs, tell)
        return Crops.open(out)

    @staticmethod
    def open(path: str | Path) -> Crops:
        """The rows baked so far. NotFound or RequestError where the folder holds no crops that can be read."""
        return Crops(Path(path), _read_index(Path(path)))

    def __len__(self) -> int:
        return len(self.index["scenes"])

    @property
    def names(self) -> list[str]:
        """Name of each row's scene."""
        return [scene["name"] for scene in self.index["scenes"]]

    @property
    def digest(self) -> str:
        """SHA-256 of what was baked: the scenes' names and bytes in their order, the arrays' shapes, the recipe."""
        return self.index["digest"]

    @cached_property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """The memory-mapped arrays [N, ...] by name, read-only: slice before copying, and only that is read."""
        maps: dict[str, np.ndarray] = {}
        for name, field in self.index["arrays"].items():
            shape, dtype = (len(self), *field["shape"]), np.dtype(field["dtype"])
            file = self.path / f"{name}.npy"
            try:
                maps[name] = np.memmap(file, dtype, "r", offset=len(header(shape, dtype)), shape=shape)
            except (OSError, ValueError) as error:
                raise RequestError(f"{file} is not the array that {INDEX} speaks of ({error}): bake again.") from error
        return maps

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Copies of these rows [len(rows), ...] of every array, in the order asked."""
        return {name: np.ascontiguousarray(array[rows]) for name, array in self.arrays.items()}


def _named(scenes: Sequence[Path]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in map(Path, scenes):
        name = f"{path.parent.name}/{path.stem}"
        if files.setdefault(name, path) != path:
            raise RequestError(f"{path} and {files[name]} would both be the row '{name}': give names of your own.")
    return files


def _read_index(folder: Path) -> dict[str, Any]:
    file = folder / INDEX
    try:
        index = json.loads(file.read_bytes())
        known = index["format"] == FORMAT
        complete = index["scenes"] and index["arrays"] and index["digest"] and index["recipe"] is not None
    except FileNotFoundError as error:
        raise NotFound(f"{folder} holds no baked crops: it has no {INDEX}.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{file} cannot be read as the index of baked crops ({error}): bake again.") from error
    if not (known and complete):
        raise RequestError(f"{file} was written by another version of Onelight: bake again.")
    return index


def _check_unchanged(scene: Mapping[str, Any], path: Path | None, out: Path) -> None:
    """Size and time of change say enough; where they differ, the bytes decide."""
    if path is None:
        return
    try:
        status = path.stat()
        if [status.st_size, status.st_mtime_ns] == scene["status"] or sha256(path) == scene["sha256"]:
            return
    except OSError as error:
        raise NotFound(f"The scene {path} cannot be read: {error.strerror}.") from error
    raise RequestError(f"The scene {path} has changed since it was baked to {out}: bake to a new folder.")
