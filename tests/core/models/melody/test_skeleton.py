"""Skeletons of melodies written by hand, and what their tokens say of the notes."""

import pytest
import torch

from synvae_core.models.melody.skeleton import SkeletonReader, repeats
from synvae_core.models.melody.skeleton_layout import (
    DENSITY,
    KEY,
    LATER,
    MOST_LATER,
    MOST_RISING,
    REGISTER,
    RISING,
    SkeletonLayout,
)
from synvae_core.music.coding import Note
from synvae_core.music.keys import C_MAJOR
from synvae_core.music.melody import ONE_VOICE

READER = SkeletonReader(ONE_VOICE)
RHYTHM, HEIGHTS, SIZES = READER.layout.rhythm, READER.layout.heights, READER.layout.sizes
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def tokens_of(*notes, length=2):
    """Tokens of notes, given by start and pitch."""
    sounding = [Note(start, start + length, pitch) for start, pitch in notes]
    return READER(torch.from_numpy(ONE_VOICE.events(sounding, steps=32))[None])[0]


def scale(*, start=0, up=0):
    return tokens_of(*((start + 2 * i, pitch + up) for i, pitch in enumerate(SCALE)))


def test_a_rising_scale():
    found = scale()
    middle = 7 * 5 + 0 - 12  # five octaves above pitch 0, from the lowest height
    assert found[KEY] == C_MAJOR
    assert found[HEIGHTS].tolist() == [middle + i for i in range(8)] + [middle + 7] * 8
    assert found[RISING] - MOST_RISING == round((7 - 3.5) / 2)
    assert found[DENSITY] == 4
    assert found[LATER] - MOST_LATER == -8
    assert READER.onset_flags(found[None])[0, :16:2].tolist() == [1] * 8


def test_a_scale_of_another_key_differs_in_key_and_register_alone():
    found, higher = scale(), scale(up=7)
    assert higher[KEY] - found[KEY] == 1  # G major, one sharp more
    assert (higher[HEIGHTS] - found[HEIGHTS]).unique().tolist() == [4]
    assert higher[REGISTER] - found[REGISTER] == 2
    others = [DENSITY, RISING, LATER, *range(29)[RHYTHM]]
    assert torch.equal(higher[others], found[others])


def test_a_melody_moved_by_a_beat_has_its_rhythm_moved_by_one_token():
    found, moved = scale(), scale(start=4)
    assert torch.equal(moved[RHYTHM][1:], found[RHYTHM][:-1])
    assert torch.equal(moved[HEIGHTS][2:], found[HEIGHTS][:-2])
    assert moved[LATER] == found[LATER] + 4  # two of eight onsets cross the bar line
    assert moved[DENSITY] == found[DENSITY]


def test_silence_has_no_onsets_and_one_height():
    found = tokens_of()
    assert found[DENSITY] == 0 and found[LATER] == MOST_LATER and found[RISING] == MOST_RISING
    assert (found[RHYTHM] == 0).all() and len(found[HEIGHTS].unique()) == 1


def test_one_note_is_heard_from_the_start():
    found = tokens_of((13, 62))
    assert found[KEY] == C_MAJOR + 2  # D major
    assert len(found[HEIGHTS].unique()) == 1
    assert READER.onset_flags(found[None]).nonzero().tolist() == [[0, 13]]


@pytest.mark.parametrize("pitch", [21, 22, 107, 108])
@pytest.mark.parametrize("other", range(60, 72))
def test_the_ends_of_the_keyboard_have_a_token(pitch, other):
    found = tokens_of((0, pitch), (4, other), (8, pitch + 1 - 2 * (pitch > 60)))
    assert (found >= 0).all() and (found < torch.tensor(SIZES)).all()
    event = int((ONE_VOICE.starts(torch.arange(ONE_VOICE.size)) == pitch).nonzero())
    assert READER.notes_at[found[KEY], found[HEIGHTS.start], event]


def test_every_note_has_one_height_in_every_key_and_a_height_few_notes():
    starts = ONE_VOICE.starts(torch.arange(ONE_VOICE.size)) > 0
    assert torch.equal(READER.notes_at.sum(1), starts.long().expand(12, -1))
    assert READER.notes_at[:, 3:-3].sum(-1).unique().tolist() == [1, 2]  # itself, or raised


def test_tokens_of_rhythm_rise_with_the_onsets_and_then_with_how_early_they_are():
    assert READER.onsets.sum(1).diff().ge(0).all()
    assert READER.onsets[1:5].argmax(1).tolist() == [0, 1, 2, 3]
    assert len(READER.onsets.unique(dim=0)) == 16


def bars_of(*pitches):
    """A piece of bars, each of eight eighths from a pitch upwards."""
    notes = [
        Note(16 * bar + 2 * eighth, 16 * bar + 2 * eighth + 2, pitch + eighth)
        for bar, pitch in enumerate(pitches)
        for eighth in range(8)
    ]
    return torch.from_numpy(ONE_VOICE.events(notes, steps=16 * len(pitches)))[None]


def test_the_form_says_which_bar_is_repeated_first():
    piece = bars_of(60, 62, 60, 64, 60, 62, 62, 65)
    found = SkeletonReader(ONE_VOICE, bars=8)(piece)
    form = SkeletonLayout(8).form
    assert found[0, form].tolist() == [0, 1, 0, 1, 2, 2, 0]
    assert repeats(piece.unflatten(1, (8, 16)))[0].tolist() == [0, 1, 0, 1, 2, 2, 0]


def test_a_note_that_is_held_makes_another_bar_than_one_that_is_struck():
    held = torch.from_numpy(ONE_VOICE.events([Note(0, 32, 60), Note(32, 64, 60)], steps=64))
    assert repeats(held.view(1, 4, 16))[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("bars", [2, 4, 8, 16])
def test_a_layout_has_every_token_once_and_the_coarse_ones_first(bars):
    layout = SkeletonLayout(bars)
    parts = [list(range(len(layout.kinds))[part]) for part in layout.parts]
    assert [place for part in parts for place in part] == list(range(len(layout.kinds)))
    assert len(layout.kinds) == (bars - 1 if bars > 2 else 0) + 1 + 4 * (bars // 2) + 12 * bars
    bar_of = layout.bar_of()
    assert (bar_of[layout.rhythm].bincount() == 4).all()
    assert (bar_of[layout.heights].bincount() == 8).all()
    for column, lag in enumerate((1, 2, 4, 8)):
        before = layout.before_by()[:, column]
        later = (before >= 0) & (bar_of >= 0)
        assert (bar_of[later] - bar_of[before[later]] == lag).all()
        assert later.sum() == 12 * max(bars - lag, 0)


def test_what_two_bars_are_like_is_told_of_each_two():
    piece = bars_of(60, 60, 72, 72)
    found, layout = SkeletonReader(ONE_VOICE, bars=4)(piece)[0], SkeletonLayout(4)
    first, second = found[layout.places(REGISTER)].tolist()
    assert second - first == round(7 / 2)  # an octave is seven scale steps
    assert found[layout.places(DENSITY)].tolist() == [8, 8]


@pytest.mark.parametrize("bars", [1, 3, 32])
def test_other_lengths_are_refused(bars):
    with pytest.raises(ValueError, match="2, 4, 8, 16"):
        SkeletonLayout(bars)
