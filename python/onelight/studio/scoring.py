"""What a show's version is worth: on held-out set-ups beside its base and simpler means, and on the soundstage."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from onelight.errors import NotFound, NotReady, RequestError
from onelight.registry import BASE, Registry, Version
from onelight.runtime import Session
from onelight.shows import versions
from onelight.shows.keeper import Keeper
from onelight.shows.store import Show
from onelight.studio import runs, scores
from onelight.studio.takes import Split, shots
from onelight.tools import discover

FEWEST_SETUPS = 4  # that are held out, for a verdict
FORGOTTEN = -0.1  # dB: what a version may lose on the soundstage and still have forgotten nothing
DECIBELS = ("psnr", "log_psnr", "cleaned_psnr", "rebuilt_psnr")
HELD_OUT, SUITE = "held_out", "soundstage"
STAGED = "candidate"  # a version's name until its show gives it one
Progress = Callable[[str, int, int], None]
Rows = list[dict[str, Any]]


def lessons_of(tool: str) -> Any:
    """A tool's module `lessons`. NotFound where it learns nothing from shows, NotReady where a package is missing."""
    found = discover()
    if tool not in found:
        raise NotFound(f"There is no tool '{tool}': there are {', '.join(found)}.")
    return _module(tool, "lessons", f"{found[tool].label} learns nothing from a show's footage.")


def script_of(tool: str) -> Any:
    """A tool's module `train`, which exports its network and writes its card."""
    return _module(tool, "train", f"{tool} has no network to train.")


def evaluation_of(tool: str) -> Any:
    """A tool's module `evaluate`."""
    return _module(tool, "evaluate", f"{tool} has no evaluation.")


def _module(tool: str, part: str, missing: str) -> Any:
    name = f"onelight.tools.{tool}.{part}"
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            raise NotFound(missing) from error
        raise NotReady(f"This needs the package {error.name}: install onelight[train,soundstage].") from error


def registry_of(show: Show) -> Registry:
    """Model versions of the show, and the built-in ones."""
    return Registry(discover(), [show.folder.parent], Keeper())


@dataclass(frozen=True)
class Scorer:
    """Scores versions of one run, always on the same shots and scenes; rows have a `kind`, HELD_OUT or SUITE."""

    tool: str
    lessons: Any
    parts: Split
    shots: int
    suite: int
    seed: int
    progress: Progress

    def of_base(self, base: Version) -> dict[str, Any]:
        """Rows of the base, of the tool without networks and of doing nothing; and how long one version takes."""
        began = time.monotonic()
        rows = self.rows({"base": base, "classical": without_networks(base), "nothing": None})
        seconds = (time.monotonic() - began) / 2  # doing nothing takes none
        began = time.monotonic()
        rows += self._suite(base, "base")
        return {"rows": rows, "seconds": seconds + time.monotonic() - began}

    def of_version(self, graphs: Mapping[str, Path], before: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The version beside what was scored before: verdict, comparison and all rows."""
        tested = Version(BASE, self.tool, STAGED, discover()[self.tool].version, STAGED, dict(graphs))
        rows = [*before, *self.rows({"model": tested}), *self._suite(tested, "model")]
        against = compared(self.tool, rows)
        return {
            "gain": verdict(self.lessons, against, len({row["scene"] for row in rows if row["kind"] == HELD_OUT})),
            "headline": self.lessons.HEADLINE,
            "against": against,
            "rows": rows,
        }

    def rows(self, tested: Mapping[str, Version | None]) -> Rows:
        """Rows of these methods on held-out set-ups."""
        found = held_out(self.parts, self.lessons, tested, self.shots, self.seed, self.progress)
        return [{**row, "kind": HELD_OUT} for row in found]

    def _suite(self, version: Version, method: str) -> Rows:
        """The tool's own score on held-out families of the soundstage, as rows of `method`."""
        if self.suite < 1:
            return []
        report = evaluation_of(self.tool).run(
            Session(version, 1), count=self.suite, methods=("model",), progress=self.progress
        )
        return [{**row, "method": method, "kind": SUITE} for row in report.rows]


def held_out(
    show_split: Split,
    lessons: Any,
    tested: Mapping[str, Version | None],
    count: int,
    seed: int,
    progress: Progress = lambda what, done, total: None,
) -> Rows:
    """Rows of `lessons.measure` on shots of held-out set-ups, for the methods in `tested` (None: without networks).

    Shots of one set-up err alike, be they of one clip or of several: `scene`, which intervals are resampled by, is the
    set-up; a clip that is of none is one of its own.
    """
    wanted = shots(
        show_split.held,
        count=count,
        size=lessons.SHOT_SIZE,
        frames=lessons.SHOT_FRAMES,
        whole=lessons.SHOT_WHOLE,
        seed=seed,
    )
    sessions = {method: None if version is None else Session(version, _cores()) for method, version in tested.items()}
    rows = lessons.measure({name: shot.frames for name, shot in wanted.items()}, sessions, progress)
    return [{**row, "scene": wanted[row["scene"]].setup} for row in rows]


def compared(tool: str, rows: Sequence[Mapping[str, Any]]) -> Rows:
    """The version against each other method, with the paired bootstrap's 95 % interval, by kind of row."""
    module, out = evaluation_of(tool), []
    for kind in dict.fromkeys(row["kind"] for row in rows):
        some = [{name: value for name, value in row.items() if name != "kind"} for row in rows if row["kind"] == kind]
        by, together = getattr(module, "BY", scores.BY), getattr(module, "TOGETHER", True)
        out += [{**row, "kind": kind} for row in scores.against(some, by=by, together=together)]
    return [row for row in out if row["kind"] == SUITE or row["condition"] in (scores.ALL, "as shot")]


def verdict(lessons: Any, against: Sequence[Mapping[str, Any]], setups: int) -> str:
    """'gain' where the version beats its base with confidence on what it is for and has forgotten nothing.

    That is: the whole interval of the headline's gain lies above 0, and no mean on the soundstage is more than a tenth
    of a decibel below the base's. Of fewer than `FEWEST_SETUPS` held-out set-ups nothing is said, however many
    shots they gave: an interval that is resampled from two or three is far too narrow.
    """
    ours = [row for row in against if row["kind"] == HELD_OUT and row["baseline"] == "base"]
    headline = [row for row in ours if row["metric"] == lessons.HEADLINE]
    if not headline or setups < FEWEST_SETUPS:
        return "not measured"
    lost = [row for row in against if row["kind"] == SUITE and row["metric"] in DECIBELS and row["gain"] < FORGOTTEN]
    return "gain" if all(row["better"] for row in headline) and not lost else "no gain"


def sentence(lessons: Any, against: Sequence[Mapping[str, Any]]) -> str:
    """The headline in words."""
    for row in against:
        if (row["kind"], row["baseline"], row["metric"]) == (HELD_OUT, "base", lessons.HEADLINE):
            told = f"{row['gain']:+.2f} dB {row['metric']} over the base on held-out set-ups"
            between = "" if row["low"] is None else f", 95 % interval {row['low']:+.2f} to {row['high']:+.2f}"
            return told + between
    return "not measured"


def base_of(version: Version, registry: Registry, told: Mapping[str, Any]) -> Version:
    """The version that another began with, as its manifest has it. RequestError where it is another one by now."""
    found = registry.find(told["show"], version.tool, told["version"])
    if found.digest != told["digest"]:
        raise RequestError(f"{version.tool} {told['version']} is not the version that {version.name} began with.")
    return found


def without_networks(version: Version) -> Version:
    """The same tool as plain code."""
    return replace(version, name="classical", digest="classical", stages={}, hashes={})


def _cores() -> int:
    return os.cpu_count() or 1


def of_show(show: Show, tool: str, name: str, count: int | None, progress: Progress) -> tuple[Version, Rows]:
    """A show's version, and its rows, its base's and those of simpler means on the set-ups it never learnt from.

    `count` shots, by default as many as when it was made. Raises NotFound, bundle.Altered, and RequestError where a
    held-out clip may not be used any more or the version was not made by a training.
    """
    told = versions.verify(show, tool, name).manifest
    made, base = told.get("training", {}), told.get("base")
    if not (made.get("held_out") and base):
        raise RequestError(f"{tool} {name} of '{show.name}' does not say what was held out from it.")
    registry, lessons = registry_of(show), lessons_of(tool)
    tested = registry.find(show.name, tool, name)
    clips = runs.clips_of(show, sorted({clip for _, clip in made["held_out"]}))
    parts = Split([], runs.takes(show, clips))
    began = base_of(tested, registry, base)
    scorer = Scorer(tool, lessons, parts, count or int(made["shots"]), 0, int(made["settings"]["seed"]), progress)
    beside = {"model": tested, "base": began, "classical": without_networks(tested), "nothing": None}
    return tested, [{key: value for key, value in row.items() if key != "kind"} for row in scorer.rows(beside)]
