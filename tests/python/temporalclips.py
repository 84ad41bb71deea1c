"""Moving pictures whose motion is known, and straight wires across them, for tests of what looks at several frames."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from onelight.temporal.encode import coded, middle

SIZE = (180, 320)


def texture(height: int, width: int, seed: int, contrast: float = 0.8) -> np.ndarray:
    """A scene-linear picture [H, W, 3] around middle grey with detail of every size and hard edges."""
    draw = np.random.default_rng(seed)
    stops, size = np.zeros((height, width, 3), np.float32), 1
    while size < min(height, width):
        coarse = draw.normal(size=(height // size + 2, width // size + 2, 3)).astype(np.float32)
        stops += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(size**0.5)
        size *= 2
    stops /= stops.std()
    for _ in range(60):
        centre, radius = draw.integers((width, height)), int(draw.integers(4, max(5, height // 8)))
        cv2.circle(stops, centre.tolist(), radius, draw.normal(size=3).tolist(), -1, cv2.LINE_AA)
    return np.float32(0.18) * np.exp2(cv2.GaussianBlur(stops, (0, 0), 0.8) * np.float32(contrast))


def seen(scene: np.ndarray, camera: np.ndarray, size: tuple[int, int] = SIZE) -> np.ndarray:
    """What a camera sees of a flat scene; `camera` [2, 3] takes its pixels to the scene's."""
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(scene, camera, (size[1], size[0]), flags=flags, borderMode=cv2.BORDER_REFLECT)


def pan(time: float, x: float = 2.3, y: float = 1.1, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.array([[1, 0, size[1] / 2 + x * time], [0, 1, size[0] / 2 + y * time]])


def zoom(time: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    scale, (height, width) = 1 + 0.012 * time, size
    return np.array([[scale, 0, width - scale * width / 2], [0, scale, height - scale * height / 2]])


def grainy(picture: np.ndarray, seed: int, sigma: float = 0.004) -> np.ndarray:
    """The picture with grain that grows with the root of the light; `sigma` at middle grey."""
    noise = np.random.default_rng(seed).normal(size=picture.shape).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.6) * np.float32(1 / 0.537)  # back to a deviation of 1
    return picture + noise * np.float32(sigma) * np.sqrt(np.maximum(picture, 0) / np.float32(0.18))


def wire(time: float, width: float = 5, x: float = 12, y: float = -5, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Coverage [H, W] of two straight wires that cross the picture and move by (x, y) a frame."""
    down, across = (axis.astype(np.float32) for axis in np.mgrid[0 : size[0], 0 : size[1]])
    cover = np.zeros(size, np.float32)
    for angle, start in ((0.35, 0.3), (-0.9, 0.6)):
        normal = np.array([np.cos(angle), np.sin(angle)], np.float32)
        distance = normal[0] * (across - size[1] * start - x * time) + normal[1] * (down - size[0] / 2 - y * time)
        cover = np.maximum(cover, np.clip(width / 2 + 0.5 - np.abs(distance), 0, 1))
    return cover.astype(np.float32)


@dataclass(frozen=True)
class Shot:
    """Frames without and with the wires, by their offset, and the mattes of the wires, grown by two pixels."""

    clean: dict[int, np.ndarray]
    plates: dict[int, np.ndarray]
    holes: dict[int, np.ndarray]

    @staticmethod
    def of(clean: dict[int, np.ndarray], x: float = 12, y: float = -5) -> Shot:
        covers = {time: wire(time, x=x, y=y) for time in clean}
        plates = {time: picture * (1 - covers[time][..., None]) for time, picture in clean.items()}
        holes = {time: cv2.dilate(cover, np.ones((5, 5), np.uint8)) for time, cover in covers.items()}
        return Shot(clean, plates, holes)

    def others(self, around: int = 0) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """The neighbours of a frame: by offset, the plate and what is hidden in it."""
        return {time - around: (self.plates[time], self.holes[time]) for time in self.plates if time != around}


def decibels(picture: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    """Log-PSNR over the pixels of `where` [H, W] bool, of a range of ten stops."""
    level = middle(truth)
    error = (coded(picture, level) - coded(truth, level))[where]
    return float(10 * np.log10(100 / max(float((error * error).mean()), 1e-12)))


def telea(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The hole filled by OpenCV's inpainting, on a log picture as a compositor would."""
    level = middle(picture)
    code = coded(picture, level)
    low, high = float(code.min()), float(code.max())
    inside = (hole > 0).astype(np.uint8)
    filled = cv2.inpaint(((code - low) * (255 / (high - low))).astype(np.uint8), inside, 3, cv2.INPAINT_TELEA)
    return np.float32(level) * (
        np.exp2(filled * np.float32((high - low) / 255) + np.float32(low)) - np.float32(2.0**-6)
    )
