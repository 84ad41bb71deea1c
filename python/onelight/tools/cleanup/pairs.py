"""How training pictures are made: a ground without wires, clutter, wires in linear light, a lens, a codec and grain.

Pictures are linear float32 [h, w, 3] with levels around 1 until they are coded for the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from onelight.temporal import encode
from onelight.tools.cleanup import clutter, detect, ridge
from onelight.tools.cleanup.wires import Pasted, Wire, paste

EDITION = "pictures 2"  # another one where the same seed draws other pictures: a training goes on with its own only
CROP = 192  # pixels
LIGHTS = 3  # pictures kept of a rendered scene: under two of its keys, and under its dome
LIBRARY, LEAVES = 160, 320  # dead-leaves pictures that a training draws upon, and their size
DELIVERED = 0.4  # share of grounds that come as small, hard-graded, compressed footage does
SEEN = (0.015, 0.06)  # stops: wires that differ less than the first are nobody's fault, those beyond the second count
WIDTHS = ((0.5, 2.0), (1.5, 14.0), (12.0, 24.0))  # pixels, of wires: the thin, the usual, the broad
CONTRASTS = (0.0, 0.05, 0.1, 0.3)  # by which wires differ from their ground at least
Images = dict[str, np.ndarray]
Random = np.random.Generator


def read(path: Path) -> Images:
    """One scene of the soundstage as the record that training keeps: its pictures under two keys and the dome."""
    with np.load(path) as scene:
        lit = np.concatenate([scene["keys"][[0, len(scene["keys"]) // 2]], scene["ambient"][None]])
        return {"lit": np.clip(lit, 0, 6e4), "matte": scene["matte"][..., None]}


def compose(
    arrays: Mapping[str, np.ndarray], rows: np.ndarray, library: np.ndarray, count: int, random: Random
) -> Images:
    """A batch: the network's inputs picture, hand and motion, and the truth stroke, width, along and weight.

    All are [count, CROP, CROP, channels]. `weight` says how much a pixel counts.
    """
    out: dict[str, list[np.ndarray]] = {}
    for _ in range(count):
        for name, value in sample(arrays, rows, library, random).items():
            out.setdefault(name, []).append(value)
    return {name: np.stack(values) for name, values in out.items()}


def sample(arrays: Mapping[str, np.ndarray], rows: np.ndarray, library: np.ndarray, random: Random) -> Images:
    """One crop of a batch."""
    ground = background(arrays, rows, library, random)
    before = np.zeros(ground.shape[:2], np.float32)  # what stands before the wires
    for _ in range(random.choice(4, p=[0.4, 0.35, 0.18, 0.07])):
        covered = clutter.draw(ground, random)
        if random.random() < 0.3:
            before = np.maximum(before, covered)
    ground = np.maximum(ground, 1e-4)
    if random.random() < 0.4:  # a wire is often sharper than what is behind it
        ground = cv2.GaussianBlur(ground, (0, 0), float(np.exp(random.uniform(-0.7, 1.4))))
    if random.random() < DELIVERED:
        ground = delivered(ground, random)
    wires = [_wire(random) for _ in range(random.choice(4, p=[0.35, 0.35, 0.2, 0.1]))]
    pasted = paste(ground, wires, float(random.uniform(0, 24)), before if before.any() else None)
    pictures, noise = photographed([pasted.picture, ground], random)
    level = encode.middle(pictures[0]) * 2.0 ** random.normal(0, 0.7)
    stops, clean = (ridge.stops_of(picture, level) for picture in pictures)
    weight = counting(pasted, np.abs(stops - clean), noise)
    return {
        "picture": detect.coded(pictures[0], level),
        "hand": detect.hand(stops),
        "motion": detect.motion(residual(stops, clean, random), stops.shape),
        "stroke": pasted.stroke[..., None],
        "width": np.log2(np.maximum(pasted.width, 0.25))[..., None],
        "along": pasted.along,
        "weight": weight[..., None],
    }


def _wire(random: Random) -> Wire:
    """A wire as they come: for the most part of 1.5 to 14 pixels, some of them barely seen."""
    low, high = WIDTHS[random.choice(len(WIDTHS), p=[0.15, 0.7, 0.15])]
    return Wire.draw(random, (CROP, CROP), width=(low, high), contrast=float(random.choice(CONTRASTS)))


def background(arrays: Mapping[str, np.ndarray], rows: np.ndarray, library: np.ndarray, random: Random) -> np.ndarray:
    """A ground without wires: a rendered set, dead leaves or a plain gradient, in any size, often with a texture."""
    kind = random.choice(["set", "leaves", "plain"], p=[0.6, 0.3, 0.1])
    if kind == "set":
        lit = _lit(arrays, int(random.choice(rows)), random)
        picture = _scaled(lit, float(random.choice([1, 1, 1.5, 2, 3])), random)
        if random.random() < 0.3:  # sharp detail upon soft shapes
            detail = _scaled(library[random.integers(len(library))], float(random.choice([0.7, 1, 1.5])), random)
            picture *= (detail / max(float(detail.mean()), 1e-3)) ** np.float32(random.uniform(0.2, 0.8))
    elif kind == "leaves":
        picture = _scaled(library[random.integers(len(library))], float(random.choice([0.7, 1, 1.5, 2.5])), random)
    else:
        corners = np.exp(random.normal(0, random.uniform(0, 0.8), (2, 2, 3))).astype(np.float32)
        picture = cv2.resize(corners, (CROP, CROP), interpolation=cv2.INTER_LINEAR)
    if random.random() < 0.5:
        texture = clutter.noise(random, CROP) * np.float32(np.exp(random.uniform(-4, -1)))
        picture = picture * np.exp(texture)[..., None]
    return np.ascontiguousarray(picture, np.float32)


def _lit(arrays: Mapping[str, np.ndarray], row: int, random: Random) -> np.ndarray:
    """A rendered scene under a random mixture of its lights, its mean at 1."""
    shares = np.exp(random.normal(0, 1.2, LIGHTS)) * (random.random(LIGHTS) < (0.7, 0.5, 0.8))
    tints = np.exp(random.normal(0, 0.15, (LIGHTS, 3)))
    gains = ((shares if shares.any() else np.ones(LIGHTS))[:, None] * tints).astype(np.float32)
    lit = arrays["lit"][row]
    picture = sum(lit[index].astype(np.float32) * gains[index] for index in range(LIGHTS) if gains[index].any())
    picture = np.asarray(picture)[..., random.permutation(3)]
    if random.random() < 0.5:  # a stage is black where nothing stands: let there be light behind
        behind = np.exp(random.normal(-0.5, 1, 3)).astype(np.float32) * np.float32(picture.mean() + 1e-3)
        picture = picture + (1 - arrays["matte"][row].astype(np.float32)) * behind
    return picture / np.float32(max(float(picture.mean()), 1e-4))


def _scaled(picture: np.ndarray, factor: float, random: Random) -> np.ndarray:
    """A random part of a square picture, enlarged by `factor` to the crop's size, turned by quarters, mirrored."""
    side = min(round(CROP / factor), picture.shape[0])
    top, left = random.integers(0, picture.shape[0] - side + 1, 2)
    part = np.rot90(picture[top : top + side, left : left + side], int(random.integers(4)))
    part = np.ascontiguousarray(part[:, :: random.choice([-1, 1])], np.float32)
    if side == CROP:
        return part
    how = cv2.INTER_AREA if side > CROP else cv2.INTER_CUBIC
    return np.maximum(cv2.resize(part, (CROP, CROP), interpolation=how), 0)


def photographed(pictures: list[np.ndarray], random: Random) -> tuple[list[np.ndarray], float]:
    """The pictures through one lens and one codec, with one grain; and that grain's deviation in a mid grey, stops.

    Now and then a camera has sharpened them, which draws a line along either side of every edge.
    """
    halo = (random.uniform(0.2, 1.2), random.uniform(0.7, 2.0)) if random.random() < 0.25 else None
    soft = random.uniform(0.3, 0.9) if random.random() < 0.35 else 0.0
    peak = np.float32(max(float(np.quantile(pictures[0][::4, ::4], 0.98)), 1e-4))
    strength = float(np.exp(random.uniform(np.log(5e-4), np.log(3e-2))))
    grain = random.standard_normal(pictures[0].shape, np.float32)
    if random.random() < 0.4:  # film's clumps, or a sensor's after debayering
        grain = cv2.GaussianBlur(grain, (0, 0), float(random.uniform(0.5, 1.1)))
        grain /= grain.std() + np.float32(1e-6)
    quality = int(random.integers(50, 96)) if random.random() < 0.3 else 0
    out = []
    for picture in pictures:
        if soft:
            picture = cv2.GaussianBlur(picture, (0, 0), soft)
        if halo:
            picture = np.maximum(picture + (picture - cv2.GaussianBlur(picture, (0, 0), halo[1])) * halo[0], 0)
        shot = picture + grain * (
            np.float32(strength) * peak * np.sqrt(np.maximum(picture, 0) / peak + np.float32(0.02))
        )
        out.append(_compressed(shot, peak, quality) if quality else shot)
    return out, strength / np.sqrt(0.18) / np.log(2)


def delivered(ground: np.ndarray, random: Random) -> np.ndarray:
    """A ground as old or small footage shows it: crushed shadows, few bits, blocks of a codec, enlarged."""
    peak = np.float32(max(float(np.quantile(ground[::4, ::4], 0.98)), 1e-4))
    if random.random() < 0.6:
        ground = (ground / peak) ** np.float32(random.uniform(1, 2.4)) * peak
    size, factor = ground.shape[1::-1], float(random.choice([1, 1, 1.5, 2]))
    if factor > 1:
        small = (round(size[0] / factor), round(size[1] / factor))
        ground = cv2.resize(ground, small, interpolation=cv2.INTER_AREA)
    ground = _compressed(ground, peak, int(np.exp(random.uniform(np.log(8), np.log(90)))), random.integers(0, 8, 2))
    if factor > 1:
        ground = cv2.resize(ground, size, interpolation=cv2.INTER_CUBIC)
    return np.maximum(ground, 1e-4)


def _compressed(
    picture: np.ndarray, peak: np.float32, quality: int, at: np.ndarray | tuple[int, int] = (0, 0)
) -> np.ndarray:
    """The picture as eight bits and a codec's blocks left it, the first of which began `at` (y, x) pixels before it."""
    shown = np.clip(picture / (peak * np.float32(1.2)), 0, 1) ** np.float32(1 / 2.2) * 255
    top, left = (int(v) for v in at)
    whole = cv2.copyMakeBorder(shown.astype(np.uint8), top, 0, left, 0, cv2.BORDER_REPLICATE)
    _, data = cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_QUALITY, quality])
    back = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert back is not None
    return (back[top:, left:].astype(np.float32) / 255) ** np.float32(2.2) * (peak * np.float32(1.2))


def counting(pasted: Pasted, apart: np.ndarray, noise: float) -> np.ndarray:
    """How much each pixel counts [h, w]: wires that nobody could see in this ground and grain do not.

    `apart` [h, w] is by how many stops the wires changed the picture.
    """
    inside = (pasted.stroke > 0.5).astype(np.float32)
    around = cv2.blur(inside, (17, 17)) + np.float32(1e-4)
    seen = cv2.blur(apart * inside, (17, 17)) / around
    low, high = SEEN[0] + 0.3 * noise, SEEN[1] + 0.8 * noise
    clear = np.clip((seen - low) / (high - low), 0, 1)
    return np.where(pasted.stroke > 0.05, clear, 1).astype(np.float32)


def residual(stops: np.ndarray, clean: np.ndarray, random: Random) -> np.ndarray | None:
    """What a comparison with neighbouring frames might say, in stops; None for the most part, as in a lone frame.

    Wires that moved against the ground show up, those that did not do not; flow that went astray shows up as well.
    """
    if random.random() < 0.65:
        return None
    out = np.abs(random.standard_normal(stops.shape, np.float32)) * np.float32(random.uniform(0, 0.1))
    if random.random() < 0.7:
        out += np.abs(stops - clean) * np.float32(random.uniform(0.4, 1))
    if random.random() < 0.6:
        shift = random.integers(-3, 4, 2)
        astray = np.abs(clean - np.roll(clean, tuple(shift), (0, 1)))
        where = cv2.resize(random.random((4, 4), np.float32), stops.shape[::-1], interpolation=cv2.INTER_CUBIC)
        out += astray * np.clip(where * 4 - 2.2, 0, 1)
    return cv2.GaussianBlur(out, (0, 0), float(random.uniform(0.3, 1.2)))
