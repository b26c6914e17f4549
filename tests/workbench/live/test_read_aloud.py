import numpy as np
import pytest

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.data.pictures.example_photographs import example_photographs
from synvae_workbench.data.pictures.mnist_5k import read_mnist_5k
from synvae_workbench.live.read_aloud import describe_melody_change, describe_return, read_digit

PITCHES = [60, 62, 64, 65]


def melody(*pitches, start=0):
    notes = [Note(start + 4 * i, start + 4 * i + 3, pitch) for i, pitch in enumerate(pitches)]
    return ONE_VOICE.events(notes, steps=32)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (melody(*PITCHES), "The same notes, 4."),
        (melody(63, *PITCHES[1:]), "First note three semitones higher, 4 notes."),
        (melody(*PITCHES[:3], 64), "Last note one semitone lower, 4 notes."),
        (melody(*[pitch + 13 for pitch in PITCHES]), "All notes 13 semitones higher, 4 notes."),
        (melody(60, 60, 60, 65), "On average two semitones lower, 4 notes."),
        (melody(60, 64, 62, 65), "Other notes in between, 4 notes."),
        (melody(*PITCHES, start=1), "The same pitches in another rhythm, 4 notes."),
        (melody(*PITCHES, 65, 65), "On average one semitone higher, 6 notes, two more."),
        (melody(58), "First note two semitones lower, last note seven semitones lower, 1 note, "
         "three fewer."),
        (melody(), "0 notes, four fewer."),
    ],
)  # fmt: skip
def test_what_changed_in_the_notes_is_said(after, words):
    assert describe_melody_change(melody(*PITCHES), after) == words


def test_notes_out_of_silence_are_counted():
    assert describe_melody_change(melody(), melody(60)) == "1 note, one more."


def test_the_judge_reads_a_digit_aloud_and_compares_it():
    images, labels = read_mnist_5k()
    one, eight = (images[np.flatnonzero(labels == digit)[0]] for digit in (1, 8))
    same = describe_return(eight, "digit", eight)
    assert same.answer == 8
    assert same.words.startswith("From the notes: looks like an 8, ")
    assert same.words.endswith(" % sure; like the picture.")
    assert "; the picture: looks like an 8, " in describe_return(one, "digit", eight).words
    assert describe_return(one, "digit").words.count("looks like") == 1
    assert read_digit(np.zeros_like(one))[1].startswith("is hard to read: it looks like a")


def test_of_other_pictures_the_look_is_told_and_of_grey_ones_no_hue():
    photo = np.ascontiguousarray(example_photographs()[0][1].transpose(2, 0, 1))
    dark = photo // 8
    assert describe_return(dark, "photograph", dark).words.endswith("; like the picture.")
    words = describe_return(dark, "photograph", photo).words
    assert words.startswith("From the notes: dark and ")
    assert "; the picture: " in words
    assert describe_return(dark[:1], "fashion").words.startswith("From the notes: dark, ")
