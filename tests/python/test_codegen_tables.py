"""The OpenFX tables: what a spec says arrives in C++ as it was written; one that contradicts itself is refused."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from onelight import spec
from onelight.codegen import ofx
from onelight.tools import discover

SOURCES = Path(__file__).resolve().parents[2] / "ofx_plugin" / "src"
ODD = 'Say "50%" \\ to the grün\nwedge?'
TOY = spec.Tool(
    id="toy",
    version=3,
    label="Toy",
    hint=ODD,
    clips=(spec.SOURCE, replace(spec.SOURCE, name="Back", frames=spec.Around("reach"))),
    knobs=(
        spec.Float(
            "size", "Size", "How big.", default=0.1, hard=(-2.5, 1e9), neutral=spec.SameAs("other"), pixels=True
        ),
        spec.Float("other", "Other", "The other one.", default=1.0, unit="stops"),
        spec.Int("reach", "Reach", "Frames.", default=2, hard=(0, 8)),
        spec.Choice(
            "menu", "Menu", "One of them.", options=(spec.Option("a", "A"), spec.Option("b", "B")), default="b"
        ),
        spec.Bool("to_alpha", "To alpha", "Into alpha."),
    ),
    passes=(spec.RESULT,),
    presets=spec.Presets("menu", (spec.Preset("a", "A", "", {"size": spec.SameAs("other"), "other": -0.25}),)),
    alpha_knob="to_alpha",
    shipped=False,
)
CHECKS = f"""
#include <string_view>
#include "tools.gen.h"
using namespace onelight::table;
constexpr const Tool &toy = tools[0];
static_assert(toy.version == 3 && !toy.shipped && std::string_view(toy.identifier) == "org.onelight.toy");
static_assert(std::string_view(toy.hint) == R"odd({ODD})odd");
static_assert(toy.knobs[0].initial.numbers[0] == 0.1 && toy.knobs[0].hard[0] == -2.5 && toy.knobs[0].hard[1] == 1e9);
static_assert(toy.knobs[0].pixels && toy.knobs[0].neutral.kind == Value::SameAs);
static_assert(std::string_view(toy.knobs[0].neutral.text) == "other");
static_assert(toy.knobs[3].options.size == 2 && std::string_view(toy.knobs[3].initial.text) == "b");
static_assert(std::string_view(toy.clips[1].around) == "reach" && std::string_view(toy.clips[0].around) == "");
static_assert(toy.presets[0].settings[1].value.numbers[0] == -0.25);
static_assert(std::string_view(toy.alpha_knob) == "to_alpha" && std::string_view(toy.analysed_flag) == "");
static_assert(toy.ramps.empty() && toy.groups.empty() && toy.passes.size == 1);
"""


def test_what_a_spec_says_arrives_in_cpp_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "tools.gen.h").write_text(ofx.header([TOY]), encoding="utf-8")
    (tmp_path / "check.cpp").write_text(CHECKS, encoding="utf-8")
    # tools.gen.h beside the checks comes before the committed one; table.h is the plug-in's own.
    command = ["g++", "-std=c++17", "-fsyntax-only", "-Wall", "-Werror", "-I", SOURCES, tmp_path / "check.cpp"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_same_specs_give_the_same_text() -> None:
    tools = list(discover().values())
    assert ofx.header(tools) == ofx.header(tools)


@pytest.mark.parametrize(
    "broken",
    [
        replace(TOY, knobs=(*TOY.knobs, spec.Bool("lost", "Lost", "", group="nowhere"))),
        replace(TOY, knobs=(*TOY.knobs, spec.Float("lost", "Lost", "", neutral=spec.SameAs("nowhere")))),
        replace(TOY, clips=(replace(spec.SOURCE, frames=spec.Around("nowhere")),)),
        replace(TOY, alpha_knob="nowhere"),
        replace(TOY, analysed_flag="nowhere"),
        replace(TOY, presets=spec.Presets("nowhere", ())),
        replace(TOY, presets=spec.Presets("menu", (spec.Preset("a", "A", "", {"nowhere": 1.0}),))),
        replace(TOY, presets=spec.Presets("menu", (), (spec.Ramp("other", ((0.0, {"nowhere": 1.0}),)),))),
    ],
    ids=["group", "same as", "around", "alpha", "analysed", "menu", "preset", "ramp"],
)
def test_a_spec_that_names_what_does_not_exist_is_refused(broken: spec.Tool) -> None:
    with pytest.raises(ValueError, match=r"Toy: the spec names the (group|knob) 'nowhere', which does not exist"):
        ofx.header([broken])
