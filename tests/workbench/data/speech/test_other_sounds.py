from itertools import combinations

import numpy as np
import pytest

from synvae_workbench.data.registry import load_corpus
from synvae_workbench.data.speech.log_mel import log_mel
from synvae_workbench.data.speech.other_sounds import (
    PARTS,
    other_sounds,
    synthetic_digits,
    voices_of,
)
from synvae_workbench.data.speech.other_words import OTHER_WORDS, RHYMES
from synvae_workbench.data.speech.stand_in import WORDS

KINDS = "other words, rhyming words, digits backwards, babble, music, noise, silence"
RECORDINGS = [np.linspace(-1, 1, 900 + i, dtype=np.float32) for i in range(3)]


def test_no_word_is_in_two_parts_nor_a_digit():
    lists = [set(words[part].split()) for part in PARTS for words in (OTHER_WORDS, RHYMES)]
    assert all(not one & other for one, other in combinations([*lists, set(WORDS)], 2))
    assert all(map(str.isalpha, set().union(*lists)))


def test_no_voice_is_in_two_parts():
    voices = [set(voices_of(part)) for part in PARTS]
    assert all(not one & other for one, other in combinations(voices, 2))
    assert min(map(len, voices)) >= 60


@pytest.fixture(scope="module")
def made():
    return other_sounds("test", load_corpus("abc"), RECORDINGS, count=4)


def test_each_kind_is_made_as_often_and_can_be_shown(made):
    assert list(made) == KINDS.split(", ")
    assert [len(sounds) for sounds in made.values()] == [4, 4, 3, 4, 4, 4, 4]
    for sounds in made.values():
        assert all(np.abs(sound).max() <= 1 and len(sound) >= 400 for sound in sounds)
        shown = log_mel(sounds)
        assert len({each.numpy().tobytes() for each in shown}) == len(sounds)


def test_silence_is_faint_and_backwards_is_backwards(made):
    assert max(np.abs(sound).max() for sound in made["silence"]) <= 0.0101
    lengths = {len(sound) for sound in made["digits backwards"]}
    assert lengths == {900, 901, 902}
    assert all((np.diff(sound) < 0).all() for sound in made["digits backwards"])


def test_the_same_part_gives_the_same_sounds(made):
    again = other_sounds("test", load_corpus("abc"), RECORDINGS, count=4)
    for kind, sounds in made.items():
        assert all(map(np.array_equal, sounds, again[kind]))


def test_digits_are_said_in_turn():
    waveforms, labels = synthetic_digits("validation", count=12)
    assert labels == [*range(10), 0, 1]
    assert len(waveforms) == 12


def test_another_part_is_refused():
    with pytest.raises(ValueError, match="train, validation, test; got 'all'"):
        voices_of("all")
