"""Corpus of windows from the fiddle tunes that come with the music21 package.

Windows of whole bars of 16 sixteenths, split by groups of tunes that are near-duplicates up to
transposition. The package's Essen collection is left out: its licence is for non-commercial use
only (`essen` reads it for evaluation).
"""

from collections import Counter
from pathlib import Path

import numpy as np
import scipy
from jaxtyping import Int, UInt8

from synvae_core.music.coding import STEPS_PER_BAR
from synvae_core.small_files import read_small
from synvae_workbench.data.cache import cache_folder, digest_of
from synvae_workbench.data.files import decode_text, printable, walk
from synvae_workbench.data.melodies.abc import SkippedTune, Tune, parse_tunebook
from synvae_workbench.data.melodies.corpus import (
    HELD_OUT,
    MAX_DIFFERENT,
    Corpus,
    cached_corpus,
    collect,
    distinct_in_tune,
    split_tunes,
)
from synvae_workbench.data.melodies.near_duplicates import near_pairs
from synvae_workbench.data.melodies.windows import (
    NOTES_PER_BAR,
    cut_windows,
    run_starts,
)
from synvae_workbench.data.options import CorpusOptions
from synvae_workbench.data.sources import Source

MAX_BYTES = 10_000_000  # of a file of tunes; the largest has 500,000
SHARED_WINDOWS = 0.2  # of a tune's windows that another tune has: they are variants
COLLECTIONS = ("airdsAirs", "miscFolk", "oneills1850", "ryansMammoth")
READER_VERSION = 4  # part of the cache's name; raise it when the windows change
EVERY_TWO_BARS = CorpusOptions()
_METRE_BARS = {(4, 4): 1, (2, 2): 1, (2, 4): 2, (4, 2): 1}  # that make 16 steps
_STEPS_PER_QUARTER = {(4, 4): 4, (2, 2): 4, (2, 4): 4, (4, 2): 2}


def bar_windows(
    tune: Tune, *, bars: int = 2, phrase: int = 0, min_notes: int | None = None
) -> UInt8[np.ndarray, "n t"]:
    """Windows of `bars` bars of 16 sixteenths, from every bar line that so many full bars follow.

    With `phrase`, from every so many bars alone, see `CorpusOptions`.

    4/4 and 2/2 are read as they are, 2/4 as twice as many bars, 4/2 at half its length; other
    metres give no windows. `cut_windows` says which are left out.
    """
    starts, per_quarter = _window_starts(tune, bars, phrase)
    if not len(starts):
        return np.zeros((0, bars * STEPS_PER_BAR), np.uint8)
    onsets = np.array([float(note.onset) for note in tune.notes])
    ends = onsets + [float(note.duration) for note in tune.notes]
    return cut_windows(
        np.stack([onsets, ends, [note.pitch for note in tune.notes]], 1),
        starts=starts,
        scale=per_quarter,
        bars=bars,
        min_notes=min_notes,
    )


def _window_starts(tune: Tune, bars: int, phrase: int) -> tuple[np.ndarray, np.ndarray]:
    """Starts of the windows of a tune, in quarters, and the steps in a quarter there."""
    starts, per_quarter = [], []
    full = np.array([bar.is_full for bar in tune.bars], bool)
    metres = [bar.metre for bar in tune.bars]
    for metre, count in _METRE_BARS.items():
        if metre not in metres:
            continue
        is_full = full & [each == metre for each in metres]
        if phrase and len(is_full) > 1 and is_full[-2]:
            is_full[-1] = metres[-1] == metre  # made short by the upbeat
        found = run_starts(is_full, bars=bars * count)
        if phrase:
            begins = np.flatnonzero(np.diff(is_full.astype(int), prepend=0) == 1)
            into_run = found - begins[np.searchsorted(begins, found, side="right") - 1]
            found = found[into_run % (phrase * count) == 0]
        for index in found:
            starts.append(float(tune.bars[index].start))
            per_quarter.append(_STEPS_PER_QUARTER[metre])
    order = np.argsort(starts, kind="stable")
    return np.array(starts, float)[order], np.array(per_quarter, float)[order]


ABC_TUNES = Source(
    title="traditional fiddle tunes in ABC",
    home="https://www.music21.org/music21docs/about/referenceCorpus.html",
    licence="tunes in the public domain, transcriptions distributed with their makers' permission",
    size="about 4,200 tunes: O'Neill 1850, Ryan's Mammoth Collection, Aird's Airs; 5.5 MB",
    package="music21",
    patterns=tuple(f"corpus/{name}/*.abc" for name in COLLECTIONS),
    sha256="79626ea0b09fb4cecce15ffaca53acc20ba54d51353d8110c2e8e22c00985ae8",
)


def load_abc(options: CorpusOptions) -> Corpus:
    """Loads the corpus of the packaged tunes, or of the same collections in a folder.

    It is split by tune; the split is the same for windows of any length.

    Raises:
        ValueError: if the folder holds none of the collections.
    """
    (files, left_out), bars, seed = _source_files(options.folder), options.bars, options.seed
    settings = (READER_VERSION, bars, seed, NOTES_PER_BAR, MAX_DIFFERENT, SHARED_WINDOWS, HELD_OUT)
    settings += (options.phrase,) if options.phrase else ()
    path = cache_folder(options.cache) / f"abc-{bars}bar-{digest_of(settings, files)}.npz"
    corpus = cached_corpus(path, lambda: build_corpus(*read_tunes(files), options))
    corpus.statistics["left_out"] = left_out
    return corpus


def _source_files(folder: Path | None) -> tuple[dict[str, bytes], dict[str, int]]:
    if folder is None:
        paths = ABC_TUNES.files()
        return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in paths}, {}
    files, left_out = {}, Counter()
    for name in COLLECTIONS:
        if (folder / name).is_dir():
            files |= read_abc_files(folder / name, left_out)
    if not files:
        raise ValueError(f"{folder} holds no .abc file in {', '.join(COLLECTIONS)}")
    return files, dict(left_out)


def read_abc_files(folder: Path, left_out: Counter[str]) -> dict[str, bytes]:
    """Contents of the ABC files below a folder by name; others are counted in `left_out`.

    Raises:
        ValueError: if one cannot be read.
    """
    files = {}
    for name in walk(folder, {".abc"}, left_out):
        try:
            content = read_small(folder / name, most_bytes=MAX_BYTES)
        except ValueError as error:
            words = printable(str(error))
            raise ValueError(f"{words}: replace it, or take it out of the folder") from error
        files[f"{folder.name}/{printable(name)}"] = content
    return files


def read_tunes(files: dict[str, bytes]) -> tuple[list[Tune], list[SkippedTune]]:
    """Parses ABC files, in UTF-8, UTF-16 or else Latin-1; returns tunes and the skipped ones."""
    tunes, skipped = [], []
    for name, content in files.items():
        try:
            text = decode_text(content)
        except UnicodeError:
            text = content.decode("latin-1")
        book = parse_tunebook(text, source=name)
        tunes += book.tunes
        skipped += book.skipped
    return tunes, skipped


def build_corpus(
    tunes: list[Tune],
    skipped: list[SkippedTune] = (),
    options: CorpusOptions = EVERY_TWO_BARS,
) -> Corpus:
    """Builds a corpus of the tunes' windows, without near-duplicates, split 90/5/5 by tune.

    Variants of a tune are found by two-bar windows, so that the split does not depend on `bars`.

    Raises:
        ValueError: if no tune has a window.
    """
    bars = options.bars
    windows = [bar_windows(tune, bars=bars, phrase=options.phrase) for tune in tunes]
    whole = bars == 2 and not options.phrase
    two_bars = windows if whole else [bar_windows(tune) for tune in tunes]
    if not sum(map(len, windows)) or not sum(map(len, two_bars)):
        raise ValueError(
            f"none of the {len(tunes)} tunes ({len(skipped)} skipped) has {bars} bars of 4/4, 2/2 "
            f"or 4/2 or {2 * bars} of 2/4 in a row: choose a folder with other tunes"
        )
    names = tune_names(tunes)
    events, owner = distinct_in_tune(two_bars)
    group = group_tunes(events, owner, tune_count=len(tunes))
    part = split_tunes(group, names, owner, seed=options.seed)
    statistics = {"tunes": len(tunes), "skipped": len(skipped)}
    statistics["skipped_reasons"] = dict(Counter(tune.reason for tune in skipped))
    corpus = collect(windows, part, names, statistics)
    owners = np.concatenate([corpus.train_tunes, corpus.validation_tunes, corpus.test_tunes])
    corpus.statistics["tune_groups"] = len(np.unique(group[owners]))
    return corpus


def tune_names(tunes: list[Tune]) -> list[str]:
    """Names of tunes: "collection/file X title"."""
    return [f"{tune.source} {tune.reference} {tune.title}" for tune in tunes]


def group_tunes(
    events: UInt8[np.ndarray, "n 32"], owner: Int[np.ndarray, " n"], *, tune_count: int
) -> Int[np.ndarray, " tunes"]:
    """Group number of every tune; variants of one tune, in any key, are in one group.

    Two tunes are variants if at least two windows, and `SHARED_WINDOWS` of those of either, have a
    near-duplicate in the other.
    """
    pairs = near_pairs(events, max_different=MAX_DIFFERENT)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    shared = np.column_stack([owner[pairs], pairs[:, 0]])
    shared = np.unique(shared[shared[:, 0] != shared[:, 1]], axis=0)
    links, count = np.unique(shared[:, :2], axis=0, return_counts=True)
    size = np.bincount(owner, minlength=tune_count)
    links = links[(count >= 2) & (count >= SHARED_WINDOWS * size[links[:, 0]])]
    graph = scipy.sparse.coo_array((np.ones(len(links)), links.T), shape=(tune_count, tune_count))
    return scipy.sparse.csgraph.connected_components(graph, directed=False)[1]
