"""Records frames as they are rendered: hashes what went in, stamps what comes out, and signs a line for each."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from onelight import spec
from onelight.errors import RequestError
from onelight.images import Frame, read_frame
from onelight.provenance import credentials, digests, sidecar, stamp, terms
from onelight.provenance.shares import Shares
from onelight.provenance.sidecar import Maker, Sidecar
from onelight.shows.policy import Policy

MODEL = ("version", "digest", "state")  # of the reply's parameters: what the model is
LONG = 1000  # characters of a knob's text; a longer one (tracked wires) is written once a job and named by its hash


class Recording:
    """Records the frames of one job. `sequence` is the output as a pattern, out.####.exr, or a file."""

    def __init__(self, maker: Maker, tool: spec.Tool, output: Path, sequence: str) -> None:
        self.maker, self.tool, self._folder = maker, tool, output.parent
        self.sidecar = Sidecar(sidecar.path_for(output), maker)
        self._sequence, self._policy = sequence, Policy()
        self._before: Mapping[str, Mapping[str, Any]] = {}  # records that a job before this one has left
        self._hashed: dict[tuple[Path, int, int], str] = {}

    def begin(self, frames: list[int], knobs: Iterable[Mapping[str, Any]]) -> None:
        """Open the sidecar. Raises RequestError where the show forbids it or the sidecar is another show's."""
        if self.maker.show:
            self._policy = Policy.of(self.maker.show)
        if not self._policy.sidecars:
            raise RequestError(f"The policy of '{self.maker.name}' allows no sidecars: render without --sidecar.")
        terms.purpose(self.maker.purpose)
        terms.edit_class(self.maker.edit_class)
        texts = {_hash(v): v for values in knobs for v in values.values() if isinstance(v, str) and len(v) > LONG}
        tool = {"id": self.tool.id, "label": self.tool.label, "spec_version": self.tool.version}
        self.sidecar.begin(self._sequence, frames, {"tool": tool, "texts": texts})
        self._before = sidecar.read(self.sidecar.path, self.maker.verify if self.maker.show else None).frames

    def proves(self, file: Path) -> bool:
        """Whether the sidecar has a record of just this file."""
        record = self._before.get(file.name)
        return record is not None and record["result"]["sha256"] == digests.of_file(file)[0]

    def told(
        self,
        frame: int,
        file: Path,
        output: str,
        knobs: Mapping[str, Any],
        inputs: Iterable[tuple[str, int, Path]],
        reply: Mapping[str, Any],
        runtime: Mapping[str, str],
        shares: Shares | None,
    ) -> dict[str, Any]:
        """The record of a frame before it is written.

        `inputs` are (clip, offset from the frame, file); `reply` is what the server said, empty where no model ran;
        `runtime` names what it ran on. Raises ImageError where an input cannot be read,
        RequestError where the show's policy forbids what was done.
        """
        if shares and shares.synthesised and not self._policy.synthesise:
            raise RequestError(
                f"The policy of '{self.maker.name}' lets no pixels be made up, and {shares.synthesised:.3%} of this "
                "frame are: protect them, or paint"
            )
        model = None
        if reply:
            model = {"show": self.maker.name, **{name: reply[name] for name in MODEL if name in reply}}
        return {
            "frame": frame,
            "file": file.name,
            "show": self.maker.name,
            "tool": {"id": self.tool.id, "label": self.tool.label, "spec_version": self.tool.version},
            "output": output,
            "model": model,
            "runtime": dict(runtime),
            "knobs": {name: _plain(value) for name, value in knobs.items()},
            "inputs": sorted((self._input(*one) for one in inputs), key=_plate_first),
            "shares": shares.told() if shares else None,
            "credentials": bool(self.maker.show) and credentials.can_carry(file),
            **self.maker.said(),
        }

    def attributes(self, told: Mapping[str, Any], samples: np.ndarray) -> dict[str, str]:
        """What an EXR says of itself, by full attribute name; `samples` [H, W, C] are just what will be stored."""
        sign = self.maker.sign if self.maker.show else None
        said = stamp.attributes(told, digests.Pixels.of(samples), sign)
        return {f"{digests.OWN}{name}": value for name, value in said.items()}

    def settle(self, told: Mapping[str, Any], part: Path, name: str) -> None:
        """Credentials into the complete file `part`, then its record into the sidecar, before it appears as `name`.

        A process killed in between leaves a record of a file that is not there: the frame is rendered again and its
        new record takes the place of that one.
        """
        if told["credentials"]:
            assert self.maker.show is not None
            credentials.embed(part, name, told, self.maker.show)
        self.sidecar.record({**told, "result": digests.of_image(part).told()})

    def adopt(self, told: Mapping[str, Any], file: Path, frame: Frame, pixels: np.ndarray) -> None:
        """Record a file that is there already, such as a node in a host has rendered; it stays as it is.

        `pixels` [H, W, 4] are what this render made of `frame`. RequestError where the file's are not the same bit for
        bit, at the precision in which the file holds them.
        """
        there = read_frame(file)
        count = 4 if frame.has_alpha and there.has_alpha else 3
        if (there.window, there.format) != (frame.window, frame.format):
            raise RequestError(f"{file} was not rendered so: it has another window or format")
        with np.errstate(over="ignore"):
            ours = pixels.astype(there.pixels.dtype)[..., :count]
        theirs = there.pixels[..., :count]
        same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
        if not same.all():
            differing = int((~same.all(axis=-1)).sum())
            raise RequestError(f"{file} was not rendered so: {differing} of its pixels differ from what this makes")
        self.sidecar.record({**told, "credentials": False, "adopted": True, "result": digests.of_image(file).told()})

    def _input(self, clip: str, offset: int, file: Path) -> dict[str, Any]:
        state = file.stat()
        key = (file, state.st_size, state.st_mtime_ns)
        if key not in self._hashed:
            self._hashed[key] = digests.of_file(file)[0]
        # Where a project is mounted differs from machine to machine: the way from the sidecar to the plate does not.
        path = os.path.relpath(file, self._folder)
        return {"clip": clip, "offset": offset, "file": path, "sha256": self._hashed[key]}


def _plate_first(told: Mapping[str, Any]) -> tuple[Any, ...]:
    return told["clip"] != "Source", told["clip"], abs(told["offset"]), told["offset"]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, str) and len(value) > LONG:
        return f"sha256:{_hash(value)}"
    return value.item() if isinstance(value, np.generic) else value


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
