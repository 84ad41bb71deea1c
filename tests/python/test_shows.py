"""A show's folder, and its store: made whole, opened only when they are what they say, never half."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from onelight.errors import Busy, NotFound, NotReady, OnelightError, RequestError
from onelight.shows import engines, journal, migration, store
from onelight.shows.schema import Base, Token
from onelight.shows.store import Show, shows
from showcases import ONELIGHT, filled, leftovers, on_small_disk, unprivileged, whole
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError, StatementError


def test_a_new_show_is_a_folder_for_its_owner_alone_with_all_it_needs(tmp_path: Path) -> None:
    show = Show.create("apollo", tmp_path)
    assert show.folder == tmp_path / "apollo"
    for path in [show.folder, *show.folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, f"{path} may be read by others"
    assert {path.name for path in show.folder.iterdir()} >= {"show.toml", "store.db", "policy.toml", "keys", "models"}
    assert tomllib.loads(show.places.sheet.read_text())["identity"] == show.identity
    assert Show.open("apollo", tmp_path) == show
    assert shows(tmp_path) == ["apollo"] and leftovers(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "../a",
        "/etc",
        "a\0b",
        "-a",
        "_a",
        ".a",
        "a b",
        "a\n",
        "a\\b",
        "é",
        "ａ",
        "a" * 64,
        "a%b",
        "a.b",
    ],
)
def test_a_name_that_could_be_a_path_or_breaks_a_script_is_refused(tmp_path: Path, name: str) -> None:
    for function in (Show.create, Show.open):
        with pytest.raises(RequestError, match="cannot be called"):
            function(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["base", "BASE", "Base"])
def test_the_built_in_shows_name_is_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match="built-in"):
        Show.create(name, tmp_path)


@pytest.mark.parametrize("odd", ["a b", "100%", "what?x=1", "#1", "é", "a'b\"c", "%20"])
def test_the_root_may_have_any_name(tmp_path: Path, odd: str) -> None:
    show = Show.create("apollo", tmp_path / odd)
    assert show.places.store.is_file() and whole(Show.open("apollo", tmp_path / odd)) == 1


@pytest.mark.parametrize("name", ["night-shoot", "Night_Shoot"])
def test_two_shows_whose_gizmos_would_be_called_the_same_are_not_made(tmp_path: Path, name: str) -> None:
    Show.create("night_shoot", tmp_path)
    with pytest.raises(RequestError, match="'night_shoot', whose gizmos would have the same names"):
        Show.create(name, tmp_path)


def test_a_taken_name_is_told_from_a_folder_that_is_no_show(tmp_path: Path) -> None:
    Show.create("apollo", tmp_path)
    (tmp_path / "gemini").mkdir()
    (tmp_path / "mercury").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RequestError, match="There is a show 'apollo' already"):
        Show.create("apollo", tmp_path)
    for name in ("gemini", "mercury"):
        with pytest.raises(RequestError, match="is no show: move it away"):
            Show.create(name, tmp_path)
    assert shows(tmp_path) == ["apollo"]


def test_of_two_that_create_the_same_show_at_once_one_gets_it(tmp_path: Path) -> None:
    command = [*ONELIGHT, "show", "create", "apollo", "--root", str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate()[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], told
    assert any("is there already" in each or "There is a show 'apollo' already" in each for each in told)
    assert whole(Show.open("apollo", tmp_path)) == 1 and leftovers(tmp_path) == []


def test_a_show_that_is_not_there_is_not_found_and_a_link_to_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no show 'apollo'"):
        Show.open("apollo", tmp_path)
    Show.create("gemini", tmp_path / "elsewhere")
    (tmp_path / "gemini").symlink_to(tmp_path / "elsewhere" / "gemini")
    with pytest.raises(OnelightError, match="is a link"):
        Show.open("gemini", tmp_path)
    assert shows(tmp_path) == []


def test_a_store_that_is_a_link_to_anothers_is_not_opened(tmp_path: Path) -> None:
    apollo, gemini = Show.create("apollo", tmp_path), Show.create("gemini", tmp_path)
    apollo.places.store.unlink()
    apollo.places.store.symlink_to(gemini.places.store)
    with pytest.raises(OnelightError, match="links are not followed"):
        Show.open("apollo", tmp_path)


def test_a_store_of_another_show_is_noticed(tmp_path: Path) -> None:
    apollo, gemini = Show.create("apollo", tmp_path), Show.create("gemini", tmp_path)
    shutil.copy(gemini.places.store, apollo.places.store)
    with pytest.raises(OnelightError, match="not the one that the show 'apollo' began with"):
        Show.open("apollo", tmp_path)


def test_damage_is_a_sentence_that_names_the_file(tmp_path: Path) -> None:
    show = Show.create("apollo", tmp_path)
    good = show.places.store.read_bytes()
    show.places.store.write_bytes(b"no database at all, but long enough to be read as one" * 100)
    with pytest.raises(OnelightError, match="damaged: restore"):
        Show.open("apollo", tmp_path)
    show.places.store.unlink()
    with pytest.raises(OnelightError, match="is missing: restore"):
        Show.open("apollo", tmp_path)
    show.places.store.write_bytes(good)
    for sheet in ("not toml", "name = 1", 'identity = ["x"]', "\x00", "x" * 100_000):
        show.places.sheet.write_text(sheet)
        with pytest.raises(OnelightError, match="show.toml cannot be read"):
            Show.open("apollo", tmp_path)


def test_a_store_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    show = Show.create("apollo", tmp_path)
    with show.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    show.engine.dispose()
    before = show.places.store.read_bytes()
    with pytest.raises(NotReady, match="newer Onelight .store 9999.: update this one"):
        Show.open("apollo", tmp_path)
    assert show.places.store.read_bytes() == before


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engines.sqlite(tmp_path / "store.db")
    real = op.execute

    def refuse(statement: str) -> None:
        real(statement)
        if "journal_delete" in statement:
            raise OperationalError(statement, None, sqlite3.OperationalError("no more"))

    monkeypatch.setattr(op, "execute", refuse)
    with pytest.raises(OnelightError, match="no more"):
        migration.upgrade(engine, "apollo")
    assert sqlalchemy.inspect(engine).get_table_names() == []
    monkeypatch.undo()
    migration.upgrade(engine, "apollo")
    assert "journal" in sqlalchemy.inspect(engine).get_table_names()


def test_what_a_failed_block_did_is_undone(tmp_path: Path) -> None:
    show = Show.create("apollo", tmp_path)

    def fail() -> None:
        with show.session() as session:
            journal.record(session, "test", "first")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert whole(show) == 1


def test_a_reader_waits_for_no_writer(tmp_path: Path) -> None:
    show = Show.create("apollo", tmp_path)
    with show.session() as writing:
        journal.record(writing, "test", "not yet committed")
        assert whole(Show.at(show.folder)) == 1
        assert Show.open("apollo", tmp_path) == show


def test_a_store_that_stays_in_use_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.1)
    show = Show.create("apollo", tmp_path)
    other = Show.open("apollo", tmp_path)
    with show.session(), pytest.raises(Busy, match="'apollo' was in use"), other.session():
        pytest.fail("two transactions that may write are open")


def test_moments_come_back_as_utc_and_one_without_a_zone_is_refused(tmp_path: Path) -> None:
    show = Show.create("apollo", tmp_path)
    here = datetime(2027, 3, 31, 23, 30, tzinfo=timezone(timedelta(hours=-7)))
    with show.session() as session:
        session.add(Token(public="a", hash="", label="", created=here))
    with show.reading() as session:
        created = session.scalars(select(Token.created)).one()
    assert created == here and created.tzinfo == UTC
    with pytest.raises(StatementError, match="has no time zone"), show.session() as session:
        session.add(Token(public="b", hash="", label="", created=here.replace(tzinfo=None)))


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    done = on_small_disk(20_000, "show", "create", "apollo", "--root", tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("onelight: ") and "Traceback" not in done.stderr
    assert "apollo" in done.stderr and list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_grow_says_so_and_stays_whole(tmp_path: Path) -> None:
    show = Show.create("apollo", tmp_path)
    size = show.places.store.stat().st_size
    done = on_small_disk(size // 8, "show", "token", "grant", "apollo", "farm", "--root", tmp_path)
    assert done.returncode == 1 and "The store of the show 'apollo' cannot be" in done.stderr, done.stderr
    assert whole(Show.open("apollo", tmp_path)) == 1


def test_a_root_that_may_not_be_written_is_a_sentence() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        show = Show.create("apollo", root)
        show.engine.dispose()
        for path in [root, show.folder, *show.folder.rglob("*")]:
            path.chmod(0o555)
        with unprivileged():
            with pytest.raises(OnelightError, match="gemini cannot be written: Permission denied"):
                Show.create("gemini", root)
            with pytest.raises(OnelightError, match="apollo' cannot be (opened|written): the folder"):
                Show.open("apollo", root)
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755)


def test_a_network_disk_gets_no_write_ahead_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    show = Show.create("apollo", tmp_path)
    mounts = [
        type("Mount", (), {"mountpoint": "/", "fstype": "ext4"}),
        type("Mount", (), {"mountpoint": str(tmp_path), "fstype": "nfs4"}),
    ]
    show.engine.dispose()  # the mode changes while nobody has the file open
    monkeypatch.setattr(engines.psutil, "disk_partitions", lambda all: mounts)
    with engines.sqlite(show.places.store).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
    monkeypatch.undo()
    with engines.sqlite(show.places.store).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_what_a_killed_creation_left_is_removed_but_not_what_another_makes_now(tmp_path: Path) -> None:
    (tmp_path / ".apollo.01234567.part" / "keys").mkdir(parents=True)
    with store.files.made(tmp_path / "mercury") as part:
        Show.create("gemini", tmp_path)
        assert part.is_dir() and leftovers(tmp_path) == [part.name]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gemini", "mercury"]


def test_show_toml_takes_any_text(tmp_path: Path) -> None:
    odd = 'postgresql://u:p"a\\ss\x7f\t\n@h/d é'
    assert tomllib.loads(store.sheet("apollo", "1", "now", odd))["database"] == odd


def test_importing_the_command_line_loads_no_database() -> None:
    program = (
        "import sys, onelight.cli.app; print([m for m in ('sqlalchemy', 'alembic', 'pyrage') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_models_and_the_migrations_agree(tmp_path: Path) -> None:
    engine = engines.sqlite(tmp_path / "store.db")
    migration.upgrade(engine, "apollo")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_a_filled_show_opens(tmp_path: Path) -> None:
    assert whole(filled(tmp_path)) == 1
