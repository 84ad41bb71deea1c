"""The button 'Wires as Roto' of Cleanup: found wires as splines of a Roto node, to be edited and connected to Add.

The frames as the node gets them are written to a temporary folder by Nuke; `onelight cleanup roto` reads them there, in
a process of its own while Nuke goes on, and the script that it writes is pasted.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nuke

from onelight_nuke import process

TITLE = "Wires as Roto"
CLIPS = ("Source", "Add", "Keep")  # those that say what is a wire
_DONE = re.compile(r"frame (\d+) of (\d+)")
_LONG = "tracked"  # longer than a command line may be: goes by file


def start(node: nuke.Node, inner: str, knobs: Sequence[str], menus: Mapping[str, Mapping[str, str]]) -> None:
    """Ask for the frames, write them, and begin; returns while the wires are still looked for.

    `inner` is the plug-in's node in the gizmo, `knobs` are those that count, `menus` their labels' names.
    """
    main = node.node(inner) if isinstance(node, nuke.Group) else None
    if main is None or node.input(0) is None:
        nuke.message(f"{TITLE}: connect the plate to Source first.")
        return
    told = nuke.getInput(f"{TITLE}: which frames?", "{}-{}".format(*_range(node, main)))
    if not told:
        return
    match = re.fullmatch(r"\s*(-?\d+)\s*(?:-\s*(-?\d+)\s*)?", told)
    if not match:
        nuke.message(f"{TITLE}: '{told}' is no range of frames such as 1001-1010.")
        return
    first, last = int(match[1]), int(match[2] or match[1])
    folder = Path(tempfile.mkdtemp(prefix="onelight-roto-"))
    try:
        words = ["cleanup", "roto", *_clips(node, folder, first, last), "--frames", f"{first}-{last}"]
        words += ["--out", str(folder / "wires.nk"), "--progress", "--json"]
        words += _knobs(main, folder, knobs, menus, range(first, last + 1))
    except RuntimeError as error:  # what Nuke raises for a render that failed or was cancelled
        shutil.rmtree(str(folder), ignore_errors=True)
        if "cancel" not in str(error).lower():
            nuke.message(f"{TITLE}: the plate could not be rendered: {error}")
        return
    threading.Thread(target=_find, args=(node.fullName(), folder, words), daemon=True).start()


def _find(name: str, folder: Path, words: Sequence[str]) -> None:
    """Run the command, then hand over to Nuke's main thread."""
    task = nuke.ProgressTask(TITLE)

    def told(line: str) -> None:
        match = _DONE.fullmatch(line)
        if match:
            task.setMessage(line)
            task.setProgress(100 * int(match[1]) // int(match[2]))

    try:
        found = json.loads(process.run(words, told, task.isCancelled))
    except process.Cancelled:
        shutil.rmtree(str(folder), ignore_errors=True)
    except process.Failed as error:
        shutil.rmtree(str(folder), ignore_errors=True)
        nuke.executeInMainThread(nuke.message, (f"{TITLE}: {error}",))
    else:
        nuke.executeInMainThread(_paste, (name, folder, found))


def _paste(name: str, folder: Path, found: Mapping[str, Any]) -> None:
    node = nuke.toNode(name)
    try:
        if not found["wires"]:
            nuke.message("{}: no wires were found on {}.".format(TITLE, found["frames"]))
        elif node is not None:  # else it was deleted meanwhile
            with node.parent():
                for each in nuke.selectedNodes():
                    each.setSelected(False)
                roto = nuke.nodePaste(str(folder / "wires.nk"))
            if roto is not None:
                roto.setXYpos(node.xpos() - 150, node.ypos() - 60)
    finally:
        shutil.rmtree(str(folder), ignore_errors=True)


def _range(node: nuke.Node, main: nuke.Node) -> tuple[int, int]:
    """The frames that the node analyses where those are set, else the plate's."""
    first, last = int(main["analyse_first"].value()), int(main["analyse_last"].value())
    if first or last:
        return first, last
    plate = node.frameRange()
    return plate.first(), plate.last()


def _clips(node: nuke.Node, folder: Path, first: int, last: int) -> list[str]:
    words = []
    for name in CLIPS:
        index = _input(node, name)
        clip = node.input(index) if index is not None else None
        if clip is not None:
            pattern = str(folder / (name + ".####.exr"))
            _write(node, clip, pattern, first, last)
            words += [pattern] if name == "Source" else ["--clip", name + "=" + pattern]
    return words


def _input(node: nuke.Node, name: str) -> Any:
    inside = node.node(name) if isinstance(node, nuke.Group) else None
    return int(inside["number"].value()) if inside else None


def _write(node: nuke.Node, clip: nuke.Node, pattern: str, first: int, last: int) -> None:
    """Float EXRs of what the node gets: raw, for the node's own Input space says what the numbers mean."""
    with node.parent():
        write = nuke.nodes.Write()  # unlike createNode, puts itself behind no selected node and runs no one's callbacks
    try:
        write.setInput(0, clip)
        for knob, value in (("channels", "rgba"), ("file", pattern), ("file_type", "exr"), ("raw", True)):
            write[knob].setValue(value)
        write["datatype"].setValue("32 bit float")  # a knob of EXR, there once the type is chosen
        nuke.execute(write, first, last, 1)
    finally:
        nuke.delete(write)


def _knobs(
    main: nuke.Node, folder: Path, knobs: Sequence[str], menus: Mapping[str, Mapping[str, str]], frames: Sequence[int]
) -> list[str]:
    """The node's knobs as options; a keyed one with its value at every frame."""
    words: list[str] = []
    long: dict[str, str] = {}
    for name in knobs:
        knob = main[name]
        if name == _LONG:
            long = {name: str(knob.value())} if knob.value() else {}
        elif knob.isAnimated():
            keys = ",".join(f"{float(knob.getValueAt(frame)):.10g}@{frame}" for frame in frames)
            words += ["--set", name + "=" + keys]
        else:
            words += ["--set", name + "=" + _text(knob.value(), menus.get(name, {}))]
    if long:
        file = folder / "tracked.json"
        file.write_text(json.dumps({"tool": "cleanup", "knobs": long}), encoding="utf-8")
        words += ["--analysis", str(file)]
    return words


def _text(value: Any, menu: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return f"{value:.10g}"
    return menu.get(str(value), str(value))
