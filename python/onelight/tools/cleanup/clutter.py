"""Pictures to learn from that hold no wire and much that could be taken for one: twigs, blinds, rails, mouldings.

Everything is linear float32 [H, W, 3] with levels around 1; sizes are pixels.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

_BITS = 4  # of subpixels in OpenCV's drawing
Random = np.random.Generator


def library(count: int, size: int, seed: int) -> np.ndarray:
    """`count` dead-leaves pictures [count, size, size, 3], float16, with clutter upon half of them."""
    out = np.empty((count, size, size, 3), np.float16)
    for index in range(count):
        random = np.random.default_rng([seed, index])
        picture = leaves(random, size)
        for _ in range(random.integers(0, 4)):
            draw(picture, random)
        out[index] = np.clip(picture, 0, 1000)
    return out


def leaves(random: Random, size: int) -> np.ndarray:
    """Dead leaves (Lee, Mumford & Huang 2001): shapes of all sizes before each other, as sharp as a lens makes them."""
    colours, spread = int(random.integers(2, 9)), random.uniform(0.2, 1.2)
    palette = np.exp(random.normal(0, spread, (colours, 1)) + random.normal(0, random.uniform(0, 0.4), (colours, 3)))
    picture = np.empty((size, size, 3), np.float32)
    picture[:] = palette[0]
    least = random.choice([2.0, 4.0, 8.0, 16.0])
    kinds = random.permutation(3)[: random.integers(1, 4)]
    for _ in range(int(random.uniform(150, 500))):
        radius = min(least / np.sqrt(random.uniform(1e-4, 1)), size * 0.6)  # as many of each size as fill the same area
        colour = palette[random.integers(len(palette))] * np.exp(random.normal(0, 0.15))
        _fill(picture, _leaf(random, int(random.choice(kinds)), radius) + random.uniform(0, size, 2), colour, random)
    return picture


def noise(random: Random, size: int) -> np.ndarray:
    """Fractal noise [size, size], mean 0, deviation 1: octaves that fall off by a random power."""
    out, fall = np.zeros((size, size), np.float32), random.uniform(0.2, 1.0)
    cells, weight = size, 1.0
    while cells >= 2:
        grid = random.standard_normal((cells + 1, cells + 1), np.float32)
        out += np.float32(weight) * cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
        cells, weight = cells // 2, weight / fall if fall < 1 else weight
    out -= out.mean()
    return out / (out.std() + np.float32(1e-6))


def draw(picture: np.ndarray, random: Random) -> np.ndarray:
    """Draws upon the picture, in place, something thin or striped that is no wire; what it covers, [H, W] in 0..1."""
    kinds: list[tuple[float, Callable[[np.ndarray, Random], np.ndarray]]] = [
        (0.2, branch),
        (0.15, blades),
        (0.1, stripes),
        (0.07, bars),
        (0.12, folds),
        (0.07, outlines),
        (0.04, letters),
        (0.08, edge),
        (0.07, rail),
        (0.1, moulding),
    ]
    kind = kinds[random.choice(len(kinds), p=[share for share, _ in kinds])][1]
    return kind(picture, random)


def branch(picture: np.ndarray, random: Random) -> np.ndarray:
    """A twig that winds, thins out and forks."""
    size = max(picture.shape[:2])
    colour, covered = _colour(picture, random), _empty(picture)
    todo = [(random.uniform(-0.1, 1.1, 2) * size, random.uniform(0, 2 * np.pi), random.uniform(1.5, 14), 0)]
    while todo and len(todo) < 40:
        place, angle, width, depth = todo.pop()
        points, widths = [place], [width]
        for _ in range(random.integers(4, 14)):
            angle += random.normal(0, 0.25)
            place = place + np.array([np.cos(angle), np.sin(angle)]) * random.uniform(1, 2.5) * (width + 4)
            width *= random.uniform(0.86, 1.0)
            points.append(place)
            widths.append(width)
            if width > 0.7 and depth < 4 and random.random() < 0.25:
                todo.append((place, angle + random.choice([-1, 1]) * random.uniform(0.3, 1.0), width * 0.65, depth + 1))
        cv2.fillPoly(covered, [_fixed(_strip(np.array(points), np.array(widths)))], 255, cv2.LINE_AA, _BITS)
    return _put(picture, covered, colour, random)


def blades(picture: np.ndarray, random: Random) -> np.ndarray:
    """Grass, straw, hair: many short tapered blades, alike in direction."""
    size = max(picture.shape[:2])
    covered, lean = _empty(picture), random.uniform(0, 2 * np.pi)
    length, width, spread = random.uniform(10, 70), random.uniform(0.8, 5), random.uniform(0.05, 0.6)
    where = random.uniform(0, 1, 2) * size
    for _ in range(random.integers(8, 60)):
        start = where + random.normal(0, 0.25, 2) * size
        angle, bend = lean + random.normal(0, spread), random.normal(0, 0.6)
        along = np.linspace(0, 1, 7)
        turned = angle + bend * along
        steps = np.stack([np.cos(turned), np.sin(turned)], 1) * length * random.uniform(0.5, 1.3) / 6
        strip = _strip(start + np.cumsum(steps, axis=0), width * (1 - along) + 0.3)
        cv2.fillPoly(covered, [_fixed(strip)], int(random.integers(120, 256)), cv2.LINE_AA, _BITS)
    return _put(picture, covered, _colour(picture, random), random)


def stripes(picture: np.ndarray, random: Random) -> np.ndarray:
    """Blinds, fences, corrugated sheets: parallel bars at even distances, four or more of them."""
    size = max(picture.shape[:2])
    pitch = random.uniform(4, size / 6)
    u, v = _turned(picture, random)
    wave = u / pitch + random.uniform(0, 0.3) * np.sin(v / random.uniform(15, 80))
    share, soft = random.uniform(0.12, 0.88), max(0.7 / pitch, random.uniform(0, 0.15))
    inside = np.clip((share / 2 - np.abs(wave % 1 - 0.5)) / soft + 0.5, 0, 1)
    inside *= np.abs(u - u.mean()) < pitch * random.uniform(2.5, 12)
    inside *= np.abs(v - v.mean()) < random.uniform(0.2, 1) * size
    return _put(picture, (inside * 255).astype(np.uint8), _colour(picture, random), random)


def bars(picture: np.ndarray, random: Random) -> np.ndarray:
    """Window bars, shelves, bricks: a grid that turns corners."""
    size = max(picture.shape[:2])
    u, v = _turned(picture, random, steep=0.1)
    cell, ratio = random.uniform(14, size / 2), random.uniform(0.4, 2.5)
    width = random.uniform(0.7, max(1.0, cell / 5))
    shift = np.floor(v / (cell * ratio)) * random.choice([0.0, 0.5])  # bricks are laid half a brick aside
    apart = np.minimum(_to_line(u / cell + shift) * cell, _to_line(v / (cell * ratio)) * cell * ratio)
    inside = np.clip(width / 2 - apart + 0.5, 0, 1)
    return _put(picture, (inside * 255).astype(np.uint8), _colour(picture, random), random)


def folds(picture: np.ndarray, random: Random) -> np.ndarray:
    """Cloth: soft ridges and valleys of shading, warped, that come and go."""
    u, _ = _turned(picture, random)
    warp = cv2.resize(random.normal(0, 1, (4, 4)).astype(np.float32), u.shape[::-1], interpolation=cv2.INTER_CUBIC)
    phase = u / random.uniform(5, 40) + warp * random.uniform(0.3, 3)
    shade = np.abs(np.sin(phase)) ** random.uniform(0.3, 4) if random.random() < 0.5 else np.sin(phase)
    fade = np.clip(cv2.resize(random.normal(0.3, 1, (3, 3)).astype(np.float32), u.shape[::-1]), 0, 1)
    picture *= np.exp(random.choice([-1, 1]) * random.uniform(0.1, 1.0) * shade * fade)[..., None].astype(np.float32)
    return np.zeros(picture.shape[:2], np.float32)


def outlines(picture: np.ndarray, random: Random) -> np.ndarray:
    """Drawn contours: boxes, rings, bent ribbons that come back, seams of dashes."""
    size, covered = max(picture.shape[:2]), _empty(picture)
    for _ in range(random.integers(1, 6)):
        points = _leaf(random, int(random.integers(3)), random.uniform(6, size / 3)) + random.uniform(0, size, 2)
        thick = int(random.choice([1, 1, 2, 3, 5]))
        cv2.polylines(covered, [_fixed(points)], True, int(random.integers(100, 256)), thick, cv2.LINE_AA, _BITS)
    return _put(picture, covered, _colour(picture, random), random)


def letters(picture: np.ndarray, random: Random) -> np.ndarray:
    """Lettering."""
    covered = _empty(picture)
    text = "".join(random.choice(list("ABCDEFHIKLMNOTXZ1470/|-_lit"), random.integers(2, 10)))
    place = tuple(int(v) for v in random.uniform(-0.1, 0.8, 2) * picture.shape[1])
    scale, thick = random.uniform(0.4, 3), int(random.integers(1, 4))
    cv2.putText(covered, text, place, int(random.integers(0, 5)), scale, 255, thick, cv2.LINE_AA)
    return _put(picture, covered, _colour(picture, random), random)


def edge(picture: np.ndarray, random: Random) -> np.ndarray:
    """One side of something large: a wall, a roof, a limb, with or without a lit rim that ends in a corner."""
    size, covered = max(picture.shape[:2]), _empty(picture)
    points = _leaf(random, int(random.choice([0, 2])), random.uniform(0.4, 1.5) * size)
    points += random.uniform(-0.3, 1.3, 2) * size
    cv2.fillPoly(covered, [_fixed(points)], 255, cv2.LINE_AA, _BITS)
    out = _put(picture, covered, _colour(picture, random), random)
    if random.random() < 0.4:
        rim, bright, thick = _empty(picture), int(random.integers(60, 256)), int(random.integers(1, 4))
        cv2.polylines(rim, [_fixed(points)], True, bright, thick, cv2.LINE_AA, _BITS)
        _put(picture, rim, _colour(picture, random), random)
    return out


def rail(picture: np.ndarray, random: Random) -> np.ndarray:
    """A handrail, a ladder, a shelf: a long straight or bowed bar that posts at even distances stand on."""
    size = max(picture.shape[:2])
    angle, width = random.uniform(0, 2 * np.pi), random.uniform(2, 18)
    way = np.array([np.cos(angle), np.sin(angle)])
    along = np.linspace(-random.uniform(0.2, 1), random.uniform(0.2, 1), 40)[:, None] * size
    middle = random.uniform(0.1, 0.9, 2) * size
    points = middle + along * way + (along / size) ** 2 * random.normal(0, 0.15) * size * (way[::-1] * (-1, 1))
    lean = angle + np.pi / 2 + random.choice([0.0, random.normal(0, 0.5)])
    post = np.array([np.cos(lean), np.sin(lean)]) * random.uniform(0.1, 0.6) * size
    pitch, thin = random.uniform(1.5, 8) * width + 4, max(0.8, width * random.uniform(0.2, 1))
    base, covered = _colour(picture, random), _empty(picture)
    for step in np.arange(along[0, 0] + random.uniform(0, pitch), along[-1, 0], pitch):
        foot = np.array([np.interp(step, along[:, 0], points[:, axis]) for axis in (0, 1)])
        strip = _strip(np.array([foot, foot + post]), np.full(2, thin))
        cv2.fillPoly(covered, [_fixed(strip)], 255, cv2.LINE_AA, _BITS)
    out = _put(picture, covered, base, random)
    for share, aside in ((1.0, 0.0), (random.uniform(0.2, 0.6), random.uniform(-0.2, 0.2))):  # its lit side upon it
        covered, normal = _empty(picture), way[::-1] * (-1, 1) * aside * width
        strip = _strip(points + normal, np.full(len(points), width * share))
        cv2.fillPoly(covered, [_fixed(strip)], 255, cv2.LINE_AA, _BITS)
        out = np.maximum(out, _put(picture, covered, base, random))
        base = base * np.float32(np.exp(random.normal(0, 0.5)))
    return out


def moulding(picture: np.ndarray, random: Random) -> np.ndarray:
    """A cornice, a skirting, a frame, a seam of panels: bands along the border of two surfaces of unlike light."""
    size = max(picture.shape[:2])
    u, v = _turned(picture, random, steep=0.6)
    u = u + np.float32(random.normal(0, 0.2) / size) * v * v  # they follow walls that bow, ...
    if random.random() < 0.4:  # ... and turn corners
        u = u + np.float32(random.normal(0, 0.6)) * np.abs(v - np.float32(random.normal(0, 0.2) * size))
    count = random.integers(1, 6)
    ends = np.cumsum(np.r_[0.0, np.exp(random.uniform(0, 2.8, count))])
    levels = np.r_[0.0, random.normal(0, 0.5, count), random.choice([-1, 1]) * random.uniform(0.35, 1.3)]
    soft = np.float32(random.uniform(0.5, 2))
    shade = np.zeros_like(u)
    for end, step in zip(ends, np.diff(levels), strict=True):
        shade += np.float32(step) * np.clip((u - np.float32(end)) / soft + np.float32(0.5), 0, 1)
    if random.random() < 0.5:  # what juts out throws a shadow that fades
        below, depth, reach = u - np.float32(ends[-1]), random.uniform(0.2, 1), random.uniform(3, 40)
        shade -= np.float32(depth) * (below > 0) * np.exp(-np.maximum(below, 0) / np.float32(reach))
    picture *= np.exp(shade)[..., None]
    return np.zeros(picture.shape[:2], np.float32)


def _leaf(random: Random, kind: int, radius: float) -> np.ndarray:
    """A closed outline [N, 2] about the origin: 0 a polygon, 1 something round, 2 a box."""
    squeezed = random.uniform(0.15, 1) if random.random() < 0.6 else 1.0
    if kind == 0:
        angles = np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 8)))
        points = np.stack([np.cos(angles), np.sin(angles)], 1) * random.uniform(0.5, 1, (len(angles), 1))
    elif kind == 1:
        angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        wobble = 1 + random.uniform(0, 0.3) * np.sin(angles * random.integers(2, 6) + random.uniform(0, 6))
        points = np.stack([np.cos(angles), np.sin(angles)], 1) * wobble[:, None]
    else:
        points = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64)
    turn = random.uniform(0, np.pi) if random.random() < 0.7 else random.choice([0.0, np.pi / 2])
    cosine, sine = np.cos(turn), np.sin(turn)
    return points * (1, squeezed) @ np.array([[cosine, sine], [-sine, cosine]]) * radius


def _fill(picture: np.ndarray, points: np.ndarray, colour: np.ndarray, random: Random) -> None:
    height, width = picture.shape[:2]
    low = np.maximum(np.floor(points.min(0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(points.max(0)).astype(int) + 2, (width, height))
    if (high <= low).any():
        return
    part = picture[low[1] : high[1], low[0] : high[0]]
    _put(part, _filled(part, points - low), colour, random)


def _filled(part: np.ndarray, points: np.ndarray) -> np.ndarray:
    covered = _empty(part)
    cv2.fillPoly(covered, [_fixed(points)], 255, cv2.LINE_AA, _BITS)
    return covered


def _put(picture: np.ndarray, covered: np.ndarray, colour: np.ndarray, random: Random) -> np.ndarray:
    """Lays a colour over the picture where it is covered (bytes), shaded from one end to the other."""
    share = covered.astype(np.float32) * np.float32(1 / 255)
    height, width = share.shape
    slope = random.normal(0, 0.4, 2)
    shade = np.exp(np.linspace(-0.5, 0.5, height)[:, None] * slope[0] + np.linspace(-0.5, 0.5, width) * slope[1])
    picture += share[..., None] * (colour.astype(np.float32) * shade.astype(np.float32)[..., None] - picture)
    return share


def _colour(picture: np.ndarray, random: Random) -> np.ndarray:
    mean = picture[::8, ::8].reshape(-1, 3).mean(0)
    return (mean * np.exp(random.normal(-0.2, 0.9) + random.normal(0, 0.15, 3))).astype(np.float32)


def _strip(points: np.ndarray, widths: np.ndarray) -> np.ndarray:
    tangent = np.gradient(points, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1) / (np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9)
    aside = normal * widths[:, None] / 2
    return np.concatenate([points + aside, (points - aside)[::-1]])


def _turned(picture: np.ndarray, random: Random, steep: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    angle = random.uniform(0, np.pi) if random.random() < steep else random.normal(0, 0.08)
    y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
    x, y = x - random.uniform(0, picture.shape[1]), y - random.uniform(0, picture.shape[0])
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _to_line(value: np.ndarray) -> np.ndarray:
    return np.abs(value - np.rint(value))


def _empty(picture: np.ndarray) -> np.ndarray:
    return np.zeros(picture.shape[:2], np.uint8)


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(points * (1 << _BITS)), -(1 << 20), 1 << 20).astype(np.int32)
