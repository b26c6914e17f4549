"""A picture on a live page: as it is, what kind it is, and what a model is given of it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from synvae_workbench.data.pictures.digits_on_paper import centre_digit, find_digit
from synvae_workbench.data.pictures.files import as_image
from synvae_workbench.data.pictures.kind import DIGIT, KINDS, Kind, picture_kind
from synvae_workbench.live.draw import on_paper
from synvae_workbench.live.uploads import printable_name, read_picture_upload

KNOWN = "one of the examples"


class Seen(NamedTuple):
    """Pixels that a model is given, and how they came from the picture, in words."""

    pixels: UInt8[np.ndarray, "c h w"]
    done: str


class Picture(NamedTuple):
    """A picture as it is, with its name, its kind, and its place among known ones, if any.

    `original` is what is shown, `digit` what a model of grey pictures is given; None where that is
    made of the original.
    """

    original: UInt8[np.ndarray, "c h w"]
    name: str
    kind: Kind
    place: tuple[str, int] | None = None
    digit: Seen | None = None

    @property
    def is_ink(self) -> bool:
        """True of a digit, whose light pixels are ink: it is drawn dark on the page's paper."""
        return self.kind.name == DIGIT or (self.place is not None and len(self.original) == 1)

    def seen_by(self, shape: Sequence[int]) -> Seen:
        """What a model of pictures of this shape (c, h, w) is given."""
        if self.original.shape == tuple(shape):
            return Seen(self.original, "the picture as it is")
        if shape[0] == 1 and self.digit is not None:
            return self.digit._replace(pixels=_scaled(self.digit.pixels, shape))
        colours = "in grey, " if shape[0] == 1 else ""
        done = f"its middle square, {colours}{shape[1]} x {shape[2]} pixels"
        return Seen(_scaled(self.original, shape), done)


def uploaded(name: str, content: object) -> Picture:
    """The picture of an uploaded file.

    Raises:
        ValueError: if it cannot be used, saying why.
    """
    return looked_at(read_picture_upload(name, content), printable_name(name))


def looked_at(pixels: UInt8[np.ndarray, "h w 3"], name: str) -> Picture:
    """The picture of decoded pixels, of whatever kind it is found to be."""
    found = find_digit(pixels)
    digit = None if found is None else Seen(found.picture, found.done)
    return Picture(_channels_first(pixels), name, picture_kind(pixels, found), digit=digit)


def drawn(field: UInt8[np.ndarray, "side side"]) -> Picture:
    """The picture of a digit that was drawn on the page.

    Raises:
        ValueError: if nothing is drawn.
    """
    digit = Seen(centre_digit(field), "cropped and centred")
    kind = Kind(DIGIT, True, "it was drawn here")
    return Picture(_channels_first(on_paper(field)), "Your drawing", kind, digit=digit)


def known(
    original: UInt8[np.ndarray, "c h w"], name: str, kind: str, place: tuple[str, int]
) -> Picture:
    """A picture of the examples; `place` is the kind that they are for, and its number."""
    return Picture(original, name, Kind(kind, True, KNOWN), place)


def squares(
    pictures: Sequence[UInt8[np.ndarray, "_ _ _"]], shape: Sequence[int]
) -> UInt8[np.ndarray, "n c h w"]:
    """Middle squares of pictures (c, h, w) of any size, all in one shape."""
    made = [_scaled(picture, shape) for picture in pictures]
    return np.stack(made) if made else np.zeros((0, *shape), np.uint8)


def words_for(kind: str) -> str:
    """Words for pictures of a kind, or for those of a user's own."""
    return KINDS[kind].several if kind in KINDS else "pictures of its own set"


def _scaled(picture: UInt8[np.ndarray, "c h w"], shape: Sequence[int]) -> np.ndarray:
    """The middle square in this shape, in grey or in colour."""
    high, wide = picture.shape[1:]
    side = min(high, wide)
    top, left = (high - side) / 2, (wide - side) / 2
    image = as_image(picture).convert("L" if shape[0] == 1 else "RGB")
    box = (left, top, left + side, top + side)
    if box != (0, 0, shape[2], shape[1]):
        image = image.resize((shape[2], shape[1]), Image.Resampling.LANCZOS, box=box)
    pixels = np.asarray(image)
    return pixels[None] if shape[0] == 1 else _channels_first(pixels)


def _channels_first(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
