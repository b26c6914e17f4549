"""Making and updating of an index: what is new in a folder is read, the rest is kept.

A file of known size and time is not opened; one with known content, renamed or copied, is not read
as music again. What is gone is left out of the next file of the index, which holds what is there
and nothing else, so that there is nothing to compact. An interrupted first run keeps what it read.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from synvae_core.metrics.melody_distances.roll_tables import (
    projection_table,
    roll_norms,
    table_sums,
)
from synvae_core.music.midi_files import MAX_BYTES
from synvae_core.music.reading import read_opening
from synvae_core.music.rolls import roll_codes, rolls_of
from synvae_core.small_files import read_small
from synvae_workbench.album.layout import hidden_folder
from synvae_workbench.data.files import FoundFile, inspect_file, walk
from synvae_workbench.data.melodies.midi_folder import SUFFIXES
from synvae_workbench.locks import holding
from synvae_workbench.search.lists import LEAST, PER_LIST, TRAINED_ON, Coded, encode, train_grid
from synvae_workbench.search.store import (
    DIGEST,
    About,
    Ear,
    Index,
    Melodies,
    index_file,
    read_index,
    write_index,
)

AT_ONCE = 1000  # files that are read, and melodies that a model hears, together
KEPT_FROM = 20_000  # files after which a first run writes down what it has, then half as many again
DIMENSIONS = 64  # principal components of blurred rolls
ROLL_NUMBERS = 1 << 25  # of the rolls that these are fitted to: 134 MB
GROWN = 4  # times as many melodies as at training: lists are trained anew

Listen = Callable[[np.ndarray], np.ndarray]  # events (n, t) to latents (n, z)


class Model(NamedTuple):
    """A melody model by which latents are read: a digest that names it, and its encoder."""

    digest: str
    latents: Listen


class Changes(NamedTuple):
    """Files that an update added, left as they were and removed, and why some have no melody."""

    added: int
    kept: int
    removed: int
    failed: Mapping[str, str]


class _New(NamedTuple):
    """Files that are read as melodies: their names, digests, stamps and events."""

    names: list[bytes]
    digests: list[bytes]
    stamps: list[tuple[int, int]]
    events: list[np.ndarray]


def update_index(
    folder: Path,
    *,
    steps: int,
    model: Model | None = None,
    done: Callable[[int], object] = lambda count: None,
) -> Changes:
    """Makes or updates the index of the MIDI files in a folder and the folders in it.

    Args:
        steps: sixteenths of a melody: of a file those from the bar of its first note on.
        model: by whose latents melodies are found, too.
        done: told how many more files were read.

    Raises:
        ValueError: if there is no such folder, or its index is of other steps or another model, is
            damaged, or is being written by another process.
        UnwritableError: if there is no room or right to write.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: name one with MIDI files, such as an album")
    hidden_folder(folder).mkdir(exist_ok=True)
    with holding(index_file(folder)):
        about = About(steps, model.digest if model else "")
        index = _opened(folder, about)
        files = [inspect_file(folder, name) for name in walk(folder, SUFFIXES, Counter())]
        index, unread, failed, changes = _compared(folder, index, files)
        written, parts = len(index.melodies.ends), list[Melodies]()
        for start in range(0, len(unread), AT_ONCE):
            some = unread[start : start + AT_ONCE]
            parts += _heard(_read(folder, some, steps, failed), model)
            done(len(some))
            if start + AT_ONCE >= max(KEPT_FROM, 1.5 * written):
                index, parts = joined(index, parts), []
                written = len(index.melodies.ends)
                write_index(index, folder)
        write_index(trained(joined(index, parts)), folder)
    return changes._replace(added=changes.added + len(unread) - len(failed), failed=failed)


def _opened(folder: Path, about: About) -> Index:
    if not index_file(folder).exists():
        return Index(about, _melodies([], [], [], np.zeros((0, about.steps), np.uint8)))
    index = read_index(folder)
    if index.about._replace(trained=0) != about:
        raise ValueError(
            f"{index_file(folder)} is of {index.about.steps} sixteenths and another model: ask for "
            "the same, or remove it to begin anew"
        )
    return index


def _compared(
    folder: Path, index: Index, files: Sequence[FoundFile]
) -> tuple[Index, list[tuple[FoundFile, bytes]], dict[str, str], Changes]:
    """The index without what is gone, the files to be read, faults, and the changes so far."""
    melodies = index.melodies
    bounds = np.concatenate([[0], melodies.ends])
    text = melodies.names.tobytes()
    rows = {text[a:b]: row for row, (a, b) in enumerate(zip(bounds, bounds[1:], strict=False))}
    known = {digest.tobytes(): row for row, digest in enumerate(melodies.digests)}
    failed, kept, moved, unread = {}, [], [], []
    for file in files:
        if file.fault:
            failed[file.name] = file.fault
            continue
        name = file.name.encode("utf-8", "surrogateescape")
        row = rows.get(name)
        if row is not None and (file.size, file.mtime_ns) == tuple(melodies.stamps[row]):
            kept.append((row, name, file))
            continue
        try:
            content = read_small(folder / file.name, most_bytes=MAX_BYTES)
        except ValueError as error:
            failed[file.name] = str(error)
            continue
        digest = hashlib.blake2b(content, digest_size=DIGEST).digest()
        if digest in known:
            moved.append((known[digest], name, file))
        else:
            unread.append((file, digest))
    stay = [*kept, *moved]
    taken = _taken(index, np.array([row for row, _, _ in stay], np.int64))
    names = [name for _, name, _ in stay]
    stamps = [(file.size, file.mtime_ns) for _, _, file in stay]
    melodies = taken.melodies._replace(**_named(names), stamps=_stamps(stamps))
    gone = len(rows.keys() - set(names))
    return (
        taken._replace(melodies=melodies),
        unread,
        failed,
        Changes(len(moved), len(kept), gone, failed),
    )


def _read(
    folder: Path, files: Sequence[tuple[FoundFile, bytes]], steps: int, failed: dict[str, str]
) -> _New:
    """Reads melodies from files; those that have none are added to `failed`."""
    new = _New([], [], [], [])
    for file, digest in files:
        try:
            content = read_small(folder / file.name, most_bytes=MAX_BYTES)
            events = read_opening(content, steps=steps, name=file.name)
        except ValueError as error:
            failed[file.name] = str(error)
            continue
        new.names.append(file.name.encode("utf-8", "surrogateescape"))
        new.digests.append(digest)
        new.stamps.append((file.size, file.mtime_ns))
        new.events.append(events)
    return new


def _heard(new: _New, model: Model | None) -> list[Melodies]:
    """What the index knows of melodies; none of none."""
    if not new.names:
        return []
    events = np.stack(new.events)
    found = _melodies(new.names, new.digests, new.stamps, roll_codes(events))
    return [
        found if model is None else found._replace(latents=model.latents(events).astype(np.float16))
    ]


def joined(index: Index, parts: Sequence[Melodies]) -> Index:
    """The index with other melodies after its own; their vectors are coded as its own were."""
    if not parts:
        return index
    all_parts = [index.melodies, *parts] if len(index.melodies.ends) else parts
    melodies = Melodies(*(np.concatenate(arrays) for arrays in zip(*all_parts, strict=True)))
    lengths = np.concatenate([np.diff(each.ends, prepend=0) for each in all_parts])
    melodies = melodies._replace(ends=lengths.cumsum())
    if index.ear is None:
        return index._replace(melodies=melodies)
    ear = index.ear
    new = [encode(ear.grid, table_sums(ear.components, each.codes)) for each in parts]
    coded = Coded(*(np.concatenate(arrays) for arrays in zip(ear.coded, *new, strict=True)))
    return index._replace(melodies=melodies, ear=ear._replace(coded=coded))


def _taken(index: Index, rows: Int64[np.ndarray, " m"]) -> Index:
    """Some rows of an index; their names are to be set."""
    own = index.melodies
    melodies = own._replace(
        **{name: getattr(own, name)[rows] for name in ("digests", "codes", "norms", "latents")}
    )
    if index.ear is None:
        return index._replace(melodies=melodies)
    coded = Coded(*(array[rows] for array in index.ear.coded))
    return index._replace(melodies=melodies, ear=index.ear._replace(coded=coded))


def trained(index: Index) -> Index:
    """The index with lists as good as its melodies are many."""
    codes, before = index.melodies.codes, index.about.trained
    n = len(codes)
    if n < LEAST:
        return index._replace(ear=None, about=index.about._replace(trained=0))
    if index.ear is not None and before / GROWN <= n <= before * GROWN:
        return index
    rows = np.random.default_rng(0).permutation(n)[: TRAINED_ON * max(16, 2 * n // PER_LIST)]
    components = fitted_components(codes[rows])
    grid = train_grid(table_sums(components, codes[rows]), n)
    parts = np.array_split(codes, -(-n // 50_000))
    coded = Coded(
        *map(
            np.concatenate,
            zip(*(encode(grid, table_sums(components, part)) for part in parts), strict=True),
        )
    )
    about = index.about._replace(trained=n)
    return index._replace(ear=Ear(components, grid, coded), about=about)


def fitted_components(codes: UInt8[np.ndarray, "m t"]) -> Float32[np.ndarray, "t codes d"]:
    """Table of codes along the first principal components of their blurred rolls."""
    from sklearn.decomposition import PCA  # slow to import

    size = rolls_of(codes[:1]).shape[1]
    rolls = rolls_of(codes[: ROLL_NUMBERS // size])
    fit = PCA(DIMENSIONS, svd_solver="randomized", iterated_power=2, random_state=0).fit(rolls)
    return projection_table(fit.components_, codes.shape[1])


def _melodies(
    names: Sequence[bytes],
    digests: Sequence[bytes],
    stamps: Sequence[tuple[int, int]],
    codes: UInt8[np.ndarray, "n t"],
) -> Melodies:
    content = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, DIGEST)
    latents = np.zeros((len(names), 0), np.float16)
    known = content, _stamps(stamps), codes, roll_norms(codes), latents
    return Melodies(*_named(names).values(), *known)


def _named(names: Sequence[bytes]) -> dict[str, np.ndarray]:
    ends = np.cumsum([len(name) for name in names], dtype=np.int64)
    return {"names": np.frombuffer(b"".join(names), np.uint8), "ends": ends}


def _stamps(stamps: Sequence[tuple[int, int]]) -> Int64[np.ndarray, "n 2"]:
    return np.array(stamps, np.int64).reshape(-1, 2)
