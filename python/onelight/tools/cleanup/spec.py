"""What the Cleanup node is: its inputs, knobs and passes."""

from onelight.spec import MASK, RESULT, SOURCE, Analysis, Around, Clip, Group, Pass, Tool
from onelight.tools.cleanup.knobs import DETECT, FILL, GRAIN, MATTE, TRACK

NEIGHBOURS = Around("range", spacing="step")

TOOL = Tool(
    id="cleanup",
    version=1,
    label="Cleanup",
    hint="Takes stunt wires and rigs out: finds them, and puts the shot's own pixels from other frames in their place, "
    "with the shot's grain. Outside the matte the plate stays as it is, bit for bit.",
    clips=(
        Clip(SOURCE.name, SOURCE.label, SOURCE.hint, optional=False, frames=NEIGHBOURS),
        MASK,
        Clip("Add", "Add", "Always wire: a spline or roto over what was missed.", data=True, sparse=True,
             acts=True, frames=NEIGHBOURS),
        Clip("Keep", "Keep", "Never wire: what was taken for one and is none.", data=True, sparse=True),
        Clip("Protect", "Protect", "Performers: only real pixels of this shot are used inside, nothing is made up.",
             data=True, sparse=True),
        Clip("Clean", "Clean plate", "The set without wires; it is aligned to the plate."),
        Clip("Vectors", "Vectors", "Motion in pixels at full size, x right, y up: to the next frame in red and green, "
             "to the one before in blue and alpha. Used instead of estimated motion.", data=True),
    ),
    groups=(
        Group("detect", "Detect"),
        Group("matte", "Matte"),
        Group("track", "Track", "Fix one frame and the shot follows."),
        Group("fill", "Fill"),
        Group("grain", "Grain"),
    ),
    knobs=(*DETECT, *MATTE, *TRACK, *FILL, *GRAIN),
    passes=(
        RESULT,
        Pass("patch", "Patch", "What was put in, premultiplied by its alpha: patch over plate = result.", neutral=0.0),
        Pass("matte", "Matte", "What is taken out.", data=True, neutral=0.0),
        Pass("source", "Source map", "Where each pixel comes from: green another frame, blue the clean plate, yellow "
             "interpolated across the wire, magenta made, red needs paint, black the plate.", data=True),
        Pass("confidence", "Confidence", "How sure the fill is, 0 to 1; 1 where nothing was done.", data=True,
             neutral=1.0),
    ),
    analysis=Analysis(frames=240, longest=1024),
    starts_neutral=False,
)  # fmt: skip
