"""What one client cannot do to the server's machine: fill its memory, reach another's, or hold the others up."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from conftest import Server
from oip import Memfd, Wire, metric, metrics_port, pixels_of, plate, refused, request, shared
from onelight.registry import Registry
from onelight.wire import studio_pb2
from onelight_server import Config, create_server, shm
from onelight_server.versions import Versions

Code = grpc.StatusCode


@pytest.fixture
def put_raw() -> Callable[[Wire, bytes], tuple[grpc.StatusCode, str]]:
    """Status and sentence of a PutFrame that is sent as it is."""

    def put(wire: Wire, message: bytes) -> tuple[grpc.StatusCode, str]:
        try:
            wire.channel.unary_unary("/onelight.v1.Studio/PutFrame")(message, timeout=60)
        except grpc.RpcError as error:
            return error.code(), error.details() or ""
        return Code.OK, ""

    return put


def sparse_memfd(size: int) -> int:
    """A sealed memfd of that size with no memory behind it."""
    number = os.memfd_create("onelight-test", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.ftruncate(number, size)
    fcntl.fcntl(number, fcntl.F_ADD_SEALS, Memfd.SEALS)
    return number


def resident(pid: int) -> int:
    """Bytes of a process's memory, shared memory included."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_messages_beyond_the_budget_are_refused_and_the_next_small_one_is_not(
    start_server: Callable[..., Server],
) -> None:
    running = start_server("--inflight-mb", "4", "--metrics-port", "0")
    small, large = plate(64, 64), plate(1024, 512, np.float32)
    with Wire(running.address) as wire:
        code, sentence = refused(wire, request({"Source@+0": large}))
        assert code == Code.INVALID_ARGUMENT
        assert sentence == (
            "This frame needs 9 MB in the server, which takes 4 MB at once: send fewer or smaller clips, or raise its "
            "--inflight-mb."
        )
        assert np.array_equal(pixels_of(wire.infer({"Source@+0": small})), small)
        assert metric(metrics_port(running.log), "onelight_inflight_bytes") == 0


async def test_what_waits_for_its_answer_counts_and_the_one_too_many_is_told_so() -> None:
    running, (address,) = await create_server(Config(inflight_mb=2, workers=1))
    sent = plate(256, 512)  # 1 MB
    with Wire(address) as wire:
        waiting = wire.stub.future(request({"Source@+0": sent}, {"work": 60000}), timeout=60)
        async with asyncio.timeout(20):
            while not running.engine.received.used:
                await asyncio.sleep(0.002)
        code, sentence = await asyncio.to_thread(refused, wire, request({"Source@+0": sent}))
        assert code == Code.RESOURCE_EXHAUSTED
        assert sentence == (
            "The server is busy: it holds 2 of the 2 MB of frames that it takes at once. Try again, or raise its "
            "--inflight-mb."
        )
        waiting.cancel()
        async with asyncio.timeout(20):
            while running.engine.received.used:
                await asyncio.sleep(0.002)
        assert (await asyncio.to_thread(wire.infer, {"Source@+0": sent})).outputs
    await running.stop()


async def test_a_full_server_does_not_even_read_a_message() -> None:
    running, (address,) = await create_server(Config(inflight_mb=1))
    with Wire(address) as wire, running.engine.received.hold(running.engine.received.limit):
        message = request({"Source@+0": plate(2048, 2048)})  # more than the connection takes before it is read
        code, sentence = await asyncio.to_thread(refused, wire, message)
        assert (code, "holds 1 of the 1 MB" in sentence) == (Code.RESOURCE_EXHAUSTED, True)
    await running.stop()


async def test_open_calls_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onelight_server.server.OTHER_CALLS", 2)
    running, (address,) = await create_server(Config(queue=0, workers=1))
    release = threading.Event()

    def held(number: int) -> Any:
        yield studio_pb2.LeaseRequest(client_id=f"client{number}")
        release.wait()

    with Wire(address) as wire:
        leases = [wire.lease(held(number)) for number in range(3)]
        for lease in leases:
            assert (await asyncio.to_thread(next, lease)).client_id
        with pytest.raises(grpc.RpcError) as caught:
            await asyncio.to_thread(wire.call, "ServerLive")
        assert caught.value.code() == Code.RESOURCE_EXHAUSTED
        release.set()
        assert [await asyncio.to_thread(list, lease) for lease in leases] == [[], [], []]
        assert (await asyncio.to_thread(wire.call, "ServerLive")).live
    await running.stop()


def test_memory_without_memory_behind_it_is_not_mapped(server: Server) -> None:
    number = sparse_memfd(1 << 33)
    before = resident(server.pid)
    with Wire(server.address) as wire, pytest.raises(grpc.RpcError) as caught:
        wire.call("SystemSharedMemoryRegister", name="hollow", key=f"memfd:{os.getpid()}:{number}", byte_size=4096)
    assert caught.value.code() == Code.PERMISSION_DENIED
    assert "has to be allocated (posix_fallocate)" in (caught.value.details() or "")
    assert resident(server.pid) - before < 16 << 20
    os.close(number)


def test_only_the_announced_part_of_a_memory_is_mapped(start_server: Callable[..., Server]) -> None:
    running = start_server()
    sent, start = plate(64, 64), 3 * 4096 + 64
    memory = Memfd(64 << 20)
    memory.array(sent.shape, sent.dtype, start + 128)[:] = sent
    with Wire(running.address) as wire:
        wire.infer({"Source@+0": sent})
        before = resident(running.pid)
        size = sent.nbytes + 128
        wire.call("SystemSharedMemoryRegister", name="part", key=memory.key, offset=start, byte_size=size)
        asked = request({"Source@+0": (sent, shared("part", sent.nbytes, 128))})
        assert np.array_equal(pixels_of(wire.stub(asked)), sent)
        assert resident(running.pid) - before < 32 << 20
    memory.close()


def test_a_file_above_the_ceiling_is_not_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shm, "LARGEST", 1 << 20)
    memory = Memfd(2 << 20)
    with pytest.raises(shm.Refused, match="of at most 1048576 bytes"):
        shm.Regions().register("large", memory.key, 0, 4096)
    memory.close()


def test_a_hollow_posix_file_is_not_given_memory_beyond_the_budget(start_server: Callable[..., Server]) -> None:
    running = start_server("--inflight-mb", "64")
    path = Path("/dev/shm") / f"onelight-test-{os.getpid()}-hollow"
    side, size = 8192, 8192 * 8192 * 8
    with path.open("wb") as file:
        file.truncate(size)
    try:
        with Wire(running.address) as wire:
            wire.call("SystemSharedMemoryRegister", name="hollow", key=f"/{path.name}", byte_size=size)
            message = request({"Source@+0": (plate(), shared("hollow", size))})
            message.inputs[0].shape[:] = [side, side, 4]
            for code, sentence in (refused(wire, message), put_shared(wire, "hollow", side, size)):
                assert code == Code.INVALID_ARGUMENT
                assert "This frame needs 512 MB in the server, which takes 64 MB at once" in sentence
    finally:
        path.unlink()


def put_shared(wire: Wire, region: str, side: int, size: int) -> tuple[grpc.StatusCode, str]:
    """Status and sentence of a PutFrame from shared memory that must not succeed."""
    asked = studio_pb2.PutFrameRequest(show="base", datatype="FP16", height=side, width=side)
    asked.shared_memory.region, asked.shared_memory.byte_size = region, size
    with pytest.raises(grpc.RpcError) as caught:
        wire.put(asked, timeout=60)
    return caught.value.code(), caught.value.details() or ""


@pytest.mark.parametrize("shift", range(2))
def test_a_frame_that_is_kept_in_place_counts_with_all_of_its_message(
    start_server: Callable[..., Server], put_raw: Callable[[Wire, bytes], tuple[grpc.StatusCode, str]], shift: int
) -> None:
    running = start_server("--metrics-port", "0")
    sent, other = plate(32, 32), plate(32, 32, seed=2)
    head = studio_pb2.PutFrameRequest(show="base", datatype="FP16", height=32, width=32).SerializeToString()
    pixels = studio_pb2.PutFrameRequest(pixels=sent.tobytes()).SerializeToString()
    unknown = b"\x7a" + bytes([0x80 + shift]) + b"\x80\x40" + bytes((1 << 20) + shift)  # field 15, a megabyte
    by_put = head + unknown + pixels
    asked = request({"Source@+0": other})
    asked.id = "x" * ((1 << 20) + shift)
    by_infer = asked.SerializeToString()

    def held(message: bytes) -> int:
        # Pixels are last; at an odd place they are copied, and the message goes.
        return len(message) if (len(message) - sent.nbytes) % 2 == 0 else sent.nbytes

    with Wire(running.address) as wire:
        assert put_raw(wire, by_put) == (Code.OK, "")
        wire.raw(by_infer, timeout=60)
    counted = metric(metrics_port(running.log), "onelight_kept_bytes", kind="frames")
    assert counted == held(by_put) + held(by_infer)


def test_pixels_beside_the_frames_own_are_refused(
    server: Server, put_raw: Callable[[Wire, bytes], tuple[grpc.StatusCode, str]]
) -> None:
    sent = plate(32, 32)
    more = studio_pb2.PutFrameRequest(pixels=bytes(4096)).SerializeToString()
    head = studio_pb2.PutFrameRequest(show="base", datatype="FP16", height=32, width=32)
    memory = Memfd(sent.nbytes)
    with Wire(server.address) as wire:
        wire.call("SystemSharedMemoryRegister", name="beside", key=memory.key, byte_size=memory.size)
        inline = studio_pb2.PutFrameRequest(pixels=sent.tobytes())
        inline.MergeFrom(head)
        head.shared_memory.region, head.shared_memory.byte_size = "beside", sent.nbytes
        for message in (inline, head):
            code, sentence = put_raw(wire, more + message.SerializeToString())
            assert (code, "more pixels were sent than one frame's" in sentence) == (Code.INVALID_ARGUMENT, True)
        assert put_raw(wire, head.SerializeToString()) == (Code.OK, "")
        by_reference = request({"Source@+0": (sent, shared("beside", sent.nbytes)), "Second@+0": sent})
        by_reference.raw_input_contents.insert(0, bytes(1 << 20))
        code, sentence = refused(wire, by_reference)
        assert code == Code.INVALID_ARGUMENT
        assert sentence == "Probe: 'Source@+0' was sent twice, by reference and as raw content."
        wire.call("SystemSharedMemoryUnregister", name="beside")
    memory.close()


def test_pixels_that_were_cut_short_are_called_so(server: Server) -> None:
    whole = request({"Source@+0": plate(1024, 1200)}).SerializeToString()
    with Wire(server.address) as wire:
        code, sentence = refused(wire, whole[:-1000])
    assert code == Code.INVALID_ARGUMENT
    assert sentence == "The request was cut short: of a field of 9830400 bytes only 9829400 arrived."


async def test_a_look_at_a_models_files_holds_nobody_up_and_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "north" / "probe" / "v001"
    folder.mkdir(parents=True)
    (folder / "net.onnx").write_bytes(b"weights")
    stages = {"net": {"file": "net.onnx", "sha256": hashlib.sha256(b"weights").hexdigest()}}
    sheet = {"tool": "probe", "version": "v001", "spec_version": 1, "stages": stages}
    (folder / "version.json").write_text(json.dumps(sheet))
    looking, go_on, looks = threading.Event(), threading.Event(), []
    find, ask = Registry.find, Versions.find
    asking: list[str] = []

    async def counted(self: Versions, name: str, version: str = "") -> Any:
        asking.append(name)
        return await ask(self, name, version)

    def slow(self: Registry, show: str, tool: str, version: str = "") -> Any:
        if show == "north":
            looks.append(version)
            looking.set()
            assert go_on.wait(20)
        return find(self, show, tool, version)

    monkeypatch.setattr(Registry, "find", slow)
    monkeypatch.setattr(Versions, "find", counted)
    running, (address,) = await create_server(Config(models=(tmp_path,)))
    with Wire(address) as wire:
        asked = [asyncio.create_task(asyncio.to_thread(wire.call, "ModelReady", name="north/probe")) for _ in range(3)]
        assert await asyncio.to_thread(looking.wait, 20)
        # Others are answered meanwhile.
        assert (await asyncio.to_thread(wire.infer, {"Source@+0": plate()})).outputs
        async with asyncio.timeout(20):
            while asking.count("north/probe") < 3:
                await asyncio.sleep(0.002)
        go_on.set()
        assert [reply.ready for reply in await asyncio.gather(*asked)] == [True] * 3
    assert looks == [""]
    await running.stop()
