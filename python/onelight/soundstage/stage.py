"""Renders folders of scenes: in parallel, resumable, with a manifest from which each can be made again."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from onelight.errors import ImageError, NotFound, NotReady, RequestError
from onelight.locks import locked
from onelight.soundstage import crew, photometric
from onelight.soundstage import families as register
from onelight.soundstage.manifest import (
    Entry,
    FamilyFailed,
    Manifest,
    code_digest,
    otherwise,
    renderer,
    scene_seed,
)
from onelight.soundstage.scenes import Scene, sha256, whole
from onelight.soundstage.staging import SAMPLES, make, take
from onelight.soundstage.world import backend

__all__ = ["make", "rebuild", "render", "take"]

Progress = Callable[[int, int, str], None]  # scenes done, scenes in all, the file last finished
SAVE_EVERY = 64  # scenes between two writes of the manifest
SCENES = "*/[0-9]*.npz"


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
    depend on `jobs`. A folder begun with other settings is refused, and so is one rendered by other sources or another
    renderer, unless `mix`; a mix makes anew what the manifest does not name. Raises RequestError, NotFound (a family),
    NotReady (no mitsuba), ImageError (a file), Busy (another process renders there).
    """
    out = Path(out)
    if count < 1 or not 16 <= size <= 4096 or lights < 1 or samples < 1:
        raise RequestError("count, lights and samples must be 1 or more, and the size 16 to 4096 pixels")
    cast = _cast(families, split, register.SUBJECTS if lone else ())
    backend()  # says what is missing, before anything is written
    names = [one.name for one in cast]
    plan = _here(Manifest(seed, size, lights, samples, names, split, "", lone=lone))
    with locked(out, "rendering"):
        earlier = _begun(out, plan, mix)
        entries = {entry.file: entry for entry in earlier.scenes} if earlier else {}
        # A run that was killed left scenes that its manifest does not name yet; they count if what is here made them.
        adopt = earlier is not None and (earlier.code, earlier.renderer) == (plan.code, plan.renderer)
        _prepare(out, names)
        if not adopt:
            _forget(out, entries)
        todo = [entries.get(entry.file, entry) for entry in _asked(cast, count, plan)]
        saved = _written(out, plan, entries)  # scenes of an earlier run that are not asked for now stay in it
        try:
            for done, entry in enumerate(crew.run(partial(_one, out, plan, adopt), todo, jobs), 1):
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

    Returns the files that came out with other bits than the manifest says, which another machine may do; those are not
    kept. Raises RequestError, before anything is made, where other sources or another renderer made what is to be made
    again; NotFound (no manifest, a family that is gone), NotReady, ImageError, Busy (another process renders there).
    """
    Manifest.load(out)  # a folder without one is none of ours: nothing is put there
    backend()
    with locked(out, "rendering"):
        manifest = Manifest.load(out)
        tell, total = progress or (lambda done, total, file: None), len(manifest.scenes)
        lost: list[Entry] = []
        for number, entry in enumerate(manifest.scenes, 1):
            if _kept(out, entry):
                tell(number - len(lost), total, entry.file)
            else:
                lost.append(entry)
        plan = _here(replace(manifest, scenes=[]))
        _check(out, lost, plan)
        _prepare(out, sorted({entry.family for entry in lost}))
        told, other = {entry.file: entry.sha256 for entry in lost}, []
        for done, entry in enumerate(crew.run(partial(_again, out, plan), lost, jobs), total - len(lost) + 1):
            if entry.sha256 != told[entry.file]:
                other.append(entry.file)
            tell(done, total, entry.file)
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


def _here(plan: Manifest) -> Manifest:
    """The same settings with the sources and the renderer that are here."""
    return replace(plan, code=photometric.code() if plan.lone else code_digest(), renderer=renderer())


def _asked(cast: Sequence[register.Family], count: int, plan: Manifest) -> Iterator[Entry]:
    """The scenes of a plan, in turn of every family."""
    for number in range(count):
        one, index = cast[number % len(cast)], number // len(cast)
        own = scene_seed(plan.seed, f"lone {one.name}" if plan.lone else one.name, index)  # other things than in sets
        yield Entry(f"{one.name}/{index:05d}.npz", one.name, one.kind, own)


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
        if not mix and any(out.glob(SCENES)):
            raise RequestError(
                f"{out} holds scenes and no manifest.json that tells what made them: choose another folder, or "
                "make them anew with `onelight soundstage render --mix`"
            ) from None
        return None
    plan.follows(earlier, out)
    others = otherwise(earlier, plan)
    if others and not mix and any(out.glob(SCENES)):
        raise RequestError(
            f"{out} was rendered by {others}: choose another folder, or allow the mix with `onelight soundstage render "
            "--mix` (then its older scenes can be made again by what made them only)"
        )
    return earlier


def _forget(out: Path, entries: Container[str]) -> None:
    """Remove scenes of any family that no manifest names: nobody knows what made them, and a later run would adopt."""
    try:
        for path in (path for name in register.names() for path in (out / name).glob("[0-9]*.npz")):
            if path.relative_to(out).as_posix() not in entries:
                path.unlink()
    except OSError as error:
        raise ImageError(f"the folder {out} cannot be written: {str(error.strerror).lower()}") from error


def _check(out: Path, lost: Sequence[Entry], plan: Manifest) -> None:
    """Raises RequestError for a scene that was made by something else, NotFound for a family that is gone."""
    for entry in lost:
        if others := otherwise(entry, plan):
            raise RequestError(
                f"{out / entry.file} is missing or damaged, and was rendered by {others}: rebuild it with those, or "
                "render into the folder with --mix, which makes what is lost by what is here"
            )
        register.get(entry.family)


def _written(out: Path, plan: Manifest, entries: dict[str, Entry]) -> Manifest:
    """The manifest of what is finished, saved."""
    scenes = sorted(entries.values(), key=lambda entry: entry.file)
    manifest = replace(plan, families=sorted({entry.family for entry in scenes}), scenes=scenes)
    manifest.save(out)
    return manifest


def _kept(out: Path, entry: Entry) -> bool:
    """Whether the scene is there with the bits that its entry tells."""
    path = out / entry.file
    return bool(entry.sha256) and path.is_file() and sha256(path) == entry.sha256


def _one(out: Path, plan: Manifest, adopt: bool, entry: Entry) -> Entry:
    """Keep or make one scene."""
    if _kept(out, entry):
        return entry
    path = out / entry.file
    ours = replace(entry, code=plan.code, renderer=plan.renderer)
    if adopt and not entry.sha256 and whole(path, plan.size, plan.lights):
        return replace(ours, sha256=sha256(path))
    return replace(ours, sha256=_made(plan, entry).save(path))


def _again(out: Path, plan: Manifest, entry: Entry) -> Entry:
    """Make one scene again; it takes its place only with the bits that its entry tells."""
    path = out / entry.file
    part = path.with_name(f".{path.stem}.{os.getpid()}.again.part")
    digest = _made(plan, entry).save(part)
    if digest == entry.sha256:
        part.replace(path)
    else:
        part.unlink()
    return replace(entry, sha256=digest)


def _made(plan: Manifest, entry: Entry) -> Scene:
    made = photometric.lone if plan.lone else make
    try:
        return made(entry.family, entry.seed, size=plan.size, lights=plan.lights, samples=plan.spp)
    except NotReady:  # the next one would not fare better
        raise
    except Exception as error:
        raise FamilyFailed.on(entry.file, entry.family, entry.seed, error) from error
