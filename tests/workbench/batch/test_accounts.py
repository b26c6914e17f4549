"""A sweep's account of its runs where workers are lost or the disk is full, without Dask."""

import io
import json
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import distributed
import pytest
from distributed import KilledWorker

from synvae_core.atomic import UnwritableError
from synvae_workbench.batch import sweep as sweep_module
from synvae_workbench.batch.lost_workers import MOST_GIVEN_UP
from synvae_workbench.batch.plan import Cell, Plan, Run
from synvae_workbench.batch.state import read_state, write_state
from synvae_workbench.batch.sweep import open_sweep, run_sweep

LOST = 4  # workers, after which Dask gives a run up


def future(end):
    """The end of a job, as Dask's: what it returned or raised."""
    stand_in = Mock(spec=distributed.Future)
    stand_in.done.return_value, stand_in.cancelled.return_value = True, False
    stand_in.result.side_effect = [end]
    return stand_in


def client(ends):
    """Runs each job at once: `ends` gives, by its name, what happens each time it is handed out.

    A number: of the workers that were lost, how many had begun it.
    """
    ends = {name: list(all_of) for name, all_of in ends.items()}

    def submit(_, job, **options):
        end, path = ends[job["name"]].pop(0), Path(job["state"])
        attempts = read_state(path).get("attempts", 0)
        if end == "done":
            write_state(path, done := {"state": "done", "attempts": attempts + 1})
            return future(done)
        if end:
            write_state(path, {"state": "running", "attempts": attempts + end, "host": "here"})
        return future(KilledWorker(job["name"], SimpleNamespace(address="tcp://"), LOST - 1))

    stand_in = Mock(spec=distributed.Client)
    stand_in.submit, stand_in.scheduler_info.return_value = submit, {"workers": {}}
    stand_in.cluster = Mock(worker_spec={"0": {}, "1": {}})
    return stand_in


@pytest.fixture
def account(tmp_path, monkeypatch):
    """The states, errors and words of a sweep of runs of which that happens."""
    monkeypatch.setattr(sweep_module, "SECONDS_BETWEEN_LOOKS", 0.0)

    def account(**ends):
        runs = [Run(name, "", tmp_path / "05.ipynb", {"RUN_NAME": name}) for name in ends]
        cells = [Cell(run.name, {}, [run]) for run in runs]
        plan, said = Plan("trial", "", tmp_path, [], cells, []), io.StringIO()
        with open_sweep(plan, resume=False) as states:
            outcome = run_sweep(plan, states, client(ends), needs={}, status=said)
        digest = json.loads(outcome.digest.read_text(encoding="utf-8"))
        states = {cell["name"]: cell["state"] for cell in digest["cells"]}
        return states, outcome.failed, said.getvalue()

    return account


def test_a_run_that_waited_on_lost_workers_is_handed_out_again(account):
    states, failed, said = account(a=[LOST], b=[0, "done"], c=[LOST - 1, 1, "done"], d=["done"])
    assert states == {"a": "failed", "b": "done", "c": "done", "d": "done"}
    assert failed == {"a": "each of the 4 workers that ran it was lost; see its log"}
    assert said.count("b: its worker left; it is handed out again") == 1
    assert said.count("c: its worker left; it is handed out again") == 2


def test_a_run_that_no_worker_lives_to_begin_is_given_up_in_the_end(account):
    states, failed, _ = account(a=[0] * MOST_GIVEN_UP, b=["done"])
    assert states == {"a": "failed", "b": "done"}
    assert failed == {"a": "40 workers that it was given to were lost"}


def test_a_full_disk_stops_no_sweep_and_is_said_once(account, monkeypatch):
    write, full = sweep_module.write_digest, iter([True] * 3)

    def write_digest(plan, states):
        if next(full, False):
            raise UnwritableError("sweep.json cannot be written: the disk is full")
        return write(plan, states)

    monkeypatch.setattr(sweep_module, "write_digest", write_digest)
    states, failed, said = account(a=["done"], b=["done"], c=["done"])
    assert states == {"a": "done", "b": "done", "c": "done"}
    assert not failed
    assert said.count("sweep.json cannot be written: the disk is full") == 1


def test_a_disk_that_stays_full_is_said_in_the_end(account, monkeypatch):
    def write_digest(plan, states):
        raise UnwritableError("sweep.json cannot be written: the disk is full")

    monkeypatch.setattr(sweep_module, "write_digest", write_digest)
    with pytest.raises(UnwritableError, match="the disk is full"):
        account(a=["done"])
