"""Shows for the server's tests: made by the real store, with signed versions of Probe, and the wire to ask for them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from oip import SECONDS, Wire, request
from onelight.shows import access, versions
from onelight.shows.store import Show
from test_runtime import network as write_network

TOOL = "probe"


@dataclass(frozen=True)
class Production:
    """A show with a token; `digests` are those of its versions v001, v002, ..."""

    show: Show
    token: str
    digests: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.show.name


def staged(folder: Path, network: bool = False, **more: Any) -> Path:
    """A finished staging folder of a version; `more` makes its card, and so the version, another."""
    folder.mkdir(parents=True)
    stages = {}
    if network:
        write_network(folder / "net.onnx")
        stages["net"] = {"file": "net.onnx", "sha256": hashlib.sha256((folder / "net.onnx").read_bytes()).hexdigest()}
    sheet = {"tool": TOOL, "version": folder.name, "spec_version": 1, "stages": stages}
    (folder / "version.json").write_text(json.dumps(sheet))
    (folder / "card.md").write_text(f"Probe, {more}\n")
    return folder


def add(show: Show, scratch: Path, number: int, network: bool = False) -> str:
    """One more version, a candidate; its digest."""
    folder = staged(scratch / f"{show.name}-{number}", network, number=number)
    added = versions.add(show, TOOL, folder, gain="gain", metrics={}, manifest={}, clips=[], base=None)
    return added.digest


def production(name: str, root: Path, scratch: Path, count: int = 2, network: bool = False) -> Production:
    """A show with so many versions, the first of them approved."""
    show = Show.create(name, root)
    digests = tuple(add(show, scratch, number, network) for number in range(1, count + 1))
    if count:
        versions.approve(show, TOOL, "v001", why="a test's")
    return Production(show, access.grant(show, "a farm"), digests)


class Caller:
    """A wire whose calls carry a token."""

    def __init__(self, address: str, token: str = "", credentials: grpc.ChannelCredentials | None = None) -> None:
        self.wire = Wire(address, credentials)
        self.metadata: tuple[tuple[str, str], ...] = (("authorization", f"Bearer {token}"),) if token else ()

    def infer(self, clips: Any, parameters: Any = None, model: str = "", version: str = "") -> Any:
        return self.wire.stub(request(clips, parameters, model, version), timeout=SECONDS, metadata=self.metadata)

    def call(self, method: str, **fields: Any) -> Any:
        return self.wire.call(method, metadata=self.metadata, **fields)

    def refusal(self, method: str, *arguments: Any, **fields: Any) -> tuple[grpc.StatusCode, str]:
        """Status and sentence of a call that must not succeed; `method` is 'infer' or a method's name."""
        try:
            if method == "infer":
                self.infer(*arguments, **fields)
            else:
                self.call(method, **fields)
        except grpc.RpcError as error:
            return error.code(), error.details() or ""
        raise AssertionError(f"The server took a {method} that it had to refuse.")

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.channel.close()
