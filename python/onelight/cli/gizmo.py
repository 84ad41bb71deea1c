"""`onelight gizmo`: a show's gizmos for Nuke, pinned to a model version, in a folder on NUKE_PATH."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from onelight.cli.showing import RootFolder, ShowName, opened
from onelight.errors import RequestError

app = typer.Typer(
    help="A show's gizmos for Nuke, each pinned to one model version. Put the folder on NUKE_PATH.",
    no_args_is_help=True,
)

ToolName = Annotated[str, typer.Option("--tool", help="The tool, such as relight.", metavar="TOOL")]
VersionName = Annotated[str, typer.Option("--version", help="The model version: 3 or v003.", metavar="VERSION")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


@app.command()
def publish(
    tool: ToolName,
    version: VersionName,
    into: Annotated[Path, typer.Option("--into", help="The folder; made where it is missing.", metavar="DIR")],
    show: ShowName = "",
    root: RootFolder = None,
    template: Annotated[
        Path | None,
        typer.Option(
            "--template", help="A .toml file with the panel's knobs, labels and defaults.", metavar="FILE.toml"
        ),
    ] = None,
    group: Annotated[bool, typer.Option("--group", help="Write a Group too, as a script that needs no gizmo.")] = False,
    candidate: Annotated[bool, typer.Option("--candidate", help="Also where nobody has approved it yet.")] = False,
    as_json: Json = False,
) -> None:
    """Write a gizmo that is locked to a show's model version.

    The file is read-only and never replaced; the same command again changes nothing. An approved version becomes what
    the folder's menu offers to new nodes; scripts keep the gizmo they were made with.
    """
    from onelight.codegen import gizmo
    from onelight.codegen.template import Template, read
    from onelight.studio import publish as studio

    spec = _tool(tool)
    chosen = read(template, spec) if template else Template()
    opened_show = opened(show, root)
    what = studio.release(opened_show, spec.id, version_name(version), candidate)
    pin = gizmo.Pin(what.show, what.tool, what.version, what.digest, studio.note_of(into, what))
    texts = {".gizmo": gizmo.published(spec, pin, chosen)}
    texts |= {".nk": gizmo.group(spec, pin, chosen)} if group else {}
    paths = studio.publish(opened_show, what, pin.node_class, texts, into)
    if as_json:
        print(json.dumps({"pin": pin.text, "digest": what.digest, "state": what.state, "files": list(map(str, paths))}))
        return
    for path in paths:
        print(path)


@app.command("list")
def list_(
    into: Annotated[Path, typer.Option("--into", help="The folder to look in.", metavar="DIR")],
    show: ShowName = "",
    as_json: Json = False,
) -> None:
    """List the gizmos that lie in a folder, of one show or of all."""
    from rich.console import Console
    from rich.table import Table

    from onelight.studio.publish import listed

    found = listed(into, show)
    if as_json:
        names = ("show", "tool", "version", "default", "note")
        rows = [{**{name: getattr(each, name) for name in names}, "file": str(each.path)} for each in found]
        print(json.dumps({"gizmos": rows}))
        return
    table = Table("Show", "Tool", "Version", "Default", "Changes", box=None)
    for each in found:
        table.add_row(each.show, each.label, each.version, "default" if each.default else "", each.note)
    Console().print(table if found else f"No gizmos in {into}.")


@app.command()
def default(
    tool: ToolName,
    version: VersionName,
    into: Annotated[Path, typer.Option("--into", help="The folder it lies in.", metavar="DIR")],
    show: ShowName = "",
    root: RootFolder = None,
) -> None:
    """Choose which of a folder's gizmos new nodes get, such as after a rollback. No script changes by it."""
    from onelight.studio.publish import set_default

    print(set_default(opened(show, root), _tool(tool).id, version_name(version), into))


def version_name(given: str) -> str:
    """v003 for 3, 003 or v003. Raises RequestError."""
    match = re.fullmatch(r"v?(\d{1,8})", given.strip())
    if match is None:
        raise RequestError(f"A version is a number such as 3 or v003; {given!r} was given.")
    return f"v{int(match[1]):03d}"


def _tool(name: str):
    from onelight.tools import discover

    tools = {each.id: each for each in discover().values() if each.shipped}
    if name not in tools:
        raise RequestError(f"There is no tool {name!r}; expected one of {', '.join(sorted(tools))}.")
    return tools[name]
