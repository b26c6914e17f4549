"""Small files: what is no file, too long, too deep or no JSON is refused by name, at once."""

import contextlib
import json
import os
import random

import pytest

from synvae_core.small_files import MAX_JSON_BYTES, parse_json, read_json, read_small


def fifo(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def device(path):
    path.symlink_to("/dev/zero")


def endless(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk


def circle(path):
    path.symlink_to(path)


def holds(content):
    return lambda path: path.write_bytes(content)


HOSTILE = {
    "missing": (lambda path: None, "is missing"),
    "pipe": (fifo, "is no regular file"),
    "folder": (folder, "is no regular file"),
    "device": (device, "is no regular file"),
    "sparse": (endless, "bytes: expected at most"),
    "circle of links": (circle, "cannot be opened"),
    "empty": (holds(b""), "is not JSON"),
    "deep": (holds(b"[" * 100_000), "nested too deeply"),
    "rather deep": (holds(b'{"a":' * 200 + b"1" + b"}" * 200), "nested more than 32 deep"),
    "long number": (holds(b'{"a": ' + b"9" * 5000 + b"}"), "is not JSON"),
    "Latin-1": (holds(b'{"a": "\xe4"}'), "utf-8"),
    "twins": (holds(b'{"a": 1, "a": 2}'), "given twice"),
    "list": (holds(b"[1]"), "a list where an object belongs"),
    "text": (holds(b'"a"'), "a text where an object belongs"),
    "null": (holds(b"null"), "or null where an object belongs"),
    "two": (holds(b"{} {}"), "Extra data"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_small_json_file_is_refused_by_name_and_at_once(name, tmp_path):
    make, message = HOSTILE[name]
    path = tmp_path / "config.json"
    make(path)
    with pytest.raises(ValueError, match=rf"config\.json.*{message}"):
        read_json(path)


def test_names_that_no_disk_has_are_refused(tmp_path):
    for name in ("x" * 300, "a\0b"):
        with pytest.raises(ValueError, match="cannot be opened"):
            read_json(tmp_path / name)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "file.json"
    for content in ({"a": [1, 2.5, None, True, "ä"]}, [], {"deep": [[[[[1]]]]]}):
        for mark in (b"", b"\xef\xbb\xbf"):  # some editors begin a file by a byte-order mark
            path.write_bytes(mark + json.dumps(content).encode())
            assert read_json(path, type(content)) == content


def test_the_longest_file_is_read_and_a_longer_one_is_not(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_small(path, most_bytes=5) == b"12345"
    with pytest.raises(ValueError, match="has 5 bytes: expected at most 4"):
        read_small(path, most_bytes=4)
    assert MAX_JSON_BYTES > 1_000_000


def test_mutated_json_is_parsed_or_refused():
    chance = random.Random(1)
    whole = json.dumps({"model": "A", "config": {"sizes": [1, 2, {"x": None}], "y": 1e9}}).encode()
    parts = [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b":",
        b",",
        b"\\u",
        b"\xff",
        b"\0",
        b"NaN",
        b"1e999",
        b"-",
    ]
    for _ in range(3000):
        text = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(text))
            text[at : at + chance.randint(0, 3)] = chance.choice(parts)
        with contextlib.suppress(ValueError):
            assert isinstance(parse_json(bytes(text)), dict)
