"""Sub-pixel alignment of a neighbour to this frame around a hole: camera motion, dense residual, local refinement."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from onelight.temporal import encode
from onelight.temporal.flow import between, doubt, positions, resized, sample
from onelight.temporal.views import Coarse, known, mean

STEPS = 2
FLAT = 0.02  # stops a pixel: slopes below it say nothing about motion
STRAY = 0.15  # stops: a difference above it is not held against the motion
SEEN = 0.25  # share of a window that must be seen for it to say how things move
FARTHEST = 3.0  # pixels that refinement may move: beyond it found something else
MISSED = 0.7  # pixels, at the size motion is looked for, that forward and backward motion may miss each other
BESIDE = 13  # pixels, at that size, across which what is hidden disturbs the motion
CORNERS, APART, FEWEST = 400, 8, 12  # corners the camera's motion is read off: how many, how far apart, at least
CLOSE = 0.7  # pixels by which a corner may miss the camera's motion
FREEDOM = 0.97  # share of the difference that must be left by a motion of more freedom
FAINT = 0.04  # stops: differences below it do not speak against the camera's motion
STEADY = 1.2  # times the error of a free flow that the camera's motion may have
DEEP = 8.0  # pixels, at the size motion is looked for: what is hidden wider than twice that leads flow astray
TURNS = 3  # steps in which a motion is turned round
SHOWN = 0.98  # share of a small picture's pixel that the other one shows


@dataclass(frozen=True)
class Motion:
    """Motion of the background from here to there on the grid of matching, in its pixels: `flow` [h, w, 2].

    `agreed` [h, w] in 0..1 says how far both directions agree.
    """

    flow: np.ndarray
    agreed: np.ndarray


def motion(here: Coarse, there: Coarse, vectors: np.ndarray | None = None) -> Motion:
    """How the background moves, through what is hidden as well, to about half a pixel.

    Dense flow in both directions; through the hole it goes on as the camera's motion (a homography) plus whatever
    departs from it around the hole. A wide hole, filled smoothly, looks like a thing that moves with the wire: so flow
    is found a second time, on pictures that lend each other what they hide, by the motion that was found first.
    `vectors` [H, W, 2], in full-size pixels, overrule it.
    """
    height, width = here.stops.shape
    if vectors is not None:
        given = encode.blocks(np.asarray(vectors, np.float32), here.factor) / np.float32(here.factor)
        known = cv2.erode(here.known, np.ones((3, 3), np.uint8))
        return Motion(encode.spread(given, known), np.ones((height, width), np.float32))
    whole, trust = _whole(here, there, between(here.small, there.small), between(there.small, here.small))
    if max(_deepest(here), _deepest(there)) >= DEEP:
        back = _turned(whole)
        mine, other = _lent(here, there, whole), _lent(there, here, back)
        whole, trust = _whole(here, there, between(mine, other, whole), between(other, mine, back))
    # what was filled in either frame pulls at the motion beside it, so agreement is read off a little farther away
    shown = sample(there.free, positions(whole.shape) + whole, cv2.INTER_LINEAR)
    clear = cv2.erode(np.minimum(here.free, shown), np.ones((BESIDE, BESIDE), np.uint8))
    agreed = np.minimum(2 * encode.spread(trust, clear), 1)
    return Motion(resized(whole, (height, width)), cv2.resize(agreed, (width, height), interpolation=cv2.INTER_LINEAR))


def _whole(here: Coarse, there: Coarse, forward: np.ndarray, backward: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The background's motion [h, w, 2] by flow both ways, and how far it is to be trusted where it is seen [h, w]."""
    trust = here.free / (1 + np.square(np.square(doubt(forward, backward) / np.float32(MISSED))))
    camera = _camera(here, there, forward, trust)
    steady = _explained(here, there, camera, forward)
    trust = np.maximum(trust, here.free * steady)
    return camera + encode.spread((forward - camera) * (1 - steady)[..., None], trust), trust


def _deepest(view: Coarse) -> float:
    """How far the middle of what is hidden is from what is seen, in pixels of the small picture."""
    return float(cv2.distanceTransform((view.free < 0.5).astype(np.uint8), cv2.DIST_L2, 5).max())


def _turned(flow: np.ndarray) -> np.ndarray:
    """The motion [h, w, 2] back from there to here, by that from here to there."""
    grid, back = positions(flow.shape), -flow
    for _ in range(TURNS):
        back = -sample(flow, grid + back, cv2.INTER_LINEAR)
    return back


def _lent(here: Coarse, there: Coarse, flow: np.ndarray) -> np.ndarray:
    """The small picture [h, w] here, with what it hides and the other one shows as the other one shows it."""
    target = positions(flow.shape) + flow
    shown = sample(there.free, target, cv2.INTER_LINEAR, outside=0) > SHOWN
    theirs = sample(there.small, target, cv2.INTER_LINEAR)
    both = shown & (here.free > SHOWN)
    gain = np.median(here.small[both] - theirs[both]) if both.any() else np.float32(0)
    return np.where(shown & (here.free < 1), theirs + gain, here.small)


def _camera(here: Coarse, there: Coarse, flow: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """The flow [h, w, 2] of the camera alone: none, a similarity or a homography, whichever explains most.

    More freedom is taken only where it helps: corners that follow the noise of a bare wall agree on anything.
    """
    grid, best = positions(flow.shape), np.zeros_like(flow)
    picture = cv2.normalize(here.small, np.empty(0), 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
    corners = cv2.goodFeaturesToTrack(picture, CORNERS, 0.01, APART, mask=(trust > 0.5).astype(np.uint8))
    if corners is None or len(corners) < FEWEST:
        return best
    points = corners.reshape(-1, 2)
    x, y = points.astype(np.int64).T
    moved = points + flow[y, x]
    # OpenCV draws the same samples in every call: RANSAC gives the same answer whatever ran before
    similar, _ = cv2.estimateAffinePartial2D(points, moved, None, cv2.RANSAC, CLOSE)
    free, _ = cv2.findHomography(points, moved, cv2.RANSAC, CLOSE, maxIters=500, confidence=0.999)
    least = _unexplained(here, there, best)
    for found in (None if similar is None else np.vstack([similar, (0, 0, 1)]), free):
        if found is not None:
            whole = (
                cv2.perspectiveTransform(grid.reshape(-1, 1, 2), found).reshape(flow.shape).astype(np.float32) - grid
            )
            missed = _unexplained(here, there, whole)
            if missed < FREEDOM * least:
                best, least = whole, missed
    return best


def _unexplained(here: Coarse, there: Coarse, flow: np.ndarray) -> float:
    """How far the detail of the small pictures differs along a flow, in stops; strong edges count like faint ones."""
    target = positions(flow.shape) + flow
    weight = here.free * sample(there.free, target, cv2.INTER_LINEAR, outside=0)
    error = np.abs(here.detail - sample(there.detail, target, cv2.INTER_LINEAR))
    return float((weight * error).sum() / (weight.sum() + 1))


def _explained(here: Coarse, there: Coarse, camera: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Where the camera's motion explains the picture as well as a free flow does, [h, w] in 0..1.

    On a bare wall a free flow follows the noise.
    """
    grid, missed, bias = positions(flow.shape), [], None
    for candidate in (camera, flow):
        moved = grid + candidate
        weight = here.free * sample(there.free, moved, cv2.INTER_LINEAR, outside=0)
        error = here.small - sample(there.small, moved, cv2.INTER_LINEAR)
        bias = np.float32(np.median(error)) if bias is None else bias
        error -= bias
        total, share = cv2.split(mean(cv2.merge([weight * error * error, weight]), BESIDE))
        missed.append(total / (share + np.float32(1e-3)))
    return np.clip(2 - missed[0] / (np.float32(STEADY) * missed[1] + np.float32(FAINT**2)), 0, 1)


def refined(here: Coarse, there: Coarse, wide: tuple[slice, slice], flow: np.ndarray) -> np.ndarray:
    """The flow [h, w, 2] of a block made exact to a fraction of a pixel, from what is around the hole in both frames.

    Lucas & Kanade 1981 in smooth windows, local differences of exposure taken out, weights against what does not
    match (Black & Anandan 1996), slopes of the mean of both pictures.
    """
    from onelight.temporal import kernels

    rows, columns = wide
    start, support, target = flow, np.zeros(0), positions(flow.shape, columns.start, rows.start)
    seen, free = here.stops[wide], here.known[wide]
    for _ in range(STEPS):
        moved = sample(there.stops, target + flow, cv2.INTER_CUBIC)
        weight = free * known(there, target + flow)
        around = mean(cv2.merge([weight, weight * (seen - moved)]))
        differs, both = kernels.compared(seen, moved, weight, around, STRAY)
        right = cv2.Scharr(both, -1, 1, 0, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
        down = cv2.Scharr(both, -1, 0, 1, scale=1 / 32, borderType=cv2.BORDER_REPLICATE)
        means = mean(kernels.moments(right, down, differs, weight))
        flow, support = kernels.stepped(flow, means, FLAT), means[..., 5]
    if support.min() < SEEN:  # in the middle of a wide hole, or beyond it, a few pixels say less than what is around
        flow = start + encode.spread(flow - start, np.minimum(np.square(support * np.float32(1 / SEEN)), 1))
    stray = np.hypot(flow[..., 0] - start[..., 0], flow[..., 1] - start[..., 1]) > FARTHEST
    flow[stray] = start[stray]
    return flow
