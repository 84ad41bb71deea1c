"""Plates with a known answer, what is told about their light, and how held-out scenes become such plates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from onelight.tools.relight.light import angles

if TYPE_CHECKING:
    from onelight.soundstage.scenes import Scene

# Key : fill told where a lone lamp lights the scene and nobody measured what the room gives back. Versions that do not
# hedge by themselves are told a gentler one, which pays the more the less certain the surface is: on training families
# soundstage3 gains most at 4 to 6, 0.15 dB less at 14; with true normals anything from 12 to 34 is as good.
DARK_ROOM = 12.0
GENTLE = 6.0
DARK_AMBIENT = 0.03  # of the key: what a dark room gives back, beside the scene's own bounces
RATIOS = (2.0, 8.0)  # key : fill of the mixed cases, as a set is lit
FRONT = 0.2  # of a unit vector to the lamp, towards the camera
SUBJECTS = ("objects", "faces")  # kinds whose matte is a subject's; elsewhere it is all that is not sky


@dataclass(frozen=True)
class Lamp:
    """One lighting as the tool is told about it."""

    towards: np.ndarray  # unit vector [3]: x right, y up, z to camera
    ratio: float  # (key + fill) : fill
    degrees: float = 0.5  # its angular diameter
    measured: bool = True  # whether the ratio is; otherwise it may be told gentler

    def told(self, gentle: bool) -> float:
        """The ratio that a method is told."""
        return min(self.ratio, GENTLE) if gentle and not self.measured else self.ratio

    def knobs(self, prefix: str, ratio: str, gentle: bool = False) -> dict[str, float]:
        """The knobs for it; `prefix` is 'present' or 'key', `ratio` the name of that light's ratio knob."""
        azimuth, elevation = angles(self.towards)
        shadows = {"shadow_softness": self.degrees} if prefix == "key" else {}
        return {
            f"{prefix}_azimuth": azimuth,
            f"{prefix}_elevation": elevation,
            f"{prefix}_softness": softness_knob(self.degrees),
            ratio: self.told(gentle),
            **shadows,
        }


@dataclass(frozen=True)
class Target:
    """One question about a plate: how does it look under `lamp`?"""

    case: str
    lamp: Lamp
    truth: np.ndarray  # [n, 3] linear float32, the answer inside the mask
    picture: Callable[[], np.ndarray]  # the whole answer [H, W, 3]


@dataclass(frozen=True)
class Case:
    """One plate, the light it was shot in, and the questions about it."""

    scene: str  # what is resampled as one: pictures of the same things err alike
    split: str
    light: str  # 'directional', 'mixed', or 'photographed'
    plate: np.ndarray  # linear float32 [H, W, 3]
    lamp: Lamp
    mask: np.ndarray  # [H, W] bool, where the answer counts
    targets: Sequence[Target]
    matte: np.ndarray | None = None  # [H, W] 0..1, given to the tool where there is a subject
    normals: np.ndarray | None = None  # the true ones [H, W, 3], where known
    sky: bool = False  # whether the tool looks for sky, as it does by default; a lone object has none


@dataclass(frozen=True)
class Work:
    """A case that is read when its turn comes."""

    name: str
    questions: int
    load: Callable[[], Case]


def softness_knob(degrees: float) -> float:
    """The softness knob (0..1) for a lamp of that angular diameter.

    Where its middle sets behind the surface, a disc of angular radius r still gives 2 sin r / 3 pi of what it gives a
    surface that faces it; the knob's wrap of 0.8 s gives 0.8 s / (1 + 0.8 s).
    """
    share = 2 * np.sin(np.radians(degrees / 2)) / (3 * np.pi)
    return float(np.clip(share / (1 - share) / 0.8, 0, 1))


def questions_of(scene: Scene, name: str, kind: str, seed: int) -> Iterator[Case]:
    """Two ordered pairs of lights under a lone lamp ('directional'), two with the light of a set ('mixed').

    The lamps stand before the camera, as far as the scene has two of those: what is lit from behind shows little more
    than glints. Both plates of a pair have the same ambient light; softness and ratio are told as they are, but for
    the ratio of the lone lamp, which is `DARK_ROOM`.
    """
    random = np.random.default_rng([seed, len(scene.lights)])
    nearest = np.argsort(-scene.lights[:, 2], kind="stable")
    front = nearest[: max(2, int((scene.lights[:, 2] > FRONT).sum()))]
    covered = np.abs(scene.normals).sum(axis=-1) > 0.5
    mask = (scene.matte > 0.5) & covered
    shared: dict[str, Any] = {"scene": name, "split": kind, "mask": mask, "normals": scene.normals}
    shared |= {"matte": scene.matte if kind in SUBJECTS else None, "sky": kind not in SUBJECTS}
    for light in ("directional", "mixed"):
        told = DARK_ROOM
        order = random.permutation(front)
        for first, second in ((order[0], order[1]), (order[1], order[2 % len(order)])):
            ambient = DARK_AMBIENT
            if light == "mixed":
                told = float(np.exp(random.uniform(*np.log(RATIOS))))
                ambient = 1 / (told - 1)
            given = light == "mixed"
            lamps = [Lamp(scene.lights[i], told, float(scene.softness[i]), given) for i in (first, second)]
            plate, answer = (scene.keys[i] + scene.ambient * np.float32(ambient) for i in (first, second))
            target = Target(f"{name}_{light}_{first}_{second}", lamps[1], answer[mask], lambda answer=answer: answer)
            yield Case(light=light, plate=plate, lamp=lamps[0], targets=(target,), **shared)
