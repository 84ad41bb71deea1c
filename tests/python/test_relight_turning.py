"""Pictures turned about the line of sight: where things go, that nothing is cut off, and that all of it comes back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from onelight.tools.relight import turning

ANGLES = (0.0, 0.4, np.pi / 2, 2.5, -1.1, np.pi)


@pytest.mark.parametrize("angle", ANGLES)
def test_what_lies_in_a_direction_goes_where_the_direction_goes(angle: float) -> None:
    size, towards = (60, 90), np.array([25.0, 10.0], np.float32)  # right, up of the middle
    picture = np.zeros(size, np.float32)
    picture[round(29.5 - towards[1]), round(44.5 + towards[0])] = 1
    canvas = turning.around(size, angle)
    there = turning.image(cv2.GaussianBlur(picture, (0, 0), 1.5), angle, canvas)
    row, column = np.unravel_index(int(there.argmax()), canvas)
    found = np.array([column - (canvas[1] - 1) / 2, (canvas[0] - 1) / 2 - row])
    assert np.abs(found - turning.directions(towards, angle)).max() < 1.6


@pytest.mark.parametrize("angle", ANGLES)
def test_a_picture_turned_there_and_back_is_itself(angle: float) -> None:
    random = np.random.default_rng(2)
    picture = cv2.GaussianBlur(random.uniform(0, 1, (50, 70, 3)).astype(np.float32), (0, 0), 3)
    canvas = turning.around((50, 70), angle)
    there = turning.image(picture, angle, canvas, spread=True)
    back = turning.image(there, -angle, (50, 70), spread=True)
    assert there.shape == (*canvas, 3)
    assert np.abs(back - picture)[2:-2, 2:-2].max() < 0.02


def test_beyond_the_border_there_is_nothing_or_what_the_border_shows() -> None:
    ones = np.ones((40, 40, 1), np.float32)
    empty, spread = (turning.image(ones, np.pi / 4, (58, 58), spread=spread) for spread in (False, True))
    assert empty.shape == spread.shape == (58, 58, 1)
    assert empty[0, 0] == 0 < empty[29, 29]
    assert np.allclose(spread, 1)
