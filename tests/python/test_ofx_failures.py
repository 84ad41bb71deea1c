"""When a render cannot be done: the message, Failed, the plate in the output, and that the node goes on afterwards."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import Server
from ofxcases import PERSONALITIES, PROBE, RELIGHT, MakeNode, same, scene
from ofxhost import RenderFailed
from ofxnode import Node
from oip import metric, metrics_port

pytest_plugins = ["ofxfixtures"]
GONE = "unix:/nonexistent/100%d/onelight.sock"
FAILED = 1


def until(condition: Callable[[], bool], seconds: float = 20.0) -> float:
    """Wait for another process: seconds it took, or a failed test."""
    began, pause = time.monotonic(), threading.Event()
    while not condition():
        assert time.monotonic() - began < seconds, "what was waited for did not happen"
        pause.wait(0.01)
    return time.monotonic() - began


def failed(graph: Node, at: float = 1, **options) -> tuple[np.ndarray, str]:
    """The output of a render that must fail, and the last thing the node said."""
    with pytest.raises(RenderFailed) as caught:
        graph.render(at, **options)
    rendered = caught.value.rendered
    assert rendered.status == FAILED
    assert rendered.unwritten == 0, "whatever happens, the output is defined"
    return rendered.image, graph.messages[-1] if graph.messages else ""


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_a_missing_server_is_named_and_the_output_is_the_plate(personality: str, node: MakeNode) -> None:
    """The address holds '%d': Natron garbles arguments, and a message that is used as a format would too."""
    graph = node(PROBE, personality, address=GONE)
    plate = scene()
    graph.connect("Source", plate)
    graph.set("flip", True)
    said = len(graph.messages)  # typing the address in was answered already
    image, message = failed(graph)
    assert same(image, plate)
    if personality != "resolve":  # which has no message that stands on the node: a box, once
        assert len(graph.messages) == said + 1
    assert message.startswith("Probe")
    assert GONE in message


def test_the_message_stands_until_a_frame_succeeds(node: MakeNode, server: Server) -> None:
    graph = node(PROBE, "natron", address=GONE)
    graph.connect("Source", scene())
    graph.set("flip", True)
    failed(graph)
    assert graph.persistent is not None
    graph.set("server", server.address)
    graph.render(1)
    assert graph.persistent is None


def test_the_plate_can_be_shown_instead_of_an_error_in_the_viewer_only(node: MakeNode) -> None:
    plate = scene()
    for background, shown in ((False, True), (True, False)):
        graph = node(PROBE, "strict", address=GONE, is_background=background)
        graph.connect("Source", plate)
        graph.set("flip", True)
        graph.set("source_on_error", True)
        rendered = graph.render_any(1, interactive=not background)
        assert (rendered.status == 0) is shown
        assert same(rendered.image, plate)
        assert any(GONE in message for message in graph.messages)


@pytest.mark.parametrize(("knob", "value"), [("show", "no such show"), ("version", "v999")])
def test_a_wrong_show_or_version_is_refused_by_name(knob: str, value: str, node: MakeNode) -> None:
    graph = node(PROBE)
    graph.connect("Source", scene())
    graph.set("flip", True)
    graph.set(knob, value)
    _, message = failed(graph)
    assert value in message


def test_an_unset_colour_space_is_the_plate_and_a_request_to_choose_one(node: MakeNode) -> None:
    graph = node(RELIGHT)
    plate = scene()
    graph.connect("Source", plate)
    graph.set("key_stops", 2.0)
    graph.set("colourspace", "unset")
    assert same(graph.render_any(1).image, plate)
    assert any("input colour space" in text for text in [*graph.messages, graph.value("status")])


def test_a_frame_the_host_does_not_give_fails_quietly_with_a_defined_output(node: MakeNode) -> None:
    """Nuke answers NULL while the user interrupts."""
    graph = node(PROBE)
    graph.connect("Source", lambda time: scene() if time == 1 else None)
    graph.set("flip", True)
    graph.render(1)
    image, _ = failed(graph, 2)
    assert graph.messages == []
    assert not image.any()


@pytest.fixture
def busy(start_server: Callable[..., Server]) -> tuple[Server, Callable[[], float]]:
    """A server of the test's own and how many stages are at work in it."""
    server = start_server("--metrics-port", "0")
    port = metrics_port(server.log)
    return server, lambda: metric(port, "onelight_stages_running")


def slow(graph: Node, server: Server) -> np.ndarray:
    """A node whose frame takes a minute."""
    plate = scene()
    graph.connect("Source", plate)
    graph.set("server", server.address)
    graph.set("flip", True)
    graph.set("work", 60000)
    return plate


@pytest.mark.parametrize("personality", ["strict", "natron", "resolve", "nuke", "fusion"])
def test_cancel_in_the_host_stops_the_servers_work_without_a_message(personality: str, node: MakeNode, busy) -> None:
    server, at_work = busy
    graph = node(PROBE, personality)
    slow(graph, server)
    with ThreadPoolExecutor(1) as pool:
        frame = pool.submit(graph.render_any, 1)
        until(lambda: at_work() == 1)
        graph.abort()
        began = time.monotonic()
        rendered = frame.result(10)
        assert time.monotonic() - began < 0.5
    assert rendered.status == FAILED
    assert graph.messages == []
    assert until(lambda: at_work() == 0) < 0.5
    graph.resume()
    graph.set("work", 0)
    graph.render(2)


@pytest.mark.parametrize("personality", ["strict", "mlt"])
def test_a_frame_that_takes_too_long_fails_within_its_time_limit(personality: str, node: MakeNode, busy) -> None:
    """The one way out in MLT, where abort() is always 0."""
    server, at_work = busy
    graph = node(PROBE, personality)
    plate = slow(graph, server)
    graph.set("timeout", 1.0)
    graph.abort() if personality == "mlt" else None
    began = time.monotonic()
    image, message = failed(graph)
    assert time.monotonic() - began < 3
    assert same(image, plate)
    assert "within 1 s" in message
    until(lambda: at_work() == 0)


@pytest.mark.parametrize("personality", ["strict", "mlt"])
def test_a_server_killed_in_mid_frame_is_reported_and_its_successor_used(
    personality: str, node: MakeNode, start_server: Callable[..., Server]
) -> None:
    server = start_server("--metrics-port", "0")
    port = metrics_port(server.log)
    graph = node(PROBE, personality)
    plate = slow(graph, server)
    graph.set("timeout", 20.0)
    with ThreadPoolExecutor(1) as pool:
        frame = pool.submit(graph.render_any, 1)
        until(lambda: metric(port, "onelight_stages_running") == 1)
        server.process.send_signal(signal.SIGKILL)
        rendered = frame.result(20)
    server.process.wait()
    assert rendered.status == FAILED
    assert same(rendered.image, plate)
    assert graph.messages and graph.messages[-1].startswith("Probe")
    start_server("--address", server.address)  # takes the dead one's place
    graph.set("work", 0)
    graph.render(1)
    assert graph.last is not None
    assert same(np.abs(graph.last.image), np.abs(plate))
