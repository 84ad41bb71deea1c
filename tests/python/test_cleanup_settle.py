"""The course of a wire through a shot as a whole, against every course there is."""

from __future__ import annotations

import numpy as np
from onelight.tools.cleanup import settle
from onelight.tools.cleanup.across import BENDS, TILTS, posed, poses

SHAPE = (23, len(TILTS), len(BENDS))
START = (11, 6, 3)


def best_of_all(tables: list[np.ndarray], end: tuple[int, int, int] | None) -> float:
    """The most that a course through the tables is worth, every step from every pose to every other tried."""
    at = np.stack(np.meshgrid(*(np.arange(side) for side in SHAPE), indexing="ij"), axis=-1).reshape(-1, 3)
    apart = at[:, None] - at[None]
    price = settle.HASTE * apart[..., 0] ** 2 + settle.TURNS * (apart[..., 1] ** 2 + apart[..., 2] ** 2)
    price[(np.abs(apart) > (settle.SPEED, 1, 1)).any(axis=-1)] = np.inf
    total = np.where((at == START).all(axis=1), 0.0, -np.inf)
    for table in tables:
        total = (total[None] - price).max(axis=1) + table.ravel()
    return float(total.max() if end is None else total[(at == end).all(axis=1)][0])


def worth(tables: list[np.ndarray], ways: list[tuple[int, ...]]) -> float:
    total = 0.0
    for table, one, other in zip(tables, [START, *ways], ways, strict=False):
        shift, tilt, bend = np.subtract(other, one)
        assert abs(shift) <= settle.SPEED and abs(tilt) <= 1 and abs(bend) <= 1
        total += float(table[other]) - settle.HASTE * shift**2 - settle.TURNS * (tilt**2 + bend**2)
    return total


def test_no_course_through_all_frames_is_likelier() -> None:
    random = np.random.default_rng(5)
    tables = [random.normal(0, 0.3, SHAPE).astype(np.float32) for _ in range(4)]
    for end in (None, (20, 7, 2)):
        ways = settle._likeliest(tables, START, [] if end is None else [end], [1] * len(tables))
        assert end is None or ways[-1] == end
        assert abs(worth(tables, ways) - best_of_all(tables, end)) < 1e-4


def test_poses_are_means_along_the_courses_they_stand_for() -> None:
    random = np.random.default_rng(6)
    score = random.normal(0, 1, (40, 21)).astype(np.float32)
    table = poses(score)
    for pose in ((10, 6, 3), (8, 8, 4), (12, 3, 1)):
        columns = np.rint(posed(40, 21, pose)).astype(int)
        assert ((columns > 0) & (columns < 20)).all()
        along = np.stack([score[np.arange(40), columns + step] for step in (-1, 0, 1)]).mean()
        assert abs(table[pose] - along) < 0.05


def test_rows_outside_of_the_picture_do_not_count() -> None:
    score = np.zeros((40, 21), np.float32)
    score[:20, 10], score[20:, 4] = 1, 9
    inside = np.arange(40) < 20
    assert poses(score, inside)[10, 6, 3] > poses(score, inside)[4, 6, 3]


def test_an_end_that_cannot_be_reached_is_left_alone_and_one_of_several_is_chosen_by_what_is_seen() -> None:
    random = np.random.default_rng(7)
    tables = [random.normal(0, 0.3, SHAPE).astype(np.float32) for _ in range(2)]
    free = settle._likeliest(tables, START, [], [1, 1])
    assert settle._likeliest(tables, START, [(11, 12, 6)], [1, 1]) == free  # six steps of tilt in two frames
    tables[1][14, 6, 3] = 5
    assert settle._likeliest(tables, START, [(8, 6, 3), (14, 6, 3)], [1, 1])[-1] == (14, 6, 3)


def test_a_wire_may_go_as_much_farther_as_frames_are_apart() -> None:
    tables = [np.zeros(SHAPE, np.float32)]
    tables[0][22, 6, 3] = 5
    assert settle._likeliest(tables, START, [], [1])[-1] != (22, 6, 3)
    assert settle._likeliest(tables, START, [], [2])[-1] == (22, 6, 3)


def test_steady_motion_is_not_held_back_at_either_end() -> None:
    offsets = 5.0 * np.arange(1, 8)[:, None] + np.zeros((1, 30))
    np.testing.assert_allclose(settle._calmed(offsets, np.ones_like(offsets), 1.0), offsets, atol=1e-9)
    np.testing.assert_allclose(settle._calmed(offsets[:1], np.ones((1, 30)), 1.0), offsets[:1], atol=1e-9)
