"""One writer at a time: the second is told who the first is, and nobody waits for the dead."""

import json
import os
import signal
import subprocess
import sys

import pytest
from filelock import FileLock

from synvae_workbench import locks
from synvae_workbench.locks import HeldError, hold, holding, let_go, lock_file

HOLDER = """
import sys, time
from pathlib import Path
from synvae_workbench.locks import hold
hold(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.0)


def test_the_second_is_told_who_holds_it_until_that_process_is_killed(tmp_path, monkeypatch):
    command = "synvae run 12 -p RUN_NAME mine"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path],
        env=os.environ | {"SYNVAE_COMMAND": command},
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        assert process.stdout.readline() == "held\n"
        told = rf"{tmp_path} is being written by process {process.pid} on \S+ since .*\({command}\)"
        with pytest.raises(HeldError, match=told):
            hold(tmp_path)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    monkeypatch.setattr(locks, "WAIT_SECONDS", 10.0)
    assert hold(tmp_path)
    let_go(tmp_path)


def free(target):
    with FileLock(lock_file(target), blocking=False) as lock:
        return lock.is_locked


def test_a_process_holds_a_lock_once_and_as_long_as_it_says(tmp_path):
    report = tmp_path / "report.ipynb"
    for target in (tmp_path, report):
        with holding(target):
            with holding(target):
                assert not hold(target)
            with pytest.raises(HeldError, match=f"process {os.getpid()} on"):
                other_process(target)
        assert free(target)
        assert hold(target)
        with holding(target):
            pass
        with pytest.raises(HeldError):
            other_process(target)
        let_go(target)
        let_go(target)
        assert free(target)


def other_process(target):
    """Asks for a lock as one does who does not know what this process holds."""
    known, locks._held = locks._held, {}
    try:
        hold(target)
    finally:
        locks._held = known


@pytest.mark.parametrize(
    "said", [None, "", "[" * 9_000, "7", '{"pid": 1}', json.dumps({"pid": [1] * 9_000})]
)
def test_a_holder_that_says_nothing_of_use_is_another_process(tmp_path, said):
    with FileLock(lock_file(tmp_path)):
        if said is not None:
            (tmp_path / ".lock.json").write_text(said, encoding="utf-8")
        with pytest.raises(HeldError, match="written by another process:"):
            hold(tmp_path)


def test_of_processes_that_train_together_the_first_holds_the_lock(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with FileLock(lock_file(tmp_path)), holding(tmp_path):
        assert not hold(tmp_path)
    monkeypatch.setenv("RANK", "0")
    with FileLock(lock_file(tmp_path)), pytest.raises(HeldError):
        hold(tmp_path)
