"""Relight's network where a model version has one: what it starts from, what it must keep, how it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onelight import tools
from onelight.colour import Colour
from onelight.registry import Version
from onelight.runtime import Session
from onelight.stages import Context, FrameInfo
from onelight.tools.relight import network
from onelight.tools.relight.light import Light, direction
from onelight.tools.relight.spec import TOOL
from stagerun import defaults, preset, scene
from stagerun import session as base_session

torch = pytest.importorskip("torch", reason="training is not installed")

from onelight.tools.relight import train  # noqa: E402  needs torch
from onelight.tools.relight.model import Geometry  # noqa: E402


def session_of(model: Any, folder: Path) -> Session:
    return Session(Version("base", "relight", "test", 1, "", train.export(model, folder)), 1)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return session_of(Geometry(), tmp_path_factory.mktemp("untrained"))


@pytest.fixture(scope="module")
def stirred(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A network whose heads say something everywhere: nothing that must always hold may lean on good weights."""
    return session_of(stir(), tmp_path_factory.mktemp("stirred"))


def stir() -> Any:
    torch.manual_seed(7)
    model = Geometry()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.03 * torch.randn_like(parameter)
    return model


def context(session: Session, plate: np.ndarray, knobs: Mapping[str, Any], output: str = "result") -> Context:
    info = FrameInfo.of(plate.shape[1], plate.shape[0], output=output)
    return Context(knobs, info, {("Source", 0): plate}, Colour.of("acescg"), session)


def relit(asked: Context) -> np.ndarray:
    made: dict[str, Any] = {}
    for stage in tools.graph("relight").STAGES:
        made |= stage.run(asked, made)
    return made["output"]


def known_light(**knobs: Any) -> dict[str, Any]:
    """The present light is analysed, and the new one differs only by `knobs`."""
    values = defaults(TOOL, analysed=True, exposure=-2.0)
    same = {"key_azimuth": "present_azimuth", "key_elevation": "present_elevation", "fill_ratio": "present_ratio"}
    return {**values, **{new: values[old] for new, old in same.items()}, **knobs}


def test_the_network_keeps_within_its_size() -> None:
    assert sum(parameter.numel() for parameter in Geometry().parameters()) <= 1_400_000


def test_untrained_it_hands_its_prior_on_and_finds_everything_open() -> None:
    towards = torch.nn.functional.normalize(torch.randn(1, 3, 32, 48), dim=1)
    prior = torch.cat([towards, torch.full((1, 1, 32, 48), 0.3)], dim=1)
    with torch.no_grad():
        normals, depth, openness, reach, doubt, hedge = Geometry()(
            torch.randn(1, 3, 32, 48), torch.zeros(1, 1, 32, 48), prior, torch.zeros(1, 4), torch.zeros(1, 4)
        )
    assert torch.allclose(normals, towards, atol=1e-4)
    assert torch.allclose(depth, prior[:, 3:])
    assert openness.min() > 0.9
    assert reach.min() > 0.9
    assert doubt.shape == (1,) and 0 < doubt < 1
    assert hedge.shape == (1, 1, 32, 48)
    assert (hedge == hedge[0, 0, 0, 0]).all()
    assert 0 < hedge[0, 0, 0, 0] < 1


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 200), (161, 90), (340, 330)])
def test_a_picture_of_any_size_is_read(stirred: Session, size: tuple[int, int]) -> None:
    working = np.random.default_rng(1).uniform(0, 2, (*size, 3)).astype(np.float32)
    lamp = Light(direction(30, 20), 0.0, 8.0, 1.0)
    found = network.find(context(stirred, np.zeros((*size, 4), np.float32), {}), working, None, lamp)
    assert found.normals.shape == (*size, 3)
    assert np.allclose(np.linalg.norm(found.normals, axis=-1), 1, atol=1e-3)
    assert found.depth.shape == found.openness.shape == size
    assert np.isfinite(found.depth).all()
    assert 0 <= found.openness.min() <= found.openness.max() <= 1


def test_equal_lights_change_nothing_however_the_shadows_are_set(stirred: Session) -> None:
    plate = scene()
    for shadows in ({}, {"lift_shadows": 1.0, "shadow_density": 1.0}, {"shadow_density": 0.7}):
        ratio = relit(context(stirred, plate, known_light(**shadows), "ratio"))[..., :3]
        assert np.array_equal(ratio, np.ones_like(ratio)), shadows


def test_an_earlier_version_lends_nothing_and_a_later_one_where_it_doubts() -> None:
    plate = scene()
    asked = known_light(key_azimuth=-70.0, key_elevation=5.0, present_azimuth=70.0, lift_shadows=1.0)
    before, after = (context(base_session("relight", name), plate, asked) for name in ("soundstage2", "soundstage3"))
    working = plate[..., :3].astype(np.float32)
    lamp = Light(direction(70.0, 20.0), 0.0, 4.0, 1.0)
    earlier, later = (network.find(one, working, None, lamp) for one in (before, after))
    assert earlier.doubt == 0 < later.doubt
    assert np.array_equal(earlier.normals, later.normals), "the weights are the same"
    assert not np.array_equal(relit(before), relit(after))


def test_a_version_that_hedges_leans_to_what_is_shot_and_believes_connected_normals(
    stirred: Session, tmp_path: Path
) -> None:
    model = stir()
    torch.nn.init.zeros_(model.unsure.weight)
    torch.nn.init.constant_(model.unsure.bias, -20.0)
    bold, plate = session_of(model, tmp_path), scene()
    asked = known_light(key_azimuth=-60.0, key_elevation=10.0, key_kelvin=3200.0)
    told = {session: relit(context(session, plate, asked, "ratio"))[..., :3] for session in (bold, stirred)}
    spread = {session: float(np.std(np.log2(ratio[..., 1]))) for session, ratio in told.items()}
    assert 0.5 * spread[bold] < spread[stirred] < 0.97 * spread[bold]
    tint = {session: np.median(ratio[..., 0] / ratio[..., 2]) for session, ratio in told.items()}
    assert tint[stirred] == pytest.approx(tint[bold], rel=0.1), "the key keeps its colour"
    normals = np.zeros_like(plate)
    normals[..., 2:] = 1
    connected = [context(session, plate, asked, "ratio") for session in (bold, stirred)]
    first, second = (relit(replace(one, clips={**one.clips, ("Normals", 0): normals})) for one in connected)
    assert np.array_equal(first, second)
    bright = [
        relit(context(stirred, plate, known_light(fill_ratio=ratio, key_azimuth=0.0, key_elevation=0.0), "shading"))
        for ratio in (3.0, 40.0)
    ]
    lit_side = [float(np.quantile(shading[..., 1], 0.99)) for shading in bright]
    assert lit_side[1] == pytest.approx(lit_side[0], rel=0.05), "the ratio knob keeps the lit side's level"
    assert network.hedges(stirred) and not network.hedges(base_session("relight", "soundstage4"))
    assert not network.hedges(None)


def test_the_hedge_is_that_of_the_key_that_is_asked_for_and_the_albedo_that_of_the_present_one(
    stirred: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    plate, asked = scene(), network.reach

    def careful(*given: Any) -> network.Reach:
        found, aside = asked(*given), given[2][0] > 0
        return found._replace(hedge=np.full_like(found.hedge, 50.0 if aside else 0.0))

    monkeypatch.setattr(network, "reach", careful)

    def spread(azimuth: float, density: float) -> float:
        knobs = known_light(present_azimuth=-50.0, key_azimuth=azimuth, shadow_density=density)
        return float(np.std(np.log2(relit(context(stirred, plate, knobs, "ratio"))[..., 1])))

    assert spread(50.0, 1.0) < 0.02 < 0.1 < spread(-20.0, 1.0)
    assert spread(50.0, 0.5) < 0.1 * spread(50.0, 0.0), "half of that hedge is still more than all light"
    first, second = (
        relit(context(stirred, plate, known_light(present_azimuth=-50.0, key_azimuth=to, shadow_density=1.0), "albedo"))
        for to in (50.0, -20.0)
    )
    assert np.array_equal(first, second)


def test_the_picture_and_its_mirror_image_are_relit_alike(stirred: Session) -> None:
    plate = scene()
    knobs = known_light(key_azimuth=50.0, key_elevation=15.0, shadow_density=1.0)
    turned = {name: -knobs[name] for name in ("key_azimuth", "present_azimuth")}
    straight = relit(context(stirred, plate, knobs))
    mirrored = relit(context(stirred, np.ascontiguousarray(plate[:, ::-1]), {**knobs, **turned}))[:, ::-1]
    assert np.abs(straight - mirrored).max() < 2e-3 * np.abs(straight).max()


def test_twice_the_exposure_in_is_twice_out(stirred: Session) -> None:
    plate = scene()
    brighter = plate.copy()
    brighter[..., :3] *= 2
    once = relit(context(stirred, plate, known_light(key_azimuth=60.0)))
    twice = relit(context(stirred, brighter, known_light(key_azimuth=60.0, exposure=-1.0)))
    assert np.allclose(twice[..., :3], once[..., :3] * 2, rtol=1e-4, atol=1e-6)


def test_the_shadows_of_the_new_key_are_the_networks_and_follow_it(stirred: Session) -> None:
    plate, knobs = scene(), known_light(shadow_density=1.0)
    seen = [
        relit(context(stirred, plate, {**knobs, "key_azimuth": azimuth, "shadow_softness": soft}, "light_map"))
        for azimuth, soft in ((-80.0, 4.0), (80.0, 4.0), (80.0, 30.0))
    ]
    without = relit(context(stirred, plate, {**knobs, "key_azimuth": 80.0, "shadow_density": 0.0}, "light_map"))
    assert not np.allclose(seen[0], seen[1], atol=1e-3)
    assert not np.array_equal(seen[1], seen[2])
    assert (seen[1] <= without + 1e-6).all()


def test_a_connected_depth_casts_the_shadows_instead(stirred: Session) -> None:
    plate = scene()
    depth = np.ones_like(plate)
    depth[:, :12, 0] = 2.0  # the far end, for the range
    depth[40:80, 90:110, 0] = 0.85
    knobs = known_light(key_azimuth=80.0, key_elevation=20.0, shadow_density=1.0, depth_scale=0.5)
    asked = context(stirred, plate, knobs, "light_map")
    with_depth = replace(asked, clips={**asked.clips, ("Depth", 0): depth})
    without = replace(with_depth, knobs={**knobs, "shadow_density": 0.0})
    clear = relit(with_depth)[..., 0] / np.maximum(relit(without)[..., 0], 1e-6)
    assert clear[50:70, 70:86].mean() < 0.5
    assert clear[50:70, 115:140].mean() > 0.95


def test_relief_0_is_a_flat_card_and_detail_changes_fine_things_alone(stirred: Session) -> None:
    plate, knobs = scene(), known_light()
    flat = relit(context(stirred, plate, {**knobs, "relief": 0.0}, "normals"))[..., :3]
    assert np.allclose(np.abs(flat[..., 2]), 1)
    broad, usual = (
        relit(context(stirred, plate, {**knobs, "detail": detail}, "normals"))[..., :3] for detail in (0.0, 0.3)
    )
    fine = [np.abs(np.diff(normals, axis=1)).mean() for normals in (broad, usual)]
    assert fine[0] < 0.6 * fine[1]


def test_an_untrained_network_shades_like_a_flat_card(untrained: Session) -> None:
    normals = relit(context(untrained, scene(), preset(TOOL, "golden_hour", analysed=True), "normals"))[..., :3]
    assert np.allclose(normals, [0, 0, 1], atol=1e-4)


def test_work_stops_between_two_looks_when_nobody_waits(stirred: Session) -> None:
    class Gone(Exception):
        pass

    looks: list[str] = []

    def check() -> None:
        looks.append("look")
        if len(looks) == 3:
            raise Gone

    asked = replace(context(stirred, scene(), {}), check=check)
    with pytest.raises(Gone):
        network.find(asked, np.ones((400, 400, 3), np.float32), None, None)
    assert len(looks) == 3
