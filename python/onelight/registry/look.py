"""Looks for versions on disk when asked for them, and remembers what it read until the files change."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from onelight.errors import NotFound, NotReady, OnelightError
from onelight.registry import files
from onelight.registry.version import BASE, LARGEST_FILE, LARGEST_JSON, Keeper, Signed, Version
from onelight.spec import Tool

_TOOLS = Path(__file__).parents[1] / "tools"
_SHEET = "show.toml"  # what makes a folder a show with a store and keys
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class _Place:
    """Where a show has the versions of a tool; `kept` is the show's own folder, where it is one with a store."""

    folders: list[Path]
    kept: Path | None = None
    states: Mapping[tuple[str, str], str] | None = None


class Registry:
    """Model versions of all shows."""

    def __init__(self, tools: Mapping[str, Tool], roots: Iterable[Path] = (), keeper: Keeper | None = None) -> None:
        self.tools = tools
        self.roots = tuple(Path(root).resolve() for root in roots)
        self._keeper = keeper
        self._read: dict[Path, tuple[tuple, Version]] = {}

    def find(self, show: str, tool: str, version: str = "") -> Version:
        """The version of that name, or with no name the show's approved one; in plain folders the newest (names in
        natural order: v9 before v10).

        Raises NotFound (show, tool or version), or NotReady where the version cannot run here.
        """
        spec = self._tool(tool)
        self.check_show(show)
        place = self._place(show, tool)
        names = self._names(place, tool)
        if not names:
            raise NotFound(f"The show '{show}' has no version of {spec.label}: train one, or use the show '{BASE}'.")
        if version and version not in names:
            raise NotFound(f"{spec.label} has no version {_quoted(version)} in '{show}'; there is {_listed(names)}.")
        default = _default(place, tool, names)
        if not (version or default):
            raise NotFound(
                f"The show '{show}' has no approved version of {spec.label}: approve one, or ask for one by its name; "
                f"there is {_listed(names)}."
            )
        return self._load(place, show, tool, version or default, default)

    def check_show(self, show: str) -> None:
        """Raises NotFound where there is no such show; other shows are not named in the sentence."""
        if not _is_name(show) or not (show == BASE or any(show in self._shows(root) for root in self.roots)):
            raise NotFound(f"No show named {_quoted(show)} here: set the node's Show, or use '{BASE}'.")

    def names(self, show: str, tool: str) -> list[str]:
        """Names of the versions a show has of a tool, oldest first."""
        return self._names(self._place(show, tool), tool)

    def shows(self) -> list[str]:
        """Every show that has a folder here."""
        return sorted({BASE}.union(*(self._shows(root) for root in self.roots)))

    def all(self, show: str = "") -> Iterator[tuple[str, str, str, Version | OnelightError]]:
        """(show, tool, version name, the version or why it cannot run) of one show, or of all.

        A show whose store cannot be read is left out of all, and raises NotReady when it is asked for.
        """
        for name in [show] if show else self.shows():
            try:
                found = [(tool, self._place(name, tool)) for tool in sorted(self.tools) if _is_name(name)]
            except OnelightError:
                if show:
                    raise
                continue
            for tool, place in found:
                names = self._names(place, tool)
                default = _default(place, tool, names)
                for version in names:
                    try:
                        yield name, tool, version, self._load(place, name, tool, version, default)
                    except OnelightError as error:
                        yield name, tool, version, error

    def _tool(self, tool: str) -> Tool:
        if tool not in self.tools:
            known = _listed(sorted(name for name, spec in self.tools.items() if spec.shipped))
            raise NotFound(f"No tool named {_quoted(tool)}; this server knows {known}.")
        return self.tools[tool]

    def _shows(self, root: Path) -> set[str]:
        found = _subfolders(root)
        return {path.name for path in found if not (path / _SHEET).exists() or self._models(path) is not None}

    def _models(self, folder: Path) -> Path | None:
        if self._keeper is None or not files.is_folder(folder) or folder.name == BASE:
            return None
        return self._keeper.models(folder)

    def _place(self, show: str, tool: str) -> _Place:
        folders = []
        for folder in (root / show for root in self.roots if _is_name(show)):
            if (models := self._models(folder)) is not None:
                assert self._keeper is not None
                # Every step is looked at by itself, so that no link leads out of the show.
                there = files.is_folder(models) and files.is_folder(models / tool)
                return _Place([models / tool] if there else [], folder, self._keeper.states(folder))
            if not (folder / _SHEET).exists():
                folders.append(folder / tool)
        return _Place([_TOOLS / tool / BASE, *folders] if show == BASE else folders)

    def _names(self, place: _Place, tool: str) -> list[str]:
        found = {path.name for folder in place.folders for path in _subfolders(folder)}
        return sorted((name for name in found if _folder(place, tool, name)), key=_natural)

    def _load(self, place: _Place, show: str, tool: str, name: str, default: str) -> Version:
        folder, label = _folder(place, tool, name), self.tools[tool].label
        assert folder is not None
        state = place.states.get((tool, name), "") if place.states is not None else ""
        try:
            text = files.read(folder / "version.json", LARGEST_JSON)
            data = json.loads(text)
            spec_version, stages = int(data["spec_version"]), dict(data["stages"])
            paths = {stage: _inside(folder, entry["file"]) for stage, entry in stages.items()}
            signature = (text, files.marks(folder))
            wrong = (data["tool"], data["version"]) != (tool, name)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise NotReady(f"{label} {name} is damaged: its version.json cannot be read ({_plain(error)}).") from error
        if wrong:
            raise NotReady(f"{label} {name} is damaged: its version.json speaks of another tool or version.")
        known = self.tools[tool].version
        if spec_version > known:
            raise NotReady(
                f"{label} {name} was made for a newer Onelight (spec {spec_version}; this server knows {known}): "
                "update the server or pick an older version"
            )
        if folder not in self._read or self._read[folder][0] != signature:
            digest = hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode())
            hashes = {stage: _sha256(path) for stage, path in paths.items()}
            for stage, found in sorted(hashes.items()):
                if found != stages[stage].get("sha256"):
                    raise NotReady(f"{label} {name} is damaged: {paths[stage].name} is not the file it was made with.")
                digest.update(found.encode())
            told = Signed(digest.hexdigest())
            if place.kept is not None and self._keeper is not None:
                told = self._keeper.signed(place.kept, tool, name)
            read = Version(show, tool, name, spec_version, told.digest, paths, hashes, look=told.look)
            self._read[folder] = signature, read
        return replace(self._read[folder][1], state=state, is_default=name == default)


def _folder(place: _Place, tool: str, version: str) -> Path | None:
    for folder in place.folders:
        found = folder / version
        if place.states is not None:
            # A folder that the store does not know is one that is being written, or was put there by hand.
            if (tool, version) in place.states and files.is_folder(found):
                return found
            continue
        # A link may point anywhere: what is served lies inside the root that was named, or it is not there.
        if (found / "version.json").is_file() and found.resolve().is_relative_to(folder.parent.parent.resolve()):
            return found
    return None


def _default(place: _Place, tool: str, names: list[str]) -> str:
    if place.states is None:
        return names[-1] if names else ""
    return next((name for name in names if place.states.get((tool, name)) == "approved"), "")


def _inside(folder: Path, file: str) -> Path:
    path = folder / file
    if Path(file).name != file or path.is_symlink() or not path.is_file():
        raise ValueError(f"{_quoted(str(file))} is not a file of this version")
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{_quoted(str(file))} is larger than a network can be")
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _subfolders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if _is_name(path.name) and path.is_dir()]
    except OSError:  # a root that is not there (yet) holds no shows
        return []


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
