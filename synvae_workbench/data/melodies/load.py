"""One door to every corpus of melodies, for windows of any length that MusicVAE has."""

from collections import Counter
from pathlib import Path

import numpy as np

from synvae_workbench.data.cache import cache_folder, digest_of
from synvae_workbench.data.melodies.abc_corpus import (
    READER_VERSION,
    bar_windows,
    load_abc_corpus,
    read_tunes,
    tune_names,
)
from synvae_workbench.data.melodies.corpus import (
    MAX_DIFFERENT,
    Corpus,
    cached,
    near_steps,
)
from synvae_workbench.data.melodies.midi_folder import load_midi_folder
from synvae_workbench.data.melodies.near_duplicates import near_any
from synvae_workbench.data.melodies.pop909 import load_pop909
from synvae_workbench.data.melodies.windows import NOTES_PER_BAR, check_bars, first_in_any_key
from synvae_workbench.data.sources import ESSEN_TUNES

CORPORA = ("abc", "essen", "pop909", "midi")


def load_corpus(
    name: str,
    *,
    bars: int = 2,
    folder: Path | None = None,
    cache: Path | None = None,
    seed: int = 0,
    workers: int = 1,
) -> Corpus:
    """Melodies of `bars` bars in sixteenths, split by tune, from the cache where it holds them.

    "abc" are fiddle tunes (packaged), "essen" folk songs for evaluation only (packaged), "pop909"
    pop songs that the user has, and "midi" whatever lies in a folder of MIDI files.

    Args:
        name: one of `CORPORA`.
        bars: in a window, 1, 2, 4, 8 or 16.
        folder: for "midi", of the files; for the others instead of where they usually are.
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`.
        seed: of the split.
        workers: processes that read the files of "midi".

    Raises:
        ValueError: for another name or number of bars, and where the melodies cannot be had.
    """
    check_bars(bars)
    folder = None if folder is None else Path(folder)
    if name == "abc":
        return load_abc_corpus(folder, bars=bars, cache=cache, seed=seed)
    if name == "essen":
        return load_essen(folder, bars=bars, cache=cache)
    if name == "pop909":
        return load_pop909(folder, bars=bars, cache=cache, seed=seed)
    if name == "midi":
        if folder is None:
            raise ValueError('the corpus "midi" is a folder of MIDI files: name it by folder=')
        return load_midi_folder(folder, bars=bars, cache=cache, seed=seed, workers=workers)
    raise ValueError(f"the corpus is one of {', '.join(CORPORA)}, got {name!r}")


def load_essen(folder: Path | None = None, *, bars: int = 2, cache: Path | None = None) -> Corpus:
    """Folk songs of the Essen collection, all of them in `test`, for evaluation only.

    Their licence allows non-commercial use alone, so nothing that is made from them may be
    shipped: no weights, and none of the melodies. Each window stands once in whatever key, and
    those that nearly stand in the packaged "abc" corpus, whose models are measured here, are left
    out.

    Args:
        folder: of the .abc files; by default `essenFolksong` in the installed music21 package.

    Raises:
        ValueError: if there are no such files, or none of them has a window.
    """
    check_bars(bars)
    paths = sorted(folder.glob("*.abc")) if folder else ESSEN_TUNES.files()
    if not paths:
        raise ValueError(f"{folder} holds no .abc file; expected those of the Essen collection")
    files = {f"essenFolksong/{path.name}": path.read_bytes() for path in paths}
    known = load_abc_corpus(bars=bars, cache=cache)
    seen = np.concatenate(known[:3])
    settings = (READER_VERSION, bars, NOTES_PER_BAR, MAX_DIFFERENT)
    digest = digest_of(settings, files | {"abc": seen.tobytes()})
    path = cache_folder(cache) / f"essen-{bars}bar-{digest}.npz"
    return cached(path, lambda: _build_essen(files, seen, bars=bars))


def _build_essen(files: dict[str, bytes], seen: np.ndarray, *, bars: int) -> Corpus:
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
