"""Artists' pairs: whose frames they are is known, by whose leave they are learnt from, and what they teach is true."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from dailiesclips import sequence
from onelight.dailies import rights
from onelight.dailies.withdrawal import withdraw
from onelight.errors import NotFound, OnelightError, RequestError
from onelight.images import read_frame
from onelight.provenance import datasheet, page
from onelight.provenance.recording import Recording
from onelight.provenance.sidecar import Maker
from onelight.shows import versions
from onelight.shows.schema import Clip, Run
from onelight.shows.store import Show
from onelight.studio import pairfile, pairing, pairs, runs, training, watching
from onelight.studio.plan import Plan
from onelight.tools.cleanup import artist
from onelight.tools.cleanup import pairs as crops
from onelight.tools.cleanup.spec import TOOL
from onelight.tools.cleanup.wires import Wire, paste
from pairshows import COMP_RIGHTS, FRAMES, ground, pair, pairs_file, show_with_wires, wired
from studioshows import ASK, command
from temporalclips import grainy, texture

RUN = "cleanup-001"
LONGEST_SECONDS = 600.0


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where plates, comps and the show of `empty` lie."""
    return tmp_path_factory.mktemp("pairs")


@pytest.fixture(scope="module")
def empty(root: Path) -> Show:
    """The show before anything was trained."""
    return show_with_wires(root)


@pytest.fixture
def show(empty: Show, tmp_path: Path) -> Show:
    """A copy of it that a test may change."""
    return copied(empty, tmp_path)


def copied(show: Show, root: Path) -> Show:
    shutil.copytree(show.folder, root / show.name)
    return Show.open(show.name, root)


def found(show: Show, file: Path) -> list[pairs.Pair]:
    return pairs.find(show, pairfile.load(file), "cleanup")


# ---- what a pairs file says


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("pairs = 3", "no .*pairs.* table"),
        ("this is no TOML", "is not TOML"),
        ("[[pairs]]\ntool = 'cleanup'\nbefore = 'a'\n", "either 'before' and 'after', or 'accepted'"),
        ("[[pairs]]\ntool = 'cleanup'\nbefore = 'a'\nafter = 'b'\naccepted = 'c'\n", "either 'before' and 'after'"),
        ("[[pairs]]\ntool = 'cleanup'\nbefore = 'a'\nafter = 'b'\n", "Pair 1 of .* has no rights"),
        ("[[pairs]]\ntool = 'cleanup'\nbefor = 'a'\n", "unknown 'befor'"),
        (COMP_RIGHTS + "[[pairs]]\ntool = 'cleanup'\nbefore = 'a'\nafter = 'b'\nframes = '1-x'\n", "not '1-x'"),
        (COMP_RIGHTS + "clips = ['a']\n[[pairs]]\ntool = 'cleanup'\nbefore = 'a'\nafter = 'b'\n", "unknown 'clips'"),
        ("[rights]\nowner = 'me'\n[[pairs]]\ntool = 'cleanup'\nbefore = 'a'\nafter = 'b'\n", "lacks 'basis'"),
    ],
)
def test_a_pairs_file_that_is_wrong_is_answered_with_a_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.toml").write_text(text)
    with pytest.raises(RequestError, match=sentence):
        pairfile.load(tmp_path / "pairs.toml")


def test_paths_start_at_the_files_folder_and_a_pair_may_have_rights_of_its_own(tmp_path: Path) -> None:
    text = "[[pairs]]\ntool = 'cleanup'\nbefore = 'plate.exr'\nafter = '/comps/comp.exr'\n"
    own = "[pairs.rights]\nowner = 'Ada'\nbasis = 'licence'\npurposes = ['training']\n"
    (tmp_path / "pairs.toml").write_text(COMP_RIGHTS + text + own + text)
    first, second = pairfile.load(tmp_path / "pairs.toml").pairs
    assert (first.before, first.after) == (str(tmp_path / "plate.exr"), "/comps/comp.exr")
    assert (first.rights.owner, second.rights.owner) == ("Ada", "the comp house")


# ---- whose frames they are


def test_a_plate_is_known_by_what_is_in_its_files_wherever_they_lie(show: Show, root: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    for number in range(1001, 1001 + FRAMES):
        shutil.copy(root / "plates/garden" / f"garden.{number}.exr", tmp_path / "copy" / f"sh010_plate.{number}.exr")
    elsewhere = pair(root, "garden", before=f"{tmp_path}/copy/sh010_plate.####.exr")
    here, there = found(show, pairs_file(tmp_path / "pairs.toml", pair(root, "garden"), elsewhere))
    assert [clip.name for clip in here.clips] == [clip.name for clip in there.clips] == ["garden"]
    assert here.plate.how == there.plate.how == "content"
    assert here.frames == there.frames == list(range(1001, 1001 + FRAMES))


def test_a_plate_that_was_made_anew_is_known_by_reel_and_timecode(show: Show, root: Path, tmp_path: Path) -> None:
    with show.session() as session:
        clip = session.query(Clip).filter_by(name="petals").one()
        clip.reel, clip.timecode = "A003", "10:00:00:00"
    for number, picture in enumerate(wired("petals", ground("petals"))[2:4], 1):
        told = {"reelName": "a003", "timecode": f"10:00:00:{number + 1:02d}"}
        sequence(tmp_path / "conformed", [picture * 0.5], "sh020", number, **told)
        sequence(tmp_path / "comp", [picture * 0.5], "sh020_comp", number)
    asked = {"before": f"{tmp_path}/conformed/sh020.####.exr", "after": f"{tmp_path}/comp/sh020_comp.####.exr"}
    (one,) = found(show, pairs_file(tmp_path / "pairs.toml", pair(root, "petals", **asked)))
    assert [clip.name for clip in one.clips] == ["petals"] and one.plate.how == "reel and timecode"
    assert one.plate.frames == {1: 1003, 2: 1004} and one.plate.space == "lin_rec709", "as an EXR is that says nothing"
    sequence(tmp_path / "conformed", [picture], "sh020", 2, reelName="A003", timecode="10:00:04:00")
    with pytest.raises(RequestError, match=r"sh020\.0002\.exr says timecode 10:00:04:00, which does not go on"):
        found(show, tmp_path / "pairs.toml")


def test_frames_that_the_catalogue_does_not_have_are_refused(show: Show, root: Path, tmp_path: Path) -> None:
    frames = ground("garden")
    sequence(tmp_path / "stranger", frames, "stranger")
    asked = pair(root, "garden", before=f"{tmp_path}/stranger/stranger.####.exr")
    with pytest.raises(RequestError, match=r"stranger\.1001\.exr is of no clip"):
        found(show, pairs_file(tmp_path / "pairs.toml", asked))
    shutil.copytree(root / "plates/garden", tmp_path / "mixed")
    sequence(tmp_path / "mixed", frames[:1], "garden", 1003)
    asked = pair(root, "garden", before=f"{tmp_path}/mixed/garden.####.exr")
    with pytest.raises(
        RequestError, match=r"garden\.1003\.exr is of no clip of the catalogue, and other frames .*'gard"
    ):
        found(show, pairs_file(tmp_path / "pairs.toml", asked))


def test_slates_and_flash_frames_of_the_catalogue_are_left_out(show: Show, root: Path, tmp_path: Path) -> None:
    from onelight.shows.schema import Span

    with show.session() as session:
        clip = session.query(Clip).filter_by(name="garden").one()
        clip.spans.append(Span(kind="slate", first=1001, last=1002, told={}))
    (one,) = found(show, pairs_file(tmp_path / "pairs.toml", pair(root, "garden")))
    assert one.frames == list(range(1003, 1001 + FRAMES))


# ---- by whose leave


def test_a_withdrawn_clip_and_one_without_rights_to_train_are_refused(show: Show, root: Path, tmp_path: Path) -> None:
    file = pairs_file(tmp_path / "pairs.toml", pair(root, "garden"), pair(root, "petals"))
    assert len(found(show, file)) == 2
    withdraw(show, "petals", "the actor asked")
    with pytest.raises(RequestError, match=r"petals\.1001\.exr is of the clip 'petals', .*withdrawn: the actor asked"):
        found(show, file)
    with show.session() as session:
        session.query(Clip).filter_by(name="garden").one().rights.purposes = ["evaluation"]  # type: ignore[union-attr]
    with pytest.raises(RequestError, match="'garden', which may not be learnt from: the example allows evaluation"):
        found(show, file)


@pytest.mark.parametrize(
    ("stated", "sentence"),
    [
        ('purposes = ["look"]', "the comp house allows look, not training"),
        ('purposes = ["training"]\nexpires = 2020-01-31', "the rights of the comp house expired on 2020-01-31"),
        (
            'purposes = ["training"]\n[rights.consents."Jane Doe"]\ngiven = 2020-01-01\nscope = ["look"]',
            "Jane Doe has not consented to training",
        ),
    ],
)
def test_what_the_artist_made_has_rights_of_its_own(
    stated: str, sentence: str, empty: Show, root: Path, tmp_path: Path
) -> None:
    text = f'[rights]\nowner = "the comp house"\nbasis = "work for hire"\n{stated}\n'
    with pytest.raises(RequestError, match=rf"garden_comp.*may not be learnt from: {sentence}"):
        found(empty, pairs_file(tmp_path / "pairs.toml", pair(root, "garden"), rights=text))


# ---- frames and sizes


def test_frames_are_paired_by_number(empty: Show, root: Path, tmp_path: Path) -> None:
    sequence(tmp_path / "short", ground("garden")[2:], "comp", 1003)
    asked = pair(root, "garden", after=f"{tmp_path}/short/comp.####.exr")
    with pytest.raises(RequestError, match=r"comp\.####\.exr has no frames 1001-1002, which before has"):
        found(empty, pairs_file(tmp_path / "pairs.toml", asked))
    (one,) = found(empty, pairs_file(tmp_path / "pairs.toml", asked | {"frames": "1003-1004"}))
    assert one.frames == [1003, 1004]
    with pytest.raises(NotFound, match=r"comp\.####\.exr has no frame 1002, which is asked for \(Pair 1"):
        found(empty, pairs_file(tmp_path / "pairs.toml", asked | {"frames": "1002-1004"}))
    with pytest.raises(NotFound, match="nowhere"):
        found(empty, pairs_file(tmp_path / "pairs.toml", pair(root, "garden", after=f"{tmp_path}/nowhere.####.exr")))


def test_another_size_is_refused_with_both_named(empty: Show, root: Path, tmp_path: Path) -> None:
    sequence(tmp_path / "small", [picture[:200] for picture in ground("garden")], "comp")
    asked = pair(root, "garden", after=f"{tmp_path}/small/comp.####.exr")
    with pytest.raises(RequestError, match=r"comp\.1001\.exr is 400 x 200: 400 x 300, as .*garden\.1001\.exr"):
        found(empty, pairs_file(tmp_path / "pairs.toml", asked))


def test_a_file_that_changed_after_it_was_hashed_is_not_read(empty: Show, root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "comps/garden", tmp_path / "comp")
    asked = pair(root, "garden", after=f"{tmp_path}/comp/garden_comp.####.exr")
    (one,) = pairs.hashed(found(empty, pairs_file(tmp_path / "pairs.toml", asked)))
    before, after, matte = one.read(1001)
    assert np.array_equal(before, read_frame(root / "plates/garden/garden.1001.exr").pixels[..., :3])
    assert np.array_equal(after, ground("garden")[0]) and matte is None
    sequence(tmp_path / "comp", [after * 2], "garden_comp", 1001)
    with pytest.raises(OnelightError, match=r"garden_comp\.1001\.exr is not the file"):
        one.read(1001)


# ---- accepted results


def rendered(show: Show, root: Path, out: Path, name: str, model: dict[str, str], operator: str = "Ada") -> Path:
    """A result of Cleanup with its sidecar, as `onelight render --sidecar` leaves one; the pattern."""
    sequence(out, ground(name), "out")
    recording = Recording(Maker(show, operator, "clean-up", "standard"), TOOL, out / "out.####.exr", "out.####.exr")
    recording.begin(list(range(1001, 1001 + FRAMES)), [])
    for number in range(1001, 1001 + FRAMES):
        file = out / f"out.{number}.exr"
        plates = [
            ("Source", step, root / f"plates/{name}/{name}.{min(number + step, 1000 + FRAMES)}.exr") for step in (0, 1)
        ]
        told = recording.told(number, file, "result", {}, plates, model, {}, None)
        recording.settle(told, file, file.name)
    return out / "out.####.exr"


def test_an_accepted_result_is_a_pair_with_the_plates_that_its_sidecar_names(
    show: Show, root: Path, tmp_path: Path
) -> None:
    out = rendered(show, root, tmp_path / "out", "garden", {})
    file = pairs_file(tmp_path / "pairs.toml", {"tool": "cleanup", "accepted": str(out)})
    (one,) = found(show, file)
    assert [clip.name for clip in one.clips] == ["garden"] and len(one.frames) == FRAMES
    assert one.before[1003] == root / "plates/garden/garden.1003.exr"
    sequence(tmp_path / "out", ground("petals")[:1], "out", 1002)
    with pytest.raises(RequestError, match=r"out\.1002\.exr was changed since out\.exr\.onelight\.jsonl recorded it"):
        found(show, file)


def test_a_result_without_a_sidecar_or_with_one_that_another_show_signed_is_refused(
    show: Show, root: Path, tmp_path: Path
) -> None:
    bare = {"tool": "cleanup", "accepted": f"{root}/comps/garden/garden_comp.####.exr"}
    with pytest.raises(RequestError, match="has no sidecar beside it"):
        found(show, pairs_file(tmp_path / "pairs.toml", bare))
    other = Show.create("borealis", tmp_path / "others")
    foreign = {"tool": "cleanup", "accepted": str(rendered(other, root, tmp_path / "out", "garden", {}))}
    with pytest.raises(RequestError, match=r"out\.exr\.onelight\.jsonl is not what 'apollo' signed"):
        found(show, pairs_file(tmp_path / "pairs.toml", foreign))


def test_what_learnt_from_a_clip_taints_what_it_made(show: Show, root: Path, tmp_path: Path, trained: Show) -> None:
    version = versions.get(trained, "cleanup", "v001")
    model = {"version": "v001", "digest": version.digest, "state": "candidate"}
    learnt = {clip.name for clip in version.clips}
    out = rendered(trained, root, tmp_path / "out", sorted(learnt)[0], model)
    file = pairs_file(tmp_path / "pairs.toml", {"tool": "cleanup", "accepted": str(out)})
    shutil.copytree(trained.folder, tmp_path / "later" / "apollo")
    later = Show.open("apollo", tmp_path / "later")
    (one,) = found(later, file)
    assert one.made_by == "cleanup@v001" and {clip.name for clip in one.clips} == learnt
    withdraw(later, sorted(learnt)[1], "the actor asked")
    with pytest.raises(RequestError, match="what it was made with is of the clip .* withdrawn: the actor asked"):
        found(later, file)


# ---- what is taught


def picture(seed: int, grain: float = 0.004) -> np.ndarray:
    return grainy(texture(360, 480, seed), seed, grain)


@pytest.mark.parametrize("grain", [0.0, 0.004, 0.015])
def test_what_was_taken_out_is_found_with_its_width_and_direction_through_grain_that_was_put_in(grain: float) -> None:
    clean = texture(360, 480, 3)
    for seed in range(4):
        wires = [Wire.draw(np.random.default_rng(seed), (360, 480), width=(2.0, 12.0), contrast=0.4)]
        over = paste(clean, wires)
        before = grainy(over.picture, 1, grain)
        patch = (cv2.dilate(over.matte, np.ones((21, 21))) > 0)[..., None]
        after = np.where(patch, grainy(clean, 2, grain), before)  # new grain, in a patch wider than the wire
        told = artist.kept(artist.marked(before, after))
        wire, truth = told["stroke"][..., 0] > 0, over.stroke > 0.5
        near = cv2.dilate((over.stroke > 0.05).astype(np.uint8), np.ones((3, 3))) > 0
        assert (wire & truth).sum() > 0.9 * truth.sum() and (wire & near).sum() > 0.97 * wire.sum()
        both = wire & truth
        assert abs(np.median(np.log2(told["width"][both][:, 0] / over.width[both]))) < 0.35
        assert (told["along"][both] * over.along[both]).sum(axis=-1).mean() > 0.95
        # A pixel of the wire that was missed is not taught to be none; the picture far from it is.
        assert not told["weight"][truth & ~wire].any()
        assert told["weight"][~(cv2.dilate(patch.astype(np.uint8), np.ones((15, 15))) > 0)].mean() > 0.95


def test_a_patch_that_is_no_wire_is_neither_taught_nor_taught_away() -> None:
    before, after = picture(5), picture(5)
    after[100:180, 200:290] *= 0.5
    told = artist.kept(artist.marked(before, after))
    assert not told["stroke"].any() and not told["weight"][100:180, 200:290].any()
    assert told["weight"][:, :150].all()


def test_a_matte_says_which_of_two_lines_was_the_wire() -> None:
    clean = picture(7)
    before = clean.copy()
    before[:, 100:104] *= 0.4
    before[:, 300:304] *= 0.4
    matte = np.zeros(clean.shape[:2], np.float32)
    matte[:, 96:108] = 1
    told = artist.kept(artist.marked(before, clean, matte))
    assert told["stroke"][:, 101:103].all() and not told["stroke"][:, 200:].any()
    assert not told["weight"][:, 300:304].any(), "it was changed, and nobody said that it was a wire"


def test_a_grade_is_told_from_work_on_wires() -> None:
    before = picture(9)
    wire = before.copy()
    wire[:, 100:106] *= 0.4
    assert (
        artist.share(artist.marked(wire, before))
        < artist.MOST_CHANGED
        < artist.share(artist.marked(before, before * 1.1))
    )


def test_a_lesson_is_turned_and_mirrored_with_its_tangents() -> None:
    clean = texture(288, 288, 4)
    wires = [Wire.draw(np.random.default_rng(3), (288, 288), width=6.0, contrast=0.4, moves=False)]
    kept = artist.kept(artist.marked(paste(clean, wires).picture, clean))
    rows = {name: value[None] for name, value in kept.items()}
    agreed = []
    for seed in range(24):
        made = artist.lesson(rows, np.random.default_rng(seed), crops.CROP, 0.7)
        assert made["picture"].shape == (crops.CROP, crops.CROP, 3)
        inside = made["stroke"][..., 0] > 0.9
        if inside.sum() < 200:
            continue
        # Along a wire it goes on: the stroke moved along its own tangent covers itself, moved across it does not.
        angle = np.arctan2(made["along"][inside][:, 1], made["along"][inside][:, 0]) / 2
        rows_, columns = np.nonzero(inside)
        for turn in (0.0, np.pi / 2):
            x, y = columns + 9 * np.cos(angle + turn), rows_ + 9 * np.sin(angle + turn)
            there = (x >= 0) & (y >= 0) & (x < crops.CROP - 1) & (y < crops.CROP - 1)
            agreed.append(made["stroke"][y[there].round().astype(int), x[there].round().astype(int), 0].mean())
        assert abs(float(np.median(made["width"][inside])) - np.log2(6)) < 0.8
    along, across = np.mean(agreed[::2]), np.mean(agreed[1::2])
    assert len(agreed) > 20 and along > 0.85 and across < 0.15


# ---- a training with pairs


def asked(root: Path, folder: Path, *names: str) -> pairfile.Given:
    return pairfile.load(pairs_file(folder / "pairs.toml", *(pair(root, name) for name in names)))


@pytest.fixture(scope="module")
def trained(empty: Show, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Show:
    """A copy of the show whose Cleanup learnt from pairs of all clips, but for that of the set-up that was held out."""
    folder = tmp_path_factory.mktemp("trained")
    show = copied(empty, folder)
    made = training.train_show(show, "cleanup", replace(ASK, pairs=asked(root, root, "garden", "petals", "meadow")))
    assert made is not None
    shutil.copytree(show.places.cache, empty.places.cache, dirs_exist_ok=True)  # the scenes, for who comes next
    return show


def weights(show: Show) -> bytes:
    return (show.places.models / "cleanup" / "v001" / "weights.safetensors").read_bytes()


def test_the_manifest_has_every_pairs_hashes_and_rights_but_for_the_held_out_ones(trained: Show, root: Path) -> None:
    from onelight.dailies import files

    told = versions.verify(trained, "cleanup", "v001").manifest["training"]
    held = {setup for setup, _ in told["held_out"]}
    assert len(told["pairs"]) == 2 and len(told["pairs_left_out"]) == 1
    with trained.session() as session:
        clips = {clip.digest: clip for clip in session.query(Clip)}
        for one in told["pairs"]:
            (digest,) = one["before"]["clips"]
            clip = clips[digest]
            assert (clip.setup.name if clip.setup else clip.name) not in held
            assert one["before"]["digest"] == digest, "all of its frames"
            comp = root / "comps" / clip.name / f"{clip.name}_comp.1002.exr"
            assert one["after"]["xxh128"][comp.name] == files.told(comp)["xxh128"]
            assert one["rights"]["owner"] == "the comp house" and len(one["rights"]["digest"]) == 64
    assert str(root) not in str(told["pairs"]), "where they lay on somebody's disk is nobody's business"


def test_the_data_sheet_and_the_version_say_whose_work_was_learnt_from(trained: Show) -> None:
    told = datasheet.sheet(trained)
    assert {pair["owner"] for pair in told["pairs"]} == {"the comp house"} and len(told["pairs"]) == 2
    assert told["pairs"][0]["models"] == ["apollo/cleanup@v001"]
    drawn = page.html(datasheet.signed(told, trained))
    assert all(pair["name"] in drawn for pair in told["pairs"]) and "work for hire" in drawn
    asked = ("version", "show", "cleanup@v1", "--show", "apollo", "--root", str(trained.folder.parent))
    shown = subprocess.run(command(*asked), capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    assert shown.returncode == 0, shown.stderr
    assert "Artists' pairs" in shown.stdout and told["pairs"][0]["name"] in shown.stdout


def test_withdrawing_the_clip_of_a_pair_retires_what_learnt_from_it(trained: Show, root: Path, tmp_path: Path) -> None:
    show = copied(trained, tmp_path)
    told = versions.verify(show, "cleanup", "v001").manifest["training"]["pairs"][0]
    gone = withdraw(show, told["before"]["clips"][0], "the actor asked")
    assert [version.name for version in gone.retired] == ["v001"]
    assert versions.get(show, "cleanup", "v001").state == "retired"


def test_no_frame_of_a_pair_is_left_in_the_runs_folder(trained: Show) -> None:
    left = {path.name for path in (trained.places.training / RUN).iterdir() if path.is_dir()}
    assert not left & {"crops", "footage", "scenes", "pairs", "paired"}


def test_a_training_with_pairs_that_was_killed_ends_with_the_same_weights(
    trained: Show, empty: Show, root: Path, tmp_path: Path
) -> None:
    show = copied(empty, tmp_path)
    words = ["train", "show", "--show", "apollo", "--root", str(show.folder.parent), "--tools", "cleanup"]
    words += ["--budget", "60s", "--steps", "4", "--seed", "3", "--scenes", "4", "--crops", "6", "--shots", "1"]
    words += ["--suite", "0", "--threads", "1", "--pairs", str(root / "pairs.toml")]

    def killed_when(seen: Callable[[], bool]) -> None:
        process = subprocess.Popen(
            command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        until = time.monotonic() + LONGEST_SECONDS
        while process.poll() is None and time.monotonic() < until and not seen():
            time.sleep(0.01)  # another process writes: there is no event to wait for
        os.killpg(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
        assert process.returncode == -signal.SIGKILL, errors

    folder = show.places.training / RUN
    killed_when(lambda: any((folder / "pairs").glob("*.npy")))
    killed_when(lambda: any(line["state"] == "training" for line in watching.lines(folder)))
    assert not versions.listed(show)
    ended = subprocess.run(command(*words), capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    assert ended.returncode == 0, ended.stderr
    assert weights(show) == weights(trained)


def test_a_run_goes_on_with_the_pairs_that_it_began_with_only(
    trained: Show, empty: Show, root: Path, tmp_path: Path
) -> None:
    show = copied(empty, tmp_path)
    shutil.copytree(root / "comps", tmp_path / "comps")
    (tmp_path / "plates").symlink_to(root / "plates")
    given = asked(tmp_path, tmp_path, "garden", "petals", "meadow")
    with_pairs = replace(ASK, pairs=given)
    assert training.train_show(show, "cleanup", with_pairs, stop_after=0.0) is None
    with pytest.raises(RequestError, match=r"pairs was pairs\.toml sha256:\w+ and is not given.*--fresh"):
        training.train_show(show, "cleanup", ASK)
    plan = Plan.load(show.places.training / RUN)
    assert plan is not None
    name = str(plan.pairs[0]["name"]).removesuffix("_comp")
    sequence(tmp_path / "comps" / name, ground("garden")[3:4], f"{name}_comp", 1002)
    with pytest.raises(RequestError, match=f"The pair '{name}_comp' is not what it was when the run {RUN} began"):
        training.train_show(show, "cleanup", with_pairs)


def test_pairs_of_held_out_setups_alone_leave_nothing_to_learn_from(empty: Show, root: Path, tmp_path: Path) -> None:
    show = copied(empty, tmp_path)
    (one,) = pairs.find(show, asked(root, tmp_path, "garden"), "cleanup")
    held = replace(ASK, held=tuple(one.setups), pairs=asked(root, tmp_path, "garden"))
    with pytest.raises(RequestError, match="All pairs for cleanup show held-out set-ups"):
        training.train_show(show, "cleanup", held)
    with show.session() as session:
        assert [run.state for run in session.query(Run)] == ["failed"]


def test_an_after_in_which_nothing_was_taken_out_is_refused(empty: Show, root: Path, tmp_path: Path) -> None:
    show = copied(empty, tmp_path)
    same = [pair(root, name, after=f"{root}/plates/{name}/{name}.####.exr") for name in ("garden", "petals", "meadow")]
    given = pairfile.load(pairs_file(tmp_path / "pairs.toml", *same))
    with pytest.raises(RequestError, match="shows nothing that was taken out"):
        training.train_show(show, "cleanup", replace(ASK, pairs=given))


@pytest.mark.parametrize(
    ("tool", "tools", "sentence"),
    [
        ("relight", ["relight", "cleanup"], "Pair 1 of .* Relight learns nothing from before and after"),
        ("relite", ["cleanup"], "Pair 1 of .* there is no tool 'relite'"),
        ("cleanup", ["relight"], "No pair is for relight: they are for cleanup"),
    ],
)
def test_pairs_that_nothing_would_learn_from_are_refused_before_any_training(
    tool: str, tools: list[str], sentence: str, empty: Show, root: Path, tmp_path: Path
) -> None:
    given = pairfile.load(pairs_file(tmp_path / "pairs.toml", pair(root, "garden", tool=tool)))
    with pytest.raises(OnelightError, match=sentence):
        pairing.check(empty, given, tools)


def test_rights_that_run_out_while_it_learns_stop_the_version(empty: Show, root: Path, tmp_path: Path) -> None:
    (one,) = pairs.hashed(found(empty, pairs_file(tmp_path / "pairs.toml", pair(root, "garden"))))
    pairing.check_rights([one])
    stated = replace(one.pair.stated.rights, expires=datetime(2020, 1, 1, tzinfo=UTC))
    late = replace(one, pair=replace(one.pair, stated=replace(one.pair.stated, rights=stated)))
    with pytest.raises(RequestError, match="expired on 2020-01-01"):
        pairing.check_rights([late])
    assert not rights.refusal(one.pair.stated.rights, "training", datetime.now(UTC))


def test_an_older_run_that_knew_of_no_pairs_is_gone_on_with(empty: Show, tmp_path: Path) -> None:
    show = copied(empty, tmp_path)
    run = runs.begin(show, "cleanup", ASK, False)
    with show.session() as session:
        row = session.query(Run).one()
        row.settings = {name: value for name, value in row.settings.items() if name != "pairs"}
    assert runs.begin(show, "cleanup", ASK, False).name == run.name
