"""Cleanup's compiled loops against what numpy says of the same numbers, and where they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onelight.tools.cleanup import kernels


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261122)


def linked(random: np.random.Generator, size: int = 200, links: int = 16) -> tuple[np.ndarray, ...]:
    """Order, weight and total of a graph whose links weigh the same both ways, and its matrix [N, N]."""
    order = np.zeros((size, links), np.int32)
    weight = np.zeros((size, links), np.float32)
    for k in range(links // 2):
        step, heavy = k + 1, random.uniform(0.1, 1, size).astype(np.float32)
        there = (np.arange(size) + step) % size
        order[:, k], weight[:, k] = there, heavy
        order[there, k + links // 2], weight[there, k + links // 2] = np.arange(size), heavy
    total = weight.sum(axis=1) + random.uniform(0.05, 1, size).astype(np.float32)
    matrix = np.diag(total.astype(np.float64))
    for k in range(links):
        np.add.at(matrix, (np.arange(size), order[:, k]), -weight[:, k])
    return order, weight, total, matrix


def test_a_hole_at_rest_is_what_the_matrix_solves(rng: np.random.Generator) -> None:
    order, weight, total, matrix = linked(rng)
    given, start = (rng.standard_normal((len(total), 3)).astype(np.float32) for _ in range(2))
    found = kernels.at_rest(order, weight, total, given, start, 400, 1e-12)
    np.testing.assert_allclose(found, np.linalg.solve(matrix, given), atol=2e-5)


def test_what_is_at_rest_already_stays_to_the_bit(rng: np.random.Generator) -> None:
    order, weight, total, matrix = linked(rng)
    start = np.full((len(total), 3), 0.25, np.float32)
    given = (matrix @ start).astype(np.float32)
    assert np.array_equal(kernels.at_rest(order, weight, total, given, start, 64, 1e-8), start)


def test_a_hole_of_one_pixel_and_one_of_none() -> None:
    one = kernels.at_rest(
        np.zeros((1, 16), np.int32), np.zeros((1, 16), np.float32), np.full(1, 4, np.float32),
        np.full((1, 3), 2, np.float32), np.zeros((1, 3), np.float32), 8, 0.0,
    )  # fmt: skip
    assert np.array_equal(one, np.full((1, 3), 0.5, np.float32))
    none = np.zeros((0, 3), np.float32)
    nothing = kernels.at_rest(
        np.zeros((0, 16), np.int32), np.zeros((0, 16), np.float32), np.zeros(0, np.float32), none, none, 8, 0.0
    )
    assert nothing.shape == (0, 3)


def test_ridges_are_the_eigenvalues_of_the_hessian(rng: np.random.Generator) -> None:
    xx, yy, xy = (rng.standard_normal((20, 30)).astype(np.float32) for _ in range(3))
    response, skew, apart = kernels.ridges(xx, yy, xy)
    values = np.linalg.eigvalsh(np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -1).astype(np.float64))
    weak, strong = (np.take_along_axis(values, np.abs(values).argsort(-1), -1)[..., k] for k in (0, 1))
    expected = np.where(weak * strong > 0, np.abs(strong) - np.abs(weak), np.abs(strong)) * -np.sign(strong)
    np.testing.assert_allclose(response, expected, atol=1e-5)
    np.testing.assert_allclose(apart, values[..., 1] - values[..., 0], atol=1e-5)
    assert np.array_equal(skew, xx - yy)


def test_loops_run_where_nothing_can_be_kept() -> None:
    """As from an archive: there is no file beside which, or for which, numba could keep what it compiled."""
    loops: dict[str, Any] = {"__name__": "loops"}
    exec(compile(Path(kernels.__file__).read_text(), "<archive>", "exec"), loops)
    ones = np.ones((2, 2), np.float32)
    assert np.array_equal(loops["ridges"](ones, ones, ones)[2], np.full((2, 2), 2, np.float32))
