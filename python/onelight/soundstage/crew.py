"""Makes scenes in several processes; one that fails leaves the others be, and none outlives its parent."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process

from onelight.errors import NotReady, RequestError
from onelight.soundstage.manifest import Entry, FamilyFailed
from onelight.soundstage.world import backend

Work = Callable[[Entry], Entry]  # makes a scene, in another process; gives its entry with the digest


def run(work: Work, todo: Sequence[Entry], jobs: int | None) -> Iterator[Entry]:
    """The entries as they are finished, by `jobs` processes of one thread each.

    Scenes that a family fails on are left out, and told of in a RequestError when all others are done.
    """
    jobs = max(1, min(jobs or _cores(), len(todo)))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # inherited: its threads would only fight over the cores
    executor = ProcessPoolExecutor(jobs, get_context("spawn"), _begin)
    waiting: dict[Future[Entry], str] = {}
    queue = iter(todo)
    failed: list[str] = []
    try:
        while True:
            while len(waiting) < 2 * jobs and (entry := next(queue, None)) is not None:
                waiting[executor.submit(work, entry)] = entry.file
            if not waiting:
                break
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                try:
                    finished = future.result()
                except FamilyFailed as error:
                    failed.append(str(error))
                else:
                    yield finished
                del waiting[future]
    except BrokenProcessPool as error:
        at = f"at {' or '.join(sorted(waiting.values()))}" if waiting else "at its start"
        raise NotReady(f"a render process ended by itself {at}: was it killed, or is the memory full?") from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
    if failed:
        raise RequestError(f"{len(failed)} of {len(todo)} scenes could not be made; the first: {sorted(failed)[0]}")


def _cores() -> int:
    """The cores this process may run on, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin() -> None:
    """Sets up a render process: one thread, deaf to Ctrl-C (its parent decides), and gone when its parent is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = parent_process()
    if parent:

        def follow() -> None:
            connection.wait([parent.sentinel])
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
    drjit, _ = backend()
    drjit.set_thread_count(1)
