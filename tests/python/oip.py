"""A bare client of the wire for the server's own tests: grpcio and messages, so that any request can be made."""

from __future__ import annotations

import fcntl
import mmap
import os
import re
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
import numpy as np
from onelight.wire import inference_pb2 as oip
from onelight.wire import studio_pb2

TYPES = {np.dtype(np.float16): "FP16", np.dtype(np.float32): "FP32"}
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
SECONDS = 60.0


def plate(height: int = 9, width: int = 16, dtype: Any = np.float16, seed: int = 1) -> np.ndarray:
    """Noise around zero and beyond one, RGBA."""
    return (np.random.default_rng(seed).standard_normal((height, width, 4)) * 3).astype(dtype)


def set_parameter(field: oip.InferParameter, value: Any) -> None:
    """The oneof member by the Python type."""
    member = {bool: "bool_param", int: "int64_param", float: "double_param", str: "string_param"}[type(value)]
    setattr(field, member, value)


def request(
    clips: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
    model: str = "base/probe",
    version: str = "",
) -> oip.ModelInferRequest:
    """A ModelInferRequest. A clip is an array (sent inline) or (array, tensor parameters) sent by reference."""
    message = oip.ModelInferRequest(model_name=model, model_version=version)
    for name, value in (parameters or {}).items():
        set_parameter(message.parameters[name], value)
    for name, clip in clips.items():
        pixels, options = clip if isinstance(clip, tuple) else (clip, None)
        tensor = message.inputs.add(name=name, datatype=TYPES[pixels.dtype], shape=pixels.shape)
        for option, value in (options or {}).items():
            set_parameter(tensor.parameters[option], value)
        if options is None:
            message.raw_input_contents.append(pixels.tobytes())
    return message


def pixels_of(response: oip.ModelInferResponse) -> np.ndarray:
    """The Output tensor of a reply."""
    output = response.outputs[0]
    dtype = {name: dtype for dtype, name in TYPES.items()}[output.datatype]
    return np.frombuffer(response.raw_output_contents[0], dtype).reshape(tuple(output.shape))


def parameters_of(response: oip.ModelInferResponse) -> dict[str, Any]:
    """The reply's parameters as Python values."""
    return {
        name: getattr(value, value.WhichOneof("parameter_choice") or "") for name, value in response.parameters.items()
    }


class Wire:
    """One channel to a server."""

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None) -> None:
        target = address.removeprefix("tls:")
        self.channel = (
            grpc.secure_channel(target, credentials, UNLIMITED)
            if credentials
            else grpc.insecure_channel(target, UNLIMITED)
        )
        self.raw = self.channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        self.stub = self.channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            oip.ModelInferRequest.SerializeToString,
            oip.ModelInferResponse.FromString,
        )
        self.put = self.channel.unary_unary(
            "/onelight.v1.Studio/PutFrame",
            studio_pb2.PutFrameRequest.SerializeToString,
            studio_pb2.PutFrameReply.FromString,
        )
        self.lease = self.channel.stream_stream(
            "/onelight.v1.Studio/Lease",
            studio_pb2.LeaseRequest.SerializeToString,
            studio_pb2.LeaseReply.FromString,
        )

    def call(self, method: str, metadata: Any = (), **fields: Any) -> Any:
        """A unary method of either service by its name."""
        module, service = oip, "inference.GRPCInferenceService"
        if not hasattr(oip, f"{method}Request"):
            module, service = studio_pb2, "onelight.v1.Studio"
        reply = getattr(module, f"{method}Response", None) or getattr(module, f"{method}Reply")
        stub = self.channel.unary_unary(
            f"/{service}/{method}",
            getattr(module, f"{method}Request").SerializeToString,
            reply.FromString,
        )
        return stub(getattr(module, f"{method}Request")(**fields), timeout=SECONDS, metadata=metadata)

    def infer(self, *arguments: Any, **keywords: Any) -> oip.ModelInferResponse:
        """`request(...)` sent and answered."""
        return self.stub(request(*arguments, **keywords), timeout=SECONDS)

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.channel.close()


class Memfd:
    """A memfd as the plug-in makes it: allocated, sealed against any change of size, mapped."""

    SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL

    def __init__(self, size: int, seals: int = SEALS) -> None:
        self.size, self.fd = size, os.memfd_create("onelight-test", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        os.posix_fallocate(self.fd, 0, size)
        if seals:
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, seals)
        self.bytes = np.frombuffer(mmap.mmap(self.fd, size), np.uint8)

    @property
    def key(self) -> str:
        return f"memfd:{os.getpid()}:{self.fd}"

    def array(self, shape: tuple[int, ...], dtype: Any, offset: int = 0) -> np.ndarray:
        """A view into the memory."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return self.bytes[offset : offset + size].view(dtype).reshape(shape)

    def close(self) -> None:
        os.close(self.fd)


def shared(region: str, size: int, offset: int = 0) -> dict[str, Any]:
    """The protocol's parameters of a tensor in shared memory."""
    return {
        "shared_memory_region": region,
        "shared_memory_byte_size": size,
        "shared_memory_offset": offset,
    }


def refused(wire: Wire, message: oip.ModelInferRequest | bytes) -> tuple[grpc.StatusCode, str]:
    """Status and sentence of a request that must not succeed."""
    try:
        if isinstance(message, bytes):
            wire.raw(message, timeout=SECONDS)
        else:
            wire.stub(message, timeout=SECONDS)
    except grpc.RpcError as error:
        return error.code(), error.details() or ""
    raise AssertionError("The server took a request that it had to refuse.")


def metric(port: int, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=SECONDS) as page:
        text = page.read().decode()
    total = 0.0
    for line in text.splitlines():
        if match := re.match(rf"{name}(?:\{{(.*)\}})? (\S+)$", line):
            found = dict(re.findall(r'(\w+)="([^"]*)"', match[1] or ""))
            if all(found.get(key) == value for key, value in labels.items()):
                total += float(match[2])
    return total


def metrics_port(log: str) -> int:
    """The port that a server printed in its `ready` line."""
    found = re.search(r"^ready .*metrics:(\d+)", log, re.MULTILINE)
    assert found, log
    return int(found[1])


def open_descriptors(pid: int) -> int:
    """How many file descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
