"""Tables of chords: counted on made-up songs, and the shipped ones from the real ones."""

import numpy as np
import pytest
from no_checks import no_checks

from synvae_core.music.accompaniment import harmoniser_of
from synvae_core.music.coding import Note
from synvae_core.music.harmony import NO_CHORD, TRIAD_TONES
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.data.melodies.pop909_chords import ChordedPieces, load_chorded_pieces
from synvae_workbench.data.registry import CorpusOptions
from synvae_workbench.training.harmoniser import fit_harmoniser

PROGRESSION = [0, 0, 9 + 12, 9 + 12, 5, 5, 7, 7]  # I vi IV V, a bar each


def songs(keys):
    """Songs in major keys that break the same progression, each in its key."""
    events, triads = [], []
    for key in keys:
        notes, chords = [], []
        for span, degree in enumerate(PROGRESSION):
            chord = (degree + key) % 12 + 12 * (degree >= 12)
            tones = np.flatnonzero(TRIAD_TONES[chord])
            notes += [
                Note(8 * span + 2 * at, 8 * span + 2 * at + 2, 60 + int(tones[at % 3]))
                for at in range(4)
            ]
            chords += [chord, chord]
        events.append(ONE_VOICE.events(notes, steps=64))
        triads.append(chords)
    keys, triads = np.array(keys), np.array(triads)
    zeros = np.zeros(len(keys), np.int64)
    return ChordedPieces(
        np.array(events, np.uint8), triads, TRIAD_TONES[triads], keys, zeros, np.arange(len(keys))
    )


def test_what_was_counted_is_decoded_in_keys_that_were_not():
    harmoniser = fit_harmoniser(songs(range(8)))
    unheard = songs(range(8, 12))
    for events, triads, key in zip(unheard.events, unheard.triads, unheard.keys, strict=True):
        found = harmoniser.harmonise(events.astype(np.int64))
        assert found.chords.tolist() == triads[::2].tolist()
        assert found.tonic == key
    for table in harmoniser.tables:
        np.testing.assert_allclose(np.exp(table).sum(-1), 1, atol=1e-9)


def test_songs_without_one_key_are_refused():
    pieces = songs([0])
    with pytest.raises(ValueError, match="one key"):
        fit_harmoniser(pieces._replace(keys=np.array([NO_CHORD])))


@pytest.mark.data
@pytest.mark.slow
def test_the_shipped_tables_are_those_of_the_real_songs(data_folder):
    folder = data_folder / "midi" / "pop909" / "POP909"
    with no_checks():  # of each of thousands of windows
        fitted = fit_harmoniser(load_chorded_pieces(CorpusOptions(folder=folder, bars=8)))
    for table, shipped in zip(fitted.tables, harmoniser_of("pop").tables, strict=True):
        np.testing.assert_allclose(table, shipped, atol=1e-5)
