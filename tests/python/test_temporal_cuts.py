"""Whether frames are of one shot, and whether a host gives other frames at all."""

from __future__ import annotations

import numpy as np
import pytest
from onelight.temporal.cuts import frozen, in_shot, same_shot
from temporalclips import SIZE, grainy, pan, seen, texture, zoom

SCENES = [texture(2 * SIZE[0], 2 * SIZE[1], seed) for seed in (1, 2, 3, 4)]
FIRST = grainy(seen(SCENES[0], pan(0)), 1)


@pytest.mark.parametrize("move", [(0.0, 0.0), (6.0, -2.0), (25.0, 8.0)])
def test_frames_of_a_moving_camera_are_one_shot(move: tuple[float, float]) -> None:
    assert same_shot(FIRST, grainy(seen(SCENES[0], pan(1, *move)), 2))


def test_a_zoom_a_change_of_stop_and_heavy_grain_are_no_cut() -> None:
    assert same_shot(FIRST, grainy(seen(SCENES[0], zoom(6)), 2))
    assert same_shot(FIRST, FIRST * np.float32(8))
    assert same_shot(grainy(FIRST, 3, 0.04), grainy(FIRST, 4, 0.04))


def test_another_scene_is_a_cut_whichever_way_one_looks() -> None:
    for index, scene in enumerate(SCENES[1:]):
        other = grainy(seen(scene, pan(0)), index)
        assert not same_shot(FIRST, other)
        assert not same_shot(other, FIRST)


def test_a_picture_of_another_size_is_another_shot() -> None:
    assert not same_shot(FIRST, np.ascontiguousarray(FIRST[:, :200]))


def test_two_black_frames_are_one_shot() -> None:
    assert same_shot(np.zeros_like(FIRST), np.zeros_like(FIRST))


def test_offsets_behind_a_cut_are_not_reached_on_either_side() -> None:
    pictures = {k: seen(SCENES[0], pan(k)) for k in (-1, 0, 1, 2)}
    pictures |= {k: seen(SCENES[1], pan(k)) for k in (-4, -2)}
    pictures |= {4: seen(SCENES[2], pan(0)), 8: seen(SCENES[0], pan(3))}  # back again behind another shot
    assert in_shot(pictures) == {-1, 0, 1, 2}
    assert in_shot({0: FIRST}) == {0}


def test_a_host_that_repeats_the_frame_is_noticed_and_a_still_shot_with_grain_is_not_taken_for_one() -> None:
    assert frozen({k: FIRST.copy() for k in (-1, 0, 1)})
    assert not frozen({0: FIRST, 1: FIRST.copy(), 2: grainy(FIRST, 5)})
    assert not frozen({0: FIRST})
