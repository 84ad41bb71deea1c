"""Models that were tampered with after they were signed: each is refused by the server that had just served it."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from oip import parameters_of, plate
from onelight_server import Config, create_server
from productions import TOOL, Caller, Production, production

Code = grpc.StatusCode


class Evil:
    """What a pickle may do: it leaves a file behind when it is opened."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.trace),)


def version(show: Production, name: str = "v001") -> Path:
    return show.show.folder / "models" / TOOL / name


def swapped(apollo: Production, borealis: Production, scratch: Path) -> None:
    shutil.rmtree(version(apollo))
    shutil.copytree(version(borealis), version(apollo))


def swapped_within_the_show(apollo: Production, borealis: Production, scratch: Path) -> None:
    shutil.rmtree(version(apollo))
    shutil.copytree(version(apollo, "v002"), version(apollo))


def manifest_edited(apollo: Production, borealis: Production, scratch: Path) -> None:
    path = version(apollo) / "manifest.json"
    told = json.loads(path.read_text())
    path.chmod(0o600)
    path.write_text(json.dumps(told | {"gain": "gain", "clips": []}))


def signature_gone(apollo: Production, borealis: Production, scratch: Path) -> None:
    (version(apollo) / "manifest.sig").unlink()


def network_replaced(apollo: Production, borealis: Production, scratch: Path) -> None:
    path = version(apollo) / "net.onnx"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")


def network_is_a_pickle(apollo: Production, borealis: Production, scratch: Path) -> None:
    path = version(apollo) / "net.onnx"
    path.chmod(0o600)
    path.write_bytes(pickle.dumps(Evil(scratch / "opened")))


def network_is_a_link(apollo: Production, borealis: Production, scratch: Path) -> None:
    path = version(apollo) / "net.onnx"
    path.unlink()
    path.symlink_to(version(apollo, "v002") / "net.onnx")


def folder_is_a_link(apollo: Production, borealis: Production, scratch: Path) -> None:
    shutil.rmtree(version(apollo))
    version(apollo).symlink_to(version(borealis))


def models_are_a_link(apollo: Production, borealis: Production, scratch: Path) -> None:
    shutil.rmtree(apollo.show.folder / "models")
    (apollo.show.folder / "models").symlink_to(borealis.show.folder / "models")


def network_is_immense(apollo: Production, borealis: Production, scratch: Path) -> None:
    path = version(apollo) / "net.onnx"
    path.chmod(0o600)
    os.truncate(path, 1 << 40)  # a file with holes: as large as it says, and nothing on disk


def sheet_is_immense(apollo: Production, borealis: Production, scratch: Path) -> None:
    path = version(apollo) / "version.json"
    path.chmod(0o600)
    os.truncate(path, 1 << 40)


def something_is_added(apollo: Production, borealis: Production, scratch: Path) -> None:
    (version(apollo) / "startup.py").write_text("raise SystemExit")


DEEDS = [
    swapped, swapped_within_the_show, manifest_edited, signature_gone, network_replaced, network_is_a_pickle,
    network_is_a_link, folder_is_a_link, models_are_a_link, network_is_immense, sheet_is_immense, something_is_added,
]  # fmt: skip


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
async def test_a_model_that_is_not_as_it_was_signed_is_not_run(
    deed: Callable[[Production, Production, Path], None], tmp_path: Path
) -> None:
    root = tmp_path / "shows"
    apollo = production("apollo", root, tmp_path / "scratch", 2, network=True)
    borealis = production("borealis", root, tmp_path / "scratch", 1, network=True)
    server, (address,) = await create_server(Config(shows=(root,)))

    def attack() -> None:
        with Caller(address, apollo.token) as caller:
            served = parameters_of(caller.infer({"Source@+0": plate()}, {"flip": True}, f"apollo/{TOOL}", "v001"))
            assert (served["digest"], served["provider"]) == (apollo.digests[0], "CPUExecutionProvider")
            deed(apollo, borealis, tmp_path)
            for frame in (1, 2):  # what it was refused for is not forgotten by asking again
                code, sentence = caller.refusal(
                    "infer", {"Source@+0": plate(seed=frame)}, {"flip": True}, f"apollo/{TOOL}", "v001"
                )
                assert code in (Code.FAILED_PRECONDITION, Code.NOT_FOUND), sentence
                assert "borealis" not in sentence and str(tmp_path) not in sentence and len(sentence) < 500
        assert not (tmp_path / "opened").exists()
        with Caller(address, borealis.token) as caller:  # nobody else is touched by it
            told = parameters_of(caller.infer({"Source@+0": plate()}, {"flip": True}, f"borealis/{TOOL}", "v001"))
            assert told["digest"] == borealis.digests[0]

    await asyncio.to_thread(attack)
    await server.stop()
