"""The vocabulary in which a tool is declared once: clips, knobs, passes, presets; data only, standard library only.

From a `Tool` come the OpenFX node, the Nuke gizmo, the CLI flags, the check of every request and the docs page.
Nothing here computes pixels: neutral values, presets and time-of-day curves are tables that each reader walks.
Parameter names are promises: once released they are never renamed, reused or given another meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar


@dataclass(frozen=True)
class SameAs:
    """A value that is whatever the knob `param` has at the same time (neutral values, presets)."""

    param: str


OCTAVES = "octaves"  # the option of a spacing knob that asks for the frames 1, 2, 4, 8, 16 ... away
EVERY = "every"


@dataclass(frozen=True)
class Around:
    """Frames needed of a clip: the time t and its neighbours up to `param` (an Int knob) frames away, both ways.

    `spacing` is a Choice knob with the options `octaves` and `every`; without one it is every frame. A frame before
    the clip's first or after its last is not sent: nothing takes its place.
    """

    param: str
    spacing: str = ""

    def offsets(self, knobs: Mapping[str, Any]) -> tuple[int, ...]:
        """The frames needed, as offsets in ascending order; 0 is among them."""
        reach = max(0, int(knobs[self.param]))
        near = range(1, reach + 1)
        if self.spacing and knobs[self.spacing] == OCTAVES:
            near = [2**octave for octave in range(reach.bit_length())]
        return (*(-distance for distance in reversed(near)), 0, *near)


@dataclass(frozen=True)
class Knob:
    """What every knob has. `affects_render` is False for knobs that only write others or steer the Analyse button."""

    name: str
    label: str
    hint: str
    group: str = ""
    animates: bool = True
    affects_render: bool = True
    analysed: bool = False  # written by the Analyse button, visible and keyable afterwards
    kind: ClassVar[str] = ""


@dataclass(frozen=True)
class Float(Knob):
    """A number. `hard` is what is accepted, `soft` the slider's range, `pixels` marks full-size pixel units."""

    default: float = 0.0
    hard: tuple[float, float] = (-1e9, 1e9)
    soft: tuple[float, float] = (0.0, 1.0)
    neutral: float | SameAs | None = None
    unit: str = ""
    digits: int = 3
    pixels: bool = False
    kind: ClassVar[str] = "float"


@dataclass(frozen=True)
class Angle(Float):
    """Degrees, shown with the host's angle control; wraps nowhere, so that it can be keyed through a full turn."""

    unit: str = "degrees"
    kind: ClassVar[str] = "angle"


@dataclass(frozen=True)
class Int(Knob):
    """A whole number."""

    default: int = 0
    hard: tuple[int, int] = (-(2**31), 2**31 - 1)
    soft: tuple[int, int] = (0, 100)
    neutral: int | SameAs | None = None
    unit: str = ""
    kind: ClassVar[str] = "int"


@dataclass(frozen=True)
class Bool(Knob):
    """A check box."""

    default: bool = False
    neutral: bool | None = None
    policy: str = ""  # the line of a show's policy that has to allow it; empty: every show does
    kind: ClassVar[str] = "bool"


@dataclass(frozen=True)
class Option:
    """One entry of a menu: `name` is what is stored and sent, `label` what is read."""

    name: str
    label: str
    hint: str = ""


@dataclass(frozen=True)
class Choice(Knob):
    """A menu, append-only: options are never reordered, renamed or removed."""

    options: tuple[Option, ...] = ()
    default: str = ""
    neutral: str | None = None
    kind: ClassVar[str] = "choice"

    def names(self) -> tuple[str, ...]:
        """Stored names in menu order."""
        return tuple(option.name for option in self.options)


@dataclass(frozen=True)
class Colour(Knob):
    """An RGB colour in scene-linear ACEScg; travels as three numbers `name.r`, `name.g`, `name.b`."""

    default: tuple[float, float, float] = (1.0, 1.0, 1.0)
    neutral: tuple[float, float, float] | None = None
    kind: ClassVar[str] = "colour"


@dataclass(frozen=True)
class String(Knob):
    """Text. `mode` is 'line', 'file' or 'label' (read-only, written by the node itself)."""

    default: str = ""
    mode: str = "line"
    longest: int = 4096  # characters
    neutral: str | None = None
    animates: bool = False
    kind: ClassVar[str] = "string"


@dataclass(frozen=True)
class Button(Knob):
    """A push button; `action` names what the node does: 'analyse'."""

    action: str = ""
    animates: bool = False
    affects_render: bool = False
    kind: ClassVar[str] = "button"


@dataclass(frozen=True)
class Group:
    """A fold of knobs in the panel."""

    name: str
    label: str
    hint: str = ""
    open: bool = True


@dataclass(frozen=True)
class Clip:
    """An input. `data` clips (normals, depth, mattes) are never colour transformed. `mask` clips stay in the node.

    A black frame of a `sparse` clip (hand-drawn mattes) says as much as none, and is not sent. One that `acts` gives
    the tool work to do although every knob is at its neutral value.
    """

    name: str
    label: str
    hint: str
    optional: bool = True
    data: bool = False
    mask: bool = False
    sparse: bool = False
    acts: bool = False
    frames: Around | None = None  # None: only the frame being rendered


@dataclass(frozen=True)
class Pass:
    """Something the node can put out; the first of a tool is always `result`, which mask and mix lay over the plate.

    `neutral` is what every other pass is where the tool does nothing: mask and mix lead there. Without one (normals,
    depth) there is no such value, and mask and mix leave the pass alone.
    """

    name: str
    label: str
    hint: str
    data: bool = False
    neutral: float | None = None


@dataclass(frozen=True)
class Preset:
    """An entry of a menu of starting points: values written into knobs, in one undo; afterwards the knobs rule."""

    name: str
    label: str
    hint: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))


@dataclass(frozen=True)
class Ramp:
    """Knobs written from one number: linear between `stops`, held beyond the ends (time of day)."""

    param: str
    stops: tuple[tuple[float, Mapping[str, float]], ...]


@dataclass(frozen=True)
class Presets:
    """The menu knob `param` with its entries, and optional ramps; both only write knobs."""

    param: str
    entries: tuple[Preset, ...]
    ramps: tuple[Ramp, ...] = ()


@dataclass(frozen=True)
class Analysis:
    """What of a shot the Analyse button sends: `frames` spread over the range, every one of a range that is shorter.

    Where `longest` is given, pictures are made smaller by a whole factor until neither side is longer, as a proxy is.
    """

    frames: int = 9
    longest: int = 0


@dataclass(frozen=True)
class Tool:
    """One node: everything about it that is not computation."""

    id: str
    version: int
    label: str
    hint: str
    clips: tuple[Clip, ...]
    knobs: tuple[Knob, ...]
    passes: tuple[Pass, ...]
    groups: tuple[Group, ...] = ()
    presets: Presets | None = None
    analysis: Analysis = Analysis()
    analysed_flag: str = ""  # Bool knob that says the shot was analysed; "" where the tool needs no analysis
    alpha_knob: str = ""  # Bool knob that lets the result write the alpha channel; "": alpha is always the plate's
    exposure_equivariant: bool = True  # 2x exposure in gives 2x out
    starts_neutral: bool = True  # False: dropped on a plate, it works
    options: int = 1  # number of candidates the Option knob picks from
    shipped: bool = True  # False: exists for tests only, not in a host's menu

    @property
    def identifier(self) -> str:
        """The OpenFX plug-in identifier."""
        return f"org.onelight.{self.id}"

    def all_knobs(self) -> Iterator[Knob]:
        """The tool's own knobs, then the common ones, in panel order."""
        yield from self.knobs
        yield from COMMON

    def render_knobs(self) -> Iterator[Knob]:
        """The tool's own knobs that travel with a frame."""
        return (knob for knob in self.knobs if knob.affects_render and not isinstance(knob, Button))

    def knob(self, name: str) -> Knob:
        """The knob of that name; KeyError where there is none."""
        for knob in self.all_knobs():
            if knob.name == name:
                return knob
        raise KeyError(name)

    def clip(self, name: str) -> Clip:
        """The clip of that name; KeyError where there is none."""
        for clip in self.clips:
            if clip.name == name:
                return clip
        raise KeyError(name)


SOURCE = Clip("Source", "Source", "The plate.", optional=False)
MASK = Clip("Mask", "Mask", "Where the result is used; its alpha (or its only channel) counts.", data=True, mask=True)

RESULT = Pass("result", "Result", "The plate with the tool's work applied.")

COLOUR_SPACES = (
    Option("unset", "Choose the input colour space", "The plate passes through until its space is known."),
    Option("acescg", "ACEScg", "Scene-linear, AP1 primaries: what Nuke works in under an ACES config."),
    Option("aces2065_1", "ACES2065-1", "Scene-linear, AP0 primaries: interchange EXRs."),
    Option("lin_rec709", "Linear Rec.709 (sRGB)", "Scene-linear: what Nuke works in without OpenColorIO."),
    Option("acescct", "ACEScct"),
    Option("logc3", "ARRI LogC3 (EI800)"),
    Option("logc4", "ARRI LogC4"),
    Option("slog3", "Sony S-Log3 S-Gamut3.Cine"),
    Option("vlog", "Panasonic V-Log V-Gamut"),
    Option("log3g10", "RED Log3G10 REDWideGamutRGB"),
    Option("canonlog2", "Canon Log 2 Cinema Gamut D55"),
    Option("canonlog3", "Canon Log 3 Cinema Gamut D55"),
    Option("bmdfilm5", "Blackmagic Film Wide Gamut Gen 5"),
    Option("davinci", "DaVinci Intermediate Wide Gamut"),
    Option("srgb", "sRGB display"),
    Option("rec1886", "Rec.1886 Rec.709 display"),
    Option("named", "Named in the config", "The space whose name stands in 'Space name'."),
    Option("host", "As the host says", "The space the host declares for the clip (OpenFX 1.5 colour management)."),
)

COMMON_GROUPS = (
    Group("colour", "Colour", "Which space the plate is in.", open=False),
    Group("model", "Show and server", "Which production's model works, and where.", open=False),
)

COMMON: tuple[Knob, ...] = (
    Choice(
        "colourspace",
        "Input space",
        "The plate's own colour space. The result comes back in the same space.",
        group="colour",
        animates=False,
        options=COLOUR_SPACES,
        default="acescg",
    ),
    String(
        "colourspace_name",
        "Space name",
        "Any colour space of the OpenColorIO config by name, used when Input space is 'Named in the config'.",
        group="colour",
    ),
    Choice(
        "premult",
        "(Un)premult",
        "Divide by alpha before the work and multiply after it.",
        group="colour",
        animates=False,
        options=(Option("none", "none"), Option("premultiplied", "Source is premultiplied")),
        default="none",
    ),
    String(
        "show",
        "Show",
        "The production whose model works here; 'base' is the one every show starts from.",
        group="model",
        default="base",
    ),
    String(
        "version",
        "Version",
        "The exact model version, such as v003. Empty: the show's default, refused by a background render of a show.",
        group="model",
    ),
    Button(
        "update_version",
        "Update",
        "Takes the model version that the show has approved: writes Version, and changes nothing else.",
        group="model",
        action="update",
    ),
    String(
        "server",
        "Server",
        "host:port, tls:host:port or unix:/path. Empty: the server of this machine, started when needed.",
        group="model",
    ),
    Float(
        "timeout",
        "Time limit",
        "Seconds after which a frame counts as failed.",
        group="model",
        animates=False,
        default=120.0,
        hard=(0.1, 86400.0),
        soft=(5.0, 600.0),
        unit="s",
        digits=1,
    ),
    Bool(
        "source_on_error",
        "Show source on error",
        "In the viewer, show the plate instead of an error. A background render always fails.",
        group="model",
        animates=False,
    ),
    Int(
        "option",
        "Option",
        "Which of the candidates to show, where the tool offers several.",
        default=1,
        hard=(1, 64),
        soft=(1, 4),
    ),
    Choice("output", "Output", "The result, or one of the passes it is made of.", animates=False, default="result"),
    Bool("use_mask", "Use mask", "Limit the result to the Mask input.", default=True, animates=False),
    Bool("invert_mask", "Invert mask", "Use the outside of the mask.", animates=False),
    Float("mix", "Mix", "0 is the plate, 1 the result.", default=1.0, hard=(0.0, 1.0), soft=(0.0, 1.0), neutral=0.0),
    String("status", "Status", "What the node last did or needs.", group="model", mode="label"),
    String(
        "digest",
        "Model digest",
        "Fingerprint of the model that Version resolved to; part of the host's cache key.",
        group="model",
        mode="label",
    ),
)
