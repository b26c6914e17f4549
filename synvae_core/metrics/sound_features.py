"""Acoustic features of rendered melodies: mel spectrum, timbre, onset strength and pitch classes.

Nothing here knows of notes: a melody is rendered, and all that follows sees the waveform alone. Mel
bands after Stevens, Volkmann & Newman 1937, "A Scale for the Measurement of the Psychological
Magnitude Pitch".
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Integer

from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import events_to_note_sequence
from synvae_core.music.performance import performances_of
from synvae_core.music.render import Synthesiser, clip_samples, default_synthesiser, render

RATE = 16_000  # Hz
FRAME, HOP = 1_024, 500  # samples; 32 frames a second
FRAMES_PER_WINDOW = 4  # an eighth of a second, a sixteenth note at 120 quarters per minute
LONG_FRAME = 4_096  # resolves semitones from about 70 Hz on
BANDS = 40
SILENCE = 1e-6  # power below which nothing is heard
CHUNK = 100  # melodies rendered at once; bounds the memory

# Features by name; `spectrum` are those that the machine listener has by default.
EARS = {
    "spectrum": "loudness of 40 mel bands in each eighth of a second",
    "timbre": "mean and standard deviation of these bands over the clip, and so no order in time",
    "rhythm": "how much louder the bands become in each eighth of a second",
    "harmony": "share of the 12 pitch classes in each half second",
}


def sound_features(
    events: Integer[np.ndarray, "n t"],
    *,
    qpm: float = 120.0,
    program: int = 0,
    looks: Integer[np.ndarray, "n 4"] | None = None,
    synthesiser: Synthesiser | None = None,
    coding: Coding = ONE_VOICE,
) -> dict[str, Float32[np.ndarray, "n _"]]:
    """Features of melodies by the names of `EARS`, each melody rendered by itself.

    Args:
        events: event ids of melodies that were read from MIDI files.
        qpm, program: as they are played.
        looks: instead, each as `music.performance` wants its look played; silence fills up what
            is shorter than the slowest.
        synthesiser: by default the best one here.

    Raises:
        ValueError: if there is no melody, or an event id is unknown.
    """
    if not len(events):
        raise ValueError("there is no melody to hear: got 0")
    play = synthesiser or default_synthesiser()
    performances: list[dict[str, Any]] = [{"qpm": qpm, "program": program}] * len(events)
    if looks is not None:
        performances = [each._asdict() for each in performances_of(looks)]
    sequences = [
        events_to_note_sequence(melody, coding=coding, **how)
        for melody, how in zip(events, performances, strict=True)
    ]
    longest = max(clip_samples(each, RATE) for each in sequences)
    parts = []
    for start in range(0, len(events), CHUNK):
        waveforms = np.zeros((len(sequences[start : start + CHUNK]), longest), np.float32)
        for waveform, sequence in zip(waveforms, sequences[start:], strict=False):
            sound = render(sequence, synthesiser=play, sample_rate=RATE)
            waveform[: len(sound)] = sound
        parts.append(waveform_features(waveforms))
    return {ear: np.concatenate([part[ear] for part in parts]) for ear in EARS}


def waveform_features(
    waveforms: Float32[np.ndarray, "n samples"],
) -> dict[str, Float32[np.ndarray, "n _"]]:
    """Features of equally long waveforms at 16 kHz by the names of `EARS`; loudness in decibels.

    Raises:
        ValueError: if they are shorter than a quarter of a second or not finite.
    """
    if waveforms.shape[1] < LONG_FRAME:
        raise ValueError(
            f"a sound has {LONG_FRAME} samples at {RATE} Hz or more, got {waveforms.shape[1]}"
        )
    if not np.isfinite(waveforms).all():
        raise ValueError("sounds are finite numbers: got NaN or infinity")
    sound = torch.from_numpy(waveforms)
    bands = torch.from_numpy(mel_filters(FRAME)) @ _power(sound, FRAME, HOP)
    loudness = 10 * bands.clamp(min=SILENCE).log10()
    rise = torch.diff(loudness, prepend=loudness[..., :1]).clamp(min=0).sum(1, keepdim=True)
    classes = torch.from_numpy(_pitch_class_filters()) @ _power(sound, LONG_FRAME, RATE // 2)
    features = {
        "spectrum": _windows(loudness),
        "timbre": torch.cat([loudness.mean(-1), loudness.std(-1)], 1),
        "rhythm": _windows(rise),
        "harmony": classes / (classes.sum(1, keepdim=True) + SILENCE),
    }
    return {ear: heard.flatten(1).numpy() for ear, heard in features.items()}


def mel_filters(frame: int, *, bands: int = BANDS) -> Float32[np.ndarray, "bands bins"]:
    """Mel filter bank: triangles of height 1, evenly spaced in mels up to 8 kHz."""
    mels = np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), bands + 2)
    corners = 700 * (10 ** (mels / 2595) - 1)
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    frequency = np.fft.rfftfreq(frame, 1 / RATE)
    rising, falling = (frequency - low) / (centre - low), (high - frequency) / (high - centre)
    return np.minimum(rising, falling).clip(0).astype(np.float32)


def _pitch_class_filters() -> Float32[np.ndarray, "12 bins"]:
    """Masks of the frequencies from 55 Hz to 5 kHz nearest to each pitch class, from A on."""
    frequency = np.fft.rfftfreq(LONG_FRAME, 1 / RATE)
    heard = (frequency >= 55) & (frequency <= 5_000)
    semitone = np.round(12 * np.log2(np.maximum(frequency, 1) / 440)) % 12
    return (heard & (semitone == np.arange(12)[:, None])).astype(np.float32)


def _power(waveforms: torch.Tensor, frame: int, hop: int) -> torch.Tensor:
    window = torch.hann_window(frame)
    return torch.stft(waveforms, frame, hop, window=window, return_complex=True).abs().square()


def _windows(frames: torch.Tensor) -> torch.Tensor:
    """Means over successive frames (n, bands, windows), what is left at the end dropped."""
    return torch.nn.functional.avg_pool1d(frames, FRAMES_PER_WINDOW)
