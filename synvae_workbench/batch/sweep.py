"""Execution of a plan on Dask: hands runs to workers, follows them, and keeps account.

Dask gives the runs of a lost worker to another; a run that stopped because its worker left is asked
for again here, and so is one that Dask gave up, after four lost workers, though it only waited on
them. What is finished stands in the state files, whoever finished it.
"""

import signal
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import TextIOBase
from pathlib import Path
from typing import Any, NamedTuple

from distributed import Client, Future, KilledWorker

from synvae_core.atomic import UnwritableError, explained, make_folder, remove_leftovers
from synvae_workbench.batch.digest import (
    log_file,
    read_metrics,
    read_states,
    state_file,
    sweep_folder,
    write_digest,
)
from synvae_workbench.batch.lost_workers import LostWorkers
from synvae_workbench.batch.plan import Plan, Run
from synvae_workbench.batch.state import (
    DONE,
    FAILED,
    RUNNING,
    SKIPPED,
    STOPPED,
    WAITING,
    State,
    read_state,
    waiting_state,
)
from synvae_workbench.batch.terminal import SweepLine
from synvae_workbench.batch.work import run_job
from synvae_workbench.locks import holding

SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_BETWEEN_READS = 1.0  # of the states of runs that others are at
SECONDS_TO_STOP = 60.0  # a report of what ran so far is written meanwhile


class Outcome(NamedTuple):
    """End of a sweep: its digest, the errors of failed runs, and the signal that stopped it."""

    digest: Path
    failed: dict[str, str]
    signum: int | None

    @property
    def status(self) -> int:
        """The exit status of a command: 0 if every run is done."""
        return 128 + self.signum if self.signum else int(bool(self.failed))


@contextmanager
def open_sweep(plan: Plan, *, resume: bool) -> Iterator[dict[str, State]]:
    """Locks a plan's folder and reads the states of its runs, until the context ends.

    Raises:
        ValueError: if it was begun already and is not to be resumed, if a run's folder is somebody
            else's, if a run was begun with other parameters, or if somebody is at it now.
    """
    folder = sweep_folder(plan)
    begun = (folder / "sweep.json").is_file()
    if folder.exists() and not begun and not (folder / "state").is_dir():
        raise ValueError(f"{folder} is the folder of a run: give the sweep another --name")
    for part in ("state", "logs"):
        make_folder(folder / part)
    with holding(folder):
        if begun and plan.smoke and not resume:
            for path in (folder / "state").glob("*.json"):  # as notebooks start over in a smoke run
                path.unlink()
        elif begun and not resume:
            raise ValueError(
                f"{folder} was begun already: go on by --resume, or give another --name"
            )
        remove_leftovers(folder, older_than=SECONDS_TO_STOP)
        for path in (folder / "state").glob("stop-*"):
            path.unlink()
        states = read_states(plan)
        for run in plan.runs:
            there = plan.root / "runs" / run.folder
            unstarted = states[run.name] == waiting_state() and not begun
            if not plan.smoke and unstarted and there.exists():
                raise ValueError(f"{there} is there already: remove it, or give another --name")
        yield states


def run_sweep(
    plan: Plan,
    states: dict[str, State],
    client: Client,
    *,
    needs: Mapping[str, float],
    status: TextIOBase,
) -> Outcome:
    """Runs what is not done yet, and returns when nothing is left to do.

    A failing run stops none but those that wait for it. The first SIGINT or SIGTERM ends the runs,
    each with a report of what ran; the second one leaves at once.

    Args:
        states: of `open_sweep`; kept up to date.
        needs: the resources that a run takes of its worker.
        status: where to show progress.
    """
    sweep = _Sweep(plan, states, client, needs, SweepLine(status))
    with _signals() as came:
        try:
            sweep.work()
        except KeyboardInterrupt:
            sweep.stop()
        except ConnectionError as error:
            sweep.lose(str(error))
        finally:
            sweep.close()
    ended = (FAILED, SKIPPED) if came else (FAILED, SKIPPED, STOPPED, WAITING)
    failed = {
        run.name: states[run.name].get("error") or states[run.name]["state"]
        for run in plan.runs
        if states[run.name]["state"] in ended
    }
    return Outcome(write_digest(plan, states), failed, came[0] if came else None)


@contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals that came, each of which also raises KeyboardInterrupt."""
    came: list[int] = []

    def handle(signum: int, _: Any) -> None:
        came.append(signum)
        raise KeyboardInterrupt

    before = {signum: signal.signal(signum, handle) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


class _Sweep:
    """A plan that is being run."""

    def __init__(
        self,
        plan: Plan,
        states: dict[str, State],
        client: Client,
        needs: Mapping[str, float],
        line: SweepLine,
    ) -> None:
        self.plan, self.states, self.client, self.line = plan, states, client, line
        self.needs = dict(needs)
        self.stop_file = sweep_folder(plan) / "state" / f"stop-{uuid.uuid4().hex}"
        self.futures: dict[str, Future] = {}
        self.todo = [run for run in plan.runs if states[run.name]["state"] != DONE]
        for run in self.todo:
            states[run.name] = {**states[run.name], "state": WAITING}
        # A killed session left states that say RUNNING: an attempt of this one counts higher.
        self.attempts = {run.name: states[run.name].get("attempts", 0) for run in self.todo}
        self.order = {run.name: index for index, run in enumerate(plan.runs)}
        self.last_read, self.workers, self.lost, self.complaint = 0.0, 0, LostWorkers(), ""

    def work(self) -> None:
        """Submits runs and follows them until every one has ended."""
        self._keep_account()
        self.line.begin(len(self.plan.runs), len(self.plan.runs) - len(self.todo))
        while self.todo or self.futures:
            self.todo = [run for run in self.todo if not self._start(run)]
            self._follow()
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def stop(self) -> None:
        """Asks the workers to end their runs, and waits for them."""
        self.line.say("stopping: each run leaves a report of how far it came")
        self.todo = []
        try:
            with explained(self.stop_file):
                self.stop_file.touch()
        except UnwritableError as error:  # the workers hear of it when they are dismissed
            self.line.say(str(error))
            return
        self.client.cancel([f for name, f in self.futures.items() if not self._running(name)])
        end = time.monotonic() + SECONDS_TO_STOP
        try:
            while time.monotonic() < end and any(self._running(name) for name in self.futures):
                time.sleep(SECONDS_BETWEEN_LOOKS)
        except KeyboardInterrupt:
            self.line.say("leaving at once")
        for run in self.plan.runs:
            if run.name in self.futures:
                state = read_state(state_file(self.plan, run))
                ended = STOPPED if state["state"] == RUNNING else state["state"]
                self.states[run.name] = state | {"state": ended}

    def lose(self, reason: str) -> None:
        """Takes leave of a scheduler that is gone, whose workers end by themselves."""
        self.line.say(reason)
        for name in self.futures:
            self.states[name] = {**self.states[name], "state": STOPPED, "error": reason}

    def close(self) -> None:
        """Leaves the last line, and lets the futures go."""
        counts = [state["state"] for state in self.states.values()]
        left = len(counts) - counts.count(DONE) - counts.count(FAILED) - counts.count(SKIPPED)
        self.line.close(self.states, left)
        for future in self.futures.values():
            future.release()

    def _running(self, name: str) -> State | None:
        """The state of a run that a worker is at."""
        if self.futures[name].done():
            return None
        state = read_state(sweep_folder(self.plan) / "state" / f"{name}.json")
        begun = state.get("attempts", 0) > self.attempts[name]
        return state if begun and state["state"] == RUNNING else None

    def _start(self, run: Run) -> bool:
        """Hands a run to Dask if what it waits for is done; returns whether it is dealt with."""
        before = [self.states[name]["state"] for name in run.after]
        if any(state in (FAILED, SKIPPED) for state in before):
            failed = next(n for n in run.after if self.states[n]["state"] in (FAILED, SKIPPED))
            self._record_end(
                run, {"state": SKIPPED, "error": f"it needs {failed}, which is not done"}
            )
            return True
        if any(state != DONE for state in before):
            return False
        self._submit(run)
        return True

    def _submit(self, run: Run) -> None:
        job = {
            "name": run.name,
            "notebook": str(run.notebook),
            "parameters": run.parameters,
            "root": str(self.plan.root),
            "reports": str(self.plan.root / "reports" / self.plan.name),
            "state": str(state_file(self.plan, run)),
            "log": str(log_file(self.plan, run)),
            "stop": str(self.stop_file),
        }
        self.lost.hand_out(run.name, read_state(state_file(self.plan, run)))
        self.futures[run.name] = self.client.submit(
            run_job,
            job,
            key=f"{run.name}-{uuid.uuid4().hex}",
            pure=False,
            resources=self.needs or None,
            priority=-self.order[run.name],  # in the order of the file
        )

    def _follow(self) -> None:
        """Takes up what ended, and sees who is running."""
        for run in self.plan.runs:
            future = self.futures.get(run.name)
            if future is None or not future.done():
                continue
            if future.cancelled():
                raise ConnectionError("the scheduler is lost")
            del self.futures[run.name]
            outcome = self._outcome_of(run, future)
            if outcome["state"] in (STOPPED, WAITING):  # its worker left, unasked by anyone here
                again = "run again" if outcome["state"] == STOPPED else "handed out again"
                self.line.say(f"{run.name}: its worker left; it is {again}")
                self._submit(run)
            else:
                self._record_end(run, outcome)
        if time.monotonic() - self.last_read > SECONDS_BETWEEN_READS:
            self.last_read = time.monotonic()
            self._look_at_workers()
            for name in self.futures:
                state = self._running(name)
                if state and state != self.states[name]:
                    self.states[name] = state
                    again = ", again" if state["attempts"] > 1 else ""
                    self.line.say(f"{name}: running on {state['host']}{again}")
                    self._keep_account()
        self.line.show(self.states, self.workers)

    def _look_at_workers(self) -> None:
        """Counts the workers, and has this machine's cluster replace those that are gone for good.

        It takes leave of one that needs more than 15 seconds to start again, and no other comes.
        """
        self.workers = len(self.client.scheduler_info(n_workers=-1)["workers"])
        cluster = self.client.cluster
        if cluster is not None and self.workers < len(cluster.worker_spec):
            cluster.scale(len(cluster.worker_spec))

    def _record_end(self, run: Run, outcome: State) -> None:
        metrics = read_metrics(self.plan, run) if outcome["state"] == DONE else {}
        self.states[run.name] = outcome | {"metrics": metrics}
        self.line.show_end(run.name, self.states[run.name])
        self._keep_account()

    def _keep_account(self) -> None:
        """Writes the digest; without room for it the runs go on, which is said once."""
        try:
            write_digest(self.plan, self.states)
        except UnwritableError as error:
            if self.complaint != str(error):
                self.complaint = str(error)
                self.line.say(self.complaint)

    def _outcome_of(self, run: Run, future: Future) -> State:
        """The state that a worker returned; FAILED if Dask could not get it, WAITING if it may."""
        try:
            return future.result()
        except KilledWorker as error:
            state = read_state(state_file(self.plan, run))
            return self.lost.outcome(run.name, state, error.allowed_failures + 1)
        except Exception as error:  # whatever a foreign cluster comes up with
            words = " ".join(str(error).split())
            return {"state": FAILED, "error": f"{type(error).__name__}: {words}"}
