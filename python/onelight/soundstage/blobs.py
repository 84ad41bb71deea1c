"""Blobs and rocks: solids that are seen whole from their middle, made by saying how far out each direction reaches."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

from onelight.soundstage import reliefs
from onelight.soundstage.families import Built, family
from onelight.soundstage.mesh import Mesh
from onelight.soundstage.noise import Noise, rotation
from onelight.soundstage.surfaces import finished, pushed, sphere, vertices_wanted


def _superquadric(rng: np.random.Generator, directions: np.ndarray) -> np.ndarray:
    """Radius [V] of a rounded box, ellipsoid, cushion or spindle (Barr 1981)."""
    size = np.exp(rng.normal(0, 0.25, 3))
    power = rng.choice([2.0, rng.uniform(1.3, 2), rng.uniform(2.5, 6)], p=[0.4, 0.2, 0.4])
    return (np.abs(directions / size) ** power).sum(1) ** (-1 / power)


@family("blobs", kind="objects")
def blobs(rng: np.random.Generator, detail: float) -> Built:
    """Ellipsoids and superquadrics swollen, dented and folded by noise of many octaves, with patches of fine relief."""
    directions, faces = sphere(vertices_wanted(detail))
    noise = Noise(rng)
    radius = _superquadric(rng, directions @ rotation(rng))
    at = noise.warped(directions, 1.0, rng.uniform(0, 0.35))
    swell = noise.fractal(at, rng.uniform(0.6, 1.6), 4, rng.uniform(0.3, 0.55))
    fold = noise.ridges(at, rng.uniform(0.6, 1.5), 4, rng.uniform(0.4, 0.65))
    lump = noise.billows(at, rng.uniform(0.8, 2.0), 3, 0.5)
    shares = rng.dirichlet([0.7, 0.7, 0.7]) * rng.uniform(0.15, 0.6)
    where = noise.patches(directions, 0.7, rng.uniform(0.4, 1.0), 1.0)
    radius = radius * np.exp(where * (0.6 * shares[0] * swell + shares[1] * (fold - 0.4) + shares[2] * (lump - 0.6)))
    mesh = Mesh(directions * radius[:, None], faces).centred()
    return Built(finished(rng, pushed(mesh, reliefs.worn(rng, mesh.vertices)), turn=True))


@family("rocks", kind="objects")
def rocks(rng: np.random.Generator, detail: float) -> Built:
    """Stones split along planes: facets with worn edges, chips out of them, strata, and the grain of the break."""
    directions, faces = sphere(vertices_wanted(detail))
    noise = Noise(rng)
    planes = rng.normal(size=(rng.integers(8, 40), 3)) * np.exp(rng.normal(0, 0.3, 3))
    planes /= np.linalg.norm(planes, axis=1, keepdims=True)
    offset = rng.uniform(0.65, 1.05, len(planes)).astype(np.float32)
    chips = rng.normal(size=(rng.integers(0, 30), 3))
    chips /= np.linalg.norm(chips, axis=1, keepdims=True)
    planes = np.concatenate([planes, chips]).astype(np.float32)
    # A wobble in the direction makes each break slightly curved.
    bent = noise.warped(directions, rng.uniform(0.8, 2), rng.uniform(0, 0.06))
    facing = np.maximum(bent @ planes.T, 1e-3)
    whole = offset / facing[:, : len(offset)]
    sharpness = rng.uniform(15, 120)
    radius = -logsumexp(-sharpness * whole, axis=1) / sharpness
    if len(chips):  # a chip only just takes off what stands out furthest along its direction
        reach = (directions * radius[:, None]) @ chips.T.astype(np.float32)
        cut = reach.max(0) * rng.uniform(0.9, 0.985, len(chips)).astype(np.float32)
        radius = np.minimum(radius, (cut / facing[:, len(offset) :]).min(1))
    mesh = Mesh(directions * radius[:, None], faces).moved(scale=np.exp(rng.normal(0, 0.2, 3)).tolist()).centred()
    height = reliefs.worn(rng, mesh.vertices, reliefs.ROUGH, rng.uniform(0.4, 1), bare=0.1)
    height += rng.uniform(0, 0.012) * noise.fractal(mesh.vertices, rng.uniform(4, 9), 3, 0.6)
    if rng.random() < 0.3:
        strata = mesh.vertices @ rotation(rng)[0] + 0.03 * noise(mesh.vertices, 1.5)
        height += rng.uniform(0.004, 0.015) * noise(np.stack([strata, 0 * strata, 0 * strata], 1), rng.uniform(8, 20))
    return Built(finished(rng, pushed(mesh, height), turn=True))
