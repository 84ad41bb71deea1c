"""A small show on real footage for tests of training: clips cut from the example, ingested by its own catalogue."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from onelight.dailies.ingest import ingest
from onelight.shows.store import Show
from onelight.studio.plan import Ask

PLATES = Path(__file__).resolve().parents[2] / "examples" / "plates"
WINDOWS = {"garden": (10, (40, 60)), "petals": (60, (420, 180)), "meadow": (110, (180, 20))}  # first frame, corner
FRAMES, WIDTH, HEIGHT = 12, 400, 300
RIGHTS = '[[rights]]\nclips = ["*"]\nowner = "the example"\nbasis = "licence"\npurposes = ["training", "evaluation"]\n'
ASK = Ask(budget=60.0, steps=4, seed=3, scenes=4, crops=6, shots=1, suite=0, threads=1, held=())
COMMAND = "import sys; from onelight.cli import main; main()"


def footage(folder: Path) -> Path:
    """Three clips as PNG sequences: parts of the example's flowers at three times, each of them its own set-up."""
    reader = cv2.VideoCapture(str(PLATES / "flower.mp4"))
    for name, (first, (x, y)) in WINDOWS.items():
        (folder / name).mkdir(parents=True)
        reader.set(cv2.CAP_PROP_POS_FRAMES, first)
        for number in range(FRAMES):
            read, frame = reader.read()
            assert read
            part = np.ascontiguousarray(frame[y : y + HEIGHT, x : x + WIDTH])
            cv2.imwrite(str(folder / name / f"{name}.{1001 + number}.png"), part)
    return folder


def show_with_dailies(root: Path) -> Show:
    """A show whose three clips may be learnt from."""
    clips = footage(root / "footage")
    (root / "rights.toml").write_text(RIGHTS)
    show = Show.create("apollo", root / "shows")
    report = ingest(show, [clips], root / "rights.toml", space="rec1886")
    assert [outcome.state for outcome in report.outcomes] == ["new"] * 3, report
    return show


def command(*arguments: str) -> list[str]:
    """The command line in a process of its own."""
    return [sys.executable, "-c", COMMAND, *arguments]
