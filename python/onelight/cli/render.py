"""`onelight render TOOL`: frames through a tool, resumable, each file whole or not there at all."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperCommand

from onelight import spec
from onelight.cli.job import Job
from onelight.cli.knobs import gather
from onelight.cli.sequences import Sequence, frames_text, parse_frames
from onelight.cli.tools import tables
from onelight.errors import OnelightError, RequestError
from onelight.provenance import terms
from onelight.tools import discover

if TYPE_CHECKING:
    from onelight.provenance.recording import Recording

BASE = "base"

app = typer.Typer(
    help="Render frames of a plate through a tool. 'onelight render TOOL --help' lists the tool's knobs.",
    no_args_is_help=True,
)

HELP = """{hint}

Patterns: plate.####.exr, plate.@@@@.exr, plate.%04d.exr or one file; plate.####.exr:diffuse takes a layer. Knobs are
set by --set knob=value or keyed by --set knob=10@1001,40@1050 (linear between keys, held beyond); a preset or time of
day only writes knobs, and --set wins over both. Finished frames are kept and skipped the next time, unless their
knobs, files or this release changed since (recorded in a small hidden file beside the output; a server's choice of
model is not part of it: pin --version). Exit codes: 0 done, 1 failed with a sentence, 2 usage, 130 interrupted."""


class ToolCommand(TyperCommand):
    """A command whose help goes on with every knob of the tool it is named after."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        console = Console()
        for table in tables(discover()[self.name or ""]):
            console.print(table)
            console.print()


In = Annotated[str, typer.Option("--in", help="The plate: a pattern or one file.")]
Frames = Annotated[str, typer.Option(help="1001-1010, 1-9x2 or 1,5,7-9. Default: all frames of the plate on disk.")]
ClipOption = Annotated[list[str] | None, typer.Option("--clip", help="NAME=PATTERN for each further clip.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="KNOB=VALUE, or KNOB=VALUE@FRAME,VALUE@FRAME.")]
Space = Annotated[
    str, typer.Option(help="Input space: an entry of the menu or a name of the OpenColorIO config. [default: by file]")
]
Server = Annotated[str, typer.Option(help="host:port, tls:host:port or unix:/path. Default: this machine's.")]
Show = Annotated[str, typer.Option(help="The production whose model works. Default: base.")]
Version = Annotated[str, typer.Option(help="The exact model version, such as v003. Default: the show's.")]
RootDir = Annotated[Path | None, typer.Option("--root", help="The folder of all shows, for --sidecar.", metavar="DIR")]
Sidecar = Annotated[
    bool, typer.Option(help="Record each frame, signed by the show: in a file beside the output, and in the frames.")
]
Operator = Annotated[str, typer.Option(help="Who renders, for --sidecar. Default: the system's name for you.")]
Purpose = Annotated[str, typer.Option(help=f"Why, for --sidecar: {', '.join(terms.PURPOSES)}.")]
EditClass = Annotated[str, typer.Option(help="standard or substantial, for --sidecar. [default: standard]")]
Adopt = Annotated[
    bool,
    typer.Option(help="Record frames that a node has rendered, with --sidecar, where this makes the same bit for bit."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def render(
    ctx: typer.Context,
    source: In,
    out: Annotated[str, typer.Option("--out", help="Where the frames go: a pattern or one file; the folder exists.")],
    frames: Frames = "",
    clip: ClipOption = None,
    mask: Annotated[str, typer.Option(help="Where the result is used: a pattern or one file.")] = "",
    set_: Set = None,
    preset: Annotated[str, typer.Option(help="A starting point; --set wins over it.")] = "",
    analysis: Annotated[str, typer.Option(help="What 'onelight analyse' wrote.")] = "",
    output: Annotated[str, typer.Option(help="The result or one of the passes.")] = "",
    colourspace: Space = "",
    show: Show = "",
    version: Version = "",
    server: Server = "",
    overwrite: Annotated[bool, typer.Option(help="Render and replace what is there.")] = False,
    sidecar: Sidecar = False,
    operator: Operator = "",
    purpose: Purpose = "",
    edit_class: EditClass = "",
    adopt: Adopt = False,
    root: RootDir = None,
    as_json: Json = False,
) -> None:
    tool = discover()[ctx.command.name or ""]
    options = {"output": output, "show": show, "version": version, "server": server}
    assignments = [*(set_ or []), *assigned(options, colourspace)]
    rows: list[dict[str, Any]] = []
    error = ""
    try:
        job = Job(
            tool=tool,
            clips=clips_of(tool, source, clip or [], mask),
            knobs=gather(tool, assignments, preset, analysis),
            output=Sequence.parse(out),
            frames=parse_frames(frames) if frames else Sequence.parse(source).on_disk(),
            overwrite=overwrite,
        )
        job.check()
        if sidecar:
            job.recording = _recording(job, operator, purpose, edit_class, root)
            job.adopt = adopt
        elif operator or purpose or edit_class or adopt:
            raise RequestError("--operator, --purpose, --edit-class and --adopt are about a sidecar: add --sidecar")
        _render_all(job, rows)
    except OnelightError as refused:
        error = str(refused)
        if not as_json:
            raise
    if as_json:
        counted = _counted(rows)
        print(json.dumps({"tool": tool.id, **_counts(rows), "counted": counted, "error": error, "frames": rows}))
        raise typer.Exit(1 if error else 0)
    counts = _counts(rows)
    print(f"{tool.label}: {counts['rendered']} rendered, {counts['skipped']} already finished")
    for name, where in _counted(rows).items():
        print(f"{name.replace('_', ' ')}: {frames_text(where)}")


def _recording(job: Job, operator: str, purpose: str, edit_class: str, root: Path | None) -> Recording:
    """The open sidecar of a job, and who signs it. RequestError where the show cannot be signed for."""
    from onelight.provenance.recording import Recording
    from onelight.provenance.sidecar import Maker
    from onelight.shows import journal
    from onelight.shows.store import Show as Production

    values = [job.knobs.at(frame) for frame in job.frames]
    names = sorted({each["show"] for each in values})
    if len(names) != 1:
        raise RequestError(f"--sidecar: one show signs all frames of a job, not {', '.join(names) or 'none'}")
    production = None if names == [BASE] else Production.open(names[0], root)
    stated = bool(edit_class)
    maker = Maker(production, operator or journal.operator(), purpose, edit_class or "standard", stated)
    output = Path(job.output.pattern)
    recording = Recording(maker, job.tool, output, Path(job.output.text).name)
    recording.begin(job.frames, values)
    return recording


def _render_all(job: Job, rows: list[dict[str, Any]]) -> None:
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(job.tool.label, total=len(job.frames))
        said = ""
        for frame in job.frames:
            progress.update(task, description=f"{job.tool.label} {frame}")
            try:
                rows.append(job.render(frame))
            except OnelightError as error:
                raise type(error)(f"frame {frame}: {error}") from error
            status = str(rows[-1].get("status", ""))
            if status and status != said:
                console.print(f"{job.tool.label} {frame}: {status}", highlight=False)
            said = status
            progress.advance(task)


def _counted(rows: list[dict[str, Any]]) -> dict[str, list[int]]:
    """By what the tool counts, the frames on which it counted any: those that need a look."""
    names = {name: None for row in rows for name in row.get("counted", {})}
    return {name: at for name in names if (at := [row["frame"] for row in rows if row.get("counted", {}).get(name)])}


def _counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    skipped = sum(row["skipped"] for row in rows)
    return {"rendered": len(rows) - skipped, "skipped": skipped}


def assigned(options: dict[str, str], colourspace: str) -> list[str]:
    """Options that are short for --set, as what they stand for; those not given are left out."""
    menu = {option.name for option in spec.COLOUR_SPACES}
    if colourspace and colourspace not in menu:
        options |= {"colourspace": "named", "colourspace_name": colourspace}
    elif colourspace:
        options |= {"colourspace": colourspace}
    return [f"{name}={value}" for name, value in options.items() if value]


def clips_of(tool: spec.Tool, source: str, clips: list[str], mask: str = "") -> dict[str, Sequence]:
    """The clips by name out of what the options said."""
    named = {"Source": source}
    for text in clips:
        name, equals, pattern = text.partition("=")
        if not equals or not pattern:
            raise RequestError(f"--clip {text}: write NAME=PATTERN")
        named[name] = pattern
    if mask:
        slot = next((clip.name for clip in tool.clips if clip.mask), None)
        if slot is None:
            raise RequestError(f"{tool.label} takes no mask")
        named[slot] = mask
    return {name: Sequence.parse(pattern) for name, pattern in named.items()}


for _tool in discover().values():
    app.command(_tool.id, cls=ToolCommand, help=HELP.format(hint=_tool.hint), hidden=not _tool.shipped)(render)
