"""Form of pieces that are built to have it, and of those that are built to have none."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from two_voices import TWO_VOICES
from work import few_calls

from synvae_core.metrics.form import (
    MEASURES,
    bar_similarity,
    form_features,
    form_measures,
    keys,
    phrase_ends,
    sections,
)
from synvae_core.metrics.measures import measure_of
from synvae_core.models.melody.skeleton import SkeletonReader
from synvae_core.music.coding import Note
from synvae_core.music.melody import NOTE_OFF, ONE_VOICE

EIGHTHS = np.arange(16) % 2 == 0


def bar(*pitches: int) -> np.ndarray:
    """A bar of eighths on these pitches, in turn."""
    events = np.zeros(16, np.int64)
    events[EIGHTHS] = np.resize(np.array(pitches) - 19, 8)
    return events


A, B = bar(60, 64, 62), bar(72, 71, 76, 69)
C, D = bar(65, 67, 62), bar(59, 62, 55, 57, 60)
SCALE = bar(60, 62, 64, 65, 67, 69, 71, 72)


def piece(*bars: np.ndarray) -> np.ndarray:
    return np.concatenate(bars)[None]


def random_piece(bars: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    steps = 16 * bars
    return np.where(rng.random((1, steps)) < 0.4, rng.integers(30, 70, (1, steps)), 0)


pieces = st.integers(1, 9).flatmap(
    lambda bars: hnp.arrays(
        np.int64,
        st.tuples(st.integers(1, 3), st.just(16 * bars)),
        elements=st.one_of(st.just(0), st.just(0), st.integers(0, 1), st.integers(14, 77)),
    )
)


class TestSelfSimilarity:
    def test_of_two_bars_is_the_share_of_steps_that_sound_alike(self):
        held = ONE_VOICE.events([Note(0, 16, 60)], steps=16)
        struck = ONE_VOICE.events([Note(0, 12, 60), Note(12, 16, 60)], steps=16)
        higher = ONE_VOICE.events([Note(0, 12, 60), Note(12, 16, 67)], steps=16)
        found = bar_similarity(piece(held, struck, higher))[0]
        assert found.tolist() == [[1, 15 / 16, 0.75], [15 / 16, 1, 0.75], [0.75, 0.75, 1]]

    def test_hears_what_sounds_on_from_the_bar_before(self):
        tied = ONE_VOICE.events([Note(0, 32, 60)], steps=32)[None]
        assert bar_similarity(tied)[0, 0, 1] == 15 / 16  # it does not start again

    @given(pieces)
    def test_agrees_with_a_comparison_step_by_step(self, events):
        sounds = [(ONE_VOICE.sounding(row), ONE_VOICE.starts(row) > 0) for row in events]
        for row, (pitch, onset) in enumerate(sounds):
            step = list(zip(pitch.tolist(), onset.tolist(), strict=True))
            bars = [step[start : start + 16] for start in range(0, len(step), 16)]
            expected = [
                [np.mean([x == y for x, y in zip(one, other, strict=True)]) for other in bars]
                for one in bars
            ]
            assert bar_similarity(events)[row] == pytest.approx(np.array(expected))

    def test_by_lag(self):
        features = form_measures(piece(A, B, C, D, A, B, C, B))
        assert features["bars_repeated_lag_4"] == 0.75
        assert features["bars_repeated_lag_2"] == 1 / 6  # B C B
        assert features["bars_repeated_lag_1"] == 0
        assert features["bar_similarity_lag_4"] == 0.75 + bar_similarity(piece(D, B))[0, 0, 1] / 4
        assert "bars_repeated_lag_8" not in features
        assert form_measures(piece(*[A] * 9))["bars_repeated_lag_8"] == 1


class TestRepeats:
    def test_bars_all_alike(self):
        features = form_measures(piece(*[A] * 16))
        assert {value for name, value in features.items() if "repeat" in name} == {1}
        assert {value for name, value in features.items() if "similarity" in name} == {1}

    def test_two_parts_played_twice(self):
        features = form_measures(piece(A, B, A, B, C, D, C, D))
        assert features["repeated_phrases"] == 2 / 3  # the second of each, of three after the first
        assert features["repeated_bars"] == 4 / 7
        assert features["repeated_rhythms"] == 1

    def test_random_pieces_repeat_nothing(self):
        features = form_measures(np.concatenate([random_piece(8, seed) for seed in range(50)]))
        assert {value for name, value in features.items() if "repeat" in name} == {0}
        assert features["bar_similarity_lag_1"] == pytest.approx(0.04, abs=0.03)

    def test_a_transposed_phrase_is_repeated_in_another_key_alone(self):
        up = ONE_VOICE.transpose(piece(A, B), 5)[0]
        features = form_measures(np.concatenate([piece(A, B, up)]))
        assert features["repeated_phrases"] == 0
        assert features["repeated_phrases_any_key"] == 1
        assert features["repeated_bars"] == 0

    def test_a_phrase_may_repeat_one_that_began_between_two(self):
        features = form_measures(piece(A, B, C, D, B, C))
        assert features["repeated_phrases"] == 0.5

    def test_a_phrase_repeats_no_part_of_itself(self):
        assert form_measures(piece(A, B, B, B))["repeated_phrases"] == 0
        assert form_measures(piece(B, B, B, A))["repeated_phrases"] == 0

    def test_rhythm_is_that_of_the_onsets(self):
        slow = ONE_VOICE.events([Note(0, 8, 60), Note(8, 16, 62)], steps=16)
        features = form_measures(piece(slow, A, B, slow, SCALE))
        assert features["repeated_rhythms"] == 0.75
        assert features["repeated_bars"] == 0.25


class TestCadences:
    @pytest.mark.parametrize(
        ("pitch", "on_tonic", "in_triad"), [(60, 1, 1), (72, 1, 1), (67, 0, 1), (62, 0, 0)]
    )
    def test_degree_and_length_of_the_last_note(self, pitch, on_tonic, in_triad):
        last = ONE_VOICE.events([Note(0, 4, 59), Note(4, 10, pitch)], steps=16)
        features = form_measures(piece(SCALE, last))
        assert (features["last_on_tonic"], features["last_in_triad"]) == (on_tonic, in_triad)
        assert features["last_length"] == 6

    def test_the_degree_is_that_of_any_key(self):
        for semitones in range(-11, 12):
            events = ONE_VOICE.transpose(piece(SCALE, bar(67, 65, 64, 60)), semitones)
            assert keys(events) == semitones % 12
            assert form_measures(events)["last_on_tonic"] == 1

    @given(pieces.filter(lambda events: events.shape[1] == 32))
    def test_the_key_is_that_of_a_skeleton(self, events):
        reader = SkeletonReader(ONE_VOICE)
        found = reader.key(torch.from_numpy(ONE_VOICE.starts(events)))
        assert keys(events).tolist() == reader.tonic[found].tolist()

    def test_bars_that_end_on_longer_notes(self):
        end = ONE_VOICE.events([Note(0, 4, 60), Note(4, 10, 62)], steps=16)
        features = form_measures(piece(A, B, A, end, A, B, A, end))
        assert (features["fourth_bar_end"], features["other_bar_end"]) == (12, 2)
        rest = np.zeros(16, np.int64)
        rest[0] = NOTE_OFF
        assert form_measures(piece(A, rest, A, A))["other_bar_end"] == (2 + 16 + 2) / 3


class TestPhrases:
    END = ONE_VOICE.events(
        [Note(0, 2, 60), Note(2, 4, 62), Note(4, 8, 62), Note(8, 16, 64)], steps=16
    )

    def test_end_on_long_notes(self):
        events = piece(A, B, C, self.END, A, self.END, A, B)
        assert phrase_ends(events)[0].tolist() == [False] * 3 + [True, False, True, False, True]
        features = form_measures(events)
        assert features["phrase_bars"] == 8 / 3
        assert features["even_phrases"] == 1
        assert form_measures(piece(A, B, self.END, C))["even_phrases"] == 0

    def test_end_on_rests_and_on_several_long_notes(self):
        rest = self.END.copy()
        rest[10] = NOTE_OFF
        quarters = ONE_VOICE.events([Note(at, at + 4, 60) for at in (0, 4, 8, 12)], steps=16)
        for end in (rest, quarters):
            assert phrase_ends(piece(A, end, B, A))[0].tolist() == [False, True, False, True]

    def test_end_before_an_upbeat_but_not_within_a_bar(self):
        upbeat = ONE_VOICE.events(
            [*[Note(at, at + 2, 60) for at in (0, 2, 4, 6)], Note(8, 14, 62), Note(14, 16, 64)],
            steps=16,
        )
        early = ONE_VOICE.events(
            [Note(0, 2, 60), Note(2, 8, 62), *[Note(at, at + 2, 62) for at in (8, 10, 12, 14)]],
            steps=16,
        )
        assert phrase_ends(piece(A, upbeat, A, early, A))[0].tolist() == [
            False,
            True,
            False,
            False,
            True,
        ]

    def test_steady_notes_are_one_phrase(self):
        assert form_measures(piece(*[SCALE] * 6))["phrase_bars"] == 6
        assert form_measures(piece(*[SCALE] * 5))["even_phrases"] == 0


class TestSections:
    @pytest.mark.parametrize(
        ("bars", "labels"),
        [
            ([A, B, C, D] * 2 + [D, C, A, A] * 2, "A A B B"),
            ([A] * 16, "A A A A"),
            ([A, B, C, D, A, B, D, D, C, C, C, C, A, B, C, D], "A A' B A"),
            ([A, B, C, D, A, B, C, A, A, B, C, B, A, B, C, A], "A A' A'' A'"),
            ([A, B, A, C, D, C, A, B], "A A' B A"),  # two bars each in a piece of eight
            ([A, B], "A"),
            ([A, B, C], "A B C"),
            ([A, B] * 5, "A A A A A"),  # ten bars are not so many times four
            ([A, A, B, B, C], "A A B B C"),
            ([A], "A"),
        ],
    )
    def test_of_pieces_by_construction(self, bars, labels):
        assert " ".join(sections(piece(*bars)[0])) == labels

    def test_a_transposed_section_is_a_variant(self):
        low = piece(A, B, SCALE, D)
        high = ONE_VOICE.transpose(low, 7)
        assert sections(np.concatenate([low, high, high, low], 1)[0]) == ["A", "A'", "A'", "A"]

    def test_random_pieces_have_none_twice(self):
        assert sections(random_piece(16, 0)[0]) == list("ABCD")
        many = np.concatenate([random_piece(1, seed)[0] for seed in range(29)])
        assert sections(many)[24:] == ["Y", "Z", "AA", "BB", "CC"]

    @given(pieces)
    def test_first_is_a_and_letters_come_in_order(self, events):
        labels = sections(events[0])
        letters = list(dict.fromkeys(label.rstrip("'") for label in labels))
        assert letters == list("ABCDEFGHI")[: len(letters)]
        assert events.shape[1] % (16 * len(labels)) == 0

    @given(pieces, st.integers(-12, 12))
    def test_do_not_depend_on_the_key(self, events, semitones):
        assert sections(ONE_VOICE.transpose(events, semitones)[0]) == sections(events[0])


@given(pieces)
def test_features_are_declared_and_within_their_ranges(events):
    for name, values in form_features(events).items():
        measure = measure_of(f"tunes/{name}")
        assert measure in MEASURES
        assert np.isfinite(values).all() and values.shape == (len(events),)
        assert (measure.low <= values).all() and (values <= measure.high).all()


@given(pieces)
def test_features_are_of_each_piece_alone_and_of_what_is_heard(events):
    features = form_features(events)
    first = form_features(ONE_VOICE.canonical(events[:1]))
    assert {name: values[0] for name, values in features.items()} == {
        name: values[0] for name, values in first.items()
    }


@given(pieces, st.integers(-12, 12))
def test_all_but_the_degree_is_the_same_in_any_key(events, semitones):
    features, moved = map(form_features, (events, ONE_VOICE.transpose(events, semitones)))
    for name in features.keys() - {"last_on_tonic", "last_in_triad"}:
        assert features[name].tolist() == moved[name].tolist(), name


def test_silence_has_a_form_too():
    features = form_measures(np.zeros((2, 128), np.int64))
    assert features["last_length"] == features["last_on_tonic"] == features["last_in_triad"] == 0
    assert features["bars_repeated_lag_1"] == 1
    assert features["phrase_bars"] == 8


def test_two_voices_are_heard_together():
    low, high = [Note(0, 8, 60, 1), Note(8, 16, 62, 1)], [Note(0, 16, 65, 0)]
    other = [Note(0, 16, 64, 0)]
    both, changed = (TWO_VOICES.events([*low, *top], steps=16) for top in (high, other))
    events = np.concatenate([both, changed, both, changed])[None]
    assert bar_similarity(events, coding=TWO_VOICES)[0, 0].tolist() == [1, 0.5, 1, 0.5]
    features = form_measures(events, coding=TWO_VOICES)
    assert features["repeated_phrases"] == 1
    assert features["last_length"] == 8
    assert sections(np.concatenate([both, changed, both]), coding=TWO_VOICES) == ["A", "A'", "A"]


@pytest.mark.parametrize("measure", [bar_similarity, form_features, form_measures, phrase_ends])
@pytest.mark.parametrize("shape", [(2, 24), (2, 0), (0, 32)], ids=str)
def test_parts_of_bars_and_no_piece_are_refused(measure, shape):
    with pytest.raises(ValueError, match=r"one piece or more .* whole bars"):
        measure(np.zeros(shape, np.int64))


def test_sections_are_those_of_whole_bars():
    with pytest.raises(ValueError, match="whole bars"):
        sections(np.zeros(24, np.int64))


def test_thousands_of_pieces_take_few_calls():
    events = np.resize(random_piece(16, 0), (2000, 256))
    with few_calls(20_000):
        form_measures(events)
