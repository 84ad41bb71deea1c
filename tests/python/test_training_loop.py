"""A training is the same to the bit however often it is killed, stops when asked, and says what is wrong."""

from __future__ import annotations

import json
import math
import shutil
import signal
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install onelight[train]")

import cv2
import numpy as np
import torch
import trainingtoy as toy
from onelight.errors import Busy, OnelightError, RequestError
from onelight.locks import locked
from onelight.training.settings import Settings, learning_rate

TENSORS = ("model.safetensors", "ema.safetensors", "optimizer.safetensors")


def files(out: Path) -> dict[str, bytes]:
    return {name: (out / "checkpoint" / name).read_bytes() for name in (*TENSORS, "history.jsonl")}


def state(out: Path) -> dict[str, Any]:
    return json.loads((out / "checkpoint" / "state.json").read_text())["state"]


def history(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "checkpoint" / "history.jsonl").read_text().splitlines()]


def ended(out: Path, after: int, by: signal.Signals) -> int:
    """Train in a process of its own, end it by a signal as it takes its step `after`; its exit code."""
    with subprocess.Popen(
        [sys.executable, toy.__file__, str(out)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == f"step {after}\n":
                process.send_signal(by)
                break
        process.stdout.read()
        return process.wait(60)


@pytest.fixture(scope="module")
def through(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nothing interrupted."""
    out = tmp_path_factory.mktemp("through")
    assert toy.run(out) is not None
    return out


def test_a_training_killed_and_stopped_on_its_way_ends_with_the_same_bits(through: Path, tmp_path: Path) -> None:
    assert ended(tmp_path, 21, signal.SIGKILL) == -signal.SIGKILL
    assert state(tmp_path)["step"] == 16
    assert ended(tmp_path, 14, signal.SIGTERM) == 128 + signal.SIGTERM
    reached = state(tmp_path)["step"]
    assert reached == 31  # the step under way was finished, and saved though no checkpoint was due
    assert toy.run(tmp_path, stop_after=0.0) is None
    assert state(tmp_path)["step"] == reached
    assert toy.run(tmp_path) is not None
    assert files(tmp_path) == files(through)


def test_a_finished_training_gives_its_averaged_weights_again_without_a_step(through: Path) -> None:
    def none(random: np.random.Generator, step: int) -> Any:
        raise AssertionError("no batch is needed")

    before = files(through)
    again = toy.run(through, batch_of=none, model=toy.network(seed=8))
    assert again is not None and not again.training
    loaded = dict(again.state_dict())
    from safetensors.torch import load

    assert all(torch.equal(loaded[name], tensor) for name, tensor in load(before["ema.safetensors"]).items())
    assert files(through) == before


def test_training_lowers_the_loss_and_the_error_on_what_it_is_validated_on(through: Path) -> None:
    losses = [record["loss"] for record in history(through) if "loss" in record]
    errors = [record["validation"]["error"] for record in history(through) if "validation" in record]
    assert len(errors) == 4  # before the first step, every 20 and at the end
    assert losses[-1] < 0.7 * losses[0]
    assert errors[-1] < 0.7 * errors[0]


def test_a_part_of_the_way_gives_weights_between_those_it_began_with_and_those_it_learnt(
    through: Path, tmp_path: Path
) -> None:
    validated: list[torch.Tensor] = []

    def validate(model: torch.nn.Module) -> Any:
        validated.append(model[0].weight.detach().clone())  # type: ignore[index]
        return toy.validate(model)

    assert toy.run(tmp_path, taken=0.25, stop_after=0.0) is None
    found = toy.run(tmp_path, taken=0.25, validate=validate)
    assert found is not None
    from safetensors.torch import load

    learnt, began = load(files(through)["ema.safetensors"]), toy.network().state_dict()
    assert load(files(tmp_path)["ema.safetensors"])["0.weight"].equal(learnt["0.weight"]), "it learns as it would"
    for name, value in found.state_dict().items():
        torch.testing.assert_close(value, began[name] + (learnt[name] - began[name]) * 0.25)
    assert validated[-1].equal(found[0].weight)  # type: ignore[index]


def test_the_folder_shows_curves_and_the_last_validation_picture(through: Path) -> None:
    curves, picture = (cv2.imread(str(through / name)) for name in ("curves.png", "validation.png"))
    assert curves is not None and curves.shape[1] > 600
    assert picture is not None and picture.shape == (16, 16, 3)


def test_a_step_whose_loss_is_not_finite_changes_nothing_and_is_counted(through: Path, tmp_path: Path) -> None:
    assert state(through)["skipped"] == 1
    weights: list[torch.Tensor] = []
    model = toy.network()

    def watching(forward: Any, batch: Any) -> Any:
        weights.append(model[0].weight.detach().clone())  # type: ignore[index]
        return toy.loss_of(forward, batch)

    toy.run(tmp_path, model=model, loss_of=watching, steps=10)
    same = [torch.equal(a, b) for a, b in pairwise(weights)]
    assert same == [step == toy.BROKEN_STEP for step in range(9)]


def test_ten_such_steps_in_a_row_end_the_training_in_a_sentence(tmp_path: Path) -> None:
    def broken(forward: Any, batch: Any) -> Any:
        return {"loss": toy.loss_of(forward, batch)["loss"] * math.nan}

    with pytest.raises(OnelightError, match="Training diverged: 10 steps in a row, up to step 10,"):
        toy.run(tmp_path, loss_of=broken)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"learning_rate": 1e-4}, "learning_rate was 0.003 and is 0.0001 now"),
        ({"taken": 0.5}, "taken was 1.0 and is 0.5 now"),
        ({"steps": 80}, "steps was 60 and is 80 now"),
        ({"data": "other"}, "data was toy and is other now"),
        ({"model": torch.nn.Conv2d(3, 3, 1)}, "network of other shapes"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(through: Path, changed: dict[str, Any], says: str) -> None:
    before = files(through)
    with pytest.raises(RequestError, match=says):
        toy.run(through, **changed)
    assert files(through) == before


def test_a_checkpoint_from_before_there_was_a_setting_goes_on_with_what_held_then(
    through: Path, tmp_path: Path
) -> None:
    shutil.copytree(through, tmp_path / "old")
    sheet = tmp_path / "old" / "checkpoint" / "state.json"
    told = json.loads(sheet.read_text())
    del told["bound_to"]["settings"]["settled"]
    sheet.write_text(json.dumps(told))
    assert toy.run(tmp_path / "old") is not None
    with pytest.raises(RequestError, match="settled was False and is True now"):
        toy.run(tmp_path / "old", settled=True)


def test_how_often_it_is_saved_and_validated_may_change_on_the_way(through: Path) -> None:
    assert toy.run(through, checkpoint_every=3, validate_every=30) is not None


def test_a_second_training_in_the_same_folder_is_turned_away(tmp_path: Path) -> None:
    with locked(tmp_path, "training"), pytest.raises(Busy, match="another process is training there"):
        toy.run(tmp_path)


def test_an_error_in_the_making_of_a_batch_is_the_trainings_error_and_leaves_no_thread(tmp_path: Path) -> None:
    def failing(random: np.random.Generator, step: int) -> Any:
        if step == 3:
            raise RequestError("scene 17 is missing")
        return toy.batch_of(random, step)

    with pytest.raises(RequestError, match="scene 17 is missing"):
        toy.run(tmp_path, batch_of=failing)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("batches")]


@pytest.mark.parametrize("changed", [{"feeders": 3}, {"exact": False}])
def test_on_a_cpu_neither_the_threads_that_feed_nor_exactness_change_a_bit(
    through: Path, tmp_path: Path, changed: dict[str, Any]
) -> None:
    assert toy.run(tmp_path, **changed) is not None
    assert files(tmp_path) == files(through)


def test_the_network_runs_in_bf16_and_its_losses_are_computed_in_float32(tmp_path: Path) -> None:
    inside: set[torch.dtype] = set()
    outside: set[torch.dtype] = set()
    model = toy.network()
    model[0].register_forward_hook(lambda module, inputs, output: inside.add(output.dtype))  # type: ignore[index]

    def watching(forward: Any, batch: Any) -> Any:
        outside.add(forward(batch["x"]).dtype)
        return toy.loss_of(forward, batch)

    toy.run(tmp_path, model=model, loss_of=watching, validate=lambda ema: {}, steps=2)
    assert (inside, outside) == ({torch.bfloat16}, {torch.float32})


@pytest.mark.parametrize("settled", [True, False])
def test_a_settled_training_keeps_the_statistics_that_normalisation_began_with_and_learns(
    tmp_path: Path, settled: bool
) -> None:
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3, padding=1), torch.nn.BatchNorm2d(3))
    begun = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    learnt = toy.run(tmp_path, model=model, steps=12, settled=settled)
    assert learnt is not None
    after = learnt.state_dict()
    assert torch.equal(after["1.running_mean"], begun["1.running_mean"]) == settled
    assert torch.equal(after["1.running_var"], begun["1.running_var"]) == settled
    assert not torch.equal(after["1.weight"], begun["1.weight"])


def test_training_leaves_torchs_threads_and_modes_as_they_were(tmp_path: Path) -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), signal.getsignal(signal.SIGTERM)
    toy.run(tmp_path, steps=1)
    after = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), signal.getsignal(signal.SIGTERM)
    assert after == before


def test_the_learning_rate_warms_up_and_falls_to_a_hundredth_at_the_last_step() -> None:
    settings = Settings(steps=1000, batch=1, learning_rate=0.5, warmup=100)
    rates = [learning_rate(settings, step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.005)
    assert rates[99] == rates[100] == 0.5
    assert rates[:100] == sorted(rates[:100])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert rates[-1] == pytest.approx(0.005)


@pytest.mark.parametrize(("name", "value"), [("steps", 0), ("ema", 1.0), ("learning_rate", 0.0), ("precision", "fp8")])
def test_a_setting_that_makes_no_sense_is_named(name: str, value: object) -> None:
    with pytest.raises(RequestError, match=f"The setting {name} is {value}"):
        Settings(**{"steps": 1, "batch": 1, name: value})  # type: ignore[arg-type]


def test_a_log_gets_plain_lines_with_steps_loss_and_speed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    toy.run(tmp_path, steps=4)
    lines = capfd.readouterr().err.splitlines()
    assert lines[0].startswith("Step 0: error 0.")
    assert lines[-1].startswith("Training 4/4, loss 0.") and lines[-1].endswith(" crops/s")
