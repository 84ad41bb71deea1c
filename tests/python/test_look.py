"""A look: every number that is put into a picture is found again within its own doubt, and what feigns it is told."""

from __future__ import annotations

import cv2
import lookpictures as pictures
import numpy as np
import pytest
from onelight import look
from onelight.errors import RequestError
from onelight.look import bloom, codec, fringes, grain, numbers, skin, tone, vignette
from onelight.temporal.grain import RADIUS

NEAR = 0.02  # picture heights: where halos are compared


def told(measured: float, error: float, truth: float, atmost: float) -> bool:
    """Whether the truth lies in the interval, half as wide again for the few tests' sake, and that is narrow enough."""
    return abs(measured - truth) < 1.5 * error and error < atmost


# bloom


@pytest.mark.parametrize(("ground", "seed"), [(pictures.dark, 1), (pictures.dark, 2), (pictures.cloth, 3)])
def test_a_lens_s_point_spread_is_found_around_lamps(ground, seed: int) -> None:
    scene, _ = pictures.lamps(ground(seed) * np.float32(0.15 if ground is pictures.cloth else 1), 6, seed)
    found = bloom.conclude([[bloom.observe(pictures.bloomed(scene))]])
    for channel, curve in enumerate((found.red, found.green, found.blue)):
        truth = pictures.farther((NEAR,), channel)[0]
        assert told(curve.read(NEAR), curve.doubt(NEAR), truth, 0.02 if ground is pictures.dark else 0.08)
    if ground is pictures.dark:
        truth = pictures.farther(bloom.DISTANCES, 1)
        assert np.allclose(found.green.value, truth, rtol=0.2, atol=0.004)
        assert found.red.read(NEAR) > found.blue.read(NEAR) * 1.3  # halation is red


def test_a_lens_without_bloom_is_said_to_have_none() -> None:
    scene, _ = pictures.lamps(pictures.dark(), 5, 4)
    found = bloom.conclude([[bloom.observe(scene)]])
    assert max(found.green.value) < 0.003


def test_one_lamp_with_a_halo_of_its_own_is_not_taken_for_the_lens() -> None:
    scene, places = pictures.lamps(pictures.dark(), 5, 5)
    y, x = np.mgrid[0 : scene.shape[0], 0 : scene.shape[1]]
    steam = 3 * np.exp(-((x - places[0][0]) ** 2 + (y - places[0][1]) ** 2) / (2 * 20.0**2))
    feigned = pictures.bloomed(scene + steam[..., None].astype(np.float32))
    found = bloom.conclude([[bloom.observe(feigned)]])
    truth = pictures.farther((NEAR,), 1)[0]
    assert told(found.green.read(NEAR), found.green.doubt(NEAR), truth, 0.04)


def test_a_single_lamp_or_clipped_lamps_do_not_tell_bloom() -> None:
    one, _ = pictures.lamps(pictures.dark(), 1, 6)
    with pytest.raises(numbers.Untold, match="3 are needed"):
        bloom.conclude([[bloom.observe(pictures.bloomed(one))]])
    many, _ = pictures.lamps(pictures.dark(), 5, 6)
    with pytest.raises(numbers.Untold, match="clipped"):
        bloom.conclude([[bloom.observe(np.minimum(pictures.bloomed(many), 1))]])


def test_the_same_lamps_in_more_frames_do_not_make_bloom_surer() -> None:
    scene, _ = pictures.lamps(pictures.dark(), 2, 7)
    frame = bloom.observe(pictures.bloomed(scene))
    with pytest.raises(numbers.Untold):
        bloom.conclude([[frame, frame, frame]])


# vignette


def scenes(corner: float, count: int = 20) -> list[vignette.Seen]:
    return [vignette.observe(pictures.vignetted(pictures.cloth(seed, 0.4), corner)) for seed in range(count)]


@pytest.mark.parametrize("corner", [0.0, -0.6, -1.5])
def test_a_vignette_is_found_over_many_pictures(corner: float) -> None:
    found = vignette.conclude(scenes(corner))
    assert told(found.corner, found.loss.error[-1], corner, 0.4)
    assert told(found.loss.read(0.5), found.loss.doubt(0.5), corner * (0.7 / 4 + 0.3 / 16), 0.2)
    assert found.pictures > 16


def test_a_dark_corner_of_a_set_is_no_vignette() -> None:
    def shaded(seed: int) -> np.ndarray:
        scene = pictures.cloth(seed, 0.4)
        y, x = np.mgrid[0 : scene.shape[0], 0 : scene.shape[1]] / scene.shape[0]
        shade = 3 * np.clip(1 - np.hypot(x, y) / 0.7, 0, 1)  # one corner falls off by three stops
        return scene * np.exp2(-shade)[..., None].astype(np.float32)

    found = vignette.conclude([vignette.observe(shaded(seed)) for seed in range(24)])
    assert abs(found.corner) < found.loss.error[-1]


def test_one_picture_or_many_frames_of_it_do_not_tell_a_vignette() -> None:
    scene = pictures.vignetted(pictures.cloth(1, 0.4), -0.8)
    frames = [vignette.observe(pictures.grained(scene, seed, 0.005)) for seed in range(8)]
    with pytest.raises(numbers.Untold, match="1 different picture cannot"):
        vignette.conclude(frames)


def test_corners_brighter_than_the_middle_are_said_to_be_the_scene() -> None:
    with pytest.raises(numbers.Untold, match="no lens"):
        vignette.conclude(scenes(1.5))


# fringes


@pytest.mark.parametrize(("red", "blue"), [(0.0, 0.0), (1.5, -1.0), (-0.8, 2.5)])
@pytest.mark.parametrize("seed", [1, 2])
def test_fringes_are_found_at_coloured_edges(red: float, blue: float, seed: int) -> None:
    found = fringes.conclude([fringes.observe(pictures.fringed(pictures.bars(seed), red, blue))])
    for curve, truth in ((found.red, red), (found.blue, blue)):
        assert told(curve.value[-1], curve.error[-1], truth, 0.5)
        assert abs(curve.value[-1] - truth) < 0.15 + 0.1 * abs(truth)
    half = np.hypot(1280, 720) / 2000
    assert found.pixels((1280, 720))[0] == pytest.approx(found.red.value[-1] * half)


def test_a_channel_that_a_codec_moved_as_a_whole_is_no_fringe() -> None:
    scene = pictures.bars(3)
    scene[..., 2] = cv2.warpAffine(scene[..., 2].copy(), np.array([[1, 0, 0.5], [0, 1, 0]]), (1280, 720))
    found = fringes.conclude([fringes.observe(scene)])
    assert abs(found.blue.value[-1]) < max(found.blue.error[-1], 0.15)


def test_fringes_survive_chroma_of_half_the_detail() -> None:
    scene = pictures.fringed(pictures.bars(4), 2.0, -2.0)
    luma = cv2.cvtColor(scene, cv2.COLOR_RGB2YCrCb)
    for plane in (1, 2):
        half = cv2.resize(luma[..., plane], (640, 360), interpolation=cv2.INTER_AREA)
        luma[..., plane] = cv2.resize(half, (1280, 720), interpolation=cv2.INTER_LINEAR)
    found = fringes.conclude([fringes.observe(cv2.cvtColor(luma, cv2.COLOR_YCrCb2RGB))])
    assert found.red.value[-1] == pytest.approx(2, rel=0.3) and found.blue.value[-1] == pytest.approx(-2, rel=0.3)


def test_black_and_white_or_smooth_pictures_do_not_tell_fringes() -> None:
    grey = np.repeat(pictures.bars(5)[..., 1:2], 3, axis=2)
    for picture in (grey, pictures.ramp()):
        with pytest.raises(numbers.Untold, match="sharp edges"):
            fringes.conclude([fringes.observe(picture)])


# grain


def pairs(scene, sigma: float, soft: float = 0.0, tied: float = 0.0, seed: int = 10) -> list[grain.Seen | None]:
    def frame(number: int) -> np.ndarray:
        return pictures.grained(scene(seed), 100 * seed + number, sigma, soft, tied)

    return [grain.observe(frame(2 * n + 1), frame(2 * n)) for n in range(2)]


@pytest.mark.parametrize("scene", [pictures.ramp, pictures.cloth])
@pytest.mark.parametrize(("sigma", "soft", "seed"), [(0.004, 0.0, 10), (0.02, 0.6, 11), (0.01, 1.0, 12)])
def test_grain_is_found_at_every_level_beside_texture(scene, sigma: float, soft: float, seed: int) -> None:
    found = grain.conclude(pairs(scene, sigma, soft, seed=seed))
    for curve in (found.red, found.green, found.blue):
        truth = pictures.strength(np.array(curve.at), sigma)
        assert np.abs(np.log2(np.array(curve.value) / truth)).max() < 0.4
        assert np.abs(np.log2(np.array(curve.value) / truth)).mean() < 0.25
    power = np.exp(-((2 * np.pi * np.array(grain.FREQUENCIES) * soft) ** 2))
    seen = np.array(found.spectrum.value)
    clear = power > 0.05 * power.max()
    clear[:2] = False  # as coarse as the blocks that are looked at
    shape = seen[clear] / seen[clear].mean() - power[clear] / power[clear].mean()
    assert np.abs(shape).max() < 0.35
    width = 1 if soft == 0 else max(1.0, 2 * soft * 2 * np.sqrt(np.log(2)))
    assert found.size == pytest.approx(width, rel=0.2)


def test_the_tie_between_the_colours_of_grain_is_found() -> None:
    free, tied = (grain.conclude(pairs(pictures.ramp, 0.01, 0.6, tie)) for tie in (0.0, 0.5))
    assert np.abs(free.ties).max() < 0.1
    assert np.mean(tied.ties) == pytest.approx(2 / 3, abs=0.07)


def test_regrain_makes_grain_of_the_measured_kind() -> None:
    measured = grain.conclude(pairs(pictures.ramp, 0.02, 0.8, 0.4))
    again = look.Look.from_json(look_of(measured).to_json()).grain
    assert again is not None
    level = np.full((256, 256), 0.18, np.float32)
    made = look.regrain(again).field((256, 256), 3, level)
    assert made.std() == pytest.approx(0.02, rel=0.12)
    assert np.corrcoef(made.reshape(-1, 3).T)[0, 1] == pytest.approx(measured.ties[0], abs=0.05)
    real = pictures.grained(np.full((256, 256, 3), 0.18, np.float32), 1, 0.02, 0.8) - np.float32(0.18)
    for step in (1, 2):
        lag = [(f[:, step:, 1] * f[:, :-step, 1]).mean() / (f[..., 1] ** 2).mean() for f in (made, real)]
        assert lag[0] == pytest.approx(lag[1], abs=0.12)


def look_of(measured: grain.GrainLook) -> look.Look:
    return look.Look(1, 4, (640, 360), None, None, None, measured, None, None, {})


def test_a_broken_kernel_is_refused() -> None:
    measured = grain.conclude(pairs(pictures.ramp, 0.02))
    with pytest.raises(RequestError, match=str((2 * RADIUS + 1) ** 2 * 3)):
        look.regrain(grain.GrainLook(**{**measured.__dict__, "kernel": measured.kernel[:-3]}))


def test_what_a_codec_left_is_not_taken_for_grain() -> None:
    frames = [pictures.grained(pictures.cloth(5) * np.float32(0.8), n, 0.01) for n in range(4)]
    small = [pictures.jpeg(frame, 40) for frame in frames]
    with pytest.raises(numbers.Untold, match="what it left"):
        grain.conclude([grain.observe(small[1], small[0]), grain.observe(small[3], small[2])])
    copied = frames[1].copy()  # as a codec that skips blocks where little changes
    copied[:, :400] = frames[0][:, :400]
    with pytest.raises(numbers.Untold, match="copied"):
        grain.conclude([grain.observe(copied, frames[0])])
    assert codec.grid(frames[0]) < codec.GRID


@pytest.mark.parametrize("phase", [(0, 0), (3, 5)])
def test_a_codec_s_grid_is_found_wherever_a_crop_put_it(phase: tuple[int, int]) -> None:
    frame = pictures.jpeg(pictures.grained(pictures.ramp(), 1, 0.01), 30)
    assert codec.grid(np.ascontiguousarray(frame[phase[0] :, phase[1] :])) > codec.GRID


def test_repeated_frames_other_shots_and_single_frames_do_not_tell_grain() -> None:
    one = pictures.grained(pictures.cloth(6), 1, 0.01)
    with pytest.raises(numbers.Untold, match="repeats"):
        grain.conclude([grain.observe(one, one.copy())])
    assert grain.observe(one, pictures.grained(pictures.bars(9, pictures.SIZE), 2, 0.01)) is None
    with pytest.raises(numbers.Untold, match="follow each other"):
        grain.conclude([None])


def test_clean_pictures_have_no_grain() -> None:
    clean = pictures.cloth(7)
    with pytest.raises(numbers.Untold):
        grain.conclude([grain.observe(clean + np.float32(1e-9), clean)])


# tone and skin


def test_percentiles_are_those_of_the_pixels() -> None:
    frames = [pictures.cloth(seed) * np.float32(np.exp2(seed - 2)) for seed in range(5)]
    found = tone.conclude([[tone.observe(frame) for frame in frames]])
    light = np.concatenate([f.reshape(-1, 3) @ [0.27222872, 0.67408177, 0.05368952] for f in frames])
    truth = np.percentile(np.log2(light / 0.18), tone.PERCENTILES)
    assert np.abs(np.array(found.stops.value) - truth).max() < 0.1
    assert found.contrast == pytest.approx(truth[5] - truth[1], abs=0.15)
    assert sum(found.profile) == pytest.approx(1, abs=1e-3)


def test_black_and_clipped_shares_are_counted_and_a_black_clip_is_said_to_be_one() -> None:
    frame = np.minimum(pictures.cloth(1), 0.3)
    frame[:90] = 0
    found = tone.conclude([[tone.observe(frame)]])
    assert found.black == pytest.approx(0.25, abs=0.01)
    assert found.clipped > 0.05
    with pytest.raises(numbers.Untold, match="black"):
        tone.conclude([[tone.observe(np.zeros_like(frame))]])


def face(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    frame, mask = pictures.cloth(seed), np.zeros(pictures.SIZE, np.float32)
    cv2.ellipse(mask, (320, 180), (70, 100), 0, 0, 360, 1, -1)
    a, b = random.normal(0.45, 0.08, pictures.SIZE), random.normal(-0.7, 0.12, pictures.SIZE)
    green = 0.2 * np.exp2(random.normal(0, 0.3, pictures.SIZE))
    skin_colour = np.stack([green * np.exp2(a), green, green * np.exp2(b)], axis=-1).astype(np.float32)
    return np.where(mask[..., None] > 0, skin_colour, frame), mask


def test_the_skin_locus_is_found_from_a_mask_alone() -> None:
    seen = [skin.observe(*face(seed)) for seed in range(3)]
    found = skin.conclude([seen])
    assert found.colour == pytest.approx((0.45, -0.7), abs=0.02)
    assert found.spread == pytest.approx((0.08, 0.12), abs=0.02)
    assert found.pixels % 1000 == 0
    every = [value for value in numbers.told(found).values() if value is not found.pixels]
    assert all(round(v, 2) == v for one in every for v in (one if isinstance(one, list) else [one]))


def test_too_little_skin_is_not_told_so_that_nobody_is_identified() -> None:
    frame, mask = face(1)
    mask[:, 335:] = mask[:, :305] = 0
    mask[:150] = 0
    with pytest.raises(numbers.Untold, match="identified"):
        skin.conclude([[skin.observe(frame, mask)]])
    with pytest.raises(numbers.Untold, match="No skin mask"):
        skin.conclude([[None]])
    with pytest.raises(RequestError, match="frame's size"):
        skin.observe(frame, mask[:100])
