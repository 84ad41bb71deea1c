"""Frames of dailies come out with every bit, in the right colours, and from the files that were ingested."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import dailiesclips
import numpy as np
import OpenImageIO as oiio
import pytest
from conftest import ROOT
from onelight.colour import Colour, config
from onelight.dailies import files, finding, headers, movies, reading
from onelight.errors import ImageError, NotFound
from onelight.shows.schema import Clip

PLATES = ROOT / "examples" / "plates"


def raw(path: Path, pixels: str, planes: list[np.ndarray], full: bool = False, matrix: int = 1) -> Path:
    """One lossless frame of exactly these code values."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = planes[0].shape[1], planes[0].shape[0], pixels
        stream.codec_context.color_range = 2 if full else 1
        stream.codec_context.colorspace = matrix
        frame = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], pixels)
        for plane, values in zip(frame.planes, planes, strict=True):
            row = np.frombuffer(memoryview(plane), values.dtype).reshape(values.shape[0], -1)
            row[:, : values.shape[1]] = values
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    return path


def clip_of(path: Path, space: str = "rec1886", **other: object) -> Clip:
    found = finding.find([path]).clips[0]
    told = {file.name: {**files.told(file), "frame": number} for number, file in found.files.items()}
    values = {"name": found.name, "path": found.path, "kind": found.kind, "files": told, "space": space}
    return Clip(**{**values, "first": found.first, "last": found.last, **other})


def test_every_level_of_a_ten_bit_movie_is_told_apart(tmp_path: Path) -> None:
    luma = np.tile(np.arange(64, 940, dtype=np.uint16), (16, 1))
    grey = np.full((16, luma.shape[1] // 2), 512, np.uint16)
    path = raw(tmp_path / "ramp.mkv", "yuv422p10le", [luma, grey, grey])
    ((_, pixels),) = movies.frames(path)
    assert np.allclose(pixels[8], ((np.arange(64, 940) - 64) / 876)[:, None], atol=1e-6)


@pytest.mark.parametrize(("full", "black", "white"), [(False, 16, 235), (True, 0, 255)])
def test_black_and_white_are_where_the_files_range_says(tmp_path: Path, full: bool, black: int, white: int) -> None:
    luma = np.repeat(np.array([[black, white]], np.uint8), 32, axis=1).repeat(64, axis=0)
    grey = np.full((32, 32), 128, np.uint8)
    ((_, pixels),) = movies.frames(raw(tmp_path / "range.mkv", "yuv420p", [luma, grey, grey], full))
    assert np.allclose(pixels[:, :24], 0, atol=1e-6)
    assert np.allclose(pixels[:, -24:], 1, atol=1e-6)


def test_what_is_brighter_than_white_in_video_range_stays_brighter(tmp_path: Path) -> None:
    luma, grey = np.full((16, 16), 254, np.uint8), np.full((8, 8), 128, np.uint8)
    ((_, pixels),) = movies.frames(raw(tmp_path / "super.mkv", "yuv420p", [luma, grey, grey]))
    assert pixels.min() == pytest.approx((254 - 16) / 219)


@pytest.mark.parametrize(("matrix", "red", "blue"), [(1, 0.2126, 0.0722), (6, 0.299, 0.114), (9, 0.2627, 0.0593)])
def test_colours_come_back_through_the_matrix_that_the_file_names(
    tmp_path: Path, matrix: int, red: float, blue: float
) -> None:
    colour = np.array([0.7, 0.3, 0.1])
    luma = red * colour[0] + (1 - red - blue) * colour[1] + blue * colour[2]
    chroma = (colour[2] - luma) / (2 * (1 - blue)), (colour[0] - luma) / (2 * (1 - red))
    planes = [np.full((16, 16), round(64 + 876 * luma), np.uint16)]
    planes += [np.full((16, 16), round(512 + 896 * value), np.uint16) for value in chroma]
    ((_, pixels),) = movies.frames(raw(tmp_path / "colour.mkv", "yuv444p10le", planes, matrix=matrix))
    assert np.allclose(pixels, colour, atol=2e-3)


@pytest.mark.parametrize("name", ["flower.mp4", "video/nasa_13013.mp4", "video/car-detection.mp4"])
def test_a_frame_that_is_sought_is_the_frame_that_is_counted_to(name: str) -> None:
    path = PLATES / name
    wanted = (2, 31, 100)
    counted = {number: pixels for number, pixels in movies.frames(path, steady=False, last=100) if number in wanted}
    for number in wanted:
        ((got, pixels),) = movies.frames(path, number, number)
        assert got == number
        assert np.array_equal(pixels, counted[number])


def test_frames_are_scene_linear_acescg_as_opencolorio_has_it() -> None:
    clip = clip_of(PLATES / "flower.mp4", last=150)
    encoded = list(reading.coded(clip, 10, 14, 2))
    linear = list(reading.frames(clip, 10, 14, 2))
    assert len(encoded) == len(linear) == 3
    processor = config().getProcessor("g24_rec709", "ACEScg").getDefaultCPUProcessor()
    expected = encoded[1].copy()
    processor.applyRGB(expected.reshape(1, -1, 3))
    assert np.allclose(linear[1], expected, atol=1e-6)
    assert linear[1].dtype == np.float32


def test_an_exr_of_another_data_window_fills_its_format_and_broken_pixels_are_mended(tmp_path: Path) -> None:
    frames = dailiesclips.shot(1, 3, size=(90, 160))
    frames[1][40:44, 60:64] = np.nan
    clip = clip_of(dailiesclips.sequence(tmp_path / "plate", frames), "acescg")
    read = list(reading.frames(clip))
    assert len(read) == 3
    assert np.isfinite(read[1]).all()
    assert np.allclose(read[0], frames[0].astype(np.float16), atol=1e-6)


def test_ten_bit_log_dpx_is_read_by_the_space_that_is_given(tmp_path: Path) -> None:
    linear = dailiesclips.shot(2, 1, size=(90, 160))[0]
    coded = np.clip(Colour.of("logc3").encode(linear), 0, 1)
    spec = oiio.ImageSpec(160, 90, 3, oiio.UINT16)
    spec.attribute("oiio:BitsPerSample", 10)
    out = oiio.ImageOutput.create("x.dpx")
    assert out is not None
    for number in (1, 2):
        assert out.open(str(tmp_path / f"A001.{number:04d}.dpx"), spec)
        assert out.write_image(coded)
        out.close()
    clip = clip_of(tmp_path, "logc3")
    assert headers.read(finding.find([tmp_path]).clips[0]).space == ""  # a DPX does not say which camera's log
    read = next(reading.frames(clip))
    assert np.abs(np.log2(np.maximum(read, 0.01) / np.maximum(linear, 0.01))).max() < 0.04  # ten bits
    clip.space = ""
    with pytest.raises(ImageError, match=r"colour space of the clip 'A001' is unknown.*--space"):
        next(reading.frames(clip))


def test_a_file_that_changed_or_went_is_named(tmp_path: Path) -> None:
    folder = dailiesclips.sequence(tmp_path / "plate", dailiesclips.shot(3, 3, size=(60, 80)))
    clip = clip_of(folder, "acescg")
    second = folder / "plate.1002.exr"
    data = bytearray(second.read_bytes())
    data[-1] ^= 1
    second.write_bytes(bytes(data))
    with pytest.raises(ImageError, match=r"plate\.1002\.exr is not the file that was ingested as 'plate'"):
        list(reading.frames(clip))
    second.unlink()
    with pytest.raises(ImageError, match=r"plate\.1002\.exr of the clip 'plate' cannot be read"):
        list(reading.frames(clip))


def test_frames_that_a_clip_does_not_have_are_refused(tmp_path: Path) -> None:
    folder = dailiesclips.sequence(tmp_path / "plate", dailiesclips.shot(3, 4, size=(60, 80)))
    (folder / "plate.1003.exr").unlink()
    clip = clip_of(folder, "acescg")
    with pytest.raises(ImageError, match="lacks frame 1003"):
        list(reading.frames(clip))
    with pytest.raises(NotFound, match="frames 1001 to 1004, not 1000 to 1002"):
        next(reading.frames(clip, 1000, 1002))


def test_a_movie_that_breaks_off_is_named_with_its_frame(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    data = bytearray((PLATES / "video" / "friday.mp4").read_bytes())
    broken.write_bytes(bytes(data[: len(data) // 2]))
    with pytest.raises(ImageError, match=r"broken\.mp4 ends at frame \d+: \d+ were expected"):
        list(movies.frames(broken))
    (tmp_path / "words.mov").write_text("no movie at all")
    with pytest.raises(ImageError, match=r"words\.mov cannot be read as a movie"):
        movies.probe(tmp_path / "words.mov")


def test_the_primaries_by_which_an_exr_is_known_are_those_of_the_colour_config() -> None:
    """x and y of red, green, blue: the space's own, taken back from ACES2065-1, whose primaries are known."""
    to_xyz = np.array(
        [[0.9525523959, 0, 0.0000936786], [0.3439664498, 0.7281660966, -0.0721325464], [0, 0, 1.0088251844]]
    )
    adapted = {"lin_rec709", "lin_rec2020", "lin_p3d65", "lin_arri_wide_gamut_3", "lin_arri_wide_gamut_4"}
    adapted |= {"lin_sgamut3", "lin_sgamut3cine", "lin_vgamut", "lin_redwidegamutrgb"}  # D65, ACES has D60
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    aces, d65 = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in ((0.32168, 0.33767), (0.3127, 0.3290)))
    for space, wanted in headers.PRIMARIES.items():
        units = np.eye(3, dtype=np.float32)
        config().getProcessor(Colour.of(space).name, "ACES2065-1").getDefaultCPUProcessor().applyRGB(units)
        xyz = to_xyz @ units.T.astype(np.float64)
        if space in adapted:
            gain = np.diag((bradford @ d65) / (bradford @ aces))
            xyz = np.linalg.inv(bradford) @ gain @ bradford @ xyz
        got = (xyz[:2] / xyz.sum(axis=0)).T.ravel()
        assert np.allclose(got, wanted, atol=4e-3), space


def test_colour_spaces_come_from_what_files_say_and_are_not_guessed_where_they_say_something_else(
    tmp_path: Path,
) -> None:
    def of(path: Path) -> headers.Header:
        return headers.read(finding.find([path]).clips[0])

    assert of(PLATES / "city.exr").space == "lin_rec709"
    assert of(PLATES / "city.exr").assumed == ()
    assert of(PLATES / "dailies" / "Google-Pixel2XL-16bit_acescg_g1_v4_krita.png").space == "acescg"
    assert of(PLATES / "dailies" / "u76c0g_bliznaca_srgb8.png").space == "srgb"
    assert of(PLATES / "video" / "nasa_13013.mp4").space == "rec1886"
    assert of(PLATES / "video" / "h264_10bits.mp4").assumed == ("colour space: Rec.1886",)
    odd = dailiesclips.sequence(tmp_path / "odd", [np.zeros((8, 8, 3))])
    assert of(odd).assumed == ("colour space: linear Rec.709",)
    spec = oiio.ImageSpec(8, 8, 3, oiio.HALF)
    spec.attribute("chromaticities", oiio.TypeDesc("float[8]"), [1, 0, 0, 1, 0, 0, 1 / 3, 1 / 3])
    out = oiio.ImageOutput.create("x.exr")
    assert out is not None
    assert out.open(str(tmp_path / "xyz.exr"), spec)
    assert out.write_image(np.zeros((8, 8, 3), np.float32))
    out.close()
    assert of(tmp_path / "xyz.exr").space == ""


@pytest.mark.parametrize(
    ("codec", "ending", "pixels"),
    [("prores_ks", ".mov", "yuv422p10le"), ("prores_ks", ".mov", "yuv444p10le"), ("dnxhd", ".mxf", "yuv422p10le")],
)
def test_camera_codecs_come_back_close_to_what_went_in(tmp_path: Path, codec: str, ending: str, pixels: str) -> None:
    frame = cv2.GaussianBlur(dailiesclips.video(dailiesclips.shot(5, 1, size=(180, 320)))[0], (0, 0), 2)
    path = dailiesclips.movie(tmp_path / f"clip{ending}", [frame] * 2, codec, pixels, Fraction(25))
    read = [pixels for _, pixels in movies.frames(path)]
    assert len(read) == 2
    assert float(np.abs(read[1] - frame).mean()) < 0.006
