"""Sweeps end as they should, whatever is killed on the way."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from schedulers import scheduler_with_workers

from synvae_workbench.batch.child import MARK, end_leftovers
from synvae_workbench.batch.cluster import parse_needs, plan_local, visible_cards
from synvae_workbench.batch.plan import read_plan

pytestmark = pytest.mark.slow
TWO = "notebook: 5\nparameters: {GATE: ../gate}\ngrid: {SEED: [0, 1]}"


def digest(tree, name="trial"):
    return json.loads((tree.root / "runs" / name / "sweep.json").read_text(encoding="utf-8"))


def runs(tree, name="trial"):
    return {run["name"]: run for cell in digest(tree, name)["cells"] for run in cell["runs"]}


def state(tree, run, sweep="trial"):
    path = tree.root / "runs" / sweep / "state" / f"{run}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def both_run(tree):
    """Whether both runs of TWO stand before their gate."""
    return all("wait" in "".join(tree.journal(f"trial-SEED_{seed}")) for seed in (0, 1))


def one_at_a_time(journal):
    """Whether no attempt wrote after the next had begun."""
    pids = [line.split()[1] for line in journal]
    changes = sum(a != b for a, b in zip(pids, pids[1:], strict=False))
    return changes == len(set(pids)) - 1


def test_a_grid_and_a_failing_cell(tree):
    text = """about: <b>Tiny</b>
show: [tiny/before, tiny/beta]
notebook: 5
list: [{BETA: 1}, {LABEL: fail}, {BETA: 2}]"""
    path = tree.file(text)
    status, out, err = tree.sweep(path, "--workers", "2", "-p", "KINDS", "[7]")
    assert status == 1, err
    assert out == f"{tree.root}/reports/trial/index.html\n"
    assert "trial-LABEL_fail: cell 3, “Tiny”: RuntimeError: asked to" in err
    assert "2 of 3 done, 1 failed" in err
    found = digest(tree)
    assert (found["name"], found["about"], found["varied"]) == (
        *("trial", "<b>Tiny</b>"),
        ["BETA", "LABEL"],
    )
    assert [cell["state"] for cell in found["cells"]] == ["done", "failed", "done"]
    assert [cell["parameters"] for cell in found["cells"]] == [
        {"BETA": 1.0, "LABEL": ""},
        {"BETA": 0.5, "LABEL": "fail"},
        {"BETA": 2.0, "LABEL": ""},
    ]
    page = (tree.root / "reports" / "trial" / "index.html").read_text(encoding="utf-8")
    for run in runs(tree).values():
        assert (tree.root / run["report"]).is_file()
        assert Path(run["report"]).name in page
        assert (tree.root / run["log"]).read_text(encoding="utf-8")
    assert found["show"] == ["tiny/before", "tiny/beta"]
    assert "<b>Tiny</b>" not in page
    assert runs(tree)["trial-BETA_2.0"]["metrics"] == {"tiny/beta": 2.0, "tiny/before": -1.0}
    seen = json.loads((tree.root / "runs" / "trial-BETA_2.0" / "seen").read_text(encoding="utf-8"))
    assert seen[3:] == [[7], "1", None]

    status, _, err = tree.sweep(path, "-p", "KINDS", "[7]")
    assert status == 2
    assert "was begun already: go on by --resume" in err
    status, _, err = tree.sweep(path, "--resume")
    assert status == 2
    assert "KINDS: [7] then, 'the default' now" in err

    tree.notebook("05_tiny", body="print(LABEL)")  # it does not fail any more, and writes nothing
    status, _, err = tree.sweep(path, "--resume", "-p", "KINDS", "[7]")
    assert status == 0, err
    assert "3 runs, 2 of them done before" in err
    assert tree.words("trial-BETA_1.0") == ["begin", "end"], "a finished run was repeated"
    assert [run["attempts"] for run in runs(tree).values()] == [1, 2, 1]
    assert runs(tree)["trial-LABEL_fail"]["error"] is None


def test_a_chain_hands_on_its_folder_and_skips_what_needs_a_failed_step(tree):
    text = """steps:
  train: {notebook: 5, parameters: {BETA: 0.25}}
  look: {notebook: tiny_too, parameters: {RUN: $train}}
  fails: {notebook: 6, parameters: {LABEL: fail}}
  last: {notebook: 5, parameters: {RUN: $fails}}"""
    status, _, err = tree.sweep(tree.file(text), "-p", "all.SMOKE", "true")
    assert status == 1, err
    found = runs(tree, "trial_smoke")
    assert {name: run["state"] for name, run in found.items()} == {
        "trial-train": "done",
        "trial-look": "done",
        "trial-fails": "failed",
        "trial-last": "skipped",
    }
    assert found["trial-look"]["run"] == "runs/trial-look_smoke"
    assert found["trial-look"]["metrics"]["tiny/before"] == 0.25
    assert "trial-last: it needs trial-fails, which is not done" in err
    assert not tree.journal("trial-last_smoke")


def test_the_run_of_a_killed_worker_is_run_again_and_no_other(tree):
    process = tree.start(tree.file(TWO), "--gpus", "3,GPU-5")  # a worker for each card
    tree.wait_for(lambda: both_run(tree))
    child = psutil.Process(state(tree, "trial-SEED_1")["pid"])
    worker, kernels = child.parent(), tree.kernels()
    assert len(kernels) == 2
    worker.kill()
    tree.wait_for(lambda: state(tree, "trial-SEED_1").get("attempts") == 2)
    (tree.root / "gate").touch()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert tree.words("trial-SEED_0") == ["begin", "end"]
    assert tree.words("trial-SEED_1") == ["begin", "begin", "end"]
    assert one_at_a_time(tree.journal("trial-SEED_1"))
    assert "trial-SEED_1: running on" in err
    assert ", again" in err
    assert not [kernel for kernel in kernels if kernel.is_running()]
    seen = [
        json.loads((tree.root / f"runs/trial-SEED_{i}/seen").read_text(encoding="utf-8"))[-1]
        for i in (0, 1)
    ]
    assert set(seen) == {"3", "GPU-5"}, "one card takes one run"


def test_a_kernel_that_cannot_notice_the_end_of_its_run_is_killed(tmp_path):
    command = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"]
    states = [tmp_path / "a.json", tmp_path / "b.json"]
    kernels = [
        subprocess.Popen(command, env=os.environ | {MARK: str(state)}, stdout=subprocess.PIPE)
        for state in states
    ]
    for kernel in kernels:
        kernel.stdout.readline()
    psutil.Process(kernels[0].pid).suspend()
    end_leftovers(states[0])
    assert not psutil.pid_exists(kernels[0].pid)
    assert kernels[1].poll() is None, "that is of another run"
    kernels[1].kill()
    kernels[1].wait()


def test_a_killed_client_leaves_nothing_running_and_resumes(tree):
    path = tree.file("notebook: 5\nlist: [{SEED: 0}, {SEED: 1, GATE: ../gate}, {SEED: 2}]")
    process = tree.start(path, "--workers", "1")
    plan = read_plan(path, notebooks=tree.root / "notebooks")
    name = plan.runs[1].name
    tree.wait_for(lambda: tree.journal(name))
    process.kill()
    process.wait()
    status, _, err = tree.sweep(path)
    assert status == 2, "the sweep was begun"
    tree.wait_for(lambda: not tree.kernels())
    assert tree.words("trial-SEED_0") == ["begin", "end"]
    (tree.root / "gate").touch()
    status, _, err = tree.sweep(path, "--resume", "--workers", "1")
    assert status == 0, err
    assert "3 runs, 1 of them done before" in err
    assert tree.words("trial-SEED_0") == ["begin", "end"]
    assert tree.words(name) == ["begin", "begin", "end"]
    assert one_at_a_time(tree.journal(name))


def test_an_interrupted_sweep_leaves_reports_and_resumes(tree):
    path = tree.file(TWO)
    process = tree.start(path, "--workers", "2")
    tree.wait_for(lambda: both_run(tree))
    status, _, err = tree.sweep(path, "--resume")
    assert status == 2
    assert f"is being written by process {process.pid}" in err

    os.killpg(process.pid, signal.SIGINT)  # Control-C reaches every process of a terminal
    out, err = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGINT, err
    assert "Traceback" not in err
    assert "2 left: --resume goes on" in err
    assert out == f"{tree.root}/reports/trial/index.html\n"
    assert not tree.kernels()
    for run in runs(tree).values():
        assert run["state"] == "stopped"
        assert "interrupted" in run["error"]
        assert (tree.root / run["report"]).is_file()
    (tree.root / "gate").touch()
    status, _, err = tree.sweep(path, "--resume")
    assert status == 0, err
    assert {run["state"] for run in runs(tree).values()} == {"done"}


@pytest.fixture
def scheduler(tree):
    """Address and process of a Dask scheduler with two workers of a card each."""
    with scheduler_with_workers(tree.root, tree.wait_for, ["GPU=1"] * 2) as started:
        yield started


def test_any_scheduler_serves_and_a_worker_that_leaves_is_replaced(tree, scheduler):
    options = ["--scheduler", scheduler[0], "--needs", "GPU=1"]
    process = tree.start(tree.file(TWO), *options)
    tree.wait_for(lambda: both_run(tree))
    nanny = psutil.Process(state(tree, "trial-SEED_1")["pid"]).parent().parent()
    nanny.terminate()  # as a queue does with a job whose time is over
    tree.wait_for(lambda: state(tree, "trial-SEED_1")["state"] == "stopped")
    (tree.root / "gate").touch()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert tree.words("trial-SEED_1") == ["begin", "begin", "end"]
    assert one_at_a_time(tree.journal("trial-SEED_1"))


def test_a_lost_scheduler_is_said_and_its_runs_end(tree, scheduler):
    process = tree.start(tree.file(TWO), "--scheduler", scheduler[0])
    tree.wait_for(lambda: both_run(tree))
    scheduler[1].kill()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert "the scheduler is lost" in err
    assert "2 left: --resume goes on" in err
    assert "Traceback" not in err
    tree.wait_for(lambda: not tree.kernels())
    (tree.root / "gate").touch()
    status, _, err = tree.sweep(tree.root / "reports" / "trial.yaml", "--resume")
    assert status == 0, err


def test_an_unreachable_scheduler_is_said(tree, monkeypatch):
    monkeypatch.setattr("synvae_workbench.batch.cluster.CONNECT_SECONDS", 1)
    path = tree.file(TWO)
    status, out, err = tree.sweep(path, "--scheduler", "tcp://127.0.0.1:9")
    assert (status, out) == (2, "")
    assert "no Dask scheduler answers at 'tcp://127.0.0.1:9'" in err
    assert "Traceback" not in err


def test_how_many_workers(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("synvae_workbench.batch.cluster.CPU_COUNT", 8)
    local = plan_local(3, cards=[])
    assert (local.workers, local.threads, local.needs) == (3, 2, {})
    assert plan_local(100, workers=4, cards=[]).threads == 2
    assert plan_local(100, cards=["0", "1"])._asdict() == {
        "workers": 2,
        "threads": 4,
        "cards": ("0", "1"),
    }
    assert plan_local(100, cards=["0", "1"]).needs == {"GPU": 1.0}
    with pytest.raises(ValueError, match="one card takes one run"):
        plan_local(9, workers=3, cards=["0", "1"])
    with pytest.raises(ValueError, match="at least 1, got 0"):
        plan_local(9, workers=0)


def test_which_cards(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 0")
    assert visible_cards() == ["2", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert visible_cards() == []


def test_needs():
    assert parse_needs("") == {}
    assert parse_needs("GPU=1,MEMORY=16e9") == {"GPU": 1.0, "MEMORY": 16e9}
    with pytest.raises(ValueError, match="GPU=1, got 'GPU'"):
        parse_needs("GPU")
    for amount in ("-1", "0", "nan", "inf"):
        with pytest.raises(ValueError, match="GPU=1"):
            parse_needs(f"GPU={amount}")
