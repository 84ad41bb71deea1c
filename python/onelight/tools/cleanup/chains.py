"""From a matte of likely wire to lines: points on its middle, strung into chains, chains joined over gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from onelight.tools.cleanup.curves import Mattes, sample

_CELL = 3  # px: of the likely pixels in a cell one becomes a point
_APART = 2.0  # px between points that stay, and this share of the width where that is more
_SHARE = 0.3
STEP = 7.0  # px from one point of a chain to the next, at most, and the width where that is more
_MOST = 60000  # points; a matte with more of them is no picture of wires
_ENDS = 400  # chains that are joined to others


@dataclass(frozen=True)
class Points:
    """Loose points on the middle of lines."""

    at: np.ndarray  # [N, 2] px
    along: np.ndarray  # [N, 2] unit tangents; their sign means nothing
    width: np.ndarray  # [N] px
    sure: np.ndarray  # [N] 0..1

    def __getitem__(self, index: np.ndarray) -> Points:
        return Points(self.at[index], self.along[index], self.width[index], self.sure[index])


@dataclass(frozen=True)
class Chain:
    """Points in the order in which they follow each other along one line."""

    at: np.ndarray
    width: np.ndarray
    sure: np.ndarray

    @property
    def length(self) -> float:
        return float(np.linalg.norm(np.diff(self.at, axis=0), axis=1).sum())


def middles(found: Mattes, low: float, narrowest: float, widest: float) -> Points:
    """Points on the middle of what is likelier than `low` and not too thin or wide."""
    matte = np.asarray(found.matte, np.float32)
    y, x = np.nonzero((matte > low) & (found.width >= narrowest) & (found.width <= widest))
    if not len(x):
        return _points(np.zeros((0, 2)), found)
    cell = (y // _CELL).astype(np.int64) * (matte.shape[1] // _CELL + 1) + x // _CELL
    order = np.lexsort((-matte[y, x], cell))
    first = np.concatenate([[True], np.diff(cell[order]) > 0])
    y, x = y[order][first], x[order][first]
    if len(x) > _MOST:
        best = np.argsort(-matte[y, x], kind="stable")[:_MOST]
        y, x = y[best], x[best]
    return _apart(_centred(_points(np.stack([x, y], axis=1) + 0.5, found), found))


def _points(at: np.ndarray, found: Mattes) -> Points:
    turned = sample(found.along, at)
    angle = np.arctan2(turned[..., 1], turned[..., 0]) / 2
    along = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return Points(at, along, sample(found.width, at), sample(found.matte, at))


def _centred(points: Points, found: Mattes) -> Points:
    """Points moved across their line to the middle of the matte, a plateau as wide as the wire."""
    at, width = points.at, np.maximum(points.width, 1.5)
    offsets = np.linspace(-1, 1, 9)
    for _ in range(3):
        across = np.stack([-points.along[:, 1], points.along[:, 0]], axis=1)
        reach = 0.75 * width + 1
        where = at[:, None] + (reach[:, None] * offsets)[..., None] * across[:, None]
        weight = sample(found.matte, where) ** 2 + 1e-6
        shift = (weight * offsets).sum(axis=1) / weight.sum(axis=1) * reach
        at = at + shift[:, None] * across
        points = _points(at, found)
        width = np.maximum(points.width, 1.5)
    return points


def _apart(points: Points) -> Points:
    """Only points that are not crowded by a likelier one. Luby's parallel selection, with a fixed order."""
    count = len(points.at)
    rank = np.empty(count, np.int64)
    rank[np.lexsort((points.at[:, 0], points.at[:, 1], -points.sure))] = np.arange(count)
    room = np.maximum(_APART, _SHARE * points.width)
    reach = float(room.max(initial=_APART))
    pairs = KDTree(points.at).query_pairs(reach, output_type="ndarray") if count else np.zeros((0, 2), np.int64)
    gap = np.linalg.norm(points.at[pairs[:, 0]] - points.at[pairs[:, 1]], axis=1)
    pairs = pairs[gap < room[pairs].min(axis=1)]
    alive, kept = np.ones(count, bool), np.zeros(count, bool)
    while alive.any():
        rival = np.full(count, count)
        for a, b in ((0, 1), (1, 0)):
            np.minimum.at(rival, pairs[:, a], rank[pairs[:, b]])
        chosen = alive & (rank < rival)
        kept |= chosen
        crowded = np.concatenate([pairs[chosen[pairs[:, 0]], 1], pairs[chosen[pairs[:, 1]], 0]])
        alive &= ~chosen
        alive[crowded] = False
        pairs = pairs[alive[pairs].all(axis=1)]
    return points[np.nonzero(kept)[0]]


def strung(points: Points) -> list[Chain]:
    """Chains of points each of which is the other's best next one (Steger 1998 links lines much like this)."""
    count = len(points.at)
    if count < 3:
        return []
    stride = np.maximum(STEP, points.width)
    reach = float(stride.max())
    near, index = map(np.asarray, KDTree(points.at).query(points.at, k=min(10, count), distance_upper_bound=reach))
    source = np.repeat(np.arange(count), index.size // count)
    target, distance = index.ravel(), near.ravel()
    real = (target < count) & (target != source) & (distance < stride[source])
    source, target, distance = source[real], target[real], np.maximum(distance[real], 1e-3)
    step = (points.at[target] - points.at[source]) / distance[:, None]
    ahead = (step * points.along[source]).sum(axis=1)
    turn = np.abs((points.along[source] * points.along[target]).sum(axis=1))
    wider = np.abs(np.log(np.maximum(points.width[source], 1) / np.maximum(points.width[target], 1)))
    off = np.abs(step[:, 0] * points.along[source, 1] - step[:, 1] * points.along[source, 0])
    cost = distance * (1 + 4 * off) + 8 * (1 - turn) + 3 * wider
    fits = (np.abs(ahead) > 0.6) & (turn > 0.8)
    source, target, cost, side = source[fits], target[fits], cost[fits], (ahead[fits] > 0).astype(np.int64)
    best = np.full((count, 2), -1)
    order = np.argsort(-cost, kind="stable")  # the cheapest is written last
    best[source[order], side[order]] = target[order]
    back = best[np.maximum(best, 0)]  # [N, 2, 2]: whom my best ones like best
    best[~((back == np.arange(count)[:, None, None]).any(axis=2) & (best >= 0))] = -1
    return [Chain(points.at[p], points.width[p], points.sure[p]) for p in _paths(best) if len(p) > 2]


def _paths(links: np.ndarray) -> list[np.ndarray]:
    """The paths of a graph whose nodes have at most two neighbours; a ring is cut at its lowest node."""
    ends = (links >= 0).sum(axis=1)
    neighbours = links.tolist()
    seen = np.zeros(len(links), bool).tolist()
    paths = []
    for start in (*np.nonzero(ends == 1)[0].tolist(), *np.nonzero(ends == 2)[0].tolist()):
        path, node = [], start
        while node >= 0 and not seen[node]:
            seen[node] = True
            path.append(node)
            a, b = neighbours[node]
            node = a if a >= 0 and not seen[a] else b
        if path:
            paths.append(np.array(path))
    return paths


def joined(chains: list[Chain], matte: np.ndarray, longest: float) -> list[Chain]:
    """Chains that go on in each other's direction with the same width become one: over crossings and lost stretches.

    Gaps up to `longest` px, and up to the length of the longer of the two; cheapest first, every end at most once.
    """
    for _ in range(3):
        chains = sorted(chains, key=lambda c: -float(c.sure.sum()))
        head, rest = chains[:_ENDS], chains[_ENDS:]
        pairs = _matched(head, matte, longest)
        if not pairs:
            break
        chains = _merged(head, pairs) + rest
    return chains


def _matched(chains: list[Chain], matte: np.ndarray, longest: float) -> list[tuple[int, int]]:
    """Pairs of ends (2 x chain + 0 or 1) to be joined."""
    if len(chains) < 2:
        return []
    spots, ways, wide, long = [], [], [], []
    for chain in chains:
        for points in (chain.at[::-1], chain.at):
            tail = points[-min(len(points), 12) :]
            way = tail[-1] - tail[: max(1, len(tail) // 2)].mean(axis=0)
            spots.append(points[-1])
            ways.append(way / max(float(np.hypot(*way)), 1e-6))
        wide += [float(np.median(chain.width))] * 2
        long += [chain.length] * 2
    at, way, width, length = np.array(spots), np.array(ways), np.array(wide), np.array(long)
    pairs = KDTree(at).query_pairs(longest, output_type="ndarray")
    pairs = pairs[pairs[:, 0] // 2 != pairs[:, 1] // 2]
    a, b = pairs[:, 0], pairs[:, 1]
    gap = at[b] - at[a]
    distance = np.hypot(gap[:, 0], gap[:, 1])
    reach = np.minimum(longest, 8 + 0.7 * np.maximum(length[a], length[b]))
    unit = gap / np.maximum(distance, 1e-6)[:, None]
    ahead, meets = (unit * way[a]).sum(axis=1), -(unit * way[b]).sum(axis=1)
    facing = -(way[a] * way[b]).sum(axis=1)
    close = distance < 6  # too near each other for the gap to have a direction
    ahead, meets = np.where(close, np.maximum(ahead, facing), ahead), np.where(close, np.maximum(meets, facing), meets)
    wider = np.abs(np.log(np.maximum(width[a], 1) / np.maximum(width[b], 1)))
    fits = (distance < reach) & (np.minimum(ahead, meets) > 0.93) & (facing > 0.86) & (wider < 0.7)
    a, b, distance = a[fits], b[fits], distance[fits]
    between = at[a][:, None] + (at[b] - at[a])[:, None] * np.linspace(0, 1, 12)[:, None]
    lost = 1 - np.minimum(1, 3 * sample(matte, between).mean(axis=1)) if len(a) else np.zeros(0)
    bent = 3 - ahead[fits] - meets[fits] - facing[fits]
    cost = distance * (0.3 + lost) + 400 * bent + 10 * wider[fits]
    pairs, taken = [], set()
    for k in np.argsort(cost, kind="stable").tolist():
        if cost[k] < 0.8 * longest and not {int(a[k]), int(b[k])} & taken:
            taken |= {int(a[k]), int(b[k])}
            pairs.append((int(a[k]), int(b[k])))
    return pairs


def _merged(chains: list[Chain], pairs: list[tuple[int, int]]) -> list[Chain]:
    """Chains joined at pairs of ends."""
    other = dict(pairs) | {b: a for a, b in pairs}
    left = set(range(len(chains)))
    out = []
    for start in [c for c in range(len(chains)) if (2 * c in other) + (2 * c + 1 in other) < 2] + list(
        range(len(chains))
    ):
        if start not in left:
            continue
        entry = 2 * start + (1 if 2 * start in other and 2 * start + 1 not in other else 0)
        parts: list[Chain] = []
        while entry is not None and entry // 2 in left:
            left.discard(entry // 2)
            chain = chains[entry // 2]
            turned = slice(None, None, -1) if entry % 2 else slice(None)
            parts.append(Chain(chain.at[turned], chain.width[turned], chain.sure[turned]))
            entry = other.get(entry ^ 1)
        out.append(Chain(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("at", "width", "sure"))))
    return out
