"""Whether a relit shot is steady: frames of a moving scene relit one by one, and compared along the exact motion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from onelight.soundstage.scenes import Scene
from onelight.stages import Session
from onelight.tools.relight import baselines, score
from onelight.tools.relight.cases import SUBJECTS, Case, Lamp
from onelight.tools.relight.relit import Relit

RATIO = 4.0  # key : fill
SEEN = 0.01  # stops from frame to frame: less is not seen as flicker, however steady the truth
METHODS = ("model", "classical", "nothing", "inflation_sfs", "normals")


def measure(
    paths: Sequence[Path], name: str, kind: str, session: Session | None, methods: Sequence[str]
) -> dict[str, float]:
    """Flicker by method, of the frames of a take, each relit on its own with the knobs of the first.

    It is the change from frame to frame along the motion (`score.residual`, RMS stops) over that of the same frames
    truly lit so (at least `SEEN`): 1 is as steady as the light itself, which wanders over things that turn.
    """
    frames = [Scene.load(path) for path in paths]
    fill = np.float32(1 / (RATIO - 1))
    first = frames[0]
    present, new = (Lamp(first.lights[i], RATIO, float(first.softness[i])) for i in (0, 1))
    masks = [(frame.matte > 0.5) & (np.abs(frame.normals).sum(axis=-1) > 0.5) for frame in frames]
    truths = [frame.keys[1] + frame.ambient * fill for frame in frames]
    cases = [
        Case(
            scene=name,
            split=kind,
            light="mixed",
            plate=frame.keys[0] + frame.ambient * fill,
            lamp=present,
            mask=mask,
            targets=(),
            matte=frame.matte if kind in SUBJECTS else None,
            normals=frame.normals,
            sky=kind not in SUBJECTS,
        )
        for frame, mask in zip(frames, masks, strict=True)
    ]
    motions = [frame.motion for frame in frames]
    steady = max(score.residual(truths, motions, masks), SEEN)
    found = {}
    for method in METHODS:
        if method in methods:
            pictures = _pictures(cases, method, new, session)
            found[method] = score.residual(pictures, motions, masks) / steady
    return found


def _pictures(cases: Sequence[Case], method: str, new: Lamp, session: Session | None) -> list[np.ndarray]:
    """The frames under the new light, with what Analyse would find on the first."""
    if method == "nothing":
        return [case.plate for case in cases]
    able = session if method in ("model", "normals") else None
    analysed = Relit.of(cases[0], able, _clips(cases[0], method)).context.knobs
    exposure, relief = (float(analysed[name]) for name in ("exposure", "subject_relief"))
    return [Relit.of(case, able, _clips(case, method), exposure=exposure, relief=relief).under(new) for case in cases]


def _clips(case: Case, method: str) -> dict[str, np.ndarray]:
    if method == "inflation_sfs":
        return {"Normals": baselines.inflated(case)}
    return {"Normals": case.normals} if method == "normals" and case.normals is not None else {}
