"""Reading plates: the right pixels of what real software writes, and a sentence with the file's name for the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from onelight import images, luminance_chroma
from onelight.errors import ImageError

BREAKERS = Path(__file__).parents[1] / "data" / "breakers"


def save(path: Path, pixels: np.ndarray, kind: str = "half", names: tuple[str, ...] = (), **attributes: int) -> Path:
    """A file written by OpenImageIO alone, with channels of any name."""
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
    if names:
        spec.channelnames = names
    for name, value in attributes.items():
        spec.attribute(name.replace("_", ":"), value)
    output = oiio.ImageOutput.create(path.name)
    assert output is not None
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(pixels), output.geterror()
    assert output.close()
    return path


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bomb.exr", "header claims"),
        ("bomb.dpx", "header claims"),
        ("corrupt_format.dpx", "claims a format of"),
        ("corrupt_userdata.dpx", "cannot be read as an image"),
        ("broken_channels.cin", "cannot be read as an image"),
        ("corrupt_resolution.hdr", "cannot be read as an image"),
        ("missing_tiles.exr", "broken or cut short"),
        ("deep.exr", "is a deep image: flatten it first"),
        ("luminance_only.exr", "has 1 channel (Y): R, G, B and perhaps A are expected"),
        ("layers_only.exr", "choose a layer, such as"),
    ],
)
def test_a_file_that_is_no_plate_is_refused_in_a_sentence_that_names_it(name: str, says: str) -> None:
    with pytest.raises(ImageError) as refused:
        images.read_frame(BREAKERS / name)
    assert says in str(refused.value)
    assert str(BREAKERS / name) in str(refused.value)


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6])
@pytest.mark.parametrize("name", ["overscan.exr", "luminance_chroma.exr", "eight_bit.tif", "sixteen_bit.png"])
def test_a_truncated_file_is_refused_by_name(tmp_path: Path, name: str, part: float) -> None:
    whole = (BREAKERS / name).read_bytes()
    cut = tmp_path / f"cut{Path(name).suffix}"
    cut.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(ImageError, match=r"cut\.\w+ (cannot be read|is broken)"):
        images.read_frame(cut)


@pytest.mark.parametrize("name", ["multipart.exr", "ten_bit.dpx", "luminance_chroma.exr", "deep.exr", "eight_bit.tif"])
def test_damaged_bytes_give_an_image_or_a_sentence_and_never_anything_else(tmp_path: Path, name: str) -> None:
    whole = (BREAKERS / name).read_bytes()
    random = np.random.default_rng(7)
    damaged = tmp_path / f"damaged{Path(name).suffix}"
    for _ in range(60):
        raw = bytearray(whole)
        reach = min(len(raw), int(random.choice([300, 2000, len(raw)])))
        for at in random.integers(0, reach, int(random.choice([1, 4, 20]))):
            raw[at] = random.integers(256)
        damaged.write_bytes(raw)
        try:
            said = f"{damaged} {images.read_frame(damaged).pixels.shape}"
        except ImageError as refused:
            said = str(refused)
        assert str(damaged) in said


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("ending", ["exr", "tif"])
def test_a_plate_of_the_wrong_number_of_channels_lists_them_and_what_was_expected(
    tmp_path: Path, count: int, ending: str
) -> None:
    file = save(tmp_path / f"plate.{ending}", np.zeros((4, 6, count), np.float32), "float")
    with pytest.raises(ImageError, match=rf"plate\.{ending} has {count} channels? \(.+\): R, G, B and perhaps A are"):
        images.read_frame(file)


def test_channels_are_taken_by_name_whatever_their_order(tmp_path: Path) -> None:
    pixels = np.arange(6, dtype=np.float32)[None, None].repeat(2, 0).repeat(3, 1)
    file = save(tmp_path / "p.exr", pixels, "float", ("Z", "A", "B", "G", "R", "id"))
    assert images.read_frame(file).pixels[0, 0].tolist() == [4, 3, 2, 1]


def test_half_colours_stay_half_beside_channels_of_other_types(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(3, 2, 5, "float")
    spec.channelnames = ("R", "G", "B", "Z", "id")
    spec.channelformats = tuple(oiio.TypeDesc(kind) for kind in ("half", "half", "half", "float", "uint32"))
    output = oiio.ImageOutput.create("p.exr")
    assert output is not None
    assert output.open(str(tmp_path / "p.exr"), spec), output.geterror()
    assert output.write_image(np.full((2, 3, 5), 0.5, np.float32))
    assert output.close()
    frame = images.read_frame(tmp_path / "p.exr")
    assert frame.pixels.dtype == np.float16
    assert (frame.pixels[..., :3] == 0.5).all()
    images.write_frame(tmp_path / "out.exr", frame)
    assert str(images.read_frame(tmp_path / "out.exr").spec.format) == "half"


def test_a_layer_is_read_by_its_name_behind_a_colon(tmp_path: Path) -> None:
    names = ("R", "G", "B", "diffuse.R", "diffuse.G", "diffuse.B")
    file = save(tmp_path / "p.exr", np.arange(6, dtype=np.float16)[None, None].repeat(2, 0), "half", names)
    assert images.read_frame(file).pixels[0, 0].tolist() == [0, 1, 2, 1]
    assert images.read_frame(f"{file}:diffuse").pixels[0, 0].tolist() == [3, 4, 5, 1]
    with pytest.raises(ImageError, match=r"p\.exr has no layer 'specular': its channels are R, G, B, diffuse\.R"):
        images.read_frame(f"{file}:specular")


def test_a_matte_may_be_one_channel_and_a_mask_is_its_alpha(tmp_path: Path) -> None:
    one = save(tmp_path / "one.exr", np.full((2, 2, 1), 0.25, np.float16))
    four = save(tmp_path / "four.exr", np.full((2, 2, 4), 1, np.float16) * np.array([1, 1, 1, 0.5], np.float16))
    three = save(tmp_path / "three.exr", np.ones((2, 2, 3), np.float16) * np.array([0.75, 0, 0], np.float16))
    two = save(tmp_path / "two.exr", np.zeros((2, 2, 2), np.float16), names=("U", "V"))
    assert (images.read_frame(one, "data").pixels == 0.25).all()
    assert (images.read_frame(one, "mask").pixels == 0.25).all()
    assert (images.read_frame(four, "mask").pixels == 0.5).all()
    assert (images.read_frame(three, "mask").pixels == 0.75).all()
    with pytest.raises(
        ImageError, match=r"two\.exr has 2 channels \(U, V\): a mask needs an alpha, R, G, B or exactly"
    ):
        images.read_frame(two, "mask")


def test_luminance_chroma_comes_back_as_the_rgb_it_was_made_from(plates: Path) -> None:
    rebuilt = images.read_frame(BREAKERS / "luminance_chroma.exr")
    truth = images.read_frame(plates / "banana_flower.exr").pixels[..., :3].astype(np.float64)
    off = rebuilt.pixels[..., :3].astype(np.float64) - truth
    assert 20 * np.log10(truth.max() / np.sqrt((off**2).mean())) > 45  # its chroma is at half size: not exact
    weights = luminance_chroma.luminance_weights(luminance_chroma.REC709)
    np.testing.assert_allclose(weights, [0.2126, 0.7152, 0.0722], atol=1e-4)
    np.testing.assert_allclose((rebuilt.pixels[..., :3] @ weights), (truth @ weights), atol=2e-2)
    assert "luminance-chroma" in rebuilt.note


def test_the_first_fitting_part_of_a_multi_part_file_is_taken_and_said() -> None:
    frame = images.read_frame(BREAKERS / "multipart.exr")
    assert frame.pixels.shape == (48, 64, 4)
    assert frame.note == "multipart.exr: part with-preview taken, the first of 2 that fits"


def test_every_half_value_survives_reading_and_writing_bit_for_bit(tmp_path: Path) -> None:
    frame = images.read_frame(BREAKERS / "all_half_values.exr")
    assert frame.pixels.dtype == np.float16
    assert np.unique(frame.pixels[..., 0].view(np.uint16)).size > 60000
    images.write_frame(tmp_path / "out.exr", frame)
    again = images.read_frame(tmp_path / "out.exr")
    np.testing.assert_array_equal(again.pixels.view(np.uint16), frame.pixels.view(np.uint16))


def test_nan_and_inf_are_kept() -> None:
    pixels = images.read_frame(BREAKERS / "nan_and_inf.exr").pixels
    assert np.isnan(pixels).any()
    assert np.isinf(pixels).any()


def test_colours_under_a_transparent_alpha_are_read_as_stored(tmp_path: Path) -> None:
    stored = np.array([[[200, 100, 50, 0], [200, 100, 50, 128]]], np.uint8)
    save(tmp_path / "p.png", stored, "uint8", oiio_UnassociatedAlpha=1)
    frame = images.read_frame(tmp_path / "p.png")
    np.testing.assert_array_equal(np.round(frame.pixels.astype(np.float32) * 255), stored)
    images.write_frame(tmp_path / "q.png", frame)
    assert (images.read_frame(tmp_path / "q.png").pixels == frame.pixels).all()


def test_the_windows_come_out_with_y_up_from_the_lower_left_of_the_format() -> None:
    frame = images.read_frame(BREAKERS / "overscan.exr")  # data 282 x 338 at 3, -41 of a 256 x 256 format, y down
    assert frame.format == (0, 0, 256, 256)
    assert frame.window == (3, 256 - (-41) - 338, 3 + 282, 256 + 41)


def test_a_clip_with_another_data_window_is_laid_into_the_plates_with_no_data_around(tmp_path: Path) -> None:
    frame = images.read_frame(BREAKERS / "window_outside_format.exr")  # wholly left of its format
    inside = (0, 0, 200, 300)
    assert (frame.fitted(inside, frame.format) == 0).all()
    x1, y1, x2, y2 = frame.window
    wider = frame.fitted((x1 - 5, y1 - 3, x2 + 7, y2 + 2), frame.format)
    np.testing.assert_array_equal(wider[2:-3, 5:-7], frame.pixels)
    assert (wider[:2] == 0).all()
    with pytest.raises(ImageError, match="clips must have the format of the Source"):
        frame.fitted(inside, (0, 0, 1920, 1080))


@pytest.mark.parametrize(("name", "dtype"), [("ten_bit.dpx", "f4"), ("eight_bit.tif", "f2"), ("sixteen_bit.png", "f4")])
def test_integer_formats_come_scaled_to_one_and_go_back_unchanged(tmp_path: Path, name: str, dtype: str) -> None:
    frame = images.read_frame(BREAKERS / name)
    assert frame.pixels.dtype == np.dtype(dtype)
    assert 0 <= frame.pixels.min() < frame.pixels.max() <= 1
    images.write_frame(tmp_path / name, frame)
    again = images.read_frame(tmp_path / name)
    np.testing.assert_array_equal(again.pixels, frame.pixels)
    assert again.spec.format == frame.spec.format


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.exr does not exist"):
        images.read_frame(tmp_path / "gone.exr")
    with pytest.raises(ImageError, match="is a folder"):
        images.read_frame(tmp_path)
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(ImageError, match=r"notes\.txt cannot be read as an image"):
        images.read_frame(tmp_path / "notes.txt")
