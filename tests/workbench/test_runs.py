"""The run folder: names are never paths, metrics are flat and finite."""

import json
import math
import os

import numpy as np
import pytest
from filelock import FileLock, Timeout

from synvae_core.atomic import ENDING
from synvae_workbench import locks
from synvae_workbench.runs import record, run_folder, write_history


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b", "/etc"])
def test_a_run_name_is_never_a_path(name, tmp_path):
    with pytest.raises(ValueError, match="name of a run"):
        run_folder(name, root=tmp_path)


def test_what_an_earlier_run_measured_is_gone(tmp_path):
    measured = [{"notes/squared_error": 1.0, "speaker_theo/agreement": 0.5}]
    measured += [{"notes/squared_error": np.float32(2), "floor/squared_error": np.int64(3)}]
    for each in measured:
        record(tmp_path, each, device="CPU", data={})
    stored = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert stored == {"notes/squared_error": 2.0, "floor/squared_error": 3.0}


def test_a_script_says_its_parameters(tmp_path):
    origin = record(tmp_path, {}, device="CPU", data={"a": "00"}, parameters={"SEED": 3, "K": 2})
    assert json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8")) == origin
    assert (origin["seed"], origin["parameters"]) == (3, {"SEED": 3, "K": 2})
    assert (origin["device"], origin["data"]) == ("CPU", {"a": "00"})


@pytest.mark.parametrize(
    "metrics", [{"squared_error": 1.0}, {"notes/error": math.nan}, {"a/b/c": 1.0}]
)
def test_nameless_places_and_numbers_that_are_none_are_refused(metrics, tmp_path):
    with pytest.raises(ValueError, match="metric"):
        record(tmp_path, metrics, device="CPU", data={})
    assert not list(tmp_path.iterdir())


def test_history_is_one_record_a_line(tmp_path):
    write_history(tmp_path, [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}])
    lines = (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_a_fresh_folder_is_empty(tmp_path):
    folder = run_folder("trial", root=tmp_path)
    (folder / "training.pt").touch()
    assert (run_folder("trial", root=tmp_path) / "training.pt").exists()
    assert {".lock", ".lock.json"} == set(
        os.listdir(run_folder("trial", root=tmp_path, fresh=True))
    )


def test_a_run_is_one_process_s_until_it_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.0)
    folder = run_folder("trial", root=tmp_path)
    other = FileLock(folder / ".lock")
    with pytest.raises(Timeout):
        other.acquire(blocking=False)
    record(folder, {"a/b": 1.0}, device="CPU", data={})
    with other, pytest.raises(locks.HeldError, match=r"trial is being written by"):
        run_folder("trial", root=tmp_path, fresh=True)
    assert (folder / "metrics.json").is_file()
    with other:
        assert run_folder("trial", root=tmp_path, shared=True) == folder


def test_what_a_killed_run_left_half_written_goes_when_it_starts_again(tmp_path):
    folder = run_folder("trial", root=tmp_path)
    (folder / "best").mkdir()
    left = [folder / f".training.pt.0123{ENDING}", folder / "best" / f".model.0123{ENDING}"]
    for path in left:
        path.touch()
    run_folder("trial", root=tmp_path, shared=True)
    assert all(path.exists() for path in left), "they may be another's, who writes now"
    run_folder("trial", root=tmp_path)
    assert not any(path.exists() for path in left)
