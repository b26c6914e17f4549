"""The kind of a picture: a handwritten digit, a photograph, a painting, or none of these for sure.

A digit is found by its strokes on plain paper (`digits_on_paper`). Photographs and paintings are
told apart by a small network on cheap descriptors (`pretrained/photograph_or_painting`), whose card
says how often it is right.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from safetensors.numpy import load_file

from synvae_core.places import PRETRAINED
from synvae_core.small_files import read_json
from synvae_workbench.data.pictures.descriptors import describe_pictures, small_copy
from synvae_workbench.data.pictures.digits_on_paper import FoundDigit

DIGIT, PHOTOGRAPH, PAINTING = "digit", "photograph", "painting"
FEW_COLOURS = 24  # distinct ones of the small copy, by 16 levels of red, green and blue
WEIGHTS = PRETRAINED / "photograph_or_painting"


class Words(NamedTuple):
    """A kind in words: one, and several."""

    one: str
    several: str


KINDS = {
    DIGIT: Words("a handwritten digit", "handwritten digits"),
    PHOTOGRAPH: Words("a photograph", "photographs"),
    PAINTING: Words("a painting", "paintings"),
}


class Kind(NamedTuple):
    """A kind of picture, the likeliest one if it is not sure, and why, in words."""

    name: str
    sure: bool
    reason: str

    @property
    def words(self) -> str:
        """What the picture is taken for, and why."""
        said = KINDS[self.name].one if self.name in KINDS else f"a picture of {self.name}"
        return f"Taken as {said}{'' if self.sure else ', not for sure'}: {self.reason}."


def picture_kind(picture: UInt8[np.ndarray, "h w 3"], digit: FoundDigit | None) -> Kind:
    """The kind of a picture, given the digit that `find_digit` found in it, if any."""
    if digit is not None and digit.sure:
        ink = "one dark stroke on light paper" if digit.dark_ink else "one light stroke on dark"
        return Kind(DIGIT, True, ink)
    small = small_copy(picture)
    if len(np.unique(small.reshape(-1, 3) // 16, axis=0)) < FEW_COLOURS:
        if digit is not None:
            return Kind(DIGIT, False, "strokes on plain ground, but the rest is not empty paper")
        return Kind(PHOTOGRAPH, False, "it has hardly any colours to tell by")
    share, least = float(painting_share(small[None])[0]), _classifier().least
    name, likeness = (PAINTING, share) if share >= least else (PHOTOGRAPH, 1 - share)
    if likeness >= least:
        return Kind(name, True, f"colours and edges as in {KINDS[name].several} ({likeness:.0%})")
    told = f"{share:.0%} like those of paintings and {likeness:.0%} like those of photographs"
    return Kind(name, False, f"its colours and edges are {told}, too close to tell")


def painting_share(pictures: UInt8[np.ndarray, "n 32 32 3"]) -> Float[np.ndarray, " n"]:
    """Probability of each small picture to be a painting and no photograph."""
    network = _classifier()
    hidden = (describe_pictures(pictures) - network.mean) / network.scale
    hidden = np.maximum(hidden.clip(-4, 4) @ network.first + network.first_bias, 0)
    return 1 / (1 + np.exp(-(hidden @ network.second + network.second_bias)[:, 0]))


class _Classifier(NamedTuple):
    """Weights of the network on standardised descriptors, and the likeness that counts as sure."""

    mean: np.ndarray
    scale: np.ndarray
    first: np.ndarray
    first_bias: np.ndarray
    second: np.ndarray
    second_bias: np.ndarray
    least: float


@cache
def _classifier() -> _Classifier:
    weights = load_file(WEIGHTS / "model.safetensors")
    stored = read_json(WEIGHTS / "config.json")
    return _Classifier(**weights, least=stored["config"]["least_likeness"])
