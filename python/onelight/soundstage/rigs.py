"""Set-ups as a director of photography names them: lights in lux and Kelvin, a lens in T-stops, and their picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from onelight.soundstage.mesh import Floats
from onelight.soundstage.scenes import Scene

# ACEScg from CIE XYZ (Academy S-2014-004), for light sources whose spectrum is that of a black body.
XYZ_TO_RGB = np.array(
    [
        [1.6410233797, -0.3248032942, -0.2364246952],
        [-0.6636628587, 1.6153315917, 0.0167563477],
        [0.0117218943, -0.0082844420, 0.9883948585],
    ]
)
LUMINANCE = np.array([0.2722287168, 0.6740817658, 0.0536895174])  # of ACEScg
METER = 2.5  # lux at EV100 0 for an incident meter, calibrated to C = 250 (ISO 2720)


@dataclass(frozen=True)
class Light:
    """A light as its meter reads it at the subject."""

    lux: float = 0.0
    kelvin: float = 5600.0
    softness: float = 0.5  # angular diameter, degrees


@dataclass(frozen=True)
class Lens:
    """What stands between the light and the picture. `veil`: the share of light that is scattered over the frame."""

    stop: float = 5.6  # T
    shutter: float = 1 / 48  # seconds
    iso: float = 800.0
    nd: float = 0.0  # stops of neutral density
    balance: float = 5600.0  # Kelvin that the camera shows as neutral
    veil: float = 0.01
    vignette: float = 0.08  # loss of light in the corners

    def ev100(self) -> float:
        """The exposure value, referred to ISO 100; higher is darker."""
        return float(np.log2(self.stop**2 / self.shutter) - np.log2(self.iso / 100) + self.nd)

    def exposure(self) -> float:
        """Scene-linear value of a white Lambertian surface under 1 lux; a metered one comes out as its reflectance."""
        return float(1 / (METER * 2 ** self.ev100()))


@dataclass(frozen=True)
class Rig:
    """A whole set-up. The sky is a dome all round of the given illuminance on a level surface."""

    key: Light
    fill: Light = field(default_factory=Light)
    rim: Light = field(default_factory=Light)
    sky: Light = field(default_factory=Light)
    lens: Lens = field(default_factory=Lens)

    def varied(self, rng: np.random.Generator, stops: float = 0.7) -> Rig:
        """The set-up as another crew would build it: each light, its colour and the exposure a little different."""

        def other(light: Light) -> Light:
            lux, kelvin = light.lux * 2 ** rng.normal(0, stops), light.kelvin * np.exp(rng.normal(0, 0.08))
            return replace(light, lux=float(lux), kelvin=float(np.clip(kelvin, 1700, 25000)))

        stop = float(self.lens.stop * 2 ** (rng.normal(0, stops) / 2))
        veil, vignette = float(rng.uniform(0, 0.03)), float(rng.uniform(0, 0.25))
        balance = float(self.lens.balance * np.exp(rng.normal(0, 0.06)))
        lens = replace(self.lens, stop=stop, veil=veil, vignette=vignette, balance=balance)
        return Rig(other(self.key), other(self.fill), other(self.rim), other(self.sky), lens)


RIGS = {
    "noon sun": Rig(Light(100_000, 5500), sky=Light(20_000, 9500), lens=Lens(nd=8)),
    "overcast": Rig(Light(3_000, 6500, 40), sky=Light(12_000, 6800), lens=Lens(nd=5, balance=6500)),
    "golden hour": Rig(Light(10_000, 3300), sky=Light(2_200, 9000), lens=Lens(stop=4, nd=5, balance=4800)),
    "window light": Rig(Light(1_500, 6500, 40), sky=Light(120, 5000), lens=Lens(stop=2.8, iso=640, nd=3)),
    "tungsten": Rig(
        Light(1_200, 3200, 12),
        fill=Light(260, 3200, 40),
        rim=Light(900, 3400),
        sky=Light(15, 3200),
        lens=Lens(iso=500, balance=3200),
    ),
    "moonlight": Rig(
        Light(0.25, 4100), sky=Light(0.02, 9000), lens=Lens(stop=1.4, shutter=1 / 24, iso=12_800, balance=3800)
    ),
}


def black_body(kelvin: float) -> np.ndarray:
    """The colour of a black body, linear ACEScg [3] of luminance 1: Planck's law seen by the standard observer.

    The observer is the sum of Gaussian lobes of Wyman, Sloan and Shirley (2013).
    """
    wave = np.arange(380.0, 781.0, 5.0)
    power = wave**-5 / np.expm1(1.4387769e7 / (wave * kelvin))

    def lobe(height: float, centre: float, below: float, above: float) -> np.ndarray:
        return height * np.exp(-0.5 * ((wave - centre) * np.where(wave < centre, below, above)) ** 2)

    x = lobe(0.362, 442.0, 0.0624, 0.0374) + lobe(1.056, 599.8, 0.0264, 0.0323) + lobe(-0.065, 501.1, 0.0490, 0.0382)
    y = lobe(0.821, 568.8, 0.0213, 0.0247) + lobe(0.286, 530.9, 0.0613, 0.0322)
    z = lobe(1.217, 437.0, 0.0845, 0.0278) + lobe(0.681, 459.0, 0.0385, 0.0725)
    colour = XYZ_TO_RGB @ np.array([x @ power, y @ power, z @ power])
    return colour / (colour @ LUMINANCE)


def cast(scene: Scene, rig: Rig, rng: np.random.Generator) -> tuple[int, int, int]:
    """Which of a scene's lights play key, fill and rim: the key as soft as asked for, the fill from its other side."""
    soft = np.abs(np.log(scene.softness / rig.key.softness))
    front = scene.lights[:, 2] > 0
    fits = np.flatnonzero((soft <= soft.min() + 0.7) & (front if front.any() else True))
    key = int(rng.choice(fits)) if len(fits) else int(np.argmin(soft))
    others = np.delete(np.arange(len(scene.lights)), key)
    if len(others) == 0:
        return key, key, key
    across = scene.lights[others] * (-np.sign(scene.lights[key, 0]), 0, 0.5)
    fill = int(others[np.argmax(across.sum(1))])
    rim = int(others[np.argmin(scene.lights[others, 2])])
    return key, fill, rim


def picture(
    scene: Scene, rig: Rig, rng: np.random.Generator | None = None, roles: tuple[int, int, int] | None = None
) -> Floats:
    """The scene as the rig's camera records it, scene-linear float32 [S, S, 3].

    Light adds up, so the passes do; then exposure, veil and bloom of the lens, vignette, and, with a generator, the
    noise of photons and of reading out. Without one the picture is clean. `roles` are the key, fill and rim among the
    scene's lights; else they are cast.
    """
    balance = black_body(rig.lens.balance)
    key, fill, rim = roles or cast(scene, rig, rng or np.random.default_rng(0))
    light = scene.ambient * _tint(rig.sky, balance)
    for index, source in ((key, rig.key), (fill, rig.fill), (rim, rig.rim)):
        if source.lux > 0:
            light = light + scene.keys[index] * _tint(source, balance)
    seen = through(light * rig.lens.exposure(), rig.lens)
    return seen if rng is None else noisy(seen, rig.lens.iso, rng)


def _tint(light: Light, balance: np.ndarray) -> np.ndarray:
    return light.lux * black_body(light.kelvin) / balance


def through(image: Floats, lens: Lens) -> Floats:
    """Scene-linear light [S, S, 3] as the lens passes it: scattered a little far and wide, darker in the corners."""
    size = max(image.shape[:2])
    image = np.ascontiguousarray(image, np.float32)
    if lens.veil > 0:
        near = cv2.GaussianBlur(image, (0, 0), size / 48)
        wide = cv2.GaussianBlur(image, (0, 0), size / 8, borderType=cv2.BORDER_REFLECT)
        image = image * (1 - lens.veil) + (near * 0.5 + wide * 0.3 + image.mean((0, 1)) * 0.2) * lens.veil
    y, x = np.meshgrid(*(np.linspace(-1, 1, length) for length in image.shape[:2]), indexing="ij")
    return (image * (1 - lens.vignette * (x * x + y * y) / 2)[..., None]).astype(np.float32)


def noisy(image: Floats, iso: float, rng: np.random.Generator) -> Floats:
    """The image as a sensor counts it: about 8 000 electrons for the value 1 at ISO 1000, 3 electrons to read out."""
    electrons = 8e6 / iso
    counted = rng.poisson(np.maximum(image, 0) * electrons) + rng.normal(0, 3.0, image.shape)
    return (counted / electrons).astype(np.float32)
