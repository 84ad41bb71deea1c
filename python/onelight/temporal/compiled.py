"""Loops over pixels as machine code, where array operations would carry everything through memory many times over.

Modules of such loops are imported where they are first needed: numba takes half a second to load. What it has compiled
is kept beside them, or in the user's cache where that folder cannot be written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(loop: Loop) -> Loop:
    """The loop as machine code that lets other threads run: it divides as numpy does and adds in the order written."""
    try:
        return cast(Loop, njit(nogil=True, cache=True, error_model="numpy")(loop))
    except RuntimeError:  # nowhere to keep it: it is compiled in every process
        return cast(Loop, njit(nogil=True, error_model="numpy")(loop))
