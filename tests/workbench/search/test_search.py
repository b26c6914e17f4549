"""Search by ear: what is found, what an update keeps, and what is refused."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from synvae_core.metrics.melody_distances import blurred_roll_distances
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import midi_bytes
from synvae_workbench.search import update
from synvae_workbench.search.lists import Coded, Grid, InvertedLists, encode, train_grid
from synvae_workbench.search.nearest import Search
from synvae_workbench.search.store import index_file, read_index
from synvae_workbench.search.update import Model, update_index

STEPS = 32


def melodies(n: int, seed: int = 0) -> np.ndarray:
    """Random walks of two bars, each with a note at its beginning."""
    rng = np.random.default_rng(seed)
    pitches = 40 + rng.integers(-4, 5, (n, STEPS)).cumsum(1).clip(-30, 30)
    events = np.where(rng.random((n, STEPS)) < 0.4, pitches, 0)
    events[:, 0] = pitches[:, 0]
    return ONE_VOICE.canonical(events)


def write(folder, events, start=0):
    for number, melody in enumerate(events, start):
        (folder / f"{number:05d}.mid").write_bytes(midi_bytes(melody))


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, melodies(40))
    update_index(tmp_path, steps=STEPS)
    return tmp_path


def names(found):
    return [each.name for each in found]


def test_the_nearest_by_ear_are_those_of_the_distance_that_is_measured_elsewhere(folder):
    query = melodies(1, seed=9)[0]
    apart = blurred_roll_distances(query[None], melodies(40))[0]
    found = Search(read_index(folder)).by_ear(query, k=10)
    assert names(found) == [f"{i:05d}.mid" for i in apart.argsort(kind="stable")[:10]]
    assert [each.distance for each in found] == pytest.approx(sorted(apart)[:10], abs=1e-3)


def test_more_is_asked_for_than_there_is(folder):
    assert len(Search(read_index(folder)).by_ear(melodies(1)[0], k=100)) == 40


def test_the_nearest_by_latents(tmp_path):
    write(tmp_path, events := melodies(30))
    model = Model("a digest", lambda events: events[:, :5] / 8)
    update_index(tmp_path, steps=STEPS, model=model)
    query = model.latents(melodies(1, seed=3))[0]
    apart = np.linalg.norm(model.latents(events).astype(np.float16) - query, axis=1)
    found = Search(read_index(tmp_path)).by_latents(query, k=5)
    assert [each.distance for each in found] == pytest.approx(sorted(apart)[:5], abs=1e-3)
    with pytest.raises(ValueError, match="make the index with this model"):
        Search(read_index(tmp_path)).by_latents(np.zeros(4))
    with pytest.raises(ValueError, match="another model"):
        update_index(tmp_path, steps=STEPS)


def test_an_update_reads_what_is_new_and_leaves_out_what_is_gone(folder, monkeypatch):
    read = []
    reader = update.read_opening
    monkeypatch.setattr(update, "read_opening", lambda *a, **k: read.append(k) or reader(*a, **k))
    (folder / "00003.mid").unlink()
    (folder / "00004.mid").rename(folder / "moved.mid")
    (folder / "below").mkdir()
    write(folder / "below", melodies(2, seed=5), start=100)
    (folder / "broken.mid").write_bytes(b"MThd and no more")
    changes = update_index(folder, steps=STEPS)
    assert (changes.added, changes.kept, changes.removed) == (3, 38, 2)
    assert [*changes.failed] == ["broken.mid"]
    assert [each["name"] for each in read] == [
        "broken.mid",
        "below/00100.mid",
        "below/00101.mid",
    ]
    search = Search(read_index(folder))
    for name, melody in {
        "moved.mid": melodies(40)[4],
        "below/00100.mid": melodies(2, seed=5)[0],
    }.items():
        [first] = search.by_ear(melody, k=1)
        assert first.name == name
    assert len(search.index.melodies.ends) == 41


def test_an_update_is_what_a_new_index_is(folder):
    write(folder, melodies(5, seed=6), start=100)
    (folder / "00007.mid").write_bytes(midi_bytes(melodies(1, seed=7)[0]))
    update_index(folder, steps=STEPS)
    updated = read_index(folder)
    index_file(folder).unlink()
    update_index(folder, steps=STEPS)
    anew = read_index(folder)
    rows = [sorted(range(45), key=each.melodies.name) for each in (updated, anew)]
    for one, other in zip(updated.melodies[2:], anew.melodies[2:], strict=True):
        assert np.array_equal(one[rows[0]], other[rows[1]])


@pytest.fixture
def small_lists(monkeypatch):
    """Lists from 200 melodies on."""
    monkeypatch.setattr(update, "LEAST", 200)
    monkeypatch.setattr(update, "ROLL_NUMBERS", 300 * 6144)


@pytest.mark.slow
def test_lists_find_what_exact_search_finds_also_after_updates(tmp_path, small_lists):
    write(tmp_path, melodies(600))
    update_index(tmp_path, steps=STEPS)
    write(tmp_path, melodies(200, seed=1), start=1000)
    for number in range(0, 600, 3):
        (tmp_path / f"{number:05d}.mid").unlink()
    trained = read_index(tmp_path).about.trained
    update_index(tmp_path, steps=STEPS)
    index = read_index(tmp_path)
    assert trained == index.about.trained == 600
    search, shares = Search(index), []
    assert search._lists is not None
    for query in melodies(20, seed=2):
        lists, exact = (search.by_ear(query, exact=exact) for exact in (False, True))
        shares.append(len({*names(lists)} & {*names(exact)}) / 10)
    assert np.mean(shares) > 0.95
    for number in range(1000, 1190):
        (tmp_path / f"{number:05d}.mid").unlink()
    update_index(tmp_path, steps=STEPS)
    assert read_index(tmp_path).ear is not None


def test_lists_that_are_all_looked_into_find_the_nearest():
    vectors = np.random.default_rng(0).normal(size=(900, 8)).astype(np.float32)
    grid = train_grid(vectors, len(vectors))
    lists = InvertedLists(grid, encode(grid, vectors))
    for query in vectors[:5] + 0.1:
        nearest = np.linalg.norm(vectors - query, axis=1).argsort()[:10]
        found = lists.nearest(query, 30, share=1)
        assert {*nearest.tolist()} <= {*found.tolist()}


KILLED = """
import os, sys
from pathlib import Path
from synvae_workbench.search import store, update
written = store.save_file
def save(content, part, metadata):
    written(content, part, metadata)
    with open(part, "r+b") as file:
        file.truncate(100)  # half of it is on the disk
    os.kill(os.getpid(), 9)
store.save_file = save
update.update_index(Path(sys.argv[1]), steps=32)
"""


@pytest.mark.slow
def test_an_update_that_is_killed_leaves_the_old_index(folder):
    write(folder, melodies(3, seed=8), start=200)
    before = index_file(folder).read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder)], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert index_file(folder).read_bytes() == before
    assert update_index(folder, steps=STEPS).added == 3


def test_a_first_run_that_is_interrupted_keeps_what_it_read(tmp_path, monkeypatch):
    write(tmp_path, melodies(30))
    monkeypatch.setattr(update, "AT_ONCE", 5)
    monkeypatch.setattr(update, "KEPT_FROM", 10)
    counted = []

    def stop(count):
        counted.append(count)
        if sum(counted) == 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update_index(tmp_path, steps=STEPS, done=stop)
    assert 10 <= len(read_index(tmp_path).melodies.ends) < 25
    changes = update_index(tmp_path, steps=STEPS)
    assert changes.kept >= 10
    assert changes.kept + changes.added == 30


def changed(name, change):
    def apply(arrays):
        arrays[name] = change(arrays[name])

    return apply


ABOUT = '{"format": 1, "steps": 32, "model": "", "trained": 0}'
HOSTILE = {
    "a name out of the folder": changed("names", lambda a: np.r_[np.uint8([46, 46, 47]), a[3:]]),
    "an absolute name": changed("names", lambda a: np.r_[np.uint8([47]), a[1:]]),
    "names beyond the end": changed("ends", lambda a: a + 1),
    "names backwards": changed("ends", lambda a: a[::-1].copy()),
    "fewer norms": changed("norms", lambda a: a[:-1]),
    "no numbers": changed("norms", lambda a: a * np.float32("nan")),
    "codes of no note": changed("codes", lambda a: a | 255),
    "codes of another type": changed("codes", lambda a: a.astype(np.int64)),
    "other steps": changed("codes", lambda a: np.ascontiguousarray(a[:, 1:])),
    "flat latents": changed("latents", lambda a: a.ravel()),
    "lists without vectors": lambda arrays: arrays.update(cells=np.zeros(40, np.int32)),
    "another array": lambda arrays: arrays.update(other=np.zeros(1)),
    "no melodies": lambda arrays: arrays.pop("codes"),
}  # fmt: skip


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_an_index_that_does_not_hold_together_is_refused(folder, change):
    path = index_file(folder)
    arrays = load_file(path)
    change(arrays)
    save_file(
        arrays, path, metadata={"synvae": '{"format": 1, "steps": 32, "model": "", "trained": 0}'}
    )
    with pytest.raises(ValueError, match=r"is no index that can be used|is no path in the folder"):
        Search(read_index(folder)).by_ear(melodies(40)[0], k=40)


@pytest.mark.parametrize(
    "about",
    ['{"format": 2}', "[]", "{", '{"format": 1, "steps": -1, "model": "", "trained": 0}',
     ABOUT.replace("}", ', "run": "x"}')],
)  # fmt: skip
def test_an_index_of_another_format_is_refused(folder, about):
    path = index_file(folder)
    save_file(load_file(path), path, metadata={"synvae": about})
    with pytest.raises(ValueError, match="no index that can be used"):
        read_index(folder)


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 100, b"\x08" + bytes(7) + b"[1,2,3] ", b"IwFl" * 9]
)
def test_a_file_that_is_no_index_is_refused(folder, content):
    index_file(folder).write_bytes(content)
    with pytest.raises(ValueError, match=r"no index that can be used.*remove it"):
        read_index(folder)


def test_any_bytes_are_refused_or_read(folder):
    path, rng = index_file(folder), np.random.default_rng(0)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    query = melodies(1)[0]
    for _ in range(60):
        content = whole.copy()
        places = rng.integers(0, min(len(content), 1500), rng.integers(1, 6))
        content[places] = rng.integers(0, 256, len(places))
        path.write_bytes(content[: rng.integers(1, len(content) + 1)].tobytes())
        try:
            Search(read_index(folder)).by_ear(query)
        except ValueError:
            continue


def test_a_pipe_is_no_index(folder):
    index_file(folder).unlink()
    os.mkfifo(index_file(folder))
    with pytest.raises(ValueError, match="no regular file"):
        read_index(folder)


def grid_of(lists=3, dims=4):
    return Grid(np.zeros((lists, dims), np.float32), np.ones((2, dims), np.float32))


@pytest.mark.parametrize(
    ("grid", "cells", "dims"),
    [
        (grid_of(), [3], 4),
        (grid_of(), [-1], 4),
        (grid_of(), [0], 5),
        (grid_of(lists=0), [0], 4),
        (grid_of(dims=0), [0], 0),
        (grid_of()._replace(ranges=np.ones((1, 4), np.float32)), [0], 4),
        (grid_of()._replace(centres=np.full((3, 4), np.nan, np.float32)), [0], 4),
    ],
)
def test_lists_that_native_code_could_not_trust_are_refused(grid, cells, dims):
    coded = Coded(np.zeros((len(cells), dims), np.uint8), np.array(cells, np.int32))
    with pytest.raises(ValueError, match=r"expected|lists|finite"):
        InvertedLists(grid, coded)


def test_two_updates_at_once_are_refused(folder):
    program = (
        "import sys; from pathlib import Path; from synvae_workbench.locks import hold\n"
        "hold(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(index_file(folder))], **pipes
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(ValueError, match="is being written by"):
            update_index(folder, steps=STEPS)
        other.stdin.close()
