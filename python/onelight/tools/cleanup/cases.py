"""Shots with a known answer: wires pasted on held-out footage, standing still or moving across what they hide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np

from onelight.temporal.encode import luminance, middle
from onelight.tools.cleanup import footage, wires
from onelight.tools.cleanup.footage import Clip, Footage
from onelight.tools.cleanup.wires import Wire

STATIC, REVEALED = "fill_static", "fill_revealed"
WIDTHS = (2, 4, 8, 12, 24)  # px across
WIDE = 12  # px: beyond it, finding is scored apart
CONTRASTS = (0.05, 0.1, 0.3)  # of the wire to what is behind it, at least
PER_CLIP = 2  # shots of each split that are made of a clip
SEEN = 0.05  # of the light behind it: what differs less from it is not asked for
HIDES = 0.005  # coverage from which a pixel counts as hidden
CLEARANCE = 8.0  # px that a wire goes beyond its own width, so that neighbours show all of what it hid
LEAST = 160  # pixels that a wire hides
CLEAR = 0.5  # share of it that can be seen; of a wire that has less of either another is drawn
TRIES = 16


@dataclass(frozen=True)
class Lines:
    """A frame's wires as points on their centre lines, evenly spaced."""

    points: np.ndarray  # [n, 2] px, x right, y down, pixel centres at .5
    visible: np.ndarray  # [n] bool


@dataclass(frozen=True)
class Case:
    """A shot and what is hidden in it."""

    name: str
    scene: str  # what is resampled as one: shots of the same footage err alike
    split: str
    labels: Mapping[str, str]  # width, contrast, motion: what rows are grouped by
    tested: Sequence[int]  # frames that are scored, one after the other
    plates: Mapping[int, np.ndarray]  # scene-linear ACEScg [H, W, 3] by frame
    truths: Mapping[int, np.ndarray]
    holes: Mapping[int, np.ndarray]  # [H, W] bool: what the wire hides, given to the fill; empty: nobody drew one
    lines: Mapping[int, Lines]  # of tested frames; empty where there is no matte
    motions: Mapping[int, np.ndarray]  # [H, W, 2] from a tested frame to the next, of what is behind the wires
    cleans: Mapping[int, np.ndarray]  # of tested frames, the truth without grain, where that is known
    wide: bool = False  # wires wider than `WIDE`
    clean: bool = False  # whether the true frames are asked about as frames without wires, too


@dataclass(frozen=True)
class Work:
    """A case that is made when its turn comes."""

    name: str
    load: Callable[[], Case]


def pasted(clips: Sequence[Clip]) -> list[Work]:
    """Every clip with wires of `PER_CLIP` widths in turn, once hiding the same all the time, once moving on."""
    works = []
    for place, clip in enumerate(clips):
        for split in (STATIC, REVEALED):
            for turn in range(PER_CLIP):
                number = PER_CLIP * place + turn + (split == REVEALED)
                width, contrast = WIDTHS[number % len(WIDTHS)], CONTRASTS[number % len(CONTRASTS)]
                name = f"{clip.name}_{split.removeprefix('fill_')}_{width}px"
                works.append(Work(name, partial(_pasted, clip, split, width, contrast, name)))
    return works


def _pasted(clip: Clip, split: str, width: int, contrast: float, name: str) -> Case:
    shot = clip.load()
    if split == STATIC:
        shot = footage.repeated(shot.frames[footage.TESTED[0]])
    random = np.random.default_rng([footage.SEED, 2, *name.encode()])
    times = range(footage.FRAMES)
    wire, covers = _wire(shot, split, width, contrast, random)
    level = middle(shot.frames[0])
    field_of, strength, softness = footage.grain_of(name)
    plates, truths, holes, lines = {}, {}, {}, {}
    cleans = {time: shot.frames[time] for time in footage.TESTED}
    for time in times:
        clean = shot.frames[time]
        over = wires.paste(clean, [wire], _moment(time))
        field = footage.grain(clean.shape, softness, field_of)
        truths[time] = footage.grained(clean, field, strength, level)
        holes[time] = cv2.dilate((covers[time] > HIDES).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        grained = footage.grained(over.picture, field, strength, level)
        plates[time] = np.where(holes[time][..., None], grained, truths[time])
        if time in footage.TESTED:
            lines[time] = _lines(wire, time, clean, over.picture)
    labels = {"width": f"{width} px", "contrast": f"{100 * contrast:.0f} %", "motion": clip.motion}
    if split == STATIC:
        labels["motion"] = "still"
    motions = {time: shot.motions[time] for time in footage.TESTED[:-1]}
    wide = width > WIDE
    return Case(name, clip.name, split, labels, footage.TESTED, plates, truths, holes, lines, motions, cleans, wide)


def _moment(time: int) -> float:
    """The wire's own clock, which stands at 0 halfway between the tested frames."""
    return time - (footage.TESTED[0] + footage.TESTED[-1]) / 2


def _wire(
    shot: Footage, split: str, width: int, contrast: float, random: np.random.Generator
) -> tuple[Wire, list[np.ndarray]]:
    """A wire that hides enough in the tested frames and can be seen there, and its coverage [H, W] in each frame."""
    shape = shot.frames[0].shape
    black = np.zeros(shape, np.float32)
    for last in (*[False] * (TRIES - 1), True):
        wire = Wire.draw(random, shape[:2], width=width, contrast=contrast, moves=False)
        if split == REVEALED:
            wire = _moving(wire, shot.motions[footage.TESTED[0]], random)
        covers = [wires.paste(black, [wire], _moment(time)).matte for time in range(footage.FRAMES)]
        if last or (min(int((covers[time] > HIDES).sum()) for time in footage.TESTED) >= LEAST and _clear(wire, shot)):
            return wire, covers
    raise AssertionError("the last try returns")


def _clear(wire: Wire, shot: Footage) -> bool:
    time = footage.TESTED[0]
    clean = shot.frames[time]
    visible = _lines(wire, time, clean, wires.paste(clean, [wire], _moment(time)).picture).visible
    return bool(len(visible)) and float(visible.mean()) >= CLEAR


def _moving(wire: Wire, motion: np.ndarray, random: np.random.Generator) -> Wire:
    """The wire drifting across the background, so fast that four frames on it hides nothing of what it hides now."""
    along = wire.rest[-1] - wire.rest[0]
    normal = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
    behind = float(np.median(motion @ normal))
    pace = (wire.width + CLEARANCE) / 4 * random.uniform(1.0, 1.4)
    step = behind - np.copysign(pace, behind if behind else random.uniform(-1, 1))
    return replace(wire, drift=tuple(float(v) for v in normal * step), shutter=float(random.choice((0.0, 0.3))))


def _lines(wire: Wire, time: int, clean: np.ndarray, picture: np.ndarray) -> Lines:
    """Where the wire's centre line is in frame, and where it differs from what is behind it by `SEEN` or more."""
    points = wire.at(_moment(time))
    height, width = clean.shape[:2]
    inside = (points >= 0).all(axis=1) & (points[:, 0] < width) & (points[:, 1] < height)
    part = np.linspace(0, 1, len(points))
    for first, last in wire.hidden:
        inside &= (part < first) | (part > last)
    points = points[inside].astype(np.float32)
    behind, over = (luminance(np.ascontiguousarray(image, np.float32)) for image in (clean, picture))
    ground = cv2.GaussianBlur(behind, (0, 0), 4.0)
    differs = np.abs(over - behind) / np.maximum(ground, 1e-6)
    strongest = cv2.dilate(differs, np.ones((3, 3), np.uint8))
    column, row = points.astype(int).T
    return Lines(points, strongest[row, column] >= SEEN)
