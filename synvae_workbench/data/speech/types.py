"""Types of sets of spoken digits: recordings before decoding, and spectrograms in splits.

Spectrograms stay in memory as bytes, a quarter of the memory of floats, until a batch needs them.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8
from torch import Tensor


class RecordingFile(NamedTuple):
    """A recording's relative path, with slashes, and digit, speaker and index from its name.

    `index` numbers a speaker's recordings of a digit; None if the name has none. `fault` says why
    it cannot be used, if that shows without opening it.
    """

    name: str
    digit: int
    speaker: str
    index: int | None
    fault: str = ""


class SpeechSet(NamedTuple):
    """Recordings before decoding and splitting.

    `read` returns the waveform at a place, or raises `BrokenFile`; `digest` is of all contents;
    `place` is their location, for messages; `synthetic` says that a machine spoke; `left_out`
    counts by reason what lies beside the recordings and is none.
    """

    title: str
    place: str
    files: list[RecordingFile]
    read: Callable[[int], np.ndarray]
    digest: str
    checksums: dict[str, str]
    synthetic: bool = False
    left_out: Mapping[str, int] = MappingProxyType({})


class Recordings(NamedTuple):
    """Spectrograms of one split, 255 at the maximum, with digits, speakers and ids.

    Ids are the files' stems or, if these are not unique, their paths.
    """

    spectrograms: UInt8[Tensor, "n 1 48 48"]
    labels: Int64[Tensor, " n"]
    speakers: tuple[str, ...]
    ids: tuple[str, ...]


class SpokenDigits(NamedTuple):
    """Spoken digits in three splits, without copies of a recording across them.

    `speakers` are those of all splits; `checksums` are SHA-256 of the data, for provenance;
    `synthetic` says that a machine spoke; `skipped` names broken recordings that were left out,
    and `left_out` counts by reason what is no recording.
    """

    train: Recordings
    validation: Recordings
    test: Recordings
    speakers: tuple[str, ...]
    checksums: dict[str, str]
    synthetic: bool
    title: str
    skipped: tuple[str, ...] = ()
    left_out: Mapping[str, int] = MappingProxyType({})
