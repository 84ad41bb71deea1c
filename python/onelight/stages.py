"""What a tool's computation for a frame is made of and gets to see: stages, their context, the frame's geometry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from onelight.colour import Colour
    from onelight.look import Look

Rect = tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels, y up, x2 and y2 excluded


@dataclass(frozen=True)
class FrameInfo:
    """Where the pixels of one frame lie and how they are encoded.

    `window` is the rectangle the tensors cover (the Source's region of definition at this scale), `format` the
    project's, `render_window` what is asked for; all in pixels with y up, so row 0 of a tensor is y = window[3] - 1.
    """

    window: Rect
    format: Rect
    render_window: Rect
    time: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    par: float = 1.0
    premult: str = "none"
    colourspace: str = "acescg"
    output: str = "result"
    option: int = 1

    @staticmethod
    def of(width: int, height: int, **values: Any) -> FrameInfo:
        """A frame whose data window, format and render window are all `width` x `height` at the origin."""
        rect = (0, 0, width, height)
        return replace(FrameInfo(rect, rect, rect), **values)

    def crop(self) -> tuple[slice, slice]:
        """Rows and columns of the render window inside a tensor."""
        (x1, _, _, y2), (rx1, ry1, rx2, ry2) = self.window, self.render_window
        return slice(y2 - ry2, y2 - ry1), slice(rx1 - x1, rx2 - x1)


class Session(Protocol):
    """A model version on a device, as a stage sees it."""

    provider: str

    @property
    def look(self) -> Look | None:
        """The look of the show that the version is of, where that was measured."""
        ...

    def has(self, stage: str) -> bool:
        """Whether the version has a graph of that name."""
        ...

    def run(self, stage: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the version's graph of that name."""
        ...


@dataclass(frozen=True)
class Context:
    """Everything a stage may look at."""

    knobs: Mapping[str, Any]  # every render knob of the tool, typed, defaults filled in
    info: FrameInfo
    clips: Mapping[tuple[str, int], np.ndarray]  # (name, offset) -> float16 or float32 [H, W, 4] as sent
    colour: Colour
    session: Session | None = None
    check: Callable[[], None] = field(default=lambda: None)  # raises Cancelled when nobody waits any more
    destination: np.ndarray | None = None  # the reply's own buffer [h, w, 4] in the plate's dtype, where there is one

    def clip(self, name: str, offset: int = 0) -> np.ndarray | None:
        """The pixels of a clip [H, W, 4], or None where it is not connected. Never write into them."""
        return self.clips.get((name, offset))

    def output(self) -> np.ndarray:
        """Where the last stage writes its "output" [h, w, 4], the render window in the plate's dtype.

        It is the reply's own memory when the engine could hand that over (no copy then), else fresh memory.
        """
        import numpy as np

        if self.destination is not None:
            return self.destination
        x1, y1, x2, y2 = self.info.render_window
        return np.empty((y2 - y1, x2 - x1, 4), self.source.dtype)

    @property
    def source(self) -> np.ndarray:
        """The plate at the frame being rendered."""
        return self.clips["Source", 0]


@dataclass(frozen=True)
class Stage:
    """One step of a tool: a plain function of the context and of what earlier stages made.

    `knobs` and `clips` are all it may depend on: with the frame's geometry, colour space and the model's digest they
    are the key under which the engine keeps the results of a `cached` stage. One that is not cached runs for every
    frame, may look at every knob, and leaves `knobs` empty.

    A stage with `each` runs once for every frame of the Source that was sent, and sees that frame, and what else was
    sent for the same time, as if it were the one being rendered: at offset 0, with what earlier `each` stages made of
    it. Later stages find its results under its own name: {offset: results}. They are kept without the offset, so that
    what was found on a neighbour is there when the neighbour is rendered. `timed` stages see the frame's time.
    """

    name: str
    run: Callable[[Context, dict[str, Any]], dict[str, Any]]
    knobs: tuple[str, ...] = ()
    clips: tuple[str, ...] = ()
    cached: bool = False
    each: bool = False  # of cached stages only
    timed: bool = False

    def narrowed(self, context: Context) -> Context:
        """The context with no knobs and clips but those that this stage may depend on."""
        knobs = {name: context.knobs[name] for name in self.knobs}
        clips = {place: frame for place, frame in context.clips.items() if place[0] in self.clips}
        return replace(context, knobs=knobs, clips=clips)


def run(stages: Sequence[Stage], context: Context) -> dict[str, Any]:
    """What all the stages make of a frame in this process, computed afresh.

    "output" is the last one's picture, "status" what the node says of it, "nan_replaced" how many broken pixels were
    met, and "counted" holds, by name, numbers that say a frame needs a look where they are not 0.

    Every stage sees the whole context; what a server keeps, and hides from the stages that are kept, is its own matter.
    """
    offsets = sorted({offset for clip, offset in context.clips if clip == "Source"}, key=lambda n: (abs(n), n))
    frames = {offset: frame_at(context, offset) for offset in offsets}
    made: dict[str, Any] = {}
    made_at: dict[int, dict[str, Any]] = {offset: {} for offset in offsets}
    for stage in stages:
        if not stage.each:
            made |= stage.run(context, made)
            continue
        made[stage.name] = {offset: stage.run(frame, made_at[offset]) for offset, frame in frames.items()}
        for offset, results in made[stage.name].items():
            made_at[offset] |= results
    return made


def frame_at(context: Context, offset: int) -> Context:
    """The context of the frame `offset` away as if it were the one being rendered, without its neighbours."""
    clips = {(name, 0): frame for (name, at), frame in context.clips.items() if at == offset}
    return replace(context, clips=clips, info=replace(context.info, time=context.info.time + offset))
