"""What a stage gets to see, and the key that its results are kept under: the two say the same by construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from onelight import spec
from onelight.errors import RequestError
from onelight.runtime import Session
from onelight.stages import Context, Stage

from onelight_server.metrics import Metrics
from onelight_server.pixels import Loaded
from onelight_server.request import Job
from onelight_server.scope import Scope

UNSET = ("", "unset")
CHOOSE_SPACE = "Choose the input colour space."


class BoundSession:
    """A session as one stage sees it: its runs end with the scope of those who wait for them."""

    def __init__(self, session: Session, scope: Scope, metrics: Metrics) -> None:
        self.session, self.provider, self._scope, self._metrics = session, session.provider, scope, metrics

    def under(self, scope: Scope) -> BoundSession:
        """The same session for work that others wait for."""
        return BoundSession(self.session, scope, self._metrics)

    def has(self, stage: str) -> bool:
        """Whether the version has a network of that name."""
        return self.session.has(stage)

    def run(self, stage: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs one network of the version; Cancelled when nobody waits for it any more."""
        self._metrics.provider.labels(self.provider).inc()
        return self.session.run(stage, inputs, self._scope.stopping)


def narrowed(context: Context, stage: Stage, scope: Scope) -> Context:
    """The context of a stage that is kept: what `key_of` holds and nothing else, so that what one request leaves out
    of the key cannot colour another's frame."""
    assert isinstance(context.session, BoundSession)
    return replace(
        context,
        knobs={name: context.knobs[name] for name in stage.knobs},
        clips={place: frame for place, frame in context.clips.items() if place[0] in stage.clips},
        info=replace(context.info, render_window=context.info.window, time=0.0, output="result", option=1),
        session=context.session.under(scope),
        check=scope.check,
        destination=None,
    )


def key_of(stage: Stage, job: Job, loaded: Loaded, context: Context, earlier: tuple) -> tuple:
    """Everything a cached stage can see; `narrowed` hides the rest from it."""
    info, clips = job.info, sorted(place for place in loaded.clips if place[0] in stage.clips)
    assert context.session is not None
    return (
        (job.version.show, job.tool.id, job.version.digest, stage.name, context.session.provider),
        tuple((place, loaded.digests[place]) for place in clips),
        tuple((name, repr(job.knobs[name])) for name in stage.knobs),
        (info.colourspace, info.premult, info.scale, info.par, info.window, info.format),
        earlier,
    )


def untouched(job: Job) -> Stage:
    """What stands in for a tool while nobody has said what space the plate is in: the plate, and the sentence."""
    if job.info.output != spec.RESULT.name:
        raise RequestError(f"{job.tool.label} has no passes of a plate whose space is not known: {CHOOSE_SPACE}")
    return Stage(
        "untouched", lambda context, _: {"output": context.source[context.info.crop()], "status": CHOOSE_SPACE}
    )
