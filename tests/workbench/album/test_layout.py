"""Stems of an album's entries, whatever names their sources have."""

import itertools
import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synvae_workbench.album.layout import LONGEST_PART, stem_key, stems


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("beach.jpg", ["beach", "beach.jpg", "beach.jpg-2", "beach.jpg-3"]),
        ("holiday/2020/beach.JPG", ["holiday/2020/beach", "holiday/2020/beach.JPG"]),
        ("tune.001.mid", ["tune.001.mid"]),  # tune.001.png is a window of tune.mid
        ("../../etc/passwd", ["etc/passwd"]),
        ("/etc/passwd", ["etc/passwd"]),
        (".album/ledger.png", ["_album/ledger"]),
        (".png", ["_png"]),
        ("..", ["_"]),
        ("", ["_"]),
    ],
)
def test_stems_of_names(name, expected):
    assert list(itertools.islice(stems(name), len(expected))) == expected


@given(st.text(st.sampled_from("a.A/\\~ \0é\udcff") | st.characters(), max_size=400))
def test_no_stem_leads_out_of_its_folder_or_is_hidden(name):
    for stem in itertools.islice(stems(name), 4):
        parts = PurePosixPath(stem).parts
        assert parts and "/".join(parts) == stem
        assert not any(part.startswith(".") or "\0" in part for part in parts)
        assert all(len(os.fsencode(part)) <= LONGEST_PART + 8 for part in parts)


def test_stems_are_one_where_a_file_system_takes_them_for_one():
    assert stem_key("Caf\u00e9") == stem_key("cafe\u0301") != stem_key("cafe")
    stem_key(os.fsdecode(b"\xff"))
