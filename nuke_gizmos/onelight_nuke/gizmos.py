"""Which gizmos there are: those of no show beside this package, and the published ones in any folder Nuke reads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nuke

FOLDER = Path(__file__).resolve().parent.parent
PREFIX = "Onelight"
PIN = "onelight_pin"
_FILE = re.compile(r"\w+_(v\d{3,})")
_HEADER = re.compile(r"# onelight gizmo ([\w-]+)/(\w+)@(v\d{3,}) (.*)")
_PIN = re.compile(r"([\w-]+)/(\w+)@(v\d{3,})")
_NODE = re.compile(r"^ (OFXorg\.onelight\.\w+) \{", re.MULTILINE)


@dataclass(frozen=True)
class Gizmo:
    """A published gizmo; `default` says that new nodes get this version."""

    path: Path
    show: str
    tool: str
    version: str
    label: str
    default: bool

    @property
    def node_class(self) -> str:
        """What `nuke.createNode` takes."""
        return self.path.stem

    @property
    def group(self) -> Path | None:
        """The script with the same as a Group, where one was published."""
        script = self.path.with_suffix(".nk")
        return script if script.is_file() else None


@dataclass(frozen=True)
class Pinned:
    """What a node is locked to."""

    show: str
    tool: str
    version: str


def own() -> list[str]:
    """Node classes of the gizmos of no show, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob(PREFIX + "*.gizmo"))


def plugins() -> list[str]:
    """Nuke's names for the OpenFX nodes inside them."""
    return sorted({name for each in own() for name in _NODE.findall((FOLDER / (each + ".gizmo")).read_text("utf-8"))})


def folders() -> list[Path]:
    """Where Nuke looks for gizmos, the first to win first; to be asked in Nuke's main thread."""
    return [Path(folder) for folder in nuke.pluginPath()]


def published(places: Iterable[Path]) -> list[Gizmo]:
    """The published gizmos in these folders, by show and tool, the newest first."""
    found = {}
    for folder in places:
        for path in sorted(folder.glob("*_v*.gizmo")):
            match = _FILE.fullmatch(path.stem)
            if match and path.stem not in found:
                gizmo = _read(path, match[1])
                if gizmo:
                    found[path.stem] = gizmo
    return sorted(found.values(), key=lambda each: (each.show, each.label, -int(each.version[1:])))


def default(places: Iterable[Path], show: str, tool: str) -> Gizmo | None:
    """The gizmo that new nodes of a show get of a tool."""
    return next((g for g in published(places) if g.default and (g.show, g.tool) == (show, tool)), None)


def pinned(node: nuke.Node) -> Pinned | None:
    """What a gizmo or Group is locked to; None for other nodes."""
    knob = node.knob(PIN)
    match = _PIN.fullmatch(str(knob.value())) if knob else None
    return Pinned(*match.groups()) if match else None


def _read(path: Path, version: str) -> Gizmo | None:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            match = _HEADER.fullmatch([file.readline(), file.readline()][1].strip())
        if not match or match[3] != version:
            return None
        alias = path.with_name(path.stem[: -len(version) - 1] + ".default")
        chosen = alias.read_text("utf-8").strip() if alias.is_file() else ""
    except OSError:  # a folder on the path that this user may not read
        return None
    return Gizmo(path, match[1], match[2], match[3], match[4], chosen == path.stem)
