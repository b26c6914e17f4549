"""The process of one run, `python -m synvae_workbench.batch.child`: reads a job as a line of JSON.

It ends when its input does, which the worker that started it closes by dying, too: then no run is
left behind that writes into a folder that somebody else was given meanwhile.
"""

import os
import signal
import socket
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from synvae_core.small_files import parse_json
from synvae_workbench.batch.state import DONE, FAILED, RUNNING, STOPPED, read_state, write_state
from synvae_workbench.locks import COMMAND
from synvae_workbench.reports import NotebookFailed, NotebookInterrupted, run_notebook

MARK = "SYNVAE_BATCH_STATE"  # in the environment of a run's kernel: the path of its state
SECONDS_BETWEEN_SIGNALS = 1.0  # the first may come before anyone listens


def main() -> None:
    """Runs the job that stands on the standard input, and writes its state."""
    with open(0, "rb", closefd=False) as line:
        job = parse_json(line.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    state = Path(job["state"])
    with FileLock(state.with_suffix(".lock")):  # another worker's run may be about to end
        before = read_state(state)
        if before["state"] == DONE:
            return
        end_leftovers(state)
        record = {
            "state": RUNNING,
            "notebook": Path(job["notebook"]).name,
            "parameters": job["parameters"],
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "attempts": before.get("attempts", 0) + 1,
        }
        write_state(state, record)
        began = time.monotonic()
        outcome = run(job)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        write_state(state, record | outcome | {"seconds": round(time.monotonic() - began, 1)})


def run(job: dict[str, Any]) -> dict[str, Any]:
    """The outcome of a job: its state, report and error."""
    os.environ |= {MARK: job["state"], COMMAND: f"synvae sweep, run {job['name']}"}
    root = Path(job["root"])

    def relative(report: Path) -> str:
        return report.relative_to(root).as_posix()

    try:
        report = run_notebook(
            Path(job["notebook"]),
            parameters=job["parameters"],
            out_dir=Path(job["reports"]),
            name=job["name"],
        )
    except NotebookFailed as failure:
        report = relative(failure.report)
        return {"state": FAILED, "report": report, "error": str(failure.stopped)}
    except NotebookInterrupted as end:
        report = relative(end.report)
        return {"state": STOPPED, "report": report, "error": str(end.stopped)}
    except Exception as error:  # a full disk, a notebook that is gone: whatever it is, say it
        return {"state": FAILED, "error": f"{type(error).__name__}: {error}"}
    return {"state": DONE, "report": relative(report)}


def end_leftovers(state: Path) -> None:
    """Kills what an earlier attempt left on this machine, whose own process was killed.

    A kernel notices within a second that its parent is gone, or later if it is busy.
    """
    left = []
    for process in psutil.process_iter(["environ"]):
        if (process.info["environ"] or {}).get(MARK) == str(state) and process.pid != os.getpid():
            process.kill()
            left.append(process)
    psutil.wait_procs(left)


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SECONDS_BETWEEN_SIGNALS)


if __name__ == "__main__":
    sys.exit(main())
