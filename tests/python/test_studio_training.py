"""A show's own version: learnt from its dailies, scored on a set-up that was held out, the same after a kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from killing import killed_at_random, kills
from onelight.cli.app import app
from onelight.dailies.withdrawal import withdraw
from onelight.errors import Busy, OnelightError, RequestError
from onelight.locks import locked
from onelight.shows import versions
from onelight.shows.schema import Clip, Run
from onelight.shows.store import Show
from onelight.studio import folds, race, runs, scoring, training, watching
from onelight.studio.plan import Plan
from studioshows import ASK, WINDOWS, command, show_with_dailies
from typer.testing import CliRunner

RUN = "cleanup-001"
LONGEST_SECONDS = 600.0
TRAIN = ["train", "show", "--show", "apollo", "--tools", "cleanup", "--budget", "60s", "--steps", "4", "--seed", "3"]
TRAIN += ["--scenes", "4", "--crops", "6", "--shots", "1", "--suite", "0", "--threads", "1"]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Show:
    """The show before anything was trained."""
    return show_with_dailies(tmp_path_factory.mktemp("studio"))


@pytest.fixture(scope="module")
def trained(empty: Show, tmp_path_factory: pytest.TempPathFactory) -> Show:
    """A copy of it whose Cleanup was trained."""
    show = copied(empty, tmp_path_factory.mktemp("trained"))
    made = training.train_show(show, "cleanup", ASK)
    assert made is not None
    shutil.copytree(show.places.cache, empty.places.cache, dirs_exist_ok=True)  # the scenes, for who comes next
    return show


def copied(show: Show, root: Path) -> Show:
    shutil.copytree(show.folder, root / show.name)
    return Show.open(show.name, root)


def tracked(show: Show) -> str:
    """What MLflow has of the show's only run."""
    from mlflow import MlflowClient

    with show.session() as session:
        run = session.query(Run).one()
    return MlflowClient(tracking_uri=f"sqlite:///{show.folder / 'mlflow.db'}").get_run(run.tracked).info.status


def weights(show: Show) -> bytes:
    return (show.places.models / "cleanup" / "v001" / "weights.safetensors").read_bytes()


def test_the_version_is_a_candidate_that_says_what_it_learnt_from_and_what_was_held_out(trained: Show) -> None:
    version = versions.get(trained, "cleanup", "v001")
    told = versions.verify(trained, "cleanup", "v001").manifest
    made = told["training"]
    assert version.state == "candidate"
    assert told["base"] == {"show": "base", **Plan.load(trained.places.training / RUN).base}  # type: ignore[union-attr]
    setups = [{setup for setup, _ in made[side]} for side in ("taught", "held_out")]
    assert len(setups[0]) == 2 and len(setups[1]) == 1 and not setups[0] & setups[1]
    assert {clip.digest for clip in version.clips} == {clip for _, clip in made["taught"]}
    assert {clip["digest"] for clip in told["scored"]} == {clip for _, clip in made["held_out"]}
    assert made["settings"]["steps"] == ASK.steps
    assert weights(trained) != training.weights_of(scoring.registry_of(trained).find("base", "cleanup")).read_bytes()


def test_metrics_stand_beside_base_and_classical_with_intervals_and_few_shots_give_no_verdict(trained: Show) -> None:
    metrics = versions.verify(trained, "cleanup", "v001").manifest["metrics"]
    headline = [row for row in metrics["against"] if row["metric"] == "cleaned_psnr"]
    assert {row["baseline"] for row in headline} == {"base", "classical", "nothing"}
    assert all({"gain", "low", "high"} <= row.keys() for row in headline)
    assert metrics["gain"] == "not measured", "one shot is too few for a verdict"
    assert versions.get(trained, "cleanup", "v001").gain == metrics["gain"]


def test_evaluating_the_version_again_gives_the_scores_of_its_manifest(trained: Show) -> None:
    asked = ("evaluate", "cleanup", "--model", "apollo/cleanup@v001", "--json", "--root", str(trained.folder.parent))
    found = subprocess.run(command(*asked), capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    assert found.returncode == 0, found.stderr
    rows = json.loads(found.stdout)["rows"]
    kept = versions.verify(trained, "cleanup", "v001").manifest["metrics"]["rows"]
    scores = {(row["case"], row["method"], row["metric"]): row["value"] for row in kept if row["kind"] == "held_out"}
    assert len(rows) == len(scores) > 0
    for row in rows:
        assert row["value"] == pytest.approx(scores[row["case"], row["method"], row["metric"]], abs=1e-3)


def test_every_step_is_told_with_loss_gain_and_time_left(trained: Show) -> None:
    told = watching.lines(trained.places.training / RUN)
    steps = [line for line in told if line["state"] == "training"]
    assert [line["step"] for line in steps] == list(range(1, (ASK.steps or 0) + 1))
    assert all(line["steps"] == ASK.steps and line["loss"] > 0 and line["eta_s"] >= 0 for line in steps)
    assert all(isinstance(line["gain"], float) for line in steps)
    assert told[-1]["state"] == "done"


def test_curves_and_results_are_in_the_shows_own_tracking_store(trained: Show) -> None:
    from mlflow import MlflowClient

    with trained.session() as session:
        run = session.query(Run).one()
    assert run.state == "done" and run.ended is not None
    found = MlflowClient(tracking_uri=f"sqlite:///{trained.folder / 'mlflow.db'}").get_run(run.tracked)
    assert found.info.status == "FINISHED"
    assert found.data.params["steps"] == str(ASK.steps)
    assert "held-out F1" in found.data.metrics and "cleaned_psnr over base  gain" in found.data.metrics


def test_no_frame_of_the_show_is_left_in_the_runs_folder(trained: Show) -> None:
    left = {path.name for path in (trained.places.training / RUN).iterdir() if path.is_dir()}
    assert not left & {"crops", "footage", "scenes"}


KILLED_AT_THE_END = """
import os, signal
from onelight.studio import runs
runs.end = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_that_is_killed_once_its_version_was_added_ends_with_that_version(empty: Show, tmp_path: Path) -> None:
    show = copied(empty, tmp_path)
    asked = command(*TRAIN, "--root", str(show.folder.parent))
    asked[2] = KILLED_AT_THE_END + asked[2]
    died = subprocess.run(asked, capture_output=True, timeout=LONGEST_SECONDS, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    added = versions.get(show, "cleanup", "v001")
    again = training.train_show(show, "cleanup", ASK)
    assert again is not None and again.digest == added.digest
    assert [version.name for version in versions.listed(show)] == ["v001"]
    with show.session() as session:
        run = session.query(Run).one()
        assert (run.state, run.settings["version"]) == ("done", "v001")


def test_a_training_that_was_killed_ends_with_the_same_weights(trained: Show, empty: Show, tmp_path: Path) -> None:
    show = copied(empty, tmp_path)
    asked = [*TRAIN, "--root", str(show.folder.parent)]
    process = subprocess.Popen(
        command(*asked), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    folder, until = show.places.training / RUN, time.monotonic() + LONGEST_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if any(line["state"] == "training" for line in watching.lines(folder)):
            break
        time.sleep(0.02)  # another process writes: there is no event to wait for
    os.killpg(process.pid, signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
    assert not versions.listed(show)
    plan = Plan.load(folder)
    assert plan is not None and plan.steps == 4
    assert training.train_show(show, "cleanup", replace(ASK)) is not None
    assert weights(show) == weights(trained)
    settled = Plan.load(folder)
    assert settled is not None and settled.step_seconds == plan.step_seconds, "the speed was measured once"


@pytest.mark.skipif(not kills(0), reason="minutes for each kill; ONELIGHT_KILLS=50 asks for it")
def test_a_training_killed_at_random_leaves_a_store_that_opens_and_no_half_version(
    trained: Show, empty: Show, tmp_path: Path
) -> None:
    root = tmp_path / "shows"

    def again() -> None:
        shutil.rmtree(root, ignore_errors=True)
        copied(empty, root)

    def check() -> None:
        show = Show.open(empty.name, root)
        listed = [version.name for version in versions.listed(show)]
        if not listed:
            return
        assert listed == ["v001"]
        versions.verify(show, "cleanup", "v001")
        assert weights(show) == weights(trained)
        whole.append(listed)
        again()  # what had ended before it was killed: the same command would begin another run

    whole: list[list[str]] = []
    asked = command(*TRAIN, "--root", str(root))
    killed_at_random(asked, kills(0), check, again=again, watched=root / empty.name / "training")
    assert len(whole) >= 2, "the first run and the last one end"


def test_an_interrupted_run_is_not_gone_on_with_by_other_wishes_nor_without_one_of_its_clips(
    trained: Show, empty: Show, tmp_path: Path
) -> None:
    show = copied(empty, tmp_path)
    assert training.train_show(show, "cleanup", ASK, stop_after=0.0) is None
    assert tracked(show) == "KILLED"
    with pytest.raises(RequestError, match="seed was 3 and is 4.*--fresh"):
        training.train_show(show, "cleanup", replace(ASK, seed=4))
    plan = Plan.load(show.places.training / RUN)
    assert plan is not None
    withdraw(show, plan.clips[0], "the actor asked")
    with pytest.raises(RequestError, match="may not be learnt from: withdrawn"):
        training.train_show(show, "cleanup", ASK)
    with show.session() as session:
        assert session.query(Run).one().state == "failed"


def test_what_ends_a_run_is_told_to_the_tracking_store(
    empty: Show, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = copied(empty, tmp_path)

    for error, state in ((OnelightError("The disk is full."), "KILLED"), (RequestError("It is too dark."), "FAILED")):

        def fails(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(training, "prepare", fails)
        with pytest.raises(OnelightError, match=str(error)):
            training.train_show(show, "cleanup", ASK)
        assert tracked(show) == state


def test_a_command_that_was_interrupted_after_its_first_tool_goes_on_with_the_second_alone(
    trained: Show, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from onelight.cli.app import app

    show, tools = copied(trained, tmp_path), ["cleanup", "relight"]
    run = runs.begin(show, "cleanup", ASK, False, runs.call(show, tools, ASK))
    runs.end(show, run.name, runs.DONE, versions.get(show, "cleanup", "v001"))
    asked = ["train", "show", "--show", "apollo", "--root", str(show.folder.parent), "--tools", ",".join(tools)]
    asked += ["--budget", "120s", "--steps", "4", "--seed", "3", "--scenes", "4", "--crops", "6", "--shots", "1"]
    asked += ["--suite", "0", "--threads", "1", "--stop-after", "0", "--json"]
    app(asked, standalone_mode=False)
    told = capsys.readouterr()
    assert "cleanup: v001 was made before" in told.err and "relight: stopped for now" in told.err
    assert {(row["tool"], row["version"]) for row in json.loads(told.out)["rows"]} == {("cleanup", "v001")}
    with show.session() as session:
        states = [(one.name, one.state) for one in session.query(Run).order_by(Run.id)]
    assert states == [(RUN, "done"), (run.name, "done"), ("relight-001", "stopped")]
    assert runs.call(show, tools, ASK).done == {"cleanup": "v001"}, "and once more"


def test_a_race_says_where_the_base_was_as_good_before_it_learnt_anything(trained: Show, tmp_path: Path) -> None:
    row = race.run(copied(trained, tmp_path), "cleanup", tmp_path / "race", steps=2, crops=6, scenes=4)
    assert row["score_base_at_0"] >= row["score_scratch"], "two steps from nothing find no wires"
    assert (row["steps_base"], row["steps_scratch"]) == (0, 2)
    assert 0 < row["time_ratio"] == pytest.approx(row["seconds_base"] / row["seconds_scratch"], rel=0.1)


def test_each_set_up_is_held_out_in_turn_and_what_was_scored_is_not_done_again(
    trained: Show, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = copied(trained, tmp_path)
    withdraw(show, "meadow", "two are enough here")
    killed, other = (
        show.places.cache / "folds" / f"{tool}-of-other-numbers" / "work" for tool in ("cleanup", "relight")
    )
    for work in (killed, other):
        work.mkdir(parents=True)
        (work / "crop.npy").write_bytes(b"the show's pictures")
    again = partial(folds.run, show, "cleanup", crops=6, scenes=4, shots=1)
    seen: list[str] = []
    rows = again(steps=5, progress=lambda what, done, total: seen.append(what))
    by = {(row["setup"], row["metric"], row["baseline"]): row for row in rows}
    names = {setup for setup, _, _ in by} - {"all"}
    kinds = {(metric, baseline) for _, metric, baseline in by}
    assert len(names) == 2 and kinds == {
        ("cleaned_psnr", "base"),
        ("cleaned_psnr", "classical"),
        ("cleaned_psnr", "nothing"),
        ("f1", "base"),
        ("f1", "classical"),
    }
    for kind in kinds:
        alone, together = [by[name, *kind] for name in names], by["all", *kind]
        assert together["cases"] == sum(row["cases"] for row in alone)
        mean = sum(row["gain"] * row["cases"] for row in alone) / together["cases"]
        assert together["gain"] == pytest.approx(mean)
        assert all(row["low"] is None for row in (*alone, together)), "two set-ups are no sample of them"
    assert {what.split(":")[0] for what in seen} == {f"Set-up {number} of 2" for number in (1, 2)}
    monkeypatch.setattr(folds, "_trained", None)
    assert again(steps=5) == rows
    asked = ["--steps", "5", "--crops", "6", "--scenes", "4", "--shots", "1", "--json"]
    told = CliRunner().invoke(app, ["bench", "folds", "--show", "apollo", "--root", str(tmp_path), *asked])
    assert json.loads(told.stdout)["rows"] == rows, "the command says the same, of what is there"
    left = {path.name for path in (show.places.cache / "folds").rglob("*") if path.is_file()}
    assert left == {"rows.json", ".lock", "crop.npy"} and not killed.exists(), "crops are the show's pictures"
    assert other.exists(), "the other tool goes on where it was"
    with pytest.raises(TypeError):  # other numbers are trained anew
        again(steps=6)
    with show.session() as session:
        for clip in session.query(Clip):
            clip.space = "acescg"
        session.commit()
    with pytest.raises(TypeError):  # and so are clips that are read by another colour space
        again(steps=5)
    killed.mkdir()
    withdraw(show, next(name for name in WINDOWS if name != "meadow"), "nor this one")
    with pytest.raises(RequestError, match="needs two that move"):
        again(steps=5)
    assert not killed.exists(), "what was withdrawn does not stay behind"


def test_a_tool_counts_as_done_by_the_same_command_only_and_while_its_version_stands(
    trained: Show, tmp_path: Path
) -> None:
    show, tools = copied(trained, tmp_path), ["cleanup", "relight"]
    version = versions.get(show, "cleanup", "v001")
    assert not runs.call(show, tools, ASK).done, "it was trained by a command for itself"
    first = runs.call(show, tools, ASK)
    runs.end(show, runs.begin(show, "cleanup", ASK, False, first).name, runs.DONE, version)
    assert runs.call(show, tools, ASK) == replace(first, done={"cleanup": "v001"}), "killed before the second began"
    assert not runs.call(show, tools, replace(ASK, seed=4)).done
    assert not runs.call(show, tools[::-1], ASK).done
    assert not runs.call(show, tools, ASK, fresh=True).done
    versions.retire(show, "cleanup", "v001", "it learnt too much")
    assert not runs.call(show, tools, ASK).done


def test_a_fresh_run_does_not_end_one_that_another_process_is_at(empty: Show, tmp_path: Path) -> None:
    show = copied(empty, tmp_path)
    run = runs.begin(show, "cleanup", ASK, False)
    with locked(show.places.training / run.name, "training"), pytest.raises(Busy, match=f"{run.name} is in use"):
        training.train_show(show, "cleanup", ASK, fresh=True)
    with show.session() as session:
        assert [(one.name, one.state) for one in session.query(Run)] == [(run.name, "running")]
    assert runs.begin(show, "cleanup", ASK, True).name != run.name
    with show.session() as session:
        assert [one.state for one in session.query(Run).order_by(Run.id)] == ["failed", "running"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("train", "show", "--tools", "relite"), "There is no tool 'relite'"),
        (("train", "show", "--tools", "cleanup", "--budget", "soon"), "A budget is a time such as"),
        (("train", "show", "--tools", "cleanup", "--hold-out", "nowhere"), "There is no set-up 'nowhere'"),
        (("evaluate", "cleanup", "--model", "apollo-cleanup-3"), "named like apollo/relight@v003"),
        (("evaluate", "relight", "--model", "apollo/cleanup@v001"), "is a version of cleanup"),
    ],
)
def test_wrong_wishes_are_answered_with_a_sentence(
    empty: Show, arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from onelight.cli.app import app
    from onelight.errors import OnelightError

    given = [*arguments, "--root", str(empty.folder.parent)]
    given += ["--show", "apollo"] if arguments[0] == "train" else []
    with pytest.raises(OnelightError, match=sentence):
        app(given, standalone_mode=False)


def test_a_show_without_dailies_says_so(tmp_path: Path) -> None:
    show = Show.create("bare", tmp_path)
    with pytest.raises(RequestError, match="has no dailies"):
        training.train_show(show, "cleanup", ASK)
