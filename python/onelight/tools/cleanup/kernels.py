"""Inner loops of Cleanup, compiled."""

from __future__ import annotations

import numpy as np

from onelight.temporal.compiled import compiled

NONE = np.float32(1e-12)


@compiled
def at_rest(
    order: np.ndarray,
    weight: np.ndarray,
    total: np.ndarray,
    given: np.ndarray,
    start: np.ndarray,
    steps: int,
    close: float,
) -> np.ndarray:
    """Solves total x - sum over k of weight[:, k] x[order[:, k]] = given for x [N, 3] by conjugate gradients.

    `order` and `weight` are [N, K], `total` [N], all but `order` float32. Preconditioned by the diagonal; begins at
    `start`, where a row without any `total` stays, and ends after `steps`, or where the error's energy is at most
    `close` for every column.
    """
    size, links = order.shape
    shape = (size, 4)  # four columns fill a register
    x, rest = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    way, pushed = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    energy, left, push = np.zeros(4), np.zeros(4), np.zeros(4)
    step, more = np.zeros(4, np.float32), np.zeros(4, np.float32)
    for i in range(size):
        for c in range(3):
            x[i, c] = start[i, c]
            way[i, c] = start[i, c]
    for turn in range(steps + 1):
        push[:] = 0
        for i in range(size):
            t = total[i]
            a, b, c, d = t * way[i, 0], t * way[i, 1], t * way[i, 2], t * way[i, 3]
            for k in range(links):
                j, w = order[i, k], weight[i, k]
                a -= w * way[j, 0]
                b -= w * way[j, 1]
                c -= w * way[j, 2]
                d -= w * way[j, 3]
            pushed[i, 0], pushed[i, 1], pushed[i, 2], pushed[i, 3] = a, b, c, d
            push[0] += np.float64(way[i, 0]) * a
            push[1] += np.float64(way[i, 1]) * b
            push[2] += np.float64(way[i, 2]) * c
        if turn == 0:  # what was pushed is the start itself
            for i in range(size):
                for c in range(3):
                    rest[i, c] = given[i, c] - pushed[i, c]
        else:
            for c in range(4):
                step[c] = energy[c] / max(push[c], NONE)
            for i in range(size):
                for c in range(4):
                    x[i, c] += step[c] * way[i, c]
                    rest[i, c] -= step[c] * pushed[i, c]
        left[:] = 0
        for i in range(size):
            scale = np.float32(1) / total[i] if total[i] > NONE else np.float32(0)
            for c in range(4):
                pushed[i, c] = scale * rest[i, c]
                left[c] += np.float64(rest[i, c]) * pushed[i, c]
        for c in range(4):
            more[c] = 0 if turn == 0 else left[c] / max(energy[c], NONE)
            energy[c] = left[c]
        if max(energy[0], energy[1], energy[2]) <= close:
            break
        for i in range(size):
            for c in range(4):
                way[i, c] = pushed[i, c] + more[c] * way[i, c]
    return x[:, :3].copy()


@compiled
def ridges(xx: np.ndarray, yy: np.ndarray, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a Hessian [H, W] of float32: a ridge's response, xx - yy, and how far the eigenvalues are apart.

    The response is the eigenvalue of larger size, less the other's where both have one sign; above 0 on bright lines.
    """
    response, skew, apart = np.empty_like(xx), np.empty_like(xx), np.empty_like(xx)
    half, two = np.float32(0.5), np.float32(2)
    for y in range(xx.shape[0]):
        for x in range(xx.shape[1]):
            total, lean, cross = xx[y, x] + yy[y, x], xx[y, x] - yy[y, x], xy[y, x]
            side = half * lean
            spread = np.sqrt(cross * cross + side * side)
            strength = min(abs(total) * half + spread, two * spread)
            response[y, x] = strength if total < 0 else -strength
            skew[y, x], apart[y, x] = lean, two * spread
    return response, skew, apart


@compiled
def stand_out(
    response: np.ndarray,
    usual: np.ndarray,
    skew: np.ndarray,
    cross: np.ndarray,
    apart: np.ndarray,
    cosine: np.ndarray,
    sine: np.ndarray,
) -> None:
    """Makes of `response` how far ridges stand out of what is `usual`, and adds their tangents (cos 2a, sin 2a), as
    long as that, to `cosine` and `sine`; all are [H, W] of float32."""
    quarter, two, least = np.float32(0.25), np.float32(2), np.float32(1e-6)
    for y in range(response.shape[0]):
        for x in range(response.shape[1]):
            standing = min(max(response[y, x] / usual[y, x] * quarter, -two), two)
            turned = standing / (apart[y, x] + least)
            response[y, x] = standing
            cosine[y, x] += turned * skew[y, x]
            sine[y, x] += two * turned * cross[y, x]
