"""Sets of the synthetic soundstage: what a camera sees, where light comes in, what things are painted with."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pytest
from onelight.soundstage import families, materials, surfaces, textures
from onelight.soundstage.families import Built, Camera
from onelight.soundstage.mesh import Mesh

mi = pytest.importorskip("mitsuba", reason="the soundstage renders with mitsuba")

ROOMS, EXTERIORS = (families.names(kind=kind) for kind in ("rooms", "exteriors"))
SETS = [*ROOMS, *EXTERIORS]
SEEDS = (3, 11)
MOST_VERTICES = 450_000
SCENES = [(name, seed) for name in SETS for seed in SEEDS]


@pytest.fixture(autouse=True, scope="module")
def scalar_rays() -> Iterator[None]:
    """One ray at a time, in this module alone: the variant of mitsuba is the whole process's."""
    before = mi.variant()
    mi.set_variant("scalar_rgb")
    yield
    mi.set_variant(before or "scalar_rgb")


@lru_cache(maxsize=len(SCENES))
def built(name: str, seed: int, detail: float = 0.35) -> Built:
    return families.get(name).build(np.random.default_rng(seed), detail)


@lru_cache(maxsize=len(SCENES))
def solid(name: str, seed: int):
    """The set as the renderer's own scene, to ask it what rays meet."""
    mesh = built(name, seed).mesh
    shape = mi.Mesh("set", len(mesh.vertices), len(mesh.faces))
    parameters = mi.traverse(shape)
    parameters["vertex_positions"], parameters["faces"] = mesh.vertices.ravel(), mesh.faces.ravel()
    parameters.update()
    return mi.load_dict({"type": "scene", "set": shape})


def met(name: str, seed: int, start: np.ndarray, way: np.ndarray) -> tuple[float, np.ndarray]:
    """How far a ray gets, metres (infinite where it leaves the set), and the normal of the face it meets."""
    found = solid(name, seed).ray_intersect(mi.Ray3f(mi.Point3f(*start.tolist()), mi.Vector3f(*way.tolist())))
    return (float(found.t), np.array(found.n)) if found.is_valid() else (np.inf, np.zeros(3))


def rays(camera: Camera, edge: int = 14) -> np.ndarray:
    """Directions [edge, edge, 3] of a square picture, top row first."""
    ahead = np.subtract(camera.target, camera.eye)
    ahead = ahead / np.linalg.norm(ahead)
    right = np.cross(ahead, (0.0, 1.0, 0.0))
    right /= np.linalg.norm(right)
    x, y = np.meshgrid(*[np.linspace(-1, 1, edge) * np.tan(np.radians(camera.fov) / 2)] * 2)
    way = ahead + x[..., None] * right - y[..., None] * np.cross(right, ahead)
    return way / np.linalg.norm(way, axis=-1, keepdims=True)


@lru_cache(maxsize=len(SCENES))
def seen(name: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances [N], directions [N, 3] and face normals [N, 3] of a coarse picture; distance is infinite in the sky."""
    camera = built(name, seed).camera
    assert camera is not None, f"{name} has no camera"
    ways = rays(camera).reshape(-1, 3)
    found = [met(name, seed, np.array(camera.eye), way) for way in ways]
    return np.array([distance for distance, _ in found]), ways, np.array([normal for _, normal in found])


def test_there_are_rooms_and_exteriors_to_learn_from_and_others_held_out_for_testing() -> None:
    for kind in ("rooms", "exteriors"):
        assert len(families.names("train", kind)) >= 2
        assert len(families.names("test", kind)) >= 1


@pytest.mark.parametrize("name", SETS)
def test_the_same_seed_builds_the_same_set_to_the_bit_and_another_seed_another(name: str) -> None:
    first, again = (families.get(name).build(np.random.default_rng(5), 0.2) for _ in range(2))
    other = families.get(name).build(np.random.default_rng(6), 0.2)
    for attribute in ("vertices", "faces", "colour", "roughness", "specular", "metallic", "motion", "part"):
        assert np.array_equal(getattr(first.mesh, attribute), getattr(again.mesh, attribute)), attribute
    assert first.camera == again.camera
    assert first.camera != other.camera


@pytest.mark.parametrize(("name", "seed"), SCENES)
def test_a_set_is_finite_painted_with_real_colours_and_made_of_many_parts(name: str, seed: int) -> None:
    set_ = built(name, seed)
    mesh = set_.mesh
    assert set_.dressed
    for attribute in ("vertices", "colour", "roughness", "specular", "metallic", "motion"):
        assert np.isfinite(getattr(mesh, attribute)).all(), attribute
    assert mesh.colour.min() > 0.0199 and mesh.colour.max() < 0.9001
    assert mesh.roughness.min() >= 0.02 and mesh.roughness.max() <= 1
    assert mesh.specular.min() >= 0 and mesh.specular.max() <= 1
    assert len(np.unique(mesh.part)) > 5 and mesh.part.min() == 0
    assert len(np.unique(mesh.colour.round(2), axis=0)) > 20


@pytest.mark.parametrize(("name", "seed"), SCENES)
def test_the_camera_stands_at_eye_height_on_something_with_a_lens_from_24_to_85_mm(name: str, seed: int) -> None:
    camera = built(name, seed).camera
    assert camera is not None
    height, _ = met(name, seed, np.array(camera.eye), np.array([0.0, -1.0, 0.0]))
    if np.isfinite(height):  # a camera outside its room stands on the studio's floor, which is not built
        assert 1.0 < height < 2.4
    focal = 18 / np.tan(np.radians(camera.fov) / 2)
    assert 23.9 < focal < 85.1
    assert abs(camera.roll) < 5


@pytest.mark.parametrize(("name", "seed"), SCENES)
def test_the_picture_is_filled_and_nothing_blocks_the_lens(name: str, seed: int) -> None:
    distance = seen(name, seed)[0]
    hit = np.isfinite(distance)
    assert hit.mean() > (0.6 if name in ROOMS else 0.35)
    assert (distance < 0.4).mean() < 0.05
    near, far = np.quantile(distance[hit], (0.05, 0.95))
    assert far > 1.5 * near


@pytest.mark.parametrize(("name", "seed"), SCENES)
def test_surfaces_turn_their_fronts_to_the_camera(name: str, seed: int) -> None:
    distance, ways, normals = seen(name, seed)
    hit = np.isfinite(distance)
    fronts = (ways[hit] * normals[hit]).sum(1) < 0
    assert fronts.mean() > 0.8  # leaves and curtains may show their backs


@pytest.mark.parametrize(("name", "seed"), SCENES)
def test_daylight_reaches_what_the_camera_sees(name: str, seed: int) -> None:
    """Lamps are directional and a dome: from a fair share of the picture some way must lead out of the set."""
    camera = built(name, seed).camera
    assert camera is not None
    distance, ways, normals = seen(name, seed)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(np.flatnonzero(np.isfinite(distance)))[:40]
    lit = 0
    for at in chosen:
        normal = normals[at] if ways[at] @ normals[at] < 0 else -normals[at]
        point = np.array(camera.eye) + ways[at] * distance[at] + normal * 0.02
        out = rng.normal(size=(12, 3))
        out = out / np.linalg.norm(out, axis=1, keepdims=True) + normal * 1.01
        lit += any(np.isinf(met(name, seed, point, way / np.linalg.norm(way))[0]) for way in out)
    assert lit > 0.5 * len(chosen)


@pytest.mark.parametrize("name", EXTERIORS)
def test_exteriors_have_sky_above_and_say_so(name: str) -> None:
    for seed in SEEDS:
        assert built(name, seed).sky
        camera = built(name, seed).camera
        assert camera is not None
        above = [
            met(name, seed, np.add(camera.eye, (0.0, 25.0, 0.0)), np.array([x, 1.0, 0.1])) for x in (-0.5, 0.0, 0.5)
        ]
        assert all(np.isinf(distance) for distance, _ in above)


@pytest.mark.parametrize("name", SETS)
def test_a_set_at_full_detail_fits_the_renderer(name: str) -> None:
    fine = len(families.get(name).build(np.random.default_rng(3), 1.0).mesh.vertices)
    coarse = len(built(name, 3).mesh.vertices)
    assert 40_000 < fine < MOST_VERTICES
    assert coarse < fine / 1.5


def test_something_moves_on_some_sets_a_little_and_only_in_parts() -> None:
    moving = 0
    for name, seed in SCENES:
        mesh = built(name, seed).mesh
        far = np.linalg.norm(mesh.motion, axis=1)
        assert far.max() < 0.3
        moving += bool(far.max() > 0.001)
        assert (far[mesh.part == 0] == 0).all()
    assert moving >= len(SCENES) // 3


# ---- materials


def _subject() -> Mesh:
    vertices, faces = surfaces.sphere(3000)
    return Mesh(vertices, faces, part=(vertices[:, 1] > 0.1).astype(np.uint16) + np.uint16(1))


def test_dressing_is_decided_by_the_generator_alone() -> None:
    mesh = _subject()
    for seed in range(12):
        first, again = (materials.dress(mesh, np.random.default_rng(seed)) for _ in range(2))
        for attribute in ("colour", "roughness", "specular", "metallic"):
            assert np.array_equal(getattr(first, attribute), getattr(again, attribute))
        assert np.array_equal(first.vertices, mesh.vertices)


def test_two_fifths_of_the_parts_stay_plain_and_metal_is_rare() -> None:
    mesh = _subject()
    plain, metal, sheen = [], [], []
    for seed in range(150):
        done = materials.dress(mesh, np.random.default_rng(seed))
        assert done.colour.min() > 0.0199 and done.colour.max() < 0.9001
        for part in (1, 2):
            colours = done.colour[mesh.part == part]
            plain.append(np.ptp(colours, axis=0).max() < 1e-6)
            metal.append(done.metallic[mesh.part == part].max() > 0)
            sheen.append(done.roughness[mesh.part == part].mean())
    assert 0.22 < np.mean(plain) < 0.5  # wear touches some of the plain ones
    assert 0 < np.mean(metal) < 0.12
    assert min(sheen) < 0.25 and max(sheen) > 0.9


def test_dirt_lies_in_cavities_and_not_on_edges() -> None:
    vertices, faces = surfaces.sphere(20_000)
    height = 0.05 * np.sin(vertices[:, 1] * 30)
    mesh = Mesh((vertices * (1 + height)[:, None]).astype(np.float32), faces)
    bend = materials.curvature(mesh)
    assert bend[height > 0.04].mean() > 0.5
    assert bend[height < -0.04].mean() < -0.5


@pytest.mark.parametrize("pattern", sorted(textures.PATTERNS))
def test_a_pattern_stays_between_none_and_all_and_keeps_its_size_in_space(pattern: str) -> None:
    line = np.linspace(0, 4, 4000)[:, None] * np.array([0.6, 0.64, 0.48])
    changes = []
    for size in (0.2, 0.8):
        lengths = []
        for seed in range(6):
            value = textures.PATTERNS[pattern](np.random.default_rng(seed), line, size)
            assert value.min() >= -1e-6 and value.max() <= 1 + 1e-6
            lengths.append(np.abs(np.diff(value)).sum())
        changes.append(np.mean(lengths))
    assert changes[0] > 1.5 * changes[1]


@pytest.mark.parametrize("sheet", sorted(textures.SHEETS))
def test_a_sheet_shows_the_colours_of_its_palette_and_no_seam_where_it_repeats(sheet: str) -> None:
    rng = np.random.default_rng(2)
    palette = materials.palette(rng)
    drawn = textures.SHEETS[sheet](rng, palette)
    assert drawn.min() >= 0.01 and drawn.max() <= 0.91
    assert drawn.reshape(-1, 3).std(0).max() > 0.005
    across = np.stack([np.linspace(0.99, 1.01, 41), np.full(41, 0.3)], 1)
    found = textures.projected(drawn, across)
    assert np.abs(found - found[::-1]).max() < 0.02
