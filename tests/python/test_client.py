"""The client from Python against a real server: every way there and back, threads, abort, and what is refused."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from onelight import _bridge
from onelight.cli.bench_wire import expected, run
from onelight.client import Client, blend
from onelight.errors import Cancelled, OnelightError, RequestError
from onelight.stages import FrameInfo

FLIP = {"flip": True}
SLOW = {"flip": True, "work": 20000}  # twenty seconds, unless somebody cancels


@pytest.fixture
def inline():
    """Frames as bytes in messages, as to a server on another machine."""
    _bridge.use_shared_memory(False)
    yield
    _bridge.use_shared_memory(True)


@pytest.fixture(scope="module")
def tcp(tmp_path_factory) -> Iterator[str]:
    """The address of a server on loopback TCP."""
    from conftest import Server

    server = Server(tmp_path_factory.mktemp("tcp"), "--address", "127.0.0.1:0", "--workers", "4").wait_ready()
    yield ready_line(server)[1]
    server.stop()


def ready_line(server) -> list[str]:
    """The addresses a server printed, without the word ready."""
    return next(line for line in server.log.splitlines() if line.startswith("ready ")).split()[1:]


def plate(width: int, height: int, dtype: Any = np.float16, seed: int = 0) -> np.ndarray:
    """Scene-linear noise with values above 1 and below 0."""
    return np.random.default_rng(seed).standard_normal((height, width, 4), np.float32).astype(dtype)


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and np.array_equal(one.view(np.uint8), other.view(np.uint8))


def memfds() -> int:
    """How many shared-memory files this process holds open."""
    links = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            links.append(os.readlink(link))
        except FileNotFoundError:  # the one that iterdir itself had open
            continue
    return sum("memfd:" in link for link in links)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (64, 3), (4096, 2160)])
def test_every_byte_goes_there_and_back_through_shared_memory(server, dtype, width, height):
    sent = plate(width, height, dtype)
    got = Client(server.address).render("probe", {"Source": sent}, FLIP)
    assert got.parameters["transport"] == "shared_memory"
    assert same_bits(got.image, expected(sent))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (64, 3), (4096, 2160)])
def test_every_byte_goes_there_and_back_in_messages(server, tcp, inline, dtype, width, height):
    for address in (server.address, tcp):
        sent = plate(width, height, dtype)
        got = Client(address).render("probe", {"Source": sent}, FLIP)
        assert got.parameters["transport"] == "inline"
        assert same_bits(got.image, expected(sent))


def test_a_server_on_loopback_tcp_shares_memory_too(tcp):
    assert Client(tcp).render("probe", {"Source": plate(8, 8)}, FLIP).parameters["transport"] == "shared_memory"


def test_special_values_survive_bit_for_bit(server):
    sent = np.arange(65536, dtype=np.uint16).view(np.float16).reshape(128, 128, 4)  # every half there is
    got = Client(server.address).render("probe", {"Source": sent}, FLIP).image.view(np.uint16)
    assert np.array_equal(got & 0x7FFF, sent.view(np.uint16) & 0x7FFF)  # Probe changes signs only
    assert np.array_equal(got[..., 3], sent.view(np.uint16)[..., 3])


def test_a_render_window_returns_that_crop_and_fills_the_array_given(server):
    sent = plate(200, 100)
    info = FrameInfo.of(200, 100, render_window=(20, 10, 90, 60))
    out = np.zeros((50, 70, 4), np.float16)
    got = Client(server.address).render("probe", {"Source": sent}, FLIP, info, out=out)
    assert got.image is out
    assert same_bits(out, np.ascontiguousarray(expected(sent)[40:90, 20:90]))


def test_the_bridge_makes_fresh_pixels_for_who_brings_none(server):
    sent = plate(30, 20)
    image, answered = _bridge.infer(server.address, "base", "probe", "", FLIP, {"Source@+0": sent}, 30.0, (20, 30))
    assert same_bits(np.asarray(image), expected(sent))
    assert answered["version"]


def test_two_clips_arrive_as_two(server):
    first, second = plate(64, 64, np.float32, 1), plate(64, 64, np.float32, 2)
    got = Client(server.address).render("probe", {"Source": first, "Second": second}, FLIP).image
    assert np.allclose(np.abs(got[..., :3]), np.abs(first[..., :3] + second[..., :3]))


def test_four_threads_get_their_own_frames(server, tcp):
    def work(number: int) -> bool:
        client, fine = Client(server.address if number % 2 else tcp), True
        for turn in range(8):
            sent = plate(640, 360, np.float32 if number < 2 else np.float16, seed=10 * number + turn)
            fine = fine and same_bits(client.render("probe", {"Source": sent}, FLIP).image, expected(sent))
        return fine

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(work, range(4))) == [True] * 4


def test_other_python_threads_run_while_a_frame_is_waited_for(server):
    ticks, done = 0, threading.Event()
    asker = threading.Thread(
        target=lambda: (Client(server.address).render("probe", {"Source": plate(8, 8)}, {"work": 300}), done.set())
    )
    asker.start()
    while not done.wait(0.005):
        ticks += 1
    asker.join()
    assert ticks > 20


def test_an_abort_ends_the_call_within_50_ms(server):
    """The quickest of some tries: a busy machine may hold up any one of them."""
    client = Client(server.address)

    def seconds() -> float:
        answers: list[float] = []

        def aborted() -> bool:
            answers.append(time.perf_counter())
            return len(answers) == 10

        with pytest.raises(Cancelled):
            client.render("probe", {"Source": plate(1920, 1080)}, SLOW, aborted=aborted)
        assert len(answers) == 10, "It was asked again after it had said yes."
        return time.perf_counter() - answers[-1]

    assert min(seconds() for _ in range(5)) < 0.05
    again = plate(1920, 1080, seed=5)
    assert same_bits(client.render("probe", {"Source": again}, FLIP).image, expected(again))


def test_the_host_is_asked_at_least_every_20_ms(server):
    asked = []
    Client(server.address).render(
        "probe", {"Source": plate(8, 8)}, {"work": 400}, aborted=lambda: bool(asked.append(time.perf_counter()))
    )
    assert np.median(np.diff(asked)) < 0.025


def test_a_signal_handler_stops_the_call_and_its_exception_comes_out(server):
    class Stop(Exception):
        pass

    def handler(*_):
        raise Stop

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Stop):
            Client(server.address).render("probe", {"Source": plate(8, 8)}, SLOW)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_what_aborted_raises_comes_out(server):
    def aborted() -> bool:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        Client(server.address).render("probe", {"Source": plate(8, 8)}, SLOW, aborted=aborted)


def test_no_answer_in_time_says_so(server):
    start = time.perf_counter()
    with pytest.raises(
        Cancelled, match=re.escape(f"No answer within 0.3 s from the Onelight server at {server.address}")
    ):
        Client(server.address, deadline=0.3).render("probe", {"Source": plate(8, 8)}, SLOW)
    assert time.perf_counter() - start < 5  # of the twenty seconds that the work would take


def test_the_servers_own_sentences_arrive(server):
    client = Client(server.address)
    with pytest.raises(RequestError, match="no_such_knob"):
        client.render("probe", {"Source": plate(8, 8)}, {"no_such_knob": 1})
    with pytest.raises(RequestError, match="no_such_show"):
        Client(server.address, show="no_such_show").render("probe", {"Source": plate(8, 8)})
    with pytest.raises(RequestError, match="Source"):
        client.render("probe", {"Second": plate(8, 8)})


@pytest.mark.parametrize(
    ("pixels", "wanted"),
    [
        (np.zeros((4, 4, 4), np.float64), "format 'd'"),
        (np.zeros((4, 8, 4), np.float32)[:, ::2], "with gaps between them"),
        (np.zeros((4, 4, 3), np.float32), r"got \[4, 4, 3\]"),
        (np.zeros((4, 4), np.float32), r"got \[4, 4\]"),
        ([1.0, 2.0], "got list"),
    ],
)
def test_pixels_of_another_layout_are_refused_by_name(server, pixels, wanted):
    with pytest.raises(TypeError, match=f"Source@\\+0: expected .*{wanted}"):
        _bridge.infer(server.address, "base", "probe", "", {}, {"Source@+0": pixels}, 5.0, (4, 4))


def test_blend_keeps_the_plate_where_the_mask_is_zero():
    below, above = plate(33, 5, seed=1), plate(33, 5, seed=2)
    mask = np.zeros((5, 33), np.float32)
    mask[:, 20:] = 1
    mixed = blend(below, above, mask)
    assert same_bits(np.ascontiguousarray(mixed[:, :20]), np.ascontiguousarray(below[:, :20]))
    assert same_bits(np.ascontiguousarray(mixed[:, 20:, :3]), np.ascontiguousarray(above[:, 20:, :3]))
    assert same_bits(np.ascontiguousarray(mixed[..., 3]), np.ascontiguousarray(below[..., 3]))
    assert same_bits(blend(below, above, alpha_from_result=True), above)
    with pytest.raises(TypeError, match="result: expected the size and type of plate"):
        blend(below, above[:4])


@pytest.mark.parametrize("shared", [True, False])
def test_three_hundred_frames_leave_nothing_behind(server, shared):
    _bridge.use_shared_memory(shared)
    try:
        client, out, me = Client(server.address), np.zeros((270, 480, 4), np.float16), psutil.Process()
        sent = plate(480, 270)
        for number in range(340):
            if number == 40:
                before = me.num_fds(), memfds(), me.num_threads(), me.memory_info().rss
            sent[0, 0, 0] = number
            client.render("probe", {"Source": sent}, FLIP, out=out)
        after = me.num_fds(), memfds(), me.num_threads(), me.memory_info().rss
    finally:
        _bridge.use_shared_memory(True)
    assert after[:2] == before[:2]
    assert after[2] <= before[2] + 1
    assert after[3] - before[3] < 8 * sent.nbytes


def counters(server) -> dict[str, float]:
    """The server's metrics."""
    port = next(word.removeprefix("metrics:") for word in ready_line(server) if word.startswith("metrics:"))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        lines = page.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


def moved(server, transport: str) -> float:
    """Bytes that reached the server by one transport."""
    return sum(
        value
        for name, value in counters(server).items()
        if "bytes" in name and 'direction="in"' in name and f'"{transport}"' in name and "created" not in name
    )


def test_a_frame_sent_before_is_referred_to_by_its_hash(start_server, inline):
    server = start_server("--metrics-port", "0")
    client, sent = Client(server.address), plate(320, 200)
    for knobs in ({"flip": True}, {"gain": 1.0}, {"gain": 2.0}):
        client.render("probe", {"Source": sent}, knobs)
    assert moved(server, "inline") == sent.nbytes
    assert moved(server, "reference") == 2 * sent.nbytes


def test_a_frame_that_the_server_forgot_is_sent_again(start_server, inline):
    server = start_server("--metrics-port", "0", "--memory-mb", "3")  # keeps one frame of a megabyte
    client, frames = Client(server.address), [plate(320, 250, seed=seed) for seed in range(4)]
    for _ in range(2):
        for sent in frames:
            assert same_bits(client.render("probe", {"Source": sent}, FLIP).image, expected(sent))
    assert moved(server, "inline") == 8 * frames[0].nbytes
    refused = [value for name, value in counters(server).items() if "FAILED_PRECONDITION" in name and "total" in name]
    assert sum(refused) == 4


def test_the_benchmark_checks_every_byte_and_reports_every_way():
    rows = run(True, None, width=256, height=144, rounds=2)
    assert {(row["way"], row["dtype"]) for row in rows} == {
        (way, dtype) for way in ("shared_memory", "uds", "tcp", "ofx") for dtype in ("float16", "float32")
    }
    assert all(
        row["ratio_to_two_copies"] > 0 and row["bytes"] == 256 * 144 * 4 * (2 if "16" in row["dtype"] else 4)
        for row in rows
    )


def test_a_benchmark_against_a_wrong_answer_fails(monkeypatch):
    from onelight.cli import bench_wire

    monkeypatch.setattr(bench_wire, "KNOBS", {"flip": False, "gain": 1.0})
    with pytest.raises(OnelightError, match="are not those of Probe's formula"):
        run(True, None, width=64, height=64, rounds=1)
