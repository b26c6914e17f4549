"""The chain from spoken digit to picture to melody to picture, and the way back to the recording.

The melodies are those of MIDI files, and of a picture nothing but its bytes goes on. Which digit a
melody says is told by a machine listener (`machine_listener`) who has heard melodies of real
pictures alone.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from synvae_core.metrics import machine_listener as machine
from synvae_core.metrics.drawn_pictures import agreement
from synvae_core.metrics.note_recall import Share
from synvae_core.metrics.retrieval import counterpart_ranks, nearest_across
from synvae_core.metrics.sound_features import sound_features
from synvae_core.models.speech.to_image import SpeechToImage
from synvae_core.models.synvae import SynVae
from synvae_workbench.evaluation.spoken_translation import picture_bytes
from synvae_workbench.evaluation.translation import Translation, translate

EXAMPLES = 20  # melodies of real pictures of each digit that the listener has heard
ENDS = {"picture": "picture drawn from speech", "return": "picture drawn again from its melody"}
# What is asked for its recording: a sample of each is compared with the means of all.
WAYS = {
    "picture_pixels": "picture, by its pixels",
    "picture_codes": "picture, by its code",
    "melody_codes": "melody, by its code",
    "melody_ear": "melody, by ear",
    "return_pixels": "picture drawn again from the melody, by its pixels",
}


class Chain(NamedTuple):
    """Pictures of recordings in bytes with their translation, of means and of a sample of each."""

    means: UInt8[Tensor, "n 1 h w"]
    of_means: Translation
    samples: UInt8[Tensor, "n 1 h w"]
    of_samples: Translation


class Way(NamedTuple):
    """Own recording found first, and among ten; median rank; and one of the same digit first."""

    first: Share
    among_ten: Share
    median_rank: float
    same_digit: Share


def translate_chain(
    painter: SpeechToImage,
    synvae: SynVae,
    spectrograms: UInt8[Tensor, "n 1 side side"],
    *,
    seed: int,
) -> Chain:
    """Draws recordings, by their means and by samples, and translates both to melodies and back."""
    heard, generator = spectrograms.float() / 255, torch.Generator().manual_seed(seed)
    means = picture_bytes(painter.draw(heard))
    samples = picture_bytes(painter.draw(heard, sample=True, generator=generator))
    return Chain(means, translate(synvae, means), samples, translate(synvae, samples))


@torch.no_grad()
def digits_kept(chain: Chain, judge: nn.Module, spoken: Int[Tensor, " n"]) -> dict[str, Share]:
    """Shares of pictures in which a judge reads the spoken digit, at each of `ENDS`, of means."""
    pictures = {"picture": chain.means.float() / 255, "return": chain.of_means.rebuilt}
    return {end: agreement(spoken, judge(each).argmax(1)) for end, each in pictures.items()}


def heard_as_spoken(
    chain: Chain,
    spoken: Int[Tensor, " n"],
    synvae: SynVae,
    pictures: UInt8[Tensor, "m 1 h w"],
    labels: Int[Tensor, " m"],
    *,
    examples: int = EXAMPLES,
) -> machine.Answers:
    """What digit a listener takes each melody for, of means; chance is one of the digits spoken.

    Args:
        pictures, labels: real ones; the first `examples` of each digit are heard before.

    Raises:
        TooFewError: if fewer than three digits are spoken.
    """
    digits = spoken.unique().tolist()
    known = [(labels == digit).nonzero().flatten()[:examples] for digit in digits]
    melodies = translate(synvae, pictures[torch.cat(known)]).heard
    whole = np.concatenate([melodies, chain.of_means.heard])
    features = sound_features(whole, coding=synvae.music.coding)["spectrum"].astype(float)
    ends = np.cumsum([0, *map(len, known)])
    before = [np.arange(*each) for each in zip(ends, ends[1:], strict=False)]
    played = [np.flatnonzero((spoken == digit).numpy()) + len(melodies) for digit in digits]
    return machine.sit(features, before, played)


def found_recordings(chain: Chain, synvae: SynVae, spoken: Int[Tensor, " n"]) -> dict[str, Way]:
    """How often what was sampled of a recording finds it among all, in each of `WAYS`."""
    of, by = chain.of_samples, chain.of_means
    ear = [
        torch.from_numpy(sound_features(each.heard, coding=synvae.music.coding)["spectrum"])
        for each in (of, by)
    ]
    pixels = chain.means.flatten(1).float() / 255
    spaces: dict[str, tuple[Tensor, Tensor]] = {
        "picture_pixels": (chain.samples.flatten(1).float() / 255, pixels),
        "picture_codes": (of.visual, by.visual),
        "melody_codes": (of.auditive, by.auditive),
        "melody_ear": (ear[0], ear[1]),
        "return_pixels": (of.rebuilt.flatten(1), pixels),
    }
    return {way: _found(*spaces[way], spoken) for way in WAYS}


def _found(
    queries: Float[Tensor, "n z"], items: Float[Tensor, "n z"], spoken: Int[Tensor, " n"]
) -> Way:
    ranks, number = counterpart_ranks(queries, items), len(spoken)
    nearest = nearest_across(queries, items, k=1)[:, 0]
    first, among_ten = (Share(int((ranks <= most).sum()), number) for most in (1, 10))
    same = Share(int((spoken[nearest] == spoken).sum()), number)
    return Way(first, among_ten, ranks.double().median().item(), same)
