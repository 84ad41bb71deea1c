"""The soundstage's scenes that a show's training replays are the same ones whatever the cache held before."""

from __future__ import annotations

from pathlib import Path

import pytest
from onelight.soundstage import families
from onelight.studio import replay


def test_the_scenes_that_are_replayed_do_not_depend_on_what_was_asked_for_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "SIZE", 32)
    monkeypatch.setattr(replay, "SAMPLES", 2)
    cast = families.names("train")
    first = replay.scenes(tmp_path, 2)
    assert list(first) == [f"soundstage/{name}/00000" for name in cast[:2]]
    more = replay.scenes(tmp_path, len(cast) + 1)
    assert list(more)[-1] == f"soundstage/{cast[0]}/00001"
    assert len(more) == len(cast) + 1
    assert replay.scenes(tmp_path, 2) == first
    assert all(path.is_file() for path in more.values())
    monkeypatch.setattr(replay, "renderer", lambda: "mitsuba 99")
    other = replay.scenes(tmp_path, 1)
    assert list(other) == list(first)[:1]
    assert next(iter(other.values())).parent != next(iter(first.values())).parent, "made by another renderer"
