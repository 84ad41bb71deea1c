"""Wires as a Nuke script: the text is read back with a parser of Nuke scripts and its splines are drawn again."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nkparser import Script
from onelight import images
from onelight.cli.app import app
from onelight.errors import ImageError
from onelight.tools.cleanup.curves import Curve
from onelight.tools.cleanup.roto import OPEN, RELATIVE, Format, bezier, nuke_roto
from scipy.spatial import KDTree
from typer.testing import CliRunner
from wireshots import shot, wire

H, W = 270, 480
HD = Format(W, H)


def tree(text: str) -> list[Any]:
    """Nuke's braces as nested lists of words."""
    stack: list[list[Any]] = [[]]
    for word in re.findall(r"[{}]|[^\s{}]+", text):
        if word == "{":
            stack.append([])
        elif word == "}":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(word)
    assert len(stack) == 1, "braces do not close"
    return stack[0]


def number(word: str) -> float:
    """A number as the format writes it: an integer, or `x` and the bits of a float32."""
    return struct.unpack("<f", struct.pack("<I", int(word[1:], 16)))[0] if word.startswith("x") else float(int(word))


def entry(items: list[Any], name: str) -> list[Any]:
    return next(item for item in items if isinstance(item, list) and item and item[0] == name)


class Spline:
    """One spline of the Roto node."""

    def __init__(self, group: list[Any]) -> None:
        assert group[0] == "curvegroup"
        assert group[3] == "bezier"
        self.name = group[1]
        curves = group[4]
        assert curves[1] == "idem", "there is no feather"
        self.flags = int(entry(curves[0], "f")[1])
        self.triples = entry(curves[0], "p")[1:]  # left tangent, place, right tangent, and so on
        words = entry(group, "a")[1:]
        self.attributes = dict(zip(words[::2], map(number, words[1::2]), strict=True))

    def frames(self) -> list[int]:
        keys = {tuple(number(key[0]) for key in axis) for triple in self.triples for axis in triple}
        assert len(keys) == 1, "every point is keyed on the same frames"
        return [int(frame) for frame in keys.pop()]

    def at(self, frame: int) -> np.ndarray:
        """Places along the spline [M, 2] at a frame, as Nuke has them: y up."""
        index = self.frames().index(frame)
        places = [[number(axis[index][1]) for axis in triple] for triple in self.triples]
        return bezier(np.array(places).reshape(-1, 3, 2), 400)


def splines(text: str) -> list[Spline]:
    """The parser ends a knob with its line, Nuke with its braces: what is indented goes on, as Nuke writes it."""
    script = Script.from_string(re.sub(r"\n(?=  )", " ", text))
    assert not script.errors(), script.errors()
    (node,) = script.all_nodes()
    assert node.class_name == "Roto"
    curves = next(knob for knob in node.knobs if knob.name == "curves")
    layer = entry(entry(tree(curves.value.raw)[0][0], "n"), "layer")
    assert layer[1] == "Root"
    return [Spline(item) for item in layer if isinstance(item, list) and item[:1] == ["curvegroup"]]


def off(places: np.ndarray, curve: Curve, height: int = H) -> float:
    """The furthest that a curve lies from places in Nuke's pixels."""
    return float(KDTree(places).query(curve.points * (1, -1) + (0, height))[0].max())


def test_wires_are_open_splines_keyed_on_every_frame_where_the_wires_were() -> None:
    truth = {1001 + i: [wire(H, W, i, k) for k in (0, 1)] for i in range(6)}
    found = splines(nuke_roto(truth, HD))
    assert len(found) == 2
    for number_, spline in enumerate(found):
        assert spline.flags == OPEN | RELATIVE
        assert spline.frames() == list(range(1001, 1007))
        assert len(spline.triples) // 3 <= 11, "few points, for hands"
        for frame in spline.frames():
            assert off(spline.at(frame), truth[frame][number_]) < 0.5
        attributes = spline.attributes
        assert (attributes["ltn"], attributes["ltm"], attributes["ltt"]) == (1001, 1006, 4)
        assert attributes["osw"] == 4


def test_y_goes_up_from_the_formats_lower_edge() -> None:
    points = np.array([[10, 20], [60, 20], [110, 20]], np.float32)
    (spline,) = splines(nuke_roto({1: [Curve(points, np.full(3, 3, np.float32), 1.0)]}, HD))
    places = spline.at(1)
    assert np.allclose(places[:, 1], H - 20)
    assert places[0].tolist() == pytest.approx([10, H - 20])
    assert places[-1].tolist() == pytest.approx([110, H - 20])


def test_the_format_is_the_plates() -> None:
    text = nuke_roto({1: [wire(H, W, 0)]}, Format(4448, 3096, 2.0))
    assert 'format "4448 3096 0 0 4448 3096 2 "' in text


def test_a_wire_that_goes_and_comes_back_is_a_spline_for_each_time() -> None:
    frames = {frame: [wire(H, W, frame, 0)] if frame != 3 else [] for frame in range(1, 7)}
    assert [spline.frames() for spline in splines(nuke_roto(frames, HD))] == [[1, 2], [4, 5, 6]]


def test_curves_without_numbers_are_followed_and_never_turn_round() -> None:
    def given(frame: int, k: int) -> Curve:
        curve = replace(wire(H, W, frame, k), track=-1)
        return replace(curve, points=curve.points[::-1]) if frame % 2 else curve

    found = splines(nuke_roto({frame: [given(frame, k) for k in (0, 1)] for frame in range(4)}, HD))
    assert [spline.frames() for spline in found] == [[0, 1, 2, 3]] * 2
    for spline in found:
        starts = [spline.at(frame)[0] for frame in spline.frames()]
        assert np.linalg.norm(np.diff(np.array(starts), axis=0), axis=1).max() < 30


def test_a_still_and_no_wires_at_all_are_scripts_too() -> None:
    (spline,) = splines(nuke_roto({1: [wire(H, W, 0)]}, HD))
    assert spline.frames() == [1]
    assert splines(nuke_roto({1: [], 2: []}, HD)) == []


def run(*words: object) -> Any:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(map(str, ["cleanup", "roto", *words])))


def test_the_command_writes_what_the_server_finds(server: Any, tmp_path: Path) -> None:
    """The plate has overscan: splines lie in the format, not in the data window."""
    pictures, truth = shot(3, H, W, wires=2, across=4, light=0.01)
    holder = images.Frame.of(np.zeros((H, W, 4), np.float16))
    holder.spec.x, holder.spec.y = -8, -6
    holder.spec.full_width, holder.spec.full_height = W - 16, H - 12
    for frame, picture in pictures.items():
        pixels = np.dstack([picture, np.ones((H, W), np.float32)]).astype(np.float16)
        images.write_frame(tmp_path / f"plate.{frame}.exr", holder, pixels)
    out = tmp_path / "wires.nk"
    done = run(f"{tmp_path}/plate.####.exr", "--out", out, "--set", "range=1", "--server", server.address, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["frames"], said["wires"], said["none_on"]) == ("1001-1003", 2, "")
    found = splines(out.read_text())
    assert f'format "{W - 16} {H - 12} 0 0' in out.read_text()
    for frame in pictures:
        for curve in truth[frame]:
            seen = (curve.points[:, 1] > 16) & (curve.points[:, 1] < 0.7 * H)
            shown = curve.points[seen] - np.array([8, 6], np.float32)
            inner = replace(curve, points=shown, width=curve.width[: len(shown)])
            nearest = min(off(s.at(frame), inner, H - 12) for s in found if frame in s.frames())
            assert nearest < 2.0


def test_a_folder_that_does_not_exist_is_named(server: Any, tmp_path: Path) -> None:
    pictures, _ = shot(1, 64, 96)
    pixels = np.dstack([pictures[1001], np.ones((64, 96), np.float32)]).astype(np.float16)
    images.write_frame(tmp_path / "plate.1001.exr", images.Frame.of(pixels), pixels)
    done = run(f"{tmp_path}/plate.####.exr", "--out", tmp_path / "gone" / "w.nk", "--server", server.address)
    assert isinstance(done.exception, ImageError)
    assert "cannot be written: No such file or directory" in str(done.exception)
