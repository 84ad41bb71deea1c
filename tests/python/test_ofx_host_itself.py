"""The OpenFX test host is worth something: it passes a right plug-in and reports every wrong one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import ofxhost
import pytest

FAULTY = Path(__file__).resolve().parents[1] / "ofx" / "host" / "plugins" / "faulty.cpp"
TEST = "org.onelight.test."


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of small plug-ins: one right, each other wrong in the one way that its name says."""
    bundle = tmp_path_factory.mktemp("faulty") / "Faulty.ofx.bundle"
    binary = bundle / "Contents" / "Linux-x86-64" / "Faulty.ofx"
    binary.parent.mkdir(parents=True)
    subprocess.run(
        [
            "c++",
            "-std=c++17",
            "-shared",
            "-fPIC",
            "-fvisibility=hidden",
            "-Wall",
            "-Werror",
            str(FAULTY),
            "-o",
            str(binary),
        ],
        check=True,
    )
    return bundle


@pytest.fixture
def plate() -> np.ndarray:
    """[40, 60, 4] with values below 0 and above 1."""
    return np.random.default_rng(1).normal(0.5, 1.0, (40, 60, 4)).astype(np.float32)


@pytest.fixture
def host(faulty: Path) -> Iterator[ofxhost.Host]:
    host = ofxhost.Host("strict", faulty)
    yield host
    host.close()


@pytest.mark.parametrize("personality", ["strict", "natron", "mlt", "resolve", "nuke", "fusion"])
def test_a_right_plug_in_renders_under_every_personality_without_a_violation(
    personality: str, faulty: Path, plate: np.ndarray
) -> None:
    host = ofxhost.Host(personality, faulty)
    node = host.node(TEST + "good")
    node.connect("Source", plate, bounds=(-7, 5, 53, 45))
    node.set("gain", {1: 0.0, 11: 10.0})
    for time in (9, 3, 1, 11):
        node.render(time)
        assert node.last is not None
        expected = plate.copy()
        expected[..., :3] = (plate[..., :3] * np.float64(time - 1)).astype(np.float32)
        np.testing.assert_allclose(node.last.image, expected, rtol=1e-6)
    assert set(node.render_threads(range(1, 12))) == set(range(1, 12))
    host.close()
    assert host.violations == []


@pytest.mark.parametrize("depth", ["byte", "short", "half", "float"])
@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("components", ["RGBA", "RGB"])
def test_frames_go_in_and_out_bit_for_bit(
    depth: str, negative: bool, components: str, host: ofxhost.Host, plate: np.ndarray
) -> None:
    node = host.node(TEST + "good")
    plate = plate[..., :3] if components == "RGB" else plate
    node.connect("Source", plate, depth=depth, negative_rows=negative, row_padding=24, bounds=(100, -50, 160, -10))
    whole = node.render(1)
    assert whole.tobytes() == node.plates["Source"].pixels(1).tobytes()
    part = node.render(1, window=(110, -45, 130, -20))
    assert part.tobytes() == whole[10:35, 10:30].tobytes()
    assert host.violations == []


WRONGS = {
    "outside_window": "wrote outside the render window",
    "before_buffer": "wrote before the first byte",
    "padding": "wrote into the padding",
    "into_source": "wrote into an input image",
    "leaks_image": "did not release an image of clip Source",
    "double_release": "dead property set handle",
    "unknown_property": "OfxImageEffectPropSupportsTeleport",
    "wrong_type": "used OfxImageEffectPropSupportsTiles of the effect descriptor as double, it is int",
    "wrong_index": "set index 1 of OfxImageEffectPropSupportsTiles",
    "read_only": "wrote the read-only property OfxPropType",
    "undefined_value": "'quite safe', which OpenFX does not define",
    "sets_in_render": "set parameter gain in an action that may set none",
    "edit_not_ended": "paramEditBegin without paramEditEnd",
    "dead_handle": "dead property set handle",
    "throws": "let an exception out",
    "reply_default": "answered ReplyDefault, not OK",
    "unwritten": "left 40 pixels of the render window unwritten",
    "writes_prop_in_render": "wrote OfxPropInstanceData of the effect instance",
    "no_range": "parameter gain has no OfxParamPropDisplayMin",
    "needs_undeclared": "without having declared temporal access",
    "other_frame": "without having declared temporal access",
    "leaks_memory": "blocks of the memory suite were never freed",
    "image_in_question": "fetched an image of Output in an action that may fetch none",
}


@pytest.mark.parametrize("fault", WRONGS)
def test_a_wrong_plug_in_is_reported(fault: str, host: ofxhost.Host, plate: np.ndarray) -> None:
    node = host.node(TEST + fault)
    node.connect("Source", plate)
    node.render_any(1, window=(10, 10, 50, 30))
    node.press("double it")
    if fault == "leaks_memory":
        host.close()
    assert any(WRONGS[fault] in sentence for sentence in host.violations), host.violations


def test_natron_garbles_message_arguments_and_keeps_doubled_percent_signs(faulty: Path, plate: np.ndarray) -> None:
    host = ofxhost.Host("natron", faulty)
    node = host.node(TEST + "format_arguments")
    node.connect("Source", plate)
    node.render(1)
    assert node.messages == ["487329208 frames at 100%"]
    assert any("garbles" in sentence for sentence in host.violations)
    host.close()


def test_an_undo_block_and_the_edits_in_it_are_recorded(host: ofxhost.Host, plate: np.ndarray) -> None:
    node = host.node(TEST + "good")
    node.connect("Source", plate)
    node.set("gain", 1.5)
    node.press("double it")
    assert node.value("gain") == 3.0
    assert node.undo == [("double it", ["gain"])]
    assert host.violations == []


def test_a_number_without_a_display_range_is_clamped_by_resolve(faulty: Path, plate: np.ndarray) -> None:
    host = ofxhost.Host("resolve", faulty)
    for fault, gain in (("no_range", 1.0), ("good", 3.0)):
        node = host.node(TEST + fault)
        node.connect("Source", plate)
        node.set("gain", 3.0)
        assert node.value("gain") == gain
    host.close()


def test_a_proxy_has_the_bounds_and_the_mean_of_the_full_frame(host: ofxhost.Host, plate: np.ndarray) -> None:
    node = host.node(TEST + "good")
    node.connect("Source", plate, bounds=(-4, 6, 56, 46))
    small = node.render(1, scale=0.5)
    assert small.shape == (20, 30, 4)
    np.testing.assert_allclose(small, plate.reshape(20, 2, 30, 2, 4).mean(axis=(1, 3)), rtol=1e-5, atol=1e-6)
    assert host.violations == []
