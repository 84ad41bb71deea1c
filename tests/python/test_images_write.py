"""Writing frames: all that the plate's file said is kept, and a failure leaves nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from onelight import images
from onelight.errors import ImageError

BREAKERS = Path(__file__).parents[1] / "data" / "breakers"


def plate(path: Path) -> Path:
    """A half plate with overscan, timecode and a camera's attributes."""
    spec = oiio.ImageSpec(64, 40, 4, oiio.HALF)
    spec.x, spec.y, spec.full_x, spec.full_y, spec.full_width, spec.full_height = -4, -2, 0, 0, 56, 36
    spec.attribute("compression", "piz")
    spec.attribute("PixelAspectRatio", 2.0)
    spec.attribute("smpte:TimeCode", oiio.TypeDesc("timecode"), (0x01020304, 0))
    spec.attribute(
        "chromaticities", oiio.TypeDesc("float[8]"), [0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.3217, 0.3377]
    )
    spec.attribute("cameraModel", "Alexa 35")
    spec.attribute("show/shot", "ab_010")
    output = oiio.ImageOutput.create(path.name)
    assert output is not None
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.random.default_rng(1).normal(1, 2, (40, 64, 4)).astype(np.float16))
    assert output.close()
    return path


def test_metadata_windows_type_and_compression_are_kept(tmp_path: Path) -> None:
    frame = images.read_frame(plate(tmp_path / "in.exr"))
    images.write_frame(tmp_path / "out.exr", frame, frame.pixels * np.float16(2))
    before, after = frame.spec, images.read_frame(tmp_path / "out.exr").spec
    assert str(after.format) == "half"
    for name in ("x", "y", "width", "height", "full_x", "full_y", "full_width", "full_height"):
        assert getattr(after, name) == getattr(before, name), name
    for name in ("compression", "PixelAspectRatio", "smpte:TimeCode", "chromaticities", "cameraModel", "show/shot"):
        assert after.getattribute(name) == before.getattribute(name) is not None, name


def test_a_plate_without_alpha_is_written_without_one(tmp_path: Path) -> None:
    frame = images.read_frame(BREAKERS / "multipart.exr")
    images.write_frame(tmp_path / "out.exr", frame)
    assert images.read_frame(tmp_path / "out.exr").spec.channelnames == ("R", "G", "B")


def test_a_missing_folder_an_unknown_format_and_a_folder_in_the_way_are_named(tmp_path: Path) -> None:
    frame = images.read_frame(BREAKERS / "overscan.exr")
    with pytest.raises(ImageError, match=r"out\.exr cannot be written: the folder .*nowhere does not exist"):
        images.write_frame(tmp_path / "nowhere" / "out.exr", frame)
    with pytest.raises(ImageError, match=r"no image format is known by the ending '\.xyz'"):
        images.write_frame(tmp_path / "out.xyz", frame)
    (tmp_path / "folder.exr").mkdir()
    with pytest.raises(ImageError, match="it is a folder"):
        images.write_frame(tmp_path / "folder.exr", frame)


def run(code: str, *args: str, **kwargs: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, **kwargs)  # type: ignore[call-overload]


WRITE = """
import sys
from onelight import images
from onelight.errors import ImageError
{before}
try:
    images.write_frame(sys.argv[2], images.read_frame(sys.argv[1]))
except ImageError as error:
    print(error)
"""


def test_a_read_only_folder_is_named_and_stays_empty(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    drop = "import os; os.setgroups([]); os.setgid(65534); os.setuid(65534)" if os.getuid() == 0 else ""
    for parent in [tmp_path, *tmp_path.parents]:  # the other user must be able to reach it
        if parent.owner() == tmp_path.owner() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    source = tmp_path / "in.exr"
    source.write_bytes((BREAKERS / "overscan.exr").read_bytes())
    said = run(WRITE.format(before=drop), str(source), str(folder / "out.exr"))
    assert "out.exr cannot be written: Permission denied" in said.stdout, said.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("ending", ["exr", "tif", "png", "dpx"])
def test_a_disk_that_fills_up_is_named_and_leaves_the_old_file_whole(tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"out.{ending}"
    images.write_frame(target, images.read_frame(BREAKERS / "overscan.exr"))
    before = target.read_bytes()
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) // 3},) * 2)"
    said = run(WRITE.format(before=limit), str(BREAKERS / "overscan.exr"), str(target))
    assert f"out.{ending} cannot be written" in said.stdout, said.stderr
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_a_writer_that_was_killed_leaves_nothing_under_the_name_and_the_next_sweep_removes_the_rest(
    tmp_path: Path,
) -> None:
    kill = "import os, pathlib, signal; pathlib.Path.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)"
    died = run(WRITE.format(before=kill), str(BREAKERS / "overscan.exr"), str(tmp_path / "out.exr"))
    assert died.returncode == -signal.SIGKILL
    assert not (tmp_path / "out.exr").exists()
    assert images.sweep_parts(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_a_living_process_writes_is_left_alone(tmp_path: Path) -> None:
    import socket

    part = tmp_path / f"{images.PART_PREFIX}-{socket.gethostname()}-{os.getpid()}-out.exr"
    part.touch()
    assert images.sweep_parts(tmp_path) == 0
    assert part.exists()
