"""Writes a model card: what a version was trained on and how, what it scores, what it is for and where it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from onelight.training.progress import duration
from onelight.training.settings import Settings


@dataclass(frozen=True)
class Card:
    """What a model card says. All of it is text or numbers of the run itself; nothing is filled in from elsewhere."""

    title: str  # "Relight base1"
    summary: str  # one paragraph: what the network does
    recipe: str  # the command that makes this version again
    data: Mapping[str, Any]  # seed, manifest digest, number of scenes, families: whatever makes the data again
    settings: Settings
    seconds: float  # of training
    machine: str  # "two cores", "one GPU of the name ..."
    parameters: int
    intended: str
    limits: Sequence[str]
    licence: str
    scores: Sequence[Mapping[str, Any]] = field(default_factory=list)  # rows of the tool's evaluation

    def markdown(self) -> str:
        """The card as Markdown. Equal values give equal bytes."""
        made = {
            "Parameters": f"{self.parameters:,}",
            "Training time": f"{duration(self.seconds)} on {self.machine}",
            "Recipe": f"`{self.recipe}`",
        }
        sections = [
            f"# {_line(self.title)}\n\n{self.summary.strip()}",
            f"## Made by\n\n{_pairs(made)}",
            f"## Data\n\n{_pairs(self.data)}",
            f"## Settings\n\n{_pairs(asdict(self.settings))}",
            f"## Scores\n\n{_table(self.scores) if self.scores else 'Not measured.'}",
            f"## Intended use\n\n{self.intended.strip()}",
            "## Limits\n\n" + "\n".join(f"- {_line(limit)}" for limit in self.limits),
            f"## Licence\n\n{self.licence.strip()}",
        ]
        return "\n\n".join(sections) + "\n"


def _pairs(values: Mapping[str, Any]) -> str:
    return "\n".join(f"- {_line(name)}: {_value(value)}" for name, value in values.items())


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, ["---"] * len(columns)]
    lines += [[_value(row.get(column, "")) for column in columns] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{_line(str(name))} {_value(inner)}" for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(inner) for inner in value)
    return _line(str(value)).replace("|", "\\|")


def _line(text: str) -> str:
    return " ".join(text.split())
