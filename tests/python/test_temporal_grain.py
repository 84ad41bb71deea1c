"""Grain: measured beside texture, made anew of the same kind, and compared."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from onelight.temporal.grain import RADIUS, Grain, ratio
from temporalclips import texture

SIZE = (288, 480)
RAMP = np.ascontiguousarray(
    np.broadcast_to(np.linspace(0.02, 0.8, SIZE[1], dtype=np.float32)[None, :, None], (*SIZE, 3))
)
TEXTURED = texture(*SIZE, 5, 0.6)


def noisy(picture: np.ndarray, seed: int, soft: float, sigma: float = 0.02) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=picture.shape).astype(np.float32)
    if soft:
        noise = cv2.GaussianBlur(noise, (0, 0), soft)
    return picture + noise / noise.std() * np.float32(sigma) * np.sqrt(picture / np.float32(0.18))


def lag(field: np.ndarray, step: int) -> float:
    return float((field[:, step:] * field[:, :-step]).mean() / (field * field).mean())


@pytest.mark.parametrize("soft", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("picture", [RAMP, TEXTURED], ids=["ramp", "texture"])
def test_strength_is_measured_at_every_level_also_in_a_textured_picture(picture: np.ndarray, soft: float) -> None:
    found = Grain.measure([noisy(picture, seed, soft) for seed in (1, 2)])
    truth = 0.02 * np.sqrt(found.levels / 0.18)
    assert np.abs(np.log2(found.sigma / truth[:, None])).mean() < 0.25  # stops


def test_a_second_frame_tells_grain_from_fine_texture_that_is_everywhere() -> None:
    weave = np.random.default_rng(4).normal(size=(*SIZE, 3)).astype(np.float32)  # of the set: the same in every frame
    cloth = np.float32(0.18) * np.exp2(weave * np.float32(0.3))
    here, there = (noisy(cloth, seed, 0.0, 0.01) for seed in (1, 2))
    alone = Grain.measure([here])
    told = alone.told_from_texture(here, there, np.zeros(SIZE, np.float32))
    assert np.median(alone.sigma) > 0.03  # the weave is taken for grain
    assert np.median(told.sigma) == pytest.approx(0.01, rel=0.15)
    bare = Grain.measure([noisy(RAMP, 1, 0.0)])
    assert bare.told_from_texture(noisy(RAMP, 1, 0.0), noisy(RAMP, 2, 0.0), np.zeros(SIZE, np.float32)) is bare


@pytest.mark.parametrize("soft", [0.0, 0.6, 1.0])
def test_fresh_grain_is_as_strong_and_as_soft_as_what_was_measured(soft: float) -> None:
    found = Grain.measure([noisy(RAMP, 1, soft)])
    level = np.full(SIZE, 0.18, np.float32)
    made = found.field(SIZE, 7, level)
    real = noisy(np.full((*SIZE, 3), 0.18, np.float32), 9, soft) - np.float32(0.18)
    assert 0.85 < made.std() / real.std() < 1.1
    assert abs(lag(made[..., 1], 1) - lag(real[..., 1], 1)) < 0.1
    assert abs(lag(made[..., 1], 3) - lag(real[..., 1], 3)) < 0.15


def test_colours_of_the_grain_belong_together_as_measured() -> None:
    grey = np.random.default_rng(3).normal(size=(*SIZE, 1)).astype(np.float32) * np.float32(0.01)
    found = Grain.measure([RAMP + grey])
    made = found.field(SIZE, 1, np.full(SIZE, 0.3, np.float32))
    assert np.corrcoef(made.reshape(-1, 3).T)[0, 1] > 0.95


def test_the_field_is_a_pure_function_of_the_seed_and_the_place() -> None:
    found, level = Grain.measure([noisy(RAMP, 1, 0.6)]), np.full((90, 120), 0.2, np.float32)
    whole = found.field((90, 120), 7, level)
    part = found.field((40, 50), 7, level[:40, :50], origin=(30, 20))
    assert np.allclose(whole[20:60, 30:80], part, atol=1e-7)
    assert np.array_equal(whole, found.field((90, 120), 7, level))
    assert abs(np.corrcoef(whole.ravel(), found.field((90, 120), 8, level).ravel())[0, 1]) < 0.05


def test_nothing_is_measured_where_the_matte_keeps_it_out() -> None:
    picture, matte = noisy(RAMP, 1, 0.0), np.zeros(SIZE, np.float32)
    picture[:, :240] = noisy(RAMP, 2, 0.0, 0.2)[:, :240]
    matte[:, :240] = 1
    found = Grain.measure([picture], [matte])
    assert np.abs(np.log2(found.sigma / (0.02 * np.sqrt(found.levels / 0.18))[:, None])).mean() < 0.25


@pytest.mark.parametrize("size", [(96, 120), (20, 300), (8, 8)])
def test_where_nothing_can_be_looked_at_there_is_no_grain(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(3).uniform(0, 1, (*size, 3)).astype(np.float32)
    everywhere = np.ones(size, np.float32)
    for grain in (Grain.measure([picture], [everywhere]), Grain.measure([picture[:20, :20]])):
        assert not grain.sigma.any()
    measured = Grain.measure([picture])
    assert measured.told_from_texture(picture, picture, everywhere) is measured


def test_a_clean_picture_has_no_grain_to_add() -> None:
    found = Grain.measure([np.full((*SIZE, 3), 0.18, np.float32)])
    assert np.abs(found.field((20, 20), 1, np.full((20, 20), 0.18, np.float32))).max() < 1e-5


def test_twice_the_light_has_twice_the_grain() -> None:
    picture = noisy(TEXTURED, 1, 0.6)
    one, two = Grain.measure([picture]), Grain.measure([picture * 2])
    assert np.allclose(two.levels, one.levels * 2, rtol=1e-5)
    assert np.allclose(two.sigma, one.sigma * 2, rtol=1e-4)


def test_the_ratio_is_one_for_grain_of_one_kind_and_follows_its_strength() -> None:
    inside = np.zeros(SIZE, np.float32)
    inside[:, 200:240] = 1
    around = cv2.dilate(inside, np.ones((41, 41), np.uint8))
    plate = noisy(TEXTURED, 1, 0.6)
    assert ratio(noisy(TEXTURED, 2, 0.6), plate, inside, around) == pytest.approx(1, abs=0.08)
    assert ratio(noisy(TEXTURED, 2, 0.6, 0.01), plate, inside, around) == pytest.approx(0.5, abs=0.08)
    assert ratio(cv2.GaussianBlur(plate, (0, 0), 1.2), plate, inside, around) < 0.3
    assert np.isnan(ratio(plate, plate, np.zeros_like(inside), around))


def test_fine_texture_is_told_from_grain_by_another_frame_of_it() -> None:
    random = np.random.default_rng(31)
    cloth = 0.2 + cv2.GaussianBlur(random.standard_normal((192, 192, 3), np.float32), (0, 0), 1.0) * np.float32(0.1)
    here, there = (cloth + random.normal(0, 0.004, cloth.shape).astype(np.float32) for _ in range(2))
    nowhere = np.zeros(cloth.shape[:2], np.float32)
    alone = Grain.measure([here])
    told = alone.told_from_texture(here, there, nowhere)
    level = np.full((1, 1), 0.2, np.float32)
    assert alone.strength(level).min() > 0.01  # texture passes for grain
    assert told.strength(level).mean() == pytest.approx(0.004, rel=0.1)
    assert told.kernel[RADIUS, RADIUS].min() > 0.9  # and its softness for that of the grain
    assert (
        alone.told_from_texture(here, here + np.float32(0.3) * random.random(cloth.shape, np.float32), nowhere) is alone
    )
    assert alone.told_from_texture(here, here, nowhere) is alone  # a frame that is held says nothing of grain
