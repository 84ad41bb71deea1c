"""Relight's starting points: a menu and a clock that only write knobs, as one undo."""

from onelight.spec import Choice, Float, Knob, Option, Preset, Presets, Ramp, SameAs

# fmt: off
_AS_SHOT: dict[str, float | SameAs] = {
    "key_azimuth": SameAs("present_azimuth"), "key_elevation": SameAs("present_elevation"),
    "key_softness": SameAs("present_softness"), "fill_ratio": SameAs("present_ratio"),
    "key_stops": 0.0, "key_kelvin": 6500.0, "key_tint": 0.0, "fill_kelvin": 6500.0, "fill_tint": 0.0,
    "sky_fill": 0.0, "sky_kelvin": 9500.0, "rim": 0.0, "rim_kelvin": 6500.0, "shadow_density": 0.0,
    "shadow_softness": 4.0, "lift_shadows": 0.0, "haze": 0.0, "haze_kelvin": 6500.0, "specular": 0.0,
    "sky_stops": 0.0, "sky_grade_kelvin": 6500.0, "sky_warmth": 0.0,
}


def _preset(name: str, label: str, hint: str, **values: float) -> Preset:
    return Preset(name, label, hint, {**_AS_SHOT, **values})


_CLOCK_KNOBS = (
    "key_azimuth", "key_elevation", "key_kelvin", "key_stops", "key_softness", "fill_ratio", "fill_kelvin", "sky_fill",
    "shadow_density", "shadow_softness", "haze", "haze_kelvin", "sky_stops", "sky_grade_kelvin", "sky_warmth",
)
_CLOCK = {  # hour: a value for each of _CLOCK_KNOBS; the sun rises at camera left and sets at camera right
    0.0: (-60.0, 45.0, 9500.0, -3.0, 0.15, 7.0, 11000.0, 0.0, 0.6, 2.0, 0.0, 9000.0, -3.5, 12000.0, 0.0),
    5.0: (-70.0, 6.0, 9000.0, -2.6, 0.8, 1.5, 12000.0, 0.7, 0.1, 8.0, 0.12, 11000.0, -2.0, 11000.0, 0.2),
    6.5: (-65.0, 8.0, 3300.0, 0.4, 0.25, 5.0, 10000.0, 0.25, 0.55, 6.0, 0.15, 3800.0, -0.6, 5600.0, 0.8),
    9.0: (-50.0, 35.0, 5600.0, 0.0, 0.15, 4.0, 7500.0, 0.2, 0.6, 2.0, 0.06, 5800.0, 0.0, 6500.0, 0.1),
    12.0: (0.0, 70.0, 6300.0, 0.3, 0.08, 6.0, 8000.0, 0.15, 0.7, 1.0, 0.0, 6500.0, 0.0, 6500.0, 0.0),
    15.5: (45.0, 38.0, 5700.0, 0.0, 0.15, 4.5, 7600.0, 0.2, 0.65, 2.0, 0.04, 5600.0, 0.0, 6300.0, 0.1),
    18.5: (60.0, 10.0, 3100.0, 0.7, 0.25, 6.0, 10500.0, 0.2, 0.6, 5.0, 0.1, 3800.0, -0.4, 5600.0, 0.8),
    20.0: (70.0, 4.0, 8500.0, -2.2, 0.9, 1.4, 12000.0, 0.8, 0.1, 8.0, 0.12, 11000.0, -1.6, 11000.0, 0.3),
    22.0: (-60.0, 45.0, 9500.0, -3.0, 0.15, 7.0, 11000.0, 0.0, 0.6, 2.0, 0.0, 9000.0, -3.5, 12000.0, 0.0),
}
# what else a preset may have left behind
_CLOCK_RESET = {
    name: value for name, value in _AS_SHOT.items() if name not in _CLOCK_KNOBS and isinstance(value, float)
}


def _at(values: tuple[float, ...]) -> dict[str, float]:
    return {**_CLOCK_RESET, **dict(zip(_CLOCK_KNOBS, values, strict=True))}


PRESETS = Presets(
    param="preset",
    entries=(
        _preset("as_shot", "As shot", "Every light knob back to the plate's own light."),
        _preset("golden_hour", "Golden hour", "Low warm key from the right, cooler sky fill, long soft shadows, haze.",
                key_azimuth=60.0, key_elevation=10.0, key_softness=0.25, key_stops=0.7, key_kelvin=3100.0,
                key_tint=0.3, fill_ratio=6.0, fill_kelvin=10500.0, sky_fill=0.2, sky_kelvin=11000.0,
                shadow_density=0.6, shadow_softness=5.0, lift_shadows=0.2, haze=0.1, haze_kelvin=3800.0,
                specular=0.12, sky_stops=-0.4, sky_grade_kelvin=5600.0, sky_warmth=0.8),
        _preset("blue_hour", "Blue hour", "The sun is down: soft cold sky, no key to speak of.",
                key_elevation=20.0, key_softness=1.0, key_stops=-2.2, key_kelvin=11000.0, fill_ratio=1.3,
                fill_kelvin=12000.0, sky_fill=0.8, sky_kelvin=14000.0, lift_shadows=0.5, haze=0.12,
                haze_kelvin=12000.0, sky_stops=-1.6, sky_grade_kelvin=11000.0),
        _preset("overcast", "Overcast", "Cloud cover: the whole sky is the source.",
                key_elevation=75.0, key_softness=1.0, key_stops=-0.8, key_kelvin=6900.0, fill_ratio=1.25,
                fill_kelvin=7000.0, sky_fill=0.6, sky_kelvin=7200.0, lift_shadows=0.7, haze=0.1, haze_kelvin=7000.0,
                sky_stops=-0.2, sky_grade_kelvin=6800.0),
        _preset("noon", "Noon", "High hard sun, short dense shadows.",
                key_elevation=72.0, key_softness=0.08, key_stops=0.3, key_kelvin=6300.0, fill_ratio=6.0,
                fill_kelvin=8000.0, sky_fill=0.15, shadow_density=0.7, shadow_softness=1.0, specular=0.08),
        _preset("moonlight", "Moonlight", "Cold hard key, far down, almost no fill.",
                key_azimuth=-60.0, key_elevation=50.0, key_softness=0.15, key_stops=-3.0, key_kelvin=9500.0,
                fill_ratio=7.0, fill_kelvin=11000.0, shadow_density=0.6, shadow_softness=2.0, specular=0.15,
                sky_stops=-3.5, sky_grade_kelvin=12000.0),
    ),
    ramps=(
        Ramp("time_of_day", tuple((hour, _at(values)) for hour, values in (*_CLOCK.items(), (24.0, _CLOCK[0.0])))),
    ),
)

START: tuple[Knob, ...] = (
    Choice("preset", "Start from", "Writes the light knobs, in one undo; afterwards the knobs rule.",
           group="start", animates=False, affects_render=False, default="as_shot",
           options=tuple(Option(entry.name, entry.label, entry.hint) for entry in PRESETS.entries)),
    Float("time_of_day", "Time of day", "Hours; writes the light knobs, in one undo.",
          group="start", animates=False, affects_render=False, default=12.0, hard=(0.0, 24.0), soft=(0.0, 24.0),
          unit="h", digits=2),
)
