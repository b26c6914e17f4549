"""A record of where a result comes from says the truth, or that it does not know."""

import json
import subprocess
from pathlib import Path

import numpy as np

from synvae_workbench import provenance as module
from synvae_workbench.provenance import MIME_TYPE, commit, provenance


def test_a_record_survives_json():
    record = provenance(
        seed=3,
        device="CPU",
        parameters={"BETA": 0.1, "path": Path("a/b"), "k": (1, 2)},
        data={"mnist": "sha256:00", "n": np.int64(4)},
    )
    assert json.loads(json.dumps(record)) == record
    assert (record["seed"], record["device"]) == (3, "CPU")
    assert record["parameters"] == {"BETA": 0.1, "path": "a/b", "k": [1, 2]}
    assert record["versions"]["numpy"] == np.__version__
    assert record["timestamp"].endswith("+00:00")


def test_a_record_says_for_how_long_the_process_has_worked(monkeypatch):
    monkeypatch.setattr(module, "STARTED", module.time.monotonic() - 90)
    assert 90 <= provenance()["duration_s"] < 120


def test_a_record_shown_in_a_notebook_reaches_the_report():
    record = provenance(seed=1)
    bundle = record._repr_mimebundle_()
    assert bundle[MIME_TYPE] == record
    assert "seed: 1" in bundle["text/plain"]


def test_the_commit_of_another_repository_is_not_ours(tmp_path, monkeypatch):
    installed = tmp_path / "lib" / "provenance.py"
    installed.parent.mkdir()
    installed.write_text("", encoding="utf-8")
    monkeypatch.setattr(module, "__file__", str(installed))
    assert commit() == "unknown"  # no repository at all

    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "theirs"], check=True)
    assert commit() == "unknown"

    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "ours"], check=True)
    clean = commit()
    assert len(clean) >= 7
    installed.write_text("changed", encoding="utf-8")
    assert commit() == f"{clean}-dirty"


def test_without_git_the_commit_is_unknown(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert commit() == "unknown"
