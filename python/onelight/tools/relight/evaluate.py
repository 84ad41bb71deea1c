"""Relight's honest score: new light on cases with a known answer, beside doing nothing and what a grade could do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from onelight.colour import Colour
from onelight.stages import Context, FrameInfo
from onelight.tools.relight import cases, graph
from onelight.tools.relight.light import angles
from onelight.tools.relight.spec import TOOL


def run(
    folder: Path | None = None,
    read: Callable[[Path], np.ndarray] | None = None,
    progress: Callable[[list[cases.Case]], Iterable[cases.Case]] = iter,
) -> list[dict[str, Any]]:
    """Rows {case, split, method, metric, value} over the procedural cases, or those photographed in `folder`.

    `read` gives the linear pixels [H, W, 3] of a file in `folder`; `progress` wraps the list of cases.

    Metric `psnr` (dB): linear, after the best scalar gain inside the mask, peak = 99.5th percentile of the truth.
    Methods: `model` (this tool, both lights given), `model_fitted` (its own fit of the present light), `nothing` (the
    plate), `cdl` (the best global slope, offset and power per channel: an oracle that knows the truth), `normals` (this
    tool with the true normals connected: what better geometry would bring). Metric `normals_error` is in degrees.
    """
    rows = []
    found = list(cases.procedural() if folder is None or read is None else cases.photographed(folder, read))
    for case in progress(found):
        results = {"nothing": case.plate, "cdl": _best_cdl(case), "model": _relit(case, {})}
        if case.normals is not None:
            results["model_fitted"] = _relit(case, {}, fitted=True)
            results["normals"] = _relit(case, {"Normals": case.normals})
            for method, normals in (
                ("model", _normals(case)),
                ("nothing", np.broadcast_to([0, 0, 1], case.plate.shape)),
            ):
                apart = np.degrees(np.arccos(np.clip((normals * case.normals).sum(-1), -1, 1)))
                rows.append(_row(case, method, "normals_error", float(apart[case.mask].mean())))
        rows += [_row(case, method, "psnr", psnr(image, case)) for method, image in results.items()]
    return rows


def psnr(image: np.ndarray, case: cases.Case) -> float:
    """PSNR in dB inside the mask after the best scalar gain; linear, peak the truth's 99.5th percentile."""
    ours, truth = (array[case.mask].astype(np.float64) for array in (image, case.truth))
    gain = (ours * truth).sum() / max(float((ours * ours).sum()), 1e-12)
    error = float(((ours * gain - truth) ** 2).mean())
    return float(10 * np.log10(np.quantile(truth, 0.995) ** 2 / max(error, 1e-12)))


def _row(case: cases.Case, method: str, metric: str, value: float) -> dict[str, Any]:
    return {"case": case.name, "split": case.split, "method": method, "metric": metric, "value": value}


def _context(case: cases.Case, clips: dict[str, np.ndarray], output: str = "result", fitted: bool = False) -> Context:
    knobs = {knob.name: getattr(knob, "default", None) for knob in TOOL.render_knobs()}
    (from_azimuth, from_elevation), (azimuth, elevation) = angles(case.lit_from), angles(case.lit_to)
    knobs |= {"key_azimuth": azimuth, "key_elevation": elevation, "auto_sky": 0.0, "fill_ratio": case.ratio}
    if not fitted:
        middle = float(np.log2(np.maximum(case.plate.mean(-1), 1e-6)).mean())
        knobs |= {"analysed": True, "exposure": middle, "present_ratio": case.ratio, "present_softness": 0.0}
        knobs |= {"present_azimuth": from_azimuth, "present_elevation": from_elevation, "key_softness": 0.0}
    height, width = case.plate.shape[:2]
    frames = {"Source": case.plate, "Matte": case.mask[..., None].repeat(3, -1).astype(np.float32), **clips}
    if case.mask.all():
        del frames["Matte"]
    packed = {
        (name, 0): np.dstack([image, np.ones((height, width))]).astype(np.float32) for name, image in frames.items()
    }
    return Context(knobs, FrameInfo.of(width, height, output=output), packed, Colour.of("acescg"))


def _render(context: Context) -> np.ndarray:
    made: dict[str, Any] = {}
    for stage in graph.STAGES:
        made |= stage.run(context, made)
    return made["output"][..., :3]


def _relit(case: cases.Case, clips: dict[str, np.ndarray], fitted: bool = False) -> np.ndarray:
    return _render(_context(case, clips, fitted=fitted))


def _normals(case: cases.Case) -> np.ndarray:
    return _render(_context(case, {}, output="normals"))


def _best_cdl(case: cases.Case) -> np.ndarray:
    """(plate x slope + offset) ^ power per channel, fitted to a sample of the truth (ASC CDL 1.2, no saturation)."""
    out = np.empty_like(case.plate)
    places = np.flatnonzero(case.mask)[:: max(1, int(case.mask.sum()) // 4000)]
    for channel in range(3):
        x, y = (image[..., channel].reshape(-1)[places].astype(np.float64) for image in (case.plate, case.truth))

        def grade(p: np.ndarray, values: np.ndarray) -> np.ndarray:
            return np.maximum(values * p[0] + p[1], 1e-6) ** p[2]

        fit = least_squares(lambda p, x=x, y=y: grade(p, x) - y, [1.0, 0.0, 1.0], bounds=([0, -1, 0.2], [20, 1, 4]))
        out[..., channel] = grade(fit.x, case.plate[..., channel])
    return out
