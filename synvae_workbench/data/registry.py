"""Registry of data sets: name, loader and source of each.

To add a set takes one module, with a function of its kind's options, and one line in `SETS`.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from synvae_workbench.data.files import describe_left_out
from synvae_workbench.data.melodies.abc_corpus import ABC_TUNES, load_abc
from synvae_workbench.data.melodies.corpus import Corpus
from synvae_workbench.data.melodies.essen import ESSEN_TUNES, load_essen
from synvae_workbench.data.melodies.midi_folder import load_midi_folder
from synvae_workbench.data.melodies.pop909 import POP909, load_pop909
from synvae_workbench.data.options import (
    CorpusOptions,
    FaceOptions,
    LoopOptions,
    Options,
    PictureOptions,
    SpeechOptions,
)
from synvae_workbench.data.pictures.bam import PAINTINGS, load_bam
from synvae_workbench.data.pictures.cifar import CIFAR10, load_cifar10
from synvae_workbench.data.pictures.computed_labels import PAINTINGS_COMPUTED, load_computed
from synvae_workbench.data.pictures.faces import (
    FACES,
    LFW_SUBSET,
    load_face_folder,
    load_lfw,
    load_own_faces,
)
from synvae_workbench.data.pictures.folders import load_picture_folder
from synvae_workbench.data.pictures.mnist import MNIST, load_mnist
from synvae_workbench.data.pictures.mnist_5k import MNIST_5K, load_mnist_5k
from synvae_workbench.data.pictures.reconstructions import load_reconstructions
from synvae_workbench.data.pictures.types import PictureSet
from synvae_workbench.data.sources import Published, Source
from synvae_workbench.data.speech.files import load_recordings
from synvae_workbench.data.speech.fsdd import FSDD, load_fsdd
from synvae_workbench.data.speech.more import MoreSpeech, add_speech, unheard_voices
from synvae_workbench.data.speech.sets import read_digits, read_waveforms
from synvae_workbench.data.speech.stand_in import ESPEAK_DIGITS, load_espeak
from synvae_workbench.data.speech.types import Recordings, SpokenDigits
from synvae_workbench.data.speech.voices import ESPEAK_VOICES, load_voices
from synvae_workbench.data.waveforms.gm_drums import SOUND_FONT, load_gm_drums
from synvae_workbench.data.waveforms.loop_folder import (
    DRUM_LOOPS,
    load_drumloops,
    load_loop_folder,
)
from synvae_workbench.data.waveforms.sets import LoopSet

__all__ = [
    "SETS",
    "CorpusOptions",
    "DataSet",
    "FaceOptions",
    "LeftOutWarning",
    "LoopOptions",
    "PictureOptions",
    "SpeechOptions",
    "load_corpus",
    "load_faces",
    "load_loops",
    "load_pictures",
    "load_speech",
    "more_speech",
    "names_of",
    "other_voices",
    "speech_waveforms",
]


class LeftOutWarning(UserWarning):
    """Files in a user's folder that are left out of a set, counted by reason."""


@dataclass(frozen=True)
class DataSet:
    """A set of data: its name, its loader and its line in the catalogue.

    Attributes:
        kind: "pictures", "faces", "melodies", "speech" or "loops".
        name: unique among the sets of a kind.
        load: returns the set, from the options of its kind; speech before decoding and splitting.
        source: home, licence and size; None for a user's own folder.
    """

    kind: str
    name: str
    load: Callable[[Any], Any]
    source: Source | Published | None = None


SETS = (
    DataSet("pictures", "mnist_5k", load_mnist_5k, MNIST_5K),
    DataSet("pictures", "mnist", load_mnist, MNIST),
    DataSet("pictures", "cifar10", load_cifar10, CIFAR10),
    DataSet("pictures", "paintings", load_bam, PAINTINGS),
    DataSet("pictures", "paintings_computed", load_computed, PAINTINGS_COMPUTED),
    DataSet("pictures", "folder", load_picture_folder),
    DataSet("pictures", "reconstructions", load_reconstructions),
    DataSet("faces", "lfw_subset", load_lfw, LFW_SUBSET),
    DataSet("faces", "faces", load_own_faces, FACES),
    DataSet("faces", "folder", load_face_folder),
    DataSet("melodies", "abc", load_abc, ABC_TUNES),
    DataSet("melodies", "essen", load_essen, ESSEN_TUNES),
    DataSet("melodies", "pop909", load_pop909, POP909),
    DataSet("melodies", "midi", load_midi_folder),
    DataSet("speech", "espeak", load_espeak, ESPEAK_DIGITS),
    DataSet("speech", "voices", load_voices, ESPEAK_VOICES),
    DataSet("speech", "fsdd", load_fsdd, FSDD),
    DataSet("speech", "folder", load_recordings),
    DataSet("loops", "gm_drums", load_gm_drums, SOUND_FONT),
    DataSet("loops", "drumloops", load_drumloops, DRUM_LOOPS),
    DataSet("loops", "folder", load_loop_folder),
)


def names_of(kind: str) -> tuple[str, ...]:
    """Names of the sets of a kind."""
    return tuple(each.name for each in SETS if each.kind == kind)


def load_pictures(name: str, options: PictureOptions | None = None) -> PictureSet:
    """Loads a set of pictures: bytes with labels, in three splits.

    "mnist_5k" comes with a package. "mnist" and "cifar10" are looked for in $SYNVAE_DATA/NAME and
    in the cache, and else downloaded into it; their test splits are the published ones. "paintings"
    are in BAM's layout, "paintings_computed" are the same with computed labels beside their own;
    "folder" has a sub-folder for each class, and "reconstructions" are what `export_pictures`
    wrote.

    Raises:
        ValueError: if there is no set of that name, if it is missing, broken or another one, saying
            what to put where, or if the options leave no picture for training.
    """
    return _load("pictures", name, options or PictureOptions())


def load_faces(name: str, options: FaceOptions | None = None) -> PictureSet:
    """Loads a set of faces: bytes, split at random, near-duplicates within one split.

    "lfw_subset" comes with a package: 100 grey faces of 25 pixels. "faces" is looked for in
    $SYNVAE_DATA/faces, "folder" is any folder of pictures.

    Raises:
        ValueError: as `load_pictures`, or if there are too few to be split.
    """
    return _load("faces", name, options or FaceOptions())


def load_corpus(name: str, options: CorpusOptions | None = None) -> Corpus:
    """Loads a corpus of melodies: windows of some bars in sixteenths, split by tune, cached.

    "abc" are fiddle tunes (packaged), "essen" folk songs for evaluation only (packaged), "pop909"
    pop songs in a folder of the user, and "midi" any folder of MIDI files.

    Raises:
        ValueError: if there is no corpus of that name, or it is not on this computer.
    """
    return _load("melodies", name, options or CorpusOptions())


def load_speech(name: str = "espeak", options: SpeechOptions | None = None) -> SpokenDigits:
    """Loads spoken digits as log-mel spectrograms, in three splits.

    "espeak" is synthesised by eSpeak NG: a stand-in for recordings; "voices" are more voices of it,
    to train with. "fsdd" is looked for in $SYNVAE_DATA/fsdd and in the cache, and else downloaded.
    "folder" is any folder of recordings {digit}_{speaker}_{index}.wav (.flac, .ogg), or with
    sub-folders 0 to 9.

    Raises:
        ValueError: as `load_pictures`, or if the split cannot be made.
    """
    options = options or SpeechOptions()
    return read_digits(_load("speech", name, options), options)


def speech_waveforms(
    name: str, ids: Sequence[str], options: SpeechOptions | None = None
) -> list[Float32[np.ndarray, " _"]]:
    """Loads the waveforms of recordings: mono, 8 kHz, within -1..1.

    Args:
        ids: as in `load_speech`, for the same name, folder and takes.

    Raises:
        ValueError: if there is no such recording, or it cannot be read.
    """
    return read_waveforms(_load("speech", name, options or SpeechOptions()), ids)


def more_speech(
    name: str, train: Recordings, options: SpeechOptions, more: MoreSpeech
) -> Recordings:
    """Loads recordings for training with synthetic voices and distorted copies beside them.

    Args:
        train: of `load_speech`, for the same name and options.

    Raises:
        ValueError: as `speech_waveforms`.
    """
    if not more.voices and not more.copies:
        return train
    voices = _load("speech", "voices", SpeechOptions(cache=options.cache))
    return add_speech(train, speech_waveforms(name, train.ids, options), voices, more)


def other_voices(options: SpeechOptions) -> Recordings:
    """Loads digits of the 98 synthetic voices that no model is trained with.

    Raises:
        ValueError: if eSpeak NG does not work.
    """
    return unheard_voices(_load("speech", "voices", SpeechOptions(cache=options.cache)))


def load_loops(name: str = "gm_drums", options: LoopOptions | None = None) -> LoopSet:
    """Loads loops: mono, at one sample rate, each file's peak at 0.9 and its mean at zero.

    "gm_drums" is synthesised by a sound font: a stand-in for recordings. "drumloops" is looked for
    in $SYNVAE_DATA/drumloops. "folder" is any folder, with sub-folders, of wav, aiff, flac and ogg.

    Raises:
        ValueError: as `load_pictures`, if it has fewer than two different files, or if the cache
            cannot be written.
    """
    return _load("loops", name, options or LoopOptions())


def _load(kind: str, name: str, options: Options) -> Any:
    for each in SETS:
        if (each.kind, each.name) == (kind, name):
            found = each.load(options)
            if left_out := getattr(found, "left_out", None):
                said = f"left out of {options.folder or name}: {describe_left_out(left_out)}"
                warnings.warn(said, LeftOutWarning, stacklevel=3)
            return found
    raise ValueError(
        f"of {kind}, the name of a set is one of {', '.join(names_of(kind))}, got {name!r}"
    )
