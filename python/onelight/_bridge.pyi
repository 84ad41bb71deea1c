"""The C++ client of the OpenFX plug-in, for Python: see ofx_plugin/bridge/bridge.cpp."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, overload

from typing_extensions import Buffer

_Value = bool | int | float | str
_Output = TypeVar("_Output", bound=Buffer)

class BridgeError(Exception):
    """`args` are a kind (aborted, unavailable, deadline, refused, internal) and the sentence to show."""

class Image:
    def __buffer__(self, flags: int, /) -> memoryview: ...

@overload
def infer(
    server: str,
    show: str,
    tool: str,
    version: str,
    parameters: Mapping[str, _Value],
    inputs: Mapping[str, Buffer],
    deadline: float,
    output: tuple[int, int],
    aborted: Callable[[], bool] | None = None,
) -> tuple[Image, dict[str, _Value]]: ...
@overload
def infer(
    server: str,
    show: str,
    tool: str,
    version: str,
    parameters: Mapping[str, _Value],
    inputs: Mapping[str, Buffer],
    deadline: float,
    output: _Output,
    aborted: Callable[[], bool] | None = None,
) -> tuple[_Output, dict[str, _Value]]: ...
@overload
def infer(
    server: str,
    show: str,
    tool: str,
    version: str,
    parameters: Mapping[str, _Value],
    inputs: Mapping[str, Buffer],
    deadline: float,
    output: None = None,
    aborted: Callable[[], bool] | None = None,
) -> tuple[None, dict[str, _Value]]: ...
def blend(
    plate: Buffer, result: Buffer, mask: Buffer | None, mix: float, alpha_from_result: bool, out: Buffer
) -> None: ...
def ping(server: str, seconds: float) -> str: ...
def use_shared_memory(allowed: bool) -> None: ...
def set_server_command(command: Sequence[str]) -> None: ...
def local_address() -> str: ...
