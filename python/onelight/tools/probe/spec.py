"""What the Probe node is: plate x a gain map computed from every byte read.

Neutral when gain is 0 and flip is off; otherwise result = (plate [+ Second]) x map x 2^gain, negated again by flip.
"""

from onelight.spec import MASK, RESULT, SOURCE, Bool, Clip, Float, Group, Int, Pass, Tool

TOOL = Tool(
    id="probe",
    version=1,
    label="Probe",
    hint="Multiplies the plate by a map of +1 and -1 that depends on every byte of it: proves the way of a frame.",
    clips=(SOURCE, Clip("Second", "Second", "A further plate, added before the gain."), MASK),
    groups=(Group("probe", "Probe"),),
    knobs=(
        Float(
            "gain",
            "Gain",
            "Stops of gain on top of the map; at 0 the node is neutral.",
            group="probe",
            default=0.0,
            hard=(-16.0, 16.0),
            soft=(-4.0, 4.0),
            neutral=0.0,
            unit="stops",
        ),
        Int(
            "work",
            "Work",
            "Milliseconds of work before the answer, in small cancellable steps.",
            group="probe",
            default=0,
            hard=(0, 600000),
            soft=(0, 1000),
            unit="ms",
        ),
        Float(
            "offset",
            "Offset",
            "A pixel-unit knob: how it arrives shows in the status.",
            group="probe",
            default=0.0,
            hard=(-1e4, 1e4),
            soft=(0.0, 100.0),
            pixels=True,
            unit="px",
        ),
        Bool("flip", "Flip signs", "Negates the result.", group="probe", neutral=False),
    ),
    passes=(RESULT, Pass("map", "Map", "The gain map.", data=True)),
    exposure_equivariant=False,
    shipped=False,
)
