"""Sidecars grow safely: renders that are killed and go on, frames out of order, several machines at once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from killing import killed_at_random, kills
from onelight import images
from onelight.errors import RequestError
from onelight.provenance import chain, shares, sidecar, terms
from onelight.provenance.sidecar import Maker, Sidecar
from onelight.shows.keys import Keys
from onelight.tools import discover
from provenancecases import FRAMES, WHY, Studio, plates

pytest_plugins = ["provenancefixtures"]


def command(studio: Studio, *words: object) -> list[str]:
    """A render as a process of its own."""
    pattern = ["--in", f"{studio.folder}/plates/plate.####.exr", "--out", f"{studio.out}/out.####.exr"]
    model = ["--show", "apollo", "--version", "v001", "--set", "flip=on"]
    where = ["--server", studio.address, "--root", str(studio.root)]
    main = [sys.executable, "-c", "from onelight.cli import main; main()", "render", "probe"]
    return [*main, *pattern, *model, *where, *WHY, *map(str, words)]


def test_a_render_killed_at_any_moment_goes_on_and_is_proven_whole(studio: Studio) -> None:
    frames = range(1001, 1013)
    plates(studio.folder / "plates", frames)

    def whole() -> None:
        """Nothing half done is visible: what lies there is proven or has been announced and is not there yet."""
        if not studio.sidecar.exists():
            assert not list(studio.out.glob("out.*.exr"))
            return
        _, found = studio.verify()
        for name, each in found.items():
            for problem in each["problems"]:
                missing = problem in ("the file is missing",) or "there is no record of it" in problem
                assert missing or problem.endswith("or a render was killed"), (name, problem)

    def again() -> None:
        for file in [*studio.out.iterdir()]:
            file.unlink()

    killed_at_random(command(studio), kills(6), whole, again=again, watched=studio.out)
    code, found = studio.verify()
    assert code == 0, found
    assert {f"out.{frame}.exr" for frame in frames} <= found.keys()


def test_frames_that_come_out_of_order_from_several_processes_are_one_chain(studio: Studio) -> None:
    chunks = ["1004,1002", "1003", "1001"]
    running = [subprocess.Popen(command(studio, "--frames", chunk), stderr=subprocess.PIPE) for chunk in chunks]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    code, found = studio.verify()
    assert code == 0, found
    records = studio.records()
    assert len({record.get("job") for record in records if record["kind"] == "frame"}) == len(chunks)
    assert sorted(record["frame"] for record in records if record["kind"] == "frame") == list(FRAMES)


def test_many_writers_at_once_lose_no_line(studio: Studio, tmp_path: Path) -> None:
    """Each with a lock of its own, as processes have; threads of one share theirs, so each runs a process."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from onelight.provenance.chain import Chain\n"
        "chain = Chain(Path(sys.argv[1]), None)\n"
        "for number in range(50):\n"
        "    chain.append({'kind': 'frame', 'by': sys.argv[2], 'number': number}, lambda: {'kind': 'header'})\n"
    )
    path = tmp_path / "many.jsonl"

    def write(name: str) -> None:
        subprocess.run([sys.executable, "-c", program, str(path), name], check=True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, "abcd"))
    lines = chain.read(path, None)
    assert [line.problem for line in lines if line.problem] == []
    assert len(lines) == 201
    for name in "abcd":
        assert [line.told["number"] for line in lines if line.told.get("by") == name] == list(range(50))


def test_what_a_killed_writer_began_is_cut_off_by_the_next(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "out.exr.onelight.jsonl"
    maker = Maker(studio.show, "Ada", "noise", "standard")
    Sidecar(path, maker).begin("out.####.exr", [1], {})
    with path.open("ab") as file:
        file.write(b'{"kind":"frame","fra')
    assert "has no end" in sidecar.read(path, maker.verify).problems[0]
    Sidecar(path, maker).begin("out.####.exr", [2], {})
    account = sidecar.read(path, maker.verify)
    assert (account.problems, len(account.jobs), account.signed) == ([], 2, True)


@pytest.mark.parametrize("left", ["", '{"at":"2026'])
def test_a_sidecar_that_was_only_just_begun_by_a_killed_render_is_begun_anew(studio: Studio, left: str) -> None:
    studio.sidecar.write_text(left)
    assert studio.render(*WHY, "--frames", "1001")["error"] == ""
    assert studio.verify()[0] == 0


def test_a_damaged_sidecar_is_not_added_to(studio: Studio) -> None:
    studio.sidecar.write_text("{}\n")
    assert "its first line is damaged" in studio.render(*WHY)["error"]
    assert studio.sidecar.read_text() == "{}\n"


def test_lines_written_past_a_lock_that_did_not_reach_stay_proven(studio: Studio, tmp_path: Path) -> None:
    path, keys = tmp_path / "forked.jsonl", Keys(studio.show)
    chain.Chain(path, keys.sign).append({"kind": "job"}, lambda: {"kind": "header"})
    before = chain.digest(path.read_bytes().splitlines()[-1])
    with path.open("ab") as file:  # two machines that saw the same end
        file.write(chain.line_of({"kind": "frame", "frame": 1}, before, keys.sign))
        file.write(chain.line_of({"kind": "frame", "frame": 2}, before, keys.sign))
    assert [line.problem for line in chain.read(path, keys.verify) if line.problem] == []


def test_a_full_disk_leaves_whole_lines_only(studio: Studio) -> None:
    import resource

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))

    done = subprocess.run(command(studio), capture_output=True, text=True, preexec_fn=limit)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert not list(studio.out.glob("out.*.exr"))
    if studio.sidecar.exists():
        assert studio.sidecar.read_bytes()[-1:] in (b"", b"\n")


def test_rendering_again_replaces_the_record_and_keeps_the_history(studio: Studio) -> None:
    studio.render(*WHY)
    assert studio.render(*WHY)["skipped"] == len(FRAMES)
    studio.render("--sidecar", "--operator", "Eve", "--purpose", "noise", "--frames", "1002", "--overwrite")
    code, found = studio.verify()
    assert code == 0, found
    assert found["out.1002.exr"]["record"]["operator"] == "Eve"
    assert found["out.1001.exr"]["record"]["operator"] == "Ada"
    assert sum(record.get("frame") == 1002 for record in studio.records()) == 2


def test_frames_finished_without_a_record_are_rendered_again_when_one_is_asked_for(studio: Studio) -> None:
    assert studio.render()["rendered"] == len(FRAMES)
    assert not studio.sidecar.exists()
    assert studio.render(*WHY)["rendered"] == len(FRAMES)
    assert studio.verify()[0] == 0


def test_what_a_key_signed_before_a_rekey_stays_proven(studio: Studio) -> None:
    from onelight.shows import rekeying

    studio.render(*WHY, "--frames", "1001")
    rekeying.rekey(studio.show, "a test's")
    studio.render(*WHY, "--frames", "1002")
    code, found = studio.verify()
    assert code == 0, found
    account = sidecar.read(studio.sidecar, Keys(studio.show).verify)
    assert len(account.keys) == 2


def test_a_job_that_runs_on_another_kind_of_device_is_refused(studio: Studio) -> None:
    """The ledger is what a run on another machine would have left."""
    studio.render(*WHY, "--frames", "1001")
    ledger = studio.out / ".out.@@@@.exr.onelight"
    told = json.loads(ledger.read_text())
    here = told["ran"]["provider"]
    told["ran"]["provider"] = "CUDAExecutionProvider"
    ledger.write_text(json.dumps(told) + "\n")
    said = studio.render(*WHY)["error"]
    assert f"this frame ran on {here}" in said
    assert "the others on CUDAExecutionProvider" in said
    assert [file.name for file in studio.out.glob("out.*.exr")] == ["out.1001.exr"]
    assert studio.render(*WHY, "--overwrite")["error"] == ""


def test_long_texts_are_written_once_a_job(studio: Studio, tmp_path: Path) -> None:
    from onelight.provenance.recording import Recording

    tool = discover()["cleanup"]
    recording = Recording(Maker(studio.show, "Ada", "clean-up", "standard"), tool, tmp_path / "o.@.exr", "o.#.exr")
    tracked = "wire " * 5000
    recording.begin([1, 2], [{"tracked": tracked}] * 2)
    told = recording.told(1, tmp_path / "o.1.exr", "result", {"tracked": tracked}, [], {}, {}, None)
    job = sidecar.read(recording.sidecar.path, Keys(studio.show).verify).jobs[0]
    assert job["texts"][told["knobs"]["tracked"].removeprefix("sha256:")] == tracked


def test_a_policy_that_lets_no_pixels_be_made_up_is_obeyed(studio: Studio, tmp_path: Path) -> None:
    from onelight.provenance.recording import Recording

    def told(share: float) -> dict:
        maker = Maker(studio.show, "Ada", "clean-up", "standard")
        recording = Recording(maker, discover()["cleanup"], tmp_path / "o.@.exr", "o.#.exr")
        recording.begin([1], [])
        measured = shares.Shares(1 - share, 0, 0, share)
        return recording.told(1, tmp_path / "o.1.exr", "result", {}, [], {}, {}, measured)

    assert told(0.25)["shares"]["synthesised"] == 0.25
    policy = studio.show.places.policy
    was = policy.read_text()
    policy.write_text("synthesise = false\n")
    try:
        assert told(0)["shares"]["synthesised"] == 0
        with pytest.raises(RequestError, match="lets no pixels be made up, and 25.000% of this frame are"):
            told(0.25)
    finally:
        policy.write_text(was)


def test_the_colours_of_source_maps_are_those_that_cleanup_draws() -> None:
    from onelight.tools.cleanup.fill import From
    from onelight.tools.cleanup.scene import SOURCE_COLOURS

    assert [tool.id for tool in discover().values() if shares.has_map(tool)] == ["cleanup"]
    moved = {tuple(SOURCE_COLOURS[each]) for each in (From.NEIGHBOUR, From.CLEAN)}
    made = {tuple(SOURCE_COLOURS[each]) for each in (From.ACROSS, From.MADE)}
    assert (moved, made) == (set(shares.MOVED), set(shares.MADE))
    assert {tuple(SOURCE_COLOURS[each]) for each in (From.PLATE, From.PAINT)} == {(0, 0, 0), (1, 0, 0)}


def test_shares_count_what_is_kept_graded_moved_and_made() -> None:
    plate = np.zeros((4, 4, 4), np.float16)
    plate[0, 0] = np.nan
    result, drawn = plate.copy(), np.zeros((4, 4, 4), np.float16)
    result[1] = 1
    drawn[1, :2, 1] = 1  # moved
    drawn[1, 2, :2] = 1  # interpolated
    drawn[2, :, 1] = 1  # would have been moved, but a mask kept it away
    told = shares.measure(plate, result, drawn)
    assert told == shares.Shares(kept=12 / 16, graded=1 / 16, transported=2 / 16, synthesised=1 / 16)


@pytest.mark.parametrize(
    ("synthesised", "edit", "kind"),
    [
        (0.0, "standard", "algorithmicallyEnhanced"),
        (1e-6, "standard", "compositeWithTrainedAlgorithmicMedia"),
        (None, "standard", "compositeWithTrainedAlgorithmicMedia"),
        (0.0, "substantial", "compositeWithTrainedAlgorithmicMedia"),
    ],
)
def test_the_digital_source_type_says_whether_pixels_were_made(synthesised: float | None, edit: str, kind: str) -> None:
    assert terms.digital_source_type(synthesised, edit).endswith(f"/{kind}")


def test_the_sidecar_is_named_by_the_sequence(tmp_path: Path) -> None:
    for name in ("out.####.exr", "out.@@@@.exr", "out.%04d.exr", "out.1001.exr", "out_1001.exr", "out.exr"):
        assert sidecar.path_for(tmp_path / name) == tmp_path / "out.exr.onelight.jsonl", name
    assert sidecar.path_for(tmp_path / "shot_v003.exr").name == "shot_v003.exr.onelight.jsonl"


def test_a_sidecar_is_not_written_through_a_link(studio: Studio, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("somebody's file\n")
    studio.sidecar.symlink_to(target)
    assert studio.render(*WHY)["error"]
    assert target.read_text() == "somebody's file\n"


def test_a_render_of_cleanup_tells_what_it_moved_and_made(studio: Studio) -> None:
    """A wire over a still background: behind it the other frames show nothing else, the clean plate shows it all."""
    folder = studio.folder / "plates"
    noise = np.random.default_rng(3).uniform(0.2, 0.6, (96, 128, 4)).astype(np.float16)
    noise[..., 3] = 1
    wired, matte = noise.copy(), np.zeros_like(noise)
    wired[:, 60:64, :3] = 0.01
    matte[:, 59:65] = 1
    for name, pixels in (("plate.1001.exr", wired), ("clean.exr", noise), ("add.exr", matte)):
        images.write_frame(folder / name, images.Frame.of(pixels))
    clips = ["--clip", f"Clean={folder}/clean.exr", "--clip", f"Add={folder}/add.exr"]
    told = studio.render(*WHY, *clips, "--frames", "1001", "--set", "range=0", tool="cleanup", show="base")
    assert told["error"] == ""
    record = studio.records()[-1]
    before, after = (
        images.read_frame(each).pixels for each in (folder / "plate.1001.exr", studio.out / "out.1001.exr")
    )
    changed = float((before != after).any(axis=-1).mean())
    assert changed > 0.03
    assert record["shares"]["kept"] == pytest.approx(1 - changed)
    assert record["shares"]["transported"] > 0.9 * changed
    assert [one["clip"] for one in record["inputs"]] == ["Source", "Add", "Clean"]


@pytest.mark.parametrize("begun", [b"", b'{"kind":"onelight sid'])
def test_a_sidecar_whose_first_line_never_came_is_told_and_a_render_goes_on_with_it(
    studio: Studio, begun: bytes
) -> None:
    studio.sidecar.write_bytes(begun)
    code, found = studio.verify()
    assert code != 0
    problems = [problem for each in found.values() for problem in each["problems"]]
    assert len(problems) == 1 and problems[0].endswith("or a render was killed")
    subprocess.run(command(studio, "--frames", "1001"), check=True, timeout=120)
    code, found = studio.verify()
    assert code == 0, found
