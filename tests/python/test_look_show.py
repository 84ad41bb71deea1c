"""The look of a whole clip and of a show: one measurement of everything, its text, its page and its commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import lookpictures as pictures
import numpy as np
import OpenImageIO as oiio
import pytest
from onelight import look
from onelight.cli.app import app
from onelight.errors import RequestError
from onelight.look import page, summary
from typer.testing import CliRunner

RIGHTS = '[[rights]]\nclips = ["*"]\nowner = "Studio"\nbasis = "production"\npurposes = ["look"]\n'


def frames(corner: float = -1.0, sigma: float = 0.01) -> Iterator[np.ndarray]:
    """Pairs of frames of different places, seen by one lens on one film."""
    for place in range(4):
        scene, _ = pictures.lamps(pictures.cloth(place, 0.4), 4, place)
        scene = pictures.vignetted(pictures.bloomed(scene), corner)
        for number in range(2):
            yield pictures.grained(scene, 10 * place + number, sigma, 0.6)


def mattes() -> Iterator[np.ndarray]:
    for _ in range(8):
        yield np.pad(np.ones((120, 120), np.float32), ((100, 140), (200, 320)))


@pytest.fixture(scope="module")
def measured() -> look.Look:
    return look.measure(frames(), mattes())


def test_one_measurement_holds_every_number_or_says_why_not(measured: look.Look) -> None:
    assert (measured.clips, measured.frames, measured.picture) == (1, 8, (640, 360))
    for name in look.MEASUREMENTS:
        assert (getattr(measured, name) is None) == (name in measured.why), name
    assert measured.grain is not None and measured.tone is not None and measured.skin is not None
    level = np.array(measured.grain.green.at)
    off = np.log2(np.array(measured.grain.green.value) / pictures.strength(level, 0.01))
    assert np.abs(off).mean() < 0.25
    assert measured.grain.pairs == 4


def test_a_look_is_the_same_text_again_and_comes_back_from_it(measured: look.Look) -> None:
    text = measured.to_json()
    assert look.Look.from_json(text) == measured
    assert look.Look.from_json(text).to_json() == text
    assert look.measure(frames(), mattes()).to_json() == text


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"version": 99}, "version 99"),
        ({"frames": "many"}, "look.frames"),
        ({"picture": [1]}, "look.picture"),
        ({"extra": 1}, "the fields"),
        ({"tone": {"stops": []}}, "look.tone"),
    ],
)
def test_a_look_that_was_changed_is_refused_by_name(measured: look.Look, change: dict, names: str) -> None:
    with pytest.raises(RequestError, match=names):
        look.Look.from_json(json.dumps({**json.loads(measured.to_json()), **change}))
    with pytest.raises(RequestError, match="no JSON"):
        look.Look.from_json("{")


def test_broken_pixels_do_not_spread(measured: look.Look) -> None:
    broken = list(frames())
    for frame in broken:
        frame[5, 5], frame[9, 9, 1] = np.nan, np.inf
    found = look.measure(broken)
    assert found.tone is not None and measured.tone is not None
    assert found.tone.stops.read(50) == pytest.approx(measured.tone.stops.read(50), abs=0.01)


def test_wrong_frames_and_mattes_are_refused_by_name() -> None:
    with pytest.raises(RequestError, match="no frame at all"):
        look.measure([])
    with pytest.raises(RequestError, match=r"\(360, 640\)"):
        look.measure([np.zeros(pictures.SIZE, np.float32)])
    with pytest.raises(RequestError, match="as many skin mattes"):
        look.measure(frames(), [np.zeros(pictures.SIZE, np.float32)])


def test_the_page_shows_every_measurement_and_differs_where_looks_do(measured: look.Look) -> None:
    other = look.measure(frames(-0.2, 0.03))
    one, two, both = page.draw({"one": measured}), page.draw({"one": other}), page.draw({"one": measured, "two": other})
    assert one.shape == two.shape == both.shape == (1080, 1920, 3) and one.dtype == np.uint8
    grain_panel = np.s_[650:1000, 80:480]
    assert (one[grain_panel] != two[grain_panel]).any()
    with pytest.raises(RequestError, match="one look or two"):
        page.draw({})
    apart = {difference.one.name: difference.apart for difference in summary.differences(measured, other)}
    assert apart["at grey"] and not apart["width"]
    assert not any(difference.apart for difference in summary.differences(measured, measured))


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("shows")
    shot = root / "plates"
    shot.mkdir()
    scene = pictures.bars(3, pictures.SIZE)
    for number in range(1, 9):
        moved = cv2.warpAffine(
            scene, np.array([[1, 0, 3.0 * number], [0, 1, 0]]), (640, 360), borderMode=cv2.BORDER_WRAP
        )
        image = oiio.ImageBuf(pictures.grained(moved, number, 0.01))
        assert image.write(str(shot / f"A001_C001.{number:04d}.exr"))
    (root / "rights.toml").write_text(RIGHTS)
    where = ["--show", "apollo", "--root", str(root / "all")]
    run(["show", "create", "apollo", "--root", str(root / "all")])
    run(["dailies", "ingest", str(shot), "--rights", str(root / "rights.toml"), "--space", "acescg", *where])
    return where


def run(arguments: list[str], fails: bool = False) -> str:
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code != 0) == fails, f"{result.output}\n{result.exception!r}"
    return f"{result.output}{result.exception or ''}"


def test_a_show_s_look_is_measured_kept_shown_and_compared(show: list[str], tmp_path: Path) -> None:
    told = run(["look", "measure", "--by", "setup", "--frames", "2", *show])
    folder = Path(show[-1]) / "apollo" / "look"
    kept = look.Look.from_json((folder / "show.json").read_bytes())
    assert kept.clips == 1 and kept.frames == 4 and kept.tone is not None
    assert str(folder / "show.png") in told.replace("\n", "")
    page = cv2.imread(str(folder / "show.png"))
    assert page is not None and page.shape == (1080, 1920, 3)
    setups = [key for key in json.loads((folder / "index.json").read_text()) if key.startswith("setup:")]
    assert len(setups) == 1
    assert "tone" in run(["look", "show", setups[0], *show])
    out = tmp_path / "both.png"
    assert "differ" in run(["look", "compare", "show", setups[0], "--out", str(out), *show])
    assert out.exists()
    assert "no look 'lens:Master Prime'" in run(["look", "show", "lens:Master Prime", *show], fails=True)


def test_skin_masks_come_by_clip_and_frame_number(show: list[str], tmp_path: Path) -> None:
    mask = np.zeros(pictures.SIZE, np.uint8)
    mask[100:220, 200:320] = 255
    cv2.imwrite(str(tmp_path / "face.0003.png"), mask)
    run(["look", "measure", "--frames", "1", "--skin", f"A001_C001={tmp_path}", *show])
    kept = look.Look.from_json((Path(show[-1]) / "apollo" / "look" / "show.json").read_bytes())
    assert kept.skin is not None and 10_000 <= kept.skin.pixels <= 15_000
    assert "no file" in run(["look", "measure", "--skin", f"A001_C001={tmp_path.parent}", *show], fails=True)
    assert "Nobody" in run(["look", "measure", "--skin", f"Nobody={tmp_path}", *show], fails=True)


def test_a_withdrawn_clip_is_named_when_its_look_is_shown(show: list[str]) -> None:
    run(["look", "measure", "--frames", "1", *show])
    run(["dailies", "withdraw", "A001_C001", "--why", "consent withdrawn", *show])
    assert "Withdrawn since it was measured: A001_C001" in run(["look", "show", *show]).replace("\n", "")
    assert "no clip whose look may be measured" in run(["look", "measure", *show], fails=True)
