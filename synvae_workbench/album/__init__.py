"""Albums: the music of a folder of pictures, and the pictures of a folder of tunes."""

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from synvae_workbench.album.crew import ALONE, Crew

if TYPE_CHECKING:
    from synvae_workbench.album.making import Album


def listen(
    pictures: Sequence[str | PathLike[str]],
    *,
    to: str | PathLike[str],
    crew: Crew = ALONE,
    model: str | PathLike[str] = "",
    prune: bool = False,
    **options: Any,
) -> "Album":
    """Makes the melodies of pictures, in MIDI files and what else is asked for.

    Args:
        pictures: files and folders.
        to: folder of the album, new or to go on with.
        crew: who makes it, as in `making.Crew`; by default this process.
        model: name or folder of a SynVAE; by default the one for each picture's kind.
        prune: whether what was made of sources that are gone is removed.
        options: the other fields of `playing.Playing`.

    Raises:
        ValueError: as `making.make_album`, or for an option that makes no sense.
    """
    from synvae_workbench.album.playing import Playing, model_place
    from synvae_workbench.data.pictures.files import suffixes

    playing = Playing(model_place(str(model)), **options)
    return _make(pictures, to, playing, suffixes(), crew=crew, prune=prune)


def draw(
    tunes: Sequence[str | PathLike[str]],
    *,
    to: str | PathLike[str],
    crew: Crew = ALONE,
    model: str | PathLike[str] = "",
    prune: bool = False,
) -> "Album":
    """Makes the pictures of tunes, one for each window of a long one; arguments as of `listen`."""
    from synvae_workbench.album.drawing import TUNES, Drawing
    from synvae_workbench.album.playing import model_place

    drawing = Drawing(model_place(str(model)))
    return _make(tunes, to, drawing, TUNES, crew=crew, prune=prune)


def _make(given: Sequence, to: Any, how: Any, suffixes: Any, **making: Any) -> "Album":
    from synvae_core.places import whole_path
    from synvae_workbench.album.chunks import most_bytes_of
    from synvae_workbench.album.making import make_album
    from synvae_workbench.album.sources import Sources

    album = whole_path(to)
    sources = Sources(
        [whole_path(each) for each in given],
        suffixes=frozenset(suffixes),
        most_bytes=most_bytes_of(how),
        album=album,
    )
    return make_album(sources, album, how, **making)
