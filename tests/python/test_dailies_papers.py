"""What comes beside clips: rights statements, cutting lists, logs of the shoot, CDLs, camera metadata, timecode."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from conftest import ROOT
from onelight.dailies import cdl, editorial, finding, metadata, rights, timecode
from onelight.dailies.matching import Papers
from onelight.errors import NotFound, RequestError
from onelight.shows.schema import Clip

LISTS = ROOT / "examples" / "plates" / "interchange"
GOOD = 'clips = ["*"]\nowner = "We"\nbasis = "agreement"\npurposes = ["training"]\n'


def clip(name: str, last: int, rate: str = "24", reel: str = "", timecode: str = "") -> Clip:
    return Clip(
        name=name, path=f"/rushes/{name}.mov", kind="movie", first=1, last=last, rate=rate,
        reel=reel, timecode=timecode, camera={}, cdl=None, files={}, events=[],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no .*rights.* table"),
        ("[[rights]\n", "is not TOML"),
        ("[[rights]]\nclips = ['*']\n", "Statement 1 .* lacks 'owner'"),
        ("[[rights]]\n" + GOOD.replace("training", "selling"), "'selling' is none of training, evaluation"),
        ("[[rights]]\n" + GOOD + "expiry = 2027-01-01\n", "unknown 'expiry'"),
        ("[[rights]]\n" + GOOD + "expires = 'soon'\n", "'expires' is a date"),
        ("[[rights]]\n" + GOOD.replace('["*"]', '"*"'), "'clips' is a list of texts"),
        ("[[rights]]\n" + GOOD + "[rights.consents.Ada]\nscope = ['training']\n", "the consent of Ada has 'given'"),
        ("[[rights]]\n" + GOOD + "[rights.consents.Ada]\ngiven = 2026-01-01\nscope = ['all']\n", "Ada: 'all' is none"),
        ("owner = 'We'\n", "unknown 'owner'"),
        ("rights = ['x']\n", r"Statement 1 .*rights.toml is 'x': a \[\[rights\]\] table was expected"),
        ("[[rights]]\n" + GOOD + "consents = ['Jane']\n", "Statement 1 .*rights.toml: 'consents' is a table for each"),
        ("[[rights]]\n" + GOOD + "[[rights.consents]]\nname = 'Jane'\n", "'consents' is a table for each performer"),
        ("[[rights]]\n" + GOOD + "[rights.consents]\nJane = 1\n", "the consent of Jane has 'given'"),
        ("[[rights]]\n" + GOOD + "expires = 9999-12-31T23:59:59-05:00\n", "Statement 1 .*'expires' is a date that no"),
    ],
)
def test_a_rights_file_that_is_wrong_is_refused_with_what_is_wrong(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "rights.toml"
    path.write_text(text)
    with pytest.raises(RequestError, match=sentence):
        rights.load(path)
    with pytest.raises(RequestError, match=r"none\.toml cannot be read"):
        rights.load(tmp_path / "none.toml")


def test_the_last_statement_that_fits_a_clip_counts_and_its_digest_is_of_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "rights.toml"
    path.write_text(f"[[rights]]\n{GOOD}[[rights]]\n{GOOD.replace('*', 'A003*').replace('We', 'They')}")
    everyone, camera = rights.load(path)
    assert rights.of([everyone, camera], ("a003c001_r1", "")) is camera
    assert rights.of([everyone, camera], ("B001", "")) is everyone
    assert rights.of([camera], ("B001",)) is None
    path.write_text(f"[[rights]]\n{GOOD.replace('*', 'B*')}")
    assert rights.load(path)[0].digest == everyone.digest != camera.digest


def test_the_example_rights_are_rights() -> None:
    assert len(rights.load(ROOT / "examples" / "rights.toml")) == 5


@pytest.mark.parametrize(
    ("name", "count", "first", "start", "length"),
    [
        ("cdl.edl", 2, "ZZ100_501 (LAY3)", 86501, 31),
        ("sample_cdl.ale", 4, "A005_C010_0501J0", None, 57),
        ("hiero_xml_export.xml", 2, "A160C005_171213_R0MN", 1101071, 1055),
        ("2997fps-DFTC.aaf", 1, "58982c7f-78b3-4cf9-8432-729fc4eafd55.mov", 0, 2989),
        ("simple_cut.otio", 4, "Clip-001", 3, 3),
        ("fcpx_clips.fcpxml", 8, "IMG_0857", 0, 2044),
    ],
)
def test_lists_of_every_kind_that_others_wrote_are_read(
    name: str, count: int, first: str, start: int | None, length: int
) -> None:
    events = editorial.read(LISTS / name, Fraction(24))
    assert len(events) == count
    assert (events[0].name, events[0].length) == (first, length)
    assert start is None or events[0].start == start


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.xml").write_text("<xmeml><nothing>")
    (tmp_path / "notes.txt").write_text("")
    for name, sentence in (
        ("broken.xml", "cannot be read"),
        ("notes.txt", "no editorial file"),
        ("no.edl", "not exist"),
    ):
        with pytest.raises(RequestError, match=sentence):
            Papers.read(None, [tmp_path / name], [])


def test_events_find_their_clip_by_reel_and_timecode_and_no_other() -> None:
    used = editorial.Used(Path("a.edl"), "shot 1", "A003C001", (), 86410, None, 20, False, None)
    assert editorial.frames(used, ["A003C001_260501_R1AB"], "", 1001, 1100, 86400) == range(1011, 1031)
    assert editorial.frames(used, ["A003C001_260501_R1AB"], "", 1001, 1100, 90000) is None  # another time
    assert editorial.frames(used, ["A003C002_260501_R1AB"], "A003C002", 1001, 1100, 86400) is None  # another reel
    assert editorial.frames(used, ["anything"], "A003C001", 1001, 1020, 86400) == range(1011, 1021)  # as far as it goes


def test_a_clip_without_timecode_gets_it_and_its_camera_and_cdl_from_the_ale() -> None:
    papers = Papers.read(None, [LISTS / "sample_cdl.ale"], [])
    row = clip("A005_C009_0501A0", 68, "24000/1001")
    papers.tell(row)
    assert row.timecode == "17:40:25:06"
    assert row.reel == "A005_C009_0501A0"
    assert row.camera["date"] == "2019-05-01"
    assert row.cdl is not None
    assert row.cdl["slope"] == [0.8604, 0.9252, 0.9755]
    assert row.cdl["saturation"] == 0.9
    assert papers.unmatched() == []


def test_the_example_cut_uses_the_example_clips() -> None:
    papers = Papers.read(None, [LISTS / "cut.edl"], [])
    flower, nasa, car = (
        clip("flower", 150, "30000/1001"),
        clip("nasa_13013", 325, "25"),
        clip("car-detection", 377, "25/2"),
    )
    for row in (flower, nasa, car):
        papers.tell(row)
    assert [(event.first, event.last) for event in flower.events] == [(11, 130)]
    assert [(event.first, event.last) for event in nasa.events] == [(13, 112)]
    assert car.events == []
    assert flower.cdl is not None
    assert flower.cdl["saturation"] == 1.05


def test_cdl_files_of_all_three_kinds_are_read_and_tied_by_their_ids(tmp_path: Path) -> None:
    assert cdl.load(LISTS / "cdl_test1.ccc")["cc0001"]["power"] == [1.25, 1.0, 1.0]
    assert cdl.load(LISTS / "cdl_test1.cdl")["cc0002"]["offset"] == pytest.approx([0.1, 0.1, 0.1])
    named = tmp_path / "flower.cc"
    named.write_bytes((LISTS / "cdl_test1.cc").read_bytes())
    papers = Papers.read(None, [], [tmp_path])
    row = clip("flower", 10)
    papers.tell(row)
    assert row.cdl is not None
    assert row.cdl["slope"] == pytest.approx([1.1, 1.2, 1.3])
    assert row.cdl["source"] == "flower.cc"
    (tmp_path / "broken.cdl").write_text("<ColorDecisionList>")
    with pytest.raises(RequestError, match=r"broken\.cdl cannot be read"):
        Papers.read(None, [], [tmp_path])


def test_metadata_of_many_makers_comes_out_in_one_set_of_names() -> None:
    arri = {"com.arri.camera.CameraModel": "ALEXA 35", "com.arri.camera.WhiteBalanceKelvin": "5600", "reelName": "A003"}
    assert metadata.normalised(arri) == {"camera": "ALEXA 35", "white_balance_k": 5600.0, "reel": "A003"}
    log = {"Camera": "B", "Shoot Date": "20190501", "Tape": "B001", "Focal Length": "50.0 mm", "ISO": "EI 800"}
    assert metadata.normalised(log) == {
        "unit": "B", "date": "2019-05-01", "reel": "B001", "focal_mm": 50.0, "iso": 800.0,
    }  # fmt: skip
    assert metadata.normalised({"tStop": "wide open", "Focal": " "}) == {}
    assert metadata.space({"com.arri.camera.ColorGammaSxS": "LOG-C"}) == "logc3"
    assert metadata.space({"Gamma": "S-Log3/S-Gamut3.Cine"}) == "slog3"
    assert metadata.space({"comment": "graded from LogC4"}) == ""


@pytest.mark.parametrize(
    ("text", "rate", "frames"),
    [
        ("01:00:00:00", Fraction(24), 86400),
        ("01:00:00:00", Fraction(24000, 1001), 86400),
        ("00:01:00;02", Fraction(30000, 1001), 1800),  # drop frame
        ("00:01:00:00", Fraction(25), 1500),
        ("00:00:00:24", Fraction(24), None),
        ("later", Fraction(24), None),
        ("00:00:01:00", Fraction(25, 2), None),  # no timecode counts so
    ],
)
def test_timecode_counts_as_its_rate_does(text: str, rate: Fraction, frames: int | None) -> None:
    assert timecode.count(text, rate) == frames
    if frames is not None:
        assert timecode.text(frames, rate, drop=";" in text) == text


def test_movies_stills_and_sequences_are_told_apart_and_rubbish_is_left(tmp_path: Path) -> None:
    names = [
        "a.0001.exr",
        "a.0002.exr",
        "a.0004.exr",
        "still_v02.dpx",
        "take.MOV",
        ".hidden.mov",
        "._take.mov",
        "notes.txt",
    ]
    for name in [*names, "deep/b001.tif", "deep/b002.tif", "x.arx"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    finds = finding.find([tmp_path])
    assert [(one.kind, one.name) for one in finds.clips] == [
        ("sequence", "a"), ("sequence", "b"), ("still", "still_v02"), ("movie", "take"),
    ]  # fmt: skip
    assert finds.clips[0].missing == [(3, 3)]
    assert [path.name for path in finds.raw] == ["x.arx"]
    (pattern,) = finding.find([tmp_path / "a.####.exr"]).clips
    assert sorted(pattern.files) == [1, 2, 4]
    with pytest.raises(NotFound, match="does not exist"):
        finding.find([tmp_path / "none.mov"])
    with pytest.raises(NotFound, match="no clips in"):
        finding.find([tmp_path / "notes.txt"])
