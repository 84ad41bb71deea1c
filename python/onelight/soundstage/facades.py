"""Facades of houses: windows in reveals with frames and sills, doors, shops, bands, cornices, balconies, awnings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onelight.soundstage import cladding, materials, textures
from onelight.soundstage.carpentry import Relief, Set
from onelight.soundstage.cladding import Cladding
from onelight.soundstage.materials import Look
from onelight.soundstage.noise import smoothstep


@dataclass(frozen=True)
class Style:
    """How a house's front is divided, metres: a bay of windows is `bay` wide, a floor `floor` high."""

    bay: float
    floor: float
    ground: float
    floors: int
    window: tuple[float, float]
    sill: float
    reveal: float
    surround: float
    arched: bool
    panes: tuple[int, int]
    shop: bool

    @property
    def height(self) -> float:
        return self.ground + self.floors * self.floor + 0.6

    @staticmethod
    def drawn(rng: np.random.Generator) -> Style:
        bay, floor = rng.uniform(1.8, 3.6), rng.uniform(2.7, 3.8)
        window = (bay * rng.uniform(0.35, 0.7), floor * rng.uniform(0.45, 0.68))
        return Style(
            bay, floor, rng.uniform(3.0, 4.5), int(rng.integers(1, 6)), window, floor * rng.uniform(0.12, 0.28),
            rng.uniform(0.08, 0.3), rng.uniform(0, 0.2) * (rng.random() < 0.7), bool(rng.random() < 0.25),
            (int(rng.integers(1, 4)), int(rng.integers(1, 5))), bool(rng.random() < 0.6),
        )  # fmt: skip


def house(stage: Set, start: np.ndarray, along: np.ndarray, depth: float) -> float:
    """A house whose front runs from `start` by `along`, facing along × up; returns its height."""
    rng = stage.rng
    width = float(np.linalg.norm(along))
    way = along / width
    out = np.cross(way, (0.0, 1.0, 0.0))
    style = Style.drawn(rng)
    bays = max(1, round(width / style.bay))
    front = _front(rng, style, width / bays)
    columns = np.add.outer(np.arange(bays) * width / bays, _lines(width / bays / 2, style.window[0], style)).ravel()
    storeys = style.ground + np.arange(style.floors) * style.floor + style.sill
    rows = np.concatenate([

        np.add.outer(storeys, (-0.1, 0, 0.05, style.window[1])).ravel(),
        [0.4, style.ground - 0.5, style.ground - 0.25, style.ground, style.height - 0.6, style.height - 0.25],
    ])  # fmt: skip
    up = np.array([0, style.height, 0])
    part = stage.part()
    base = Look(np.array([0.5, 0.5, 0.5]), 0.7, 0.3)
    stage.panel(start, along, up, base, front, (columns.tolist(), rows.tolist()), part=part)
    turn = np.stack([way, (0.0, 1.0, 0.0), out], 1)
    side = materials.plain(rng, "plaster")
    # The body stands behind the deepest reveal; its flanks show where a neighbour is lower.
    stage.boxes(
        start + along / 2 + up / 2 - out * (depth / 2 + 0.5),
        [(width, style.height, depth)],
        side,
        0.05,
        turn,
        part,
        most=8,
    )
    middle = start + along / 2 + up
    stage.boxes(middle + out * 0.1, [(width + 0.1, 0.25, 0.8)], side, 0.08, turn, part, most=16)
    if rng.random() < 0.5:
        _roof(stage, middle, width, depth, turn)
    if rng.random() < 0.4:
        _balconies(stage, start, way, out, style, width / bays, bays)
    if style.shop and rng.random() < 0.6:
        _awning(
            stage,
            start + way * width * 0.1 + np.array([0, style.ground - 0.6, 0]),
            way,
            out,
            width * rng.uniform(0.4, 0.8),
        )
    return style.height


def _lines(middle: float, wide: float, style: Style) -> np.ndarray:
    edges = np.array([-wide / 2, -wide / 2 + 0.06, wide / 2 - 0.06, wide / 2])
    return middle + (
        np.concatenate([edges, edges[[0, -1]] + (-style.surround, style.surround)]) if style.surround else edges
    )


def _front(rng: np.random.Generator, style: Style, bay: float) -> Cladding:
    """Height and look of a front at places on it, metres."""
    covers = [
        lambda: cladding.plaster(rng, rough=0.003),
        lambda: cladding.masonry(rng, 0.24, 0.08, 0.006),
        lambda: cladding.masonry(rng, rng.uniform(0.5, 0.9), rng.uniform(0.25, 0.4), 0.02),
    ]
    cover = covers[int(rng.choice(3, p=[0.5, 0.3, 0.2]))]()
    low = cover if rng.random() < 0.5 else cladding.masonry(rng, 0.8, 0.45, 0.03)
    trim = materials.colour(rng, str(rng.choice(["pale", "grey", "earth"])))
    frame = materials.colour(rng, str(rng.choice(["pale", "dark", "vivid"], p=[0.5, 0.3, 0.2])))
    door = materials.colour(rng, str(rng.choice(["vivid", "dark", "earth"])))
    salt, drawn = rng.uniform(0, 50), materials.colour(rng, "pale")
    wide, tall = style.window

    def clad(u: np.ndarray, v: np.ndarray) -> Relief:
        upper = v >= style.ground
        above, below = cover(u, v), low(u, v)
        assert above.look is not None and below.look is not None
        colour = np.where(upper[:, None], above.look.colour, below.look.colour)
        height = np.where(upper, above.height, below.height)
        storey = np.where(upper, np.floor((v - style.ground) / style.floor), -1)
        number = np.floor(u / bay)
        x = np.abs(u - (number + 0.5) * bay)
        chance = textures.hashed(number, storey, salt)
        is_door = ~upper & (chance < (0.3 if style.shop else 0.25))
        half = np.where(upper | is_door, wide / 2, wide / 2 if not style.shop else bay * 0.42)
        foot = np.where(
            upper, style.ground + storey * style.floor + style.sill, np.where(is_door, 0.05, 0.4 if style.shop else 1.0)
        )
        head = np.where(upper, foot + tall, style.ground - 0.5)
        if style.arched:
            head = head - np.where(upper, half - np.sqrt(np.maximum(half**2 - np.minimum(x, half) ** 2, 0)), 0) * 0.8
        real = upper & (storey < style.floors) | ~upper
        inside = (x < half) & (v > foot) & (v < head) & real
        around = (x < half + style.surround) & (v > foot - 0.1) & (v < head + style.surround) & real & ~inside
        band = np.isclose(v, style.ground - 0.12, atol=0.13) | (v > style.height - 0.6) | (v < 0.4) & ~is_door
        trimmed = (around & (style.surround > 0)) | (band & ~inside)
        height = np.where(trimmed, 0.05 + 0.1 * (v > style.height - 0.6) + 0.2 * (v > style.height - 0.25), height)
        height = np.where((v > foot - 0.1) & (v <= foot) & (x < half + 0.1) & real & ~is_door, 0.12, height)
        colour = np.where(trimmed[:, None], trim, colour)
        edge = np.minimum(half - x, np.minimum(v - foot, head - v))
        pane = [np.abs((at % size) - size / 2) > size / 2 - 0.025 for at, size in
                ((x + half, 2 * half / style.panes[0]), (v - foot, tall / style.panes[1]))]  # fmt: skip
        framed = inside & ((edge < 0.06) | pane[0] | pane[1]) & ~is_door
        glass = inside & ~framed & ~is_door
        height = np.where(inside, -style.reveal - 0.04 * glass, height)
        panel = smoothstep(0.1, 0.14, np.minimum(edge, np.abs(v - 1.1) + 0.05))
        height = np.where(inside & is_door, -style.reveal - 0.03 * panel, height)
        behind = np.where((chance > 0.6)[:, None], drawn * (0.2 + 0.4 * chance)[:, None], (0.025, 0.03, 0.035))
        colour = np.where(framed[:, None], frame, colour)
        colour = np.where(glass[:, None], behind, colour)
        colour = np.where((inside & is_door)[:, None], door, colour)
        rough = np.where(glass, 0.08, np.where(framed, 0.4, above.look.roughness))
        shine = np.where(glass, 0.9, np.where(framed | inside, 0.4, above.look.specular))
        return Relief(height, Look(colour, rough, shine))

    return clad


def _roof(stage: Set, middle: np.ndarray, width: float, depth: float, turn: np.ndarray) -> None:
    """A pitched roof of tiles in courses, its ridge along the front, with chimneys."""
    rng = stage.rng
    way, out = turn[:, 0], turn[:, 2]
    pitch, half = rng.uniform(0.35, 0.9), depth / 2
    rise = np.array([0, half * pitch, 0])
    tile = cladding.masonry(rng, 0.22, 0.3, 0.03)
    grey = Look(np.array([0.2, 0.2, 0.2]), 0.8, 0.1)
    stage.panel(middle - way * width / 2 + out * 0.3, way * width, rise - out * half, grey, tile)
    stage.panel(middle + way * width / 2 - out * (depth - 0.3), -way * width, rise + out * half, grey, tile)
    count = int(rng.integers(0, 3))
    if count:
        at = middle + rise * 0.9 - out * half * 0.8 + way * (width * rng.uniform(-0.4, 0.4, (count, 1)))
        stage.boxes(at, [(0.7, 1.8, 0.5)], materials.plain(rng, "clay"), 0.02, turn)


def _balconies(
    stage: Set, start: np.ndarray, way: np.ndarray, out: np.ndarray, style: Style, bay: float, bays: int
) -> None:
    rng = stage.rng
    turn = np.stack([way, (0.0, 1.0, 0.0), out], 1)
    iron = materials.plain(rng, "plastic", materials.colour(rng, "dark"))
    slabs, bars = [], []
    for storey in range(style.floors):
        for number in range(bays):
            if rng.random() < 0.6:
                at = start + way * (number + 0.5) * bay + out * 0.4
                at = at + np.array([0, style.ground + storey * style.floor + style.sill - 0.1, 0])
                slabs.append(at)
                bars += [
                    at + way * x + out * 0.36 + np.array([0, 0.5, 0]) for x in np.linspace(-0.45, 0.45, 9) * bay * 0.9
                ]
                bars.append(at + out * 0.36 + np.array([0, 1.0, 0]))
    if slabs:
        stage.boxes(np.array(slabs), [(bay * 0.85, 0.12, 0.8)], materials.plain(rng, "plaster"), 0.02, turn)
        sizes = np.tile([(0.025, 1.0, 0.025)] * 9 + [(bay * 0.85, 0.04, 0.05)], (len(slabs), 1))
        stage.boxes(np.array(bars), sizes, iron, 0.004, turn)


def _awning(stage: Set, at: np.ndarray, way: np.ndarray, out: np.ndarray, width: float) -> None:
    rng = stage.rng
    tones, stripe = materials.palette(rng, 2), rng.uniform(0.15, 0.5)

    def dye(points: np.ndarray, uv: np.ndarray) -> Look:
        return Look(tones[(uv[:, 0] / stripe % 1 > 0.5).astype(int)], 0.9, 0.05)

    def sag(points: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return points - np.stack([0 * u, 0.08 * np.sin(np.pi * v / 1.4) + 0.02 * np.sin(u * 7), 0 * u], 1)

    stage.panel(at + out * 1.3 - np.array([0, 0.5, 0]), way * width, -out * 1.3 + np.array([0, 0.6, 0]), dye, shape=sag)
