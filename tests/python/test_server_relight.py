"""Relight on the real server: what is computed once, what a knob costs, and how soon its work stops."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest
from conftest import Server
from oip import Wire, metric, metrics_port, parameters_of, pixels_of, refused, request
from onelight import tools
from onelight.colour import Colour
from onelight.stages import Context, FrameInfo
from stagerun import card, defaults, panned_wall

RELIGHT = tools.discover()["relight"]


def landscape(height: int, width: int, shift: float = 0.0) -> np.ndarray:
    """Slopes lit from the left under a sky, half float."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    hill = np.sin(x / width * 25 + shift) * np.cos(y / height * 9)
    frame = np.empty((height, width, 4), np.float16)
    frame[..., :3] = (0.18 + 0.12 * hill)[..., None] * np.array([1.1, 1.0, 0.8], np.float32)
    frame[: height // 4, :, :3] = (0.6, 0.8, 1.2)
    frame[..., 3] = 1
    return frame


def test_dragging_a_light_on_a_seen_frame_only_shades(server: Server) -> None:
    plate = landscape(270, 480)
    with Wire(server.address) as wire:
        first = wire.infer({"Source": plate}, {"key_stops": -1.0}, "base/relight")
        again = wire.infer({"Source": plate}, {"key_stops": -2.0}, "base/relight")
        back = wire.infer({"Source": plate}, {"key_stops": -1.0}, "base/relight")
    assert parameters_of(first)["cached"] == ""
    assert parameters_of(again)["cached"].split(",") == ["ingest", "present", "decompose"]
    assert not np.array_equal(pixels_of(first), pixels_of(again))
    assert pixels_of(back).tobytes() == pixels_of(first).tobytes()


def test_analysis_answers_with_knobs_of_the_tool_and_no_picture(server: Server) -> None:
    frames: dict[str, Any] = {f"Source@{offset:+d}": landscape(135, 240, offset / 9) for offset in (0, 6, 12)}
    with Wire(server.address) as wire:
        reply = wire.infer(frames, {"frame.action": "analyse"}, "base/relight")
        found = parameters_of(reply)
        assert not reply.outputs
        written = {knob.name: found[knob.name] for knob in RELIGHT.knobs if knob.analysed}
        assert written["analysed"] is True
        accepted = wire.infer({"Source": frames["Source@+0"]}, written, "base/relight")
        assert "Not analysed" not in parameters_of(accepted)["status"]
        code, sentence = refused(
            wire, request(frames, {"frame.action": "analyse", "frame.colourspace": ""}, "base/relight")
        )
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "Choose the input colour space" in sentence


def test_analysis_with_a_matte_finds_through_the_server_that_a_card_is_flat(server: Server) -> None:
    plate, matte = card()
    with Wire(server.address) as wire:
        frames: dict[str, Any] = {"Source@+0": plate, "Matte@+0": matte}
        found = parameters_of(wire.infer(frames, {"frame.action": "analyse", "auto_sky": 0.0}, "base/relight"))
        told = {knob.name: found[knob.name] for knob in RELIGHT.knobs if knob.analysed}
        clips = {"Source": plate, "Matte": matte}
        one, other = (
            pixels_of(wire.infer(clips, {**told, **more, "key_azimuth": 60.0, "auto_sky": 0.0}, "base/relight"))
            for more in ({}, {"subject_relief": 1.0})
        )
    assert found["subject_relief"] < 0.6
    inside = np.s_[24:96, 34:126, 0]
    paint = plate[inside] == np.float32(0.4)
    uneven, pillow = (float(np.std(shot[inside][paint]) / np.mean(shot[inside][paint])) for shot in (one, other))
    assert uneven < 0.7 * pillow


def test_each_sampled_frame_is_analysed_with_its_own_knobs(server: Server) -> None:
    """A camera that pans 30 degrees a frame, the middle frame being the reference: the light stays where it is."""
    headings = {-1: -30.0, 0: 0.0, 1: 30.0}
    frames, contexts = {}, []
    for offset, heading in headings.items():
        plate, normals = panned_wall(heading, 0.0)
        frames |= {f"Source@{offset:+d}": plate, f"Normals@{offset:+d}": normals}
        knobs = defaults(RELIGHT, camera_heading=heading, detail=0.5)
        clips = {("Source", 0): plate, ("Normals", 0): normals}
        contexts.append(Context(knobs, FrameInfo.of(96, 64), clips, Colour.of("acescg")))
    keyed = {f"camera_heading@{offset:+d}": heading for offset, heading in headings.items() if offset}
    with Wire(server.address) as wire:
        found, locked = (
            parameters_of(wire.infer(frames, {"frame.action": "analyse", "detail": 0.5, **own}, "base/relight"))
            for own in (keyed, {})
        )
    expected = tools.graph("relight").analyse(contexts)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    assert found != locked


@pytest.mark.parametrize(("height", "width", "limit"), [(1080, 1920, 0.5), (2160, 3840, 1.0)])
def test_work_on_a_frame_that_nobody_wants_stops_soon(
    start_server: Callable[..., Server], height: int, width: int, limit: float
) -> None:
    server = start_server("--metrics-port", "0")
    port = metrics_port(server.log)

    def busy() -> float:
        return metric(port, "onelight_workers_busy")

    took: list[float] = []
    with Wire(server.address) as wire:
        for number, delay in enumerate((0.05, 0.2, 0.4)):
            call = wire.stub.future(request({"Source": landscape(height, width, number)}, {}, "base/relight"))
            while not busy() and not call.done():
                time.sleep(0.002)
            time.sleep(delay * height / 1080)  # the moment of giving up, somewhere in the work
            call.cancel()
            asked = time.monotonic()
            while busy():
                assert time.monotonic() - asked < 10, "It never stopped."
                time.sleep(0.005)
            took.append(time.monotonic() - asked)
    assert metric(port, "onelight_stage_seconds_count", tool="relight", stage="ingest") >= 2, "They were never begun."
    # A stage that is not begun counts as little as one that is stopped: what counts is that no picture came of it.
    last = {"tool": "relight", "stage": "apply"}
    whole = metric(port, "onelight_stage_seconds_count", **last) - metric(port, "onelight_stages_stopped_total", **last)
    assert whole <= 1, "They were done before they were stopped."
    assert max(took) <= limit, took
