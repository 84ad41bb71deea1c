"""What a method makes of one case: how well it finds the wires, and how well it fills what they hid."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from onelight.stages import Session
from onelight.tools.cleanup import baselines, score
from onelight.tools.cleanup.cases import Case
from onelight.tools.cleanup.cleaned import Cleaned, Shot, drawn, offsets
from onelight.tools.cleanup.fill import From
from onelight.tools.cleanup.scene import SOURCE_COLOURS

FINDING = {"range": 2}  # frames further away give pixels, and have no part in what is found


def found(case: Case, method: str, session: Session | None) -> score.Detected | None:
    """How well the wires of the first scored frame are found; None for methods that look for none."""
    frame = case.tested[0]
    lines = case.lines[frame]
    if method not in ("model", "classical", "nothing") or not len(lines.points):
        return None
    points = np.zeros((0, 2), np.float32)
    if method != "nothing":
        shot = Shot(case.plates, session if method == "model" else None, knobs=FINDING)
        points = drawn(shot.clean(frame).curves)
        height, width = case.plates[frame].shape[:2]
        points = points[(points >= 0).all(axis=1) & (points < (width, height)).all(axis=1)]
    return score.detected(points, lines.points, lines.visible)


def taken_for_wire(
    pictures: Mapping[int, np.ndarray], frame: int, method: str, session: Session | None
) -> float | None:
    """The share of a frame without wires that is taken for wire; None for methods that look for none."""
    if method == "nothing":
        return 0.0
    if not is_tool(method):
        return None
    shot = Shot(pictures, session if method == "model" else None, knobs=FINDING)
    return float((shot.clean(frame).matte > score.HALF).mean())


def filled(case: Case, method: str, session: Session | None) -> dict[str, float | None]:
    """The metrics of a method's fill, means over the scored frames."""
    pictures: list[np.ndarray] = []
    sums: dict[str, list[float | None]] = {}
    shot = Shot(case.plates, session if method == "model" else None, _given(case)) if is_tool(method) else None
    for frame in case.tested:
        hole, truth = case.holes[frame], case.truths[frame]
        if not hole.any():
            continue
        if shot is not None:
            done = shot.clean(frame)
            picture, smooth = done.output(), done.output(regrain=0.0)
            share = _transported(done, hole)
        else:
            picture = smooth = _baseline(case, frame, method)
            share = (
                float((picture != case.plates[frame]).any(axis=-1)[hole].mean()) if method == "temporal_median" else 0.0
            )
        picture, smooth = (np.nan_to_num(image, posinf=0.0, neginf=0.0) for image in (picture, smooth))
        pictures.append(picture)
        measured = {
            "psnr": score.psnr(smooth, truth, hole),
            "log_psnr": score.log_psnr(smooth, truth, hole),
            "ssim": score.ssim(smooth, truth, hole),
            "boundary": score.boundary(picture, truth, hole),
            "grain": score.grain(picture, truth, hole, case.cleans.get(frame)),
            "transported_share": share,
        }
        for metric, value in measured.items():
            sums.setdefault(metric, []).append(value)
    known = {metric: [value for value in values if value is not None] for metric, values in sums.items()}
    means: dict[str, float | None] = {metric: float(np.mean(values)) for metric, values in known.items() if values}
    if case.motions and len(pictures) == len(case.tested):
        truths, holes = ([each[frame] for frame in case.tested] for each in (case.truths, case.holes))
        means["flicker"] = score.flicker(pictures, truths, holes, list(case.motions.values()))
    return means


def is_tool(method: str) -> bool:
    return method in ("model", "classical")


def _given(case: Case) -> dict[int, np.ndarray]:
    return {frame: hole.astype(np.float32) for frame, hole in case.holes.items()}


def _transported(done: Cleaned, hole: np.ndarray) -> float:
    """The share of the hole that got pixels of this shot or of a clean plate, as the source map's colours say."""
    source = done.output("source")[hole]
    return float(
        (np.abs(source[:, None] - SOURCE_COLOURS[[From.NEIGHBOUR, From.CLEAN]]).max(axis=-1) < 0.01).any(axis=1).mean()
    )


def _baseline(case: Case, frame: int, method: str) -> np.ndarray:
    plate, hole = case.plates[frame], case.holes[frame]
    if method == "nothing":
        return plate
    if method == "temporal_median":
        near = {offset: frame + offset for offset in offsets() if offset and frame + offset in case.plates}
        return baselines.temporal_median(plate, hole, {at: (case.plates[n], case.holes[n]) for at, n in near.items()})
    return baselines.inpainted(plate, hole, cv2.INPAINT_TELEA if method == "telea" else cv2.INPAINT_NS)
