"""A published gizmo's nodes through the real .ofx and a real server: knobs are the plug-in's, passes one work."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from nkparser import Node as Parsed
from nuketcl import script, words
from ofxcases import MakeNode, same, subject
from onelight import spec
from onelight.client import Client
from onelight.codegen import gizmo
from onelight.codegen.gizmo import Pin
from onelight.registry import Registry
from onelight.stages import FrameInfo
from onelight.tools import discover

pytest_plugins = ["ofxfixtures"]
TOOLS = [tool for tool in discover().values() if tool.shipped]
every_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.id)
OWN = ("inputs", "name")


def plugins(tool: spec.Tool) -> dict[str, Parsed]:
    """The plug-in's nodes in a gizmo that is pinned to the base's own version."""
    version = Registry(discover()).find("base", tool.id)
    text = gizmo.published(tool, Pin("base", tool.id, version.name, version.digest, "the base"))
    return {str(n.name): n for n in script(text).all_nodes() if n.class_name == gizmo.node_class(tool)}


def settings(node: Parsed) -> dict[str, str]:
    """What stands in the gizmo for the node's knobs, expressions left out: those are the main node's values."""
    pairs = {knob.name: str(knob.value.raw) for knob in node.knobs if knob.name not in OWN}
    return {name: words(raw)[0] for name, raw in pairs.items() if not raw.startswith("{")}


@every_tool
def test_every_knob_in_the_gizmo_is_a_parameter_of_the_plugin(tool: spec.Tool, node: MakeNode) -> None:
    params = node(tool.identifier, "nuke").description["params"]
    for each in plugins(tool).values():
        assert {knob.name for knob in each.knobs if knob.name not in OWN} <= params.keys()
    outputs = params["output"]["OfxParamPropChoiceOption"]
    given = [settings(each).get("output", "Result") for each in plugins(tool).values()]
    assert given == list(outputs), "a node for each of the plug-in's outputs, by the label that Nuke stores"


@every_tool
def test_the_gizmos_nodes_render_what_they_are_named_after(tool: spec.Tool, node: MakeNode, server: Any) -> None:
    plate, images = subject(), {}
    for name, each in plugins(tool).items():
        graph = node(tool.identifier, "nuke", address=server.address)
        graph.connect("Source", plate)
        for knob, value in settings(each).items():
            if knob != "digest":  # written by the node itself when show or version change
                graph.set(knob, value)
        if tool.analysed_flag:
            graph.set(tool.analysed_flag, True)
        images[name] = graph.render(1)
        assert graph.value("digest") == settings(each)["digest"]
    for each in tool.passes[1:]:
        assert not same(np.asarray(images[f"{tool.label}_{each.name}"]), np.asarray(images[tool.label])), each.name


@every_tool
def test_all_passes_of_a_frame_are_one_computation_on_the_server(tool: spec.Tool, server: Any) -> None:
    """Whatever stage the server keeps is computed for the result and only taken up again for the layers."""
    stages = importlib.import_module(f"onelight.tools.{tool.id}.graph").STAGES
    kept = {stage.name for stage in stages if stage.cached}
    assert kept
    plate = subject(seed=77).astype(np.float32)
    frame = FrameInfo.of(plate.shape[1], plate.shape[0])
    knobs = {tool.analysed_flag: True} if tool.analysed_flag else {"range": 0}
    cached = []
    for each in tool.passes:
        asked = replace(frame, output=each.name, colourspace="acescg")
        answer = Client(server.address).render(tool.id, {"Source": plate}, knobs, asked)
        cached.append({name for name in str(answer.parameters["cached"]).split(",") if name})
    assert cached[0] == set()
    for name, again in zip(tool.passes[1:], cached[1:], strict=True):
        assert again and again <= kept, name
        assert again == cached[1], "no pass needs another stage than the others"
