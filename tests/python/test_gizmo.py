"""Published gizmos as text: parsed back, every link and connection followed, every escape undone; and the template."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from nkparser import Node, Script
from nuketcl import script, user_knobs, words
from onelight import spec
from onelight.codegen import gizmo, template
from onelight.codegen.gizmo import Pin
from onelight.codegen.template import Template
from onelight.errors import RequestError
from onelight.tools import discover

TOOLS = [tool for tool in discover().values() if tool.shipped]
CLEANUP, RELIGHT = discover()["cleanup"], discover()["relight"]
NOTE = 'v003, approved 2026-11-21 by ada: "less [flicker]" in $NIGHT {exteriors} \\ 2'
every_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.id)
both_kinds = pytest.mark.parametrize("write", [gizmo.published, gizmo.group])


def pin(tool: spec.Tool) -> Pin:
    return Pin("apollo", tool.id, "v003", "ab" * 32, NOTE)


class Graph:
    """A gizmo's nodes by name, and their inputs as Nuke numbers them: the first is on top of the stack."""

    def __init__(self, text: str) -> None:
        self.script: Script = script(text)
        self.panel, *inside = self.script.all_nodes()
        self.nodes = {str(node.name): node for node in inside}
        assert len(self.nodes) == len(inside), "two nodes have one name"
        self.links = {name: rest[rest.index("T") + 1] for kind, name, *rest in self.knobs() if kind == "41"}

    def knobs(self) -> list[list[str]]:
        return user_knobs(self.panel)

    def inputs(self, name: str) -> list[str]:
        return [str(node.name) for node in reversed(self.nodes[name].inputs) if node]

    def of_class(self, kind: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.class_name == kind]


def text_of(node: Node, knob: str) -> str:
    return words(str(node.get(knob)))[0]


@every_tool
@both_kinds
def test_every_link_leads_to_a_knob_of_the_plugins_node(tool: spec.Tool, write) -> None:
    graph = Graph(write(tool, pin(tool)))
    inner = tool.label
    assert graph.nodes[inner].class_name == f"OFXorg.onelight.{tool.id}_v1"
    hidden = {"show", "version", "digest", "update_version"} | (set() if tool.options > 1 else {"option"})
    assert graph.links == {k.name: f"{inner}.{k.name}" for k in tool.all_knobs() if k.name not in hidden}


@every_tool
@both_kinds
def test_show_and_version_are_locked_in_every_node_and_cannot_be_set_in_the_panel(tool: spec.Tool, write) -> None:
    graph = Graph(write(tool, pin(tool)))
    plugins = graph.of_class(f"OFXorg.onelight.{tool.id}_v1")
    assert len(plugins) == len(tool.passes)
    for node in plugins:
        assert [text_of(node, knob) for knob in ("show", "version", "digest")] == ["apollo", "v003", "ab" * 32]
    settable = {name for kind, name, *_ in graph.knobs() if kind not in ("20", "22", "26")}
    assert not settable & {"show", "version", "digest", "update_version"}
    assert not [n for n in graph.links if getattr(tool.knob(n), "action", "") not in ("", "analyse")]
    shown = {name: rest[rest.index("T") + 1] for kind, name, *rest in graph.knobs() if kind == "26"}
    assert (shown["onelight_show"], shown["onelight_version"]) == ("apollo", "v003")
    assert text_of(graph.panel, "onelight_pin") == f"apollo/{tool.id}@v003"


@every_tool
@both_kinds
def test_each_pass_is_a_layer_of_the_stream_that_keeps_the_sources_other_layers(tool: spec.Tool, write) -> None:
    graph = Graph(write(tool, pin(tool)))
    clips = [clip.name for clip in tool.clips]
    below = graph.nodes[graph.inputs("Output1")[0]]
    for each in reversed(tool.passes[1:]):
        layer = f"{tool.id}_{each.name}"
        assert (below.class_name, below.name) == ("Copy", f"Layer_{each.name}")
        assert {f"to{i}": f"{layer}.{c}" for i, c in enumerate(("red", "green", "blue", "alpha"))}.items() <= {
            knob.name: str(knob.value.raw) for knob in below.knobs
        }.items()
        assert [str(below.get(f"from{i}")) for i in range(4)] == ["rgba.red", "rgba.green", "rgba.blue", "rgba.alpha"]
        # Copy's first input, B, is the stream whose channels stay; its second, A, gives the channels.
        stream, giver = graph.inputs(str(below.name))
        plugin = graph.nodes[giver]
        assert plugin.class_name == f"OFXorg.onelight.{tool.id}_v1"
        assert text_of(plugin, "output") == each.label
        assert graph.inputs(giver) == clips
        below = graph.nodes[stream]
    assert below.name == "Result"
    assert graph.inputs("Result") == ["Source", tool.label]
    assert graph.inputs(tool.label) == clips
    declared = re.findall(r"^add_layer \{(.*)\}$", write(tool, pin(tool)), re.MULTILINE)
    assert [line.split()[0] for line in declared] == [f"{tool.id}_{each.name}" for each in tool.passes[1:]]
    assert all(
        line.split()[1:] == [f"{line.split()[0]}.{c}" for c in ("red", "green", "blue", "alpha")] for line in declared
    )


@every_tool
def test_the_passes_nodes_have_every_knob_that_counts_from_the_main_node(tool: spec.Tool) -> None:
    """By expression, at every frame, where a knob can be keyed; the others by the callbacks' Python."""
    graph = Graph(gizmo.published(tool, pin(tool)))
    code = text_of(graph.panel, "onCreate")
    assert text_of(graph.panel, "knobChanged") == text_of(graph.panel, "updateUI") == code
    counts = {k.name for k in tool.all_knobs() if k.affects_render and not isinstance(k, spec.Button)}
    counts -= {"show", "version", "digest", "output", "status"} | (set() if tool.options > 1 else {"option"})
    for each in tool.passes[1:]:
        node = graph.nodes[f"{tool.label}_{each.name}"]
        expressions = {k.name for k in node.knobs if "parent." in str(k.value.raw)}
        for name in expressions:
            assert str(node.get(name)) == f"{{{{parent.{tool.label}.{name}}}}}"
            assert tool.knob(name).animates
        copied = {name for name in counts if f"'{name}'," in code}
        assert not expressions & copied
        assert expressions | copied == counts


def test_a_switch_in_the_panel_leaves_the_layers_out() -> None:
    graph = Graph(gizmo.published(CLEANUP, pin(CLEANUP)))
    assert ["6", "passes_as_layers"] in [knob[:2] for knob in graph.knobs()]
    assert str(graph.panel.get("passes_as_layers")) == "true"
    layers = [node for node in graph.of_class("Copy") if node.name != "Result"]
    assert len(layers) == len(CLEANUP.passes) - 1
    assert {str(node.get("disable")) for node in layers} == {'{{"1 - parent.passes_as_layers"}}'}
    assert "disable" not in [knob.name for knob in graph.nodes["Result"].knobs]


def test_a_group_takes_the_selected_node_as_its_first_input_and_leaves_the_others_open() -> None:
    lines = gizmo.group(CLEANUP, pin(CLEANUP)).splitlines()
    begin = lines.index("Group {")
    assert lines[begin - 1] == "push $cut_paste_input"
    assert lines[begin - 7 : begin - 1] == ["push 0"] * (len(CLEANUP.clips) - 1)
    assert "set cut_paste_input [stack 0]" in lines[:begin]
    assert lines[begin + 1] == f" inputs {len(CLEANUP.clips)}"
    assert lines[-1] == "end_group"


def test_the_note_comes_through_every_escape_and_into_the_help() -> None:
    text = gizmo.published(CLEANUP, pin(CLEANUP))
    assert text.splitlines()[1:3] == ["# onelight gizmo apollo/cleanup@v003 Cleanup", f"# {NOTE}"]
    graph = Graph(text)
    assert text_of(graph.panel, "help").splitlines() == [CLEANUP.hint, f"apollo/cleanup@v003. {NOTE}"]
    shown = next(rest for kind, name, *rest in graph.knobs() if name == "onelight_note")
    assert shown[-1] == NOTE
    broken = gizmo.published(CLEANUP, replace(pin(CLEANUP), note="one\nGizmo {"))
    assert broken.splitlines()[2] == "# one Gizmo {"


@pytest.mark.parametrize(
    ("show", "node_class"),
    [("apollo", "apollo_relight_v003"), ("night-2", "night_2_relight_v003"), ("1917", "show_1917_relight_v003")],
)
def test_the_class_is_one_that_nuke_takes(show: str, node_class: str) -> None:
    assert Pin(show, "relight", "v003").node_class == node_class


def test_a_template_chooses_knobs_their_order_labels_defaults_and_layers() -> None:
    chosen = template.parsed(
        {
            "label": "Sun",
            "help": "For exteriors.",
            "knobs": ["analyse", "preset", "key_azimuth", "key_kelvin"],
            "layers": ["normals"],
            "labels": {"key_azimuth": "Sun direction", "mix": "Amount"},
            "defaults": {"colourspace": "logc4", "key_kelvin": 4300, "use_mask": False, "server": "tls:gpu:9000"},
        },
        RELIGHT,
    )
    graph = Graph(gizmo.published(RELIGHT, pin(RELIGHT), chosen))
    own = [name for name in graph.links if name in {knob.name for knob in RELIGHT.knobs}]
    assert own == ["analyse", "preset", "key_azimuth", "key_kelvin"]
    assert {"mix", "output", "colourspace", "server", "status"} <= graph.links.keys(), "the node's common knobs stay"
    labels = {name: rest[1] for kind, name, *rest in graph.knobs() if kind == "41"}
    assert (labels["key_azimuth"], labels["mix"], labels["preset"]) == ("Sun direction", "Amount", "Start from")
    assert graph.knobs()[0][:4] == ["20", "relight", "l", "Sun"]
    assert "For exteriors." in text_of(graph.panel, "help")
    main, layer = graph.nodes["Relight"], graph.nodes["Relight_normals"]
    assert text_of(main, "colourspace") == text_of(layer, "colourspace") == "ARRI LogC4"
    assert (str(main.get("key_kelvin")), str(layer.get("key_kelvin"))) == ("4300", "{{parent.Relight.key_kelvin}}")
    assert str(main.get("use_mask")) == str(layer.get("use_mask")) == "false"
    assert text_of(main, "server") == text_of(layer, "server") == "tls:gpu:9000"
    assert [node.name for node in graph.of_class("Copy")] == ["Result", "Layer_normals"]


def test_without_layers_there_is_one_node_and_no_callback() -> None:
    graph = Graph(gizmo.published(CLEANUP, pin(CLEANUP), Template(layers=())))
    assert list(graph.nodes)[-2:] == ["Cleanup", "Output1"]
    assert graph.nodes["Output1"].inputs == [graph.nodes["Cleanup"]]
    assert "onCreate" not in [knob.name for knob in graph.panel.knobs]
    assert "passes_as_layers" not in [name for _, name, *_ in graph.knobs()]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"knob": []}, "no entry 'knob'; expected are label, help, knobs"),
        ({"knobs": ["analyse", "sun"]}, "'knobs' has 'sun', which is no knob of Relight"),
        ({"knobs": ["analyse", "analyse"]}, "'knobs' has 'analyse' twice"),
        ({"knobs": "analyse"}, "'knobs' is 'analyse'; expected a list"),
        ({"knobs": ["key_azimuth"]}, "'knobs' leaves out 'analyse', without which Relight renders no shot"),
        ({"layers": ["result"]}, "'layers' has 'result', which is no pass of Relight"),
        ({"labels": {"sun": "Sun"}}, "'labels' has 'sun', which is no knob of Relight"),
        ({"labels": {"mix": 3}}, "the label of 'mix' is 3; expected text"),
        ({"defaults": {"version": "v9"}}, "'version' is pinned by publishing"),
        ({"defaults": {"show": "other"}}, "'show' is pinned by publishing"),
        ({"defaults": {"output": "ratio"}}, "passes come as layers"),
        ({"defaults": {"status": "fine"}}, "'status' takes no default"),
        ({"defaults": {"analyse": True}}, "'analyse' takes no default"),
        ({"defaults": {"colourspace": "ARRI LogC4"}}, "expected one of unset, acescg"),
        ({"defaults": {"mix": 2}}, "the default of 'mix' is 2; expected 0 to 1"),
        ({"defaults": {"mix": True}}, "expected a number"),
        ({"defaults": {"mix": float("nan")}}, "expected a number"),
        ({"defaults": {"use_mask": 1}}, "expected true or false"),
        ({"defaults": {"server": 9000}}, "expected text"),
    ],
)
def test_a_template_that_cannot_be_is_refused_by_name(told: dict, sentence: str) -> None:
    with pytest.raises(RequestError, match=re.escape(sentence)):
        template.parsed(told, RELIGHT)


def test_a_templates_file_is_named_in_what_is_wrong_with_it(tmp_path: Path) -> None:
    file = tmp_path / "sun.toml"
    with pytest.raises(RequestError, match=r"sun\.toml cannot be read: No such file"):
        template.read(file, RELIGHT)
    file.write_text("knobs = [")
    with pytest.raises(RequestError, match=r"sun\.toml is not TOML"):
        template.read(file, RELIGHT)
    file.write_text("[defaults]\nmix = 7\n")
    with pytest.raises(RequestError, match=r"sun\.toml: the default of 'mix' is 7; expected 0 to 1"):
        template.read(file, RELIGHT)
    file.write_text('label = "Sun"\n')
    assert template.read(file, RELIGHT) == Template(label="Sun")
