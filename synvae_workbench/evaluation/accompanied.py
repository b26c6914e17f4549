"""Evaluation of melodies with chords: those that a style writes, and those that were annotated."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Int, Integer

from synvae_core.metrics.harmony import (
    chord_agreement,
    chord_changes,
    melody_over_chords,
    voice_leading,
)
from synvae_core.music.accompaniment import CEILINGS, harmoniser_of, voice
from synvae_core.music.coding import STEPS_PER_QUARTER
from synvae_core.music.harmony import NO_CHORD, STEPS_PER_CHORD, TRIAD_TONES
from synvae_workbench.data.melodies.pop909_chords import ChordedPieces, half_bar_triads

ROOT_POSITIONS = np.array(
    [[48 + r, 51 + r + (kind == 0), 55 + r] for kind in (0, 1) for r in range(12)]
)


def harmonised_measures(events: Integer[np.ndarray, "n t"], *, style: str) -> dict[str, float]:
    """Measures of melodies under the chords of a style; see `metrics.harmony`.

    Raises:
        ValueError: if there is no melody or no such style.
    """
    triads = harmonise_all(events, style=style)
    known = triads != NO_CHORD
    tones = (TRIAD_TONES[triads] & known[..., None]).repeat(STEPS_PER_CHORD, axis=1)
    return _measures(events, tones[:, : events.shape[1]], triads)


def annotated_measures(pieces: ChordedPieces) -> dict[str, float]:
    """The same measures of songs under the chords that were annotated, sevenths and all."""
    tones = pieces.tones.repeat(STEPS_PER_QUARTER, axis=1)
    return _measures(pieces.events.astype(np.int64), tones, half_bar_triads(pieces.triads))


def agreement_measures(pieces: ChordedPieces, *, style: str) -> dict[str, float]:
    """Shares of half bars whose annotated triad, and whose root, a style finds."""
    found = harmonise_all(pieces.events.astype(np.int64), style=style)
    return chord_agreement(half_bar_triads(pieces.triads), found)


def harmonise_all(events: Integer[np.ndarray, "n t"], *, style: str) -> Int[np.ndarray, "n spans"]:
    """Triads of each melody, one for each half bar."""
    if not len(events):
        raise ValueError("expected one melody or more, got none")
    harmoniser = harmoniser_of(style)
    return np.stack([harmoniser.harmonise(melody).chords for melody in events])


def measures_table(columns: Mapping[str, Mapping[str, float]]) -> str:
    """Measures in rows, one column for each set; empty where a set has it not."""
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    lines = [f"{'':26}" + "".join(f"{title:>20}" for title in columns)]
    for name in names:
        values = (
            f"{column[name]:20.3f}" if name in column else " " * 20 for column in columns.values()
        )
        lines.append(f"{name.replace('_', ' '):26}" + "".join(values))
    return "\n".join(lines)


def _measures(
    events: np.ndarray, tones: Bool[np.ndarray, "n t 12"], triads: Int[np.ndarray, "n spans"]
) -> dict[str, float]:
    runs = [run for row in triads if len(run := row[row != NO_CHORD])]
    voicings = [voice(run, ceiling=CEILINGS[1]) for run in runs]
    return melody_over_chords(events, tones) | {
        "voice_leading": voice_leading(voicings),
        "root_position_leading": voice_leading([ROOT_POSITIONS[run] for run in runs]),
        "chord_changes": chord_changes(triads, steps_per_chord=STEPS_PER_CHORD),
    }
