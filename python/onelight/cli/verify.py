"""`onelight verify` and `onelight attest`: check where frames come from; say it in a review file made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from onelight.cli.showing import RootFolder, ShowName, opened

if TYPE_CHECKING:
    from onelight.provenance.verification import Finding

Files = Annotated[
    list[Path],
    typer.Argument(
        help="Rendered frames, review files, a sidecar, the pattern of a sequence (out.####.exr); a data sheet's JSON."
    ),
]
Key = Annotated[
    Path | None, typer.Option(help="A show's public key or certificates (PEM), where the show is not here.")
]
Originals = Annotated[bool, typer.Option(help="Read the clips' own files again, whole, where they still lie.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(verify)
    app.command()(attest)


def verify(
    files: Files,
    show: ShowName = "",
    root: RootFolder = None,
    key: Key = None,
    originals: Originals = False,
    as_json: Json = False,
) -> None:
    """Check rendered files: any changed byte is named, and the way back to model and clips is walked.

    With --show or --key the files have to be signed by that show. Exit code 1 when anything is not as it was made.
    """
    from onelight.provenance.trust import Trust
    from onelight.provenance.verification import CHANGED, Verification

    if show:
        opened(show, root)
    checking = Verification(Trust(lambda name: opened(name, root), show, key), originals)
    found = list(checking.files(files))
    if as_json:
        print(json.dumps({"files": [_told(each) for each in found]}, default=str))
    else:
        _print(found)
    raise typer.Exit(1 if any(each.state == CHANGED for each in found) else 0)


def _told(finding: Finding) -> dict[str, Any]:
    origin = finding.origin
    return {
        "file": str(finding.file),
        "state": finding.state,
        "problems": finding.problems,
        "notes": finding.notes,
        "record": {name: value for name, value in finding.record.items() if name != "result"},
        "model": origin.model if origin else "",
        "base": origin.base if origin else "",
        "clips": [vars(clip) for clip in origin.clips] if origin else [],
    }


def _print(found: list[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    colours = {"proven": "green", "unsigned": "yellow", "changed": "red"}
    said: set[str] = set()
    for each in found:
        console.print(f"[{colours[each.state]}]{each.state:9}[/] {each.file}", markup=True)
        for problem in each.problems:
            console.print(f"          - {problem}", markup=False)
        for line in _way_back(each):
            if line not in said:
                console.print(f"          {line}", markup=False)
                said.add(line)


def _way_back(finding: Finding) -> list[str]:
    """From the file to the clips, a line a step; steps that frames share are printed once."""
    lines = []
    if finding.record.get("purpose"):
        record = finding.record
        lines.append(f"{record.get('operator')}, {record['purpose']}, {record.get('edit_class')} edit")
    if finding.origin:
        lines.append(f"made by {finding.origin.model}")
        if finding.origin.base:
            lines.append(f"  trained from {finding.origin.base}")
        for clip in finding.origin.clips:
            owner = f", {clip.owner}" if clip.owner else ""
            lines.append(f"  learnt from {clip.name} ({clip.digest[:12]}{owner})")
    return lines + [f"note: {note}" for note in finding.notes]


def attest(
    file: Annotated[Path, typer.Argument(help="The review file: MP4, PNG, JPEG or TIFF.")],
    sequence: Annotated[str, typer.Option("--from", help="The rendered sequence it shows: its pattern or sidecar.")],
    show: ShowName = "",
    root: RootFolder = None,
) -> None:
    """Put signed content credentials into a review file that was made of a rendered sequence with a sidecar."""
    from onelight.provenance.review import attest as sign

    done = sign(file, Path(sequence), opened(show, root))
    print(f"{file}: content credentials for {done} frames")
