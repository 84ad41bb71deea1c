"""Stages that run once for each frame that was sent: a frame found as a neighbour is there when it is rendered."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import numpy as np
import pytest
from oip import Wire, parameters_of, pixels_of, refused, request
from onelight import spec
from onelight.stages import Context, FrameInfo, Stage, run
from onelight_server import Config, create_server
from onelight_server.cache import ByteLRU, StageCache
from onelight_server.scope import Scope
from onelight_server.server import Server

SOON = 20.0
STEPS = (spec.Option(spec.OCTAVES, "Octaves"), spec.Option(spec.EVERY, "Every"))
NEAR = spec.Around("reach", spacing="step")


@dataclass(frozen=True)
class Seen:
    """What a stage keeps of a frame, so that an array hides in a dataclass."""

    mean: float
    picture: np.ndarray


class Study:
    """A tool that looks at each frame alone, then at all of them together, and remembers at what."""

    def __init__(self) -> None:
        self.looked: list[float] = []
        self.together: list[tuple[float, ...]] = []
        self.started, self.go_on = threading.Semaphore(0), threading.Event()
        self.go_on.set()
        self.spec = spec.Tool(
            id="study",
            version=1,
            label="Study",
            hint="",
            clips=(
                spec.Clip("Source", "Source", "", optional=False, frames=NEAR),
                spec.Clip("Add", "Add", "", data=True, frames=NEAR),
            ),
            knobs=(
                spec.Int("reach", "Reach", "", default=2, hard=(0, 32)),
                spec.Choice("step", "Step", "", options=STEPS, default=spec.OCTAVES),
                spec.String("notes", "Notes", "", longest=100_000),
            ),
            passes=(spec.RESULT,),
        )
        self.graph = SimpleNamespace(
            STAGES=(
                Stage("look", self.look, clips=("Source", "Add"), cached=True, each=True),
                Stage("again", self.again, knobs=("step",), cached=True, each=True),
                Stage("all", self.all, knobs=("notes",), clips=("Source",), cached=True, timed=True),
                Stage("put", self.put),
            )
        )

    def look(self, context: Context, made: dict[str, Any]) -> dict[str, Any]:
        assert not made and {offset for _, offset in context.clips} == {0} and context.info.time == 0
        self.started.release()
        assert self.go_on.wait(SOON)
        mean = float(context.source.mean(dtype=np.float64))
        self.looked.append(round(mean))
        add = context.clip("Add")
        return {"seen": Seen(mean, context.source.astype(np.float32)), "add": 0.0 if add is None else float(add.max())}

    def again(self, context: Context, made: dict[str, Any]) -> dict[str, Any]:
        assert not context.clips, "it declared none"
        return {"twice": 2 * made["seen"].mean + made["add"]}

    def all(self, context: Context, made: dict[str, Any]) -> dict[str, Any]:
        ordered = tuple(round(made["again"][offset]["twice"], 3) for offset in sorted(made["again"]))
        self.together.append((context.info.time, *ordered))
        return {"sum": float(sum(ordered)), "notes": len(context.knobs["notes"])}

    def put(self, context: Context, made: dict[str, Any]) -> dict[str, Any]:
        output = context.output()
        output[:] = made["sum"] + made["look"][0]["seen"].picture.max()
        return {"output": output, "status": f"notes {made['notes']}"}


@pytest.fixture
def study() -> Study:
    return Study()


async def start(study: Study, folder: Path, **settings: Any) -> Server:
    version = folder / "models" / "base" / "study" / "v001"
    version.mkdir(parents=True)
    sheet = {"tool": "study", "version": "v001", "spec_version": 1, "stages": {}}
    (version / "version.json").write_text(json.dumps(sheet))
    config = Config(**{"models": (folder / "models",), "workers": 2, **settings})
    server, _ = await create_server(config, known={"study": study.spec}, graph=lambda tool: study.graph)
    return server


@pytest.fixture
async def server(study: Study, tmp_path: Path) -> AsyncIterator[Server]:
    running = await start(study, tmp_path)
    yield running
    study.go_on.set()
    await running.stop()


def frame(time: int, height: int = 8, width: int = 12) -> np.ndarray:
    return np.full((height, width, 4), time, np.float32)


def around(time: int, offsets: tuple[int, ...] = (-2, -1, 0, 1, 2)) -> dict[str, np.ndarray]:
    """The clips that a node sends for a frame of a shot whose frames are 1 to 8, each as bright as its number."""
    return {f"Source@{offset:+d}": frame(time + offset) for offset in offsets if 1 <= time + offset <= 8}


async def render(server: Server, clips: dict[str, np.ndarray], **parameters: Any) -> Any:
    named = {name.replace("__", "."): value for name, value in parameters.items()}
    with Wire(server.addresses[0]) as wire:
        return await asyncio.to_thread(wire.infer, clips, named, "base/study")


def expected(time: int) -> float:
    return sum(2.0 * (time + offset) for offset in (-2, -1, 0, 1, 2) if 1 <= time + offset <= 8) + time


async def test_in_sequence_each_frame_is_looked_at_once(server: Server, study: Study) -> None:
    for time in range(1, 9):
        reply = await render(server, around(time), frame__time=float(time))
        assert pixels_of(reply)[0, 0, 0] == expected(time)
    assert sorted(study.looked) == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_the_frame_being_rendered_is_looked_at_first_then_the_nearest(server: Server, study: Study) -> None:
    await render(server, around(5))
    assert study.looked == [5, 4, 6, 3, 7]


async def test_what_was_there_already_is_told_only_where_all_of_it_was(server: Server, study: Study) -> None:
    await render(server, around(4), frame__time=4.0)
    moved = parameters_of(await render(server, around(5), frame__time=5.0))
    again = parameters_of(await render(server, around(5), frame__time=5.0))
    assert (moved["cached"], again["cached"]) == ("", "look,again,all")


async def test_a_stage_sees_the_time_only_where_it_declares_so(server: Server, study: Study) -> None:
    for time in (1.0, 2.0, 1.0):
        await render(server, {"Source@+0": frame(3)}, frame__time=time)
    assert study.looked == [3]
    assert [seen[0] for seen in study.together] == [1.0, 2.0]


async def test_a_clip_beside_the_frame_is_seen_with_it_and_makes_it_another(server: Server, study: Study) -> None:
    await render(server, around(4))
    clips = {**around(4), "Add@+1": frame(7)}
    await render(server, clips)
    assert study.looked == [4, 3, 5, 2, 6, 5]
    assert study.together[-1] == (0.0, 4, 6, 8, 17, 12)


async def test_two_requests_that_share_frames_look_at_them_once(server: Server, study: Study) -> None:
    study.go_on.clear()
    calls = [asyncio.create_task(render(server, around(time), frame__time=float(time))) for time in (4, 5)]
    for _ in calls:  # both have begun, each with its own frame
        assert await asyncio.to_thread(study.started.acquire, timeout=SOON)
    study.go_on.set()
    for time, reply in zip((4, 5), await asyncio.gather(*calls), strict=True):
        assert pixels_of(reply)[0, 0, 0] == expected(time)
    assert sorted(study.looked) == [2, 3, 4, 5, 6, 7]


async def test_memory_stays_within_the_budget_and_the_pictures_right(study: Study, tmp_path: Path) -> None:
    big = (64, 1024)
    server = await start(study, tmp_path, memory_mb=3)  # one and a half MB for stages: a frame is one
    for time in (3, 4, 3):
        clips = {name: frame(int(pixels[0, 0, 0]), *big) for name, pixels in around(time).items()}
        assert pixels_of(await render(server, clips))[0, 0, 0] == expected(time)
        assert 0 < server.engine.stages.kept.used <= server.engine.stages.kept.budget
    assert len(study.looked) > 7, "what had to go was looked at again"
    await server.stop()


async def test_an_array_in_a_dataclass_is_counted_and_cannot_be_written() -> None:
    cache = StageCache(1 << 20)
    whole = np.zeros((100, 100), np.float32)

    async def compute(scope: Scope) -> dict[str, Any]:
        return {"found": [Seen(1.0, whole[:10])]}

    found, _ = await cache.get("key", Scope(), compute)
    kept = found["found"][0].picture
    assert kept.base is None and not kept.flags.writeable and kept.nbytes <= cache.kept.used < kept.nbytes + 1024
    assert isinstance(cache.kept, ByteLRU)


@pytest.mark.parametrize(
    ("name", "step", "says"),
    [
        ("Source@+3", "octaves", "of the frames around the current one it reads -4, -2, -1, +0, +1, +2, +4"),
        ("Source@-3", "every", "reads 2 frames around the current one; Source@-3 is too far"),
    ],
)
async def test_a_frame_that_is_not_needed_is_refused(server: Server, name: str, step: str, says: str) -> None:
    reach = 4 if step == "octaves" else 2
    message = request({"Source@+0": frame(1), name: frame(2)}, {"reach": reach, "step": step}, "base/study")
    with Wire(server.addresses[0]) as wire:
        code, sentence = await asyncio.to_thread(refused, wire, message)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert says in sentence


async def test_a_text_may_be_as_long_as_its_knob_says_and_is_part_of_the_key(server: Server, study: Study) -> None:
    for notes in ("a" * 90_000, "a" * 89_999 + "b", "a" * 90_000):
        reply = await render(server, {"Source@+0": frame(1)}, notes=notes)
        assert parameters_of(reply)["status"] == "notes 90000"
    assert len(study.together) == 2
    with Wire(server.addresses[0]) as wire:
        message = request({"Source@+0": frame(1)}, {"notes": "a" * 100_001}, "base/study")
        _, sentence = await asyncio.to_thread(refused, wire, message)
    assert "at most 100000 characters" in sentence


def test_in_one_process_the_stages_make_of_a_frame_what_a_server_does(study: Study) -> None:
    clips = {("Source", offset): frame(4 + offset) for offset in (-2, -1, 0, 1, 2)}
    context = Context({"notes": ""}, FrameInfo.of(12, 8), clips, None)  # type: ignore[arg-type]
    steps = (
        Stage("look", lambda c, m: {"seen": Seen(float(c.source.mean()), c.source), "add": 0.0}, each=True),
        Stage("again", lambda c, m: {"twice": 2 * m["seen"].mean + m["add"]}, each=True),
    )
    assert run((*steps, *study.graph.STAGES[2:]), context)["output"][0, 0, 0] == expected(4)
