"""Light in set language turned into numbers: directions, colours, the fill's harmonics, and how a surface takes them.

Camera axes: x right, y up, z towards the camera. Azimuth 0 comes from the camera, + from camera right, 180 from behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from onelight.colour import LUMINANCE

NEUTRAL_KELVIN = 6500.0
DUV_PER_TINT = 0.01
_XYZ_TO_ACESCG = np.array(  # SMPTE ST 2065 AP1 primaries, ACES white
    [
        [1.6410233797, -0.3248032942, -0.2364246952],
        [-0.6636628587, 1.6153315917, 0.0167563477],
        [0.0117218943, -0.0082844420, 0.9883948585],
    ]
)


def direction(azimuth: float, elevation: float) -> np.ndarray:
    """Unit vector [3] from the scene to the light; degrees in."""
    a, e = np.radians([azimuth, elevation])
    return np.array([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)])


def angles(vector: np.ndarray) -> tuple[float, float]:
    """Azimuth and elevation in degrees of a vector [3]; the inverse of `direction`."""
    x, y, z = vector / max(float(np.linalg.norm(vector)), 1e-12)
    return float(np.degrees(np.arctan2(x, z))), float(np.degrees(np.arcsin(np.clip(y, -1, 1))))


def camera_rotation(heading: float, pitch: float, roll: float) -> np.ndarray:
    """Takes directions of the reference frame's camera into the camera turned by these degrees; [3, 3].

    Heading is + to the right, pitch + up, roll + clockwise, applied in this order (pan, then tilt, then roll).
    """
    h, p, r = np.radians([heading, pitch, roll])
    pan = np.array([[np.cos(h), 0, np.sin(h)], [0, 1, 0], [-np.sin(h), 0, np.cos(h)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    bank = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return bank @ tilt @ pan


def _planckian_uv(kelvin: float) -> np.ndarray:
    """CIE 1960 (u, v) of a black body. Kim et al. 2002 (US 7024034), 1667 to 25000 K."""
    t = 1000.0 / np.clip(kelvin, 1667.0, 25000.0)
    if t > 0.25:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
    if t > 1000.0 / 2222.0:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif t > 0.25:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    return np.array([4 * x, 6 * y]) / (-2 * x + 12 * y + 3)


def _acescg_of_uv(uv: np.ndarray) -> np.ndarray:
    u, v = uv
    x, y = 3 * u / (2 * u - 8 * v + 4), 2 * v / (2 * u - 8 * v + 4)
    return _XYZ_TO_ACESCG @ np.array([x / y, 1.0, (1 - x - y) / y])


def colour(kelvin: float, tint: float = 0.0) -> np.ndarray:
    """ACEScg gains [3] of a light against the plate's white (6500 K: exactly 1), at luminance 1.

    `tint` moves it off the Planckian locus, + to magenta, by 0.01 of Duv for each unit.
    """
    if kelvin == NEUTRAL_KELVIN and tint == 0:
        return np.ones(3)
    along = _planckian_uv(kelvin * 1.01) - _planckian_uv(kelvin)
    across = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-9)
    across = across if across[1] < 0 else -across  # magenta lies below the locus
    rgb = _acescg_of_uv(_planckian_uv(kelvin) + across * tint * DUV_PER_TINT)
    gains = np.maximum(rgb, 0.01) / _acescg_of_uv(_planckian_uv(NEUTRAL_KELVIN))
    return gains / float(gains @ LUMINANCE)


def harmonics(normals: np.ndarray) -> np.ndarray:
    """The eight second-order polynomials of a normal after the constant, [..., 8], in the order of SH_NAMES.

    Ramamoorthi & Hanrahan 2001 show that irradiance lies within 3 % of this span; constants are left in the weights.
    """
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    return np.stack([y, z, x, x * y, y * z, z * z - 1 / 3, x * z, x * x - y * y], axis=-1)


@dataclass(frozen=True)
class Light:
    """One state of the set: a key over a fill, as the shading sees it."""

    key: np.ndarray  # direction [3] in the frame's camera
    softness: float
    ratio: float  # (key + fill) : fill
    level: float  # linear gain of key + fill on the lit side

    @property
    def key_level(self) -> float:
        """Irradiance of the key on a surface that faces it."""
        return self.level * (1.0 - 1.0 / self.ratio)

    @property
    def fill_level(self) -> float:
        """Mean irradiance of the fill."""
        return self.level / self.ratio


def key_shape(normals: np.ndarray, light: np.ndarray, softness: float) -> np.ndarray:
    """What a surface takes of a source that wraps by `softness`: 1 facing it, cosine when hard; [...] in 0..1."""
    wrap = np.float32(softness * 0.8)
    facing = normals @ light.astype(np.float32)
    lit = np.maximum((facing + wrap) / (1 + wrap), 0)
    return lit if softness == 0 else lit ** np.float32(1 + 0.5 * softness)


def fill_shape(basis: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The fill's irradiance over the normals against its mean, from `harmonics`; kept above a tenth."""
    return np.maximum(1 + basis @ weights.astype(np.float32), np.float32(0.1))


def present_light(knobs: Mapping[str, Any]) -> Light:
    """The light the plate was shot in, in the frame's camera."""
    return _light(knobs, "present_azimuth", "present_elevation", "present_softness", "present_ratio", 0.0)


def new_light(knobs: Mapping[str, Any]) -> Light:
    """The light asked for, in the frame's camera. Equal knobs give the present light, to the bit."""
    return _light(knobs, "key_azimuth", "key_elevation", "key_softness", "fill_ratio", knobs["key_stops"])


def _light(knobs: Mapping[str, Any], azimuth: str, elevation: str, softness: str, ratio: str, stops: float) -> Light:
    turn = camera_rotation(knobs["camera_heading"], knobs["camera_pitch"], knobs["camera_roll"])
    towards = turn @ direction(knobs[azimuth], knobs[elevation])
    return Light(towards, knobs[softness], max(knobs[ratio], 1.0), 2.0**stops)
