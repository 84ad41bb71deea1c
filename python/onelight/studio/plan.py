"""What a training run is a function of, settled once when it begins and kept in its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from onelight.errors import NotFound, RequestError
from onelight.studio.pairfile import Given
from onelight.training.files import write_json

NAME = "plan.json"
UNSAID = {"pairs": ""}  # of wishes that an older run's record does not name


@dataclass(frozen=True)
class Ask:
    """What a person asked for. `settled` is the part of it that a run keeps to until it is done."""

    budget: float = 1800.0  # seconds a tool, all included
    held: tuple[str, ...] = ()  # set-ups to hold out; none: drawn
    steps: int | None = None  # instead of what the budget allows
    seed: int | None = None
    scenes: int | None = None  # of the soundstage that are replayed; None: by the budget
    crops: int | None = None  # of the show
    shots: int | None = None  # of held-out set-ups that are scored
    suite: int = 1  # scenes of each kind of the soundstage that are scored; 0: none
    device: str = "cpu"
    threads: int | None = None
    pairs: Given | None = None  # of artists

    def settled(self) -> dict[str, Any]:
        """As JSON keeps it; the device may change between two calls."""
        told = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "device"}
        return told | {"held": list(self.held), "pairs": self.pairs.tag if self.pairs else ""}


@dataclass(frozen=True)
class Plan:
    """A run's clips, base and sizes. `steps` is None until the machine's speed is known."""

    tool: str
    base: Mapping[str, str]  # version, digest
    ask: Mapping[str, Any]
    taught: Sequence[Sequence[str]]  # [set-up, clip's digest]
    held_out: Sequence[Sequence[str]]
    seed: int
    threads: int
    scenes: int
    crops: int
    shots: int
    steps: int | None = None
    step_seconds: float | None = None  # measured when the steps were settled
    extra: Mapping[str, Any] = field(default_factory=dict)
    pairs: Sequence[Mapping[str, Any]] = ()  # of artists, as `pairs.Hashed.told` has them
    pairs_left_out: Sequence[str] = ()  # those of held-out set-ups, by name

    @property
    def clips(self) -> list[str]:
        """Digests of the clips whose own frames are learnt from."""
        return sorted({clip for _, clip in self.taught})

    @property
    def learnt(self) -> list[str]:
        """Digests of all clips that are learnt from, those behind artists' pairs as well."""
        behind = {clip for pair in self.pairs for clip in (*pair["before"]["clips"], *pair["also_of"])}
        return sorted({*self.clips, *behind})

    @property
    def scored_on(self) -> list[str]:
        """Digests of the clips that are scored on."""
        return sorted({clip for _, clip in self.held_out})

    def save(self, folder: Path) -> Plan:
        """Written whole. Raises OnelightError."""
        write_json(folder / NAME, asdict(self))
        return self

    def settle(self, folder: Path, steps: int, seconds: float) -> Plan:
        """The plan with its number of steps, saved."""
        return replace(self, steps=steps, step_seconds=seconds).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Plan | None:
        """The plan of a run; None where it was not settled yet. Raises RequestError where it is damaged."""
        try:
            return cls(**json.loads((folder / NAME).read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise RequestError(f"The run {folder} is damaged ({error}): train with --fresh.") from error


def sizes(budget: float) -> dict[str, int]:
    """How many scenes are replayed, crops learnt from and shots scored on in a budget of seconds."""
    share = min(max(budget / 600.0, 0.05), 3.0)
    return {
        "scenes": max(8, round(60 * min(share, 1.5))),
        "crops": max(16, round(96 * share)),
        "shots": max(4, round(8 * min(share, 1.5))),
    }


def same(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What a run was begun with that is asked for otherwise now, in words."""
    was = UNSAID | dict(before)
    return [
        f"{name} was {was.get(name) or 'not given'} and is {value or 'not given'}"
        if name in UNSAID
        else f"{name} was {was.get(name)} and is {value}"
        for name, value in now.items()
        if was.get(name) != value
    ]


def find_tool(tools: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """The tools of these names. Raises NotFound, naming those there are."""
    for name in names:
        if name not in tools:
            raise NotFound(f"There is no tool '{name}': there are {', '.join(tools)}.")
    return list(dict.fromkeys(names))
