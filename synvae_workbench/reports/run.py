"""Execution of notebooks by papermill, with a report whether it ends well or not.

What papermill leaves to its caller: the kernel is this interpreter and no other kernel of the
machine (papermill #478), it speaks through sockets in a private folder and not through ports that
parallel runs could both choose (#239), it is gone afterwards, and what ran so far is kept (#433).
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from io import TextIOBase
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import nbformat
import papermill
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_core.utils import run_sync
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import LocalHandler, papermill_io

from synvae_core.atomic import UnwritableError, make_folder, remove_leftovers, write_text
from synvae_workbench.locks import COMMAND, command, holding
from synvae_workbench.places import (
    check_name,
    kernel_command,
    kernel_folder,
    python_path,
    work_folder,
)
from synvae_workbench.progress import PROGRESS_FILE
from synvae_workbench.provenance import MIME_TYPE, provenance
from synvae_workbench.reports.estimate import Step, notebook_steps
from synvae_workbench.reports.html import export_html
from synvae_workbench.reports.parameters import check_parameters, read_notebook, write_notebook
from synvae_workbench.reports.terminal import StatusLine
from synvae_workbench.sockets import socket_folder

LONGEST_SOCKET = "kernel-ipc-5"  # of those of a kernel
KERNEL_START_SECONDS = 180  # an import of torch on a busy machine


class Stopped(NamedTuple):
    """Place and reason of a run's early end; cells are counted from 1."""

    cell: int
    heading: str
    reason: str

    def __str__(self) -> str:
        section = f", “{self.heading}”" if self.heading else ""
        return f"cell {self.cell}{section}: {self.reason}"


class NotebookFailed(RuntimeError):
    """A notebook raised, or its kernel died; `report` shows what ran before."""

    def __init__(self, path: Path, stopped: Stopped, report: Path) -> None:
        super().__init__(f"{path} failed in {stopped}\nWhat ran so far is in {report}")
        self.stopped, self.report = stopped, report


class NotebookInterrupted(KeyboardInterrupt):
    """The run was stopped by the signal `signum`; `report` shows what ran before."""

    def __init__(self, path: Path, stopped: Stopped, report: Path, signum: int) -> None:
        super().__init__(f"{path} was stopped in {stopped}\nWhat ran so far is in {report}")
        self.stopped, self.report, self.signum = stopped, report, signum


class LocalKernel(AsyncKernelManager):
    """The kernel of this very interpreter, whatever kernels are registered on the machine."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(argv=kernel_command(), language="python", display_name="Python 3")


def run_notebook(
    path: Path,
    *,
    parameters: Mapping[str, Any] | None = None,
    out_dir: Path | None = None,
    name: str | None = None,
    status: TextIOBase | None = None,
) -> Path:
    """Runs a notebook in its own folder, and writes `name`.ipynb and `name`.html into `out_dir`.

    Args:
        out_dir: by default `reports/` beside the notebook's folder; of one that a wheel brought,
            `reports/` of the current folder.
        name: by default the notebook's own.
        status: where to show progress, by default standard error.

    Returns:
        The path of the HTML report.

    Raises:
        ValueError: for a file that is no notebook, a parameter that it does not declare or a value
            of another type, all before a kernel starts; for a name that would leave `out_dir`; if
            another process writes that report.
        NotebookFailed: when a cell raises or the kernel dies, after the report is written.
        NotebookInterrupted: on SIGINT and SIGTERM, likewise.
        UnwritableError: if the report cannot be written; it says how the run ended, too.
    """
    path = path.resolve()
    given = check_parameters(path, parameters or {})
    executed = _output(path, out_dir, path.stem if name is None else name)
    source = read_notebook(path)
    steps = notebook_steps(source, _earlier_run(executed, given))
    with holding(executed), socket_folder(LONGEST_SOCKET) as folder, _Signals() as signals:
        for ending in (".ipynb", ".html"):
            remove_leftovers(executed.parent, executed.with_suffix(ending).name)
        write_notebook(source, executed)  # so that a report can be made whatever happens next
        loops = folder / "progress.json"
        line = StatusLine(list(steps.values()), len(source.cells), status or sys.stderr, loops)
        stopped = _Run(steps, line, signals).execute(
            executed, kernel_folder(path.parent), given, folder
        )
        line.close("done" if stopped is None else "stopped")
        report = _report(executed, path.name, stopped)
    if stopped is None:
        return report
    if signals.came is not None:
        raise NotebookInterrupted(path, stopped, report, signals.came)
    raise NotebookFailed(path, stopped, report)


def _output(path: Path, out_dir: Path | None, name: str) -> Path:
    """Path of the executed notebook."""
    check_name(name, "report")
    out_dir = work_folder(path.parent) / "reports" if out_dir is None else out_dir.resolve()
    executed = make_folder(out_dir) / f"{name}.ipynb"
    if executed == path:
        raise ValueError(f"{path}: the executed copy would overwrite it; choose another folder")
    return executed


class _Signals:
    """SIGINT and SIGTERM: the first one raises KeyboardInterrupt while `armed`.

    Later ones are ignored, so that they do not disturb the writing of what there is. Outside the
    main thread, where Python delivers no signals, nothing is done.
    """

    def __init__(self) -> None:
        self.armed, self.came = False, None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "_Signals":
        if threading.current_thread() is threading.main_thread():
            for signum in (signal.SIGINT, signal.SIGTERM):
                self._before[signum] = signal.signal(signum, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _handle(self, signum: int, _: FrameType | None) -> None:
        if self.armed and self.came is None:
            self.came = signum
            raise KeyboardInterrupt


class _Run:
    """One execution; knows which cell it is in."""

    def __init__(self, steps: Mapping[str, Step], line: StatusLine, signals: _Signals) -> None:
        self.steps, self.line, self.signals = steps, line, signals
        self.order = {cell_id: index for index, cell_id in enumerate(steps)}
        self.step: Step | None = None

    def execute(
        self, notebook: Path, cwd: Path, parameters: Mapping[str, Any], folder: Path
    ) -> Stopped | None:
        """Executes the notebook in place; returns where it stopped, if it did."""
        with (folder / "kernel.log").open("w+", encoding="utf-8") as log:
            kernel = _kernel(folder)
            try:
                self.signals.armed = True
                start = {"env": _environment(folder), "cwd": str(cwd)}
                run_sync(kernel.start_kernel)(stdout=log, stderr=log, **start)
                papermill.execute_notebook(
                    _escape_braces(notebook),
                    _escape_braces(notebook),
                    dict(parameters),
                    cwd=str(cwd),
                    kernel_name="python3",
                    language="python",
                    progress_bar=False,
                    start_timeout=KERNEL_START_SECONDS,
                    km=kernel,
                    store_widget_state=False,
                    on_cell_execute=self.on_cell_execute,
                )
            except PapermillExecutionError as error:
                return self.stop_at(f"{error.ename}: {error.evalue}".removesuffix(": "))
            except KeyboardInterrupt:
                return self.stop_at("interrupted")
            except UnwritableError as error:
                return self.stop_at(str(error))
            except Exception as error:  # a dead kernel, an odd cell: whatever it is, report it
                log.seek(0)
                last_words = " ".join(log.read().split()[-60:])
                return self.stop_at(f"{type(error).__name__}: {error} {last_words}".strip())
            finally:
                self.signals.armed = False
                # Interrupts what runs, asks the kernel to leave, and kills it if it does not.
                run_sync(kernel.shutdown_kernel)()
        return None

    def on_cell_execute(self, cell: nbformat.NotebookNode, cell_index: int) -> None:
        if cell.id in self.steps:  # the cell that papermill injects is none of the notebook's
            self.step = self.steps[cell.id]
            self.line.start(self.order[cell.id])

    def stop_at(self, reason: str) -> Stopped:
        if self.step is None:
            return Stopped(1, "", reason)
        return Stopped(self.step.number, self.step.heading, reason)


def _kernel(folder: Path) -> LocalKernel:
    if os.name == "nt":
        return LocalKernel()
    return LocalKernel(transport="ipc", connection_file=str(folder / "kernel.json"))


def _environment(folder: Path) -> dict[str, str]:
    return os.environ | {
        COMMAND: command(),
        PROGRESS_FILE: str(folder / "progress.json"),
        "PYTHONPATH": python_path(),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # a debugger's warning, in every report
    }


def _escape_braces(path: Path) -> str:
    """The path for papermill, which takes braces for places to fill with parameters."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _earlier_run(executed: Path, parameters: Mapping[str, Any]) -> nbformat.NotebookNode | None:
    """The notebook that an earlier run with the same parameters left, for its timings."""
    try:
        before = read_notebook(executed)
    except ValueError:
        return None
    ended_well = "stopped" not in before.metadata.get("synvae", {"stopped": None})
    alike = before.metadata.get("papermill", {}).get("parameters", {}) == parameters
    return before if ended_well and alike else None


class _AtomicFiles(LocalHandler):
    """Files of papermill, which saves after every cell: a full disk leaves the notebook whole."""

    def write(self, buf: str, path: str) -> None:
        write_text(Path(path), buf)


papermill_io.register(Path.cwd().anchor, _AtomicFiles())  # for all absolute paths


def _report(executed: Path, name: str, stopped: Stopped | None) -> Path:
    """Makes the report of a run that ended; returns its path."""
    try:
        _record(executed, name, stopped)
        return export_html(executed, executed.with_suffix(".html"))
    except UnwritableError as error:
        ended = "ended well" if stopped is None else f"stopped in {stopped}"
        raise UnwritableError(f"{error}. The run itself {ended}") from error


def _record(executed: Path, name: str, stopped: Stopped | None) -> None:
    """Writes into the executed notebook what it came from, and where it stopped if it did."""
    notebook = nbformat.read(executed, as_version=4)
    record: dict[str, Any] = {"notebook": name, "provenance": provenance()}
    if stopped is not None:
        record["stopped"] = stopped._asdict()
    for output in (o for cell in notebook.cells for o in cell.get("outputs", [])):
        if MIME_TYPE in output.get("data", {}):
            record["provenance"] |= output.data[MIME_TYPE]
    notebook.metadata["synvae"] = record
    write_notebook(notebook, executed)
