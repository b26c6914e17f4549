"""Players of melodies that are performed as a picture looks, and say so in words."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import UInt8

from synvae_core.looks import ABSENT, Look, looks_of
from synvae_core.music.performance import performance_of, performance_words
from synvae_core.music.sound import PIANO, Sound
from synvae_workbench.live.players import PlayerItem

# By how much pieces are louder than others of equal loudness, by contrast: it is to be heard too.
LOUDER = (-6.0, 0.0, 4.0)  # LU


def look_of(picture: UInt8[np.ndarray, "c h w"]) -> Look:
    """The look of one picture in bytes."""
    return Look(*looks_of(torch.from_numpy(picture.copy())[None] / 255)[0].tolist())


def as_performed(sound: Sound, look: Look) -> Sound:
    """A sound with the instrument, register, tempo and loudness that carry a look."""
    loudness = None if sound.loudness is None else sound.loudness + LOUDER[look.contrast]
    return replace(sound, loudness=loudness, **performance_of(look)._asdict())


def performed_item(item: PlayerItem, look: Look, sound: Sound = PIANO) -> PlayerItem:
    """A player whose melody is performed as a look wants it, and which says this in its caption.

    Without a look, as of a silent melody, the player as it is.
    """
    if ABSENT in look:
        return item
    label = f"{item.label}: {performance_words(look)}"
    return item._replace(label=label, sound=as_performed(sound, look))
