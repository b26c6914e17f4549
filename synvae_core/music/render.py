"""Synthesis of NoteSequences, and compression of waveforms to audio that every browser plays.

Loudness is fixed here, never normalised per clip: a note of one velocity sounds equally loud in
every clip. The gain belongs to the program, so that programs are comparable. Melodies stay below
the limiter, with every program at velocity 80 and with most at 127; it is for louder mixtures. What
is measured and what listening tests play is this; players even out pieces, by `Sound.perform`.
"""

import importlib
import io
import math
import os
import warnings
from collections.abc import Callable

import numpy as np
import soundfile
import soxr
from jaxtyping import Float, Float32

from synvae_core.music.midi import NoteSequence
from synvae_core.music.soundfonts import NOTE_PEAK, Strike, open_soundfont, play

# (sequence, sample rate in Hz) -> mono waveform (n,) of `clip_samples` samples
Synthesiser = Callable[[NoteSequence, int], Float32[np.ndarray, " n"]]

SAMPLE_RATE = 32_000
RELEASE_SECONDS = 0.75  # after the last step, the last third of it fading out
MAX_SECONDS = 1_800
FLUIDSYNTH_GAIN = 6.0  # FluidSynth itself leaves room for a full orchestra
LIMITER_KNEE = 0.95
AUDIO_RATE = 24_000  # Hz, of compressed sound
MP3_KBPS = (8, 160)  # at this rate; soundfile maps compression 1..0 onto it
# Modes and bitrates of compressed sound, tried in turn until it is small enough. A variable bitrate
# has 28.6 dB SNR on a piano, in three quarters of the bytes of a constant one with 23.7 dB.
MP3_MODES = (("VARIABLE", 23), ("AVERAGE", 28), ("AVERAGE", 24))
MOST_BYTES_PER_SECOND = 4_400  # 16 bars at 120 qpm, 33.75 s, then cost 198 KB as base64 at most


def render(
    sequence: NoteSequence,
    *,
    synthesiser: Synthesiser | None = None,
    sample_rate: int = SAMPLE_RATE,
) -> Float32[np.ndarray, " n"]:
    """Mono waveform (n,) of a sequence, in -1..1, with a tail of `RELEASE_SECONDS`.

    Args:
        synthesiser: by default the best one here, see `default_synthesiser`.
        sample_rate: in Hz, 8000..192000.

    Raises:
        ValueError: if the sequence is longer than `MAX_SECONDS` or a note has no valid time.
    """
    if not 8_000 <= sample_rate <= 192_000:
        raise ValueError(f"sample_rate is 8000..192000 Hz, got {sample_rate}")
    samples = clip_samples(sequence, sample_rate)
    waveform = (synthesiser or default_synthesiser())(sequence, sample_rate)
    if waveform.shape != (samples,):
        raise ValueError(f"the synthesiser made shape {waveform.shape}, expected ({samples},)")
    fade = int(RELEASE_SECONDS / 3 * sample_rate)
    waveform = waveform.astype(np.float32)
    waveform[samples - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return limit(waveform)


def clip_samples(sequence: NoteSequence, sample_rate: int) -> int:
    """Number of samples of a rendered sequence: its duration and the release tail."""
    seconds = max([sequence.total_time, *(note.end_time for note in sequence.notes)])
    starts_before_end = all(0 <= note.start_time < note.end_time for note in sequence.notes)
    if not (starts_before_end and 0 <= seconds <= MAX_SECONDS):
        raise ValueError(
            f"the NoteSequence lasts {seconds:g} s; expected notes that start before they end, "
            f"within 0..{MAX_SECONDS} s; cut it before rendering"
        )
    return round((seconds + RELEASE_SECONDS) * sample_rate)


def default_synthesiser() -> Synthesiser:
    """Best synthesiser available: tinysoundfont, FluidSynth, or a sine with a warning."""
    for make in (soundfont_synthesiser, fluidsynth_synthesiser):
        try:
            return make()
        except ImportError:
            continue
    warnings.warn(
        "Melodies sound as plain sines: neither tinysoundfont nor FluidSynth is installed here. "
        "`pip install --no-deps tinysoundfont` gives real instruments without a system library.",
        stacklevel=2,
    )
    return sine_synthesiser()


def soundfont_synthesiser(font: str | os.PathLike = "") -> Synthesiser:
    """General MIDI instruments by tinysoundfont, from a sound font.

    Sample-accurate, deterministic and safe in threads; pitch bends and controllers are ignored.

    Args:
        font: its name or path, see `soundfonts.open_soundfont`; empty: the one of pretty_midi.

    Raises:
        ImportError: without tinysoundfont.
        ValueError: if there is no such font.
    """
    importlib.import_module("tinysoundfont")  # here rather than at the first sound
    opened = open_soundfont(font)

    def synthesise(sequence: NoteSequence, sample_rate: int) -> np.ndarray:
        waveform = np.zeros(clip_samples(sequence, sample_rate), np.float32)
        for instrument in sorted({(note.program, note.is_drum) for note in sequence.notes}):
            strikes = []  # ends sort before the starts at the same sample
            for note in sequence.notes:
                if (note.program, note.is_drum) == instrument:
                    start, end = (round(t * sample_rate) for t in (note.start_time, note.end_time))
                    strikes += [
                        Strike(start, note.velocity, note.pitch),
                        Strike(end, 0, note.pitch),
                    ]
            waveform += play(opened, sorted(strikes), instrument, sample_rate, len(waveform))
        return waveform

    return synthesise


def fluidsynth_synthesiser() -> Synthesiser:
    """General MIDI instruments by FluidSynth, where pyfluidsynth and its library are installed.

    Raises:
        ImportError: without them.
    """
    importlib.import_module("fluidsynth")
    from note_seq import note_sequence_to_pretty_midi  # `midi` has put pretty_midi's guard back

    def synthesise(sequence: NoteSequence, sample_rate: int) -> np.ndarray:
        waveform = np.zeros(clip_samples(sequence, sample_rate), np.float32)
        midi = note_sequence_to_pretty_midi(sequence)
        # pretty_midi divides by the number of instruments; undone, for equal loudness in any clip.
        played = midi.fluidsynth(fs=sample_rate, normalize=False) * len(midi.instruments)
        length = min(len(played), len(waveform))
        waveform[:length] = FLUIDSYNTH_GAIN * played[:length]
        return waveform

    return synthesise


def sine_synthesiser() -> Synthesiser:
    """A sine for each note, with 5 ms of attack and 50 ms of release; needs no sound font."""

    def synthesise(sequence: NoteSequence, sample_rate: int) -> np.ndarray:
        waveform = np.zeros(clip_samples(sequence, sample_rate), np.float64)
        for note in sequence.notes:
            start, end = (round(t * sample_rate) for t in (note.start_time, note.end_time))
            seconds = np.arange(end - start + round(0.05 * sample_rate)) / sample_rate
            attack = seconds / 0.005
            release = (seconds[-1] - seconds) / 0.05
            envelope = NOTE_PEAK * note.velocity / 127 * np.minimum(attack, release).clip(0, 1)
            frequency = 440 * 2 ** ((note.pitch - 69) / 12)
            sine = envelope * np.sin(2 * math.pi * frequency * seconds)
            waveform[start : start + len(sine)] += sine
        return waveform.astype(np.float32)

    return synthesise


def encode_audio(waveform: Float[np.ndarray, " n"], sample_rate: int = SAMPLE_RATE) -> bytes:
    """A mono waveform (n,) in -1..1 as MP3 at 24 kHz, at most some 4.4 KB a second.

    Raises:
        ValueError: if it is empty, leaves -1..1 (nothing here rescales) or is not finite.
    """
    if waveform.size == 0 or not np.abs(waveform).max() <= 1:  # NaN fails too
        peak = np.abs(waveform).max(initial=0)
        raise ValueError(
            f"the waveform has {waveform.size} samples and peak {peak:g}; expected some samples "
            "within -1..1; scale it by one factor for all clips that are to be compared"
        )
    seconds = len(waveform) / sample_rate
    if sample_rate != AUDIO_RATE:
        waveform = soxr.resample(waveform, sample_rate, AUDIO_RATE).clip(-1, 1)
    for mode, kbps in MP3_MODES:
        audio = _mp3(waveform, mode, kbps)
        if len(audio) <= MOST_BYTES_PER_SECOND * seconds:
            break
    return audio


def _mp3(waveform: np.ndarray, mode: str, kbps: float) -> bytes:
    low, high = MP3_KBPS
    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        waveform.astype(np.float32),
        AUDIO_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode=mode,
        compression_level=(high - kbps) / (high - low),
    )
    return buffer.getvalue()


def decode_audio(audio: bytes) -> tuple[Float32[np.ndarray, " n"], int]:
    """The waveform (n,) and the sample rate in Hz of compressed mono audio."""
    waveform, sample_rate = soundfile.read(io.BytesIO(audio), dtype="float32")
    return waveform, sample_rate


def limit(waveform: Float[np.ndarray, " n"]) -> Float32[np.ndarray, " n"]:
    """Memoryless limiter: unchanged below the knee, compressed smoothly to below 1 above it."""
    room = 1 - LIMITER_KNEE
    excess = np.maximum(np.abs(waveform) - LIMITER_KNEE, 0)
    pressed = LIMITER_KNEE + room * np.tanh(excess / room)
    return np.where(excess > 0, np.sign(waveform) * pressed, waveform).astype(np.float32)
