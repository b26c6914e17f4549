"""Notebooks on sets of one's own that are small: each ends, or refuses before it trains.

The table says what becomes of each: the words of a measure that is left out where it ends, and of
the refusal, with the number that is needed, where it does not.
"""

import json
import re
from pathlib import Path

import matplotlib
import pytest
import small_sets
from run_figures import wrong_figures
from sklearn.tree import DecisionTreeClassifier

from synvae_core.metrics import two_sample
from synvae_workbench.reports import notebook_parameters

ROOT = Path(__file__).parents[1]
ONE_EACH = dict.fromkeys("abcdefghijkl", 1)
TWO = {"a": 6, "b": 6}
COLOUR = "../pretrained/synvae_paintings"  # plays colour pictures of any folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The working folder of notebooks, beside the shipped models."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pretrained").symlink_to(ROOT / "pretrained")
    monkeypatch.chdir(tmp_path / "notebooks")
    matplotlib.use("agg")
    # Hundreds of boosted trees would take most of the time.
    one_tree = (two_sample._features, lambda seed, melodies: DecisionTreeClassifier(max_depth=3))
    monkeypatch.setitem(two_sample._CLASSIFIERS, "features", one_tree)
    return tmp_path


def pictures(place, classes):
    return {"DATASET": "folder", "FOLDER": str(small_sets.pictures(place / "own", classes))}


def songs(place, count):
    folder = str(small_sets.songs(place / "own", count))
    return {"CORPUS": "midi", "CORPUS_FOLDER": folder, "CONFIG": "melody_2bar", "UNSEEN": ""}


def recordings(place, takes, digits=small_sets.DIGITS):
    folder = str(small_sets.recordings(place / "own", takes, digits))
    return {"SPEECH": "folder", "SPEECH_FOLDER": folder}


def loops(place, count, seconds=0.5):
    folder = str(small_sets.loops(place / "own", count, seconds))
    return {"DATASET": "folder", "FOLDER": folder, "DENSE_LATENT": 2}


def evaluated(place, classes):
    return pictures(place, classes) | {"RUN": COLOUR}


RAN = "ran"
# notebook, its set (a function of those above with what it takes), and what becomes of it.
TABLE = [
    ("10", pictures, [{}], "expected <class>/<picture>"),
    ("10", pictures, [{"a": 1}], "has 1 pictures .* expected 3 or more"),
    ("10", pictures, [{"a": 2}], "has 2 pictures .* expected 3 or more"),
    ("10", pictures, [{"a": 12}], "Left out: precision at k, as neighbours at 1 need 2 items"),
    ("10", pictures, [ONE_EACH], "12 of 12 classes have one picture each"),
    ("10", pictures, [{"a": 30, "b": 30}], "Left out: neighbours at k = 10, as .* needs 11 items"),
    ("12", pictures, [{"a": 1}], "has 1 pictures .* expected 3 or more"),
    ("12", pictures, [{"a": 4}], "4 or more for train, got 2; a folder of 6 has as many"),
    ("12", pictures, [TWO], "Left out: what can be heard, as ears compare 21 test pictures"),
    ("19", pictures, [{"a": 2}], "has 2 pictures .* expected 3 or more"),
    ("19", pictures, [{"a": 12}], "Left out: the linear probe, as .* two classes"),
    ("17", pictures, [TWO], "12288 pixels have 1 to 8 .* 65 at least"),
    ("17", pictures, [{"a": 2}], "expected 3 or more unlike each other"),
    ("15", recordings, [1], "no recording to test on: expected 3 or more of each digit"),
    ("15", recordings, [2], "1 or more of each digit for validation, .* 3 different recordings"),
    ("15", recordings, [6, "3"], "1 or more of each digit for train, got fewer of 0, 1, 2, 4"),
    ("15", recordings, [3], RAN),
    ("16", recordings, [12], "6 or more of each digit for test"),
    ("28", recordings, [12], "no digit has more than 5 test recordings: lower NEAREST"),
    ("11", songs, [0], "0 MIDI files"),
    ("11", songs, [2], "windows of midi: expected 2 or more for test, got 0; .* three at least"),
    ("11", songs, [3], "Left out: how prior are told from test tunes, as .* two tunes"),
    ("18", loops, [1], "at least two"),
    ("18", loops, [2], "windows of the dense model: expected 2 or more for train, got 1"),
    ("18", loops, [3], RAN),
    ("20", evaluated, [{"a": 12}], "2 or more for test, got 1; a folder of 15 has as many"),
    ("20", evaluated, [{"a": 30, "b": 30}], "Left out: neighbours at k = 10, 20, 50"),
    ("21", evaluated, [ONE_EACH], "Left out: what can be heard"),
    ("22", evaluated, [{"a": 12}], "2 or more for validation, got 1"),
    ("23", evaluated, [{"a": 12}], "5 or more for test, got 1; a folder of 46 has as many"),
    ("24", evaluated, [TWO], "Left out: how notes are told from tunes, as"),
    ("25", evaluated, [{"a": 60}], "15 or more for test, got 6; a folder of 146 has as many"),
    ("26", evaluated, [{"a": 60}], "15 or more for test, got 6; a folder of 146 has as many"),
    ("29", evaluated, [{"a": 60}], "21 or more for test, got 6; a folder of 206 has as many"),
    ("43", evaluated, [{"a": 60}], "15 or more for test, got 6; a folder of 146 has as many"),
]


NAMES = [f"notebook_{stem}-{own.__name__}-{of}" for stem, own, of, _ in TABLE]


@pytest.mark.slow
@pytest.mark.parametrize(("stem", "own", "of", "words"), TABLE, ids=NAMES)
def test_a_small_set_ends_or_is_refused_before_training(stem, own, of, words, place, capsys):
    parameters = own(place, *of)
    try:
        run = small_sets.run_cells(stem, **parameters)
    except ValueError as error:
        assert words != RAN, error
        assert re.search(words, str(error)), error
        assert not [*(place / "runs").rglob("metrics.jsonl")], "it was trained before"
        assert not [*(place / "runs").rglob("metrics.json")]
        return
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics
    assert wrong_figures(metrics) == []
    assert words == RAN or re.search(words, capsys.readouterr().out)


COUNTED = {"11", "27"}  # of songs: those that cannot be read are always left out and counted


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_what_becomes_of_broken_files_is_a_parameter_wherever_a_folder_is(path):
    declared = notebook_parameters(path)
    reads = {"FOLDER", "SPEECH_FOLDER"} & declared.keys() and path.name[:2] not in COUNTED
    assert ("BROKEN" in declared) == bool(reads)
    assert (
        not reads
        or "broken=BROKEN" in path.read_text("utf-8")
        or 'broken\\": BROKEN' in path.read_text("utf-8")
    )
