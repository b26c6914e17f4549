"""Every set of data that has a home: whether it is here, and how to get it."""

from pathlib import Path
from typing import NamedTuple

from synvae_workbench.data.places import usual_places
from synvae_workbench.data.registry import SETS
from synvae_workbench.data.sources import Published, Source


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
    entries = {}
    for each in SETS:
        if (source := each.source) is not None:
            here = _packaged(source) if isinstance(source, Source) else _published(source, cache)
            facts = (source.title, source.home, source.licence, source.size)
            entries[each.name] = Entry(each.name, each.kind, *facts, *here)
    return entries


def _packaged(source: Source) -> tuple[str, str, bool]:
    try:
        source.files()
        place = f"packaged with {source.installed_by}"
    except ValueError:
        place = ""
    return place, f"run `pip install {source.installed_by}`", False


def _published(source: Published, cache: Path | None) -> tuple[str, str, bool]:
    places = (str(place) for place in usual_places(source, cache) if source.find(place))
    return next(places, ""), source.advice, bool(source.files)
