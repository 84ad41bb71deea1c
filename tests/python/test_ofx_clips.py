"""Mask, mix and the further inputs: what is outside the mask is the plate's own pixels, whatever the host connects."""

from __future__ import annotations

import numpy as np
import pytest
from ofxcases import PERSONALITIES, PROBE, RELIGHT, TOOLS, MakeNode, disturb, same, scene, subject

pytest_plugins = ["ofxfixtures"]


@pytest.fixture
def left() -> np.ndarray:
    """A matte [64, 96]: 1 on the left half, 0 on the right."""
    matte = np.zeros((64, 96), np.float32)
    matte[:, :48] = 1
    return matte


@pytest.mark.parametrize("personality", PERSONALITIES)
@pytest.mark.parametrize("kind", ["Alpha", "RGBA"])
def test_outside_the_mask_is_the_plate_bit_for_bit(
    personality: str, kind: str, left: np.ndarray, node: MakeNode
) -> None:
    graph = node(PROBE, personality)
    plate = scene()
    graph.connect("Source", plate, bounds=(7, -9, 103, 55))
    graph.set("gain", 2.0)
    graph.render(1)
    assert graph.last is not None
    unmasked = graph.last.image
    mask = left if kind == "Alpha" else np.dstack([np.zeros((64, 96, 3), np.float32), left])
    graph.connect("Mask", mask, bounds=(7, -9, 103, 55))
    graph.set("use_mask", True)  # off at first where every clip claims to be connected
    graph.render(1)
    result = graph.last.image
    assert same(result[:, 48:], plate[:, 48:])
    assert same(result[:, :48], unmasked[:, :48])
    graph.set("invert_mask", True)
    graph.render(1)
    assert same(graph.last.image[:, :48], plate[:, :48])
    graph.set("use_mask", False)
    graph.render(1)
    assert same(graph.last.image, unmasked)


def test_a_mask_smaller_than_the_plate_is_zero_beyond_its_edge(left: np.ndarray, node: MakeNode) -> None:
    graph = node(PROBE)
    plate = scene()
    graph.connect("Source", plate)
    graph.set("gain", 2.0)
    whole = graph.render(1)
    graph.connect("Mask", np.ones((20, 30), np.float32), bounds=(10, 10, 40, 30))
    result = graph.render(1)
    inside = np.zeros((64, 96), bool)
    inside[64 - 30 : 64 - 10, 10:40] = True
    assert same(result[inside], whole[inside])
    assert same(result[~inside], plate[~inside])


def test_mix_lies_between_plate_and_result(node: MakeNode) -> None:
    graph = node(PROBE)
    plate = scene()
    graph.connect("Source", plate)
    graph.set("gain", 2.0)
    whole = graph.render(1)
    graph.set("mix", {1: 0.0, 5: 1.0})
    assert same(graph.render(1), plate)
    assert graph.last is not None and graph.last.identity == ("Source", 1.0)
    np.testing.assert_allclose(graph.render(3)[..., :3], ((plate + whole) / 2)[..., :3], rtol=1e-5, atol=1e-5)
    assert same(graph.render(3)[..., 3], plate[..., 3])
    assert same(graph.render(5), whole)


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_resolve_connects_everything_and_gives_nothing(tool, node: MakeNode) -> None:
    """Optional clips say they are connected and give NULL: as if they were not there."""
    plain, resolve = node(tool.identifier), node(tool.identifier, "resolve")
    for graph in (plain, resolve):
        graph.connect("Source", subject())
        graph.set("mix", 0.5)
        disturb(graph, tool)
    assert same(resolve.render(1), plain.render(1))


def test_a_black_mask_of_resolve_is_switched_off_by_use_mask(node: MakeNode) -> None:
    graph = node(PROBE, "resolve", unconnected="black")
    plate = scene()
    graph.connect("Source", plate)
    graph.set("flip", True)
    graph.set("use_mask", False)
    result = graph.render(1)
    assert same(np.abs(result), np.abs(plate))
    assert not same(result, plate)


def test_a_further_input_is_fitted_to_the_plates_window(node: MakeNode) -> None:
    graph = node(PROBE)
    plate, second = scene(), np.ones((20, 30, 4), np.float32)
    graph.connect("Source", plate)
    graph.connect("Second", second, bounds=(10, 10, 40, 30), depth="float")
    graph.set("flip", True)
    expected = plate.copy()
    expected[64 - 30 : 64 - 10, 10:40, :3] += 1
    assert same(np.abs(graph.render(1)), np.abs(expected))


def test_a_sky_matte_changes_what_relight_does_to_the_sky_only_a_little_elsewhere(node: MakeNode) -> None:
    graph = node(RELIGHT)
    plate = scene()
    graph.connect("Source", plate)
    graph.set("key_stops", 2.0)
    graph.set("sky_stops", -2.0)
    before = graph.render(1)
    sky = np.zeros((64, 96), np.float32)
    sky[:16] = 1
    graph.connect("Sky", sky)
    after = graph.render(1)
    assert not same(before, after)
    assert after[2:10, :, :3].mean() < plate[2:10, :, :3].mean()


def test_only_the_frame_being_rendered_is_fetched(node: MakeNode) -> None:
    graph = node(RELIGHT)
    graph.connect("Source", {float(t): scene(seed=t) for t in (1, 2, 3)})
    graph.set("key_stops", 1.0)
    graph.render(2)
    assert set(graph.asked("Source")) == {2.0}
