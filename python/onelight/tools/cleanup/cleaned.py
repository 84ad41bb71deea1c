"""Cleanup run on frames of a shot in this process: what each frame is worth once, then passes as they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from onelight.colour import Colour
from onelight.stages import Context, FrameInfo, Session, Stage
from onelight.tools.cleanup import graph
from onelight.tools.cleanup.curves import Curve, resampled
from onelight.tools.cleanup.spec import TOOL

COLOUR = "acescg"
SPACING = 0.5  # px between points on a curve
BY_HAND = {"sensitivity": 0.0, "grow": 0.0, "soften": 0.0, "matte_channel": "alpha"}  # what Add draws, as it is


def offsets(**knobs: Any) -> tuple[int, ...]:
    """The frames that cleaning one takes, as offsets."""
    wanted = TOOL.clips[0].frames
    assert wanted is not None
    return wanted.offsets({**_defaults(), **knobs})


def _defaults() -> dict[str, Any]:
    return {knob.name: getattr(knob, "default", None) for knob in TOOL.render_knobs()}


@dataclass
class Shot:
    """A shot whose frames are cleaned one by one, as a server does: each frame's own findings are made once."""

    plates: Mapping[int, np.ndarray]  # scene-linear ACEScg [H, W, 3] by frame
    session: Session | None
    mattes: Mapping[int, np.ndarray] = field(default_factory=dict)  # [H, W] 0..1, given by hand; none: it looks itself
    knobs: Mapping[str, Any] = field(default_factory=dict)
    _alone: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)

    def clean(self, frame: int) -> Cleaned:
        """The frame with its neighbours through the tool's cached stages, with its default knobs but for the shot's."""
        knobs = {**_defaults(), **(BY_HAND if self.mattes else {}), **self.knobs}
        clips: dict[tuple[str, int], np.ndarray] = {}
        for offset in offsets(**knobs):
            if (plate := self.plates.get(frame + offset)) is not None:
                clips["Source", offset] = _packed(plate, np.ones(plate.shape[:2], np.float32))
                if (matte := self.mattes.get(frame + offset)) is not None and matte.any():
                    clips["Add", offset] = _packed(np.zeros_like(plate), matte)
        height, width = self.plates[frame].shape[:2]
        info = FrameInfo.of(width, height, time=float(frame))
        context = Context(knobs, info, clips, Colour.of(COLOUR), self.session)
        made: dict[str, Any] = {}
        for stage in graph.STAGES:
            if stage.each:
                made[stage.name] = self._each(stage, context, frame)
            elif stage.cached:
                made |= stage.run(stage.narrowed(context), made)
        return Cleaned(context, made)

    def _each(self, stage: Stage, context: Context, frame: int) -> dict[int, dict[str, Any]]:
        """The stage's results for every frame of the Source, by offset; a frame that was seen before is not again."""
        out = {}
        for offset in sorted(offset for clip, offset in context.clips if clip == "Source"):
            key = (stage.name, frame + offset)
            if key not in self._alone:
                at = {(clip, 0): image for (clip, there), image in context.clips.items() if there == offset}
                alone = replace(context, clips=at, info=replace(context.info, time=float(frame + offset)))
                earlier = [one.name for one in graph.STAGES if one.each and (one.name, frame + offset) in self._alone]
                known: dict[str, Any] = {}
                for name in earlier:
                    known |= self._alone[name, frame + offset]
                self._alone[key] = stage.run(stage.narrowed(alone), known)
            out[offset] = self._alone[key]
        return out


@dataclass(frozen=True)
class Cleaned:
    """One frame whose cached stages have run."""

    context: Context
    made: Mapping[str, Any]

    @property
    def matte(self) -> np.ndarray:
        """What is taken out, [H, W] 0..1."""
        return self.made["matte"]

    @property
    def curves(self) -> list[Curve]:
        """The wires of this frame."""
        return self.made["curves"]

    def output(self, name: str = "result", **knobs: Any) -> np.ndarray:
        """The result or a pass [H, W, 3]; knobs of the last stage by name."""
        context = replace(self.context, knobs={**self.context.knobs, **knobs})
        context = replace(context, info=replace(context.info, output=name))
        made = dict(self.made)
        for stage in graph.STAGES:
            if not stage.cached:
                made |= stage.run(context, made)
        return np.asarray(made["output"][..., :3], np.float32)


def drawn(curves: Sequence[Curve]) -> np.ndarray:
    """Evenly spaced points [n, 2] on the centre lines of curves."""
    lines = (resampled(one.points, one.width, SPACING)[0] for one in curves)
    return np.concatenate([np.zeros((0, 2), np.float32), *lines])


def _packed(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Four channels of a clip [H, W, 4]."""
    out = np.empty((*image.shape[:2], 4), np.float32)
    out[..., :3], out[..., 3] = image, alpha
    return out
