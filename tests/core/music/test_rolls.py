"""Blurred piano rolls, against SciPy's filter."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.rolls import BLUR, PITCHES, blur, blurred, roll_codes, rolls_of, sharp_rolls


@pytest.mark.parametrize("shape", [(3, 2, 32, PITCHES), (2, 2, 3, 5), (1, 2, 128, PITCHES)])
@pytest.mark.parametrize("axis", [2, 3])
def test_a_blur_is_that_of_scipy(shape, axis):
    rolls = np.random.default_rng(0).random(shape).astype(np.float32)
    expected = gaussian_filter1d(rolls, BLUR, axis=axis, mode="constant")
    found = blur(rolls, axis=axis)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-7)
    assert np.array_equal(rolls, np.random.default_rng(0).random(shape).astype(np.float32))


def test_what_is_coded_is_what_sounds():
    events = ONE_VOICE.canonical(np.random.default_rng(0).integers(0, 50, (5, 32)))
    rolls = sharp_rolls(roll_codes(events))
    for roll, melody in zip(rolls, events, strict=True):
        notes = ONE_VOICE.notes(melody)
        assert roll[1].sum() == len(notes)
        assert roll[0].sum() == sum(note.end - note.start for note in notes)
    assert np.array_equal(rolls_of(roll_codes(events)), blurred(rolls).reshape(5, -1))
