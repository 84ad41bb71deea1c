"""What a frame costs in each tool, through the client and a server process of the benchmark's own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from onelight import images, spec
from onelight.cli.knobs import Knobs, gather
from onelight.cli.own_server import OwnServer, own_server
from onelight.client import Client
from onelight.errors import NotFound
from onelight.stages import FrameInfo
from onelight.tools import discover

SIZES = ((1920, 1080), (3840, 2160))
REACHES = (0, 2, 4, 8)  # ranges of tools that look at neighbours
WARM_UP = 2  # frames of a sequence before those that are timed
PLATE = Path(__file__).resolve().parents[3] / "examples" / "plates" / "city.exr"


def run(tools: list[str], plate: Path | None, rounds: int, quiet: bool) -> list[dict[str, Any]]:
    """Rows of {tool, width, height, mode, seconds, server_peak_mb}; seconds are medians over `rounds` frames.

    Frames are the plate scaled up, in half, each with a gain of its own so that it was never seen. What a shot's
    analysis would have written is written first, as for a render; a preset (or, without presets, every neutral knob
    moved off neutral) makes the tool work. A tool that looks at neighbours is shown a shot (`workload.Shot` of its
    folder) in sequence instead, so that what was found on a frame is there when the next one needs it; the mode says
    its range, and on how many neighbours a frame draws.
    """
    found = discover()
    for name in tools:
        if name not in found:
            raise NotFound(f"there is no tool '{name}': there are {', '.join(found)}")
    chosen = [found[name] for name in tools] or [tool for tool in found.values() if tool.shipped]
    pixels = images.read_frame(plate or PLATE).pixels.astype(np.float32)
    rows = []
    for tool in chosen:
        for width, height in SIZES:
            with own_server() as server:  # a fresh one: its peak is this size's own
                measure = _in_sequence if _reaching(tool) else _measure
                for mode, seconds in measure(tool, server, pixels, width, height, rounds):
                    row = {
                        "tool": tool.id,
                        "width": width,
                        "height": height,
                        "mode": mode,
                        "seconds": round(seconds, 4),
                    }
                    rows.append(row | {"server_peak_mb": round(server.peak_mb(), 1)})
                    if not quiet:
                        print(f"{tool.id} {width}x{height} {mode}: {seconds:.3f} s", file=sys.stderr)
    return rows


def _measure(
    tool: spec.Tool, server: OwnServer, pixels: np.ndarray, width: int, height: int, rounds: int
) -> Iterator[tuple[str, float]]:
    scaled = np.maximum(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC), 0)
    client = Client(server.address)
    settings = _at_work(tool).of_request(1)
    moved = _to_move(tool)
    info = FrameInfo.of(width, height)

    def frame(number: int) -> np.ndarray:
        return (scaled * (1 + number / 64)).astype(np.float16)

    def timed(plate: np.ndarray, knobs: dict[str, Any]) -> float:
        start = time.perf_counter()
        client.render(tool.id, {"Source": plate}, knobs, info)
        return time.perf_counter() - start

    if tool.analysed_flag:
        fitted = client.analyse(tool.id, {"Source": {0: frame(0)}}, settings, info)
        settings |= {name: fitted[name] for name in settings if name in fitted}
    timed(frame(0), settings)  # loads the model, fills the client's pool
    server.forget_peak()
    taken: dict[str, list[float]] = {"cold": [], "warm": [], "knob": []}
    for number in range(1, rounds + 1):
        plate = frame(number)
        taken["cold"].append(timed(plate, settings))
        taken["warm"].append(timed(plate, settings))
        taken["knob"].append(timed(plate, settings | {moved.name: _moved(settings[moved.name], moved, number)}))
    for mode, seconds in taken.items():
        yield mode, median(seconds)


def _in_sequence(
    tool: spec.Tool, server: OwnServer, pixels: np.ndarray, width: int, height: int, rounds: int
) -> Iterator[tuple[str, float]]:
    """Frames of a shot one after the other, at several ranges; and one knob moved on the last of them."""
    around = _reaching(tool)
    assert around is not None
    client, info, moved = Client(server.address), FrameInfo.of(width, height), _to_move(tool)
    frame, first = _shot(tool, pixels, width, height), 0

    def timed(number: int, knobs: dict[str, Any]) -> float:
        near = around.offsets(knobs)
        clips = {"Source": {offset: frame(number + offset) for offset in near}}
        start = time.perf_counter()
        client.render(tool.id, clips, knobs, replace(info, time=float(number)))
        return time.perf_counter() - start

    base = _at_work(tool).of_request(1)
    for reach in REACHES:
        knobs = base | {around.param: reach}
        neighbours = len(around.offsets(knobs)) - 1
        for number in range(first, first + WARM_UP):
            timed(number, knobs)
        server.forget_peak()
        taken = [timed(first + WARM_UP + number, knobs) for number in range(rounds)]
        yield f"in sequence, range {reach}, {neighbours} neighbours", median(taken)
        last = first + WARM_UP + rounds - 1
        first = last + 1
        if reach == base[around.param]:
            changed = [_moved(base[moved.name], moved, number) for number in range(1, rounds + 1)]
            taken = [timed(last, knobs | {moved.name: value}) for value in changed]
            yield f"knob, range {reach}", median(taken)


def _reaching(tool: spec.Tool) -> spec.Around | None:
    """Which neighbours of the plate a tool looks at."""
    return next(clip.frames for clip in tool.clips if clip.name == spec.SOURCE.name)


def _shot(tool: spec.Tool, pixels: np.ndarray, width: int, height: int) -> Callable[[int], np.ndarray]:
    """Frames by number of a shot in which the tool has something to do; the plate with another gain each, without."""
    scaled = np.maximum(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC), 0)
    name = f"onelight.tools.{tool.id}.workload"
    if find_spec(name) is None:
        return lambda number: (scaled * (1 + number / 64)).astype(np.float16)
    return lru_cache(2 * max(REACHES) + 2)(import_module(name).Shot(scaled, width, height).frame)


def _at_work(tool: spec.Tool) -> Knobs:
    """Knobs at which the tool has something to do."""
    if not tool.starts_neutral:
        return gather(tool, [], "")
    if tool.presets and len(tool.presets.entries) > 1:
        return gather(tool, [], tool.presets.entries[1].name)
    return gather(tool, [f"{knob.name}={_moved(knob.neutral, knob, 1)}" for knob in _movable(tool)])


def _movable(tool: spec.Tool) -> list[spec.Float]:
    return [knob for knob in tool.render_knobs() if isinstance(knob, spec.Float) and knob.neutral is not None]


def _to_move(tool: spec.Tool) -> spec.Float:
    return _movable(tool)[0]


def _moved(value: Any, knob: spec.Float, number: int) -> float:
    """The value a small step further along the slider."""
    base = knob.default if isinstance(value, spec.SameAs) else float(value)
    step = (knob.soft[1] - knob.soft[0]) / 50 * number
    return base + step if base + step <= knob.hard[1] else base - step
