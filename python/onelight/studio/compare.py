"""Shots of a show through several versions of a tool, side by side: what a lead looks at before approving one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onelight import stages, tools
from onelight.colour import Colour
from onelight.dailies import material, reading
from onelight.dailies.material import Stretch
from onelight.errors import NotFound
from onelight.shows.schema import Clip
from onelight.spec import RESULT, Tool
from onelight.stages import Context, FrameInfo, Session
from onelight.temporal.encode import blocks, middle

COLOUR = "acescg"
GREY = 0.18  # what a plate's middle level is shown as
FULL = 0.5  # stops of difference that are shown as white, or as black
COARSER = 6  # the scale on which a result is held against its plate
DARK = 2.0**-8  # of the middle level: differences in what is darker are differences of noise
CHANGED = 0.01  # stops
Tiles = list[tuple[str, np.ndarray, str]]  # caption, picture [H, W, 3], name of the data pass ("": a linear picture)
Knobs = Callable[[Mapping[str, Any], int], Mapping[str, Any]]  # what an analysis found, the frame -> render knobs


@dataclass(frozen=True)
class Shot:
    """A frame of a clip and those around it that are there, float32 [H, W, 3] scene-linear ACEScg, by offset.

    Pixels are means over `factor` x `factor` of the clip's, as in a proxy.
    """

    title: str
    frames: Mapping[int, np.ndarray]
    frame: int
    factor: int = 1


@dataclass(frozen=True)
class Compared:
    """`lines` are titled tiles for a contact sheet, `rows` the same in numbers: seconds, and stops beside the first."""

    lines: list[tuple[str, Tiles]]
    rows: list[dict[str, Any]]


def shot(clip: Clip, frame: int | None, offsets: Iterable[int], longest: int, title: str = "") -> Shot:
    """A frame of a clip (without one: the middle of its longest shot) and its neighbours in the same shot.

    Slates, bars and burn-ins are left out; the picture is made smaller by a whole factor until neither side is longer
    than `longest`. Raises NotFound where the frame is none of a shot, ImageError where it cannot be read.
    """
    stretch = _stretch(clip, frame)
    at = (stretch.first + stretch.last) // 2 if frame is None else frame
    wanted = sorted(at + offset for offset in offsets if stretch.first <= at + offset <= stretch.last)
    x1, y1, x2, y2 = stretch.box
    factor = max(1, -(-max(x2 - x1, y2 - y1) // longest))
    found = {}
    for number, pixels in enumerate(reading.frames(clip, wanted[0], wanted[-1]), wanted[0]):
        if number in wanted:
            found[number - at] = blocks(np.ascontiguousarray(pixels[y1:y2, x1:x2]), factor)
    return Shot(title or f"{clip.name} {at}", found, at, factor)


def compare(
    tool: Tool,
    shots: Iterable[Shot],
    sessions: Mapping[str, Session],
    knobs: Knobs,
    passes: Sequence[str] = (RESULT.name,),
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Compared:
    """Every shot through every version, each with its own analysis where the tool has one, as a fresh node would.

    The first of `sessions` is what the others are held against. With the result comes a line that shows where they
    differ from it: grey is the same, white `FULL` stops more, black as much less.
    """
    shots, lines, rows = list(shots), [], []
    for index, one in enumerate(shots):
        exposure = np.float32(GREY / middle(one.frames[0]))
        made: dict[str, dict[str, np.ndarray]] = {}
        for number, (label, session) in enumerate(sessions.items()):
            progress("Rendering", index * len(sessions) + number, len(shots) * len(sessions))
            begun = time.monotonic()
            made[label] = _render(tool, one, session, knobs, passes)
            rows.append({"shot": one.title, "version": label, "seconds": round(time.monotonic() - begun, 3)})
            if RESULT.name in passes:
                first = next(iter(made.values()))[RESULT.name]
                rows[-1] |= _difference(made[label][RESULT.name], first, one.frames[0])
        for name in passes:
            data = name if any(each.name == name and each.data for each in tool.passes) else ""
            shown = {label: images[name] * (1 if data else exposure) for label, images in made.items()}
            plate: Tiles = [("plate", one.frames[0] * exposure, "")]
            lines.append((f"{one.title}: {name}", [*plate, *((label, image, data) for label, image in shown.items())]))
            if name == RESULT.name:
                results = {label: images[name] for label, images in made.items()}
                lines.append((f"{one.title}: what differs", _differences(results, one.frames[0])))
    progress("Rendering", len(shots) * len(sessions), len(shots) * len(sessions))
    return Compared(lines, rows)


def _stretch(clip: Clip, frame: int | None) -> Stretch:
    found = material.stretches(clip)
    if frame is None:
        found.sort(key=lambda stretch: stretch.first - stretch.last)
    else:
        found = [stretch for stretch in found if stretch.first <= frame <= stretch.last]
    if not found:
        where = "no shot" if frame is None else f"no shot at frame {frame}"
        raise NotFound(f"The clip '{clip.name}' has {where}: slates, bars and flash frames are none.")
    return found[0]


def _render(tool: Tool, one: Shot, session: Session, knobs: Knobs, passes: Sequence[str]) -> dict[str, np.ndarray]:
    """Passes of one frame, float32 [H, W, 3]; what follows from the images alone is computed once for all."""
    height, width = one.frames[0].shape[:2]
    scale = 1 / one.factor
    info = FrameInfo.of(width, height, time=float(one.frame), scale=(scale, scale), colourspace=COLOUR)
    opaque = np.ones((height, width, 1), np.float32)
    clips = {("Source", offset): np.dstack([pixels, opaque]) for offset, pixels in one.frames.items()}
    context = Context(dict(knobs({}, one.frame)), info, clips, Colour.of(COLOUR), session)
    graph = tools.graph(tool.id)
    if tool.analysed_flag:
        found = graph.analyse([replace(context, clips={("Source", 0): clips["Source", 0]})])
        context = replace(context, knobs=dict(knobs(found, one.frame)))
    kept = stages.run([stage for stage in graph.STAGES if stage.cached], context)
    out = {}
    for name in passes:
        asked, made = replace(context, info=replace(info, output=name)), dict(kept)
        for stage in graph.STAGES:
            if not stage.cached:
                made |= stage.run(asked, made)
        out[name] = made["output"][..., :3].astype(np.float32)
    return out


def _stops(made: np.ndarray, first: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """By how many stops a picture is brighter than another, channel by channel; what is dark counts less. float32."""
    floor = np.float32(middle(plate) * DARK)
    return np.log2((np.maximum(made, 0) + floor) / (np.maximum(first, 0) + floor), dtype=np.float32)


def _shown(stops: np.ndarray, full: float) -> np.ndarray:
    """Stops as grey levels: `full` of them are white, as many less are black."""
    return (stops / np.float32(2 * full) + np.float32(0.5)).astype(np.float32)


def _difference(made: np.ndarray, first: np.ndarray, plate: np.ndarray) -> dict[str, float]:
    apart = np.abs(_stops(made, first, plate)).max(axis=-1)
    share = float((apart > CHANGED).mean())
    return {"stops": float(apart.mean()), "stops_95": float(np.quantile(apart, 0.95)), "changed": share}


def _differences(made: Mapping[str, np.ndarray], plate: np.ndarray) -> Tiles:
    """Under the plate the scale, under the first the plate held against it on a coarser one, under the others these."""
    label, first = next(iter(made.items()))
    ramp = np.broadcast_to(np.linspace(0, 1, plate.shape[1], dtype=np.float32)[:, None], plate.shape)
    tiles: Tiles = [(f"scale: {-FULL:g} to {FULL:+g} stops", ramp, "matte")]
    coarse = _shown(_stops(first, plate, plate), FULL * COARSER)
    tiles.append((f"{label} against the plate, scale x {COARSER}", coarse, "matte"))
    for name, image in list(made.items())[1:]:
        tiles.append((f"{name} against {label}", _shown(_stops(image, first, plate), FULL), "matte"))
    return tiles
