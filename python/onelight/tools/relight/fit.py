"""Fits the light a plate was shot in: robust least squares of luminance on the normals, split into key and fill.

Irradiance over a convex surface lies within 3 % of second-order spherical harmonics (Ramamoorthi & Hanrahan 2001);
paint is what the robust weights (Huber 1964, iterated) take for outliers. Where normals say little about the side
the light comes from, the tilt of luminance slopes does (Pentland 1982).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from onelight.tools.relight.geometry import slopes
from onelight.tools.relight.knobs import SH_NAMES
from onelight.tools.relight.light import angles, camera_rotation, harmonics

GRID = 96  # the fit sees the picture at most this wide: it looks for broad light, not texture


@dataclass(frozen=True)
class Sample:
    """One frame as the fit sees it, in the reference camera."""

    basis: np.ndarray  # [n, 9]: constant and the eight harmonics
    value: np.ndarray  # [n] linear luminance over the frame's middle
    weight: np.ndarray  # [n]
    tilt: np.ndarray  # [2] mean slope of brightness: right, up


def sample(made: Mapping[str, Any], knobs: Mapping[str, Any] | None = None) -> Sample:
    """What the fit needs of a decomposed frame."""
    stops, normals, sky = made["stops"], made["normals"], made["sky"]
    scale = min(1.0, GRID / max(stops.shape))
    size = (max(4, round(stops.shape[1] * scale)), max(4, round(stops.shape[0] * scale)))
    value, n, open_sky = (cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in (stops, normals, sky))
    right, up = slopes(cv2.GaussianBlur(stops, (0, 0), 2.0))
    steep = np.hypot(right, up)
    counts = (steep < np.quantile(steep, 0.98)) * (1 - sky)
    tilt = np.array([(right * counts).sum(), (up * counts).sum()]) / max(float((steep * counts).sum()), 1e-9)
    if knobs is not None:
        turn = camera_rotation(knobs["camera_heading"], knobs["camera_pitch"], knobs["camera_roll"])
        n = n @ turn.astype(np.float32)  # row vectors times R: R transposed, back into the reference camera
    basis = np.concatenate([np.ones((*n.shape[:2], 1), np.float32), harmonics(n)], axis=-1).reshape(-1, 9)
    noise = np.clip((value + 6) / 3, 0, 1)  # the darkest stops say little
    return Sample(basis, np.exp2(np.minimum(value, 4)).reshape(-1), (noise * (1 - open_sky)).reshape(-1), tilt)


def solve(samples: Sequence[Sample]) -> dict[str, float]:
    """Values of the present-light knobs (degrees, N : 1, harmonics of the fill against its mean)."""
    basis = np.concatenate([s.basis for s in samples]).astype(np.float64)
    value = np.concatenate([s.value for s in samples]).astype(np.float64)
    weight = np.concatenate([s.weight for s in samples]).astype(np.float64) + 1e-6
    ridge = np.diag([0.0, *[0.02] * 3, *[0.2] * 5]) * weight.sum()  # harmonics that the normals do not show stay small
    robust = weight
    coefficients = np.zeros(9)
    for _ in range(12):
        normal = basis.T @ (basis * robust[:, None]) + ridge + 1e-9 * np.eye(9)
        coefficients = np.linalg.solve(normal, basis.T @ (value * robust))
        residual = np.abs(value - basis @ coefficients)
        spread = 1.345 * 1.4826 * max(float(np.median(residual)), 1e-6)
        robust = weight * np.minimum(1, spread / np.maximum(residual, 1e-9))
    mean = max(float(coefficients[0]), 1e-6)
    relative = coefficients[1:] / mean
    tilt = np.mean([s.tilt for s in samples], axis=0)
    first = np.array([relative[2], relative[0], relative[1]])  # x, y, z
    towards = first + 0.5 * np.array([tilt[0], tilt[1], 0.0]) + np.array([0.0, 0.25, 0.35])  # light is above, as a rule
    towards[2] = max(towards[2], 0.35 * float(np.hypot(towards[0], towards[1])))  # a dark backing is no back light
    azimuth, elevation = angles(towards)
    elevation = float(np.clip(elevation, 10, 75))
    directed = float(np.clip(np.linalg.norm(first), 0.15, 0.75))
    ratio = float(np.clip((1 + directed) / (1 - directed), 1.3, 8.0))
    rest = np.clip(relative * 0.5, -0.5, 0.5)
    rest[:3] *= 0.3  # the first order is the key's, most of it
    shape = {f"present_fill_{name}": float(v) for name, v in zip(SH_NAMES, rest, strict=True)}
    return {"present_azimuth": azimuth, "present_elevation": elevation, "present_ratio": ratio, **shape}
