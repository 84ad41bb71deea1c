"""The server as a process: frames there and back by every way, and what it says when something is wrong."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import xxhash
from conftest import Server
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from oip import (
    Memfd,
    Wire,
    metric,
    metrics_port,
    open_descriptors,
    parameters_of,
    pixels_of,
    plate,
    refused,
    request,
    shared,
)
from onelight.wire import inference_pb2 as oip
from onelight.wire import studio_pb2

Code = grpc.StatusCode


@pytest.fixture(scope="session")
def wire(server: Server) -> Any:
    """A channel to the shared server."""
    with Wire(server.address) as channel:
        yield channel


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_every_byte_goes_there_and_back_inline(wire: Wire, dtype: Any) -> None:
    sent = plate(64, 130, dtype)
    plain = pixels_of(wire.infer({"Source@+0": sent}))
    assert plain.tobytes() == sent.tobytes()
    negated = pixels_of(wire.infer({"Source@+0": sent}, {"flip": True}))
    assert np.array_equal(np.abs(negated[..., :3]), np.abs(sent[..., :3]))
    assert not np.array_equal(negated, sent)
    assert np.array_equal(negated[..., 3], sent[..., 3])


def test_the_reply_says_which_model_made_it_on_what(wire: Wire) -> None:
    said = parameters_of(wire.infer({"Source": plate()}, {"offset": 2.5}))
    assert said["version"] == "classical1"
    assert len(said["digest"]) == 64
    assert said["provider"] == "cpu"
    assert said["status"] == "offset 2.5"
    assert said["seconds"] > 0


def test_a_render_window_is_the_same_region_of_the_full_frame(wire: Wire) -> None:
    sent = plate(80, 100)
    geometry = {"frame.window": "-10,-20,90,60", "frame.format": "0,0,64,48", "flip": True}
    full = pixels_of(wire.infer({"Source@+0": sent}, geometry))
    part = pixels_of(wire.infer({"Source@+0": sent}, {**geometry, "frame.render_window": "0,-5,70,30"}))
    assert part.shape == (35, 70, 4)
    assert np.array_equal(part, full[30:65, 10:80])


def test_sealed_memory_is_read_and_written_in_place(wire: Wire) -> None:
    sent = plate(32, 48)
    memory = Memfd(2 * sent.nbytes)
    memory.array(sent.shape, sent.dtype)[:] = sent
    wire.call("SystemSharedMemoryRegister", name="place/1", key=memory.key, byte_size=memory.size)
    asked = request({"Source@+0": (sent, shared("place/1", sent.nbytes))}, {"flip": True})
    output = asked.outputs.add(name="Output")
    for name, value in shared("place/1", sent.nbytes, sent.nbytes).items():
        output.parameters[name].CopyFrom(
            oip.InferParameter(string_param=value) if isinstance(value, str) else oip.InferParameter(int64_param=value)
        )
    reply = wire.stub(asked)
    assert not reply.raw_output_contents
    inline = pixels_of(wire.infer({"Source@+0": sent}, {"flip": True}))
    assert np.array_equal(memory.array(sent.shape, sent.dtype, sent.nbytes), inline)
    # In place: the output over the input itself.
    output.parameters["shared_memory_offset"].int64_param = 0
    wire.stub(asked)
    assert np.array_equal(memory.array(sent.shape, sent.dtype), inline)
    wire.call("SystemSharedMemoryUnregister", name="place/1")
    memory.close()


@pytest.mark.parametrize(
    ("seals", "code", "words"),
    [
        (0, Code.PERMISSION_DENIED, "seal the memfd"),
        (Memfd.SEALS & ~0x2, Code.PERMISSION_DENIED, "seal the memfd"),
        (Memfd.SEALS | 0x8, Code.PERMISSION_DENIED, "cannot be mapped for reading and writing"),
    ],
)
def test_memory_that_could_fault_or_not_be_written_is_refused(wire: Wire, seals: int, code: Code, words: str) -> None:
    memory = Memfd.__new__(Memfd)
    memory.fd = os.memfd_create("onelight-test", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.posix_fallocate(memory.fd, 0, 4096)
    if seals:
        fcntl.fcntl(memory.fd, fcntl.F_ADD_SEALS, seals)
    with pytest.raises(grpc.RpcError) as caught:
        wire.call("SystemSharedMemoryRegister", name="bad/1", key=memory.key, byte_size=4096)
    memory.close()
    assert caught.value.code() == code
    assert words in (caught.value.details() or "")


def test_keys_that_point_elsewhere_are_refused(wire: Wire, tmp_path: Path) -> None:
    link = Path("/dev/shm") / f"onelight-test-{os.getpid()}"
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 4096)
    link.symlink_to(secret)
    read, write = os.pipe()
    file = os.open(secret, os.O_RDWR)
    keys = {
        f"/{link.name}": Code.PERMISSION_DENIED,
        "/../../etc/passwd": Code.INVALID_ARGUMENT,
        "/a/b": Code.INVALID_ARGUMENT,
        "/.": Code.INVALID_ARGUMENT,
        "": Code.INVALID_ARGUMENT,
        "memfd:0:1": Code.INVALID_ARGUMENT,
        "/onelight-nobody-made-this": Code.NOT_FOUND,
        "memfd:999999999:1": Code.NOT_FOUND,
        f"memfd:{os.getpid()}:{read}": Code.PERMISSION_DENIED,
        f"memfd:{os.getpid()}:{file}": Code.PERMISSION_DENIED,
    }
    try:
        for key, code in keys.items():
            with pytest.raises(grpc.RpcError) as caught:
                wire.call("SystemSharedMemoryRegister", name="elsewhere/1", key=key, byte_size=4096)
            assert caught.value.code() == code, (key, caught.value.details())
            assert "'" in (caught.value.details() or "")
    finally:
        link.unlink()
        for number in (read, write, file):
            os.close(number)


def test_posix_memory_that_shrinks_gives_a_sentence_and_not_a_crash(wire: Wire) -> None:
    sent = plate(64, 64)
    path = Path("/dev/shm") / f"onelight-test-{os.getpid()}-shrink"
    path.write_bytes(sent.tobytes())
    try:
        wire.call("SystemSharedMemoryRegister", name="shrinks", key=f"/{path.name}", byte_size=sent.nbytes)
        asked = request({"Source@+0": (sent, shared("shrinks", sent.nbytes))})
        assert np.array_equal(pixels_of(wire.stub(asked)), sent)
        os.truncate(path, 100)
        code, sentence = refused(wire, asked)
        assert code == Code.INVALID_ARGUMENT
        assert "'shrinks' has become smaller" in sentence
        listed = wire.call("SystemSharedMemoryStatus").regions
        assert listed["shrinks"].byte_size == sent.nbytes
    finally:
        path.unlink()
        wire.call("SystemSharedMemoryUnregister", name="shrinks")
    assert "shrinks" not in wire.call("SystemSharedMemoryStatus").regions


def test_regions_go_with_the_lease_of_their_client(start_server: Any) -> None:
    server = start_server("--metrics-port", "0")
    memory = Memfd(4096)
    with Wire(server.address) as wire:
        stop = threading.Event()

        def held() -> Any:
            yield studio_pb2.LeaseRequest(client_id="node1")
            stop.wait()

        lease = wire.lease(held())
        assert next(lease).client_id == "node1"
        wire.call("SystemSharedMemoryRegister", name="node1/a", key=memory.key, byte_size=4096)
        wire.call("SystemSharedMemoryRegister", name="other", key=memory.key, byte_size=4096)
        # Names under a lease are nobody else's to see or to drop in passing.
        assert set(wire.call("SystemSharedMemoryStatus").regions) == {"other"}
        wire.call("SystemSharedMemoryUnregister")
        assert set(wire.call("SystemSharedMemoryStatus", name="node1/a").regions) == {"node1/a"}
        stop.set()
        assert list(lease) == []
        with pytest.raises(grpc.RpcError) as caught:
            wire.call("SystemSharedMemoryStatus", name="node1/a")
        assert caught.value.code() == Code.NOT_FOUND
        assert metric(metrics_port(server.log), "onelight_shared_memory_regions") == 0
    memory.close()


def test_a_client_that_is_killed_leaves_nothing_behind(start_server: Any) -> None:
    server = start_server("--metrics-port", "0")
    port = metrics_port(server.log)
    script = """
import sys, time
from oip import Memfd, Wire
from onelight.wire import studio_pb2
wire, memory = Wire(sys.argv[1]), Memfd(1 << 20)
def held():
    yield studio_pb2.LeaseRequest(client_id="killed")
    time.sleep(600)
lease = wire.lease(held()); next(lease)
wire.call("SystemSharedMemoryRegister", name="killed/a", key=memory.key, byte_size=1 << 20)
print("registered", flush=True)
time.sleep(600)
"""
    before = open_descriptors(server.pid)
    client = subprocess.Popen(
        [sys.executable, "-c", script, server.address],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
    )
    assert client.stdout is not None
    assert client.stdout.readline() == b"registered\n"
    assert metric(port, "onelight_shared_memory_regions") == 1
    client.kill()
    client.wait()
    client.stdout.close()
    with Wire(server.address) as wire:
        wait_for(lambda: metric(port, "onelight_leases") == 0)
        assert metric(port, "onelight_shared_memory_regions") == 0
        assert wire.call("ServerLive").live
    wait_for(lambda: open_descriptors(server.pid) <= before)


def wait_for(condition: Any, seconds: float = 20.0) -> None:
    """Polls what can only be seen from outside (another process's state) until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "It never came true."
        time.sleep(0.02)


def test_a_frame_sent_once_is_referred_to_by_its_content(wire: Wire) -> None:
    sent = plate(20, 30, seed=5)
    digest = xxhash.xxh3_128_hexdigest(sent.tobytes() + b"FP16:20x30")
    reference = request({"Source@+0": (sent, {"content_hash": digest})}, {"flip": True})
    with pytest.raises(grpc.RpcError) as caught:
        wire.stub(reference)
    assert caught.value.code() == Code.FAILED_PRECONDITION
    assert "Source@+0" in (caught.value.details() or "")
    trailing: Any = caught.value.trailing_metadata()
    assert dict(trailing)["onelight-missing"] == "Source@+0"
    first = pixels_of(wire.infer({"Source@+0": sent}, {"flip": True}))
    assert np.array_equal(pixels_of(wire.stub(reference)), first)
    reshaped = request({"Source@+0": (sent.reshape(30, 20, 4), {"content_hash": digest})})
    code, sentence = refused(wire, reshaped)
    assert code == Code.INVALID_ARGUMENT
    assert "[20, 30, 4]" in sentence


def test_a_frame_put_beforehand_mixes_with_one_sent_inline(wire: Wire) -> None:
    first, second = plate(20, 30, np.float32, seed=6), plate(20, 30, np.float32, seed=7)
    put = wire.put(
        studio_pb2.PutFrameRequest(show="base", datatype="FP32", height=20, width=30, pixels=second.tobytes())
    )
    assert put.content_hash == xxhash.xxh3_128_hexdigest(second.tobytes() + b"FP32:20x30")
    whole = pixels_of(wire.infer({"Source@+0": first, "Second@+0": second}, {"flip": True}))
    mixed = request({"Source@+0": first, "Second@+0": (second, {"content_hash": put.content_hash})}, {"flip": True})
    assert np.array_equal(pixels_of(wire.stub(mixed)), whole)
    mixed.raw_input_contents.append(b"")  # an empty entry in its place is taken too
    assert np.array_equal(pixels_of(wire.stub(mixed)), whole)


def test_frames_of_one_show_are_not_found_from_another(start_server: Any, tmp_path: Path) -> None:
    for show in ("north", "south"):
        folder = tmp_path / "shows" / show / "probe" / "v001"
        folder.mkdir(parents=True)
        sheet = {"tool": "probe", "version": "v001", "spec_version": 1, "stages": {}}
        (folder / "version.json").write_text(json.dumps(sheet))
    server = start_server("--models", str(tmp_path / "shows"))
    sent = plate()
    with Wire(server.address) as wire:
        put = {"datatype": "FP16", "height": 9, "width": 16, "pixels": sent.tobytes()}
        digest = wire.put(studio_pb2.PutFrameRequest(show="north", **put)).content_hash
        reference = {"Source@+0": (sent, {"content_hash": digest})}
        assert wire.infer(reference, model="north/probe").outputs
        code, _ = refused(wire, request(reference, model="south/probe"))
        assert code == Code.FAILED_PRECONDITION
        with pytest.raises(grpc.RpcError) as caught:
            wire.put(studio_pb2.PutFrameRequest(show="east", **put))
        assert caught.value.code() == Code.NOT_FOUND


REFUSALS = {
    "an unknown show": ({"model": "nowhere/probe"}, Code.NOT_FOUND, "No show named 'nowhere'"),
    "a show's name that climbs": ({"model": "../probe"}, Code.NOT_FOUND, "No show named '..'"),
    "an unknown tool": ({"model": "base/undelight"}, Code.NOT_FOUND, "No tool named 'undelight'"),
    "no show": ({"model": "probe"}, Code.NOT_FOUND, "<show>/<tool>"),
    "an unknown version": ({"version": "v999"}, Code.NOT_FOUND, "Probe has no version 'v999' in 'base'"),
    "a version that climbs": ({"version": "../base/classical1"}, Code.NOT_FOUND, "no version"),
    "an unknown knob": ({"parameters": {"gian": 1.0}}, Code.INVALID_ARGUMENT, "no knob 'gian'; is 'gain' meant?"),
    "a knob of the wrong type": ({"parameters": {"gain": "much"}}, Code.INVALID_ARGUMENT, "'gain' is a finite number"),
    "a switch that is a number": ({"parameters": {"flip": 1}}, Code.INVALID_ARGUMENT, "'flip' is a switch"),
    "a whole number with a part": (
        {"parameters": {"work": 1.5}},
        Code.INVALID_ARGUMENT,
        "'work' is a whole number",
    ),
    "a knob that is not a number": ({"parameters": {"gain": float("nan")}}, Code.INVALID_ARGUMENT, "nan is none"),
    "a knob that is infinite": ({"parameters": {"gain": float("inf")}}, Code.INVALID_ARGUMENT, "inf is none"),
    "a knob beyond its range": ({"parameters": {"gain": 17.0}}, Code.INVALID_ARGUMENT, "it goes from -16 to 16"),
    "a huge text": ({"parameters": {"gain": "x" * 10**6}}, Code.INVALID_ARGUMENT, "'gain' is a finite number"),
    "a huge knob name": ({"parameters": {"x" * 10**6: 1.0}}, Code.INVALID_ARGUMENT, "no knob 'xxx"),
    "an unknown frame parameter": ({"parameters": {"frame.colour": "x"}}, Code.INVALID_ARGUMENT, "'frame.colour'"),
    "an unknown pass": ({"parameters": {"frame.output": "depth"}}, Code.INVALID_ARGUMENT, "no output 'depth'"),
    "an unknown action": ({"parameters": {"frame.action": "train"}}, Code.INVALID_ARGUMENT, "render or analyse"),
    "an unknown space": (
        {"parameters": {"frame.colourspace": "Technicolor"}},
        Code.INVALID_ARGUMENT,
        "no space named 'Technicolor'",
    ),
    "an empty window": ({"parameters": {"frame.render_window": "4,4,4,9"}}, Code.INVALID_ARGUMENT, "holds no pixel"),
    "a window outside": ({"parameters": {"frame.render_window": "0,0,99,9"}}, Code.INVALID_ARGUMENT, "lies outside"),
    "a window of another size": ({"parameters": {"frame.window": "0,0,5,5"}}, Code.INVALID_ARGUMENT, "16 x 9"),
    "a window of words": ({"parameters": {"frame.window": "a,b,c,d"}}, Code.INVALID_ARGUMENT, "four whole numbers"),
    "a scale of zero": ({"parameters": {"frame.scale": "0,1"}}, Code.INVALID_ARGUMENT, "above 0"),
    "an option that is not there": ({"parameters": {"frame.option": 2}}, Code.INVALID_ARGUMENT, "it offers 1"),
    "nothing to analyse": ({"parameters": {"frame.action": "analyse"}}, Code.INVALID_ARGUMENT, "nothing to analyse"),
    "a knob of one frame in a render": (
        {"parameters": {"gain@+0": 2.0}},
        Code.INVALID_ARGUMENT,
        "'gain@+0' is a knob of one sampled frame; only an analysis takes that",
    ),
    "a knob of a frame that was not sent": (
        {"parameters": {"frame.action": "analyse", "gain@+5": 2.0}},
        Code.INVALID_ARGUMENT,
        "'gain@+5' is for a frame that was not sent: Source@+5",
    ),
    "a knob of a frame where only another clip was sent": (
        {
            "parameters": {"frame.action": "analyse", "gain@-5": 2.0},
            "clips": {"Source@+0": plate(), "Second@-5": plate()},
        },
        Code.INVALID_ARGUMENT,
        "'gain@-5' is for a frame that was not sent: Source@-5",
    ),
    "an unknown knob of one frame": (
        {"parameters": {"frame.action": "analyse", "gian@+0": 2.0}},
        Code.INVALID_ARGUMENT,
        "no knob 'gian'; is 'gain' meant? It was given for the frame at offset +0.",
    ),
    "a knob of the wrong type at one frame": (
        {"parameters": {"frame.action": "analyse", "gain@+0": "much"}},
        Code.INVALID_ARGUMENT,
        "'gain' is a finite number, 'much' is none. It was given for the frame at offset +0.",
    ),
    "a knob at a strange offset": (
        {"parameters": {"frame.action": "analyse", "gain@0": 2.0}},
        Code.INVALID_ARGUMENT,
        "no knob 'gain@0'",
    ),
    "an unknown clip": (
        {"clips": {"Source@+0": plate(), "Third@+0": plate()}},
        Code.INVALID_ARGUMENT,
        "no clip 'Third'",
    ),
    "a mask": ({"clips": {"Source@+0": plate(), "Mask@+0": plate()}}, Code.INVALID_ARGUMENT, "no clip 'Mask'"),
    "a tensor twice": ({"clips": {"Source@+0": plate(), "Source": plate()}}, Code.INVALID_ARGUMENT, "sent twice"),
    "no plate": ({"clips": {"Second@+0": plate()}}, Code.INVALID_ARGUMENT, "needs its Source input"),
    "a neighbour it does not read": (
        {"clips": {"Source@+0": plate(), "Source@+1": plate()}},
        Code.INVALID_ARGUMENT,
        "Source@+1 is too far",
    ),
    "clips of two sizes": (
        {"clips": {"Source@+0": plate(), "Second@+0": plate(9, 17)}},
        Code.INVALID_ARGUMENT,
        "Second@+0 is 17 x 9",
    ),
    "no clips": ({"clips": {}}, Code.INVALID_ARGUMENT, "takes 1 to"),
    "a strange tensor name": ({"clips": {"Source@0": plate()}}, Code.INVALID_ARGUMENT, "expected 'Clip@+N'"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_a_wrong_request_is_refused_with_a_sentence(wire: Wire, what: str) -> None:
    keywords, code, words = REFUSALS[what]
    got, sentence = refused(wire, request(**{"clips": {"Source@+0": plate()}, **keywords}))
    assert (got, words in sentence) == (code, True), sentence
    assert len(sentence) <= 1000


@pytest.mark.parametrize(
    ("shape", "datatype", "words"),
    [
        ([0, 16, 4], "FP16", "[height, width, 4]"),
        ([-9, 16, 4], "FP16", "[height, width, 4]"),
        ([9, 16, 3], "FP16", "[height, width, 4]"),
        ([9, 16], "FP16", "[height, width, 4]"),
        ([2**62, 2**62, 4], "FP16", "may have 32768 pixels on a side"),
        ([1, 2**15 + 1, 4], "FP16", "may have 32768 pixels on a side"),
        ([2**15, 2**14 + 1, 4], "FP16", "512 million in all"),
        ([2**15, 2**14, 4], "FP16", "is 4294967296"),
        ([9, 17, 4], "FP16", "has 1152 bytes"),
        ([9, 16, 4], "FP32", "has 1152 bytes"),
        ([9, 16, 4], "BYTES", "expected FP16 or FP32"),
        ([1] * 10000, "FP16", "[height, width, 4]"),
    ],
)
def test_a_tensor_that_lies_about_its_size_is_refused(wire: Wire, shape: list[int], datatype: str, words: str) -> None:
    message = request({"Source@+0": plate()})
    del message.inputs[0].shape[:]
    message.inputs[0].shape.extend(shape)
    message.inputs[0].datatype = datatype
    code, sentence = refused(wire, message)
    assert (code, words in sentence) == (Code.INVALID_ARGUMENT, True), sentence


def test_bytes_that_are_no_message_are_refused(wire: Wire) -> None:
    whole = request({"Source@+0": plate()}).SerializeToString()
    random = np.random.default_rng(3)
    broken = [whole[:cut] for cut in random.integers(1, len(whole), 40)]
    broken += [random.bytes(int(size)) for size in random.integers(1, 2000, 40)]
    broken += [b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x3a\x80", b"\xff" * 20, b"\x0f", b""]
    broken += [b"\x3a\x00" * 30000, b"\x22\x00" * 30000]
    for message in broken:
        code, sentence = refused(wire, message)
        assert code in (Code.INVALID_ARGUMENT, Code.NOT_FOUND), (message[:20], sentence)
    assert wire.call("ServerLive").live


def test_too_many_or_wrong_regions_are_refused(wire: Wire) -> None:
    sent, memory = plate(), Memfd(4096)
    asked = {"Source@+0": (sent, shared("nobody", sent.nbytes))}
    assert refused(wire, request(asked)) == (
        Code.INVALID_ARGUMENT,
        "Source@+0 lies in the shared memory 'nobody', which is not registered.",
    )
    wire.call("SystemSharedMemoryRegister", name="many/0", key=memory.key, byte_size=4096)
    for offset, size in (
        (4000, sent.nbytes),
        (-8, sent.nbytes),
        (2**62, sent.nbytes),
        (0, sent.nbytes - 1),
        (0, 2**62),
    ):
        code, _ = refused(wire, request({"Source@+0": (sent, shared("many/0", size, offset))}))
        assert code == Code.INVALID_ARGUMENT
    for wrong in ({"name": ""}, {"name": "x" * 5000}, {"byte_size": 0}, {"byte_size": 2**63}, {"offset": 2**63}):
        with pytest.raises(grpc.RpcError) as caught:
            wire.call("SystemSharedMemoryRegister", **{"name": "many/x", "key": memory.key, "byte_size": 4096, **wrong})
        assert caught.value.code() == Code.INVALID_ARGUMENT
    for number in range(1, 128):
        wire.call("SystemSharedMemoryRegister", name=f"many/{number}", key=memory.key, byte_size=4096)
    with pytest.raises(grpc.RpcError) as caught:
        wire.call("SystemSharedMemoryRegister", name="many/128", key=memory.key, byte_size=4096)
    assert caught.value.code() == Code.RESOURCE_EXHAUSTED
    for number in range(128):
        wire.call("SystemSharedMemoryUnregister", name=f"many/{number}")
    memory.close()


def test_a_plate_of_unknown_space_comes_back_untouched(wire: Wire) -> None:
    sent = plate(12, 20)
    reply = wire.infer(
        {"Source@+0": sent}, {"flip": True, "frame.colourspace": "unset", "frame.render_window": "2,3,9,10"}
    )
    assert np.array_equal(pixels_of(reply), sent[2:9, 2:9])
    assert parameters_of(reply)["status"] == "Choose the input colour space."
    code, sentence = refused(wire, request({"Source@+0": sent}, {"frame.colourspace": "unset", "frame.output": "map"}))
    assert code == Code.INVALID_ARGUMENT
    assert "Choose the input colour space" in sentence


def test_the_protocol_says_what_is_here(wire: Wire) -> None:
    assert wire.call("ServerReady").ready
    assert "system_shared_memory" in wire.call("ServerMetadata").extensions
    assert wire.call("ModelReady", name="base/probe").ready
    assert not wire.call("ModelReady", name="base/probe", version="v9").ready
    assert not wire.call("ModelReady", name="nonsense").ready
    model = wire.call("ModelMetadata", name="base/probe")
    assert [(tensor.name, list(tensor.shape)) for tensor in model.inputs] == [
        ("Source@+0", [-1, -1, 4]),
        ("Second@+0", [-1, -1, 4]),
    ]
    assert model.properties["provider"] == "cpu"
    assert model.properties["version"] in model.versions
    index = {entry.name: entry.state for entry in wire.call("RepositoryIndex").models}
    assert index["base/probe"] == index["base/relight"] == "READY"
    wire.call("RepositoryModelLoad", model_name="base/probe")
    wire.call("RepositoryModelUnload", model_name="base/probe")
    models = wire.call("Models", show="base")
    assert {tool.id for tool in models.tools} >= {"probe", "relight"}
    assert [model.is_default for model in models.models if model.tool == "probe"] == [True]
    assert "CPUExecutionProvider" in models.providers


def test_health_and_reflection_are_the_standard_ones(wire: Wire) -> None:
    health: Any = health_pb2_grpc.HealthStub(wire.channel)
    for service in ("", "inference.GRPCInferenceService", "onelight.v1.Studio"):
        assert health.Check(health_pb2.HealthCheckRequest(service=service)).status == 1
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(health_pb2.HealthCheckRequest(service="nonsense"))
    assert caught.value.code() == Code.NOT_FOUND
    names = ProtoReflectionDescriptorDatabase(wire.channel).get_services()
    assert {"inference.GRPCInferenceService", "onelight.v1.Studio", "grpc.health.v1.Health"} <= set(names)


def test_a_frame_under_way_is_finished_after_sigterm(start_server: Any) -> None:
    server = start_server("--metrics-port", "0")
    port = metrics_port(server.log)
    with Wire(server.address) as wire:
        stub: Any = health_pb2_grpc.HealthStub(wire.channel)
        health = stub.Watch(health_pb2.HealthCheckRequest())
        assert next(health).status == 1
        sent = plate()
        under_way = wire.stub.future(request({"Source@+0": sent}, {"work": 1000}), timeout=30)
        wait_for(lambda: metric(port, "onelight_stages_running") == 1)
        os.kill(server.pid, signal.SIGTERM)
        assert next(health).status == 2
        assert np.array_equal(pixels_of(under_way.result()), sent)
    assert server.process.wait(10) == 0
    assert not Path(server.address.removeprefix("unix:")).exists()


def test_logs_are_json_and_hold_neither_pixels_nor_knobs(start_server: Any) -> None:
    server = start_server("--log-json", "--log-level", "debug")
    with Wire(server.address) as wire:
        wire.infer({"Source@+0": plate()})
        refused(wire, request({"Source@+0": plate()}, {"gian": 1.0}))
    server.stop()
    lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    assert [line for line in lines if line["event"] == "frame" and line["code"] == "OK"]
    said = next(line for line in lines if line["event"] == "refused")
    assert said["code"] == "INVALID_ARGUMENT"
    assert "'gian'" in said["sentence"]
    assert max(map(len, server.log.splitlines())) < 1500


def test_a_thousand_frames_leave_nothing_behind(start_server: Any) -> None:
    server = start_server("--metrics-port", "0", "--memory-mb", "8")
    rng = np.random.default_rng(0)
    memory = Memfd(1 << 20)

    def rss() -> int:
        return int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * 4096

    def some(wire: Wire, count: int) -> None:
        for number in range(count):
            sent = rng.random((72, 128, 4)).astype(np.float16)
            memory.array(sent.shape, sent.dtype)[:] = sent
            wire.call("SystemSharedMemoryRegister", name="pool", key=memory.key, byte_size=1 << 20)
            wire.infer({"Source@+0": (sent, shared("pool", sent.nbytes))}, {"gain": 0.5})
            wire.call("SystemSharedMemoryUnregister", name="pool")
            if number % 2:
                wire.infer({"Source@+0": sent}, {"gain": 0.5})

    with Wire(server.address) as wire:
        some(wire, 300)  # budgets full, threads and pools up
        before = open_descriptors(server.pid), rss()
        some(wire, 1000)
        after = open_descriptors(server.pid), rss()
        assert after[0] <= before[0]
        assert after[1] - before[1] < 16 << 20, (before, after)
        port = metrics_port(server.log)
        assert metric(port, "onelight_kept_bytes") <= 8 << 20
        assert metric(port, "onelight_evicted_bytes_total", kind="frames") > 0
    memory.close()
