"""The data sheet of a show tells what its models learnt from, and nothing that the show does not know."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from onelight.errors import OnelightError
from onelight.provenance import datasheet
from onelight.shows import versions
from onelight.shows.keys import BadSignature, Keys
from onelight.shows.schema import Clip, Rights
from onelight.shows.store import Show
from provenancecases import CLIP, onelight, production, with_clip


@pytest.fixture
def show(tmp_path: Path) -> Show:
    """`apollo` with a version that learnt from one clip."""
    return production(tmp_path / "shows", tmp_path)


def report(show: Show, *words: object) -> dict:
    code, said = onelight("report", "--show", show.name, "--root", show.folder.parent, "--json", *words)
    assert code == 0
    return json.loads(said)


class Page(HTMLParser):
    """Headings and text of a page, and what it would load from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.said: list[str] = []
        self.loads: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.loads += [f"{tag} {value}" for name, value in attrs if name in ("src", "href")]
        self.loads += [tag] if tag in ("script", "link", "img", "iframe") else []

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("h1", "h2", "h3"):
            self.headings.append(data)
        elif self._inside != "style":
            self.said.append(data)


def test_the_sheet_has_the_sections_of_the_template_with_what_the_store_knows(show: Show) -> None:
    told = report(show, "--provider", "Apollo Productions Ltd", "--contact", "legal@apollo.example")
    assert told["1"]["1.1"] == {"provider": "Apollo Productions Ltd", "contact": "legal@apollo.example"}
    model = told["1"]["1.2"]["models"][0]
    assert (model["name"], model["state"], model["problem"]) == ("apollo/probe@v001", "approved", "")
    assert [clip["name"] for clip in model["clips"]] == [CLIP]
    video = told["1"]["1.3"]["video"]
    assert (video["clips"], video["frames"], video["range"]) == (1, 240, "less than 10 000 hours")
    assert video["hours"] == pytest.approx(240 / 24 / 3600, abs=1e-6)
    assert told["1"]["1.3"]["image"]["range"] == "none"
    own = told["2"]["2.6"]
    assert [(row["owner"], row["basis"], row["clips"]) for row in own] == [
        ("Apollo Productions", "production agreement", [CLIP])
    ]
    assert told["2"]["2.1"] == told["2"]["2.2.1"] == []
    assert told["2"]["2.3"].startswith("none")
    assert [clip["name"] for clip in told["clips"]] == [CLIP]
    assert told["clips"][0]["digest"] == model["clips"][0]["digest"]


def test_the_page_has_every_heading_and_loads_nothing(show: Show, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said = onelight("report", "--show", "apollo", "--root", show.folder.parent, "--out", out)
    assert code == 0
    assert said.split() == [f"{out}/apollo-data-sheet.json", f"{out}/apollo-data-sheet.html"]
    page = Page((out / "apollo-data-sheet.html").read_text())
    numbers = [found[0] for heading in page.headings if (found := re.match(r"[\d.]+", heading))]
    template = ["1", "1.1", "1.2", "1.3", "2", "2.1", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6", "3", "3.1", "3.2"]
    assert numbers == [*template, "3.3"]
    assert page.loads == []
    assert CLIP in page.said
    assert "verified" in page.said


def test_names_from_cameras_and_people_are_text_and_nothing_else(show: Show, tmp_path: Path) -> None:
    with show.session() as session:
        session.query(Clip).one().name = "<script>alert(1)</script>"
    onelight("report", "--show", "apollo", "--root", show.folder.parent, "--out", tmp_path / "out")
    page = Page((tmp_path / "out" / "apollo-data-sheet.html").read_text())
    assert page.loads == []
    assert "<script>alert(1)</script>" in page.said


def test_the_sheet_is_signed_and_a_changed_word_is_noticed(show: Show) -> None:
    told = report(show)
    keys = Keys(show)
    assert datasheet.check(told, keys.verify) == keys.fingerprint
    told["1"]["1.3"]["video"]["frames"] += 1
    with pytest.raises(BadSignature):
        datasheet.check(told, keys.verify)
    del told["signature"]
    with pytest.raises(OnelightError, match="carries no signature"):
        datasheet.check(told, keys.verify)


def verified(file: Path, *words: object) -> tuple[int, dict]:
    """Exit code and finding of `onelight verify` on one file."""
    code, said = onelight("verify", file, "--json", *words)
    return code, json.loads(said)["files"][0]


def test_verify_says_of_a_sheet_whether_it_is_what_the_shows_key_signed(show: Show, tmp_path: Path) -> None:
    root = ("--root", show.folder.parent)
    onelight("report", "--show", "apollo", *root, "--out", tmp_path)
    file, public = tmp_path / "apollo-data-sheet.json", tmp_path / "apollo.pem"
    public.write_bytes(next((show.folder / "keys" / "public").iterdir()).read_bytes())
    for words in (root, (*root, "--show", "apollo"), ("--root", tmp_path, "--key", public)):
        code, found = verified(file, *words)
        assert (code, found["state"], found["problems"]) == (0, "proven", []), words
        assert "1 model version, 1 clip learnt from" in found["notes"][0]
    code, found = verified(file, "--root", tmp_path)
    assert (code, found["state"]) == (1, "changed") and "nothing here vouches for the key" in found["problems"][0]
    told = json.loads(file.read_text())
    told["clips"][0]["owner"] = "somebody else"
    file.write_text(json.dumps(told))
    code, found = verified(file, *root)
    assert (code, found["state"]) == (1, "changed")
    assert "it is not what the show 'apollo' signed" in found["problems"][0]


def test_a_sheet_that_another_show_signed_is_not_the_shows(show: Show, tmp_path: Path) -> None:
    other = production(tmp_path / "others", tmp_path / "others")
    onelight("report", "--show", "apollo", "--root", other.folder.parent, "--out", tmp_path)
    code, found = verified(tmp_path / "apollo-data-sheet.json", "--root", show.folder.parent)
    assert (code, found["state"]) == (1, "changed")


def test_a_log_that_lost_its_end_since_a_sheet_was_made_is_noticed(show: Show, tmp_path: Path) -> None:
    shutil.copytree(show.folder.parent, tmp_path / "older")  # as an older copy of the show's folder would have lost it
    versions.retire(show, "probe", "v001", "flickers")
    onelight("report", "--show", "apollo", "--root", show.folder.parent, "--out", tmp_path)
    assert verified(tmp_path / "apollo-data-sheet.json", "--root", show.folder.parent)[0] == 0
    code, found = verified(tmp_path / "apollo-data-sheet.json", "--root", tmp_path / "older")
    assert code == 1 and "the log of the show 'apollo' has lost entries" in found["problems"][0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "it is no data sheet"),
        ("[1]", "it is no data sheet"),
        ("{", "it is no data sheet"),
        ('{"kind": "onelight model version", "show": "apollo"}', "it is no data sheet"),
        ('{"kind": "onelight data sheet", "show": "apollo"}', "carries no signature"),
        ('{"kind": "onelight data sheet", "show": "apollo", "signature": "zz"}', "carries no signature"),
        ('{"kind": "onelight data sheet", "show": "apollo", "show": "apollo"}', "says 'show' twice"),
    ],
)
def test_json_that_is_no_signed_sheet_is_said_to_be_none(show: Show, tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "sheet.json"
    file.write_text(text)
    code, found = verified(file, "--root", show.folder.parent)
    assert code == 1 and words in found["problems"][0]


def test_a_withdrawn_clip_and_its_retired_model_are_in_the_sheet_with_the_reason(show: Show) -> None:
    with show.session() as session:
        clip = session.query(Clip).one()
        clip.withdrawn, clip.withdrawn_why = datetime(2026, 3, 1, tzinfo=UTC), "the performer asked"
        versions.retire_learnt_from(session, clip, "the performer asked", "Ada")
    told = report(show)
    assert told["1"]["1.2"]["models"][0]["state"] == "retired"
    gone = told["3"]["3.1"]["withdrawn"][0]
    assert (gone["name"], gone["why"], gone["on"][:10]) == (CLIP, "the performer asked", "2026-03-01")
    assert told["clips"][0]["now"] == "withdrawn: the performer asked"
    assert [(each["action"], each["who"]) for each in told["log"]["changes"]][-1] == ("version retire", "Ada")


def test_an_altered_model_is_said_to_be_so(show: Show) -> None:
    file = show.places.models / "probe" / "v001" / "card.md"
    file.chmod(0o600)
    file.write_text("another")
    assert "card.md" in report(show)["1"]["1.2"]["models"][0]["problem"]


def test_licensed_and_public_material_stand_under_their_own_headings(show: Show) -> None:
    told = {"production agreement": "2.6", "Stock licence 4711": "2.2.1", "public domain": "2.1", "CC BY 4.0": "2.1"}
    for basis, section in told.items():
        with show.session() as session:
            session.query(Rights).one().basis = basis
        sources = report(show)["2"]
        assert [name for name in ("2.1", "2.2.1", "2.6") if sources[name]] == [section], basis


def test_a_show_without_dailies_or_models_has_a_sheet_too(tmp_path: Path) -> None:
    show = Show.create("gemini", tmp_path / "shows")
    told = report(show)
    assert told["1"]["1.2"]["models"] == told["clips"] == []
    code, _ = onelight("report", "--show", "gemini", "--root", tmp_path / "shows")
    assert code == 0
    assert (show.folder / "reports" / "gemini-data-sheet.html").is_file()


def test_a_clip_that_nothing_learnt_from_is_listed_with_the_reason(tmp_path: Path) -> None:
    show = Show.create("gemini", tmp_path / "shows")
    with_clip(show)
    with show.session() as session:
        session.query(Clip).one().rights = None
    assert report(show)["not_learnt_from"][0]["why"] == "no rights statement"
