"""Clips are taken into a show once, whole or not at all, with what came beside them, and nothing of them is touched."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dailiesclips as made
import pytest
from conftest import ROOT
from killing import killed_at_random, kills
from onelight.cli.app import app
from onelight.dailies import material, reading, withdrawal
from onelight.dailies.ingest import Report, ingest
from onelight.errors import NotFound, RequestError
from onelight.shows import journal
from onelight.shows.schema import Clip, Entry, Learnt, ModelVersion
from onelight.shows.store import Show
from sqlalchemy import func, select
from typer.testing import CliRunner

PLATES = ROOT / "examples" / "plates"
SMALL = (90, 160)


@pytest.fixture
def show(tmp_path: Path) -> Show:
    return Show.create("apollo", tmp_path / "shows")


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera's folder: a movie with reel and timecode, an EXR sequence."""
    folder = tmp_path_factory.mktemp("camera") / "A003"
    folder.mkdir()
    frames = made.video(made.shot(1, 20, size=SMALL))
    made.movie(folder / "A003C001.mov", frames, "prores_ks", "yuv422p10le", timecode="10:00:00:00")
    tags = {"reelName": "A003", "lensModel": "Prime 32", "nominalFocalLength": 32.0, "tStop": 2.8, "isoSpeed": 800.0}
    made.sequence(folder / "A003C002", made.shot(2, 12, size=SMALL), "A003C002", **tags)
    return folder


def rights(folder: Path, *, purposes: str = '"training"', more: str = "", clips: str = '"*"') -> Path:
    path = folder / "rights.toml"
    path.write_text(
        f'[[rights]]\nclips = [{clips}]\nowner = "We"\nbasis = "agreement"\npurposes = [{purposes}]\n{more}'
    )
    return path


def states(report: Report) -> dict[str, str]:
    return {one.name: one.state for one in report.outcomes}


def why(report: Report, name: str) -> str:
    return next(one.why for one in report.outcomes if one.name == name)


def clips(show: Show) -> dict[str, Clip]:
    with show.session() as session:
        return {clip.name: clip for clip in session.scalars(select(Clip).where(Clip.withdrawn.is_(None)))}


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    every = [folder, *folder.rglob("*")]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in every}


def test_clips_are_catalogued_with_what_camera_editorial_and_rights_say(
    show: Show, camera: Path, tmp_path: Path
) -> None:
    edl = tmp_path / "cut.edl"
    edl.write_text(
        "TITLE: CUT\nFCM: NON-DROP FRAME\n\n"
        "001  A003C001 V     C        10:00:00:04 10:00:00:16 01:00:00:00 01:00:00:12\n"
        "* ASC_SOP (1.1 1.0 0.9)(0.01 0.0 0.0)(1.0 1.0 1.0)\n* ASC_SAT 0.9\n"
    )
    before = snapshot(camera)
    report = ingest(show, [camera], rights(tmp_path), [edl])
    assert states(report) == {"A003C001": "new", "A003C002": "new"}
    assert report.complaints == []
    assert snapshot(camera) == before  # the originals and their folder are only read
    movie, sequence = clips(show)["A003C001"], clips(show)["A003C002"]
    assert (movie.kind, movie.first, movie.last, movie.timecode) == ("movie", 1, 20, "10:00:00:00")
    ((first, last),) = ((event.first, event.last) for event in movie.events)
    assert (first, last) == (5, 16)
    assert movie.cdl is not None
    assert (movie.cdl["slope"], movie.cdl["saturation"]) == ([1.1, 1.0, 0.9], 0.9)
    assert (sequence.kind, sequence.first, sequence.last, sequence.reel) == ("sequence", 1001, 1012, "A003")
    assert {name: sequence.camera[name] for name in ("lens", "focal_mm", "t_stop", "iso")} == {
        "lens": "Prime 32", "focal_mm": 32.0, "t_stop": 2.8, "iso": 800.0,
    }  # fmt: skip
    with show.session() as session:
        assert {clip.name for clip in material.trainable(session)} == {"A003C001", "A003C002"}
        entries = session.scalars(select(Entry).where(Entry.action == "dailies ingest")).all()
        assert {entry.told["digest"] for entry in entries} == {movie.digest, sequence.digest}
        journal.check(session)
    (stretch,) = material.stretches(sequence)
    assert stretch == material.Stretch(1001, 1012, (0, 0, 160, 90))
    assert sum(1 for _ in reading.frames(sequence, stretch.first, stretch.last)) == 12


def test_a_second_ingest_changes_nothing_and_one_with_new_papers_only_those(
    show: Show, camera: Path, tmp_path: Path
) -> None:
    ingest(show, [camera])
    with show.session() as session:
        assert [why for _, why in material.refusals(session)] == ["no rights statement"] * 2
        count = session.scalar(select(func.count(Entry.number)))
    assert set(states(ingest(show, [camera])).values()) == {"known"}
    with show.session() as session:
        assert session.scalar(select(func.count(Entry.number))) == count
    assert set(states(ingest(show, [camera], rights(tmp_path))).values()) == {"changed"}
    assert set(states(ingest(show, [camera], rights(tmp_path))).values()) == {"known"}
    with show.session() as session:
        assert len(material.trainable(session)) == 2


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ({"purposes": '"evaluation"'}, "We allows evaluation, not training"),
        ({"more": "expires = 2020-01-01\n"}, "the rights of We expired on 2020-01-01"),
        (
            {"more": '[rights.consents."Ada"]\ngiven = 2026-01-01\nscope = ["look"]\n'},
            "Ada has not consented to training",
        ),
        (
            {"more": '[rights.consents."Ada"]\ngiven = 2020-01-01\nscope = ["training"]\nexpires = 2021-01-01\n'},
            "Ada's consent expired on 2021-01-01",
        ),
        ({"clips": '"B*"'}, "no rights statement"),
    ],
)
def test_a_clip_whose_rights_do_not_allow_it_is_catalogued_and_not_trained_on(
    show: Show, camera: Path, tmp_path: Path, statement: dict[str, Any], sentence: str
) -> None:
    ingest(show, [camera / "A003C002"], rights(tmp_path, **statement))
    with show.session() as session:
        assert material.trainable(session) == []
        assert [reason for _, reason in material.refusals(session)] == [sentence]


def test_rights_end_on_the_day_that_they_say(show: Show, camera: Path, tmp_path: Path) -> None:
    ingest(show, [camera / "A003C002"], rights(tmp_path, more="expires = 2099-06-01\n"))
    with show.session() as session:
        assert len(material.trainable(session, on=datetime(2099, 5, 31, 23, tzinfo=UTC))) == 1
        assert material.trainable(session, on=datetime(2099, 6, 1, tzinfo=UTC)) == []
        with pytest.raises(RequestError, match="no purpose 'selling'"):
            material.trainable(session, "selling")


def test_papers_that_fit_no_clip_are_complained_about_and_the_clips_are_taken(
    show: Show, camera: Path, tmp_path: Path
) -> None:
    lists = PLATES / "interchange"
    report = ingest(show, [camera], None, [lists / "screening_example.edl"], [lists / "cdl_test1.cc"])
    assert set(states(report).values()) == {"new"}
    edl, cdl = report.complaints
    assert edl.startswith(
        f"Nothing in {lists / 'screening_example.edl'} is of these clips: its reels or names are ZZ100"
    )
    assert cdl.startswith("Nothing in cdl_test1.cc is for these clips")


def test_what_is_broken_is_refused_with_a_sentence_and_the_others_are_taken(
    show: Show, camera: Path, tmp_path: Path
) -> None:
    shoot = tmp_path / "shoot"
    shutil.copytree(camera, shoot)
    data = (shoot / "A003C001.mov").read_bytes()
    (shoot / "cut_short.mov").write_bytes(data[: len(data) // 2])
    (shoot / "words.mov").write_text("not a movie")
    (shoot / "empty.mxf").write_bytes(b"")
    (shoot / "torn.exr").write_bytes((shoot / "A003C002" / "A003C002.1001.exr").read_bytes()[:4000])
    (shoot / "B001.r3d").write_bytes(b"RED2")
    report = ingest(show, [shoot])
    refused = {name for name, state in states(report).items() if state == "refused"}
    assert refused == {"cut_short", "words", "empty", "torn"}
    for name in refused:
        assert name in why(report, name)
    assert set(clips(show)) == {"A003C001", "A003C002"}
    (raw,) = report.complaints
    assert raw.endswith("B001.r3d is camera raw: transcode it to EXR with its maker's software first.")


def test_missing_frames_are_listed_and_kept_out(show: Show, camera: Path, tmp_path: Path) -> None:
    shoot = tmp_path / "shoot"
    shutil.copytree(camera / "A003C002", shoot)
    for number in (1005, 1006):
        (shoot / f"A003C002.{number}.exr").unlink()
    ingest(show, [shoot], rights(tmp_path))
    clip = clips(show)["A003C002"]
    assert [(span.first, span.last) for span in clip.spans if span.kind == "missing"] == [(1005, 1006)]
    assert [(one.first, one.last) for one in material.stretches(clip)] == [(1001, 1004), (1007, 1012)]


def test_copies_of_a_clip_are_duplicates_and_a_clip_that_moved_is_followed(
    show: Show, camera: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    shutil.copytree(camera / "A003C002", first)
    ingest(show, [first])
    shutil.copytree(first, second)
    report = ingest(show, [second])
    assert states(report) == {"A003C002": "duplicate"}
    assert str(first) in why(report, "A003C002")
    shutil.rmtree(first)
    assert states(ingest(show, [second])) == {"A003C002": "moved"}
    assert next(reading.frames(clips(show)["A003C002"])).shape == (90, 160, 3)


def test_a_clip_that_changed_since_is_refused_until_the_old_one_is_withdrawn(
    show: Show, camera: Path, tmp_path: Path
) -> None:
    shoot = tmp_path / "shoot"
    shutil.copytree(camera / "A003C002", shoot)
    ingest(show, [shoot])
    made.sequence(shoot, made.shot(3, 1, size=SMALL), "A003C002", 1004)
    report = ingest(show, [shoot])
    assert states(report) == {"A003C002": "refused"}
    assert "A003C002.1004.exr changed since it was ingested on" in why(report, "A003C002")
    made.sequence(shoot, made.shot(3, 1, size=SMALL), "A003C002", 1013)
    assert "(12 files then, 13 now)" in why(ingest(show, [shoot]), "A003C002")
    withdrawal.withdraw(show, "A003C002", "a frame was rendered again")
    assert states(ingest(show, [shoot])) == {"A003C002": "new"}


def test_withdrawing_a_clip_retires_what_learnt_from_it_and_it_does_not_come_back(
    show: Show, camera: Path, tmp_path: Path
) -> None:
    folder = camera / "A003C002"
    ingest(show, [folder], rights(tmp_path))
    clip = clips(show)["A003C002"]
    with show.session() as session:
        version = ModelVersion(
            tool="relight",
            number=1,
            digest="0" * 64,
            state="approved",
            created=datetime.now(UTC),
            gain="gain",
            clips=[],
        )
        session.add(version)
        session.flush()
        session.add(Learnt(version_id=version.id, clip_id=clip.id))
    with pytest.raises(RequestError, match="Why is the clip withdrawn"):
        withdrawal.withdraw(show, "A003C002", " ")
    with pytest.raises(NotFound, match="no clip 'A009'"):
        withdrawal.withdraw(show, "A009", "gone")
    retired = withdrawal.withdraw(show, clip.digest[:10], "Ada took her consent back").retired
    assert [(one.tool, one.name, one.state) for one in retired] == [("relight", "v001", "retired")]
    with pytest.raises(RequestError, match="withdrawn on .* already: Ada took"):
        withdrawal.withdraw(show, "A003C002", "again")
    report = ingest(show, [folder], rights(tmp_path))
    assert states(report) == {"A003C002": "refused"}
    assert "(Ada took her consent back): it is not taken again" in why(report, "A003C002")
    with show.session() as session:
        assert material.trainable(session) == []
        assert (
            session.scalars(select(Entry).where(Entry.action == "dailies withdraw")).one().why
            == "Ada took her consent back"
        )


def test_a_clip_is_checked_against_the_hash_list_above_it(show: Show, camera: Path, tmp_path: Path) -> None:
    shoot = tmp_path / "shoot"
    shutil.copytree(camera, shoot)
    ascmhl = Path(sys.executable).parent / "ascmhl"
    subprocess.run([ascmhl, "create", "-h", "md5", str(shoot)], check=True, capture_output=True)
    (shoot / "A003C002" / "A003C002.1003.exr").write_bytes(b"something else")
    report = ingest(show, [shoot])
    assert states(report) == {"A003C001": "new", "A003C002": "refused"}
    assert "A003C002.1003.exr is not as its hash list" in why(report, "A003C002")
    assert "md5" in why(report, "A003C002")
    assert clips(show)["A003C001"].files["A003C001.mov"]["mhl"] == "verified"
    assert not (show.folder / "hashes").exists()


def test_a_hash_list_that_was_tampered_with_is_not_believed(show: Show, camera: Path, tmp_path: Path) -> None:
    shoot = tmp_path / "shoot"
    shutil.copytree(camera, shoot)
    ascmhl = Path(sys.executable).parent / "ascmhl"
    subprocess.run([ascmhl, "create", "-h", "md5", str(shoot)], check=True, capture_output=True)
    (generation,) = (shoot / "ascmhl").glob("0001_*.mhl")
    generation.write_text(generation.read_text().replace("A003C001", "A003C009"))
    assert "hash lists of" in why(ingest(show, [shoot]), "A003C001")


def test_the_hash_list_that_is_written_into_the_show_verifies_the_originals(
    show: Show, camera: Path, tmp_path: Path
) -> None:
    ingest(show, [camera / "A003C002"])
    (written,) = (show.folder / "hashes").iterdir()
    copy = tmp_path / "copy"
    shutil.copytree(camera / "A003C002", copy)
    shutil.copytree(written / "ascmhl", copy / "ascmhl")
    ascmhl = Path(sys.executable).parent / "ascmhl-debug"
    subprocess.run([ascmhl, "verify", str(copy)], check=True, capture_output=True)
    (copy / "A003C002.1001.exr").write_bytes(b"other")
    assert subprocess.run([ascmhl, "verify", str(copy)], capture_output=True).returncode != 0


def test_takes_of_one_slate_and_pictures_of_one_place_are_one_setup(show: Show, tmp_path: Path) -> None:
    frames = made.shot(4, 24, 0.5, 0.2, SMALL)
    (tmp_path / "d").mkdir()
    made.movie(tmp_path / "d" / "take1.mp4", made.video(frames[:12]))
    made.movie(tmp_path / "d" / "take2.mp4", made.video(frames[12:]))
    made.movie(tmp_path / "d" / "elsewhere.mp4", made.video(made.shot(5, 12, size=SMALL)))
    for take in (1, 2):
        tags: dict[str, Any] = {"scene": "19A", "take": str(take)}
        made.sequence(tmp_path / "d" / f"s{take}", made.shot(5 + take, 3, size=SMALL), f"s{take}", **tags)
    ingest(show, [tmp_path / "d"])
    setups = {name: clip.setup.name if clip.setup else "" for name, clip in clips(show).items()}
    assert setups["take1"] == setups["take2"] != setups["elsewhere"]
    assert setups["s1"] == setups["s2"] == "19A"


def run(*words: object) -> Any:
    return CliRunner(env={"COLUMNS": "220"}).invoke(app, ["dailies", *map(str, words)])


def test_the_commands_take_list_draw_and_withdraw(show: Show, camera: Path, tmp_path: Path) -> None:
    here = ("--show", "apollo", "--root", show.folder.parent)
    done = run("ingest", camera, "--rights", rights(tmp_path), *here)
    assert done.exit_code == 0, done.output
    assert "A003C001" in done.output
    assert (show.folder / "dailies.png").stat().st_size > 1000
    done = run("withdraw", "A003C001", "--why", "a boom in shot", *here)
    assert done.output == "A003C001 is withdrawn; no model version learnt from it\n"
    done = run("list", *here)
    assert "no: withdrawn: a boom in shot" in done.output
    done = run("sheet", "--out", tmp_path / "sheet.png", *here)
    assert done.exit_code == 0
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    assert isinstance(run("ingest", tmp_path / "nowhere", *here).exception, NotFound)


def test_an_ingest_that_is_killed_at_any_moment_leaves_whole_clips_and_goes_on(tmp_path: Path) -> None:
    shoot = tmp_path / "shoot"
    for take in range(4):
        made.sequence(shoot / f"t{take}", made.shot(20 + take, 3, size=(45, 80)), f"t{take}")
    shows = tmp_path / "shows"
    Show.create("apollo", shows)
    # As `onelight dailies`, sooner at its work.
    command = [sys.executable, "-c", "from onelight.cli.dailies import app; app()", "ingest", str(shoot)]
    command += ["--show", "apollo", "--root", str(shows)]

    def check() -> None:
        show = Show.open("apollo", shows)
        with show.session() as session:
            journal.check(session)
            entries = session.scalars(select(Entry).where(Entry.action == "dailies ingest")).all()
            rows = session.scalars(select(Clip)).all()
            assert sorted(entry.told["digest"] for entry in entries) == sorted(clip.digest for clip in rows)
            for clip in rows:
                assert [span.kind for span in clip.spans] == ["shot"]
                assert clip.setup is not None
                assert (show.folder / "hashes" / clip.digest[:16] / "ascmhl" / "ascmhl_chain.xml").is_file()
                assert len(list(reading.frames(clip))) == 3
        show.engine.dispose()

    def again() -> None:
        shutil.rmtree(shows / "apollo")
        Show.create("apollo", shows)

    killed_at_random(command, kills(3), check, again=again, watched=shows / "apollo")
    assert len(clips(Show.open("apollo", shows))) == 4
