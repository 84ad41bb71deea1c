"""Model versions: found on disk, refused when damaged or too new, run by onnxruntime and stopped in mid-run."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import numpy as np
import onnx
import pytest
from oip import Wire, metric, parameters_of, pixels_of, plate, refused, request
from onelight import tools
from onelight.errors import Cancelled, NotFound, NotReady, RequestError
from onelight.registry import Registry, Version
from onelight.runtime import Session, Sessions, preference
from onelight.stages import Context, Stage
from onelight_server import Config, create_server
from onnx import TensorProto, helper


def network(path: Path, rounds: int = 0) -> None:
    """x [H, W, 4] -> y: twice x, and then that many sines, each a node of its own."""
    value, shape = helper.make_tensor_value_info, ["h", "w", 4]
    nodes = [helper.make_node("Add", ["x", "x"], ["y0"])]
    nodes += [helper.make_node("Sin", [f"y{n}"], [f"y{n + 1}"]) for n in range(rounds)]
    nodes.append(helper.make_node("Identity", [f"y{rounds}"], ["y"]))
    graph = helper.make_graph(
        nodes, "net", [value("x", TensorProto.FLOAT, shape)], [value("y", TensorProto.FLOAT, shape)]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def publish(root: Path, name: str = "v001", show: str = "north", spec_version: int = 1, **files: Any) -> Path:
    """A version of Probe on disk; `files` are keyword arguments of `network` by stage."""
    folder = root / show / "probe" / name
    folder.mkdir(parents=True)
    stages = {}
    for stage, settings in files.items():
        network(folder / f"{stage}.onnx", **settings)
        digest = hashlib.sha256((folder / f"{stage}.onnx").read_bytes()).hexdigest()
        stages[stage] = {"file": f"{stage}.onnx", "sha256": digest}
    sheet = {"tool": "probe", "version": name, "spec_version": spec_version, "stages": stages}
    (folder / "version.json").write_text(json.dumps(sheet))
    return folder


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tools.discover(), [tmp_path])


def test_an_empty_version_is_the_newest_by_number(registry: Registry, tmp_path: Path) -> None:
    for name in ("v9", "v10", "v2"):
        publish(tmp_path, name)
    assert registry.names("north", "probe") == ["v2", "v9", "v10"]
    assert registry.find("north", "probe").name == "v10"
    assert registry.find("north", "probe", "v2").name == "v2"


def test_a_version_published_later_is_found_without_a_restart(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="No show named 'north'"):
        registry.find("north", "probe")
    publish(tmp_path)
    assert registry.find("north", "probe").name == "v001"
    with pytest.raises(NotFound, match="has no version of Relight"):
        registry.find("north", "relight")


def test_a_version_for_a_newer_onelight_says_so(registry: Registry, tmp_path: Path) -> None:
    publish(tmp_path, "v003", spec_version=2)
    with pytest.raises(NotReady) as caught:
        registry.find("north", "probe", "v003")
    assert str(caught.value) == (
        "Probe v003 was made for a newer Onelight (spec 2; this server knows 1): "
        "update the server or pick an older version"
    )


def test_the_digest_follows_the_files_and_not_the_layout(registry: Registry, tmp_path: Path) -> None:
    folder = publish(tmp_path, "v1", net={})
    first = registry.find("north", "probe", "v1").digest
    sheet = json.loads((folder / "version.json").read_text())
    (folder / "version.json").write_text(json.dumps(sheet, indent=8))
    assert registry.find("north", "probe", "v1").digest == first
    publish(tmp_path, "v2", net={"rounds": 2})
    assert registry.find("north", "probe", "v2").digest != first


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"stages": {"net": {"file": "../v002/net.onnx", "sha256": ""}}}, "is not a file of this version"),
        ({"stages": {"net": {"file": "/etc/passwd", "sha256": ""}}}, "is not a file of this version"),
        ({"stages": {"net": {"file": "gone.onnx", "sha256": ""}}}, "is not a file of this version"),
        ({"stages": {"net": {"file": "net.onnx", "sha256": "0" * 64}}}, "is not the file it was made with"),
        ({"stages": 5}, "cannot be read"),
        ({"spec_version": None}, "cannot be read"),
        ({"version": "v002"}, "another tool or version"),
    ],
)
def test_a_damaged_version_is_refused(registry: Registry, tmp_path: Path, damage: dict[str, Any], words: str) -> None:
    folder = publish(tmp_path, net={})
    publish(tmp_path, "v002", net={})
    sheet = json.loads((folder / "version.json").read_text())
    (folder / "version.json").write_text(json.dumps(sheet | damage))
    with pytest.raises(NotReady, match=words):
        registry.find("north", "probe", "v001")


def test_text_that_is_no_json_and_files_that_change_are_refused(registry: Registry, tmp_path: Path) -> None:
    folder = publish(tmp_path, net={})
    registry.find("north", "probe")
    with (folder / "net.onnx").open("ab") as file:
        file.write(b"more")
    with pytest.raises(NotReady, match="not the file it was made with"):
        registry.find("north", "probe")
    (folder / "version.json").write_text("{")
    with pytest.raises(NotReady, match="damaged"):
        registry.find("north", "probe")


def test_nothing_outside_the_root_is_served(registry: Registry, tmp_path: Path) -> None:
    outside = publish(tmp_path.parent / f"{tmp_path.name}-outside", "v001", "south")
    (tmp_path / "north" / "probe").mkdir(parents=True)
    (tmp_path / "north" / "probe" / "v001").symlink_to(outside)
    with pytest.raises(NotFound):
        registry.find("north", "probe", "v001")
    for show in ("..", "../south", "north/..", "", "a/b", ".", "\0", "x" * 300):
        with pytest.raises(NotFound):
            registry.find(show, "probe")


def version_of(folder: Path) -> Version:
    return Registry(tools.discover(), [folder.parents[2]]).find("north", "probe", folder.name)


def test_a_network_runs_on_the_provider_that_was_found(tmp_path: Path) -> None:
    session = Session(version_of(publish(tmp_path, net={})), 1, preference())
    x = np.ones((2, 3, 4), np.float32)
    assert np.array_equal(session.run("net", {"x": x})["y"], x * 2)
    assert session.provider in preference()
    with pytest.raises(RequestError, match="no network named 'other'"):
        session.run("other", {"x": x})


def test_a_file_that_is_no_network_is_refused_when_loaded(tmp_path: Path) -> None:
    folder = publish(tmp_path, net={})
    (folder / "net.onnx").write_bytes(b"nonsense")
    sheet = json.loads((folder / "version.json").read_text())
    sheet["stages"]["net"]["sha256"] = hashlib.sha256(b"nonsense").hexdigest()
    (folder / "version.json").write_text(json.dumps(sheet))
    with pytest.raises(NotReady, match="net.onnx is no network"):
        Session(version_of(folder), 1)


def test_a_run_is_stopped_between_two_nodes(tmp_path: Path) -> None:
    session = Session(version_of(publish(tmp_path, net={"rounds": 2000})), 1)
    running, stops = threading.Event(), []

    @contextmanager
    def stopping(stop: Any) -> Iterator[None]:
        stops.append(stop)
        running.set()
        yield

    ended: list[BaseException] = []

    def work() -> None:
        try:
            session.run("net", {"x": np.zeros((1080, 1920, 4), np.float32)}, stopping)
        except Cancelled as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert running.wait(10)
    stops[0]()
    thread.join(10)
    assert not thread.is_alive()
    assert ended


def test_the_longest_unused_model_goes_when_the_budget_is_reached(tmp_path: Path) -> None:
    versions = [version_of(publish(tmp_path, f"v{n}", net={"rounds": 40})) for n in range(3)]
    gone: list[int] = []
    sessions = Sessions(1, 2 * versions[0].bytes + 100, ["CPUExecutionProvider"], gone.append)
    first, second = sessions.get(versions[0]), sessions.get(versions[1])
    assert sessions.get(versions[0]) is first
    sessions.get(versions[2])
    assert len(gone) == 1
    assert sessions.get(versions[0]) is first
    assert sessions.get(versions[1]) is not second


def probe_with_network() -> SimpleNamespace:
    """Probe as it would be with a learned stage: one network on the plate."""

    def run(context: Context, _: dict[str, Any]) -> dict[str, Any]:
        assert context.session is not None
        x = np.ascontiguousarray(context.source, np.float32)
        return {"output": context.session.run("net", {"x": x})["y"]}

    return SimpleNamespace(STAGES=(Stage("net", run, clips=("Source",)),))


async def test_a_version_with_a_network_serves_frames_and_its_run_ends_with_the_call(tmp_path: Path) -> None:
    publish(tmp_path, "v001", net={})
    publish(tmp_path, "v002", net={"rounds": 2000})
    config = Config(models=(tmp_path,), workers=1, threads=1, metrics_port=0)
    server, addresses = await create_server(config, graph=lambda tool: probe_with_network())
    port = server.metrics_port
    assert port is not None
    with Wire(addresses[0]) as wire:
        sent = plate(5, 7, np.float32)
        reply = await asyncio.to_thread(wire.infer, {"Source": sent}, model="north/probe", version="v001")
        assert np.array_equal(pixels_of(reply), sent * 2)
        provider = parameters_of(reply)["provider"]
        assert provider == preference()[0]
        model = await asyncio.to_thread(wire.call, "ModelMetadata", name="north/probe", version="v001")
        assert model.properties["provider"] == provider
        assert model.platform == "onnxruntime"
        large = request({"Source": plate(1080, 1920, np.float32)}, model="north/probe", version="v002")
        call = wire.stub.future(large)

        def stopped() -> bool:
            return metric(port, "onelight_stages_stopped_total", stage="net") == 1

        async with asyncio.timeout(30):
            while await asyncio.to_thread(metric, port, "onelight_provider_runs_total") != 2:
                await asyncio.sleep(0.01)
            call.cancel()
            asked = asyncio.get_running_loop().time()
            while not await asyncio.to_thread(stopped):
                await asyncio.sleep(0.01)
        assert asyncio.get_running_loop().time() - asked < 0.5
        assert await asyncio.to_thread(metric, port, "onelight_workers_busy") == 0
        publish(tmp_path, "v003", spec_version=2)
        code, sentence = await asyncio.to_thread(
            refused, wire, request({"Source": sent}, model="north/probe", version="v003")
        )
        assert code == grpc.StatusCode.FAILED_PRECONDITION
        assert "was made for a newer Onelight" in sentence
    await server.stop()


@pytest.mark.parametrize("place", ["weights.bin", "../here/weights.bin"])
def test_a_network_brings_its_weights_and_reads_no_other_file(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    np.arange(4, dtype=np.float32).tofile(tmp_path / "here" / "weights.bin")
    monkeypatch.chdir(tmp_path / "here")  # onnxruntime looks beside the process where it is given no path
    folder = publish(tmp_path, net={})
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", place), ("offset", "0"), ("length", "16")):
        weights.external_data.add(key=key, value=value)
    value, shape = helper.make_tensor_value_info, ["h", "w", 4]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])], "net",
        [value("x", TensorProto.FLOAT, shape)], [value("y", TensorProto.FLOAT, shape)], [weights],
    )  # fmt: skip
    path = folder / "net.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    )
    sheet = json.loads((folder / "version.json").read_text())
    sheet["stages"]["net"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "version.json").write_text(json.dumps(sheet))
    with pytest.raises(NotReady, match="no network that this server's onnxruntime"):
        Session(version_of(folder), 1)
