"""What a show's policy forbids is refused by its server, in words, before anything is computed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
from conftest import Server
from onelight.shows import access, versions
from onelight.shows.store import Show
from productions import Caller

PLATE = np.full((32, 48, 4), 0.2, np.float16)


def test_interpolation_over_wardrobe_is_the_shows_to_allow(tmp_path: Path, start_server: Callable[..., Server]) -> None:
    show = Show.create("apollo", tmp_path / "shows")
    staged = tmp_path / "staged"
    staged.mkdir()
    sheet = {"tool": "cleanup", "version": "staged", "spec_version": 1, "stages": {}}
    (staged / "version.json").write_text(json.dumps(sheet))
    versions.add(show, "cleanup", staged, gain="gain", metrics={}, manifest={}, clips=[], base=None)
    running = start_server("--shows", str(tmp_path / "shows"))
    with Caller(running.address, access.grant(show, "an artist")) as caller:

        def asked(wardrobe: bool) -> tuple[dict[str, np.ndarray], dict[str, object], str, str]:
            return {"Source@+0": PLATE}, {"wardrobe": wardrobe, "frame.colourspace": "acescg"}, "apollo/cleanup", "v001"

        caller.infer(*asked(True))
        show.places.policy.write_text("interpolate_over_wardrobe = false\n")
        code, sentence = caller.refusal("infer", *asked(True))
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert "interpolate_over_wardrobe" in sentence and "Interpolate over wardrobe" in sentence
        caller.infer(*asked(False))
        show.places.policy.unlink()
        code, sentence = caller.refusal("infer", *asked(True))
        assert code == grpc.StatusCode.FAILED_PRECONDITION and "policy.toml is missing" in sentence
