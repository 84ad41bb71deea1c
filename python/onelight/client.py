"""Asks a server for frames from Python: arrays in, arrays out, over the same C++ client as the OpenFX node."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from onelight import _bridge
from onelight.errors import Cancelled, OnelightError, RequestError
from onelight.stages import FrameInfo

Clips = Mapping[str, np.ndarray | Mapping[int, np.ndarray]]


@dataclass(frozen=True)
class Rendered:
    """A frame that came back: `image` [h, w, 4] of the render window, in the plate's own encoding and type, and what
    the server says about it: digest, version, provider, runtime, status, nan_replaced, seconds, cached, transport."""

    image: np.ndarray
    parameters: dict[str, Any]


class Client:
    """A server and a show. Makes no connection by itself; those are shared by the whole process.

    `server` is `host:port`, `unix:/path` or `tls:host:port` (its CA in the environment variable ONELIGHT_TLS_CA);
    empty means $ONELIGHT_SERVER, else the local server, which is started when nobody did. A show of its own is opened
    by the token in $ONELIGHT_TOKEN, or in the file $ONELIGHT_TOKEN_FILE, or by the client certificate in
    $ONELIGHT_TLS_CERT and $ONELIGHT_TLS_KEY; none is needed on this user's own local server. $ONELIGHT_PROVIDER names
    the execution provider that frames have to be computed with. `deadline` is in seconds, for each frame. Safe to use
    from several threads at once.
    """

    def __init__(self, server: str = "", show: str = "base", deadline: float = 120.0) -> None:
        self.server = server
        self.show = show
        self.deadline = deadline
        _bridge.set_server_command(_server_command())

    def render(
        self,
        tool: str,
        clips: Clips,
        knobs: Mapping[str, Any] | None = None,
        frame: FrameInfo | None = None,
        *,
        version: str = "",
        out: np.ndarray | None = None,
        aborted: Callable[[], bool] | None = None,
    ) -> Rendered:
        """Render one frame with `tool`.

        `clips` maps clip names to packed [H, W, 4] float16 or float32 pixels, top row first, in the plate's own colour
        space; a clip that is needed at other frames maps to {frame offset: pixels}. `knobs` are by spec name, colours
        as three numbers; missing ones have their default. `frame` says where the pixels lie (default: a frame of
        Source's size at the origin). `version` is exact, or empty for the show's default. The result is written into
        `out` where one is given. `aborted` is polled every 20 ms, as is Ctrl-C; true stops the server's work.

        Raises RequestError for what the server refuses (its sentence), Cancelled after an abort or the deadline,
        OnelightError when no server answers, TypeError for pixels of another layout or type.
        """
        inputs = _tensors(clips)
        source = inputs.get("Source@+0")
        if source is None:
            raise RequestError(f"{tool}: the clip Source is missing at the frame to render (offset 0).")
        frame = frame or FrameInfo.of(source.shape[1], source.shape[0])
        x1, y1, x2, y2 = frame.render_window
        if out is None:
            if x2 <= x1 or y2 <= y1:
                raise RequestError(f"{tool}: the render window {frame.render_window} is empty.")
            out = np.empty((y2 - y1, x2 - x1, 4), source.dtype)
        return Rendered(out, self._infer(tool, version, _parameters(knobs, frame), inputs, out, aborted))

    def analyse(
        self,
        tool: str,
        clips: Clips,
        knobs: Mapping[str, Any] | None = None,
        frame: FrameInfo | None = None,
        *,
        knobs_at: Mapping[int, Mapping[str, Any]] | None = None,
        version: str = "",
        aborted: Callable[[], bool] | None = None,
    ) -> dict[str, Any]:
        """What the Analyse button computes: knob values to write, by spec name, from sampled frames.

        `clips` maps Source, and any other clip at the same offsets, to {offset from frame.time: pixels}. `knobs_at`
        maps such an offset to the knobs that have another value at that frame, such as a camera that pans. Everything
        else is as in `render`.
        """
        inputs = _tensors(clips)
        first = next((pixels for name, pixels in inputs.items() if name.startswith("Source@")), None)
        if first is None:
            raise RequestError(f"{tool}: no frame of the clip Source was given to analyse.")
        frame = frame or FrameInfo.of(first.shape[1], first.shape[0])
        parameters = {**_parameters(knobs, frame), "frame.action": "analyse"}
        for offset, own in (knobs_at or {}).items():
            parameters |= {f"{name}@{offset:+d}": value for name, value in _knobs(own).items()}
        return self._infer(tool, version, parameters, inputs, None, aborted)

    def model(self, tool: str, version: str = "", seconds: float = 5.0) -> dict[str, str]:
        """What a version of the show is on the server, or with no name what the show's default is.

        version, digest, state (candidate, approved or retired; empty where the show keeps no states), default (the
        version that no name means; empty where there is none), provider, runtime. Raises as `render` does.
        """
        try:
            known = _bridge.model(self.server, self.show, tool, version, seconds)
        except _bridge.BridgeError as error:
            _reraise(error)
        return {name: known.get(name, "") for name in ("version", "digest", "state", "default", "provider", "runtime")}

    def problem(self, seconds: float = 5.0) -> str:
        """Why the server cannot be used, as a sentence; empty when it is ready."""
        return _bridge.ping(self.server, seconds)

    def _infer(
        self,
        tool: str,
        version: str,
        parameters: dict[str, Any],
        inputs: dict[str, np.ndarray],
        out: np.ndarray | None,
        aborted: Callable[[], bool] | None,
    ) -> dict[str, Any]:
        try:
            return _bridge.infer(
                self.server, self.show, tool, version, parameters, inputs, self.deadline, out, aborted
            )[1]
        except _bridge.BridgeError as error:
            _reraise(error)


def blend(
    plate: np.ndarray,
    result: np.ndarray,
    mask: np.ndarray | None = None,
    mix: float = 1.0,
    alpha_from_result: bool = False,
    neutral: float | None = None,
) -> np.ndarray:
    """Lay `result` over `plate` (both packed [H, W, 4], one type) with weight mask * mix, as the node does.

    `mask` is [H, W] float32. Where the weight is 0 the plate's bits are kept, where it is 1 the result's; alpha is the
    plate's unless `alpha_from_result`. With `neutral`, the colours of a pass lead from that value in place of the
    plate, and alpha is the pass's own. Raises TypeError when sizes or types differ.
    """
    out = np.empty_like(plate)
    _bridge.blend(plate, result, mask, mix, alpha_from_result, out, neutral)
    return out


def stop_local_server() -> bool:
    """End the local server if this process started it; whether there was one to end."""
    return _bridge.stop_local_server()


def _tensors(clips: Clips) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {}
    for name, pixels in clips.items():
        frames = pixels if isinstance(pixels, Mapping) else {0: pixels}
        tensors.update({f"{name}@{offset:+d}": frame for offset, frame in frames.items()})
    return tensors


def _parameters(knobs: Mapping[str, Any] | None, frame: FrameInfo) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "frame.window": _joined(frame.window),
        "frame.format": _joined(frame.format),
        "frame.render_window": _joined(frame.render_window),
        "frame.time": float(frame.time),
        "frame.scale": _joined(frame.scale),
        "frame.par": float(frame.par),
        "frame.premult": frame.premult,
        "frame.colourspace": frame.colourspace,
        "frame.output": frame.output,
        "frame.option": frame.option,
    }
    return parameters | _knobs(knobs or {})


def _knobs(knobs: Mapping[str, Any]) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name, value in knobs.items():
        if isinstance(value, (tuple, list)):
            parameters.update({f"{name}.{channel}": float(part) for channel, part in zip("rgb", value, strict=True)})
        else:
            parameters[name] = value.item() if isinstance(value, np.generic) else value
    return parameters


def _joined(numbers: tuple[float, ...]) -> str:
    return ",".join(repr(number) for number in numbers)


def _server_command() -> list[str]:
    """Starts the server of this environment: a host's own executable is not a Python to run a module with."""
    beside = Path(sys.prefix, "bin", "onelight-server")
    return [str(beside)] if beside.exists() else ["onelight-server"]


def _reraise(error: _bridge.BridgeError) -> NoReturn:
    kind, sentence = error.args
    kinds = {"refused": RequestError, "aborted": Cancelled, "deadline": Cancelled}
    raise kinds.get(kind, OnelightError)(sentence) from error
