"""`onelight bench wire`: what a frame costs there and back through the client, in multiples of copying it twice."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from onelight import _bridge
from onelight.cli.own_server import own_server
from onelight.client import Client
from onelight.demo.comp import bundle, host_module
from onelight.errors import OnelightError
from onelight.stages import FrameInfo

KNOBS = {"flip": True}
WARM_UP = 3  # the first frames also open connections, fill the pool and grow the server's heap
SQUARE = 64  # pixels: how far one bit of Probe's map reaches


@dataclass(frozen=True)
class Way:
    """A way to the server: its address, and whether shared memory may be used on it."""

    name: str
    address: str
    shared: bool


@dataclass(frozen=True)
class Row:
    """One line of the result. `ratio_to_two_copies` is the median time of a frame there and back over the median time
    of copying its bytes twice, both measured in turn in one run; `seconds` and `server_seconds` are medians too."""

    way: str
    width: int
    height: int
    dtype: str
    bytes: int
    ratio_to_two_copies: float
    seconds: float
    server_seconds: float | None  # unknown where a node does the asking

    def sentence(self) -> str:
        """The row to read."""
        inside = "" if self.server_seconds is None else f" ({self.server_seconds * 1e3:.1f} in the server)"
        times = f"{self.ratio_to_two_copies:6.2f} x two copies, {self.seconds * 1e3:7.1f} ms"
        return f"{self.way:14} {self.dtype:8} {times}{inside}"


def run(json: bool, server: str | None, width: int = 4096, height: int = 2160, rounds: int = 9) -> list[dict[str, Any]]:
    """Measure every way to a server, and a render of the OpenFX node; prints progress to stderr unless `json`.

    `server` is an address (only the ways that it allows are measured), or None for a server of the benchmark's own.
    Every frame sent is new to the server, each answer goes into the same second buffer and is compared, byte by
    byte, with Probe's formula computed here. Raises OnelightError when a byte differs.
    """
    rows: list[Row] = []
    with _ways(server) as ways:
        for dtype in (np.float16, np.float32):
            rows += _measure(ways, dtype, width, height, rounds)
            rows.append(_measure_ofx(ways[0].address, dtype, width, height, min(rounds, 5)))
            if not json:
                for row in rows[-len(ways) - 1 :]:
                    print(row.sentence(), file=sys.stderr)
    return [asdict(row) for row in rows]


def expected(plate: np.ndarray) -> np.ndarray:
    """Probe's formula with `flip`, computed pixel by pixel from its description and not with its code.

    The exclusive or of all 64-bit words is a map of signs in squares of 64 pixels counted from the lower left; the
    plate is multiplied by it and negated, alpha is kept.
    """
    height, width = plate.shape[:2]
    word = int(np.bitwise_xor.reduce(plate.reshape(-1).view("<u8")))
    y, x = np.arange(height - 1, -1, -1) // SQUARE, np.arange(width) // SQUARE
    negative = (word >> ((x[None, :] + 8 * y[:, None]) % SQUARE).astype(np.uint64)) & np.uint64(1)
    gain = np.where(negative == 0, -1, 1).astype(plate.dtype)  # flipped
    return np.concatenate([plate[..., :3] * gain[..., None], plate[..., 3:]], axis=-1)


def _measure(ways: list[Way], dtype: Any, width: int, height: int, rounds: int) -> list[Row]:
    plate = _plate(width, height, dtype)
    answer, copy = np.zeros_like(plate), np.zeros_like(plate)
    info = FrameInfo.of(width, height)
    floor: list[float] = []
    taken: dict[Way, list[float]] = {way: [] for way in ways}
    inside: dict[Way, list[float]] = {way: [] for way in ways}
    for number in range(WARM_UP + rounds):
        for way in ways:  # in turn, so that whatever else the machine does falls on all of them
            _renew(plate)
            seconds = _two_copies(plate, copy)
            _bridge.use_shared_memory(way.shared)
            start = time.perf_counter()
            rendered = Client(way.address).render("probe", {"Source": plate}, KNOBS, info, out=answer)
            elapsed = time.perf_counter() - start
            if way.shared and rendered.parameters["transport"] != "shared_memory":
                raise OnelightError(f"The server at {way.address} did not take shared memory.")
            if number < WARM_UP:
                _verify(way, plate, answer)
                continue
            floor.append(seconds)
            taken[way].append(elapsed)
            inside[way].append(rendered.parameters["seconds"])
    for way in ways:
        _renew(plate)
        _bridge.use_shared_memory(way.shared)
        Client(way.address).render("probe", {"Source": plate}, KNOBS, info, out=answer)
        _verify(way, plate, answer)
    _bridge.use_shared_memory(True)
    rows = [
        Row(
            way.name,
            width,
            height,
            np.dtype(dtype).name,
            plate.nbytes,
            round(median(taken[way]) / median(floor), 2),
            round(median(taken[way]), 4),
            round(median(inside[way]), 4),
        )
        for way in ways
    ]
    return rows


def _measure_ofx(address: str, dtype: Any, width: int, height: int, rounds: int) -> Row:
    """The render action of the real bundle in the test host, on frames that the host holds ready."""
    os.environ["ONELIGHT_PROBE"] = "1"  # the node is hidden from artists
    frames = {number: _plate(width, height, dtype) for number in range(rounds + 1)}
    for plate in frames.values():
        _renew(plate)
    host = host_module().Host("strict", bundle(), has_project=False, guards=False)
    node = host.node("org.onelight.probe")
    node.connect("Source", frames, depth="half" if dtype is np.float16 else "float", span=(0, rounds))
    for knob, value in {"server": address, "colourspace": "acescg", "flip": True}.items():
        node.set(knob, value)
    copy = np.zeros_like(frames[0])
    floor, taken = [], []
    for number, plate in frames.items():
        floor.append(_two_copies(plate, copy))
        node.prefetch(number)
        answer = node.render(number)
        taken.append(node.last.seconds)
        if not np.array_equal(expected(plate).view(np.uint8), np.ascontiguousarray(answer).view(np.uint8)):
            raise OnelightError("Bytes that came back through the OpenFX node are not those of Probe's formula.")
    host.close()
    seconds = median(taken[1:])  # the first also connects
    name, ratio = np.dtype(dtype).name, round(seconds / median(floor[1:]), 2)
    return Row("ofx", width, height, name, copy.nbytes, ratio, round(seconds, 4), None)


def _plate(width: int, height: int, dtype: Any) -> np.ndarray:
    random = np.random.default_rng(1)
    return random.standard_normal((height, width, 4), np.float32).astype(dtype)


def _renew(plate: np.ndarray) -> None:
    """Another frame as far as any cache can tell, so that none is answered from what was sent before."""
    plate[:: max(1, len(plate) // 16), 0, 0] = np.random.default_rng().standard_normal(
        len(plate[:: max(1, len(plate) // 16)])
    )


def _two_copies(plate: np.ndarray, copy: np.ndarray) -> float:
    start = time.perf_counter()
    np.copyto(copy, plate)
    np.copyto(copy, plate)
    return time.perf_counter() - start


def _verify(way: Way, plate: np.ndarray, answer: np.ndarray) -> None:
    wanted = expected(plate)
    if not np.array_equal(wanted.view(np.uint8), answer.view(np.uint8)):
        raise OnelightError(f"Bytes that came back by {way.name} are not those of Probe's formula.")
    if np.array_equal(plate.view(np.uint8), answer.view(np.uint8)):
        raise OnelightError(f"The frame that came back by {way.name} was not changed.")


@contextmanager
def _ways(server: str | None) -> Iterator[list[Way]]:
    if server:
        name = "uds" if server.startswith("unix:") else "tcp"
        yield [Way("shared_memory", server, True), Way(name, server, False)]
        return
    with own_server("--address", "127.0.0.1:0") as own:
        unix, tcp = own.addresses
        yield [Way("shared_memory", unix, True), Way("uds", unix, False), Way("tcp", tcp, False)]
