"""A show's measured look goes into a version while every clip that it was measured on allows it, and not longer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from onelight.dailies.withdrawal import withdraw
from onelight.shows.bundle import LOOK
from onelight.shows.schema import Clip, Rights
from onelight.shows.store import Show
from onelight.studio import looks
from studioshows import show_with_dailies


@pytest.fixture
def show(tmp_path: Path) -> Show:
    """A show with a look that was measured on two of its clips while all of them allowed it."""
    made = show_with_dailies(tmp_path)
    with made.session() as session:
        session.query(Rights).one().purposes = ["look", "training"]
        clips = [clip.digest for clip in session.query(Clip).order_by(Clip.name) if clip.name != "petals"]
    made.places.look.mkdir()
    (made.places.look / "show.json").write_text('{"look": 1}')
    (made.places.look / looks.INDEX).write_text(json.dumps({"show": {"file": "show.json", "clips": clips}}))
    return made


def test_it_goes_in_while_its_clips_allow_it(show: Show, tmp_path: Path) -> None:
    withdraw(show, "petals", "it was not measured on this one")
    assert looks.into(show, tmp_path) == ""
    assert (tmp_path / LOOK).read_bytes() == (show.places.look / "show.json").read_bytes()


def test_it_is_left_out_and_taken_away_again_once_a_clip_is_withdrawn(show: Show, tmp_path: Path) -> None:
    assert looks.into(show, tmp_path) == ""
    withdraw(show, "garden", "the actor asked")
    assert "garden, which it was measured on, may not be used for it: withdrawn" in looks.into(show, tmp_path)
    assert not (tmp_path / LOOK).exists(), "an interrupted call had put it there"


def test_it_is_left_out_once_the_rights_allow_no_look(show: Show, tmp_path: Path) -> None:
    with show.session() as session:
        session.query(Rights).one().purposes = ["training"]
    assert "allows training, not look" in looks.into(show, tmp_path)
    assert not (tmp_path / LOOK).exists()


def test_it_is_left_out_where_nobody_knows_what_it_was_measured_on(show: Show, tmp_path: Path) -> None:
    (show.places.look / looks.INDEX).unlink()
    assert "not known" in looks.into(show, tmp_path)
    assert not (tmp_path / LOOK).exists()


def test_a_show_without_a_measured_look_has_nothing_to_say(tmp_path: Path) -> None:
    assert looks.into(Show.create("bare", tmp_path), tmp_path) == ""
