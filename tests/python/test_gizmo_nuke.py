"""What Onelight does inside Nuke, on a stand-in for Nuke's module: the menu, new nodes, the passes that follow, Update.

The gizmos are the real ones, as they are published; the server that is asked for news is real, too.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from nukenodes import Group, Node
from nukeours import FOLDER, default, forget, ours
from nukestand import Nuke
from onelight.codegen import gizmo, template
from onelight.codegen.gizmo import Pin
from onelight.tools import discover

pytest_plugins = ["nukestarted"]
CLEANUP = discover()["cleanup"]


def test_a_render_node_gets_the_gizmos_and_no_menu(started: Callable[..., Nuke]) -> None:
    nuke = started(gui=False)
    assert nuke.folders[0] == str(FOLDER)
    assert nuke.toolbar.made == {}
    assert nuke.knob_changed == {}
    node = nuke.createNode("apollo_cleanup_v001")
    assert node["onelight_pin"].value() == "apollo/cleanup@v001"


def test_a_farm_that_has_only_the_shows_folder_renders_a_script_that_uses_its_gizmos(gizmos: Path) -> None:
    """No init.py, no package: the passes' nodes still get what the script holds for the panel."""
    nuke = Nuke([gizmos], gui=False)
    node = nuke.load("apollo_cleanup_v002", (gizmos / "apollo_cleanup_v002.gizmo").read_text())
    node["colourspace"].to._value = "ARRI LogC4"  # as Nuke sets it from the script, before it calls onCreate
    nuke.run(node.callbacks["onCreate"], node)
    assert {each["colourspace"].value() for each in plugins(node)} == {"ARRI LogC4"}


def plugins(node: Group) -> list[Node]:
    return [each for each in node.inside.values() if each.Class().startswith("OFX")]


def test_without_a_show_the_menu_has_our_own_gizmos_and_a_folder_a_show(started: Callable[..., Nuke]) -> None:
    versions = {"v002 (default)": ..., "v002 as Group": ..., "v001": ...}
    assert started().toolbar.names()["Onelight"] == {
        "apollo": {"Cleanup": ..., "Cleanup versions": versions, "Relight versions": {"v001": ...}},
        "Cleanup": ...,
        "Relight": ...,
    }


def test_a_show_has_its_own_gizmos_first_and_sees_no_other_shows(started: Callable[..., Nuke]) -> None:
    assert list(started(show="apollo").toolbar.names()["Onelight"]) == [
        "Cleanup",
        "Cleanup versions",
        "Relight versions",
        "-",
        "Base",
    ]
    assert list(started(show="borealis").toolbar.names()["Onelight"]) == ["Cleanup", "Relight"]


def test_the_default_is_pinned_when_a_node_is_made_and_stays(started: Callable[..., Nuke], gizmos: Path) -> None:
    nuke = started(show="apollo")
    entry = nuke.toolbar.made["Onelight"].made["Cleanup"]
    first = entry()
    assert (first.Class(), first.name()) == ("apollo_cleanup_v002", "apollo_cleanup1")
    default(gizmos, "v001")
    assert entry().Class() == "apollo_cleanup_v001"
    assert first["onelight_pin"].value() == "apollo/cleanup@v002"
    (gizmos / "apollo_cleanup.default").unlink()
    assert entry() is None
    assert nuke.messages == ["Onelight: there is no default version of cleanup published for 'apollo' on NUKE_PATH."]
    assert ours("menu").create("apollo", "cleanup", "v001").Class() == "apollo_cleanup_v001"


def test_the_menu_pastes_a_group(started: Callable[..., Nuke], gizmos: Path) -> None:
    nuke = started(show="apollo")
    nuke.toolbar.made["Onelight"].made["Cleanup versions"].made["v002 as Group"]()
    assert nuke.pasted == [(gizmos / "apollo_cleanup_v002.nk").read_text()]


def test_new_nodes_of_no_show_begin_with_the_environments_and_loaded_ones_do_not(started: Callable[..., Nuke]) -> None:
    nuke = started(gui=False, show="apollo")
    assert nuke.createNode("OnelightCleanup")["show"].value() == "apollo"
    assert set(nuke.user_created) == {
        "OnelightCleanup",
        "OnelightRelight",
        "OFXorg.onelight.cleanup_v1",
        "OFXorg.onelight.relight_v1",
    }
    loaded = nuke.load("OnelightCleanup", (FOLDER / "OnelightCleanup.gizmo").read_text())
    assert loaded["show"].value() == "base", "an old script stays with its show, whatever the environment says"
    assert started(gui=False).createNode("OnelightCleanup")["show"].value() == "base"


def test_the_passes_nodes_follow_the_panel(started: Callable[..., Nuke]) -> None:
    nuke = started()
    node = nuke.createNode("apollo_cleanup_v002")
    assert len(plugins(node)) == len(CLEANUP.passes)
    edits = {
        "sensitivity": 0.9,
        "colourspace": "ARRI LogC4",
        "tracked": '{"1001": "[a] {b} \\"c\\""}',
        "use_mask": False,
    }
    for name, value in edits.items():
        node[name].setValue(value)
        assert [each[name].value() for each in plugins(node)] == [value] * len(CLEANUP.passes), name
    # Analyse writes the plug-in's own knob, which no edit of the panel tells of: Nuke's updateUI comes after it.
    node.inside["Cleanup"]["tracked"]._value = "by Analyse"
    nuke.run(node.callbacks["updateUI"], node)
    assert {each["tracked"].value() for each in plugins(node)} == {"by Analyse"}


def test_update_puts_the_default_in_place_with_knobs_keys_name_and_connections(
    started: Callable[..., Nuke], gizmos: Path
) -> None:
    nuke = started()
    plate, hints, grade = (nuke.createNode(kind) for kind in ("Read", "Roto", "Grade"))
    node = nuke.createNode("apollo_cleanup_v001")
    node.setName("wires")
    node.setXYpos(30, 40)
    node.setInput(0, plate)
    node.setInput(2, hints)
    grade.setInput(1, node)
    node["sensitivity"].setValue(0.75)
    node["grow"].to.keys.update({1001: 1.0, 1010: 3.0})
    node["colourspace"].setValue("ARRI LogC4")
    node["onelight_update"].execute()
    new = nuke.toNode("wires")
    assert new is not None and new is not node and node not in nuke.all
    assert (new.Class(), new["onelight_pin"].value()) == ("apollo_cleanup_v002", "apollo/cleanup@v002")
    assert (new.xpos(), new.ypos()) == (30, 40)
    assert [new.input(index) for index in range(4)] == [plate, None, hints, None]
    assert grade.input(1) is new
    assert (new["sensitivity"].value(), new["colourspace"].value()) == (0.75, "ARRI LogC4")
    assert new["grow"].keys == {1001: 1.0, 1010: 3.0}
    assert nuke.undone == ["Update wires"]
    new["onelight_update"].execute()
    assert nuke.messages[-1] == "v002 is the default of 'apollo' already."


def test_update_names_the_keys_that_the_new_panel_has_no_place_for(started: Callable[..., Nuke], gizmos: Path) -> None:
    nuke = started()
    curated = template.parsed({"knobs": ["sensitivity"]}, CLEANUP)
    text = gizmo.published(CLEANUP, Pin("apollo", "cleanup", "v003"), curated)
    (gizmos / "apollo_cleanup_v003.gizmo").write_text(text)
    default(gizmos, "v003")
    node = nuke.createNode("apollo_cleanup_v001")
    node["grow"].to.keys.update({1001: 1.0})
    node["onelight_update"].execute()
    assert nuke.messages[-1] == "v003 has no knobs for: grow."


def test_update_asks_first(started: Callable[..., Nuke]) -> None:
    nuke = started()
    nuke.answer = False
    node = nuke.createNode("apollo_cleanup_v001")
    node["onelight_update"].execute()
    assert node in nuke.all
    assert nuke.messages == ["Put v002 in the place of v001? The picture may change."]


def test_a_group_that_was_taken_where_onelight_is_not_says_so(gizmos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nuke = Nuke([gizmos])
    forget()
    monkeypatch.setitem(sys.modules, "onelight_nuke", None)
    node = nuke.load("Group", (gizmos / "apollo_cleanup_v002.nk").read_text())
    node["onelight_update"].execute()
    node["wires_as_roto"].execute()
    assert nuke.messages == [
        f"{label}: the folder nuke_gizmos of Onelight is not on NUKE_PATH." for label in ("Update", "Wires as Roto")
    ]


def test_everything_that_runs_in_nuke_is_python_3_9() -> None:
    files = sorted(FOLDER.rglob("*.py"))
    assert len(files) > 8
    for file in files:
        ast.parse(file.read_text(), str(file), feature_version=(3, 9))


def test_the_code_of_the_panels_fits_nukes_own_types(tmp_path: Path) -> None:
    """pyright with types-nuke, for Python 3.9; a call that Nuke does not have is found."""
    done = pyright(*map(str, sorted(FOLDER.rglob("*.py"))))
    assert done["summary"]["filesAnalyzed"] > 8
    assert done["generalDiagnostics"] == []
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import nuke\nnuke.createNodes('Grade')\n")
    (found,) = pyright(str(wrong))["generalDiagnostics"]
    assert "createNodes" in found["message"]


def pyright(*files: str) -> dict[str, Any]:
    command = [str(Path(sys.executable).with_name("pyright")), "--outputjson", "--pythonversion", "3.9", *files]
    return json.loads(subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300).stdout)
