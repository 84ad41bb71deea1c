"""Held-out footage without wires: procedural clips, takes of the soundstage, a real clip; and the grain they get."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from onelight.colour import Colour
from onelight.errors import ImageError, NotFound
from onelight.soundstage import families, stage
from onelight.soundstage.manifest import code_digest, scene_seed
from onelight.temporal import flow
from onelight.tools.cleanup.leaves import HEIGHT, MOVES, WIDTH, Footage, dead_leaves

SEED = 20261204  # of everything held out; training draws from other seeds
FRAMES = 10
TESTED = (4, 5)  # the frames that are scored: with four neighbours on either side
KINDS = ("exteriors", "rooms")  # of the soundstage: the camera moves through them
SIZE, SAMPLES = 256, 24  # of the soundstage's takes
AMBIENT = 0.3  # light from all around, of the key's
JOBS = 2
REAL, REAL_FIRST = "flower.mp4", 40
PLATES = Path(__file__).resolve().parents[4] / "examples" / "plates"  # of a checkout
Progress = Callable[[str, int, int], None]  # what is being done, steps done, steps in all


@dataclass(frozen=True)
class Clip:
    """A clip that is made or read when its turn comes."""

    name: str
    kind: str  # 'leaves', 'stage' or 'real'
    motion: str  # what the camera does, or whose motion it is
    load: Callable[[], Footage]


def clips(count: int, progress: Progress) -> list[Clip]:
    """`count` procedural clips, half as many takes of the soundstage (at least one), and in a checkout a real one.

    Takes are rendered into the cache the first time. Raises NotReady where mitsuba is missing, NotFound where a kind
    has no family that training leaves alone.
    """
    drawn = [
        Clip(f"leaves_{number:03d}", "leaves", MOVES[number % 4], partial(_leaves, number)) for number in range(count)
    ]
    return drawn + _takes(max(1, count // 2), progress) + _real()


def stills(count: int) -> list[Clip]:
    """`count` procedural frames of seeds that no clip has."""
    return [Clip(f"still_{number:03d}", "leaves", "still", partial(_still, number)) for number in range(count)]


def repeated(picture: np.ndarray) -> Footage:
    """The picture standing still for as long as a clip."""
    rest = np.zeros((*picture.shape[:2], 2), np.float32)
    return Footage((picture,) * FRAMES, (rest,) * (FRAMES - 1))


@lru_cache(6)
def _leaves(number: int) -> Footage:
    return dead_leaves(np.random.default_rng([SEED, 0, number]), MOVES[number % len(MOVES)], FRAMES)


@lru_cache(6)
def _still(number: int) -> Footage:
    return dead_leaves(np.random.default_rng([SEED, 1, number]), "locked", 1)


def _takes(count: int, progress: Progress) -> list[Clip]:
    folder = _cache()
    wanted: dict[Path, tuple[str, int]] = {}
    for number in range(count):
        kind, index = KINDS[number % len(KINDS)], number // len(KINDS)
        names = families.names("test", kind)
        if not names:
            raise NotFound(f"the soundstage holds no family of {kind} out of training: there is nothing to score on")
        name = names[index % len(names)]
        wanted[folder / f"{name}_{index:03d}.npz"] = (name, scene_seed(SEED, name, index))
    missing = [(path, *scene) for path, scene in wanted.items() if not path.is_file()]
    with ProcessPoolExecutor(JOBS, get_context("spawn")) as pool:
        for done, _ in enumerate(pool.map(_render, missing), 1):
            progress("Rendering held-out takes", done, len(missing))
    return [Clip(path.stem, "stage", "take", partial(_read, path)) for path in wanted]


def _render(wanted: tuple[Path, str, int]) -> None:
    """Renders a take; what was broken off is made again."""
    path, family, seed = wanted
    scenes = stage.take(family, seed, FRAMES, size=SIZE, lights=1, samples=SAMPLES)
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.savez_compressed(
                file,
                frames=np.stack([scene.keys[0] + np.float32(AMBIENT) * scene.ambient for scene in scenes]).astype(
                    np.float16
                ),
                motions=np.stack([scene.motion for scene in scenes[:-1]]).astype(np.float16),
            )
        part.replace(path)
    except OSError as error:
        raise ImageError(f"{path} cannot be written: {error.strerror}") from error


@lru_cache(6)
def _read(path: Path) -> Footage:
    with np.load(path) as take:
        frames, motions = (take[name].astype(np.float32) for name in ("frames", "motions"))
    return Footage(tuple(frames), tuple(motions))


def _cache() -> Path:
    """Where the takes of these settings, of these sources of the soundstage and of this renderer are kept."""
    try:
        renderer = version("mitsuba")
    except PackageNotFoundError:
        renderer = ""
    settings = f"cleanup {code_digest()} {renderer} {SEED} {FRAMES} {SIZE} {SAMPLES} {AMBIENT}"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "onelight" / "soundstage" / hashlib.sha256(settings.encode()).hexdigest()[:16]


def _real() -> list[Clip]:
    """The real clip of the examples, halved; an installed package has none."""
    path = PLATES / REAL
    return [Clip(path.stem, "real", "real", partial(_video, path))] if path.is_file() else []


@lru_cache(1)
def _video(path: Path) -> Footage:
    """A crop of the middle of a display-referred video at half its size, linearised, with its estimated motion."""
    reader = cv2.VideoCapture(str(path))
    reader.set(cv2.CAP_PROP_POS_FRAMES, REAL_FIRST)
    space, frames = Colour.of("rec1886"), []
    for number in range(FRAMES):
        read, coded = reader.read()
        if not read:
            raise ImageError(f"{path} cannot be read: frame {REAL_FIRST + number} is wanted")
        linear = space.to_working(np.ascontiguousarray(coded[..., ::-1], np.float32) / 255)
        half = cv2.resize(linear, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        top, left = (half.shape[0] - HEIGHT) // 2, (half.shape[1] - WIDTH) // 2
        frames.append(np.ascontiguousarray(half[top : top + HEIGHT, left : left + WIDTH]))
    return Footage(tuple(frames), tuple(estimated(frames)))


def estimated(frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Motion from each frame without wires [H, W, 3] to the next, [H, W, 2], where nobody knows it exactly."""
    return [flow.dense(here, there) for here, there in pairwise(frames)]


def grain_of(clip: str) -> tuple[np.random.Generator, float, float]:
    """Of a clip by name: the source of its grain, its strength at the middle level, and its softness in pixels."""
    random = np.random.default_rng([SEED, *clip.encode()])
    return random, float(np.exp(random.uniform(*np.log((0.006, 0.025))))), float(random.uniform(0.35, 0.7))


def grain(shape: tuple[int, ...], softness: float, random: np.random.Generator) -> np.ndarray:
    """A field [H, W, 3] of unit deviation, correlated over `softness` pixels; channels share a part of it."""
    height, width = shape[:2]
    field = random.standard_normal((height + 8, width + 8, 3), np.float32)
    field = field + np.float32(0.5) * random.standard_normal((height + 8, width + 8, 1), np.float32)
    field = cv2.GaussianBlur(field, (0, 0), softness)[4:-4, 4:-4]
    return field / field.std()


def grained(picture: np.ndarray, field: np.ndarray, strength: float, level: float) -> np.ndarray:
    """A linear picture with the noise of a sensor: it grows with the square root of the light, over a floor."""
    light = np.maximum(picture, 0) / np.float32(level)
    return picture + field * (np.float32(strength * level) * np.sqrt(light + np.float32(0.05)))
