"""Whatever happens while a checkpoint is written, a whole one is there afterwards."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install onelight[train]")

import torch
import trainingtoy as toy
from onelight.errors import OnelightError, RequestError
from onelight.training import checkpoint
from onelight.training.checkpoint import State
from onelight.training.files import write_whole

BOUND = {"settings": {"seed": 1}, "data": "toy"}


class Killed(BaseException):
    """Stands where the process would have ended; no code of ours may catch it."""


class Parts:
    """What a checkpoint holds, after one update with values of its own."""

    def __init__(self, seed: int) -> None:
        self.model, self.ema = toy.network(seed), toy.network(seed + 1)
        self.model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.optimizer = torch.optim.AdamW(self.model.parameters())
        self.model(torch.rand(1, 3, 8, 8)).sum().backward()
        self.optimizer.step()

    def save(self, folder: Path, step: int) -> None:
        checkpoint.save(folder, State(step=step, history=[{"step": step}]), self.model, self.ema, self.optimizer, BOUND)

    def load(self, folder: Path) -> State | None:
        return checkpoint.load(folder, self.model, self.ema, self.optimizer, BOUND)

    def tensors(self) -> list[torch.Tensor]:
        moments = [value for state in self.optimizer.state.values() for value in state.values()]
        return [*self.model.state_dict().values(), *self.ema.state_dict().values(), *moments]


def same(one: Parts, other: Parts) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.tensors(), other.tensors(), strict=True))


def killing_at(count: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Let `count` operations on the disk pass and end at the next; the returned function says how many there were."""
    done = 0

    def counted(operation: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal done
            if done == count:
                raise Killed
            done += 1
            return operation(*arguments, **named)

        return call

    for owner, name in ((checkpoint, "write_through"), (checkpoint, "sync_folder"), (shutil, "rmtree")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    for name in ("rename", "mkdir"):
        monkeypatch.setattr(Path, name, counted(getattr(Path, name)))
    return lambda: done


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: the kernel refuses the write, as it does where the disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_saved_comes_back_to_the_bit_and_in_the_same_layout(tmp_path: Path) -> None:
    saved, fresh = Parts(1), Parts(2)
    state = State(7, 1.5, 2, 1, {"loss": 0.1 + 0.2}, 3, [{"step": 5, "loss": 1 / 3}])
    checkpoint.save(tmp_path / "c", state, saved.model, saved.ema, saved.optimizer, BOUND)
    assert fresh.load(tmp_path / "c") == state
    assert same(saved, fresh)
    assert [t.stride() for t in saved.tensors()] == [t.stride() for t in fresh.tensors()]


def test_where_nothing_was_saved_nothing_is_loaded(tmp_path: Path) -> None:
    assert Parts(1).load(tmp_path / "c") is None


def test_a_process_that_ends_anywhere_while_saving_leaves_the_old_or_the_new_checkpoint(tmp_path: Path) -> None:
    first, second, found = Parts(1), Parts(2), Parts(3)
    reached = []
    for count in range(100):
        folder = tmp_path / str(count) / "checkpoint"
        first.save(folder, 1)
        with pytest.MonkeyPatch.context() as patch:
            operations = killing_at(count, patch)
            with suppress(Killed):
                second.save(folder, 2)
        state = found.load(folder)
        assert state is not None and same(found, first if state.step == 1 else second)
        assert [path.name for path in folder.parent.iterdir()] == ["checkpoint"]
        reached.append(state.step)
        if operations() < count:
            break
    assert len(reached) > 10
    assert reached == sorted(reached) and set(reached) == {1, 2}


def test_a_full_disk_is_said_and_the_old_checkpoint_stays(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    saved, other = Parts(1), Parts(2)
    saved.save(folder, 1)
    with small_files(1000), pytest.raises(OnelightError, match=r"checkpoint.new/model.safetensors cannot be written: "):
        other.save(folder, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    state = other.load(folder)
    assert state is not None and state.step == 1
    assert same(saved, other)


@pytest.mark.parametrize("name", [*checkpoint.FILES, checkpoint.SHEET])
@pytest.mark.parametrize("damage", [None, b"", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_damaged_checkpoint_is_said_and_nothing_is_trained_from_it(
    tmp_path: Path, name: str, damage: bytes | None
) -> None:
    folder = tmp_path / "checkpoint"
    Parts(1).save(folder, 1)
    if damage is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(damage)
    with pytest.raises(RequestError, match="is damaged"):
        Parts(2).load(folder)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "curves.png"
    write_whole(path, b"old")
    with small_files(100), pytest.raises(OnelightError, match="curves.png cannot be written: "):
        write_whole(path, bytes(1000))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
