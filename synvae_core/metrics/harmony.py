"""Harmony of melodies with chords: chord tones, clashes, voice leading, agreement of chords.

Chord-tone share as the chord tone to non-chord tone ratio of Yeh et al. 2021, "Automatic Melody
Harmonization with Triad Chords: A Comparative Study", Journal of New Music Research 50(1),
arXiv 2001.02360, there of notes and here of durations. Agreement is that of MIREX's audio chord
estimation with the vocabulary of major and minor triads: chords that are neither are left out.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int, Integer

from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER
from synvae_core.music.harmony import NO_CHORD
from synvae_core.music.melody import ONE_VOICE
from synvae_core.types import HIGHER, LOWER, Measure

STEPS_PER_STRONG_BEAT = STEPS_PER_BAR // 2  # the first and the third beat of a bar

MEASURES = (
    Measure("chord_tone_share", None, 0, 1),
    Measure("strong_chord_tone_share", None, 0, 1),
    Measure("clash_share", LOWER, 0, 1),
    Measure("voice_leading", LOWER, 0),
    Measure("root_position_leading", LOWER, 0),
    Measure("chord_changes", None, 0),
    Measure("triad_agreement", HIGHER, 0, 1),
    Measure("root_agreement", HIGHER, 0, 1),
)


def melody_over_chords(
    events: Integer[np.ndarray, "n t"], tones: Bool[np.ndarray, "n t 12"]
) -> dict[str, float]:
    """Consonance of melodies of one voice with their chords, over all steps where both sound.

    `chord_tone_share`: of these steps, those on which the melody has a tone of the chord;
    `strong_chord_tone_share`: the same on the first and the third beat of a bar; `clash_share`: of
    the beats, those on which a tone of the chord is a semitone from the melody's, in whatever
    octave (minor second, major seventh, minor ninth). NaN where there is no such step.

    Args:
        tones: mask of the pitch classes of the chord at each step.
    """
    pitch = ONE_VOICE.sounding(events)
    step = np.arange(events.shape[1])
    both = (pitch > 0) & tones.any(2)
    is_tone, above, below = (_has(tones, pitch + semitones) for semitones in (0, 1, -1))
    return {
        "chord_tone_share": _share(is_tone, both),
        "strong_chord_tone_share": _share(is_tone, both & (step % STEPS_PER_STRONG_BEAT == 0)),
        "clash_share": _share(above | below, both & (step % STEPS_PER_QUARTER == 0)),
    }


def voice_leading(voicings: Sequence[Int[np.ndarray, "_ voices"]]) -> float:
    """Mean semitones by which a voice moves where the chord changes, over all pieces; NaN if never.

    Args:
        voicings: of each piece, the pitches of each chord, voice by voice.
    """
    moved = [row for voicing in voicings for row in np.abs(np.diff(voicing, axis=0)) if row.any()]
    return float(np.mean(moved)) if moved else float("nan")


def chord_changes(triads: Int[np.ndarray, "n spans"], *, steps_per_chord: int) -> float:
    """Changes of chord in a bar, from one chord to the next one that is known."""
    known = (triads[:, 1:] != NO_CHORD) & (triads[:, :-1] != NO_CHORD)
    changed = known & (triads[:, 1:] != triads[:, :-1])
    return _share(changed, known) * STEPS_PER_BAR / steps_per_chord


def chord_agreement(
    annotated: Int[np.ndarray, "n spans"], found: Int[np.ndarray, "n spans"]
) -> dict[str, float]:
    """Share of the spans with the annotated triad, and with its root; `NO_CHORD` is left out."""
    known = annotated != NO_CHORD
    return {
        "triad_agreement": _share(annotated == found, known),
        "root_agreement": _share((annotated % 12 == found % 12) & (found != NO_CHORD), known),
    }


def _has(tones: np.ndarray, pitch: Int[np.ndarray, "n t"]) -> Bool[np.ndarray, "n t"]:
    return np.take_along_axis(tones, pitch[..., None] % 12, axis=2)[..., 0]


def _share(of: Bool[np.ndarray, "*b"], among: Bool[np.ndarray, "*b"]) -> float:
    return float(of[among].mean()) if among.any() else float("nan")
