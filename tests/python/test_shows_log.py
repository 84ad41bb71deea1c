"""A show's log only grows, and says so when somebody made it say something else."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from onelight.shows import journal
from onelight.shows.schema import Entry
from onelight.shows.store import Show
from showcases import onelight, whole
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError


def test_writers_of_several_threads_take_turns_and_no_entry_is_lost(tmp_path: Path) -> None:
    show = Show.create("apollo", tmp_path)

    def write(who: int) -> None:
        own = Show.open("apollo", tmp_path)
        for index in range(10):
            with own.session() as session:
                journal.record(session, "test", f"{who} {index}")

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert whole(show) == 41


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET why = 'another'",
        "DELETE FROM journal",
        "INSERT OR REPLACE INTO journal SELECT * FROM journal",
        "INSERT INTO journal SELECT number + 5, at, who, action, subject, why, told, before, 'x', 'y' FROM journal",
    ],
)
def test_the_database_itself_refuses_to_change_the_log(tmp_path: Path, statement: str) -> None:
    show = Show.create("apollo", tmp_path)
    with pytest.raises(IntegrityError, match="the log of a show only grows"), show.session() as session:
        session.execute(text(statement))
    assert whole(show) == 1


def _forged(show: Show, change: str) -> None:
    """As somebody with the file in hand would: triggers away, entries changed."""
    with show.session() as session:
        for name in ("journal_update", "journal_delete", "journal_insert"):
            session.execute(text(f"DROP TRIGGER {name}"))
        session.execute(text(change))


@pytest.mark.parametrize(
    ("change", "entry"),
    [
        ("UPDATE journal SET why = 'because' WHERE number = 3", 3),
        ("UPDATE journal SET told = '{}' WHERE number = 2", 2),
        ("UPDATE journal SET who = 'another' WHERE number = 4", 4),
        ("DELETE FROM journal WHERE number = 2", 2),
        ("DELETE FROM journal WHERE number = 1", 1),
        ("UPDATE journal SET signature = '' WHERE number = 4", 4),
        ("UPDATE journal SET signature = (SELECT signature FROM journal WHERE number = 1) WHERE number = 4", 4),
    ],
)
def test_a_log_that_was_changed_all_the_same_is_found_out(tmp_path: Path, change: str, entry: int) -> None:
    show = Show.create("apollo", tmp_path)
    for index in range(3):
        with show.session() as session:
            journal.record(session, "test", f"clip {index}", told_more=index)
    assert whole(show) == 4
    _forged(show, change)
    with pytest.raises(journal.BrokenJournal, match=f"tampered with: entry {entry} "):
        whole(show)


def test_a_log_that_was_made_again_with_right_hashes_lacks_the_shows_signature(tmp_path: Path) -> None:
    show = Show.create("apollo", tmp_path)
    with show.session() as session:
        journal.record(session, "version approve", "relight v001", why="the supervisor said so")
    with show.reading() as session:
        last = session.scalars(select(Entry).where(Entry.number == 2)).one()
    last.why = "nobody said so"
    _forged(show, f"UPDATE journal SET why = '{last.why}', hash = '{journal.digest(last)}' WHERE number = 2")
    with pytest.raises(journal.BrokenJournal, match="entry 2"):
        whole(show)


def test_an_end_that_was_cut_off_is_found_by_a_hash_noted_before(tmp_path: Path) -> None:
    show = Show.create("apollo", tmp_path)
    with show.session() as session:
        noted = journal.record(session, "test", "clip").hash
    assert onelight("show", "log", "apollo", "--root", tmp_path, "--contains", noted).returncode == 0
    _forged(show, "DELETE FROM journal WHERE number = 2")
    assert whole(show) == 1
    done = onelight("show", "log", "apollo", "--root", tmp_path, "--contains", noted)
    assert done.returncode == 1 and "its end was cut off" in done.stderr


def test_odd_texts_are_kept_in_the_log_readably(tmp_path: Path) -> None:
    show = Show.create("apollo", tmp_path)
    odd = os.fsdecode(b"A001\xff\0\n[bold]\x1b[31m\xc3\xa9")
    with show.session() as session:
        journal.record(session, "test", odd, odd, odd, files=[odd, {odd: 1}], pair=(1, 2))
    assert whole(show) == 2
    done = onelight("show", "log", "apollo", "--root", tmp_path)
    assert done.returncode == 0 and "\x1b" not in done.stdout and "[bold]" in done.stdout and "é" in done.stdout


def test_the_log_names_the_account_and_not_what_the_environment_says(tmp_path: Path) -> None:
    assert onelight("show", "create", "apollo", "--root", tmp_path, LOGNAME="the-supervisor").returncode == 0
    with Show.open("apollo", tmp_path).reading() as session:
        assert session.scalars(select(Entry.who)).all() == [journal.operator()]
