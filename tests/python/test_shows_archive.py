"""A show goes into one encrypted file and comes back the same."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest
from onelight.errors import NotReady, OnelightError, RequestError
from onelight.shows import access, archive, files, journal, restoring
from onelight.shows.keys import Keys
from onelight.shows.sealing import BadArchive, Key, Lock
from onelight.shows.store import Show, shows
from showarchives import Given
from showcases import contents, on_small_disk, onelight, unprivileged, whole
from sqlalchemy import text


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return Given(tmp_path)


def test_a_show_comes_back_as_it_was(given: Given) -> None:
    show = restoring.restore(given.file, given.key, given.there)
    assert (show.name, show.identity, show.created) == ("apollo", given.show.identity, given.show.created)
    assert contents(show) == contents(given.show) and len(contents(show)) == 3
    assert Keys(show).fingerprint == Keys(given.show).fingerprint
    assert show.places.policy.read_bytes() == given.show.places.policy.read_bytes()
    assert not (show.places.cache / "frame").exists()
    assert whole(show) == 2 and whole(given.show) == 2  # restored there, archived here
    for path in [show.folder, *show.folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0


def test_a_restored_show_can_have_another_name_and_keeps_its_tokens_and_proofs(given: Given) -> None:
    token, signature = access.grant(given.show, "farm"), Keys(given.show).sign(b"x")
    given.file.unlink()
    archive.archive(given.show, given.file, given.lock)
    show = restoring.restore(given.file, given.key, given.show.folder.parent, "apollo2")
    assert shows(given.show.folder.parent) == ["apollo", "apollo2"]
    assert access.Access(show.folder).check(token) and Keys(show).verify(b"x", signature)
    again = given.file.with_name("again.age")
    archive.archive(show, again, given.lock)
    assert restoring.restore(again, given.key, given.there).name == "apollo2"


def test_a_passphrase_works_too_and_what_is_in_the_file_is_age(given: Given, tmp_path: Path) -> None:
    file = tmp_path / "p.age"
    archive.archive(given.show, file, Lock(passphrase="correct horse"))
    assert contents(restoring.restore(file, Key(passphrase="correct horse"), given.there)) == contents(given.show)
    end = b"-----END AGE ENCRYPTED FILE-----\n"
    head, body = file.read_bytes().split(end, 1)
    identity = pyrage.x25519.Identity.from_str(pyrage.passphrase.decrypt(head + end, "correct horse").decode())
    assert b"apollo" in pyrage.decrypt(body, [identity])
    with pytest.raises(BadArchive, match="the passphrase is another"):
        restoring.restore(file, Key(passphrase="wrong horse"), given.there)
    with pytest.raises(BadArchive, match="opens with a passphrase"):
        restoring.restore(file, given.key, given.there)
    with pytest.raises(BadArchive, match="opens with the age identity"):
        restoring.restore(given.file, Key(passphrase="x"), given.there)


def test_an_archive_for_somebody_else_does_not_open(given: Given) -> None:
    with pytest.raises(BadArchive, match="was encrypted for another key"):
        restoring.restore(given.file, Key((pyrage.x25519.Identity.generate(),)), given.there)


def test_an_archive_tells_nothing_of_the_show(given: Given) -> None:
    data = given.file.read_bytes()
    assert b"apollo" not in data and given.show.identity.encode() not in data and b"relight" not in data
    assert given.file.stat().st_mode & 0o077 == 0


def test_a_taken_name_is_refused_before_anything_is_written(given: Given) -> None:
    with pytest.raises(RequestError, match="There is a show 'apollo' already"):
        restoring.restore(given.file, given.key, given.show.folder.parent)
    assert whole(given.show) == 2


def test_an_archive_replaces_no_file_and_lies_outside_the_show(given: Given, tmp_path: Path) -> None:
    before = given.file.read_bytes()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for to in (given.file, tmp_path / "link", tmp_path):
        with pytest.raises(RequestError, match="is there already"):
            archive.archive(given.show, to, given.lock)
    for to in (given.show.folder / "a.age", given.show.folder / "models" / "a.age"):
        with pytest.raises(RequestError, match="lies in the show itself"):
            archive.archive(given.show, to, given.lock)
    assert given.file.read_bytes() == before and not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("links", [True, False])
def test_an_archive_replaces_no_file_that_appears_meanwhile(
    given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr("os.link", no_links)  # as exFAT answers
    archive.archive(given.show, tmp_path / "b.age", given.lock)
    to = tmp_path / "c.age"

    def appears(done: int, total: int, name: str) -> None:
        to.write_text("another's")

    with pytest.raises(RequestError, match="is there already"):
        archive.archive(given.show, to, given.lock, appears)
    assert to.read_text() == "another's"
    assert not list(tmp_path.glob(".*"))


def test_a_link_in_a_show_is_named_and_not_followed(given: Given, tmp_path: Path) -> None:
    for what in ("/etc", "/etc/passwd", "/nowhere"):
        link = given.show.folder / "models" / "link"
        link.symlink_to(what)
        with pytest.raises(NotReady, match="models/link is a link"):
            archive.archive(given.show, tmp_path / "b.age", given.lock)
        link.unlink()
    assert not (tmp_path / "b.age").exists() and not list(tmp_path.glob(".*"))


def _grows(path: Path) -> None:
    with path.open("ab") as out:
        out.write(b"more")


def _is_rewritten(path: Path) -> None:
    path.write_bytes(b"other")


@pytest.mark.parametrize("change", [_grows, _is_rewritten])
def test_a_file_that_changes_meanwhile_is_named(
    given: Given, tmp_path: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = given.show.folder / "training" / "run1" / "crops.bin"

    add = archive._add

    def add_slowly(tar: tarfile.TarFile, name: str, *rest: Any) -> None:
        add(tar, name, *rest)
        if name.endswith("crops.bin"):
            change(path)

    monkeypatch.setattr(archive, "_add", add_slowly)
    with pytest.raises(NotReady, match="crops.bin changed while it was archived"):
        archive.archive(given.show, tmp_path / "b.age", given.lock)
    assert not (tmp_path / "b.age").exists()


def test_a_database_that_is_written_meanwhile_is_kept_as_it_was_at_one_moment(given: Given, tmp_path: Path) -> None:
    mlflow = sqlite3.connect(given.show.folder / "mlflow.db")
    mlflow.execute("PRAGMA journal_mode = WAL")
    mlflow.execute("CREATE TABLE metrics (x)")
    mlflow.commit()
    mlflow.execute("INSERT INTO metrics VALUES (1)")  # not committed
    other = Show.open("apollo", given.show.folder.parent)
    with other.session() as session:
        journal.record(session, "test", "not committed")
        archive_only(given.show, tmp_path / "b.age", given.lock)
        session.rollback()
    mlflow.rollback()
    mlflow.close()
    show = restoring.restore(tmp_path / "b.age", given.key, given.there)
    assert whole(show) == 3
    assert sqlite3.connect(show.folder / "mlflow.db").execute("SELECT count(*) FROM metrics").fetchone() == (0,)


def archive_only(show: Show, to: Path, lock: Lock) -> None:
    """The archive without the entry in the log, for which a writer would have to wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Show, "session", Show.reading)
        patch.setattr(journal, "record", lambda *args, **told: None)
        archive.archive(show, to, lock)


def test_one_archive_of_a_show_is_made_at_a_time(given: Given, tmp_path: Path) -> None:
    folder = given.show.places.cache / "archiving"
    folder.mkdir()
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(NotReady, match="is being archived already"):
        archive.archive(given.show, tmp_path / "b.age", given.lock)
    os.close(handle)
    archive.archive(given.show, tmp_path / "b.age", given.lock)


def test_a_full_disk_leaves_no_archive_and_no_show(given: Given, tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse\n")
    root = ("--root", given.show.folder.parent)
    to = tmp_path / "b.age"
    done = on_small_disk(400_000, "show", "archive", "apollo", *root, "--to", to, "--passphrase-file", passphrase)
    assert done.returncode == 1 and f"{to} cannot be written: File too large" in done.stderr, done.stderr
    assert not to.exists() and not list(tmp_path.glob(".*")) and whole(given.show) == 2
    assert onelight("show", "archive", "apollo", *root, "--to", to, "--passphrase-file", passphrase).returncode == 0
    there = ("--root", given.there)
    done = on_small_disk(400_000, "show", "restore", to, *there, "--passphrase-file", passphrase)
    assert done.returncode == 1 and "cannot be written: File too large" in done.stderr, done.stderr
    assert list(given.there.iterdir()) == []


def test_a_disk_that_is_too_small_is_told_before(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 500_000}))
    with pytest.raises(OnelightError, match="needs 1 MB, and the disk has 0 MB left"):
        restoring.restore(given.file, given.key, given.there)
    assert shows(given.there) == []


def test_a_folder_that_may_not_be_written_is_a_sentence(given: Given) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        if os.geteuid() != 0:
            with pytest.raises(OnelightError, match="cannot be written: Permission denied"):
                archive.archive(given.show, Path(folder) / "a.age", given.lock)
        file = Path(tempfile.mkdtemp()) / "a.age"
        shutil.copy(given.file, file)
        file.chmod(0o644)
        file.parent.chmod(0o755)
        with unprivileged(), pytest.raises(OnelightError, match="apollo cannot be written: Permission denied"):
            restoring.restore(file, given.key, Path(folder))
        shutil.rmtree(file.parent)


def test_the_life_of_an_archive_on_the_command_line(given: Given, tmp_path: Path) -> None:
    root, there = ("--root", given.show.folder.parent), ("--root", given.there)
    identity, to = tmp_path / "identity.txt", tmp_path / "b.age"
    identity.write_text(f"# created: today\n# public key: {given.identity.to_public()}\n{given.identity}\n")
    secret = tmp_path / "secret.txt"
    secret.write_text("AGE-SECRET-KEY\n")
    recipient = ("--recipient", str(given.identity.to_public()))
    done = onelight("show", "archive", "apollo", "--to", to, *recipient, *root)
    assert done.returncode == 0 and "files" in done.stdout, done.stderr
    done = onelight("show", "restore", to, "--identity", identity, *there)
    assert done.returncode == 0 and str(given.there / "apollo") in done.stdout, done.stderr
    for command, sentence in {
        ("archive", "apollo", "--to", to, *recipient, *root): "is there already",
        ("archive", "apollo", "--to", tmp_path / "c", *root): "Who may open the archive?",
        ("archive", "apollo", "--to", tmp_path / "c", "--recipient", "age1x", *root): "'age1x' is no recipient",
        ("archive", "apollo", "--to", tmp_path / "no" / "c", *recipient, *root): "cannot be written: No such file",
        (
            "archive",
            "apollo",
            "--to",
            tmp_path / "c",
            *recipient,
            "--passphrase-file",
            identity,
            *root,
        ): "of the two",
        ("restore", to, *there): "What opens",
        ("restore", tmp_path / "no", "--identity", identity, *there): "no cannot be read: No such file",
        ("restore", tmp_path, "--identity", identity, *there): "cannot be read: Is a directory",
        ("restore", to, "--identity", secret, *there): "is no age identity and no SSH private key",
        ("restore", to, "--identity", tmp_path / "no", *there): "cannot be read: No such file",
        ("restore", to, "--passphrase-file", "/dev/null", *there): "passphrase file /dev/null cannot be read",
    }.items():
        done = onelight("show", *command)
        assert done.returncode == 1, command
        assert sentence in done.stderr, done.stderr


def test_age_itself_opens_what_was_archived_for_a_recipient(given: Given, tmp_path: Path) -> None:
    if shutil.which("age") is None:
        pytest.skip("age is not installed")
    identity = tmp_path / "identity.txt"
    identity.write_text(f"{given.identity}\n")
    plain = subprocess.run(["age", "-d", "-i", identity, given.file], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        assert tar.getnames()[0] == archive.ABOUT


def test_a_log_that_was_tampered_with_is_not_put_away_as_if_it_were_whole(given: Given, tmp_path: Path) -> None:
    with given.show.session() as session:
        session.execute(text("DROP TRIGGER journal_update"))
        session.execute(text("UPDATE journal SET who = 'another' WHERE number = 1"))
    with pytest.raises(journal.BrokenJournal, match="tampered with: entry 1 "):
        archive.archive(given.show, tmp_path / "b.age", given.lock)


def test_an_archive_is_never_made_that_could_not_be_restored(given: Given, tmp_path: Path) -> None:
    folder = given.show.folder
    for name in (".DS_Store", "training/run1/step.part", "mlflow.db-wal"):
        (folder / name).write_text("of the moment")
    (folder / ".snapshot").mkdir()
    (folder / ".snapshot" / "x").symlink_to("/etc/passwd")
    archive.archive(given.show, tmp_path / "b.age", given.lock)
    show = restoring.restore(tmp_path / "b.age", given.key, given.there)
    assert not [path for path in show.folder.iterdir() if path.name.startswith(".")]
    for name in (
        "look/back\\slash.json",
        "sums.json",
        "archive.json",
        "/".join(["models", *"abcdefghijklmnopqrstuvwxyz"]),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        with pytest.raises(NotReady, match="An archive cannot hold"):
            archive.archive(given.show, tmp_path / "c.age", given.lock)
        path.unlink()
    assert not (tmp_path / "c.age").exists()


def test_an_archive_is_in_the_log_before_it_is_there(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(part: Path, to: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "name", refuse)
    with pytest.raises(OnelightError, match="No space left on device"):
        archive.archive(given.show, given.file.with_name("b.age"), given.lock)
    assert whole(given.show) == 3 and not given.file.with_name("b.age").exists()
