"""`onelight cleanup`: wires as splines for Nuke, and hints on a frame or two followed through the shot."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cv2
import numpy as np
import typer

from onelight import channels, images
from onelight.cli.job import Job, space_of
from onelight.cli.knobs import Knobs, Track, gather
from onelight.cli.render import ClipOption, Frames, Json, Server, Set, Show, Space, Version, assigned, clips_of
from onelight.cli.sequences import Sequence, frames_text, parse_frames
from onelight.client import Client
from onelight.errors import ImageError, NotFound, RequestError
from onelight.tools import discover

if TYPE_CHECKING:
    from onelight.tools.cleanup.curves import Curve

# What needs scipy is imported where it is used: it takes as long as everything else that `onelight` starts with.

app = typer.Typer(
    help="Wires as editable splines for Nuke, and missed wires followed from a frame that was fixed by hand.",
    no_args_is_help=True,
)

GROWN = 1.0  # px on each side by which wires are drawn wider, so that one thinner than a pixel is in the matte
SENT = 1 << 29  # bytes of pictures in one request; a shot that holds more is sent smaller

Out = Annotated[str, typer.Option("--out", help="The Nuke script to write.")]
Analysis = Annotated[str, typer.Option(help="What 'onelight cleanup track' wrote: these wires are found as well.")]
Add = Annotated[
    str, typer.Option("--add", help="Mattes of the missed wires: a pattern; one frame or a few need a file.")
]
Keep = Annotated[str, typer.Option("--keep", help="Mattes of what is no wire, on the same or other frames.")]


@app.command()
def roto(
    plate: Annotated[str, typer.Argument(help="The plate: a pattern or one file.")],
    out: Out,
    frames: Frames = "",
    clip: ClipOption = None,
    set_: Set = None,
    analysis: Analysis = "",
    colourspace: Space = "",
    show: Show = "",
    version: Version = "",
    server: Server = "",
    progress: Annotated[
        bool, typer.Option("--progress", help="Say on stderr when a frame is done, a line each.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find the wires of a plate and write them as open splines in a Nuke Roto node, keyed on every frame.

    Edit them in Nuke and connect the Roto to Cleanup's Add. The splines follow the matte that Cleanup would take out
    with these knobs; --clip Add=PATTERN and --clip Keep=PATTERN correct it as they do in the node. Splines lie in the
    plate's format; drag the script into the node graph, or paste its text there.
    """
    from onelight.tools.cleanup.roto import Format, nuke_roto

    tool = discover()["cleanup"]
    options = {"show": show, "version": version, "server": server}
    settings = gather(tool, [*(set_ or []), *assigned(options, colourspace)], analysis=analysis)
    drawn_wide = {"output": "matte", "grow": GROWN, "soften": 1.0, "mix": 1.0, "use_mask": False}
    settings = replace(settings, tracks={**settings.tracks, **{k: Track(((0.0, v),)) for k, v in drawn_wide.items()}})
    sequences = clips_of(tool, plate, clip or [])
    chosen = parse_frames(frames) if frames else sequences["Source"].on_disk()
    found: dict[int, list[Curve]] = {}
    with tempfile.TemporaryDirectory(prefix="onelight-roto-") as folder:
        job = Job(tool, sequences, settings, Sequence.parse(f"{folder}/matte.####.exr"), sorted(set(chosen)))
        job.check()
        for done, frame in enumerate(job.frames, 1):
            job.render(frame)
            found[frame] = _curves(images.read_frame(job.output.path(frame), "data"))
            if progress:
                print(f"frame {done} of {len(job.frames)}", file=sys.stderr, flush=True)
    first = images.read_frame(sequences["Source"].image(job.frames[0]))
    _, _, width, height = first.format
    _written(Path(out), nuke_roto(found, Format(width, height, first.par)))
    said = {
        "out": out,
        "frames": frames_text(sorted(found)),
        "wires": max((len(curves) for curves in found.values()), default=0),
        "none_on": frames_text([frame for frame, curves in sorted(found.items()) if not curves]),
    }
    none = f"; none on {said['none_on']}" if said["none_on"] else ""
    print(json.dumps(said) if as_json else f"{out}: at most {said['wires']} wires a frame{none}")


def _curves(matte: images.Frame) -> list[Curve]:
    """The lines in a matte pass, in pixels of the format from its top left corner, as wide as the wires are."""
    from onelight.tools.cleanup.curves import shifted
    from onelight.tools.cleanup.link import drawn

    left, _, _, top = matte.window
    lines = drawn(np.asarray(matte.pixels[..., 0], np.float32))
    at = shifted(lines, left, matte.format[3] - top)
    return [replace(curve, width=np.maximum(curve.width - np.float32(2 * GROWN), np.float32(0.5))) for curve in at]


@app.command()
def track(
    plate: Annotated[str, typer.Argument(help="The plate: a pattern.")],
    add: Add,
    out: Annotated[str, typer.Option("--out", help="The JSON file to write.")],
    keep: Keep = "",
    frames: Frames = "",
    set_: Set = None,
    colourspace: Space = "",
    show: Show = "",
    version: Version = "",
    server: Server = "",
    as_json: Json = False,
) -> None:
    """Follow what --add shows on one frame or a few through the shot: fix one frame, and the shot goes along.

    Writes the knob 'tracked' to a file: 'onelight render cleanup --analysis FILE' takes those wires out on every frame.
    This is what the node's Track wires button does. A hint is followed forward and backward until the next one.
    """
    from onelight.tools.cleanup.hints import doubted_frames, tracked_frames

    tool = discover()["cleanup"]
    options = {"show": show, "version": version, "server": server}
    settings = gather(tool, [*(set_ or []), *assigned(options, colourspace)])
    named = [f"Add={add}", *([f"Keep={keep}"] if keep else [])]
    sequences = clips_of(tool, plate, named)
    chosen = sorted(set(parse_frames(frames) if frames else sequences["Source"].on_disk()))
    knobs = track_shot(settings, sequences, chosen)
    data = {"tool": tool.id, "version": tool.version, "frames": frames_text(chosen), "knobs": knobs}
    _written(Path(out), json.dumps(data) + "\n")
    held = tracked_frames(knobs["tracked"])
    lost = frames_text([frame for frame in chosen if frame not in held])
    doubted = frames_text(doubted_frames(knobs["tracked"]))
    if as_json:
        shown = {"frames": frames_text(held), "lost_on": lost, "look_at": doubted}
        print(json.dumps({"out": out, **shown, "knobs": knobs}))
        return
    missing = f"; nothing to follow on {lost}" if lost else ""
    missing += f"; hardly seen on {doubted}: look there" if doubted else ""
    print(f"{out}: wires on {frames_text(held)}{missing}, read by 'onelight render cleanup --analysis {out}'")


def track_shot(settings: Knobs, clips: Mapping[str, Sequence], frames: list[int]) -> dict[str, Any]:
    """The knob that the server's analysis writes for frames of a shot; mattes are sent for frames that have a file.

    RequestError where no frame has one, NotFound where the plate lacks a frame.
    """
    tool, source = settings.tool, clips["Source"]
    hinted = [frame for frame in frames if clips["Add"].path(frame).is_file()]
    if not hinted:
        raise RequestError(f"{tool.label}: --add {clips['Add'].text} has no file on any frame of {frames_text(frames)}")
    missing = next((frame for frame in frames if not source.path(frame).is_file()), None)
    if missing is not None:
        raise NotFound(f"{tool.label}: Source has no frame {missing}: {source.path(missing)} is missing")
    at = hinted[0]
    first = images.read_frame(source.image(at))
    factor = _factor(first, len(frames), tool.analysis.longest)
    tensors: dict[str, dict[int, np.ndarray]] = {}
    kinds: tuple[tuple[str, channels.Kind], ...] = (("Source", "plate"), ("Add", "data"), ("Keep", "data"))
    for frame in frames:
        for name, kind in kinds:
            if name not in clips or not clips[name].path(frame).is_file():
                continue
            read = images.read_frame(clips[name].image(frame), kind)
            tensors.setdefault(name, {})[frame - at] = _smaller(read, first, factor)
    small = tensors["Source"][0]
    values = settings.at(at)
    info = first.info(time=float(at), premult=values["premult"], colourspace=space_of(settings, values, first))
    rect = (0, 0, small.shape[1], small.shape[0])
    info = replace(info, window=rect, format=rect, render_window=rect, scale=(1 / factor, 1 / factor))
    client = Client(values["server"], values["show"], values["timeout"])
    own = {**settings.of_request(at), "tracked": ""}
    found = client.analyse(tool.id, tensors, own, info, version=values["version"])
    return {"tracked": found["tracked"]}


def _factor(frame: images.Frame, count: int, longest: int) -> int:
    """By which whole number pictures are made smaller: as the node's button does, and until a request can hold them."""
    _, _, width, height = frame.format
    factor = max(1, -(-max(width, height) // longest)) if longest else 1
    while count * width * height * 4 * frame.pixels.itemsize > SENT * factor * factor:
        factor += 1
    return factor


def _smaller(read: images.Frame, first: images.Frame, factor: int) -> np.ndarray:
    """The format's pixels as means of blocks that start at its top left corner, in the plate's type."""
    pixels = read.fitted(first.format, first.format)
    if factor > 1:
        height, width = pixels.shape[:2]
        down, right = -height % factor, -width % factor
        wide = cv2.copyMakeBorder(np.asarray(pixels, np.float32), 0, down, 0, right, cv2.BORDER_REPLICATE)
        size = (wide.shape[1] // factor, wide.shape[0] // factor)
        pixels = cv2.resize(wide, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(pixels.astype(first.pixels.dtype, copy=False))


def _written(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise ImageError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
