"""Relight as a compositor meets it: presets that only write knobs, the Analyse button, what a farm refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ofxcases import RELIGHT, TOOLS, MakeNode, same, scene
from ofxhost import RenderFailed
from onelight.spec import SameAs
from stagerun import card, panned_wall

pytest_plugins = ["ofxfixtures"]
TOOL = TOOLS["relight"]
ENTRIES = TOOL.presets.entries if TOOL.presets else ()


@pytest.mark.parametrize("personality", ["strict", "natron", "resolve", "nuke", "fusion"])
@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.name for entry in ENTRIES])
def test_a_preset_writes_its_knobs_in_one_undo(personality: str, entry, node: MakeNode) -> None:
    graph = node(RELIGHT, personality)
    graph.connect("Source", scene())
    graph.set("present_azimuth", 25.0)
    steps = len(graph.undo)
    graph.set("preset", entry.name)
    for knob, value in entry.values.items():
        expected = graph.value(value.param) if isinstance(value, SameAs) else value
        assert graph.value(knob) == pytest.approx(expected), knob
    written = [block for block in graph.undo[steps:] if set(block[1]) - {"status", "digest"}]
    assert len(written) == 1
    assert set(entry.values) >= set(written[0][1]) - {"status", "digest"}


def test_time_of_day_writes_its_knobs_between_its_stops(node: MakeNode) -> None:
    graph = node(RELIGHT)
    graph.connect("Source", scene())
    assert TOOL.presets is not None
    ramp = TOOL.presets.ramps[0]
    (early, first), (late, second) = ramp.stops[3:5]
    graph.set(ramp.param, (early + late) / 2)
    for knob in first:
        assert graph.value(knob) == pytest.approx((first[knob] + second[knob]) / 2), knob


def test_as_shot_is_the_plate_again(node: MakeNode) -> None:
    graph = node(RELIGHT)
    plate = scene()
    graph.connect("Source", plate)
    graph.set("preset", "golden_hour")
    assert not same(graph.render(1), plate)
    graph.set("preset", "as_shot")
    assert same(graph.render(1), plate)
    assert graph.last is not None and graph.last.identity is not None


def test_analyse_writes_the_present_light_once_into_visible_knobs(node: MakeNode) -> None:
    graph = node(RELIGHT, "natron")
    graph.connect("Source", {float(t): scene(seed=1) * np.float32(0.25) for t in range(1, 25)}, span=(1, 24))
    graph.press("analyse")
    assert graph.messages == []
    assert graph.value("analysed") == 1
    assert graph.value("exposure") != 0
    assert {block for block, _ in graph.undo}
    analysed = {knob.name for knob in TOOL.knobs if knob.analysed}
    edits = [knobs for _, knobs in graph.undo if "exposure" in knobs]
    assert len(edits) == 1
    assert analysed & set(edits[0])
    assert not any(graph.is_secret(knob) for knob in analysed)
    assert {1.0} < set(graph.asked("Source")) <= {float(t) for t in range(1, 25)}


def test_analyse_with_a_matte_says_that_a_card_is_flat(node: MakeNode) -> None:
    graph = node(RELIGHT, "natron")
    plate, matte = card()
    graph.set("auto_sky", 0.0)
    graph.connect("Source", plate)
    graph.connect("Matte", matte)
    graph.press("analyse")
    assert graph.messages == []
    assert graph.value("subject_relief") < 0.6


def test_the_present_light_of_a_panned_shot_is_that_of_the_reference_camera(node: MakeNode) -> None:
    """The light stands at 0 degrees in frame 1; the camera pans 60 degrees to the right until frame 9."""
    fitted = {}
    for heading in ({1: 0.0, 9: 60.0}, 0.0):
        graph = node(RELIGHT)
        for which, clip in enumerate(("Source", "Normals")):
            graph.connect(clip, {float(t): panned_wall((t - 1) * 7.5, 0.0)[which] for t in range(1, 10)}, span=(1, 9))
        graph.set("camera_heading", heading)
        graph.press("analyse", time=4)
        assert graph.messages == []
        fitted[isinstance(heading, dict)] = graph.value("present_azimuth")
    assert abs(fitted[True]) < 10
    assert fitted[False] > 25, "a camera that is not keyed is taken to stand still"


def test_analyse_says_when_the_host_gave_the_same_frame_for_every_time(node: MakeNode) -> None:
    said = {}
    for deaf, span in ((True, (1, 9)), (False, (1, 9)), (False, (1, 1))):
        graph = node(RELIGHT, "strict", ignores_clip_time=deaf)
        frames = {float(t): scene(seed=t) for t in range(span[0], span[1] + 1)}
        graph.connect("Source", frames, span=span)
        graph.set("analyse_first", 1)
        graph.set("analyse_last", 9)
        graph.press("analyse", time=4)
        said[deaf, span] = graph.value("status")
    remark = "This host gave the same frame for every time."
    assert [remark in status for status in said.values()] == [True, False, False], said
    assert all(status.startswith("Analysed 9 frames.") for status in said.values()), said


def test_a_background_render_of_an_unanalysed_shot_fails_and_says_what_to_press(node: MakeNode) -> None:
    graph = node(RELIGHT, "strict", is_background=True)
    graph.connect("Source", {float(t): scene(seed=t) for t in range(1, 11)}, span=(1, 10))
    graph.set("key_stops", 1.0)
    with pytest.raises(RenderFailed):
        graph.render(3, sequence=(1, 10))
    assert any("Relight: press Analyse shot" in message for message in graph.messages)
    with pytest.raises(RenderFailed):
        graph.render(3, sequence=(3, 3))  # a farm's chunk of one frame


def test_a_viewer_and_a_still_do_without_an_analysis(node: MakeNode) -> None:
    shot, still = {float(t): scene(seed=t) for t in range(1, 11)}, scene()
    options: dict[str, Any]
    for frames, span, background, options in (
        (shot, (1, 10), False, {"interactive": True}),
        (still, (3, 3), True, {"sequence": (3, 3)}),
        (still, (3, 3), False, {"interactive": False}),
    ):
        graph = node(RELIGHT, "strict", is_background=background)
        graph.connect("Source", frames, span=span)
        graph.set("key_stops", 1.0)
        graph.render(3, **options)
        assert graph.messages == []


def test_a_render_to_disk_of_one_frame_of_a_shot_asks_for_an_analysis_in_a_host_with_a_viewer_too(
    node: MakeNode,
) -> None:
    graph = node(RELIGHT)
    graph.connect("Source", {float(t): scene(seed=t) for t in range(1, 11)}, span=(1, 10))
    graph.set("key_stops", 1.0)
    with pytest.raises(RenderFailed, match="press Analyse shot"):
        graph.render(3, interactive=False)
    graph.set("analysed", True)
    graph.render(3, interactive=False)


def test_renders_set_no_knob_and_do_not_depend_on_what_was_rendered_before(node: MakeNode) -> None:
    graph = node(RELIGHT)
    graph.connect("Source", {float(t): scene(seed=t) for t in range(1, 6)})
    graph.set("preset", "golden_hour")
    before = {knob.name: graph.value(knob.name) for knob in TOOL.render_knobs()}
    forward = {t: graph.render(t) for t in (1, 2, 3, 4, 5)}
    for t in (4, 1, 5, 3, 2):
        assert same(graph.render(t), forward[t])
    assert {knob.name: graph.value(knob.name) for knob in TOOL.render_knobs()} == before


def test_plate_times_ratio_plus_added_is_the_result(node: MakeNode) -> None:
    graph = node(RELIGHT)
    plate = scene()
    graph.connect("Source", plate)
    graph.set("preset", "golden_hour")
    made = {}
    for name in ("result", "ratio", "added"):
        graph.set("output", name)
        made[name] = graph.render(1)
    rebuilt = plate[..., :3] * made["ratio"][..., :3] + made["added"][..., :3]
    np.testing.assert_allclose(rebuilt, made["result"][..., :3], rtol=2e-3, atol=2e-3)


def test_masked_and_mixed_passes_rebuild_the_masked_and_mixed_result(node: MakeNode) -> None:
    graph = node(RELIGHT)
    plate = scene()
    mask = np.full(plate.shape[:2], 0.5, np.float32)
    mask[:, :20], mask[:, 70:] = 0, 1
    graph.connect("Source", plate)
    graph.connect("Mask", mask)
    graph.set("preset", "golden_hour")
    graph.set("mix", 0.5)
    made = {}
    for name in ("result", "ratio", "added"):
        graph.set("output", name)
        made[name] = graph.render(1)[..., :3]
    assert same(made["result"][:, :20], plate[:, :20, :3])
    assert (made["ratio"][:, :20] == 1).all() and (made["added"][:, :20] == 0).all()
    np.testing.assert_allclose(plate[..., :3] * made["ratio"] + made["added"], made["result"], rtol=2e-3, atol=2e-3)
    graph.set("mix", 0.0)
    assert (graph.render(1)[..., :3] == 0).all()
    graph.set("output", "ratio")
    assert (graph.render(1)[..., :3] == 1).all()


@pytest.mark.parametrize("depth", ["byte", "short", "half"])
def test_a_ratio_outside_the_mask_is_one_in_every_depth(depth: str, node: MakeNode) -> None:
    graph = node(RELIGHT)
    graph.connect("Source", np.clip(scene(), 0, 1), depth=depth)
    graph.connect("Mask", np.zeros((64, 96), np.float32))
    graph.set("key_stops", -1.0)
    graph.set("output", "ratio")
    image = graph.render(1)[..., :3]
    assert (image == (np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1)).all()


@pytest.mark.parametrize("name", [each.name for each in TOOL.passes[1:] if each.neutral is None])
def test_mask_and_mix_leave_a_pass_alone_that_has_no_neutral_value(name: str, node: MakeNode) -> None:
    graph = node(RELIGHT)
    graph.connect("Source", scene())
    graph.set("key_stops", 1.0)
    graph.set("output", name)
    whole = graph.render(1)
    graph.connect("Mask", np.full((64, 96), 0.25, np.float32))
    graph.set("mix", 0.5)
    assert same(graph.render(1), whole)


def test_the_hosts_colour_space_is_used_where_it_has_one(node: MakeNode) -> None:
    """OpenFX 1.5 colour management: the clip says ACEScct, and the result is that of choosing ACEScct by hand."""
    plate = np.clip(scene(), 0.1, 0.9).astype(np.float32)
    results = []
    for space, colourspace in (("host", "ACEScct"), ("acescct", "")):
        graph = node(RELIGHT, "strict")
        graph.connect("Source", plate, colourspace=colourspace)
        graph.set("colourspace", space)
        graph.set("key_stops", 1.0)
        results.append(graph.render(1))
    assert same(results[0], results[1])


def test_every_number_can_be_keyed_unless_its_spec_says_otherwise(node: MakeNode) -> None:
    params = node(RELIGHT).description["params"]
    for knob in TOOL.all_knobs():
        if knob.kind in ("float", "angle", "int", "colour", "bool"):
            assert params[knob.name]["OfxParamPropAnimates"] == int(knob.animates), knob.name
