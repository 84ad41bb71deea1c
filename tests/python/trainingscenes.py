"""Small scenes to bake, without torch; `trainingscenes.py OUT SCENES` bakes them and prints each row that is done."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from onelight.training import baking
from onelight.training.crops import Crops


def scene(path: Path, number: int, size: int = 8) -> Path:
    """A scene's file: a picture, a matte and a light."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(number)
    matte = random.random((size, size)) > 0.5
    picture = random.random((size, size, 3), np.float32) * 8
    np.savez(path, picture=picture, matte=matte, light=random.normal(size=3).astype(np.float32))
    return path


def read(path: Path) -> Mapping[str, np.ndarray]:
    with np.load(path) as arrays:
        return dict(arrays)


if __name__ == "__main__":
    baking.COMMIT_SECONDS = 0.0
    found = sorted(Path(sys.argv[2]).rglob("*.npz"))
    Crops.bake(Path(sys.argv[1]), found, read, jobs=2, progress=lambda done, total: print("baked", done, flush=True))
