"""A contact sheet of rendered scenes: some of each family, lit twice, with their passes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from onelight.errors import ImageError, NotFound
from onelight.soundstage.manifest import Entry, Manifest
from onelight.soundstage.mesh import Floats
from onelight.soundstage.scenes import Scene

TILE = 144  # pixels
CAPTION = 18
ACROSS = 2  # scenes side by side
GROUND, INK = 24, 205  # grey levels, 8 bit


def lit(scene: Scene) -> Floats:
    """Under a key that stands to the side and a weak sky, exposed for its brighter parts."""
    return _exposed(scene.keys[_sideways(scene)[0]] + scene.ambient * 0.3, scene)


def other_light(scene: Scene) -> Floats:
    """Under the key that stands furthest from that one, alone."""
    return _exposed(scene.keys[_sideways(scene)[1]], scene)


def normals(scene: Scene) -> Floats:
    """As they are commonly drawn; they are no light, so the curve of the screen is taken back."""
    return (((scene.normals + 1) / 2) ** 2.4).astype(np.float32)


def depth(scene: Scene) -> Floats:
    """Near is bright; black is nothing."""
    there = scene.depth > 0
    if not there.any():
        return np.zeros_like(scene.albedo)
    near, far = np.percentile(scene.depth[there], (1, 99))
    share = (1 / np.maximum(scene.depth, 1e-6) - 1 / far) / max(1 / near - 1 / far, 1e-6)
    grey = np.where(there, 0.02 + np.clip(share, 0, 1) * 0.98, 0).astype(np.float32)
    return np.repeat(grey[..., None], 3, 2)


COLUMNS: tuple[tuple[str, Callable[[Scene], Floats]], ...] = (
    ("key + sky", lit),
    ("another key", other_light),
    ("normals", normals),
    ("depth", depth),
    ("albedo", lambda scene: scene.albedo),
)


def write(folder: Path, path: Path | None = None, each: int = 2) -> Path:
    """Write the sheet of a folder of renders, `each` scenes of every family; returns where it is.

    Raises NotFound where there is no manifest or no scene, ImageError where the picture cannot be written.
    """
    path = path or folder / "sheet.png"
    picked = _picked(Manifest.load(folder).scenes, each)
    if not picked:
        raise NotFound(f"{folder} has no finished scene yet")
    strips = [_strip(Scene.load(folder / entry.file), entry) for entry in picked]
    strips += [np.full_like(strips[0], GROUND)] * (-len(strips) % ACROSS)
    rows = [np.concatenate(strips[start : start + ACROSS], 1) for start in range(0, len(strips), ACROSS)]
    sheet = np.concatenate([np.concatenate([_head()] * ACROSS, 1), *rows], 0)
    part = path.with_name(f".{path.stem}.part{path.suffix or '.png'}")
    try:
        done = cv2.imwrite(str(part), sheet[..., ::-1])
    except cv2.error:
        done = False
    if not done:
        part.unlink(missing_ok=True)
        raise ImageError(f"{path} cannot be written as a picture: is the folder there, and the ending .png or .jpg?")
    part.replace(path)
    return path


def _picked(entries: list[Entry], each: int) -> list[Entry]:
    """The first scenes of every family, families of a kind together."""
    by_family: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        by_family[entry.kind, entry.family].append(entry)
    return [entry for _, scenes in sorted(by_family.items()) for entry in scenes[:each]]


def _exposed(light: Floats, scene: Scene) -> Floats:
    """The light with the 97th percentile of what is not sky at 0.8, raised by three stops at most."""
    seen = light.mean(-1)[(scene.sky < 0.5) & (scene.depth > 0)]
    bright = float(np.percentile(seen, 97)) if seen.size else 1.0
    return light * np.float32(min(0.8 / max(bright, 1e-6), 8.0))


def _sideways(scene: Scene) -> tuple[int, int]:
    """A key about 45 degrees off the camera's axis, and the one furthest away from it."""
    first = int(np.argmin(np.abs(scene.lights[:, 2] - 0.7)))
    return first, int(np.argmin(scene.lights @ scene.lights[first]))


def _strip(scene: Scene, entry: Entry) -> np.ndarray:
    """One scene as a row of tiles over its caption, 8 bit."""
    tiles = []
    for _, shown in COLUMNS:
        picture = np.clip(shown(scene), 0, 1) ** (1 / 2.4)
        small = cv2.resize(picture.astype(np.float32), (TILE - 2, TILE - 2), interpolation=cv2.INTER_AREA)
        tile = np.full((TILE, TILE, 3), GROUND, np.uint8)
        tile[1:-1, 1:-1] = np.round(small * 255)
        tiles.append(tile)
    strip = np.concatenate(tiles, 1)
    return np.concatenate([_text(strip.shape[1], {4: f"{entry.kind}: {entry.file.removesuffix('.npz')}"}), strip], 0)


def _head() -> np.ndarray:
    return _text(TILE * len(COLUMNS), {index * TILE + 4: name for index, (name, _) in enumerate(COLUMNS)})


def _text(width: int, words: dict[int, str]) -> np.ndarray:
    line = np.full((CAPTION, width, 3), GROUND, np.uint8)
    for left, word in words.items():
        cv2.putText(line, word, (left, CAPTION - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (INK,) * 3, 1, cv2.LINE_AA)
    return line
