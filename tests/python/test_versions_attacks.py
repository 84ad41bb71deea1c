"""Versions that somebody changed, swapped, linked or stuffed: each is refused with a sentence that names what."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import versionshows as make
from onelight.errors import NotFound, NotReady, OnelightError, RequestError
from onelight.registry import LARGEST_JSON, Version
from onelight.runtime import Session
from onelight.shows import bundle, versions
from onelight.shows.keeper import Keeper
from onelight.shows.keys import Keys
from onelight.shows.store import Show
from onnx import TensorProto, helper
from versionshows import added, registry, served


class Boom:
    """A pickle that leaves a mark when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a show that has two versions of Probe, the first approved."""
    folder = tmp_path_factory.mktemp("untouched")
    show = Show.create("apollo", folder / "shows")
    for factor in (2.0, 3.0):
        added(show, folder, factor)
    versions.approve(show, "probe", "v001")
    show.engine.dispose()
    return folder / "shows"


@pytest.fixture
def show(untouched: Path, tmp_path: Path) -> Show:
    return Show.open("apollo", shutil.copytree(untouched, tmp_path / "shows"))


def home(show: Show, name: str = "v001") -> Path:
    return show.places.models / "probe" / name


def rewrite(path: Path, data: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(data)


def resigned(show: Show, manifest: dict) -> None:
    """What somebody without the show's key can do at most: a manifest that fits, signed by a key of their own."""
    stranger = Show.create("stranger", show.folder.parent / "elsewhere")
    for name in ("manifest.json", "manifest.sig"):
        (home(show) / name).unlink()
    bundle.seal(home(show), manifest, Keys(stranger).sign)


def refused_everywhere(show: Show, words: str, name: str = "v001") -> None:
    """The server's registry, `version verify` and an approval all refuse."""
    for ask in (lambda: served(show, name), lambda: versions.verify(show, "probe", name)):
        with pytest.raises(NotReady, match=words):
            ask()
    versions.retire(show, "probe", name, "to see whether it can come back")
    with pytest.raises(NotReady, match=words):
        versions.approve(show, "probe", name, why="it has to be")
    assert versions.approved(show, "probe") == ""


def test_a_bundle_with_another_signed_one_in_its_place_is_refused(show: Show) -> None:
    shutil.rmtree(home(show))
    shutil.copytree(home(show, "v002"), home(show))
    with pytest.raises(bundle.Altered, match="speaks of another show, tool or version"):
        Keeper().signed(show.folder, "probe", "v001")
    refused_everywhere(show, "speaks of another|was altered: manifest.json speaks of another show, tool or version")


def test_a_bundle_of_another_show_is_refused_under_this_ones_name(show: Show, tmp_path: Path) -> None:
    other = Show.create("borealis", show.folder.parent)
    added(other, tmp_path / "other", 9.0)
    shutil.rmtree(home(show))
    shutil.copytree(home(other), home(show))
    refused_everywhere(
        show, r"not as this show signed it|comes from elsewhere: The signature is not of the show 'apollo'"
    )


def test_a_bundle_that_the_show_signed_in_another_life_is_refused(show: Show, tmp_path: Path) -> None:
    """Somebody with an archive of yesterday's show puts its v001 back over today's."""
    shutil.copytree(show.folder, tmp_path / "yesterday" / "apollo")
    yesterday = Show.open("apollo", tmp_path / "yesterday")
    old = make.added(yesterday, tmp_path / "old", 7.0)
    assert old.name == "v003"
    added(show, tmp_path, 5.0)
    shutil.rmtree(home(show, "v003"))
    shutil.copytree(home(yesterday, "v003"), home(show, "v003"))
    with pytest.raises(bundle.Altered, match="another than the one that was entered"):
        versions.verify(show, "probe", "v003")


@pytest.mark.parametrize("name", ["net.onnx", "weights.safetensors", "card.md", "version.json"])
def test_one_changed_byte_is_refused_and_its_file_named(show: Show, name: str) -> None:
    path = home(show) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    before = path.stat()
    rewrite(path, bytes(data))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(NotReady, match=rf"was altered: {name} is not the file that was signed|damaged"):
        served(show, "v001")
    with pytest.raises(bundle.Altered, match=f"was altered: {name} is not the file that was signed"):
        versions.verify(show, "probe", "v001")


def test_a_change_behind_a_running_server_is_seen_even_where_size_and_time_are_forged(show: Show) -> None:
    running = registry(show)
    found = running.find("apollo", "probe", "v001")
    path = home(show) / "net.onnx"
    before = path.stat()
    rewrite(path, (home(show, "v002") / "net.onnx").read_bytes())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    with pytest.raises(NotReady, match="net.onnx"):
        running.find("apollo", "probe", "v001")
    with pytest.raises(NotReady, match="net.onnx is not the file it was made with"):
        Session(found, 1)  # found before, loaded after: hashed again as it is read


def test_an_edited_manifest_is_refused(show: Show) -> None:
    path = home(show) / "manifest.json"
    told = json.loads(path.read_bytes())
    rewrite(path, bundle.canonical({**told, "clips": []}).replace(b'"gain": "gain"', b'"gain": "no gain"'))
    refused_everywhere(show, "was altered")


def test_a_manifest_signed_by_somebody_else_is_refused(show: Show) -> None:
    told = json.loads((home(show) / "manifest.json").read_bytes())
    resigned(show, {**told, "metrics": [{"gain": 99}]})
    refused_everywhere(show, "The signature is not of the show 'apollo'")


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig", "net.onnx", "card.md"])
def test_a_bundle_that_lacks_a_file_is_refused(show: Show, name: str) -> None:
    (home(show) / name).unlink()
    refused_everywhere(show, f"{name}")


def test_a_file_that_nobody_signed_is_refused(show: Show) -> None:
    (home(show) / "extra.onnx").write_bytes(b"\x08")
    refused_everywhere(show, "extra.onnx is not in its manifest")


def test_an_unsigned_version_runs_only_where_the_policy_says_so(show: Show) -> None:
    (home(show) / "manifest.sig").unlink()
    with pytest.raises(NotReady, match="manifest.sig is missing"):
        served(show, "v001")
    text = show.places.policy.read_text()
    show.places.policy.write_text(text.replace("unsigned_models = false", "unsigned_models = true"))
    assert served(show, "v001").name == "v001"
    assert versions.verify(show, "probe", "v001").signer == ""
    rewrite(home(show) / "net.onnx", b"\x08\x09")
    with pytest.raises(NotReady, match="net.onnx"):
        served(show, "v001")
    resigned_by_nobody = home(show) / "manifest.sig"
    resigned_by_nobody.write_bytes(b"0" * 64)
    with pytest.raises(NotReady, match="altered or comes from elsewhere|damaged"):
        served(show, "v001")


@pytest.mark.parametrize("what", ["models", "models/probe", "models/probe/v001", "models/probe/v001/net.onnx"])
def test_no_link_is_followed_on_the_way_to_a_model(show: Show, tmp_path: Path, what: str) -> None:
    there, away = show.folder / what, tmp_path / "away"
    shutil.move(there, away)
    there.symlink_to(away)
    with pytest.raises((NotFound, NotReady)) as caught:
        served(show, "v001")
    assert str(away) not in str(caught.value), "where a link leads is nobody's business"


def test_a_show_that_is_a_link_is_no_show(show: Show, tmp_path: Path) -> None:
    shutil.move(show.folder, tmp_path / "away")
    show.folder.symlink_to(tmp_path / "away")
    with pytest.raises(NotFound, match="No show named 'apollo'"):
        served(show, "v001")


def test_a_version_sheet_that_is_too_large_or_too_deep_is_refused_without_being_read_whole(show: Show) -> None:
    sheet = home(show) / "version.json"
    sheet.chmod(0o600)
    with sheet.open("r+b") as file:
        file.truncate(LARGEST_JSON * 1000)  # sparse: it would fill memory, not the disk
    with pytest.raises(NotReady, match="version.json cannot be read"):
        served(show, "v001")
    rewrite(sheet, b"[" * 200_000)
    with pytest.raises(NotReady, match="version.json cannot be read"):
        served(show, "v001")
    sheet.unlink()
    os.mkfifo(sheet)
    with pytest.raises(NotReady, match="version.json cannot be read"):
        served(show, "v001")


def test_a_folder_that_the_store_does_not_know_is_no_version(show: Show) -> None:
    shutil.copytree(home(show), home(show, "v009"))
    assert registry(show).names("apollo", "probe") == ["v001", "v002"]
    with pytest.raises(NotFound, match="no version 'v009'"):
        served(show, "v009")


@pytest.mark.parametrize("name", ["net.onnx", "weights.safetensors"])
def test_a_pickle_in_place_of_a_network_or_weights_is_refused_and_never_loaded(
    show: Show, tmp_path: Path, name: str
) -> None:
    mark = tmp_path / "loaded"
    folder = make.finished(tmp_path / "pickled", 8.0)
    data = pickle.dumps(Boom(mark))
    (folder / name).write_bytes(data)
    sheet = json.loads((folder / "version.json").read_text())
    sheet["stages"]["net"]["sha256"] = hashlib.sha256((folder / "net.onnx").read_bytes()).hexdigest()
    (folder / "version.json").write_text(json.dumps(sheet))
    with pytest.raises(RequestError, match=f"{name} (is no network|holds no weights)"):
        versions.add(show, "probe", folder, gain="gain", metrics=[], manifest={}, clips=[], base=None)
    if name == "net.onnx":  # and past that check, by hand, where the registry finds it
        plain = show.folder.parent / "north" / "probe" / "pickled"
        shutil.copytree(folder, plain)
        with pytest.raises(NotReady, match="net.onnx is no network"):
            Session(registry(show).find("north", "probe"), 1)
    assert not mark.exists()
    assert [version.name for version in versions.listed(show)] == ["v001", "v002"]


@pytest.mark.parametrize("name", ["model.pt", "run.py", "a b.onnx", ".hidden.json", "deep"])
def test_a_file_that_no_version_has_is_refused(show: Show, tmp_path: Path, name: str) -> None:
    folder = make.finished(tmp_path / "odd", 8.0)
    (folder / name).mkdir() if name == "deep" else (folder / name).write_bytes(b"")
    with pytest.raises(RequestError, match="cannot be part of a version"):
        versions.add(show, "probe", folder, gain="gain", metrics=[], manifest={}, clips=[], base=None)
    assert not home(show, "v003").exists() and not list(home(show).parent.glob(".*"))


def test_a_link_in_a_finished_model_is_not_followed(show: Show, tmp_path: Path) -> None:
    folder = make.finished(tmp_path / "linked", 8.0)
    (folder / "notes.md").symlink_to("/etc/passwd")
    with pytest.raises(OnelightError):
        versions.add(show, "probe", folder, gain="gain", metrics=[], manifest={}, clips=[], base=None)
    assert not home(show, "v003").exists()


@pytest.mark.parametrize("location", ["card.md", "../v002/net.onnx", "/etc/passwd"])
def test_a_network_whose_weights_lie_in_other_files_is_refused(tmp_path: Path, location: str) -> None:
    """onnxruntime would read them from wherever the network says."""
    folder = make.finished(tmp_path / "outside", 8.0)
    weight = TensorProto(name="factor", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    entry = weight.external_data.add()
    entry.key, entry.value = "location", location
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["h", "w", 4]) for name in ("x", "y"))
    graph = helper.make_graph([helper.make_node("Mul", ["x", "factor"], ["y"])], "net", [x], [y], [weight])
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    (folder / "net.onnx").write_bytes(data)
    assert onnx.load(folder / "net.onnx", load_external_data=False).graph.name == "net"
    version = Version("apollo", "probe", "v001", 1, "", {"net": folder / "net.onnx"})
    with pytest.raises(NotReady, match="net.onnx is no network that this server"):
        Session(version, 1)


@pytest.mark.parametrize("tool", ["..", "../probe", "probe/../../x", "nothing", "", "\0"])
def test_a_tool_that_is_none_makes_no_folder(show: Show, tmp_path: Path, tool: str) -> None:
    before = sorted(show.places.models.rglob("*"))
    folder = make.finished(tmp_path / "odd", 8.0, tool=tool)
    with pytest.raises(NotFound, match="There is no tool"):
        versions.add(show, tool, folder, gain="gain", metrics=[], manifest={}, clips=[], base=None)
    assert sorted(show.places.models.rglob("*")) == before
    with pytest.raises(NotFound):
        registry(show).find("apollo", tool, "v001")
