"""Relight's score on plain footage: frames rebuilt from their neighbours' paint in their own shading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from onelight.stages import Session
from onelight.temporal import flow
from onelight.tools.relight import score, shade
from onelight.tools.relight.cases import Case, Lamp
from onelight.tools.relight.ensemble import DOUBTED
from onelight.tools.relight.light import direction
from onelight.tools.relight.relit import Relit

APART = 3  # frames between the two of which one is rebuilt from the other
HEADLINE = "rebuilt_psnr"
FRONTAL = Lamp(np.array([0.0, 0.0, 1.0]), 2.0)


def measure(
    shots: Mapping[str, Sequence[np.ndarray]],
    sessions: Mapping[str, Session | None],
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> list[dict[str, Any]]:
    """Scores on shots of held-out set-ups [SHOT_FRAMES of SHOT_SIZE].

    `sessions` are versions by the method's name (of METHODS; None: no network). Rows {case, scene, split, light,
    method, metric, value}; `scene` is the shot's name.

    `rebuilt_psnr` (dB, in stops as `score.log_psnr`): a frame is rebuilt from one three frames
    on, whose paint (the plate over its present shading) is moved back along flow and lit by this frame's own shading.
    A decomposition that flickers or sees paint as relief loses against `nothing`, which moves the pixels as they are;
    one that knows how a surface turned gains. The light is the same for all: what Analyse fits without a network.
    """
    rows: list[dict[str, Any]] = []
    for done, (name, frames) in enumerate(shots.items(), 1):
        frames = [np.maximum(np.asarray(frame, np.float32), 0) for frame in frames]
        told = {"scene": name, "split": "show", "light": "as shot"}
        lamp, level = fitted(frames[0])
        exposure = float(np.log2(level))
        pairs_ = [(first, first + APART) for first in range(0, len(frames) - APART, APART)]
        motions = {pair: _moved(frames, pair) for pair in pairs_}
        for method, session in sessions.items():
            shadings = {
                number: _shading(frames[number], lamp, session, exposure, flat=method == "nothing")
                for number in sorted({number for pair in pairs_ for number in pair})
            }
            for (here, there), (target, counts) in motions.items():
                paint = frames[there] / shadings[there][..., None]
                back = flow.fetch(paint, target)[0] * shadings[here][..., None]
                value = score.log_psnr(back[counts], frames[here][counts])
                row = {"case": f"{name}_{here}", **told, "method": method}
                rows.append({**row, "metric": HEADLINE, "value": value})
        progress("Scoring on held-out set-ups", done, len(shots))
    return rows


def fitted(frame: np.ndarray) -> tuple[Lamp, float]:
    """The present light of a frame [H, W, 3] as Analyse finds it without a network, and the frame's middle level."""
    made = Relit.of(_case(frame, FRONTAL), None, fitted=True).made
    found = made["fitted"]
    key = direction(found["present_azimuth"], found["present_elevation"])
    return Lamp(key, float(found["present_ratio"])), float(made["frame_level"])


def _case(plate: np.ndarray, lamp: Lamp) -> Case:
    return Case("", "show", "as shot", plate, lamp, np.ones(plate.shape[:2], bool), ())


def _shading(plate: np.ndarray, lamp: Lamp, session: Session | None, exposure: float, flat: bool = False) -> np.ndarray:
    """Present shading [h, w] as a version sees it."""
    if flat:
        return np.ones(plate.shape[:2], np.float32)
    taken = Relit.of(_case(plate, lamp), session, exposure=exposure)
    found = shade.shading(
        {**taken.made, "hedge": None},  # as it is, not as careful ratios take it
        taken.context.knobs,
        taken.context.colour,
        lambda key: (np.zeros_like(taken.made["shadow"]), None),
    )
    return np.maximum(found["present"], np.float32(1e-3))


def _moved(frames: Sequence[np.ndarray], pair: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where the first frame's pixels lie in the second [h, w, 2], and where that is certain [h, w]."""
    here, there = (frames[number] for number in pair)
    forward, backward = flow.dense(here, there), flow.dense(there, here)
    target = flow.positions(here.shape) + forward
    inside = flow.fetch(there, target)[1]
    counts = (flow.doubt(forward, backward) < DOUBTED) & inside
    return target, counts if counts.any() else inside
