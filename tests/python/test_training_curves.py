"""Curves and sheets show the numbers and pictures that they were given."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from onelight.errors import RequestError
from onelight.training import curves
from onelight.training.curves import draw_curves, sheet, write_png


def line_rows(picture: np.ndarray, colour: tuple[int, int, int], columns: slice) -> np.ndarray:
    """Rows, from the top, at which a panel shows a colour."""
    return np.flatnonzero((picture[60:, columns] == colour).all(-1).any(1)) + 60


def test_a_loss_that_falls_tenfold_falls_as_far_on_the_paper_wherever_it_begins() -> None:
    history = [{"step": step, "loss": 10.0 ** -(step / 100)} for step in (0, 100, 200, 300)]
    picture = draw_curves(history)
    line = curves._LINES[0]
    marks = [line_rows(picture, line, slice(x - 3, x + 4)).mean() for x in (453, 817)]  # steps 100 and 200
    top, bottom = line_rows(picture, line, slice(91, 95)).min(), line_rows(picture, line, slice(1170, 1179)).max()
    assert np.diff([top, *marks, bottom]) == pytest.approx((bottom - top) / 3, rel=0.05)


def test_each_score_has_a_panel_of_its_own() -> None:
    history = [{"step": 0, "validation": {"error": 20.0, "psnr": 30.0}}, {"step": 5, "loss": 0.1}]
    assert draw_curves(history).shape[0] == 3 * draw_curves([]).shape[0]


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), 1e-30, 1e30])
def test_no_number_stops_the_drawing(value: float) -> None:
    history = [{"step": 1, "loss": value, "validation": {"score": value}}]
    assert draw_curves(history).dtype == np.uint8


def test_a_sheet_shows_each_picture_in_its_row_and_column() -> None:
    red, green = np.zeros((20, 30, 3), np.uint8), np.zeros((10, 12, 3), np.float32)
    red[..., 0], green[..., 1] = 255, 1.0
    found = sheet([[red, green], [green, red]], ["plate", "normals"])
    captions, found = found[:26], found[26:]
    assert (captions != captions[0, 0]).any()
    reds = np.argwhere((found == (255, 0, 0)).all(-1))
    greens = np.argwhere((found == (0, 255, 0)).all(-1))
    assert (len(reds), len(greens)) == (2 * 20 * 30, 2 * 10 * 12)
    halves = found.shape[0] // 2, found.shape[1] // 2
    for points, corner in ((reds, 0), (greens, 1)):
        quadrants = {(bool(y > halves[0]), bool(x > halves[1])) for y, x in points}
        assert quadrants == ({(False, False), (True, True)} if corner == 0 else {(False, True), (True, False)})


def test_values_outside_of_the_picture_are_clipped_and_grey_is_grey() -> None:
    found = sheet([[np.array([[-1.0, 0.5], [2.0, np.nan]], np.float32)]])
    assert found[6:8, 6:8, 0].tolist() == [[0, 128], [255, 0]]
    assert (found[..., 0] == found[..., 1])[6:8, 6:8].all()


def test_a_png_holds_the_pictures_colours(tmp_path: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (9, 7, 3), np.uint8)
    write_png(tmp_path / "x.png", picture)
    read = cv2.imread(str(tmp_path / "x.png"))
    assert read is not None and np.array_equal(read[..., ::-1], picture)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(RequestError, match=r"A picture of shape \(4, 4, 2\) was given"):
        sheet([[np.zeros((4, 4, 2), np.float32)]])
    with pytest.raises(RequestError, match="A sheet of no pictures"):
        sheet([])
