"""`onelight render` as a user runs it: another process, a real server, real files."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onelight import images
from onelight.cli.app import app
from stagerun import panned_wall
from typer.testing import CliRunner

ONELIGHT = [sys.executable, "-c", "from onelight.cli import main; main()"]
FLIP = ["--set", "flip=on"]


def onelight(*words: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*ONELIGHT, *map(str, words)], capture_output=True, text=True, timeout=timeout, check=False)


def render(server: Any, *words: object, tool: str = "probe") -> tuple[int, dict[str, Any]]:
    """Exit code and the one JSON object of the command, run here: a process each would take most of the time."""
    done = CliRunner().invoke(app, list(map(str, ["render", tool, "--server", server.address, "--json", *words])))
    assert isinstance(done.exception, SystemExit | None), done.exception
    assert done.stdout.count("\n") == 1, done.output
    return done.exit_code, json.loads(done.stdout)


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """Frames 1001-1004 of a plate with overscan; a folder for the output."""
    spec_holder = images.Frame.of(np.zeros((140, 200, 4), np.float16), cameraModel="Alexa 35")
    spec_holder.spec.x, spec_holder.spec.y = -6, -4
    spec_holder.spec.full_width, spec_holder.spec.full_height = 188, 132
    (tmp_path / "out").mkdir()
    for frame in range(1001, 1005):
        pixels = np.random.default_rng(frame).normal(0.5, 1, (140, 200, 4)).astype(np.float16)
        images.write_frame(tmp_path / f"plate.{frame}.exr", spec_holder, pixels)
    return tmp_path


def io(shot: Path) -> list[str]:
    return ["--in", f"{shot}/plate.####.exr", "--out", f"{shot}/out/out.####.exr"]


def test_frames_come_out_with_the_plates_metadata_windows_and_type(server: Any, shot: Path) -> None:
    code, said = render(server, *io(shot), *FLIP)
    assert (code, said["rendered"], said["skipped"], said["error"]) == (0, 4, 0, "")
    for row in said["frames"]:
        plate, result = images.read_frame(shot / f"plate.{row['frame']}.exr"), images.read_frame(row["file"])
        assert result.pixels.dtype == np.float16
        assert (result.window, result.format) == (plate.window, plate.format)
        assert result.spec.getattribute("cameraModel") == "Alexa 35"
        np.testing.assert_array_equal(np.abs(result.pixels[..., :3]), np.abs(plate.pixels[..., :3]))
        assert (result.pixels[..., :3] != plate.pixels[..., :3]).any()
        np.testing.assert_array_equal(result.pixels[..., 3], plate.pixels[..., 3])
        assert len(row["digest"]) == 64


def test_a_process_of_its_own_prints_one_object_and_counts(server: Any, shot: Path) -> None:
    words = ["render", "probe", "--server", server.address, *io(shot), *FLIP]
    done = onelight(*words)
    assert (done.returncode, done.stdout) == (0, "Probe: 4 rendered, 0 already finished\n"), done.stderr
    done = onelight(*words, "--json")
    assert json.loads(done.stdout)["skipped"] == 4


def test_a_full_disk_is_named_and_leaves_no_part(shot: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    done = subprocess.run([*ONELIGHT, "render", "probe", *io(shot)], capture_output=True, text=True, preexec_fn=limit)
    assert done.returncode == 1
    assert "frame 1001: " in done.stderr
    assert "out.1001.exr cannot be written" in done.stderr
    assert list((shot / "out").iterdir()) == []


def test_a_read_only_folder_is_named(shot: Path) -> None:
    (shot / "out").chmod(0o555)
    for parent in [shot, *shot.parents]:  # root may write anywhere, so another user tries, who must get there
        if os.getuid() == 0 and parent.owner() == shot.owner() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)

    drop = "os.setgroups([]); os.setgid(65534); os.setuid(65534)" if os.getuid() == 0 else "pass"
    warm = ["render", "probe", "--in", f"{shot}/plate.1001.exr", "--out", f"{shot}/warm.exr"]
    code = f"""
import os
from onelight.cli import main
from onelight.cli.app import app
app({warm!r}, standalone_mode=False)  # the other user may not be allowed to read Python's own modules
{drop}
main()
"""
    words = [sys.executable, "-c", code, "render", "probe", *io(shot)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "out.1001.exr cannot be written: Permission denied" in done.stderr
    assert list((shot / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("deep.exr", "is a deep image: flatten it first"),
        ("bomb.exr", "header claims"),
        ("missing_tiles.exr", "is broken or cut short"),
        ("luminance_only.exr", "has 1 channel (Y): R, G, B and perhaps A are expected"),
    ],
)
def test_a_plate_that_cannot_be_one_is_named_with_the_reason(server: Any, shot: Path, name: str, sentence: str) -> None:
    plate = Path(__file__).parents[1] / "data" / "breakers" / name
    code, said = render(server, "--in", plate, "--out", f"{shot}/out/o.exr", *FLIP)
    assert code == 1
    assert sentence in said["error"]
    assert name in said["error"]


def test_nan_luminance_chroma_multi_part_and_overscan_plates_render(server: Any, shot: Path) -> None:
    for name in (
        "nan_and_inf.exr",
        "luminance_chroma.exr",
        "multipart.exr",
        "overscan.exr",
        "window_outside_format.exr",
    ):
        plate = Path(__file__).parents[1] / "data" / "breakers" / name
        words = ["--in", plate, "--out", f"{shot}/out/{name}", "--set", "key_stops=-1"]
        code, said = render(server, *words, tool="relight")
        assert code == 0, said["error"]
        before, after = images.read_frame(plate), images.read_frame(shot / "out" / name)
        assert after.window == before.window
        finite = np.isfinite(before.pixels).all(axis=-1)
        assert np.isfinite(after.pixels[finite]).all(), name


def test_neutral_knobs_copy_the_plate_and_need_no_server(shot: Path) -> None:
    done = onelight("render", "probe", "--server", "127.0.0.1:9", *io(shot))
    assert done.returncode == 0, done.stderr
    for frame in range(1001, 1005):
        plate, result = (images.read_frame(shot / name) for name in (f"plate.{frame}.exr", f"out/out.{frame}.exr"))
        np.testing.assert_array_equal(result.pixels.view(np.uint16), plate.pixels.view(np.uint16))


def test_finished_frames_are_skipped_until_knobs_or_files_change(server: Any, shot: Path) -> None:
    assert render(server, *io(shot), *FLIP, "--frames", "1001-1002")[1]["rendered"] == 2
    assert [row["skipped"] for row in render(server, *io(shot), *FLIP)[1]["frames"]] == [True, True, False, False]
    os.utime(shot / "plate.1003.exr")
    assert [row["skipped"] for row in render(server, *io(shot), *FLIP)[1]["frames"]] == [True, True, False, True]
    assert render(server, *io(shot), "--set", "gain=1")[1]["rendered"] == 4
    assert render(server, *io(shot), "--set", "gain=1", "--overwrite")[1]["rendered"] == 4


def test_a_keyed_knob_renders_again_only_the_frames_it_changes(server: Any, shot: Path) -> None:
    assert render(server, *io(shot), "--set", "gain=1")[1]["rendered"] == 4
    _, said = render(server, *io(shot), "--set", "gain=1@1002,3@1004")
    assert [row["skipped"] for row in said["frames"]] == [True, True, False, False]
    plate, at_2 = (images.read_frame(shot / name).pixels for name in ("plate.1003.exr", "out/out.1003.exr"))
    np.testing.assert_allclose(np.abs(at_2[..., :3]), np.abs(plate[..., :3]) * 4, rtol=1e-3)


def test_a_file_that_was_not_made_here_is_not_overwritten_unasked(server: Any, shot: Path) -> None:
    precious = shot / "out" / "out.1002.exr"
    precious.write_bytes(b"someone's work")
    code, said = render(server, *io(shot), *FLIP)
    assert code == 1
    assert "out.1002.exr is there already" in said["error"]
    assert "--overwrite" in said["error"]
    assert precious.read_bytes() == b"someone's work"
    assert render(server, *io(shot), *FLIP, "--overwrite")[0] == 0


def test_killed_in_mid_sequence_it_leaves_whole_frames_and_goes_on(server: Any, shot: Path) -> None:
    slow = ["render", "probe", "--server", server.address, *io(shot), "--set", "work=400", *FLIP]
    running = subprocess.Popen([*ONELIGHT, *slow], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (shot / "out" / "out.1002.exr").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    whole = sorted((shot / "out").glob("out.*.exr"))
    assert 2 <= len(whole) < 4
    for file in whole:
        images.read_frame(file)
    code, said = render(server, *io(shot), "--set", "work=400", *FLIP)
    assert code == 0
    assert sum(row["skipped"] for row in said["frames"]) >= len(whole) - 1  # the last may have died before its note
    assert sorted(path.name for path in (shot / "out").iterdir() if path.name.startswith(images.PART_PREFIX)) == []


def sends_a_frame(pid: int) -> bool:
    """Whether a process holds the memory in which frames travel."""
    try:
        return any("memfd:" in os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # one was closed while we looked
        return False


def test_interrupted_it_stops_the_server_work_says_so_and_leaves_no_part(server: Any, shot: Path) -> None:
    slow = ["render", "probe", "--server", server.address, *io(shot), "--set", "work=60000", *FLIP]
    # A shell's background job ignores SIGINT and hands that on; at a terminal, where Ctrl-C is pressed, nothing does.
    command = ["env", "--default-signal=INT", *ONELIGHT, *slow]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not sends_a_frame(running.pid) and time.monotonic() < deadline:
        time.sleep(0.005)
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, complaint = running.communicate(timeout=30)
    assert running.returncode == 130, complaint
    assert time.monotonic() - began < 5
    assert "Traceback" not in complaint
    assert list((shot / "out").iterdir()) == []


def test_a_mask_and_mix_are_laid_over_like_the_node_does(server: Any, shot: Path) -> None:
    weights = np.zeros((140, 200, 4), np.float32)
    weights[:, 20:140, 3], weights[:, 140:, 3] = 0.5, 1
    holder = images.read_frame(shot / "plate.1001.exr")
    images.write_frame(shot / "mask.exr", holder, weights)
    code, _ = render(server, *io(shot), "--frames", "1001", *FLIP, "--mask", shot / "mask.exr")
    assert code == 0
    plate, out = holder.pixels, images.read_frame(shot / "out" / "out.1001.exr").pixels
    flat = render(server, *io(shot), "--frames", "1001", *FLIP, "--overwrite")
    assert flat[0] == 0
    full = images.read_frame(shot / "out" / "out.1001.exr").pixels
    np.testing.assert_array_equal(out[:, :20].view(np.uint16), plate[:, :20].view(np.uint16))
    np.testing.assert_array_equal(out[:, 140:].view(np.uint16), full[:, 140:].view(np.uint16))
    half = (plate[:, 20:140, :3].astype(np.float32) + full[:, 20:140, :3]) / 2
    np.testing.assert_allclose(out[:, 20:140, :3], half, atol=2e-3)


def test_masked_and_mixed_passes_rebuild_the_masked_and_mixed_result(server: Any, shot: Path) -> None:
    holder = images.read_frame(shot / "plate.1001.exr").pixels.astype(np.float32)
    images.write_frame(shot / "still.exr", images.Frame.of(holder), holder)
    weights = np.full((140, 200, 4), 0.5, np.float32)
    weights[:, :20] = 0
    images.write_frame(shot / "mask.exr", images.Frame.of(weights), weights)
    words = ["--in", f"{shot}/still.exr", "--preset", "golden_hour", "--mask", shot / "mask.exr", "--set", "mix=0.5"]
    made = {}
    for name in ("result", "ratio", "added", "normals"):
        code, said = render(server, *words, "--out", f"{shot}/out/{name}.exr", "--output", name, tool="relight")
        assert code == 0, said["error"]
        made[name] = images.read_frame(shot / "out" / f"{name}.exr").pixels[..., :3]
    plate = holder[..., :3]
    assert (made["ratio"][:, :20] == 1).all() and (made["added"][:, :20] == 0).all()
    assert not np.allclose(made["result"][:, 20:], plate[:, 20:])
    np.testing.assert_allclose(plate * made["ratio"] + made["added"], made["result"], rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(made["normals"], axis=-1), 1, atol=0.05)


def test_a_second_clip_a_still_is_held_and_a_missing_frame_of_it_is_named(server: Any, shot: Path) -> None:
    assert render(server, *io(shot), *FLIP, "--clip", f"Second={shot}/plate.1001.exr")[0] == 0
    code, said = render(server, *io(shot), *FLIP, "--clip", f"Second={shot}/second.####.exr")
    assert code == 1
    assert "Probe: Second has no frame 1001" in said["error"]
    assert "second.1001.exr" in said["error"]
    code, said = render(server, *io(shot), *FLIP, "--clip", f"Third={shot}/plate.1001.exr")
    assert "Probe has no clip 'Third': there are Second, Mask" in said["error"]


def test_a_pass_comes_out_unblended(server: Any, shot: Path) -> None:
    assert render(server, *io(shot), "--frames", "1001", "--output", "map", *FLIP)[0] == 0
    assert set(np.unique(images.read_frame(shot / "out" / "out.1001.exr").pixels[..., :3])) <= {-1.0, 1.0}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "gian=1"], "Probe has no knob 'gian': did you mean 'gain'? 'onelight tools probe' lists them"),
        (["--set", "zzz=1"], "Probe has no knob 'zzz': 'onelight tools probe' lists them"),
        (["--set", "gain=loud"], "Probe: gain is a number, not 'loud'"),
        (["--set", "gain=99"], "Probe: gain lies between -16 and 16, not at 99"),
        (["--set", "gain"], "write knob=value"),
        (["--set", "flip=on@1,off@x"], "is not value@frame"),
        (["--preset", "noon"], "Probe has no presets"),
        (["--output", "depth"], "Probe: output is one of result, map, not 'depth'"),
        (["--frames", "first"], "is not a frame range"),
        (["--frames", "1001-1009"], "Source has no frame 1005"),
        (["--analysis", "nowhere.json"], "nowhere.json cannot be read"),
        (["--clip", "Second"], "write NAME=PATTERN"),
        (["--show", "night", *FLIP], "night"),
        (["--version", "v999", *FLIP], "v999"),
        (["--colourspace", "Kodachrome", *FLIP], "Kodachrome"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_said_in_one_sentence(server: Any, shot: Path, words: list[str], sentence: str) -> None:
    code, said = render(server, *io(shot), *words)
    assert code == 1
    assert sentence in said["error"]
    assert list((shot / "out").iterdir()) == []


def test_errors_go_to_stderr_as_one_line_without_a_traceback(shot: Path) -> None:
    done = onelight("render", "probe", "--server", f"unix:{shot}/none.sock", *io(shot), *FLIP, "--set", "timeout=5")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("onelight: frame 1001: ")
    assert "none.sock" in done.stderr
    assert done.stderr.count("\n") == 1
    assert onelight("render", "probe").returncode == 2
    assert onelight("render", "nothing").returncode == 2


def test_patterns_that_cannot_work_are_refused_before_the_first_frame(server: Any, shot: Path) -> None:
    source = f"{shot}/plate.####.exr"
    assert "is one file for 4 frames" in render(server, "--in", source, "--out", f"{shot}/out/o.exr", *FLIP)[1]["error"]
    said = render(server, "--in", source, "--out", f"{shot}/out", *FLIP, "--overwrite")[1]["error"]
    assert said == f"--out {shot}/out is a folder: write {shot}/out/out.####.exr"
    assert "is the Source itself" in render(server, "--in", source, "--out", source, *FLIP)[1]["error"]
    said = render(server, "--in", source, "--out", f"{shot}/none/o.####.exr", *FLIP)[1]["error"]
    assert f"the folder {shot}/none does not exist" in said
    said = render(server, "--in", f"{shot}/gone.####.exr", "--out", f"{shot}/out/o.####.exr")[1]["error"]
    assert "gone.####.exr matches no file" in said


def test_printf_and_at_patterns_and_layers_are_read(server: Any, shot: Path) -> None:
    words = ["--in", f"{shot}/plate.%04d.exr", "--out", f"{shot}/out/o.@@@@.exr", *FLIP]
    assert render(server, *words)[1]["rendered"] == 4
    assert (shot / "out" / "o.1004.exr").exists()
    said = render(server, "--in", f"{shot}/plate.####.exr:diffuse", "--out", f"{shot}/out/p.####.exr", *FLIP)[1]
    assert "has no layer 'diffuse'" in said["error"]


def test_a_broken_frame_stops_the_render_and_names_it(server: Any, shot: Path) -> None:
    broken = shot / "plate.1003.exr"
    broken.write_bytes(broken.read_bytes()[:3000])
    code, said = render(server, *io(shot), *FLIP)
    assert code == 1
    assert [row["frame"] for row in said["frames"]] == [1001, 1002]
    assert said["error"].startswith("frame 1003: ")
    assert "plate.1003.exr" in said["error"]


def test_bytes_are_taken_as_srgb_and_logs_must_be_named(server: Any, shot: Path) -> None:
    data = Path(__file__).parents[1] / "data" / "breakers"
    words = ["--in", str(data / "ten_bit.dpx"), "--out", f"{shot}/out/o.exr", *FLIP]
    code, said = render(server, *words)
    assert code == 1
    assert "choose the input colour space" in said["error"]
    assert render(server, *words, "--colourspace", "logc3")[0] == 0
    assert render(server, "--in", data / "eight_bit.tif", "--out", f"{shot}/out/b.tif", *FLIP)[0] == 0


def test_relight_of_an_unanalysed_shot_says_to_press_analyse_and_how(server: Any, shot: Path) -> None:
    code, said = render(server, *io(shot), "--preset", "golden_hour", tool="relight")
    assert code == 1
    assert said["error"].startswith("Relight: press Analyse shot")
    assert "onelight analyse relight --in" in said["error"]
    chunk = render(server, *io(shot), "--preset", "golden_hour", "--frames", "1001", tool="relight")  # a farm's
    assert (chunk[0], chunk[1]["error"]) == (1, said["error"])
    still = ["--in", f"{shot}/plate.1001.exr", "--out", f"{shot}/out/still.exr", "--preset", "golden_hour"]
    assert render(server, *still, tool="relight")[0] == 0
    for frame in (1002, 1003, 1004):
        (shot / f"plate.{frame}.exr").unlink()
    assert render(server, *io(shot), "--preset", "golden_hour", tool="relight")[0] == 0


def test_an_analysis_follows_a_keyed_camera(server: Any, tmp_path: Path) -> None:
    """The light stands at 0 degrees in the reference frame 1002; the camera pans 30 degrees a frame."""
    for frame, heading in ((1001, -30.0), (1002, 0.0), (1003, 30.0), (1004, 60.0)):
        for name, pixels in zip(("plate", "normals"), panned_wall(heading, 0.0), strict=True):
            images.write_frame(tmp_path / f"{name}.{frame}.exr", images.Frame.of(pixels), pixels)
    files = ["--in", f"{tmp_path}/plate.####.exr", "--clip", f"Normals={tmp_path}/normals.####.exr"]
    fitted = []
    for keys in ("camera_heading=-30@1001,60@1004", "camera_heading=0"):
        out = tmp_path / "light.json"
        words = [*files, "--out", out, "--reference", 1002, "--set", keys, "--server", server.address]
        done = CliRunner().invoke(app, list(map(str, ["analyse", "relight", *words])))
        assert done.exit_code == 0, done.output
        fitted.append(json.loads(out.read_text())["knobs"]["present_azimuth"])
    assert abs(fitted[0]) < 10 < abs(fitted[1]), fitted


def test_an_analysis_is_written_once_and_read_by_the_render(server: Any, shot: Path) -> None:
    light = shot / "light.json"
    done = onelight("analyse", "relight", "--in", f"{shot}/plate.####.exr", "--out", light, "--server", server.address)
    assert done.returncode == 0, done.stderr
    found = json.loads(light.read_text())
    assert found["frames"] == "1001-1004"
    assert found["knobs"]["analysed"] is True
    assert {"present_azimuth", "present_elevation", "exposure"} <= found["knobs"].keys()
    words = ["--preset", "golden_hour", "--analysis", light]
    code, said = render(server, *io(shot), *words, tool="relight")
    assert (code, said["rendered"]) == (0, 4), said["error"]
    code, said = render(server, *io(shot), *words, tool="probe")
    assert "light.json is an analysis for relight, not for probe" in said["error"]
