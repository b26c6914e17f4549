"""Synthetic spoken digits, a stand-in where there are no recordings of people.

eSpeak NG says zero to nine in English accents, with several voices, at varied rate and pitch. The
recordings are far more alike than those of people: results on them show that a model works, not how
well it understands speech.
"""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int

from synvae_workbench.data.cache import cache_folder, cached_arrays
from synvae_workbench.data.options import SpeechOptions
from synvae_workbench.data.sources import Source, checksum
from synvae_workbench.data.speech.espeak import Utterance, speak
from synvae_workbench.data.speech.recordings import resample_speech
from synvae_workbench.data.speech.types import RecordingFile, SpeechSet

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# Twelve speakers: an accent, and a variant. Breathy variants are left out: their noise differs on
# every run. None has "_" in its name, which separates the parts of a recording's name.
SPEAKERS = {
    "america-m1": "en-us+m1",
    "america-f1": "en-us+f1",
    "newyork-m3": "en-us-nyc+m3",
    "newyork-linda": "en-us-nyc+linda",
    "britain-m5": "en+m5",
    "britain-belinda": "en+belinda",
    "london-m7": "en-gb-x-rp+m7",
    "london-steph": "en-gb-x-rp+steph",
    "scotland-reed": "en-gb-scotland+Reed",
    "scotland-annie": "en-gb-scotland+Annie",
    "lancaster-michel": "en-gb-x-gbclan+michel",
    "caribbean-alex": "en-029+Alex",
}
RATES, PITCHES, RANGES = (120, 230), (25, 75), (25, 75)  # as `Utterance` has them
QUIET = 0.01  # of the peak: ends below it are trimmed, as in the published recordings
_SEED = 0
_VERSION = 1  # part of the cache's name; raise it when the recordings change


class StandIn(NamedTuple):
    """Concatenated recordings at 8 kHz, with their lengths, ordered by take, speaker and digit."""

    samples: Float32[np.ndarray, " total"]
    lengths: Int[np.ndarray, " n"]
    takes: int

    def waveform(self, place: int) -> Float32[np.ndarray, " samples"]:
        """Waveform of the recording at a place."""
        end = int(self.lengths[: place + 1].sum())
        return self.samples[end - int(self.lengths[place]) : end]

    @property
    def names(self) -> list[str]:
        """Names of the recordings: {digit}_{speaker}_{index}."""
        return [
            f"{digit}_{speaker}_{take}"
            for take in range(self.takes)
            for speaker in SPEAKERS
            for digit in range(len(WORDS))
        ]


ESPEAK_DIGITS = Source(
    title="digits spoken by a machine, eSpeak NG (synthetic)",
    home="https://github.com/espeak-ng/espeak-ng",
    licence="of eSpeak NG GPL 3.0 or later, which does not extend to what it says",
    size="1,200 recordings made on the spot in some seconds: ten times each digit by 12 voices",
    package="espeakng_loader",
    patterns=tuple(
        f"espeak-ng-data/{name}"
        for name in (
            *("phondata", "phonindex", "phontab", "intonations", "en_dict"),
            *("lang/gmw/en*", "voices/!v/*"),
        )
    ),
    sha256="11c3edb1c846624171e6fc95bcf8e841618c115febfb056fff5fec473a2228fa",
    distribution="espeakng-loader",
)


def load_espeak(options: SpeechOptions) -> SpeechSet:
    """Loads digits that eSpeak NG synthesises, `takes` of each by each of twelve voices.

    Raises:
        ValueError: if a folder is given, or eSpeak NG does not work.
    """
    if options.folder is not None:
        raise ValueError("'espeak' is made on the spot and needs no folder: leave it out")
    spoken = load_stand_in(takes=options.takes, cache=options.cache)
    files = [
        RecordingFile(name, int(digit), speaker, int(index))
        for name in spoken.names
        for digit, speaker, index in [name.split("_")]
    ]
    key = checksum(spoken.samples, spoken.lengths)
    place, checksums = "the cache", {"espeak": key}
    title = ESPEAK_DIGITS.title
    return SpeechSet(title, place, files, spoken.waveform, key, checksums, synthetic=True)


def load_stand_in(*, takes: int, cache: Path | bool | None = None) -> StandIn:
    """Loads synthetic digits from the cache, or synthesises and stores them.

    The first takes are the same, whatever their number.

    Args:
        takes: of each digit by each of the twelve speakers.
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`.

    Raises:
        ValueError: if `takes` is below 1, or eSpeak NG does not work.
    """
    if takes < 1:
        raise ValueError(f"takes of each digit are 1 or more, got {takes}")
    return StandIn(*load_spoken(_plan(takes), cache=cache), takes)


def load_spoken(
    plan: Sequence[Utterance], *, cache: Path | bool | None = None
) -> tuple[Float32[np.ndarray, " total"], Int[np.ndarray, " n"]]:
    """Loads utterances from the cache, or synthesises and stores them: samples, and lengths.

    Samples are concatenated, at 8 kHz, without silent ends.

    Raises:
        ValueError: if eSpeak NG does not work.
    """
    key = hashlib.sha256(repr((_VERSION, _engine(), plan)).encode()).hexdigest()[:24]
    path = cache_folder(cache) / f"espeak-{key}.npz"
    arrays = cached_arrays(path, ("samples", "lengths"), lambda: _speak_plan(plan))
    # eSpeak NG synthesises 16 bits, which halve the cache.
    return arrays["samples"].astype(np.float32) / 32768, arrays["lengths"]


def _speak_plan(plan: Sequence[Utterance]) -> dict[str, np.ndarray]:
    spoken, rate = speak(plan)
    waveforms = [_tidy(samples, rate) for samples in spoken]
    lengths = np.array([len(waveform) for waveform in waveforms])
    return {"samples": np.concatenate(waveforms), "lengths": lengths}


def _plan(takes: int) -> list[Utterance]:
    rng = np.random.default_rng(_SEED)
    return [
        Utterance(word, voice, *(int(rng.integers(*each)) for each in (RATES, PITCHES, RANGES)))
        for _ in range(takes)
        for voice in SPEAKERS.values()
        for word in WORDS
    ]


def _engine() -> tuple[str, str]:
    """Version and checksum of the installed eSpeak NG, without running it."""
    data = checksum(*(path.read_bytes() for path in ESPEAK_DIGITS.files()))
    return version("espeakng-loader"), data


def _tidy(samples: np.ndarray, rate: int) -> np.ndarray:
    """Resamples to 8 kHz in 16 bits and trims silent ends."""
    loudness = np.abs(samples.astype(np.float64))
    heard = np.flatnonzero(loudness >= QUIET * loudness.max())
    kept = samples[heard[0] : heard[-1] + 1]
    return np.rint(resample_speech(kept, rate).clip(-32768, 32767)).astype(np.int16)
