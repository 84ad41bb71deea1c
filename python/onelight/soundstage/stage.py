"""Renders folders of scenes: in parallel, resumable, with a manifest from which each can be made again."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

from onelight.errors import ImageError, NotFound, NotReady, OnelightError, RequestError
from onelight.soundstage import families as register
from onelight.soundstage import photometric
from onelight.soundstage.manifest import Entry, Manifest, code_digest, renderer, scene_seed
from onelight.soundstage.scenes import sha256, whole
from onelight.soundstage.staging import SAMPLES, make, take
from onelight.soundstage.world import backend

__all__ = ["make", "rebuild", "render", "take"]

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
    lone: bool = False,
    progress: Progress | None = None,
) -> Manifest:
    """Render `count` scenes into a folder, in turn of every family; what is there and whole is kept.

    `lone` ones are things on black under lamps before them, as photometric sets are photographed. The bits do not
    depend on `jobs`. A folder begun with other settings is refused, and so is one rendered by other sources, unless
    `mix`. Raises RequestError, NotFound (a family), NotReady (no mitsuba), ImageError (a file).
    """
    out = Path(out)
    if count < 1 or not 16 <= size <= 4096 or lights < 1 or samples < 1:
        raise RequestError("count, lights and samples must be 1 or more, and the size 16 to 4096 pixels")
    cast = _cast(families, split, register.SUBJECTS if lone else ())
    backend()  # says what is missing, before anything is written
    code = photometric.code() if lone else code_digest()
    names = [one.name for one in cast]
    plan = Manifest(seed, size, lights, samples, names, split, code, renderer=renderer(), lone=lone)
    earlier = _begun(out, plan, mix)
    entries = {entry.file: entry for entry in earlier.scenes} if earlier else {}
    # A run that was killed left scenes that its manifest does not name yet; they count if these sources made them.
    adopt = earlier is not None and earlier.code == plan.code
    todo = []
    for number in range(count):
        one, index = cast[number % len(cast)], number // len(cast)
        file = f"{one.name}/{index:05d}.npz"
        own = scene_seed(seed, f"lone {one.name}" if lone else one.name, index)  # other things than in sets
        fresh = Entry(file, one.name, one.kind, own, code=plan.code)
        todo.append(entries.get(file, fresh))
    _prepare(out, names)
    saved = _written(out, plan, entries)  # scenes of an earlier run that are not asked for now stay in it
    try:
        for done, entry in enumerate(_run(out, todo, plan, jobs, adopt), 1):
            entries[entry.file] = entry
            if done % SAVE_EVERY == 0:
                saved = _written(out, plan, entries)
            if progress:
                progress(done, len(todo), entry.file)
    finally:
        saved = _written(out, plan, entries)
    return saved


def rebuild(out: Path, *, jobs: int | None = None, progress: Progress | None = None) -> list[str]:
    """Make every scene of a folder's manifest again that is missing or damaged; the manifest alone is enough.

    Returns the files that came out with other bits than the manifest says, which another machine, renderer or version
    of the sources may do. Raises NotFound (no manifest, a family that is gone), NotReady, ImageError.
    """
    manifest = Manifest.load(out)
    backend()
    _prepare(out, sorted({entry.family for entry in manifest.scenes}))
    told = {entry.file: entry.sha256 for entry in manifest.scenes}
    other = []
    for done, entry in enumerate(_run(out, manifest.scenes, manifest, jobs, adopt=False), 1):
        if entry.sha256 != told[entry.file]:
            other.append(entry.file)
        if progress:
            progress(done, len(told), entry.file)
    return sorted(other)


def _cast(names: Sequence[str] | None, split: str, kinds: Sequence[str]) -> list[register.Family]:
    """The families to render, of `kinds` where there are any given.

    Raises NotFound for an unknown one, RequestError for one of another split or kind.
    """
    allowed = [name for kind in kinds for name in register.names(split, kind)] if kinds else register.names(split)
    if not names:
        if not allowed:
            raise NotFound(f"there is no scene family in the split '{split}'")
        return [register.get(name) for name in allowed]
    chosen = [register.get(name) for name in dict.fromkeys(names)]
    for one in chosen:
        if one.name not in allowed:
            which = f"the split '{split}'" + (" that makes lone things" if kinds else "")
            raise RequestError(f"the family '{one.name}' is not in {which}: there are {', '.join(allowed)}")
    return chosen


def _prepare(out: Path, names: Sequence[str]) -> None:
    """Make the folders, and clear away what a killed run left half-written."""
    try:
        for folder in (out, *(out / name for name in names)):
            folder.mkdir(parents=True, exist_ok=True)
            for part in folder.glob(".*.part"):
                part.unlink(missing_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError(13, "permission denied")
    except OSError as error:
        raise ImageError(f"the folder {out} cannot be written: {str(error.strerror).lower()}") from error


def _begun(out: Path, plan: Manifest, mix: bool) -> Manifest | None:
    """The manifest of an earlier run into this folder, if it can be gone on with."""
    if (out / photometric.NAME).exists():
        raise RequestError(f"{out} is an exam of `onelight soundstage objects`: choose another folder")
    try:
        earlier = Manifest.load(out)
    except NotFound:
        return None
    plan.follows(earlier, out)
    if earlier.code != plan.code and not mix and any(out.glob("*/*.npz")):
        raise RequestError(
            f"{out} was rendered by other sources of the soundstage: choose another folder, or allow the mix (then its "
            "older scenes can be made again by those sources only)"
        )
    return earlier


def _written(out: Path, plan: Manifest, entries: dict[str, Entry]) -> Manifest:
    """The manifest of what is finished, saved."""
    scenes = sorted(entries.values(), key=lambda entry: entry.file)
    manifest = replace(plan, families=sorted({entry.family for entry in scenes}), scenes=scenes)
    manifest.save(out)
    return manifest


class _SceneFailed(RequestError):
    """A family could not make a scene of a seed; other scenes may be well."""


def _run(out: Path, todo: Sequence[Entry], plan: Manifest, jobs: int | None, adopt: bool) -> Iterator[Entry]:
    """The entries as they are finished, by `jobs` processes of one thread each.

    Scenes that a family fails on are left out, and told of in a RequestError when all others are done.
    """
    jobs = max(1, min(jobs or _cores(), len(todo)))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # inherited: its threads would only fight over the cores
    executor = ProcessPoolExecutor(jobs, get_context("spawn"), _begin)
    waiting: set[Future[Entry]] = set()
    queue = iter(todo)
    failed: list[str] = []
    try:
        while True:
            while len(waiting) < 2 * jobs and (entry := next(queue, None)) is not None:
                waiting.add(executor.submit(_one, out, entry, plan, adopt))
            if not waiting:
                break
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    finished = future.result()
                except _SceneFailed as error:
                    failed.append(str(error))
                else:
                    yield finished
    except BrokenProcessPool as error:
        raise NotReady("a render process ended by itself: was it killed, or is the memory full?") from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
    if failed:
        raise RequestError(f"{len(failed)} of {len(todo)} scenes could not be made; the first: {sorted(failed)[0]}")


def _cores() -> int:
    """The cores this process may run on, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin() -> None:
    """Sets up a render process: one thread, deaf to Ctrl-C (its parent decides), and gone when its parent is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = parent_process()
    if parent:

        def follow() -> None:
            connection.wait([parent.sentinel])
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
    drjit, _ = backend()
    drjit.set_thread_count(1)


def _one(out: Path, entry: Entry, plan: Manifest, adopt: bool) -> Entry:
    """Keep or make one scene."""
    path = out / entry.file
    if entry.sha256 and path.is_file() and sha256(path) == entry.sha256:
        return entry
    if adopt and not entry.sha256 and whole(path, plan.size, plan.lights):
        return replace(entry, sha256=sha256(path))
    try:
        made = photometric.lone if plan.lone else make
        scene = made(entry.family, entry.seed, size=plan.size, lights=plan.lights, samples=plan.spp)
    except OnelightError:
        raise
    except Exception as error:  # a family may fail in any way: what matters is which, and with what seed
        what = f"the family '{entry.family}' failed on the seed {entry.seed}"
        raise _SceneFailed(f"{entry.file}: {what} ({type(error).__name__}: {error})") from error
    return replace(entry, sha256=scene.save(path), code=plan.code)
