import base64
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pretty_midi
import pytest
from scipy.signal import resample_poly

from synvae_core.music import render as rendering
from synvae_core.music.midi import NoteSequence, events_to_note_sequence
from synvae_core.music.render import (
    AUDIO_RATE,
    RELEASE_SECONDS,
    SAMPLE_RATE,
    decode_audio,
    encode_audio,
    render,
    sine_synthesiser,
    soundfont_synthesiser,
)
from synvae_core.music.sound import Sound

A4 = 69 - 21 + 2
PROGRAMS = (0, 8, 10, 39, 73, 88)  # a program's gain is measured once, and is what costs time
SYNTHESISERS = {"soundfont": soundfont_synthesiser, "sine": sine_synthesiser}


def melody_of(*tokens, steps=32):
    events = np.zeros(steps, np.int64)
    events[: len(tokens)] = tokens
    return events


@pytest.fixture(params=SYNTHESISERS)
def synthesiser(request):
    return SYNTHESISERS[request.param]()


@pytest.fixture(scope="module")
def two_bars():
    rng = np.random.default_rng(0)
    events = np.where(rng.random(32) < 0.5, 0, rng.integers(30, 70, 32))
    return render(events_to_note_sequence(events))


def test_a4_sounds_at_440_hz(synthesiser):
    waveform = render(events_to_note_sequence(melody_of(A4)), synthesiser=synthesiser)
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    peak = np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE)[spectrum.argmax()]
    assert peak == pytest.approx(440, abs=1.5)


@pytest.mark.parametrize("qpm", [60.0, 97.3, 120.0])
@pytest.mark.parametrize("sample_rate", [22_050, SAMPLE_RATE])
def test_a_clip_lasts_its_steps_and_the_release(synthesiser, qpm, sample_rate):
    sequence = events_to_note_sequence(melody_of(A4, 0, 1), qpm=qpm)
    waveform = render(sequence, synthesiser=synthesiser, sample_rate=sample_rate)
    assert waveform.shape == (round((32 * 15 / qpm + RELEASE_SECONDS) * sample_rate),)
    assert waveform.dtype == np.float32


def test_notes_begin_at_their_sample(synthesiser):
    waveform = render(events_to_note_sequence(melody_of(0, 0, 0, A4)), synthesiser=synthesiser)
    onset = round(3 * 0.125 * SAMPLE_RATE)
    assert not waveform[:onset].any()
    assert np.abs(waveform[onset : onset + SAMPLE_RATE // 50]).max() > 0.01


def test_the_same_notes_are_equally_loud_in_any_clip(synthesiser):
    quiet = melody_of(A4, 0, 0, 0)
    crowded = melody_of(A4, 0, 0, 0, *range(40, 68))
    longer = melody_of(A4, 0, 0, 0, 60, steps=64)
    clips = [
        render(events_to_note_sequence(events), synthesiser=synthesiser)
        for events in (quiet, crowded, longer)
    ]
    shared = int(4 * 0.125 * SAMPLE_RATE)
    assert np.array_equal(clips[0][:shared], clips[1][:shared])
    assert np.array_equal(clips[0][:shared], clips[2][:shared])
    assert np.abs(clips[1]).max() > np.abs(clips[0]).max()


def test_velocity_and_program_are_heard():
    peaks = [
        np.abs(render(events_to_note_sequence(melody_of(A4), velocity=velocity))).max()
        for velocity in (40, 80, 127)
    ]
    assert peaks[0] < 0.6 * peaks[1] < 0.6 * 0.7 * peaks[2]
    piano, flute = (
        render(events_to_note_sequence(melody_of(A4), program=program)) for program in (0, 73)
    )
    assert not np.allclose(piano, flute, atol=0.01)


def test_silence_renders_to_silence(synthesiser):
    waveform = render(events_to_note_sequence(melody_of(0, 1)), synthesiser=synthesiser)
    assert waveform.size > 4 * SAMPLE_RATE
    assert not waveform.any()


def test_rendering_is_deterministic_also_in_threads(synthesiser):
    sequences = [
        events_to_note_sequence(melody_of(A4 + shift, 0, 40, 1), program=program)
        for shift, program in enumerate(PROGRAMS[:4])
    ]
    alone = [render(sequence, synthesiser=synthesiser) for sequence in sequences]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda s: render(s, synthesiser=synthesiser), sequences * 2))
    assert all(map(np.array_equal, alone * 2, together))


@pytest.mark.parametrize("program", PROGRAMS)
def test_loud_melodies_never_clip(program):
    rng = np.random.default_rng(program)
    melodies = [rng.integers(2, 90, 32), np.full(32, A4), np.full(32, 10)]
    for velocity, bound in ((127, 1.0), (80, rendering.LIMITER_KNEE)):
        for events in melodies:
            sequence = events_to_note_sequence(
                events, velocity=velocity, program=program, qpm=180.0
            )
            assert np.abs(render(sequence)).max() <= bound


def test_the_loudness_of_a_piano_melody_is_comfortable(two_bars):
    assert 0.1 < np.abs(two_bars).max() < 0.6


def test_a_cluster_of_loud_notes_is_limited_and_percussion_sounds():
    sequence = NoteSequence(total_time=1.0)
    for pitch in range(21, 109):
        sequence.notes.add(start_time=0, end_time=1, pitch=pitch, velocity=127)
    assert 0.95 < np.abs(render(sequence)).max() <= 1
    drums = NoteSequence(total_time=1.0)
    drums.notes.add(start_time=0, end_time=0.5, pitch=38, velocity=100, is_drum=True)
    assert np.abs(render(drums)).max() > 0.05


def test_the_end_fades_to_zero_without_a_click(synthesiser):
    events = np.full(32, 0)
    events[31] = A4
    waveform = render(events_to_note_sequence(events, velocity=127), synthesiser=synthesiser)
    assert waveform[-1] == 0
    assert np.abs(np.diff(waveform[-100:])).max() < 1e-3


@pytest.mark.parametrize(
    ("start", "end", "total"),
    [(0, 1e12, 0), (0, float("nan"), 1), (2, 1, 3), (-1, 1, 1), (0, 1, float("inf"))],
)
def test_sequences_without_sensible_times_are_refused(start, end, total):
    sequence = NoteSequence(total_time=total)
    sequence.notes.add(start_time=start, end_time=end, pitch=60, velocity=80)
    with pytest.raises(ValueError, match="the NoteSequence lasts"):
        render(sequence)


def test_a_synthesiser_of_the_wrong_length_and_absurd_rates_are_refused():
    sequence = events_to_note_sequence(melody_of(A4))
    with pytest.raises(ValueError, match=r"made shape \(3,\)"):
        render(sequence, synthesiser=lambda *_: np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="sample_rate"):
        render(sequence, sample_rate=0)


def test_mp3_decodes_to_the_same_sound(two_bars):
    decoded, sample_rate = decode_audio(encode_audio(two_bars))
    assert sample_rate == AUDIO_RATE
    again = resample_poly(decoded, SAMPLE_RATE // 8_000, AUDIO_RATE // 8_000)
    assert abs(len(again) - len(two_bars)) <= 2
    length = min(len(again), len(two_bars))
    noise = again[:length] - two_bars[:length]
    assert 10 * np.log10((two_bars**2).sum() / (noise**2).sum()) > 22


def test_sixteen_bars_of_any_sound_cost_at_most_200_kb_as_base64():
    rng = np.random.default_rng(0)
    samples = round(33.75 * SAMPLE_RATE)
    clicks = np.zeros(samples)
    clicks[::3_000] = 0.9
    mallets = Sound(program=13).perform(rng.integers(40, 70, 256))
    for waveform in (mallets, rng.uniform(-1, 1, samples), clicks):
        assert len(base64.b64encode(encode_audio(waveform.astype(np.float32)))) <= 200_000


def test_mp3_keeps_the_loudness_of_a_quiet_clip(two_bars):
    loud, quiet = (decode_audio(encode_audio(gain * two_bars))[0] for gain in (1.0, 0.1))
    assert quiet.std() == pytest.approx(0.1 * loud.std(), rel=0.03)


@pytest.mark.parametrize("sample_rate", [8_000, 22_050, 44_100])
def test_other_sample_rates_keep_duration_and_pitch(sample_rate):
    time = np.arange(2 * sample_rate) / sample_rate
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    decoded, rate = decode_audio(encode_audio(tone, sample_rate))
    assert len(decoded) / rate == pytest.approx(2, abs=0.001)
    spectrum = np.abs(np.fft.rfft(decoded))
    assert np.fft.rfftfreq(len(decoded), 1 / rate)[spectrum.argmax()] == pytest.approx(440, abs=1)


@pytest.mark.parametrize("waveform", [[], [1.5, 0.0], [float("nan")] * 9, [float("inf")] * 9])
def test_waveforms_that_cannot_be_played_truly_are_refused(waveform):
    with pytest.raises(ValueError, match=r"expected some samples within -1\.\.1"):
        encode_audio(np.array(waveform, np.float32))


def test_without_sound_font_players_a_sine_sounds_with_one_clear_message(monkeypatch):
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    sequence = events_to_note_sequence(melody_of(A4))
    with pytest.warns(UserWarning, match="pip install --no-deps tinysoundfont") as caught:
        waveform = render(sequence)
    assert len(caught) == 1
    assert np.array_equal(waveform, render(sequence, synthesiser=sine_synthesiser()))


def test_with_tinysoundfont_there_is_no_warning_and_it_is_chosen():
    sequence = events_to_note_sequence(melody_of(A4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        waveform = render(sequence)
    assert np.array_equal(waveform, render(sequence, synthesiser=soundfont_synthesiser()))


def test_fluidsynth_comes_second_at_fixed_loudness(monkeypatch):
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    monkeypatch.setitem(sys.modules, "fluidsynth", sys)  # stands for an installed pyfluidsynth

    def fluidsynth(self, fs, normalize):
        assert not normalize
        samples = int(fs * (self.get_end_time() + 5))
        return np.full(samples, 0.01 / len(self.instruments))

    monkeypatch.setattr(pretty_midi.PrettyMIDI, "fluidsynth", fluidsynth)
    sequence = events_to_note_sequence(melody_of(A4))
    one = render(sequence)
    assert len(one) == round((4 + RELEASE_SECONDS) * SAMPLE_RATE)
    assert one[0] == pytest.approx(0.01 * rendering.FLUIDSYNTH_GAIN)
    sequence.notes.add(start_time=0, end_time=1, pitch=40, velocity=80, instrument=1)
    assert np.array_equal(render(sequence), one)
