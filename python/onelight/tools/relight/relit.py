"""Relight run on a plate in this process: what follows from the images once, then under as many lights as asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onelight.colour import Colour
from onelight.stages import Context, FrameInfo, Rect, Session
from onelight.tools.relight import depth, graph, network
from onelight.tools.relight.cases import Case, Lamp
from onelight.tools.relight.spec import TOOL

COLOUR = "acescg"
# Told both lights, a version that sees how far keys reach lifts the one's shadows and casts the other's; the rest of
# the knobs stay at their defaults, and all of them where nothing sees that.
SHADOWS = {"lift_shadows": 1.0, "shadow_density": 1.0, "limit": 5.0}


@dataclass(frozen=True)
class Relit:
    """A plate whose cached stages have run."""

    context: Context
    made: Mapping[str, Any]
    mask: np.ndarray  # [H, W] bool, where the answer counts
    gentle: bool  # whether a lone lamp is told gentler than it is: to what does not hedge

    @staticmethod
    def of(
        case: Case,
        session: Session | None,
        clips: Mapping[str, np.ndarray] | None = None,
        fitted: bool = False,
        exposure: float | None = None,
        relief: float | None = None,
    ) -> Relit:
        """The case's plate through the tool's cached stages, as a server runs and keeps them.

        The tool's own default knobs, but for what is told of the present light; with `fitted`, nothing is told of it.
        `clips` are further inputs [H, W, 3] by name. `exposure` and `relief` (the subject's) are values of knobs: what
        Analyse would find on this plate under that light, where no exposure is given.
        """
        height, width = case.plate.shape[:2]
        frames = {"Source": case.plate, **(clips or {})}
        if case.matte is not None:
            frames["Matte"] = np.dstack([case.matte] * 3)
        packed = {(name, 0): _packed(image, case.matte if name == "Matte" else None) for name, image in frames.items()}
        knobs = {knob.name: getattr(knob, "default", None) for knob in TOOL.render_knobs()}
        knobs["auto_sky"] = float(case.sky)
        if network.known(session):
            knobs |= SHADOWS
        gentle = not network.hedges(session)
        context = Context(knobs, FrameInfo.of(width, height), packed, Colour.of(COLOUR), session)
        alone = exposure is None and not fitted
        if not fitted:
            if exposure is None:  # what Analyse would write for this one frame
                exposure = float(np.log2(graph.ingest(context, {})["frame_level"]))
            knobs |= {"analysed": True, "exposure": exposure}
            knobs |= case.lamp.knobs("present", "present_ratio", gentle)
            knobs["subject_relief"] = 1.0 if relief is None else relief
        context, made = replace(context, knobs=knobs), {}
        for stage in graph.STAGES:
            if stage.cached:
                made |= stage.run(stage.narrowed(context), made)
        if alone and relief is None and depth.can_tell(context):
            knobs = {**knobs, "subject_relief": depth.of_subject([(made, knobs)])}
            context = replace(context, knobs=knobs)
            made |= graph.DECOMPOSE.run(graph.DECOMPOSE.narrowed(context), made)
        return Relit(context, made, case.mask, gentle)

    def under(self, lamp: Lamp, output: str = "result", **knobs: Any) -> np.ndarray:
        """The plate under another light, or a pass of it, [H, W, 3]; further knobs by name."""
        return self._output(lamp, output, self.context.info.window, **knobs)

    def inside(self, lamp: Lamp, output: str = "result") -> np.ndarray:
        """The pixels of the mask alone [n, 3]; a render window around it spares the rest."""
        height = len(self.mask)
        rows, columns = (np.flatnonzero(self.mask.any(axis=axis)) for axis in (1, 0))
        (top, bottom), (left, right) = ((int(side[0]), int(side[-1]) + 1) for side in (rows, columns))
        picture = self._output(lamp, output, (left, height - bottom, right, height - top))
        return picture[self.mask[top:bottom, left:right]]

    def _output(self, lamp: Lamp, output: str, window: Rect, **knobs: Any) -> np.ndarray:
        asked = {**self.context.knobs, **lamp.knobs("key", "fill_ratio", self.gentle), **knobs}
        info = replace(self.context.info, output=output, render_window=window)
        context = replace(self.context, knobs=asked, info=info)
        made = dict(self.made)
        for stage in graph.STAGES:
            if not stage.cached:
                made |= stage.run(context, made)
        return made["output"][..., :3]


def _packed(image: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """Four channels of a clip [H, W, 4]; opaque without an alpha."""
    out = np.empty((*image.shape[:2], 4), np.float32)
    out[..., :3] = image
    out[..., 3] = 1 if alpha is None else alpha
    return out
