"""Form of pieces: self-similarity of bars, repeated phrases, cadences, phrase lengths, sections.

A piece is whole bars of 4/4. Two spans are compared step by step, and a step agrees if the same
pitch sounds and starts, or sounds on, in every voice. The matrix of all pairs of bars is the
self-similarity matrix of Foote 1999, "Visualizing Music and Audio Using Self-Similarity".

A bar ends a phrase by the proximity rule of Lerdahl & Jackendoff 1983, "A Generative Theory of
Tonal Music" (grouping preference rule 2b, attack points): a note that starts in its second half
waits a quarter or more for the next, no less than the note before it and longer than the next one.
The rule is strict on both sides there; here cadences of equal long notes end a phrase, too. The
last bar ends a phrase in any case.

The key is the major scale that holds most of the onsets, weighed by a profile of its tonic triad,
after the key finding of Krumhansl 1990, "Cognitive Foundations of Musical Pitch"; the relative
minor and the church modes count as their major.
"""

from string import ascii_uppercase

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER, Coding
from synvae_core.music.keys import DEGREES, KEY_PROFILE, MAJOR_TRIAD, TONICS
from synvae_core.music.melody import ONE_VOICE
from synvae_core.types import Measure

LAGS = (1, 2, 4, 8)  # bars
PHRASE = 2  # bars of the phrases whose repeats are counted
PERIOD = 4  # bars after which an ending is expected
# Of two-bar sections of fiddle tunes, 1 to 2 in 1000 agree on half of the steps if they are of two
# tunes, and a quarter or more (27 % in 16 bars, 42 % in 8) if they are of one.
SIMILAR = 0.5
SILENT = -1000  # below all codes of pitches relative to another

MEASURES = (
    Measure("bar_similarity_lag_{k}", None, 0, 1),
    Measure("bars_repeated_lag_{k}", None, 0, 1),
    Measure("repeated_bars", None, 0, 1),
    Measure("repeated_rhythms", None, 0, 1),
    Measure("repeated_phrases", None, 0, 1),
    Measure("repeated_phrases_any_key", None, 0, 1),
    Measure("last_length", None, 0),
    Measure("last_on_tonic", None, 0, 1),
    Measure("last_in_triad", None, 0, 1),
    Measure("fourth_bar_end", None, 0, STEPS_PER_BAR),
    Measure("other_bar_end", None, 0, STEPS_PER_BAR),
    Measure("phrase_bars", None, 0),
    Measure("even_phrases", None, 0, 1),
)


def bar_similarity(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, "n bars bars"]:
    """Self-similarity matrix of each piece: share of the steps on which two of its bars agree.

    Raises:
        ValueError: unless there are pieces of whole bars, or if an event id is unknown.
    """
    return _agreement(_by_bar(_heard(events, coding), coding))


def form_measures(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> dict[str, float]:
    """Means of `form_features` over pieces.

    Raises:
        ValueError: unless there are pieces of whole bars, or if an event id is unknown.
    """
    return {name: float(of.mean()) for name, of in form_features(events, coding=coding).items()}


def form_features(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> dict[str, Float[np.ndarray, " n"]]:
    """Structural features of each piece.

    - `bar_similarity_lag_1` (2, 4, 8), mean over all pairs of bars at that distance, and
      `bars_repeated_lag_1`, share of these pairs that sound alike;
    - `repeated_bars`, share of the bars after the first that were heard before, and
      `repeated_rhythms`, the same of their onsets alone;
    - `repeated_phrases`, share of the two-bar phrases after the first (bars 3 and 4, 5 and 6, ...)
      that were heard before, from any bar on, and `repeated_phrases_any_key`, as transposed by any
      number of semitones;
    - `last_length` in steps, `last_on_tonic` and `last_in_triad` (0 or 1), of the last note;
    - `fourth_bar_end` and `other_bar_end`, mean steps from a bar's last onset to its end, of bars
      4, 8, ... and of all others;
    - `phrase_bars`, mean length of a phrase, and `even_phrases`, share of the bars that are in
      phrases of an even number of bars.

    What needs more bars than there are is left out; of a silent piece, the last note counts 0.

    Raises:
        ValueError: unless there are pieces of whole bars, or if an event id is unknown.
    """
    features = _repeats(events, coding) | _last_note(events, coding)
    gaps = _bar_ends(events, coding)
    bars = gaps.shape[1]
    fourth = np.arange(1, bars + 1) % PERIOD == 0
    if fourth.any():
        features["fourth_bar_end"] = gaps[:, fourth].mean(1)
        features["other_bar_end"] = gaps[:, ~fourth].mean(1)
    ends = phrase_ends(events, coding=coding)
    after = np.where(ends, np.arange(1, bars + 1), 0)  # bars up to the end of each phrase
    before = np.pad(np.maximum.accumulate(after, axis=1), ((0, 0), (1, 0)))[:, :-1]
    length = np.where(ends, after - before, 0)
    features["phrase_bars"] = bars / ends.sum(1)
    features["even_phrases"] = (length * (length % 2 == 0)).sum(1) / bars
    return {name: values.astype(np.float64) for name, values in features.items()}


def phrase_ends(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Bool[np.ndarray, "n bars"]:
    """Mask of the bars that end a phrase, as the head of the module defines it.

    Raises:
        ValueError: unless there are pieces of whole bars, or if an event id is unknown.
    """
    onsets = _top(events, coding) > 0
    pieces, steps = onsets.shape
    step = np.arange(steps)
    at = np.where(onsets, step, steps)[:, ::-1]
    following = np.full_like(at, steps)  # the next onset after each step
    following[:, :-1] = np.minimum.accumulate(at, axis=1)[:, ::-1][:, 1:]
    previous = np.full_like(at, -1)  # the last onset before each step
    previous[:, 1:] = np.maximum.accumulate(np.where(onsets, step, -1), axis=1)[:, :-1]
    wait = following - step
    before = np.where(previous < 0, 0, step - previous)
    after = np.pad(wait, ((0, 0), (0, 1)))[np.arange(pieces)[:, None], following]
    late = step % STEPS_PER_BAR >= STEPS_PER_BAR // 2
    is_end = onsets & late & (wait >= STEPS_PER_QUARTER) & (wait >= before) & (wait > after)
    ends = is_end.reshape(pieces, -1, STEPS_PER_BAR).max(2)
    ends[:, -1] = True
    return ends


def sections(events: Integer[np.ndarray, " t"], *, coding: Coding = ONE_VOICE) -> list[str]:
    """Labels of the sections of one piece, such as A, A', B, A.

    A section is four bars in a piece of more than eight, if they divide it, two in one of an even
    number, else one. It has the label of an earlier one that sounds alike; else, if at least half
    of its steps (`SIMILAR`) agree with the first section of a letter, as they are or as transposed
    to start on the same pitch, that letter with another prime; else the next letter.

    Raises:
        ValueError: unless the piece is whole bars, or if an event id is unknown.
    """
    bars = _by_bar(_heard(events[None], coding), coding)
    count = bars.shape[1]
    size = 4 if count > 8 and count % 4 == 0 else 2 if count % 2 == 0 else 1
    units = bars.reshape(1, count // size, -1)
    alike = _agreement(units)[0]
    similar = np.maximum(alike, _agreement(_any_key(units))[0])
    labels: list[str] = []
    firsts: list[int] = []  # the first section of each letter
    for unit in range(len(alike)):
        same = np.flatnonzero(alike[unit, :unit] == 1)
        letter = int(similar[unit, firsts].argmax()) if firsts else 0
        if len(same):
            labels.append(labels[same[0]])
        elif firsts and similar[unit, firsts[letter]] >= SIMILAR:
            variants = {label for label in labels if label.rstrip("'") == _letter(letter)}
            labels.append(_letter(letter) + "'" * len(variants))
        else:
            labels.append(_letter(len(firsts)))
            firsts.append(unit)
    return labels


def keys(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Int[np.ndarray, " n"]:
    """Pitch class of the tonic of each piece's major key; of keys that fit alike, the flattest.

    Raises:
        ValueError: if an event id is unknown.
    """
    starts = coding.starts(events)
    counts = np.stack([((starts > 0) & (starts % 12 == each)).sum(1) for each in range(12)], 1)
    return TONICS[(counts @ KEY_PROFILE[DEGREES]).argmax(1)]


def _repeats(events: np.ndarray, coding: Coding) -> dict[str, np.ndarray]:
    bars = _by_bar(_heard(events, coding), coding)
    similarity = _agreement(bars)
    alike = similarity == 1
    found = {}
    for lag in LAGS:
        if lag < bars.shape[1]:
            found[f"bar_similarity_lag_{lag}"] = np.diagonal(similarity, lag, 1, 2).mean(1)
            found[f"bars_repeated_lag_{lag}"] = np.diagonal(alike, lag, 1, 2).mean(1)
    if bars.shape[1] > 1:
        found["repeated_bars"] = _heard_before(alike, 1)
        found["repeated_rhythms"] = _heard_before(_agreement(bars % 2) == 1, 1)
    if bars.shape[1] >= 2 * PHRASE:
        phrases = np.concatenate([bars[:, :-1], bars[:, 1:]], 2)  # one from every bar on
        for name, each in (("", phrases), ("_any_key", _any_key(phrases))):
            found[f"repeated_phrases{name}"] = _heard_before(_agreement(each) == 1, PHRASE)
    return found


def _last_note(events: np.ndarray, coding: Coding) -> dict[str, np.ndarray]:
    """Length and degree of the last note; of several that start then, the highest."""
    top = _top(events, coding)
    steps = top.shape[1]
    step = steps - 1 - (top[:, ::-1] > 0).argmax(1)
    row = np.arange(len(top))
    pitch = top[row, step]
    lengths = coding.by_voice(coding.lengths(events))[row, :, step]  # 0 where no note starts
    is_top = coding.by_voice(coding.starts(events))[row, :, step] == pitch[:, None]
    degree = (pitch - keys(events, coding=coding)) % 12
    return {
        "last_length": (lengths * is_top).max(1),
        "last_on_tonic": (pitch > 0) & (degree == 0),
        "last_in_triad": (pitch > 0) & np.isin(degree, MAJOR_TRIAD),
    }


def _bar_ends(events: np.ndarray, coding: Coding) -> Int[np.ndarray, "n bars"]:
    """Steps from the last onset of each bar to its end; a bar without one counts in full."""
    top = _top(events, coding)
    onsets = top.reshape(len(top), -1, STEPS_PER_BAR) > 0
    return np.where(onsets.any(2), onsets[:, :, ::-1].argmax(2) + 1, STEPS_PER_BAR)


def _top(events: np.ndarray, coding: Coding) -> Int[np.ndarray, "n steps"]:
    """Highest pitch that starts on each step, 0 where none does."""
    _check_bars(events, coding)
    return coding.by_voice(coding.starts(events)).max(1)


def _heard(events: np.ndarray, coding: Coding) -> Int[np.ndarray, "n t"]:
    """Code of what is heard at each place: twice the pitch that sounds, plus 1 where it starts."""
    _check_bars(events, coding)
    return 2 * coding.sounding(events) + (coding.starts(events) > 0)


def _check_bars(events: np.ndarray, coding: Coding) -> None:
    places = STEPS_PER_BAR * coding.voices
    if not events.size or events.shape[1] % places:
        raise ValueError(
            f"form is that of one piece or more (n, t) of whole bars of {places} events: got shape "
            f"{events.shape}; cut or fill the last bar"
        )


def _by_bar(heard: np.ndarray, coding: Coding) -> Int[np.ndarray, "n bars places"]:
    return heard.reshape(len(heard), -1, STEPS_PER_BAR * coding.voices)


def _any_key(heard: Int[np.ndarray, "n units places"]) -> Int[np.ndarray, "n units places"]:
    """Codes relative to the first pitch of each unit, equal for all transpositions of it."""
    sounds = heard > 1
    first = np.take_along_axis(heard, sounds.argmax(2)[..., None], axis=2) // 2
    return np.where(sounds, heard - 2 * first, SILENT)


def _agreement(units: Int[np.ndarray, "n units places"]) -> Float[np.ndarray, "n units units"]:
    """Share of the places on which two units of a piece have the same code."""
    return np.stack([(units[:, [unit]] == units).mean(2) for unit in range(units.shape[1])], 1)


def _heard_before(alike: Bool[np.ndarray, "n spans spans"], size: int) -> Float[np.ndarray, " n"]:
    """Share of the spans of `size` bars, at multiples of it but the first, that repeat another.

    Args:
        alike: of spans that begin at any bar; what is repeated ends before its repeat begins.
    """
    later = range(size, alike.shape[1], size)
    return np.stack([alike[:, each, : each - size + 1].any(1) for each in later], 1).mean(1)


def _letter(number: int) -> str:
    """A to Z, then AA, BB and so on."""
    return ascii_uppercase[number % 26] * (number // 26 + 1)
