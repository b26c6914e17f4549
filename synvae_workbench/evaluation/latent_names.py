"""Names of latent dimensions by the attribute of the melody that each changes most.

A dimension is moved from low to high, all others as they were, and the melodies of both are
compared. The name is chosen on one half of the pictures and measured on the other: the best of
many attributes would look good on its own pictures by chance.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor

from synvae_core.metrics.latents import LatentUsage
from synvae_core.music.attributes import ATTRIBUTES
from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER
from synvae_core.music.melody import ONE_VOICE

Play = Callable[[Tensor], Tensor]  # latents (n, z) -> event ids (n, t)
REACH = 1.5  # standard deviations from the middle to low and to high
LEAST_EFFECT = 0.25  # of a standard deviation of the attribute over the pictures' melodies
LEAST_CONSISTENCY = 0.65  # share of the pictures for which it goes the same way
NOTHING = "no one thing"


class Trait(NamedTuple):
    """An attribute of melodies, with words for more and less of it, and its unit."""

    measure: Callable[[np.ndarray], np.ndarray]
    more: str
    less: str
    unit: str
    scale: float = 1.0


class LatentName(NamedTuple):
    """Effect of a dimension, moved from `REACH` deviations below its middle to as many above.

    `kl_bits` says how active it is; `middle` and `sd`, where melodies lie on it. Melodies begin to
    change at `step`, counted in sixteenths from 0, and `changed` is the share of them that do. What
    is heard from the beat of that step on is measured: `effect` is the mean change in units of the
    attribute, `consistency` the share of the pictures for which it goes that way, both of pictures
    that did not choose the name. Without a name, `attribute` is empty.
    """

    dimension: int
    kl_bits: float
    middle: float
    sd: float
    name: str
    attribute: str
    effect: float
    consistency: float
    unit: str
    step: int
    changed: float

    @property
    def where(self) -> str:
        """Bar and beat from which on melodies change; empty if from their start."""
        bar, step = divmod(self.step, STEPS_PER_BAR)
        beat = step // STEPS_PER_QUARTER
        if not bar and not beat:
            return ""
        return f"from bar {bar + 1}" + (f", beat {beat + 1}" if beat else "")

    @property
    def evidence(self) -> str:
        """The measured effect, and the share of pictures in which it went that way."""
        if not self.attribute:
            return f"{self.changed:.0%} change, each in its own way"
        return f"{self.effect:+.2g} {self.unit} in {self.consistency:.0%}"


def mean_length(events: Integer[np.ndarray, "n t"]) -> Float[np.ndarray, " n"]:
    """Mean length of the notes in steps."""
    return _per_melody(events, lambda notes: np.mean([note.end - note.start for note in notes]))


def first_pitch(events: Integer[np.ndarray, "n t"]) -> Float[np.ndarray, " n"]:
    """MIDI pitch of the first note."""
    return _per_melody(events, lambda notes: notes[0].pitch)


def last_pitch(events: Integer[np.ndarray, "n t"]) -> Float[np.ndarray, " n"]:
    """MIDI pitch of the last note."""
    return _per_melody(events, lambda notes: notes[-1].pitch)


TRAITS: dict[str, Trait] = {
    "note_density": Trait(ATTRIBUTES["note_density"], "more notes", "fewer notes", "notes"),
    "mean_pitch": Trait(ATTRIBUTES["mean_pitch"], "higher", "lower", "semitones"),
    "mean_interval": Trait(
        ATTRIBUTES["mean_interval"], "larger leaps", "smaller leaps", "semitones"
    ),
    "sixteenth_syncopation": Trait(
        ATTRIBUTES["sixteenth_syncopation"], "more syncopated", "straighter", "% of notes", 100
    ),
    "eighth_syncopation": Trait(
        ATTRIBUTES["eighth_syncopation"], "more off the beat", "more on the beat", "% of notes", 100
    ),
    "c_diatonic": Trait(
        ATTRIBUTES["c_diatonic"],
        "fewer sharps and flats",
        "more sharps and flats",
        "% of notes on white keys",
        100,
    ),
    "mean_length": Trait(mean_length, "longer notes", "shorter notes", "sixteenths a note"),
    "first_pitch": Trait(first_pitch, "first note higher", "first note lower", "semitones"),
    "last_pitch": Trait(last_pitch, "last note higher", "last note lower", "semitones"),
}


def name_latents(
    play: Play, z: Float[Tensor, "n z"], usage: LatentUsage, *, most: int = 8
) -> list[LatentName]:
    """Names the most active dimensions, the most active one first, by what each changes.

    Args:
        play: the melodies of latents, such as `MelodyVae.decode`.
        z: of pictures, in any order that is not by class; half of them choose, half measure.
        usage: of the latent space, by `metrics.latents.latent_usage`.
        most: dimensions at most. Inactive ones, which no picture moves, are left out.

    Raises:
        ValueError: with fewer than four pictures, or usage of another number of dimensions.
    """
    if len(z) < 4 or len(usage.kl_bits) != z.shape[1]:
        raise ValueError(
            "names want latents of four pictures or more, and usage of as many dimensions: got "
            f"{tuple(z.shape)} and {len(usage.kl_bits)}"
        )
    played = play(z).cpu().numpy()
    order = usage.kl_bits.argsort(descending=True).tolist()
    chosen = [d for d in order if usage.active[d]][:most]
    return [_name(play, z, usage, dimension, played) for dimension in chosen]


def _name(
    play: Play,
    z: Tensor,
    usage: LatentUsage,
    dimension: int,
    played: Integer[np.ndarray, "n t"],
) -> LatentName:
    middle, sd = (float(values[dimension]) for values in (usage.aggregate_mean, usage.aggregate_sd))
    ends = z.repeat(2, 1, 1)
    ends[:, :, dimension] = torch.tensor([[middle - REACH * sd], [middle + REACH * sd]]).to(z)
    low, high = play(ends.flatten(0, 1)).cpu().numpy().reshape(2, len(z), -1)
    differ = low != high
    changed = differ.any(1)
    step = int(np.median(differ[changed].argmax(1))) if changed.any() else 0
    # What comes before stays as it is, and would only hide what is heard from there on.
    first = step // STEPS_PER_QUARTER * STEPS_PER_QUARTER
    before, after, usual = (_trait_values(each[:, first:]) for each in (low, high, played))
    change = {trait: after[trait] - before[trait] for trait in TRAITS}
    known = (dimension, float(usage.kl_bits[dimension]), middle, sd)
    trait, effect, consistency = _best_trait(
        change, {trait: float(values.std()) for trait, values in usual.items()}
    )
    if not trait:
        return LatentName(*known, NOTHING, "", 0.0, 0.0, "", step, float(changed.mean()))
    words = TRAITS[trait]
    scale = low.shape[1] - first if trait == "note_density" else words.scale
    return LatentName(
        *known,
        words.more if effect > 0 else words.less,
        trait,
        effect * scale,
        consistency,
        words.unit,
        step,
        float(changed.mean()),
    )


def _best_trait(
    change: dict[str, np.ndarray], spread: dict[str, float]
) -> tuple[str, float, float]:
    """The trait chosen on every other picture, with its effect and consistency on the others."""
    found = {}
    for trait, values in change.items():
        effect, consistency = _agreement(values[::2])
        size = abs(effect) / spread[trait] if spread[trait] else 0.0
        if size >= LEAST_EFFECT and consistency >= LEAST_CONSISTENCY:
            found[trait] = size * consistency
    if not found:
        return "", 0.0, 0.0
    trait = max(found, key=found.__getitem__)
    chose, _ = _agreement(change[trait][::2])
    effect, consistency = _agreement(change[trait][1::2])
    holds = effect * chose > 0 and abs(effect) >= LEAST_EFFECT * spread[trait]
    return (
        (trait, effect, consistency) if holds and consistency >= LEAST_CONSISTENCY else ("", 0, 0)
    )


def _agreement(values: np.ndarray) -> tuple[float, float]:
    """The mean change, and the share of changes that go the way of the mean."""
    mean = float(values.mean())
    return mean, float((values * np.sign(mean) > 0).mean())


def _trait_values(events: Integer[np.ndarray, "n t"]) -> dict[str, np.ndarray]:
    return {name: np.asarray(trait.measure(events), float) for name, trait in TRAITS.items()}


def _per_melody(events: np.ndarray, function: Callable[[Sequence], float]) -> np.ndarray:
    """Applies a function to the notes of every melody; 0 for silence."""
    melodies = [ONE_VOICE.notes(each) for each in events]
    return np.array([float(function(notes)) if notes else 0.0 for notes in melodies])
