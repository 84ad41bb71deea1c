"""Finds model versions: the built-in ones beside each tool (show `base`) and those under the shows' model folders.

A version is the folder `<root>/<show>/<tool>/<version>` (built in: `tools/<tool>/base/<version>`) with a version.json:
`{"tool", "version", "spec_version", "stages": {name: {"file", "sha256"}}}`. Versions never change once they are there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onelight.errors import NotFound, NotReady, OnelightError
from onelight.spec import Tool

BASE = "base"
_TOOLS = Path(__file__).parent / "tools"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LARGEST_JSON = 4 << 20


@dataclass(frozen=True)
class Version:
    """One immutable model version. `stages` are its ONNX files by stage name; empty where all is plain code."""

    show: str
    tool: str
    name: str
    spec_version: int
    digest: str
    stages: Mapping[str, Path] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Size of its weights on disk."""
        return sum(path.stat().st_size for path in self.stages.values())


class Registry:
    """Model versions of all shows, read from disk when asked for and remembered until their files change."""

    def __init__(self, tools: Mapping[str, Tool], roots: Iterable[Path] = ()) -> None:
        self.tools = tools
        self.roots = tuple(Path(root).resolve() for root in roots)
        self._read: dict[Path, tuple[tuple, Version]] = {}

    def find(self, show: str, tool: str, version: str = "") -> Version:
        """The version of that name, or with no name the show's newest (names in natural order: v9 before v10).

        Raises NotFound (show, tool or version), or NotReady where the version cannot run here.
        """
        spec = self._tool(tool)
        self.check_show(show)
        names = self.names(show, tool)
        if not names:
            raise NotFound(f"The show '{show}' has no version of {spec.label}: train one, or use the show '{BASE}'.")
        if version and version not in names:
            raise NotFound(f"{spec.label} has no version {_quoted(version)} in '{show}'; there is {_listed(names)}.")
        return self._load(show, tool, version or names[-1])

    def check_show(self, show: str) -> None:
        """Raises NotFound where there is no such show; other shows are not named in the sentence."""
        if not _is_name(show) or not (show == BASE or any(show in _shows(root) for root in self.roots)):
            raise NotFound(f"No show named {_quoted(show)} here: set the node's Show, or use '{BASE}'.")

    def names(self, show: str, tool: str) -> list[str]:
        """Names of the versions a show has of a tool, oldest first."""
        found = {path.name for folder in self._folders(show, tool) for path in _subfolders(folder)}
        return sorted((name for name in found if self._folder(show, tool, name)), key=_natural)

    def shows(self) -> list[str]:
        """Every show that has a folder here."""
        return sorted({BASE}.union(*(_shows(root) for root in self.roots)))

    def all(self, show: str = "") -> Iterator[tuple[str, str, str, Version | OnelightError]]:
        """(show, tool, version name, the version or why it cannot run) of one show, or of all."""
        for name in [show] if show else self.shows():
            for tool in sorted(self.tools) if _is_name(name) else ():
                for version in self.names(name, tool):
                    try:
                        yield name, tool, version, self._load(name, tool, version)
                    except OnelightError as error:
                        yield name, tool, version, error

    def _tool(self, tool: str) -> Tool:
        if tool not in self.tools:
            known = _listed(sorted(name for name, spec in self.tools.items() if spec.shipped))
            raise NotFound(f"No tool named {_quoted(tool)}; this server knows {known}.")
        return self.tools[tool]

    def _folders(self, show: str, tool: str) -> list[Path]:
        folders = [root / show / tool for root in self.roots]
        return [_TOOLS / tool / BASE, *folders] if show == BASE else folders

    def _folder(self, show: str, tool: str, version: str) -> Path | None:
        for folder in self._folders(show, tool):
            found = folder / version
            # A link may point anywhere: what is served lies inside the root that was named, or it is not there.
            if (found / "version.json").is_file() and found.resolve().is_relative_to(folder.parent.parent.resolve()):
                return found
        return None

    def _load(self, show: str, tool: str, name: str) -> Version:
        folder, label = self._folder(show, tool, name), self.tools[tool].label
        assert folder is not None
        sheet = folder / "version.json"
        try:
            text = sheet.read_bytes()[:_LARGEST_JSON]
            data = json.loads(text)
            spec_version, stages = int(data["spec_version"]), dict(data["stages"])
            files = {stage: _inside(folder, entry["file"]) for stage, entry in stages.items()}
            signature = (text, *((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files.values()))
            wrong = (data["tool"], data["version"]) != (tool, name)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotReady(f"{label} {name} is damaged: its version.json cannot be read ({_plain(error)}).") from error
        if wrong:
            raise NotReady(f"{label} {name} is damaged: its version.json speaks of another tool or version.")
        known = self.tools[tool].version
        if spec_version > known:
            raise NotReady(
                f"{label} {name} was made for a newer Onelight (spec {spec_version}; this server knows {known}): "
                "update the server or pick an older version"
            )
        if sheet in self._read and self._read[sheet][0] == signature:
            return self._read[sheet][1]
        digest = hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode())
        for stage in sorted(files):
            found = _sha256(files[stage])
            if found != stages[stage].get("sha256"):
                raise NotReady(f"{label} {name} is damaged: {files[stage].name} is not the file it was made with.")
            digest.update(found.encode())
        version = Version(show, tool, name, spec_version, digest.hexdigest(), files)
        self._read[sheet] = signature, version
        return version


def _inside(folder: Path, file: str) -> Path:
    path = folder / file
    if Path(file).name != file or path.is_symlink() or not path.is_file():
        raise ValueError(f"{_quoted(str(file))} is not a file of this version")
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _subfolders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if _is_name(path.name) and path.is_dir()]
    except OSError:  # a root that is not there (yet) holds no shows
        return []


def _shows(root: Path) -> set[str]:
    return {path.name for path in _subfolders(root)}


def _is_name(name: str) -> bool:
    return bool(_NAME.fullmatch(name))


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"[0-9]+|[^0-9]+", name)]


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[-8:]) or "none"
    return f"{len(names)}, the newest {shown}" if len(names) > 8 else shown


def _quoted(name: str) -> str:
    return f"'{name[:77]}...'" if len(name) > 80 else f"'{name}'"


def _plain(error: Exception) -> str:
    return f"no {error}" if isinstance(error, KeyError) else str(error)[:200]
