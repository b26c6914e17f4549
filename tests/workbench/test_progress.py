"""The state of a loop reaches the runner through its file, and nobody else."""

import json

import pytest

from synvae_workbench.progress import (
    PROGRESS_FILE,
    LoopState,
    fraction_done,
    progress,
    read_progress,
)


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "progress.json"
    monkeypatch.setenv(PROGRESS_FILE, str(path))
    return path


def test_a_loop_tells_its_state_and_draws_nothing(file, capsys):
    with progress(total=8, initial=2, description="training") as bar:
        bar.update(3, epoch="1/2", loss=0.123456)
        bar.refresh()
        (state,) = read_progress(file)
        assert (state.description, state.done, state.total) == ("training", 5, 8)
        assert state.postfix == "epoch=1/2, loss=0.123"
    assert read_progress(file) == []
    assert capsys.readouterr() == ("", "")


def test_loops_within_loops_are_told_from_the_outside_in(file):
    with progress(total=2, description="epoch") as outer:
        outer.update(1)
        for _ in progress(range(4), description="batch"):
            loops = read_progress(file)
            break
    assert [(loop.description, loop.done) for loop in loops] == [("epoch", 1), ("batch", 0)]
    assert fraction_done(loops) == 0.5


def test_a_loop_that_raises_is_no_longer_told(file):
    with pytest.raises(RuntimeError), progress(total=3, description="training"):
        raise RuntimeError
    assert read_progress(file) == []


def test_a_loop_runs_on_when_its_file_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv(PROGRESS_FILE, str(tmp_path / "gone" / "progress.json"))
    assert list(progress(range(3), description="training")) == [0, 1, 2]


def test_nothing_is_drawn_into_a_log(monkeypatch, capsys):
    monkeypatch.delenv(PROGRESS_FILE, raising=False)
    with progress(total=2, description="training") as bar:
        bar.update(1, loss=1.0)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("text", ["", "[{", '{"a": 1}', '[{"done": 1}]', "[1]"])
def test_a_file_that_makes_no_sense_says_nothing(text, tmp_path):
    (tmp_path / "progress.json").write_text(text, encoding="utf-8")
    assert read_progress(tmp_path / "progress.json") == []
    assert read_progress(tmp_path / "absent.json") == []


@pytest.mark.parametrize(
    ("loops", "expected"),
    [
        ([], None),
        ([(3, 4)], 0.75),
        ([(1, 2), (1, 2)], 0.75),
        ([(2, 2), (1, 2)], 1.0),
        ([(1, None)], None),
        ([(1, 2), (5, None)], None),
    ],
)
def test_fraction_done(loops, expected):
    states = [LoopState("", done, total, 1.0, "") for done, total in loops]
    assert fraction_done(states) == expected


def test_the_file_is_plain_json(file):
    with progress(total=4, description="a") as bar:
        bar.update(1)
        bar.refresh()
        assert json.loads(file.read_text(encoding="utf-8"))[0]["done"] == 1
