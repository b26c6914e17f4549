"""Cache of the samples of many sound files, in one memory-mapped file.

Mono, 16 bits, concatenated; with a table of the files. Both are written atomically.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from jaxtyping import Int16

from synvae_core.atomic import make_folder, replace_when_written
from synvae_core.small_files import parse_json
from synvae_workbench.data.cache import read_arrays, write_arrays
from synvae_workbench.data.files import BrokenFile

_TYPES = {
    "starts": np.int64,
    "lengths": np.int64,
    "names": str,
    "digests": str,
    "clipped": bool,
    "offset": bool,
}


class StoredSounds(NamedTuple):
    """Memory-mapped samples of all files, with start, length and name of each.

    `digests` are of the samples; `clipped` and `offset` say which files clip or had a DC offset;
    `broken` has the faults of those left out, by name.
    """

    samples: Int16[np.ndarray, " total"]
    starts: np.ndarray
    lengths: np.ndarray
    names: np.ndarray
    digests: np.ndarray
    clipped: np.ndarray
    offset: np.ndarray
    broken: dict[str, str]


class SoundWriter:
    """Writer of concatenated samples of files, and of their table."""

    def __init__(self, out: BinaryIO):
        self.out, self.total = out, 0
        self.rows: list[tuple] = []
        self.broken: dict[str, str] = {}

    @contextlib.contextmanager
    def file(self, name: str, *, clipped: bool = False, offset: bool = False):
        """Context in which the samples of one file are added; a broken one leaves nothing."""
        start, self.digest = self.total, hashlib.sha256()
        try:
            yield
        except BrokenFile:
            self.total = start
            self.out.seek(2 * start)
            self.out.truncate()
            raise
        digest = self.digest.hexdigest()[:32]
        self.rows.append((start, self.total - start, name, digest, clipped, offset))

    def add(self, samples: np.ndarray) -> None:
        """Appends samples to the current file."""
        data = samples.tobytes()
        self.out.write(data)
        self.digest.update(data)
        self.total += len(samples)

    def table(self) -> dict[str, np.ndarray]:
        """Table of the files, by column."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(_TYPES)
        named = zip(_TYPES.items(), columns, strict=True)
        table = {name: np.array(values, kind) for (name, kind), values in named}
        return table | {"broken": np.array(json.dumps(self.broken))}


def cached_sounds(store: Path, settings: str, write: Callable[[SoundWriter], None]) -> StoredSounds:
    """Loads the sounds of these settings from the cache, or has `write` store them.

    Raises:
        ValueError: if the cache cannot be written.
    """
    key = hashlib.sha256(settings.encode()).hexdigest()[:24]
    path, table = store / f"loops-{key}.i16", store / f"loops-{key}.npz"
    facts = read_arrays(table, (*_TYPES, "broken"))
    total = -1 if facts is None else int(facts["lengths"].sum())
    if facts is None or not path.is_file() or path.stat().st_size != 2 * total:
        try:
            facts = _write(path, table, write)
        except OSError as error:
            raise ValueError(
                f"{store} cannot be written ({error.strerror or error}): loops are kept there, two "
                "bytes a sample; name a folder with room by the variable SYNVAE_CACHE"
            ) from error
        total = int(facts["lengths"].sum())
    # "c", copy on write: torch warns of read-only arrays.
    samples = np.memmap(path, np.int16, "c", shape=(total,)) if total else np.empty(0, np.int16)
    broken = parse_json(str(facts["broken"]))
    return StoredSounds(samples, *(facts[name] for name in _TYPES), broken)


def _write(path: Path, table: Path, write: Callable[[SoundWriter], None]) -> dict[str, np.ndarray]:
    make_folder(path.parent)
    with replace_when_written(path) as part, part.open("wb") as file:
        writer = SoundWriter(file)
        write(writer)
    facts = writer.table()
    write_arrays(table, facts)
    return facts
