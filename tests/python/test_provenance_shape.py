"""A sidecar or a file that somebody made up is found out in sentences, whatever it says."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onelight import images
from onelight.errors import NotFound
from onelight.provenance import chain, credentials, digests, shape, sidecar
from onelight.provenance.trust import Trust
from onelight.provenance.verification import CHANGED, UNSIGNED, Verification
from onelight.shows.store import Show
from provenancecases import onelight, production

HEADER = {"kind": sidecar.KIND, "format": 1, "sequence": "a.#.exr", "show": "base", "identity": "", "signed": False}
JOB = {"kind": "job", "frames": "1", "log": ""}
SAID = {"operator": "Ada", "purpose": "continuity", "edit_class": "standard"}
RECORD: dict[str, Any] = {
    **SAID,
    "tool": {"id": "probe", "label": "Probe", "spec_version": 1},
    "model": {"show": "base", "version": "v001", "digest": "0" * 64},
    "models": [],
    "shares": {"kept": 1.0, "graded": 0},
    "inputs": [{"clip": "Source", "offset": 0, "file": "plate.exr", "sha256": "0" * 64}],
}
MADE_UP: list[Any] = [None, True, -7, 1.5, "zzz", "/etc/passwd", "../a.1.exr", "a" * 5000, "\0", [], ["zzz"], [[]], {}]
MADE_UP += [{"zzz": "zzz"}, [{"show": 1}], {"show": "base"}, 10**400]


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    """An image without a record."""
    file = tmp_path / "a.1.exr"
    images.write_frame(file, images.Frame.of(np.ones((8, 8, 4), np.float16)))
    return file


def recorded(frame: Path) -> dict[str, Any]:
    """A frame's line."""
    result = digests.of_image(frame).told()
    return {"kind": "frame", **copy.deepcopy(RECORD), "file": frame.name, "frame": 1, "result": result}


def written(folder: Path, *lines: dict[str, Any]) -> Path:
    """An unsigned sidecar of these lines, chained as it should be."""
    path, before = folder / f"a.exr{sidecar.SUFFIX}", chain.FIRST
    with path.open("wb") as file:
        for told in lines:
            line = chain.line_of(told, before, None)
            file.write(line)
            before = chain.digest(line)
    return path


def found(*files: Path) -> list[tuple[str, list[str]]]:
    """States and problems, checked where no show is."""

    def none(name: str) -> Show:
        raise NotFound(f"There is no show '{name}'.")

    return [(each.state, each.problems) for each in Verification(Trust(none)).files(files)]


def broken(told: Any) -> Iterator[tuple[str, Any]]:
    """What is told with each thing in it taken out, and made into everything else, one at a time."""
    for way in list(_ways(told)):
        for other in [..., *MADE_UP]:
            changed = copy.deepcopy(told)
            inner = changed
            for step in way[:-1]:
                inner = inner[step]
            if other is ...:
                del inner[way[-1]]
            else:
                inner[way[-1]] = other
            yield f"{way} = {other!r:.40}", changed


def _ways(told: Any) -> Iterator[tuple[Any, ...]]:
    for key in told if isinstance(told, dict) else range(len(told)) if isinstance(told, list) else ():
        yield (key,)
        yield from ((key, *rest) for rest in _ways(told[key]))


def test_the_cases_are_right_before_they_are_made_wrong(frame: Path) -> None:
    told = recorded(frame) | {"model": None}
    assert found(written(frame.parent, HEADER, JOB, told), frame) == [(UNSIGNED, [])] * 3


@pytest.mark.parametrize("which", [1, 2])
def test_whatever_a_line_says_every_file_gets_a_finding(frame: Path, which: int) -> None:
    lines = [HEADER, JOB, recorded(frame)]
    count = 0
    for what, changed in broken(lines[which]):
        path = written(frame.parent, *lines[:which], changed, *lines[which + 1 :])
        try:
            states = found(path, frame)
        except Exception as error:
            raise AssertionError(f"{what}: {error!r}") from error
        assert states[-1][0] in (CHANGED, UNSIGNED), what
        count += 1
    assert count > 30


@pytest.mark.parametrize(
    "name", ["model", "inputs", "result", "result.pixels.bands", "tool.id", "file", "frame", "operator"]
)
def test_a_frame_s_line_that_is_not_whole_is_a_problem_that_names_what(frame: Path, name: str) -> None:
    told = recorded(frame)
    *way, last = name.split(".")
    where = told
    for step in way:
        where = where[step]
    del where[last]
    ((state, problems), *_) = found(written(frame.parent, HEADER, JOB, told))
    assert state == CHANGED
    assert f"line 3 is not as we write it: '{name}' is missing, or of another kind or size" in problems


def test_a_range_of_frames_without_end_is_not_counted_through(frame: Path) -> None:
    began = time.monotonic()
    for frames in ("1-999999999", "-999999999-999999999x2", ",".join(["1-900000"] * 3), "9-1", "1-5x0", "1-9y3", "x"):
        ((state, problems), *_) = found(written(frame.parent, HEADER, JOB | {"frames": frames}, recorded(frame)))
        assert state == CHANGED and "'frames'" in problems[0], frames
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("frames", ["", "1001", "1001-1004,1010", "-3--1", "1-9x2,20", "1-1000000"])
def test_what_we_write_of_frames_is_understood(frames: str) -> None:
    assert shape.frames(frames)


def test_a_header_that_was_made_up_is_a_problem_on_the_command_line(frame: Path) -> None:
    path = written(frame.parent, HEADER | {"sequence": "/#"}, JOB, recorded(frame) | {"model": "zzz"})
    code, said = onelight("verify", path, frame, "--root", frame.parent / "shows")
    assert code == 1
    assert "line 1 is not as we write it: 'sequence'" in said and "line 3 is not as we write it: 'model'" in said


def test_content_credentials_with_a_record_that_we_would_not_write_are_told(tmp_path: Path) -> None:
    show = production(tmp_path / "shows", tmp_path)
    for wrong in ({"models": ["zzz"]}, {"inputs": [{"file": "plate.exr", "sha256": ""}]}, {"operator": 7}):
        file = tmp_path / "a.png"
        images.write_frame(file, images.Frame.of(np.ones((16, 16, 4), np.uint8)))
        credentials.embed(file, file.name, RECORD | wrong, show)
        (finding,) = Verification(Trust(lambda name: Show.open(name, tmp_path / "shows"), "apollo")).files([file])
        assert finding.state == CHANGED
        assert any("not as we write them" in problem for problem in finding.problems), finding.problems
