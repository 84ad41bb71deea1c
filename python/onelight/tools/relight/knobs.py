"""Relight's knobs, in set language: the new light, the surface and air, geometry, camera, the present light."""

from typing import Any

from onelight.spec import Angle, Bool, Button, Choice, Float, Int, Knob, Option, SameAs

# fmt: off
KELVIN: dict[str, Any] = {
    "hard": (1500.0, 25000.0), "soft": (2000.0, 12000.0), "default": 6500.0, "unit": "K", "digits": 0
}
TINT: dict[str, Any] = {"hard": (-5.0, 5.0), "soft": (-2.0, 2.0)}
UNIT: dict[str, Any] = {"hard": (0.0, 1.0), "soft": (0.0, 1.0)}
RATIO: dict[str, Any] = {"hard": (1.0, 128.0), "soft": (1.0, 16.0), "unit": ": 1", "digits": 2}
STOPS: dict[str, Any] = {"hard": (-10.0, 10.0), "soft": (-4.0, 4.0), "unit": "stops"}
AZIMUTH: dict[str, Any] = {"hard": (-3600.0, 3600.0), "soft": (-180.0, 180.0), "digits": 1}
ELEVATION: dict[str, Any] = {"hard": (-90.0, 90.0), "soft": (-10.0, 90.0), "digits": 1}
CAMERA_TURN: dict[str, Any] = {"hard": (-36000.0, 36000.0), "soft": (-180.0, 180.0), "digits": 2}
FRAME: dict[str, Any] = {"animates": False, "affects_render": False, "soft": (0, 2000)}

PRESENT_AZIMUTH, PRESENT_ELEVATION, PRESENT_RATIO, PRESENT_SOFTNESS = -40.0, 45.0, 3.0, 0.2

LIGHT: tuple[Knob, ...] = (
    Angle("key_azimuth", "Key azimuth", "Where the key comes from: 0 at camera, + camera right, 180 back light.",
          group="key", default=PRESENT_AZIMUTH, neutral=SameAs("present_azimuth"), **AZIMUTH),
    Angle("key_elevation", "Key elevation", "Height of the key above the horizon.",
          group="key", default=PRESENT_ELEVATION, neutral=SameAs("present_elevation"), **ELEVATION),
    Float("key_softness", "Key softness", "0 a bare bulb or clear sun, 1 a large source that wraps right round.",
          group="key", default=PRESENT_SOFTNESS, neutral=SameAs("present_softness"), **UNIT),
    Float("key_stops", "Key", "Level of the lit side against the plate's; the fill follows at the same ratio.",
          group="key", neutral=0.0, **STOPS),
    Float("key_kelvin", "Key colour", "Colour temperature of the key; 6500 is the plate's own white.",
          group="key", neutral=6500.0, **KELVIN),
    Float("key_tint", "Key tint", "Off the temperature's line, - to green, + to magenta; 1 is a Duv of 0.01.",
          group="key", neutral=0.0, **TINT),
    Float("fill_ratio", "Key : fill", "N : 1 = (key + fill) : fill. 1 is shadowless, 8 is hard contrast.",
          group="fill", default=PRESENT_RATIO, neutral=SameAs("present_ratio"), **RATIO),
    Float("fill_kelvin", "Fill colour", "Colour temperature of the fill; 6500 is the plate's own white.",
          group="fill", neutral=6500.0, **KELVIN),
    Float("fill_tint", "Fill tint", "Off the temperature's line, - to green, + to magenta; 1 is a Duv of 0.01.",
          group="fill", neutral=0.0, **TINT),
    Float("sky_fill", "Sky fill", "Light from the whole sky on what faces up, against the fill's level.",
          group="fill", neutral=0.0, hard=(0.0, 8.0), soft=(0.0, 2.0)),
    Float("sky_kelvin", "Sky fill colour", "Colour temperature of the sky fill.",
          group="fill", **{**KELVIN, "default": 9500.0}),
    Float("rim", "Rim", "Level of a rim light against the key's.",
          group="rim", neutral=0.0, hard=(0.0, 16.0), soft=(0.0, 4.0)),
    Angle("rim_azimuth", "Rim azimuth", "Where the rim comes from; 180 is straight from behind.",
          group="rim", default=150.0, **AZIMUTH),
    Angle("rim_elevation", "Rim elevation", "Height of the rim light.", group="rim", default=25.0, **ELEVATION),
    Float("rim_kelvin", "Rim colour", "Colour temperature of the rim.", group="rim", **KELVIN),
)

SURFACE: tuple[Knob, ...] = (
    Float("shadow_density", "New shadows", "How dense the shadows are that the new key casts.",
          group="shadows", neutral=0.0, **UNIT),
    Angle("shadow_softness", "Shadow softness", "Angle of the source as the shadows see it; the sun's is 0.5.",
          group="shadows", default=4.0, hard=(0.0, 45.0), soft=(0.0, 20.0), digits=1),
    Float("lift_shadows", "Lift present shadows",
          "Takes the present key's shadows out, as far as they can be told from dark paint; expect traces of edges.",
          group="shadows", neutral=0.0, **UNIT),
    Float("haze", "Haze", "Air between camera and the far end of the scene, lit by the key.",
          group="air", neutral=0.0, **UNIT),
    Float("haze_kelvin", "Haze colour", "Colour temperature of the haze toward the sun.", group="air", **KELVIN),
    Float("specular", "Specular", "Sheen of the new key, added.",
          group="air", neutral=0.0, hard=(0.0, 4.0), soft=(0.0, 1.0)),
    Float("roughness", "Roughness", "0.1 is wet, 0.8 is chalk.",
          group="air", default=0.4, hard=(0.05, 1.0), soft=(0.05, 1.0)),
    Float("sky_stops", "Sky level", "Grade of the sky, which is never shaded.", group="sky", neutral=0.0, **STOPS),
    Float("sky_grade_kelvin", "Sky colour", "Colour temperature the sky is graded to.",
          group="sky", neutral=6500.0, **KELVIN),
    Float("sky_warmth", "Horizon glow", "How much the sky near the horizon takes the key's colour.",
          group="sky", neutral=0.0, **UNIT),
    Float("limit", "Limit", "No pixel departs by more than this from the key's own change of level, either way.",
          group="limits", default=3.0, hard=(0.1, 8.0), soft=(0.5, 6.0), unit="stops"),
    Float("hold_grain", "Hold grain", "With a Denoised plate: keep the plate's grain level where it was lifted.",
          group="limits", default=0.0, **UNIT),
    Bool("to_alpha", "To alpha", "Put the light map into the alpha channel, for hosts with one stream.",
         group="limits", neutral=False, animates=False),
)

CAMERA: tuple[Knob, ...] = (
    Angle("camera_heading", "Camera heading", "Pan since the reference frame, + to the right. Link it to the tracked "
          "camera, and the sun stays put.", group="camera", **CAMERA_TURN),
    Angle("camera_pitch", "Camera pitch", "Tilt since the reference frame, + up.", group="camera", **CAMERA_TURN),
    Angle("camera_roll", "Camera roll", "Roll since the reference frame, + clockwise.", group="camera", **CAMERA_TURN),
)

GEOMETRY: tuple[Knob, ...] = (
    Float("relief", "Relief", "How deep the estimated surface is; Normals and Depth inputs are taken as they are.",
          group="geometry", default=1.0, hard=(0.0, 4.0), soft=(0.0, 2.0)),
    Float("subject_relief", "Subject relief", "How deep what the Matte shows is, on top of Relief; Analyse finds it.",
          group="geometry", default=1.0, hard=(0.0, 4.0), soft=(0.0, 2.0), analysed=True),
    Float("detail", "Fine detail", "How much small folds and textures count as relief.",
          group="geometry", default=0.3, hard=(0.0, 2.0), soft=(0.0, 1.0)),
    Float("auto_sky", "Find the sky", "Without a Sky matte: how much of what looks like open sky is taken as sky.",
          group="geometry", default=1.0, **UNIT),
    Choice("normals_coding", "Normals are", "How the Normals input is coded; x right, y up, z to camera.",
           group="geometry", animates=False, default="signed",
           options=(Option("signed", "-1 to 1"), Option("unsigned", "0 to 1"))),
    Choice("matte_channel", "Mattes are in", "Which channel of Matte, Sky matte and Emissive matte counts.",
           group="geometry", animates=False, default="alpha",
           options=(Option("alpha", "alpha"), Option("red", "red"))),
    Choice("depth_coding", "Depth is", "What greater values of the Depth input mean.",
           group="geometry", animates=False, default="distance",
           options=(Option("distance", "distance (far is greater)"),
                    Option("inverse", "1 / distance (near is greater)"))),
    Float("depth_scale", "Depth against width", "Distance from the nearest to the farthest thing, in picture widths.",
          group="geometry", default=1.0, hard=(0.01, 100.0), soft=(0.1, 5.0)),
    Float("depth_near", "Depth near", "Value of the Depth input at the nearest thing; equal to far: found per frame.",
          group="geometry", hard=(-1e9, 1e9), soft=(0.0, 100.0), analysed=True),
    Float("depth_far", "Depth far", "Value of the Depth input at the farthest thing.",
          group="geometry", hard=(-1e9, 1e9), soft=(0.0, 100.0), analysed=True),
)

PRESENT: tuple[Knob, ...] = (
    Button("analyse", "Analyse shot", "Fits present light, exposure and subject relief once, and writes them.",
           group="present", action="analyse"),
    Int("analyse_first", "From frame", "First frame that Analyse looks at; with both 0, the clip's range.",
        group="present", **FRAME),
    Int("analyse_last", "To frame", "Last frame that Analyse looks at.", group="present", **FRAME),
    Int("analyse_reference", "Reference frame", "The frame whose camera the light is measured in; 0 is the first.",
        group="present", **FRAME),
    Bool("analysed", "Analysed", "Set by Analyse. Off: the light is fitted to each frame, fit for stills only.",
         group="present", animates=False, analysed=True),
    Float("exposure", "Exposure", "Middle of the plate, in stops over 1.0, that the estimation normalises to.",
          group="present", hard=(-30.0, 30.0), soft=(-10.0, 10.0), unit="stops", analysed=True),
    Angle("present_azimuth", "Present azimuth", "Where the plate's own key comes from.",
          group="present", default=PRESENT_AZIMUTH, analysed=True, **AZIMUTH),
    Angle("present_elevation", "Present elevation", "Height of the plate's own key.",
          group="present", default=PRESENT_ELEVATION, analysed=True, **ELEVATION),
    Float("present_ratio", "Present ratio", "(key + fill) : fill as shot.",
          group="present", default=PRESENT_RATIO, analysed=True, **RATIO),
    Float("present_softness", "Present softness", "How soft the plate's own key is.",
          group="present", default=PRESENT_SOFTNESS, **UNIT),
)

SH_NAMES = ("y", "z", "x", "xy", "yz", "zz", "xz", "xx")  # second-order spherical harmonics after the constant
PRESENT_FILL: tuple[Knob, ...] = tuple(
    Float(f"present_fill_{name}", f"Present fill {name}",
          f"Second-order spherical harmonic '{name}' of the fill as shot, against its mean.",
          group="present_fill", hard=(-2.0, 2.0), soft=(-1.0, 1.0), analysed=True)
    for name in SH_NAMES
)
