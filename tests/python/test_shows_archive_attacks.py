"""What calls itself an archive of a show, and is none, is refused and leaves nothing."""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest
from onelight.errors import NotReady, RequestError
from onelight.shows import archive, restoring
from onelight.shows.sealing import BadArchive
from showarchives import Given, Members, about, edited, sql, without


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return Given(tmp_path)


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
