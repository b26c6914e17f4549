"""What holds for every coding, and what a second one, of two voices, gets from all the rest."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from two_voices import TWO_VOICES

from synvae_core.metrics.class_melodies import class_features, class_spread
from synvae_core.metrics.diversity import melody_spread
from synvae_core.metrics.interpolation import mixed_paths, path_smoothness
from synvae_core.metrics.melody import (
    FEATURE_NAMES,
    count_distinct,
    exact_windows,
    melody_features,
    melody_summary,
    note_f1,
    note_length_histogram,
)
from synvae_core.metrics.note_recall import by_bar, by_length, by_rhythm, recall, recall_by
from synvae_core.metrics.two_sample import two_sample_auc
from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.melody.couplings import straight_through
from synvae_core.models.melody.hierarchical import HierarchicalMelodyConfig
from synvae_core.models.melody.language import LanguageMelodyConfig
from synvae_core.models.melody.lstm import LstmMelodyConfig
from synvae_core.models.melody.mixer import MixerMelodyConfig
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import save_model
from synvae_core.music.attributes import ATTRIBUTES
from synvae_core.music.coding import CODINGS, Coding, Note, coding_named
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import (
    events_to_note_sequence,
    note_sequence_to_events,
    round_trip,
    write_midi,
)
from synvae_core.music.reading import read_melodies
from synvae_core.music.score import MidiError

BOTH = pytest.mark.parametrize("coding", [ONE_VOICE, TWO_VOICES], ids=lambda coding: coding.name)
LOW = Note(0, 8, 60, 1)
PIECE = [Note(0, 4, 64), LOW, Note(4, 6, 65), Note(8, 16, 62), Note(10, 12, 61, 1)]


def random_events(coding: Coding, *shape: int, seed: int = 0) -> np.ndarray:
    """Ids of any kind, those that make no sense included; half of them 0, so that notes last."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < 0.5, 0, rng.integers(0, coding.size, shape))


@BOTH
@given(st.integers(0, 2**31))
def test_notes_and_back_is_the_canonical_form(coding, seed):
    events = random_events(coding, 24, seed=seed)
    steps = len(events) // coding.voices
    canonical = coding.canonical(events)
    assert np.array_equal(coding.events(coding.notes(events), steps=steps), canonical)
    assert coding.notes(canonical) == coding.notes(events)
    assert np.array_equal(coding.canonical(canonical), canonical)


@BOTH
@given(st.integers(0, 2**31))
def test_what_starts_sounds_and_lasts_is_what_the_notes_say(coding, seed):
    events = coding.canonical(random_events(coding, 24, seed=seed))
    starts, sounding, lengths = np.zeros((3, coding.voices, 24 // coding.voices), int)
    for start, end, pitch, voice in coding.notes(events):
        starts[voice, start], lengths[voice, start] = pitch, end - start
        sounding[voice, start:end] = pitch
    assert np.array_equal(coding.by_voice(coding.starts(events)), starts)
    assert np.array_equal(coding.by_voice(coding.sounding(events)), sounding)
    assert np.array_equal(coding.by_voice(coding.lengths(events)), lengths)


@BOTH
def test_tensors_are_told_what_arrays_are(coding):
    events = random_events(coding, 5, 24)
    tensor = torch.from_numpy(events)
    state = coding.before(events)
    for found, expected in [
        (coding.starts(tensor), coding.starts(events)),
        (coding.before(tensor), state),
        (coding.canonical(tensor), coding.canonical(events)),
        (coding.after(torch.from_numpy(state), tensor), coding.after(state, events)),
        (coding.sounding(tensor), coding.sounding(events)),
        (coding.transpose(tensor * 0, 50), events * 0),
    ]:
        assert isinstance(found, torch.Tensor)
        assert np.array_equal(found.numpy(), expected)


def test_the_states_before_each_event_need_no_loop():
    events = random_events(ONE_VOICE, 200, 32)
    assert np.array_equal(ONE_VOICE.before(events), Coding.before(ONE_VOICE, events))


@BOTH
def test_what_is_written_makes_sense_and_what_makes_none_is_never_written(coding):
    events = random_events(coding, 300, 24)
    canonical = coding.canonical(events)
    assert coding.allowed[coding.before(canonical), canonical].all()
    assert ((canonical == events) == coding.allowed[coding.before(events), events]).all()


@BOTH
def test_each_melody_moves_by_its_own_semitones(coding):
    melodies = [coding.events([Note(0, 2, 61), Note(2, 6, 62)], steps=8)] * 3
    moved = coding.transpose(np.stack(melodies), np.array([[-1], [0], [3]]))
    pitches = [[note.pitch for note in coding.notes(melody)] for melody in moved]
    assert pitches == [[60, 61], [61, 62], [64, 65]]
    with pytest.raises(ValueError, match="a pitch leaves"):
        coding.transpose(melodies[0], -61 + coding.lowest - 1)


@BOTH
def test_many_melodies_are_written_as_each_alone(coding):
    alone = [coding.notes(row) for row in random_events(coding, 20, 16)]
    rows = [
        (index, *note)
        for index, notes in enumerate(alone)
        for note in sorted(notes, key=lambda note: (note.voice, note))
    ]
    steps = 16 // coding.voices
    together = coding.write(np.array(rows), melodies=20, steps=steps)
    assert together.tolist() == [coding.events(notes, steps=steps).tolist() for notes in alone]


def test_a_second_voice_is_refused_where_there_is_one():
    with pytest.raises(ValueError, match="second voice"):
        ONE_VOICE.events([Note(0, 2, 60), Note(4, 6, 60, 1)], steps=8)


def test_an_unknown_coding_is_refused_with_the_known_ones():
    assert coding_named("one_voice") is ONE_VOICE
    with pytest.raises(ValueError, match="'trio' is unknown; choose one of one_voice"):
        coding_named("trio")


class TestTwoVoices:
    """All that takes a coding takes another one."""

    events = TWO_VOICES.canonical(random_events(TWO_VOICES, 60, 32))
    piece = TWO_VOICES.events(PIECE, steps=16)

    @pytest.fixture
    def named(self, monkeypatch):
        monkeypatch.setitem(CODINGS, "two_voices", "two_voices.TWO_VOICES")

    def test_they_come_back_from_midi_files(self, tmp_path):
        assert np.array_equal(round_trip(self.events, coding=TWO_VOICES), self.events)
        write_midi(self.piece, tmp_path / "piece.mid", coding=TWO_VOICES)
        heard = read_melodies(tmp_path / "piece.mid", steps=16, coding=TWO_VOICES)
        assert TWO_VOICES.notes(heard[0]) == sorted(PIECE)
        upper = read_melodies(tmp_path / "piece.mid", steps=16, top_line=True)[0]
        assert ONE_VOICE.notes(upper) == [note for note in PIECE if not note.voice]
        with pytest.raises(MidiError, match="has 2 tracks with notes, expected one melody"):
            read_melodies(tmp_path / "piece.mid", steps=16)

    def test_they_come_back_from_a_note_sequence(self):
        sequence = events_to_note_sequence(self.piece, coding=TWO_VOICES)
        assert sequence.total_time == 2.0
        heard = note_sequence_to_events(sequence, coding=TWO_VOICES)
        assert np.array_equal(heard, self.piece)
        sequence.notes.add(pitch=60, start_time=0, end_time=1, velocity=80, instrument=2)
        with pytest.raises(MidiError, match="expected 2 voices, in channels 1 to 2"):
            note_sequence_to_events(sequence, coding=TWO_VOICES)

    def test_features_are_those_of_the_notes_of_both(self):
        features = melody_features(self.piece[None], coding=TWO_VOICES)[0]
        found = dict(zip(FEATURE_NAMES, features.tolist(), strict=True))
        assert found["onsets"] == 5
        assert found["note_offs"] == 3  # two in the lower voice
        assert found["interval_mean"] == pytest.approx((1 + 3 + 1) / 3)  # each within its voice
        assert found["beat_share"] == 4 / 5
        assert found["length_mean"] == (4 + 8 + 2 + 8 + 2) / 5
        summary = melody_summary(self.piece[None], coding=TWO_VOICES)
        assert summary["onsets_per_bar"] == 5
        lengths = note_length_histogram(self.piece[None], coding=TWO_VOICES)
        assert lengths.tolist() == [0, 0.4, 0, 0.2, 0, 0, 0, 0.4] + 8 * [0]
        for attribute in ATTRIBUTES.values():
            assert np.isfinite(attribute(self.events, coding=TWO_VOICES)).all()
        assert ATTRIBUTES["mean_interval"](self.piece[None], coding=TWO_VOICES) == 5 / 3

    def test_what_is_found_again_is_counted_in_both(self):
        lost = TWO_VOICES.events([note for note in PIECE if note != LOW], steps=16)
        pair = self.piece[None], lost[None]
        share = recall(*pair, coding=TWO_VOICES)
        assert tuple(share) == (4, 5)
        groups = recall_by(*pair, by_length, coding=TWO_VOICES)
        assert groups["5–8"] == (1, 2)
        for grouping in (by_bar, by_rhythm):
            shares = recall_by(*pair, grouping, coding=TWO_VOICES).values()
            assert sum(share.cases for share in shares) == 5
        assert note_f1(*pair, coding=TWO_VOICES) == 8 / 9
        assert not exact_windows(*pair, coding=TWO_VOICES)

    def test_sets_of_them_are_compared(self):
        options = {"coding": TWO_VOICES}
        classes = np.arange(60) % 3
        assert count_distinct(self.events, **options) == 60
        assert melody_spread(self.events, classes, **options)["distinct_share"] == 1
        assert class_features(self.events, classes, **options).counts.tolist() == [20, 20, 20]
        assert 0 < class_spread(self.events, classes, **options).unlike.min() < 1
        paths = mixed_paths(
            self.events[:9], self.events[9:18], n=3, rng=np.random.default_rng(0), **options
        )
        assert path_smoothness(paths, **options).to_last[:, -1].tolist() == [0] * 9
        for hears in ("features", "events"):
            half = self.events[:30], self.events[30:]
            assert 0.1 < two_sample_auc(*half, hears=hears, **options) < 0.9

    @pytest.mark.parametrize(
        "config",
        [
            MixerMelodyConfig(steps=16, latent_dim=8, channels=16, hidden_channels=16),
            LstmMelodyConfig(steps=16, latent_dim=8, encoder_units=(12,), decoder_units=(12,)),
            HierarchicalMelodyConfig(16, 8, (12,), (10,), (12,), steps_per_bar=8),
            LanguageMelodyConfig(steps=16, channels=16, blocks=1, heads=2, hidden_channels=16),
        ],
        ids=lambda config: type(config).__name__,
    )
    def test_a_model_plays_and_hears_them(self, config, named, tmp_path):
        torch.manual_seed(0)
        config = type(config)(**{**vars(config), "coding": "two_voices"})
        model = MelodyVae(config).eval()
        z = torch.randn(4, config.latent_dim)
        played = model.decode(z)
        assert played.shape == (4, 32)
        assert torch.equal(TWO_VOICES.canonical(played), played)
        heard = model.decoder(z, straight_through).notes
        assert heard.shape == (4, 32, 13)
        assert torch.equal(TWO_VOICES.canonical(heard.argmax(-1)), heard.argmax(-1))
        (logits, _), posterior = model(torch.from_numpy(self.events[:4]))
        assert logits.shape == (4, 32, 13)
        assert posterior.mu.shape == z.shape
        save_model(model, tmp_path)
        again = load_melody_model(tmp_path)
        assert torch.equal(again.decode(z), played)
        write_midi(played[0].numpy(), tmp_path / "played.mid", coding=again.coding)
        same = again.encode(played[:1], sample=False)
        read = again.encode(tmp_path / "played.mid", sample=False, allow_silence=True)
        assert torch.equal(same, read)

    def test_a_language_gives_them_back_exactly(self, named):
        torch.manual_seed(0)
        sizes = {"channels": 16, "blocks": 1, "heads": 2, "hidden_channels": 16}
        model = MelodyVae(LanguageMelodyConfig(steps=16, coding="two_voices", **sizes)).eval()
        assert np.array_equal(model.reconstruct(self.events, sample=False).numpy(), self.events)
