"""A show whose store is a PostgreSQL database: the same promises, on a real server of the test's own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest
from onelight.errors import OnelightError, RequestError
from onelight.shows import access, archive, engines, journal, rekeying, removal, restoring
from onelight.shows.keys import Keys
from onelight.shows.schema import Clip
from onelight.shows.sealing import Key, Lock
from onelight.shows.store import Show, shows
from showcases import contents, filled, onelight, whole
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError

DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
FOUND = shutil.which("initdb") or (DEBIAN and str(DEBIAN[-1] / "initdb"))
pytestmark = pytest.mark.skipif(not FOUND, reason="PostgreSQL's initdb is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """The folder of a server's Unix socket; PostgreSQL does not run as root."""
    pytest.importorskip("psycopg")
    bin_folder, user = Path(str(FOUND)).parent, None
    folder = Path(tempfile.mkdtemp(prefix="onelight-pg-"))
    if os.geteuid() == 0:
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no account 'postgres'")
        os.chown(folder, user.pw_uid, user.pw_gid)
    as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}

    def run(*command: str | Path) -> None:
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **as_user)

    data = folder / "data"
    run(bin_folder / "initdb", "-D", data, "-U", "onelight", "--auth=trust", "--no-sync", "-E", "UTF8")
    settings = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    control = (bin_folder / "pg_ctl", "-D", data, "-w")
    run(*control, "-l", folder / "log", "-o", settings, "start")
    yield folder
    run(*control, "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture
def database(server: Path, request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes an empty database and says its URL."""

    def make() -> str:
        name = f"d{os.urandom(4).hex()}"
        engine = engines.at(f"postgresql+psycopg://onelight@/postgres?host={server}")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return f"postgresql+psycopg://onelight@/{name}?host={server}"

    return make


def clip() -> Clip:
    texts = dict.fromkeys(("name", "path", "space", "reel"), "A001")
    numbers = dict.fromkeys(("first", "last", "width", "height"), 1)
    times = {"ingested": datetime.now(UTC)}
    return Clip(
        **texts,
        **numbers,
        **times,
        digest="0" * 64,
        kind="movie",
        rate="24",
        timecode="",
        camera={"iso": 800},
        files={},
    )


def test_a_show_keeps_its_store_there_and_nowhere_else(tmp_path: Path, database: Callable[[], str]) -> None:
    url = database()
    show = Show.create("apollo", tmp_path, url)
    assert not show.places.store.exists() and Show.open("apollo", tmp_path).url == url
    token = access.grant(show, "farm")
    assert access.Access(show.folder).check(token) and not access.Access(show.folder).check(token[:-1])
    rekeying.rekey(show, "a test")
    assert not access.Access(show.folder).check(token)
    assert whole(show) == 4
    info = onelight("show", "info", "apollo", "--root", tmp_path)
    assert info.returncode == 0 and "postgresql" in info.stdout, info.stderr


def test_the_database_itself_refuses_to_change_the_log(tmp_path: Path, database: Callable[[], str]) -> None:
    show = Show.create("apollo", tmp_path, database())
    for statement in ("UPDATE journal SET why = 'x'", "DELETE FROM journal", "TRUNCATE journal"):
        with (
            pytest.raises((OnelightError, DBAPIError), match="the log of a show only grows"),
            show.session() as session,
        ):
            session.execute(text(statement))
    assert whole(show) == 1


def test_writers_take_turns(tmp_path: Path, database: Callable[[], str]) -> None:
    show = Show.create("apollo", tmp_path, database())

    def write(who: int) -> None:
        own = Show.open("apollo", tmp_path)
        for index in range(10):
            with own.session() as session:
                journal.record(session, "test", f"{who} {index}", odd="\0\udcff")
        own.engine.dispose()

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert whole(show) == 41


def test_two_shows_never_share_a_database(tmp_path: Path, database: Callable[[], str]) -> None:
    url = database()
    Show.create("apollo", tmp_path, url)
    with pytest.raises(RequestError, match="is in use already, it has tables"):
        Show.create("gemini", tmp_path, url)
    assert shows(tmp_path) == ["apollo"]
    gemini = Show.create("gemini", tmp_path, database())
    sheet = gemini.places.sheet.read_text()
    gemini.places.sheet.write_text(sheet.replace(gemini.url, url))
    with pytest.raises(OnelightError, match="not the one that the show 'gemini' began with"):
        Show.open("gemini", tmp_path)


def test_a_database_that_does_not_answer_is_a_sentence_without_its_password(tmp_path: Path, server: Path) -> None:
    url = f"postgresql+psycopg://onelight:secret@/nothing?host={server}"
    with pytest.raises(OnelightError, match='cannot be used: .*database "nothing" does not exist') as refused:
        Show.create("apollo", tmp_path, url)
    assert "secret" not in str(refused.value) and list(tmp_path.iterdir()) == []
    for wrong in ("nonsense", "oracle9://x/y", "sqlite:///x.db"):
        with pytest.raises(OnelightError, match="cannot be used|give no URL"):
            Show.create("apollo", tmp_path, wrong)


def test_an_archive_holds_the_tables_and_restores_to_a_file(tmp_path: Path, database: Callable[[], str]) -> None:
    show = filled(tmp_path / "here", url=database())
    with show.session() as session:
        session.add(clip())
    identity = pyrage.x25519.Identity.generate()
    archive.archive(show, tmp_path / "a.age", Lock((identity.to_public(),)))
    again = restoring.restore(tmp_path / "a.age", Key((identity,)), tmp_path / "there")
    assert again.url == "" and contents(again) == contents(show) and whole(again) == 2
    assert Keys(again).fingerprint == Keys(show).fingerprint
    with again.session() as session, show.reading() as before:
        ours, theirs = (each.scalars(select(Clip)).one() for each in (session, before))
        assert (ours.ingested, ours.camera, ours.cdl) == (theirs.ingested, theirs.camera, theirs.cdl)


def test_deleting_takes_the_tables_with_it(tmp_path: Path, database: Callable[[], str]) -> None:
    url = database()
    Show.create("apollo", tmp_path, url).engine.dispose()
    removal.delete("apollo", tmp_path)
    assert list(tmp_path.iterdir()) == []
    engine = engines.at(url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
    Show.create("gemini", tmp_path, url).engine.dispose()  # the database is as empty as before
