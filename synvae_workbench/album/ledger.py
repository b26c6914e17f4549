"""Ledger of an album: every entry with its state, in a SQLite file that survives any interruption.

One process writes, which holds the album's lock; any number reads meanwhile. Nothing here keeps all
entries in memory.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from synvae_core.atomic import make_folder
from synvae_core.small_files import parse_json
from synvae_workbench.album.connection import opened
from synvae_workbench.album.layout import (
    DONE,
    FAILED,
    GONE,
    WAITING,
    Entry,
    hidden_folder,
    is_album,
    own_suffixes,
    stem_key,
    stems,
)

AT_ONCE = 500  # entries that are read or written together
FORMATS = "also"  # the setting that grows: formats that an album is asked for are added to it
VERSION = 1
SCHEMA = f"""
CREATE TABLE entries (
    number INTEGER PRIMARY KEY, name BLOB NOT NULL, source BLOB NOT NULL UNIQUE,
    stem BLOB NOT NULL, key TEXT NOT NULL UNIQUE, size INTEGER, mtime_ns INTEGER,
    state TEXT, reason TEXT, facts TEXT NOT NULL DEFAULT '{{}}', change INTEGER
);
CREATE INDEX by_name ON entries (name, number);
CREATE INDEX by_state ON entries (state, number);
CREATE INDEX by_change ON entries (change);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
PRAGMA user_version = {VERSION};
"""
COLUMNS = "number, name, source, stem, size, mtime_ns, state, reason, facts, change"


class Found(NamedTuple):
    """A source that was found: its name, absolute path, size and time, and what shows at once.

    `fault` says why it cannot be read, `model` which one played a tune of another album.
    """

    name: str
    source: Path
    size: int = 0
    mtime_ns: int = 0
    fault: str = ""
    model: str = ""


class Outcome(NamedTuple):
    """What became of an entry: its facts, or the reason why it failed."""

    number: int
    facts: Mapping[str, Any]
    reason: str = ""


class Ledger:
    """The entries of an album, of `reading` or `writing`."""

    def __init__(self, album: Path, connection: sqlite3.Connection) -> None:
        self.album, self._db = album, connection

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the album was begun with, and the formats that it has by now."""
        rows = self._db.execute("SELECT name, value FROM settings")
        return {name: parse_json(value, object) for name, value in rows}

    def count(self, state: str = DONE) -> int:
        """Number of entries in a state."""
        return self._db.execute("SELECT count(*) FROM entries WHERE state = ?", [state]).fetchone()[
            0
        ]

    def entries(self, state: str = DONE) -> Iterator[Entry]:
        """Entries in a state, sorted by name, read as they are asked for."""
        yield from self._pages(
            "SELECT {columns} FROM entries WHERE state = ? AND (name, number) > (?, ?) "
            "ORDER BY name, number LIMIT ?",
            [state],
            [b"", 0],
            lambda entry: [os.fsencode(entry.name), entry.number],
        )

    def changed_since(self, change: int) -> Iterator[Entry]:
        """Entries in any state that changed after that change, in the order of their changes."""
        yield from self._pages(
            "SELECT {columns} FROM entries WHERE change > ? ORDER BY change LIMIT ?",
            [],
            [change],
            lambda entry: [entry.change],
        )

    def waiting(self, after: int, limit: int) -> list[Entry]:
        """The next entries that wait to be made, in order of their numbers."""
        rows = self._db.execute(
            f"SELECT {COLUMNS} FROM entries WHERE state = ? AND number > ? ORDER BY number LIMIT ?",
            [WAITING, after, limit],
        )
        return [_entry(row) for row in rows]

    def entry(self, number: int) -> Entry | None:
        """The entry of that number."""
        query = f"SELECT {COLUMNS} FROM entries WHERE number = ?"
        row = self._db.execute(query, [number]).fetchone()
        return None if row is None else _entry(row)

    def find(self, stem: str) -> Entry | None:
        """The entry whose files have this stem."""
        query = f"SELECT {COLUMNS} FROM entries WHERE key = ?"
        row = self._db.execute(query, [stem_key(stem)]).fetchone()
        return None if row is None else _entry(row)

    def add(self, found: Iterable[Found], suffixes: Sequence[str]) -> None:
        """Adds sources that are new, and has those made again that changed or failed before.

        Args:
            suffixes: of the files without which an entry is not done.
        """
        batch: list[Found] = []
        for each in found:
            batch.append(each)
            if len(batch) == AT_ONCE:
                self._add(batch, suffixes)
                batch = []
        self._add(batch, suffixes)

    def record(self, outcomes: Iterable[Outcome]) -> None:
        """Records what became of entries."""
        with self._db:
            for change, (number, facts, reason) in enumerate(outcomes, self._next_change()):
                self._db.execute(
                    "UPDATE entries SET state = ?, reason = ?, facts = ?, change = ? "
                    "WHERE number = ?",
                    [FAILED if reason else DONE, reason, json.dumps(facts), change, number],
                )

    def remove(self, entries: Iterable[Entry]) -> None:
        """Has entries leave the album; one that comes back keeps its number.

        Names are free for others, and the changes are seen by `changed_since`.
        """
        with self._db:
            for change, entry in enumerate(entries, self._next_change()):
                self._db.execute(
                    "UPDATE entries SET state = ?, key = ?, facts = '{}', change = ? "
                    "WHERE number = ?",
                    [GONE, f"/{entry.number}", change, entry.number],  # no stem begins so
                )

    def have(self, formats: Sequence[str]) -> None:
        """Notes the formats that the album has from now on."""
        with self._db:
            self._db.execute(
                "UPDATE settings SET value = ? WHERE name = ?", [json.dumps(formats), FORMATS]
            )

    def _add(self, batch: list[Found], suffixes: Sequence[str]) -> None:
        known = f"SELECT {COLUMNS} FROM entries WHERE source = ?"
        with self._db:
            change = self._next_change()
            for each in batch:
                row = self._db.execute(known, [os.fsencode(each.source)]).fetchone()
                entry = None if row is None else _entry(row)
                if entry is not None and self._is_made(entry, each, suffixes):
                    continue
                number = self._insert(each) if entry is None else entry.number
                if entry is not None and entry.state == GONE:
                    self._name_again(entry, each)
                state = FAILED if each.fault else WAITING
                facts = json.dumps({"model": each.model} if each.model else {})
                self._db.execute(
                    "UPDATE entries SET size = ?, mtime_ns = ?, state = ?, reason = ?, facts = ?, "
                    "change = ? WHERE number = ?",
                    [each.size, each.mtime_ns, state, each.fault, facts, change, number],
                )
                change += 1

    def _insert(self, found: Found) -> int:
        """Number of a new entry, with a stem that no other has."""
        stem = self._free_stem(found.name)
        names = [os.fsencode(each) for each in (found.name, found.source, stem)]
        return self._db.execute(
            "INSERT INTO entries (name, source, stem, key) VALUES (?, ?, ?, ?)",
            [*names, stem_key(stem)],
        ).lastrowid

    def _name_again(self, entry: Entry, found: Found) -> None:
        """Names an entry that comes back: its names may have been taken meanwhile."""
        stem = self._free_stem(found.name)
        names = [os.fsencode(found.name), os.fsencode(stem), stem_key(stem)]
        self._db.execute(
            "UPDATE entries SET name = ?, stem = ?, key = ? WHERE number = ?",
            [*names, entry.number],
        )

    def _is_made(self, entry: Entry, found: Found, suffixes: Sequence[str]) -> bool:
        same = (entry.size, entry.mtime_ns) == (found.size, found.mtime_ns)
        return (
            same
            and entry.state == DONE
            and all(
                os.path.isfile(entry.file(self.album, each))
                for each in own_suffixes(entry.facts, suffixes)
            )
        )

    def _free_stem(self, name: str) -> str:
        taken = "SELECT 1 FROM entries WHERE key = ?"
        return next(
            stem
            for stem in stems(name)
            if self._db.execute(taken, [stem_key(stem)]).fetchone() is None
        )

    def _next_change(self) -> int:
        return (self._db.execute("SELECT max(change) FROM entries").fetchone()[0] or 0) + 1

    def _pages(self, query: str, given: list, after: list, key: Any) -> Iterator[Entry]:
        """Entries page by page, so that no reader keeps a writer waiting."""
        query = query.format(columns=COLUMNS)
        while page := self._db.execute(query, [*given, *after, AT_ONCE]).fetchall():
            found = [_entry(row) for row in page]
            yield from found
            after = key(found[-1])


@contextlib.contextmanager
def reading(album: Path) -> Iterator[Ledger]:
    """The ledger of an album, to read.

    Raises:
        ValueError: if the folder is no album, or its ledger is damaged.
    """
    if not is_album(album):
        raise ValueError(f"{album} is no album: name a folder that `synvae listen` or `draw` made")
    with opened(album, "ro") as connection:
        yield Ledger(album, connection)


@contextlib.contextmanager
def writing(album: Path, settings: Mapping[str, Any]) -> Iterator[Ledger]:
    """The ledger of an album that is begun or gone on with; the caller holds the album's lock.

    Raises:
        ValueError: if the album was begun with other settings, but for the formats that it has, or
            its ledger is damaged.
        UnwritableError: if there is no room or right to write.
    """
    make_folder(hidden_folder(album))
    with opened(album, "rwc") as connection:
        if not connection.execute("PRAGMA user_version").fetchone()[0]:
            connection.executescript(f"BEGIN; {SCHEMA}")
            pairs = [(name, json.dumps(value)) for name, value in settings.items()]
            connection.executemany("INSERT INTO settings VALUES (?, ?)", pairs)
            connection.commit()
        ledger = Ledger(album, connection)
        _refuse_other_settings(album, ledger.settings, settings)
        yield ledger


def _refuse_other_settings(album: Path, there: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    if there.get("makes") != asked.get("makes"):
        raise ValueError(
            f"{album} is an album of {there.get('makes')}, not of {asked.get('makes')}: name "
            "another folder"
        )
    differences = [
        f"{name}: {there.get(name)} there, {asked.get(name)} asked for"
        for name in sorted((there.keys() | asked.keys()) - {FORMATS})
        if there.get(name) != asked.get(name)
    ]
    if differences:
        raise ValueError(
            f"{album} was begun otherwise ({'; '.join(differences)}): name another folder, or ask "
            "for the same"
        )


def _entry(row: tuple) -> Entry:
    number, name, source, stem, size, mtime_ns, state, reason, facts, change = row
    return Entry(
        number,
        os.fsdecode(name),
        Path(os.fsdecode(source)),
        os.fsdecode(stem),
        size,
        mtime_ns,
        state,
        reason,
        parse_json(facts),
        change,
    )
