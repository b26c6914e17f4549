"""Windows of POP909's songs with the chords that its authors annotated.

Wang et al. 2020, "POP909: A Pop-song Dataset for Music Arrangement Generation", ISMIR,
arXiv 2008.07142. Each line of `chord_midi.txt` is a chord's start and end in seconds and its name
in the syntax of Harte et al. 2005, "Symbolic Representation of Musical Chords"; `key_audio.txt` has
the song's keys in the same syntax.
"""

import re
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt8

from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER
from synvae_core.music.harmony import NO_CHORD, STEPS_PER_CHORD
from synvae_workbench.data.cache import cache_folder, cached_arrays, digest_of
from synvae_workbench.data.melodies.pop909 import (
    BEATS,
    POP909,
    Song,
    read_beats,
    read_songs,
    song_files,
    split_songs,
)
from synvae_workbench.data.melodies.windows import cut_windows
from synvae_workbench.data.options import CorpusOptions
from synvae_workbench.data.places import folder_of

READER_VERSION = 1  # part of the cache's name; raise it when the windows change
CHORDS, KEYS = "chord_midi.txt", "key_audio.txt"
BEATS_PER_BAR = STEPS_PER_BAR // STEPS_PER_QUARTER
NATURAL = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
# Semitones above the root; what stands in brackets is added.
QUALITIES = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "7": (0, 4, 7, 10),
    "maj6": (0, 4, 7, 9),
    "min6": (0, 3, 7, 9),
    "minmaj7": (0, 3, 7, 11),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "dim7": (0, 3, 6, 9),
    "hdim7": (0, 3, 6, 10),
    "sus4(b7)": (0, 5, 7, 10),
}
NAME = re.compile(r"([A-G])([b#]*):([^/]+)(/.*)?")


class ChordedPieces(NamedTuple):
    """Windows of n songs' melodies and their chords, one for each beat.

    `triads` are ids of `harmony`'s chords, `NO_CHORD` where none was annotated or it is neither
    major nor minor; `tones` are all pitch classes of the chord as it is annotated.
    """

    events: UInt8[np.ndarray, "n t"]
    triads: Int[np.ndarray, "n beats"]
    tones: Bool[np.ndarray, "n beats 12"]
    keys: Int[np.ndarray, " n"]  # id of the tonic's triad, NO_CHORD of songs that change their key
    parts: Int[np.ndarray, " n"]  # 0 training, 1 validation, 2 test
    songs: Int[np.ndarray, " n"]

    def of(self, part: int) -> "ChordedPieces":
        """The windows of one part of the split, that of `load_pop909`."""
        return ChordedPieces(*(values[self.parts == part] for values in self))


def load_chorded_pieces(options: CorpusOptions) -> ChordedPieces:
    """Loads windows of POP909's melodies that do not overlap, with their chords.

    Raises:
        ValueError: if the songs are not there, or none has a window with chords.
    """
    files = song_files(folder_of(POP909, options), (BEATS, CHORDS, KEYS))
    settings = (READER_VERSION, options.bars, options.seed)
    name = f"pop909-chords-{options.bars}bar-{digest_of(settings, files)}.npz"
    stored = cached_arrays(
        cache_folder(options.cache) / name,
        ChordedPieces._fields,
        lambda: _build(files, options)._asdict(),
        compressed=True,
    )
    return ChordedPieces(*(stored[field] for field in ChordedPieces._fields))


def _build(files: dict[str, bytes], options: CorpusOptions) -> ChordedPieces:
    songs, _ = read_songs(files)
    parts = split_songs(songs, seed=options.seed)
    found = []
    for number, (name, song) in enumerate(songs.items()):
        beside = name.split("/")[0]
        if f"{beside}/{CHORDS}" not in files:
            continue
        times, _ = read_beats(files[f"{beside}/{BEATS}"])
        chords = read_chords(files[f"{beside}/{CHORDS}"], times)
        key = read_key(files.get(f"{beside}/{KEYS}", b""))
        windows = chorded_windows(song, *chords, bars=options.bars)
        places = np.tile([key, parts[number], number], (len(windows[0]), 1))
        found.append((*windows, *places.T))
    if not sum(len(windows[0]) for windows in found):
        raise ValueError(f"no song has {options.bars} bars with chords; expected {POP909.advice}")
    return ChordedPieces(*map(np.concatenate, zip(*found, strict=True)))


def chord_of(name: str) -> tuple[int, tuple[int, ...]]:
    """Triad and pitch classes of a chord's name; `NO_CHORD` and none of "N".

    Raises:
        ValueError: if the name is no chord.
    """
    if name == "N":
        return NO_CHORD, ()
    match = NAME.fullmatch(name)
    if not match or match[3] not in QUALITIES:
        raise ValueError(f"chord {name!r} is unknown; expected one such as C#:min7 or Bb:maj/3")
    root = (NATURAL[match[1]] + match[2].count("#") - match[2].count("b")) % 12
    intervals = QUALITIES[match[3]]
    tones = tuple((root + interval) % 12 for interval in intervals)
    if {0, 4, 7} <= set(intervals):
        return root, tones
    return (root + 12 if {0, 3, 7} <= set(intervals) else NO_CHORD), tones


def read_chords(
    text: bytes, times: np.ndarray
) -> tuple[Int[np.ndarray, " beats"], Bool[np.ndarray, "beats 12"]]:
    """Triad and pitch classes at each beat: of the chord that sounds at its middle.

    Raises:
        ValueError: if a line is no chord with its start and end.
    """
    triads = np.full(len(times), NO_CHORD)
    tones = np.zeros((len(times), 12), bool)
    middles = times + np.diff(times, append=2 * times[-1] - times[-2]) / 2
    for line in text.decode().splitlines():
        start, end, name = line.split()
        triad, classes = chord_of(name)
        sounding = (float(start) <= middles) & (middles < float(end))
        triads[sounding] = triad
        tones[np.ix_(sounding, classes)] = True
    return triads, tones


def read_key(text: bytes) -> int:
    """Triad of the tonic, `NO_CHORD` where none is named or several are."""
    named = {line.split()[2] for line in text.decode().splitlines() if line.strip()}
    return chord_of(named.pop())[0] if len(named) == 1 else NO_CHORD


def chorded_windows(
    song: Song, triads: np.ndarray, tones: np.ndarray, *, bars: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Melodies, triads and pitch classes of windows that do not overlap."""
    starts, free = [], 0
    is_start = set(song.bar_starts.tolist())
    for start in song.bar_starts.tolist():
        if start >= free and all(start + STEPS_PER_BAR * bar in is_start for bar in range(bars)):
            starts.append(start)
            free = start + STEPS_PER_BAR * bars
    found: list[tuple] = []
    for start in starts:
        events = cut_windows(np.array(song.notes)[:, :3], starts=np.array([start]), bars=bars)
        beats = start // STEPS_PER_QUARTER + np.arange(BEATS_PER_BAR * bars)
        if len(events) and tones[beats].any():
            found.append((events[0], triads[beats], tones[beats]))
    steps, beats = STEPS_PER_BAR * bars, BEATS_PER_BAR * bars
    if not found:
        return (
            np.zeros((0, steps), np.uint8),
            np.zeros((0, beats), int),
            np.zeros((0, beats, 12), bool),
        )
    return tuple(map(np.stack, zip(*found, strict=True)))


def half_bar_triads(triads: Int[np.ndarray, "n beats"]) -> Int[np.ndarray, "n spans"]:
    """Triads at the first beat of each half bar."""
    return triads[:, :: STEPS_PER_CHORD // STEPS_PER_QUARTER]
