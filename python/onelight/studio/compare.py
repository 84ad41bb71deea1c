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
    differ from it: grey is the same, white half a stop more, black half a stop less.
    """
    shots, lines, rows = list(shots), [], []
    for index, one in enumerate(shots):
        exposure = np.float32(GREY / middle(one.frames[0]))
        for name in passes:
            made: dict[str, np.ndarray] = {}
            for number, (label, session) in enumerate(sessions.items()):
                progress("Rendering", index * len(sessions) + number, len(shots) * len(sessions))
                begun = time.monotonic()
                made[label] = _render(tool, one, session, knobs, name)
                first = next(iter(made.values()))
                seconds = round(time.monotonic() - begun, 3)
                rows.append({"shot": one.title, "output": name, "version": label, "seconds": seconds})
                if name == RESULT.name:
                    rows[-1] |= _difference(made[label], first, one.frames[0])
            data = name if any(each.name == name and each.data for each in tool.passes) else ""
            shown = {label: picture if data else picture * exposure for label, picture in made.items()}
            tiles: Tiles = [("plate", one.frames[0] * exposure, "")]
            lines.append((f"{one.title}: {name}", [*tiles, *((label, image, data) for label, image in shown.items())]))
            if name == RESULT.name:
                lines.append((f"{one.title}: what differs", _differences(made, one.frames[0])))
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


def _render(tool: Tool, one: Shot, session: Session, knobs: Knobs, output: str) -> np.ndarray:
    """One pass of one frame, float32 [H, W, 3]."""
    height, width = one.frames[0].shape[:2]
    scale = 1 / one.factor
    info = FrameInfo.of(width, height, time=float(one.frame), scale=(scale, scale), colourspace=COLOUR, output=output)
    opaque = np.ones((height, width, 1), np.float32)
    clips = {("Source", offset): np.dstack([pixels, opaque]) for offset, pixels in one.frames.items()}
    context = Context(dict(knobs({}, one.frame)), info, clips, Colour.of(COLOUR), session)
    graph = tools.graph(tool.id)
    if tool.analysed_flag:
        found = graph.analyse([replace(context, clips={("Source", 0): clips["Source", 0]})])
        context = replace(context, knobs=dict(knobs(found, one.frame)))
    return stages.run(graph.STAGES, context)["output"][..., :3].astype(np.float32)


def _stops(made: np.ndarray, first: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """By how many stops a picture is brighter than another, channel by channel; what is dark counts less."""
    floor = np.float32(middle(plate) * DARK)
    return np.log2((np.maximum(made, 0) + floor) / (np.maximum(first, 0) + floor))


def _difference(made: np.ndarray, first: np.ndarray, plate: np.ndarray) -> dict[str, float]:
    apart = np.abs(_stops(made, first, plate)).max(axis=-1)
    share = float((apart > CHANGED).mean())
    return {"stops": float(apart.mean()), "stops_95": float(np.quantile(apart, 0.95)), "changed": share}


def _differences(made: Mapping[str, np.ndarray], plate: np.ndarray) -> Tiles:
    label, first = next(iter(made.items()))
    others = {f"{label} against the plate": (first, plate)}
    others |= {f"{name} against {label}": (image, first) for name, image in list(made.items())[1:]}
    return [(name, _stops(*pair, plate) / (2 * FULL) + 0.5, "matte") for name, pair in others.items()]
