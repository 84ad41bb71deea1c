"""`onelight version`: list, show, compare, approve, retire, roll back, export, import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from onelight.cli.showing import RootFolder, ShowName, opened
from onelight.cli.version_tables import about, listing
from onelight.errors import NotFound, RequestError

if TYPE_CHECKING:
    from onelight.shows.store import Show

app = typer.Typer(help="A show's model versions.", no_args_is_help=True)

Which = Annotated[str, typer.Argument(metavar="VERSION", help="Such as relight@v003; v3 where --tool says of what.")]
ToolName = Annotated[str, typer.Option("--tool", help="The tool; not needed where it is said with the version.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the show's log.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def _group() -> None:
    """A show's model versions: candidates until somebody approves them, retired when another takes their place."""


@app.command("list")
def list_versions(show: ShowName = "", root: RootFolder = None, tool: ToolName = "", as_json: AsJson = False) -> None:
    """List the versions, with their states."""
    from onelight.shows import versions

    found = versions.listed(opened(show, root), tool)
    if as_json:
        print(json.dumps({"show": show, "versions": [_told(version) for version in found]}))
    elif found:
        Console().print(listing(found))
    else:
        print(f"'{show}' has no versions yet: train one with 'onelight train show --show {show}'.")


@app.command("show")
def show_version(
    version: Which, show: ShowName = "", root: RootFolder = None, tool: ToolName = "", as_json: AsJson = False
) -> None:
    """Check a version, byte by byte, and say what it is, what it learnt from and who did what with it."""
    from onelight.shows import versions

    of = opened(show, root)
    tool, name = named(of, version, tool)
    found, checked = versions.get(of, tool, name), versions.verify(of, tool, name)
    log = versions.history(of, tool, name)
    if as_json:
        entries = [{key: getattr(entry, key) for key in ("at", "who", "action", "why")} for entry in log]
        told = {**_told(found), "signer": checked.signer, "manifest": checked.manifest, "log": entries}
        print(json.dumps(told))
        return
    console = Console()
    for part in about(found, checked, log):
        console.print(part)


@app.command()
def approve(version: Which, show: ShowName = "", root: RootFolder = None, tool: ToolName = "", why: Why = "") -> None:
    """Make a version the one that new nodes get. Open scripts keep theirs.

    A reason is needed for a version that shows no gain over its base, or was retired.
    """
    from onelight.shows import versions

    of = opened(show, root)
    tool, name = named(of, version, tool)
    before = versions.approved(of, tool)
    versions.approve(of, tool, name, why)
    print(
        f"{of.name}/{tool}@{name} is approved"
        + (f"; {before} is retired, and can be rolled back to." if before else ".")
    )


@app.command()
def retire(version: Which, why: Why, show: ShowName = "", root: RootFolder = None, tool: ToolName = "") -> None:
    """Take a version out of use. Scripts that name it still render."""
    from onelight.shows import versions

    of = opened(show, root)
    tool, name = named(of, version, tool)
    versions.retire(of, tool, name, why)
    now = versions.approved(of, tool)
    print(f"{of.name}/{tool}@{name} is retired; " + (f"{now} is approved." if now else f"no {tool} is approved now."))


@app.command()
def rollback(
    tool: Annotated[str, typer.Argument(help="The tool.")], why: Why, show: ShowName = "", root: RootFolder = None
) -> None:
    """Approve the version again that was approved before."""
    from onelight.shows import versions

    of = opened(show, root)
    before = versions.approved(of, tool)
    found = versions.rollback(of, tool, why)
    print(f"{of.name}/{tool}@{found.name} is approved again" + (f"; {before} is retired." if before else "."))


@app.command("export")
def export_version(
    version: Which,
    to: Annotated[Path | None, typer.Option("--to", help="The new archive. Default: SHOW_TOOL_VERSION.zip.")] = None,
    show: ShowName = "",
    root: RootFolder = None,
    tool: ToolName = "",
) -> None:
    """Write a version to one signed archive. It is not encrypted, and names the clips that were learnt from."""
    from onelight.shows import transfer
    from onelight.shows.keys import Keys

    of = opened(show, root)
    tool, name = named(of, version, tool)
    path = to or Path(f"{of.name}_{tool}_{name}.zip")
    digest = transfer.export(of, tool, name, path)
    print(f"{path}\nsha256 {digest}\nkey {Keys(of).fingerprint}")


@app.command("import")
def import_version(
    archive: Annotated[Path, typer.Argument(help="What 'onelight version export' wrote.")],
    show: ShowName = "",
    root: RootFolder = None,
    key: Annotated[
        Path | None,
        typer.Option(help="The public key (PEM) of the show it comes from. Default: this show's own keys."),
    ] = None,
) -> None:
    """Take a version in from an archive, as a candidate, if its signature and every byte hold."""
    from onelight.shows import transfer

    of = opened(show, root)
    found = transfer.take_in(of, archive, key)
    print(f"{of.name}/{found.tool}@{found.name} is here, {found.state}.")


@app.command()
def compare(
    version: Annotated[list[str], typer.Argument(metavar="VERSION...", help="One or more, such as v2 v3.")],
    shot: Annotated[
        list[str] | None,
        typer.Option(
            help="A clip of the dailies, or one frame of it: CLIP:FRAME; may be repeated. Default: up to four."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The contact sheet (PNG). Default: SHOW_TOOL_compare.png.")] = None,
    preset: Annotated[str, typer.Option(help="Start from a preset of the tool.")] = "",
    knob: Annotated[
        list[str] | None, typer.Option("--set", metavar="KNOB=VALUE", help="Set a knob; may be repeated.")
    ] = None,
    output: Annotated[str, typer.Option(help="Passes to show, by comma.")] = "result",
    size: Annotated[int, typer.Option(help="Longest side that is rendered, in pixels.", min=64)] = 720,
    show: ShowName = "",
    root: RootFolder = None,
    tool: ToolName = "",
    as_json: AsJson = False,
) -> None:
    """Render shots through versions beside the plate and the base, as one contact sheet."""
    from onelight.cli import version_compare

    of = opened(show, root)
    names = [named(of, each, tool) for each in version]
    if len({tool for tool, _ in names}) != 1:
        raise RequestError("Versions of different tools cannot be compared.")
    tool = names[0][0]
    path = out or Path(f"{of.name}_{tool}_compare.png")
    wanted = [name.strip() for name in output.split(",") if name.strip()]
    rows = version_compare.run(
        of, tool, [name for _, name in names], path, shot or [], knob or [], preset, wanted, size
    )
    if as_json:
        print(json.dumps({"sheet": str(path), "rows": rows}))
    else:
        Console().print(version_compare.table(rows))
        print(path)


def named(show: Show, text: str, tool: str = "") -> tuple[str, str]:
    """(tool, version name) of what a person types: apollo/relight@v003, relight@3, v3.

    Raises RequestError where it is not clear which tool is meant, or it is another show's.
    """
    from onelight.shows import versions

    of, at, name = text.rpartition("@")
    given, slash, own = of.rpartition("/")
    if slash and given != show.name:
        raise RequestError(f"{text!r} is not a version of the show '{show.name}'.")
    if own and tool and own != tool:
        raise RequestError(f"{text!r} is not a version of {tool}.")
    if at and not own:
        raise RequestError(f"{text!r} names no tool: write it as relight@v003.")
    digits = name.removeprefix("v")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 8):
        raise RequestError(f"{text!r} is no version: write it as relight@v003.")
    name = f"v{int(digits):03d}"
    if tool := own or tool:
        return tool, name
    having = sorted({version.tool for version in versions.listed(show) if version.name == name})
    if not having:
        raise NotFound(f"The show '{show.name}' has no version {name}.")
    if len(having) > 1:
        raise RequestError(f"There is {name} of {' and of '.join(having)}: say which with --tool.")
    return having[0], name


def _told(version: Any) -> dict[str, Any]:
    names = ("tool", "state", "gain", "digest")
    told = {"version": version.name, **{name: getattr(version, name) for name in names}}
    return {**told, "created": version.created.isoformat(), "clips": [clip.name for clip in version.clips]}
