"""Listing of picture files in a folder, and decoding of one to pixels.

Any format that Pillow reads by itself, in eight bits, set upright by its EXIF orientation.
"""

import functools
import io
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image, UnidentifiedImageError

from synvae_workbench.data.files import BrokenFile, FoundFile, Listed, inspect_file, list_files

LONGEST = 2.2  # largest ratio of a strip's sides; longer pictures are cropped to it
MAX_BYTES = 1 << 29  # of a file, which each thread reads as a whole
# Ghostscript would execute EPS files, and of the others Pillow decodes no pixels.
_EXCLUDED = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset(_TURNS[orientation] for orientation in (5, 6, 7, 8))


def list_pictures(root: Path) -> Listed:
    """Picture files in a folder and its subfolders, sorted by name, and what was left out.

    Pictures are recognised by suffix, in capitals or not. A link that leads out of `root`, to a
    folder or nowhere has a fault: it is never followed.
    """
    return list_files(root, suffixes(), max_bytes=MAX_BYTES, links=True)


def picture_file(root: Path, name: str) -> FoundFile:
    """Size, time and fault of a picture file below `root`."""
    return inspect_file(root, name, max_bytes=MAX_BYTES)


def decode_strip(data: bytes, *, size: int, channels: int) -> UInt8[np.ndarray, "c h w"]:
    """Decodes a picture, shorter side `size`, longer side at most 2.2 times that.

    Transparent parts are white, 16 bits become 8; frames after the first and colour profiles are
    ignored.

    Args:
        channels: 3 for red, green and blue, 1 for grey.

    Raises:
        BrokenFile: if it is too large, or its pixels have no known range.
        Exception: whatever Pillow raises on broken bytes.
    """
    mode = "RGB" if channels == 3 else "L"
    image = _open(data, size, mode)
    width, height = image.size
    if channels == 1:
        return np.frombuffer(image.tobytes(), np.uint8).reshape(1, height, width)
    rows = np.frombuffer(image.tobytes("raw", "RGB;L"), np.uint8)  # each row red, green, blue
    return rows.reshape(height, 3, width).transpose(1, 0, 2)


def picture_sides(path: Path) -> tuple[int, int]:
    """Width and height of a picture set upright, from its header; (1, 1) if it cannot be read."""
    try:
        with Image.open(path, formats=formats()) as image:
            # By a TIFF's own tag, not by one in XMP, Pillow has turned the sides already.
            upright = ExifTags.Base.Orientation in getattr(image, "tag_v2", ())
            turned = not upright and _turn(image) in _SIDEWAYS
            width, height = image.size
    except Exception:  # Pillow's readers raise nearly anything at broken bytes
        return 1, 1
    return (height, width) if turned else (width, height)


def decode_whole(data: bytes, *, longest: int) -> UInt8[np.ndarray, "h w 3"]:
    """Decodes a picture in its own shape and colours, its longer side at most `longest`.

    As `decode_strip` otherwise; what is smaller stays as it is.

    Raises:
        BrokenFile: if it is too large, or its pixels have no known range.
        Exception: whatever Pillow raises on broken bytes.
    """
    image = _identify(data)
    image.draft("RGB", (longest, longest))
    image.load()
    turn = _turn(image)
    image = _eight_bits(image, "RGB")
    scale = min(1, longest / max(image.size))
    if scale < 1:
        sides = tuple(max(1, round(scale * side)) for side in image.size)
        image = image.resize(sides, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(image if turn is None else image.transpose(turn))


def as_image(picture: UInt8[np.ndarray, "c h w"]) -> Image.Image:
    """A picture of one channel in grey, of three in colour, whatever its sides are."""
    pixels = np.ascontiguousarray(picture.transpose(1, 2, 0))
    return Image.fromarray(pixels[..., 0] if len(picture) == 1 else pixels)


def png_of(picture: UInt8[np.ndarray, "c h w"]) -> bytes:
    """A picture as a PNG."""
    buffer = io.BytesIO()
    as_image(picture).save(buffer, "PNG")
    return buffer.getvalue()


def _identify(data: bytes) -> Image.Image:
    """Opens a picture without decoding it, unless it is too large."""
    try:
        image = Image.open(io.BytesIO(data), formats=formats())
    except UnidentifiedImageError:
        raise BrokenFile("is not in a picture format that Pillow reads") from None
    width, height = image.size
    limit = Image.MAX_IMAGE_PIXELS
    if limit and width * height > limit:
        raise BrokenFile(
            f"has {width:,} x {height:,} pixels, more than the {limit:,} that Pillow allows"
        )
    return image


def _open(data: bytes, size: int, mode: str) -> Image.Image:
    image = _identify(data)
    width, height = image.size
    if min(width, height) >= 4 * size:  # JPEGs decode faster at a half, a quarter or an eighth
        share = 2 * size / min(width, height)
        image.draft(mode, (round(width * share), round(height * share)))
    image.load()
    turn = _turn(image)
    image = _fit(_eight_bits(image, mode), size)
    return image if turn is None else image.transpose(turn)


def longest_side(size: int) -> int:
    """Largest longer side of a strip, in pixels, of shorter side `size`."""
    return int(LONGEST * size)


def reason_of(error: Exception) -> str:
    """Reason why a picture cannot be read, to follow its name in a sentence."""
    if isinstance(error, BrokenFile):
        return str(error)
    return f"cannot be read as a picture ({error or type(error).__name__})"


@functools.cache
def formats() -> tuple[str, ...]:
    """Names of the formats that are read, the usual ones first."""
    Image.init()
    usual = ("JPEG", "PNG")
    return usual + tuple(name for name in Image.ID if name not in _EXCLUDED.union(usual))


@functools.cache
def suffixes() -> frozenset[str]:
    """Suffixes of the formats that are read, in lower case, with their dot."""
    known = set(formats())
    return frozenset(end for end, name in Image.registered_extensions().items() if name in known)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """Transposition that sets a picture upright, by its EXIF orientation; None if it is.

    Ask when it is loaded: some formats are upright by then, and say so.
    """
    if image.format == "JPEG" and "exif" not in image.info and "xmp" not in image.info:
        return None  # reading EXIF takes longer than opening a small picture
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # broken EXIF raises nearly anything; the picture may be intact
        return None


def _eight_bits(image: Image.Image, mode: str) -> Image.Image:
    """Converts a loaded picture to "RGB" or "L", on white where it is transparent."""
    if image.mode == "F":
        raise BrokenFile("has floating-point pixels, of which nobody says what is white")
    if image.mode.startswith("I"):  # 16 bits, which some formats hold in 32
        values = np.asarray(image).clip(0, 65535).astype(np.uint32)
        values[values == image.info.get("transparency", -1)] = 65535
        image = Image.fromarray(((values + 128) // 257).astype(np.uint8))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image if image.mode == mode else image.convert(mode)


def _fit(image: Image.Image, size: int) -> Image.Image:
    """Scales a picture, or its middle part, to a shorter side of `size`."""
    width, height = image.size
    short = min(width, height)
    longest = longest_side(size)
    sides = [min(longest, max(size, round(side * size / short))) for side in (width, height)]
    if short == size:
        left, top = (width - sides[0]) // 2, (height - sides[1]) // 2
        whole = sides == [width, height]
        return image if whole else image.crop((left, top, left + sides[0], top + sides[1]))
    kept = [min(side, longest * short / size) for side in (width, height)]
    left, top = (width - kept[0]) / 2, (height - kept[1]) / 2
    box = (left, top, left + kept[0], top + kept[1])
    return image.resize(tuple(sides), Image.Resampling.LANCZOS, box=box, reducing_gap=2.0)
