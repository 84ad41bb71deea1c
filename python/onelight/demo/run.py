"""What `onelight demo` does, from top to bottom: Relight's still and clip, pictures, numbers; then Cleanup's."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from onelight import images
from onelight.cli.own_server import own_server
from onelight.client import Client
from onelight.demo import cleanup, footage, measure, picture
from onelight.demo.comp import ROOT, Comp, bundle

STILL_SPACE = "lin_rec709"
STILLS: dict[str, dict[str, dict[str, Any]]] = {  # plate -> preset -> where its light stands
    "city.exr": {"golden_hour": {"key_azimuth": 65.0}, "blue_hour": {}, "moonlight": {"key_azimuth": -70.0}},
    "banana_flower.exr": {"golden_hour": {"key_azimuth": 75.0}, "overcast": {}, "noon": {"key_azimuth": -30.0}},
}
SKY = {"city.exr": "city_sky.exr"}  # mattes to measure against; Relight finds the sky by itself
PASSES = ("ratio", "added", "normals", "depth", "albedo", "shading", "light_map")
CLIP, CLIP_FIRST, CLIP_LOOK = "flower.mp4", 60, "golden_hour"
CLIP_KNOBS = {"key_azimuth": 30.0}
RATE = Fraction(24)
CLASSICAL = "classical1"  # the version without a network, beside the one that is used


@dataclass
class Numbers:
    """The worst of what was measured."""

    rebuilt_steps: float = 0.0
    sky_edge_stops: float = 0.0
    flicker_ratio: float = 0.0


def run(out: Path, frames: int) -> None:
    """Write the demo's pictures into `out` and print its numbers; nothing is rendered again that is still true."""
    out.mkdir(parents=True, exist_ok=True)
    summary = out / "summary.json"
    made_from = _fingerprint(frames)
    known = json.loads(summary.read_text(encoding="utf-8")) if summary.exists() else {}
    if known.get("made_from") == made_from:
        print("\n".join([*known["lines"], f"{out}: nothing changed since this was rendered"]))
        return
    with own_server() as server:
        version, digest = _model(server.address, "relight", {"key_stops": -1.0})
        lines, numbers = [f"Relight {version} ({digest[:12]})"], Numbers()
        rows: list[Any] = []
        for name in STILLS:
            still_rows, still_lines = _still(server.address, name, out / "still", numbers)
            rows, lines = rows + still_rows, lines + still_lines
        clip_rows, clip_lines = _clip(server.address, out, frames, version, numbers)
        version, digest = _model(server.address, "cleanup", {})
        cleanup_lines, cleanup_numbers = cleanup.show(server.address, out, frames, version)
    lines += [*clip_lines, f"Cleanup {version} ({digest[:12]})", *cleanup_lines]
    picture.write_png(out / "contact_sheet.png", picture.sheet(rows + clip_rows))
    found = {"made_from": made_from, "lines": lines, "numbers": asdict(numbers), "cleanup": cleanup_numbers}
    summary.write_text(json.dumps(found, indent=1), encoding="utf-8")
    made = "still/*.exr, clip/*.exr, contact_sheet.png, relight.mov, cleanup/*.exr, cleanup_sheet.png, cleanup.mov"
    print("\n".join([*lines, f"{out}: {made}"]))


def _still(server: str, name: str, folder: Path, numbers: Numbers) -> tuple[list[Any], list[str]]:
    """One plate in each of its looks, the first of them with all its passes."""
    folder.mkdir(exist_ok=True)
    plate = footage.still(name)
    stem = Path(name).stem
    comp = Comp(server, plate.pixels, STILL_SPACE)
    comp.analyse()
    views = [("plate", picture.viewed(plate.pixels, STILL_SPACE))]
    passes: list[tuple[str, np.ndarray]] = []
    lines: list[str] = []
    for look, knobs in STILLS[name].items():
        comp.set(preset=look, **knobs)
        result = comp.render()
        images.write_frame(folder / f"{stem}_{look}.exr", plate, result)
        views.append((look.replace("_", " "), picture.viewed(result, STILL_SPACE)))
        if name in SKY:
            sky = images.read_frame(footage.PLATES / SKY[name], "mask").pixels[..., 3]
            halo = measure.sky_edge(plate.pixels, result, sky)
            numbers.sky_edge_stops = max(numbers.sky_edge_stops, halo)
            lines.append(f"{name}, {look}: gain at the sky's edge off the sky's around it by {halo:.3f} stops")
        if passes:
            continue
        layers = {each: comp.render(output=each) for each in PASSES}
        for each, pixels in layers.items():
            images.write_frame(folder / f"{stem}_{look}_{each}.exr", plate, pixels)
            coloured = each in ("albedo", "shading")
            view = picture.viewed(pixels, STILL_SPACE) if coloured else picture.data_viewed(each, pixels)
            passes.append((f"{look.replace('_', ' ')}: {each.replace('_', ' ')}", view))
        steps = measure.rebuilt(plate.pixels, layers["ratio"], layers["added"], result)
        numbers.rebuilt_steps = max(numbers.rebuilt_steps, steps)
        lines.append(f"{name}: plate x ratio + added = result, off by at most {steps:.2f} half-float steps")
    rows = [(f"{name}, {{1}} x {{0}}, scene-linear".format(*plate.pixels.shape), views), (f"{name}: passes", passes)]
    rows.append((f"{name}: the network beside version {CLASSICAL}", _compared(comp, *next(iter(STILLS[name].items())))))
    comp.close()
    return rows, lines


def _compared(comp: Comp, look: str, knobs: dict[str, Any]) -> list[tuple[str, np.ndarray]]:
    """A look and its normals by the newest version and by the one without a network, each with its own analysis."""
    views = []
    for version, caption in (("", "learnt"), (CLASSICAL, "classical")):
        comp.set(version=version)
        comp.analyse()
        comp.set(preset=look, **knobs)
        views.append((f"{look.replace('_', ' ')}, {caption}", picture.viewed(comp.render(), STILL_SPACE)))
        views.append((f"normals, {caption}", picture.data_viewed("normals", comp.render(output="normals"))))
    return views


def _clip(server: str, out: Path, count: int, version: str, numbers: Numbers) -> tuple[list[Any], list[str]]:
    (out / "clip").mkdir(exist_ok=True)
    plates = footage.clip(CLIP, CLIP_FIRST, count)
    height, width = plates[1].shape[:2]
    comp = Comp(server, plates, "acescg")
    comp.analyse()
    comp.set(preset=CLIP_LOOK, **CLIP_KNOBS)
    order = [int(frame) for frame in np.random.default_rng(2026).permutation(sorted(plates))]
    results: dict[int, np.ndarray] = {}
    taken: dict[str, list[float]] = {"cold": [], "warm": [], "knob": []}
    for frame in order:
        results[frame] = comp.render(frame)
        taken["cold"].append(comp.seconds)
        images.write_frame(out / "clip" / f"{CLIP_LOOK}.{frame:04d}.exr", images.Frame.of(results[frame]))
    for frame in order[-5:]:
        comp.render(frame)
        taken["warm"].append(comp.seconds)
    for number, frame in enumerate(order[-5:]):
        comp.set(key_elevation=10.0 + number)
        comp.render(frame)
        taken["knob"].append(comp.seconds)
    before, after = measure.flicker(plates, results)
    numbers.flicker_ratio = after / before
    said = ", ".join(f"{mode} {median(seconds) * 1000:.0f}" for mode, seconds in taken.items())
    lines = [
        f"milliseconds a frame at {width} x {height} (medians): {said}",
        f"flicker of what stands still: plate {before:.5f} stops RMS, result {after:.5f}, {after / before:.2f} x",
    ]
    knobs = {name: comp.node.value(name) for name in ("key_elevation", "key_stops", "key_kelvin", "fill_ratio", "haze")}
    comp.close()
    words = [f"Relight: {CLIP_LOOK.replace('_', ' ')}", f"shot: {CLIP} {CLIP_FIRST}-{CLIP_FIRST + count - 1}"]
    words += [f"frames 1-{count}, rendered in random order", f"model version: base {version}", ""]
    words += [f"{name}: {value:g}" for name, value in (knobs | CLIP_KNOBS).items()]
    words += ["", f"ACEScg to {picture.MOVIE_DISPLAY}, default view", *lines]
    _movie(out / "relight.mov", plates, results, picture.slate((width, height), words))
    shown = [1, 1 + count // 3, 1 + 2 * count // 3, count]
    return [
        (f"{CLIP}, {width} x {height}, plates", [(f"frame {n}", picture.viewed(plates[n], "acescg")) for n in shown]),
        (words[0], [(f"frame {n}", picture.viewed(results[n], "acescg")) for n in shown]),
    ], lines


def _movie(path: Path, plates: dict[int, np.ndarray], results: dict[int, np.ndarray], slate: np.ndarray) -> None:
    """The slate for a second and a half, then the clip forth and back with a wipe from plate to result."""

    def pictures() -> Any:
        yield from [slate] * 36
        numbers = sorted(plates) + sorted(plates, reverse=True)
        seen: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        for index, frame in enumerate(numbers):
            if frame not in seen:
                seen[frame] = tuple(  # type: ignore[assignment]
                    picture.viewed(pixels, "acescg", picture.MOVIE_DISPLAY)
                    for pixels in (plates[frame], results[frame])
                )
            before, after = seen[frame]
            part = 1.2 - 1.4 * index / (len(numbers) - 1)
            yield picture.wiped(before, after, ("plate", CLIP_LOOK.replace("_", " ")), part)

    picture.write_movie(path, pictures(), RATE)


def _model(server: str, tool: str, knobs: dict[str, Any]) -> tuple[str, str]:
    """Version and digest of the tool's model that answers, from a frame of grey and knobs that are not neutral."""
    grey = np.full((32, 32, 4), 0.18, np.float16)
    said = Client(server).render(tool, {"Source": grey}, knobs).parameters
    return str(said["version"]), str(said["digest"])


def _fingerprint(frames: int) -> str:
    """Everything the pictures depend on: plug-in, plates, the tools, this demo."""
    found = hashlib.sha256(str(frames).encode())
    package = ROOT / "python" / "onelight"
    folders = (package / "tools" / "relight", package / "tools" / "cleanup", package / "temporal")
    made = [path for folder in folders for kind in ("py", "json", "onnx") for path in folder.rglob(f"*.{kind}")]
    files = [*bundle().rglob("*.ofx"), *made, *footage.PLATES.glob("*.[em][xp]*")]
    files += [
        *Path(__file__).parent.glob("*.py"),
        *(package / name for name in ("imaging.py", "colour.py")),
    ]
    for file in sorted(files):
        found.update(file.name.encode() + file.read_bytes())
    return found.hexdigest()
