"""Skeletons of melodies written by hand, and what their tokens say of the notes."""

import pytest
import torch

from synvae_core.models.melody.skeleton import (
    C_MAJOR,
    DENSITY,
    HEIGHTS,
    KEY,
    LATER,
    MOST_LATER,
    MOST_RISING,
    NAMES,
    REGISTER,
    RHYTHM,
    RISING,
    SIZES,
    SkeletonReader,
)
from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE

READER = SkeletonReader(ONE_VOICE)
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


def test_every_token_has_a_name_of_its_own():
    assert len(set(NAMES)) == len(NAMES) == len(SIZES)
