"""A picture, its melody to play, and the picture that is drawn from the notes."""

import numpy as np
import torch
from IPython.display import HTML
from torch import Tensor

from synvae_core.music.sound import PIANO, Sound
from synvae_workbench.evaluation.trained_synvae import Evaluation
from synvae_workbench.live.players import Picture, PlayerItem, player_grid, roll_picture


def picture_of(image: Tensor, alt: str) -> Picture:
    """The picture of an image (c, h, w), uint8 or float within 0..1, for a player."""
    pixels = image.detach().cpu()
    pixels = pixels if pixels.dtype == torch.uint8 else pixels.clamp(0, 1)
    return Picture((pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0)).numpy(), alt)


def heard_and_drawn(
    image: Tensor, events: np.ndarray, drawn: Tensor, *, name: str, sound: Sound = PIANO
) -> HTML:
    """A player of a melody below its picture, its piano roll, and the picture drawn from it."""
    pictures = [
        picture_of(image, f"picture: {name}"),
        roll_picture(events, "piano roll of its melody"),
        picture_of(drawn, "drawn from these notes"),
    ]
    item = PlayerItem(
        np.asarray(events), f"{name}: its melody, and what is drawn from it", pictures
    )
    return player_grid([item], columns=2, sound=sound)


def first_heard(found: Evaluation, *, name: str = "A test picture", sound: Sound = PIANO) -> HTML:
    """The first picture of an evaluation, its melody, and what is drawn from the notes."""
    of = found.translation
    return heard_and_drawn(found.images[0], of.heard[0], of.rebuilt[0], name=name, sound=sound)
