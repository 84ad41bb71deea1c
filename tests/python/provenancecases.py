"""A production that renders with proof: a real show with a clip and a version that learnt from it, a real server."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from onelight import images
from onelight.cli.app import app
from onelight.dailies import files
from onelight.shows import versions
from onelight.shows.schema import Clip, ModelVersion, Rights
from onelight.shows.store import Show
from typer.main import get_command

FRAMES = range(1001, 1005)
CLIP = "A003C012_250114_R2EK"
WHY = ["--sidecar", "--operator", "Ada", "--purpose", "continuity"]


@cache
def _command() -> Any:
    return get_command(app)  # built once: half of what a short command takes


def onelight(*words: object) -> tuple[int, str]:
    """Exit code and all that the command printed on stdout, run here: a process each would take most of the time.

    What main() would say of an error in a sentence is raised.
    """
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            _command().main([str(word) for word in words], prog_name="onelight")
            code = 0
        except SystemExit as done:
            code = int(done.code or 0)
    return code, out.getvalue()


def with_clip(show: Show, name: str = CLIP) -> Clip:
    """A clip of the dailies, with rights to learn from it; its file, beside the shows, is no movie but has hashes."""
    movie = show.folder.parent.parent / f"{name}.mov"
    movie.write_bytes(b"as shot" * 1000)
    told = {movie.name: files.told(movie)}
    with show.session() as session:
        rights = Rights(
            digest=f"{1:064x}",
            owner="Apollo Productions",
            basis="production agreement",
            purposes=["training"],
            expires=None,
            consents={},
            source="rights.toml",
        )
        clip = Clip(
            digest=files.digest(told.values()),
            name=name,
            path=str(movie),
            kind="movie",
            first=0,
            last=239,
            width=1920,
            height=1080,
            rate="24",
            space="logc3",
            reel="A003",
            timecode="01:00:00:00",
            camera={"camera": "ALEXA Mini"},
            cdl=None,
            files=told,
            ingested=datetime.now(UTC),
            withdrawn=None,
            rights=rights,
        )
        session.add(clip)
        session.flush()
        return clip


def plates(folder: Path, frames: Sequence[int] = FRAMES, suffix: str = ".exr") -> None:
    """Frames of a plate with grain, 96 x 140: three bands of rows to tell a changed one by."""
    folder.mkdir(exist_ok=True)
    for frame in frames:
        pixels = np.random.default_rng(frame).uniform(0, 1, (140, 96, 4)).astype(np.float16)
        pixels[..., 3] = 1
        images.write_frame(folder / f"plate.{frame}{suffix}", images.Frame.of(pixels, cameraModel="ALEXA Mini"))


@dataclass(frozen=True)
class Studio:
    """The production's show, its root, where its plates and its renders lie, and the server that serves it."""

    show: Show
    root: Path
    folder: Path
    address: str

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def sidecar(self) -> Path:
        return self.out / "out.exr.onelight.jsonl"

    def render(self, *words: object, suffix: str = ".exr", show: str = "apollo", tool: str = "probe") -> dict[str, Any]:
        """What `onelight render --json` says; frames are flipped, so that something is done to them."""
        model = ["--show", show, "--version", "v001"] if show != "base" else []
        pattern = ["--in", f"{self.folder}/plates/plate.####.exr", "--out", f"{self.out}/out.####{suffix}"]
        common = ["--server", self.address, "--root", self.root, "--json"]
        flip = ["--set", "flip=on"] if tool == "probe" else []
        code, said = onelight("render", tool, *pattern, *flip, *model, *common, *words)
        told = json.loads(said)
        assert (code == 0) == (told["error"] == ""), said
        return told

    def verify(self, *files: object, words: Sequence[object] = ()) -> tuple[int, dict[str, dict[str, Any]]]:
        """Exit code, and what was found by file name; without files: the whole sequence."""
        asked = files or [self.sidecar]
        code, said = onelight("verify", *asked, "--root", self.root, "--json", *words)
        assert said.startswith("{"), said
        return code, {Path(each["file"]).name: each for each in json.loads(said)["files"]}

    def show_version(self) -> ModelVersion:
        """The version that renders."""
        return versions.get(self.show, "probe", "v001")

    def records(self) -> list[dict[str, Any]]:
        """The lines of the sidecar."""
        return [json.loads(line) for line in self.sidecar.read_text().splitlines()]


def staged(folder: Path) -> Path:
    """A finished staging folder of a version of Probe, which needs no network."""
    folder.mkdir()
    sheet = {"tool": "probe", "version": folder.name, "spec_version": 1, "stages": {}}
    (folder / "version.json").write_text(json.dumps(sheet))
    (folder / "card.md").write_text("Probe\n")
    return folder


def production(root: Path, scratch: Path) -> Show:
    """The show `apollo`: one clip, and version v001 of Probe that learnt from it."""
    show = Show.create("apollo", root)
    clip = with_clip(show)
    versions.add(
        show,
        "probe",
        staged(scratch / "staged"),
        gain="gain",
        metrics={"gain_db": 0.7, "interval": [0.4, 1.0]},
        manifest={"steps": 100, "seed": 1},
        clips=[clip],
        base=None,
    )
    versions.approve(show, "probe", "v001")
    return show
