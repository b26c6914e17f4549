"""Corpus of folk songs of the Essen collection, for evaluation only.

The licence allows non-commercial use alone, so nothing made from them may be shipped: neither
weights nor melodies.
"""

from collections import Counter

import numpy as np

from synvae_workbench.data.cache import cache_folder, digest_of
from synvae_workbench.data.melodies.abc_corpus import (
    READER_VERSION,
    bar_windows,
    load_abc,
    read_abc_files,
    read_tunes,
    tune_names,
)
from synvae_workbench.data.melodies.corpus import MAX_DIFFERENT, Corpus, cached_corpus, near_steps
from synvae_workbench.data.melodies.near_duplicates import near_any
from synvae_workbench.data.melodies.windows import NOTES_PER_BAR, first_in_any_key
from synvae_workbench.data.options import CorpusOptions
from synvae_workbench.data.sources import Source

ESSEN_TUNES = Source(
    title="folk songs of the Essen collection in ABC",
    home="https://www.esac-data.org",
    licence="non-commercial use and distribution only: for evaluation, ship nothing made from it",
    size="about 8,500 songs, most of them German or Chinese; 2.5 MB",
    package="music21",
    patterns=("corpus/essenFolksong/*.abc",),
    sha256="9c9b5767763401079fcdedbe85f8df77588a4092e96975206d65e60e45dde92a",
)


def load_essen(options: CorpusOptions) -> Corpus:
    """Loads folk songs of the packaged collection, or of .abc files in a folder, all in `test`.

    Duplicates in any key are left out, and so are near-duplicates of the packaged "abc" corpus, on
    which the evaluated models are trained.

    Raises:
        ValueError: if there are no such files, or none of them has a window.
    """
    folder, bars = options.folder, options.bars
    left_out: Counter[str] = Counter()
    if folder is None:
        files = {f"essenFolksong/{path.name}": path.read_bytes() for path in ESSEN_TUNES.files()}
    else:
        files = read_abc_files(folder, left_out)
    if not files:
        raise ValueError(f"{folder} holds no .abc file; expected those of the Essen collection")
    known = load_abc(CorpusOptions(bars=bars, cache=options.cache))
    seen = np.concatenate(known[:3])
    settings = (READER_VERSION, bars, NOTES_PER_BAR, MAX_DIFFERENT)
    digest = digest_of(settings, files | {"abc": seen.tobytes()})
    path = cache_folder(options.cache) / f"essen-{bars}bar-{digest}.npz"
    corpus = cached_corpus(path, lambda: _build(files, seen, bars=bars))
    corpus.statistics["left_out"] = dict(left_out)
    return corpus


def _build(files: dict[str, bytes], seen: np.ndarray, *, bars: int) -> Corpus:
    tunes, skipped = read_tunes(files)
    parts = [bar_windows(tune, bars=bars) for tune in tunes]
    if not sum(map(len, parts)):
        raise ValueError(
            f"none of the {len(tunes)} tunes ({len(skipped)} skipped) of the Essen collection has "
            f"{bars} bars of 4/4, 2/2 or 4/2 or {2 * bars} of 2/4 in a row"
        )
    events = np.concatenate(parts)
    owner = np.repeat(np.arange(len(parts)), list(map(len, parts)))
    kept = first_in_any_key(events)
    is_known = near_any(events[kept], seen, max_different=near_steps(events.shape[1]))
    clean = kept[~is_known]
    statistics = {
        "tunes": len(tunes),
        "skipped": len(skipped),
        "skipped_reasons": dict(Counter(tune.reason for tune in skipped)),
        "windows": len(events),
        "repeated": len(events) - len(kept),
        "near_abc": int(is_known.sum()),
        "tunes_with_windows": len(np.unique(owner[clean])),
    }
    empty, nobody = events[:0], owner[:0]
    return Corpus(
        empty, empty, events[clean], nobody, nobody, owner[clean], tune_names(tunes), statistics
    )
