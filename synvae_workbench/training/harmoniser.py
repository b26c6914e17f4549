"""Estimation of a harmoniser's tables from melodies with annotated chords."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Integer

from synvae_core.music.harmony import (
    BAR,
    NO_CHORD,
    PHRASE_END,
    PIECE_END,
    PLACES,
    TRIADS,
    WITHIN,
    ChordTables,
    Harmoniser,
    pitch_class_profile,
    save_harmoniser,
    transpose_triads,
)
from synvae_core.places import PRETRAINED
from synvae_workbench.data.melodies.pop909_chords import (
    ChordedPieces,
    half_bar_triads,
    load_chorded_pieces,
)
from synvae_workbench.data.options import CorpusOptions

WEIGHT, ONSET_WEIGHT = 2.0, 3.0  # best agreement on validation songs of 1..8 and 1..3
EMISSION_PRIOR = 10.0  # half bars' worth of the profile that all chords of a kind share
TRANSITION_PRIOR = 2.5  # changes' worth of those from any chord


def fit_harmoniser(pieces: ChordedPieces) -> Harmoniser:
    """Relative frequencies of the training songs that keep one key, smoothed.

    Two modes, major and minor. Windows are cut anywhere in a song, so that ends of phrases and
    pieces are as any other half of a bar.

    Raises:
        ValueError: if no training window is in one key.
    """
    kept = (pieces.parts == 0) & (pieces.keys != NO_CHORD)
    if not kept.any():
        raise ValueError("no training window has one key; expected the songs of POP909")
    keys, triads = pieces.keys[kept], half_bar_triads(pieces.triads[kept])
    profiles = [
        np.roll(pitch_class_profile(events, onset_weight=ONSET_WEIGHT), -(key % 12), axis=1)
        for events, key in zip(pieces.events[kept].astype(np.int64), keys, strict=True)
    ]
    relative = transpose_triads(triads, -(keys % 12)[:, None])
    modes = [keys < 12, keys >= 12]
    found = [_counts(np.array(profiles)[mode], relative[mode]) for mode in modes]
    emission, transition, initial = map(np.stack, zip(*found, strict=True))
    tables = ChordTables(_emission(emission), _transition(transition), _log_shares(initial + 1))
    return Harmoniser(tables, weight=WEIGHT, onset_weight=ONSET_WEIGHT)


def _counts(
    profiles: Float[np.ndarray, "n spans 12"], triads: Integer[np.ndarray, "n spans"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Durations of pitch classes by triad, changes by place, and first triads."""
    one_hot = np.eye(TRIADS)[triads] * (triads != NO_CHORD)[..., None]
    emission = np.einsum("nsc,nsp->cp", one_hot, profiles)
    changes = [
        np.einsum("nsa,nsb->ab", one_hot[:, place:-1:2], one_hot[:, place + 1 :: 2])
        for place in (1, 0)  # to the first half of a bar, and to the second
    ]
    return emission, np.stack(changes), one_hot[:, 0].sum(0)


def _emission(counts: Float[np.ndarray, "modes 24 12"]) -> np.ndarray:
    """Log shares, smoothed towards those of all triads of a kind, relative to their roots."""
    prior = np.empty((TRIADS, 12))
    for kind in (0, 12):
        rooted = sum(np.roll(counts[:, kind + root].sum(0), -root) for root in range(12)) + 1e-6
        for root in range(12):
            prior[kind + root] = np.roll(rooted / rooted.sum(), root)
    return _log_shares(counts + EMISSION_PRIOR * prior)


def _transition(counts: Float[np.ndarray, "modes 2 24 24"]) -> np.ndarray:
    """Log shares, smoothed towards those of the chord that follows, whatever went before."""
    following = counts.sum(2, keepdims=True) + 0.5
    prior = TRANSITION_PRIOR * following / following.sum(3, keepdims=True)
    to_bar, within = np.moveaxis(_log_shares(counts + prior), 1, 0)
    by_place = {BAR: to_bar, WITHIN: within, PHRASE_END: within, PIECE_END: within}
    return np.stack([by_place[place] for place in range(PLACES)], 1)


def _log_shares(counts: np.ndarray) -> np.ndarray:
    return np.log(counts / counts.sum(-1, keepdims=True))


def ship(folder: Path = PRETRAINED / "harmoniser_pop909") -> None:
    """Fits the harmoniser to POP909's songs and writes it where the shipped one lies."""
    save_harmoniser(fit_harmoniser(load_chorded_pieces(CorpusOptions(bars=8))), folder)
