import io

import numpy as np
import pytest
from picture_files import encode_picture, smooth_picture
from PIL import Image

from synvae_workbench.data.pictures.files import (
    decode_strip,
    formats,
    longest_side,
    suffixes,
)


def decoded(image, kind="PNG", *, size=None, channels=3, **settings):
    size = min(image.size) if size is None else size
    return decode_strip(encode_picture(image, kind, **settings), size=size, channels=channels)


class TestOnePicture:
    def test_pixels_are_kept(self):
        image = smooth_picture(20, 12)
        assert np.array_equal(decoded(image).transpose(1, 2, 0), np.asarray(image))
        grey = image.convert("L")
        assert np.array_equal(decoded(grey, channels=1)[0], np.asarray(grey))
        assert np.array_equal(decoded(grey), np.stack([np.asarray(grey)] * 3))

    @pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "JPEG2000"])
    def test_formats_of_all_kinds_are_read(self, kind):
        grey = smooth_picture(20, 12).convert("L")
        settings = {"lossless": True} if kind == "WEBP" else {}
        found = decoded(grey, kind, channels=1, **settings)[0]
        assert np.abs(found.astype(int) - np.asarray(grey)).max() <= 2

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_orientation_is_respected(self, orientation, kind):
        corner = np.zeros((24, 40, 3), np.uint8)
        corner[:12, :20] = (250, 10, 10)
        corner[:12, 20:] = (10, 250, 10)
        exif = Image.Exif()
        exif[0x0112] = orientation
        found = decoded(Image.fromarray(corner), kind, exif=exif.tobytes(), quality=98)
        # The TIFF standard: where the stored row 0 and column 0 belong.
        rows, columns = {
            1: ("top", "left"),
            2: ("top", "right"),
            3: ("bottom", "right"),
            4: ("bottom", "left"),
            5: ("left", "top"),
            6: ("right", "top"),
            7: ("right", "bottom"),
            8: ("left", "bottom"),
        }[orientation]
        expected = corner if orientation <= 4 else corner.transpose(1, 0, 2)
        if "bottom" in (rows, columns):
            expected = expected[::-1]
        if "right" in (rows, columns):
            expected = expected[:, ::-1]
        assert found.shape[1:] == expected.shape[:2]
        assert np.abs(found.transpose(1, 2, 0).astype(int) - expected)[2:10, 2:10].max() < 8

    def test_broken_exif_is_no_broken_picture(self):
        assert decoded(smooth_picture(20, 12), "JPEG", exif=b"Exif\0\0II*\0\xff\xff").any()

    def test_transparent_parts_are_white(self):
        image = smooth_picture(8, 8).convert("RGBA")
        image.putalpha(Image.fromarray(np.repeat([[0] * 8, [255] * 8], 4, 0).astype(np.uint8)))
        found = decoded(image)
        assert (found[:, :4] == 255).all()
        assert np.array_equal(
            found[:, 4:], np.asarray(image.convert("RGB")).transpose(2, 0, 1)[:, 4:]
        )
        palette = Image.new("P", (4, 4), 1)
        palette.putpalette([0, 0, 0, 200, 100, 50])
        assert (decoded(palette)[:, 0, 0] == (200, 100, 50)).all()
        assert (decoded(palette, transparency=1) == 255).all()
        assert (decoded(Image.new("LA", (4, 4), (0, 0)), channels=1) == 255).all()

    def test_other_depths_become_eight_bits(self):
        deep = np.array([[0, 128, 129, 257, 32896, 65535]], np.uint16)
        found = decoded(Image.fromarray(deep), size=1, channels=1)
        assert found.shape == (1, 1, 2)  # the middle of a long picture
        found = decode_strip(
            encode_picture(Image.fromarray(deep.T.repeat(6, 1)), "PNG"), size=6, channels=1
        )
        assert found[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]
        seen_through = decoded(Image.fromarray(deep[:, 2:4]), size=1, channels=1, transparency=129)
        assert seen_through.tolist() == [[[255, 1]]]  # white, as of 8 bits
        wide = Image.fromarray(np.full((4, 4), 257 * 9, np.int32))
        assert (decoded(wide, "TIFF", channels=1) == 9).all()
        assert (decoded(Image.new("1", (4, 4), 1)) == 255).all()
        with pytest.raises(ValueError, match="floating-point"):
            decoded(Image.new("F", (4, 4), 0.5), "TIFF")

    def test_inks_become_colours(self):
        for ink, colour in (((0, 0, 0, 0), (255,) * 3), ((255, 0, 0, 0), (0, 255, 255))):
            found = decoded(Image.new("CMYK", (8, 8), ink), "JPEG", quality=100)
            assert np.abs(found[:, 4, 4].astype(int) - colour).max() <= 3

    @pytest.mark.parametrize("sides", [(64, 100), (100, 64), (640, 900), (1300, 640), (20, 31)])
    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_scaling_is_close_to_an_exact_one(self, sides, kind):
        data = encode_picture(smooth_picture(*sides), kind)
        found = decode_strip(data, size=64, channels=3).transpose(1, 2, 0).astype(int)
        factor = 64 / min(sides)
        exact = Image.open(io.BytesIO(data)).resize(
            [round(side * factor) for side in sides], Image.Resampling.LANCZOS
        )
        assert found.shape == np.asarray(exact).shape
        assert np.abs(found - np.asarray(exact)).mean() < 1.5

    @pytest.mark.parametrize("sides", [(1, 5000), (5000, 1), (64, 9000), (3, 7)])
    def test_long_pictures_take_little_memory(self, sides):
        found = decoded(Image.new("L", sides, 7), size=64)
        assert sorted(found.shape[1:]) == [64, longest_side(64)]
        assert (found == 7).all()

    @pytest.mark.parametrize("subsampling", [0, 1, 2])
    @pytest.mark.parametrize("options", [{}, {"progressive": True}, {"comment": b"\xff\xda"}])
    def test_jpegs_are_decoded_as_pillow_does(self, subsampling, options):
        image = smooth_picture(70, 64)
        data = encode_picture(image, "JPEG", subsampling=subsampling, **options)
        expected = np.asarray(Image.open(io.BytesIO(data))).transpose(2, 0, 1)
        assert np.array_equal(decode_strip(data, size=64, channels=3), expected)

    def test_programs_are_not_started(self):
        assert not {"EPS", "WMF"} & set(formats())
        assert not {".eps", ".ps", ".mpg"} & suffixes()
        assert {".jpg", ".jpeg", ".png", ".gif", ".tif", ".webp", ".bmp"} <= suffixes()
        with pytest.raises(ValueError, match="not in a picture format"):
            decoded(smooth_picture(8, 8), "EPS")
