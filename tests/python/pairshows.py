"""A small show whose shots have wires, and what artists made of them: real EXRs, cut from the example's footage."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from dailiesclips import sequence
from onelight.colour import Colour
from onelight.dailies.ingest import ingest
from onelight.shows.store import Show
from onelight.tools.cleanup.wires import Wire, paste
from studioshows import PLATES, RIGHTS, WINDOWS

FRAMES, WIDTH, HEIGHT = 6, 400, 300
COMP_RIGHTS = '[rights]\nowner = "the comp house"\nbasis = "work for hire"\npurposes = ["training"]\n'


def ground(name: str) -> list[np.ndarray]:
    """Frames of a shot without wires, scene-linear ACEScg as half floats hold it."""
    first, (x, y) = WINDOWS[name]
    reader = cv2.VideoCapture(str(PLATES / "flower.mp4"))
    reader.set(cv2.CAP_PROP_POS_FRAMES, first)
    out = []
    for _ in range(FRAMES):
        read, frame = reader.read()
        assert read
        part = np.ascontiguousarray(frame[y : y + HEIGHT, x : x + WIDTH, ::-1], np.float32) / 255
        out.append(np.maximum(Colour.of("rec1886").to_working(part), 0).astype(np.float16).astype(np.float32))
    return out


def wired(name: str, frames: list[np.ndarray]) -> list[np.ndarray]:
    """The same frames with a wire."""
    random = np.random.default_rng(len(name))
    wire = Wire.draw(random, (HEIGHT, WIDTH), width=5.0, contrast=0.4)
    return [paste(picture, [wire], float(time)).picture for time, picture in enumerate(frames)]


def show_with_wires(root: Path) -> Show:
    """A show of three clips that may be learnt from, in root/plates; root/comps has them without their wires."""
    for name in WINDOWS:
        frames = ground(name)
        sequence(root / "plates" / name, wired(name, frames), name)
        sequence(root / "comps" / name, frames, f"{name}_comp")
    (root / "rights.toml").write_text(RIGHTS)
    show = Show.create("apollo", root / "shows")
    report = ingest(show, [root / "plates"], root / "rights.toml", space="acescg")
    assert [outcome.state for outcome in report.outcomes] == ["new"] * 3, report
    return show


def pairs_file(path: Path, *pairs: dict[str, str], rights: str = COMP_RIGHTS) -> Path:
    """A pairs file of these tables."""
    tables = ["[[pairs]]\n" + "".join(f'{key} = "{value}"\n' for key, value in pair.items()) for pair in pairs]
    path.write_text("\n".join([rights, *tables]))
    return path


def pair(root: Path, name: str, **more: str) -> dict[str, str]:
    """The pair of a clip of `show_with_wires`; `more` takes the place of what it says."""
    told = {"tool": "cleanup", "before": f"{root}/plates/{name}/{name}.####.exr"}
    return told | {"after": f"{root}/comps/{name}/{name}_comp.####.exr"} | more
