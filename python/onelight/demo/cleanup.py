"""Cleanup's part of the demo: a wire swinging over a real clip and several on a still, taken out by the plug-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from onelight import images
from onelight.demo import footage, measure, picture
from onelight.demo.comp import Comp
from onelight.tools.cleanup import wires
from onelight.tools.cleanup.wires import Look, Wire

CLIP, CLIP_FIRST, STILL, STILL_SPACE = "flower.mp4", 60, "city.exr", "lin_rec709"
RATE = Fraction(24)
SLATE = 36  # frames
SHOWN = ("matte", "source", "confidence", "patch")


def show(server: str, out: Path, count: int, version: str) -> tuple[list[str], dict[str, float]]:
    """Writes out/cleanup/*.exr, cleanup_sheet.png and cleanup.mov; returns what to print, and the numbers in it."""
    folder = out / "cleanup"
    folder.mkdir(exist_ok=True)
    still_rows, still_lines = _still(server, folder)
    clip_rows, clip_lines, numbers = _clip(server, out, folder, count, version)
    picture.write_png(out / "cleanup_sheet.png", picture.sheet(clip_rows + still_rows))
    return [*clip_lines, *still_lines], numbers


def hanging(start: tuple[float, float], end: tuple[float, float], sag: float) -> np.ndarray:
    """Points [N, 2] every half pixel along a parabola between two points, `sag` pixels deep in its middle."""
    count = int(2 * np.hypot(end[0] - start[0], end[1] - start[1]))
    along = np.linspace(0, 1, count)[:, None]
    return np.array(start) * (1 - along) + np.array(end) * along + 4 * along * (1 - along) * np.array([0, sag])


def painted(grey: float, streak: float = 0.0) -> Look:
    """A round wire lit from one side; radiances over the plate's mean, no least contrast."""
    colour = np.full(3, grey, np.float32)
    return Look(colour, 0.4, 0.5, streak, -0.3, glints=0.0, twist=0.0, contrast=0.0)


def swinging() -> Wire:
    """What holds up the clip's flower: a steel line from top to bottom, swinging, with an open shutter."""
    rest = hanging((520, -12), (400, 552), 0)
    return Wire(rest, 5.0, 0.0, painted(0.9, 2.0), defocus=0.5, swing=(70, 0), period=36, shutter=0.3)


def strung() -> list[Wire]:
    """What is strung over the still, from 2 to 10 pixels."""
    return [
        Wire(hanging((-5, 60), (775, 90), 45), 2.0, 0.0, painted(0.15)),
        Wire(hanging((-5, 150), (775, 20), 30), 3.5, 0.0, painted(0.1)),
        Wire(hanging((610, -5), (640, 440), 0), 6.0, 0.0, painted(0.25, 1.0), defocus=0.8),
        Wire(hanging((120, 437), (330, -5), 0), 10.0, 0.0, painted(2.0), defocus=1.0),
    ]


def _still(server: str, folder: Path) -> tuple[list[Any], list[str]]:
    """Several wires on one frame: nothing shows what they hide, so it is interpolated or made."""
    frame = footage.still(STILL)
    truth = frame.pixels.astype(np.float32)
    plate = truth.copy()
    plate[..., :3] = wires.paste(truth[..., :3], strung()).picture
    comp = Comp(server, plate.astype(np.float16), STILL_SPACE, "cleanup")
    passes = {name: comp.render(output=name) for name in SHOWN}
    result = comp.render()
    comp.close()
    for name, pixels in (passes | {"result": result}).items():
        images.write_frame(folder / f"{Path(STILL).stem}_{name}.exr", frame, pixels)
    views = [*_views(plate, passes, result, STILL_SPACE), ("without wires", picture.viewed(truth, STILL_SPACE))]
    said = _recovered({1: plate}, {1: result}, {1: truth}, {1: passes["matte"]})
    return [(f"{STILL}: a still, {len(strung())} wires", views)], [f"Cleanup, {STILL}, {len(strung())} wires: {said}"]


def _clip(
    server: str, out: Path, folder: Path, count: int, version: str
) -> tuple[list[Any], list[str], dict[str, float]]:
    """The wire swings, so neighbours show what it hides. Frames are asked for in random order."""
    truths = footage.clip(CLIP, CLIP_FIRST, count)
    plates = {}
    for number, frame in truths.items():
        plates[number] = frame.copy()
        plates[number][..., :3] = wires.paste(frame[..., :3].astype(np.float32), [swinging()], number).picture
    height, width = plates[1].shape[:2]
    comp = Comp(server, plates, "acescg", "cleanup")
    order = [int(number) for number in np.random.default_rng(2026).permutation(sorted(plates))]
    results: dict[int, np.ndarray] = {}
    seconds: dict[str, list[float]] = {"cold": [], "warm": []}
    for number in order:
        results[number] = comp.render(number)
        seconds["cold"].append(comp.seconds)
        images.write_frame(folder / f"{Path(CLIP).stem}.{number:04d}.exr", images.Frame.of(results[number]))
    passes: dict[int, dict[str, np.ndarray]] = {}
    for number in sorted(plates):
        comp.render(number)
        seconds["warm"].append(comp.seconds)
        passes[number] = {name: comp.render(number, output=name) for name in ("matte", "source")}
    comp.close()
    mattes = {number: each["matte"] for number, each in passes.items()}
    outside = sum(int((results[n] != plates[n]).any(axis=-1)[mattes[n][..., 0] <= 0].sum()) for n in plates)
    before, after = measure.flicker(truths, results)
    numbers = {"outside_changed": float(outside), "flicker_ratio": after / before}
    said = ", ".join(f"{mode} {median(taken) * 1000:.0f}" for mode, taken in seconds.items() if taken)
    lines = [
        f"Cleanup, {CLIP}: milliseconds a frame at {width} x {height}, range 4 (medians): {said}",
        f"Cleanup, {CLIP}: {_recovered(plates, results, truths, mattes)}",
        f"Cleanup, {CLIP}: {outside} pixels outside the matte differ from the plate",
        f"Cleanup, {CLIP}: flicker of what stands still: without wires {before:.5f} stops RMS, result {after:.5f}",
    ]
    words = ["Cleanup", f"shot: {CLIP} {CLIP_FIRST}-{CLIP_FIRST + count - 1}, a wire pasted on it"]
    words += [
        f"frames 1-{count}, rendered in random order",
        f"model version: base {version}",
        "default knobs",
        "",
        *lines,
    ]
    _movie(out / "cleanup.mov", plates, passes, results, picture.slate((width, height), words))
    rows = []
    for number in (1, 1 + count // 2, count):
        views = _views(plates[number], passes[number], results[number], "acescg")
        rows.append((f"{CLIP}, {width} x {height}, frame {number}", views))
    return rows, lines, numbers


def _views(
    plate: np.ndarray, passes: Mapping[str, np.ndarray], result: np.ndarray, space: str
) -> list[tuple[str, np.ndarray]]:
    """Before, the passes, after."""
    views = [("before", picture.viewed(plate, space))]
    for name, pixels in passes.items():
        view = picture.viewed(pixels, space) if name == "patch" else picture.data_viewed(name, pixels)
        views.append((name.replace("source", "source map"), view))
    return [*views, ("after", picture.viewed(result, space))]


def _recovered(
    plates: Mapping[int, np.ndarray],
    results: Mapping[int, np.ndarray],
    truths: Mapping[int, np.ndarray],
    mattes: Mapping[int, np.ndarray],
) -> str:
    """How far what the wires hid is from the frames without them, before and after; and how much of them is left."""
    errors, hidden, left = np.zeros(2), 0, 0
    for number, truth in truths.items():
        clean = truth[..., :3].astype(np.float32)
        wire = (
            np.abs(plates[number][..., :3].astype(np.float32) - clean).max(axis=-1) > 0.02 * clean.max(axis=-1) + 1e-3
        )
        pictures = (plates[number], results[number])
        errors += [float(((each[..., :3].astype(np.float64) - clean)[wire] ** 2).sum()) for each in pictures]
        hidden += int(wire.sum())
        left += int((wire & (mattes[number][..., 0] < 0.5)).sum())
    white = max(float(np.quantile(truth[..., :3].astype(np.float32), 0.995)) for truth in truths.values())
    before, after = (10 * np.log10(white**2 * 3 * hidden / max(error, 1e-12)) for error in errors)
    missed = 100 * left / hidden
    return f"what was hidden, before {before:.1f} dB, after {after:.1f} dB; {missed:.1f} % of it not in the matte"


def _movie(
    path: Path,
    plates: Mapping[int, np.ndarray],
    passes: Mapping[int, Mapping[str, np.ndarray]],
    results: Mapping[int, np.ndarray],
    slate: np.ndarray,
) -> None:
    """The slate, the clip with before, matte, source map and after side by side, and back with a wipe to the result."""
    display = picture.MOVIE_DISPLAY

    def pictures() -> Iterator[np.ndarray]:
        yield from [slate] * SLATE
        numbers = sorted(plates)
        for number in numbers:
            yield _four(
                {
                    "before": picture.viewed(plates[number], "acescg", display),
                    "matte": picture.data_viewed("matte", passes[number]["matte"]),
                    "source map": picture.data_viewed("source", passes[number]["source"]),
                    "after": picture.viewed(results[number], "acescg", display),
                }
            )
        for index, number in enumerate(reversed(numbers)):
            before, after = (picture.viewed(each[number], "acescg", display) for each in (plates, results))
            part = 1.2 - 1.4 * index / max(len(numbers) - 1, 1)
            yield picture.wiped(before, after, ("before", "after"), part)

    picture.write_movie(path, pictures(), RATE)


def _four(views: Mapping[str, np.ndarray]) -> np.ndarray:
    """Four labelled pictures in one, each at half its size."""
    tiles = []
    for label, view in views.items():
        small = cv2.resize(view, (view.shape[1] // 2, view.shape[0] // 2), interpolation=cv2.INTER_AREA)
        cv2.putText(small, label, (10, small.shape[0] - 12), picture.FONT, 0.5, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(small, label, (10, small.shape[0] - 12), picture.FONT, 0.5, picture.WHITE, 1, cv2.LINE_AA)
        tiles.append(small)
    return np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])])
