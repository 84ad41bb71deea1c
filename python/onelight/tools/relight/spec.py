"""What the Relight node is: its inputs, knobs, passes and presets."""

from onelight.spec import MASK, RESULT, SOURCE, Clip, Group, Pass, Tool
from onelight.tools.relight.knobs import CAMERA, GEOMETRY, LIGHT, PRESENT, PRESENT_FILL, SURFACE
from onelight.tools.relight.presets import PRESETS, START

TOOL = Tool(
    id="relight",
    version=1,
    label="Relight",
    hint="New light on the plate: noon becomes golden hour. The plate is multiplied by a bounded ratio of new to "
    "present shading; nothing is repainted.",
    clips=(
        SOURCE,
        MASK,
        Clip("Normals", "Normals", "Normals to use instead of estimated ones: x right, y up, z to camera.", data=True),
        Clip("Depth", "Depth", "Depth to use instead of estimated depth.", data=True),
        Clip("Matte", "Matte", "What stands in front: its outline is inflated into relief.", data=True),
        Clip("Sky", "Sky matte", "Sky: graded, never shaded.", data=True),
        Clip("Emissive", "Emissive matte", "Practicals, fire, screens: held as shot.", data=True),
        Clip("Denoised", "Denoised plate", "Drives the estimation, so that the ratio carries no grain."),
    ),
    groups=(
        Group("start", "Start from"),
        Group("present", "Present light", "The light the plate was shot in."),
        Group("key", "Key"),
        Group("fill", "Fill"),
        Group("rim", "Rim", open=False),
        Group("shadows", "Shadows"),
        Group("air", "Haze and sheen", open=False),
        Group("sky", "Sky", open=False),
        Group("camera", "Camera", open=False),
        Group("geometry", "Geometry", open=False),
        Group("limits", "Limits", open=False),
        Group("present_fill", "Present fill", "Shape of the fill as shot, written by Analyse.", open=False),
    ),
    knobs=(*START, *PRESENT, *LIGHT, *SURFACE, *CAMERA, *GEOMETRY, *PRESENT_FILL),
    passes=(
        RESULT,
        Pass("ratio", "Ratio", "New over present shading: plate x ratio + added = result.", data=True, neutral=1.0),
        Pass("added", "Added", "Specular and haze, to be added after the multiplication.", data=True, neutral=0.0),
        Pass("normals", "Normals", "x right, y up, z to camera, -1 to 1.", data=True),
        Pass("depth", "Depth", "0 nearest, 1 farthest.", data=True),
        Pass("albedo", "Albedo", "The plate over its present shading."),
        Pass("shading", "Shading", "The new shading."),
        Pass("light_map", "Light map", "How much of the new key reaches each pixel.", data=True),
    ),
    presets=PRESETS,
    analysed_flag="analysed",
    alpha_knob="to_alpha",
)
