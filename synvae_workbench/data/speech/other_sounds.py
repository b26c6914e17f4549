"""Sounds that are no digit, such as other words and music, and digits of synthetic voices.

All are made on the spot: words by eSpeak NG in its many voices, music from the packaged tunes by
the packaged sound font, noise and silence at random; and recordings of digits are played backwards,
which are voices of people. Training, validation and test share no word, voice, tune or recording.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from synvae_core.music.midi import events_to_note_sequence
from synvae_core.music.render import render
from synvae_workbench.data.melodies.corpus import Corpus
from synvae_workbench.data.speech.espeak import Utterance
from synvae_workbench.data.speech.other_words import OTHER_WORDS, RHYMES
from synvae_workbench.data.speech.recordings import SPEECH_RATE
from synvae_workbench.data.speech.stand_in import WORDS, load_spoken
from synvae_workbench.data.speech.voices import PITCHES, RANGES, RATES, voice_names

PARTS = ("train", "validation", "test")
PROGRAMS = (0, 11, 19, 24, 40, 56, 61, 65, 73, 80)  # from piano and vibraphone to a synthesiser
SPEAKERS = 60  # voices of validation, and of test; the others are for training
TIMES = 3  # as many words in training as there are sounds of other kinds: they are most various
NINE = 9  # sounds much the same backwards
TALKERS, TALK_WORDS = 5, 6  # of a babble, and words of each

Waveform = Float32[np.ndarray, " _"]


class Sounds(NamedTuple):
    """Digits by who says them, with the labels of each, and other sounds by what they are."""

    digits: dict[str, list[Waveform]]
    labels: dict[str, list[int]]
    others: dict[str, list[Waveform]]


def other_sounds(
    part: str, tunes: Corpus, recordings: Sequence[Waveform], *, count: int
) -> dict[str, list[Waveform]]:
    """Sounds that are no digit by what they are, at 8 kHz, within -1..1.

    Args:
        part: "train", "validation" or "test".
        tunes: those of this part are played.
        recordings: of digits of this part but nine, that are played backwards: `count` at most.
        count: of each kind; in training three times as many words.

    Raises:
        ValueError: if the part is unknown, or eSpeak NG does not work.
    """
    rng = np.random.default_rng(_place(part))
    words, rhymes = OTHER_WORDS[part].split(), RHYMES[part].split()
    voices = voices_of(part)
    places = rng.permutation(len(recordings))[:count]
    spoken = count * (TIMES if part == "train" else 1)
    return {
        "other words": _said([words[i % len(words)] for i in range(spoken)], voices, rng),
        "rhyming words": _said([rhymes[i % len(rhymes)] for i in range(count)], voices, rng),
        "digits backwards": [recordings[i][::-1].copy() for i in places],
        "babble": _babble(words, voices, rng, count),
        "music": _music(getattr(tunes, part), rng, count),
        "noise": [_noise(rng) for _ in range(count)],
        "silence": [_silence(rng) for _ in range(count)],
    }


def synthetic_digits(part: str, *, count: int) -> tuple[list[Waveform], list[int]]:
    """So many digits said by the voices of a part, at 8 kHz, and which they are.

    Raises:
        ValueError: as `other_sounds`.
    """
    rng = np.random.default_rng(_place(part))
    labels = [i % len(WORDS) for i in range(count)]
    return _said([WORDS[digit] for digit in labels], voices_of(part), rng), labels


def voices_of(part: str) -> list[str]:
    """English voices of eSpeak NG that say words of a part, and may say its digits.

    Those of validation and test are the last of all, which `MoreSpeech` takes last to train with.

    Raises:
        ValueError: if the part is unknown.
    """
    english = [name for name in reversed(voice_names()) if name.startswith("en")]
    held_out = english[: 2 * SPEAKERS]
    return [english[2 * SPEAKERS :], held_out[::2], held_out[1::2]][_place(part)]


def _place(part: str) -> int:
    if part not in PARTS:
        raise ValueError(f"part is one of {', '.join(PARTS)}; got {part!r}")
    return PARTS.index(part)


def _said(texts: Sequence[str], voices: Sequence[str], rng: np.random.Generator) -> list[Waveform]:
    plan = [
        Utterance(
            text,
            str(rng.choice(voices)),
            *(int(rng.integers(*each)) for each in (RATES, PITCHES, RANGES)),
        )
        for text in texts
    ]
    order = sorted(range(len(plan)), key=lambda i: plan[i].voice)  # a voice's files are read once
    samples, lengths = load_spoken([plan[i] for i in order])
    spoken = np.split(samples, np.cumsum(lengths)[:-1])
    return [spoken[i] for i in np.argsort(order)]


def _babble(
    words: Sequence[str], voices: Sequence[str], rng: np.random.Generator, count: int
) -> list[Waveform]:
    texts = [" ".join(rng.choice(words, TALK_WORDS)) for _ in range(TALKERS * 8)]
    talks = _said(texts, voices, rng)
    mixed = []
    for _ in range(count):
        length = _length(rng)
        chosen = [
            np.resize(talks[i], length + SPEECH_RATE) for i in rng.choice(len(talks), TALKERS)
        ]
        starts = rng.integers(0, SPEECH_RATE, TALKERS)
        parts = [
            talk[start : start + length] / np.abs(talk).max()
            for talk, start in zip(chosen, starts, strict=True)
        ]
        mixed.append(_to_peak(np.sum(parts, 0), rng))
    return mixed


def _music(tunes: np.ndarray, rng: np.random.Generator, count: int) -> list[Waveform]:
    played = []
    for i in rng.choice(len(tunes), count):
        how = {"qpm": rng.uniform(70, 180), "program": int(rng.choice(PROGRAMS))}
        whole = render(events_to_note_sequence(tunes[i], **how), sample_rate=SPEECH_RATE)
        length = _length(rng)
        start = rng.integers(max(1, len(whole) - length))
        played.append(_to_peak(whole[start : start + length], rng))
    return played


def _noise(rng: np.random.Generator) -> Waveform:
    """White to brown noise, steady or in bursts, within a band or not."""
    length = _length(rng)
    noise = _coloured(rng, length, rng.uniform(0, 2))
    if rng.random() < 0.5:  # knocks, rustling, breath: 1 to 4 bursts
        envelope = np.zeros(length)
        for _ in range(rng.integers(1, 5)):
            at, width = rng.uniform(0, length), rng.uniform(0.01, 0.25) * SPEECH_RATE
            envelope += np.exp(-np.square((np.arange(length) - at) / width))
        noise = noise * envelope
    return _to_peak(noise, rng)


def _silence(rng: np.random.Generator) -> Waveform:
    """What a microphone gives when nobody speaks: faint noise and hum, in steps of 16 bits."""
    length = _length(rng)
    time = np.arange(length) / SPEECH_RATE
    hum = sum(
        np.sin(2 * np.pi * rng.choice([50, 60]) * k * time + rng.uniform(0, 6)) / k
        for k in range(1, 6)
    )
    noise = _coloured(rng, length, rng.uniform(0, 1.5)) + rng.uniform(0, 1) * hum
    peak = 10 ** rng.uniform(-4, -2)  # 80 to 40 dB below full scale
    return (np.rint(peak * noise / np.abs(noise).max() * 32767) / 32768).astype(np.float32)


def _coloured(rng: np.random.Generator, length: int, slope: float) -> np.ndarray:
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (slope / 2)
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, length)
    return noise / np.abs(noise).max()


def _length(rng: np.random.Generator) -> int:
    return round(rng.uniform(0.6, 2.5) * SPEECH_RATE)


def _to_peak(waveform: np.ndarray, rng: np.random.Generator) -> Waveform:
    peak = np.abs(waveform).max() or 1.0
    return (rng.uniform(0.1, 0.9) * waveform / peak).astype(np.float32)
