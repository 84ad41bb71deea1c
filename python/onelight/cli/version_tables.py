"""What `onelight version` prints of versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from onelight.shows.bundle import Bundle
    from onelight.shows.schema import Entry, ModelVersion

SHORT = 12  # digits of a hash that people read
MOST_ROWS = 40
_STYLES = {"approved": "green", "retired": "dim", "no gain": "yellow"}


def listing(found: Iterable[ModelVersion]) -> RenderableType:
    """All versions, a row each."""
    table = _table("", "Version", "State", "Beside its base", "Made", "Clips", "Digest")
    for version in found:
        cells = (
            f"{version.tool}@{version.name}",
            version.state,
            version.gain,
            f"{version.created:%Y-%m-%d}",
            str(len(version.clips)),
            version.digest[:SHORT],
        )
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in cells))
    return table


def about(version: ModelVersion, checked: Bundle, log: Iterable[Entry]) -> Iterator[RenderableType]:
    """All about one version."""
    told, base = checked.manifest, checked.manifest["base"]
    facts = {
        "State": version.state,
        "Beside its base": version.gain,
        "Base": f"{base['show']}@{base['version']} {base['digest'][:SHORT]}" if base else "none",
        "Digest": version.digest,
        "Signed": f"by key {checked.signer[:SHORT]}, every byte as it was signed" if checked.signer else "no",
        "Made": f"{told['created']} by {told['by']}",
    }
    if origin := told.get("origin"):
        facts["Came from"] = f"{origin['name']}@{origin['version']}, key {origin['key'][:SHORT]}"
    table = _table(f"{version.tool}@{version.name}", "", "")
    for name, value in facts.items():
        table.add_row(name, Text(value))
    yield table
    metrics = (
        told["metrics"]["against"]
        if isinstance(told["metrics"], dict) and "against" in told["metrics"]
        else told["metrics"]
    )
    if isinstance(metrics, list) and metrics and all(isinstance(row, dict) for row in metrics):
        yield _rows("Metrics", metrics)
    clips = [{"clip": clip["name"], "digest": clip["digest"][:SHORT], "rights": clip["rights"][:SHORT],
              "through": clip.get("through", "")} for clip in told["clips"]]  # fmt: skip
    if clips:
        yield _rows("Learnt from", clips)
    if pairs := (told.get("training") or {}).get("pairs"):
        rows = [
            {
                "pair": pair["name"],
                "frames": pair["frames"],
                "owner": pair["rights"]["owner"],
                "after": pair["after"]["digest"][:SHORT],
            }
            for pair in pairs
        ]
        yield _rows("Artists' pairs", rows)
    entries = [{"when": entry.at[:19], "who": entry.who, "what": entry.action, "why": entry.why} for entry in log]
    yield _rows("Log", entries)


def _rows(title: str, rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = _table(title, *columns)
    for row in rows[:MOST_ROWS]:
        table.add_row(*(Text(_cell(row.get(name, ""))) for name in columns))
    if len(rows) > MOST_ROWS:
        table.caption = f"{len(rows) - MOST_ROWS} more: --json has them"
    return table


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return "" if value is None else str(value)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=Text(title) if title else None, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title_justify="left")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    return table
