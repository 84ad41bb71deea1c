"""The demo through the real plug-in, and its numbers on pictures whose answer is known."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from onelight import images
from onelight.cli.app import app
from onelight.demo import cleanup, measure, picture, run
from onelight.tools.cleanup import wires
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def shown(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo's folder and what it printed, with a short clip."""
    out = tmp_path_factory.mktemp("demo") / "out"
    done = CliRunner().invoke(app, ["demo", "--out", str(out), "--frames", "4"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return out, done.output


def test_it_writes_stills_passes_clip_contact_sheet_and_movie(shown: tuple[Path, str]) -> None:
    out, _ = shown
    for name, looks in run.STILLS.items():
        plate = images.read_frame(run.footage.PLATES / name)
        first, *_ = looks
        stem = Path(name).stem
        for file in [*(f"{stem}_{look}" for look in looks), *(f"{stem}_{first}_{each}" for each in run.PASSES)]:
            result = images.read_frame(out / "still" / f"{file}.exr")
            assert result.pixels.dtype == plate.pixels.dtype
            assert result.window == plate.window
            assert np.isfinite(result.pixels).all()
            assert (result.pixels[..., :3] != plate.pixels[..., :3]).any()
    assert len(list((out / "clip").glob("*.exr"))) == 4
    sheet = cv2.imread(str(out / "contact_sheet.png"))
    assert sheet is not None
    assert sheet.shape[1] == 4 * 480
    with av.open(str(out / "relight.mov")) as movie:
        pictures = [frame.to_ndarray(format="rgb24") for frame in movie.decode(movie.streams.video[0])]
        assert movie.streams.video[0].codec_context.name == "prores"
    assert len(pictures) == 36 + 8
    assert pictures[0].shape == (540, 960, 3)
    assert np.abs(pictures[0].astype(int) - pictures[35]).mean() < 1  # the slate stands
    assert np.abs(pictures[36].astype(int) - pictures[-1]).mean() > 2  # plate at first, result at last


def test_it_prints_times_flicker_and_how_well_the_passes_rebuild_the_result(shown: tuple[Path, str]) -> None:
    out, said = shown
    for words in ("milliseconds a frame at 960 x 540 (medians): cold", "warm", "knob", "flicker of what stands still"):
        assert words in said
    assert "plate x ratio + added = result" in said
    numbers = json.loads((out / "summary.json").read_text())["numbers"]
    assert numbers["flicker_ratio"] <= 1.1
    assert numbers["rebuilt_steps"] <= 4
    assert numbers["sky_edge_stops"] <= 0.1


def test_it_takes_wires_out_of_a_clip_and_a_still_and_shows_from_where_their_place_was_filled(
    shown: tuple[Path, str],
) -> None:
    out, said = shown
    truths = run.footage.clip(cleanup.CLIP, cleanup.CLIP_FIRST, 4)
    for number, truth in truths.items():
        plate = wires.paste(truth[..., :3].astype(np.float32), [cleanup.swinging()], number).picture
        result = images.read_frame(out / "cleanup" / f"flower.{number:04d}.exr").pixels[..., :3].astype(np.float32)
        hidden = np.abs(plate - truth[..., :3]).max(axis=-1) > 0.02
        error = [float(((each - truth[..., :3])[hidden] ** 2).mean()) for each in (plate, result)]
        assert error[1] < 0.5 * error[0]  # most of the wire is gone, and what came in its place is like the truth
    for name in ("matte", "source", "confidence", "patch", "result"):
        assert images.read_frame(out / "cleanup" / f"city_{name}.exr").pixels.shape == (432, 768, 4)
    with av.open(str(out / "cleanup.mov")) as movie:
        pictures = [frame.to_ndarray(format="rgb24") for frame in movie.decode(movie.streams.video[0])]
    assert len(pictures) == 36 + 8
    sheet = cv2.imread(str(out / "cleanup_sheet.png"))
    assert sheet is not None
    assert sheet.shape[1] == 4 * 480
    assert "milliseconds a frame at 960 x 540, range 4" in said
    assert json.loads((out / "summary.json").read_text())["cleanup"]["outside_changed"] == 0


def test_the_second_time_it_only_says_what_it_knows(shown: tuple[Path, str]) -> None:
    out, said = shown
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    again = CliRunner().invoke(app, ["demo", "--out", str(out), "--frames", "4"], catch_exceptions=False)
    assert again.output.splitlines()[:-1] == said.splitlines()[:-1]
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}


def frames(change: float = 0.0) -> dict[int, np.ndarray]:
    """A still picture with grain over six frames; `change` is how many stops its level jumps from frame to frame."""
    random = np.random.default_rng(1)
    base = cv2.GaussianBlur(random.uniform(0.05, 2, (96, 128, 4)).astype(np.float32), (0, 0), 3)
    grain = {n: random.normal(1, 0.05, base.shape).astype(np.float32) for n in range(1, 7)}
    return {n: (base * grain[n] * 2 ** (change * (n % 2))).astype(np.float32) for n in grain}


def test_flicker_does_not_count_gain_but_counts_every_jump() -> None:
    plates = frames()
    darker = {n: pixels * 0.25 for n, pixels in plates.items()}
    before, after = measure.flicker(plates, darker)
    assert after == pytest.approx(before, rel=1e-3)
    assert measure.flicker(plates, frames(change=0.1))[1] == pytest.approx(0.1, rel=0.1)


def test_the_sky_edge_is_clean_for_one_gain_and_for_a_slow_ramp_and_not_for_a_halo() -> None:
    sky = np.zeros((200, 300), np.float32)
    sky[:120] = 1
    plate = np.where(sky[..., None] > 0, 2.0, 0.1).repeat(4, -1).astype(np.float32)
    ramp = np.linspace(0.5, 0.6, 300, dtype=np.float32)[None, :, None]
    assert measure.sky_edge(plate, plate * 0.5, sky) < 1e-3
    assert measure.sky_edge(plate, plate * ramp, sky) < 0.02
    halo = np.ones_like(plate)
    halo[105:120] = 1.5
    assert measure.sky_edge(plate, plate * 0.5 * halo, sky) == pytest.approx(np.log2(1.5), rel=0.1)


def test_the_passes_rebuild_is_exact_for_exact_passes_and_counts_steps() -> None:
    plate = np.full((4, 4, 4), 0.5, np.float16)
    ratio, added = np.full_like(plate, 2), np.full_like(plate, 0.25)
    result = plate * ratio + added
    assert measure.rebuilt(plate, ratio, added, result) == 0
    assert measure.rebuilt(plate, ratio, added, np.nextafter(result, np.float16(9))) == pytest.approx(1)


def test_middle_grey_looks_like_middle_grey_through_the_view() -> None:
    grey = np.full((2, 2, 4), 0.18, np.float32)
    for space in ("acescg", "lin_rec709"):
        value = picture.viewed(grey, space)
        assert 85 <= value.min() <= value.max() <= 125  # ACES puts 18 % grey at about 10 nits of 100
