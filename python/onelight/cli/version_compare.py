"""`onelight version compare`: which shots, which knobs, and the contact sheet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from sqlalchemy import select

from onelight.cli.evaluate import progress_bars
from onelight.cli.knobs import Knobs, Track, check, gather, neutral
from onelight.dailies import material
from onelight.demo import picture
from onelight.errors import ImageError, NotFound, RequestError
from onelight.registry import BASE, Registry, Version
from onelight.runtime import Session, preference
from onelight.shows import versions
from onelight.shows.keeper import Keeper
from onelight.shows.schema import Clip
from onelight.shows.store import Show
from onelight.spec import Tool
from onelight.studio import compare
from onelight.tools import discover

TILE = 400  # pixels
MOST_SHOTS = 4  # where none is named
PURPOSE = "evaluation"


def run(
    show: Show,
    tool: str,
    names: Sequence[str],
    path: Path,
    shots: Sequence[str],
    assignments: Sequence[str],
    preset: str,
    passes: Sequence[str],
    size: int,
) -> list[dict[str, Any]]:
    """Writes the sheet; the numbers behind it."""
    if path.suffix.lower() != ".png":
        raise ImageError(f"{path} is not named as a PNG: give a name that ends in .png.")
    registry = Registry(discover(), [show.folder.parent], Keeper())
    spec = registry.tools[tool]
    if unknown := [name for name in passes if name not in {each.name for each in spec.passes}]:
        known = ", ".join(each.name for each in spec.passes)
        raise RequestError(f"{spec.label} has no pass '{unknown[0]}': there are {known}.")
    found = {f"base {base.name}": base for base in [_base(show, registry, tool, names[0])]}
    found |= {f"{name} ({version.state})": version for name in names
              for version in [registry.find(show.name, tool, name)]}  # fmt: skip
    knobs = _knobs(spec, assignments, preset)
    reach = spec.clips[0].frames
    offsets = reach.offsets(knobs.at(0)) if reach else (0,)
    learnt = {clip.digest for name in names for clip in versions.get(show, tool, name).clips}
    chosen = [
        compare.shot(clip, frame, offsets, size, _title(clip, frame, learnt))
        for clip, frame in _clips(show, shots, learnt)
    ]
    threads, providers = os.cpu_count() or 1, preference()
    sessions = {label: Session(version, threads, providers) for label, version in found.items()}

    def at(analysed: Mapping[str, Any], frame: int) -> Mapping[str, Any]:
        tracks = {name: Track(((0.0, check(spec, name, value)),)) for name, value in analysed.items()}
        return Knobs(spec, {**tracks, **knobs.tracks}).of_request(frame)

    with progress_bars() as progress:
        compared = compare.compare(spec, chosen, sessions, at, passes, progress)
    lines = [
        (title, [(caption, _viewed(image, data)) for caption, image, data in tiles]) for title, tiles in compared.lines
    ]
    picture.write_png(path, picture.sheet(lines, width=TILE, columns=max(len(tiles) for _, tiles in lines)))
    return compared.rows


def table(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """The numbers, for the terminal."""
    out = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("Shot", "Version", "Seconds", "Pixels that differ from the base", "by stops, mean", "95 %"):
        out.add_column(name, justify="left" if name in ("Shot", "Version") else "right")
    for row in rows:
        if "stops" in row:
            numbers = (
                f"{row['seconds']:.1f}",
                f"{row['changed']:.0%}",
                f"{row['stops']:.3f}",
                f"{row['stops_95']:.3f}",
            )
            out.add_row(Text(row["shot"]), Text(row["version"]), *numbers)
    return out


def _base(show: Show, registry: Registry, tool: str, name: str) -> Version:
    """What the first of the versions began with, where that is a built-in one; else the newest of those."""
    told = versions.verify(show, tool, name).manifest["base"]
    wanted = told["version"] if told and told["show"] == BASE else ""
    return registry.find(BASE, tool, wanted if wanted in registry.names(BASE, tool) else "")


def _knobs(tool: Tool, assignments: Sequence[str], preset: str) -> Knobs:
    """As set; a tool that would leave the plate as it is starts from its first preset that does not."""
    knobs = gather(tool, assignments, preset)
    for entry in tool.presets.entries if tool.presets and not (assignments or preset) else ():
        if not neutral(tool, knobs.at(0)):
            break
        knobs = gather(tool, assignments, entry.name)
    return knobs


def _clips(show: Show, shots: Sequence[str], learnt: set[str]) -> list[tuple[Clip, int | None]]:
    with show.session() as session:
        clips = list(session.scalars(select(Clip).where(Clip.withdrawn.is_(None)).order_by(Clip.name)))
    if shots:
        chosen = [_clip(clips, shot) for shot in shots]
        for clip, _ in chosen:
            if why := material.refusal(clip, PURPOSE):
                raise RequestError(f"The clip {clip.name} may not be looked at through models: {why}.")
        return chosen
    # What the versions never saw says most; one of each set-up says more than four of one.
    clips = sorted(
        (clip for clip in clips if not material.refusal(clip, PURPOSE)),
        key=lambda clip: (clip.digest in learnt, clip.name),
    )
    by_setup = {clip.setup_id or -clip.id: clip for clip in reversed(clips)}
    if not by_setup:
        raise NotFound(f"The show '{show.name}' has no clips that may be looked at: 'onelight dailies list' says why.")
    return [(clip, None) for clip in sorted(by_setup.values(), key=clips.index)[:MOST_SHOTS]]


def _clip(clips: Sequence[Clip], text: str) -> tuple[Clip, int | None]:
    name, _, frame = text.rpartition(":")
    whole = [clip for clip in clips if clip.name == text or (len(text) >= 8 and clip.digest.startswith(text))]
    if not whole and frame.isdigit():
        whole = [clip for clip in clips if clip.name == name or (len(name) >= 8 and clip.digest.startswith(name))]
        if len(whole) == 1:
            return whole[0], int(frame)
    if not whole:
        raise NotFound(f"There is no clip {text!r} in the dailies: 'onelight dailies list' names them.")
    if len(whole) > 1:
        raise RequestError(f"{len(whole)} clips are called {text!r}: give the beginning of the digest instead.")
    return whole[0], None


def _title(clip: Clip, frame: int | None, learnt: set[str]) -> str:
    seen = "learnt from" if clip.digest in learnt else "not learnt from"
    return f"{clip.name}{'' if frame is None else f' {frame}'} ({seen})"


def _viewed(image: Any, data: str) -> Any:
    return picture.data_viewed(data, image) if data else picture.viewed(image, compare.COLOUR)
