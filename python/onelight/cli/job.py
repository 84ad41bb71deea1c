"""Renders frames of a tool through the client: files in, one server, files out, the mask and mix laid over like a node.

No terminal here: the render command and the demo drive the same `Job`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onelight import images, spec
from onelight.cli.knobs import Knobs, neutral
from onelight.cli.ledger import Ledger, fingerprint
from onelight.cli.made import Made
from onelight.cli.sequences import Sequence
from onelight.client import Client, blend
from onelight.errors import ImageError, NotFound, NotReady, RequestError
from onelight.provenance import shares

if TYPE_CHECKING:  # it brings databases and cryptography, which a render without it does not wait for
    from onelight.provenance.recording import Recording

COUNTED = "counted."  # begins the names of what a frame needs a look for where it is not 0
_LOG_ENDINGS = (".dpx", ".cin")


@dataclass
class Job:
    """A tool, its clips by name (Source among them), its knobs over time, and where the frames go."""

    tool: spec.Tool
    clips: Mapping[str, Sequence]
    knobs: Knobs
    output: Sequence
    frames: list[int]
    overwrite: bool = False
    recording: Recording | None = None  # of what is rendered, where that is wanted
    adopt: bool = False  # record frames that are there already, where they are just what is rendered
    _ledger: Ledger = field(init=False)
    _ran: dict[str, str] = field(init=False, default_factory=dict)  # on what the frames of this job ran

    def __post_init__(self) -> None:
        self._ledger = Ledger(self.output)

    def check(self) -> None:
        """Refuse what can be refused before the first frame: RequestError, NotFound, NotReady or ImageError."""
        for name in self.clips:
            if name not in {clip.name for clip in self.tool.clips}:
                known = ", ".join(clip.name for clip in self.tool.clips if clip.name != "Source")
                raise RequestError(f"{self.tool.label} has no clip '{name}': there are {known}")
        if not self.output.folder.is_dir():
            raise ImageError(f"{self.output.text} cannot be written: the folder {self.output.folder} does not exist")
        for file in {self.output.path(frame) for frame in self.frames}:
            if file.is_dir():
                raise RequestError(f"--out {self.output.text} is a folder: write {self.output.text}/out.####.exr")
        if len(self.frames) > 1 and not self.output.moves:
            raise RequestError(
                f"--out {self.output.text} is one file for {len(self.frames)} frames: write out.####.exr"
            )
        images.sweep_parts(self.output.folder)
        for frame in self.frames:
            for name, clip in self.clips.items():
                if not clip.path(frame).is_file():
                    raise NotFound(f"{self.tool.label}: {name} has no frame {frame}: {clip.path(frame)} does not exist")
                if clip.path(frame).resolve() == self.output.path(frame).resolve():
                    raise RequestError(f"--out {self.output.path(frame)} is the {name} itself: choose another name")
        self._check_analysed()
        values = self.knobs.at(self.frames[0]) if self.frames else {}
        if values and values["show"] != "base" and not values["version"]:
            raise RequestError(
                f"{self.tool.label}: a render of the show '{values['show']}' needs the exact model version, such as "
                "--version v003"
            )

    def _check_analysed(self) -> None:
        flag = self.tool.analysed_flag
        source = self.clips["Source"]
        # A farm renders a shot in chunks, perhaps of one frame each: only a plate that is one file is a still.
        if not flag or (len(self.frames) < 2 and not (source.moves and len(source.on_disk()) > 1)):
            return
        for frame in self.frames:
            values = self.knobs.at(frame)
            if not values[flag] and not neutral(self.tool, values, self.clips):
                raise NotReady(
                    f"{self.tool.label}: press Analyse shot; here that is 'onelight analyse {self.tool.id} --in "
                    f"'{self.clips['Source'].text}' --out light.json', then render with --analysis light.json"
                )

    def render(self, frame: int) -> dict[str, Any]:
        """Render one frame unless it is finished: {frame, file, seconds, skipped, status, version, digest, cached}."""
        started = time.perf_counter()
        file = self.output.path(frame)
        values = self.knobs.at(frame)
        asked = values | {"clips": sorted(self.clips), "frame": frame}
        made_from = fingerprint({"tool": [self.tool.id, self.tool.version], **asked}, self._files(frame, values))
        row: dict[str, Any] = {"frame": frame, "file": str(file), "seconds": 0.0, "skipped": False}
        finished = self._ledger.finished(file, made_from) and (not self.recording or self.recording.proves(file))
        if finished and not self.overwrite:
            return row | {"skipped": True}
        adopted = self.adopt and file.exists()
        if not self.overwrite and not adopted and file.exists() and not self._ledger.knows(file):
            raise ImageError(f"{file} is there already and was not made by this render: --overwrite replaces it")
        source = images.read_frame(self.clips["Source"].image(frame))
        made = self._compute(frame, source, values)
        self._check_kind(values, made.ran)
        kept = replace(source, has_alpha=source.has_alpha or self._writes_alpha(values))
        told = self._told(frame, file, values, made)
        if fingerprint({"tool": [self.tool.id, self.tool.version], **asked}, self._files(frame, values)) != made_from:
            raise ImageError(f"a file that goes into {file} was changed while it was rendered: render again")

        def settle(part: Path) -> None:
            if self.recording:
                self.recording.settle(told, part, file.name)
            self._ledger.record(file, made_from, part, made.ran)

        recording = self.recording
        if recording and adopted:
            recording.adopt(told, file, kept, made.pixels)
            self._ledger.record(file, made_from, file, made.ran)
            return row | {"seconds": time.perf_counter() - started} | made.said
        stamp = None if recording is None else lambda samples: recording.attributes(told, samples)
        images.write_frame(file, kept, made.pixels, stamp=stamp, settle=settle)
        return row | {"seconds": time.perf_counter() - started} | made.said

    def _told(self, frame: int, file: Path, values: Mapping[str, Any], made: Made) -> dict[str, Any]:
        if self.recording is None:
            return {}
        knobs = self.knobs.of_request(frame) | {name: values[name] for name in ("mix", "use_mask", "invert_mask")}
        inputs = self._inputs(frame, values)
        return self.recording.told(frame, file, values["output"], knobs, inputs, made.reply, made.runtime, made.shares)

    def _check_kind(self, values: Mapping[str, Any], ran: Mapping[str, str]) -> None:
        """A job of a show runs on one kind of device with one runtime: RequestError where this frame did not."""
        if ran and values["show"] != "base":
            others = [] if self.overwrite else [self.output.path(frame) for frame in self.frames]
            self._ran = self._ran or self._ledger.ran_before(others, ran)
            if self._ran != ran:
                now, before = (", ".join(list(one.values())[1:]) for one in (ran, self._ran))
                raise RequestError(
                    f"{self.tool.label}: this frame ran on {now}, the others on {before}: all frames of a job come "
                    "from one kind; set ONELIGHT_PROVIDER on the servers, or render all again with --overwrite"
                )

    def _compute(self, frame: int, source: images.Frame, values: Mapping[str, Any]) -> Made:
        if neutral(self.tool, values, self.clips):
            return Made(source.pixels, {"status": "neutral: the plate, copied"}, shares=shares.UNTOUCHED)
        info = source.info(
            time=float(frame),
            premult=values["premult"],
            colourspace=space_of(self.knobs, values, source),
            output=values["output"],
            option=values["option"],
        )
        clips: dict[str, dict[int, np.ndarray]] = {}
        for clip in self.tool.clips:
            if clip.name not in self.clips or clip.mask:
                continue
            for offset in self._offsets(clip, frame, values):
                path = self.clips[clip.name].image(frame + offset)
                read = source if clip.name == "Source" and offset == 0 else images.read_frame(path, _kind(clip))
                pixels = read.fitted(source.window, source.format).astype(source.pixels.dtype, copy=False)
                clips.setdefault(clip.name, {})[offset] = pixels
        client = Client(values["server"], values["show"], values["timeout"])
        asked = self.knobs.of_request(frame) | {"frame.priority": "farm"}
        rendered = client.render(self.tool.id, clips, asked, info, version=values["version"])
        pixels = self._laid_over(frame, source, rendered.image, values)
        measured = None
        if self.recording and values["output"] == spec.RESULT.name:
            origins = None
            if shares.has_map(self.tool):  # from what the server keeps of this frame: only the last stage runs again
                mapped = replace(info, output=shares.PASS)
                origins = client.render(self.tool.id, clips, asked, mapped, version=values["version"]).image
            measured = shares.measure(source.pixels, pixels, origins)
        names = ("status", "version", "digest", "cached", "nan_replaced")
        said = {name: rendered.parameters[name] for name in names if name in rendered.parameters}
        counted = {name: n for name, n in rendered.parameters.items() if name.startswith(COUNTED)}
        said |= {"counted": {name.removeprefix(COUNTED): n for name, n in counted.items()}}
        return Made(pixels, said, rendered.parameters, measured)

    def _laid_over(self, frame: int, source: images.Frame, made: np.ndarray, values: Mapping[str, Any]) -> np.ndarray:
        """What the server made, under mask and mix: over the plate, or for a pass over what it is at nothing done."""
        is_result = values["output"] == spec.RESULT.name
        neutral_value = next(each.neutral for each in self.tool.passes if each.name == values["output"])
        if not is_result and neutral_value is None:
            return made
        mask, mix = self._mask(frame, source, values), values["mix"]
        own_alpha = not is_result or self._writes_alpha(values)
        return blend(source.pixels, made, mask, mix, alpha_from_result=own_alpha, neutral=neutral_value)

    def _writes_alpha(self, values: Mapping[str, Any]) -> bool:
        return bool(self.tool.alpha_knob) and values[self.tool.alpha_knob]

    def _mask(self, frame: int, source: images.Frame, values: Mapping[str, Any]) -> np.ndarray | None:
        clip = next((clip for clip in self.tool.clips if clip.mask and clip.name in self.clips), None)
        if clip is None or not values["use_mask"]:
            return None
        mask = images.read_frame(self.clips[clip.name].image(frame), "mask").fitted(source.window, source.format)
        alpha = np.ascontiguousarray(mask[..., 3], np.float32)
        return 1 - alpha if values["invert_mask"] else alpha

    def _offsets(self, clip: spec.Clip, frame: int, values: Mapping[str, Any]) -> list[int]:
        """Which neighbours of a frame a clip has to give, as far as there are files for them."""
        sequence = self.clips[clip.name]
        if clip.frames is None or not sequence.moves:
            return [0]
        near = clip.frames.offsets(values)
        return [offset for offset in near if offset == 0 or sequence.path(frame + offset).is_file()]

    def _inputs(self, frame: int, values: Mapping[str, Any]) -> list[tuple[str, int, Path]]:
        """What goes into a frame as (clip, offset, file)."""
        by_name = {clip.name: clip for clip in self.tool.clips}
        return [
            (name, offset, sequence.path(frame + offset))
            for name, sequence in sorted(self.clips.items())
            for offset in self._offsets(by_name[name], frame, values)
        ]

    def _files(self, frame: int, values: Mapping[str, Any]) -> list[Path]:
        return [file for _, _, file in self._inputs(frame, values)]


def space_of(knobs: Knobs, values: Mapping[str, Any], frame: images.Frame) -> str:
    """The plate's colour space: what the knobs say, else what such a file usually is.

    Float files are taken as scene-linear ACEScg, integer ones as sRGB; RequestError for log files, of any of the logs.
    """
    said = values["colourspace"] if "colourspace" in knobs.tracks else "host"
    if said != "host":
        return values["colourspace_name"] if said == "named" else said
    if not str(frame.spec.format).startswith("uint"):
        return "acescg"
    if frame.source.suffix.lower() in _LOG_ENDINGS:
        raise RequestError(f"{frame.source} may be any log: choose the input colour space, such as --colourspace logc3")
    return "srgb"


def _kind(clip: spec.Clip) -> images.channels.Kind:
    return "mask" if clip.mask else "data" if clip.data else "plate"
