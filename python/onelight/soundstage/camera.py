"""Where the stage's camera stands: its axes, its projection, and the framing of a subject."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from onelight.soundstage.families import Camera
from onelight.soundstage.mesh import Floats


@dataclass(frozen=True)
class View:
    """A camera made into numbers: `axes` rows are right, up and back (towards the camera) in the world."""

    eye: np.ndarray  # [3] metres
    axes: np.ndarray  # [3, 3]
    reach: float  # half the picture's width at distance 1

    @classmethod
    def of(cls, camera: Camera) -> View:
        """Raises ValueError where the camera stands on its target."""
        eye, target = np.asarray(camera.eye, np.float64), np.asarray(camera.target, np.float64)
        back = eye - target
        length = np.linalg.norm(back)
        if length < 1e-9:
            raise ValueError(f"the camera stands on its target, {camera.target}")
        back = back / length
        up = np.array([0.0, 1.0, 0.0]) if abs(back[1]) < 0.999 else np.array([0.0, 0.0, -1.0])
        right = np.cross(up, back)
        right /= np.linalg.norm(right)
        up = np.cross(back, right)
        roll = np.radians(camera.roll)
        right, up = np.cos(roll) * right + np.sin(roll) * up, np.cos(roll) * up - np.sin(roll) * right
        return cls(eye, np.stack([right, up, back]), float(np.tan(np.radians(camera.fov) / 2)))

    def local(self, points: np.ndarray) -> np.ndarray:
        """World points [..., 3] in camera space: x right, y up, z towards the camera (so what is seen has z < 0)."""
        return (points - self.eye) @ self.axes.T

    def project(self, points: np.ndarray, size: int) -> np.ndarray:
        """World points [..., 3] as pixels [..., 2] of a picture of size × size: x right, y down, 0 at its left top."""
        seen = self.local(points)
        ahead = np.maximum(-seen[..., 2:], 1e-6)
        flat = seen[..., :2] / (ahead * self.reach)
        return np.stack([(flat[..., 0] + 1) * size / 2, (1 - flat[..., 1]) * size / 2], -1)


def turn(axis: int, degrees: float) -> np.ndarray:
    """The rotation [3, 3] about x, y or z (0, 1, 2), counter-clockwise seen from the axis's tip."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = cos, -sin, sin, cos
    return matrix


def framed(vertices: Floats, rng: np.random.Generator) -> Camera:
    """A camera before a subject that fills 55 to 95 % of the frame's longer way: fov 15 to 45 degrees, some roll."""
    fov = float(np.exp(rng.uniform(np.log(15.0), np.log(45.0))))
    elevation, fill, roll = rng.triangular(-25, 8, 50), rng.uniform(0.55, 0.95), rng.normal(0, 2.5)
    back = turn(0, -elevation) @ (0.0, 0.0, 1.0)
    low, high = vertices.min(0).astype(np.float64), vertices.max(0).astype(np.float64)
    target, distance = (low + high) / 2, float(np.linalg.norm(high - low)) / 2 / np.sin(np.radians(fov) / 2)
    sample = vertices[:: max(1, len(vertices) // 4096)]
    aside = rng.uniform(-1, 1, 2)
    for last in (False, False, False, True):  # the extent is not quite inverse to the distance: close in on it
        view = View.of(Camera(tuple(target + back * distance), tuple(target), fov, roll))
        flat = view.project(sample, 2) - 1
        extent = flat.max(0) - flat.min(0)
        distance *= max(float(extent.max()) / (2 * fill), 1e-3)
        middle = (flat.max(0) + flat.min(0)) / 2
        shift = np.clip((2 - extent) / 2, 0, 0.25) * aside if last else 0.0  # not always in the very centre
        right, down = (middle - shift) * view.reach * distance
        target = target + view.axes[0] * right - view.axes[1] * down
    return Camera(_point(target + back * distance), _point(target), fov, float(roll))


def drifted(camera: Camera, rng: np.random.Generator, amount: float = 0.01) -> Camera:
    """The camera a frame later: the eye and the target moved by about `amount` of their distance."""
    eye, target = np.asarray(camera.eye), np.asarray(camera.target)
    step = np.linalg.norm(eye - target) * amount
    moved = rng.normal(0, step, 3), rng.normal(0, step / 3, 3)
    return Camera(_point(eye + moved[0]), _point(target + moved[1]), camera.fov, camera.roll + rng.normal(0, 0.1))


def between(first: Camera, second: Camera, share: float) -> Camera:
    """The camera on its way from one place to another: 0 is the first, 1 the second, more is beyond."""

    def mix(a: ArrayLike, b: ArrayLike) -> np.ndarray:
        return np.asarray(a) + (np.asarray(b) - np.asarray(a)) * share

    fov, roll = mix([first.fov, first.roll], [second.fov, second.roll])
    return Camera(_point(mix(first.eye, second.eye)), _point(mix(first.target, second.target)), float(fov), float(roll))


def _point(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
