"""Files for other programs: read by those programs' own readers, or by their documented formats."""

import io

import music21
import numpy as np
import pretty_midi
import pytest
import torch
from melody_models import melody_model
from peers import safetensors_arrays

from synvae_core.models.storage import save_model
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import midi_bytes

RNG = np.random.default_rng(0)
MELODIES = [
    ONE_VOICE.canonical(np.where(RNG.random(32) < 0.5, 0, RNG.integers(0, 90, 32)))
    for _ in range(5)
]


@pytest.mark.parametrize("qpm", [60.0, 97.3])
def test_pretty_midi_and_music21_read_the_notes_of_our_midi_files(qpm):
    for events in MELODIES:
        data = midi_bytes(events, qpm=qpm, program=40)
        expected = [(note.start, note.end, note.pitch) for note in ONE_VOICE.notes(events)]
        midi = pretty_midi.PrettyMIDI(io.BytesIO(data))
        (instrument,) = midi.instruments
        steps_per_second = qpm * 4 / 60
        assert instrument.program == 40
        assert [
            (*(round(x * steps_per_second, 3) for x in (note.start, note.end)), note.pitch)
            for note in instrument.notes
        ] == expected
        score = music21.converter.parse(data, format="midi")
        assert [
            (note.offset * 4, note.offset * 4 + note.quarterLength * 4, note.pitch.midi)
            for note in score.flatten().stripTies().notes
        ] == expected
        assert score.flatten().getElementsByClass("TimeSignature")[0].ratioString == "4/4"
        mark = score.flatten().getElementsByClass("MetronomeMark")[0]
        assert mark.number == pytest.approx(qpm, abs=0.01)


def test_weights_are_safetensors_to_the_letter(tmp_path):
    model = melody_model("mixer")
    save_model(model, tmp_path)
    found, expected = safetensors_arrays(tmp_path / "model.safetensors"), model.state_dict()
    assert found.keys() == expected.keys()
    for name, array in found.items():
        assert torch.equal(torch.from_numpy(array.copy()), expected[name])
