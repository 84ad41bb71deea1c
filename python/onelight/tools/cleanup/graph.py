"""Cleanup's computation: wires of each frame that was sent, what neighbours show behind them, then fill and edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from fileseq.frameset import FrameSet

from onelight.errors import RequestError
from onelight.imaging import floats, halves
from onelight.stages import Context, Stage
from onelight.temporal import cuts, encode, flow, gather
from onelight.temporal.flow import covered
from onelight.temporal.grain import Grain
from onelight.temporal.views import Coarse, View
from onelight.tools.cleanup import detect, fill, hints, regrain, scene, track
from onelight.tools.cleanup.curves import WIDE, Curve, matte_of
from onelight.tools.cleanup.hands import at_once
from onelight.tools.cleanup.link import drawn as lines_in
from onelight.tools.cleanup.link import link
from onelight.tools.cleanup.scene import Area, drawn, picture
from onelight.tools.cleanup.shadow import shadows
from onelight.tools.cleanup.snap import snapped

Made = TypeVar("Made")
HALO = 1.0  # px that a neighbour's matte reaches further: half a wire's pixel shows the wire
FROZEN = "This host gives the same frame for every time: filled from this frame alone."
CUT = "Frames beyond a cut were left out."
NO_CLEAN = "The clean plate does not match this shot and was not used."
BROKEN = "Broken pixels (NaN or inf) were left as they are."
LEAST_SURE = 0.5  # a clean plate that is nowhere surer shows another place
STILL = 2  # frames on either side whose wires steady this frame's


def find(context: Context, _: dict[str, Any]) -> dict[str, Any]:
    """What the detector says of one frame, kept in halves: four times as many frames stay at hand as in floats."""
    area = Area.of(context.info)
    seen, broken = picture(context, area)
    level = encode.middle(seen)
    found = detect.find(context.session, seen, level, None, context.check)
    kept = detect.Found(*(halves(image) for image in (found.matte, found.width, found.along)))
    return {"found": kept, "level": level, "broken": broken}


def _found(made: Mapping[str, Any]) -> detect.Found:
    found: detect.Found = made["found"]
    return detect.Found(*(floats(image) for image in (found.matte, found.width, found.along)))


def wires(context: Context, made: dict[str, Any]) -> dict[str, Any]:
    """The wires that were found in one frame, as curves."""
    area, knobs, found = Area.of(context.info), context.knobs, _found(made)
    what = {name: knobs[name] for name in ("sensitivity", "narrowest", "widest")}
    keep = drawn(context, area, "Keep")
    curves = link(found, **what, keep=keep)
    if curves:
        seen, _ = picture(context, area)
        curves = snapped(curves, seen, made["level"], found.matte)
        if knobs["shadow"]:
            curves += shadows(found, seen, made["level"], curves, **what, keep=keep)
    return {"curves": curves}


def gone(context: Context, made: dict[str, Any]) -> dict[str, Any]:
    """What no other frame may take from this one, where its wires are, as bits; and the frame as it is matched."""
    area = Area.of(context.info)
    lines, add = [*made["curves"], *_tracked(context, area, 0)], drawn(context, area, "Add")
    hidden = covered(_matte(context, area, lines, made, HALO, add))
    coarse = Coarse.of(picture(context, area)[0], hidden)
    return {"hole": np.packbits(hidden > 0, axis=1), "width": area.shape[1], "coarse": coarse}


def _unfolded(made: Mapping[str, Any]) -> np.ndarray:
    return np.unpackbits(made["hole"], axis=1, count=made["width"])


def by_offset(work: Callable[[int], Made], offsets: Sequence[int]) -> dict[int, Made]:
    """What `work` makes of each of the frames, side by side."""
    return dict(zip(offsets, at_once(work, offsets), strict=True))


def neighbours(context: Context, made: dict[str, Any]) -> dict[str, Any]:
    """This frame's matte, and for what is behind it the pixels of other frames and of the clean plate."""
    area, knobs = Area.of(context.info), context.knobs
    plate, _ = picture(context, area)
    coarse = {offset: one["coarse"] for offset, one in made["gone"].items()}
    looks = {offset: one.colour for offset, one in coarse.items()}
    frozen = cuts.frozen(looks)
    shot = frozenset({0}) if frozen else cuts.in_shot(looks)
    context.check()
    curves = {offset: made["wires"][offset]["curves"] for offset in shot}
    tracked = {offset: _tracked(context, area, offset) for offset in shot}
    near = [offset for offset in shot if 0 < abs(offset) <= STILL] if any(curves.values()) else []
    plain = {offset: one.plain for offset, one in coarse.items()}
    motion = by_offset(lambda offset: flow.between(plain[0], plain[offset]), near)
    curves[0] = track.steadied(curves, motion, area.shape, stiffness=knobs["stiffness"])
    add, keep = drawn(context, area, "Add"), drawn(context, area, "Keep")
    matte = _matte(context, area, [*curves[0], *tracked[0]], made["find"][0], 0.0, add, keep)
    hinted = lines_in(add) if add is not None and scene.thin(add) else []
    by_hand = matte_of(tracked[0], area.shape, add=add)

    if (covered(matte)[_unfolded(made["gone"][0]) == 0] > 0).any():  # a neighbour gave back a stretch, or moved one
        here = View(plate, matte)
    else:
        here = View(plate, matte, coarse[0])

    def bring(offset: int) -> gather.Packed:
        context.check()
        along = scene.vectors(context, area, offset)
        there = View(picture(context, area, offset=offset)[0], _unfolded(made["gone"][offset]), coarse[offset])
        return gather.bring(here, matte, there, None, offset, along).packed()

    nearest_first = sorted(shot - {0}, key=lambda n: (abs(n), n))

    def measured() -> Grain | None:
        if not nearest_first:
            return regrain.measured(plate, matte, None, None)
        other, moved = picture(context, area, offset=nearest_first[0])[0], motion.get(nearest_first[0])
        return regrain.measured(plate, matte, other, None if moved is None else flow.resized(moved, area.shape))

    brought: list[gather.Packed] = []
    grain = None
    if (matte > fill.FAINT).any():
        works: list[Callable[[], Any]] = [measured, *(partial(bring, n) for n in nearest_first)]
        grain, *brought = at_once(lambda work: work(), works)
        grain = regrain.known(context.session, grain, area.shape, bool(nearest_first))
    clean = _clean(context, area, plate, matte)
    unused = clean is not None and not (clean.sure[matte > fill.FAINT] > LEAST_SURE).any()
    remarks = {
        FROZEN: frozen,
        CUT: not frozen and len(shot) < len(coarse),
        NO_CLEAN: unused,
        BROKEN: made["find"][0]["broken"] > 0,
    }
    return {
        "matte": matte,
        "curves": [*scene.apart(curves[0], by_hand), *scene.apart(tracked[0], add), *hinted],
        "brought": brought,
        "clean": [] if clean is None or unused else [clean.packed()],
        "grain": grain,
        "remarks": remarks,
    }


def _clean(context: Context, area: Area, plate: np.ndarray, matte: np.ndarray) -> gather.Brought | None:
    """What the clean plate shows behind the matte; sure of nothing where it is of another shot."""
    if context.clip("Clean") is None or not (matte > fill.FAINT).any():
        return None
    clean, _ = picture(context, area, "Clean")
    if not cuts.same_shot(plate, clean):
        return gather.Brought(clean, np.zeros(area.shape, np.float32), 0)
    return gather.bring(plate, matte, clean, None, 0)


def _matte(
    context: Context,
    area: Area,
    curves: Sequence[Curve],
    seen: Mapping[str, Any],
    halo: float,
    add: np.ndarray | None,
    keep: np.ndarray | None = None,
) -> np.ndarray:
    """What is taken out of a frame [h, w]: its wires, `halo` px wider than the knobs say, and what was drawn."""
    found = _found(seen) if any(float(curve.width.max()) > WIDE for curve in curves) else None
    grow, soften = context.knobs["grow"] + halo, context.knobs["soften"]
    return matte_of(curves, area.shape, grow=grow, soften=soften, found=found, add=add, keep=keep)


def _tracked(context: Context, area: Area, offset: int) -> list[Curve]:
    """The wires that Track wires followed to the frame at that offset."""
    text = context.knobs["tracked"]
    return area.from_full(hints.decode(text, context.info.time + offset), context.info.scale[0])


def apply(context: Context, made: dict[str, Any]) -> dict[str, Any]:
    """Fills the matte and writes the result, or the pass that is asked for."""
    area, knobs, matte = Area.of(context.info), context.knobs, made["matte"]
    plate, _ = picture(context, area)
    clean = [one.unpacked() for one in made["clean"]]
    filled = fill.fill(
        plate,
        matte,
        [one.unpacked() for one in made["brought"]],
        clean[0] if clean else None,
        protect=drawn(context, area, "Protect"),
        wardrobe=knobs["wardrobe"],
        curves=made["curves"],
        level=made["find"][0]["level"],
        grain=made["grain"],
        regrain=knobs["regrain"],
        seed=_seed(context),
        check=context.check,
    )
    context.check()
    return {
        "output": scene.write(context, area, matte, filled),
        "status": scene.told(filled, len(made["curves"]), made["remarks"]),
        "nan_replaced": made["find"][0]["broken"],
        "counted": {"needs_paint": int((filled.source == fill.From.PAINT).sum())},
    }


def _seed(context: Context) -> int:
    """Another grain on every frame, the same on the same frame."""
    return (int(context.knobs["grain_seed"]) * 1_000_003 + round(context.info.time)) % 2**31


def analyse(contexts: Sequence[Context]) -> dict[str, str]:
    """Follows what Add shows on a frame or a few through the sampled frames; returns the knob to write.

    RequestError where Add shows nothing on any of them.
    """
    area, at = Area.of(contexts[0].info), {round(context.info.time): context for context in contexts}
    shown = {time: matte for time, context in at.items() if (matte := drawn(context, area, "Add")) is not None}
    if not shown:
        raise RequestError("Cleanup: connect a matte of the missed wire to Add, on one frame or a few, to track it.")
    keeps = {time: matte for time, context in at.items() if (matte := drawn(context, area, "Keep")) is not None}
    frames = scene.Pictures(at, area)
    found = hints.track_shot(frames, shown, keeps, check=contexts[0].check)
    scale = contexts[0].info.scale[0]
    text = hints.encode({time: area.to_full(curves, scale) for time, curves in found.items()})
    wires = max((len(curves) for curves in found.values()), default=0)
    held = sum(bool(curves) for curves in found.values())
    status = f"Tracked {scene.plural(wires)} over {held} of {len(frames)} frames."
    if doubted := hints.doubted_frames(text):
        status += f" Look at {FrameSet.framesToFrameRange(doubted)}: a wire is hardly seen there."
    return {"tracked": text, "status": status}


LINES = ("sensitivity", "narrowest", "widest", "shadow", "matte_channel")
MATTE = ("grow", "soften", "matte_channel", "tracked")
STAGES = (
    Stage("find", find, clips=("Source",), cached=True, each=True),
    Stage("wires", wires, knobs=LINES, clips=("Source", "Keep"), cached=True, each=True),
    Stage("gone", gone, knobs=MATTE, clips=("Source", "Add"), cached=True, each=True, timed=True),
    Stage(
        "neighbours",
        neighbours,
        knobs=("stiffness", *MATTE),
        clips=("Source", "Add", "Keep", "Clean", "Vectors"),
        cached=True,
        timed=True,
    ),
    Stage("apply", apply, clips=("Source", "Protect")),
)
