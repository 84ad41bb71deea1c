"""Lone things on black under lamps whose directions are known, as photometric sets are photographed.

`lone` makes them to learn from, `render` an exam of them. Its folder is what `onelight evaluate relight --cases` reads:
for each thing `light.NN.exr` (linear, all with the same exposure), `lights.txt`, `mask.exr` and the true `normals.exr`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from onelight.errors import ImageError, NotFound, NotReady, RequestError
from onelight.locks import locked
from onelight.soundstage import families as register
from onelight.soundstage.camera import View
from onelight.soundstage.manifest import NAME as FOLDER
from onelight.soundstage.manifest import FamilyFailed, Manifest, code_digest, otherwise, renderer, scene_seed
from onelight.soundstage.mesh import Floats
from onelight.soundstage.scenes import Scene
from onelight.soundstage.staging import CLEAN_SAMPLES, SAMPLES, Setup, set_up, shot
from onelight.soundstage.world import World, backend

NAME = "exam.json"  # no manifest.json: these are no scenes to learn from or to rebuild
NEAREST, FARTHEST = 12.0, 48.0  # degrees between a lamp and the camera's axis
CLOSER, WIDER = 5.0, 70.0  # the same, of what is learnt from
DULL = 0.4  # of what is learnt from has one dull colour all over
ROOM = 0.02  # of a lamp's light: what a dark room gives back
GRAIN = 0.002  # of white, at white
DISC = 1.0  # degrees across a lamp
ATTEMPTS = 100  # seeds that may all be of metal, or of one colour where paint is asked for
PAINTED = 0.1  # linear base colour by which what is painted differs from itself
Write = Callable[[Path, np.ndarray], None]  # puts linear pixels [H, W, 3] into a file
LOOKS = ("grey", "colour")  # one dull colour all over, and painted; taken in turn


@dataclass(frozen=True)
class Thing:
    """One thing of an exam."""

    name: str
    family: str
    seed: int
    grey: bool


@dataclass(frozen=True)
class Exam(Manifest):
    """The settings of an exam; it lists no scenes."""

    count: int = 0  # things asked for so far; 0 in an older exam, which does not say

    def settings(self) -> dict[str, Any]:
        """Its families too, in order: they decide which things there are."""
        return {**super().settings(), "families": ", ".join(self.families)}


def code() -> str:
    """SHA-256 over the sources that decide what a lone thing looks like."""
    return code_digest(Path(__file__).name)


def things(count: int, seed: int, families: Sequence[str] = (), split: str = "test") -> list[Thing]:
    """`count` things of the families of objects and faces of a split, in turn, each family grey and painted in turn.

    Raises NotFound for an unknown family, RequestError where one is of another split or makes sets.
    """
    chosen = _cast(families, split)
    out = []
    for number in range(count):
        family, turn = chosen[number % len(chosen)], number // len(chosen)
        look, index = LOOKS[turn % 2], turn // 2
        own = scene_seed(seed, f"{look} {family}", index)
        out.append(Thing(f"{look}_{family}_{index:02d}", family, own, look == "grey"))
    return out


def _cast(families: Sequence[str], split: str) -> list[str]:
    """The families that are taken in turn."""
    allowed = [name for kind in register.SUBJECTS for name in register.names(split, kind)]
    for name in families:
        register.get(name)
        if name not in allowed:
            raise RequestError(f"'{name}' makes no lone things of the split '{split}': there are {', '.join(allowed)}")
    chosen = list(dict.fromkeys(families)) or allowed
    if not chosen:
        raise NotFound(f"there is no family of lone things in the split '{split}'")
    return chosen


def render(
    out: Path,
    write: Write,
    *,
    count: int,
    seed: int,
    families: Sequence[str] = (),
    split: str = "test",
    size: int = 320,
    lights: int = 6,
    samples: int = CLEAN_SAMPLES,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> None:
    """Render things into a folder, one folder each, by `write`; those that are finished are kept.

    A folder begun with other settings, for more things, by other sources or by another renderer is refused. Things
    that a family fails on are told of when all others are done. Raises RequestError, NotFound (a family), NotReady (no
    mitsuba), ImageError (a file), Busy (another process renders there).
    """
    asked, cast = things(count, seed, families, split), _cast(families, split)
    backend()
    plan = Exam(seed, size, lights, samples, cast, split, code(), renderer=renderer(), lone=True, count=count)
    failed = []
    with locked(out, "rendering"):
        _begin(out, plan)
        for done, thing in enumerate(asked, 1):
            try:
                if not (out / thing.name / "lights.txt").is_file():  # written last
                    _finish(out / thing.name, write, thing, plan)
            except FamilyFailed as error:
                failed.append(str(error))
            else:
                progress(done, len(asked), thing.name)
    if failed:
        raise RequestError(f"{len(failed)} of {len(asked)} things could not be made; the first: {failed[0]}")


def _begin(out: Path, plan: Exam) -> None:
    """See that the folder can be gone on with; it gets a file that says what all of it was made with."""
    try:
        earlier = Exam.load(out, NAME)
    except NotFound:
        if (out / FOLDER).exists() or next(out.glob("*/lights.txt"), None):
            raise RequestError(f"{out} holds something else already, and no {NAME}: choose another folder") from None
        plan.save(out, NAME)
        return
    plan.follows(earlier, out)
    if others := otherwise(earlier, plan):
        raise RequestError(f"{out} was made by {others}: choose another folder")
    if plan.count < earlier.count:  # its further things would be scored with those asked for
        raise RequestError(
            f"{out} was begun with the count {earlier.count}, not {plan.count} (--count): "
            "go on with that or more, or choose another folder"
        )
    if plan.count > earlier.count > 0:
        replace(earlier, count=plan.count).save(out, NAME)


def _finish(folder: Path, write: Write, thing: Thing, plan: Exam) -> None:
    try:
        scene = make(thing, size=plan.size, lights=plan.lights, samples=plan.spp)
        _photograph(folder, write, scene, thing.seed)
    except (ImageError, NotReady):  # the next one would not fare better
        raise
    except Exception as error:
        raise FamilyFailed.on(thing.name, thing.family, thing.seed, error) from error


def make(thing: Thing, *, size: int, lights: int, samples: int = CLEAN_SAMPLES) -> Scene:
    """The thing on black under lamps before it, evenly about the camera's axis; the same arguments, the same bits.

    Of metal there is nothing: it would mirror a room that is not there.
    """
    rng = np.random.default_rng([thing.seed, 1])
    for attempt in range(thing.seed, thing.seed + ATTEMPTS):
        setup = set_up(thing.family, attempt, size, lights, alone=True, grey=thing.grey)
        painted = np.ptp(setup.mesh.colour, axis=0).max() > PAINTED
        if setup.mesh.metallic.max() == 0 and painted != thing.grey:
            break
    else:
        looks = "of one colour" if thing.grey else "painted"
        raise RequestError(f"the family '{thing.family}' makes nothing that is {looks} and not of metal")
    return _under_lamps(setup, (NEAREST, FARTHEST), rng, size, lights, samples, thing.seed)


def lone(family: str, seed: int, *, size: int, lights: int, samples: int = SAMPLES) -> Scene:
    """A thing on black under lamps before it, to learn from; the same arguments, the same bits.

    Of any look, metal too: photographed things mirror dark rooms, though an exam of renders asks for none of it.
    """
    rng = np.random.default_rng([seed, 1])
    setup = set_up(family, seed, size, lights, alone=True, grey=rng.random() < DULL)
    return _under_lamps(setup, (CLOSER, WIDER), rng, size, lights, samples, seed)


def _under_lamps(
    setup: Setup,
    band: tuple[float, float],
    rng: np.random.Generator,
    size: int,
    lights: int,
    samples: int,
    seed: int,
) -> Scene:
    view = View.of(setup.camera)
    setup = replace(setup, lights=_before(view, lights, band, rng), softness=np.full(lights, DISC, np.float32))
    return shot(World(setup.mesh, view, size), setup, view, samples, seed)


def _before(view: View, count: int, band: tuple[float, float], rng: np.random.Generator) -> Floats:
    """Unit vectors [count, 3] to the lamps, in the world, so many degrees off the camera's axis."""
    around = (np.arange(count) + rng.random()) / count * 2 * np.pi + rng.normal(0, 0.2, count)
    aside = np.radians(rng.uniform(*band, count))
    flat = np.sin(aside)
    return (np.stack([flat * np.cos(around), flat * np.sin(around), np.cos(aside)], 1) @ view.axes).astype(np.float32)


def _photograph(folder: Path, write: Write, scene: Scene, seed: int) -> None:
    mask = (scene.matte > 0.5) & (np.abs(scene.normals).sum(axis=-1) > 0.5)
    lit = (scene.keys + scene.ambient * np.float32(ROOM)) * mask[..., None]
    white = float(np.quantile(lit[:, mask], 0.98))
    grain = np.random.default_rng([seed, 2]).standard_normal(lit.shape, np.float32) * np.float32(GRAIN * white)
    lit = (lit + grain * np.sqrt(np.maximum(lit, 0) / white + np.float32(0.02))) * mask[..., None]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for earlier in folder.glob("light.*"):
            earlier.unlink()
        for number, picture in enumerate(lit):
            write(folder / f"light.{number:02d}.exr", picture)
        write(folder / "mask.exr", np.dstack([mask.astype(np.float32)] * 3))
        write(folder / "normals.exr", scene.normals)
        rows = [" ".join(f"{value:.6f}" for value in towards) for towards in scene.lights]
        part = folder / ".lights.txt.part"
        part.write_text("\n".join(rows) + "\n", encoding="utf-8")
        part.replace(folder / "lights.txt")
    except OSError as error:
        raise ImageError(f"{folder} cannot be written: {str(error.strerror).lower()}") from error
