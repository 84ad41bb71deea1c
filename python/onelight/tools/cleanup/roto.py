"""Wires as a Nuke Roto node: open splines with few points, keyed on every frame, that a person can take over.

The text follows the Foundry's published "Roto serialisation format": numbers as plain integers or as `x` and the bits
of a float32; a curve over time as `{{frame value} ...}`; a bezier's points as left tangent, place and right tangent,
the tangents relative to the place (flag 8192) and the spline open (flag 32).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from onelight.tools.cleanup.curves import Curve, arc
from onelight.tools.cleanup.track import numbered

OPEN, RELATIVE, RENDERED = 1 << 5, 1 << 13, 1 << 9  # bits of nuke.rotopaint.FlagType
_RANGE = 4  # the lifetime "frame range"
_EXACT = 0.35  # px that the spline may leave the curve
_MOST = 40  # control points of a spline


@dataclass(frozen=True)
class Format:
    """Nuke's format: curves are in its pixels from the top left corner, y down; in Nuke y goes up from the bottom."""

    width: int
    height: int
    aspect: float = 1.0


def nuke_roto(curves_by_frame: Mapping[int, Sequence[Curve]], shape: Format, name: str = "OnelightWires") -> str:
    """The text of a Nuke script (.nk) with one Roto node, to be opened, imported or pasted.

    Each wire is an open spline that lives on the frames where it was found, keyed on each; a wire that goes and comes
    back is one spline for each time. Curves that nobody has numbered are followed from frame to frame by where they
    run. The spline is as wide as the wire is in the median.
    """
    lives = _lives(numbered(curves_by_frame))
    splines = "".join(_spline(f"Wire{index + 1}", life, shape) for index, life in enumerate(lives))
    middle = f"{_number(shape.width / 2)} {_number(shape.height / 2)}"
    size = f"{shape.width} {shape.height}"
    return (
        "version 12.0 v1\n"
        "Roto {\n"
        " inputs 0\n"
        " output alpha\n"
        " cliptype none\n"
        f' format "{size} 0 0 {size} {shape.aspect:g} "\n'
        f" curves {{{{{{v x3f99999a}}\n  {{f 0}}\n  {{n\n   {{layer Root\n    {{f 0}}\n    {{t {middle}}}\n    {{a}}"
        f"{splines}}}}}}}}}\n"
        f" name {name}\n"
        " selected true\n"
        "}\n"
    )


def _lives(curves_by_frame: Mapping[int, Sequence[Curve]]) -> list[dict[int, Curve]]:
    """Each wire's curves by frame, anew after every frame on which it is missing, all running the same way."""
    frames = sorted(curves_by_frame)
    following = dict(zip(frames[1:], frames[:-1], strict=True))
    open_: dict[int, dict[int, Curve]] = {}
    lives: list[dict[int, Curve]] = []
    for frame in frames:
        for curve in curves_by_frame[frame]:
            life = open_.get(curve.track)
            if life is None or following.get(frame) not in life:
                life = open_[curve.track] = {}
                lives.append(life)
            life.setdefault(frame, curve)
    return [_directed(life) for life in lives]


def _directed(life: dict[int, Curve]) -> dict[int, Curve]:
    """No curve runs from end to start of the one before it: points would fly across the picture between keys."""
    last: np.ndarray | None = None
    out = {}
    for frame, curve in life.items():
        ends = curve.points[[0, -1]]
        if last is not None and np.abs(ends - last).sum() > np.abs(ends[::-1] - last).sum():
            curve = Curve(curve.points[::-1], curve.width[::-1], curve.confidence, curve.track)
        last = curve.points[[0, -1]]
        out[frame] = curve
    return out


def _spline(name: str, life: Mapping[int, Curve], shape: Format) -> str:
    count = next((n for n in range(3, _MOST, 2) if all(_error(c, n) < _EXACT for c in life.values())), _MOST)
    keys = [_controls(curve, count) for curve in life.values()]  # [count, 3, 2] each
    frames = list(life)
    up = np.stack(keys) * (1, -1)
    up[:, :, 1] += (0, shape.height)
    lines = [
        "        {" + " ".join(_animated(frames, up[:, point, part, axis]) for axis in (0, 1)) + "}"
        for point in range(count)
        for part in range(3)
    ]
    x, y = (_number(float(v)) for v in up[:, :, 1].mean(axis=(0, 1)))
    wide = _number(float(np.median(np.concatenate([c.width for c in life.values()]))))
    lifetime = f"ltn {_number(frames[0])} ltm {_number(frames[-1])} ltt {_RANGE}"
    points = "\n".join(lines)
    return (
        f"\n    {{curvegroup {name} {RENDERED} bezier\n"
        f"     {{{{cc\n       {{f {OPEN | RELATIVE}}}\n       {{p\n{points}}}}}"
        f"     idem}}\n     {{t {x} {y}}}\n     {{a osw {wide} osf 0 str 1 {lifetime} tt 4}}}}"
    )


def _controls(curve: Curve, count: int) -> np.ndarray:
    """Left tangent, place and right tangent [count, 3, 2] of the bezier through a curve, at even distances."""
    spline, at = _through(curve), np.linspace(0, 1, count)
    tangent = spline(at, 1) / (3 * (count - 1))
    return np.stack([-tangent, spline(at), tangent], axis=1)


def _through(curve: Curve) -> CubicSpline:
    along = arc(curve.points)
    points = curve.points.astype(np.float64)
    if len(points) == 2:
        along, points = np.array([0, 0.5, 1]) * along[-1], np.array([points[0], points.mean(axis=0), points[1]])
    return CubicSpline(along / along[-1], points)


def _error(curve: Curve, count: int) -> float:
    """How far in px the bezier of so many points leaves the curve."""
    places = bezier(_controls(curve, count), 16)
    truth = _through(curve)(np.linspace(0, 1, len(places)))
    return float(np.linalg.norm(places - truth, axis=1).max())


def bezier(controls: np.ndarray, steps: int) -> np.ndarray:
    """Places along a bezier [count, 3, 2] with relative tangents, `steps` for each piece, and its end."""
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b = controls[:-1, 1][:, None], controls[1:, 1][:, None]
    c, d = a + controls[:-1, 2][:, None], b + controls[1:, 0][:, None]
    pieces = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * c + 3 * (1 - t) * t**2 * d + t**3 * b
    return np.concatenate([pieces.reshape(-1, 2), controls[-1:, 1]])


def _animated(frames: Sequence[int], values: np.ndarray) -> str:
    return "{" + " ".join(f"{{{_number(f)} {_number(float(v))}}}" for f, v in zip(frames, values, strict=True)) + "}"


def _number(value: float) -> str:
    """As Nuke writes numbers: an integer as it is, the rest as the bits of a float32."""
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"x{struct.unpack('<I', struct.pack('<f', value))[0]:08x}"
