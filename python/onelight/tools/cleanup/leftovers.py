"""What no frame shows is interpolated from around it, in a coding where a stop is a stop at any level."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

TOE = 2.0**-5  # of the middle level: below it the coding is linear, so that noise about black counts little


def coded(linear: np.ndarray, level: float) -> np.ndarray:
    """Linear light [..., C] as float32 stops about `level`: logarithmic above the toe, linear and signed below it."""
    return np.arcsinh(linear * np.float32(0.5 / (TOE * level))) / np.float32(np.log(2))


def decoded(code: np.ndarray, level: float) -> np.ndarray:
    """The inverse of `coded`."""
    return np.sinh(code * np.float32(np.log(2))) * np.float32(2 * TOE * level)


def smooth(code: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """`code` [H, W, C] with the hole [H, W] bool filled by the smoothest surface: Laplace's equation, edges held."""
    ys, xs = np.nonzero(hole)
    if len(ys) in (0, hole.size):
        return code
    height, width = hole.shape
    number = np.full(hole.shape, -1)
    number[ys, xs] = np.arange(len(ys))
    weight, known = np.zeros(len(ys)), np.zeros((len(ys), code.shape[2]))
    rows, columns = [], []
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        y, x = ys + down, xs + right
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
        weight += inside
        unknown = inside & (number[y, x] >= 0)
        rows.append(np.flatnonzero(unknown))
        columns.append(number[y, x][unknown])
        rim = inside & ~unknown
        known[rim] += code[y[rim], x[rim]]
    every = np.arange(len(ys))
    values = np.concatenate([np.full(sum(map(len, rows)), -1.0), weight])
    matrix = csc_matrix((values, (np.concatenate([*rows, every]), np.concatenate([*columns, every]))))
    out = code.copy()
    out[ys, xs] = splu(matrix).solve(known)
    return out
