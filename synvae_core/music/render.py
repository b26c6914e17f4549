"""Synthesis of NoteSequences, and compression of waveforms to audio that every browser plays.

Loudness is fixed, never normalised per clip: a note of one velocity sounds equally loud in every
clip. The gain belongs to the program, so that programs are comparable. Melodies stay below the
limiter, with every program at velocity 80 and with most at 127; it is for louder mixtures.
"""

import hashlib
import importlib
import io
import json
import math
import warnings
from collections.abc import Callable
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float, Float32
from scipy.signal import resample_poly

from synvae_core.music.coding import MAX_PITCH, MIN_PITCH
from synvae_core.music.midi import NoteSequence

# (sequence, sample rate in Hz) -> mono waveform (n,) of `clip_samples` samples
Synthesiser = Callable[[NoteSequence, int], Float32[np.ndarray, " n"]]

SAMPLE_RATE = 32_000
RELEASE_SECONDS = 0.75  # after the last step, the last third of it fading out
MAX_SECONDS = 1_800
GAINS = Path(__file__).with_name("program_gains.json")
NOTE_PEAK = 0.42  # a program's loudest note at velocity 127; overlapping releases double it
FLUIDSYNTH_GAIN = 6.0  # FluidSynth itself leaves room for a full orchestra
LIMITER_KNEE = 0.95
BITRATE_KBPS = 40  # 23 dB SNR on the piano, 32 KB as base64 for two bars at 120 qpm
MP3_BITRATES_KBPS = (32, 320)  # at 32 kHz; soundfile maps compression 1..0 onto this range


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
    return _limit(waveform)


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


def soundfont_synthesiser() -> Synthesiser:
    """General MIDI instruments by tinysoundfont, from the sound font that pretty_midi brings.

    Sample-accurate, deterministic and safe in threads; pitch bends and controllers are ignored.

    Raises:
        ImportError: without tinysoundfont.
    """
    importlib.import_module("tinysoundfont")  # here rather than at the first sound

    def synthesise(sequence: NoteSequence, sample_rate: int) -> np.ndarray:
        waveform = np.zeros(clip_samples(sequence, sample_rate), np.float32)
        for program, is_drum in sorted({(note.program, note.is_drum) for note in sequence.notes}):
            events = []  # ends sort before the starts at the same sample
            for note in sequence.notes:
                if (note.program, note.is_drum) == (program, is_drum):
                    events.append((round(note.start_time * sample_rate), note.velocity, note.pitch))
                    events.append((round(note.end_time * sample_rate), 0, note.pitch))
            voice = _play(sorted(events), program, is_drum, sample_rate, len(waveform))
            waveform += _program_gain(program, is_drum) * voice
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
    """A mono waveform (n,) in -1..1 as MP3 at 32 kHz and `BITRATE_KBPS`, about 5 KB a second.

    Raises:
        ValueError: if it is empty, leaves -1..1 (nothing here rescales) or is not finite.
    """
    if waveform.size == 0 or not np.abs(waveform).max() <= 1:  # NaN fails too
        peak = np.abs(waveform).max(initial=0)
        raise ValueError(
            f"the waveform has {waveform.size} samples and peak {peak:g}; expected some samples "
            "within -1..1; scale it by one factor for all clips that are to be compared"
        )
    if sample_rate != SAMPLE_RATE:
        divisor = math.gcd(SAMPLE_RATE, sample_rate)
        waveform = resample_poly(waveform, SAMPLE_RATE // divisor, sample_rate // divisor)
        waveform = waveform.clip(-1, 1)
    low, high = MP3_BITRATES_KBPS
    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        waveform.astype(np.float32),
        SAMPLE_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=(high - BITRATE_KBPS) / (high - low),
    )
    return buffer.getvalue()


def decode_audio(audio: bytes) -> tuple[Float32[np.ndarray, " n"], int]:
    """The waveform (n,) and the sample rate in Hz of compressed mono audio."""
    waveform, sample_rate = soundfile.read(io.BytesIO(audio), dtype="float32")
    return waveform, sample_rate


@lru_cache(maxsize=1)
def _sound_font() -> bytes:
    return (resources.files("pretty_midi") / "TimGM6mb.sf2").read_bytes()


def _play(
    events: list[tuple[int, int, int]], program: int, is_drum: bool, sample_rate: int, samples: int
) -> np.ndarray:
    """Mono waveform (samples,) of sorted (sample, velocity or 0 to end, pitch)."""
    import tinysoundfont

    # A synthesiser of its own for each clip: one that has played before renders a new phase.
    synth = tinysoundfont.Synth(samplerate=sample_rate)
    channel = 9 if is_drum else 0
    font = synth.sfload(_sound_font())
    synth.program_select(channel, font, 0, program, is_drum)
    blocks, now = [np.zeros((0, 2), np.float32)], 0
    for at, velocity, pitch in [*events, (samples, 0, 0)]:
        if at > now:
            block = np.frombuffer(synth.generate(at - now), np.float32)
            blocks.append(block.reshape(-1, 2))
            now = at
        if velocity:
            synth.noteon(channel, pitch, velocity)
        else:
            synth.noteoff(channel, pitch)
    return np.concatenate(blocks).mean(1)


def _program_gain(program: int, is_drum: bool) -> float:
    """The factor that makes a program's loudest note at velocity 127 peak at `NOTE_PEAK`."""
    known = {} if is_drum else _known_gains()
    return known.get(str(program)) or _measured_gain(program, is_drum)


@lru_cache(maxsize=1)
def _known_gains() -> dict[str, float]:
    """Recorded `_measured_gain`s, which would delay a first sound; empty for another font."""
    known = json.loads(GAINS.read_text())
    return known["gains"] if hashlib.sha256(_sound_font()).hexdigest() == known["font"] else {}


@lru_cache(maxsize=256)
def _measured_gain(program: int, is_drum: bool) -> float:
    second = SAMPLE_RATE
    pitches = range(MIN_PITCH, MAX_PITCH + 1, 3)
    events = [(2 * i * second, 127, pitch) for i, pitch in enumerate(pitches)]
    events += [((2 * i + 1) * second, 0, pitch) for i, pitch in enumerate(pitches)]
    samples = 2 * len(pitches) * second
    peak = np.abs(_play(sorted(events), program, is_drum, SAMPLE_RATE, samples)).max()
    return NOTE_PEAK / max(float(peak), 0.05)  # some sound effects are nearly silent


def _limit(waveform: np.ndarray) -> np.ndarray:
    """Memoryless limiter: unchanged below the knee, compressed smoothly to below 1 above it."""
    room = 1 - LIMITER_KNEE
    excess = np.maximum(np.abs(waveform) - LIMITER_KNEE, 0)
    pressed = LIMITER_KNEE + room * np.tanh(excess / room)
    return np.where(excess > 0, np.sign(waveform) * pressed, waveform).astype(np.float32)
