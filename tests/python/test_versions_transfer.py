"""Versions carried from show to show: whole, signed by a key that is trusted, or refused."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import versionshows as make
from onelight.errors import NotReady, OnelightError, RequestError
from onelight.runtime import Session
from onelight.shows import bundle, files, journal, transfer, versions
from onelight.shows.keys import Keys
from onelight.shows.schema import Clip
from onelight.shows.store import Show
from versionshows import added, served


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with two shows: apollo, with one version of Probe that learnt from a clip, and borealis, with nothing."""
    folder = tmp_path_factory.mktemp("untouched")
    show = Show.create("apollo", folder / "shows")
    added(show, folder, 3.0, clips=[make.clip(show, "A001")], metrics=[{"metric": "psnr", "gain": 0.7}])
    transfer.export(show, "probe", "v001", folder / "shows" / "probe_v001.zip")
    other = Show.create("borealis", folder / "shows")
    for each in (show, other):
        each.engine.dispose()
    return folder / "shows"


@pytest.fixture
def root(untouched: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(untouched, tmp_path / "shows"))


@pytest.fixture
def show(root: Path) -> Show:
    return Show.open("apollo", root)


@pytest.fixture
def other(root: Path) -> Show:
    return Show.open("borealis", root)


@pytest.fixture
def archive(root: Path) -> Path:
    """The version of the first show as it left it."""
    return root / "probe_v001.zip"


@pytest.fixture
def key(show: Show, tmp_path: Path) -> Path:
    """The first show's public key, as it is handed to the other."""
    path = tmp_path / "apollo.pem"
    path.write_bytes(Keys(show).public_pem)
    return path


def nothing_came_in(show: Show) -> bool:
    return versions.listed(show) == [] and not [path for path in show.places.models.rglob("*") if path.is_file()]


def test_the_same_version_gives_the_same_archive_and_the_log_keeps_that_it_left(
    show: Show, archive: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.zip"
    digest = transfer.export(show, "probe", "v001", again, who="ada")
    assert again.read_bytes() == archive.read_bytes()
    entry = versions.history(show, "probe", "v001")[-1]
    assert (entry.action, entry.who, entry.told["archive"]) == ("version export", "ada", digest)
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        folder = show.places.models / "probe" / "v001"
        assert {name: opened.read(name) for name in opened.namelist()} == {
            path.name: path.read_bytes() for path in folder.iterdir()
        }
    with pytest.raises(RequestError, match="again.zip is there already"):
        transfer.export(show, "probe", "v001", again)
    with pytest.raises(OnelightError, match="cannot be written: No such file"):
        transfer.export(show, "probe", "v001", tmp_path / "nowhere" / "x.zip")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("renames", [True, False])
def test_a_disk_without_hard_links_takes_an_export_and_keeps_what_is_there(
    show: Show, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: bool
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)  # as exFAT answers
    if not renames:
        monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: object())  # nor a rename that replaces nothing
    again = tmp_path / "again.zip"
    transfer.export(show, "probe", "v001", again)
    assert again.read_bytes() == archive.read_bytes()
    late, before = tmp_path / "late.zip", len(versions.history(show, "probe", "v001"))

    def meanwhile(path: Path) -> None:
        late.write_text("another's")

    monkeypatch.setattr(transfer, "_pack", lambda checked, file: meanwhile(late))
    with pytest.raises(RequestError, match="late.zip is there already"):
        transfer.export(show, "probe", "v001", late)
    assert late.read_text() == "another's"
    assert len(versions.history(show, "probe", "v001")) == before
    assert not list(tmp_path.glob(".*"))


def test_an_export_that_the_disk_refuses_is_not_in_the_log_and_one_that_the_log_refuses_is_not_on_the_disk(
    show: Show, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = len(versions.history(show, "probe", "v001"))
    with monkeypatch.context() as patch:
        patch.setattr(files, "name", full)
        with pytest.raises(OnelightError, match="No space left"):
            transfer.export(show, "probe", "v001", tmp_path / "x.zip")
    with monkeypatch.context() as patch:
        patch.setattr("sqlalchemy.orm.Session.commit", full)
        with pytest.raises(OnelightError, match="No space left"):
            transfer.export(show, "probe", "v001", tmp_path / "x.zip")
    assert len(versions.history(show, "probe", "v001")) == before
    assert not list(tmp_path.glob("*x.zip*"))
    transfer.export(show, "probe", "v001", tmp_path / "x.zip")


def test_an_altered_version_does_not_leave_the_show(show: Show, tmp_path: Path) -> None:
    card = show.places.models / "probe" / "v001" / "card.md"
    card.chmod(0o600)
    card.write_text("better than all")
    with pytest.raises(bundle.Altered, match="card.md is not the file that was signed"):
        transfer.export(show, "probe", "v001", tmp_path / "x.zip")
    assert not list(tmp_path.glob("*x.zip*"))


def test_another_show_takes_it_in_by_the_key_it_was_given_and_signs_it_itself(
    show: Show, archive: Path, other: Show, key: Path, tmp_path: Path
) -> None:
    added(other, tmp_path / "other", 9.0)
    version = transfer.take_in(other, archive, key, who="ben")
    assert (version.name, version.state, version.gain) == ("v002", "candidate", "gain")
    checked, first = versions.verify(other, "probe", "v002"), versions.verify(show, "probe", "v001")
    assert checked.signer == Keys(other).fingerprint != first.signer
    assert checked.manifest["origin"] == {
        "name": "apollo",
        "identity": show.identity,
        "version": "v001",
        "digest": first.digest,
        "key": Keys(show).fingerprint,
    }
    assert checked.manifest["clips"] == first.manifest["clips"] and checked.manifest["metrics"] == [
        {"metric": "psnr", "gain": 0.7}
    ]
    origin = json.loads((other.places.models / "probe" / "v002" / "origin1.json").read_text())
    assert Keys(show).verify(origin["manifest"].encode(), bytes.fromhex(origin["signature"])) == origin["key"]
    x = np.ones((2, 3, 4), np.float32)
    assert np.array_equal(Session(served(other, "v002"), 1).run("net", {"x": x})["y"], x * 3)
    assert versions.history(other, "probe", "v002")[0].who == "ben"
    assert transfer.take_in(other, archive, key).name == "v002", "what is there is not added again"
    with other.session() as session:
        journal.check(session)


def test_a_third_show_can_still_see_where_a_version_that_came_twice_began(
    show: Show, archive: Path, other: Show, key: Path, tmp_path: Path
) -> None:
    transfer.take_in(other, archive, key)
    transfer.export(other, "probe", "v001", tmp_path / "second.zip")
    second = tmp_path / "borealis.pem"
    second.write_bytes(Keys(other).public_pem)
    third = Show.create("cygnus", tmp_path / "shows")
    transfer.take_in(third, tmp_path / "second.zip", second)
    folder = third.places.models / "probe" / "v001"
    origins = [json.loads(json.loads((folder / f"origin{n}.json").read_text())["manifest"]) for n in (1, 2)]
    assert [origin["show"]["name"] for origin in origins] == ["apollo", "borealis"]
    assert versions.verify(third, "probe", "v001").manifest["origin"]["name"] == "borealis"


def test_a_version_of_this_show_comes_back_byte_for_byte_under_its_name(show: Show, tmp_path: Path) -> None:
    shutil.copytree(show.folder, tmp_path / "restored" / "apollo")
    restored = Show.open("apollo", tmp_path / "restored")  # as it was before the second version
    added(show, tmp_path, 5.0, clips=[make.clip(show, "B001")])
    versions.approve(show, "probe", "v002")
    transfer.export(show, "probe", "v002", tmp_path / "v002.zip")
    version = transfer.take_in(restored, tmp_path / "v002.zip")
    assert (version.name, version.state) == ("v002", "candidate"), "whoever takes it in approves it"
    assert version.digest == versions.verify(restored, "probe", "v002").digest == served(show, "v002").digest
    assert transfer.take_in(restored, tmp_path / "v002.zip").name == "v002"
    with pytest.raises(OnelightError):
        versions.get(restored, "probe", "v003")
    elsewhere = Show.open("apollo", shutil.copytree(tmp_path / "shows", tmp_path / "third"))
    elsewhere_digest = versions.get(elsewhere, "probe", "v002").digest
    assert elsewhere_digest == version.digest


def test_a_name_that_another_version_has_by_now_is_not_taken_over(show: Show, tmp_path: Path) -> None:
    shutil.copytree(show.folder, tmp_path / "restored" / "apollo")
    restored = Show.open("apollo", tmp_path / "restored")
    added(show, tmp_path, 5.0)
    added(restored, tmp_path / "restored", 6.0)
    transfer.export(show, "probe", "v002", tmp_path / "v002.zip")
    version = transfer.take_in(restored, tmp_path / "v002.zip")
    assert version.name == "v003"
    assert versions.verify(restored, "probe", "v003").manifest["origin"]["version"] == "v002"
    assert versions.verify(restored, "probe", "v002").manifest["files"]["net.onnx"]


def test_what_learnt_from_a_clip_that_was_withdrawn_here_does_not_come_in(
    show: Show, archive: Path, other: Show, key: Path
) -> None:
    clip = make.clip(other, "A001")  # the same dailies, ingested here too
    assert [found.name for found in transfer.take_in(other, archive, key).clips] == ["A001"]
    third = Show.create("cygnus", show.folder.parent)
    clip = make.clip(third, "A001")
    with third.session() as session:
        session.get_one(Clip, clip.id).withdrawn = clip.ingested
    with pytest.raises(RequestError, match="learnt from A001, which was withdrawn"):
        transfer.take_in(third, archive, key)
    assert nothing_came_in(third)


def test_without_the_right_key_nothing_comes_in(show: Show, archive: Path, other: Show, key: Path) -> None:
    with pytest.raises(NotReady, match="comes from elsewhere: The signature is not of the show 'borealis'"):
        transfer.take_in(other, archive)
    own = key.with_name("own.pem")
    own.write_bytes(Keys(other).public_pem)
    with pytest.raises(NotReady, match="it is not signed by the key that was given"):
        transfer.take_in(other, archive, own)
    for text in (b"", b"nonsense", (show.places.keys / "signing.pem").read_bytes(), b"-" * 5000):
        own.write_bytes(text)
        with pytest.raises(RequestError, match=r"own.pem cannot be read as a public key"):
            transfer.take_in(other, archive, own)
    assert nothing_came_in(other)


Entries = dict[str, bytes]


def repacked(archive: Path, change: Callable[[Entries], Entries | None]) -> None:
    """The archive with other contents."""
    with zipfile.ZipFile(archive) as opened:
        entries = {name: opened.read(name) for name in opened.namelist()}
    entries = change(entries) or entries
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as opened:
        for name, data in entries.items():
            opened.writestr(name, data)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: e.update({"net.onnx": e["net.onnx"][:-1] + b"?"}), "net.onnx is not the file that was signed"),
        (lambda e: e.update({"net.onnx": e["net.onnx"] + b"?"}), "net.onnx is not the file that was signed"),
        (lambda e: e.update({"net.onnx": b""}), "net.onnx is not the file that was signed"),
        (lambda e: e.update({"manifest.json": e["manifest.json"].replace(b"A001", b"A002")}), "was altered"),
        (lambda e: e.update({"manifest.json": e["manifest.json"] + b" "}), "was altered"),
        (lambda e: e.update({"manifest.sig": b"0" * 64}), "was altered"),
        (lambda e: e.update({"manifest.sig": b"0" * 5000}), "manifest.sig of more than 4096 bytes"),
        (lambda e: e.pop("manifest.sig") and None, "it has no manifest.sig"),
        (lambda e: e.pop("manifest.json") and None, "it has no manifest.json"),
        (lambda e: e.pop("card.md") and None, "card.md is not in both"),
        (lambda e: e.update({"extra.json": b"{}"}), "extra.json is not in both"),
        (lambda e: e.update({"../../evil.json": b"{}"}), "is no file of a version"),
        (lambda e: e.update({"/tmp/evil.json": b"{}"}), "is no file of a version"),
        (lambda e: e.update({"deep/evil.json": b"{}"}), "is no file of a version"),
        (lambda e: e.update({"..\\evil.json": b"{}"}), "is no file of a version"),
        (lambda e: e.update({"run.py": b"import os"}), "is no file of a version"),
        (lambda e: e.update({".bashrc": b""}), "is no file of a version"),
        (lambda e: e.update({f"f{n}.json": b"{}" for n in range(100)}), "claims to hold more"),
    ],
)
def test_an_archive_that_was_changed_is_refused(
    archive: Path, other: Show, key: Path, change: Callable[[Entries], Entries | None], words: str
) -> None:
    repacked(archive, lambda entries: (change(entries), entries)[1])
    with pytest.raises(OnelightError, match=words):
        transfer.take_in(other, archive, key)
    assert nothing_came_in(other)


def written(path: Path, *entries: tuple[zipfile.ZipInfo | str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as opened:
        for entry, data in entries:
            opened.writestr(entry, data)


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    return entry


def test_links_twins_bombs_and_nonsense_are_refused_before_anything_is_unpacked(
    tmp_path: Path, other: Show, key: Path
) -> None:
    path = tmp_path / "evil.zip"
    written(path, (link("net.onnx"), b"/etc/passwd"))
    with pytest.raises(RequestError, match="net.onnx as something else than a file"):
        transfer.take_in(other, path, key)
    with pytest.warns(UserWarning, match="Duplicate name"):
        written(path, ("manifest.json", b"{}"), ("manifest.json", b"[]"))
    with pytest.raises(RequestError, match="holds manifest.json twice"):
        transfer.take_in(other, path, key)
    written(path, ("manifest.json", b" " * (64 << 20)), compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 17
    with pytest.raises(RequestError, match="compressed or encrypted"):
        transfer.take_in(other, path, key)
    for data in (b"", b"PK\x05\x06", b"nonsense" * 100):
        path.write_bytes(data)
        with pytest.raises(RequestError, match="is no archive of a version"):
            transfer.take_in(other, path, key)
    path.unlink()
    with pytest.raises(OnelightError, match="evil.zip cannot be read: No such file"):
        transfer.take_in(other, path, key)
    os.mkfifo(path)
    with pytest.raises(OnelightError, match="evil.zip cannot be read: is no plain file"):
        transfer.take_in(other, path, key)
    assert nothing_came_in(other)


def test_an_entry_that_claims_to_be_larger_than_the_archive_is_refused(archive: Path, other: Show, key: Path) -> None:
    data = bytearray(archive.read_bytes())
    at = data.rindex(b"PK\x01\x02")  # the last entry of the directory: both its sizes
    data[at + 20 : at + 28] = struct.pack("<II", 1 << 30, 1 << 30)
    archive.write_bytes(bytes(data))
    with pytest.raises(RequestError, match="claims to hold more than it does"):
        transfer.take_in(other, archive, key)
    assert nothing_came_in(other)


def test_a_signed_archive_of_a_pickle_is_refused_all_the_same(
    show: Show, archive: Path, other: Show, key: Path, tmp_path: Path
) -> None:
    """The show it comes from was taken over: its key signs anything."""
    folder = tmp_path / "crafted"
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
        manifest = json.loads(opened.read("manifest.json"))
    (folder / "net.onnx").write_bytes(b"\x80\x04N.")
    for name in ("manifest.json", "manifest.sig"):
        (folder / name).unlink()
    bundle.seal(folder, {**manifest, "files": bundle.listed(folder)}, Keys(show).sign)
    written(archive, *((path.name, path.read_bytes()) for path in folder.iterdir()))
    with pytest.raises(RequestError, match="net.onnx is no network"):
        transfer.take_in(other, archive, key)
    assert nothing_came_in(other)


@pytest.mark.parametrize(
    "change",
    [
        {},  # a name that the sheet inside does not have
        {"tool": "../../evil"},
        {"tool": "unknown"},
        {"version": "../v001"},
        {"version": "v1"},
        {"gain": "certainly"},
        {"kind": "something else"},
        {"files": {}},
        {"files": {"../x.json": {"size": 1, "sha256": "0" * 64}}},
        {"files": 5},
        {"clips": [5]},
        {"clips": {}},
        {"show": None},
        {"created": "yesterday"},
    ],
)
def test_a_manifest_that_this_shows_own_stolen_key_signed_cannot_name_paths_or_nonsense(
    show: Show, archive: Path, tmp_path: Path, change: dict
) -> None:
    with zipfile.ZipFile(archive) as opened:
        entries = {name: opened.read(name) for name in opened.namelist()}
    manifest = bundle.canonical({**json.loads(entries["manifest.json"]), "version": "v007", **change})
    entries |= {"manifest.json": manifest, "manifest.sig": Keys(show).sign(manifest)}
    written(archive, *entries.items())
    before = sorted(path.name for path in show.places.models.rglob("*"))
    with pytest.raises(OnelightError):
        transfer.take_in(show, archive)
    assert sorted(path.name for path in show.places.models.rglob("*")) == before
    assert [version.name for version in versions.listed(show)] == ["v001"]


def test_an_archive_cut_off_anywhere_is_refused(archive: Path, other: Show, key: Path) -> None:
    data = archive.read_bytes()
    for size in range(0, len(data), len(data) // 23):
        archive.write_bytes(data[:size])
        with pytest.raises(OnelightError):
            transfer.take_in(other, archive, key)
    assert nothing_came_in(other)
    archive.write_bytes(data)
    assert zipfile.is_zipfile(io.BytesIO(data)) and transfer.take_in(other, archive, key).name == "v001"
