"""A training may begin with an earlier version's weights, also where the network has grown since."""

from pathlib import Path

import pytest
import torch
from onelight.errors import RequestError
from onelight.training.start import begin_with
from safetensors.torch import save_file
from torch import nn


class Small(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.trunk = nn.Linear(3, width)


class Grown(Small):
    def __init__(self) -> None:
        super().__init__()
        self.more = nn.Linear(4, 4)


def _saved(model: nn.Module, path: Path) -> Path:
    save_file(model.state_dict(), path)
    return path


def test_what_both_networks_have_is_taken_over_and_the_rest_stays_as_it_was_made(tmp_path: Path) -> None:
    earlier, grown = Small(), Grown()
    untrained = grown.more.weight.detach().clone()
    begin_with(grown, _saved(earlier, tmp_path / "weights.safetensors"))
    assert torch.equal(grown.trunk.weight, earlier.trunk.weight)
    assert torch.equal(grown.more.weight, untrained)


def test_the_run_is_bound_to_the_bytes_it_began_with(tmp_path: Path) -> None:
    one, other = (_saved(Small(), tmp_path / f"{name}.safetensors") for name in ("one", "other"))
    assert begin_with(Small(), one) == begin_with(Grown(), one) != begin_with(Small(), other)


def test_weights_of_another_shape_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"does not fit: trunk\.\w+ is 5(x3)? there, and 4(x3)? in this network"):
        begin_with(Small(), _saved(Small(5), tmp_path / "weights.safetensors"))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="nothing of this network"):
        begin_with(Small(), _saved(nn.Linear(2, 2), tmp_path / "weights.safetensors"))


def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "weights.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(RequestError, match=r"weights\.safetensors cannot be read as weights"):
        begin_with(Small(), broken)
    with pytest.raises(RequestError, match="missing"):
        begin_with(Small(), tmp_path / "missing.safetensors")
