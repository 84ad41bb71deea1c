"""Goods: cartons, books, tins and blocks in stacks, rows and heaps, with flat sides, crisp edges and print on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from onelight.soundstage.boxes import shell, turned_by
from onelight.soundstage.families import Built, family
from onelight.soundstage.mesh import Mesh, merged
from onelight.soundstage.surfaces import finished, revolved, vertices_wanted

_BEVELS = (0.002, 0.004, 0.02)  # metres: cut, printed and cast


@family("goods", kind="objects")
def goods(rng: np.random.Generator, detail: float) -> Built:
    """A tower, a wall or a row of three to thirty things of one or two makes, set down by hand."""
    makes = [_Make(rng) for _ in range(int(rng.choice([1, 2, 2, 4])))]
    columns = int(rng.choice([1, 2, 3, 5]))
    rows = int(rng.choice([1, 1, 2]))
    tall = int(rng.integers(2 if columns > 1 else 3, 9 if columns < 5 else 5))
    share = vertices_wanted(detail) / (columns * rows * tall)
    neat = rng.choice([0.02, rng.uniform(0.05, 0.5)])
    pitch = max(make.wide for make in makes) * rng.uniform(1.0, 1.15)
    things: list[Mesh] = []
    for column in range(columns):
        for row in range(rows):
            height = 0.0
            for _ in range(int(rng.integers(max(1, tall - 2), tall + 1))):
                make = makes[int(rng.integers(len(makes)))]
                upright = rng.random() < 0.15 and not make.round
                mesh, rise = make.built(share, upright)
                turn = turned_by(rng.normal(0, neat) + np.pi / 2 * rng.integers(0, 2) * (len(makes) > 1))
                x, z = np.array([column, row]) * pitch + rng.normal(0, 0.12 * neat * make.wide, 2)
                lean = np.eye(3)
                if upright and rng.random() < 0.4:  # books that lean on their neighbours
                    angle = rng.uniform(0.1, 0.4) * rng.choice([-1, 1])
                    c, s = np.cos(angle), np.sin(angle)
                    lean = np.array([(c, -s, 0), (s, c, 0), (0, 0, 1)])
                mesh = mesh.moved(rotate=turn @ lean, translate=(x, height + rise / 2, z))
                height += rise
                things.append(replace(mesh, part=np.full(len(mesh.vertices), len(things) + 1, np.uint16)))
    return Built(finished(rng, merged(things), turn=rng.random() < 0.15))


class _Make:
    """One make of thing, of which many are built: a block of some proportions, or a tin with rims and rings."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.round = rng.random() < 0.3
        self.size = np.sort(rng.uniform(0.08, 0.5, 3))[[1, 0, 2]] if rng.random() < 0.6 else rng.uniform(0.15, 0.4, 3)
        if self.round:
            self.size[2] = self.size[0]
        self.wide = float(max(self.size[0], self.size[2]))
        self.bevel = float(rng.choice(_BEVELS))
        self.rings, self.rim = int(rng.choice([0, 0, 3, 8])), rng.uniform(0, 0.03)

    def built(self, share: float, upright: bool) -> tuple[Mesh, float]:
        """The thing about the origin, of about `share` vertices, and how tall it stands."""
        if self.round:
            return self._tin(share), float(self.size[1])
        x, y, z = self.size[[0, 2, 1]] if upright else self.size
        area = 2 * (x * y + y * z + z * x)
        step = np.sqrt(area / max(share, 60))
        unit, faces = shell(max(1, int(x / step)), max(1, int(y / step)), max(1, int(z / step)), True)
        inner = np.clip(unit, -1, 1)
        way = unit - inner
        way = way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
        half = np.array([x, y, z]) / 2
        return Mesh((inner * (half - self.bevel) + self.bevel * way).astype(np.float32), faces), float(y)

    def _tin(self, share: float) -> Mesh:
        radius, tall = self.size[0] / 2, self.size[1]
        columns = max(24, int(np.sqrt(share * 4)))
        up = np.linspace(0, 1, max(40, columns // 2))
        ringed = 1 - 0.02 * (self.rings > 0) * (1 + np.sin(up * np.pi * (2 * self.rings + 1))) / 2
        ends = 1 + self.rim * ((up < 0.03) | (up > 0.97))
        side = np.stack([radius * ringed * ends, (up - 0.5) * tall], 1)
        lid = np.array([(radius * 0.93, tall / 2), (radius * 0.92, tall / 2 - 0.01), (0, tall / 2 - 0.01)])
        foot = np.array([(0, -tall / 2), (radius * 0.98, -tall / 2)])
        return Mesh(*revolved(np.concatenate([foot, side, lid]), columns)).with_hard_edges(50)
