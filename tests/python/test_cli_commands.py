"""The other commands: tools, doctor, serve, bench, evaluate, and the manual in --help."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from onelight import spec
from onelight.cli import bench_tools
from onelight.cli.app import app
from onelight.client import Client
from onelight.tools import discover
from typer.testing import CliRunner

TOOLS = list(discover().values())


def run(*words: object) -> Any:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, list(map(str, words)))
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done


def test_a_command_line_that_only_says_what_there_is_loads_nothing_that_computes() -> None:
    heavy = ("scipy", "torch", "onnxruntime", "sqlalchemy", "mitsuba", "matplotlib", "onelight.soundstage.stage")
    code = f"import sys, onelight.cli.app; print(*(name for name in {heavy!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.id)
def test_the_help_of_a_render_documents_every_option_knob_clip_pass_and_preset(tool: spec.Tool) -> None:
    said = run("render", tool.id, "--help").output
    for option in ("--in", "--out", "--frames", "--clip", "--mask", "--set", "--preset", "--analysis", "--output"):
        assert option in said
    for option in ("--show", "--version", "--server", "--colourspace", "--overwrite", "--json"):
        assert option in said
    knobs = [k for k in tool.all_knobs() if not isinstance(k, spec.Button) and getattr(k, "mode", "") != "label"]
    words = set(said.split())
    assert {knob.name for knob in knobs} <= words
    assert {each.name for each in tool.passes} <= words
    assert {clip.name for clip in tool.clips if not clip.mask and clip.name != "Source"} <= words
    assert {entry.name for entry in (tool.presets.entries if tool.presets else ())} <= words
    assert knobs[0].hint.split()[0] in words


def test_tools_lists_what_there_is_and_all_about_one() -> None:
    found = json.loads(run("tools", "--json").stdout)["tools"]
    assert [tool["id"] for tool in found] == [tool.id for tool in TOOLS]
    relight = json.loads(run("tools", "relight", "--json").stdout)["tools"][0]
    elevation = next(knob for knob in relight["knobs"] if knob["name"] == "key_elevation")
    assert elevation["kind"] == "angle"
    assert elevation["neutral"] == {"same_as": "present_elevation"}
    assert "golden_hour" in relight["presets"]
    assert "New light on the plate" in run("tools", "relight").stdout
    done = subprocess.run(
        [sys.executable, "-c", "from onelight.cli import main; main()", "tools", "paint"],
        capture_output=True,
        text=True,
        check=False,
    )
    known = ", ".join(tool.id for tool in TOOLS)
    assert (done.returncode, done.stderr) == (1, f"onelight: there is no tool 'paint': there are {known}\n")


def doctor(*words: object) -> tuple[int, dict[str, dict[str, str]]]:
    done = run("doctor", "--json", *words)
    return done.exit_code, {finding["what"]: finding for finding in json.loads(done.stdout)["findings"]}


def test_doctor_finds_a_healthy_machine_healthy(server: Any, bundle: Path) -> None:
    code, found = doctor("--server", server.address, "--bundle", bundle)
    assert {finding["state"] for finding in found.values()} <= {"good", "note"}, found
    assert code == 0
    assert str(bundle) in found["OpenFX bundle"]["found"]
    assert f"{server.address} is ready" in found["Server"]["found"]
    assert "onnxruntime" in found["Inference"]["found"]


def test_doctor_says_what_is_wrong_and_how_to_mend_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from onelight import colour

    monkeypatch.setenv("OCIO", str(tmp_path / "gone.ocio"))
    colour.config.cache_clear()
    code, found = doctor("--server", f"unix:{tmp_path}/none.sock", "--bundle", tmp_path)
    colour.config.cache_clear()
    assert code == 1
    assert "none.sock" in found["Server"]["found"]
    assert "onelight serve" in found["Server"]["mend"]
    assert "make build" in found["OpenFX bundle"]["mend"]
    assert "gone.ocio" in found["Colour config"]["found"]
    assert "$OCIO" in found["Colour config"]["mend"]


def test_doctor_leaves_no_server_running_that_it_started(
    socket_folder: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONELIGHT_SERVER", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(socket_folder))
    monkeypatch.setenv("ONELIGHT_SERVER_COMMAND", f"'{sys.executable}' -m onelight_server")
    _, found = doctor("--bundle", bundle)
    assert found["Server"]["state"] == "good", found["Server"]
    [started] = socket_folder.glob("onelight/server-*.pid")
    assert not psutil.pid_exists(int(started.read_text()))


def test_doctor_refuses_a_library_that_is_no_plugin(tmp_path: Path, server: Any) -> None:
    folder = tmp_path / "Contents" / "Linux-x86-64"
    folder.mkdir(parents=True)
    (folder / "Onelight.ofx").write_bytes(b"not a library")
    _, found = doctor("--server", server.address, "--bundle", tmp_path)
    assert found["OpenFX bundle"]["state"] == "bad"
    assert "does not load" in found["OpenFX bundle"]["found"]


@pytest.fixture
def socket_folder() -> Iterator[Path]:
    """A folder of one's own with a path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="onelight-") as folder:
        yield Path(folder)


def test_serve_starts_a_server_and_ends_it_on_a_signal(socket_folder: Path) -> None:
    address = f"unix:{socket_folder}/server.sock"
    command = [sys.executable, "-c", "from onelight.cli import main; main()", "serve", "--address", address]
    with subprocess.Popen([*command, "--log-level", "warning"], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline().split() == ["ready", address]
        assert Client(address).problem() == ""
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0


def test_bench_tools_gives_a_row_for_each_size_and_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_tools, "SIZES", ((192, 108), (320, 180)))
    rows = json.loads(run("bench", "tools", "relight", "--rounds", "2", "--json").stdout)["rows"]
    assert [(row["tool"], row["width"], row["height"], row["mode"]) for row in rows] == [
        ("relight", width, height, mode)
        for width, height in ((192, 108), (320, 180))
        for mode in ("cold", "warm", "knob")
    ]
    for row in rows:
        assert row.keys() == {"tool", "width", "height", "mode", "seconds", "server_peak_mb"}
        assert row["seconds"] > 0
        assert row["server_peak_mb"] > 20
    cold, knob = (
        next(r["seconds"] for r in rows if r["width"] == 320 and r["mode"] == mode) for mode in ("cold", "knob")
    )
    assert knob < cold


def test_evaluate_says_when_a_tool_has_no_score() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from onelight.cli import main; main()", "evaluate", "probe"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "onelight: Probe has no evaluation\n")
