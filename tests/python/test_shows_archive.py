"""A show goes into one encrypted file and comes back the same; what else calls itself an archive is refused."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
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
from onelight.errors import NotFound, NotReady, OnelightError, RequestError
from onelight.shows import access, archive, files, journal, removal, restoring
from onelight.shows.keys import Keys
from onelight.shows.sealing import BadArchive, Key, Lock
from onelight.shows.store import Show, shows
from showcases import contents, filled, leftovers, on_small_disk, onelight, unprivileged, whole
from sqlalchemy import text

Members = dict[str, bytes]


class Given:
    """A filled show, a person's age key, and an archive for it."""

    def __init__(self, folder: Path) -> None:
        self.show = filled(folder / "here")
        self.identity = pyrage.x25519.Identity.generate()
        self.lock, self.key = Lock((self.identity.to_public(),)), Key((self.identity,))
        self.file, self.there = folder / "apollo.age", folder / "there"
        archive.archive(self.show, self.file, self.lock)

    def members(self) -> Members:
        """What the archive holds, decrypted by another implementation's rules: one tar."""
        plain = pyrage.decrypt(self.file.read_bytes(), [self.identity])
        with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
            return {member.name: tar.extractfile(member).read() for member in tar}  # pyright: ignore

    def forge(self, members: Members, *more: tarfile.TarInfo, sums: bool = True) -> Path:
        """An archive that anybody who knows the recipient could make; its list says what it holds."""
        if sums:
            about = {n: {"size": len(d), "sha256": hashlib.sha256(d).hexdigest()} for n, d in members.items()}
            about = {name: each for name, each in about.items() if name not in (archive.ABOUT, archive.SUMS)}
            members = {
                **{n: d for n, d in members.items() if n != archive.SUMS},
                archive.SUMS: json.dumps(about).encode(),
            }
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, data in members.items():
                if name == archive.SUMS:
                    for extra in more:
                        tar.addfile(extra, io.BytesIO(b"\0" * extra.size))
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return self.seal(out.getvalue())

    def seal(self, plain: bytes) -> Path:
        forged = self.file.with_name("forged.age")
        forged.write_bytes(pyrage.encrypt(plain, [self.identity.to_public()]))
        return forged

    def nothing_there(self) -> None:
        """No show appeared, and nothing of one."""
        assert shows(self.there) == [] and leftovers(self.there) == []

    def refused(self, file: Path, why: str) -> None:
        """The archive is refused for that reason, and no trace is left, here or anywhere near."""
        before = sorted(self.file.parent.rglob("*"))
        with pytest.raises(BadArchive, match=why):
            restoring.restore(file, self.key, self.there)
        after = [path for path in sorted(self.file.parent.rglob("*")) if path != self.there]
        assert after == [path for path in before if path != self.there]


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


def test_every_changed_byte_and_every_cut_is_noticed(given: Given) -> None:
    data = given.file.read_bytes()
    for at in (0, 30, 150, 230, len(data) // 3, len(data) - 1):
        given.file.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        given.refused(given.file, "is no archive of a show, or was changed|was encrypted for another key")
    for size in (0, 1, 100, 400, len(data) // 2, len(data) - 1):
        given.file.write_bytes(data[:size])
        given.refused(given.file, "is no archive of a show, or was changed")
    given.file.write_bytes(data + b"more")
    given.refused(given.file, "is no archive of a show, or was changed")


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "../../here/apollo/policy.toml",
        "/tmp/onelight-evil",
        "models/../../evil",
        "models/./x",
        "models//x",
        "models/",
        ".",
        "..",
        "models\\..\\x",
        ".hidden/x",
        "store.db-wal",
        "store.db-journal",
        "models/x.part",
        "/".join("abcdefghijklmnopqrstuvwxyz"),
        "m" * 256,
        "show.toml/x",
        "cache",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(given: Given, name: str) -> None:
    given.refused(
        given.forge({**given.members(), name: b"evil"}), "is no path inside a show|has a folder's place|holds no show"
    )
    assert not Path("/tmp/onelight-evil").exists() and not (given.there.parent / "evil").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_links_devices_and_pipes_are_refused(given: Given, kind: bytes) -> None:
    member = tarfile.TarInfo("models/link")
    member.type, member.linkname = kind, "/etc/passwd"
    given.refused(given.forge(given.members(), member), "is a link or no plain file")


def test_a_sparse_file_that_would_fill_the_disk_is_refused(given: Given) -> None:
    member = tarfile.TarInfo("models/bomb")
    member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 44)}
    member.size = 512
    given.refused(given.forge(given.members(), member), "is no archive of a show, or was changed")


def _raw(**fields: int | bytes) -> bytes:
    """A tar header with a size that tarfile would not write, and its checksum."""
    info = tarfile.TarInfo("models/x")
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT)[:512])
    if "size" in fields:
        size = int(fields["size"])
        head[124:136] = (b"\x80" if size >= 0 else b"\xff") + (size % (1 << 88)).to_bytes(11, "big")
    if "type" in fields:
        head[156:157] = bytes(fields["type"])  # pyright: ignore
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


@pytest.mark.parametrize(
    "head",
    [
        _raw(size=1 << 60),
        _raw(size=-512),
        _raw(size=-(1 << 40)),
        _raw(size=1 << 50, type=b"L"),
        _raw(size=1 << 40, type=b"x"),
        _raw(size=1 << 30, type=b"K"),
        _raw(size=1 << 33, type=b"S"),
        _raw(size=512, type=b"L") * 3000,
        b"\x07" * 512,
    ],
)
def test_a_header_that_lies_costs_neither_memory_nor_time(given: Given, head: bytes) -> None:
    plain = pyrage.decrypt(given.file.read_bytes(), [given.identity])
    first = plain.index(b"store.db")
    given.refused(given.seal(plain[:first] + head + plain[first:]), "is no archive of a show, or was changed")


def test_what_is_no_tar_at_all_is_refused(given: Given) -> None:
    for plain in (b"", b"\0" * 10_240, b"x" * 100_000, b"{}"):
        given.refused(given.seal(plain), "is no archive of a show")


def edited(change: Callable[[Path], None]) -> Callable[[Members], Members]:
    """Members with the store changed by `change`."""

    def apply(members: Members) -> Members:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "store.db"
            path.write_bytes(members["store.db"])
            change(path)
            return {**members, "store.db": path.read_bytes()}

    return apply


def sql(*statements: str) -> Callable[[Members], Members]:
    def change(path: Path) -> None:
        connection = sqlite3.connect(path)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    return edited(change)


def without(name: str) -> Callable[[Members], Members]:
    return lambda members: {each: data for each, data in members.items() if each != name}


def about(**changes: object) -> Callable[[Members], Members]:
    def change(members: Members) -> Members:
        told = {**json.loads(members[archive.ABOUT]), **changes}
        return {**members, archive.ABOUT: json.dumps(told).encode()}

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (sql("DROP TRIGGER journal_update", "UPDATE journal SET who = 'another'"), "other tables or triggers"),
        (sql("CREATE TRIGGER spy AFTER INSERT ON tokens BEGIN DELETE FROM clips; END"), "other tables or triggers"),
        (sql("CREATE TABLE more (x)"), "other tables or triggers"),
        (sql("CREATE VIEW more AS SELECT * FROM tokens"), "other tables or triggers"),
        (sql("INSERT INTO learnt VALUES (7, 7)"), "refers to rows that are not there"),
        (edited(lambda path: path.write_bytes(b"no database" * 1000)), "is damaged"),
        (edited(lambda path: path.write_bytes(path.read_bytes()[:9000])), "damaged|malformed"),
        (without("store.db"), "holds no show"),
        (without("keys/signing.pem"), "no signing key"),
        (about(identity="0" * 32), "not the one that the show 'apollo' began with"),
        (about(identity="../../x"), "identity is of another kind"),
        (about(show=["apollo"]), "is of another kind"),
        (about(format="1"), "was made by a newer|is no archive"),
    ],
)
def test_an_archive_whose_show_is_not_whole_is_refused(
    given: Given, change: Callable[[Members], Members], why: str
) -> None:
    file = given.forge(change(given.members()))
    with pytest.raises((BadArchive, NotReady), match=why):
        restoring.restore(file, given.key, given.there)
    given.nothing_there()


def test_a_forged_log_in_an_archive_is_refused(given: Given) -> None:
    def change(path: Path) -> None:
        connection = sqlite3.connect(path)
        guard = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'journal_update'").fetchone()[0]
        for statement in ("DROP TRIGGER journal_update", "UPDATE journal SET who = 'another'", guard):
            connection.execute(statement)
        connection.commit()
        connection.close()

    given.refused(given.forge(edited(change)(given.members())), "tampered with: entry 1 ")


def test_checksums_that_do_not_fit_name_the_file(given: Given) -> None:
    members = given.members()
    members["models/relight/v001/shade.onnx"] = b"other" + members["models/relight/v001/shade.onnx"][5:]
    given.refused(given.forge(members, sums=False), "'models/relight/v001/shade.onnx' is not as it was archived")
    members = given.members()
    given.refused(given.forge({**without("policy.toml")(members)}, sums=False), "'policy.toml' is not as it was")
    more = {archive.ABOUT: members[archive.ABOUT], "models/more": b"x"}
    given.refused(given.forge({**more, **members}, sums=False), "'models/more' is not as it was archived")
    given.refused(given.forge(without(archive.SUMS)(members), sums=False), "does not end with sums.json")
    given.refused(given.forge(without(archive.ABOUT)(members)), "does not begin with archive.json")


def test_names_in_an_archive_go_through_the_same_gate(given: Given) -> None:
    for name in ("../evil", "base", "", "a/b", "x" * 64):
        file = given.forge(about(show=name)(given.members()))
        with pytest.raises(RequestError, match="cannot be called|built-in"):
            restoring.restore(file, given.key, given.there)
        with pytest.raises(RequestError, match="cannot be called|built-in"):
            restoring.restore(given.file, given.key, given.there, name or "..")
        given.nothing_there()


def test_an_archive_of_a_newer_release_is_left_alone(given: Given) -> None:
    newer = sql("UPDATE alembic_version SET version_num = '9999'")
    for change in (newer, about(format=2)):
        file = given.forge(change(given.members()))
        with pytest.raises(NotReady, match="newer Onelight"):
            restoring.restore(file, given.key, given.there)
        given.nothing_there()


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


def test_deleting_leaves_nothing_whatever_the_modes_of_files(given: Given, tmp_path: Path) -> None:
    root = given.show.folder.parent
    kept = tmp_path / "kept.exr"
    kept.write_text("plate")
    (given.show.folder / "models" / "link").symlink_to(kept)
    (given.show.folder / "models" / "folder").symlink_to(tmp_path)
    version = given.show.folder / "models" / "relight" / "v001"
    for path in (*version.iterdir(), version, version.parent):
        path.chmod(0o500 if path.is_dir() else 0o400)
    with given.show.session():
        assert (given.show.folder / "store.db-wal").exists()
    removal.delete("apollo", root)
    assert list(root.iterdir()) == [] and kept.read_text() == "plate" and shows(root) == []
    with pytest.raises(NotFound, match="There is no show 'apollo'"):
        removal.delete("apollo", root)


def test_deleting_as_an_ordinary_person_takes_read_only_folders_too() -> None:
    if os.geteuid() != 0:
        pytest.skip("covered by the test before")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        filled(root).engine.dispose()
        for path in [Path(folder), root, *root.rglob("*")]:
            os.chown(path, 65534, 65534, follow_symlinks=False)
        version = root / "apollo" / "models" / "relight" / "v001"
        for path in (*version.iterdir(), version, version.parent):
            path.chmod(0o500 if path.is_dir() else 0o400)
        with unprivileged():
            removal.delete("apollo", root)
        assert list(root.iterdir()) == []


def test_an_interrupted_deletion_is_out_of_sight_and_is_gone_on_with(given: Given) -> None:
    root = given.show.folder.parent
    hidden = files.hide(given.show.folder)
    (hidden / "store.db").unlink()
    (hidden / "show.toml").unlink()
    assert shows(root) == []
    assert onelight("show", "list", "--root", root).returncode == 0
    assert list(root.iterdir()) == []
    show = filled(root)
    files.hide(show.folder)
    assert onelight("show", "delete", "apollo", "--confirm", "apollo", "--root", root).returncode == 0
    assert list(root.iterdir()) == []


def test_a_new_show_of_the_same_name_is_not_mixed_up_with_the_deleted_one(given: Given) -> None:
    root = given.show.folder.parent
    files.hide(given.show.folder)
    new = Show.create("apollo", root)
    removal.finish(root)
    assert whole(new) == 1 and leftovers(root) == []


def test_the_command_line_asks_before_it_deletes(given: Given) -> None:
    root = ("--root", given.show.folder.parent)
    for confirm in ((), ("--confirm", "gemini"), ("--confirm", "Apollo")):
        done = onelight("show", "delete", "apollo", *confirm, *root)
        assert done.returncode == 1 and "apollo" in done.stderr
        assert whole(given.show) == 2


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
