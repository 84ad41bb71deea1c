"""Renders folders of scenes: in parallel, resumable, with a manifest from which each can be made again."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

from onelight.errors import ImageError, NotFound, NotReady, OnelightError, RequestError
from onelight.soundstage import families as register
from onelight.soundstage.manifest import Entry, Manifest, code_digest, scene_seed
from onelight.soundstage.scenes import sha256, whole
from onelight.soundstage.staging import SAMPLES, make, take
from onelight.soundstage.world import backend

__all__ = ["make", "render", "take", "verify"]

Progress = Callable[[int, int, str], None]  # scenes done, scenes in all, the file last finished
SAVE_EVERY = 64  # scenes between two writes of the manifest


def render(
    out: Path,
    *,
    count: int,
    seed: int,
    size: int = 192,
    families: Sequence[str] | None = None,
    split: str = "train",
    lights: int = 6,
    samples: int = SAMPLES,
    jobs: int | None = None,
    mix: bool = False,
    progress: Progress | None = None,
) -> Manifest:
    """Render `count` scenes into a folder, in turn of every family; what is there and whole is kept.

    The bits do not depend on `jobs`. A folder begun with other settings is refused, and so is one rendered by other
    sources, unless `mix`. Raises RequestError, NotFound (a family), NotReady (no mitsuba), ImageError (a file).
    """
    out = Path(out)
    if count < 1 or not 16 <= size <= 4096 or lights < 1 or samples < 1:
        raise RequestError("count, lights and samples must be 1 or more, and the size 16 to 4096 pixels")
    chosen = cast(families, split)
    backend()  # says what is missing, before anything is written
    plan = Manifest(seed, size, lights, samples, [one.name for one in chosen], split, code_digest())
    _prepare(out, [one.name for one in chosen])
    known = {entry.file: entry for entry in _begun(out, plan, mix)}
    planned = []
    for number in range(count):
        one = chosen[number % len(chosen)]
        index = number // len(chosen)
        name = f"{one.name}/{index:05d}.npz"
        planned.append(Entry(name, one.name, one.kind, scene_seed(seed, one.name, index), code=plan.code))
    # A folder may hold more than is asked for now: it stays in the manifest.
    entries = known | {entry.file: known.get(entry.file, entry) for entry in planned}
    todo = [entries[entry.file] for entry in planned]
    save = _Saver(out, plan, entries)
    save(force=True)
    try:
        for done, entry in enumerate(_run(out, todo, plan, jobs or os.cpu_count() or 1), 1):
            entries[entry.file] = entry
            save()
            if progress:
                progress(done, len(todo), entry.file)
    finally:
        save(force=True)
    return Manifest.load(out)


def cast(names: Sequence[str] | None, split: str) -> list[register.Family]:
    """The families to render. Raises NotFound for an unknown one, RequestError for one of another split."""
    allowed = register.names(split)
    if not names:
        if not allowed:
            raise NotFound(f"there is no scene family in the split '{split}'")
        return [register.get(name) for name in allowed]
    chosen = [register.get(name) for name in dict.fromkeys(names)]
    for one in chosen:
        if one.name not in allowed:
            raise RequestError(f"the family '{one.name}' is not in the split '{split}': there are {', '.join(allowed)}")
    return chosen


def verify(folder: Path, progress: Progress | None = None) -> list[str]:
    """The files of a folder that are missing or not what its manifest says, in its order."""
    manifest = Manifest.load(folder)
    wrong = []
    for done, entry in enumerate(manifest.scenes, 1):
        path = folder / entry.file
        if not path.is_file() or sha256(path) != entry.sha256:
            wrong.append(entry.file)
        if progress:
            progress(done, len(manifest.scenes), entry.file)
    return wrong


class _Saver:
    """Writes the manifest now and then, so that a run that was killed leaves a true one."""

    def __init__(self, out: Path, plan: Manifest, entries: dict[str, Entry]) -> None:
        self.out, self.plan, self.entries, self.since = out, plan, entries, 0

    def __call__(self, force: bool = False) -> None:
        self.since += 1
        if force or self.since >= SAVE_EVERY:
            self.since = 0
            scenes = sorted((entry for entry in self.entries.values() if entry.sha256), key=lambda entry: entry.file)
            replace(self.plan, families=sorted({entry.family for entry in scenes}), scenes=scenes).save(self.out)


def _prepare(out: Path, names: list[str]) -> None:
    """Make the folders, and clear away what a killed run left half-written."""
    try:
        for name in names:
            (out / name).mkdir(parents=True, exist_ok=True)
            for part in (out / name).glob(".*.part"):
                part.unlink(missing_ok=True)
    except OSError as error:
        raise ImageError(f"the folder {out} cannot be written: {error.strerror}") from error
    if not os.access(out, os.W_OK):
        raise ImageError(f"the folder {out} cannot be written: permission denied")


def _begun(out: Path, plan: Manifest, mix: bool) -> list[Entry]:
    """The scenes of an earlier run into this folder, if it can be gone on with."""
    try:
        earlier = Manifest.load(out)
    except NotFound:
        return []
    for name, value in plan.settings().items():
        told = earlier.settings()[name]
        if told != value:
            raise RequestError(
                f"{out} was begun with {name} {told}, not {value}: go on with that, or choose another folder"
            )
    if earlier.scenes and earlier.code != plan.code and not mix:
        raise RequestError(
            f"{out} was rendered by other sources of the soundstage: choose another folder, or allow a mix (its older "
            "scenes could then be made again by those sources only)"
        )
    return earlier.scenes


def _run(out: Path, todo: list[Entry], plan: Manifest, jobs: int):
    """Entries as they are finished, by `jobs` processes of one thread each."""
    executor = ProcessPoolExecutor(jobs, get_context("spawn"), _begin)
    waiting: set[Future[Entry]] = set()
    queue = iter(todo)
    try:
        while True:
            while len(waiting) < 2 * jobs and (entry := next(queue, None)) is not None:
                waiting.add(executor.submit(_one, out, entry, plan))
            if not waiting:
                return
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BrokenProcessPool as error:
        raise NotReady("a render process ended of itself; was it killed, or is the memory full?") from error
    finally:
        for future in waiting:
            future.cancel()
        executor.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """Sets up a render process: one thread, deaf to Ctrl-C (its parent decides), and gone when its parent is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    drjit, _ = backend()
    drjit.set_thread_count(1)


def _one(out: Path, entry: Entry, plan: Manifest) -> Entry:
    """Keep or render one scene."""
    path = out / entry.file
    if entry.sha256 and path.is_file() and sha256(path) == entry.sha256:
        return entry
    if not entry.sha256 and whole(path, plan.size, plan.lights):
        return replace(entry, sha256=sha256(path))
    try:
        scene = make(entry.family, entry.seed, size=plan.size, lights=plan.lights, samples=plan.spp)
    except OnelightError:
        raise
    except Exception as error:
        print(f"{entry.file}: the family '{entry.family}' failed with seed {entry.seed}", file=sys.stderr)
        raise RequestError(f"{entry.file}: {type(error).__name__}: {error}") from error
    return replace(entry, sha256=scene.save(path), code=plan.code)
