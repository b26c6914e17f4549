"""Each format that Pillow opens here in each of the eight orientations, beside Pillow's own."""

import io

import numpy as np
import pytest
from picture_files import encode_picture, smooth_picture
from PIL import ExifTags, Image, ImageOps, PngImagePlugin

from synvae_workbench.data.pictures.files import (
    decode_strip,
    decode_whole,
    formats,
    picture_sides,
)

Image.init()
SIDES = (48, 32)  # of the pictures as they are stored
CAN_TURN = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "MPO")  # formats in which Pillow writes EXIF
SETTINGS = {
    "JPEG": [{}, {"progressive": True}],
    "TIFF": [{"compression": name} for name in (None, "jpeg", "tiff_lzw", "tiff_adobe_deflate")],
    "WEBP": [{"lossless": True}, {"lossless": False}],
}
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{}"/></rdf:RDF></x:xmpmeta>'
)


def written(kind, **settings):
    """A picture in a format, in the first mode that the format takes; None if it takes none."""
    for mode in ("RGB", "L", "P", "1", "RGBA", "F"):
        try:
            return encode_picture(smooth_picture(*SIDES).convert(mode), kind, **settings)
        except (OSError, ValueError, KeyError, SystemError):
            continue
    return None


WRITTEN = {kind: written(kind) for kind in formats() if kind in Image.SAVE}
OTHERS = [kind for kind, data in WRITTEN.items() if data and kind not in CAN_TURN]
CASES = [
    pytest.param(kind, settings, id=f"{kind} {settings}")
    for kind in CAN_TURN
    for settings in SETTINGS.get(kind, [{}])
]


def exif_of(orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def assert_as_pillow_turns_it(data, tmp_path):
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data), formats=formats()))
    pixels = np.asarray(expected.convert("RGB"))
    found = decode_strip(data, size=min(pixels.shape[:2]), channels=3)
    assert np.array_equal(found.transpose(1, 2, 0), pixels)
    assert np.array_equal(decode_whole(data, longest=10_000), pixels)
    path = tmp_path / "picture"
    path.write_bytes(data)
    assert picture_sides(path) == expected.size


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_a_picture_is_turned_as_pillow_turns_it(kind, settings, orientation, tmp_path):
    data = encode_picture(smooth_picture(*SIDES), kind, exif=exif_of(orientation), **settings)
    stored = Image.open(io.BytesIO(data)).getexif().get(ExifTags.Base.Orientation, 1)
    assert stored == orientation
    assert_as_pillow_turns_it(data, tmp_path)
    turned = decode_strip(data, size=16, channels=3).shape[1:]
    assert turned == ((24, 16) if orientation >= 5 else (16, 24)), "scaled, then turned"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_orientation_in_xmp_counts_as_pillow_counts_it(kind, orientation, tmp_path):
    note = XMP.format(orientation).encode()
    settings = {"xmp": note} if kind in ("JPEG", "WEBP") else {}
    if kind == "PNG":
        settings["pnginfo"] = PngImagePlugin.PngInfo()
        settings["pnginfo"].add_itxt("XML:com.adobe.xmp", note.decode())
    if kind == "TIFF":
        settings["tiffinfo"] = {700: note}
    assert_as_pillow_turns_it(encode_picture(smooth_picture(*SIDES), kind, **settings), tmp_path)


@pytest.mark.filterwarnings("ignore:IM image format:DeprecationWarning")
@pytest.mark.parametrize("kind", OTHERS)
def test_a_format_without_orientations_is_read_as_pillow_reads_it(kind, tmp_path):
    data = WRITTEN[kind]
    if Image.open(io.BytesIO(data), formats=formats()).mode == "F":
        pytest.skip("floating-point pixels are refused, see test_files.py")
    assert_as_pillow_turns_it(data, tmp_path)


def test_most_formats_are_tried():
    assert {"GIF", "BMP", "PPM", "TGA", "JPEG2000", "PCX", "SGI", "ICO"} <= {*OTHERS}
