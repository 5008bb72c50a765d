"""Every kind of picture becomes upright, 8 bits, grey or coloured; others are named and refused."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from PIL import Image

from tasks.contract import StageError
from tasks.data.images import decoding
from tasks.data.images.decoding import ahead, decode, decode_picture
from tasks.data.images.picture import Picture


def encoded(image: Image.Image, form: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def halves(mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right; 8 wide, 4 high."""
    image = Image.new("RGB", (8, 4), (255, 0, 0))
    image.paste((0, 0, 255), (4, 0, 8, 4))
    return image.convert(mode)


def test_a_picture_is_turned_upright_as_its_exif_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the picture is on the right of what is stored
    found = decode(encoded(halves(), "PNG", exif=exif), "a.png")
    assert found.image.size == found.size == (4, 8)
    assert found.image.getpixel((0, 0)) == (255, 0, 0), "red is on top now"
    assert found.image.getpixel((0, 7)) == (0, 0, 255)
    assert found.notices == [decoding.TURNED]


@pytest.mark.parametrize("size", [(1000, 999), (999, 1000), (1000, 400)])
def test_the_size_of_a_turned_picture_is_that_of_the_whole_for_a_small_copy_too(size) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.new("L", size), "JPEG", exif=exif)
    assert decode(data, "a.jpg", 64).size == decode(data, "a.jpg").size == size[::-1]


def test_the_high_byte_of_16_bits_stays() -> None:
    deep = Image.fromarray(np.array([[0, 256], [32_768, 65_535]], dtype=np.uint16))
    found = decode(encoded(deep, "PNG"), "deep.png")
    assert np.asarray(found.image).tolist() == [[0, 1], [128, 255]]
    assert found.notices == [decoding.DEEP]


@pytest.mark.parametrize(
    ("mode", "form", "notice", "expected"),
    [
        ("P", "PNG", decoding.PALETTE, "RGB"),
        ("P", "GIF", decoding.PALETTE, "RGB"),
        ("CMYK", "JPEG", decoding.PRINT, "RGB"),
        ("L", "PNG", "", "L"),
        ("1", "PNG", "", "L"),
        ("RGB", "BMP", "", "RGB"),
        ("RGB", "WEBP", "", "RGB"),
        ("RGB", "TIFF", "", "RGB"),
        ("L", "PPM", "", "L"),
    ],
)
def test_a_picture_of_any_mode_is_grey_or_coloured(mode, form, notice, expected) -> None:
    found = decode(encoded(halves(mode), form), "a picture")
    assert found.image.mode == expected
    assert found.notices == ([notice] if notice else [])
    if expected == "RGB":
        red, _, blue = found.image.getpixel((1, 1))
        assert red > 180 > 80 > blue


@pytest.mark.parametrize(("mode", "expected"), [("LA", "L"), ("RGBA", "RGB")])
def test_transparent_pixels_are_white(mode: str, expected: str) -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    found = decode(encoded(image.convert(mode), "PNG"), "clear.png")
    assert found.image.mode == expected
    assert np.asarray(found.image.convert("L")).tolist() == [[0, 255]]
    assert found.notices == [decoding.CLEAR]


def test_of_an_animation_the_first_frame_is_read_and_counted() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    found = decode(data, "moving.gif")
    assert found.image.convert("RGB").getpixel((0, 0)) == (255, 0, 0)
    assert decoding.ANIMATED in found.notices


def test_a_truncated_file_is_named_in_each_format() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    for form in ("PNG", "JPEG", "GIF", "WEBP"):
        data = encoded(noise, form)
        with pytest.raises(StageError, match=f"^broken.{form}: .*(damaged|not a picture)"):
            decode(data[: len(data) // 2], f"broken.{form}")


@pytest.mark.parametrize("data", [b"", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"no picture at all"])
def test_what_is_no_picture_is_named(data: bytes) -> None:
    with pytest.raises(StageError, match=r"^x\.png: (the file is empty|not a picture)"):
        decode(data, "x.png")


def test_fractions_are_refused_and_not_cut_to_black() -> None:
    image = Image.fromarray(np.full((4, 4), 0.5, dtype=np.float32))
    with pytest.raises(StageError, match=r"f\.tif: pixels are fractions"):
        decode(encoded(image, "TIFF"), "f.tif")


def test_a_picture_that_unpacks_to_any_size_is_not_unpacked(monkeypatch) -> None:
    monkeypatch.setattr(decoding, "MOST_PIXELS", 10)
    with pytest.raises(StageError, match="8 × 4 pixels; accepted: at most 10"):
        decode(encoded(halves(), "PNG"), "bomb.png")


def test_a_jpeg_that_is_only_checked_has_its_own_size() -> None:
    large = Image.effect_noise((640, 320), 40).convert("RGB")
    found = decode(encoded(large, "JPEG"), "large.jpg", least=64)
    assert found.size == (640, 320)
    assert found.image.size[0] < 640


def drawn(count):
    for number in range(count):
        data = b"no picture" if number == 5 else encoded(halves(), "PNG")
        yield Picture(f"{number}.png", data, None, "", "", f"{number}.png")


def test_pictures_are_decoded_ahead_in_their_order_and_each_raises_its_own_error():
    filters = list(warnings.filters)
    names, damaged = [], []
    for picture, read in ahead(decode_picture, drawn(40)):
        names.append(picture.name)
        try:
            assert read().size == (8, 4)
        except StageError as error:
            damaged.append(str(error).partition(":")[0])
    assert names == [f"{number}.png" for number in range(40)]
    assert damaged == ["5.png"]
    assert warnings.filters == filters


def test_pictures_before_one_that_cannot_be_read_are_decoded():
    def source():
        yield from drawn(3)
        raise StageError("the table ends in line 4")

    found = []
    with pytest.raises(StageError, match="line 4"):
        for picture, read in ahead(decode_picture, source()):
            found.append((picture.name, read().size))
    assert found == [(f"{number}.png", (8, 4)) for number in range(3)]


def test_no_more_than_some_pictures_are_read_ahead():
    read = []
    pictures = (read.append(each.name) or each for each in drawn(1000))  # type: ignore[func-returns-value]
    found = ahead(decode_picture, pictures)
    next(found)
    assert len(read) < 40
    found.close()
