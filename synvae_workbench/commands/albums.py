"""The commands of albums: melodies of pictures, and pictures of tunes."""

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from synvae_workbench.arguments import count, program, seed
from synvae_workbench.commands.options import typed

if TYPE_CHECKING:
    from synvae_workbench.album.chunks import Options
    from synvae_workbench.album.crew import Crew

STREAM = "-"  # standard input or output in place of a file


def listen_parser(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Adds the command that makes melodies of pictures."""
    listen = commands.add_parser("listen", help="make the melodies of pictures, in MIDI files")
    _sources_options(listen, "PICTURE", "a picture on standard input")
    listen.add_argument("--also", default="", metavar="wav,mp3", help="or ogg, musicxml")
    listen.add_argument("--length", type=count, metavar="BARS", help="2 or 8, as models have them")
    words = "play as the picture looks; by default where the model draws with that"
    listen.add_argument("--performance", action=argparse.BooleanOptionalAction, help=words)
    listen.add_argument("--instrument", type=program, help="of General MIDI")
    listen.add_argument("--tempo", type=float, help="quarters per minute, 4 to 960")
    listen.add_argument("--font", default="", help="name or path of a sound font")
    listen.add_argument("--temperature", type=float, default=0.0, help="of the notes, 0 to 1.5")
    listen.add_argument("--seed", type=seed, default=0, help="of the notes, with a temperature")
    listen.add_argument("--model", default="", help="by default the one for a picture's kind")
    _crew_options(listen)
    return listen


def draw_parser(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Adds the command that draws tunes."""
    draw = commands.add_parser("draw", help="draw the pictures of tunes in MIDI files")
    _sources_options(draw, "TUNE", "a MIDI file on standard input")
    draw.add_argument("--model", default="", help="by default the one that played it")
    _crew_options(draw)
    return draw


def listen_command(options: argparse.Namespace) -> int:
    """Makes an album of melodies; prints its folder, or writes one file to standard output."""
    crew = _crew(options)
    from synvae_workbench.album.playing import Playing, model_place
    from synvae_workbench.data.pictures.files import suffixes

    playing = Playing(
        model=model_place(options.model),
        bars=options.length,
        performance=options.performance,
        instrument=options.instrument,
        tempo=options.tempo,
        font=options.font,
        temperature=options.temperature,
        seed=options.seed,
        also=tuple(filter(None, options.also.split(","))),
    )
    return _make(options, crew, playing, suffixes())


def draw_command(options: argparse.Namespace) -> int:
    """Makes an album of pictures; prints its folder, or writes one file to standard output."""
    crew = _crew(options)
    from synvae_workbench.album.drawing import TUNES, Drawing
    from synvae_workbench.album.playing import model_place

    return _make(options, crew, Drawing(model_place(options.model)), TUNES)


def _sources_options(command: argparse.ArgumentParser, one: str, stream: str) -> None:
    words = f"files and folders, or {STREAM} for {stream}"
    command.add_argument("sources", nargs="*", metavar=one, help=words)
    command.add_argument("--list", metavar="FILE", help=f"paths, one a line; {STREAM} for a stream")
    words = f"the album's folder, new or to go on with; {STREAM}: one file to standard output"
    command.add_argument("--to", required=True, metavar="FOLDER", help=words)
    words = "remove what was made of files that are gone from the folders that are named"
    command.add_argument("--prune", action="store_true", help=words)


def _crew_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--workers", type=count, default=1, help="processes here")
    command.add_argument("--gpus", metavar="0,1", help="cards of this machine, for workers")
    command.add_argument("--scheduler", default="", metavar="ADDRESS", help="of Dask, instead")
    command.add_argument("--needs", default="", metavar="GPU=1", help="of a worker there")


def _make(
    options: argparse.Namespace, crew: "Crew", how: "Options", suffixes: Iterable[str]
) -> int:
    if STREAM in options.sources or options.to == STREAM:
        return _stream(options, how)
    if not options.sources and not options.list:
        raise ValueError("nothing is named: name files or folders, or --list a file of paths")
    from synvae_workbench.album.chunks import most_bytes_of
    from synvae_workbench.album.layout import FAILED
    from synvae_workbench.album.ledger import reading
    from synvae_workbench.album.making import make_album
    from synvae_workbench.album.sources import Sources
    from synvae_workbench.data.files import describe_left_out, printable

    album = typed(options.to)
    sources = Sources(
        [typed(each) for each in options.sources],
        suffixes=frozenset(suffixes),
        most_bytes=most_bytes_of(how),
        album=album,
        listed=_listed(options.list),
    )
    try:
        made = make_album(sources, album, how, crew, prune=options.prune)
    except KeyboardInterrupt:
        print("what was finished is kept, and the same command goes on", file=sys.stderr)
        raise
    if sources.left_out:
        print(f"left out: {describe_left_out(sources.left_out)}", file=sys.stderr)
    with reading(album) as ledger:
        for entry in ledger.entries(FAILED) if made.failed else ():
            print(f"{printable(entry.name)} {entry.reason}", file=sys.stderr)
    failed = f", {made.failed:,} failed" if made.failed else ""
    print(f"{made.done:,} done{failed}", file=sys.stderr)
    if made.pruned:
        print(f"{made.pruned:,} removed: what they were made of is gone", file=sys.stderr)
    if made.gone:
        words = "kept, though what they were made of is gone: --prune removes such files"
        print(f"{made.gone:,} {words}", file=sys.stderr)
    if not made.done and not made.failed and not made.pruned:
        raise ValueError("nothing was found there: name files, or folders that have some")
    print(album)
    return int(bool(made.failed))


def _listed(path: str | None) -> Iterable[bytes]:
    from synvae_workbench.album.sources import bounded_lines, list_lines

    if path is None:
        return ()
    return bounded_lines(sys.stdin.buffer) if path == STREAM else list_lines(typed(path))


def _crew(options: argparse.Namespace) -> "Crew":
    from synvae_workbench.album.crew import Crew

    cards = options.gpus
    cards = None if cards is None else tuple(card for card in cards.split(",") if card)
    crew = Crew(options.workers, cards, options.scheduler, options.needs)
    if not crew.alone:
        options.group = "sweep"  # whose packages the others are led by
    return crew


def _stream(options: argparse.Namespace, how: "Options") -> int:
    """Makes one file, from standard input or a path, into standard output."""
    if options.to != STREAM or len(options.sources) != 1 or options.list:
        raise ValueError(
            f"{STREAM} is one file: give one, and --to {STREAM}, which writes to standard output"
        )
    from synvae_core.small_files import read_small
    from synvae_workbench.album.chunks import maker_of, most_bytes_of
    from synvae_workbench.album.playing import Source
    from synvae_workbench.album.sources import played_by

    (source,), most = options.sources, most_bytes_of(how)
    name = "standard input" if source == STREAM else source
    if source == STREAM:
        content = sys.stdin.buffer.read(most + 1)
        if len(content) > most:
            raise ValueError(f"{name} has more than {most:,} bytes")
    else:
        content = read_small(typed(source), most_bytes=most)
    model = played_by(typed(source)) if source != STREAM else ""
    (made,) = maker_of(how).make([Source(0, content, model)])
    if made.reason:
        print(f"{name} {made.reason}", file=sys.stderr)
        return 1
    *others, last = made.files.values()
    if len(made.files) > 2 or (others and last[:4] != b"MThd"):
        raise ValueError(f"{name} becomes {len(made.files)} files: name a folder for them")
    sys.stdout.buffer.write(others[0] if others else last)
    sys.stdout.buffer.flush()
    return 0
