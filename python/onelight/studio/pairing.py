"""Which artists' pairs a run learns from: found when it begins, and the same ones again when it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from onelight.errors import NotFound, RequestError
from onelight.shows import journal
from onelight.shows.store import Show
from onelight.studio import pairs, scoring
from onelight.studio.pairfile import Given
from onelight.studio.pairs import Hashed
from onelight.studio.plan import Ask, Plan
from onelight.tools import discover

Progress = Callable[[str, int, int], None]


def check(show: Show, given: Given, tools: Sequence[str]) -> None:
    """Raises OnelightError in a sentence where a pair cannot be learnt from, before any time is spent on training."""
    known = discover()
    for stated in given.pairs:
        if stated.tool not in known:
            raise NotFound(f"{stated.where}: there is no tool '{stated.tool}': there are {', '.join(known)}.")
        if why := refusal(scoring.lessons_of(stated.tool), known[stated.tool].label):
            raise RequestError(f"{stated.where}: {why}.")
    if not any(given.of(tool) for tool in tools):
        there = ", ".join(sorted({stated.tool for stated in given.pairs}))
        raise RequestError(f"No pair is for {', '.join(tools)}: they are for {there}.")
    for tool in tools:
        pairs.find(show, given, tool)


def refusal(lessons: Any, label: str) -> str:
    """Why a tool learns nothing from pairs; empty where it does."""
    if hasattr(lessons, "artist"):
        return ""
    return getattr(lessons, "NO_PAIRS", f"{label} learns nothing from before and after")


def begin(show: Show, run: str, ask: Ask, plan: Plan, tell: Progress) -> tuple[Plan, list[Hashed]]:
    """A new run's plan with its pairs, less those of held-out set-ups. RequestError where that leaves none."""
    held = {setup for setup, _ in plan.held_out}
    found = pairs.find(show, ask.pairs, plan.tool) if ask.pairs else []
    taught = [pair for pair in found if not pair.setups & held]
    if found and not taught:
        aside = sorted(set.union(*(pair.setups for pair in found)) & held)
        raise RequestError(
            f"All pairs for {plan.tool} show held-out set-ups ({', '.join(aside)}), which nothing is learnt from: hold "
            "others out with --hold-out."
        )
    hashed = _hashed(taught, tell)
    left_out = [pair.name for pair in found if pair.setups & held]
    if hashed:
        told = [one.told for one in hashed]
        with show.session() as session:
            journal.record(session, "training pairs", run, pairs=told, held_out=left_out)
        plan = replace(plan, pairs=told, pairs_left_out=left_out)
    return plan, hashed


def again(show: Show, run: str, ask: Ask, plan: Plan, tell: Progress) -> list[Hashed]:
    """The pairs of a run that goes on. RequestError where one is not what it was when the run began."""
    if not plan.pairs or ask.pairs is None:
        return []
    held = {setup for setup, _ in plan.held_out}
    hashed = _hashed([pair for pair in pairs.find(show, ask.pairs, plan.tool) if not pair.setups & held], tell)
    now = json.loads(json.dumps([one.told for one in hashed]))
    for before, after in zip(plan.pairs, now, strict=False):
        if before != after:
            raise RequestError(
                f"The pair '{before['name']}' is not what it was when the run {run} began: bring its files back, or "
                "begin anew with --fresh."
            )
    if len(now) != len(plan.pairs):
        raise RequestError(f"The run {run} began with {len(plan.pairs)} pairs, and {len(now)} are there: use --fresh.")
    return hashed


def check_rights(learnt: Sequence[Hashed]) -> None:
    """Raises RequestError where rights have run out since."""
    for one in learnt:
        pairs.check_rights(one.pair.stated)


def _hashed(found: Sequence[pairs.Pair], tell: Progress) -> list[Hashed]:
    return pairs.hashed(found, lambda done, total: tell("Hashing artists' pairs", done, total))
