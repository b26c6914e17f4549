"""Samples of many sound files in one file of the cache, which is mapped and not read.

Mono, 16 bits, one file after another; beside them a table of what is to be known of each. Both are
written whole or not at all.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from jaxtyping import Int16

from synvae_workbench.data.cache import read_arrays, whole_file, write_arrays
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
    """Samples of all files, mapped, and of each file where it starts, its length and its name.

    `digests` are of the samples; `clipped` and `offset` say what the first reading found; `broken`
    says by name what was left out and why.
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
    """Writes files' samples one after another, and the table of them."""

    def __init__(self, out: BinaryIO):
        self.out, self.total = out, 0
        self.rows: list[tuple] = []
        self.broken: dict[str, str] = {}

    @contextlib.contextmanager
    def file(self, name: str, *, clipped: bool = False, offset: bool = False):
        """One file, whose samples are added within; one that breaks leaves nothing."""
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
        """The next samples of the file."""
        data = samples.tobytes()
        self.out.write(data)
        self.digest.update(data)
        self.total += len(samples)

    def table(self) -> dict[str, np.ndarray]:
        """Facts of the files, in columns."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(_TYPES)
        named = zip(_TYPES.items(), columns, strict=True)
        table = {name: np.array(values, kind) for (name, kind), values in named}
        return table | {"broken": np.array(json.dumps(self.broken))}


def cached_sounds(store: Path, settings: str, write: Callable[[SoundWriter], None]) -> StoredSounds:
    """The sounds that `write` writes with these settings, from the cache, or written now.

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
                "bytes a sample; name a folder with room by cache= or $SYNVAE_CACHE"
            ) from error
        total = int(facts["lengths"].sum())
    # "c": changes to the array would not reach the file, and torch takes it without a warning.
    samples = np.memmap(path, np.int16, "c", shape=(total,)) if total else np.empty(0, np.int16)
    broken = json.loads(str(facts["broken"]))
    return StoredSounds(samples, *(facts[name] for name in _TYPES), broken)


def _write(path: Path, table: Path, write: Callable[[SoundWriter], None]) -> dict[str, np.ndarray]:
    with whole_file(path) as file:
        writer = SoundWriter(file)
        write(writer)
    facts = writer.table()
    write_arrays(table, facts)
    return facts
