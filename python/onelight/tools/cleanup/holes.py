"""The form of a hole: its boxes, what of it is in reach of something seen, how wide it is, which way its wires run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from scipy.spatial import KDTree

from onelight.temporal.views import Block
from onelight.tools.cleanup.curves import Curve, tangents
from onelight.tools.cleanup.leftovers import THICK

MARGIN = 24  # px around a hole that are looked at
PIECE = 384  # px a side of the pieces that larger boxes are filled in, side by side
OVERLAP = 64  # px of the hole beyond its own that each piece fills as well: what is interpolated forgets sooner
DEEP = 24.0  # px to its rim: a hole as wide as that is filled in one piece
GRID = 32  # boxes begin at multiples of this, so that a box that grows by a pixel changes nothing inside
BESIDE = 4.0  # px beside a wire that still are its matte


def in_reach(hole: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The connected parts of the hole [h, w] that something seen lies beside."""
    parts = np.asarray(cv2.connectedComponents(hole.astype(np.uint8), connectivity=8)[1])
    beside = cv2.dilate(seen.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return hole & np.isin(parts, np.unique(parts[hole & beside]))


def wide(depth: np.ndarray) -> np.ndarray:
    """Where a hole is too wide to interpolate across, by the distance [h, w] to its rim."""
    size = 2 * round(THICK) + 1
    return np.asarray(cv2.dilate((depth > THICK).astype(np.uint8), np.ones((size, size), np.uint8)) > 0)


def directions(curves: Sequence[Curve]) -> Callable[[np.ndarray, tuple[slice, slice]], np.ndarray]:
    """A function that says, for a hole [h, w] and its box, which way the wire runs: (cos 2a, sin 2a), 0 if unknown."""
    if not curves:
        return lambda hole, box: np.zeros((*hole.shape, 2), np.float32)
    tree = KDTree(np.concatenate([curve.points for curve in curves]))
    width: np.ndarray = np.concatenate([curve.width for curve in curves])
    turn: np.ndarray = 2 * np.concatenate([_angle(tangents(curve.points)) for curve in curves])

    def along(hole: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
        out = np.zeros((*hole.shape, 2), np.float32)
        rows, columns = np.nonzero(cv2.dilate(hole.astype(np.uint8), np.ones((5, 5), np.uint8)))
        points = np.stack([columns + box[1].start, rows + box[0].start], axis=1) + 0.5
        distance, nearest = (np.asarray(found) for found in tree.query(points))
        near = distance <= np.hypot(width[nearest] / 2 + BESIDE, 8)  # points lie about 8 px apart
        chosen = nearest[near]
        out[rows[near], columns[near]] = np.stack([np.cos(turn[chosen]), np.sin(turn[chosen])], axis=1)
        return out

    return along


def _angle(ways: np.ndarray) -> np.ndarray:
    return np.asarray(np.arctan2(ways[:, 1], ways[:, 0]))


def boxes(hole: np.ndarray) -> list[Block]:
    """Boxes in which the hole [H, W] can be filled one by one, with the surround that is looked at.

    Their own parts do not overlap and lie on a grid of the picture.
    """
    deep = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3) > DEEP
    return [piece for rows, columns in _apart(hole) for piece in _pieces(hole, deep, rows, columns)]


def _pieces(hole: np.ndarray, deep: np.ndarray, rows: slice, columns: slice) -> Iterator[Block]:
    """A box, or what of it holds some of a long thin hole."""
    if max(rows.stop - rows.start, columns.stop - columns.start) <= PIECE or deep[rows, columns].any():
        yield Block.alone(rows, columns)
        return
    for top in range(rows.start // PIECE * PIECE, rows.stop, PIECE):
        for left in range(columns.start // PIECE * PIECE, columns.stop, PIECE):
            own = (
                slice(max(top, rows.start), min(top + PIECE, rows.stop)),
                slice(max(left, columns.start), min(left + PIECE, columns.stop)),
            )
            down, across = (np.flatnonzero(hole[own].any(axis=axis)) for axis in (1, 0))
            if len(down):
                own = _within(own[0], down), _within(own[1], across)
                wide = (
                    slice(max(part.start - OVERLAP, whole.start), min(part.stop + OVERLAP, whole.stop))
                    for part, whole in zip(own, (rows, columns), strict=True)
                )
                yield Block(*own, (next(wide), next(wide)))


def _within(part: slice, found: np.ndarray) -> slice:
    """The part from the first to the last place found in it, on the grid."""
    first = (part.start + int(found[0])) // GRID * GRID
    last = -(-(part.start + int(found[-1]) + 1) // GRID) * GRID
    return slice(max(first, part.start), min(last, part.stop))


def _apart(hole: np.ndarray) -> Iterator[tuple[slice, slice]]:
    """Boxes around the hole [H, W] and its surround that do not overlap, from the top."""
    around = cv2.dilate(hole.astype(np.uint8), np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(around, connectivity=8)
    found = [(y // GRID * GRID, x // GRID * GRID, y + h, x + w) for x, y, w, h, _ in stats[1:].tolist()]
    done: list[tuple[int, int, int, int]] = []
    while found:
        top, left, bottom, right = found.pop()
        for other in done:
            if other[0] < bottom and top < other[2] and other[1] < right and left < other[3]:
                done.remove(other)
                found.append((min(top, other[0]), min(left, other[1]), max(bottom, other[2]), max(right, other[3])))
                break
        else:
            done.append((top, left, bottom, right))
    for top, left, bottom, right in sorted(done):
        yield slice(top, bottom), slice(left, right)
