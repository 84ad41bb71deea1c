"""Cleanup's training pictures tell the truth about their wires, and the whole recipe makes a version."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onelight.registry import Registry
from onelight.runtime import Session
from onelight.tools import discover
from onelight.tools.cleanup import clutter, detect, pairs
from onelight.tools.cleanup.wires import Wire

torch = pytest.importorskip("torch", reason="training is not installed")

from onelight.tools.cleanup import losses, train  # noqa: E402  needs torch
from onelight.training.export import parameters_of  # noqa: E402  needs torch

SIZE = 96


def rendered(seed: int, folder: Path) -> Path:
    """A soft shape under six keys, as the soundstage would write it."""
    random = np.random.default_rng(seed)
    shape = np.clip(clutter.noise(random, SIZE)[..., None] + 0.5, 0, 2).astype(np.float32)
    keys = np.stack([shape * random.uniform(0.2, 1, 3) for _ in range(6)]).astype(np.float16)
    path = folder / f"{seed:05d}.npz"
    np.savez(
        path, keys=keys, ambient=(shape * np.ones(3)).astype(np.float16), matte=(shape[..., 0] > 0).astype(np.float16)
    )
    return path


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    folder = tmp_path_factory.mktemp("scenes")
    records = [pairs.read(rendered(seed, folder)) for seed in range(4)]
    return {name: np.stack([record[name] for record in records]) for name in records[0]}


@pytest.fixture(scope="module")
def leaves() -> np.ndarray:
    return clutter.library(3, SIZE, 5)


@pytest.fixture(autouse=True)
def small_crops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "CROP", SIZE)


def composed(arrays: dict[str, np.ndarray], leaves: np.ndarray, count: int, seed: int) -> dict[str, np.ndarray]:
    return pairs.compose(arrays, np.arange(4), leaves, count, np.random.default_rng(seed))


def test_a_batch_is_finite_whole_and_a_function_of_its_generator_alone(
    arrays: dict[str, np.ndarray], leaves: np.ndarray
) -> None:
    first, again = (composed(arrays, leaves, 12, 9) for _ in range(2))
    channels = {"picture": detect.PICTURE, "hand": detect.HAND, "motion": detect.MOTION, "along": 2}
    for name, value in first.items():
        assert np.array_equal(value, again[name])
        assert value.shape == (12, SIZE, SIZE, channels.get(name, 1)) and np.isfinite(value).all(), name
    assert first["stroke"].max() > 0.9
    assert 0 < (first["motion"][..., 1].mean(axis=(1, 2)) > 0.5).mean() < 0.8


def test_some_crops_hold_no_wire_and_those_say_nothing_but_no(
    arrays: dict[str, np.ndarray], leaves: np.ndarray
) -> None:
    batch = composed(arrays, leaves, 24, 4)
    empty = batch["stroke"].max(axis=(1, 2, 3)) == 0
    assert 0.1 < empty.mean() < 0.8
    assert (batch["weight"][empty] == 1).all()


def test_a_wire_that_nobody_could_see_does_not_count() -> None:
    ground = np.full((SIZE, SIZE, 3), 0.5, np.float32)
    random = np.random.default_rng(1)
    wire = Wire.draw(random, (SIZE, SIZE), width=4.0, moves=False)
    pasted = pairs.paste(ground, [wire])
    unseen = pairs.counting(pasted, np.full((SIZE, SIZE), 0.001, np.float32), 0.05)
    clear = pairs.counting(pasted, np.full((SIZE, SIZE), 1.0, np.float32), 0.05)
    inside = pasted.stroke > 0.9
    assert (unseen[inside] == 0).all() and (clear[inside] == 1).all()
    assert (unseen[pasted.stroke == 0] == 1).all()


@pytest.mark.parametrize("flips", [(True, False, False), (False, True, True), (True, True, True), (False, False, True)])
def test_mirrored_and_turned_tangents_are_those_of_the_turned_picture(flips: tuple[bool, bool, bool]) -> None:
    """A line of known direction, turned as a picture, and its tangent found again by the ridge filters."""
    ground = np.full((SIZE, SIZE, 3), 0.5, np.float32)
    drawn = Wire.draw(np.random.default_rng(5), (SIZE, SIZE), width=4.0, contrast=0.5, moves=False)
    pasted = pairs.paste(ground, [drawn])
    stops = np.log2(pasted.picture[..., 1])
    batch = {
        "along": pasted.along,
        "hand": detect.hand(stops),
        "stops": stops[..., None],
        "stroke": pasted.stroke[..., None],
    }
    turned = train.turned(train.tensors({name: value[None] for name, value in batch.items()}), *flips)
    again = detect.hand(turned["stops"][0, 0].numpy())
    hand = turned["hand"][0].permute(1, 2, 0).numpy()
    assert np.allclose(hand, again, atol=2e-2)
    inside = turned["stroke"][0, 0].numpy() > 0.9
    said, true = again[inside][:, 4:6], turned["along"][0].permute(1, 2, 0).numpy()[inside]
    cosine = (said * true).sum(1) / np.maximum(np.linalg.norm(said, axis=1), 1e-6)
    assert np.median(cosine) > 0.97


def test_each_batch_is_shown_as_often_as_is_said_and_never_the_same_way_by_rule() -> None:
    made: list[int] = []

    def compose(random: np.random.Generator) -> dict[str, np.ndarray]:
        made.append(1)
        value = random.random((2, 8, 8, 2), np.float32)
        return {"along": value, "hand": np.zeros((2, 8, 8, detect.HAND), np.float32)}

    batches = train.Batches(compose, seed=3)
    steps = range(2 * train.SHOWN)
    shown = [batches(np.random.default_rng([3, step]), step)["along"] for step in steps]
    assert len(made) == 2
    alone = train.Batches(compose, seed=3)(np.random.default_rng([3, steps[-1]]), steps[-1])["along"]
    assert torch.equal(alone, shown[-1])
    assert shown[0].abs().sum() == pytest.approx(float(shown[1].abs().sum()), rel=1e-5)


def test_the_detector_is_small() -> None:
    assert parameters_of(train.Detector()) <= 400_000


def test_the_loss_falls_on_one_batch_and_reaches_every_parameter(
    arrays: dict[str, np.ndarray], leaves: np.ndarray
) -> None:
    torch.manual_seed(1)
    model = train.Detector()
    batch = train.tensors(composed(arrays, leaves, 6, 2))
    optimizer = torch.optim.Adam(model.parameters(), 4e-3)
    values = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = train.loss_of(model, batch)["loss"]
        loss.backward()
        optimizer.step()
        values.append(float(loss.detach()))
    assert values[-1] < 0.7 * values[0]
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_a_perfect_answer_scores_one_and_costs_next_to_nothing(
    arrays: dict[str, np.ndarray], leaves: np.ndarray
) -> None:
    truth = train.tensors(composed(arrays, leaves, 12, 6))
    perfect = {"matte": torch.logit(truth["stroke"], eps=1e-4), "width": truth["width"], "along": truth["along"]}
    scored = losses.scores(perfect, truth)
    assert scored["F1"] > 0.99 and scored["false share %"] == 0
    nothing = {**perfect, "matte": torch.full_like(truth["stroke"], -9.0)}
    assert losses.scores(nothing, truth)["recall"] == 0
    cost, missed = (
        train.loss_of(lambda *_, said=said: tuple(said.values()), truth)["loss"] for said in (perfect, nothing)
    )
    assert float(cost) < 0.05 * float(missed)


@pytest.mark.parametrize(
    "kind", ["branch", "blades", "stripes", "bars", "folds", "outlines", "letters", "edge", "rail", "moulding"]
)
def test_clutter_of_every_kind_marks_a_picture_and_stays_finite(kind: str) -> None:
    changed = 0
    for seed in range(4):
        random = np.random.default_rng(seed)
        picture = clutter.leaves(random, SIZE)
        before = picture.copy()
        covered = getattr(clutter, kind)(picture, random)
        changed += int(not np.array_equal(before, picture))
        assert np.isfinite(picture).all() and (picture >= 0).all()
        assert covered.shape == (SIZE, SIZE) and covered.min() >= 0 and covered.max() <= 1
    assert changed >= 2


def test_a_ground_as_small_footage_shows_it_keeps_its_size_and_level_and_loses_what_a_codec_does() -> None:
    ground, seen = clutter.leaves(np.random.default_rng(3), SIZE), []
    for seed in range(8):
        got = pairs.delivered(ground, np.random.default_rng(seed))
        again = pairs.delivered(ground, np.random.default_rng(seed))
        assert np.array_equal(got, again)
        assert got.shape == ground.shape and np.isfinite(got).all() and (got > 0).all()
        lit = ground > np.quantile(ground, 0.9)
        assert abs(np.log2(got[lit].mean() / ground[lit].mean())) < 0.5
        seen.append(float(np.abs(got - ground).mean() / ground.mean()))
    assert min(seen) > 0.005 and max(seen) > 0.05


def test_a_library_is_the_same_for_the_same_seed() -> None:
    assert np.array_equal(clutter.library(2, 48, 7), clutter.library(2, 48, 7))
    assert not np.array_equal(clutter.library(1, 48, 7), clutter.library(1, 48, 8))


def onelight(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from onelight.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_recipe_makes_a_version_that_the_server_can_run(tmp_path: Path) -> None:
    """By the commands that anybody would use, on scenes rendered small."""
    scenes = str(tmp_path / "scenes")
    render = onelight(
        *("soundstage", "render", "--out", scenes, "--count", "26", "--size", "64", "--families", "curtains")
    )
    assert render.returncode == 0, render.stderr
    made = onelight(
        *("train", "cleanup", "--recipe", "small", "--scenes", scenes, "--out", str(tmp_path / "run")),
        *("--steps", "3", "--batch", "2", "--version", "tried1", "--no-score"),
    )
    assert made.returncode == 0, made.stderr
    models = tmp_path / "run" / "models"
    version = Registry(discover(), [models]).find("base", "cleanup", "tried1")
    session = Session(version, 1)
    assert detect.known(session)
    folder = models / "base" / "cleanup" / "tried1"
    assert "Cleanup tried1" in (folder / "card.md").read_text()
    assert sum(file.stat().st_size for file in folder.iterdir()) < 10 << 20
    assert (tmp_path / "run" / "validation.png").is_file()
    found = detect.find(session, np.full((40, 50, 3), 0.2, np.float32), 0.2)
    assert found.matte.shape == (40, 50)
