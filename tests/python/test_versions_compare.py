"""Versions side by side: the same shot through each, the sheet that a lead looks at, and the numbers behind it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import stagerun
from onelight import tools
from onelight.cli.app import app
from onelight.colour import Colour
from onelight.dailies import ingest
from onelight.errors import OnelightError, RequestError
from onelight.registry import Registry
from onelight.runtime import Session
from onelight.shows import versions
from onelight.shows.schema import Clip
from onelight.shows.store import Show
from onelight.stages import Context, FrameInfo
from onelight.studio import compare
from onelight.temporal.encode import middle
from onelight.tools import discover
from sqlalchemy import select
from typer.testing import CliRunner

PLATE = Path(__file__).parents[2] / "examples" / "plates" / "city.exr"
RIGHTS = '[[rights]]\nclips = ["{}"]\nowner = "Test Pictures"\nbasis = "licence"\npurposes = ["training", "{}"]\n'
GOLDEN = {"key_azimuth": 60.0, "key_elevation": 10.0, "key_stops": 0.7, "key_kelvin": 3100.0}


def session(name: str) -> Session:
    return Session(Registry(discover()).find("base", "relight", name), 1)


def shot(factor: int = 1) -> compare.Shot:
    plate = np.ascontiguousarray(stagerun.scene(144, 96)[..., :3])
    return compare.Shot("scene 1001", {0: plate}, 1001, factor)


def knobs(found: Mapping[str, Any], frame: int) -> dict[str, Any]:
    return {**stagerun.defaults(discover()["relight"]), **found, **GOLDEN}


def test_a_shot_goes_through_each_version_as_a_node_would_send_it() -> None:
    tool = discover()["relight"]
    sessions = {"base": session("classical1"), "v001": session("soundstage2")}
    told: list[tuple[str, int, int]] = []
    found = compare.compare(tool, [shot()], sessions, knobs, ("result", "normals"), lambda *step: told.append(step))
    assert [title for title, _ in found.lines] == [
        "scene 1001: result",
        "scene 1001: what differs",
        "scene 1001: normals",
    ]
    captions, pictures, data = zip(*found.lines[0][1], strict=True)
    assert captions == ("plate", "base", "v001") and data == ("", "", "")
    plate = stagerun.scene(144, 96)
    exposure = np.float32(compare.GREY / middle(plate[..., :3]))
    for name, picture in zip(("classical1", "soundstage2"), pictures[1:], strict=True):
        values = knobs(_analysed(plate, name), 1001)
        alone = stagerun.run(tool, plate, values, time=1001.0, version=name)["output"]
        assert np.array_equal(picture, alone[..., :3] * exposure)
    base, new = found.rows
    assert (base["stops"], base["changed"]) == (0.0, 0.0)
    assert new["stops"] > 0.01 and 0 < new["changed"] <= 1
    assert found.lines[2][1][1][2] == "normals" and told[-1] == ("Rendering", 2, 2)


def _analysed(plate: np.ndarray, name: str) -> dict[str, Any]:
    info = FrameInfo.of(144, 96, time=1001.0, colourspace="acescg")
    values = knobs({}, 1001)
    return tools.graph("relight").analyse(
        [Context(values, info, {("Source", 0): plate}, Colour.of("acescg"), session(name))]
    )


def test_the_same_version_twice_differs_nowhere() -> None:
    sessions = {"base": session("classical1"), "again": session("classical1")}
    found = compare.compare(discover()["relight"], [shot()], sessions, knobs)
    assert [row["stops_95"] for row in found.rows] == [0.0, 0.0]
    captions, pictures, _ = zip(*found.lines[1][1], strict=True)
    assert captions[2] == "again against base" and np.all(pictures[2] == 0.5)
    assert captions[0] == "scale: -0.5 to +0.5 stops" and pictures[0][0, 0, 0] == 0 and pictures[0][0, -1, 0] == 1


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a show that has a still to look at, one that may not be looked at, and two versions of Relight."""
    folder = tmp_path_factory.mktemp("prepared")
    show = Show.create("apollo", folder / "shows")
    (folder / "dailies").mkdir()
    for name in ("city", "closed"):
        shutil.copyfile(PLATE, folder / "dailies" / f"{name}.exr")
    with (folder / "dailies" / "closed.exr").open("ab") as file:
        file.write(b"another file")
    rights = folder / "rights.toml"
    rights.write_text(RIGHTS.format("city", "evaluation") + RIGHTS.format("closed", "look"))
    ingest.ingest(show, [folder / "dailies"], rights, space="lin_rec709")
    with show.session() as session:
        clips = list(session.scalars(select(Clip).where(Clip.name == "city")))
    registry = Registry(discover())
    told = {"metrics": [{"metric": "psnr", "gain": 0.5}], "manifest": {"code": "0" * 40}}
    base = registry.find("base", "relight", "soundstage2")
    for name, gain in (("soundstage1", "no gain"), ("soundstage2", "gain")):
        staged = next(iter(registry.find("base", "relight", name).stages.values())).parent
        versions.add(show, "relight", staged, gain=gain, clips=clips, base=base, **told)
    show.engine.dispose()
    return folder / "shows"


def told(root: Path, *words: str) -> str:
    """What a command prints; a refusal is raised."""
    done = CliRunner().invoke(app, [*words, "--show", "apollo", "--root", str(root)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_writes_a_sheet_with_plate_base_and_versions(prepared: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    text = told(prepared, "version", "compare", "v1", "v2", "--size", "200", "--out", str(out), "--json")
    assert '"shot": "city (learnt from)", "version": "base soundstage2"' in text
    assert '"version": "v001 (candidate)"' in text
    picture = cv2.imread(str(out))
    assert picture is not None and picture.shape[1] == 4 * 400
    again = told(prepared, "version", "compare", "relight@v2", "--size", "200", "--shot", "city:1", "--out", str(out))
    assert "soundstage2" in again and "v002" in again and "v001" not in again


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("v2", "--shot", "closed"), "closed may not be looked at through models: Test Pictures allows training, look"),
        (("v2", "--shot", "nothing"), "no clip 'nothing' in the dailies"),
        (("v2", "--shot", "city:7"), "'city' has no shot at frame 7"),
        (("v2", "--output", "beauty"), "Relight has no pass 'beauty'"),
        (("v2", "--set", "key_stop=1"), "did you mean 'key_stops'"),
        (("v2", "--out", "sheet.gif"), "is not named as a PNG"),
        (("v2", "cleanup@v1"), "different tools cannot be compared"),
        (("v9",), "has no version v009"),
        (("borealis/relight@v1",), "is not a version of the show 'apollo'"),
        (("newest",), "'newest' is no version"),
        (("@v1",), "names no tool"),
    ],
)
def test_what_cannot_be_compared_says_why(prepared: Path, words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(OnelightError, match=sentence):
        told(prepared, "version", "compare", *words)


def test_versions_are_listed_shown_approved_and_rolled_back_from_the_command_line(
    prepared: Path, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(prepared, tmp_path / "shows"))
    assert "relight@v002" in told(root, "version", "list")
    with pytest.raises(RequestError, match="relight v001 shows no gain over its base: say why"):
        told(root, "version", "approve", "relight@v1")
    assert "apollo/relight@v001 is approved." in told(root, "version", "approve", "v1", "--why", "the only one")
    assert "v001 is retired, and can be rolled back to" in told(root, "version", "approve", "apollo/relight@v002")
    assert "relight@v001 is approved again; v002 is retired" in told(
        root, "version", "rollback", "relight", "--why", "bleeds"
    )
    shown = told(root, "version", "show", "relight@1")
    for words in ("approved", "no gain", "every byte as it was signed", "psnr", "city", "version rollback", "bleeds"):
        assert words in shown, words
    archive = tmp_path / "v002.zip"
    assert "sha256" in told(root, "version", "export", "v2", "--to", str(archive))
    assert "apollo/relight@v002 is here, retired." in told(root, "version", "import", str(archive))
    assert "no relight is approved now" in told(root, "version", "retire", "v1", "--why", "bleeds too")
