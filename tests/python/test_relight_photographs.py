"""`evaluate relight --cases`: photographs of objects under known lights, however they are written or broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest
from onelight.errors import OnelightError
from onelight.images import Frame, write_frame
from onelight.tools.relight import photographs as photographed_objects
from onelight.tools.relight import score
from relitballs import LIGHTS, SIZE, ball, evaluate, photographed, rows_of


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    return photographed(tmp_path)


def test_every_ordered_pair_of_photographs_is_asked_and_nothing_is_the_best_gained_plate(photographs: Path) -> None:
    rows = [row for row in rows_of("--cases", photographs) if row["metric"] == "psnr"]
    pairs = {f"ball_{i:02d}_{j:02d}" for i in range(3) for j in range(3) if i != j}
    pairs |= {f"half_{i:02d}_{j:02d}" for i in (1, 2, 3) for j in (1, 2, 3) if i != j}
    for method in ("model", "nothing"):
        assert sorted(row["case"] for row in rows if row["method"] == method) == sorted(pairs)
    scene = ball()
    plate, truth = (scene.keys[i] + 0.02 * scene.ambient for i in (0, 2))
    x, y = (image[scene.matte > 0.5].astype(np.float32).astype(np.float64) for image in (plate, truth))
    gain = (x * y).sum() / (x * x).sum()
    expected = 10 * np.log10(np.quantile(y, 0.995) ** 2 / ((x * gain - y) ** 2).mean())
    said = next(row["value"] for row in rows if (row["case"], row["method"]) == ("ball_00_02", "nothing"))
    assert said == pytest.approx(expected, abs=0.01)


def test_with_both_lights_told_relight_beats_the_best_gained_plate_on_a_ball(photographs: Path) -> None:
    found = rows_of("--cases", photographs / "ball", "--methods", "model,nothing")
    means = {
        method: np.mean([row["value"] for row in found if (row["method"], row["metric"]) == (method, "psnr")])
        for method in ("model", "nothing")
    }
    assert means["model"] > means["nothing"] + 1


def test_the_sheet_shows_the_best_the_median_and_the_worst_case(photographs: Path, tmp_path: Path) -> None:
    done = evaluate("--cases", photographs, "--sheet", tmp_path / "sheet.png")
    assert done.exit_code == 0, done.output
    assert "the model is" in done.output
    image = cv2.imread(str(tmp_path / "sheet.png"))
    assert image is not None
    assert image.shape[0] > 3 * 200  # three lines of tiles
    assert image.std() > 20


def break_rows(folder: Path) -> None:
    np.savetxt(folder / "lights.txt", LIGHTS[:2])


def break_direction(folder: Path) -> None:
    (folder / "lights.txt").write_text("0 0 1\n0 0 0\n1 0 1\n")


def break_words(folder: Path) -> None:
    (folder / "lights.txt").write_text("x y z\n0 0 1\n0 1 1\n1 0 1\n")


def break_size(folder: Path) -> None:
    cv2.imwrite(str(folder / "light.01.png"), np.full((8, 9, 3), 99, np.uint8))
    (folder / "light.01.exr").unlink()


def break_image(folder: Path) -> None:
    path = folder / "light.02.exr"
    path.write_bytes(path.read_bytes()[:400])


def break_mask(folder: Path) -> None:
    cv2.imwrite(str(folder / "mask.png"), np.zeros((SIZE, SIZE), np.uint8))


def break_light(folder: Path) -> None:
    rgba = np.zeros((SIZE, SIZE, 4), np.float32)
    write_frame(folder / "light.01.exr", Frame.of(rgba), rgba)


def break_pixels(folder: Path) -> None:
    rgba = np.full((SIZE, SIZE, 4), np.nan, np.float32)
    write_frame(folder / "light.01.exr", Frame.of(rgba), rgba)


def break_glint(folder: Path) -> None:
    rgba = np.zeros((SIZE, SIZE, 4), np.float32)
    rgba[SIZE // 2, SIZE // 2] = 5
    write_frame(folder / "light.02.exr", Frame.of(rgba), rgba)


def break_numbers(folder: Path) -> None:
    (folder / "light.1.png").write_bytes((folder / "light.01.exr").read_bytes())


def break_masks(folder: Path) -> None:
    cv2.imwrite(str(folder / "mask.tif"), np.full((SIZE, SIZE), 255, np.uint8))


def break_lights(folder: Path) -> None:
    (folder / "lights.txt").rename(folder / "light_directions.txt")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (break_rows, ["lights.txt has 2 rows for 3 images"]),
        (break_direction, ["lights.txt, line 2", "points nowhere"]),
        (break_words, ["lights.txt, line 1", "x y z are expected"]),
        (break_size, ["light.01.png is 9 x 8", f"{SIZE} x {SIZE}"]),
        (break_image, ["light.02.exr"]),
        (break_mask, ["mask.png is black everywhere"]),
        (break_light, ["light.01.exr is black"]),
        (break_pixels, ["light.01.exr has", "broken pixels"]),
        (break_glint, ["light.02.exr is black"]),
        (break_numbers, ["two images number 1", "light.01.exr", "light.1.png"]),
        (break_masks, ["mask.png and mask.tif", "keep one mask"]),
        (break_lights, ["images but no lights.txt"]),
    ],
)
@pytest.mark.parametrize("name", ["ball", "half"])
def test_broken_photographs_are_named_in_a_sentence_before_any_is_scored(
    photographs: Path, damage: Any, words: list[str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "half":  # the other object comes first, and is whole
        (photographs / "half").rename(photographs / "any")
    damage(photographs / "ball")
    monkeypatch.setattr(score, "psnr", None)  # nothing is measured before all is read
    done = evaluate("--cases", photographs, "--methods", "nothing")
    assert isinstance(done.exception, OnelightError)
    said = json.loads(evaluate("--cases", photographs, "--methods", "nothing", "--json").stdout)
    assert said["error"] == str(done.exception)
    for word in words:
        assert word in said["error"]


def nothings(*words: object) -> dict[str, float]:
    found = rows_of("--methods", "nothing", *words)
    return {row["case"]: row["value"] for row in found if row["metric"] == "psnr"}


def cut_out(folder: Path, mask: np.ndarray) -> None:
    """A white picture that carries its shape in alpha."""
    cv2.imwrite(str(folder / "mask.png"), np.dstack([np.full_like(mask, 255)] * 3 + [mask]))


def painted(folder: Path, mask: np.ndarray) -> None:
    """A mask in green alone, opaque."""
    cv2.imwrite(str(folder / "mask.png"), np.dstack([mask * 0, mask, mask * 0, np.full_like(mask, 255)]))


def noted(folder: Path, mask: np.ndarray) -> None:
    """Rows as a spreadsheet on another system writes them."""
    rows = "\r\n".join("; ".join(f"{value:.6f}" for value in row) + "  # lamp" for row in LIGHTS[:3])
    (folder / "lights.txt").write_bytes(b"\xef\xbb\xbf# x y z\r\n" + rows.encode())


def grey(folder: Path, mask: np.ndarray) -> None:
    """A mask in grey with an opaque alpha."""
    spec = oiio.ImageSpec(SIZE, SIZE, 2, "uint8")
    spec.channelnames = ("Y", "A")
    image = oiio.ImageBuf(spec)
    image.set_pixels(oiio.ROI(), np.dstack([mask / 255.0, np.ones_like(mask)]).astype(np.float32))
    assert image.write(str(folder / "mask.png")), image.geterror()


def cropped(folder: Path, mask: np.ndarray) -> None:
    """A picture that keeps its data window alone: the object's part of the format."""
    path = folder / "light.01.exr"
    whole = oiio.ImageBuf(str(path))
    top, left = np.argwhere(mask).min(axis=0)
    bottom, right = np.argwhere(mask).max(axis=0) + 1
    part = oiio.ImageBufAlgo.crop(whole, roi=oiio.ROI(int(left), int(right), int(top), int(bottom)))
    assert part.write(str(path)), part.geterror()


def cropped_mask(folder: Path, mask: np.ndarray) -> None:
    """An opaque mask in colours, with data around the object alone."""
    (folder / "mask.png").unlink()
    rgba = np.dstack([mask / np.float32(255)] * 3 + [np.ones_like(mask)]).astype(np.float32)
    write_frame(folder / "mask.exr", Frame.of(rgba), rgba)
    whole = oiio.ImageBuf(str(folder / "mask.exr"))
    assert oiio.ImageBufAlgo.crop(whole, roi=oiio.ROI(2, SIZE - 3, 1, SIZE - 2)).write(str(folder / "mask.exr"))


@pytest.mark.parametrize("written", [cut_out, painted, grey, noted, cropped, cropped_mask])
def test_masks_lights_and_windows_mean_the_same_however_they_are_written(photographs: Path, written: Any) -> None:
    before = nothings("--cases", photographs / "ball")
    written(photographs / "ball", (ball().matte * 255).astype(np.uint8))
    assert nothings("--cases", photographs / "ball") == before


def test_rows_that_lie_beside_the_objects_too_are_nobodys_and_pictures_there_are_refused(photographs: Path) -> None:
    before = nothings("--cases", photographs)
    (photographs / "lights.txt").write_bytes((photographs / "ball" / "lights.txt").read_bytes())
    assert nothings("--cases", photographs) == before
    (photographs / "light.00.exr").write_bytes((photographs / "ball" / "light.00.exr").read_bytes())
    said = json.loads(evaluate("--cases", photographs, "--json").stdout)
    assert "is an object itself and holds others (ball)" in said["error"]


def test_a_count_takes_so_many_plates_of_each_object_and_asks_them_about_every_light(photographs: Path) -> None:
    found = nothings("--cases", photographs, "--count", 2)
    assert sorted(found) == sorted(
        f"{name}_{i:02d}_{j:02d}"
        for name, first in (("ball", 0), ("half", 1))
        for i in (first, first + 2)
        for j in range(first, first + 3)
        if i != j
    )


def test_an_object_seen_from_inside_its_folder_keeps_its_name(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photographs / "ball")
    assert set(nothings("--cases", ".")) == set(nothings("--cases", photographs / "ball"))


def test_pixels_beyond_what_is_kept_are_read_when_their_turn_comes(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = nothings("--cases", photographs)
    monkeypatch.setattr(photographed_objects, "KEPT_BYTES", 1)
    assert nothings("--cases", photographs) == before


def test_a_sheet_that_cannot_be_made_is_refused_before_the_scoring(photographs: Path, tmp_path: Path) -> None:
    asked = ("--json", "--cases", photographs, "--sheet")
    said = json.loads(evaluate(*asked, tmp_path / "none" / "sheet.png").stdout)
    assert "There is no folder" in said["error"]
    said = json.loads(evaluate(*asked, tmp_path / "sheet.png", "--methods", "nothing").stdout)
    assert "needs the methods model and nothing" in said["error"]


def test_a_method_with_nothing_to_measure_says_so(photographs: Path) -> None:
    said = json.loads(evaluate("--json", "--cases", photographs, "--methods", "normals").stdout)
    assert "true normals are needed" in said["error"]


def test_the_version_under_test_is_named_beside_its_score(photographs: Path) -> None:
    said = json.loads(evaluate("--json", "--cases", photographs / "ball", "--version", "classical1").stdout)
    assert (said["tool"], said["version"], said["error"]) == ("relight", "classical1", "")
    assert {"rows", "summary", "against", "digest", "provider"} <= said.keys()
