"""The soundstage's held-out scenes, rendered into a cache the first time they are asked for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path

from onelight.errors import ImageError, NotFound
from onelight.soundstage import families, stage
from onelight.soundstage.manifest import Entry, Manifest, code_digest, scene_seed
from onelight.soundstage.scenes import Scene
from onelight.tools.relight.cases import Case, Work, questions_of

SEED, SIZE, LIGHTS = 20261121, 192, 6
QUESTIONS = 4  # that `questions_of` asks about a scene
TAKES = "takes"  # folder of moving scenes
FRAMES, TAKE_LIGHTS = 3, 2
JOBS = 2
Progress = Callable[[str, int, int], None]  # what is being done, steps done, steps in all


def scenes(count: int, progress: Progress) -> list[tuple[Path, Entry]]:
    """`count` scenes of each kind, of families that nothing learns from; rendered where they are not there yet.

    Raises NotReady where mitsuba or LLVM is missing, NotFound where a kind has no held-out family.
    """
    folder = cache()
    found: list[tuple[Path, Entry]] = []
    for kind in families.KINDS:
        names = _families(kind)
        entries = _known(folder, kind, count)
        if len(entries) < count or any(not (folder / entry.file).is_file() for entry in entries):
            stage.render(
                folder,
                count=count,
                seed=SEED,
                size=SIZE,
                families=names,
                split="test",
                lights=LIGHTS,
                progress=lambda done, total, file, kind=kind: progress(f"Rendering held-out {kind}", done, total),
            )
            entries = _known(folder, kind, count)
        found += [(folder / entry.file, entry) for entry in entries]
    return found


def takes(count: int, progress: Progress) -> list[tuple[Entry, list[Path]]]:
    """`count` moving scenes of each kind: `FRAMES` frames under `TAKE_LIGHTS` keys that stand still."""
    folder = cache() / TAKES
    wanted = []
    for kind in families.KINDS:
        names = _families(kind)
        for number in range(count):
            name = names[number % len(names)]
            seed = scene_seed(SEED + 1, name, number // len(names))
            wanted.append(Entry(f"{name}/{number // len(names):05d}", name, kind, seed))
    missing = [entry for entry in wanted if not all(path.is_file() for path in _frames(folder, entry))]
    with ProcessPoolExecutor(JOBS, get_context("spawn")) as pool:
        for done, _ in enumerate(pool.map(_take, [folder] * len(missing), missing), 1):
            progress("Rendering held-out takes", done, len(missing))
    return [(entry, _frames(folder, entry)) for entry in wanted]


def _take(folder: Path, entry: Entry) -> None:
    """Renders a take's frames; those of a take that was broken off are made again, all of them."""
    frames = stage.take(entry.family, entry.seed, FRAMES, size=SIZE, lights=TAKE_LIGHTS)
    try:
        (folder / entry.file).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"the folder {folder / entry.file} cannot be written: {error.strerror}") from error
    for scene, path in zip(frames, _frames(folder, entry), strict=True):
        scene.save(path)


def _frames(folder: Path, entry: Entry) -> list[Path]:
    return [folder / entry.file / f"{frame:05d}.npz" for frame in range(FRAMES)]


def _families(kind: str) -> list[str]:
    """The held-out families of a kind."""
    if names := families.names("test", kind):
        return names
    raise NotFound(f"the soundstage holds no family of {kind} out of training: there is nothing to score on")


def cache() -> Path:
    """Where the scenes of these settings, of these sources of the soundstage and of this renderer are kept."""
    try:
        renderer = version("mitsuba")
    except PackageNotFoundError:
        renderer = ""
    settings = f"{code_digest()} {renderer} {SEED} {SIZE} {LIGHTS}"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "onelight" / "soundstage" / hashlib.sha256(settings.encode()).hexdigest()[:16]


def _known(folder: Path, kind: str, count: int) -> list[Entry]:
    """The first `count` scenes of a kind in turn of its families, as far as they have been rendered."""
    try:
        entries = [entry for entry in Manifest.load(folder).scenes if entry.kind == kind]
    except NotFound:
        return []
    return sorted(entries, key=lambda entry: (Path(entry.file).stem, entry.family))[:count]


def questions(found: list[tuple[Path, Entry]]) -> list[Work]:
    """Every question about those scenes, as work to be done."""
    return [
        Work(f"{name_of(entry)}_{index}", 1, partial(_question, path, entry, index))
        for path, entry in found
        for index in range(QUESTIONS)
    ]


def name_of(entry: Entry) -> str:
    """A scene's name in the rows."""
    return f"{entry.family}_{Path(entry.file).stem}"


def _question(path: Path, entry: Entry, index: int) -> Case:
    return _questions(path, entry)[index]


@lru_cache(4)
def _questions(path: Path, entry: Entry) -> list[Case]:
    return list(questions_of(Scene.load(path), name_of(entry), entry.kind, entry.seed))
