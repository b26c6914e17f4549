"""Recall by group: every note in one group, perfect, worst, and known mistakes."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jaxtyping import TypeCheckError

from synvae_core.metrics.melody import step_accuracy
from synvae_core.metrics.note_recall import (
    Share,
    by_bar,
    by_length,
    by_onset,
    by_rhythm,
    recall,
    recall_by,
    teacher_forced_accuracy,
)
from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE

GROUPINGS = (by_length, by_onset, by_bar, by_rhythm)
EVENTS = st.one_of(st.just(0), st.integers(0, 89))
melodies = hnp.arrays(np.int64, st.tuples(st.integers(1, 4), st.just(32)), elements=EVENTS)
every_grouping = pytest.mark.parametrize("grouping", GROUPINGS, ids=lambda each: each.__name__)

TUNE = [Note(0, 1, 60), Note(1, 3, 62), Note(6, 10, 64), Note(16, 21, 65), Note(23, 32, 67)]
TARGET = ONE_VOICE.events(TUNE, steps=32)[None]


def test_notes_stand_in_the_group_of_their_length_place_and_bar():
    counts = [
        {name: share.cases for name, share in recall_by(TARGET, TARGET, by).items() if share.cases}
        for by in GROUPINGS
    ]
    assert counts == [
        {"1": 1, "2": 1, "3–4": 1, "5–8": 1, "longer": 1},
        {"1": 2, "1e": 1, "2&": 1, "2a": 1},
        {"1": 3, "2": 2},
        {"more": 5},  # 2& and 2a are syncopated: two notes of five
    ]


def test_a_note_is_found_by_its_onset_and_its_pitch():
    rebuilt = ONE_VOICE.events(
        [Note(0, 1, 61), Note(2, 3, 62), Note(6, 7, 64), Note(16, 21, 65), Note(21, 22, 70)],
        steps=32,
    )[None]
    assert recall(TARGET, rebuilt) == Share(2, 5)
    assert {name: share.right for name, share in recall_by(TARGET, rebuilt, by_length).items()} == {
        "1": 0,  # another pitch
        "2": 0,  # a step late
        "3–4": 1,  # its end does not count
        "5–8": 1,
        "longer": 0,  # lost
    }


@every_grouping
@given(melodies, st.integers(0, 2**32 - 1))
def test_groups_share_out_all_notes(grouping, target, seed):
    changed = np.random.default_rng(seed).random(target.shape) < 0.3
    rebuilt = np.where(changed, 0, target)
    groups = recall_by(target, rebuilt, grouping)
    whole = recall(target, rebuilt)
    assert sum(share.right for share in groups.values()) == whole.right
    assert sum(share.cases for share in groups.values()) == whole.cases == (target > 1).sum()
    assert all(share.right == share.cases for share in recall_by(target, target, grouping).values())
    silence = np.zeros_like(target)
    assert not any(share.right for share in recall_by(target, silence, grouping).values())


@given(melodies)
def test_lengths_are_those_of_the_notes(events):
    lengths = [note.end - note.start for melody in events for note in ONE_VOICE.notes(melody)]
    names = np.array(["1", "2", "3–4", "5–8", "longer"])
    expected = Counter(names[np.searchsorted([1, 2, 4, 8], lengths)].tolist())
    groups = recall_by(events, events, by_length)
    assert {name: share.cases for name, share in groups.items() if share.cases} == expected


def test_rhythm_goes_by_melody():
    beats, offbeats = (
        ONE_VOICE.events([Note(s, s + 1, 60) for s in starts], steps=16)
        for starts in ((0, 4, 8, 12), (2, 6))
    )
    groups = recall_by(np.stack([beats, offbeats]), np.zeros((2, 16), np.int64), by_rhythm)
    assert groups["none"] == Share(0, 4)
    assert groups["more"] == Share(0, 2)


def test_few_notes_say_little():
    # Wilson's interval of 8 in 10, as tabled by Brown, Cai & DasGupta 2001
    assert Share(8, 10).interval() == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert Share(0, 0).interval() == (0, 1)
    assert np.isnan(Share(0, 0).value)
    low, high = Share(3, 3).interval()
    assert low < 0.5 < high == 1


@given(st.integers(0, 50), st.integers(0, 50))
def test_an_interval_holds_its_share(right, wrong):
    share = Share(right, right + wrong)
    low, high = share.interval()
    assert 0 <= low <= high <= 1
    if share.cases:
        assert low <= share.value + 1e-12
        assert share.value <= high + 1e-12


def logits_of(events: np.ndarray) -> np.ndarray:
    return np.eye(90)[events]


@given(melodies)
def test_the_truth_is_forced_perfectly(events):
    told = teacher_forced_accuracy(logits_of(events), ONE_VOICE.canonical(events))
    assert told.steps == Share(events.size, events.size)
    assert told.notes.right == told.notes.cases == (events > 1).sum()


@given(melodies, st.integers(0, 2**32 - 1))
def test_forcing_without_note_offs_is_step_accuracy(events, seed):
    events = np.where(events == 1, 0, events)
    guess = np.where(np.random.default_rng(seed).random(events.shape) < 0.3, 0, events)
    told = teacher_forced_accuracy(logits_of(guess), events)
    assert told.steps.value == pytest.approx(step_accuracy(events, guess).mean())
    assert told.notes == recall(events, guess)


def test_a_note_off_counts_where_a_note_sounds_in_the_truth():
    events = np.array([[0, 40, 0, 1, 0]])
    told = teacher_forced_accuracy(logits_of(np.array([[1, 40, 1, 1, 1]])), events)
    assert told.steps == Share(4, 5)  # only the one at step 2 would be heard


def test_melodies_that_do_not_match_are_refused():
    with pytest.raises((ValueError, TypeCheckError)):
        recall(TARGET, TARGET[:, :16])
    with pytest.raises(ValueError, match=r"0\.\.89"):
        recall(TARGET + 60, TARGET)
