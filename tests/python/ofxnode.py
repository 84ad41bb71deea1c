"""Nodes of the OpenFX test host: knobs with keyframes, clips, renders, what the plug-in said."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from ofxframes import COMPONENTS, DEPTHS, PREMULTIPLICATION, Frames, Plate, Window, first_frame
from ofxknobs import native_value, store
from ofxrender import OK, REPLY_DEFAULT, Rendered, RenderFailed, render_once

if TYPE_CHECKING:
    from ofxhost import Host


class Node:
    """One node in the graph. Where the host makes an instance for every frame, only the settings live here."""

    def __init__(self, host: Host, identifier: str) -> None:
        self.host = host
        self.identifier = identifier
        self.last: Rendered | None = None
        self._described = host.describe(identifier)
        self.description: dict[str, Any] = self._described.describe()
        self._per_frame: bool = host.personality.instance_per_frame
        self._effect = None if self._per_frame else host.create(self._described)
        self._knobs: dict[str, Any] = {}
        self._plates: dict[str, tuple[Plate, Any]] = {}
        self._live: list[Any] = [self._effect] if self._effect else []
        self._messages: list[tuple[str, str, str]] = []
        self._aborted = False
        self._lock = threading.Lock()

    # Clips

    def connect(
        self,
        clip: str,
        frames: Frames,
        *,
        bounds: Window | None = None,
        depth: str = "float",
        components: str | None = None,
        row_padding: int | None = None,
        negative_rows: bool | None = None,
        premult: str = "premultiplied",
        pixel_aspect: float = 1.0,
        span: tuple[float, float] = (1, 100),
        colourspace: str = "",
    ) -> None:
        """Connect frames: one array for all times, {time: array} (ends held), or a function of time."""
        first = first_frame(frames)
        channels = 1 if first.ndim == 2 else first.shape[2]
        components = components or {n: name for name, (_, n) in COMPONENTS.items()}[channels]
        personality = self.host.personality
        if DEPTHS[depth][0] not in personality.depths:
            raise ValueError(f"{personality.label} has no {depth} images.")
        layout = self.host.module.ImageFormat()
        layout.depth, layout.components = DEPTHS[depth][0], COMPONENTS[components][0]
        layout.premultiplication, layout.pixel_aspect = PREMULTIPLICATION[premult], pixel_aspect
        layout.row_padding = personality.row_padding if row_padding is None else row_padding
        layout.negative_rows = personality.negative_rows if negative_rows is None else negative_rows
        layout.misaligned = personality.misaligned
        if layout.components not in self.description["clips"][clip]["OfxImageEffectPropSupportedComponents"]:
            raise ValueError(f"Clip {clip} of {self.identifier} takes no {components}.")
        setup = self.host.module.ClipSetup()
        setup.connected, setup.format, setup.colourspace = True, layout, colourspace
        setup.bounds = bounds or (0, 0, first.shape[1], first.shape[0])
        setup.frames = span
        plate = Plate(frames, depth, components, setup.bounds, span, self.host.module, layout, personality.guards)
        self._plates[clip] = (plate, setup)
        for effect in self._live:
            effect.connect(clip, setup, plate.image)
            effect.changed("OfxTypeClip", clip, "OfxChangeUserEdited", effect.timeline)

    def disconnect(self, clip: str) -> None:
        self._plates.pop(clip, None)
        for effect in self._live:
            effect.connect(clip, self.host.module.ClipSetup())
            effect.changed("OfxTypeClip", clip, "OfxChangeUserEdited", effect.timeline)

    def asked(self, clip: str) -> list[float]:
        """Times of this clip that the plug-in fetched."""
        return self._plates[clip][0].asked

    @property
    def plates(self) -> dict[str, Plate]:
        """What is connected, by clip."""
        return {clip: plate for clip, (plate, _) in self._plates.items()}

    # Knobs

    def set(self, knob: str, value: Any) -> None:
        """A user's edit: a value, or {time: value} keyframes. Menus by option label, by spec name or by index."""
        param = self.description["params"][knob]
        if self.host.personality.secret_not_settable and param["OfxParamPropSecret"]:
            raise ValueError(f"{self.host.personality.label} sets no hidden parameter, and {knob} is one.")
        if isinstance(value, Mapping):
            value = {float(t): native_value(self.identifier, param, knob, v) for t, v in value.items()}
        else:
            value = native_value(self.identifier, param, knob, value)
        self._knobs[knob] = value
        for effect in self._live:
            store(effect, knob, value)
            effect.changed("OfxTypeParameter", knob, "OfxChangeUserEdited", effect.timeline)

    def value(self, knob: str, time: float = 1) -> Any:
        return self._one().value(knob, float(time))

    def keys(self, knob: str) -> dict[float, Any]:
        return self._one().keys(knob)

    def is_secret(self, knob: str) -> bool:
        return self._one().is_secret(knob)

    def press(self, button: str, time: float = 1) -> None:
        """Push a button. The thread returns when the plug-in is done."""
        if not self.host.personality.has_push_buttons:
            raise ValueError(f"{self.host.personality.label} shows no push buttons.")
        effect = self._one()
        effect.timeline = float(time)
        effect.changed("OfxTypeParameter", button, "OfxChangeUserEdited", float(time))

    @property
    def undo(self) -> list[tuple[str, list[str]]]:
        """Undo steps the plug-in made: (label, knobs as edited)."""
        return self._one().undo()

    # Rendering

    def prefetch(self, time: float) -> None:
        """Have every clip's image of that time ready, so that a timed render does not wait for it."""
        for plate in self.plates.values():
            plate.image(float(time), 1.0, 1.0)

    def render(self, time: float, window: Window | None = None, scale: float = 1.0, **options: Any) -> np.ndarray:
        """One frame: [height, width, channels] of the window, in the source's depth, as the viewer shows it.

        `interactive=True` and `sequence=(first, last)` describe the render; `ask_identity=False` skips that question.
        Raises RenderFailed unless the plug-in answered OK; `last` says more.
        """
        rendered = self.render_any(time, window, scale, **options)
        if rendered.status not in (OK, REPLY_DEFAULT):
            raise RenderFailed(rendered, self.messages)
        if self.host.personality.clamps_result and np.issubdtype(rendered.image.dtype, np.floating):
            return np.clip(rendered.image, 0, 1)
        return rendered.image

    def render_any(self, time: float, window: Window | None = None, scale: float = 1.0, **options: Any) -> Rendered:
        """As `render`, without judging the status."""
        with self._instance() as effect:
            rendered = render_once(self.host, effect, self.plates, float(time), window, scale, **options)
        self.last = rendered
        return rendered

    def render_threads(self, times: Iterable[float], n: int = 4, **options: Any) -> dict[float, np.ndarray]:
        """Frames rendered from n threads at once: on one instance, or each on its own as this host does."""
        safety = self.description["properties"]["OfxImageEffectPluginRenderThreadSafety"]
        if not self._per_frame and safety != "OfxImageEffectRenderFullySafe":
            n = 1
        times = list(times)
        with ThreadPoolExecutor(n) as pool:
            return dict(zip(times, pool.map(lambda t: self.render(t, **options), times), strict=True))

    def identity(self, time: float, window: Window | None = None) -> tuple[str, float] | None:
        """What IsIdentity answers: (clip, time) or None."""
        request = self.host.module.RenderRequest()
        request.time, request.window = float(time), window or self._plates["Source"][1].bounds
        with self._instance() as effect:
            return effect.identity(request)

    def abort(self, after: float | threading.Event | None = None) -> None:
        """The user interrupts: now, after seconds, or when an event is set. `resume` ends it."""

        def press() -> None:
            if isinstance(after, threading.Event):
                after.wait(60)
            self._set_aborted(True)

        if after is None:
            press()
        elif isinstance(after, threading.Event):
            threading.Thread(target=press, daemon=True).start()
        else:
            threading.Timer(after, press).start()

    def resume(self) -> None:
        self._set_aborted(False)

    def _set_aborted(self, on: bool) -> None:
        with self._lock:
            self._aborted = on
            for effect in self._live:
                effect.aborted = on

    # What the plug-in says

    @property
    def messages(self) -> list[str]:
        """Texts the plug-in sent, oldest first, as this host formats them."""
        return [text for _, _, text in self.log]

    @property
    def log(self) -> list[tuple[str, str, str]]:
        """(message or persistent, OfxMessage..., text), oldest first."""
        with self._lock:
            return self._messages + [entry for effect in self._live for entry in effect.messages()]

    @property
    def persistent(self) -> str | None:
        """The message that stands on the node now."""
        return self._one().persistent

    @property
    def violations(self) -> list[str]:
        return self.host.violations

    # Instances

    def _one(self) -> Any:
        if self._effect is None:
            raise ValueError(f"{self.host.personality.label} keeps no instance between frames.")
        return self._effect

    @contextmanager
    def _instance(self) -> Iterator[Any]:
        if self._effect is not None:
            yield self._effect
            return
        effect = self.host.create(self.host.describe(self.identifier))
        for clip, (plate, setup) in self._plates.items():
            effect.connect(clip, setup, plate.image)
        for knob, value in self._knobs.items():
            store(effect, knob, value)
        with self._lock:
            effect.aborted = self._aborted
            self._live.append(effect)
        try:
            yield effect
        finally:
            with self._lock:
                self._live.remove(effect)
                self._messages += effect.messages()
            effect.destroy()

    def close(self) -> None:
        """DestroyInstance."""
        if self._effect is not None:
            with self._lock:
                self._messages += self._effect.messages()
                self._live.clear()
            self._effect.destroy()
            self._effect = None
