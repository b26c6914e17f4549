"""Steps of a notebook with their headings, and an estimate of the time left."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import nbformat

HINT = "synvae"  # a cell's metadata.synvae.seconds: how long it takes on two CPU cores
SHORT_CELL = 0.5  # seconds of a cell without a hint, where other cells have one
TRUST_IN_HINTS = 20.0  # seconds of running after which this machine's own speed weighs as much
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


class Step(NamedTuple):
    """A code cell: its `number` among all cells from 1, its section, and its expected seconds."""

    number: int
    heading: str
    seconds: float | None


def notebook_steps(
    notebook: nbformat.NotebookNode, before: nbformat.NotebookNode | None = None
) -> dict[str, Step]:
    """The code cells by id; seconds from an earlier run `before`, else from the cells' hints."""
    timings = _timings(before) if before is not None else {}
    steps, heading = {}, ""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown":
            heading = ([heading, *headings(cell.source)])[-1]
        elif cell.cell_type == "code" and cell.source.strip():
            hint = cell.metadata.get(HINT, {}).get("seconds")
            steps[cell.id] = Step(number, heading, timings.get(cell.source, hint))
    return steps


def headings(markdown: str) -> list[str]:
    """The headings of a Markdown text, without the marks of code and emphasis."""
    found = HEADING.findall(FENCED.sub("", markdown))
    return [re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in found]


def _timings(executed: nbformat.NotebookNode) -> dict[str, float]:
    return {
        cell.source: cell.metadata.papermill.duration
        for cell in executed.cells
        if cell.cell_type == "code" and cell.metadata.get("papermill", {}).get("duration")
    }


class Estimate:
    """Seconds left of a sequence of steps, corrected by how long the finished ones took.

    Without any expected seconds nothing is said: cells that all count alike tell nothing about a
    notebook of ten imports and one training.
    """

    def __init__(self, expected: Sequence[float | None]) -> None:
        self.known = any(seconds is not None for seconds in expected)
        self.expected = [SHORT_CELL if seconds is None else seconds for seconds in expected]
        self.took: list[float] = []

    def finish_step(self, seconds: float) -> None:
        """Records that the next step is done, and how long it took."""
        self.took.append(seconds)

    def seconds_left(self, elapsed: float, fraction: float | None = None) -> float | None:
        """Seconds left, when the present step has run for `elapsed` seconds.

        Args:
            fraction: how much of the present step is done, in 0..1, where it tells.
        """
        done = len(self.took)
        if not self.known or done == len(self.expected):
            return None
        pace = (sum(self.took) + TRUST_IN_HINTS) / (sum(self.expected[:done]) + TRUST_IN_HINTS)
        if fraction:
            present = elapsed * (1 - fraction) / fraction
        else:
            present = max(self.expected[done] * pace - elapsed, 0.0)
        return present + pace * sum(self.expected[done + 1 :])
