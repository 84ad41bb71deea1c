"""Relight's training pairs and losses agree with the light they are about, and the whole recipe makes a version."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onelight.colour import Colour
from onelight.errors import RequestError
from onelight.registry import Registry
from onelight.runtime import Session
from onelight.tools import discover
from onelight.tools.relight import network, pairs, shade
from onelight.tools.relight.geometry import normalise
from onelight.tools.relight.light import direction, harmonics
from onelight.tools.relight.spec import TOOL
from stagerun import defaults

torch = pytest.importorskip("torch", reason="training is not installed")

from onelight.tools.relight import losses, train  # noqa: E402  needs torch

SIZE = 64


def ball(seed: int, folder: Path, paint: float | None = None) -> Path:
    """A matte ball of one colour before nothing, under six keys, as the soundstage would write it."""
    random = np.random.default_rng(seed)
    y, x = (np.mgrid[0:SIZE, 0:SIZE] + 0.5) / SIZE * 2 - 1
    x, y = (x - random.uniform(-0.1, 0.1)) / 0.8, -(y - random.uniform(-0.1, 0.1)) / 0.8
    inside = (x * x + y * y < 0.98).astype(np.float32)
    normals = np.stack([x, y, np.sqrt(np.maximum(1 - x * x - y * y, 0))], -1) * inside[..., None]
    lights = normalise(random.normal((0, 0, 2), 1, (6, 3)))
    worn = random.uniform(0.2, 0.8, 3) if paint is None else np.full(3, paint)
    albedo = np.broadcast_to(worn, normals.shape) * inside[..., None]
    keys = albedo * np.maximum(np.einsum("hwc,lc->lhw", normals, lights), 0)[..., None]
    arrays = {"normals": normals, "albedo": albedo, "keys": keys, "ambient": albedo, "matte": inside}
    arrays["unshadowed"] = keys.mean(axis=-1)
    path = folder / f"{seed:05d}.npz"
    np.savez(
        path,
        **{name: value.astype(np.float16) for name, value in arrays.items()},
        depth=((3 - normals[..., 2]) * inside).astype(np.float16),
        lights=lights.astype(np.float32),
        softness=np.full(6, 0.5, np.float32),
    )
    return path


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    folder = tmp_path_factory.mktemp("balls")
    records = [pairs.read(ball(seed, folder)) for seed in range(6)]
    return {name: np.stack([record[name] for record in records]) for name in records[0]}


@pytest.mark.parametrize("seed", range(4))
def test_the_true_surface_relights_every_pair_to_its_target_mirrored_turned_or_cropped(
    arrays: dict[str, np.ndarray], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "BOUNCED", 0.0)  # a ball alone in the dark throws no light on itself
    drawn = pairs.draw

    def alone(*given: object) -> pairs.Pair:
        return drawn(*given)._replace(lamp=None, tints=np.ones((2, 3), np.float32))  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(pairs, "draw", alone)
    batch = train.tensors(pairs.compose(arrays, np.arange(6), 24, np.random.default_rng(seed)))
    for level in ("coarse.", "fine."):
        truth = {name.removeprefix(level): value for name, value in batch.items() if not name.startswith("inflated")}
        asks = truth["asks_second"].view(-1, 1, 1, 1)
        found = {**truth, "reach": truth["reach"] + (truth["reach_new"] - truth["reach"]) * asks}
        found["hedge"] = torch.zeros(1)
        relit, target = losses.relight(found, truth), truth["target"]
        # Where the plate's key only grazes, half floats decide.
        facing = [(truth["normals"] * truth["lights"][:, i, :, None, None]).sum(1, keepdim=True) for i in (0, 1)]
        told = (truth["covered"] * (facing[0] > 0.3) * (facing[1] > 0.3)).expand_as(target) > 0
        assert told.sum() > 1000
        assert ((relit - target).abs() / (target + 0.02))[told].quantile(0.99) < 0.1, level


def test_training_relights_by_the_ratio_that_the_tool_takes_under_the_same_lights_and_hedge() -> None:
    random = np.random.default_rng(3)
    normals = normalise(random.normal((0, 0, 1), 1, (SIZE, SIZE, 3)).astype(np.float32))
    openness, hedge, *reaches = random.uniform(0.05, 1, (4, SIZE, SIZE)).astype(np.float32)
    ratio, keys = 5.0, [direction(*angles) for angles in ((-40, 25), (60, 10))]
    knobs = defaults(TOOL, present_ratio=ratio, fill_ratio=ratio, lift_shadows=1.0, shadow_density=1.0)
    for prefix, (azimuth, elevation) in (("present", (-40, 25)), ("key", (60, 10))):
        knobs |= {f"{prefix}_azimuth": azimuth, f"{prefix}_elevation": elevation, f"{prefix}_softness": 0.0}
    surface = {"normals": normals, "visibility": openness, "basis": harmonics(normals), "shadow": 1 - reaches[0]}
    made = {**surface, "hedge": np.zeros_like(hedge), "doubt": 0.0}
    shadings = shade.shading(made, knobs, Colour.of("acescg"), lambda key: (1 - reaches[1], hedge))
    ours = shade.log_ratio(made, knobs, shadings)[..., 0]
    told = {"normals": normals, "openness": openness, "hedge": hedge, "reach": reaches[1]}
    found = {name: torch.from_numpy(np.atleast_3d(value).transpose(2, 0, 1)[None]) for name, value in told.items()}
    truth = {"lights": torch.from_numpy(np.stack(keys)[None].astype(np.float32)), "asks_second": torch.ones(1)}
    truth |= {"fill": torch.tensor([1 / (ratio - 1) - losses.BOUNCED]), "linear": torch.ones(1, 3, SIZE, SIZE)}
    truth |= {
        name: torch.from_numpy(reach[None, None]) for name, reach in zip(("reach", "reach_new"), reaches, strict=True)
    }
    theirs = torch.log2(losses.relight(found, truth))[0, 0].numpy()
    assert np.abs(ours).max() > 1
    assert np.allclose(ours, theirs, atol=0.02)


@pytest.mark.parametrize("paint", [0.02, 0.1, 0.6])
def test_a_key_that_nothing_hides_is_told_to_reach_all_that_faces_it_however_dark_it_is(
    tmp_path: Path, paint: float
) -> None:
    record = pairs.read(ball(1, tmp_path, paint))
    facing = np.einsum("hwc,lc->lhw", record["normals"].astype(np.float32), record["lights"])
    reach = record["reach"][..., 0].astype(np.float32)
    assert (facing > 0.1).sum() > 1000
    assert reach[facing > 0.1].min() > 0.97
    assert reach[facing <= 0].min() > 1, "turned away, it tells nothing of what arrives"


def test_where_nothing_tells_how_far_a_key_reaches_nothing_is_asked(tmp_path: Path) -> None:
    path = ball(1, tmp_path)
    with np.load(path) as scene:
        made = {name: scene[name] for name in scene.files}
    made["unshadowed"][:, :, : SIZE // 2 + 1] = 0  # as metal beside its highlight
    np.savez(path, **made)
    records = [pairs.read(path)] * 2
    arrays = {name: np.stack([record[name] for record in records]) for name in records[0]}
    batch = train.tensors(pairs.compose(arrays, np.arange(2), 16, np.random.default_rng(0)))
    assert all(torch.isfinite(value).all() for value in batch.values())
    pair = pairs.draw(0, np.arange(2), arrays["lights"][0], np.random.default_rng(0))
    pair = pair._replace(mirrored=False, quarters=0, paint=None)
    for suffix, middle in (("", SIZE // 2), ("_half", SIZE // 4)):
        whole = (slice(None), slice(None))
        counts = pairs.images(arrays, pair, np.random.default_rng(0), suffix, whole)["reach_counts"]
        assert counts[:, : middle + 1].max() == 0 < counts[:, middle + 1 :].max()


def test_paint_is_lent_where_the_other_scene_has_some(arrays: dict[str, np.ndarray]) -> None:
    lent = {name: value.copy() for name, value in arrays.items()}
    lent["albedo"][1] = 0.5
    lent["albedo"][1, :, : SIZE // 2] = 0
    pair = pairs.draw(0, np.arange(6), lent["lights"][0], np.random.default_rng(0))._replace(
        mirrored=False, quarters=0, channels=np.arange(3), noise=0.0, plain=None
    )

    def seen(paint: int | None) -> np.ndarray:
        whole = (slice(None), slice(None))
        return pairs.images(lent, pair._replace(paint=paint), np.random.default_rng(0), "", whole)["linear"]

    own, painted, left = seen(None), seen(1), slice(0, SIZE // 2)
    assert np.array_equal(own[:, left], painted[:, left])
    thing = lent["matte"][0, :, SIZE // 2 :, 0] > 0
    wanted = 0.53 / (lent["albedo"][0, :, SIZE // 2 :][thing].astype(np.float32) + 0.1)
    assert np.allclose(painted[:, SIZE // 2 :][thing], own[:, SIZE // 2 :][thing] * wanted, rtol=1e-3, atol=1e-4)


def test_folders_of_one_name_are_not_mixed_up(tmp_path: Path) -> None:
    words = [word for name in ("a", "b") for word in ("--scenes", str(tmp_path / name / "lone"))]
    refused = onelight("train", "relight", *words, "--out", str(tmp_path / "run"))
    assert refused.returncode == 1
    assert "have the same name" in refused.stderr


def rendered(out: Path, *words: str) -> Path:
    done = onelight("soundstage", "render", "--out", str(out), "--size", "64", "--samples", "4", *words)
    assert done.returncode == 0, done.stderr
    return out


def test_nothing_learns_from_a_family_that_is_held_out_for_the_score(tmp_path: Path) -> None:
    scenes = rendered(tmp_path / "scenes", "--count", "2", "--families", "knots,rocks", "--split", "all")
    refused = onelight("train", "relight", "--scenes", str(scenes), "--out", str(tmp_path / "run"))
    assert refused.returncode == 1
    assert f"{scenes} holds scenes of knots, which are held out" in refused.stderr.replace("\n", " ")
    assert not (tmp_path / "run").exists()


def test_scenes_that_were_rendered_without_the_pass_say_so(tmp_path: Path) -> None:
    path = ball(1, tmp_path)
    with np.load(path) as scene:
        arrays = {name: scene[name] for name in scene.files if name != "unshadowed"}
    np.savez(path, **arrays)
    with pytest.raises(RequestError, match=r"00001.npz was rendered before .* 'unshadowed': render it again"):
        pairs.read(path)


def test_scenes_with_too_few_lights_are_refused_in_a_sentence(tmp_path: Path) -> None:
    scenes = rendered(tmp_path / "scenes", "--count", "1", "--families", "rocks", "--lights", "2")
    refused = onelight("train", "relight", "--scenes", str(scenes), "--out", str(tmp_path / "run"))
    assert refused.returncode == 1
    assert "2 key lights each: Relight learns from 3 or more" in refused.stderr.replace("\n", " ")


def test_withheld_hints_are_zero_and_given_ones_are_the_lights(arrays: dict[str, np.ndarray]) -> None:
    batch = pairs.compose(arrays, np.arange(6), 64, np.random.default_rng(3))
    told = np.abs(batch["light"]).sum(axis=1) > 0
    assert 0.5 < told.mean() < 0.95
    apart = (batch["light"][told, :3] * batch["lights"][told, 0]).sum(axis=1)
    assert np.degrees(np.arccos(np.clip(apart, -1, 1))).max() < 20
    asked = np.where(batch["asks_second"][:, None] > 0, batch["lights"][:, 1], batch["lights"][:, 0])
    assert np.allclose(batch["asked"][:, :3], asked, atol=1e-5)
    assert set(np.unique(batch["coarse.matte"])) >= {-1.0, 0.0, 1.0}


def test_a_batch_is_a_function_of_its_generator_alone(arrays: dict[str, np.ndarray]) -> None:
    first, again = (pairs.compose(arrays, np.arange(6), 4, np.random.default_rng(9)) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_the_loss_falls_on_one_batch_and_reaches_every_parameter(arrays: dict[str, np.ndarray]) -> None:
    torch.manual_seed(1)
    model = train.Geometry()
    batch = {
        **train.tensors(pairs.compose(arrays, np.arange(6), 4, np.random.default_rng(2))),
        "deep": torch.tensor(False),
    }
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    values = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = train.loss_of(model, batch)["loss"]
        loss.backward()
        optimizer.step()
        values.append(float(loss.detach()))
    assert values[-1] < 0.7 * values[0]
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def onelight(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from onelight.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes rendered small and a few steps on them, by the commands that anybody would use."""
    folder = tmp_path_factory.mktemp("recipe")
    scenes, lone = str(folder / "scenes"), str(folder / "lone")
    for words in (
        ("--out", scenes, "--count", "24", "--families", "curtains"),
        ("--out", lone, "--count", "2", "--families", "fruit", "--lone"),
    ):
        render = onelight("soundstage", "render", "--size", "64", *words)
        assert render.returncode == 0, render.stderr
    made = onelight(
        *("train", "relight", "--recipe", "small", "--scenes", scenes, "--scenes", lone, "--out", str(folder / "run")),
        *("--steps", "4", "--batch", "2", "--version", "tried1", "--no-score"),
    )
    assert made.returncode == 0, made.stderr
    return folder


def test_the_recipe_makes_a_version_that_the_server_can_run(trained: Path) -> None:
    models = trained / "run" / "models"
    version = Registry(discover(), [models]).find("base", "relight", "tried1")
    session = Session(version, 1)
    assert network.known(session)
    assert version.bytes < 10 << 20
    folder = models / "base" / "relight" / "tried1"
    card = (folder / "card.md").read_text()
    sheet = json.loads((trained / "scenes" / "manifest.json").read_text())
    assert str(sheet["seed"]) in card
    assert sheet["code"][:12] in card
    assert "24 scenes of curtains" in card
    assert "2 lone things of fruit" in card
    assert (folder / "weights.safetensors").stat().st_size < 10 << 20
    assert (trained / "run" / "validation.png").is_file()
    assert (trained / "run" / "curves.png").is_file()


def test_a_version_is_never_written_over(trained: Path) -> None:
    again = onelight(
        *("train", "relight", "--recipe", "small", "--scenes", str(trained / "scenes"), "--out", str(trained / "run")),
        *("--steps", "4", "--batch", "2", "--version", "tried1", "--no-score"),
    )
    assert again.returncode != 0
    assert "tried1 is there already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("train", "relite", "--out", "x"), "there is no tool 'relite'"),
        (("train", "probe", "--out", "x"), "has no network to train"),
        (("train", "relight", "--recipe", "huge", "--out", "x"), "no recipe 'huge'"),
        (("train", "relight", "--scenes", "/no/such/scenes", "--out", "x"), "/no/such/scenes"),
    ],
)
def test_what_cannot_be_trained_is_named(arguments: tuple[str, ...], sentence: str) -> None:
    done = onelight(*arguments)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
