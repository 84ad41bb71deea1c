"""Scripts that were saved with earlier releases: every knob is still there, as it was, and renders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from ofxcases import MakeNode
from ofxknobs import store
from ofxrender import OK

pytest_plugins = ["ofxfixtures"]
SCRIPTS = sorted((ROOT / "tests" / "data" / "scripts").glob("*.json"))


@pytest.fixture(params=SCRIPTS, ids=lambda path: path.stem)
def script(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a host wrote for one node: type, value and, of menus, the labels the artist saw."""
    return json.loads(Path(request.param).read_text())


def test_there_are_scripts_of_every_tool_that_is_shipped() -> None:
    from onelight import tools

    saved = {json.loads(path.read_text())["identifier"] for path in SCRIPTS}
    assert saved == {tool.identifier for tool in tools.discover().values() if tool.shipped}


def test_every_knob_of_an_earlier_release_is_there_with_its_type_and_menu(
    script: dict[str, Any], node: MakeNode
) -> None:
    params = node(script["identifier"]).description["params"]
    for name, saved in script["knobs"].items():
        assert params[name]["OfxParamPropType"] == saved["type"], name
        options = saved.get("options", [])
        assert list(params[name].get("OfxParamPropChoiceOption", ()))[: len(options)] == options, name


@pytest.mark.parametrize("personality", ["strict", "natron", "nuke"])
def test_a_saved_node_loads_and_keeps_every_value(script: dict[str, Any], node: MakeNode, personality: str) -> None:
    graph = node(script["identifier"], personality)
    for name, saved in script["knobs"].items():
        store(graph._one(), name, value_of(saved))
    for name, saved in script["knobs"].items():
        found, wanted = graph.value(name), saved["value"]
        if isinstance(wanted, (float, list)):
            assert np.allclose(found, wanted), name
        else:
            assert found == wanted, name


def test_a_saved_node_of_the_built_in_show_renders_whatever_its_old_digest_was(
    script: dict[str, Any], node: MakeNode
) -> None:
    """The built-in models are those of the release that is installed; only a show's own are pinned by digest."""
    graph = node(script["identifier"])
    address = graph.value("server")
    plate = np.random.default_rng(1).uniform(0.05, 0.8, (72, 128, 4)).astype(np.float32)
    plate[..., 3] = 1
    graph.connect("Source", plate)
    for name, saved in script["knobs"].items():
        store(graph._one(), name, value_of(saved))
    store(graph._one(), "server", address)
    store(graph._one(), "version", "classical1")
    assert graph.value("digest") == "0" * 64
    rendered = graph.render_any(1, interactive=True)
    assert (rendered.status, graph.persistent) == (OK, None)
    assert np.isfinite(rendered.image).all()


def value_of(saved: dict[str, Any]) -> Any:
    return tuple(saved["value"]) if isinstance(saved["value"], list) else saved["value"]
