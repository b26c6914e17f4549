"""Corpus of the melodies of POP909, 909 pop songs, on their annotated beats.

Wang et al. 2020, "POP909: A Pop-song Dataset for Music Arrangement Generation", ISMIR,
arXiv 2008.07142. MIT licence. The time signatures and tempi in the MIDI files do not follow the
songs, so bars are taken from `beat_midi.txt`: on each line a beat's time in seconds, then 1 where
a bar starts if two beats (three in triple time) make a bar, then 1 where a bar starts if four (six)
do. The second reading is the one whose bars are nearly all of one length within a song.
"""

from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pretty_midi
from jaxtyping import Float, Int

from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER, Note
from synvae_core.small_files import read_small
from synvae_workbench.data.cache import cache_folder, digest_of
from synvae_workbench.data.melodies.corpus import (
    HELD_OUT,
    MAX_DIFFERENT,
    Corpus,
    cached_corpus,
    collect,
    distinct_in_tune,
    split_tunes,
)
from synvae_workbench.data.melodies.windows import (
    NOTES_PER_BAR,
    cut_windows,
    on_grid,
    top_line,
)
from synvae_workbench.data.options import CorpusOptions
from synvae_workbench.data.places import folder_of
from synvae_workbench.data.sources import Published

READER_VERSION = 1  # part of the cache's name; raise it when the windows change
MAX_BYTES = 10_000_000  # of a file of a song; the largest has 60,000
TRACK = "MELODY"
HEADER_BYTES = 14  # of a MIDI file, before its tracks; the first has the tempi
BEATS = "beat_midi.txt"
BEATS_PER_BAR = STEPS_PER_BAR // STEPS_PER_QUARTER
MAX_BEAT_RATIO = 1.5  # of a bar's longest beat to its shortest: beyond it one is missing


class Song(NamedTuple):
    """Monophonic melody of a song and the starts of its four-beat bars, in steps.

    `bar_starts` are multiples of four steps, without bars of another number of beats.
    """

    notes: list[Note]
    bar_starts: np.ndarray


def _song_paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9][0-9][0-9]/[0-9][0-9][0-9].mid"))


POP909 = Published(
    folder="midi/pop909/POP909",
    title="melodies of pop songs",
    home="https://github.com/music-x-lab/POP909-Dataset",
    licence="MIT",
    size="909 songs in MIDI, with their beats",
    layout=f"what is in its folder POP909, 001/001.mid, 001/{BEATS} and so on,",
    find=_song_paths,
)


def load_pop909(options: CorpusOptions) -> Corpus:
    """Loads the melodies of POP909 in bars of four beats, split 90/5/5 by song.

    Windows start on every bar that begins so many in a row; the split is the same for windows of
    any length. Songs without a melody, beats or such bars are counted in
    `statistics["skipped_reasons"]`.

    Raises:
        ValueError: if the songs are not there, or none has a window.
    """
    files, bars, seed = song_files(folder_of(POP909, options)), options.bars, options.seed
    settings = (READER_VERSION, bars, seed, NOTES_PER_BAR, MAX_DIFFERENT, HELD_OUT, MAX_BEAT_RATIO)
    path = cache_folder(options.cache) / f"pop909-{bars}bar-{digest_of(settings, files)}.npz"
    return cached_corpus(path, lambda: _build(files, bars=bars, seed=seed))


def song_files(folder: Path, beside: Sequence[str] = (BEATS,)) -> dict[str, bytes]:
    """Contents of the MIDI files and of the files of these names beside them, as `001/001.mid`.

    Raises:
        ValueError: if there are no songs.
    """
    paths = _song_paths(folder)
    if not paths:
        raise ValueError(f"{folder} has no 001/001.mid: {POP909.advice}")
    named = ((path, *map(path.with_name, beside)) for path in paths)
    paths = [path for several in named for path in several if path.is_file()]
    contents = (read_small(path, most_bytes=MAX_BYTES) for path in paths)
    names = (f"{path.parent.name}/{path.name}" for path in paths)
    return dict(zip(names, contents, strict=True))


def read_songs(files: dict[str, bytes]) -> tuple[dict[str, Song], dict[str, int]]:
    """Songs that can be read, by their files' names, and the reasons of the others, counted."""
    songs, skipped = {}, Counter()
    for name in (name for name in files if name.endswith(".mid")):
        try:
            songs[name] = read_song(files[name], files.get(f"{name.split('/')[0]}/{BEATS}"))
        except ValueError as error:
            skipped[str(error)] += 1
    return songs, dict(skipped)


def split_songs(songs: dict[str, Song], *, seed: int) -> Int[np.ndarray, " songs"]:
    """Split of songs: 0 training, 1 validation, 2 test; the same for windows of any length."""
    two_bars = [song_windows(song, bars=2) for song in songs.values()]
    if not sum(map(len, two_bars)):
        raise ValueError(f"none of the {len(songs)} songs has two bars of four beats in a row")
    owner = distinct_in_tune(two_bars)[1]
    return split_tunes(np.arange(len(songs)), list(songs), owner, seed=seed)


def _build(files: dict[str, bytes], *, bars: int, seed: int) -> Corpus:
    songs, skipped = read_songs(files)
    windows = [song_windows(song, bars=bars) for song in songs.values()]
    if not sum(map(len, windows)):
        raise ValueError(
            f"none of the {len(songs)} songs has {bars} bars of four beats in a row; skipped "
            f"{sum(skipped.values())}: {skipped}; expected the songs of {POP909.home}"
        )
    part = split_songs(songs, seed=seed)
    statistics = {"tunes": len(songs), "skipped": sum(skipped.values())}
    statistics["skipped_reasons"] = skipped
    return collect(windows, part, list(songs), statistics)


def read_song(midi: bytes, beats: bytes | None) -> Song:
    """Reads a song from the contents of its MIDI file and of `beat_midi.txt`.

    Raises:
        ValueError: with the reason, in one wording for all such songs, by which they are counted.
    """
    times, is_downbeat = read_beats(beats)
    try:
        tracks = pretty_midi.PrettyMIDI(BytesIO(melody_alone(midi))).instruments
    except Exception as error:  # mido raises whatever the bytes provoke
        raise ValueError("the MIDI file is truncated or corrupt") from error
    found = [note for track in tracks if track.name.strip() == TRACK for note in track.notes]
    seconds = np.array([(note.start, note.end) for note in found]).reshape(-1, 2)
    half_a_step = (times[1] - times[0]) / STEPS_PER_QUARTER / 2
    inside = (seconds[:, 0] >= times[0] - half_a_step) & (seconds[:, 0] < times[-1])
    if not inside.any():
        raise ValueError(f"no notes in a track named {TRACK} between the beats")
    steps = np.interp(seconds, times, np.arange(len(times)) * float(STEPS_PER_QUARTER))
    pitches = np.array([note.pitch for note in found])
    notes = top_line(on_grid(*steps[inside].T, pitches[inside]))
    downbeats = np.flatnonzero(is_downbeat)
    lengths = np.diff(times)
    bar_starts = [
        start * STEPS_PER_QUARTER
        for start, stop in zip(downbeats[:-1].tolist(), downbeats[1:].tolist(), strict=True)
        if stop - start == BEATS_PER_BAR
        and lengths[start:stop].max() < MAX_BEAT_RATIO * lengths[start:stop].min()
    ]
    if not bar_starts:
        raise ValueError("no bars of four beats")
    return Song(notes, np.array(bar_starts))


def melody_alone(midi: bytes) -> bytes:
    """A MIDI file without tracks that name no melody: the piano's has most of the notes to read.

    One that is not just a header and tracks, as when it is truncated, is returned as it is.
    """
    tracks, place = [], HEADER_BYTES
    while midi[place : place + 4] == b"MTrk":
        end = place + 8 + int.from_bytes(midi[place + 4 : place + 8], "big")
        tracks.append(midi[place:end])
        place = end
    if midi[:8] != b"MThd" + (6).to_bytes(4, "big") or place != len(midi) or not tracks:
        return midi
    kept = tracks[:1] + [track for track in tracks[1:] if TRACK.encode() in track]
    return midi[:10] + len(kept).to_bytes(2, "big") + midi[12:HEADER_BYTES] + b"".join(kept)


def read_beats(text: bytes | None) -> tuple[Float[np.ndarray, " beats"], np.ndarray]:
    """Times of the beats in seconds, and True for those that start a bar."""
    if text is None:
        raise ValueError(f"{BEATS} is missing")
    try:
        table = np.loadtxt(BytesIO(text), ndmin=2)
    except ValueError as error:
        raise ValueError(f"{BEATS} is no table of numbers") from error
    if table.shape[1:] != (3,) or len(table) < 2:
        raise ValueError(f"{BEATS} has no beats in three columns")
    if not (np.isfinite(table).all() and (np.diff(table[:, 0]) > 0).all()):
        raise ValueError(f"{BEATS} goes back in time")
    return table[:, 0], table[:, 2] == 1


def song_windows(song: Song, *, bars: int) -> np.ndarray:
    """Windows (n, 16 * bars) from every bar line that `bars` bars of four beats follow."""
    first = song.bar_starts[: max(len(song.bar_starts) - bars + 1, 0)]
    last = song.bar_starts[bars - 1 :]
    starts = first[last - first == (bars - 1) * STEPS_PER_BAR]
    return cut_windows(np.array(song.notes)[:, :3], starts=starts, bars=bars)
