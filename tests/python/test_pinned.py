"""A node is pinned to the version its show approved, and a job to what its first frame was computed with."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnxruntime
import pytest
from conftest import Server
from ofxcases import PROBE, MakeNode, scene
from ofxknobs import store
from ofxnode import Node
from ofxrender import RenderFailed
from oip import parameters_of, plate
from onelight import _bridge
from onelight.client import Client
from onelight.errors import OnelightError, RequestError
from onelight.registry import Version
from onelight.runtime import offered
from onelight.shows import versions
from onelight_server import Config, create_server
from productions import TOOL, Caller, Production, production
from test_attacks import loopback, said

pytest_plugins = ["ofxfixtures"]
Code = grpc.StatusCode


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def own(root: Path, certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the shows' owner, on its socket, on loopback, and for clients with certificates."""
    server = Server(
        tmp_path_factory.mktemp("server"), "--shows", str(root), "--address", "127.0.0.1:0",
        "--address", "tls:localhost:0", "--tls-ca", f"{certificates}/ca.pem",
        "--tls-cert", f"{certificates}/server.pem", "--tls-key", f"{certificates}/server.key",
    ).wait_ready()  # fmt: skip
    yield server
    server.stop()


@pytest.fixture
def apollo(root: Path, tmp_path: Path, own: Server, request: pytest.FixtureRequest) -> Production:
    """A show of the test's own, which the server has seen: an edit waits for seconds only, however busy the machine."""
    made = production(f"apollo{zlib.crc32(request.node.name.encode()):08x}", root, tmp_path / "scratch")
    with Caller(own.address) as caller:
        assert caller.call("ModelReady", name=f"{made.name}/{TOOL}").ready
    return made


@pytest.fixture
def graph(node: MakeNode, own: Server) -> Node:
    """A node with something to do, of no show yet."""
    made = node(PROBE, address=own.address)
    made.connect("Source", scene())
    made.set("flip", True)
    return made


def test_setting_the_show_writes_its_approved_version_and_digest_in_one_step(graph: Node, apollo: Production) -> None:
    before = len(graph.undo)
    graph.set("show", apollo.name)
    assert (graph.value("version"), graph.value("digest")) == ("v001", apollo.digests[0])
    assert "Model v001" in graph.value("status")
    assert [set(names) for _, names in graph.undo[before:]] == [{"version", "digest", "status"}]
    graph.render(1)


def test_what_is_approved_later_changes_no_open_script_until_update_is_pressed(graph: Node, apollo: Production) -> None:
    graph.set("show", apollo.name)
    graph.set("gain", {1: 0.5, 5: 1.5})
    first = graph.render(3)
    versions.approve(apollo.show, TOOL, "v002", why="a test's")
    graph.set("offset", 2.0)
    assert np.array_equal(graph.render(3), first)
    assert (graph.value("version"), graph.value("digest")) == ("v001", apollo.digests[0])
    graph.set("version", "v001")
    assert "v002 is approved: press Update" in graph.value("status")
    keys, before = graph.keys("gain"), len(graph.undo)
    graph.press("update_version")
    assert (graph.value("version"), graph.value("digest")) == ("v002", apollo.digests[1])
    assert [set(names) for _, names in graph.undo[before:]] == [{"version", "digest", "status"}]
    assert graph.keys("gain") == keys and graph.value("flip") and graph.value("show") == apollo.name
    graph.render(3)


def test_a_node_that_comes_with_a_show_gets_its_version_at_the_first_edit_and_asks_once(
    node: MakeNode, own: Server, apollo: Production
) -> None:
    made = node(PROBE, address=own.address)
    again = Node(made.host, PROBE)
    for name, value in (("show", apollo.name), ("server", own.address), ("colourspace", 1)):
        store(again._one(), name, value)
    again.connect("Source", scene())
    assert again.value("version") == ""
    again.set("flip", True)
    assert (again.value("version"), again.value("digest")) == ("v001", apollo.digests[0])
    store(again._one(), "version", "")
    again.set("gain", 1.0)
    assert again.value("version") == ""
    again.close()


def test_update_says_what_is_wrong_where_nothing_is_approved(
    node: MakeNode, root: Path, tmp_path: Path, own: Server
) -> None:
    production("empty", root, tmp_path, count=0)
    made = node(PROBE, address=own.address)
    made.set("show", "empty")
    assert "has no version" in made.value("status") and made.value("digest") == ""
    made.press("update_version")
    assert "has no version" in (made.persistent or "")


def test_another_model_under_the_pinned_name_is_refused(graph: Node, apollo: Production) -> None:
    graph.set("show", apollo.name)
    store(graph._one(), "digest", "f" * 64)
    with pytest.raises(RenderFailed):
        graph.render(1)
    assert "is not the model this node was made with" in (graph.persistent or "")


def test_a_background_render_without_an_exact_version_is_refused_by_the_node_and_by_the_server(
    node: MakeNode, own: Server, apollo: Production
) -> None:
    farm = node(PROBE, address=own.address, is_background=True)
    farm.connect("Source", scene())
    for name, value in (("show", apollo.name), ("flip", 1)):
        store(farm._one(), name, value)
    with pytest.raises(RenderFailed):
        farm.render(1)
    assert "needs the exact model version" in (farm.persistent or "")
    model = f"{apollo.name}/{TOOL}"
    with Caller(own.address) as caller:
        code, sentence = caller.refusal("infer", {"Source@+0": plate()}, {"frame.priority": "farm"}, model)
        assert code == Code.INVALID_ARGUMENT and "needs the exact model version, such as v001" in sentence
        exact = caller.infer({"Source@+0": plate()}, {"frame.priority": "farm"}, model, "v002")
        assert parameters_of(exact)["version"] == "v002"
        # Everybody's show is as it always was.
        assert caller.infer({"Source@+0": plate()}, {"frame.priority": "farm"}, "base/probe").outputs


def render(client: Client, version: str = "v001") -> dict[str, Any]:
    return client.render(TOOL, {"Source": plate()}, {"flip": True}, version=version).parameters


def test_the_environment_holds_the_token_that_opens_a_show(
    own: Server, apollo: Production, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(loopback(own), apollo.name)
    with pytest.raises(RequestError, match="No show named") as caught:
        render(client)
    assert str(caught.value) == said(apollo.name)[1]
    file = tmp_path / "token"
    file.write_text(f"{apollo.token}\n")
    file.chmod(0o600)
    monkeypatch.setenv("ONELIGHT_TOKEN_FILE", str(file))
    assert render(client)["digest"] == apollo.digests[0]
    assert client.model(TOOL) == {
        "version": "v001", "digest": apollo.digests[0], "state": "approved", "default": "v001",
        "provider": "cpu", "runtime": render(client)["runtime"],
    }  # fmt: skip
    file.chmod(0o644)
    with pytest.raises(RequestError, match="others can read or write: expected a file of this user's alone"):
        render(client)
    assert render(Client(loopback(own)), "")["version"]  # the built-in show needs none
    monkeypatch.setenv("ONELIGHT_TOKEN", apollo.token)  # comes first
    assert render(client)["version"] == "v001"
    for no_token in ("two words", "line\nbreak", "ünicode"):
        monkeypatch.setenv("ONELIGHT_TOKEN", no_token)
        with pytest.raises(RequestError, match="ONELIGHT_TOKEN holds no token"):
            render(client)


def test_a_token_never_leaves_the_machine_unencrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONELIGHT_TOKEN", "onelight_0_0")
    for address in ("192.0.2.1:8001", "render12:8001"):
        with pytest.raises(RequestError, match="is not sent to .*, where others could read it"):
            render(Client(address, "apollo", deadline=5))


def test_a_job_stays_on_what_its_first_frame_was_computed_with(tmp_path: Path, monkeypatch) -> None:
    made = production("apollo", tmp_path / "shows", tmp_path / "scratch", 1, network=True)
    monkeypatch.setenv("ONELIGHT_TOKEN", made.token)
    farm = {"flip": True, "frame.priority": "farm", "frame.digest": made.digests[0]}

    def frame(address: str, more: dict[str, Any] | None = None) -> dict[str, Any]:
        sent = plate()
        told = _bridge.infer(
            address, "apollo", TOOL, "v001", farm | (more or {}), {"Source@+0": sent}, 60.0, np.empty_like(sent)
        )
        return told[1]

    async def both() -> None:
        config = Config(shows=(tmp_path / "shows",))
        one, (first,) = await create_server(config)
        two, (second,) = await create_server(config)
        here = (await asyncio.to_thread(frame, first))["runtime"]
        assert here == f"onnxruntime {onnxruntime.__version__}"
        monkeypatch.setattr(onnxruntime, "__version__", "0.0.0")  # another machine's, when that server loads the model
        with pytest.raises(_bridge.BridgeError) as caught:
            await asyncio.to_thread(frame, second)
        assert "computed with the runtime" in caught.value.args[1] and here in caught.value.args[1]
        assert (await asyncio.to_thread(frame, first))["runtime"] == here
        # An artist who looks gets the picture wherever it comes from.
        looked = await asyncio.to_thread(frame, second, {"frame.priority": "interactive"})
        assert looked["runtime"] == "onnxruntime 0.0.0"
        monkeypatch.setenv("ONELIGHT_PROVIDER", "CUDAExecutionProvider")
        with pytest.raises(_bridge.BridgeError, match="computed with the provider CUDAExecutionProvider"):
            await asyncio.to_thread(frame, first)
        monkeypatch.setenv("ONELIGHT_PROVIDER", "CPUExecutionProvider")
        await asyncio.to_thread(frame, first)
        for server in (one, two):
            await server.stop()

    asyncio.run(both())


@pytest.mark.parametrize(("state", "tuned"), [("", True), ("candidate", True), ("approved", False), ("retired", False)])
def test_an_approved_version_runs_without_what_is_tuned_to_a_machine(state: str, tuned: bool) -> None:
    version = Version("apollo", TOOL, "v001", 1, "0" * 64, state=state)
    asked = dict(offered(version, ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]))
    assert ("TensorrtExecutionProvider" in asked) is tuned
    assert asked["CUDAExecutionProvider"] == {"use_tf32": 0, "cudnn_conv_algo_search": "HEURISTIC"}


def test_a_client_certificate_in_the_shows_name_opens_it_and_no_other(
    root: Path, tmp_path: Path, certificates: Path, own: Server
) -> None:
    apollo, _ = (production(name, root, tmp_path / "scratch") for name in ("apollo", "borealis"))
    address = next(word for word in own.log.split() if word.startswith("tls:localhost"))
    with pytest.MonkeyPatch.context() as patch:
        for name, file in {"CA": "ca.pem", "CERT": "apollo.pem", "KEY": "apollo.key"}.items():
            patch.setenv(f"ONELIGHT_TLS_{name}", f"{certificates}/{file}")
        assert render(Client(address, "apollo"))["digest"] == apollo.digests[0]
        with pytest.raises(RequestError) as caught:
            render(Client(address, "borealis"))
        assert str(caught.value) == said("borealis")[1]
        patch.delenv("ONELIGHT_TLS_KEY")
        with pytest.raises(OnelightError, match="ONELIGHT_TLS_CERT and ONELIGHT_TLS_KEY belong together"):
            render(Client(address.replace("localhost", "127.0.0.1"), "apollo"))
