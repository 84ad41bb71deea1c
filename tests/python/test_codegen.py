"""Generated files are current, and a gizmo's links all lead to a knob of the node inside."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from nkparser import Script
from onelight import spec
from onelight.codegen import __main__ as codegen
from onelight.codegen import docs, gizmo
from onelight.tools import discover, help_page

ROOT = Path(__file__).parents[2]
TOOLS = list(discover().values())
LINK = re.compile(r"\{41 (\w+) l \"(.*?)\" t \"(.*?)\" T (\w+)\.(\w+)\}")

LETTERS = spec.Tool(
    id="letters",
    version=1,
    label="Odd Letters",
    hint='Says "[exec]" and $HOME {braces}.',
    clips=(spec.SOURCE, spec.MASK),
    knobs=(spec.Float("size", "Size", "10 $ [a]", group="g"),),
    passes=(spec.RESULT,),
    groups=(spec.Group("g", "Group", open=False),),
)
SEVERAL = replace(LETTERS, id="several", label="Several", options=3)


def test_the_committed_files_are_what_the_specs_say() -> None:
    wrong = codegen.stale()
    assert not wrong, f"{', '.join(wrong)}: out of date; run `{codegen.COMMAND}` and commit what it writes"


def test_check_names_the_stale_file_and_the_command_and_writing_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(codegen, "ROOT", tmp_path)
    monkeypatch.setattr(codegen.stale, "__defaults__", (tmp_path,))
    assert codegen.main([]) == 0
    capsys.readouterr()
    assert codegen.main(["--check"]) == 0
    page = tmp_path / "docs" / "tools" / "relight.md"
    page.write_text(page.read_text() + "by hand")
    (tmp_path / "nuke_gizmos" / "OnelightGone.gizmo").write_text("a tool that was removed")
    assert codegen.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert f"docs/tools/relight.md is out of date: run {codegen.COMMAND}" in said
    assert "OnelightGone.gizmo" in said
    assert codegen.main([]) == 0
    assert codegen.main(["--check"]) == 0
    assert not (tmp_path / "nuke_gizmos" / "OnelightGone.gizmo").exists()


def test_the_command_runs_from_a_shell() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "onelight.codegen", "--check"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr


def parsed(text: str) -> Script:
    """The gizmo as a flat script: the parser does not know that `end_group` ends a gizmo."""
    assert text.endswith("\nend_group\n")
    script = Script.from_string(text.removesuffix("end_group\n"))
    assert not script.errors(), script.errors()
    return script


@pytest.mark.parametrize("tool", [*TOOLS, LETTERS, SEVERAL], ids=lambda tool: tool.id)
def test_every_link_of_a_gizmo_leads_to_a_knob_of_the_node_inside(tool: spec.Tool) -> None:
    text = gizmo.gizmo(tool)
    nodes = {node.name: node for node in parsed(text).all_nodes()}
    links = LINK.findall(text)
    assert text.count("{41 ") == len(links)
    hidden = set() if tool.options > 1 else {"option"}  # one candidate: nothing to pick
    assert {knob for _, _, _, _, knob in links} == {knob.name for knob in tool.all_knobs()} - hidden
    for own, _, _, inner, knob in links:
        assert own == knob
        assert nodes[inner].class_name == f"OFXorg.onelight.{tool.id}_v1"


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.id)
def test_the_inputs_of_a_gizmo_are_the_clips_in_their_order(tool: spec.Tool) -> None:
    nodes = list(parsed(gizmo.gizmo(tool)).all_nodes())
    inputs = [node for node in nodes if node.class_name == "Input"]
    assert {int(node.get("number")): node.name for node in inputs} == dict(enumerate(clip.name for clip in tool.clips))
    assert inputs[-1].name == "Source"  # Nuke takes a node's first input from the top of the stack
    inner = next(node for node in nodes if node.class_name.startswith("OFX"))
    assert inner.get("inputs") == str(len(tool.clips))
    assert nodes[-1].class_name == "Output"


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.id)
def test_folds_open_and_close_in_pairs(tool: spec.Tool) -> None:
    depth = 0
    for line in gizmo.gizmo(tool).splitlines():
        depth += line.endswith(" n 1}") - line.endswith(" n -1}")
        assert depth in (0, 1)
    assert depth == 0


def test_what_tcl_would_evaluate_is_escaped() -> None:
    text = gizmo.gizmo(LETTERS)
    assert r"Says \"\[exec\]\" and \$HOME \{braces\}." in text
    assert r"10 \$ \[a\]" in text


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.id)
def test_a_docs_page_holds_the_help_and_names_every_knob_clip_pass_and_preset(tool: spec.Tool) -> None:
    page = docs.page(tool, help_page(tool.id))
    assert help_page(tool.id).strip() in page
    for name in [*(k.name for k in tool.all_knobs()), *(p.name for p in tool.passes)]:
        assert f"| `{name}` |" in page
    for clip in tool.clips:
        assert f"| {clip.name} |" in page
    for line in page.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")
    presets = tool.presets.entries if tool.presets else ()
    assert all(f"| `{entry.name}` |" in page for entry in presets)
