"""The commands of search: an index of a folder's melodies, what is nearest, an album's page."""

import argparse
import sys
from typing import TYPE_CHECKING

from synvae_workbench.arguments import count
from synvae_workbench.commands.options import typed

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from synvae_workbench.search.nearest import Heard, Search

STEPS_PER_BAR = 16


def index_parser(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Adds the command that makes or updates an index."""
    index = commands.add_parser("index", help="make or update an index of a folder's melodies")
    index.add_argument("folder", type=typed, help="an album, or any folder of MIDI files")
    index.add_argument("--length", type=count, default=2, metavar="BARS", help="by default 2")
    index.add_argument("--model", default="", help="a SynVAE, to search by its latents as well")
    return index


def search_parser(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Adds the command that searches in an index."""
    search = commands.add_parser("search", help="find the melodies that sound most alike")
    search.add_argument("folder", type=typed, help="one with an index, see `synvae index`")
    search.add_argument("query", type=typed, help="a MIDI file, or a picture")
    search.add_argument("-n", "--number", type=count, default=10, help="by default 10")
    search.add_argument("--exact", action="store_true", help="compare with every melody")
    search.add_argument("--by", choices=("ear", "latents"), default="ear")
    words = "the SynVAE that plays a picture, and whose latents the index has"
    search.add_argument("--model", default="", help=words)
    return search


def album_parser(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Adds the command that writes an album's page."""
    page = commands.add_parser("album", help="write album.html, one page of an album")
    page.add_argument("folder", type=typed, help="one that `synvae listen` made")
    words = "by name, or so that neighbours sound alike; the page can change it"
    page.add_argument("--order", choices=("name", "ear"), default="name", help=words)
    return page


def index_command(options: argparse.Namespace) -> int:
    """Makes or updates an index; prints its path and, of files without a melody, why."""
    from synvae_workbench.data.files import printable
    from synvae_workbench.progress import progress
    from synvae_workbench.search.store import index_file
    from synvae_workbench.search.update import update_index

    model, steps = None, options.length * STEPS_PER_BAR
    if options.model:
        from synvae_workbench.search.models import hearing

        model, steps = hearing(options.model)
    with progress(description="melodies") as bar:
        changes = update_index(options.folder, steps=steps, model=model, done=bar.update)
    for name, reason in changes.failed.items():
        print(f"{printable(name)} {reason}", file=sys.stderr)
    print(
        f"{changes.added:,} added, {changes.kept:,} kept, {changes.removed:,} removed, "
        f"{len(changes.failed):,} failed",
        file=sys.stderr,
    )
    print(index_file(options.folder))
    return int(bool(changes.failed))


def search_command(options: argparse.Namespace) -> int:
    """Searches; prints the distance and the path of each melody that was found."""
    from synvae_workbench.data.files import printable
    from synvae_workbench.search.nearest import Search
    from synvae_workbench.search.store import read_index

    search = Search(read_index(options.folder))
    events = _melody(options.query, search.index.about.steps, options.model)
    for found in _found(search, events, options):
        print(f"{found.distance:8.2f}  {printable(str(options.folder / found.name))}")
    return 0


def album_command(options: argparse.Namespace) -> int:
    """Writes an album's page; prints its path and, of what is left out, why."""
    from synvae_workbench.album_page.write import write_album_page
    from synvae_workbench.progress import progress

    with progress(description="entries") as bar:
        written = write_album_page(options.folder, order=options.order, done=bar.update)
    for name, reason in written.left_out.items():
        print(f"{name}: {reason}", file=sys.stderr)
    print(written.path)
    return int(bool(written.left_out))


def _found(search: "Search", events: "np.ndarray", options: argparse.Namespace) -> "list[Heard]":
    if options.by == "ear":
        return search.by_ear(events, k=options.number, exact=options.exact)
    if not options.model:
        raise ValueError("--by latents needs --model, the SynVAE that the index was made with")
    from synvae_workbench.search.models import hearing

    model, _ = hearing(options.model)
    if model.digest != search.index.about.model:
        raise ValueError(
            f"the index of {options.folder} was made with another model than {options.model}, or "
            "with none: name that one, or remove the index and make it anew"
        )
    return search.by_latents(model.latents(events[None])[0], k=options.number)


def _melody(query: "Path", steps: int, model: str) -> "np.ndarray":
    """The melody of a MIDI file, or that of a picture, as `synvae listen` plays it."""
    from synvae_core.music.midi_files import MOST_BEFORE
    from synvae_core.music.reading import read_opening
    from synvae_core.small_files import read_small
    from synvae_workbench.data.pictures.files import MAX_BYTES

    content = read_small(query, most_bytes=MAX_BYTES)
    if b"MThd" not in content[:MOST_BEFORE]:
        from synvae_workbench.album.playing import Listener, Playing, Source, model_place

        playing = Playing(model=model_place(model), bars=None if model else steps // STEPS_PER_BAR)
        [made] = Listener(playing).make([Source(0, content)])
        if made.reason:
            raise ValueError(f"{query} {made.reason}")
        content = made.files[".mid"]
    return read_opening(content, steps=steps, name=str(query))
