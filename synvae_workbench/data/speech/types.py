"""Sets of spoken digits: as they are found, and as models see them.

Spectrograms stay in memory as bytes, a quarter of the memory of numbers, until a batch needs them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8
from torch import Tensor


class RecordingFile(NamedTuple):
    """A recording's path below a folder, with slashes, and what its name says.

    `index` counts a speaker's recordings of a digit; None where the name has none. `fault` says
    why it cannot be used, where that shows without opening it.
    """

    name: str
    digit: int
    speaker: str
    index: int | None
    fault: str = ""


class SpeechSet(NamedTuple):
    """Recordings before they are read and split.

    `read` gives the waveform at a place, or raises `BrokenFile`; `digest` changes with the
    content of any recording; `place` is where they are, for messages; `synthetic` says that a
    machine spoke.
    """

    title: str
    place: str
    files: list[RecordingFile]
    read: Callable[[int], np.ndarray]
    digest: str
    checksums: dict[str, str]
    synthetic: bool = False


class Recordings(NamedTuple):
    """Spectrograms of recordings (0 black, 255 loudest) with their digits, speakers and names.

    Ids are the files' stems, or where these repeat, their paths.
    """

    spectrograms: UInt8[Tensor, "n 1 48 48"]
    labels: Int64[Tensor, " n"]
    speakers: tuple[str, ...]
    ids: tuple[str, ...]


class SpokenDigits(NamedTuple):
    """Spoken digits in three splits; no recording of the test is in another, not even as a copy.

    `speakers` are all that there are; `checksums` are SHA-256 of what was read, for provenance;
    `synthetic` says that a machine spoke; `skipped` names broken recordings that were left out.
    """

    train: Recordings
    validation: Recordings
    test: Recordings
    speakers: tuple[str, ...]
    checksums: dict[str, str]
    synthetic: bool
    title: str
    skipped: tuple[str, ...] = ()
