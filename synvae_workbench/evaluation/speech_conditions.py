"""Recordings as other rooms, levels and microphones would have given them, for testing."""

import functools
import io
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import soundfile
from jaxtyping import Float

from synvae_workbench.data.speech.recordings import SPEECH_RATE, read_recording

QUIETER_DB, TOO_LOUD_DB, BABBLE_DB = 30, 12, 10
BABBLERS = 3  # other recordings that are heard at once
RATES = (16_000, 44_100, 48_000)  # Hz, beside the 8 kHz of the recordings

Waveform = Float[np.ndarray, " _"]


class _Recorded(NamedTuple):
    """A waveform at a rate in Hz, full scale at 1."""

    waveform: np.ndarray
    rate: int = SPEECH_RATE


def recorded_otherwise(waveforms: Sequence[Waveform], *, seed: int) -> dict[str, list[Waveform]]:
    """The recordings under each condition, by its name; "as recorded" is the first.

    All but the first are written as WAV files of 16 bits, as a microphone would give them, and read
    again. Quiet is 30 dB below full scale; too loud is cut off at 12 dB above it; babble are three
    of the other recordings, 10 dB lower in sum.

    Args:
        waveforms: mono at 8 kHz within -1..1, four or more.
        seed: of the babble.

    Raises:
        ValueError: if there are too few for babble.
    """
    if len(waveforms) <= BABBLERS:
        raise ValueError(f"babble needs {BABBLERS + 1} recordings or more, got {len(waveforms)}")
    rng = np.random.default_rng(seed)
    scaled = [waveform / np.abs(waveform).max() for waveform in waveforms]
    quiet, loud = 10 ** (-QUIETER_DB / 20), 10 ** (TOO_LOUD_DB / 20)
    made: dict[str, Callable[[int], _Recorded]] = {
        f"{QUIETER_DB} dB quieter": lambda i: _Recorded(quiet * scaled[i]),
        f"{TOO_LOUD_DB} dB too loud, clipped": lambda i: _Recorded((loud * scaled[i]).clip(-1, 1)),
        f"babble {BABBLE_DB} dB below": lambda i: _Recorded(_babble(i, scaled, rng)),
    }
    for rate in RATES:
        made[f"at {rate / 1000:g} kHz"] = functools.partial(_at_rate, scaled, rate)
    places = range(len(waveforms))
    otherwise = {name: [_through_wav(make(i)) for i in places] for name, make in made.items()}
    return {"as recorded": list(waveforms), **otherwise}


def _babble(place: int, scaled: Sequence[Waveform], rng: np.random.Generator) -> Waveform:
    others = rng.choice([i for i in range(len(scaled)) if i != place], BABBLERS, replace=False)
    wanted = scaled[place]
    noise = sum(np.resize(scaled[i], len(wanted)) for i in others)
    power = np.square(wanted).mean() / np.square(noise).mean() / 10 ** (BABBLE_DB / 10)
    mixed = wanted + np.sqrt(power) * noise
    return mixed / np.abs(mixed).max()


def _at_rate(scaled: Sequence[Waveform], rate: int, place: int) -> _Recorded:
    from scipy.signal import resample_poly

    common = np.gcd(rate, SPEECH_RATE)
    louder = resample_poly(scaled[place], rate // common, SPEECH_RATE // common)
    return _Recorded(louder / np.abs(louder).max(), rate)


def _through_wav(recorded: _Recorded) -> Waveform:
    file = io.BytesIO()
    soundfile.write(file, recorded.waveform, recorded.rate, format="WAV", subtype="PCM_16")
    return read_recording(file.getvalue())
