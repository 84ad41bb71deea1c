"""Rendered frames say where they come from, and no byte of them, or of what made them, can change unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onelight import images
from onelight.provenance import digests
from onelight.shows import journal
from provenancecases import CLIP, FRAMES, WHY, Studio, onelight

pytest_plugins = ["provenancefixtures"]


def test_a_render_with_a_sidecar_is_proven_back_to_the_clips(studio: Studio) -> None:
    assert studio.render(*WHY)["rendered"] == len(FRAMES)
    code, found = studio.verify()
    assert code == 0, found
    frame = found["out.1002.exr"]
    assert (frame["state"], frame["model"], frame["notes"]) == ("proven", "apollo/probe@v001", [])
    assert [clip["name"] for clip in frame["clips"]] == [CLIP]
    assert frame["clips"][0]["owner"] == "Apollo Productions"
    record = frame["record"]
    assert (record["operator"], record["purpose"], record["edit_class"]) == ("Ada", "continuity", "standard")
    assert record["knobs"]["flip"] is True
    assert record["model"]["digest"] == studio.show_version().digest
    plate = record["inputs"][0]
    assert plate["sha256"] == digests.of_file(studio.folder / "plates" / "plate.1002.exr")[0]
    assert (studio.out / plate["file"]).resolve() == studio.folder / "plates" / "plate.1002.exr"
    assert record["runtime"]["provider"]
    before, after = (
        images.read_frame(studio.folder / name).pixels for name in ("plates/plate.1002.exr", "out/out.1002.exr")
    )
    kept = float((before == after).all(axis=-1).mean())
    assert 0 < kept < 1
    assert record["shares"] == pytest.approx({"kept": kept, "graded": 1 - kept, "transported": 0, "synthesised": 0})


def rewritten(file: Path, change: Callable[[images.Frame], None]) -> None:
    """The frame read, changed and written again as any other program would, with its attributes."""
    import OpenImageIO as oiio

    frame = images.read_frame(file)
    change(frame)
    spec = frame.spec
    spec.nchannels = 4
    output = oiio.ImageOutput.create(str(file))
    assert output is not None and output.open(str(file), spec)
    assert output.write_image(frame.pixels)
    output.close()


def problems(found: dict[str, dict[str, Any]], name: str) -> str:
    return "; ".join(found[name]["problems"])


@pytest.fixture
def rendered(studio: Studio) -> Studio:
    """The studio with its four frames rendered and recorded."""
    assert studio.render(*WHY)["rendered"] == len(FRAMES)
    return studio


def test_a_changed_pixel_is_named_with_its_rows(rendered: Studio) -> None:
    def change(frame: images.Frame) -> None:
        frame.pixels[70, 3, 1] += 0.25

    rewritten(rendered.out / "out.1002.exr", change)
    code, found = rendered.verify()
    assert code == 1
    assert problems(found, "out.1002.exr") == "its pixels were changed: rows 64 to 127 from the top"
    assert [name for name, each in found.items() if each["problems"]] == ["out.1002.exr"]


def test_a_changed_an_added_and_a_missing_attribute_are_named(rendered: Studio) -> None:
    def change(frame: images.Frame) -> None:
        frame.spec.attribute("onelight:operator", "Eve")
        frame.spec.attribute("cut", "directors")
        frame.spec.erase_attribute("cameraModel")

    rewritten(rendered.out / "out.1003.exr", change)
    _, found = rendered.verify(rendered.out / "out.1003.exr")
    said = problems(found, "out.1003.exr")
    assert "its attribute 'onelight:operator' was changed" in said
    assert "its attribute 'cut' was added" in said
    assert "its attribute 'cameraModel' was taken out" in said
    assert "pixels" not in said


def test_every_single_changed_byte_of_a_frame_is_noticed(rendered: Studio) -> None:
    file = rendered.out / "out.1001.exr"
    whole = file.read_bytes()
    for position in range(0, len(whole), len(whole) // 17):
        changed = bytearray(whole)
        changed[position] ^= 1
        file.write_bytes(changed)
        code, found = rendered.verify(file)
        assert (code, found["out.1001.exr"]["state"]) == (1, "changed"), position
    file.write_bytes(whole + b"\0")
    assert "its bytes were changed" in problems(rendered.verify(file)[1], "out.1001.exr")


def test_a_truncated_frame_is_named_with_what_is_missing(rendered: Studio) -> None:
    file = rendered.out / "out.1004.exr"
    size = file.stat().st_size
    with file.open("r+b") as cut:
        cut.truncate(size - 1000)
    _, found = rendered.verify(file)
    assert f"it has {size - 1000} bytes, {size} were written" in problems(found, "out.1004.exr")


def test_a_missing_frame_is_named_and_so_is_one_without_a_record(rendered: Studio) -> None:
    (rendered.out / "out.1002.exr").rename(rendered.out / "out.1009.exr")
    code, found = rendered.verify()
    assert code == 1
    assert problems(found, "out.1002.exr") == "the file is missing"
    assert "out.1009.exr has no record" in problems(found, "out.exr.onelight.jsonl")


def test_every_changed_line_of_the_sidecar_is_named(rendered: Studio) -> None:
    lines = rendered.sidecar.read_bytes().splitlines(keepends=True)
    assert len(lines) == 2 + len(FRAMES)  # a header, the job, its frames
    for number, line in enumerate(lines, 1):
        at = line.index(b"Ada") if b"Ada" in line else line.index(b"apollo")
        changed = [*lines]
        changed[number - 1] = line[:at] + b"E" + line[at + 1 :]
        rendered.sidecar.write_bytes(b"".join(changed))
        code, found = rendered.verify()
        assert code == 1
        assert f"line {number} was changed, or signed with another key" in problems(found, "out.exr.onelight.jsonl")


def test_lines_that_were_taken_out_moved_or_doubled_are_named(rendered: Studio) -> None:
    lines = rendered.sidecar.read_bytes().splitlines(keepends=True)

    def said(*order: int) -> str:
        rendered.sidecar.write_bytes(b"".join(lines[number - 1] for number in order))
        code, found = rendered.verify()
        assert code == 1
        return problems(found, "out.exr.onelight.jsonl")

    assert "a line was taken out in front of line 4" in said(1, 2, 3, 5, 6)
    assert "line 1 is not where it was" in said(2, 3, 4, 5, 6)
    assert "lines changed places" in said(1, 2, 4, 3, 5, 6)
    assert "line 4 is there twice" in said(1, 2, 3, 3, 4, 5, 6)
    assert "frame 1004 was to be rendered, and there is no record of it; out.1004.exr has no record" in said(
        1, 2, 3, 4, 5
    )


def test_a_sidecar_cut_short_is_named_and_its_whole_lines_still_prove(rendered: Studio) -> None:
    with rendered.sidecar.open("r+b") as cut:
        cut.truncate(rendered.sidecar.stat().st_size - 40)
    code, found = rendered.verify()
    assert code == 1
    assert "line 6 has no end" in problems(found, "out.exr.onelight.jsonl")
    assert "out.1004.exr has no record" in problems(found, "out.exr.onelight.jsonl")
    rendered.sidecar.write_text("{}")
    code, found = rendered.verify(rendered.out / "out.1001.exr")
    assert code == 1
    assert "line 1 has no end" in problems(found, "out.1001.exr")


def test_a_sidecar_without_signatures_does_not_pass_for_that_of_the_built_in_show(rendered: Studio) -> None:
    from onelight.provenance import chain

    before, bare = chain.FIRST, []
    for told in rendered.records():
        told = {name: value for name, value in told.items() if name not in ("signature", "before")}
        told |= {"signed": False, "show": "base"} if told["kind"] == "onelight sidecar" else {}
        bare.append(chain.line_of(told, before, None))
        before = chain.digest(bare[-1])
    rendered.sidecar.write_bytes(b"".join(bare))
    code, found = rendered.verify()
    assert code == 1
    assert "it is not signed" in problems(found, "out.exr.onelight.jsonl")


def test_a_frame_of_another_show_is_not_taken_for_one_of_this(rendered: Studio, tmp_path: Path) -> None:
    from onelight.shows.store import Show

    other = Show.create("apollo", tmp_path / "elsewhere")
    code, said = onelight("verify", rendered.sidecar, "--root", tmp_path / "elsewhere", "--json")
    assert code == 1
    assert "line 1 was changed, or signed with another key" in said
    assert other.identity not in said


def test_the_public_key_alone_proves_where_the_show_is_not(rendered: Studio, tmp_path: Path) -> None:
    from onelight.shows.keys import Keys

    key = tmp_path / "apollo.pem"
    key.write_bytes(Keys(rendered.show).public_pem)
    code, said = onelight("verify", rendered.sidecar, "--root", tmp_path / "none", "--key", key)
    assert code == 0, said
    assert "apollo/probe@v001 was not walked further: the show is not here" in said
    code, said = onelight("verify", rendered.sidecar, "--root", tmp_path / "none")
    assert code == 1
    assert "nothing here vouches for the key" in said


def test_a_lone_exr_proves_its_pixels_and_attributes_by_itself(rendered: Studio, tmp_path: Path) -> None:
    lone = tmp_path / "sent.exr"
    lone.write_bytes((rendered.out / "out.1001.exr").read_bytes())
    code, found = rendered.verify(lone)
    assert code == 0, found
    assert (found["sent.exr"]["state"], found["sent.exr"]["model"]) == ("proven", "apollo/probe@v001")
    assert [clip["name"] for clip in found["sent.exr"]["clips"]] == [CLIP]
    assert "no other bytes" in found["sent.exr"]["notes"][0]

    rewritten(lone, lambda frame: frame.spec.attribute("onelight:purpose", "noise"))
    assert "one of its onelight: attributes was changed" in problems(rendered.verify(lone)[1], "sent.exr")
    lone.write_bytes((rendered.out / "out.1001.exr").read_bytes())
    rewritten(lone, lambda frame: frame.pixels.__setitem__((0, 0, 0), 9))
    assert "its pixels are not those" in problems(rendered.verify(lone)[1], "sent.exr")


def test_a_changed_model_file_and_a_changed_manifest_are_named(rendered: Studio) -> None:
    folder = rendered.show.places.models / "probe" / "v001"
    for name in ("card.md", "version.json", "manifest.json", "manifest.sig"):
        file = folder / name
        was, mode = file.read_bytes(), file.stat().st_mode
        file.chmod(0o600)
        file.write_bytes(was.replace(was[3:4], b"#", 1))
        code, found = rendered.verify(rendered.out / "out.1001.exr")
        file.write_bytes(was)
        file.chmod(mode)
        assert code == 1
        assert "probe" in problems(found, "out.1001.exr")
        assert name in problems(found, "out.1001.exr")
    assert rendered.verify(rendered.out / "out.1001.exr")[0] == 0


def test_the_built_in_show_records_without_a_key_and_says_so(studio: Studio) -> None:
    assert studio.render(*WHY, show="base")["rendered"] == len(FRAMES)
    code, found = studio.verify()
    assert code == 0
    assert {each["state"] for each in found.values()} == {"unsigned"}
    assert "has no key: nothing proves this record" in found["out.1001.exr"]["notes"][0]
    assert studio.verify(words=["--show", "apollo"])[0] == 1
    said = studio.render(*WHY, "--overwrite")["error"]
    assert "speaks of frames that the show 'base' made" in said


def test_frames_that_a_node_rendered_are_recorded_when_they_are_the_same(studio: Studio, tmp_path: Path) -> None:
    """Another program's file: other attributes, other compression, the same pixels."""
    studio.render()  # stands for the node: it leaves no record
    for frame in FRAMES:
        file = studio.out / f"out.{frame}.exr"
        rewritten(file, lambda each: each.spec.attribute("compression", "piz"))
    (studio.out / ".out.@@@@.exr.onelight").unlink()
    before = {frame: (studio.out / f"out.{frame}.exr").read_bytes() for frame in FRAMES}
    assert "was not made by this render" in studio.render(*WHY)["error"]
    assert studio.render(*WHY, "--adopt")["error"] == ""
    assert {frame: (studio.out / f"out.{frame}.exr").read_bytes() for frame in FRAMES} == before
    code, found = studio.verify()
    assert code == 0, found
    assert found["out.1001.exr"]["record"]["adopted"] is True
    assert studio.render(*WHY, "--adopt")["skipped"] == len(FRAMES)

    rewritten(studio.out / "out.1002.exr", lambda each: each.pixels.__setitem__((5, 5, 0), 9))
    said = studio.render(*WHY, "--adopt")["error"]
    assert "out.1002.exr was not rendered so: 1 of its pixels differ from what this makes" in said


def test_what_went_in_and_was_changed_since_is_said(rendered: Studio) -> None:
    (rendered.folder / "plates" / "plate.1001.exr").write_bytes(b"another take")
    code, found = rendered.verify()
    assert code == 0
    assert found["out.1001.exr"]["notes"] == ["Source: ../plates/plate.1001.exr is another file now"]
    assert found["out.1003.exr"]["notes"] == []


def test_a_clip_that_was_withdrawn_since_is_said(rendered: Studio) -> None:
    from datetime import UTC, datetime

    from onelight.shows.schema import Clip

    with rendered.show.session() as session:
        clip = session.query(Clip).one()
        clip.withdrawn, clip.withdrawn_why = datetime(2026, 3, 1, tzinfo=UTC), "the performer asked"
    try:
        _, found = rendered.verify(rendered.out / "out.1001.exr")
    finally:
        with rendered.show.session() as session:
            clip = session.query(Clip).one()
            clip.withdrawn, clip.withdrawn_why = None, ""
    assert f"clip {CLIP}: was withdrawn on 2026-03-01 (the performer asked)" in found["out.1001.exr"]["notes"]


def test_a_changed_original_and_a_changed_catalogue_are_named_with_their_clip(rendered: Studio) -> None:
    from onelight.shows.schema import Clip

    movie = rendered.root.parent / f"{CLIP}.mov"
    was = movie.read_bytes()
    frame = rendered.out / "out.1001.exr"
    assert rendered.verify(frame, words=["--originals"])[0] == 0
    movie.write_bytes(was[:3500] + b"X" + was[3501:])
    try:
        assert rendered.verify(frame)[0] == 0  # nobody asked to read it all
        code, found = rendered.verify(frame, words=["--originals"])
        assert code == 1
        said = problems(found, frame.name)
        assert said == f"clip {CLIP}: its file {CLIP}.mov was changed since it was ingested"
        movie.unlink()
        code, found = rendered.verify(frame, words=["--originals"])
        assert (code, found[frame.name]["notes"]) == (0, [f"clip {CLIP}: 1 of its 1 files are not here"])
    finally:
        movie.write_bytes(was)
    with rendered.show.session() as session:
        clip = session.query(Clip).one()
        told = clip.files
        clip.files = {name: each | {"size": 1} for name, each in told.items()}
    try:
        assert "its hashes in the show's catalogue were changed" in problems(rendered.verify(frame)[1], frame.name)
    finally:
        with rendered.show.session() as session:
            session.query(Clip).one().files = told


def test_a_log_that_lost_its_end_since_the_render_is_noticed(studio: Studio, tmp_path: Path) -> None:
    """As an older copy of the show's folder would have lost it."""
    import shutil

    shutil.copytree(studio.root, tmp_path / "older")
    with studio.show.session() as session:
        journal.record(session, "note", "something that somebody would rather not have there")
    studio.render(*WHY)
    assert studio.verify()[0] == 0
    code, said = onelight("verify", studio.sidecar, "--root", tmp_path / "older")
    assert code == 1
    assert "the log of the show 'apollo' has lost entries that it had when this was rendered" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--sidecar"], "Why is this edit made? Give --purpose: cosmetics, wardrobe, continuity"),
        (["--sidecar", "--purpose", "fun"], "--purpose fun is none of ours: cosmetics"),
        ([*WHY, "--edit-class", "tiny"], "--edit-class tiny is none of ours: standard, substantial"),
        (["--purpose", "noise"], "add --sidecar"),
    ],
)
def test_what_the_operator_left_out_is_asked_for(studio: Studio, words: list[str], sentence: str) -> None:
    assert sentence in studio.render(*words)["error"]
    assert list(studio.out.iterdir()) == []


def test_a_show_that_is_not_here_cannot_sign(studio: Studio, tmp_path: Path) -> None:
    said = studio.render(*WHY, "--root", tmp_path / "none")["error"]
    assert "There is no show 'apollo'" in said


def test_a_policy_without_sidecars_is_obeyed(studio: Studio) -> None:
    policy = studio.show.places.policy
    was = policy.read_text()
    policy.write_text("sidecars = false\n")
    try:
        assert "allows no sidecars" in studio.render(*WHY)["error"]
    finally:
        policy.write_text(was)


def test_attributes_of_a_plate_that_was_a_render_are_not_kept_as_if_true(rendered: Studio, tmp_path: Path) -> None:
    frame = images.read_frame(rendered.out / "out.1001.exr")
    assert frame.spec.getattribute("onelight:operator") == "Ada"
    images.write_frame(tmp_path / "next.exr", frame)
    assert images.read_frame(tmp_path / "next.exr").spec.getattribute("onelight:operator") is None
