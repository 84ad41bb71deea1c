"""Every tool's node, the real binary, in every host that the test host can play."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ofxcases import (
    PERSONALITIES,
    PROBE,
    RELIGHT,
    TOOLS,
    MakeNode,
    OpenHost,
    depths_of,
    disturb,
    neutralise,
    same,
    scene,
    subject,
)
from ofxframes import shrink, to_depth, to_float
from onelight.spec import COLOUR_SPACES
from onelight.stages import FrameInfo
from onelight.tools.probe.graph import apply, fold

pytest_plugins = ["ofxfixtures"]
CASES = [(personality, depth) for personality in PERSONALITIES for depth in depths_of(personality)]


def flipped(plate: np.ndarray, bounds: tuple[int, int, int, int], project: bool = True) -> np.ndarray:
    """What Probe with 'Flip signs' makes of a half or float plate: computed here, beside the plug-in and the server."""
    info = FrameInfo(bounds, (0, 0, 1920, 1080) if project else bounds, bounds)
    packed, out = np.ascontiguousarray(plate), np.empty_like(plate)
    apply(packed, fold(packed), info, out, flip=True)
    return out


def test_the_bundle_has_a_node_for_every_tool(open_host: OpenHost) -> None:
    assert set(open_host().plugins) == {tool.identifier for tool in TOOLS.values()}


def test_an_artists_menu_has_the_shipped_tools_only(bundle: Path) -> None:
    ask = "import ofxhost, sys; print(*ofxhost.Host('natron', sys.argv[1]).plugins)"
    env = {k: v for k, v in os.environ.items() if k != "ONELIGHT_PROBE"} | {"PYTHONPATH": str(Path(__file__).parent)}
    said = subprocess.run([sys.executable, "-c", ask, bundle], env=env, check=True, capture_output=True, text=True)
    assert said.stdout.split() == [tool.identifier for tool in TOOLS.values() if tool.shipped]


@pytest.mark.parametrize(
    ("personality", "space"), [("strict", "host"), ("resolve", "unset"), ("natron", "acescg"), ("nuke", "acescg")]
)
def test_the_input_space_starts_as_the_host_lets_it_be_known(personality: str, space: str, open_host: OpenHost) -> None:
    graph = open_host(personality).node(RELIGHT)
    names = [option.name for option in COLOUR_SPACES]
    assert names[graph.value("colourspace")] == space


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
@pytest.mark.parametrize(("personality", "depth"), CASES)
def test_every_tool_renders_under_every_personality_and_depth(
    personality: str, depth: str, tool, node: MakeNode
) -> None:
    graph = node(tool.identifier, personality)
    plate = subject()
    graph.connect("Source", plate, depth=depth, bounds=(-8, 12, 88, 76))
    disturb(graph, tool)
    graph.render(1)
    assert graph.last is not None
    result, sent = graph.last.image, to_depth(plate, depth)
    assert result.shape == sent.shape
    assert result.dtype == sent.dtype
    assert same(result[..., 3], sent[..., 3]), "alpha is the plate's, bit for bit"
    assert not same(result, sent), "the node did nothing"
    assert np.isfinite(to_float(result)).all()
    assert graph.last.unwritten == 0
    assert graph.messages == []


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
@pytest.mark.parametrize("personality", PERSONALITIES)
def test_a_neutral_node_is_the_plate_and_sends_nothing(personality: str, tool, node: MakeNode) -> None:
    graph = node(tool.identifier, personality, address="unix:/nonexistent/onelight.sock")
    plate = scene()
    graph.connect("Source", plate)
    neutralise(graph, tool)
    said = graph.messages  # a server that is not there was named when it was typed in
    graph.render(1)
    assert graph.last is not None
    assert same(graph.last.image, plate)
    if personality != "mlt":  # which never asks
        assert graph.last.identity == ("Source", 1.0)
    assert graph.messages == said


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_a_pass_is_never_identity(tool, node: MakeNode) -> None:
    graph = node(tool.identifier)
    graph.connect("Source", scene())
    neutralise(graph, tool)
    graph.set("output", tool.passes[1].name)
    assert graph.identity(1) is None
    graph.render(1)


@pytest.mark.parametrize("personality", ["strict", "natron", "mlt"])
@pytest.mark.parametrize("negative", [False, True])
def test_bytes_go_through_a_node_as_they_are_whatever_the_rows(
    personality: str, negative: bool, node: MakeNode
) -> None:
    """Probe multiplies by a map that depends on every byte: a row, a channel or a pixel out of place changes it."""
    graph = node(PROBE, personality)
    graph.set("flip", True)
    plate, bounds = np.random.default_rng(4).standard_normal((70, 150, 4), np.float32), (-20, 30, 130, 100)
    graph.connect("Source", plate, bounds=bounds, negative_rows=negative, row_padding=40)
    graph.render(1)
    assert graph.last is not None
    assert same(graph.last.image, flipped(plate, bounds, personality != "mlt"))


def test_half_pixels_keep_their_bits(node: MakeNode) -> None:
    graph = node(PROBE)
    graph.set("flip", True)
    plate = np.random.default_rng(5).standard_normal((33, 65, 4)).astype(np.float16)
    plate[0, :4, 0] = [65504, -65504, 6e-8, -0.0]
    graph.connect("Source", plate, depth="half")
    assert same(graph.render(1), flipped(plate, (0, 0, 65, 33)))


@pytest.mark.parametrize("depth", ["byte", "short"])
def test_every_integer_value_comes_back_as_it_went(depth: str, node: MakeNode) -> None:
    graph = node(PROBE)
    graph.set("flip", True)
    top = 256 if depth == "byte" else 65536
    values = np.arange(top).astype(np.uint8 if depth == "byte" else np.uint16).reshape(-1, 256)
    odd = np.random.default_rng(7).integers(0, top, (1, 256, 4)).astype(values.dtype)  # else all bytes cancel out
    plate = np.concatenate([np.stack([values] * 4, axis=-1), odd])
    graph.connect("Source", plate, depth=depth)
    result = graph.render(1)
    assert ((result == plate) | (result == 0)).all(), "the map's -1 is clamped to 0, its +1 is exact"
    assert (result[..., :3] == plate[..., :3]).mean() > 0.2
    assert same(result[..., 3], plate[..., 3])


def test_a_plate_without_alpha_is_rendered_without_one(node: MakeNode) -> None:
    graph = node(PROBE)
    graph.set("flip", True)
    plate = scene()[..., :3].copy()
    graph.connect("Source", plate)
    result = graph.render(1)
    assert result.shape == plate.shape
    assert same(np.abs(result), np.abs(plate))
    assert not same(result, plate)


@pytest.mark.parametrize("identifier", [PROBE, RELIGHT])
def test_a_window_is_the_same_region_of_the_full_frame(identifier: str, node: MakeNode) -> None:
    graph = node(identifier)
    disturb(graph, TOOLS[identifier.rpartition(".")[2]])
    graph.connect("Source", scene(), bounds=(100, -40, 196, 24))
    whole = graph.render(1)
    part = graph.render(1, window=(110, -31, 171, 5))
    assert same(part, whole[19:55, 10:71])


def test_overscan_changes_nothing_inside_the_format(node: MakeNode) -> None:
    """The plate is wider than the project's 1920 x 1080 on every side; Probe's map is anchored to the format."""
    graph = node(PROBE)
    graph.set("gain", 1.0)
    plate = np.random.default_rng(6).random((1100, 1940, 4), np.float32)
    graph.connect("Source", plate, bounds=(-10, -10, 1930, 1090))
    whole = graph.render(1)
    inside = graph.render(1, window=(0, 0, 1920, 1080))
    assert same(inside, whole[10:1090, 10:1930])
    expected = 2 * np.abs(plate[..., :3])
    assert same(np.abs(whole[..., :3]), expected)


@pytest.mark.parametrize("personality", ["strict", "resolve", "fusion"])
def test_a_proxy_is_rendered_from_the_proxy_whatever_the_images_say_of_their_scale(
    personality: str, node: MakeNode
) -> None:
    graph = node(PROBE, personality)
    graph.set("flip", True)
    plate, bounds = scene(), (-8, 12, 88, 76)
    graph.connect("Source", plate, bounds=bounds)
    small, small_bounds = shrink(plate, bounds, 0.5)
    result = graph.render(1, scale=0.5)
    assert result.shape == (32, 48, 4)
    info = FrameInfo(small_bounds, (0, 0, 960, 540), small_bounds)
    out = np.empty_like(small)
    apply(np.ascontiguousarray(small), fold(np.ascontiguousarray(small)), info, out, flip=True)
    assert same(result, out)


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_keyed_knobs_are_read_at_the_time_being_rendered(personality: str, node: MakeNode) -> None:
    graph = node(PROBE, personality)
    graph.set("gain", {1: 0.0, 9: 4.0})
    plate = scene() * np.float32(0.01)
    graph.connect("Source", plate)
    for time in (9, 7, 5, 3):  # backwards, with the timeline standing at 0
        graph.render(time)
        assert graph.last is not None
        stops = np.float32(2.0 ** ((time - 1) / 2))
        assert same(np.abs(graph.last.image[..., :3]), np.abs(plate[..., :3]) * stops)


def test_frames_rendered_from_several_threads_are_those_of_one(node: MakeNode) -> None:
    graph = node(RELIGHT)
    graph.set("key_stops", {1: -2.0, 12: 2.0})
    graph.connect("Source", {float(t): scene(seed=t) for t in range(1, 13)})
    together = graph.render_threads(range(1, 13))
    for time in (12, 6, 1):
        assert same(graph.render(time), together[time])


@pytest.mark.parametrize("window", [(5, 5, 5, 5), (5, 5, 20, 5)])
def test_an_empty_window_is_nothing_to_do(window: tuple[int, int, int, int], node: MakeNode) -> None:
    graph = node(PROBE)
    graph.set("flip", True)
    graph.connect("Source", scene())
    assert graph.render(1, window=window).size == 0


def test_nan_and_inf_stay_where_they_are(node: MakeNode) -> None:
    graph = node(RELIGHT)
    graph.set("key_stops", 2.0)
    plate = scene()
    clean = plate.copy()
    plate[30, 40, :3] = np.nan
    plate[10, 80, 1] = np.inf
    graph.connect("Source", plate)
    result = graph.render(1)
    broken = ~np.isfinite(result).all(axis=-1)
    assert broken.sum() <= 2
    graph.connect("Source", clean)
    assert np.abs(result[~broken] - graph.render(1)[~broken]).max() < 0.5


def test_pixel_aspect_moves_no_pixel(node: MakeNode) -> None:
    graph = node(PROBE)
    graph.set("flip", True)
    plate = scene()
    graph.connect("Source", plate, pixel_aspect=2.0, bounds=(10, 0, 106, 64))
    result = graph.render(1)
    assert same(np.abs(result), np.abs(plate))
