"""Heads pushed out of an egg: brow, sockets, lids, nose, lips, chin, ears, hair and wrinkles as displacements of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onelight.soundstage import reliefs
from onelight.soundstage.families import Built, family
from onelight.soundstage.mesh import Mesh, merged
from onelight.soundstage.noise import Noise, smoothstep
from onelight.soundstage.surfaces import finished, pushed, sphere, swept, vertices_wanted

_HAIR = (reliefs.hair, reliefs.hair, reliefs.lumps, reliefs.cobbles, reliefs.wrinkles, reliefs.scales)


@dataclass(frozen=True)
class _Face:
    """What makes one face unlike another; lengths in half heads, y up from the middle of the head."""

    eye_x: float
    eye_y: float
    eye: float  # half width of the opening
    lid: float  # 0 shut to 1 wide open
    nose: float  # how far the tip stands out
    nose_wide: float
    nose_y: float  # the tip's height
    hook: float
    mouth_y: float
    mouth: float  # half width
    lips: float
    smile: float
    gape: float
    brow: float
    cheek: float
    chin: float
    age: float

    @staticmethod
    def drawn(rng: np.random.Generator) -> _Face:
        """A face from proportions that sculptors use, exaggerated now and then."""
        u, wild = rng.uniform, float(rng.choice([1.0, rng.uniform(1.0, 1.8)]))
        return _Face(
            eye_x=u(0.23, 0.3), eye_y=u(0.05, 0.14), eye=u(0.09, 0.12) * wild**0.5, lid=u(0.2, 1),
            nose=u(0.14, 0.26) * wild, nose_wide=u(0.07, 0.12) * wild**0.5, nose_y=u(-0.22, -0.12), hook=u(-0.05, 0.08),
            mouth_y=u(-0.46, -0.38), mouth=u(0.13, 0.22) * wild**0.3, lips=u(0.02, 0.06) * wild,
            smile=rng.normal(0, 0.04) * wild, gape=max(0.0, rng.normal(-0.02, 0.04)) * wild, brow=u(0.02, 0.09) * wild,
            cheek=u(0.0, 0.08) * wild, chin=u(0.02, 0.14) * wild, age=float(rng.choice([0.0, u(0.1, 1.0)])),
        )  # fmt: skip


@family("heads", kind="faces")
def heads(rng: np.random.Generator, detail: float) -> Built:
    """An egg with a face raised from it, hair or beard in locks and strands, a neck, and skin with lines and pores."""
    directions, faces = sphere(vertices_wanted(detail, 0.9))
    noise, face = Noise(rng), _Face.drawn(rng)
    egg = directions * np.array([rng.uniform(0.66, 0.78), 1, rng.uniform(0.78, 0.92)], np.float32)
    x, y, z = egg.T.astype(np.float64)
    jaw = 1 - rng.uniform(0.1, 0.32) * smoothstep(0.0, -0.95, y)
    x, z = x * jaw, z * (1 - 0.08 * smoothstep(-0.2, -1, y)) + 0.1 * smoothstep(-0.2, -0.8, y)
    x = x + 0.012 * noise(egg, 1.0)  # nobody is symmetric
    front = smoothstep(-0.05, 0.3, z)
    z = z + front * _features(face, x, y)
    ear, calm = _ears(rng, x, y, z)
    x = x + np.sign(x) * ear
    shaped = np.stack([x, y, z], 1)
    mesh = Mesh(shaped, faces)
    hair = _hair(rng, noise, face, mesh.vertices) * calm
    height = hair * (rng.uniform(0.0, 0.08) + _strands(rng, mesh.vertices))
    height += (1 - hair) * (
        _lines(face, noise, mesh.vertices) + 0.35 * calm * reliefs.worn(rng, mesh.vertices, bare=0.5)
    )
    whole = Mesh(pushed(mesh, height).vertices, faces, part=np.where(hair > 0.5, 2, 1).astype(np.uint16))
    return Built(finished(rng, merged([whole, _neck(rng, detail)])))


def _bump(x: np.ndarray, y: np.ndarray, at: tuple[float, float], size: tuple[float, float]) -> np.ndarray:
    return np.exp(-(((x - at[0]) / size[0]) ** 2) - ((y - at[1]) / size[1]) ** 2)


def _features(f: _Face, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far each vertex of the front comes forward for the features of the face."""
    side = np.abs(x)
    forward = f.brow * _bump(side, y, (f.eye_x, f.eye_y + 0.17 - 0.3 * (side - f.eye_x).mean()), (0.2, 0.06))
    forward += f.cheek * _bump(side, y, (0.36, -0.12), (0.17, 0.16)) - 0.04 * _bump(side, y, (0.42, -0.4), (0.13, 0.2))
    forward -= 0.13 * _bump(side, y, (f.eye_x, f.eye_y), (f.eye * 1.45, f.eye * 1.0))
    forward += _eyes(f, side, y)
    # The nose grows from the bridge to the tip, and ends below it within a short way.
    along = (f.eye_y + 0.06 - y) / (f.eye_y + 0.06 - f.nose_y)
    ridge = np.clip(along, 0, 1) ** 1.2 + f.hook * np.sin(np.pi * np.clip(along, 0, 1)) * 3
    ridge = (0.25 + 0.75 * ridge) * smoothstep(-0.3, 0.1, along) * smoothstep(1.32, 1.02, along)
    wide = 0.045 + (f.nose_wide - 0.03) * np.clip(along, 0, 1.2) ** 2
    forward += f.nose * ridge * np.exp(-((side / wide) ** 2))
    wing = (f.nose_wide * 0.95, f.nose_y - 0.02)
    forward += 0.4 * f.nose * _bump(side, y, wing, (0.045, 0.055))
    forward -= 0.3 * f.nose * _bump(side, y, (f.nose_wide * 0.5, f.nose_y - 0.075), (0.03, 0.022))
    # Lips: two rolls that meet in a line, bowed in the middle, with a groove above and a dent below.
    line = f.mouth_y + f.smile * (side / f.mouth) ** 2 * 2 + 0.012 * np.exp(-((side / 0.04) ** 2))
    taper = np.sqrt(np.clip(1 - (side / f.mouth) ** 2, 0, 1))
    thick = 0.055 * taper + 0.01
    above, below = (y - line - f.gape * taper) / thick, (line - f.gape * taper - y) / (1.2 * thick)
    forward += 0.05 * _bump(side, y, (0, f.mouth_y), (f.mouth * 1.2, 0.16))
    rolls = [np.maximum(away, 0) * np.exp(1 - np.maximum(away, 0)) for away in (above, below)]
    forward += f.lips * taper * (rolls[0] + 1.2 * rolls[1])
    forward -= (
        (0.02 + 1.2 * f.gape)
        * smoothstep(1.1, 0.8, side / f.mouth)
        * smoothstep(0.4, -0.1, above)
        * smoothstep(0.4, -0.1, below)
    )
    forward -= 0.02 * _bump(side, y, (0, (f.mouth_y + f.nose_y) / 2), (0.025, 0.06))
    forward -= 0.03 * _bump(side, y, (0, f.mouth_y - 0.15), (0.12, 0.04))
    return forward + f.chin * _bump(side, y, (0, -0.72), (0.16, 0.12))


def _eyes(f: _Face, side: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Eyeballs, and over them lids with a rim, a slit between, and a crease above."""
    across, up = (side - f.eye_x) / f.eye, (y - f.eye_y) / f.eye
    ball = 0.9 * f.eye * np.sqrt(np.clip(1 - across**2 - up**2, 0, 1))
    arch = np.clip(1 - across**2, 0, 1)
    upper, lower = (0.1 + 0.45 * f.lid) * arch, -(0.1 + 0.25 * f.lid) * arch
    shut = 1 - smoothstep(0, 0.12, upper - up) * smoothstep(0, 0.12, up - lower)
    lids = 0.22 * f.eye * shut * smoothstep(1.35, 0.95, np.hypot(across, up))
    crease = np.exp(-(((up - 0.75 * arch - 0.12) / 0.09) ** 2)) * smoothstep(1.2, 0.8, np.abs(across))
    iris = smoothstep(0.3, 0.22, np.hypot(across, up - 0.05)) * (1 - shut)
    return ball + lids - 0.14 * f.eye * crease - 0.1 * f.eye * iris


def _ears(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far ears stand out sideways (plate, rolled rim, second ridge, hollow), and 1 where no ear is near."""
    size, out = rng.uniform(0.2, 0.27), rng.uniform(0.08, 0.2)
    up, back = (y - 0.02) / size, (-z + 0.02 + 0.15 * y) / (0.6 * size)
    from_middle = np.hypot(up, back - 0.1 * up)
    plate = smoothstep(1.12, 0.9, from_middle)
    rim = np.exp(-(((from_middle - 0.85) / 0.13) ** 2)) * smoothstep(-1.1, -0.2, back + 0.8 * up)
    inner = np.exp(-(((np.hypot(up + 0.15, back + 0.1) - 0.5) / 0.12) ** 2))
    hollow = np.exp(-((up + 0.1) ** 2 + (back + 0.25) ** 2) / 0.12)
    outward = plate * (0.5 + 0.4 * np.clip(back, -1, 1)) + 0.4 * rim + 0.25 * inner * plate - 0.5 * hollow
    beside = smoothstep(0.25, 0.5, np.abs(x))
    return out * outward * beside, 1 - beside * smoothstep(1.6, 1.2, from_middle)


def _hair(rng: np.random.Generator, noise: Noise, face: _Face, points: np.ndarray) -> np.ndarray:
    """Where hair grows, 0 to 1: over a hairline, and on some faces a beard, a moustache, brows."""
    x, y, z = points.T
    side = np.abs(x)
    ragged = y + 0.05 * noise(points, 3, 1)
    edge = rng.uniform(0.02, 0.12)
    line = rng.uniform(0.4, 0.62) - 0.5 * side * rng.uniform(0.2, 1)
    crown = smoothstep(
        -edge, edge, ragged - np.where(z > 0.15, line, np.minimum(line, 2.2 * z + rng.uniform(-0.4, 0.1)))
    )
    brows = smoothstep(0.5, 0.75, _bump(side, ragged, (face.eye_x, face.eye_y + 0.2), (0.17, 0.04))) * (z > 0)
    total = np.maximum(crown * (rng.random() < 0.85), 0.35 * brows * (rng.random() < 0.7))
    if rng.random() < 0.35:
        under = smoothstep(face.mouth_y + 0.02, face.mouth_y - 0.06, ragged - 0.35 * np.maximum(side - 0.3, 0))
        lips = _bump(side, y, (0, face.mouth_y), (face.mouth * 0.9, 0.07))
        total = np.maximum(total, under * smoothstep(-0.2, 0.1, z) * smoothstep(0.5, 0.3, lips))
    return total


def _strands(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """Locks and strands of two sizes, deep enough to shade."""
    coarse, fine = (_HAIR[int(rng.integers(len(_HAIR)))] for _ in range(2))
    locks = coarse(rng, Noise(rng), points, rng.uniform(0.05, 0.12)) * rng.uniform(0.4, 1)
    return locks + fine(rng, Noise(rng), points, rng.uniform(0.022, 0.04)) * rng.uniform(0.4, 1)


def _lines(face: _Face, noise: Noise, points: np.ndarray) -> np.ndarray:
    """Age: lines across the forehead, beside nose and mouth, at the corners of the eyes, bags, and slack skin."""
    x, y, z = points.T
    side, front = np.abs(x), (z > 0.1)
    wave = y + 0.03 * noise(points, 2.0)
    forehead = np.abs(np.sin(wave * 32)) ** 0.6 * smoothstep(face.eye_y + 0.2, face.eye_y + 0.28, y) * (side < 0.4)
    t = np.clip((face.nose_y - y) / (face.nose_y - face.mouth_y + 0.1), 0, 1)
    fold = (
        np.exp(-(((side - face.nose_wide - 0.04 - 0.15 * t) / 0.02) ** 2))
        * smoothstep(1.0, 0.6, t)
        * (y < face.nose_y + 0.02)
    )
    feet = np.abs(np.sin(np.arctan2(y - face.eye_y, side - face.eye_x) * 9)) * _bump(
        side, y, (face.eye_x + 0.2, face.eye_y), (0.07, 0.09)
    )
    bag = np.exp(-(((y - face.eye_y + 1.1 * face.eye) / 0.015) ** 2)) * _bump(
        side, y, (face.eye_x, face.eye_y), (0.1, 0.3)
    )
    return front * face.age * (0.012 * forehead - 0.035 * fold + 0.01 * feet - 0.014 * bag + 0.008 * noise(points, 5))


def _neck(rng: np.random.Generator, detail: float) -> Mesh:
    """A neck with its cords that widens to where the sculptor cut it off."""
    flare = rng.uniform(0.45, 0.8)
    path = np.linspace((0, -0.4, -0.12), (0, -rng.uniform(1.2, 1.4), -0.22), max(8, int(90 * detail)))
    sides = max(12, int(220 * detail))
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    thick = np.interp(np.linspace(0, 1, len(path)), [0, 0.5, 0.85, 1], [0.4, 0.42, flare * 0.8, flare])
    mesh = Mesh(*swept(path, thick[:, None] * (1 + 0.03 * np.cos(turn * 4) ** 3), sides))
    return pushed(mesh, 0.4 * reliefs.worn(rng, mesh.vertices, bare=0.5))
