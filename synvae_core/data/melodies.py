"""Two-bar melodies out of the fiddle tunes that come with the music21 package.

Windows of 32 sixteenths on bar lines, split by tune after tunes and windows that nearly repeat
each other, up to transposition, have been brought together. The Essen collection beside them is
left out: its licence is for non-commercial use only.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import tempfile
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from synvae_core.data.abc import SkippedTune, Tune, parse_tunebook
from synvae_core.data.near_duplicates import near_pairs, relative_to_first_note
from synvae_core.music.melody import (
    FIRST_NOTE,
    HOLD,
    MAX_PITCH,
    MIN_PITCH,
    NOTE_OFF,
    canonical,
)

WINDOW_STEPS = 32
MIN_NOTES = 3
MAX_DIFFERENT = 3  # steps, of 32, on which two windows may differ and count as the same
SHARED_WINDOWS = 0.2  # of a tune's windows that stand in another tune: they are variants
HELD_OUT = 0.05  # of the windows, in validation and in test each
COLLECTIONS = ("airdsAirs", "miscFolk", "oneills1850", "ryansMammoth")
READER_VERSION = 4  # part of the cache's name; raise it when the windows change
_TOLERANCE = 1e-6  # of a step: thirds are not exact in floating point
_BARS_PER_WINDOW = {(4, 4): 2, (2, 2): 2, (2, 4): 4, (4, 2): 2}
_STEPS_PER_QUARTER = {(4, 4): 4, (2, 2): 4, (2, 4): 4, (4, 2): 2}


class Corpus(NamedTuple):
    """Event ids of two-bar melodies, in canonical form, and the tune that each one is from."""

    train: UInt8[np.ndarray, "train 32"]
    validation: UInt8[np.ndarray, "validation 32"]
    test: UInt8[np.ndarray, "test 32"]
    train_tunes: np.ndarray
    validation_tunes: np.ndarray
    test_tunes: np.ndarray
    tunes: list[str]  # "collection/file X title", by tune id
    statistics: dict


def two_bar_windows(tune: Tune, *, min_notes: int = MIN_NOTES) -> UInt8[np.ndarray, "n 32"]:
    """Windows of 32 sixteenths on every bar line that two bars' worth of full bars follow.

    4/4 and 2/2 are read as they are, 2/4 as four bars, 4/2 at half its length; other metres give
    nothing. An onset goes to the nearest sixteenth (halves up); where two meet on one step the
    nearer one stays. A note that already sounds on the window's bar line is struck again there.
    Windows with fewer than `min_notes` notes or with pitches outside 21..108 are left out.
    """
    starts, per_quarter = _window_starts(tune)
    onsets = np.array([float(note.onset) for note in tune.notes])
    ends = onsets + [float(note.duration) for note in tune.notes]
    pitches = np.array([note.pitch for note in tune.notes])
    first = np.searchsorted(ends, starts + _TOLERANCE)
    last = np.searchsorted(onsets, starts + WINDOW_STEPS / per_quarter - _TOLERANCE)
    count = np.maximum(last - first, 0)
    row = np.repeat(np.arange(len(starts)), count)  # the window of each note in a window
    note = np.arange(len(row)) - np.repeat(np.cumsum(count) - count - first, count)
    times = [(time[note] - starts[row]) * per_quarter[row] for time in (onsets, ends)]
    events = _quantise(row, *times, pitches[note], windows=len(starts))
    keep = (events >= FIRST_NOTE).sum(1) >= min_notes
    keep[row[(pitches[note] < MIN_PITCH) | (pitches[note] > MAX_PITCH)]] = False
    return canonical(events[keep]).astype(np.uint8)


def _window_starts(tune: Tune) -> tuple[np.ndarray, np.ndarray]:
    """Where the windows of a tune start, in quarters, and how many steps a quarter has there."""
    full = [bar.is_full for bar in tune.bars]
    starts, per_quarter = [], []
    for index, bar in enumerate(tune.bars):
        count = _BARS_PER_WINDOW.get(bar.metre, 0)
        metres = {other.metre for other in tune.bars[index : index + count]}
        if sum(full[index : index + count]) == count and len(metres) == 1:
            starts.append(float(bar.start))
            per_quarter.append(_STEPS_PER_QUARTER[bar.metre])
    return np.array(starts, float), np.array(per_quarter, float)


def _quantise(
    row: np.ndarray, onsets: np.ndarray, ends: np.ndarray, pitches: np.ndarray, *, windows: int
) -> np.ndarray:
    """Event ids of `windows` windows; each note's times are in steps from the start of its row."""
    steps = np.clip(np.floor(onsets + 0.5 + _TOLERANCE).astype(int), 0, WINDOW_STEPS)
    stops = np.clip(np.floor(ends + 0.5 + _TOLERANCE).astype(int), steps + 1, WINDOW_STEPS + 1)
    following = np.append(steps[1:], WINDOW_STEPS)
    following[np.append(row[1:] != row[:-1], True)] = WINDOW_STEPS
    events = np.full((windows, WINDOW_STEPS + 2), HOLD, np.int64)
    rests = stops < following
    events[row[rests], stops[rests]] = NOTE_OFF
    distance = np.abs(onsets - steps).round(6)
    order = np.lexsort((-np.arange(len(row)), -distance))  # what is written last stays
    events[row[order], steps[order]] = pitches[order] - MIN_PITCH + FIRST_NOTE
    return events[:, :WINDOW_STEPS]


def load_abc_corpus(
    folder: Path | None = None, *, cache: Path | None = None, seed: int = 0
) -> Corpus:
    """The two-bar melodies of the packaged tunes, from the cache where it holds them.

    Args:
        folder: of the collections; by default the corpus of the installed music21 package.
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`.
        seed: of the split.

    Raises:
        ValueError: if the folder holds none of the collections.
    """
    files = _source_files(folder or _packaged_folder())
    cache = cache or Path(os.environ.get("SYNVAE_CACHE") or Path.home() / ".cache" / "synvae")
    settings = (READER_VERSION, seed, MIN_NOTES, MAX_DIFFERENT, SHARED_WINDOWS, HELD_OUT)
    digest = hashlib.sha256(repr(settings).encode())
    for name, content in files.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    path = cache / f"abc-{digest.hexdigest()[:16]}.npz"
    corpus = _read_cache(path)
    if corpus is None:
        corpus = build_corpus(*read_tunes(files), seed=seed)
        with contextlib.suppress(OSError):  # a read-only or full disk costs time, not the corpus
            _write_cache(path, corpus)
    return corpus


def _packaged_folder() -> Path:
    spec = importlib.util.find_spec("music21")  # importing it takes seconds
    if spec is None or not spec.submodule_search_locations:
        raise ValueError("the packaged tunes come with music21: run `pip install music21`")
    return Path(spec.submodule_search_locations[0]) / "corpus"


def _source_files(folder: Path) -> dict[str, bytes]:
    paths = [path for name in COLLECTIONS for path in sorted((folder / name).glob("*.abc"))]
    if not paths:
        raise ValueError(f"{folder} holds no .abc file in {', '.join(COLLECTIONS)}")
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in paths}


def read_tunes(files: dict[str, bytes]) -> tuple[list[Tune], list[SkippedTune]]:
    """The tunes of ABC files by name, in UTF-8 or else Latin-1, and those that were skipped."""
    tunes, skipped = [], []
    for name, content in files.items():
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
        book = parse_tunebook(text, source=name)
        tunes += book.tunes
        skipped += book.skipped
    return tunes, skipped


def build_corpus(tunes: list[Tune], skipped: list[SkippedTune] = (), *, seed: int = 0) -> Corpus:
    """Windows of the tunes without near-duplicates, split 90/5/5 by tune.

    Raises:
        ValueError: if no tune has a window.
    """
    windows = [two_bar_windows(tune) for tune in tunes]
    if not sum(map(len, windows)):
        raise ValueError(
            f"none of the {len(tunes)} tunes ({len(skipped)} skipped) has two bars of 4/4, 2/2 or "
            "4/2 or four of 2/4 in a row: choose a folder with other tunes"
        )
    events = np.concatenate(windows)
    owner = np.repeat(np.arange(len(tunes)), [len(part) for part in windows])
    keep = _first_of_each(np.column_stack([relative_to_first_note(events), owner]))
    statistics = {"tunes": len(tunes), "skipped": len(skipped), "windows": len(events)}
    statistics["skipped_reasons"] = dict(Counter(tune.reason for tune in skipped))
    statistics["repeated_within_tune"] = len(events) - len(keep)
    events, owner = events[keep], owner[keep]
    group = group_tunes(events, owner, tune_count=len(tunes))
    names = [f"{tune.source} {tune.reference} {tune.title}" for tune in tunes]
    part = _split(group, names, owner, seed=seed)[owner]
    order = np.lexsort((np.arange(len(part)), part))  # a window of several parts stays in training
    events, owner, part = events[order], owner[order], part[order]
    keep = _first_of_each(relative_to_first_note(events))
    statistics["repeated_between_tunes"] = len(events) - len(keep)
    events, owner, part = events[keep], owner[keep], part[keep]
    pairs = near_pairs(events, max_different=MAX_DIFFERENT)
    leaks = np.unique(pairs[part[pairs[:, 0]] < part[pairs[:, 1]], 1])
    statistics["held_out_near_training"] = len(leaks)
    clean = np.setdiff1d(np.arange(len(events)), leaks)
    events, owner, part = events[clean], owner[clean], part[clean]
    statistics["tunes_with_windows"] = len(np.unique(owner))
    statistics["tune_groups"] = len(np.unique(group[owner]))
    return Corpus(
        *(events[part == index] for index in range(3)),
        *(owner[part == index] for index in range(3)),
        names,
        statistics,
    )


def group_tunes(
    events: UInt8[np.ndarray, "n 32"], owner: Int[np.ndarray, " n"], *, tune_count: int
) -> Int[np.ndarray, " tunes"]:
    """Group number of every tune; variants of one tune, in whatever key, are in one group.

    Two tunes are variants where at least two windows, and `SHARED_WINDOWS` of those of either,
    nearly stand in the other.
    """
    pairs = near_pairs(events, max_different=MAX_DIFFERENT)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    shared = np.column_stack([owner[pairs], pairs[:, 0]])
    shared = np.unique(shared[shared[:, 0] != shared[:, 1]], axis=0)
    links, count = np.unique(shared[:, :2], axis=0, return_counts=True)
    size = np.bincount(owner, minlength=tune_count)
    links = links[(count >= 2) & (count >= SHARED_WINDOWS * size[links[:, 0]])]
    graph = coo_array((np.ones(len(links)), links.T), shape=(tune_count, tune_count))
    return connected_components(graph, directed=False)[1]


def _split(group: np.ndarray, names: list[str], owner: np.ndarray, *, seed: int) -> np.ndarray:
    """Part of every tune: 0 training, 1 validation, 2 test; a group is never divided.

    The order is by hash of the names, so that another tune more or less moves few others.
    """
    sizes = np.bincount(group[owner], minlength=group.max() + 1)
    hashes = [hashlib.sha256(f"{seed} {name}".encode()).hexdigest() for name in names]
    order = list(dict.fromkeys(group[index] for index in np.argsort(hashes)))
    share = (np.cumsum(sizes[order]) - sizes[order] / 2) / sizes.sum()
    part = np.zeros(len(sizes), int)
    part[order] = np.select([share < HELD_OUT, share < 2 * HELD_OUT], [1, 2], 0)
    return part[group]


def _first_of_each(rows: np.ndarray) -> np.ndarray:
    return np.sort(np.unique(rows, axis=0, return_index=True)[1])


_ARRAYS = ("train", "validation", "test", "train_tunes", "validation_tunes", "test_tunes")


def _read_cache(path: Path) -> Corpus | None:
    """The cached corpus, or None where there is none or it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = [stored[name] for name in _ARRAYS]
            return Corpus(*arrays, stored["tunes"].tolist(), json.loads(str(stored["statistics"])))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def _write_cache(path: Path, corpus: Corpus) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(
                file,
                **{name: getattr(corpus, name) for name in _ARRAYS},
                tunes=np.array(corpus.tunes),
                statistics=np.array(json.dumps(corpus.statistics)),
            )
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
