"""A look in a dozen figures that a person can say aloud, and what differs between two looks beyond doubt."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np

from onelight.look.fingerprint import Look
from onelight.look.tone import GREY


@dataclass(frozen=True)
class Figure:
    """One number with half the width of its 95 % interval, as it is written, and the measurement it is from."""

    measurement: str
    name: str
    value: float
    error: float
    unit: str
    digits: int = 2

    def __str__(self) -> str:
        return f"{self.value:+.{self.digits}f} ± {self.error:.{self.digits}f} {self.unit}".strip()


def figures(look: Look) -> list[Figure]:
    """The figures of a look, those of measurements that the footage could not tell left out."""
    out: list[Figure] = []
    if tone := look.tone:
        out += [
            Figure("tone", "middle of the picture", tone.stops.read(50), tone.stops.doubt(50), "stops from grey", 1),
            Figure("tone", "shadows (5 %)", tone.stops.read(5), tone.stops.doubt(5), "stops from grey", 1),
            Figure("tone", "highlights (95 %)", tone.stops.read(95), tone.stops.doubt(95), "stops from grey", 1),
        ]
    if vignette := look.vignette:
        out.append(Figure("vignette", "corner", vignette.corner, vignette.loss.error[-1], "stops"))
    if fringes := look.fringes:
        shifts = zip(("red", "blue"), fringes.pixels(look.picture), (fringes.red, fringes.blue), strict=True)
        half = float(np.hypot(*look.picture)) / 2000
        out += [Figure("fringes", f"{name} at the corner", px, c.error[-1] * half, "px") for name, px, c in shifts]
    if grain := look.grain:
        at = min(max(GREY, grain.green.at[0]), grain.green.at[-1])
        where = "at grey" if at == GREY else f"at {np.log2(at / GREY):+.1f} stops"
        percent = 100 / at
        out += [
            Figure(
                "grain", f"{where}", grain.green.read(at) * percent, grain.green.doubt(at) * percent, "% of the light"
            ),
            Figure("grain", "width", grain.size, 0.1 * grain.size, "px"),
        ]
    if bloom := look.bloom:
        for name, curve in (("red", bloom.red), ("green", bloom.green), ("blue", bloom.blue)):
            share, doubt = curve.read(0.02) * 100, curve.doubt(0.02) * 100
            out.append(Figure("bloom", f"{name} falling beyond 2 % of the height", share, doubt, "%"))
    if skin := look.skin:
        names = ("red over green", "blue over green")
        colours = zip(names, skin.colour, skin.colour_error, strict=True)
        out += [Figure("skin", name, value, error, "stops") for name, value, error in colours]
        out.append(Figure("skin", "level", skin.level[1], skin.level_error[1], "stops from grey"))
    return out


@dataclass(frozen=True)
class Difference:
    """One figure in two looks; `apart` where they differ by more than both their doubts."""

    one: Figure
    two: Figure

    @property
    def apart(self) -> bool:
        """Whether chance alone hardly explains it (95 %)."""
        return abs(self.one.value - self.two.value) > hypot(self.one.error, self.two.error)


def differences(one: Look, two: Look) -> list[Difference]:
    """The figures that both looks have."""
    others = {(figure.measurement, figure.name): figure for figure in figures(two)}
    found = ((figure, others.get((figure.measurement, figure.name))) for figure in figures(one))
    return [Difference(figure, other) for figure, other in found if other is not None]
