"""Draws a look, or two beside each other, as one page of plots that a cinematographer reads at a glance."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from onelight.errors import RequestError
from onelight.look import summary
from onelight.look.fingerprint import Look
from onelight.look.grain import regrain
from onelight.look.numbers import Curve
from onelight.look.tone import DARKEST, GREY

SIZE, DPI = (19.2, 10.8), 100
BACK, PANEL, GRID, TEXT, DIM = "#18181a", "#202023", "#3a3a3e", "#d8d8dc", "#8c8c94"
CHANNELS = {"red": "#f0625f", "green": "#63c46b", "blue": "#5f9df5"}
OTHERS = {"red": "#a83f3d", "green": "#3d8043", "blue": "#3b66a6"}
BOTH = ("#f0a83c", "#4fc3d9")  # the first look and the second, where there are no channels
SWATCH = 96  # pixels of grain that are shown, each as a square


def draw(looks: Mapping[str, Look]) -> np.ndarray:
    """One or two looks by name as an 8-bit RGB picture [1080, 1920, 3]. RequestError for any other count.

    Bands are 95 % intervals. A measurement that the footage could not tell shows why.
    """
    if not 1 <= len(looks) <= 2:
        raise RequestError(f"A page shows one look or two beside each other; {len(looks)} were given.")
    figure = Figure(SIZE, DPI, facecolor=BACK)
    grid = figure.add_gridspec(2, 4, left=0.045, right=0.985, top=0.85, bottom=0.07, wspace=0.22, hspace=0.45)
    panels = (_tone, _vignette, _fringes, _bloom, _grain, _spectrum, _swatch, _skin)
    names = ("tone", "vignette", "fringes", "bloom", "grain", "grain", "grain", "skin")
    for index, (panel, name) in enumerate(zip(panels, names, strict=True)):
        axes = figure.add_subplot(grid[index // 4, index % 4])
        _dress(axes)
        told = [(n, look) for n, look in enumerate(looks.values()) if getattr(look, name) is not None]
        panel(axes, told)
        if not told:
            _untold(axes, next(iter(looks.values())).why.get(name, ""))
        elif len(told) < len(looks):
            missing = list(looks)[1 - told[0][0]]
            axes.text(0.5, -0.17, f"{missing}: not told", transform=axes.transAxes, color=DIM, ha="center", fontsize=9)
    _header(figure, looks)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])


def _header(figure: Figure, looks: Mapping[str, Look]) -> None:
    for index, (name, look) in enumerate(looks.items()):
        x = 0.02 + 0.5 * index
        colour = TEXT if len(looks) == 1 else BOTH[index]
        figure.text(x, 0.955, name if len(name) < 50 else name[:47] + "…", color=colour, fontsize=20, weight="bold")
        plural = "s" * (look.clips != 1)
        size = " x ".join(map(str, look.picture))
        told = (
            f"{look.clips} clip{plural}, {look.frames} frames of {size}; scene-linear ACEScg; bands are 95 % intervals"
        )
        figure.text(x, 0.93, told, color=DIM, fontsize=10)


def _dress(axes: Axes) -> None:
    axes.set_facecolor(PANEL)
    axes.tick_params(colors=DIM, labelsize=9)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_color(GRID)


def _title(axes: Axes, name: str, looks: list[tuple[int, Look]], measurement: str = "", which: str = "") -> None:
    """The name, and under it what each look's figures of that measurement whose names have `which` in them say."""
    axes.set_title(name, color=TEXT, fontsize=13, loc="left", pad=16 + 14 * max(1, len(looks)), weight="bold")
    for index, (number, look) in enumerate(looks):
        told = [one for one in summary.figures(look) if one.measurement == measurement and which in one.name]
        line = "; ".join(f"{figure.name} {figure}" for figure in told)
        colour = BOTH[number] if len(looks) > 1 else TEXT
        height = 1.03 + 0.055 * (len(looks) - 1 - index)
        axes.text(0, height, line, transform=axes.transAxes, color=colour, fontsize=8)


def _untold(axes: Axes, why: str) -> None:
    for side in (axes.xaxis, axes.yaxis):
        side.set_visible(False)
    axes.grid(False)
    text = "\n".join(textwrap.wrap(why, 40))
    axes.text(0.5, 0.56, "not told", transform=axes.transAxes, color=DIM, ha="center", fontsize=15)
    axes.text(0.5, 0.5, text, transform=axes.transAxes, color=DIM, ha="center", va="top", fontsize=10)


def _line(
    axes: Axes, x: np.ndarray, curve: Curve, colour: str, scale: float | np.ndarray = 1.0, dashed: bool = False
) -> None:
    value, error = np.array(curve.value) * scale, np.array(curve.error) * scale
    axes.plot(x, value, color=colour, linewidth=1.8, linestyle="--" if dashed else "-")
    axes.fill_between(x, value - error, value + error, color=colour, alpha=0.18, linewidth=0)


def _labels(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, color=DIM, fontsize=9)
    axes.set_ylabel(y, color=DIM, fontsize=9)


def _tone(axes: Axes, looks: list[tuple[int, Look]]) -> None:
    _title(axes, "Tone", looks, "tone", "middle")
    _labels(axes, "stops from middle grey", "share of pixels, %")
    low, high = 0.0, 0.0
    for index, look in looks:
        assert look.tone is not None
        profile = np.array(look.tone.profile) * 100
        places = DARKEST + 0.5 * np.arange(len(profile))
        axes.bar(places, profile, 0.46, align="edge", color=BOTH[index], alpha=0.75 if len(looks) == 1 else 0.5)
        for percentile in (5, 50, 95):
            axes.axvline(look.tone.stops.read(percentile), color=BOTH[index], linewidth=1, linestyle=":")
        low = min(low, look.tone.stops.read(1) - 1)
        high = max(high, look.tone.stops.read(99) + 1)
    if looks:
        axes.set_xlim(low, high)
        axes.axvline(0, color=TEXT, linewidth=0.8)
        axes.text(0, axes.get_ylim()[1] * 0.985, " grey", color=TEXT, fontsize=8, va="top")


def _vignette(axes: Axes, looks: list[tuple[int, Look]]) -> None:
    _title(axes, "Vignette", looks, "vignette")
    _labels(axes, "from the middle (0) to the corner (1)", "stops lost")
    for index, look in looks:
        assert look.vignette is not None
        _line(axes, np.array(look.vignette.loss.at), look.vignette.loss, BOTH[index])
    if looks:
        low = min(-1.0, *(min(v.loss.value) - max(v.loss.error) for _, k in looks if (v := k.vignette)))
        axes.set_ylim(low, 0.5)
        axes.axhline(0, color=TEXT, linewidth=0.8)


def _fringes(axes: Axes, looks: list[tuple[int, Look]]) -> None:
    _title(axes, "Colour fringes", looks, "fringes")
    _labels(axes, "from the middle (0) to the corner (1)", "pixels outside of green")
    far = 1.0
    for index, look in looks:
        assert look.fringes is not None
        half = float(np.hypot(*look.picture)) / 2000
        for name, curve in (("red", look.fringes.red), ("blue", look.fringes.blue)):
            _line(axes, np.array(curve.at), curve, _colour(name, index), half, dashed=index > 0)
            far = max(far, (abs(curve.value[-1]) + curve.error[-1]) * half * 1.1)
    if looks:
        axes.set_ylim(-far, far)
        axes.axhline(0, color=CHANNELS["green"], linewidth=1)


def _bloom(axes: Axes, looks: list[tuple[int, Look]]) -> None:
    _title(axes, "Bloom", looks, "bloom", "green")
    _labels(axes, "distance from a highlight, % of the height", "% of its light that falls farther")
    for index, look in looks:
        assert look.bloom is not None
        for name in CHANNELS:
            curve: Curve = getattr(look.bloom, name)
            _line(axes, np.array(curve.at) * 100, curve, _colour(name, index), 100, dashed=index > 0)
    if looks:
        axes.set_ylim(0, max(1.0, axes.get_ylim()[1]))
        axes.set_xscale("log")
        axes.set_xticks([1, 2, 5, 10], labels=["1", "2", "5", "10"])
        axes.minorticks_off()


def _grain(axes: Axes, looks: list[tuple[int, Look]]) -> None:
    _title(axes, "Grain over level", looks, "grain", "at")
    _labels(axes, "stops from middle grey", "sigma, % of the light there")
    for index, look in looks:
        assert look.grain is not None
        for name in CHANNELS:
            curve: Curve = getattr(look.grain, name)
            at = np.array(curve.at)
            _line(axes, np.log2(at / GREY), curve, _colour(name, index), 100 / at, dashed=index > 0)
    if looks:
        axes.set_ylim(bottom=0)


def _spectrum(axes: Axes, looks: list[tuple[int, Look]]) -> None:
    _title(axes, "Grain spectrum", looks, "grain", "width")
    _labels(axes, "cycles a pixel (coarse to fine)", "power over white noise's")
    for index, look in looks:
        assert look.grain is not None
        _line(axes, np.array(look.grain.spectrum.at), look.grain.spectrum, BOTH[index])
    if looks:
        axes.set_ylim(0, max(2.0, axes.get_ylim()[1]))
        axes.axhline(1, color=TEXT, linewidth=0.8)


def _swatch(axes: Axes, looks: list[tuple[int, Look]]) -> None:
    _title(axes, "Grain made anew", looks)
    axes.grid(False)
    for side in (axes.xaxis, axes.yaxis):
        side.set_visible(False)
    shown = []
    for _, look in looks:
        assert look.grain is not None
        level = float(np.clip(GREY, look.grain.green.at[0], look.grain.green.at[-1]))
        made = regrain(look.grain).field(
            (SWATCH, SWATCH // len(looks)), 1, np.full((SWATCH, SWATCH // len(looks)), level)
        )
        shown.append(np.clip((1 + made / level) * GREY, 0, 1) ** (1 / 2.4))
    if shown:
        axes.imshow(np.concatenate(shown, axis=1), interpolation="nearest", vmin=0, vmax=1)
        told = f"{SWATCH} x {SWATCH} pixels on grey, as strong as measured"
        axes.text(0, 1.03, told, transform=axes.transAxes, color=TEXT, fontsize=8)


def _skin(axes: Axes, looks: list[tuple[int, Look]]) -> None:
    _title(axes, "Skin locus", looks, "skin", "over")
    if not looks:
        return
    _labels(axes, "blue over green, stops", "red over green, stops")
    low, high = np.array([-2.0, -0.6]), np.array([0.6, 2.0])
    x, y = np.meshgrid(np.linspace(low[0], high[0], 160), np.linspace(low[1], high[1], 160))
    colours = np.stack([np.exp2(y), np.ones_like(x), np.exp2(x)], axis=-1)
    colours = (colours / colours.max(axis=-1, keepdims=True) * 0.55) ** (1 / 2.4)
    axes.imshow(colours, extent=(low[0], high[0], low[1], high[1]), origin="lower", aspect="auto", alpha=0.55)
    axes.grid(False)
    for index, look in looks:
        assert look.skin is not None
        skin = look.skin
        a, b = skin.spread
        turned = np.array([[b * b, skin.tilt * a * b], [skin.tilt * a * b, a * a]])
        values, vectors = np.linalg.eigh(turned)
        angle = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
        wide, narrow = 4 * np.sqrt(np.maximum(values[::-1], 1e-8))
        centre = (skin.colour[1], skin.colour[0])
        axes.add_patch(Ellipse(centre, wide, narrow, angle=angle, fill=False, edgecolor=BOTH[index], linewidth=2))
        axes.errorbar(*centre, skin.colour_error[0], skin.colour_error[1], color=BOTH[index], marker="o", markersize=4)
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.plot(0, 0, "+", color=TEXT, markersize=10)
    axes.text(0.04, 0.04, "neutral", color=TEXT, fontsize=8)


def _colour(channel: str, look: int) -> str:
    return (CHANNELS, OTHERS)[look][channel]
