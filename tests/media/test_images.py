"""Images: formats that models can read are sent unchanged, all others as plain RGB."""

from __future__ import annotations

import base64
import os
import struct
import threading
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageOps

from instit_bench.media import MediaError, check_image, data_url, images, load_image
from instit_bench.types import ImagePart

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def painted(mode: str, size: tuple[int, int] = (23, 17)) -> Image.Image:
    """Make an image with many colours and levels of transparency in one of Pillow's modes."""
    width, height = size
    pixels = bytes((7 * i * i + 3 * i) % 256 for i in range(width * height * 4))
    image = Image.frombytes("RGBA", size, pixels)
    if mode in ("RGBA", "LA"):
        return image.convert(mode)
    return image.convert("RGB").convert(mode)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opaque(mode: str) -> Image.Image:
    image = painted(mode)
    image.putalpha(255)
    return image


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:])


def exif_with_thumbnail() -> Image.Exif:
    """Return a photo's EXIF block that contains a whole JPEG file."""
    exif = Image.Exif()
    exif[0x927C] = saved(painted("RGB", (100, 100)), "JPEG")
    return exif


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def levels(mode: str) -> Image.Image:
    """Return every level of grey in 16 bits, from black to white."""
    return Image.frombytes("I;16", (256, 256), np.arange(2**16, dtype="<u2").tobytes()).convert(
        mode
    )


def grey_tiff(bits: int, white: int, pixels: bytes, size: tuple[int, int]) -> bytes:
    """Return a TIFF that Pillow cannot write; ``white`` is 0 if level 0 is white, else 1."""
    fields = {256: size[0], 257: size[1], 258: bits, 259: 1, 262: white, 273: 122, 277: 1}
    fields |= {278: size[1], 279: len(pixels)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields.items())
    return struct.pack("<2sHIH", b"II", 42, 8, len(fields)) + entries + bytes(4) + pixels


def packed_levels() -> bytes:
    """Return every level of grey in 12 bits, two in three bytes."""
    pairs = zip(range(0, 2**12, 2), range(1, 2**12, 2), strict=True)
    return b"".join((first << 12 | second).to_bytes(3) for first, second in pairs)


PLAIN = {
    "rgb.jpg": saved(painted("RGB"), "JPEG"),
    "progressive.jpg": saved(painted("RGB"), "JPEG", progressive=True),
    "grey.jpg": saved(painted("L"), "JPEG"),
    "thumbnail.jpg": saved(painted("RGB"), "JPEG", exif=exif_with_thumbnail()),
    "appended.jpg": saved(painted("RGB"), "JPEG") + os.urandom(9000),
    "rgb.png": saved(painted("RGB"), "PNG"),
    "grey.png": saved(painted("L"), "PNG"),
    "bits.png": saved(painted("1"), "PNG"),
    "palette.png": saved(painted("P"), "PNG"),
    "opaque.png": saved(opaque("RGBA"), "PNG"),
    "opaque-grey.png": saved(opaque("LA"), "PNG"),
    "appended.png": saved(painted("RGB"), "PNG") + bytes(9000),
    "rgb.webp": saved(painted("RGB"), "WEBP"),
    "upright.jpg": saved(painted("RGB"), "JPEG", exif=turned(1)),
    "damaged-exif.jpg": saved(painted("RGB"), "JPEG", exif=b"Exif\0\0MM damaged"),
    "profile.jpg": saved(painted("RGB"), "JPEG", icc_profile=SRGB),
}
CONVERTED = {
    "rgba.png": saved(painted("RGBA"), "PNG"),
    "grey-alpha.png": saved(painted("LA"), "PNG"),
    "transparent-colour.png": saved(painted("RGB"), "PNG", transparency=(0, 0, 0)),
    "transparent-palette.png": saved(painted("P"), "PNG", transparency=3),
    "animated.png": animated("PNG"),
    "cmyk.jpg": saved(painted("CMYK"), "JPEG", icc_profile=SRGB),
    "turned.jpg": saved(painted("RGB"), "JPEG", exif=turned(6)),
    "turned.png": saved(painted("RGB"), "PNG", exif=turned(8)),
    "turned.webp": saved(painted("RGB"), "WEBP", lossless=True, exif=turned(3)),
    "rgba.webp": saved(painted("RGBA"), "WEBP", lossless=True),
    "animated.webp": animated("WEBP"),
    "still.gif": saved(painted("P"), "GIF"),
    "animated.gif": animated("GIF"),
    "rgb.bmp": saved(painted("RGB"), "BMP"),
    "rgb.tiff": saved(painted("RGB"), "TIFF"),
    "cmyk.tiff": saved(painted("CMYK"), "TIFF"),
}
MIME = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


def load(path: Path) -> Any:
    return load_image(ImagePart(path=path))


def refused(part: ImagePart) -> str:
    with pytest.raises(MediaError) as caught:
        load_image(part)
    return str(caught.value)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("suffix", ["", ".jpg", ".png", ".txt"])
def test_a_plain_image_is_sent_byte_for_byte_whatever_its_name(tmp_path, name, suffix):
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(PLAIN[name])
    image = load(path)
    assert image.data == PLAIN[name]
    assert image.mime == MIME[Path(name).suffix]
    assert (image.width, image.height) == (23, 17)


@pytest.mark.parametrize("name", CONVERTED)
def test_any_other_image_is_sent_upright_as_rgb_and_without_metadata(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(CONVERTED[name])
    image = load(path)
    assert image.mime == "image/png"
    with Image.open(BytesIO(image.data)) as sent, Image.open(path) as original:
        shown = ImageOps.exif_transpose(original)
        assert (sent.format, sent.mode, sent.info) == ("PNG", "RGB", {})
        assert sent.size == (image.width, image.height) == shown.size
        assert sent.tobytes() == shown.convert("RGB").tobytes()


@pytest.mark.parametrize(
    "content",
    [
        saved(levels("I;16"), "PNG"),
        saved(levels("I;16"), "TIFF"),
        saved(levels("I").convert("I;16B"), "TIFF"),
        saved(levels("I"), "PPM"),
        saved(levels("I;16"), "JPEG2000"),
        grey_tiff(16, 0, np.arange(2**16, dtype="<u2")[::-1].tobytes(), (256, 256)),
        grey_tiff(12, 1, packed_levels(), (16, 256)),
    ],
    ids=["png", "tiff", "big-endian-tiff", "ppm", "jpeg2000", "white-is-0-tiff", "12-bit-tiff"],
)
def test_grey_of_more_than_eight_bits_keeps_its_upper_eight(content):
    with Image.open(BytesIO(load_image(ImagePart(data=content)).data)) as sent:
        seen = np.asarray(sent)
    assert (seen == np.arange(256)[:, None, None]).all()


@pytest.mark.parametrize("mode", ["I", "F"])
def test_levels_whose_white_nothing_defines_are_refused(mode):
    content = saved(levels("I").convert(mode), "TIFF")
    assert "have no defined white; convert it to 8 bits" in refused(ImagePart(data=content))


@pytest.mark.parametrize("name", [*PLAIN, *CONVERTED])
def test_bytes_are_treated_like_a_file_with_the_same_content(tmp_path, name):
    content = (PLAIN | CONVERTED)[name]
    (tmp_path / name).write_bytes(content)
    assert load_image(ImagePart(data=content)) == load(tmp_path / name)


def test_the_data_url_contains_the_bytes():
    head, _, body = data_url(ImagePart(data=PLAIN["rgb.webp"])).partition(b",")
    assert head == b"data:image/webp;base64"
    assert base64.b64decode(body, validate=True) == PLAIN["rgb.webp"]


CUT = ["rgb.jpg", "progressive.jpg", "grey.jpg", "thumbnail.jpg", "rgb.png", "rgba.png"]


@pytest.mark.parametrize("name", CUT)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path, name, share):
    content = (PLAIN | CONVERTED)[name]
    path = tmp_path / name
    path.write_bytes(content[: int(len(content) * share)])
    found = refused(ImagePart(path=path))
    assert found.startswith(f"{path}: ")
    assert "truncated" in found or "cannot be decoded" in found


def test_a_truncated_file_with_a_whole_thumbnail_is_refused(tmp_path):
    content = saved(painted("RGB", (60, 60)), "JPEG", exif=exif_with_thumbnail())
    path = tmp_path / "photo.jpg"
    path.write_bytes(content[:-200])
    assert b"\xff\xd9" in content[len(content) // 2 : -200]
    assert refused(ImagePart(path=path)) == f"{path}: the file is truncated"


def png_of_size(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


NO_PICTURES = {
    "empty.jpg": (b"", "is not an image"),
    "text.jpg": (b"these are words and no picture", "is not an image"),
    "page.png": (b"<html><body>404</body></html>", "is not an image"),
    "program.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not an image"),
    "header.png": (b"\x89PNG\r\n\x1a\n", "cannot be decoded|is not an image"),
    "bomb.png": (png_of_size(200_000, 200_000), "cannot be decoded.*decompression bomb"),
    "flat.png": (png_of_size(0, 5), "cannot be decoded|is not an image"),
    "lies.png": (png_of_size(500, 500), "cannot be decoded"),
}


@pytest.mark.parametrize("name", NO_PICTURES)
def test_a_file_that_is_not_an_image_is_refused_with_path_and_reason(tmp_path, name):
    content, reason = NO_PICTURES[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MediaError, match=reason) as caught:
        load(path)
    assert str(path) in str(caught.value)
    with pytest.raises(MediaError, match=f"image in the dataset: .*({reason})"):
        load_image(ImagePart(data=content))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no.jpg", "No such file"),
        ("no/such/folder.jpg", "No such file"),
        ("folder.jpg", "Is a directory"),
        ("file/x.jpg", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("nul\0.jpg", "null"),
    ],
)
def test_an_unreadable_file_is_refused_with_path_and_reason(tmp_path, name, reason):
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "file").touch()
    found = refused(ImagePart(path=tmp_path / name))
    assert found.startswith(str(tmp_path / name))
    assert reason in found


class TestDamage:
    """Whatever the bytes, the only exception is MediaError."""

    @staticmethod
    def load_or_refuse(content: bytes) -> None:
        try:
            image = load_image(ImagePart(data=content))
        except MediaError as error:
            reason = str(error)
        else:
            assert image.width * image.height > 0
            return
        assert reason.startswith("image in the dataset: ")

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF89a", b"BM"]))
    def test_random_bytes(self, magic):
        self.load_or_refuse(magic + os.urandom(60))

    @pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # it warns and continues
    @settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def test_damaged_files(self, data):
        name = data.draw(st.sampled_from([*PLAIN, *CONVERTED]))
        content = bytearray((PLAIN | CONVERTED)[name][:2000])
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        self.load_or_refuse(bytes(content[: data.draw(st.integers(0, len(content)))]))


@pytest.fixture
def checks(monkeypatch) -> list[str]:
    """Every image that is decoded, by its path or origin."""
    decoded: list[str] = []
    encode = images._encode

    def counted(data: bytes, where: str) -> images.EncodedImage:
        decoded.append(where)
        return encode(data, where)

    monkeypatch.setattr(images, "_encode", counted)
    return decoded


class TestCache:
    @pytest.mark.parametrize("name", ["rgb.png", "opaque.png", "rgba.png", "rgb.jpg"])
    def test_an_image_is_decoded_once_however_often_it_is_used(self, tmp_path, checks, name):
        path = tmp_path / name
        path.write_bytes((PLAIN | CONVERTED)[name])
        part = ImagePart(path=path)
        check_image(part)
        assert load_image(part) == load_image(part)
        assert data_url(part) is data_url(part)
        check_image(ImagePart(path=path))
        assert checks == [str(path)]

    def test_bytes_are_decoded_once_too(self, checks):
        data = saved(painted("RGB", (31, 7)), "PNG")
        for _ in range(3):
            check_image(ImagePart(data=data, origin="row 1"))
        assert checks == ["row 1"]

    def test_many_threads_decode_an_image_once(self, tmp_path, checks):
        path = tmp_path / "x.png"
        path.write_bytes(saved(opaque("RGBA").resize((900, 900)), "PNG"))
        ready = threading.Barrier(8)

        def use() -> None:
            ready.wait()
            data_url(ImagePart(path=path))

        threads = [threading.Thread(target=use) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert checks == [str(path)]

    def test_an_image_is_sent_anew_when_its_file_changes(self, tmp_path):
        path = tmp_path / "x.png"
        path.write_bytes(PLAIN["rgb.png"])
        first = data_url(ImagePart(path=path))
        path.write_bytes(PLAIN["grey.png"])
        assert load(path).data == PLAIN["grey.png"]
        assert data_url(ImagePart(path=path)) != first

    def test_a_change_of_the_same_length_is_detected_by_its_time(self, tmp_path):
        path = tmp_path / "x.png"
        path.write_bytes(PLAIN["rgb.png"])
        load(path)
        path.write_bytes(b"x" * len(PLAIN["rgb.png"]))
        os.utime(path, ns=(1, 1))
        assert "is not an image" in refused(ImagePart(path=path))

    def test_a_missing_file_is_found_once_it_exists(self, tmp_path):
        path = tmp_path / "x.png"
        refused(ImagePart(path=path))
        path.write_bytes(PLAIN["rgb.png"])
        assert load(path).mime == "image/png"

    def test_a_deleted_file_is_reported_missing(self, tmp_path):
        path = tmp_path / "x.png"
        path.write_bytes(PLAIN["rgb.png"])
        load(path)
        path.unlink()
        assert "No such file" in refused(ImagePart(path=path))

    def test_many_threads_get_the_same_images(self, tmp_path):
        for number in range(100):
            (tmp_path / f"{number}.png").write_bytes(saved(painted("RGB", (number + 1, 5)), "PNG"))
        wrong: list[int] = []

        def read_all() -> None:
            wrong.extend(n for n in range(100) if load(tmp_path / f"{n}.png").width != n + 1)

        threads = [threading.Thread(target=read_all) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
