"""Reads luminance-chroma EXRs (Y, RY, BY; chroma at half size), which OpenImageIO refuses, back to RGB.

The format is the one OpenEXR documents: RY = (R - Y) / Y and BY = (B - Y) / Y, low-passed and stored for every second
pixel of every second row, Y = the weighted sum of R, G, B under the weights that the file's chromaticities imply.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR

from onelight.errors import ImageError

# Half of OpenEXR's symmetric 27-tap reconstruction filter: the taps that fall on stored samples, outermost first.
TAPS = (0.002128, -0.007540, 0.019597, -0.043159, 0.087929, -0.186077, 0.627123)
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)


def read_header(path: Path) -> dict[str, Any]:
    """The first part's attributes, without its pixels; ImageError where the file is broken."""
    try:
        with OpenEXR.File(str(path), header_only=True) as file:
            return dict(file.parts[0].header)
    except Exception as error:  # the binding raises bare exceptions of several kinds for broken files
        raise ImageError(f"{path} cannot be read as a luminance-chroma EXR: {_first_line(error)}") from error


def read(path: Path, prefix: str = "") -> tuple[np.ndarray, bool]:
    """RGBA of a luminance-chroma file as float32 [H, W, 4], top row first, and whether it has an alpha.

    `prefix` is a layer's name with its dot. ImageError where the file is broken or sampled in any other way. Look at
    the windows with `read_header` first: the size a header claims is allocated here.
    """
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = file.parts[0].channels
            header = dict(file.parts[0].header)
            planes = {name: np.array(channel.pixels, np.float32) for name, channel in channels.items()}
            sampling = {name: (channel.xSampling, channel.ySampling) for name, channel in channels.items()}
    except Exception as error:  # the binding raises bare exceptions of several kinds for broken files
        raise ImageError(f"{path} cannot be read as a luminance-chroma EXR: {_first_line(error)}") from error
    y = planes.get(prefix + "Y")
    if y is None or sampling[prefix + "Y"] != (1, 1):
        raise ImageError(f"{path} has subsampled channels but no full-size luminance {prefix}Y")
    chroma = []
    for name in (prefix + "RY", prefix + "BY"):
        if name not in planes:
            raise ImageError(f"{path} has the luminance {prefix}Y but no {name}: a plate needs R, G, B")
        if sampling[name] not in ((1, 1), (2, 2)):
            raise ImageError(f"{path}: {name} is sampled {sampling[name]}; only (2, 2) and (1, 1) are known")
        full = planes[name]
        if sampling[name] == (2, 2):
            full = _upsample(_upsample(full, y.shape[1], axis=1), y.shape[0], axis=0)
        chroma.append(full)
    weights = luminance_weights(header.get("chromaticities") or REC709)
    red, blue = (chroma[0] + 1) * y, (chroma[1] + 1) * y
    green = (y - red * weights[0] - blue * weights[2]) / weights[1]
    alpha = planes.get(prefix + "A")
    rgba = np.stack([red, green, blue, np.ones_like(y) if alpha is None else alpha], axis=-1)
    return rgba.astype(np.float32), alpha is not None


def luminance_weights(chromaticities: tuple[float, ...]) -> np.ndarray:
    """The weights of R, G, B in Y, summing to 1, for primaries and white given as xy pairs (R, G, B, white)."""
    xy = np.asarray(chromaticities, np.float64).reshape(4, 2)
    xyz = np.column_stack([xy, 1 - xy.sum(axis=1)])
    white = xyz[3] / xyz[3, 1]
    weights = np.linalg.solve(xyz[:3].T, white) * xyz[:3, 1]
    return weights / weights.sum()


def _upsample(plane: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Twice the samples along `axis`: stored ones as they are, those between by the filter, edges held."""
    plane = np.moveaxis(plane, axis, 0)
    count = plane.shape[0]
    reach = len(TAPS)
    padded = np.concatenate([plane[:1].repeat(reach - 1, 0), plane, plane[-1:].repeat(reach, 0)])
    between = np.zeros_like(plane)
    for index, tap in enumerate(TAPS):
        between += tap * (padded[index : index + count] + padded[2 * reach - 1 - index :][:count])
    out = np.empty((2 * count, *plane.shape[1:]), plane.dtype)
    out[0::2], out[1::2] = plane, between
    return np.moveaxis(out[:size], 0, axis)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
