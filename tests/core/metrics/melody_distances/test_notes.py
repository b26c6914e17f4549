import numpy as np

from synvae_core.metrics.melody_distances.notes import edit_distances


def test_rows_of_any_length_are_compared():
    # A row of n equal symbols is n substitutions, and m deletions, from one of n - m others.
    for length in (254, 255, 256, 300):
        ones, twos = np.ones((2, length), np.int16), np.full((2, length), 2, np.int16)
        lengths, shorter = np.array([length, length]), np.array([length, length - 200])
        found = edit_distances(ones, lengths, twos, shorter)
        assert found.tolist() == [length, length]
        assert edit_distances(ones, lengths, ones, shorter).tolist() == [0, 200]
