"""The ledger of an album: what is in it after whatever happens."""

import sqlite3
from pathlib import Path

import pytest

from synvae_workbench.album.layout import DONE, FAILED, WAITING, ledger_file
from synvae_workbench.album.ledger import AT_ONCE, Found, Outcome, reading, writing


def found(*names, **changes):
    return [Found(name, Path("/pictures") / name, 1, 1)._replace(**changes) for name in names]


def test_entries_go_from_waiting_to_done_or_failed(tmp_path):
    with writing(tmp_path, {"tempo": 120}) as ledger:
        ledger.add([*found("b.png", "a.png"), *found("c.png", fault="is empty")], [".mid"])
        b, a = ledger.waiting(0, 10)
        assert (b.name, b.stem, b.state) == ("b.png", "b", WAITING)
        ledger.record([Outcome(b.number, {"kind": "digit"}), Outcome(a.number, {}, "is broken")])
    with reading(tmp_path) as ledger:
        (done,) = ledger.entries()
        assert (done.name, done.facts, done.state) == ("b.png", {"kind": "digit"}, DONE)
        failed = [(each.name, each.reason) for each in ledger.entries(FAILED)]
        assert failed == [("a.png", "is broken"), ("c.png", "is empty")]
        assert (ledger.count(), ledger.count(WAITING), ledger.settings) == (1, 0, {"tempo": 120})


def test_what_is_done_stays_and_what_changed_or_failed_or_is_gone_is_made_again(tmp_path):
    with writing(tmp_path, {}) as ledger:
        ledger.add(found("same.png", "changed.png", "failed.png", "gone.png"), [".mid"])
        entries = ledger.waiting(0, 10)
        ledger.record(Outcome(each.number, {}, "x" * (each.stem == "failed")) for each in entries)
        for stem in ("same", "changed"):
            (tmp_path / f"{stem}.mid").touch()
        last = max(each.change for each in ledger.entries())
        ledger.add(found("same.png", "failed.png", "gone.png"), [".mid"])
        ledger.add(found("changed.png", mtime_ns=2), [".mid"])
        assert {each.stem for each in ledger.waiting(0, 10)} == {"changed", "failed", "gone"}
        assert [each.stem for each in ledger.changed_since(last)] == ["failed", "gone", "changed"]


def test_names_that_collide_without_their_suffix_get_stems_of_their_own_that_stay(tmp_path):
    names = ["a.png", "a.jpg", "A.png", "a/a.png"]
    for order in (names, names[::-1]):
        with writing(tmp_path, {}) as ledger:
            ledger.add(found(*order), [".mid"])
            stems = {each.name: each.stem for each in ledger.entries(WAITING)}
    assert stems == {"a.png": "a", "a.jpg": "a.jpg", "A.png": "A.png", "a/a.png": "a/a"}


def test_names_that_are_no_text_come_back_as_they_were(tmp_path):
    name = "\udcff\n.png"
    with writing(tmp_path, {}) as ledger:
        ledger.add(found(name), [".mid"])
        assert [(each.name, each.source.name) for each in ledger.waiting(0, 1)] == [(name, name)]


def test_entries_are_sorted_by_name_over_more_than_a_page(tmp_path):
    names = [f"{number:05d}.png" for number in range(2 * AT_ONCE + 1)]
    with writing(tmp_path, {}) as ledger:
        ledger.add(found(*names[::-1]), [".mid"])
        assert [each.name for each in ledger.entries(WAITING)] == names
        assert len(list(ledger.changed_since(0))) == len(names)


def test_an_album_is_gone_on_with_by_the_same_settings_alone(tmp_path):
    with writing(tmp_path, {"tempo": 120}):
        pass
    with (
        pytest.raises(ValueError, match=r"tempo: 120 there, 90 asked for"),
        writing(tmp_path, {"tempo": 90}),
    ):
        pass


def test_what_is_no_album_or_damaged_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="is no album"), reading(tmp_path):
        pass
    with writing(tmp_path, {}):
        pass
    ledger_file(tmp_path).write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(ValueError, match=r"ledger\.sqlite is damaged"), reading(tmp_path) as ledger:
        ledger.count()


def test_a_full_disk_is_said_and_loses_nothing(tmp_path):
    with writing(tmp_path, {}) as ledger:
        ledger.add(found("a.png"), [".mid"])
        pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
        ledger._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            ledger.add(found(*(f"{number}.png" for number in range(AT_ONCE))), [".mid"])
        assert ledger.count(WAITING) == 1
    with (
        pytest.raises(ValueError, match="the disk is full: free some space"),
        writing(tmp_path, {}) as ledger,
    ):
        ledger._db.execute(f"PRAGMA max_page_count = {pages}")
        ledger.add(found(*(f"{number}.png" for number in range(AT_ONCE))), [".mid"])
