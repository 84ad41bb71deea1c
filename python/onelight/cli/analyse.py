"""`onelight analyse TOOL`: what a shot's present state is, fitted once, written to a file that renders read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from onelight import images
from onelight.cli.job import space_of
from onelight.cli.knobs import Knobs, gather
from onelight.cli.render import ClipOption, Frames, In, Json, Server, Set, Show, Space, Version, assigned, clips_of
from onelight.cli.sequences import Sequence, frames_text, parse_frames
from onelight.client import Client
from onelight.errors import ImageError, NotFound, RequestError
from onelight.tools import discover

app = typer.Typer(
    help="Analyse a shot, once: what the Analyse shot button does. 'onelight render --analysis FILE' reads it.",
    no_args_is_help=True,
)

SAMPLES = 9  # frames looked at, spread over the range, as the node's button does


def analyse(
    ctx: typer.Context,
    source: In,
    out: Annotated[str, typer.Option("--out", help="The JSON file to write.")],
    frames: Frames = "",
    reference: Annotated[
        int | None, typer.Option(help="The frame whose camera counts. [default: the first]", show_default=False)
    ] = None,
    clip: ClipOption = None,
    set_: Set = None,
    colourspace: Space = "",
    show: Show = "",
    version: Version = "",
    server: Server = "",
    as_json: Json = False,
) -> None:
    """Fit the present light, exposure and depth of a shot's subject and write the knobs to a file."""
    tool = discover()[ctx.command.name or ""]
    options = {"show": show, "version": version, "server": server}
    settings = gather(tool, [*(set_ or []), *assigned(options, colourspace)])
    sequences = clips_of(tool, source, clip or [])
    chosen = sorted(set(parse_frames(frames) if frames else sequences["Source"].on_disk()))
    found = analyse_shot(settings, sequences, chosen, reference)
    data = {"tool": tool.id, "version": tool.version, "frames": frames_text(chosen), "knobs": found}
    path = Path(out)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise ImageError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    print(json.dumps(data) if as_json else f"{path}: {len(found)} knobs, read by 'onelight render --analysis {path}'")


def analyse_shot(
    settings: Knobs, clips: dict[str, Sequence], frames: list[int], reference: int | None = None
) -> dict[str, Any]:
    """The knob values that the server fits to frames of a shot, sampled as the node's button samples them."""
    tool = settings.tool
    at = frames[0] if reference is None else reference
    picked = {frames[round(index)] for index in np.linspace(0, len(frames) - 1, min(SAMPLES, len(frames)))} | {at}
    tensors: dict[str, dict[int, np.ndarray]] = {}
    first: images.Frame | None = None
    for frame in sorted(picked, key=lambda frame: (frame != at, frame)):
        for spec_clip in (clip for clip in tool.clips if clip.name in clips and not clip.mask):
            sequence = clips[spec_clip.name]
            if not sequence.path(frame).is_file():
                raise NotFound(
                    f"{tool.label}: {spec_clip.name} has no frame {frame}: {sequence.path(frame)} is missing"
                )
            read = images.read_frame(sequence.image(frame), "data" if spec_clip.data else "plate")
            first = first or read
            pixels = read.fitted(first.window, first.format).astype(first.pixels.dtype, copy=False)
            tensors.setdefault(spec_clip.name, {})[frame - at] = pixels
    if first is None:
        raise RequestError(f"{tool.label}: there is no frame to analyse")
    values = settings.at(at)
    info = first.info(time=float(at), premult=values["premult"], colourspace=space_of(settings, values, first))
    own = settings.of_request(at)
    others = {frame - at: settings.of_request(frame) for frame in picked}
    keyed = {offset: {k: v for k, v in there.items() if v != own[k]} for offset, there in others.items()}
    client = Client(values["server"], values["show"], values["timeout"])
    found = client.analyse(tool.id, tensors, own, info, knobs_at=keyed, version=values["version"])
    return {knob.name: found[knob.name] for knob in tool.knobs if knob.name in found}


for _tool in discover().values():
    if _tool.analysed_flag:
        app.command(_tool.id, help=f"Fit what {_tool.label} needs to know of a shot and write it to a file.")(analyse)


@app.callback()
def _group() -> None:
    """Keeps the tool's name in the command line while only one tool needs an analysis."""
