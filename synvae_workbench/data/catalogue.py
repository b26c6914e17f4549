"""Every set of pictures, melodies and sound that has a name: whether it is here, how to get it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from synvae_workbench.data.cache import cache_folder
from synvae_workbench.data.melodies import pop909
from synvae_workbench.data.pictures.cifar import find_cifar10
from synvae_workbench.data.pictures.faces import FACES, find_faces
from synvae_workbench.data.pictures.mnist import find_mnist
from synvae_workbench.data.sources import (
    ABC_TUNES,
    CIFAR10,
    DRUM_LOOPS,
    ESPEAK_DIGITS,
    ESSEN_TUNES,
    FSDD,
    LFW_SUBSET,
    MNIST,
    MNIST_5K,
    PAINTINGS,
    SOUND_FONT,
    Published,
    Source,
)
from synvae_workbench.data.speech.fsdd import find_fsdd


class Entry(NamedTuple):
    """A set as `load_pictures`, `load_faces`, `load_corpus` and so on know it by its name.

    `place` is where it is: "packaged with ...", a folder, or empty if it is not here; `advice` is
    then how to get it, and `can_download` whether loading it would fetch it from the network.
    """

    name: str
    kind: str  # "pictures", "faces", "melodies", "speech" or "loops"
    title: str
    home: str
    licence: str
    size: str
    place: str
    advice: str
    can_download: bool = False


def catalogue(*, cache: Path | None = None) -> dict[str, Entry]:
    """The sets that need no folder to be named, by name; nothing is read, nothing downloaded.

    Args:
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`.
    """
    entries = (
        _packaged("mnist_5k", "pictures", MNIST_5K),
        _published("pictures", MNIST, find_mnist, cache),
        _published("pictures", CIFAR10, find_cifar10, cache),
        _published("pictures", PAINTINGS, _find_paintings, cache),
        _packaged("lfw_subset", "faces", LFW_SUBSET),
        _published("faces", FACES, find_faces, cache),
        _packaged("abc", "melodies", ABC_TUNES),
        _packaged("essen", "melodies", ESSEN_TUNES),
        _pop909(),
        _packaged("espeak", "speech", ESPEAK_DIGITS),
        _published("speech", FSDD, find_fsdd, cache),
        _packaged("gm_drums", "loops", SOUND_FONT),
        _published("loops", DRUM_LOOPS, _find_loops, cache),
    )
    return {entry.name: entry for entry in entries}


def _packaged(name: str, kind: str, source: Source) -> Entry:
    try:
        source.files()
        place = f"packaged with {source.installed_by}"
    except ValueError:
        place = ""
    facts = (source.title, source.home, source.licence, source.size)
    return Entry(name, kind, *facts, place, f"run `pip install {source.installed_by}`")


def _published(
    kind: str, source: Published, find: Callable[[Path], list[Path]], cache: Path | None
) -> Entry:
    name = source.name
    data = os.environ.get("SYNVAE_DATA")
    places = [Path(data) / name] if data else []
    if source.files:
        places.append(cache_folder(cache) / name)
    place = next((str(place) for place in places if find(place)), "")
    facts = (source.title, source.home, source.licence, source.size)
    return Entry(name, kind, *facts, place, source.advice, bool(source.files))


def _find_paintings(folder: Path) -> list[Path]:
    paths = (folder / "labels.npy", folder / "train" / "labels.npy")
    return [path for path in paths if path.is_file()]


def _find_loops(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.wav"))


def _pop909() -> Entry:
    data = os.environ.get("SYNVAE_DATA")
    folder = Path(data) / "midi" / "pop909" / "POP909" if data else None
    is_here = folder is not None and (folder / "001" / "001.mid").is_file()
    return Entry(
        "pop909",
        "melodies",
        "melodies of pop songs",
        pop909.HOME,
        "MIT",
        "909 songs in MIDI, with their beats",
        str(folder) if is_here else "",
        f"get POP909 from {pop909.HOME} and put it into $SYNVAE_DATA/midi/pop909, or name folder=",
    )
