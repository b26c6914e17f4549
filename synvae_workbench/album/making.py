"""Making of an album: finds the sources, makes what is not made yet, and keeps account.

From disk to disk: neither the sources nor what is made of them are ever in memory as a whole.
"""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from synvae_core.atomic import make_folder, remove_leftovers
from synvae_workbench.album.chunks import (
    Chunk,
    Options,
    finished,
    is_there,
    maker_of,
    run_chunk,
    settle,
    suffix_of,
    suffixes_of,
)
from synvae_workbench.album.crew import ALONE, Crew
from synvae_workbench.album.layout import CHUNKS, DONE, FAILED, WAITING, hidden_folder, is_album
from synvae_workbench.album.ledger import FORMATS, Ledger, writing
from synvae_workbench.album.playing import BATCH, Playing
from synvae_workbench.album.removal import depart
from synvae_workbench.album.sources import Sources
from synvae_workbench.locks import holding
from synvae_workbench.progress import progress

CHUNK = 4 * BATCH  # entries that are handed out together
SECONDS_TO_END = 60.0  # of what a killed process left writing


class Album(NamedTuple):
    """An album that was made: its folder, and the number of entries done and failed.

    `gone` is the number of entries that stay although their sources are gone, `pruned` of those
    that left.
    """

    folder: Path
    done: int
    failed: int
    gone: int = 0
    pruned: int = 0


def make_album(
    sources: Sources, album: Path, options: Options, crew: Crew = ALONE, *, prune: bool = False
) -> Album:
    """Makes what is new, has changed or failed before; gone on with after any interruption.

    Args:
        prune: whether what was made of sources that are gone is removed.

    Raises:
        ValueError: if the folder holds anything but an album, or one that was begun with other
            options, if somebody is at it now, if a model that is named cannot be used, or if what
            was made of an empty folder is to be removed.
        UnwritableError: if there is no room or right to write.
    """
    if crew.alone:
        maker_of(options)  # refuses before anything is written
    with _opened(album, options) as ledger:
        options = _with_formats(ledger, options)
        departed = depart(ledger, sources.given, suffixes_of(options), prune=prune)
        ledger.add(sources, suffixes_of(options))
        total = ledger.count(DONE) + ledger.count(WAITING)
        what = "listening" if isinstance(options, Playing) else "drawing"
        done = ledger.count(DONE)
        with (
            progress(description=what, total=total, initial=done) as bar,
            _collected(ledger, suffix_of(options)),
        ):
            chunks = _chunks(ledger, options, crew)
            if crew.alone:
                for chunk in chunks:
                    settle(ledger, chunk, run_chunk(chunk, bar.update))
            elif total > done:
                from synvae_workbench.album.cluster import work  # imports Dask, which takes long

                work(ledger, chunks, crew, bar.update)
        return Album(album, ledger.count(DONE), ledger.count(FAILED), *departed)


def _with_formats(ledger: Ledger, options: Options) -> Options:
    """Options with the formats that the album has before and those that are asked for now."""
    if not isinstance(options, Playing):
        return options
    asked = [*ledger.settings.get(FORMATS, []), *options.also]
    also = tuple(dict.fromkeys(asked))
    ledger.have(also)
    return replace(options, also=also)


def settings_of(options: Options) -> dict[str, Any]:
    """Options as they are stored in an album: with others it is not gone on with."""
    makes = "melodies" if isinstance(options, Playing) else "pictures"
    return {"makes": makes} | {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(options).items()
    }


@contextlib.contextmanager
def _opened(album: Path, options: Options) -> Iterator[Ledger]:
    """The ledger of an album that is held by this process, with all that was finished before."""
    _refuse_another_folder(album)
    make_folder(album)
    with holding(album), writing(album, settings_of(options)) as ledger:
        make_folder(journals := hidden_folder(album) / CHUNKS)
        if any(journals.iterdir()):
            remove_leftovers(album, older_than=SECONDS_TO_END)
        _collect(ledger, suffix_of(options))
        yield ledger


def _refuse_another_folder(album: Path) -> None:
    """Refuses a folder with files of others, which are not to be replaced."""
    if is_album(album) or not album.is_dir():
        return
    # What is hidden is a lock's or of no matter: no file of an entry is.
    if not all(path.name.startswith(".") for path in album.iterdir()):
        raise ValueError(
            f"{album} is no album and not empty: name a new folder, so that nothing is replaced"
        )


@contextlib.contextmanager
def _collected(ledger: Ledger, suffix: str) -> Iterator[None]:
    """Has what was finished recorded, also after an interruption."""
    try:
        yield
    finally:
        _collect(ledger, suffix)


def _collect(ledger: Ledger, suffix: str) -> None:
    """Records what stands in journals."""
    for journal in sorted((hidden_folder(ledger.album) / CHUNKS).iterdir()):
        outcomes = []
        for outcome in finished(journal):
            entry = ledger.entry(outcome.number)
            waits = entry is not None and entry.state == WAITING
            if waits and is_there(ledger.album, entry, outcome, suffix):
                outcomes.append(outcome)
        ledger.record(outcomes)
        journal.unlink(missing_ok=True)


def _chunks(ledger: Ledger, options: Options, crew: Crew) -> Iterator[Chunk]:
    """Chunks of what waits, read as they are asked for."""
    share = ledger.count(WAITING) // (2 * crew.workers)
    size = CHUNK if crew.alone else max(BATCH, min(CHUNK, share))
    journals, last = hidden_folder(ledger.album) / CHUNKS, 0
    while entries := ledger.waiting(last, size):
        last = entries[-1].number
        yield Chunk(ledger.album, options, entries, journals / f"{uuid.uuid4().hex}.jsonl")
