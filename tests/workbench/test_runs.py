"""The run folder: names are never paths, metrics are flat and finite."""

import json
import math

import numpy as np
import pytest

from synvae_workbench.runs import record, run_folder, write_history


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b", "/etc"])
def test_a_run_name_is_never_a_path(name, tmp_path):
    with pytest.raises(ValueError, match="run name"):
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
    assert not list(run_folder("trial", root=tmp_path, fresh=True).iterdir())
