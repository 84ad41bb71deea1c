"""The training runs of a show: begun, found again after an interruption, ended; and what each is told to learn from."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import select

from onelight.dailies import material, reading
from onelight.errors import RequestError
from onelight.shows import journal
from onelight.shows.schema import Clip, ModelVersion, Run
from onelight.shows.store import Show
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
            out.append(Take(clip.digest, name, setup, stretch.first, stretch.last, stretch.box, read))
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


def begin(show: Show, tool: str, ask: Ask, fresh: bool) -> Run:
    """The tool's run that was interrupted, or a new one. Raises RequestError where it was begun with other wishes."""
    with show.session() as session:
        wanted = select(Run).where(Run.tool == tool, Run.state.in_((RUNNING, STOPPED))).order_by(Run.id.desc())
        for run in session.scalars(wanted).all():
            if fresh:
                run.state, run.ended = FAILED, datetime.now(UTC)
            elif differs := same(run.settings, ask.settled()):
                raise RequestError(
                    f"The run {run.name} of '{show.name}' is not done, and was begun otherwise: {'; '.join(differs)}. "
                    "Go on with what it was begun with, or begin anew with --fresh."
                )
            else:
                run.state = RUNNING
                return run
        number = len(session.scalars(select(Run.id).where(Run.tool == tool)).all()) + 1
        run = Run(
            name=f"{tool}-{number:03d}", tool=tool, state=RUNNING, begun=datetime.now(UTC), settings=ask.settled()
        )
        session.add(run)
        journal.record(session, "training begin", run.name, settings=ask.settled())
        return run


def end(show: Show, name: str, state: str, version: ModelVersion | None = None, why: str = "") -> None:
    """Notes how a run ended."""
    with show.session() as session:
        run = session.scalars(select(Run).where(Run.name == name)).one()
        run.state, run.ended = state, datetime.now(UTC)
        made = {"version": version.name, "digest": version.digest} if version else {}
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
    for folder in ("footage", "crops", "scenes"):
        shutil.rmtree(show.places.training / name / folder, ignore_errors=True)
