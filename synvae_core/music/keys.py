"""Major keys: their notes, and the profile by which the key of a melody is found.

The key is that whose scale holds most of the onsets, weighed by a profile of its tonic triad, as in
the key finding of Krumhansl 1990, "Cognitive Foundations of Musical Pitch". Weights are integers,
so that any device finds the same key.
"""

import numpy as np

MAJOR_TRIAD = (0, 4, 7)  # semitones above the tonic
# Weight of a note by its semitones above the tonic: 0 outside of the scale, most in the triad.
KEY_PROFILE = np.array([50, 0, 40, 0, 43, 40, 0, 46, 0, 40, 0, 40])
C_MAJOR = 5  # place of the key without sharps and flats
TONICS = 7 * (np.arange(12) - C_MAJOR) % 12  # along the circle of fifths, from Db to F#
DEGREES = (np.arange(12)[:, None] - TONICS) % 12  # of pitch classes (rows) in these keys, semitones
