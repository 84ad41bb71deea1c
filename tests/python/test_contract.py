"""What every tool promises, asked of every tool found: its spec holds together, its work keeps the invariants."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from onelight import tools
from onelight.colour import Colour
from onelight.spec import COMMON, COMMON_GROUPS, EVERY, OCTAVES, Around, Bool, Choice, Float, Int, Knob, SameAs, Tool
from onelight.stages import FrameInfo
from stagerun import bits, crossed, defaults, run, scene

TOOLS = list(tools.discover().values())
every_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.id)


def active(tool: Tool) -> dict[str, object]:
    """Knobs that make the tool do something: each neutral number moved a little towards its soft end."""
    knobs = defaults(tool)
    for knob in tool.render_knobs():
        if isinstance(knob, Float) and knob.neutral is not None and knob.soft[1] > knob.default:
            knobs[knob.name] = knob.default + 0.3 * (knob.soft[1] - knob.default)
    return knobs


def subject(width: int = 200, height: int = 120, dtype: type = np.float32, seed: int = 1) -> np.ndarray:
    """A plate with something in it for every tool: shaded bumps under a bright top, and a wire across."""
    return crossed(scene(width, height, dtype, seed))


def neutral_value(tool: Tool, knob: Knob) -> object:
    neutral = getattr(knob, "neutral", None)
    return defaults(tool)[neutral.param] if isinstance(neutral, SameAs) else neutral


@every_tool
def test_names_are_unique_and_shaped_like_identifiers(tool: Tool) -> None:
    names = [knob.name for knob in tool.all_knobs()]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name == name.lower() for name in names)
    assert tool.passes[0].name == "result"
    assert len({clip.name for clip in tool.clips}) == len(tool.clips)
    assert tool.clips[0].name == "Source" and not tool.clips[0].optional


@every_tool
def test_every_knob_explains_itself_and_lies_in_its_ranges(tool: Tool) -> None:
    groups = {group.name for group in (*tool.groups, *COMMON_GROUPS)}
    for knob in tool.all_knobs():
        assert knob.label and knob.hint.endswith("."), knob.name
        assert knob.group in groups or (knob.group == "" and knob in COMMON), knob.name
        if isinstance(knob, (Float, Int)):
            assert knob.hard[0] <= knob.soft[0] < knob.soft[1] <= knob.hard[1], knob.name
            assert knob.hard[0] <= knob.default <= knob.hard[1], knob.name
            assert math.isfinite(knob.hard[0]) and math.isfinite(knob.hard[1])
        if isinstance(knob, Choice) and knob.name != "output":
            assert knob.default in knob.names(), knob.name


@every_tool
def test_references_between_knobs_lead_to_knobs(tool: Tool) -> None:
    for knob in tool.all_knobs():
        if isinstance(neutral := getattr(knob, "neutral", None), SameAs):
            assert tool.knob(neutral.param)
    for clip in tool.clips:
        if isinstance(clip.frames, Around):
            assert isinstance(tool.knob(clip.frames.param), Int)
            if clip.frames.spacing:
                spacing = tool.knob(clip.frames.spacing)
                assert isinstance(spacing, Choice) and spacing.names() == (OCTAVES, EVERY)
    if tool.presets:
        menu = tool.knob(tool.presets.param)
        assert isinstance(menu, Choice) and menu.names() == tuple(entry.name for entry in tool.presets.entries)
        ramps = [values for ramp in tool.presets.ramps for _, values in ramp.stops]
        for values in [*(entry.values for entry in tool.presets.entries), *ramps]:
            for name, value in values.items():
                knob = tool.knob(name)
                if isinstance(value, SameAs):
                    assert tool.knob(value.param)
                elif isinstance(knob, Float):
                    assert knob.hard[0] <= value <= knob.hard[1], name
        for ramp in tool.presets.ramps:
            hours = [hour for hour, _ in ramp.stops]
            assert hours == sorted(hours) and len({frozenset(values) for _, values in ramp.stops}) == 1
    if tool.analysed_flag:
        assert tool.knob(tool.analysed_flag).analysed and hasattr(tools.graph(tool.id), "analyse")
    if tool.alpha_knob:
        assert isinstance(tool.knob(tool.alpha_knob), Bool) and tool.knob(tool.alpha_knob) in tool.render_knobs()


@every_tool
def test_every_tool_has_a_page_for_artists_that_says_what_it_cannot_do(tool: Tool) -> None:
    page = tools.help_page(tool.id)
    assert page.startswith(f"# {tool.label}\n")
    assert not tool.shipped or "## What it cannot do" in page


@every_tool
def test_stages_read_only_clips_and_knobs_that_exist(tool: Tool) -> None:
    names, clips = {knob.name for knob in tool.render_knobs()}, {clip.name for clip in tool.clips if not clip.mask}
    for stage in tools.graph(tool.id).STAGES:
        assert set(stage.knobs) <= names and set(stage.clips) <= clips, stage.name


@every_tool
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_at_neutral_the_result_is_the_plate_bit_for_bit(tool: Tool, dtype: type) -> None:
    plate = subject(dtype=dtype)
    plate[40, 50, :3] = (np.nan, np.inf, -0.0)
    knobs = defaults(tool)
    for knob in tool.render_knobs():
        if (value := neutral_value(tool, knob)) is not None:
            assert not tool.starts_neutral or value == knobs[knob.name], f"{knob.name}: a fresh node must be neutral"
            knobs[knob.name] = value
    assert np.array_equal(bits(run(tool, plate, knobs)["output"]), bits(plate))


@every_tool
@pytest.mark.parametrize("space", ["acescg", "lin_rec709", "logc4", "srgb", "unset"])
def test_alpha_is_untouched_and_the_result_differs_when_knobs_turn(tool: Tool, space: str) -> None:
    plate = subject()
    colour = Colour.of(space)
    if not colour.linear:
        plate[..., :3] = colour.encode(np.maximum(plate[..., :3], 0))
    result = run(tool, plate, active(tool), colourspace=space)["output"]
    assert result.dtype == plate.dtype and result.shape == plate.shape
    assert np.array_equal(bits(result[..., 3]), bits(plate[..., 3]))
    assert not np.array_equal(result, plate)


@every_tool
def test_values_above_one_and_below_zero_survive(tool: Tool) -> None:
    plate = subject()
    plate[70, 90, :3] = -4.0  # deep enough that no haze or glow lifts it above 0
    result = run(tool, plate, active(tool))["output"][..., :3]
    assert np.abs(result).max() > 5.0 and np.isfinite(result).all()
    assert (result < -0.1).any()


@every_tool
def test_a_window_is_the_same_region_of_the_full_frame(tool: Tool) -> None:
    plate, knobs = subject(), active(tool)
    whole = run(tool, plate, knobs)["output"]
    for window in [(0, 0, 200, 120), (31, 17, 130, 90), (199, 119, 200, 120), (0, 60, 200, 61)]:
        x1, y1, x2, y2 = window
        part = run(tool, plate, knobs, render_window=window)["output"]
        assert np.array_equal(bits(part), bits(whole[120 - y2 : 120 - y1, x1:x2])), window


@every_tool
def test_order_and_threads_do_not_matter(tool: Tool) -> None:
    plates = [subject(seed=seed) for seed in range(6)]
    knobs = active(tool)
    once = [run(tool, plate, knobs)["output"] for plate in plates]
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda plate: run(tool, plate, knobs)["output"], reversed(plates)))
    assert all(np.array_equal(bits(a), bits(b)) for a, b in zip(once, reversed(again), strict=True))


@every_tool
@pytest.mark.parametrize("factor", [2.0, 0.25, 3.7])
def test_more_exposure_in_is_as_much_more_out(tool: Tool, factor: float) -> None:
    if not tool.exposure_equivariant:
        pytest.skip(f"{tool.label} does not claim it")
    plate, brighter = subject(), subject()
    brighter[..., :3] *= np.float32(factor)
    knobs = active(tool)
    one, other = run(tool, plate, knobs)["output"], run(tool, brighter, knobs)["output"]
    assert np.allclose(other[..., :3], one[..., :3] * factor, rtol=2e-3, atol=1e-5)


@every_tool
def test_broken_pixels_do_not_spread(tool: Tool) -> None:
    plate = subject()
    plate[60:64, 100:104, :3] = np.nan
    plate[20, 20, 0] = np.inf
    result = run(tool, plate, active(tool))["output"]
    broken = ~np.isfinite(result).all(axis=-1)
    assert broken.sum() <= 17


@every_tool
def test_a_plate_that_is_all_broken_or_black_or_one_pixel_gives_an_answer(tool: Tool) -> None:
    for plate in (
        np.full((9, 7, 4), np.nan, np.float32),
        np.zeros((9, 7, 4), np.float32),
        np.ones((1, 1, 4), np.float16),
    ):
        assert run(tool, plate, active(tool))["output"].shape == plate.shape


@every_tool
def test_every_pass_renders_at_every_size(tool: Tool) -> None:
    for item, (width, height) in itertools.product(tool.passes, [(33, 21), (64, 64), (5, 90)]):
        made = run(tool, subject(width, height), active(tool), output=item.name)
        assert made["output"].shape == (height, width, 4) and np.isfinite(made["output"]).all(), item.name


@every_tool
def test_overscan_changes_nothing_well_inside_the_format(tool: Tool) -> None:
    plate = subject(200, 120)
    full = FrameInfo((-16, -8, 184, 112), (0, 0, 160, 96), (-16, -8, 184, 112))
    inner = FrameInfo((0, 0, 160, 96), (0, 0, 160, 96), (0, 0, 160, 96))
    if tool.id == "probe":
        pytest.skip("its map depends on every byte, overscan included: that is what it is for")
    knobs = active(tool)
    with_overscan = run(tool, plate, knobs, info=full)["output"][16 + 0 : 16 + 96, 16 : 16 + 160]
    without = run(tool, np.ascontiguousarray(plate[16 : 16 + 96, 16 : 16 + 160]), knobs, info=inner)["output"]
    assert np.array_equal(bits(with_overscan), bits(without))


@every_tool
def test_an_empty_border_inside_the_format_is_not_taken_for_picture(tool: Tool) -> None:
    plate, knobs = subject(), active(tool)
    window = (100, 50, 300, 170)
    alone = run(tool, plate, knobs, info=FrameInfo(window, window, window))["output"]
    bordered = run(tool, plate, knobs, info=FrameInfo(window, (0, 0, 640, 360), window))["output"]
    if tool.id != "probe":  # its squares are anchored to the format, which moved
        assert np.array_equal(bits(alone), bits(bordered))
