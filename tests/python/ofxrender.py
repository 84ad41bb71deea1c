"""One render as a host goes about it: preferences, regions, frames needed, identity, begin, render, end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ofxframes import Plate, Window, crop, shrink

if TYPE_CHECKING:
    from ofxhost import Host

OK, REPLY_DEFAULT = 0, 14


@dataclass
class Rendered:
    """What one render did: the plug-in's status, its pixels as the plug-in left them, and how it came to them."""

    status: int
    image: np.ndarray
    window: Window
    unwritten: int = 0  # pixels of the window that the plug-in never wrote
    identity: tuple[str, float] | None = None
    seconds: float = 0.0


class RenderFailed(Exception):
    """The plug-in answered something else than OK. `rendered` holds what it wrote all the same."""

    def __init__(self, rendered: Rendered, messages: list[str]) -> None:
        super().__init__(f"status {rendered.status}; messages: {messages}")
        self.rendered = rendered
        self.messages = messages


def render_once(
    host: Host,
    effect: Any,
    plates: Mapping[str, Plate],
    time: float,
    window: Window | None,
    scale: float,
    *,
    interactive: bool | None = None,
    sequence: tuple[float, float] | None = None,
    ask_identity: bool = True,
) -> Rendered:
    """Every question a host asks before a render, in this host's way, then the render of one window.

    Unless `interactive` says otherwise, it is for a viewer where the host has one and no sequence is rendered.
    """
    if interactive is None:
        interactive = sequence is None and not host.personality.is_background
    plate: Plate = plates["Source"]
    preferences = effect.preferences()
    x1, y1, x2, y2 = effect.region_of_definition(time, scale, scale)
    region: Window = host.module.pixels((x1, y1, x2, y2), scale, scale, plate.format.pixel_aspect)
    window = region if window is None else window
    effect.regions_of_interest(time, scale, scale, (x1, y1, x2, y2))
    request = host.module.RenderRequest()
    request.time, request.window, request.scale_x, request.scale_y = time, window, scale, scale
    request.interactive, request.sequential = interactive, sequence is not None
    layout = host.module.ImageFormat()
    layout.depth, layout.components = preferences["depths"]["Output"], preferences["components"]["Output"]
    layout.premultiplication = preferences["premultiplication"]
    layout.pixel_aspect, layout.row_padding = plate.format.pixel_aspect, plate.format.row_padding
    layout.negative_rows, layout.misaligned = plate.format.negative_rows, plate.format.misaligned
    request.format = layout
    if host.personality.calls_frames_needed:
        request.frames_needed = effect.frames_needed(time)
    identity = effect.identity(request) if ask_identity else None
    if identity:
        clip, at = identity
        of = plates[clip]
        pixels, bounds = shrink(of.pixels(at), of.bounds, scale)
        return Rendered(OK, crop(pixels, bounds, window), window, identity=identity)
    span = sequence or (time, time)
    effect.sequence("OfxImageEffectActionBeginSequenceRender", span, 1.0, request)
    status, image, unwritten, seconds = effect.render(request)
    effect.sequence("OfxImageEffectActionEndSequenceRender", span, 1.0, request)
    return Rendered(status, image.pixels(window), window, unwritten, seconds=seconds)
