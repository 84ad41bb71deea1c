"""Cleanup through the real bundle and a real server: any order and any thread give the same pixels, what is outside the
matte is the plate's, and what a shot may look like at its ends, at cuts and with clips that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ofxcases import PERSONALITIES, MakeNode, same
from ofxnode import Node
from onelight.tools.cleanup.fill import FAINT
from wireshots import ground, shot

pytest_plugins = ["ofxfixtures"]
CLEANUP = "org.onelight.cleanup"
HEIGHT, WIDTH, FIRST, LAST = 96, 160, 1001, 1024
SPAN = (FIRST, LAST)
Frames = dict[float, np.ndarray]


def rgba(picture: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    return np.dstack([picture, np.full(picture.shape[:2], alpha, np.float32)]).astype(np.float32)


def plates(seed: int = 1, frames: int = LAST - FIRST + 1) -> Frames:
    """A slow pan behind two swinging wires, 24 frames; values above 1 and below 0, and an alpha of many values."""
    pictures, _ = shot(frames, HEIGHT, WIDTH, across=3.0, seed=seed)
    made = {float(time): rgba(picture) for time, picture in pictures.items()}
    for time, frame in made.items():
        frame[3, 5, :3], frame[90, 150, :3] = 40.0, -0.25
        frame[..., 3] = np.random.default_rng(int(time)).random((HEIGHT, WIDTH), np.float32)
    return made


def stroke(x: float, width: float = 8.0) -> np.ndarray:
    """A matte [H, W, 4] with an upright line, in alpha."""
    matte = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    matte[..., 3] = np.clip(width / 2 + 0.5 - np.abs(np.arange(WIDTH, dtype=np.float32) + 0.5 - x), 0, 1)
    return matte


def source(graph: Node, frames: Frames, **options: Any) -> None:
    """Connect a shot; its alpha is a matte of its own and not the plate's coverage."""
    graph.connect("Source", frames, premult="unpremultiplied", **{"span": (min(frames), max(frames)), **options})


def outside(matte: np.ndarray) -> np.ndarray:
    return matte[..., 3] <= FAINT


@pytest.fixture(scope="module")
def moving() -> Frames:
    return plates()


def test_random_order_and_four_threads_give_the_pixels_of_a_render_in_order(
    moving: Frames, node: MakeNode, start_server: Any
) -> None:
    in_order, shuffled = node(CLEANUP), node(CLEANUP, address=start_server("--workers", "4").address)
    times = sorted(moving)
    for graph in (in_order, shuffled):
        source(graph, moving)
        graph.set("range", 2)
    one = {time: in_order.render(time) for time in times}
    order = np.random.default_rng(11).permutation(times).tolist()
    other = shuffled.render_threads(order, n=4)
    assert sorted(other) == times
    for time in times:
        assert same(one[time], other[time]), time
        assert same(one[time][..., 3], moving[time][..., 3])
    in_order.set("output", "matte")
    for time in times[::4]:
        matte = in_order.render(time)
        assert outside(matte).mean() > 0.5 and not outside(matte).all()
        changed = (one[time] != moving[time]).any(axis=-1)
        assert not changed[outside(matte)].any(), "outside the matte the plate is copied bit for bit"
        assert changed[matte[..., 3] > 0.9].mean() > 0.9
    assert in_order.messages == shuffled.messages == []


def test_only_the_frames_that_are_needed_are_fetched_and_none_beyond_the_ends(moving: Frames, node: MakeNode) -> None:
    graph = node(CLEANUP)
    for time, reach, step, offsets in (
        (FIRST + 9, 8, "octaves", (-8, -4, -2, -1, 0, 1, 2, 4, 8)),
        (FIRST + 9, 3, "every", (-3, -2, -1, 0, 1, 2, 3)),
        (FIRST, 4, "octaves", (0, 1, 2, 4)),
        (LAST - 1, 4, "octaves", (-4, -2, -1, 0, 1)),
        (LAST, 0, "octaves", (0,)),
    ):
        source(graph, moving)
        graph.set("range", reach)
        graph.set("step", step)
        graph.render(time)
        assert sorted(set(graph.asked("Source"))) == [time + offset for offset in offsets]
    assert graph.messages == []


def test_the_host_is_told_stretches_of_frames_and_of_a_neutral_node_none_but_its_own(
    moving: Frames, node: MakeNode
) -> None:
    graph, at = node(CLEANUP), FIRST + 9.0
    source(graph, moving)
    graph.set("range", 8)
    effect = graph._one()
    assert effect.frames_needed(at)["Source"] == [
        [at - 8, at - 8], [at - 4, at - 4], [at - 2, at + 2], [at + 4, at + 4], [at + 8, at + 8]
    ]  # fmt: skip
    assert effect.frames_needed(FIRST)["Source"] == [[FIRST, FIRST + 2], [FIRST + 4, FIRST + 4], [FIRST + 8, FIRST + 8]]
    assert effect.frames_needed(at)["Add"] == effect.frames_needed(at)["Clean"] == [[at, at]]
    graph.connect("Add", stroke(40), span=SPAN)
    assert effect.frames_needed(at)["Add"] == effect.frames_needed(at)["Source"]
    graph.disconnect("Add")
    graph.set("sensitivity", 0)
    assert effect.frames_needed(at)["Source"] == [[at, at]]


def test_in_sequence_no_frame_travels_twice(moving: Frames, node: MakeNode, start_server: Any) -> None:
    from oip import metric, metrics_port

    server = start_server("--metrics-port", "0")
    port, graph = metrics_port(server.log), node(CLEANUP, address=server.address)
    source(graph, moving)
    graph.set("range", 2)

    def moved(transport: str) -> float:
        return metric(port, "onelight_pixel_bytes_total", direction="in", transport=transport)

    before = moved("shared_memory")  # the node asked which model it has
    for time in range(FIRST, FIRST + 8):
        graph.render(time)
    size = HEIGHT * WIDTH * 16
    assert moved("shared_memory") - before == 10 * size, "frames 1001 to 1010, each once"
    assert moved("reference") == (3 + 4 + 6 * 5 - 10) * size


@pytest.mark.parametrize("personality", PERSONALITIES)
def test_every_host_gets_its_wire_removed(personality: str, moving: Frames, node: MakeNode) -> None:
    graph = node(CLEANUP, personality)
    source(graph, moving)
    graph.render(FIRST + 5)
    assert graph.last is not None
    changed = (graph.last.image != moving[FIRST + 5]).any(axis=-1)
    assert 0.01 < changed.mean() < 0.3
    assert graph.messages == []


def test_a_host_that_gives_the_same_frame_for_every_time_is_named_and_the_frame_filled_alone(
    moving: Frames, node: MakeNode
) -> None:
    deaf, still = node(CLEANUP, ignores_clip_time=True), node(CLEANUP)
    source(deaf, moving)
    source(still, {float(FIRST + 5): moving[FIRST + 5]})
    still.set("range", 0)
    assert same(deaf.render(FIRST + 5), still.render(FIRST + 5))
    assert not same(deaf.render(FIRST + 5), moving[FIRST + 5])
    deaf.set("regrain", 0.5)  # an edit: the status is written
    assert "gives the same frame for every time" in deaf.value("status")


def test_the_first_and_last_frame_and_a_clip_of_one_frame_are_cleaned_too(moving: Frames, node: MakeNode) -> None:
    for frames, time in ((moving, FIRST), (moving, LAST), ({7.0: moving[FIRST + 3]}, 7)):
        graph = node(CLEANUP)
        source(graph, frames)
        result = graph.render(time)
        changed = (result != frames[float(time)]).any(axis=-1)
        assert 0.01 < changed.mean() < 0.3
        assert np.isfinite(result).all() and graph.messages == []


def test_nothing_is_taken_from_beyond_a_cut(moving: Frames, node: MakeNode) -> None:
    """The frames after the cut differ between two shots; the frames before it must not see that."""
    results = []
    for seed in (40, 41):
        later = {time: rgba(ground(HEIGHT, WIDTH, seed)) for time in moving if time > FIRST + 11}
        graph = node(CLEANUP)
        source(graph, {**moving, **later})
        results.append(graph.render(FIRST + 10))
        graph.set("regrain", 0.5)
        assert "beyond a cut" in graph.value("status")
    assert same(*results)


def test_a_missing_neighbour_is_done_without(moving: Frames, node: MakeNode) -> None:
    graph = node(CLEANUP)
    holes = {FIRST + 6.0, FIRST + 9.0}
    graph.connect(
        "Source", lambda time: moving[FIRST] if time == 1 else None if time in holes else moving[time], span=SPAN
    )
    result = graph.render(FIRST + 8)
    assert holes & set(graph.asked("Source"))
    assert (result != moving[FIRST + 8]).any() and graph.messages == []


def test_a_matte_of_another_size_lies_where_its_own_window_says(moving: Frames, node: MakeNode) -> None:
    graph, time = node(CLEANUP), FIRST + 5
    source(graph, moving)
    graph.set("sensitivity", 0)
    graph.set("output", "matte")
    small = np.zeros((40, 30, 4), np.float32)
    small[..., 10:18, 3] = 1
    graph.connect("Add", small, bounds=(60, 20, 90, 60), premult="unpremultiplied")
    matte = graph.render(time)
    rows, columns = np.nonzero(matte[..., 3] > 0.5)
    assert rows.min() >= HEIGHT - 60 - 3 and rows.max() < HEIGHT - 20 + 3
    assert columns.min() >= 70 - 3 and columns.max() < 78 + 3
    assert graph.messages == []


def test_a_matte_that_is_all_wire_leaves_a_frame_that_says_what_needs_paint(moving: Frames, node: MakeNode) -> None:
    graph = node(CLEANUP)
    source(graph, moving)
    whole = np.ones((HEIGHT, WIDTH, 4), np.float32)
    graph.connect("Add", whole)
    assert same(graph.render(FIRST + 5), moving[FIRST + 5]) and graph.messages == []
    graph.set("output", "source")  # an edit: what was said of the last frame is written
    assert f"{HEIGHT * WIDTH} pixels need paint" in graph.value("status")
    assert (graph.render(FIRST + 5)[..., :3] == (1, 0, 0)).all(), "the whole frame is marked"


def test_neighbours_of_another_size_do_no_harm(moving: Frames, node: MakeNode) -> None:
    """The plate's data window shrinks behind frame 1006."""
    frames = {t: frame if t <= FIRST + 5 else np.ascontiguousarray(frame[20:, :100]) for t, frame in moving.items()}
    graph = node(CLEANUP)
    source(graph, frames)
    for time in (FIRST + 4, FIRST + 5):
        result = graph.render(time)
        assert np.isfinite(result).all()
        changed = (result != moving[float(time)]).any(axis=-1)
        assert 0.01 < changed.mean() < 0.3
    assert graph.messages == []


def test_a_clean_plate_of_another_shot_is_not_used_and_said(moving: Frames, node: MakeNode) -> None:
    graph = node(CLEANUP)
    source(graph, moving)
    graph.set("range", 0)
    without = graph.render(FIRST + 5)
    graph.connect("Clean", rgba(ground(HEIGHT, WIDTH, 77)))
    assert same(graph.render(FIRST + 5), without)
    graph.set("regrain", 0.5)
    assert "clean plate does not match" in graph.value("status")


def test_at_sensitivity_0_nothing_is_sent_unless_add_gives_it_work(moving: Frames, node: MakeNode) -> None:
    graph = node(CLEANUP, address="unix:/nonexistent/onelight.sock")
    source(graph, moving)
    graph.set("sensitivity", 0)
    assert graph.identity(FIRST) == ("Source", FIRST)
    assert same(graph.render(FIRST), moving[FIRST])
    graph.connect("Add", stroke(40))
    assert graph.identity(FIRST) is None
    graph.disconnect("Add")
    graph.set("tracked", '{"version":1,"frames":{}}')
    assert graph.identity(FIRST) is None


def test_patch_over_plate_is_the_result(moving: Frames, node: MakeNode) -> None:
    graph = node(CLEANUP)
    source(graph, moving)
    result = graph.render(FIRST + 5)
    graph.set("output", "patch")
    patch = graph.render(FIRST + 5)
    over = patch[..., :3] + moving[FIRST + 5][..., :3] * (1 - patch[..., 3:])
    np.testing.assert_allclose(over, result[..., :3], rtol=1e-5, atol=1e-6)
    assert not patch[(result == moving[FIRST + 5]).all(axis=-1) & (patch[..., 3] == 0)].any()


def test_tracking_what_add_shows_on_one_frame_writes_one_knob_that_renders_read(moving: Frames, node: MakeNode) -> None:
    """The wires are told from one frame alone; at sensitivity 0 every other frame has them by tracking."""
    graph = node(CLEANUP)
    source(graph, moving)
    at = FIRST + 8
    graph.set("output", "matte")
    drawn = graph.render(at)
    black = np.zeros_like(drawn)
    graph.connect("Add", {float(FIRST): black, float(at): drawn, float(at + 1): black}, span=SPAN)
    graph.set("sensitivity", 0)
    graph.press("analyse", time=at)
    assert graph.messages == []
    assert set(graph.asked("Source")) == set(moving), "every frame of the shot is looked at"
    assert graph.value("status").startswith("Tracked 2 wires over 24 of 24 frames.")
    written = [knobs for _, knobs in graph.undo if "tracked" in knobs]
    assert len(written) == 1
    graph.disconnect("Add")
    assert graph.value("tracked").startswith('{"version":1')
    detected = node(CLEANUP)
    source(detected, moving)
    detected.set("output", "matte")
    for time in (FIRST + 2, FIRST + 9, FIRST + 16):
        tracked, found = graph.render(time)[..., 3] > 0.5, detected.render(time)[..., 3] > 0.5
        assert (tracked & found).sum() > 0.6 * found.sum(), time
    graph.set("output", "result")
    assert not same(graph.render(FIRST + 16), moving[FIRST + 16])


def test_tracking_without_a_hint_says_what_to_connect(moving: Frames, node: MakeNode) -> None:
    graph = node(CLEANUP)
    source(graph, moving)
    graph.press("analyse", time=FIRST)
    assert any("connect a matte of the missed wire to Add" in message for message in graph.messages)
    assert graph.value("tracked") == ""


def test_a_cancelled_tracking_writes_nothing(moving: Frames, node: MakeNode) -> None:
    graph = node(CLEANUP)
    source(graph, moving)
    graph.connect("Add", stroke(40))
    graph.abort()
    graph.press("analyse", time=FIRST)
    assert graph.value("tracked") == ""
