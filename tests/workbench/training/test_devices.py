"""Runs in processes of their own: several train as one does, a killed one goes on as if never."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import small_run

from synvae_workbench.training.loop import make_fabric


def result(folder):
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def python(*arguments):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    small_run.train(one)
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    done = python(*launcher, Path(small_run.__file__), two)
    assert done.returncode == 0, done.stderr
    alone, together = result(one), result(two)
    assert (alone["world"], together["world"]) == (1, 2)
    for first, second in zip(alone["history"], together["history"], strict=True):
        assert first == pytest.approx(second, rel=1e-5)
    assert alone["weights"] == pytest.approx(together["weights"], rel=1e-4)


@pytest.mark.slow
def test_a_run_killed_at_any_step_and_resumed_ends_with_the_same_weights(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    small_run.train(whole, noise=0.1)
    step = random.randrange(small_run.CONFIG.epochs * small_run.EPOCH_STEPS)
    done = python(Path(small_run.__file__), killed, step)
    assert done.returncode == -signal.SIGKILL, (step, done.stderr)
    assert not (killed / "result.json").exists()
    small_run.train(killed, noise=0.1)
    assert result(killed) == result(whole), f"killed at step {step}"


def test_a_precision_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="'float16' is unknown; choose of float32, bfloat16"):
        make_fabric(precision="float16")
