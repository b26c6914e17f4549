"""Progress bars of long loops, in a terminal, in JupyterLab or in a report run.

A report run (`synvae_workbench.reports`) sets `SYNVAE_PROGRESS_FILE` for its kernel. Loops then
write their state into that file, from which the runner draws one line, and nothing into the
notebook, which a bar's thousand redraws would fill.
"""

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import tqdm.auto
from tqdm.std import tqdm as text_bar

from synvae_core.atomic import replace_when_written
from synvae_core.small_files import read_json

PROGRESS_FILE = "SYNVAE_PROGRESS_FILE"
SECONDS_BETWEEN_WRITES = 0.25


class LoopState(NamedTuple):
    """State of a loop: steps `done` of `total`, and the losses shown as `postfix`."""

    description: str
    done: int
    total: int | None
    elapsed: float
    postfix: str


def progress(
    iterable: Iterable | None = None,
    *,
    description: str,
    total: int | None = None,
    initial: int = 0,
) -> text_bar:
    """Progress bar over `iterable`, or over `total` steps, of which `initial` are done.

    `update(1, loss=...)` advances it and shows loss terms. A bar without an iterable is closed, or
    used in a `with`. Nothing is drawn in a log or a pipe.
    """
    steps = {"desc": description, "total": total, "initial": initial}
    if path := os.environ.get(PROGRESS_FILE):
        return _FileBar(iterable, path=Path(path), **steps)
    watched = sys.stderr.isatty() or _in_kernel()
    return _Bar(iterable, disable=not watched, **steps)


def read_progress(path: Path) -> list[LoopState]:
    """Reads the states of the running loops, the outermost first; [] without a readable file."""
    try:
        return [LoopState(**state) for state in read_json(path, list)]
    except (ValueError, TypeError):
        return []


def fraction_done(loops: list[LoopState]) -> float | None:
    """Share of the outermost loop done, 0..1, with inner loops; None if a total is unknown."""
    fraction = 0.0
    for loop in reversed(loops):
        if not loop.total:
            return None
        fraction = min((loop.done + fraction) / loop.total, 1.0)
    return fraction if loops else None


def _in_kernel() -> bool:
    kernel = sys.modules.get("ipykernel.kernelapp")
    return kernel is not None and kernel.IPKernelApp.initialized()


class _LossTerms:
    """Mixin whose `update` also shows loss terms."""

    def update(self, n: int = 1, **terms: Any) -> bool | None:
        if terms and not self.disable:
            self.set_postfix(terms, refresh=False)
        return super().update(n)


class _Bar(_LossTerms, tqdm.auto.tqdm):
    """Progress bar in the terminal or in JupyterLab."""


class _FileBar(_LossTerms, text_bar):
    """Progress bar that writes its state to a JSON file."""

    _running: ClassVar[list["_FileBar"]] = []

    def __init__(self, *args: Any, path: Path, **kwargs: Any) -> None:
        self._path = path
        self._running.append(self)
        # miniters=1: otherwise tqdm adapts to fast steps, and shows a slow one late.
        super().__init__(
            *args, file=io.StringIO(), mininterval=SECONDS_BETWEEN_WRITES, miniters=1, **kwargs
        )

    def display(self, *args: Any, **kwargs: Any) -> None:
        write_progress(self._path, [bar.state() for bar in self._running])

    def close(self) -> None:
        if self in self._running:
            self._running.remove(self)
        super().close()

    def state(self) -> LoopState:
        facts = self.format_dict
        return LoopState(
            description=(facts["prefix"] or "").removesuffix(": "),
            done=facts["n"],
            total=facts["total"],
            elapsed=facts["elapsed"],
            postfix=facts["postfix"] or "",
        )


def write_progress(path: Path, loops: list[LoopState]) -> None:
    """Writes the states of loops atomically; errors are ignored, so that no loop fails by them."""
    with contextlib.suppress(OSError), replace_when_written(path) as part:
        part.write_text(json.dumps([loop._asdict() for loop in loops]), encoding="utf-8")
