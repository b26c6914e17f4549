"""Digits said by hundreds of synthetic voices, to train with beside recordings of few people.

eSpeak NG's accents of English are combined with its variants (size and quality of a voice), and
voices of other languages read the digits in a spelling that brings their own sounds near English
words, much as speakers of these languages say them. Rate and pitch vary from word to word.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from synvae_workbench.data.options import SpeechOptions
from synvae_workbench.data.sources import checksum
from synvae_workbench.data.speech.espeak import Utterance
from synvae_workbench.data.speech.stand_in import ESPEAK_DIGITS, WORDS, load_spoken
from synvae_workbench.data.speech.types import RecordingFile, SpeechSet

_ACCENTS = "en-us en en-us-nyc en-gb-x-rp en-gb-scotland en-gb-x-gbclan en-gb-x-gbcwmd en-029"
# Without breathy, whispering and robot voices: the noise of some differs on every run.
_VARIANTS = """
Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Michael
Mike Nguyen Reed RicishayMax RicishayMax2 RicishayMax3 adam anika announcer antonio aunty belinda
benjamin boris caleb david ed edward edward2 f1 f2 f3 f4 f5 grandma grandpa gustave ian iven iven2
iven3 iven4 john kaukovalta klatt klatt2 klatt3 klatt4 klatt5 klatt6 linda m1 m2 m3 m4 m5 m6 m7 m8
marcelo max michel miguel mike2 norbert pablo paul pedro quincy rob robert sandro shelby steph
steph2 steph3 travis victor zac
"""
ACCENTS, VARIANTS = tuple(_ACCENTS.split()), tuple(_VARIANTS.split())
RESPELT: Mapping[str, str] = MappingProxyType(
    {
        "de": "siero wann tuh sri fohr feif six sewen äit nein",
        "fr": "ziro ouane tou sri for faïve six sèveune éït naïne",
        "el": "ζίροου γουάν τού θρί φόρ φάιβ σίξ σέβεν έιτ νάιν",
        "es": "sirou uan tu zri for faiv sics seven eit nain",
        "it": "zirou uan tu tri for faiv sics seven eit nain",
        "nl": "ziero wan toe srie foor faif siks sevven eet nain",
        "pl": "ziroł łan tu sri for fajw siks sewen ejt najn",
        "pt": "zirou uan tu tri for faiv siks séven eit nain",
        "sv": "siro oann to tri får fajv six seven ejt najn",
        "ru": "зироу уан ту три фор файв сикс севен эйт найн",
        "tr": "ziro uan tu tri for fayv siks seven eyt nayn",
        "hi": "ज़ीरो वन टू थ्री फोर फाइव सिक्स सेवन एट नाइन",
    }
)
ENGLISH, FOREIGN = 330, 14  # voices of English, and of each other language
RATES, PITCHES, RANGES = (100, 260), (5, 95), (10, 90)  # as `Utterance` has them
_SEED = 1

ESPEAK_VOICES = replace(
    ESPEAK_DIGITS,
    title="digits spoken by 498 voices of a machine, eSpeak NG (synthetic)",
    size="4,980 recordings made on the spot in half a minute: each digit by each voice",
)


def voice_names() -> list[str]:
    """Names of the 498 voices as eSpeak NG has them, in an order drawn once.

    The first n of them are as mixed as all.
    """
    rng = np.random.default_rng(_SEED)
    english = [f"{accent}+{variant}" for accent in ACCENTS for variant in VARIANTS]
    chosen = [english[i] for i in rng.permutation(len(english))[:ENGLISH]]
    for language in RESPELT:
        variants = rng.choice(VARIANTS, FOREIGN, replace=False)
        chosen += [f"{language}+{variant}" for variant in variants]
    return [chosen[i] for i in rng.permutation(len(chosen))]


def load_voices(options: SpeechOptions) -> SpeechSet:
    """Loads each digit said once by each of the 498 voices.

    Raises:
        ValueError: if a folder is given, or eSpeak NG does not work.
    """
    if options.folder is not None:
        raise ValueError("'voices' are made on the spot and need no folder: leave it out")
    names = voice_names()
    samples, lengths = load_spoken(_plan(names), cache=options.cache)
    waveforms = np.split(samples, np.cumsum(lengths)[:-1])
    files = [
        RecordingFile(f"{digit}_{name}_0", digit, name, 0)
        for name in names
        for digit in range(len(WORDS))
    ]
    key = checksum(samples, lengths)
    read = waveforms.__getitem__
    title, checksums = ESPEAK_VOICES.title, {"voices": key}
    return SpeechSet(title, "the cache", files, read, key, checksums, synthetic=True)


def _plan(names: list[str]) -> list[Utterance]:
    rng = np.random.default_rng(_SEED)
    return [
        Utterance(word, name, *(int(rng.integers(*each)) for each in (RATES, PITCHES, RANGES)))
        for name in names
        for word in RESPELT.get(name.split("+")[0], " ".join(WORDS)).split()
    ]
