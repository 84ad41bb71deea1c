"""What a stage gets to see, and the key that its results are kept under: the two say the same by construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xxhash
from onelight import spec
from onelight.errors import RequestError
from onelight.runtime import Session
from onelight.stages import Context, Stage, frame_at

from onelight_server.metrics import Metrics
from onelight_server.request import Job
from onelight_server.scope import Scope

Place = tuple[str, int]  # clip and offset
LONG_TEXT = 200  # characters
UNSET = ("", "unset")
CHOOSE_SPACE = "Choose the input colour space."


class BoundSession:
    """A session as one stage sees it: its runs end with the scope of those who wait for them."""

    def __init__(self, session: Session, scope: Scope, metrics: Metrics) -> None:
        self.session, self._scope, self._metrics = session, scope, metrics
        self.provider, self.runtime, self.look = session.provider, session.runtime, session.look

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
    time = context.info.time if stage.timed else 0.0
    return replace(
        stage.narrowed(context),
        info=replace(context.info, render_window=context.info.window, time=time, output="result", option=1),
        session=context.session.under(scope),
        check=scope.check,
        destination=None,
    )


def key_of(stage: Stage, job: Job, digests: Mapping[Place, str], context: Context, earlier: tuple) -> tuple:
    """Everything a cached stage can see; `narrowed` hides the rest from it. `digests` are those of the context's clips
    and `earlier` the keys of the stages whose results it is given."""
    info, clips = context.info, sorted(place for place in context.clips if place[0] in stage.clips)
    assert context.session is not None
    return (
        (job.version.show, job.tool.id, job.version.digest, stage.name, context.session.provider),
        tuple((place, digests[place]) for place in clips),
        tuple((name, _brief(context.knobs[name])) for name in stage.knobs),
        (info.colourspace, info.premult, info.scale, info.par, info.window, info.format),
        info.time if stage.timed else None,
        earlier,
    )


def _brief(value: Any) -> str:
    """A knob's value as part of a key; of a text that may be a megabyte, its digest."""
    text = repr(value)
    return text if len(text) < LONG_TEXT else xxhash.xxh3_128_hexdigest(text.encode())


@dataclass
class Gathered:
    """What the stages made so far, and the keys it is kept under: apart for each frame that was sent, and together."""

    context: Context
    digests: Mapping[Place, str]
    results: dict[str, Any] = field(default_factory=dict)
    keys: tuple = ()
    at: dict[int, Gathered] = field(default_factory=dict)

    def frames(self) -> dict[int, Gathered]:
        """By offset each frame of the Source as if it were the one being rendered; that one first, then the nearest."""
        if not self.at:
            clips = self.context.clips
            offsets = (offset for clip, offset in clips if clip == spec.SOURCE.name)
            self.at = {offset: self._frame(offset) for offset in sorted(offsets, key=lambda n: (abs(n), n))}
        return self.at

    def _frame(self, offset: int) -> Gathered:
        digests = {(clip, 0): digest for (clip, at), digest in self.digests.items() if at == offset}
        return Gathered(frame_at(self.context, offset), digests)


def untouched(job: Job) -> Stage:
    """What stands in for a tool while nobody has said what space the plate is in: the plate, and the sentence."""
    if job.info.output != spec.RESULT.name:
        raise RequestError(f"{job.tool.label} has no passes of a plate whose space is not known: {CHOOSE_SPACE}")
    return Stage(
        "untouched", lambda context, _: {"output": context.source[context.info.crop()], "status": CHOOSE_SPACE}
    )
