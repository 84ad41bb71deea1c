"""Cleanup's knobs: what counts as a wire, how wide the matte is, which frames give their pixels, the grain."""

from typing import Any

from onelight.spec import EVERY, OCTAVES, Bool, Button, Choice, Float, Int, Knob, Option, String

# fmt: off
UNIT: dict[str, Any] = {"hard": (0.0, 1.0), "soft": (0.0, 1.0)}
PIXELS: dict[str, Any] = {"unit": "px", "pixels": True, "digits": 2}
FRAME: dict[str, Any] = {"animates": False, "affects_render": False, "soft": (0, 2000)}
LONGEST_TRACK = 1 << 20  # characters: a hundred frames of a dozen wires are a tenth of that

DETECT: tuple[Knob, ...] = (
    Float("sensitivity", "Sensitivity",
          "How faint a line may be to count as a wire; 0 finds none: Add and Tracked alone count.",
          group="detect", default=0.5, neutral=0.0, **UNIT),
    Float("narrowest", "Narrowest", "Thinner lines are left alone; pixels at full size.",
          group="detect", default=0.5, hard=(0.0, 64.0), soft=(0.0, 8.0), **PIXELS),
    Float("widest", "Widest", "Wider things are left alone; pixels at full size.",
          group="detect", default=24.0, hard=(0.5, 64.0), soft=(1.0, 48.0), **PIXELS),
    Float("stiffness", "Stiffness in time",
          "How firmly a wire follows its course on the frames before and after; it also bridges frames that lost it.",
          group="detect", default=0.5, **UNIT),
)

MATTE: tuple[Knob, ...] = (
    Float("grow", "Grow", "How far the matte reaches beyond the wire's edge; pixels at full size.",
          group="matte", default=1.5, hard=(0.0, 64.0), soft=(0.0, 10.0), **PIXELS),
    Float("soften", "Soften", "Width of the matte's edge; pixels at full size.",
          group="matte", default=1.0, hard=(0.0, 64.0), soft=(0.0, 10.0), **PIXELS),
    Bool("shadow", "Wire shadow", "Also take thin dark lines that run beside a wire: the shadow it casts.",
         group="matte"),
    Choice("matte_channel", "Mattes are in", "Which channel of Add, Keep and Protect counts.",
           group="matte", animates=False, default="alpha",
           options=(Option("alpha", "alpha"), Option("red", "red"))),
)

TRACK: tuple[Knob, ...] = (
    Button("analyse", "Track wires",
           "Follows what Add shows on one frame or a few through the shot, and writes the courses into Tracked.",
           group="track", action="analyse"),
    Int("analyse_first", "From frame", "First frame to track; with both 0, the clip's range.", group="track", **FRAME),
    Int("analyse_last", "To frame", "Last frame to track.", group="track", **FRAME),
    String("tracked", "Tracked", "The tracked wires, frame by frame, as written by Track wires; clear it to drop them.",
           group="track", longest=LONGEST_TRACK, neutral="", analysed=True),
)

FILL: tuple[Knob, ...] = (
    Int("range", "Range", "How many frames before and after may give their pixels; 0 uses this frame alone.",
        group="fill", default=4, hard=(0, 32), soft=(0, 16), unit="frames"),
    Choice("step", "Frames used", "Which of the frames within the range are looked at.",
           group="fill", animates=False, default=OCTAVES,
           options=(Option(OCTAVES, "1, 2, 4, 8, 16 ... away"), Option(EVERY, "every frame"))),
    Bool("wardrobe", "Interpolate over wardrobe",
         "Inside Protect, let thin gaps be closed from both sides; off: they stay as shot and are marked.",
         group="fill", policy="interpolate_over_wardrobe"),
)

GRAIN: tuple[Knob, ...] = (
    Float("regrain", "Regrain", "How much of the shot's own grain what was interpolated or made is given; 0 is none.",
          group="grain", default=1.0, **UNIT),
    Int("grain_seed", "Grain seed", "Another number, another grain; it also differs from frame to frame.",
        group="grain", default=1, hard=(0, 2**31 - 1), soft=(1, 100)),
)
