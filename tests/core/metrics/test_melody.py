from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from work import few_calls

from synvae_core.metrics import melody
from synvae_core.metrics.melody import (
    FEATURE_NAMES,
    count_distinct,
    exact_windows,
    interval_histogram,
    melody_features,
    melody_summary,
    note_f1,
    note_length_histogram,
    step_accuracy,
)
from synvae_core.music.coding import Note
from synvae_core.music.melody import NOTE_OFF, ONE_VOICE

MAJOR = {0, 2, 4, 5, 7, 9, 11}
SILENCE = np.zeros((1, 32), np.int64)
# C4 for a beat, D4 for an eighth, a rest of an eighth, D4 for 3 steps, C5 to the end of the bars
TUNE = ONE_VOICE.events(
    [Note(0, 4, 60), Note(4, 6, 62), Note(8, 11, 62), Note(11, 32, 72)], steps=32
)[None]
melodies = hnp.arrays(
    np.int64,
    st.tuples(st.integers(1, 4), st.just(32)),
    elements=st.one_of(st.just(0), st.just(0), st.integers(0, 1), st.integers(2, 89)),
)


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values) if values else 0.0


def features_of(events: np.ndarray) -> dict[str, float]:
    """The features of one melody, note by note, out of its list of notes."""
    notes = ONE_VOICE.notes(events)
    pitches = [note.pitch for note in notes]
    lengths = [note.end - note.start for note in notes]
    leaps = [abs(b - a) for a, b in pairwise(pitches)]
    starts = {note.start for note in notes}
    return {
        "onsets": len(notes),
        "note_offs": sum(note.end < 32 and note.end not in starts for note in notes),
        "interval_mean": mean(leaps),
        "interval_max": max(leaps, default=0),
        "step_share": mean(leap in (1, 2) for leap in leaps),
        "repeat_share": mean(leap == 0 for leap in leaps),
        "distinct_pitches": len(set(pitches)),
        "range": max(pitches, default=0) - min(pitches, default=0),
        "in_key_share": max(mean((p - key) % 12 in MAJOR for p in pitches) for key in range(12)),
        "beat_share": mean(note.start % 4 == 0 for note in notes),
        "eighth_share": mean(note.start % 2 == 0 for note in notes),
        "length_mean": mean(lengths),
        "length_sd": np.std(lengths) if lengths else 0.0,
        "length_max": max(lengths, default=0),
        "sixteenth_share": mean(length == 1 for length in lengths),
        "eighth_note_share": mean(length == 2 for length in lengths),
        "pitch_mean": mean(pitches),
        "starts_with_note": float(0 in starts),
    }


def random_events(n: int, seed: int = 0, *, notes: float = 0.4, low: int = 40, high: int = 60):
    rng = np.random.default_rng(seed)
    played = rng.random((n, 32)) < notes
    return np.where(played, rng.integers(low, high, (n, 32)), rng.integers(0, 2, (n, 32)))


@given(melodies)
def test_features_agree_with_a_count_note_by_note(events):
    expected = [list(features_of(each).values()) for each in events]
    assert list(features_of(events[0])) == list(FEATURE_NAMES)
    np.testing.assert_allclose(melody_features(events), expected, atol=1e-9)


def test_features_of_a_tune_are_known():
    features = dict(zip(FEATURE_NAMES, melody_features(TUNE)[0], strict=True))
    assert features == pytest.approx(
        {
            "onsets": 4,
            "note_offs": 1,
            "interval_mean": 4,
            "interval_max": 10,
            "step_share": 1 / 3,
            "repeat_share": 1 / 3,
            "distinct_pitches": 3,
            "range": 12,
            "in_key_share": 1,
            "beat_share": 3 / 4,
            "eighth_share": 3 / 4,
            "length_mean": 7.5,
            "length_sd": np.std([4, 2, 3, 21]),
            "length_max": 21,
            "sixteenth_share": 0,
            "eighth_note_share": 1 / 4,
            "pitch_mean": 64,
            "starts_with_note": 1,
        }
    )


def test_silence_has_defined_features():
    assert not melody_features(SILENCE).any()
    assert not melody_features(SILENCE + NOTE_OFF).any()
    assert not melody_features(SILENCE.astype(np.uint8)).any()  # as a corpus may be stored
    assert melody_features(SILENCE[:0]).shape == (0, 18)


@given(melodies)
def test_a_note_off_in_silence_changes_nothing(events):
    np.testing.assert_array_equal(
        melody_features(events), melody_features(ONE_VOICE.canonical(events))
    )
    assert exact_windows(events, ONE_VOICE.canonical(events)).all()


def test_transposition_moves_the_mean_pitch_alone():
    events = random_events(50)
    moved = melody_features(ONE_VOICE.transpose(events, 3)) - melody_features(events)
    pitch = FEATURE_NAMES.index("pitch_mean")
    np.testing.assert_allclose(moved[:, pitch], 3)
    np.testing.assert_allclose(np.delete(moved, pitch, axis=1), 0, atol=1e-9)


def test_features_of_many_melodies_take_no_more_calls_than_those_of_few():
    with few_calls(5_000):
        melody_features(random_events(20_000))


def test_summary_of_a_tune_is_known():
    assert melody_summary(np.concatenate([TUNE, SILENCE])) == pytest.approx(
        {
            "onsets_per_bar": 1,  # four notes in four bars
            "note_length": 7.5,
            "beat_share": 3 / 4,
            "in_key_share": 1,
            "distinct_pitches": 1.5,
            "interval": 4,
            "repeat_share": 1 / 3,
            "silent_share": 1 / 2,
        }
    )


def test_summary_of_silence_is_zero():
    summary = melody_summary(SILENCE)
    assert summary.pop("silent_share") == 1
    assert set(summary.values()) == {0.0}
    with pytest.raises(ValueError, match="needs melodies"):
        melody_summary(SILENCE[:0])


def test_summary_weighs_every_note_alike():
    busy = ONE_VOICE.events([Note(i, i + 1, 60) for i in range(32)], steps=32)[None]
    expected = (32 * 1 + 4 * 7.5) / 36
    assert melody_summary(np.concatenate([busy, TUNE]))["note_length"] == pytest.approx(expected)


def test_in_key_share_of_the_chromatic_scale_is_seven_twelfths():
    scale = ONE_VOICE.events([Note(i, i + 1, 60 + i) for i in range(12)], steps=32)[None]
    assert melody_summary(scale)["in_key_share"] == pytest.approx(7 / 12)
    for key in range(12):
        notes = [Note(i, i + 1, 60 + key + tone) for i, tone in enumerate(sorted(MAJOR))]
        assert melody_summary(ONE_VOICE.events(notes, steps=32)[None])["in_key_share"] == 1


@given(melodies)
def test_histograms_are_shares_of_all_notes_and_intervals(events):
    notes = [ONE_VOICE.notes(each) for each in events]
    lengths = [note.end - note.start for each in notes for note in each]
    leaps = [b.pitch - a.pitch for each in notes for a, b in pairwise(each)]
    length_share, interval_share = note_length_histogram(events), interval_histogram(events)
    assert length_share.shape == (32,)
    assert interval_share.shape == (25,)
    for length in range(1, 33):
        assert length_share[length - 1] == pytest.approx(mean(x == length for x in lengths))
    for interval in range(-11, 12):
        assert interval_share[interval + 12] == pytest.approx(mean(x == interval for x in leaps))
    assert interval_share[0] == pytest.approx(mean(x <= -12 for x in leaps))
    assert interval_share[24] == pytest.approx(mean(x >= 12 for x in leaps))


def test_note_f1_of_known_melodies():
    target = ONE_VOICE.events([Note(0, 4, 60), Note(8, 12, 64), Note(12, 16, 65)], steps=32)
    predicted = {
        "itself": (target, 1),
        "other ends": (
            ONE_VOICE.events([Note(0, 2, 60), Note(8, 9, 64), Note(12, 30, 65)], steps=32),
            1,
        ),
        "wrong pitch": (np.where(target == 60 - 19, 61 - 19, target), 2 / 3),
        "a step late": (np.roll(target, 1), 0),
        "one note": (ONE_VOICE.events([Note(8, 12, 64)], steps=32), 2 * 1 * (1 / 3) / (1 + 1 / 3)),
        "silence": (np.zeros(32, np.int64), 0),
    }
    stacked = np.stack([events for events, _ in predicted.values()])
    expected = [f1 for _, f1 in predicted.values()]
    np.testing.assert_allclose(note_f1(np.tile(target, (6, 1)), stacked), expected)
    assert note_f1(SILENCE, SILENCE + NOTE_OFF).tolist() == [1.0]
    assert note_f1(SILENCE, target[None]).tolist() == [0.0]


@given(melodies, st.integers(0, 99))
def test_note_f1_agrees_with_sets_of_notes(target, seed):
    keep = np.random.default_rng(seed).random(target.shape) < 0.7
    predicted = np.where(keep, target, np.roll(target, 1, axis=1))
    for a, b, score in zip(target, predicted, note_f1(target, predicted), strict=True):
        a = {(note.start, note.pitch) for note in ONE_VOICE.notes(a)}
        b = {(note.start, note.pitch) for note in ONE_VOICE.notes(b)}
        precision, recall = mean(x in a for x in b), mean(x in b for x in a)
        both = precision + recall
        expected = 2 * precision * recall / both if both else float(not a and not b)
        assert score == pytest.approx(expected)


def test_accuracy_and_exactness_look_at_what_sounds():
    target = ONE_VOICE.events([Note(0, 4, 60)], steps=32)[None]
    sounds_alike = target.copy()
    sounds_alike[0, 20] = NOTE_OFF
    longer = ONE_VOICE.events([Note(0, 5, 60)], steps=32)[None]
    assert exact_windows(target, sounds_alike).tolist() == [True]
    assert step_accuracy(target, sounds_alike).tolist() == [1.0]
    assert exact_windows(target, longer).tolist() == [False]
    assert step_accuracy(target, longer).tolist() == [30 / 32]
    assert count_distinct(np.concatenate([target, sounds_alike, longer, target])) == 2


@pytest.mark.parametrize("compare", [note_f1, step_accuracy, exact_windows])
def test_hostile_events_are_refused(compare):
    with pytest.raises(ValueError, match=r"0\.\.89"):
        compare(SILENCE, SILENCE + 90)
    with pytest.raises(ValueError, match=r"0\.\.89"):
        melody_features(SILENCE - 1)
    with pytest.raises(ValueError, match="one by one"):
        melody._pair(SILENCE, SILENCE[:, :16], ONE_VOICE)
    with pytest.raises(ValueError, match="shape"):
        melody._notes(SILENCE[0], ONE_VOICE)
