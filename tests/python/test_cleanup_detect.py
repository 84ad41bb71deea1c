"""Procedural wires are what they say, and wires are found where they are: by ridges, and by a version's network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from onelight.errors import Cancelled
from onelight.registry import Registry, Version
from onelight.runtime import Session
from onelight.temporal import encode
from onelight.tools import discover
from onelight.tools.cleanup import detect, rigging, wires
from onelight.tools.cleanup.wires import Wire
from wireshots import ground

HEIGHT, WIDTH = 160, 240


def grey(grain: float = 0.0, seed: int = 1) -> np.ndarray:
    picture = np.full((HEIGHT, WIDTH, 3), 0.18, np.float32)
    noise = np.random.default_rng(seed).standard_normal(picture.shape).astype(np.float32)
    return picture * (1 + np.float32(grain) * noise)


def taut(width: float, slope: float = 0.0, colour: float = 0.2, **values: Any) -> Wire:
    """A straight matt wire from beyond the left edge to beyond the right one."""
    x = np.arange(-60, WIDTH + 60, rigging.SPACING)
    look = rigging.Look(np.full(3, colour, np.float32), 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, values.pop("contrast", 0.0))
    return Wire(np.stack([x, 80.0 + slope * (x - WIDTH / 2)], axis=1), width, 0.0, look, **values)


@pytest.mark.parametrize("width", [0.5, 1.0, 3.3, 12.0, 24.0])
@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_a_wire_covers_as_much_as_it_is_wide(width: float, slope: float) -> None:
    pasted = wires.paste(grey(), [taut(width, slope)])
    columns = pasted.matte[:, 60:180].sum(axis=0)
    assert np.allclose(columns, width * np.hypot(1, slope), rtol=0.08 if width < 1 else 0.03)
    assert np.allclose(pasted.stroke[:, 60:180].max(axis=0), 1, atol=0.6 if width < 1.5 else 0.02)


def test_pixels_are_mixed_in_linear_light_and_left_alone_outside() -> None:
    plate = grey(0.1)
    pasted = wires.paste(plate, [taut(6, 0.2, colour=2.0)])
    outside = pasted.matte == 0
    assert outside.mean() > 0.8
    assert np.array_equal(pasted.picture[outside], plate[outside])
    mixed = (
        plate * (1 - pasted.matte[..., None]) + pasted.matte[..., None] * pasted.picture[pasted.matte > 0.999].mean()
    )
    assert np.allclose(pasted.picture, mixed, atol=0.02)


def test_the_truth_tells_tangent_and_width() -> None:
    pasted = wires.paste(grey(), [taut(8, 0.5)])
    inside = pasted.stroke > 0.5
    angle = np.arctan2(pasted.along[inside][:, 1], pasted.along[inside][:, 0]) / 2
    assert np.degrees(np.abs(angle - np.arctan(0.5))).max() < 1
    assert np.allclose(pasted.width[inside], 8, rtol=0.05)
    assert not pasted.width[pasted.matte == 0].any()


@pytest.mark.parametrize("seed", range(6))
def test_a_wire_differs_from_its_ground_by_the_contrast_that_was_asked_for_all_along(seed: int) -> None:
    random = np.random.default_rng(seed)
    wire = Wire.draw(random, (HEIGHT, WIDTH), width=8.0, contrast=0.2, moves=False)
    wire = replace(wire, defocus=0.0, hidden=(), taper=0.0)
    plate = ground(HEIGHT, WIDTH, seed)
    smooth = plate.mean(axis=(0, 1)) * np.ones_like(plate)
    pasted = wires.paste(smooth, [wire])
    inside = pasted.matte > 0.99
    assert inside.sum() > 100
    ratio = encode.luminance(pasted.picture)[inside] / encode.luminance(smooth)[inside]
    assert (np.abs(ratio - 1) > 0.19).all()


def test_a_swinging_wire_is_elsewhere_later_and_the_same_at_the_same_time() -> None:
    wire = taut(4, swing=(0.0, 20.0), period=8.0)
    first, later, again = (wires.paste(grey(), [wire], time) for time in (0, 2, 0))
    assert np.array_equal(first.picture, again.picture) and np.array_equal(first.matte, again.matte)
    middle = [float((p.matte[:, 120] * np.arange(HEIGHT)).sum() / p.matte[:, 120].sum()) for p in (first, later)]
    assert middle[1] - middle[0] == pytest.approx(20, abs=1)


def test_an_open_shutter_smears_a_wire_without_making_more_of_it() -> None:
    still, blurred = taut(4, drift=(0.0, 16.0)), taut(4, drift=(0.0, 16.0), shutter=0.5)
    mattes = [wires.paste(grey(), [wire], 0.0).matte[:, 120] for wire in (still, blurred)]
    assert mattes[1].sum() == pytest.approx(mattes[0].sum(), rel=0.05)
    assert mattes[1].max() < 0.8 < mattes[0].max()


def test_what_hides_a_wire_is_seen_in_front_of_it() -> None:
    wire, plate = taut(6, hidden=((0.4, 0.6),)), grey()
    hiding = np.zeros((HEIGHT, WIDTH), np.float32)
    hiding[:, :40] = 1
    pasted = wires.paste(plate, [wire], 0.0, hiding)
    assert not pasted.matte[:, :40].any() and not pasted.matte[:, 110:130].any()
    assert pasted.matte[:, 60:70].max() == 1
    assert np.array_equal(pasted.picture[:, :40], plate[:, :40])


@pytest.mark.parametrize("seed", range(8))
def test_any_drawn_wire_gives_finite_light_and_whole_truth(seed: int) -> None:
    random = np.random.default_rng(seed)
    drawn = [Wire.draw(random, (HEIGHT, WIDTH)) for _ in range(4)]
    pasted = wires.paste(ground(HEIGHT, WIDTH, seed), drawn, time=random.uniform(0, 50))
    assert np.isfinite(pasted.picture).all() and (pasted.picture >= 0).all()
    assert pasted.matte.min() >= 0 and pasted.matte.max() <= 1
    inside = pasted.stroke > 0.5
    assert np.allclose(np.linalg.norm(pasted.along[inside], axis=1), 1, atol=1e-3)
    assert (pasted.width[inside] > 0.4).all() and pasted.width.max() < 60


def test_ridges_find_a_faint_thin_wire_in_grain() -> None:
    picture = wires.paste(grey(0.02), [taut(3, 0.3, colour=0.85)]).picture
    truth = wires.paste(grey(), [taut(3, 0.3)])
    found = detect.find(None, picture, 0.18)
    inside, far = truth.stroke > 0.9, cv2.dilate(truth.stroke, np.ones((7, 7), np.uint8)) < 0.01
    assert (found.matte[inside] > 0.5).mean() > 0.9
    assert (found.matte[far] > 0.5).mean() < 0.005
    said = inside & (found.matte > 0.5)
    agree = (found.along[said] * truth.along[said]).sum(axis=1)
    assert np.degrees(np.arccos(np.clip(agree, -1, 1)) / 2).mean() < 6
    assert 2 <= np.median(found.width[said]) <= 5


@pytest.mark.parametrize("width", [1.5, 5.0, 12.0, 20.0])
@pytest.mark.parametrize("colour", [0.3, 2.5])
def test_ridges_tell_how_wide_a_wire_is(width: float, colour: float) -> None:
    found = detect.find(None, wires.paste(grey(0.01), [taut(width, 0.2, colour)]).picture, 0.18)
    truth = wires.paste(grey(), [taut(width, 0.2)]).stroke > 0.9
    assert (found.matte[truth] > 0.5).mean() > 0.8
    assert 0.6 < np.median(found.width[truth & (found.matte > 0.5)]) / max(width, 1.6) < 1.7


@pytest.mark.parametrize("grain", [0.0, 0.02, 0.1])
def test_ridges_find_nothing_in_grain_alone(grain: float) -> None:
    found = detect.find(None, grey(grain), 0.18)
    assert (found.matte > 0.5).mean() < 5e-4
    assert not found.width[found.matte == 0].any()


def test_ridges_take_an_edge_for_no_wire() -> None:
    picture = grey(0.01)
    picture[:, 130:] *= 3
    assert (detect.find(None, picture, 0.18).matte > 0.5).mean() < 2e-3


def session_of(model: Any, folder: Path) -> Session:
    from onelight.tools.cleanup import train

    return Session(Version("base", "cleanup", "test", 1, "", train.export(model, folder)), 1)


@pytest.fixture(scope="module")
def stirred(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A network that says something everywhere: what must always hold may not lean on good weights."""
    torch = pytest.importorskip("torch", reason="training is not installed")
    from onelight.tools.cleanup.model import Detector

    torch.manual_seed(7)
    model = Detector()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return session_of(model, tmp_path_factory.mktemp("stirred"))


@pytest.fixture(scope="module")
def committed() -> Session:
    """The newest version that comes with the tool."""
    version = Registry(discover()).find("base", "cleanup")
    if detect.STAGE not in version.stages:
        pytest.skip(f"{version.name} has no network")
    return Session(version, 1, ["CPUExecutionProvider"])


FINDERS: list[Callable[[Any], Session | None]] = [
    lambda request: None,
    lambda request: request.getfixturevalue("stirred"),
]


@pytest.mark.parametrize("finder", FINDERS, ids=["ridges", "network"])
def test_exposure_changes_nothing_that_is_found(finder: Callable[[Any], Session | None], request: Any) -> None:
    session = finder(request)
    picture = wires.paste(ground(HEIGHT, WIDTH), [taut(4, 0.3)]).picture
    first, brighter = (detect.find(session, picture * np.float32(gain), 0.18 * gain) for gain in (1, 8))
    for name in ("matte", "width", "along"):
        assert np.array_equal(getattr(first, name), getattr(brighter, name))
    assert (first.matte > detect.LIKELY).any()


def test_a_network_answers_for_any_size_and_in_tiles_as_in_one(
    stirred: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert detect.known(stirred) and not detect.known(None)
    picture = wires.paste(ground(311, 457), [taut(4, 0.3)]).picture
    whole = detect.find(stirred, picture, 0.18)
    monkeypatch.setattr(detect, "TILE", (160, 208))
    tiled = detect.find(stirred, picture, 0.18)
    for name in ("matte", "width", "along"):
        one, other = getattr(whole, name), getattr(tiled, name)
        assert one.shape[:2] == (311, 457) and np.isfinite(one).all()
        assert np.abs(one - other)[whole.matte > detect.LIKELY + 1e-3].max() < 1e-3, name
    assert whole.matte.std() > 1e-3
    small = detect.find(stirred, picture[:5, :7].copy(), 0.18)
    assert small.matte.shape == (5, 7)


def test_a_residual_in_time_is_looked_at(stirred: Session) -> None:
    picture = ground(96, 96)
    residual = np.zeros((96, 96), np.float32)
    residual[40:44] = 1
    without, still, moving = (detect.find(stirred, picture, 0.18, r).matte for r in (None, residual * 0, residual))
    assert not np.array_equal(without, still) and not np.array_equal(still, moving)


@pytest.mark.parametrize("finder", FINDERS, ids=["ridges", "network"])
def test_nobody_waits_for_a_cancelled_frame(finder: Callable[[Any], Session | None], request: Any) -> None:
    def gone() -> None:
        raise Cancelled("gone")

    with pytest.raises(Cancelled):
        detect.find(finder(request), grey(), 0.18, None, gone)


def test_the_network_that_comes_along_finds_wires_and_little_else(committed: Session) -> None:
    """On pictures that no training saw; `onelight evaluate cleanup` has the figures that count."""
    right = said = there = hit = 0
    for seed in range(6):
        random, plate = np.random.default_rng([seed, 5]), ground(256, 384, seed + 40)
        drawn = [Wire.draw(random, (256, 384), width=(2.0, 12.0), contrast=0.15, moves=False) for _ in range(2)]
        pasted = wires.paste(plate, drawn)
        level = encode.middle(plate)
        found, clean = (detect.find(committed, picture, level).matte > 0.5 for picture in (pasted.picture, plate))
        right += int((found & (pasted.stroke > 0.05)).sum())
        said += int(found.sum())
        hit += int((found & (pasted.stroke > 0.5)).sum())
        there += int((pasted.stroke > 0.5).sum())
        assert clean.mean() < 2e-3
    precision, recall = right / max(said, 1), hit / there
    assert 2 * precision * recall / (precision + recall) > 0.8
