"""What Cleanup makes of a frame and its neighbours in this process: mattes, hints, passes, plate spaces, shadows."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from onelight import spec, tools
from onelight.colour import Colour
from onelight.errors import RequestError
from onelight.stages import Context, FrameInfo
from onelight.temporal.encode import middle
from onelight.tools.cleanup import graph, scene
from onelight.tools.cleanup.curves import Curve, matte_of
from onelight.tools.cleanup.detect import Found
from onelight.tools.cleanup.fill import FAINT, Filled, From
from onelight.tools.cleanup.hints import encode
from onelight.tools.cleanup.link import link
from onelight.tools.cleanup.shadow import shadows
from onelight.tools.cleanup.spec import NEIGHBOURS, TOOL
from stagerun import bits, defaults, run, session
from wireshots import ground, shot

HEIGHT, WIDTH, AT = 96, 160, 1005
BY_HAND = {"sensitivity": 0.0, "grow": 0.0, "soften": 0.0}


def rgba(picture: np.ndarray, alpha: Any = 1.0) -> np.ndarray:
    plane = np.broadcast_to(np.asarray(alpha, np.float32), picture.shape[:2])
    return np.dstack([picture, plane]).astype(np.float32)


def matte(x: float, width: float = 5.0) -> np.ndarray:
    """An upright line, [H, W] in 0..1."""
    line = np.clip(width / 2 + 0.5 - np.abs(np.arange(WIDTH, dtype=np.float32) + 0.5 - x), 0, 1)
    return np.repeat(line[None], HEIGHT, axis=0)


@pytest.fixture(scope="module")
def plates() -> dict[int, np.ndarray]:
    pictures, _ = shot(9, HEIGHT, WIDTH, wires=1, across=4.0)
    return {time: rgba(picture) for time, picture in pictures.items()}


def around(plates: dict[int, np.ndarray], offsets: tuple[int, ...] = (-2, -1, 1, 2)) -> dict[tuple[str, int], Any]:
    return {("Source", offset): plates[AT + offset] for offset in offsets}


def clean(plates: dict[int, np.ndarray], knobs: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The frame AT with its neighbours through every stage."""
    clips = {**around(plates), **changes.pop("clips", {})}
    return run(TOOL, plates[AT], defaults(TOOL, **(knobs or {})), clips=clips, time=float(AT), **changes)


def test_the_frames_asked_for_double_in_distance_or_are_all_of_them() -> None:
    assert NEIGHBOURS.offsets({"range": 32, "step": spec.OCTAVES}) == (
        *(-32, -16, -8, -4, -2, -1), 0, *(1, 2, 4, 8, 16, 32)
    )  # fmt: skip
    assert NEIGHBOURS.offsets({"range": 5, "step": spec.OCTAVES}) == (-4, -2, -1, 0, 1, 2, 4)
    assert NEIGHBOURS.offsets({"range": 2, "step": spec.EVERY}) == (-2, -1, 0, 1, 2)
    assert NEIGHBOURS.offsets({"range": 0, "step": spec.OCTAVES}) == (0,)


def test_what_another_frame_shows_comes_back_nearer_than_what_was_there(plates: dict[int, np.ndarray]) -> None:
    without, _ = shot(9, HEIGHT, WIDTH, wires=0)
    made = clean(plates)
    hole = made["matte"] > 0.9
    assert hole.sum() > 100
    left, was = (np.abs(image[..., :3] - without[AT])[hole].mean() for image in (made["output"], plates[AT]))
    assert left < 0.2 * was
    said = re.fullmatch(
        r"\d+ wires?; (\d+) % of what was put in are real pixels; \d+ pixels need paint.", made["status"]
    )
    assert said and int(said[1]) > 50


def test_add_is_in_the_matte_as_it_is_and_keep_never(plates: dict[int, np.ndarray]) -> None:
    add, keep = matte(40.3), np.zeros((HEIGHT, WIDTH), np.float32)
    keep[:30] = 1
    clips = {("Add", 0): rgba(ground(HEIGHT, WIDTH), add), ("Keep", 0): rgba(ground(HEIGHT, WIDTH), keep)}
    made = clean(plates, {**BY_HAND, "grow": 3.0}, clips=clips)
    assert np.array_equal(made["matte"], add * (1 - keep))
    untouched = made["matte"] <= FAINT
    assert np.array_equal(bits(made["output"])[untouched], bits(plates[AT])[untouched])


def test_a_matte_is_read_from_the_channel_that_the_knob_says(plates: dict[int, np.ndarray]) -> None:
    red = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    red[..., 0] = matte(40)
    for channel, there in (("red", True), ("alpha", False)):
        made = clean(plates, {**BY_HAND, "matte_channel": channel}, clips={("Add", 0): red})
        assert made["matte"].any() == there


def test_a_rig_drawn_as_a_blob_is_taken_out_though_it_is_no_line(plates: dict[int, np.ndarray]) -> None:
    blob = np.zeros((HEIGHT, WIDTH), np.float32)
    blob[20:60, 50:90] = 1
    made = clean(plates, BY_HAND, clips={("Add", 0): rgba(ground(HEIGHT, WIDTH), blob)})
    assert np.array_equal(made["matte"], blob)
    assert (made["output"] != plates[AT]).any(axis=-1)[blob > 0].mean() > 0.9


def test_a_neighbours_own_wire_is_not_brought_along(plates: dict[int, np.ndarray]) -> None:
    """Drawn on this frame alone, the wire of the neighbours is found in them and kept out."""
    drawn_here = {("Add", 0): rgba(ground(HEIGHT, WIDTH), clean(plates)["matte"])}
    without, _ = shot(9, HEIGHT, WIDTH, wires=0)
    made = clean(plates, {"sensitivity": 0.5}, clips=drawn_here)
    hole = made["matte"] > 0.9
    left, was = (np.abs(image[..., :3] - without[AT])[hole].mean() for image in (made["output"], plates[AT]))
    assert left < 0.15 * was


def test_tracked_wires_are_read_at_full_size_from_the_formats_corner(plates: dict[int, np.ndarray]) -> None:
    """The same text draws the same wire on a proxy, and where the data window is smaller than the format."""
    line = Curve(np.array([[40, -10], [40, 200]], np.float32), np.full(2, 6, np.float32), 1.0, 0)
    knobs = {**BY_HAND, "tracked": encode({AT: [line]})}
    full = clean(plates, knobs)["matte"]
    assert full[:, 37:43].min() > 0.9 and full[:, :36].max() == full[:, 45:].max() == 0
    proxy = {time: np.ascontiguousarray(frame[::2, ::2]) for time, frame in plates.items()}
    half = clean(proxy, knobs, scale=(0.5, 0.5))["matte"]
    assert half[:, 19:21].min() > 0.9 and half[:, :18].max() == half[:, 22:].max() == 0
    part = {time: np.ascontiguousarray(frame[:70, 24:]) for time, frame in plates.items()}
    window = (24, HEIGHT - 70, WIDTH, HEIGHT)
    info = FrameInfo(window, (0, 0, WIDTH, HEIGHT), window)
    assert np.array_equal(clean(part, knobs, info=info)["matte"], full[:70, 24:])
    other = run(TOOL, plates[AT], defaults(TOOL, **knobs), time=float(AT + 1))
    assert not other["matte"].any(), "no other frame has it"


def test_a_text_that_is_no_tracking_is_refused_by_name(plates: dict[int, np.ndarray]) -> None:
    with pytest.raises(RequestError, match="tracked"):
        clean(plates, {"tracked": "by hand"})


@pytest.mark.parametrize("space", ["acescg", "lin_rec709", "logc4", "srgb"])
@pytest.mark.parametrize("premult", ["none", "premultiplied"])
def test_patch_over_plate_is_the_result_in_the_plates_own_space(
    space: str, premult: str, plates: dict[int, np.ndarray]
) -> None:
    colour, alpha = Colour.of(space), np.linspace(0.2, 1, WIDTH, dtype=np.float32)[None]
    rgb = colour.encode(colour.from_working(np.ascontiguousarray(plates[AT][..., :3])))
    plate = rgba(rgb * alpha[..., None] if premult == "premultiplied" else rgb, alpha)
    result, patch, shown = (
        run(TOOL, plate, defaults(TOOL), time=float(AT), colourspace=space, premult=premult, output=name)["output"]
        for name in ("result", "patch", "matte")
    )
    over = patch[..., :3] + plate[..., :3] * (1 - patch[..., 3:])
    np.testing.assert_allclose(over, result[..., :3], rtol=1e-5, atol=1e-6)
    put_in = patch[..., 3] > 0
    assert np.array_equal(patch[..., 3][put_in], shown[..., 3][put_in])
    assert not patch[~put_in].any()
    assert np.array_equal(bits(result)[~put_in], bits(plate)[~put_in])
    assert np.array_equal(bits(result[..., 3]), bits(plate[..., 3]))
    assert np.abs(result - plate)[put_in].max() > 0.05


def test_the_source_map_says_by_colour_where_pixels_came_from() -> None:
    named = {tuple(colour) for colour in scene.SOURCE_COLOURS.tolist()}
    assert len(named) == len(From)
    hint = TOOL.passes[3].hint
    for word, which in (("green another frame", From.NEIGHBOUR), ("blue the clean plate", From.CLEAN),
                        ("yellow interpolated", From.ACROSS), ("magenta made", From.MADE),
                        ("red needs paint", From.PAINT), ("black the plate", From.PLATE)):  # fmt: skip
        red, green, blue = scene.SOURCE_COLOURS[which]
        colours = {(0, 1, 0): "green", (0, 0, 1): "blue", (1, 1, 0): "yellow", (1, 0, 1): "magenta", (1, 0, 0): "red",
                   (0, 0, 0): "black"}  # fmt: skip
        assert word in hint and word.startswith(colours[red, green, blue])


def test_what_needs_paint_is_the_plate_and_counted(plates: dict[int, np.ndarray]) -> None:
    """Inside Protect only real pixels are used: on a frame alone there are none."""
    whole = {("Protect", 0): rgba(ground(HEIGHT, WIDTH), 1.0)}
    alone = run(TOOL, plates[AT], defaults(TOOL), clips={("Protect", 0): whole["Protect", 0]}, time=float(AT))
    assert np.array_equal(bits(alone["output"]), bits(plates[AT]))
    paint = (alone["matte"] > FAINT).sum()
    assert paint > 0 and f"{paint} pixels need paint" in alone["status"]
    cleaned = clean(plates, clips=whole, output="source")["output"]
    assert not (cleaned[..., :3] == (1, 1, 0)).all(axis=-1).any(), "nothing is interpolated"
    assert (cleaned[..., :3] == (0, 1, 0)).all(axis=-1).any(), "other frames' pixels are used"


def test_a_clean_plate_fills_what_no_neighbour_shows(plates: dict[int, np.ndarray]) -> None:
    without, _ = shot(9, HEIGHT, WIDTH, wires=0)
    clips = {("Clean", 0): rgba(without[AT] * np.float32(1.3))}
    made = run(TOOL, plates[AT], defaults(TOOL), clips=clips, time=float(AT), output="source")
    blue = (made["output"][..., :3] == (0, 0, 1)).all(axis=-1)
    hole = made["matte"] > 0.9
    assert blue[hole].mean() > 0.5
    result = run(TOOL, plates[AT], defaults(TOOL), clips=clips, time=float(AT))["output"]
    off = np.abs(result[..., :3] - without[AT])[hole].mean()
    assert off < 0.1 * without[AT].mean(), "its exposure, 30 % off, is matched"


def test_vectors_reach_the_neighbours_in_pixels_of_this_scale_with_y_down() -> None:
    clip = np.zeros((8, 12, 4), np.float32)
    clip[...] = (6.0, 2.0, -4.0, -8.0)
    context = Context(
        defaults(TOOL), FrameInfo.of(12, 8, scale=(0.5, 0.5)), {("Vectors", 0): clip}, Colour.of("acescg")
    )
    area = scene.Area.of(context.info)
    for offset, expected in ((1, (3.0, -1.0)), (-1, (-2.0, 4.0))):
        flow = scene.vectors(context, area, offset)
        assert flow is not None and flow.shape == (8, 12, 2) and (flow == expected).all()
    assert scene.vectors(context, area, 2) is None
    clip[3, 3, 0] = np.nan
    assert scene.vectors(context, area, 1) is None


def test_the_grain_of_a_frame_is_always_the_same_and_of_another_frame_another(plates: dict[int, np.ndarray]) -> None:
    knobs = defaults(TOOL)
    one, again, later = (run(TOOL, plates[AT], knobs, time=float(time))["output"] for time in (AT, AT, AT + 1))
    plain = run(TOOL, plates[AT], {**knobs, "regrain": 0.0}, time=float(AT))["output"]
    assert np.array_equal(bits(one), bits(again))
    assert not np.array_equal(one, later) and not np.array_equal(one, plain)


def test_overscan_stays_as_it_was_shot(plates: dict[int, np.ndarray]) -> None:
    info = FrameInfo((-20, 0, WIDTH - 20, HEIGHT), (0, 0, WIDTH - 40, HEIGHT), (-20, 0, WIDTH - 20, HEIGHT))
    whole = {("Add", 0): rgba(ground(HEIGHT, WIDTH), matte(10, 12))}
    made = clean(plates, BY_HAND, clips=whole, info=info)
    assert np.array_equal(bits(made["output"]), bits(plates[AT]))


def test_faint_dark_lines_beside_a_wire_count_only_as_shadows() -> None:
    def line(x: float, width: float) -> Curve:
        y = np.linspace(-20, 260, 60)
        return Curve(np.stack([x + 0.3 * y, y], axis=1).astype(np.float32), np.full(60, width, np.float32), 1.0)

    size = (240, 400)
    wire, dark, light, stray = line(120, 4), line(150, 6), line(90, 6), line(380, 6)
    strokes = [matte_of([each], size) for each in (wire, dark, light, stray)]
    picture = np.full((*size, 3), 0.2, np.float32)
    for stroke, gain in zip(strokes, (0.1, 0.85, 1.15, 0.85), strict=True):
        picture *= 1 + (gain - 1) * stroke[..., None]
    angle = np.arctan2(1, 0.3)
    along = np.dstack([np.full(size, np.cos(2 * angle)), np.full(size, np.sin(2 * angle))]).astype(np.float32)
    sure = np.maximum.reduce([stroke * weight for stroke, weight in zip(strokes, (0.95, 0.3, 0.3, 0.3), strict=True)])
    width = np.where(strokes[0] > 0.5, 4, np.where(sure > 0.1, 6, 0)).astype(np.float32)
    found = Found(sure.astype(np.float32), width, along)
    wires = link(found, sensitivity=0.5)
    assert len(wires) == 1
    cast = shadows(found, picture, middle(picture), wires, sensitivity=0.5, narrowest=0.5, widest=24.0)
    assert cast
    for curve in cast:
        assert np.abs(curve.points[:, 0] - 0.3 * curve.points[:, 1] - 150).max() < 3


def test_without_a_hint_tracking_is_refused_and_with_one_it_writes_the_knob(plates: dict[int, np.ndarray]) -> None:
    def context(time: int, add: np.ndarray | None) -> Context:
        clips = {("Source", 0): plates[time]} | ({} if add is None else {("Add", 0): rgba(plates[time][..., :3], add)})
        info = FrameInfo.of(WIDTH, HEIGHT, time=float(time))
        return Context(defaults(TOOL), info, clips, Colour.of("acescg"), session("cleanup"))

    with pytest.raises(RequestError, match="connect a matte of the missed wire to Add"):
        graph.analyse([context(time, None) for time in plates])
    hint = clean(plates)["matte"]
    found = graph.analyse([context(time, hint if time == AT else None) for time in plates])
    assert set(found) == {"tracked", "status"}
    assert found["status"] == "Tracked 1 wire over 9 of 9 frames."
    made = run(TOOL, plates[AT + 4], defaults(TOOL, **BY_HAND, tracked=found["tracked"]), time=float(AT + 4))
    alone = run(TOOL, plates[AT + 4], defaults(TOOL), time=float(AT + 4))
    both = (made["matte"] > 0.5) & (alone["matte"] > 0.5)
    assert both.sum() > 0.6 * (alone["matte"] > 0.5).sum()


def test_pictures_of_a_shot_are_made_when_they_are_asked_for(plates: dict[int, np.ndarray]) -> None:
    info = FrameInfo.of(WIDTH, HEIGHT)
    at = {t: Context({}, info, {("Source", 0): plate}, Colour.of("acescg")) for t, plate in plates.items()}
    pictures = scene.Pictures(at, scene.Area.of(info))
    assert list(pictures) == list(plates) and len(pictures) == 9
    assert np.allclose(pictures[AT], plates[AT][..., :3])


def test_the_status_counts_wires_real_pixels_and_what_needs_paint() -> None:
    source = np.array([[From.PLATE, From.NEIGHBOUR, From.CLEAN, From.ACROSS, From.MADE, From.PAINT]], np.uint8)
    filled = Filled(np.zeros((1, 6, 3), np.float32), source, source.astype(np.int8), np.ones((1, 6), np.float32))
    assert scene.told(filled, 2, {"Held.": True, "Not said.": False}) == (
        "2 wires; 50 % of what was put in are real pixels; 1 pixel needs paint. Held."
    )
    nothing = replace(filled, source=np.zeros_like(source))
    assert scene.told(nothing, 0, {}) == "No wires found."


def test_every_knob_that_a_stage_reads_is_declared_by_it(plates: dict[int, np.ndarray]) -> None:
    """Run on what each kept stage declares and nothing else: what a server lets it see."""
    knobs = defaults(TOOL, shadow=True)
    clips = {("Source", 0): plates[AT], **around(plates), ("Add", 0): rgba(plates[AT][..., :3], matte(40)),
             ("Keep", 0): rgba(plates[AT][..., :3], matte(80)), ("Protect", 0): rgba(plates[AT][..., :3], matte(60)),
             ("Clean", 0): plates[AT], ("Vectors", 0): np.zeros_like(plates[AT])}  # fmt: skip
    context = Context(
        knobs, FrameInfo.of(WIDTH, HEIGHT, time=float(AT)), clips, Colour.of("acescg"), session("cleanup")
    )

    def narrow(stage: Any) -> Any:
        def work(seen: Context, made: dict[str, Any]) -> dict[str, Any]:
            declared = {name: seen.knobs[name] for name in stage.knobs} if stage.cached else seen.knobs
            places = {place: frame for place, frame in seen.clips.items() if place[0] in stage.clips}
            time = seen.info.time if stage.timed or not stage.cached else 0.0
            return stage.run(replace(seen, knobs=declared, clips=places, info=replace(seen.info, time=time)), made)

        return replace(stage, run=work)

    from onelight import stages

    narrowed = stages.run([narrow(stage) for stage in graph.STAGES], context)
    assert np.array_equal(bits(narrowed["output"]), bits(stages.run(graph.STAGES, context)["output"]))
    assert tools.discover()["cleanup"] is TOOL
