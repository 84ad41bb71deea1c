"""Cleanup's grain by the show's look: handed over with a signed version, taken where one frame cannot tell it."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import lookpictures as pictures
import numpy as np
import pytest
from conftest import Server
from oip import Wire, pixels_of
from onelight import look, stages
from onelight.colour import Colour
from onelight.errors import NotReady
from onelight.look import Look
from onelight.registry import BASE, Registry, Version
from onelight.runtime import Session
from onelight.shows import transfer, versions
from onelight.shows.bundle import LOOK
from onelight.shows.store import Show
from onelight.stages import Context, FrameInfo
from onelight.temporal.grain import Grain
from onelight.tools import discover
from onelight.tools.cleanup import graph, regrain
from onelight.tools.cleanup.spec import TOOL
from stagerun import bits, defaults
from versionshows import BASE as PROBE
from versionshows import finished, served

SIGMA, SOFT = 0.01, 0.8
HEIGHT, WIDTH = pictures.SIZE
LEVELS = np.float32(0.18) * np.exp2(np.linspace(-3, 1.5, 10, dtype=np.float32))


@cache
def of_show() -> Look:
    """The look of a show, as other clips than the tests' frames show it."""
    clips = [
        look.observe([pictures.grained(scene, seed, SIGMA, SOFT) for seed in (number, number + 50)])
        for number, scene in enumerate((pictures.ramp(0), pictures.cloth(3), pictures.ramp(1)))
    ]
    measured = look.conclude(clips)
    assert measured.grain is not None
    return replace(measured, tone=None, vignette=None, fringes=None, bloom=None)


def session(content: str = "") -> Session:
    """The built-in version without networks, as one that came with that look."""
    built_in = Registry(discover()).find(BASE, "cleanup", "classical1")
    return Session(replace(built_in, look=content), 1)


def known(measured: Grain | None, told: bool = True, shape: tuple[int, int] = pictures.SIZE) -> Grain | None:
    return regrain.known(session(of_show().to_json()), measured, shape, told)


def off(grain: Grain | None, sigma: float = SIGMA) -> float:
    """How far its strength is from what was put on, in stops; the mean over levels and channels."""
    assert grain is not None
    right = pictures.strength(LEVELS, sigma)[:, None]
    return float(np.abs(np.log2(grain.strength(LEVELS[:, None])[:, 0] / right)).mean())


def staged(folder: Path, content: str) -> Path:
    made = finished(folder)
    (made / LOOK).write_text(content)
    return made


def in_show(show: Show, folder: Path, content: str) -> Version:
    told: dict[str, Any] = {"gain": "gain", "metrics": [], "manifest": {}, "clips": [], "base": PROBE}
    return served(show, versions.add(show, "probe", staged(folder, content), **told).name)


def test_a_shows_version_brings_the_look_that_was_signed_with_it(tmp_path: Path) -> None:
    show = Show.create("north", tmp_path)
    version = in_show(show, tmp_path / "made", of_show().to_json())
    assert Session(version, 1).look == of_show()
    assert Session(PROBE, 1).look is None


def test_a_version_out_of_another_shows_archive_brings_no_look(tmp_path: Path) -> None:
    north, south = (Show.create(name, tmp_path) for name in ("north", "south"))
    version = in_show(north, tmp_path / "made", of_show().to_json())
    transfer.export(north, "probe", version.name, tmp_path / "probe.zip")
    key = tmp_path / "north.pem"
    key.write_bytes(next((north.folder / "keys" / "public").iterdir()).read_bytes())
    taken = transfer.take_in(south, tmp_path / "probe.zip", key)
    assert (south.places.models / "probe" / taken.name / LOOK).is_file()
    assert served(south, taken.name).look == ""


def test_a_look_in_a_plain_folder_was_signed_by_nobody_and_is_not_handed_over(tmp_path: Path) -> None:
    staged(tmp_path / "north" / "probe" / "v001", of_show().to_json())
    assert Registry(discover(), [tmp_path]).find("north", "probe").look == ""


def test_a_look_that_cannot_be_read_is_said_when_the_version_is_loaded(tmp_path: Path) -> None:
    version = in_show(Show.create("north", tmp_path), tmp_path / "made", json.dumps({"version": 99}))
    with pytest.raises(NotReady, match=r"probe v001 cannot be loaded: A look cannot be read: it is of version 99"):
        Session(version, 1)


def test_without_a_look_the_frames_own_measurement_is_what_is_used() -> None:
    measured = Grain.measure([pictures.grained(pictures.cloth(1), 1, SIGMA)])
    for one in (None, session(), session(replace(of_show(), grain=None).to_json())):
        assert regrain.known(one, measured, pictures.SIZE, True) is measured
        assert regrain.known(one, None, pictures.SIZE, True) is None


@pytest.mark.parametrize("stronger", [1.0, 2.0, 0.5])
def test_a_frame_says_how_strong_grain_is_and_the_look_how_it_goes_with_level(stronger: float) -> None:
    sigma = SIGMA * stronger
    plain = np.full((*pictures.SIZE, 3), 0.2, np.float32)  # shows a single level
    plain[:, ::3] *= np.float32(1.02)
    flat = Grain.measure([pictures.grained(plain, 7, sigma, SOFT)])
    assert off(known(flat), sigma) < 0.2
    assert off(known(flat), sigma) < 0.5 * off(flat, sigma)


def test_a_look_of_clips_with_several_kinds_of_grain_is_no_better_than_the_frame() -> None:
    kinds = ((SIGMA, SOFT), (4 * SIGMA, 0.0))
    seen = [
        look.observe([pictures.grained(pictures.ramp(), n + 9 * at, *kinds[n % 2]) for at in (0, 1)]) for n in range(4)
    ]
    mixed = session(replace(look.conclude(seen), tone=None).to_json())
    measured = Grain.measure([pictures.grained(pictures.ramp(), 3, SIGMA)])
    assert regrain.known(mixed, measured, pictures.SIZE, True) is measured
    assert known(measured) is not measured
    assert regrain.known(mixed, None, pictures.SIZE, True) is not None, "better than none"


def test_texture_of_one_frame_counts_less_against_the_look() -> None:
    cloth = pictures.cloth(11, 1.2)
    alone = Grain.measure([pictures.grained(cloth, 7, SIGMA, SOFT)])
    assert off(known(alone, told=False)) < 0.7 * off(alone)


def test_where_next_to_nothing_is_beside_the_matte_the_look_is_taken_as_it_is() -> None:
    textured = Grain(np.array([0.2]), np.full((1, 3), 0.1), Grain.measure([pictures.ramp()]).kernel, np.eye(3))
    nothing = Grain(np.zeros(1), np.zeros((1, 3)), textured.kernel, textured.mixed)
    for measured in (None, nothing, textured):
        assert off(known(measured, told=False)) < 0.15
    assert off(known(textured, told=True)) > 1, "another frame told that this grain is no texture"


def test_the_grain_of_another_size_of_picture_is_as_coarse_as_the_frame_says() -> None:
    measured = Grain.measure([pictures.grained(pictures.ramp(), 3, SIGMA)])
    here, small = known(measured), known(measured, shape=(180, 320))
    assert here is not None and small is not None
    assert np.array_equal(small.kernel, measured.kernel) and not np.array_equal(here.kernel, measured.kernel)
    assert known(None, shape=(180, 320)) is None, "nobody knows how coarse it is"


KNOBS = {"sensitivity": 0.0, "grow": 0.0, "soften": 0.0}


@cache
def locked(number: int) -> dict[tuple[str, int], np.ndarray]:
    """The clips for a frame of a locked camera whose wire hides the same on each, with the frame after it."""
    cover = np.zeros(pictures.SIZE, np.float32)
    cover[100:106] = 1
    hidden = pictures.cloth(6, 0.3) * (1 - cover[..., None])
    clips = {}
    for offset in (0, 1):
        plate = pictures.grained(hidden, number + offset, SIGMA, SOFT)
        clips["Source", offset] = np.dstack([plate, np.ones(pictures.SIZE, np.float32)])
        clips["Add", offset] = np.dstack([np.zeros((*pictures.SIZE, 3), np.float32), cover])
    return clips


def cleaned(one: Session, number: int) -> np.ndarray:
    info = FrameInfo.of(WIDTH, HEIGHT, time=float(number))
    return stages.run(graph.STAGES, Context(defaults(TOOL, **KNOBS), info, locked(number), Colour.of("acescg"), one))[
        "output"
    ]


def test_a_frame_comes_out_the_same_in_any_order_and_on_any_thread_and_not_as_without_a_look() -> None:
    with_look, without = session(of_show().to_json()), session()
    first, second = (cleaned(with_look, number) for number in (1, 2))
    with ThreadPoolExecutor(2) as pool:
        again = list(pool.map(lambda number: cleaned(session(of_show().to_json()), number), (2, 1)))
    assert np.array_equal(bits(second), bits(again[0])) and np.array_equal(bits(first), bits(again[1]))
    differ = (bits(first) != bits(cleaned(without, 1))).any(axis=-1)
    cover = locked(1)["Add", 0][..., 3] > 0
    assert differ[cover].mean() > 0.5 and not differ[~cover].any()


def test_a_server_gives_the_shows_look_to_the_tool(start_server: Callable[..., Server], tmp_path: Path) -> None:
    show, made = Show.create("north", tmp_path / "shows"), tmp_path / "made"
    made.mkdir()
    sheet = {"tool": "cleanup", "version": "made", "spec_version": TOOL.version, "stages": {}}
    (made / "version.json").write_text(json.dumps(sheet))
    names = []
    for content in ("", of_show().to_json()):
        if content:
            (made / LOOK).write_text(content)
        told: dict[str, Any] = {"gain": "gain", "metrics": [], "manifest": {}, "clips": [], "base": None}
        names.append(versions.add(show, "cleanup", made, **told).name)
    sent = {f"{name}@{offset:+d}": image for (name, offset), image in locked(1).items()}
    server = start_server("--shows", str(tmp_path / "shows"))
    with Wire(server.address) as wire:
        without, with_look = (
            pixels_of(wire.infer(sent, {**KNOBS, "frame.time": 1.0}, "north/cleanup", name)) for name in names
        )
    assert np.array_equal(bits(without), bits(cleaned(session(), 1)))
    assert np.array_equal(bits(with_look), bits(cleaned(session(of_show().to_json()), 1)))
