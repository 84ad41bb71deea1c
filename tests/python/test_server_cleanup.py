"""Cleanup on the real server: each frame of a sequence is looked at once, memory is bounded, work stops when told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from conftest import Server
from oip import Wire, metric, metrics_port, parameters_of, pixels_of, refused, request
from onelight import images
from onelight.cli.app import app
from stagerun import crossed
from typer.testing import CliRunner
from wireshots import ground, shot

HEIGHT, WIDTH, FIRST, FRAMES = 96, 160, 1001, 10
MODEL = "base/cleanup"


@pytest.fixture(scope="module")
def plates() -> dict[int, np.ndarray]:
    pictures, _ = shot(FRAMES, HEIGHT, WIDTH, wires=1)
    return {at: np.dstack([p, np.ones(p.shape[:2], np.float32)]) for at, p in pictures.items()}


def around(plates: dict[int, np.ndarray], at: int, offsets: tuple[int, ...] = (-2, -1, 0, 1, 2)) -> dict[str, Any]:
    return {f"Source@{offset:+d}": plates[at + offset] for offset in offsets if at + offset in plates}


def looks(port: int, stage: str, outcome: str) -> float:
    return metric(port, "onelight_stage_cache_total", tool="cleanup", stage=stage, outcome=outcome)


def test_in_sequence_each_frame_is_searched_for_wires_once(
    start_server: Callable[..., Server], plates: dict[int, np.ndarray]
) -> None:
    server = start_server("--metrics-port", "0")
    port = metrics_port(server.log)
    with Wire(server.address) as wire:
        for at in plates:
            wire.infer(around(plates, at), {"range": 2, "frame.time": float(at)}, MODEL)
        assert looks(port, "find", "miss") == looks(port, "wires", "miss") == FRAMES
        wire.infer(around(plates, FIRST + 4), {"range": 2, "frame.time": FIRST + 4.0, "sensitivity": 0.6}, MODEL)
        assert looks(port, "find", "miss") == FRAMES, "a knob of the matte looks at no picture again"
        kept = parameters_of(
            wire.infer(around(plates, FIRST + 4), {"range": 2, "frame.time": FIRST + 4.0, "regrain": 0.5}, MODEL)
        )
    assert kept["cached"] == "find,wires,gone,neighbours"


def test_what_is_kept_stays_within_the_budget_and_the_pixels_do_not_change(
    start_server: Callable[..., Server], plates: dict[int, np.ndarray]
) -> None:
    tight = start_server("--metrics-port", "0", "--memory-mb", "1")
    port, at = metrics_port(tight.log), FIRST + 4
    with Wire(tight.address) as wire:
        first = [
            pixels_of(wire.infer(around(plates, t), {"range": 2, "frame.time": float(t)}, MODEL)) for t in (at, at + 1)
        ]
        assert metric(port, "onelight_kept_bytes", kind="stages") <= 2**20 / 2
        assert metric(port, "onelight_evicted_bytes_total", kind="stages") > 0
    with Wire(start_server().address) as wire:
        for t, pixels in zip((at, at + 1), first, strict=True):
            again = pixels_of(wire.infer(around(plates, t), {"range": 2, "frame.time": float(t)}, MODEL))
            assert again.tobytes() == pixels.tobytes()


def test_a_frame_between_the_octaves_is_refused(server: Server, plates: dict[int, np.ndarray]) -> None:
    message = request(around(plates, FIRST + 4, (0, 3)), {"range": 4}, MODEL)
    with Wire(server.address) as wire:
        code, sentence = refused(wire, message)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "Cleanup has no use for Source@+3" in sentence


def test_the_size_that_the_node_asks_a_models_name_with_is_answered(server: Server) -> None:
    grey = np.full((64, 64, 4), 0.18, np.float32)
    with Wire(server.address) as wire:
        reply = wire.infer({"Source@+0": grey}, {}, MODEL)
    assert pixels_of(reply).tobytes() == grey.tobytes()
    assert parameters_of(reply)["status"] == "No wires found."


def test_tracking_answers_with_one_text_and_no_picture(server: Server, plates: dict[int, np.ndarray]) -> None:
    with Wire(server.address) as wire:
        matte = pixels_of(wire.infer(around(plates, FIRST + 4), {"range": 2, "frame.output": "matte"}, MODEL))
        clips = {f"Source@{at - FIRST:+d}": plate for at, plate in plates.items()} | {"Add@+4": matte}
        reply = wire.infer(clips, {"frame.action": "analyse", "frame.time": float(FIRST)}, MODEL)
        found = parameters_of(reply)
        assert not reply.outputs
        knobs = {"tracked": found["tracked"], "sensitivity": 0.0, "range": 0, "frame.time": FIRST + 8.0}
        followed = wire.infer({"Source": plates[FIRST + 8]}, knobs | {"frame.output": "matte"}, MODEL)
        code, sentence = refused(wire, request({"Source": plates[FIRST]}, {"tracked": "x" * (1 << 21)}, MODEL))
    assert (pixels_of(followed)[..., 3] > 0.5).any()
    assert code == grpc.StatusCode.INVALID_ARGUMENT and "at most 1048576 characters" in sentence


@pytest.mark.parametrize("what", ["render", "analyse"])
def test_work_on_a_large_frame_ends_soon_after_its_deadline(what: str, start_server: Callable[..., Server]) -> None:
    server = start_server("--metrics-port", "0")
    port = metrics_port(server.log)
    plate = crossed(np.dstack([ground(1080, 1920), np.ones((1080, 1920), np.float32)]), width=6).astype(np.float16)
    add = np.zeros_like(plate)
    add[:, 900:910, 3] = 1
    clips = {f"Source@{offset:+d}": plate * np.float16(1 + offset / 64) for offset in (-1, 0, 1)} | {"Add": add}
    with Wire(server.address) as wire:
        message = request(clips, {"range": 1, "frame.action": what}, MODEL)
        with pytest.raises(grpc.RpcError) as caught:
            wire.stub(
                message, timeout=1.0 if what == "render" else 0.3
            )  # a fast machine has tracked three frames by 1 s
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED  # type: ignore[attr-defined]
        ended = time.monotonic()
        while metric(port, "onelight_workers_busy"):
            assert time.monotonic() - ended < 10, "the work goes on though nobody waits"
            time.sleep(0.02)


def test_a_render_lists_the_frames_that_need_paint(
    server: Server, plates: dict[int, np.ndarray], tmp_path: Path
) -> None:
    """A performer who fills the picture on two frames, and a wire that nothing real is known behind."""
    for at, plate in plates.items():
        images.write_frame(tmp_path / f"plate.{at}.exr", images.Frame.of(plate), plate)
        guarded = np.full_like(plate, at in (FIRST + 2, FIRST + 3))
        images.write_frame(tmp_path / f"protect.{at}.exr", images.Frame.of(guarded), guarded)
    words = ["render", "cleanup", "--in", f"{tmp_path}/plate.####.exr", "--frames", f"{FIRST}-{FIRST + 4}"]
    words += ["--clip", f"Protect={tmp_path}/protect.####.exr", "--set", "range=0", "--server", server.address]
    said = CliRunner().invoke(app, [*words, "--out", f"{tmp_path}/one.####.exr", "--json"])
    assert json.loads(said.stdout)["counted"] == {"needs_paint": [FIRST + 2, FIRST + 3]}
    told = CliRunner().invoke(app, [*words, "--out", f"{tmp_path}/two.####.exr"])
    assert told.stdout.endswith(f"needs paint: {FIRST + 2}-{FIRST + 3}\n"), told.output
