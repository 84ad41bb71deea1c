"""The plate's colour space and its ways to scene-linear ACEScg, by OpenColorIO.

`$OCIO` where set, else a pinned built-in ACES studio config. Estimation happens in ACEScg. The edit (plate x ratio +
added) happens in the plate's own space where that is scene-linear, so that a host can rebuild it with Multiply and
Plus, and in ACEScg where the plate is encoded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import PyOpenColorIO as ocio

from onelight.errors import ColourError

PINNED_CONFIG = "studio-config-v2.2.0_aces-v1.3_ocio-v2.4"
WORKING = "ACEScg"
LUMINANCE = np.array([0.27222872, 0.67408177, 0.05368952], np.float32)  # ACEScg to Y, SMPTE ST 2065 AP1 primaries
SPACES = {
    "acescg": "ACEScg",
    "aces2065_1": "ACES2065-1",
    "lin_rec709": "lin_rec709",
    "acescct": "ACEScct",
    "logc3": "arri_logc3_ei800",
    "logc4": "arri_logc4",
    "slog3": "slog3_sgamut3cine",
    "vlog": "vlog_vgamut",
    "log3g10": "log3g10_redwidegamutrgb",
    "canonlog2": "canonlog2_cinemagamut_d55",
    "canonlog3": "canonlog3_cinemagamut_d55",
    "bmdfilm5": "bmdfilm_widegamut_gen5",
    "davinci": "davinci_intermediate_widegamut",
    "srgb": "srgb_texture",  # scene-referred: the curve alone, no view transform to guess at
    "rec1886": "g24_rec709",
}


@cache
def config(path: str | None = None) -> ocio.Config:
    """The OpenColorIO config in force: `path`, else `$OCIO`, else the pinned built-in one. ColourError if broken."""
    source = path or os.environ.get("OCIO") or f"ocio://{PINNED_CONFIG}"
    try:
        return ocio.Config.CreateFromFile(source)
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        raise ColourError(f"The OpenColorIO config {source} cannot be used: {error}") from error


@dataclass(frozen=True)
class Colour:
    """The plate's colour space and its ways to scene-linear ACEScg; build it with `Colour.of`."""

    name: str  # as its config knows it; "" where the space is unset
    linear: bool
    pinned: bool = False  # one of the node's own menu that the config in force does not have

    @staticmethod
    @cache
    def of(space: str) -> Colour:
        """The space by spec option or by its name in the config; ColourError where neither config knows it."""
        if space in ("", "unset"):
            return Colour("", True)
        wanted = SPACES.get(space, space)
        found, pinned = config().getColorSpace(wanted), False
        if found is None and space in SPACES:
            found, pinned = config(f"ocio://{PINNED_CONFIG}").getColorSpace(wanted), True
        if found is None:
            raise ColourError(f"The colour config has no space named '{space}': pick another Input space.")
        if found.isData():
            raise ColourError(f"'{space}' holds data, not colour: pick the space the plate was encoded in.")
        return Colour(found.getName(), _is_linear(found.getName(), pinned), pinned)

    def to_working(self, rgb: np.ndarray) -> np.ndarray:
        """Float32 [..., 3] in this space as float32 scene-linear ACEScg, unclamped: itself where it is that already."""
        if not self.name or self._is_working:
            return rgb
        return cv2.transform(rgb, self._matrix) if self.linear else self.decode(rgb)

    def from_working(self, rgb: np.ndarray) -> np.ndarray:
        """Scene-linear ACEScg [..., 3] in the space where the edit happens."""
        if not self.linear or not self.name:
            return rgb
        return cv2.transform(rgb, np.linalg.inv(self._matrix.astype(np.float64)))

    def decode(self, rgb: np.ndarray) -> np.ndarray:
        """Float32 [H, W, 3] in the space where the edit happens: itself where scene-linear, else ACEScg."""
        return rgb if self.linear else _through(_to_working(self.name, self.pinned), rgb)

    def encode(self, rgb: np.ndarray) -> np.ndarray:
        """The inverse of `decode`."""
        return rgb if self.linear else _through(_from_working(self.name, self.pinned), rgb)

    def light(self, acescg: np.ndarray) -> np.ndarray:
        """A light's ACEScg colour [3] as gains in the space where the edit happens."""
        if not self.linear or not self.name:
            return acescg.astype(np.float32)
        white = self._matrix.astype(np.float64) @ np.ones(3)  # the space's own white is no gain
        return np.linalg.solve(self._matrix.astype(np.float64), acescg * white).astype(np.float32)

    @property
    def _matrix(self) -> np.ndarray:
        return _matrix(self.name, self.pinned)

    @property
    def _is_working(self) -> bool:
        return self.linear and np.array_equal(self._matrix, np.eye(3))


@cache
def _to_working(name: str, pinned: bool) -> ocio.CPUProcessor:
    """From a space to ACEScg: the config's own way where it has ACEScg, else by way of ACES interchange."""
    fixed = config(f"ocio://{PINNED_CONFIG}")
    own = fixed if pinned else config()
    try:
        if own.getColorSpace(WORKING) is not None:
            return own.getProcessor(name, WORKING).getDefaultCPUProcessor()
        return ocio.Config.GetProcessorFromConfigs(own, name, fixed, WORKING).getDefaultCPUProcessor()
    except ocio.Exception as error:
        raise ColourError(
            f"No way from '{name}' to ACEScg: the colour config needs a space ACEScg or the role aces_interchange "
            f"({error})."
        ) from error


@cache
def _from_working(name: str, pinned: bool) -> ocio.CPUProcessor:
    fixed = config(f"ocio://{PINNED_CONFIG}")
    own = fixed if pinned else config()
    try:
        if own.getColorSpace(WORKING) is not None:
            return own.getProcessor(WORKING, name).getDefaultCPUProcessor()
        return ocio.Config.GetProcessorFromConfigs(fixed, WORKING, own, name).getDefaultCPUProcessor()
    except ocio.Exception as error:
        raise ColourError(f"No way from ACEScg back to '{name}' in the colour config: {error}") from error


def _through(processor: ocio.CPUProcessor, rgb: np.ndarray) -> np.ndarray:
    out = np.array(rgb, np.float32, order="C")
    processor.applyRGB(out.reshape(1, -1, 3))
    return out


@cache
def _is_linear(name: str, pinned: bool) -> bool:
    """Whether a space is scene-linear, tried on colours: old configs do not say, and some say wrong."""
    probe = np.array([[0, 0, 0], [0.01, 0.3, 0.5], [0.02, 0.6, 1.0], [2, 0.5, 9], [4, 1, 18]], np.float32)
    black, one, two, bright, twice = _through(_to_working(name, pinned), probe)
    return bool(np.allclose([black, two, twice], [0 * one, 2 * one, 2 * bright], rtol=1e-4, atol=1e-6))


@cache
def _matrix(name: str, pinned: bool) -> np.ndarray:
    """3 x 3 from a scene-linear space to ACEScg, read off the config by sending the unit colours through it."""
    units = _through(_to_working(name, pinned), np.eye(3, dtype=np.float32))
    return np.ascontiguousarray(units.T)
