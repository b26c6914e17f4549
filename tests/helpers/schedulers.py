"""Dask schedulers started by hand, as other processes, with workers that carry resources."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

OPTIONS = ("--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")


@contextlib.contextmanager
def scheduler_with_workers(
    folder: Path, wait_for: Callable[[Callable[[], bool]], None], resources: Sequence[str]
) -> Iterator[tuple[str, subprocess.Popen]]:
    """Address and process of a scheduler with a worker for each of the resources, such as "GPU=1".

    Args:
        folder: of the logs, and where the workers work.
        wait_for: returns as soon as a condition holds.
    """
    processes = []

    def start(*command):
        command = [sys.executable, "-m", "distributed.cli.dask_" + command[0], *command[1:]]
        log = (folder / f"{len(processes)}.log").open("w", encoding="utf-8")
        processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=folder))

    try:
        start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        said = folder / "0.log"
        wait_for(lambda: "tcp://" in said.read_text(encoding="utf-8"))
        text = said.read_text(encoding="utf-8")
        address = text[text.index("tcp://") :].split()[0]
        for each in resources:
            start("worker", address, *OPTIONS, *(["--resources", each] if each else []))
        yield address, processes[0]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()
