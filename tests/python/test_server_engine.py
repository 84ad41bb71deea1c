"""What the engine promises: work that stops, a fair and bounded queue, results that are never another frame's."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import numpy as np
import pytest
from oip import Memfd, Wire, parameters_of, pixels_of, plate, refused, request, shared
from onelight import spec
from onelight.stages import Context, Stage
from onelight_server import Config, create_server
from onelight_server.frames import FrameStore, content_hash
from onelight_server.lru import ByteLRU
from onelight_server.server import Server

Code = grpc.StatusCode
SOON = 20.0
MODES = (spec.Option("work", "Work"), spec.Option("fail", "Fail"))
FRAMES = spec.Int("reach", "Reach", "Frames around.", default=0, hard=(0, 4))


class Study:
    """A tool made of two stages, a cached sum and a gain, that tells the test when it starts and can be held."""

    def __init__(self) -> None:
        self.started, self.stopped = threading.Semaphore(0), threading.Semaphore(0)
        self.go_on = threading.Event()
        self.go_on.set()
        self.runs: list[str] = []
        self.order: list[float] = []
        self.before_gain: Callable[[Context], None] = lambda context: None
        self.spec = spec.Tool(
            id="study",
            version=1,
            label="Study",
            hint="",
            clips=(spec.SOURCE, spec.Clip("Near", "Near", "", frames=spec.Around("reach"))),
            knobs=(
                spec.Float("gain", "Gain", "", default=1.0, hard=(-1e3, 1e3)),
                spec.Float("blur", "Blur", "", default=0.0, hard=(0, 1e3)),
                FRAMES,
                spec.Choice(
                    "mode", "Mode", "", options=(spec.Option("work", ""), spec.Option("fail", "")), default="work"
                ),
            ),
            passes=(spec.RESULT,),
        )
        self.graph = SimpleNamespace(
            STAGES=(
                Stage("sum", self.sum, knobs=("blur",), clips=("Source", "Near"), cached=True),
                Stage("gain", self.gain, knobs=("gain", "mode"), clips=("Source",)),
            )
        )

    def _hold(self, context: Context) -> None:
        self.started.release()
        try:
            while not self.go_on.wait(0.002):
                context.check()
        except BaseException:
            self.stopped.release()
            raise

    def sum(self, context: Context, _: dict[str, Any]) -> dict[str, Any]:
        self.runs.append("sum")
        self._hold(context)
        total = sum(float(frame.astype(np.float64).sum()) for frame in context.clips.values())
        return {"total": total + context.knobs["blur"], "time": context.info.time}

    def gain(self, context: Context, made: dict[str, Any]) -> dict[str, Any]:
        self.order.append(context.knobs["gain"])
        self.runs.append("gain")
        if context.knobs["mode"] == "fail":
            raise ZeroDivisionError("a secret of the plate")
        self.before_gain(context)
        output = context.output()
        output[:] = made["total"] * context.knobs["gain"]
        return {"output": output, "status": f"time {made['time']:g}"}


@pytest.fixture
def study() -> Study:
    return Study()


async def start(study: Study, folder: Path, **settings: Any) -> Server:
    for show in ("base", "one", "two", "three"):
        version = folder / "models" / show / "study" / "v001"
        version.mkdir(parents=True, exist_ok=True)
        sheet = {"tool": "study", "version": "v001", "spec_version": 1, "stages": {}}
        (version / "version.json").write_text(json.dumps(sheet))
    config = Config(**{"models": (folder / "models",), "workers": 1, **settings})
    server, _ = await create_server(config, known={"study": study.spec}, graph=lambda tool: study.graph)
    return server


@pytest.fixture
async def server(study: Study, tmp_path: Path) -> AsyncIterator[Server]:
    running = await start(study, tmp_path, queue=4)
    yield running
    study.go_on.set()
    await running.stop()


@pytest.fixture
async def wire(server: Server) -> AsyncIterator[Wire]:
    with Wire(server.addresses[0]) as channel:
        yield channel


def ask(wire: Wire, pixels: Any = None, show: str = "base", timeout: float = 60, **parameters: Any) -> Any:
    """A request under way, as a future of this event loop."""
    clips = {"Source@+0": plate(dtype=np.float32) if pixels is None else pixels}
    message = request(clips, {key.replace("__", "."): value for key, value in parameters.items()}, f"{show}/study")
    call = wire.stub.future(message, timeout=timeout)
    future = asyncio.get_running_loop().run_in_executor(None, call.result)
    future.call = call  # type: ignore[attr-defined]
    return future


async def arrived(semaphore: threading.Semaphore) -> None:
    assert await asyncio.to_thread(semaphore.acquire, timeout=SOON), "It never came so far."


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():
            await asyncio.sleep(0.002)


async def test_another_knob_on_a_seen_frame_runs_the_last_stage_only(wire: Wire, study: Study) -> None:
    first = await ask(wire, gain=1.0, frame__time=1.0)
    again = await ask(wire, gain=2.0, frame__time=2.0)
    assert study.runs == ["sum", "gain", "gain"]
    assert parameters_of(first)["cached"] == ""
    assert parameters_of(again)["cached"] == "sum"
    assert np.array_equal(pixels_of(again), pixels_of(first) * 2)
    # A stage that is kept cannot see what is not in its key, such as the time.
    assert parameters_of(first)["status"] == parameters_of(again)["status"] == "time 0"


@pytest.mark.parametrize(
    "change",
    [{"blur": 1.0}, {"frame__scale": "0.5,0.5"}, {"frame__premult": "premultiplied"}, {"frame__par": 2.0},
     {"frame__colourspace": "logc3"}, {"frame__format": "0,0,50,50"}, {"frame__window": "1,0,17,9"}],
)  # fmt: skip
async def test_whatever_a_kept_stage_can_see_is_in_its_key(wire: Wire, study: Study, change: dict[str, Any]) -> None:
    await ask(wire)
    await ask(wire, **change)
    assert study.runs.count("sum") == 2


async def test_kept_results_do_not_cross_shows(wire: Wire, study: Study) -> None:
    await ask(wire, show="one")
    await ask(wire, show="two")
    assert study.runs.count("sum") == 2


async def test_two_that_want_the_same_at_once_compute_once(study: Study, tmp_path: Path) -> None:
    server = await start(study, tmp_path, workers=2)
    study.go_on.clear()
    with Wire(server.addresses[0]) as wire:
        first = ask(wire, gain=1.0)
        await arrived(study.started)
        second = ask(wire, gain=3.0)
        await until(lambda: server.engine.queue.busy == 2)
        study.go_on.set()
        one, three = await asyncio.gather(first, second)
    assert study.runs.count("sum") == 1
    assert np.array_equal(pixels_of(three), pixels_of(one) * 3)
    await server.stop()


async def test_one_that_gives_up_does_not_take_the_work_from_the_other(study: Study, tmp_path: Path) -> None:
    server = await start(study, tmp_path, workers=2)
    study.go_on.clear()
    with Wire(server.addresses[0]) as wire:
        first = ask(wire, gain=1.0)
        await arrived(study.started)
        second = ask(wire, gain=3.0)
        await until(lambda: server.engine.queue.busy == 2)
        first.call.cancel()
        await until(lambda: server.engine.queue.busy == 1)
        assert not study.stopped.acquire(blocking=False)
        study.go_on.set()
        assert (await second).outputs
        with pytest.raises(grpc.FutureCancelledError):
            await first
    assert study.runs == ["sum", "gain"]
    await server.stop()


async def test_work_stops_with_its_last_waiter_and_can_be_asked_for_again(study: Study, tmp_path: Path) -> None:
    server = await start(study, tmp_path, workers=2)
    study.go_on.clear()
    with Wire(server.addresses[0]) as wire:
        calls = [ask(wire, gain=gain) for gain in (1.0, 3.0)]
        await arrived(study.started)
        await until(lambda: server.engine.queue.busy == 2)
        for call in calls:
            call.call.cancel()
        asked = time.monotonic()
        await arrived(study.stopped)
        await until(lambda: server.engine.queue.busy == 0)
        assert time.monotonic() - asked < 0.5
        study.go_on.set()
        assert (await ask(wire)).outputs
        await asyncio.gather(*calls, return_exceptions=True)
    assert study.runs == ["sum", "sum", "gain"]
    await server.stop()


async def test_the_time_limit_counts_the_queue_and_stops_the_work(server: Server, wire: Wire, study: Study) -> None:
    study.go_on.clear()
    late = ask(wire, timeout=0.6)
    await arrived(study.started)
    waiting = ask(wire, pixels=plate(seed=4), timeout=0.5)
    for call in (waiting, late):
        with pytest.raises(grpc.RpcError) as caught:
            await call
        assert caught.value.code() == Code.DEADLINE_EXCEEDED  # type: ignore[attr-defined]
    await arrived(study.stopped)
    await until(lambda: server.engine.queue.busy == 0)
    assert study.runs == ["sum"]


async def test_past_the_bound_a_frame_is_refused_at_once(server: Server, wire: Wire, study: Study) -> None:
    study.go_on.clear()
    waiting = [ask(wire, pixels=plate(seed=seed)) for seed in range(5)]
    await until(lambda: server.engine.queue.depth("interactive") == 4)
    code, sentence = await asyncio.to_thread(refused, wire, request({"Source": plate()}, model="base/study"))
    assert code == Code.RESOURCE_EXHAUSTED
    assert "4 frames wait already" in sentence
    # The farm's line is another one.
    farm = ask(wire, frame__priority="farm")
    await until(lambda: server.engine.queue.depth("farm") == 1)
    study.go_on.set()
    assert all(reply.outputs for reply in await asyncio.gather(*waiting, farm))


async def test_one_that_leaves_the_queue_makes_room(server: Server, wire: Wire, study: Study) -> None:
    study.go_on.clear()
    waiting = [ask(wire, pixels=plate(seed=seed)) for seed in range(5)]
    await until(lambda: server.engine.queue.depth("interactive") == 4)
    for call in waiting:
        call.call.cancel()
    await until(lambda: server.engine.queue.depth("interactive") == 0 and server.engine.queue.busy == 0)
    study.go_on.set()
    assert (await ask(wire)).outputs
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_artists_go_before_the_farm_and_shows_take_turns(study: Study, tmp_path: Path) -> None:
    server = await start(study, tmp_path, queue=100)
    study.go_on.clear()
    with Wire(server.addresses[0]) as wire:
        calls = [ask(wire, gain=0.0)]
        await arrived(study.started)
        for show, gain, priority in (
            ("one", 1.0, "farm"),
            ("one", 2.0, "interactive"), ("one", 3.0, "interactive"), ("one", 4.0, "interactive"),
            ("two", 5.0, "interactive"), ("two", 6.0, "interactive"),
            ("three", 7.0, "interactive"),
        ):  # fmt: skip
            waiting = len(calls)
            calls.append(ask(wire, show=show, gain=gain, frame__priority=priority))
            await until(lambda n=waiting: sum(map(server.engine.queue.depth, ("interactive", "farm"))) == n)
        study.go_on.set()
        await asyncio.gather(*calls)
    assert study.order == [0, 2, 5, 7, 3, 6, 4, 1]
    await server.stop()


async def test_a_show_that_fills_the_line_gives_way_to_another(server: Server, wire: Wire, study: Study) -> None:
    study.go_on.clear()
    crowd = [ask(wire, show="one", pixels=plate(seed=seed)) for seed in range(5)]
    await until(lambda: server.engine.queue.depth("interactive") == 4)
    guest = ask(wire, show="two")
    ended = await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED, timeout=SOON)
    assert len(ended[0]) == 1
    assert ended[0].pop().exception().code() == Code.RESOURCE_EXHAUSTED
    study.go_on.set()
    assert (await guest).outputs
    await asyncio.gather(*crowd, return_exceptions=True)


async def test_a_bug_becomes_a_sentence_with_a_number_that_is_in_the_log(
    wire: Wire, capsys: pytest.CaptureFixture[str]
) -> None:
    message = request({"Source": plate()}, {"mode": "fail"}, "base/study")
    code, sentence = await asyncio.to_thread(refused, wire, message)
    assert code == Code.INTERNAL
    assert "secret" not in sentence
    captured = capsys.readouterr()
    assert sentence.split()[-1].rstrip(".") in captured.out + captured.err


async def test_memory_that_its_client_rewrites_never_spoils_a_kept_result(wire: Wire, study: Study) -> None:
    first, second = plate(dtype=np.float32, seed=1), plate(dtype=np.float32, seed=2)
    memory = Memfd(first.nbytes)
    pixels = memory.array(first.shape, first.dtype)
    await asyncio.to_thread(wire.call, "SystemSharedMemoryRegister", name="r", key=memory.key, byte_size=first.nbytes)
    reference = (first, shared("r", first.nbytes))
    pixels[:] = first
    study.go_on.clear()
    call = ask(wire, pixels=reference)
    await arrived(study.started)
    pixels[:] = second  # while the stage is about to read
    study.go_on.set()
    spoilt = pixels_of(await call)
    right = np.float32(first.astype(np.float64).sum())
    assert spoilt[0, 0, 0] == right
    assert pixels_of(await ask(wire, pixels=first))[0, 0, 0] == right
    assert study.runs.count("sum") == 1
    assert pixels_of(await ask(wire, pixels=reference))[0, 0, 0] == np.float32(second.astype(np.float64).sum())
    memory.close()


async def test_neighbours_are_kept_so_that_each_is_sent_once(server: Server, wire: Wire) -> None:
    frames = {offset: plate(dtype=np.float32, seed=offset + 9) for offset in (-1, 0, 1)}
    memory = Memfd(frames[0].nbytes)
    memory.array(frames[0].shape, np.float32)[:] = frames[1]
    await asyncio.to_thread(wire.call, "SystemSharedMemoryRegister", name="n", key=memory.key, byte_size=memory.size)
    clips = {"Source@+0": frames[0], "Near@-1": frames[-1], "Near@+1": (frames[1], shared("n", memory.size))}
    first = await asyncio.to_thread(wire.infer, clips, {"reach": 1}, "base/study")
    memory.bytes[:] = 0
    by_hash = {
        name: (frame, {"content_hash": content_hash(frame)})
        for name, frame in (("Source@+0", frames[0]), ("Near@-1", frames[-1]), ("Near@+1", frames[1]))
    }
    again = await asyncio.to_thread(wire.infer, by_hash, {"reach": 1, "gain": 1.0}, "base/study")
    assert np.array_equal(pixels_of(first), pixels_of(again))
    assert parameters_of(again)["cached"] == "sum"
    code, sentence = await asyncio.to_thread(refused, wire, request(clips, {"reach": 0}, "base/study"))
    assert code == Code.INVALID_ARGUMENT
    assert "too far" in sentence
    memory.close()


def test_the_oldest_go_when_the_budget_is_reached() -> None:
    gone: list[int] = []
    kept = ByteLRU(100, gone.append)
    kept.put("a", 1, 40)
    kept.put("b", 2, 40)
    assert kept.get("a") == 1
    kept.put("c", 3, 40)
    assert (kept.get("b"), kept.get("a"), kept.get("c"), gone) == (None, 1, 3, [40])
    kept.put("huge", 4, 101)
    assert kept.get("huge") is None
    assert kept.used == 80


def test_frames_of_one_message_go_together_as_their_memory_does() -> None:
    store = FrameStore(1000)
    frames = [np.zeros((2, 5, 4), np.float16) for _ in range(3)]
    store.put("show", [("a", frames[0]), ("b", frames[1])], 600)
    store.put("show", [("c", frames[2])], 300)
    store.put("show", [("c", frames[2])], 300)
    assert (len(store), store.used) == (3, 900)
    store.put("show", [("d", frames[2])], 200)
    assert [store.get("show", name) is not None for name in "abcd"] == [False, False, True, True]
    assert store.used == 500


async def test_kept_arrays_cannot_be_written_and_are_counted_wherever_they_hide(study: Study, tmp_path: Path) -> None:
    whole = np.zeros((100, 100), np.float32)
    written: list[bool] = []

    def made(context: Context, _: dict[str, Any]) -> dict[str, Any]:
        return {"nested": [{"view": whole[:10]}, (whole[:10],)]}

    def spoil(context: Context, results: dict[str, Any]) -> dict[str, Any]:
        results["nested"][0]["view"] += 1
        written.append(True)
        return {"output": context.output()}

    study.graph.STAGES = (Stage("made", made, cached=True), Stage("spoil", spoil))
    server = await start(study, tmp_path)
    with Wire(server.addresses[0]) as wire:
        code, _ = await asyncio.to_thread(refused, wire, request({"Source": plate()}, model="base/study"))
    assert (code, written) == (Code.INTERNAL, [])
    assert server.engine.stages.kept.used == 2 * whole[:10].nbytes
    await server.stop()


async def test_a_region_whose_lease_never_comes_goes_by_itself_and_its_successor_does_not(
    server: Server, wire: Wire
) -> None:
    memory = Memfd(4096)
    given = {"name": "late/1", "key": memory.key, "byte_size": 4096}
    server.leases.grace = 0.3
    await asyncio.to_thread(wire.call, "SystemSharedMemoryRegister", **given)
    await asyncio.to_thread(wire.call, "SystemSharedMemoryUnregister", name="late/1")
    server.leases.grace = 30.0
    await asyncio.to_thread(wire.call, "SystemSharedMemoryRegister", **given)
    server.leases.grace = 0.3
    await asyncio.to_thread(wire.call, "SystemSharedMemoryRegister", **{**given, "name": "late/2"})
    # The timer of the first 'late/1' has run out before that of 'late/2' does.
    await until(lambda: not any(region.name == "late/2" for region in server.regions))
    assert [region.name for region in server.regions] == ["late/1"]
    memory.close()
