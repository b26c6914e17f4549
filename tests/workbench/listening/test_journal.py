"""Lines that are only added, and what is left of them after a crash."""

import json
import multiprocessing
import os

import pytest

from synvae_workbench.listening import journal as module
from synvae_workbench.listening.journal import Journal, Stale


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.jsonl"


def written(path, count=3):
    journal = Journal(path)
    for number in range(count):
        journal.append({"n": number})
    return journal


def numbers(path):
    return [record["n"] for _, record in Journal(path).read()]


def test_records_come_back_with_the_numbers_of_their_lines(path):
    written(path)
    assert Journal(path).read() == [(1, {"n": 0}), (2, {"n": 1}), (3, {"n": 2})]
    assert path.read_text(encoding="utf-8") == '{"n": 0}\n{"n": 1}\n{"n": 2}\n'


def test_no_file_has_no_records(path):
    assert Journal(path).read() == []
    assert not path.exists()


def test_each_line_is_on_the_disk_when_append_returns(path, monkeypatch):
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file)), fsync(file)))
    journal = Journal(path)
    journal.append({"n": 0})
    assert [each.st_ino for each in synced] == [path.stat().st_ino, path.parent.stat().st_ino]
    assert synced[0].st_size == path.stat().st_size


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_line_that_a_crash_cut_short_costs_itself_alone(path, cut):
    written(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut])
    left = numbers(path)
    assert left == ([0, 1, 2] if cut == 1 else [0, 1])
    journal = Journal(path)
    journal.read()
    journal.append({"n": 9})
    assert numbers(path) == [*left, 9]


@pytest.mark.parametrize("rubbish", [b"\x00" * 40, b"\xff\xfe{", b"[1]", b"[" * 100_000, b"1"])
def test_rubbish_between_lines_is_passed_over(path, rubbish):
    written(path, 1)
    with path.open("ab") as file:
        file.write(rubbish + b'\n{"n": 1}\n')
    assert numbers(path) == [0, 1]


def test_whoever_has_not_read_the_last_line_adds_nothing(path):
    first = written(path)
    second = Journal(path)
    second.read()
    second.append({"n": 3})
    with pytest.raises(Stale, match="went on elsewhere"):
        first.append({"n": 4})
    with pytest.raises(Stale):
        Journal(path).append({"n": 4})
    assert numbers(path) == [0, 1, 2, 3]
    first.read()
    first.append({"n": 4})
    assert numbers(path) == [0, 1, 2, 3, 4]


def test_what_was_deleted_is_not_begun_again_by_accident(path):
    journal = written(path)
    path.unlink()
    with pytest.raises(Stale):
        journal.append({"n": 3})
    assert not path.exists()


def test_a_full_disk_is_said_and_the_next_line_is_whole(path, monkeypatch):
    journal = written(path)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:4]))
    with pytest.raises(OSError, match="took 4 of 9 bytes: is the disk full"):
        journal.append({"n": 3})
    monkeypatch.undo()
    journal.append({"n": 4})
    assert numbers(path) == [0, 1, 2, 4]


def test_it_does_not_grow_beyond_what_is_read(path, monkeypatch):
    journal = written(path)
    monkeypatch.setattr(module, "MOST_BYTES", 30)
    with pytest.raises(ValueError, match="is full"):
        journal.append({"n": 3})
    assert numbers(path) == [0, 1, 2]
    monkeypatch.setattr(module, "MOST_BYTES", 26)
    with pytest.raises(ValueError, match="up to 26 bytes"):
        numbers(path)


def test_a_link_is_not_followed(path, tmp_path):
    written(path)
    link = tmp_path / "b.jsonl"
    link.symlink_to(path)
    with pytest.raises(ValueError, match="is no journal"):
        Journal(link).read()


def _race(path, barrier, number, results):
    journal = Journal(path)
    journal.read()
    barrier.wait()
    try:
        journal.append({"n": number})
        results.put(number)
    except Stale:
        results.put(None)


def test_of_processes_that_add_at_once_one_wins(path):
    written(path, 1)
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(4), context.Queue()
    racing = [
        context.Process(target=_race, args=(path, barrier, number, results))
        for number in range(1, 5)
    ]
    for process in racing:
        process.start()
    won = [results.get(timeout=60) for _ in racing]
    for process in racing:
        process.join()
    (winner,) = [number for number in won if number]
    assert numbers(path) == [0, winner]


def test_only_json_is_written(path):
    journal = Journal(path)
    for record in ({"n": float("nan")}, {"n": b"x"}):
        with pytest.raises((ValueError, TypeError)):
            journal.append(record)
    journal.append({"n": "line\nbreak \u2028 ü"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"n": "line\nbreak \u2028 ü"}
    assert path.read_text(encoding="utf-8").count("\n") == 1
