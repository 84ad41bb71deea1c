"""What is found in clips: with known truth in made ones, and with nothing to be found in real ones."""

from __future__ import annotations

from pathlib import Path

import dailiesclips as made
import numpy as np
import pytest
from conftest import ROOT
from onelight.colour import Colour
from onelight.dailies import baked, bars, finding, matte, slate, spans, survey, text
from onelight.dailies.reading import picture
from onelight.shows.schema import Span
from onelight.temporal.encode import shrink

PLATES = ROOT / "examples" / "plates"
REAL = ("flower.mp4", "video/friday.mp4", "video/car-detection.mp4", "video/nasa_13013.mp4")
PHOTOGRAPHS = ("seeding_by_Clements_Engelhardt.jpg", "u76c0g_bliznaca_srgb8.png")


def found_in(path: Path, space: str = "rec1886") -> list[Span]:
    clip = finding.find([path]).clips[0]
    return spans.of(survey.look(clip, space), clip, space)


def told(found: list[Span], kind: str) -> list[tuple[int, int]]:
    return [(span.first, span.last) for span in found if span.kind == kind]


def kinds(found: list[Span]) -> set[str]:
    return {span.kind for span in found} - {"shot"}


def test_cuts_are_found_to_the_frame_and_a_moving_camera_is_none(tmp_path: Path) -> None:
    linear = made.shot(1, 30) + made.shot(2, 25, 6.0, -3.0) + made.shot(3, 20)
    found = found_in(made.movie(tmp_path / "cuts.mp4", made.video(linear)))
    assert told(found, "shot") == [(1, 30), (31, 55), (56, 75)]
    assert kinds(found) == set()


def test_a_dissolve_parts_two_shots_and_its_mixed_frames_are_kept_out(tmp_path: Path) -> None:
    before, after = made.video(made.shot(4, 48, 0.3, 0.1)), made.video(made.shot(5, 48, 0.2, -0.3))
    mixed = [before[30 + at] * (1 - (at + 1) / 17) + after[at] * ((at + 1) / 17) for at in range(16)]
    found = found_in(made.movie(tmp_path / "mix.mp4", [*before[:30], *mixed, *after[16:]]))
    ((first, last),) = told(found, "dissolve")
    assert abs(first - 31) <= 1
    assert abs(last - 46) <= 1
    (_, (begins, end)) = told(found, "shot")
    assert abs(begins - 39) <= 1
    assert end == 78


def test_flash_frames_are_found_and_the_shot_goes_on_through_them(tmp_path: Path) -> None:
    linear = made.shot(6, 48)
    linear[20] = linear[20] * 4  # a photographer
    coded = made.video(linear)
    coded[10] = np.zeros_like(coded[10])
    coded[35] = made.video(made.shot(7, 1))[0]  # one frame of something else
    found = found_in(made.movie(tmp_path / "flash.mp4", coded))
    assert told(found, "flash") == [(11, 11), (21, 21), (36, 36)]
    assert told(found, "shot") == [(1, 48)]


def test_a_change_of_light_that_stays_is_no_flash(tmp_path: Path) -> None:
    linear = made.shot(6, 30)
    lit = [picture * np.float32(1 if at < 15 else 3) for at, picture in enumerate(linear)]
    found = found_in(made.movie(tmp_path / "light.mp4", made.video(lit)))
    assert kinds(found) == set()


@pytest.mark.parametrize("level", [0.75, 1.0])
def test_bars_at_the_head_are_found_to_the_frame(tmp_path: Path, level: float) -> None:
    path = made.movie(tmp_path / "bars.mp4", [made.bars(level)] * 20 + made.video(made.shot(1, 20)))
    found = found_in(path)
    assert told(found, "bars") == [(1, 20)]
    assert told(found, "shot") == [(1, 20), (21, 40)]


def test_bars_of_other_orders_are_bars_and_coloured_walls_are_not() -> None:
    chart = made.bars()[:, ::-1]
    assert bars.is_bars(chart)
    walls = np.full((72, 128, 3), 0.5, np.float32)
    for index, colour in enumerate(((0.9, 0.2, 0.2), (0.2, 0.2, 0.9), (0.9, 0.9, 0.2), (0.8, 0.8, 0.8))):
        walls[:, index * 32 : index * 32 + 32] = colour
    assert not bars.is_bars(walls)


@pytest.mark.parametrize(("axis", "border"), [(0, 34), (1, 60)])
def test_the_picture_inside_a_letterbox_is_found_and_has_no_black_line(tmp_path: Path, axis: int, border: int) -> None:
    frames = made.video(made.shot(1, 24))
    for frame in frames:
        rows = frame if axis == 0 else frame.transpose(1, 0, 2)
        rows[:border] = rows[-border:] = 0
    (span,) = (s for s in found_in(made.movie(tmp_path / "box.mp4", frames)) if s.kind == "letterbox")
    x1, y1, x2, y2 = span.told["box"]
    near, far, side = (y1, y2, made.SIZE[0]) if axis == 0 else (x1, x2, made.SIZE[1])
    assert border <= near <= border + 4
    assert side - border - 4 <= far <= side - border
    assert (x1, x2) == (0, made.SIZE[1]) if axis == 0 else (y1, y2) == (0, made.SIZE[0])


def test_burnt_in_timecode_and_name_are_found_over_moving_picture(tmp_path: Path) -> None:
    frames = [
        made.lettered(
            made.lettered(frame, f"01:00:{at // 24:02d}:{at % 24:02d}", (0.35, 0.95)), "A003C012_R1AB", (0.03, 0.07)
        )
        for at, frame in enumerate(made.video(made.shot(1, 40)))
    ]
    (span,) = (s for s in found_in(made.movie(tmp_path / "burnt.mp4", frames)) if s.kind == "burn_in")
    top, bottom = sorted(span.told["boxes"], key=lambda box: box[1])
    assert top[1] <= 0.03 * 270
    assert top[3] >= 0.065 * 270
    assert top[0] <= 0.04 * 480
    assert bottom[1] <= 0.91 * 270
    assert bottom[3] >= 0.945 * 270
    assert bottom[0] <= 0.36 * 480


def test_a_written_slate_is_kept_out_as_the_shot_that_it_is(tmp_path: Path) -> None:
    card = made.card(["ONELIGHT", "SCENE 12A", "TAKE 3", "ROLL A003"])
    found = found_in(made.movie(tmp_path / "card.mp4", [card] * 18 + made.video(made.shot(1, 18))))
    assert told(found, "slate") == [(1, 18)]
    assert told(found, "shot") == [(1, 18), (19, 36)]


@pytest.mark.parametrize(("turn", "width"), [(0, 0.3), (-12, 0.5), (8, 0.4)])
def test_a_clapper_board_is_kept_out_from_before_it_is_seen_to_after(tmp_path: Path, turn: float, width: float) -> None:
    plain = made.video(made.shot(8, 48))
    frames = [
        made.board(frame, (0.45 + 0.002 * at, 0.55), width, turn + 0.3 * at, at >= 16) if at < 24 else frame
        for at, frame in enumerate(plain)
    ]
    ((first, last),) = told(found_in(made.movie(tmp_path / "clap.mp4", frames)), "slate")
    assert first == 1
    assert 24 <= last <= 31


def test_a_viewing_lut_in_what_is_said_to_be_log_is_found_and_real_log_passes() -> None:
    linear = {
        at: picture * np.float32(exposure) for at, exposure in enumerate((0.25, 1, 4)) for picture in made.shot(9, 1)
    }
    for space in ("logc3", "logc4", "slog3", "vlog", "log3g10"):
        log = {at: Colour.of(space).encode(picture) for at, picture in linear.items()}
        assert baked.why(log, space, None) == "", space
        # As a viewing LUT makes it: contrast up, black at black.
        viewed = {at: np.clip((picture - 0.3) * 2.2, 0, 1) for at, picture in log.items()}
        assert "below what" in baked.why(viewed, space, None), space


def test_a_scene_linear_picture_that_was_cut_off_for_a_screen_is_found() -> None:
    bright = made.shot(9, 1)[0] * np.float32(6)
    assert baked.why({0: bright}, "acescg", None) == ""
    assert "cut off at exactly 1" in baked.why({0: np.clip(bright, 0, 1)}, "acescg", None)


@pytest.mark.parametrize("name", REAL)
def test_nothing_is_found_in_real_clips_but_the_shots_that_are_there(name: str) -> None:
    found = found_in(PLATES / name)
    if name != "video/nasa_13013.mp4":
        assert len(told(found, "shot")) == 1
        assert kinds(found) == set()
        return
    # Looked at: a dissolve around frames 129 to 152, a cut to frame 203.
    assert kinds(found) == {"dissolve"}
    (_, (begins, _), third) = told(found, "shot")
    assert 136 <= begins <= 146
    assert third == (203, 325)


def test_photographs_at_many_exposures_show_no_board_card_bars_or_borders() -> None:
    for name in PHOTOGRAPHS:
        photograph = shrink(picture(PLATES / "dailies" / name), 960)
        linear = Colour.of("srgb").to_working(photograph)
        for exposure in (1.0, 0.1):
            screen = np.clip(made.VIDEO.encode(linear * np.float32(exposure)), 0, 1)
            noise = np.random.default_rng(1).normal(0, 0.004, (4, *screen.shape)).astype(np.float32)
            looks = {at: screen + grain for at, grain in enumerate(noise)}
            assert not slate.has_board(screen)
            assert not slate.is_card(screen)
            assert not bars.is_bars(shrink(screen, 128))
            assert matte.picture_box(looks) is None
            assert text.burn_ins(looks) == []
