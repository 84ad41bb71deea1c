"""Two threads for what one frame needs of several neighbours or several places: more would fight over the cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")
_HANDS = ThreadPoolExecutor(2, thread_name_prefix="cleanup")


def at_once(work: Callable[[Item], Made], items: Sequence[Item]) -> list[Made]:
    """What `work` makes of each item, in their order. `work` must not call this."""
    begun = [_HANDS.submit(work, item) for item in items]
    wait(begun)  # all of them, also when one gave up: nothing goes on behind the back of who asked
    return [one.result() for one in begun]
