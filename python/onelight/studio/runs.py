"""The training runs of a show: begun, found again after an interruption, ended; and what each is told to learn from."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from onelight.dailies import material, reading
from onelight.errors import RequestError
from onelight.locks import locked
from onelight.shows import journal
from onelight.shows.schema import Clip, ModelVersion, Run
from onelight.shows.store import Show
from onelight.shows.versions import RETIRED
from onelight.studio.plan import Ask, Plan, same, sizes
from onelight.studio.takes import Split, Take, split

RUNNING, STOPPED, DONE, FAILED = "running", "stopped", "done", "failed"
SEED = 20261121


def takes(show: Show, clips: list[Clip] | None = None) -> list[Take]:
    """The stretches of clips (default: all that may be learnt from today) as takes.

    Clips of no set-up are each one of their own.
    """
    if clips is None:
        with show.session() as session:
            clips = material.trainable(session)
    out = []
    for clip in clips:
        setup = clip.setup.name if clip.setup else clip.name
        for number, stretch in enumerate(material.stretches(clip)):
            name = clip.name if number == 0 else f"{clip.name}.{number + 1}"
            read = partial(_read, clip)
            out.append(Take(clip.digest, name, setup, stretch.first, stretch.last, stretch.box, read, clip.space))
    return out


def clips_of(show: Show, digests: list[str]) -> list[Clip]:
    """Clips by digest, in that order. Raises RequestError where one may not be learnt from any more."""
    with show.session() as session:
        found = {clip.digest: clip for clip in session.scalars(select(Clip).where(Clip.digest.in_(digests)))}
    for digest in digests:
        clip = found.get(digest)
        why = material.refusal(clip) if clip else "it is not in the catalogue any more"
        if why:
            name = clip.name if clip else digest[:12]
            raise RequestError(f"The clip {name} may not be learnt from: {why}.")
    return [found[digest] for digest in digests]


def _read(clip: Clip, first: int, last: int) -> Any:
    return reading.frames(clip, first, last)


def nothing_to_learn(show: Show) -> str:
    """Why there is nothing to train on, in a sentence."""
    with show.session() as session:
        refused = material.refusals(session)
    if not refused:
        return f"The show '{show.name}' has no dailies: ingest some with `onelight dailies ingest`."
    clip, why = refused[0]
    return f"None of the {len(refused)} clips of '{show.name}' may be learnt from; {clip.name}: {why}."


@dataclass(frozen=True)
class Call:
    """One command to train tools, which a later one with the same wishes goes on with until all of them are done."""

    tools: Sequence[str]
    mark: str = field(default_factory=lambda: uuid4().hex)
    done: Mapping[str, str] = field(default_factory=dict)  # the versions that it made already, by tool

    @property
    def kept(self) -> dict[str, Any]:
        """What its runs keep of it."""
        return {"mark": self.mark, "tools": list(self.tools)}


def call(show: Show, tools: Sequence[str], ask: Ask, fresh: bool = False) -> Call:
    """The last command with these tools and this `ask` where not all of them are done; else, or if `fresh`, a new one.

    A tool counts as done while its version is not retired: what learnt from a withdrawn clip is made again.
    """
    newest: dict[str, Run] = {}
    with show.session() as session:
        for run in session.scalars(select(Run).where(Run.tool.in_(tools)).order_by(Run.id)):
            newest[run.tool] = run
        standing = {
            (version.tool, version.name)
            for version in session.scalars(select(ModelVersion).where(ModelVersion.state != RETIRED))
        }
    wanted = [
        run
        for run in newest.values()
        if run.settings.get("call", {}).get("tools") == list(tools) and not same(run.settings, ask.settled())
    ]
    if fresh or not wanted:
        return Call(tools)
    mark = max(wanted, key=lambda run: run.id).settings["call"]["mark"]
    made = {
        run.tool: run.settings["version"]
        for run in wanted
        if run.settings["call"]["mark"] == mark and run.state == DONE
    }
    done = {tool: name for tool, name in made.items() if (tool, name) in standing}
    return Call(tools) if len(done) == len(tools) else Call(tools, mark, done)


def begin(show: Show, tool: str, ask: Ask, fresh: bool, call: Call | None = None) -> Run:
    """The tool's run that was interrupted, or a new one; it keeps which call it is for.

    Raises RequestError where it was begun with other wishes, and Busy where it is to give way to a `fresh` one while
    another process is at it.
    """
    settings = ask.settled() | {"call": (call or Call([tool])).kept}
    with show.session() as session:
        wanted = select(Run).where(Run.tool == tool, Run.state.in_((RUNNING, STOPPED))).order_by(Run.id.desc())
        for run in session.scalars(wanted).all():
            if fresh:
                with locked(show.places.training / run.name, "training"):
                    run.state, run.ended = FAILED, datetime.now(UTC)
            elif differs := same(run.settings, ask.settled()):
                raise RequestError(
                    f"The run {run.name} of '{show.name}' is not done, and was begun otherwise: {'; '.join(differs)}. "
                    "Go on with what it was begun with, or begin anew with --fresh."
                )
            else:
                run.state, run.settings = RUNNING, run.settings | {"call": settings["call"]}
                return run
        number = len(session.scalars(select(Run.id).where(Run.tool == tool)).all()) + 1
        run = Run(name=f"{tool}-{number:03d}", tool=tool, state=RUNNING, begun=datetime.now(UTC), settings=settings)
        session.add(run)
        journal.record(session, "training begin", run.name, settings=ask.settled())
        return run


def end(show: Show, name: str, state: str, version: ModelVersion | None = None, why: str = "") -> None:
    """Notes how a run ended."""
    with show.session() as session:
        run = session.scalars(select(Run).where(Run.name == name)).one()
        run.state, run.ended = state, datetime.now(UTC)
        made = {"version": version.name, "digest": version.digest} if version else {}
        if version:
            run.settings = run.settings | {"version": version.name}
        journal.record(session, f"training {state}", name, why, **made)


def tracked(show: Show, name: str, number: str) -> None:
    """Notes the run's id in MLflow."""
    with show.session() as session:
        session.scalars(select(Run).where(Run.name == name)).one().tracked = number


def planned(show: Show, run: Run, ask: Ask, base: dict[str, str], threads: int) -> tuple[Plan, Split]:
    """A new run's plan: what is held out, and how much of everything. Raises RequestError where clips are too few."""
    found = takes(show)
    if not found:
        raise RequestError(nothing_to_learn(show))
    seed = SEED if ask.seed is None else ask.seed
    parts = split(found, seed, ask.held)
    told, default = parts.told, sizes(ask.budget)
    plan = Plan(
        tool=run.tool,
        base=base,
        ask=ask.settled(),
        taught=[list(pair) for pair in told["taught"]],
        held_out=[list(pair) for pair in told["held_out"]],
        seed=seed,
        threads=ask.threads or threads,
        scenes=ask.scenes or default["scenes"],
        crops=ask.crops or default["crops"],
        shots=ask.shots or default["shots"],
        steps=ask.steps,
    )
    return plan, parts


def parts_of(show: Show, plan: Plan) -> Split:
    """The takes of a plan. Raises RequestError where one of its clips may not be learnt from any more."""
    return Split(takes(show, clips_of(show, plan.clips)), takes(show, clips_of(show, plan.scored_on)))


def sweep(show: Show) -> None:
    """Forgets the frames of runs that ended: a process that was killed may not have come to it."""
    with show.session() as session:
        ended = session.scalars(select(Run.name).where(Run.state.in_((DONE, FAILED)))).all()
    for name in ended:
        forget(show, name)


def forget(show: Show, name: str) -> None:
    """Removes what a run kept of the show's frames: baked crops are pictures, and are needed no more."""
    for folder in ("footage", "crops", "scenes", "pairs", "paired"):
        shutil.rmtree(show.places.training / name / folder, ignore_errors=True)
