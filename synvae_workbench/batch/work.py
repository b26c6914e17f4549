"""Work of a Dask worker: starts the process of a run, and ends it when it must."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from distributed import Status, WorkerPlugin, get_worker

from synvae_workbench.batch.state import FAILED, STOPPED, State, read_state
from synvae_workbench.places import python_path

SECONDS_BETWEEN_LOOKS = 0.25
AT_WORK = (Status.running, Status.paused)


class IgnoreInterrupt(WorkerPlugin):
    """Plugin to ignore Control-C, which reaches every process; the client alone acts on it."""

    name = "synvae-ignore-interrupt"

    def setup(self, worker: Any) -> None:
        """Runs in the main thread of each worker, also of those that start later."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_job(job: dict[str, Any]) -> State:
    """Runs a job in a process of its own; returns its state, FAILED if that process was killed."""
    if Path(job["stop"]).exists():  # asked for before it began
        return {"state": STOPPED}
    if not Path(job["notebook"]).is_file():
        reason = f"{job['notebook']} is not on this worker: it needs the same folders as you"
        return {"state": FAILED, "error": reason}
    with Path(job["log"]).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "synvae_workbench.batch.child"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=job["root"],
            env=os.environ | {"PYTHONPATH": python_path()},
            start_new_session=True,  # out of reach of Control-C
        )
        stopped = _wait(process, job)
    state = read_state(Path(job["state"]))
    if process.returncode == 0:
        return state
    if stopped:
        return state | {"state": STOPPED}
    reason = f"its process ended with {_status(process.returncode)}; see its log"
    return state | {"state": FAILED, "error": reason}


def _wait(process: subprocess.Popen, job: dict[str, Any]) -> bool:
    """Waits for the end; returns whether it was asked for, by the client or by a leaving worker."""
    worker, stop = get_worker(), Path(job["stop"])
    try:
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        process.wait()
    stopped = False
    while process.poll() is None:
        if not stopped and (stop.exists() or worker.status not in AT_WORK):
            stopped = True
            process.stdin.close()
        try:
            process.wait(SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            continue
    return stopped


def _status(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"status {code}"
