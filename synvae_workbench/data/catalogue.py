"""Catalogue of the published data sets: licence, size, place on this computer, how to get them."""

from pathlib import Path
from typing import NamedTuple

from synvae_workbench.data.places import usual_places
from synvae_workbench.data.registry import SETS
from synvae_workbench.data.sources import Published, Source


class Entry(NamedTuple):
    """A data set by the name that its loader takes.

    `place` is "packaged with ...", a folder, or empty if the set is not on this computer; `advice`
    says how to get it, and `can_download` whether its loader downloads it.
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
    """Entries of all published sets, by name; nothing is read or downloaded.

    Args:
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`.
    """
    entries = {}
    for each in SETS:
        if (source := each.source) is not None:
            here = (
                _package_place(source)
                if isinstance(source, Source)
                else _folder_place(source, cache)
            )
            facts = (source.title, source.home, source.licence, source.size)
            entries[each.name] = Entry(each.name, each.kind, *facts, *here)
    return entries


def _package_place(source: Source) -> tuple[str, str, bool]:
    try:
        source.files()
        place = f"packaged with {source.installed_by}"
    except ValueError:
        place = ""
    return place, f"run `pip install {source.installed_by}`", False


def _folder_place(source: Published, cache: Path | None) -> tuple[str, str, bool]:
    places = (str(place) for place in usual_places(source, cache) if source.find(place))
    return next(places, ""), source.advice, bool(source.files)
