"""Writes the rows of baked crops: reads scenes in parallel and counts a row only once it is whole and on disk."""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import numpy as np

from onelight.errors import OnelightError, RequestError
from onelight.training.files import cannot_write, sha256, write_json

INDEX = "index.json"
FORMAT = 1
COMMIT_SECONDS = 5.0
_AHEAD = 4  # scenes handed to each process before the first of them is back

Reader = Callable[[Path], Mapping[str, np.ndarray]]
Fields = Mapping[str, Mapping[str, Any]]  # array name: {"shape" of a row, "dtype"}


@dataclass(frozen=True)
class Row:
    """A scene whose arrays lie in their files: what the index says of it, and the arrays' fields."""

    scene: dict[str, Any]
    fields: Fields


class Baker:
    """One run of baking: rows are written where they belong and become part of the index in their order."""

    def __init__(self, out: Path, index: dict[str, Any], read: Reader) -> None:
        self.out, self.index, self.read = out, index, read
        self._committed = time.monotonic()

    def run(self, missing: Mapping[str, Path], jobs: int, tell: Callable[[int], object]) -> None:
        """Append these scenes; `tell(rows)` after each. What was done is in the index whatever ends this."""
        start = len(self.index["scenes"])
        left = deque((start + offset, name, path) for offset, (name, path) in enumerate(missing.items()))
        tell(start)
        try:
            if "arrays" not in self.index:  # the first scene says what the arrays are
                self._bake_here(*left.popleft(), tell)
            if jobs > 1 and len(left) > 1:
                self._bake_in_processes(left, min(jobs, len(left)), tell)
            while left:
                self._bake_here(*left.popleft(), tell)
        finally:
            self._commit()

    def _bake_here(self, row: int, name: str, path: Path, tell: Callable[[int], object]) -> None:
        self._append(bake_row(self.out, row, name, path, self.read, self.index.get("arrays")), tell)

    def _bake_in_processes(self, left: deque[tuple[int, str, Path]], jobs: int, tell: Callable[[int], object]) -> None:
        running: deque[Future[Row]] = deque()
        # Spawned, since a forked child inherits the locks of torch's and OpenCV's threads in whatever state they are.
        pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _start_worker)
        try:
            while left or running:
                while left and len(running) < _AHEAD * jobs:
                    running.append(pool.submit(bake_row, self.out, *left.popleft(), self.read, self.index["arrays"]))
                self._append(running.popleft().result(), tell)
        except BrokenProcessPool as error:
            raise OnelightError(
                f"A process that baked scenes to {self.out} ended on the way, perhaps for want of memory: "
                "bake again, with fewer jobs."
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _append(self, row: Row, tell: Callable[[int], object]) -> None:
        self.index.setdefault("arrays", row.fields)
        self.index["scenes"].append(row.scene)
        tell(len(self.index["scenes"]))
        if time.monotonic() - self._committed >= COMMIT_SECONDS:
            self._commit()

    def _commit(self) -> None:
        """Rows first, then the headers that count them, then the index that makes them part of the crops."""
        scenes, fields = self.index["scenes"], self.index.get("arrays", {})
        if not scenes:
            return
        for name, field in fields.items():
            file = self.out / f"{name}.npy"
            try:
                with file.open("r+b") as array:
                    os.fsync(array.fileno())
                    array.write(header((len(scenes), *field["shape"]), np.dtype(field["dtype"])))
                    array.flush()
                    os.fsync(array.fileno())
            except OSError as error:
                raise cannot_write(file, error) from error
        content = [FORMAT, self.index["recipe"], fields, [[scene["name"], scene["sha256"]] for scene in scenes]]
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        write_json(self.out / INDEX, {**self.index, "digest": digest})
        self._committed = time.monotonic()


def bake_row(out: Path, row: int, name: str, path: Path, read: Reader, fields: Fields | None) -> Row:
    """Read one scene and write its arrays where the row lies; `fields` None takes the arrays as they come."""
    try:
        status, digest = path.stat(), sha256(path)
        record = {key: np.asarray(array) for key, array in read(path).items()}
    except OnelightError:
        raise
    except Exception as error:  # a reader fails in as many ways as there are ways to damage a file
        raise RequestError(f"The scene {path} cannot be read ({type(error).__name__}: {error}).") from error
    stored = {key: _stored(array, key, path) for key, array in sorted(record.items())}
    found: Fields = {key: {"shape": list(array.shape), "dtype": array.dtype.str} for key, array in stored.items()}
    if fields is not None and found != fields:
        raise RequestError(f"The scene {path} gives {_words(found)}, where the scenes before gave {_words(fields)}.")
    for key, array in stored.items():
        _write_row(out / f"{key}.npy", row, array)
    return Row({"name": name, "sha256": digest, "status": [status.st_size, status.st_mtime_ns]}, found)


def header(shape: tuple[int, ...], dtype: np.dtype) -> bytes:
    """The head of a .npy file. NumPy leaves room for more rows, so that its length is the same for any number."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


def _write_row(file: Path, row: int, array: np.ndarray) -> None:
    start = len(header((row, *array.shape), array.dtype)) + row * array.nbytes
    view = memoryview(array.tobytes())
    try:
        # Not through a memory map: a full disk would end the process by a signal instead of an error.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            while view:
                written = os.pwrite(descriptor, view, start)
                view, start = view[written:], start + written
        finally:
            os.close(descriptor)
    except OSError as error:
        raise cannot_write(file, error) from error


def _stored(array: np.ndarray, key: str, path: Path) -> np.ndarray:
    if not key.isidentifier() or array.dtype.kind not in "fiub":
        raise RequestError(
            f"The scene {path} gives '{key}' as {array.dtype}: numbers under a plain name were expected."
        )
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    if not np.isfinite(half).all():
        raise RequestError(f"The scene {path} has values in '{key}' that are not finite or beyond half floats (65504).")
    return half


def _words(fields: Fields) -> str:
    return ", ".join(f"{key} {tuple(field['shape'])} {np.dtype(field['dtype'])}" for key, field in fields.items())


def _start_worker() -> None:
    """An interrupt is the parent's to handle; a parent that was killed takes its workers along."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
