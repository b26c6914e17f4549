"""Pictures whose melody is known by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import round_trip
from synvae_core.music.scanning import PAPER, PENTATONIC, scan

SIZES = (28, 32, 64)
pictures = st.tuples(
    st.integers(1, 3), st.sampled_from([1, 3]), st.integers(1, 40), st.integers(1, 40)
).flatmap(lambda shape: hnp.arrays(np.uint8, shape))


def blank(size, channels=1):
    return np.zeros((1, channels, size, size), np.uint8)


def notes(image, **options):
    (melody,) = scan(image, **options)
    return ONE_VOICE.notes(melody)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_blank_picture_is_silent(size, channels):
    melodies = scan(blank(size, channels) + PAPER)
    assert melodies.shape == (1, 32)
    assert not ONE_VOICE.sounding(melodies).any()


@pytest.mark.parametrize("row", [0, 15, 31])
def test_a_dot_is_one_note_at_its_time_and_height(row):
    image = blank(32)
    image[..., row, 20] = 255
    scale = range(40, 72)  # one pitch for each row
    assert notes(image, scale=scale) == [Note(20, 21, 71 - row)]


@pytest.mark.parametrize("size", SIZES)
def test_a_diagonal_rises_and_a_level_line_is_held(size):
    rising = np.fliplr(np.eye(size, dtype=np.uint8))[None, None] * 200
    pitches = [note.pitch for note in notes(rising)]
    assert pitches == list(PENTATONIC)  # each once, from the lowest to the highest
    level = blank(size)
    level[..., size // 4, :] = 200
    (note,) = notes(level)
    assert (note.start, note.end) == (0, 32)
    assert note.pitch > PENTATONIC[len(PENTATONIC) // 2]


def test_the_brighter_of_two_dots_draws_the_pitch_towards_itself():
    image = blank(32)
    image[..., 0, 0], image[..., 31, 0] = 240, 80
    (note,) = notes(image, scale=range(21, 53))
    assert note.pitch == 21 + 23  # three quarters of 31.5 and one of 0.5 are 23.75


def test_brightness_of_colours_is_their_mean():
    grey = np.random.default_rng(0).integers(0, 256, (2, 1, 28, 28), np.uint8)
    assert np.array_equal(scan(grey), scan(grey.repeat(3, 1)))
    red = blank(28, 3)
    red[:, 0, 5, 5] = 3 * PAPER  # a mean of PAPER is no ink yet
    assert not notes(red)
    red[:, 1, 5, 5] = 1
    assert notes(red)


@given(pictures, st.integers(1, 40))
def test_a_mirrored_picture_sounds_backwards(images, steps):
    forwards, backwards = (
        ONE_VOICE.sounding(scan(each, steps=steps)) for each in (images, images[..., ::-1])
    )
    assert np.array_equal(backwards, forwards[:, ::-1])


@given(pictures)
def test_a_picture_upside_down_has_the_same_rests_and_every_picture_comes_back_from_midi(images):
    melodies = scan(images)
    assert np.array_equal(round_trip(melodies), melodies)
    turned = ONE_VOICE.sounding(scan(images[..., ::-1, :]))
    assert np.array_equal(turned == 0, ONE_VOICE.sounding(melodies) == 0)


@pytest.mark.parametrize("options", [{"steps": 0}, {"scale": ()}])
def test_a_melody_of_no_steps_or_pitches_is_refused(options):
    with pytest.raises(ValueError, match="a step and a pitch or more"):
        scan(blank(28), **options)


def test_a_pitch_that_no_piano_has_is_refused():
    with pytest.raises(ValueError, match=r"outside 21\.\.108"):
        scan(blank(28) + 255, scale=[109])
