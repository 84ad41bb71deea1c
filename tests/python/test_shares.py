"""What shows share of a server: its memory fairly, its training progress not at all."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import numpy as np
import pytest
from oip import SECONDS, parameters_of, plate
from onelight.stages import Context, Stage
from onelight.wire import studio_pb2
from onelight_server import Config, create_server
from onelight_server.frames import FrameStore, content_hash
from onelight_server.lru import IDLE, ByteLRU
from productions import TOOL, Caller, Production, production

Code = grpc.StatusCode


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def shows(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Production, Production]:
    """apollo and borealis."""
    scratch = tmp_path_factory.mktemp("scratch")
    return production("apollo", root, scratch, 1), production("borealis", root, scratch, 1)


def test_who_floods_a_cache_pushes_out_what_is_its_own() -> None:
    gone: list[str] = []
    kept = ByteLRU(100, let_go=gone.append)
    for number in range(4):
        kept.put(("apollo", number), f"apollo {number}", 10, "apollo")
    for number in range(50):
        kept.put(("borealis", number), f"borealis {number}", 10, "borealis")
    assert all(kept.get(("apollo", number)) for number in range(4))
    assert kept.used == 100 and set(gone) == {f"borealis {number}" for number in range(44)}


def test_what_a_show_left_lying_for_long_is_anybodys_room() -> None:
    now = [0.0]
    kept = ByteLRU(100, clock=lambda: now[0])
    for number in range(4):
        kept.put(("apollo", number), number, 10, "apollo")
    now[0] = IDLE + 1
    for number in range(10):
        kept.put(("borealis", number), number, 10, "borealis")
    assert kept.get(("apollo", 0)) is None
    assert all(kept.get(("borealis", number)) is not None for number in range(10))


def test_frames_of_one_message_still_come_and_go_together() -> None:
    store = FrameStore(3000)
    frames = [np.full((9, 16, 4), number, np.float16) for number in range(6)]
    hashed = [(content_hash(frame), frame) for frame in frames]
    store.put("apollo", hashed[:2], 2400)
    assert [store.get("apollo", digest) is not None for digest, _ in hashed[:2]] == [True, True]
    store.put("apollo", hashed[2:3], 1200)
    assert [store.get("apollo", digest) is not None for digest, _ in hashed[:3]] == [False, False, True]
    store.put("apollo", hashed[3:4], 4000)  # alone over the budget
    assert store.get("apollo", hashed[3][0]) is None and (store.used, len(store)) == (1200, 1)


async def test_a_show_that_floods_the_server_does_not_cost_another_its_frames(
    root: Path, shows: tuple[Production, Production]
) -> None:
    apollo, borealis = shows
    server, (address,) = await create_server(Config(shows=(root,), memory_mb=3))  # 1 MB of frames
    mine = plate(64, 64)

    def put(caller: Caller, show: str, frame: np.ndarray) -> str:
        height, width = frame.shape[:2]
        sent = studio_pb2.PutFrameRequest(
            show=show, datatype="FP16", height=height, width=width, pixels=frame.tobytes()
        )
        return caller.wire.put(sent, timeout=SECONDS, metadata=caller.metadata).content_hash

    def attack() -> None:
        with Caller(address, apollo.token) as owner, Caller(address, borealis.token) as other:
            digest = put(owner, "apollo", mine)
            floods = [put(other, "borealis", plate(64, 64, seed=number)) for number in range(2, 90)]
            referred = {"Source@+0": (mine, {"content_hash": digest})}
            assert owner.infer(referred, None, f"apollo/{TOOL}").outputs
            first = {"Source@+0": (mine, {"content_hash": floods[0]})}
            assert other.refusal("infer", first, None, f"borealis/{TOOL}")[0] == Code.FAILED_PRECONDITION

    await asyncio.to_thread(attack)
    await server.stop()


async def test_a_result_that_is_kept_for_one_show_is_computed_anew_for_another(
    root: Path, shows: tuple[Production, Production]
) -> None:
    computed: list[float] = []

    def mean(context: Context, _: dict[str, Any]) -> dict[str, Any]:
        computed.append(float(context.source.mean()))
        return {"mean": np.full(4, computed[-1])}

    def picture(context: Context, earlier: dict[str, Any]) -> dict[str, Any]:
        return {"output": context.source[context.info.crop()], "status": str(earlier["mean"][0])}

    graph: Any = SimpleNamespace(
        STAGES=(Stage("mean", mean, clips=("Source",), cached=True), Stage("picture", picture))
    )
    server, (address,) = await create_server(Config(shows=(root,)), graph=lambda tool: graph)

    def ask() -> list[str]:
        told = []
        for show in (*shows, *shows):
            with Caller(address, show.token) as caller:
                told.append(parameters_of(caller.infer({"Source@+0": plate()}, None, f"{show.name}/{TOOL}"))["cached"])
        return told

    assert await asyncio.to_thread(ask) == ["", "", "mean", "mean"]
    assert len(computed) == 2
    await server.stop()


class Run:
    """A training run's progress as training writes it."""

    def __init__(self, show: Production, name: str) -> None:
        self.file = show.show.folder / "training" / name / "progress.jsonl"
        self.file.parent.mkdir(parents=True)

    def step(self, number: int, state: str = "running", **more: Any) -> None:
        line = {"step": number, "steps": 4, "loss": 1 / (number + 1), "gain": None, "eta_s": 3.0, "state": state}
        with self.file.open("a") as file:
            file.write(json.dumps(line | more) + "\n")


def watch(caller: Caller, show: str, run: str = "") -> Iterator[Any]:
    stub = caller.wire.channel.unary_stream(
        "/onelight.v1.Studio/Watch", studio_pb2.WatchRequest.SerializeToString, studio_pb2.WatchReply.FromString
    )
    return stub(studio_pb2.WatchRequest(show=show, run=run), timeout=SECONDS, metadata=caller.metadata)


async def test_training_is_followed_from_where_it_stands_to_its_end(
    root: Path, shows: tuple[Production, Production]
) -> None:
    server, (address,) = await create_server(Config(shows=(root,)))
    run = Run(shows[0], "relight-1")
    for number in range(2):
        run.step(number)

    def follow() -> None:
        with Caller(address, shows[0].token) as caller:
            told = watch(caller, "apollo", "relight-1")
            first = next(told)
            assert (first.run, first.step, first.steps, first.state) == ("relight-1", 1, 4, "running")
            assert first.loss == 0.5 and not first.HasField("gain") and first.eta_s == 3.0
            with run.file.open("a") as file:
                file.write('{"step": 2, "steps"')  # a line that is still being written
            run.file.write_text("")  # begun anew, as a log that grew too long
            run.step(2, gain=0.4)
            second = next(told)
            assert (second.step, second.gain) == (2, 0.4)
            with run.file.open("a") as file:
                file.write("no progress\n[]\n" + json.dumps({"step": "x"}) + "\n")
            run.step(3, "done")
            assert [(reply.step, reply.state) for reply in told] == [(3, "done")]

    await asyncio.to_thread(follow)
    await server.stop()


async def test_a_run_is_for_those_who_may_use_its_show_and_lies_in_its_folder(
    root: Path, tmp_path: Path, shows: tuple[Production, Production]
) -> None:
    apollo, borealis = shows
    server, (address,) = await create_server(Config(shows=(root,)))
    run = Run(apollo, "secret-run")
    run.step(0, "done")
    training = borealis.show.folder / "training"
    training.mkdir(exist_ok=True)
    (training / "linked").symlink_to(run.file.parent)
    (training / "file").mkdir()
    (training / "file" / "progress.jsonl").symlink_to(run.file)
    (training / "pipe").mkdir()
    os.mkfifo(training / "pipe" / "progress.jsonl")

    def attack() -> None:
        names = [
            "linked",
            "file",
            "pipe",
            "../../apollo/training/secret-run",
            "..",
            "secret-run",
            "/",
            "\x00",
            "x" * 300,
        ]
        with Caller(address, borealis.token) as caller:
            for name in names:
                with pytest.raises(grpc.RpcError) as caught:
                    next(watch(caller, "borealis", name))
                assert caught.value.code() == Code.NOT_FOUND, name
                assert "has no training run" in (caught.value.details() or "")
            with pytest.raises(grpc.RpcError) as caught:
                next(watch(caller, "borealis"))
            assert "has not trained anything yet" in (caught.value.details() or "")

    await asyncio.to_thread(attack)
    await server.stop()
