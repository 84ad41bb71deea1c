"""What a run that has learnt hands to its version: the files, with card and look, and how it was made."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from onelight.shows import journal
from onelight.shows.schema import Run
from onelight.shows.store import Show
from onelight.studio import looks, pace, scoring
from onelight.studio.plan import Plan
from onelight.training import checkpoint
from onelight.training.export import write_version
from onelight.training.settings import Settings

MOST_NAMED = 20  # pairs, on the card; the manifest has all


def staged(
    show: Show,
    run: Run,
    folder: Path,
    plan: Plan,
    device: str,
    model: torch.nn.Module,
    graphs: Mapping[str, Path],
    settings: Settings,
    against: Sequence[Mapping[str, Any]],
) -> Path:
    """The version's files, as `versions.add` takes them; what lies in the run's folder from before is not made again.

    The show's look goes with them, where it was measured on clips that still allow it.
    """
    into = folder / "staged"
    if (into / scoring.STAGED / "version.json").is_file():
        return _with_look(show, run, into / scoring.STAGED)
    columns = ("kind", "split", "condition", "metric", "baseline", "gain", "low", "high")
    card = scoring.script_of(run.tool).card(
        model,
        f"for {show.name}",
        recipe=f"onelight train show --show {show.name} --tools {run.tool}",
        data=told(run, plan),
        settings=settings,
        seconds=checkpoint.seconds(folder / "network" / "checkpoint"),
        machine=f"{os.cpu_count()} cores" if device == "cpu" else device,
        scores=[{column: row.get(column) for column in columns} for row in against],
    )
    spec = scoring.discover()[run.tool].version
    weights = {"weights": model}
    made = write_version(into, run.tool, scoring.STAGED, spec, graphs, weights=weights, card=card)
    return _with_look(show, run, made)


def _with_look(show: Show, run: Run, made: Path) -> Path:
    if why := looks.into(show, made):
        with show.session() as session:
            journal.record(session, "training without look", run.name, why)
    return made


def told(run: Run, plan: Plan) -> dict[str, Any]:
    """For the card and the tracking store."""
    out = {
        "run": run.name,
        "base": f"{plan.base['version']} {plan.base['digest'][:16]}",
        "learnt from": ", ".join(sorted({setup for setup, _ in plan.taught})),
        "held out": ", ".join(sorted({setup for setup, _ in plan.held_out})),
        "crops": plan.crops,
        "scenes replayed": plan.scenes,
        "budget": f"{plan.ask['budget']:.0f} s",
    }
    if plan.pairs:
        out["artist pairs"] = _named([f"{pair['name']} {pair['frames']}" for pair in plan.pairs])
    if plan.pairs_left_out:
        out["pairs of held-out set-ups"] = _named(plan.pairs_left_out)
    return out


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def manifest(run: Run, plan: Plan, settings: Settings, digest: str) -> dict[str, Any]:
    """How it was made, for the version's manifest."""
    out = {
        "run": run.name,
        "settings": settings.deciding(),
        "taught": plan.taught,
        "held_out": plan.held_out,
        "crops": plan.crops,
        "scenes": plan.scenes,
        "shots": plan.shots,
        "data": digest,
        "code": pace.code_digest(run.tool),
    }
    if plan.pairs:
        out |= {"pairs": plan.pairs, "pairs_left_out": plan.pairs_left_out}
    return out
