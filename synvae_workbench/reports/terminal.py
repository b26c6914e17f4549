"""Progress of a running notebook in a terminal: one line that changes, or a log."""

import threading
import time
from collections.abc import Sequence
from io import TextIOBase
from pathlib import Path

from tqdm.std import tqdm

from synvae_workbench.progress import LoopState, fraction_done, read_progress
from synvae_workbench.reports.estimate import Estimate, Step

SECONDS_BETWEEN_LINES = 0.25
# A loop's own pace says nothing yet when this little of it is done.
SMALL_FRACTION = 0.02


class StatusLine:
    """Shows the running step, its loop and the time left, from `start` of a step to `close`."""

    def __init__(self, steps: Sequence[Step], cells: int, file: TextIOBase, loops: Path) -> None:
        self.steps, self.cells, self.file, self.loops = steps, cells, file, loops
        self.estimate = Estimate([step.seconds for step in steps])
        self.began = self.step_began = time.monotonic()
        self.index: int | None = None
        self._stop = threading.Event()
        self._bar: tqdm | None = None
        if file.isatty():
            self._bar = tqdm(
                total=1.0,
                file=file,
                dynamic_ncols=True,
                bar_format="{percentage:3.0f}% {bar:20} {desc}",
                leave=True,
            )
            self._thread = threading.Thread(target=self._redraw, daemon=True)
            self._thread.start()

    def start(self, index: int) -> None:
        """Begins the step `index`; those before it are done."""
        now = time.monotonic()
        if self.index is not None:
            self.estimate.finish_step(now - self.step_began)
        is_new_section = self.index is None or self._heading(self.index) != self._heading(index)
        self.index, self.step_began = index, now
        if self._bar is None and is_new_section:
            elapsed = clock(now - self.began)
            self.file.write(f"{elapsed:>8}  {self._where(index)}\n")
            self.file.flush()

    def close(self, outcome: str) -> None:
        """Leaves a last line that says how it ended."""
        self._stop.set()
        elapsed = clock(time.monotonic() - self.began)
        if self._bar is None:
            self.file.write(f"{elapsed:>8}  {outcome}\n")
            self.file.flush()
            return
        self._thread.join()
        self._show(self._bar.n if outcome != "done" else 1.0, f"{outcome}, {elapsed}")
        self._bar.close()

    def _redraw(self) -> None:
        while not self._stop.wait(SECONDS_BETWEEN_LINES):
            self._show(*self.status(read_progress(self.loops)))

    def status(self, loops: list[LoopState]) -> tuple[float, str]:
        """Share done in 0..1, and the text of the line."""
        now = time.monotonic()
        if self.index is None:
            return 0.0, "starting the kernel"
        fraction = fraction_done(loops) if loops else None
        if fraction is not None and fraction >= SMALL_FRACTION:
            # The loop may have begun long after its cell did.
            left = self.estimate.seconds_left(loops[0].elapsed, fraction)
        else:
            left = self.estimate.seconds_left(now - self.step_began)
        elapsed = now - self.began
        done = elapsed / (elapsed + left) if left is not None else self.index / len(self.steps)
        remaining = "time left unknown" if left is None else f"about {clock(left)} left"
        parts = [clock(elapsed), remaining, self._where(self.index)]
        parts += [f"{loop.description} {_count(loop)}" for loop in loops]
        parts += [loops[-1].postfix] if loops and loops[-1].postfix else []
        return min(done, 0.99), " · ".join(parts)

    def _show(self, done: float, text: str) -> None:
        self._bar.n = done
        self._bar.set_description_str(text)

    def _heading(self, index: int) -> str:
        return self.steps[index].heading

    def _where(self, index: int) -> str:
        step = self.steps[index]
        return f"cell {step.number} of {self.cells} {step.heading}".rstrip()


def clock(seconds: float) -> str:
    """A duration as 0:07, 12:34 or 1:02:03."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _count(loop: LoopState) -> str:
    return f"{loop.done}/{loop.total}" if loop.total else str(loop.done)
