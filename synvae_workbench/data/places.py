"""Location of a data set: the folder given, `$SYNVAE_DATA`, the cache, or a download."""

import os
from collections.abc import Callable
from pathlib import Path

from synvae_core.places import whole_path
from synvae_workbench.data.cache import cache_folder
from synvae_workbench.data.downloads import download
from synvae_workbench.data.options import Options
from synvae_workbench.data.sources import Published


def usual_places(source: Published, cache: Path | bool | None = None) -> list[Path]:
    """Folders in which a set may lie: below `$SYNVAE_DATA`, and below the cache if downloadable."""
    data = os.environ.get("SYNVAE_DATA")
    places = [whole_path(data) / source.folder] if data else []
    return places + ([cache_folder(cache) / source.folder] if source.files else [])


def named_folder(options: Options) -> Path:
    """Folder given in the options, for a set that has no other place.

    Raises:
        ValueError: if there is none.
    """
    if options.folder is None:
        raise ValueError("this set is whatever lies in a folder of yours: name that folder")
    return options.folder


def folder_of(source: Published, options: Options) -> Path:
    """Folder given in the options, else the one below `$SYNVAE_DATA`; it need not exist.

    Raises:
        ValueError: if there is neither.
    """
    places = usual_places(source) if options.folder is None else [options.folder]
    if not places:
        raise ValueError(f"{source.title} are not here: {source.advice}")
    return places[0]


def locate(
    source: Published,
    options: Options,
    *,
    fetch: Callable[[Published, Path], list[Path]] = download,
) -> list[Path]:
    """Files of a set: in the folder given, else in the usual places, else downloaded.

    Raises:
        ValueError: if they are not there and cannot be downloaded.
    """
    if options.folder is not None:
        if paths := source.find(options.folder):
            return paths
        raise ValueError(
            f"{options.folder} does not hold {source.layout} or not all of it: {source.advice}"
        )
    *_, last = places = usual_places(source, options.cache)
    found = (source.find(place) for place in places)
    return next((paths for paths in found if paths), None) or fetch(source, last)
