"""The soundstage scenes that a show's trainings replay: rendered once into its cache, and the same for everybody."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from onelight.soundstage import stage
from onelight.soundstage.manifest import Manifest, code_digest, renderer

SEED, SIZE, LIGHTS, SAMPLES = 20261130, 192, 6, 12
JOBS = 2


def scenes(
    cache: Path, count: int, progress: Callable[[str, int, int], None] = lambda what, done, total: None
) -> dict[str, Path]:
    """`count` scenes of families that tests leave alone, files by name; what is in `cache` is not made again.

    They are a function of the soundstage's sources and the renderer: after a change of those, a folder of its own is
    rendered.
    Raises NotReady where mitsuba is missing, Busy while another process renders there.
    """

    def told(done: int, total: int, _: str) -> None:
        progress("Rendering scenes to replay", done, total)

    made_by = hashlib.sha256(f"{code_digest()} {renderer()}".encode()).hexdigest()
    folder = cache / "soundstage" / made_by[:16]
    stage.render(
        folder,
        count=count,
        seed=SEED,
        size=SIZE,
        lights=LIGHTS,
        samples=SAMPLES,
        jobs=JOBS,
        progress=told,
    )
    # As they are cast, a scene of each family in turn: the same ones where more had been asked for before.
    cast = sorted(Manifest.load(folder).scenes, key=lambda one: (Path(one.file).stem, one.family))
    return {f"soundstage/{one.file.removesuffix('.npz')}": folder / one.file for one in cast[:count]}
