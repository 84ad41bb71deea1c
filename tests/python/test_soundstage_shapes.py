"""Meshes, noise, and the families of shapes: repeatable, whole, facing out, of the promised size and density."""

from __future__ import annotations

import numpy as np
import pytest
from onelight.errors import NotFound, RequestError
from onelight.soundstage import families, heaps
from onelight.soundstage.families import Built, family
from onelight.soundstage.mesh import Mesh, grid_faces, merged
from onelight.soundstage.noise import Noise, cells, rotation, scattered
from onelight.soundstage.surfaces import curve, sphere, swept, weld

SHAPES = [*families.names(kind="objects"), *families.names(kind="faces")]
CLOSED = ["blobs", "rocks", "blends", "figures", "busts", "knots"]
CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
_SIDES = "013 032 467 475 045 051 237 276 026 064 157 173"
CUBE_FACES = np.array([[int(corner) for corner in face] for face in _SIDES.split()], np.uint32)


def built(name: str, seed: int = 0, detail: float = 0.4) -> Built:
    return families.get(name).build(np.random.default_rng(seed), detail)


def volume(mesh: Mesh) -> float:
    """Enclosed volume, by the tetrahedra over the faces; negative where faces look inward."""
    a, b, c = mesh.vertices[mesh.faces.astype(np.int64)].astype(np.float64).transpose(1, 0, 2)
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def seen_from(mesh: Mesh, turn: np.ndarray, rays: int = 160) -> np.ndarray:
    """How far the first face that each of some rays meets, coming down the turned z axis, looks back along it."""
    corners = (mesh.vertices.astype(np.float64) @ turn.T)[mesh.faces.astype(np.int64)]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    toward = across[:, 2] / np.maximum(np.linalg.norm(across, axis=1), 1e-12)
    low, high = corners[..., :2].min(1), corners[..., :2].max(1)
    met = []
    for x, y in np.random.default_rng(0).uniform(-0.8, 0.8, (rays, 2)):
        near = np.flatnonzero((low[:, 0] <= x) & (high[:, 0] >= x) & (low[:, 1] <= y) & (high[:, 1] >= y))
        a, b, c = corners[near].transpose(1, 0, 2) - [x, y, 0]
        share = np.stack([p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0] for p, q in ((b, c), (c, a), (a, b))])
        hit = ((share >= 0).all(0) | (share <= 0).all(0)) & (np.abs(share.sum(0)) > 1e-12)
        if hit.any():
            share = share[:, hit] / share[:, hit].sum(0)
            height = share[0] * a[hit, 2] + share[1] * b[hit, 2] + share[2] * c[hit, 2]
            met.append(toward[near[hit][height.argmax()]])
    return np.array(met)


@pytest.mark.parametrize("name", SHAPES)
def test_the_same_seed_gives_the_same_bits_and_another_seed_another_shape(name: str) -> None:
    first, again, other = built(name, 7), built(name, 7), built(name, 8)
    for attribute in ("vertices", "faces", "part", "motion"):
        assert np.array_equal(getattr(first.mesh, attribute), getattr(again.mesh, attribute)), attribute
    assert first.mesh.vertices.shape != other.mesh.vertices.shape or not np.allclose(
        first.mesh.vertices, other.mesh.vertices
    )


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_subject_is_whole_about_the_origin_and_faces_out(name: str, seed: int) -> None:
    mesh = built(name, seed).mesh
    assert np.isfinite(mesh.vertices).all() and np.isfinite(mesh.motion).all()
    assert 0.999 < mesh.radius() < 1.001
    assert np.abs(mesh.vertices.max(0) + mesh.vertices.min(0)).max() < 1e-3
    assert mesh.part.min() >= 1
    assert np.abs(mesh.motion).max() < 0.12
    assert volume(mesh) > 0
    toward = np.concatenate([seen_from(mesh, turn) for turn in (np.eye(3), rotation(np.random.default_rng(seed)))])
    assert len(toward) > 20
    assert (toward < 0).mean() < 0.03, "the eye sees the back of the surface"


def test_the_thin_lips_of_a_wide_mouth_are_numbers_too() -> None:
    mesh = families.get("heads").build(np.random.default_rng(8112403467628071), 0.75).mesh
    assert np.isfinite(mesh.vertices).all()


@pytest.mark.parametrize("name", SHAPES)
def test_detail_sets_how_dense_the_mesh_is_and_not_what_it_shows(name: str) -> None:
    coarse, fine = built(name, 5, 0.4).mesh, built(name, 5, 1.0).mesh
    assert 30_000 < len(fine.vertices) < 190_000
    assert 0.06 < len(coarse.vertices) / len(fine.vertices) < 0.5
    assert np.ptp(coarse.vertices, 0) == pytest.approx(np.ptp(fine.vertices, 0), abs=0.35)


@pytest.mark.parametrize("name", CLOSED)
def test_families_said_to_be_closed_have_each_edge_twice_once_each_way(name: str) -> None:
    mesh = built(name, 3).mesh
    _, faces = weld(mesh.vertices, mesh.faces, 1e-7)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    key, back = edges @ [1 << 32, 1], edges @ [1, 1 << 32]
    assert np.isin(key, back).mean() > 0.9999


@pytest.mark.parametrize("seed", [40, 162, 382])
def test_a_sponge_whose_first_level_leaves_nothing_of_it_is_drawn_anew(seed: int) -> None:
    mesh = built("sponges", seed, 0.2).mesh
    assert volume(mesh) > 0.02
    assert np.isfinite(mesh.vertices).all()


@pytest.mark.parametrize("seed", range(8))
def test_no_sheet_of_paper_is_inside_out(seed: int) -> None:
    mesh = built("papers", seed, 0.2).mesh
    sheets = mesh.part[mesh.faces[:, 0].astype(np.int64)]
    for sheet in np.unique(sheets):
        assert volume(Mesh(mesh.vertices, mesh.faces[sheets == sheet])) > 0


def test_some_subjects_move_and_some_rest() -> None:
    moves = [bool(np.abs(built("blobs", seed, 0.1).mesh.motion).max() > 0) for seed in range(12)]
    assert True in moves and False in moves


@pytest.mark.parametrize("name", ["figures", "busts", "heads", "fruit", "heaps"])
def test_things_of_several_materials_come_in_parts(name: str) -> None:
    assert max(len(np.unique(built(name, seed, 0.25).mesh.part)) for seed in range(4)) >= 2


def test_families_differ_in_kind_and_some_are_held_out_to_test_on() -> None:
    assert len(families.names("train", "objects")) >= 10
    assert len(families.names("test", "objects")) >= 2
    assert len(families.names("train", "faces")) >= 2
    assert len(families.names("test", "faces")) >= 1
    assert not set(families.names("train")) & set(families.names("test"))


def test_nothing_held_out_comes_in_through_a_heap() -> None:
    used = [known for known in families.discover().values() if known.build in list(vars(heaps).values())]
    assert len(used) > 3
    assert not any(known.held_out for known in used)


def test_a_family_is_known_once_it_is_declared_and_two_cannot_share_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(families, "_FAMILIES", dict(families._FAMILIES))

    def plate(rng: np.random.Generator, detail: float) -> Built:
        return Built(Mesh(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.uint32)))

    family("plate", kind="objects", held_out=True)(plate)
    assert families.get("plate").held_out and "plate" in families.names("test", "objects")
    with pytest.raises(ValueError, match="two families are named 'blobs'"):
        family("blobs", kind="objects")(plate)
    with pytest.raises(ValueError, match="of the kind 'lamps'"):
        family("lamp", kind="lamps")


def test_an_unknown_family_or_split_is_named_in_the_error() -> None:
    with pytest.raises(NotFound, match="no scene family 'unicorns'"):
        families.get("unicorns")
    with pytest.raises(RequestError, match="no split 'validation'"):
        families.names("validation")


def test_a_mesh_fills_in_plain_attributes_and_refuses_those_that_do_not_fit() -> None:
    mesh = Mesh(CUBE, CUBE_FACES, roughness=np.float32(0.2), colour=np.array([0.1, 0.2, 0.3]))  # pyright: ignore[reportArgumentType]
    assert mesh.roughness.shape == (8,) and np.allclose(mesh.colour[5], [0.1, 0.2, 0.3])
    assert np.allclose(mesh.specular, 0.3) and mesh.part.dtype == np.uint16
    with pytest.raises(ValueError, match="colour has the shape"):
        Mesh(CUBE, CUBE_FACES, colour=np.zeros((5, 3), np.float32))
    with pytest.raises(ValueError, match="a face speaks of vertex 8"):
        Mesh(CUBE, CUBE_FACES + np.uint32(1))


def test_hard_edges_give_a_cube_the_normals_of_its_sides_and_leave_a_sphere_alone() -> None:
    hard = Mesh(CUBE, CUBE_FACES).with_hard_edges(35)
    assert len(hard.vertices) == 24
    assert np.allclose(np.sort(np.abs(hard.normals()), 1), [0, 0, 1], atol=1e-6)
    assert volume(hard) == pytest.approx(8)
    ball = Mesh(*sphere(3000))
    assert len(ball.with_hard_edges(35).vertices) == len(ball.vertices)
    assert np.abs(ball.normals() - ball.vertices).max() < 0.02


def test_a_mirrored_mesh_still_faces_out_and_its_motion_is_mirrored_too() -> None:
    mesh = Mesh(CUBE, CUBE_FACES, motion=np.array([0.1, 0, 0]))
    mirrored = mesh.moved(scale=(-1, 1, 2), translate=(3, 0, 0))
    assert volume(mirrored) == pytest.approx(16)
    assert np.allclose(mirrored.motion, [-0.1, 0, 0])
    assert np.allclose(mesh.moved(np.diag([2.0, 1, 1, 1])).vertices[:, 0], 2 * CUBE[:, 0])


def test_merged_meshes_keep_their_faces_and_parts() -> None:
    one = Mesh(CUBE, CUBE_FACES, part=np.full(8, 1))
    two = Mesh(CUBE + 5, CUBE_FACES, part=np.full(8, 2))
    both = merged([one, two])
    assert volume(both) == pytest.approx(16, rel=1e-4)
    assert both.part[both.faces[12:]].min() == 2
    with pytest.raises(ValueError, match="no mesh to merge"):
        merged([])


def test_a_grid_faces_the_side_from_which_it_is_right_handed() -> None:
    u, v = np.meshgrid(np.arange(4.0), np.arange(3.0))
    sheet = Mesh(np.stack([u, v, 0 * u], -1).reshape(-1, 3).astype(np.float32), grid_faces(3, 4))
    assert np.allclose(sheet.normals(), [0, 0, 1])


@pytest.mark.parametrize("closed", [False, True])
def test_a_swept_tube_is_closed_and_holds_the_volume_of_a_bent_rod(closed: bool) -> None:
    turn = np.linspace(0, 2 * np.pi if closed else np.pi, 200, endpoint=not closed)
    path = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    tube = Mesh(*swept(path, 0.1, 48, closed))  # Pappus: the section's area times the way of its middle
    assert volume(tube) == pytest.approx(np.pi * 0.1**2 * (2 * np.pi if closed else np.pi), rel=0.02)


def test_a_curve_goes_through_its_points_and_a_closed_one_comes_back() -> None:
    points = np.array([[0.0, 0], [1, 1], [2, 0], [1, -1]])
    assert np.allclose(curve(points, 7)[::2], points)
    loop = curve(points, 8, closed=True)
    assert np.allclose(loop[::2], points)


def test_noise_belongs_to_the_place_and_not_to_the_other_points() -> None:
    points = np.random.default_rng(0).uniform(-2, 2, (5000, 3))
    noise = Noise(np.random.default_rng(1))
    assert np.allclose(noise(points, 3.0)[100:200], noise(points[100:200], 3.0), atol=1e-5)
    assert np.array_equal(noise(points, 3.0), Noise(np.random.default_rng(1))(points, 3.0))


def test_noise_has_zero_mean_unit_spread_and_a_continuous_slope() -> None:
    noise = Noise(np.random.default_rng(2))
    far = np.random.default_rng(0).uniform(-8, 8, (40_000, 3))
    assert abs(noise(far, 1.7).mean()) < 0.05 and noise(far, 1.7).std() == pytest.approx(1, abs=0.1)
    assert noise.fractal(far, 1.7, 4).std() == pytest.approx(1, abs=0.12)
    assert noise.ridges(far, 1.7).min() >= 0 and noise.ridges(far, 1.7).max() <= 1
    line = np.linspace(0, 3, 3001)[:, None] * [0.8, 0.6, 0]
    slope = np.diff(noise(line, 2.0).astype(np.float64)) / 0.001
    assert np.abs(np.diff(slope)).max() < 0.2


def test_patches_cover_the_share_that_was_asked_for() -> None:
    points = np.random.default_rng(0).uniform(-3, 3, (20_000, 3))
    for share in (0.2, 0.7):
        assert (Noise(np.random.default_rng(3)).patches(points, 1.0, share) > 0.5).mean() == pytest.approx(
            share, abs=0.05
        )


def test_cells_tell_the_nearest_seeds_and_scattered_seeds_keep_apart() -> None:
    points = sphere(4000)[0]
    seeds = scattered(np.random.default_rng(0), points, 100)
    near, next_near, which = cells(points, seeds)
    assert np.allclose(near, np.linalg.norm(points - seeds[which], axis=1), atol=1e-5)
    assert (next_near >= near).all()
    apart = np.linalg.norm(seeds[:, None] - seeds[None], axis=-1) + 9 * np.eye(len(seeds))
    assert apart.min() > 0.05
