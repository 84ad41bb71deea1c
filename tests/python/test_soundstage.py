"""The soundstage: what its passes mean, that its folders can be trusted, and what it says when something is wrong."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
from onelight.cli.app import app
from onelight.errors import ImageError, NotReady, OnelightError, RequestError
from onelight.soundstage import families, lighting, rigs, stage, staging, world
from onelight.soundstage import sheet as contact
from onelight.soundstage.camera import View
from onelight.soundstage.families import Camera
from onelight.soundstage.manifest import Manifest, scene_seed
from onelight.soundstage.mesh import Mesh, grid_faces, merged
from onelight.soundstage.render import Traced, trace
from onelight.soundstage.scenes import Scene
from onelight.soundstage.world import World
from typer.testing import CliRunner

SIZE = 64
CAST = ["lathes", "rocks"]
COUNT = 4
SETTINGS: dict[str, Any] = {"seed": 7, "size": SIZE, "families": CAST, "samples": 4}


def plane(**surface: Any) -> Mesh:
    """A square of 20 m that faces up."""
    corners = np.array([[-10, 0, 10], [10, 0, 10], [10, 0, -10], [-10, 0, -10]], np.float32)
    return Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]], np.uint32), **surface)


def sphere(rings: int = 200, **surface: Any) -> Mesh:
    """Of radius 1 about the origin."""
    polar, around = np.meshgrid(np.linspace(0, np.pi, rings), np.linspace(0, 2 * np.pi, rings), indexing="ij")
    points = [np.sin(polar) * np.cos(around), -np.cos(polar), -np.sin(polar) * np.sin(around)]
    return Mesh(np.stack(points, -1).reshape(-1, 3).astype(np.float32), grid_faces(rings, rings), part=1, **surface)  # pyright: ignore[reportArgumentType]


def traced(mesh: Mesh, camera: Camera, lights: list[list[float]], softness: float = 0.5, **how: Any) -> Traced:
    view = View.of(camera)
    directions = np.array(lights, np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    stands = World(mesh, view, how.pop("size", SIZE))
    soft = np.full(len(lights), softness, np.float32)
    return trace(stands, how.pop("later", view), directions, soft, samples=how.pop("samples", 16), seed=3)


ABOVE = Camera((0, 5, 0), (0, 0, 0), 30)
AHEAD = Camera((0, 0, 5), (0, 0, 0), 30)


@pytest.mark.parametrize("softness", [0.5, 20, 40])
def test_a_white_lambertian_plane_has_radiance_one_under_the_dome_and_the_cosine_under_a_key(softness: float) -> None:
    seen = traced(plane(colour=1.0, specular=0.0), ABOVE, [[0, 1, 0], [0, 1, 1], [1, 1, 1]], softness, samples=64)
    assert np.abs(seen.ambient - 1).max() < 1e-5
    assert seen.keys[0].mean() == pytest.approx(1, abs=1e-3)
    assert seen.keys.mean((1, 2, 3)) == pytest.approx([1, 0.5**0.5, 3**-0.5], abs=3e-3)


def test_a_rough_metal_sends_back_nearly_all_light_of_the_dome_and_never_more() -> None:
    seen = traced(plane(colour=1.0, metallic=1.0, roughness=0.4), ABOVE, [[0, 1, 0]], samples=64)
    assert 0.95 < seen.ambient.mean() <= 1.0


def by_mitsuba(camera: Camera, light: dict[str, Any], things: list[tuple[Mesh, dict[str, Any]]]) -> np.ndarray:
    """The picture [32, 32, 3] that mitsuba's own path tracer makes with its own surfaces."""
    _, mi = world.backend()
    film = {"type": "hdrfilm", "width": 32, "height": 32, "rfilter": {"type": "box"}, "pixel_format": "rgb"}
    pose = mi.ScalarTransform4f().look_at(list(camera.eye), list(camera.target), [0, 1, 0])
    body: dict[str, Any] = {"type": "scene", "integrator": {"type": "path", "max_depth": 4}, "light": light}
    body["sensor"] = {"type": "perspective", "fov": camera.fov, "to_world": pose, "film": film}
    for number, (mesh, surface) in enumerate(things):
        properties = mi.Properties()
        properties["bsdf"] = mi.load_dict({"type": "twosided", "surface": surface})
        sizes = (len(mesh.vertices), len(mesh.faces))
        shape = mi.Mesh(f"thing{number}", *sizes, has_vertex_normals=True, props=properties)
        parameters = mi.traverse(shape)
        parameters["vertex_positions"], parameters["faces"] = mesh.vertices.ravel(), mesh.faces.ravel()
        parameters["vertex_normals"] = mesh.normals().ravel()
        parameters.update()
        body[f"thing{number}"] = shape
    return np.asarray(mi.render(mi.load_dict(body), spp=256, seed=1))


def grey(value: float) -> dict[str, Any]:
    return {"type": "rgb", "value": value}


@pytest.mark.parametrize("surface", ["matte", "metal"])
def test_light_and_bounces_are_those_of_mitsubas_own_path_tracer(surface: str) -> None:
    floor = plane(colour=0.6, specular=0.0).moved(translate=(0, -1, 0))
    stone: dict[str, Any] = {"type": "diffuse", "reflectance": grey(0.6)}
    if surface == "matte":
        ball = sphere(60, colour=0.8, specular=0.0)
        things = [(ball, {"type": "diffuse", "reflectance": grey(0.8)}), (floor, stone)]
    else:
        ball = sphere(60, colour=0.9, metallic=1.0, roughness=0.5)
        things = [(ball, {"type": "roughconductor", "distribution": "ggx", "alpha": 0.25}), (floor, stone)]
        things[0][1]["specular_reflectance"] = grey(0.9)
    camera = Camera((0, 1.5, 6), (0, 0, 0), 35)
    seen = traced(merged([mesh for mesh, _ in things]), camera, [[1, 2, 1]], softness=0.0, size=32, samples=256)
    sun = {"type": "directional", "direction": [-1, -2, -1], "irradiance": float(np.pi)}
    inside = seen.coverage == 1
    for ours, light in ((seen.keys[0], sun), (seen.ambient, {"type": "constant", "radiance": 1.0})):
        theirs = by_mitsuba(camera, light, things)
        assert ours[inside].mean() == pytest.approx(theirs[inside].mean(), rel=5e-3)
        assert np.abs(ours - theirs)[inside].mean() < 0.02


def test_the_normals_of_a_sphere_are_exact_to_a_degree_and_brightest_towards_the_light() -> None:
    camera = Camera((3, 2, 4), (0, 0, 0), 25, roll=20)
    lights = np.array([[1, 1, 1], [-1, 0.5, 1], [0, 1, 0.2]], np.float32)
    lights /= np.linalg.norm(lights, axis=1, keepdims=True)
    setup = staging.Setup(
        "objects", sphere(specular=0.0), camera, camera, staging.Movement(), lights, np.full(3, 0.5, np.float32)
    )
    view = View.of(camera)
    scene = staging.shot(World(setup.mesh, view, SIZE), setup, view, 16, 1)
    column, row = np.meshgrid(np.arange(SIZE) + 0.5, np.arange(SIZE) + 0.5)
    ahead = np.stack(
        [(2 * column / SIZE - 1) * view.reach, (1 - 2 * row / SIZE) * view.reach, -np.ones((SIZE, SIZE))], -1
    )
    ahead /= np.linalg.norm(ahead, axis=-1, keepdims=True)
    middle = view.local(np.zeros(3))
    along = ahead @ middle
    under = along**2 - middle @ middle + 1
    inside = (scene.matte == 1) & (under > 0.05)  # at the very outline a pixel's mean is not its centre
    expected = ahead * (along - np.sqrt(np.maximum(under, 0)))[..., None] - middle
    angle = np.degrees(np.arccos(np.clip((expected * scene.normals).sum(-1), -1, 1)))[inside]
    assert inside.sum() > 800 and np.percentile(angle, 99) < 1.0
    assert scene.depth[inside] == pytest.approx(-(expected + middle)[..., 2][inside], abs=2e-3)
    for key, light in zip(scene.keys, scene.lights, strict=True):
        cosine = np.maximum(scene.normals @ light, 0)
        assert key[..., 0][inside] == pytest.approx(0.5 * cosine[inside], abs=0.03)


@pytest.mark.parametrize(
    "surface",
    [
        {"colour": 0.6, "specular": 0.0},
        {"colour": 0.02, "specular": 0.0},
        {"colour": 0.3, "specular": 0.5, "roughness": 0.3},
        {"colour": 0.9, "metallic": 1.0, "roughness": 0.4},
    ],
    ids=["lambert", "black", "plastic", "metal"],
)
def test_a_key_is_told_without_its_shadows_whatever_the_surface_is_made_of(surface: dict[str, Any]) -> None:
    floor = plane(**surface)
    roof = plane(colour=0.0, specular=0.0).moved(translate=(-10, 3, 0))  # over all that is left of the middle
    camera = Camera((0, 2, 5), (0, 0, 0), 20)
    lights = [[0, 1, 0.05], [0.3, 1, 0.6]]
    alone = traced(floor, camera, lights, samples=64)
    assert alone.unshadowed == pytest.approx(alone.keys.mean(-1), rel=1e-5)
    roofed = traced(merged([floor, roof]), camera, lights, samples=64)
    assert roofed.unshadowed[0] == pytest.approx(alone.unshadowed[0], rel=1e-5)
    lit = roofed.keys[0].mean(-1) / roofed.unshadowed[0]
    assert lit[:, : SIZE // 2 - 4].max() < 0.01
    assert lit[:, SIZE // 2 + 4 :].min() > 0.99


def test_motion_leads_to_where_a_thing_is_in_the_next_frame() -> None:
    moving = dataclasses.replace(sphere(), motion=np.tile(np.array([0.1, 0.2, 0], np.float32), (200 * 200, 1)))
    still = traced(moving, AHEAD, [[0, 0, 1]])
    reach = np.tan(np.radians(15))
    expected = np.array([0.1, -0.2]) / (4 * reach) * SIZE / 2
    assert still.motion[SIZE // 2, SIZE // 2] == pytest.approx(expected, abs=0.02)
    followed = View.of(Camera((0.1, 0.2, 5), (0.1, 0.2, 0), 30))  # a camera that goes along sees it stand still
    assert np.abs(traced(moving, AHEAD, [[0, 0, 1]], later=followed).motion).max() < 1e-3


def test_a_take_moves_as_its_motion_says_under_a_light_that_stands_still() -> None:
    first, second = stage.take("rocks", 7, 2, size=SIZE, samples=4)
    row, column = np.nonzero(first.matte == 1)
    there = np.round(np.stack([column, row], 1) + first.motion[row, column]).astype(int)
    kept = ((there >= 0) & (there < SIZE)).all(1)
    landed = second.matte[there[kept, 1], there[kept, 0]]
    assert kept.mean() > 0.8 and (landed > 0).mean() > 0.97
    assert first.lights.shape == (1, 3) and not np.array_equal(first.keys, second.keys)
    turned = np.degrees(np.arccos(np.clip((first.lights[0] * second.lights[0]).sum(), -1, 1)))
    assert turned < 3  # in camera space it turns only as much as the camera does


def test_a_key_that_reaches_nothing_gives_way_to_one_that_does() -> None:
    wall = plane().moved(translate=(0, 0, 0))
    shares = World(wall, View.of(ABOVE), SIZE).lit_shares(np.array([[0, -1, 0], [0, 1, 0], [1, 1, 0]], np.float32))
    assert shares == pytest.approx([0, 1, 1])
    assert lighting.useful("rooms", shares, 2).tolist() == [1, 2]
    assert lighting.useful("rooms", shares, 3).tolist() == [0, 1, 2]


@pytest.fixture(scope="module")
def renders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four scenes of two families, rendered by two processes."""
    out = tmp_path_factory.mktemp("soundstage") / "renders"
    manifest = stage.render(out, count=COUNT, jobs=2, **SETTINGS)
    assert len(manifest.scenes) == COUNT
    return out


def digests(folder: Path) -> dict[str, str]:
    return {entry.file: entry.sha256 for entry in Manifest.load(folder).scenes}


def test_the_same_seed_gives_the_same_bits_with_one_process_and_with_two(renders: Path, tmp_path: Path) -> None:
    stage.render(tmp_path, count=COUNT, jobs=1, **SETTINGS)
    assert digests(tmp_path) == digests(renders)
    assert len(set(digests(renders).values())) == COUNT
    for file in digests(renders):
        assert (tmp_path / file).read_bytes() == (renders / file).read_bytes()


def test_a_scene_file_holds_what_is_promised(renders: Path) -> None:
    with np.load(renders / "rocks" / "00001.npz") as archive:
        assert {name: (archive[name].dtype.name, archive[name].shape) for name in archive.files} == {
            "normals": ("float16", (SIZE, SIZE, 3)),
            "depth": ("float32", (SIZE, SIZE)),
            "albedo": ("float16", (SIZE, SIZE, 3)),
            "motion": ("float16", (SIZE, SIZE, 2)),
            "matte": ("float16", (SIZE, SIZE)),
            "sky": ("float16", (SIZE, SIZE)),
            "keys": ("float16", (6, SIZE, SIZE, 3)),
            "unshadowed": ("float16", (6, SIZE, SIZE)),
            "ambient": ("float16", (SIZE, SIZE, 3)),
            "lights": ("float32", (6, 3)),
            "softness": ("float32", (6,)),
        }
    for file in digests(renders):
        scene = Scene.load(renders / file)
        assert np.linalg.norm(scene.lights, axis=1) == pytest.approx(np.ones(6), abs=1e-5)
        assert all(np.isfinite(getattr(scene, field.name)).all() for field in dataclasses.fields(scene))
        length = np.linalg.norm(scene.normals, axis=-1)
        assert ((length < 1e-3) | (np.abs(length - 1) < 2e-3)).all()
        assert 0.05 < (scene.matte > 0.5).mean() < 0.95
        assert scene.keys.mean((1, 2, 3)).min() > 0


RENDER_AND_TELL = """
import sys
from pathlib import Path
from onelight.soundstage import stage
stage.render(Path(sys.argv[1]), count=4, jobs=2, seed=7, size=64, families=["lathes", "rocks"], samples=4,
             progress=lambda done, total, file: print(file, flush=True))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_leaves_no_process_and_goes_on_where_it_was(how: int, renders: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", RENDER_AND_TELL, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        finished = process.stdout.readline().strip()
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(how)
    assert process.returncode != 0 and len(workers) >= 2
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive, "render processes outlived the run that started them"
    kept = (tmp_path / finished).stat().st_mtime_ns
    damaged = tmp_path / "rocks" / "00001.npz"
    shutil.copyfile(renders / "rocks" / "00001.npz", damaged)
    os.truncate(damaged, damaged.stat().st_size // 2)
    (tmp_path / "rocks" / ".00007.1.part").write_bytes(b"half")
    stage.render(tmp_path, count=COUNT, jobs=1, **SETTINGS)
    assert digests(tmp_path) == digests(renders)
    assert (tmp_path / finished).stat().st_mtime_ns == kept
    assert damaged.read_bytes() == (renders / "rocks" / "00001.npz").read_bytes()
    assert not list(tmp_path.rglob("*.part"))


def test_a_manifest_alone_makes_its_folder_again_to_the_bit(renders: Path, tmp_path: Path) -> None:
    shutil.copyfile(renders / "manifest.json", tmp_path / "manifest.json")
    assert stage.rebuild(tmp_path, jobs=2) == []
    for file in digests(renders):
        assert (tmp_path / file).read_bytes() == (renders / file).read_bytes()
    told = json.loads((tmp_path / "manifest.json").read_text())
    told["scenes"][2]["sha256"] = "0" * 64
    (tmp_path / "manifest.json").write_text(json.dumps(told))
    done = CliRunner().invoke(app, ["soundstage", "rebuild", str(tmp_path), "--jobs", "1"])
    assert isinstance(done.exception, RequestError) and told["scenes"][2]["file"] in str(done.exception)


def test_every_scene_has_a_seed_of_its_own_that_never_changes() -> None:
    seeds = {scene_seed(seed, name, number) for seed in (1, 2) for name in "ab" for number in range(50)}
    assert len(seeds) == 200 and max(seeds) < 2**53
    assert scene_seed(1, "rocks", 0) == 6966578425746002  # a new value would orphan every folder ever rendered


def refused(*words: object) -> str:
    """What the command says; it fails with a sentence."""
    done = CliRunner().invoke(app, ["soundstage", *map(str, words)])
    assert isinstance(done.exception, OnelightError), (done.exception, done.output)
    return str(done.exception)


def test_what_cannot_be_rendered_is_refused_in_a_sentence(renders: Path, tmp_path: Path) -> None:
    few = ("--count", 1, "--size", 64, "--samples", 4, "--seed", 7)
    assert "There is no scene family 'teapots'" in refused("render", "--out", tmp_path, *few, "--families", "teapots")
    held_out = families.names("test")[0]
    assert f"'{held_out}' is not in the split 'train'" in refused(
        "render", "--out", tmp_path, *few, "--families", held_out
    )
    assert "no split 'tset'" in refused("render", "--out", tmp_path, *few, "--split", "tset")
    (tmp_path / "file").write_bytes(b"")
    assert "cannot be written" in refused("render", "--out", tmp_path / "file" / "renders", *few)
    assert "was begun with the seed 7, not 8" in refused(
        "render", "--out", renders, "--count", 4, "--size", 64, "--samples", 4, "--seed", 8
    )
    assert "has no manifest.json" in refused("sheet", tmp_path)
    (tmp_path / "manifest.json").write_text('{"seed": 1')
    assert "cannot be read as a manifest" in refused("rebuild", tmp_path)


def test_a_folder_of_other_sources_is_not_mixed_up_unless_asked(renders: Path, tmp_path: Path) -> None:
    shutil.copytree(renders, tmp_path / "old")
    told = json.loads((renders / "manifest.json").read_text())
    told["code"] = "0" * 64
    (tmp_path / "old" / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(RequestError, match="rendered by other sources"):
        stage.render(tmp_path / "old", count=COUNT, **SETTINGS)
    mixed = stage.render(tmp_path / "old", count=COUNT, jobs=1, mix=True, **SETTINGS)
    assert digests(tmp_path / "old") == digests(renders) and mixed.code != "0" * 64


def test_a_scene_that_is_cut_short_or_something_else_is_named(renders: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.npz"
    cut.write_bytes((renders / "rocks" / "00000.npz").read_bytes()[:-100])
    np.savez(tmp_path / "other.npz", depth=np.zeros((2, 2)))
    for path in (cut, tmp_path / "other.npz", tmp_path / "missing.npz"):
        with pytest.raises(ImageError, match=path.name):
            Scene.load(path)


def test_a_disk_that_takes_no_more_leaves_no_half_scene(renders: Path, tmp_path: Path) -> None:
    scene = Scene.load(renders / "rocks" / "00000.npz")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ImageError, match=r"00000\.npz cannot be written"):
            scene.save(tmp_path / "00000.npz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
    scene.save(tmp_path / "00000.npz")
    assert np.array_equal(Scene.load(tmp_path / "00000.npz").keys, scene.keys)


def test_without_mitsuba_it_says_what_to_install_and_still_lists_its_families(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.backend.cache_clear()
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    try:
        with pytest.raises(NotReady, match=r"pip install 'onelight\[soundstage\]'"):
            stage.render(tmp_path / "renders", count=1, seed=1)
    finally:
        world.backend.cache_clear()
    assert not (tmp_path / "renders").exists()
    listed = CliRunner().invoke(app, ["soundstage", "families"])
    assert listed.exit_code == 0 and "rocks" in listed.output and "tests only" in listed.output


def test_a_family_that_fails_on_a_seed_costs_only_that_scene(renders: Path, tmp_path: Path) -> None:
    told = json.loads((renders / "manifest.json").read_text())
    told["scenes"][1]["seed"] = -1  # no generator takes it
    (tmp_path / "manifest.json").write_text(json.dumps(told))
    files = [entry["file"] for entry in told["scenes"]]
    with pytest.raises(RequestError, match=f"1 of 4 scenes could not be made; the first: {files[1]}: .* the seed -1"):
        stage.rebuild(tmp_path, jobs=2)
    assert [(tmp_path / file).is_file() for file in files] == [True, False, True, True]


@pytest.fixture(scope="module")
def scene(renders: Path) -> Scene:
    return Scene.load(renders / "lathes" / "00000.npz")


def test_a_card_metered_with_the_light_falling_on_it_comes_out_as_its_reflectance() -> None:
    grey = np.full((1, 8, 8, 3), 0.18, np.float32)
    flat = {name: np.zeros((8, 8), np.float32) for name in ("depth", "matte", "sky")}
    three = {name: np.zeros((8, 8, 3), np.float32) for name in ("normals", "albedo", "ambient")}
    card = Scene(
        keys=grey,
        unshadowed=grey[..., 0],
        motion=np.zeros((8, 8, 2), np.float32),
        lights=np.array([[0, 0, 1]], np.float32),
        softness=np.array([0.5], np.float32),
        **flat,
        **three,
    )
    lens = rigs.Lens(stop=8, shutter=1 / 50, iso=400, nd=3, balance=3200, veil=0, vignette=0)
    assert lens.ev100() == pytest.approx(np.log2(64 * 50) - 2 + 3)
    metered = 2.5 * 2 ** lens.ev100()
    seen = rigs.picture(card, rigs.Rig(rigs.Light(metered, 3200), lens=lens))
    assert seen == pytest.approx(np.full((8, 8, 3), 0.18), rel=1e-4)
    daylight = rigs.picture(card, rigs.Rig(rigs.Light(metered, 5600), lens=lens))[4, 4]
    assert daylight[2] > daylight[1] > daylight[0]
    one_stop_down = dataclasses.replace(lens, nd=4)
    assert rigs.picture(card, rigs.Rig(rigs.Light(metered, 3200), lens=one_stop_down))[4, 4, 0] == pytest.approx(0.09)


@pytest.mark.parametrize("name", rigs.RIGS)
def test_a_named_set_up_exposes_its_subject(name: str, scene: Scene) -> None:
    rig = rigs.RIGS[name]
    seen = rigs.picture(scene, rig, np.random.default_rng(1))
    assert seen.shape == (SIZE, SIZE, 3) and seen.dtype == np.float32
    assert np.array_equal(seen, rigs.picture(scene, rig, np.random.default_rng(1)))
    lit_card = (rig.key.lux + rig.sky.lux) * rig.lens.exposure()
    assert (0.1 if name == "moonlight" else 0.7) < lit_card < 2  # a white card under all of it, about metered
    assert rig.varied(np.random.default_rng(2)) not in (rig, rig.varied(np.random.default_rng(3)))


def test_the_light_of_a_lens_is_spread_and_not_made() -> None:
    spot = np.zeros((96, 96, 3), np.float32)
    spot[48, 48] = 1000
    seen = rigs.through(spot, rigs.Lens(veil=0.02, vignette=0))
    assert seen.sum() == pytest.approx(spot.sum(), rel=1e-3)
    assert seen[48, 48, 0] < 990 and seen[0, 0, 0] > 0


def test_noise_is_that_of_counted_photons() -> None:
    rng = np.random.default_rng(5)
    for value in (0.02, 0.5, 4.0):
        seen = rigs.noisy(np.full((256, 256, 3), value, np.float32), 800, rng)
        electrons = 8e6 / 800
        assert seen.mean() == pytest.approx(value, rel=2e-3)
        assert seen.var() == pytest.approx(value / electrons + (3 / electrons) ** 2, rel=0.03)


def test_the_sheet_shows_scenes_of_every_family(renders: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["soundstage", "sheet", str(renders), "--out", str(tmp_path / "sheet.png")])
    assert done.exit_code == 0, done.output
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None and sheet.std() > 20
    assert str(tmp_path / "sheet.png") in done.output.replace("\n", "")
    with pytest.raises(ImageError, match="cannot be written as a picture"):
        contact.write(renders, tmp_path / "sheet.txt")
