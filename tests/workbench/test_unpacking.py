"""Budgets of readers: small files that would take gigabytes or hours take neither, measured."""

import gzip
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hostile import npy, npz

from synvae_workbench.unpacking import (
    ALWAYS,
    MAX_RATIO,
    MAX_UNPACKED,
    read_npz,
    read_unzipped,
    unpacked_limit,
)

MOST_MEGABYTES = 700  # beside what Python and torch take; most of it a picture of 81 million pixels
MOST_SECONDS = 60  # of a core for one file: hours elsewhere
CHILD = """
import contextlib, resource, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import hostile

def taken():
    pages = Path("/proc/self/statm").read_text(encoding="utf-8").split()[0]
    return int(pages) * resource.getpagesize()

resource.setrlimit(resource.RLIMIT_AS, (taken() + int(sys.argv[3]), -1))
for name, read, path in hostile.cases(Path(sys.argv[1])):
    started = time.process_time()
    with contextlib.suppress(ValueError):
        read(path)
    assert time.process_time() - started < int(sys.argv[4]), name
    print(name)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no way to limit memory here")
@pytest.mark.slow
def test_no_small_file_takes_much_memory_or_time(tmp_path):
    helpers = Path(__file__).parents[1] / "helpers"
    limits = [str(MOST_MEGABYTES << 20), str(MOST_SECONDS)]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), str(helpers), *limits],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"after {done.stdout.splitlines()[-1:]}: {done.stderr[-2000:]}"
    assert len(done.stdout.splitlines()) >= 40


def test_what_shrinks_as_data_do_is_read(tmp_path):
    path = tmp_path / "file"
    for content in (b"", b"abc", bytes(ALWAYS), random.Random(0).randbytes(100_000)):
        path.write_bytes(content)
        assert read_unzipped(path) == content
        path.write_bytes(gzip.compress(content))
        assert read_unzipped(path) == content


def test_what_shrinks_a_thousandfold_is_not(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(bytes(ALWAYS + (1 << 24))))
    with pytest.raises(ValueError, match="longer than 16,777,216 bytes"):
        read_unzipped(path)
    with pytest.raises(ValueError, match="longer than 10 bytes"):
        read_unzipped(path, most_bytes=10)


@pytest.mark.parametrize(
    ("stored", "limit"),
    [(0, ALWAYS), (1_000_000, 1_000_000 * MAX_RATIO), (1 << 40, MAX_UNPACKED)],
)
def test_the_budget_grows_with_the_file(stored, limit):
    assert unpacked_limit(stored) == limit


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back(save, tmp_path):
    arrays = {
        "bytes": np.arange(12, dtype=np.uint8).reshape(3, 4),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "empty": np.zeros((0, 3), np.int64),
        "scalar": np.array(2.5),
        "text": np.array("ä"),
        "names": np.array(["a", "bc"]),
        "flags": np.array([True, False]),
    }
    save(tmp_path / "a.npz", **arrays)
    found = read_npz(tmp_path / "a.npz")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
        assert found[name].flags.writeable


WHOLE = npz(a=npy("(3,)", b"abc"), b=npy("(2, 2)", bytes(8), "<i2"))
REFUSED = {
    "nothing": b"",
    "no zip": b"abc",
    "cut": WHOLE[:-30],
    "claims more": npz(a=npy("(4,)", b"abc")),
    "claims less": npz(a=npy("(2,)", b"abc")),
    "negative": npz(a=npy("(-3,)", b"abc")),
    "objects": npz(a=npy("(1,)", bytes(8), "|O")),
    "no header": npz(a=b"abc"),
    "another version": npz(a=b"\x93NUMPY\x09\x00abc"),
    "an expression": npz(a=npy("(__import__('os').getpid(),)", b"abc")),
    "too many": npz(**{f"a{place}": b"" for place in range(1001)}),
    "too large": npz(a=npy("(50000000,)", bytes(50_000_000))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_archives_are_refused(name, tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(REFUSED[name])
    with pytest.raises(ValueError, match=r"."):
        read_npz(path)


def test_a_changed_archive_is_read_or_refused(tmp_path):
    path, chance = tmp_path / "a.npz", random.Random(3)
    for _ in range(300):
        content = bytearray(WHOLE)
        for _ in range(chance.randint(1, 3)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(bytes(content))
        try:
            assert sum(array.nbytes for array in read_npz(path).values()) < 1000
        except ValueError:
            continue
