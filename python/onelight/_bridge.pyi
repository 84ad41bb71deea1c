"""The C++ client of the OpenFX plug-in, for Python: see ofx_plugin/bridge/bridge.cpp."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

_Pixels = Any  # whatever has the buffer protocol, which type checkers can be told from Python 3.12 on only
_Value = bool | int | float | str
_Output = TypeVar("_Output")

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
    inputs: Mapping[str, _Pixels],
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
    inputs: Mapping[str, _Pixels],
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
    inputs: Mapping[str, _Pixels],
    deadline: float,
    output: None = None,
    aborted: Callable[[], bool] | None = None,
) -> tuple[None, dict[str, _Value]]: ...
def blend(
    plate: _Pixels,
    result: _Pixels,
    mask: _Pixels | None,
    mix: float,
    alpha_from_result: bool,
    out: _Pixels,
    neutral: float | None = None,
) -> None: ...
def model(server: str, show: str, tool: str, version: str, seconds: float) -> dict[str, str]: ...
def ping(server: str, seconds: float) -> str: ...
def use_shared_memory(allowed: bool) -> None: ...
def set_server_command(command: Sequence[str]) -> None: ...
def local_address() -> str: ...
def stop_local_server() -> bool: ...
