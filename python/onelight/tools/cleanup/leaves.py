"""Procedural clips: planes of overlapping leaves before a moving camera, with the exact motion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

HEIGHT, WIDTH = 240, 320
MOVES = ("locked", "pan", "turn", "parallax")
OVER = 2  # pictures are drawn this many times as large and averaged, so that moving them does not soften them
LAYERS = 3  # planes of leaves, the farthest without gaps
MARGIN = 72  # pixels drawn beyond the frame, for the camera to move into


@dataclass(frozen=True)
class Footage:
    """Frames without any wire or grain, and where their pixels go."""

    frames: tuple[np.ndarray, ...]  # scene-linear ACEScg float32 [H, W, 3]
    motions: tuple[np.ndarray, ...]  # float32 [H, W, 2]: x right, y down, from each frame to the next


def dead_leaves(random: np.random.Generator, move: str, frames: int) -> Footage:
    """Planes of overlapping leaves, nearer ones with gaps, and a camera that moves as named in `MOVES`.

    Occluding leaves with sizes by a power law have the statistics of natural pictures (Lee, Mumford & Huang 2001). The
    motion is exact. Under 'parallax' near planes pass before far ones; else all of them lie at one depth.
    """
    palette = 0.18 * np.exp2(random.normal(0, 1.2, (5, 1))) * np.exp(random.normal(0, 0.2, (5, 3)))
    planes = [_plane(random, 1.0 if depth == 0 else random.uniform(0.05, 0.35), palette) for depth in range(LAYERS)]
    # The nearest plane goes about six pixels a frame at most, so that ten frames stay within the margin.
    angle, speed = random.uniform(0, 2 * np.pi), random.uniform(2.5, 6.0)
    step = np.array([np.cos(angle), np.sin(angle)]) * speed
    turn = np.radians(random.uniform(0.25, 0.6) * random.choice((-1, 1)))
    zoom = 1 + random.uniform(0.003, 0.008)
    middle = (frames - 1) / 2
    shots = []
    for number in range(frames):
        time = number - middle
        poses = []
        for depth in range(LAYERS):
            near = (0.3 + 0.35 * depth) if move == "parallax" else 1.0
            if move == "locked":
                poses.append(_pose(np.zeros(2), 0.0, 1.0))
            elif move == "turn":
                poses.append(_pose(step * 0.3 * time, turn * time, zoom**time))
            else:
                poses.append(_pose(step * near * time, 0.0, 1.0))
        shots.append(poses)
    drawn = [_drawn(planes, poses) for poses in shots]
    motions = [_motion(top, before, after) for (_, top), before, after in zip(drawn, shots, shots[1:], strict=False)]
    return Footage(tuple(picture for picture, _ in drawn), tuple(motions))


def _plane(random: np.random.Generator, share: float, palette: np.ndarray) -> np.ndarray:
    """Leaves on a canvas [h, w, 4], linear and premultiplied; `share` is about how much they cover.

    The farthest plane is asked for 1 or more: it lies on a wall or a sky, which leaves may hide in part or whole.
    """
    height, width = ((side + 2 * MARGIN) * OVER for side in (HEIGHT, WIDTH))
    canvas = np.zeros((height, width, 4), np.float32)
    target = -np.log(1 - share) if share < 1 else random.choice((0.0, 0.3, 3.0))
    if share >= 1:
        canvas[:] = np.dstack([_wall(random, palette, (height, width)), np.ones((height, width), np.float32)])
    smallest, largest = float(np.exp(random.uniform(*np.log((8, 30))))) * OVER, 130.0 * OVER
    covered = 0.0
    while covered < target:
        # Radii by a power law of -3 between the two ends.
        u = random.uniform()
        radius = 1 / np.sqrt(u / smallest**2 + (1 - u) / largest**2)
        covered += _leaf(canvas, random, float(radius), palette) / (height * width)
    if random.random() < 0.4:  # a lens is focused on one distance
        canvas = cv2.GaussianBlur(canvas, (0, 0), random.uniform(0.6, 3.0) * OVER)
    return canvas


def _wall(random: np.random.Generator, palette: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A smooth background [h, w, 3]: a gradient, uneven over a third of the frame, with or without a fine texture."""
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape)
    slope = random.normal(0, 0.5, 2).astype(np.float32)
    stops = slope[0] * x[None] + slope[1] * y[:, None]
    uneven = cv2.resize(random.normal(0, 0.35, (4, 5)).astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)
    fine = cv2.GaussianBlur(random.standard_normal(shape, np.float32), (0, 0), random.uniform(1.0, 3.0) * OVER)
    stops = stops + uneven + fine * np.float32(random.choice((0.0, 0.06, 0.15)) / float(fine.std()))
    return np.exp2(stops)[..., None] * _paint(random, palette)


def _leaf(canvas: np.ndarray, random: np.random.Generator, radius: float, palette: np.ndarray) -> float:
    """Lays one leaf over the canvas; returns its area in pixels."""
    height, width = canvas.shape[:2]
    x, y, angle = random.uniform(0, width), random.uniform(0, height), random.uniform(0, np.pi)
    aspect = random.uniform(0.3, 1.0)
    power = random.choice((1.0, 2.0, 8.0))  # diamond, ellipse, near a rectangle
    reach = radius * 1.45
    left, right = max(0, int(x - reach)), min(width, int(x + reach) + 2)
    top, bottom = max(0, int(y - reach)), min(height, int(y + reach) + 2)
    if left >= right or top >= bottom:
        return 0.0
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32)
    dx, dy = columns - np.float32(x), rows - np.float32(y)
    along = (dx * np.cos(angle) + dy * np.sin(angle)) / radius
    across = (dy * np.cos(angle) - dx * np.sin(angle)) / (radius * aspect)
    body = (np.abs(along) ** power + np.abs(across) ** power) ** (1 / power)
    cover = np.clip((1 - body) * radius * aspect + 0.5, 0, 1).astype(np.float32)[..., None]
    lit = 1 + random.uniform(-0.6, 0.6) * along + random.uniform(-0.6, 0.6) * across
    veins = cv2.GaussianBlur(random.standard_normal(body.shape, np.float32), (0, 0), random.uniform(1.0, 4.0) * OVER)
    deviation = max(float(veins.std()), 1e-6)
    texture = np.exp(np.float32(random.uniform(0.02, 0.3) / deviation) * veins)
    colour = (np.maximum(lit, 0.15) * texture).astype(np.float32)[..., None] * _paint(random, palette)
    part = canvas[top:bottom, left:right]
    part *= 1 - cover
    part[..., :3] += colour * cover
    part[..., 3:] += cover
    return float(cover.sum())


def _paint(random: np.random.Generator, palette: np.ndarray) -> np.ndarray:
    """A colour [3] near one of the clip's own; now and then one as bright as a lamp."""
    stops = random.normal(0, 0.5) + (4.0 if random.random() < 0.02 else 0.0)
    chosen = palette[random.integers(len(palette))]
    return (chosen * 2.0**stops * np.exp(random.normal(0, 0.06, 3))).astype(np.float32)


def _pose(shift: np.ndarray, turn: float, zoom: float) -> np.ndarray:
    """The affine map [2, 3] from a plane (pixels off its middle) to the frame (pixels off its middle)."""
    c, s = np.cos(turn) * zoom, np.sin(turn) * zoom
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def _drawn(planes: list[np.ndarray], poses: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The frame [H, W, 3], and which plane is seen in each pixel [H, W]."""
    size = (WIDTH * OVER, HEIGHT * OVER)
    out = np.zeros((size[1], size[0], 4), np.float32)
    top = np.zeros((size[1], size[0]), np.uint8)
    for number, (plane, pose) in enumerate(zip(planes, poses, strict=True)):
        height, width = plane.shape[:2]
        full = np.array(pose, np.float64)
        full[:, 2] = full[:, 2] * OVER + [(size[0] - 1) / 2, (size[1] - 1) / 2]
        full[:, 2] -= full[:, :2] @ [(width - 1) / 2, (height - 1) / 2]
        layer = cv2.warpAffine(plane, full, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        cover = np.clip(layer[..., 3:], 0, 1)
        out = out * (1 - cover) + layer
        top[cover[..., 0] > 0.5] = number
    picture = cv2.resize(np.maximum(out[..., :3], 0), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return picture, cv2.resize(top, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)


def _motion(top: np.ndarray, before: list[np.ndarray], after: list[np.ndarray]) -> np.ndarray:
    """Where each pixel goes, [H, W, 2], by the plane that is seen in it."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    here = np.stack([x - (WIDTH - 1) / 2, y - (HEIGHT - 1) / 2])
    out = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    for number, (pose, later) in enumerate(zip(before, after, strict=True)):
        back = np.linalg.inv(pose[:, :2])
        linear = later[:, :2] @ back
        shift = later[:, 2] - linear @ pose[:, 2]
        moved = np.einsum("ij,jhw->hwi", linear, here) + shift - np.moveaxis(here, 0, -1)
        seen = top == number
        out[seen] = moved[seen]
    return out
