"""Pictures and directions turned about the line of sight, so that a key may come from wherever it is wanted."""

from __future__ import annotations

import cv2
import numpy as np


def directions(vectors: np.ndarray, angle: float) -> np.ndarray:
    """Directions [..., 2 or more] (x right, y up) turned counter-clockwise by `angle` radians; what follows x and y
    stays."""
    out = np.array(vectors, np.float32)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    x, y = vectors[..., 0], vectors[..., 1]
    out[..., 0], out[..., 1] = x * cosine - y * sine, x * sine + y * cosine
    return out


def around(size: tuple[int, int], angle: float) -> tuple[int, int]:
    """Height and width that hold a picture of `size` = (height, width) turned by `angle` radians."""
    height, width = size
    cosine, sine = abs(np.cos(angle)), abs(np.sin(angle))
    return round(height * cosine + width * sine), round(width * cosine + height * sine)


def image(picture: np.ndarray, angle: float, size: tuple[int, int], spread: bool = False) -> np.ndarray:
    """`picture` [h, w] or [h, w, c] turned counter-clockwise by `angle` radians about its middle, on a canvas of
    `size` = (height, width), bilinear; 0 beyond its border or, with `spread`, the border's own values."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), float(np.degrees(angle)), 1.0)
    matrix[:, 2] += (size[1] - width) / 2, (size[0] - height) / 2
    mode = cv2.BORDER_REPLICATE if spread else cv2.BORDER_CONSTANT
    out = cv2.warpAffine(np.ascontiguousarray(picture), matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=mode)
    return out[..., None] if picture.ndim == 3 and out.ndim == 2 else out
