"""The button 'Wires as Roto': Nuke's part on a stand-in for its module, the command and the server as they are.

The stand-in renders a Write node by writing the real frames; the process, its Roto script and its sentences are real.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from nkparser import Script
from nukenodes import Group, Node
from nukestand import Nuke
from onelight import images
from onelight.codegen import gizmo
from onelight.codegen.gizmo import Pin
from onelight.tools import discover
from wireshots import shot

FOLDER = ROOT / "nuke_gizmos"
CLEANUP = discover()["cleanup"]
H, W = 180, 320
COMMAND = f"{sys.executable} -c 'from onelight.cli import main; main()'"


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module of the button, loaded beside a stand-in for Nuke's."""
    monkeypatch.setitem(sys.modules, "nuke", Nuke())
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setenv("ONELIGHT_COMMAND", COMMAND)
    yield importlib.import_module("onelight_nuke.roto")
    for name in [name for name in sys.modules if name.split(".")[0] == "onelight_nuke"]:
        del sys.modules[name]


@pytest.fixture
def nuke(ours: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nuke:
    """Nuke with a shot of three frames with two wires; renders of its Write nodes are kept in mind."""
    nuke: Any = sys.modules["nuke"]
    pictures, _ = shot(3, H, W, wires=2, across=4, light=0.01)

    def rendered(write: Node, frame: int) -> None:
        knobs = [write[name].value() for name in ("channels", "file_type", "raw", "datatype")]
        assert knobs == ["rgba", "exr", True, "32 bit float"]
        clip = write.input(0)
        pixels = np.zeros((H, W, 4), np.float32)  # a Roto that nobody has drawn into
        if clip and clip.Class() == "Read":
            pixels[..., :3], pixels[..., 3] = pictures[frame], 1
        path = Path(str(write["file"].value()).replace("####", f"{frame:04d}"))
        images.write_frame(path, images.Frame.of(pixels), pixels)

    nuke.rendered = rendered
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return nuke


def node(nuke: Nuke, address: str = "") -> Group:
    """A gizmo of base's Cleanup with the plate connected."""
    made = nuke.load("OnelightCleanup", gizmo.gizmo(CLEANUP))
    made.setInput(0, nuke.createNode("Read"))
    made.setXYpos(500, 300)
    made["server"].setValue(address)
    made["range"].setValue(1)
    return made


def left(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "temporary").iterdir()]


def test_the_wires_are_pasted_as_a_roto_node_beside_the_gizmo(nuke: Nuke, server: Any, tmp_path: Path) -> None:
    made = node(nuke, server.address)
    made.setInput(2, nuke.createNode("Roto"))
    made["sensitivity"].to.keys.update({1001: 0.5, 1002: 0.5, 1003: 0.5})
    made["step"].setValue("every frame")
    made["wires_as_roto"].execute()
    nuke.pump()
    assert nuke.messages == ["Wires as Roto: which frames?"]
    (text,) = nuke.pasted
    parsed = Script.from_string("\n".join(text.splitlines()) + "\n")
    (roto,) = parsed.all_nodes()
    assert roto.class_name == "Roto"
    assert text.count("curvegroup Wire") == 2
    pasted = nuke.all[-1]
    assert (pasted.Class(), pasted.xpos(), pasted.ypos()) == ("Roto", 350, 240)
    assert made.input(2) is not pasted, "a person looks at it, then connects it"
    (task,) = nuke.tasks
    assert task.said == [f"frame {number} of 3" for number in (1, 2, 3)]
    assert task.at == [33, 66, 100]
    assert left(tmp_path) == []
    assert not [each for each in nuke.all if each.Class() == "Write"]


def test_the_published_gizmo_asks_with_its_own_show_and_version(nuke: Nuke, server: Any, tmp_path: Path) -> None:
    made = nuke.load("apollo_cleanup_v003", gizmo.published(CLEANUP, Pin("apollo", "cleanup", "v003")))
    made.setInput(0, nuke.createNode("Read"))
    made["server"].setValue(server.address)
    made["wires_as_roto"].execute()
    nuke.pump()
    assert "No show named 'apollo' here" in nuke.messages[-1]
    assert nuke.pasted == []
    assert left(tmp_path) == []


def test_frames_without_wires_are_told(nuke: Nuke, server: Any, tmp_path: Path) -> None:
    made = node(nuke, server.address)
    nuke.typed = lambda given: "1001"
    made["sensitivity"].setValue(0.0)
    made["wires_as_roto"].execute()
    nuke.pump()
    assert nuke.messages[-1] == "Wires as Roto: no wires were found on 1001."
    assert nuke.pasted == []
    assert left(tmp_path) == []


def test_what_cannot_begin_says_why(nuke: Nuke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = node(nuke)
    made.setInput(0, None)
    made["wires_as_roto"].execute()
    assert nuke.messages[-1] == "Wires as Roto: connect the plate to Source first."
    made.setInput(0, nuke.createNode("Read"))
    nuke.typed = lambda given: None
    made["wires_as_roto"].execute()
    nuke.typed = lambda given: "all"
    made["wires_as_roto"].execute()
    assert nuke.messages[-1] == "Wires as Roto: 'all' is no range of frames such as 1001-1010."
    nuke.typed = lambda given: given
    monkeypatch.setenv("ONELIGHT_COMMAND", "/nowhere/onelight")
    made["wires_as_roto"].execute()
    nuke.pump()
    assert nuke.messages[-1] == "Wires as Roto: '/nowhere/onelight' cannot be started: No such file or directory."
    assert left(tmp_path) == []


def test_a_render_that_fails_or_is_cancelled_begins_nothing(nuke: Nuke, tmp_path: Path) -> None:
    made = node(nuke)

    def fails(write: Node, frame: int) -> None:
        raise RuntimeError("Read1: no such file")

    nuke.rendered = fails
    made["wires_as_roto"].execute()
    assert nuke.messages[-1] == "Wires as Roto: the plate could not be rendered: Read1: no such file"

    def cancelled(write: Node, frame: int) -> None:
        raise RuntimeError("Cancelled")

    nuke.rendered = cancelled
    told = len(nuke.messages)
    made["wires_as_roto"].execute()
    assert nuke.messages[told:] == ["Wires as Roto: which frames?"]
    assert left(tmp_path) == []
    assert not [each for each in nuke.all if each.Class() == "Write"]


def test_cancel_ends_the_process(ours: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = importlib.import_module("onelight_nuke.process")
    began = tmp_path / "began"
    waits = (
        f"import pathlib, signal; pathlib.Path('{began}').touch(); print('frame 1 of 9', flush=True); signal.pause()"
    )
    monkeypatch.setenv("ONELIGHT_COMMAND", f'{sys.executable} -c "{waits}"')
    with pytest.raises(process.Cancelled):
        process.run([], lambda line: None, began.exists)


def test_the_command_is_run_without_what_nuke_sets_for_itself(
    ours: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = importlib.import_module("onelight_nuke.process")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/Nuke")
    monkeypatch.setenv("PYTHONHOME", "/opt/Nuke/python")
    monkeypatch.setenv("ONELIGHT_TOKEN_FILE", "/home/ada/token")
    told = process.environment()
    assert not {"LD_LIBRARY_PATH", "PYTHONHOME"} & told.keys()
    assert told["ONELIGHT_TOKEN_FILE"] == "/home/ada/token"


def test_the_command_is_found_beside_the_server_that_nodes_start(
    ours: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = importlib.import_module("onelight_nuke.process")
    monkeypatch.delenv("ONELIGHT_COMMAND")
    (tmp_path / "onelight").touch()
    monkeypatch.setenv("ONELIGHT_SERVER_COMMAND", f"'{tmp_path}/onelight-server' --quiet")
    assert process.command() == [str(tmp_path / "onelight")]
    monkeypatch.delenv("ONELIGHT_SERVER_COMMAND")
    monkeypatch.setattr(process, "_server_command", lambda: "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(process.Failed, match="'onelight' was not found: set ONELIGHT_COMMAND"):
        process.command()
    (tmp_path / "onelight").chmod(0o755)
    assert process.command() == [str(tmp_path / "onelight")]
