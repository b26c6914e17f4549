"""Measures of what can be heard of pictures in their melodies, as every notebook records them.

From melodies that were read from MIDI files, pixels and labels; no model's latents take part. Where
comparing each melody with each would take long, samples are compared, drawn by a seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from synvae_core.looks import look_indicators, looks_of
from synvae_core.metrics import machine_listener as machine
from synvae_core.metrics.audibility import NEIGHBOURS, audibility, twin_share
from synvae_core.metrics.melody_distances import MELODY_DISTANCES, paired_distances
from synvae_core.metrics.melody_distances.sound import spectrum_distances
from synvae_core.metrics.sound_features import sound_features
from synvae_core.models.synvae import SynVae
from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.performance import in_register, performed_round_trip
from synvae_core.types import TooFewError
from synvae_workbench.evaluation.near_twins import near_twins
from synvae_workbench.evaluation.trained_synvae import Evaluation
from synvae_workbench.evaluation.translation import translate

QUICK = ("opti3", "earth_mover", "blurred_roll", "sound")
SLOW = ("earth_mover", "pitch_edits")  # some 16 and 22 s for 1,000 melodies, the others 2 to 9 s
PUBLISHED_TRIO = (0, 1, 4)  # digits that people were asked about
MOST_TRIO_CLASSES = 10
FEWEST = 2 * NEIGHBOURS + 1  # pictures that trustworthiness is defined for
# Columns of a table.
SCORES = {
    "precision_at_1": "precision@1",
    "precision_at_10": "precision@10",
    "rank_correlation": "rank correlation",
    "trustworthiness": "trustworthiness",
    "spread_within": "spread within",
    "spread_between": "spread between",
    "twin_moved": "near twin",
    "listener_accuracy": "listener",
    "trios_accuracy": "all trios",
}


@dataclass(frozen=True)
class EarOptions:
    """Distances between melodies, and how many melodies they are measured on, drawn by `seed`."""

    distances: Sequence[str] = QUICK
    most: int = 1000  # melodies, each compared with each
    most_slow: int = 300  # of these, by the slow distances
    twins: int = 150  # pictures that are moved by a pixel
    trio: Sequence[int] = PUBLISHED_TRIO  # class ids for the listener
    examples: int = machine.EXAMPLES  # of each class, heard before the listener is asked
    seed: int = 0


class MovedTwins(NamedTuple):
    """Melodies of some pictures as they are, and of the same ones moved by a pixel."""

    melodies: Int[np.ndarray, "n t"]
    moved: Int[np.ndarray, "n t"]


def moved_twins(
    model: SynVae,
    images: UInt8[Tensor, "n c h w"],
    melodies: Int[np.ndarray, "n t"],
    options: EarOptions = EarOptions(),
) -> MovedTwins:
    """Melodies of a sample of pictures and of the same pictures moved one pixel to the right."""
    rows = _sample(len(images), options.twins, options.seed)
    moved = near_twins(images[rows], seed=options.seed)["moved"]
    return MovedTwins(melodies[rows], translate(model, moved, cached=True).heard)


def ear_measures(
    melodies: Int[np.ndarray, "n t"],
    images: UInt8[Tensor, "n c h w"],
    labels: machine.Labels,
    *,
    twins: MovedTwins | None = None,
    looks: Int[np.ndarray, "n 4"] | None = None,
    options: EarOptions = EarOptions(),
    coding: Coding = ONE_VOICE,
) -> dict[str, float]:
    """Scores of `audibility` of each distance, near twins, and a listener's accuracies, by name.

    The listener hears the spectrum of the sounds alone.

    Args:
        melodies: read from MIDI files.
        twins: of the same pictures; heard in the notes alone, as rendering them takes long.
        looks: that their performances carry: what is heard is then performed, and ears that hear
            notes alone hear the register.

    Returns:
        what there is to compare: nothing of classes without two.

    Raises:
        TooFewError: of 20 pictures or fewer.
    """
    rows = _sample(len(melodies), options.most, options.seed)
    _check_number(len(rows))
    melodies, labels = melodies[rows], labels[rows]
    looks = None if looks is None else looks[rows]
    spectrum = sound_features(melodies, looks=looks, coding=coding)["spectrum"].astype(float)
    if looks is not None:
        melodies = in_register(melodies, looks, coding=coding)
    pixels, classes = pixel_distances(images[rows]), labels.numpy()
    few = _sample(len(melodies), options.most_slow, options.seed)
    measured: dict[str, float] = {}
    for name in options.distances:
        ear = partial(MELODY_DISTANCES[name], coding=coding)
        part = few if name in SLOW else np.arange(len(melodies))
        sounds = name == "sound"
        distances = spectrum_distances(spectrum, spectrum) if sounds else ear(melodies[part])
        scores = audibility(distances, pixels[np.ix_(part, part)], classes[part])
        measured |= {f"{name}_{score}": value for score, value in scores.items()}
        if twins is not None and not sounds and distances.any():
            measured[f"{name}_twin_moved"] = twin_share(paired_distances(ear, *twins), distances)
    return measured | listener_measures("spectrum", spectrum, labels, options=options)


def evaluation_measures(found: Evaluation, options: EarOptions = EarOptions()) -> dict[str, float]:
    """`ear_measures` of a run's test pictures, near twins included, as `ear/...`."""
    melodies = found.translation.heard
    measured = ear_measures(
        melodies,
        found.images,
        found.labels,
        twins=moved_twins(found.model, found.images, melodies, options),
        options=options,
        coding=found.model.music.coding,
    )
    return {f"ear/{name}": value for name, value in measured.items()}


def performed_measures(
    melodies: Int[np.ndarray, "n t"],
    images: UInt8[Tensor, "n c h w"],
    labels: machine.Labels,
    *,
    options: EarOptions = EarOptions(),
    coding: Coding = ONE_VOICE,
) -> dict[str, dict[str, float]]:
    """Measures by ear of melodies with each picture's look performed, and of looks alone.

    Looks are read from MIDI files, whether or not a model draws with them. `performed` has what
    `ear_measures` has, without near twins; `look` a listener who hears nothing but the look.
    """
    wanted = looks_of(images / 255).numpy()
    heard, looks = performed_round_trip(melodies, wanted, coding=coding)
    performed = ear_measures(heard, images, labels, looks=looks, options=options, coding=coding)
    indicators = look_indicators(torch.from_numpy(looks)).double().numpy()
    return {
        "performed": performed,
        "look": listener_measures("look", indicators, labels, options=options),
    }


def listener_measures(
    ear: str,
    heard: Float[np.ndarray, "n f"],
    labels: machine.Labels,
    *,
    listener: machine.Listener = machine.nearest_mean,
    options: EarOptions = EarOptions(),
) -> dict[str, float]:
    """Accuracies of a listener after a few examples: of one trio of classes, and of all trios.

    The trio is `options.trio` or, where one of it has too few pictures, the first three that have
    enough; trios are of the first ten such classes. Nothing with fewer than three. With several
    labels a picture, those take part that carry one of the three alone.
    """
    counts = labels.sum(0) if labels.ndim == 2 else labels.bincount()
    enough = [each for each, count in enumerate(counts.tolist()) if count > options.examples]
    asked = {"examples": options.examples, "listener": listener, "seed": options.seed}
    if len(enough) < machine.FEWEST_CLASSES:
        return {}
    trios = machine.trios(heard, labels, classes=enough[:MOST_TRIO_CLASSES], **asked)
    if not trios:
        return {}
    trio = tuple(options.trio) if {*options.trio} <= {*enough} else next(iter(trios))
    if labels.ndim == 2 and not machine.can_be_asked(labels, trio, examples=options.examples):
        trio = next(iter(trios))
    one = machine.match_pictures(heard, machine.members_of(labels, trio), **asked)
    low, high = one.interval()
    return {
        f"{ear}_listener_accuracy": one.accuracy,
        f"{ear}_listener_low": low,
        f"{ear}_listener_high": high,
        f"{ear}_trios_accuracy": float(np.mean([each.accuracy for each in trios.values()])),
    }


def measures_beside(
    images: UInt8[Tensor, "n c h w"],
    visual: Float[Tensor, "n z"],
    labels: machine.Labels,
    *,
    options: EarOptions = EarOptions(),
) -> dict[str, float]:
    """Scores of raw pixels (`floor/`), visual latents (`visual/`) and shuffled pixels (`chance/`).

    None is an ear: they are for scale, of the same sample as the melodies.

    Raises:
        TooFewError: of 20 pictures or fewer.
    """
    rows = _sample(len(images), options.most, options.seed)
    _check_number(len(rows))
    pixels, classes = pixel_distances(images[rows]), labels[rows].numpy()
    shuffled = np.random.default_rng(options.seed).permutation(len(rows))
    latents = visual[rows].numpy()
    beside = {
        "floor": pixels,
        "visual": scipy.spatial.distance.cdist(latents, latents),
        "chance": pixels[np.ix_(shuffled, shuffled)],
    }
    return {
        f"{where}/{score}": value
        for where, distances in beside.items()
        for score, value in audibility(distances, pixels, classes).items()
    }


def pixel_distances(images: UInt8[Tensor, "n c h w"]) -> Float[np.ndarray, "n n"]:
    """Euclidean distances of pictures, of pixels in 0..1."""
    pixels = images.flatten(1).numpy() / 255
    return scipy.spatial.distance.cdist(pixels, pixels)


def ear_table(measured: Mapping[str, float]) -> pd.DataFrame:
    """Measures as a table: one row for each ear or space, one column for each score.

    Args:
        measured: names end in one of the scores' names; a folder before a slash is kept.
    """
    found: dict[str, dict[str, float]] = {}
    for name, value in measured.items():
        score = next((score for score in SCORES if name.endswith(score)), None)
        if score is not None:
            row = name.removesuffix(score).rstrip("_/")
            found.setdefault(row, {})[SCORES[score]] = value
    table = pd.DataFrame.from_dict(found, orient="index")
    table = table[[score for score in SCORES.values() if score in table]]
    return table.map(lambda value: "" if np.isnan(value) else f"{value:.3f}")


def _check_number(pictures: int) -> None:
    if pictures < FEWEST:
        raise TooFewError(f"ears compare {FEWEST} test pictures or more: got {pictures}")


def _sample(n: int, most: int, seed: int) -> np.ndarray:
    """Rows, in their order: all, or so many drawn at random."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
