"""Progress of a sweep in a terminal: one line that changes, and one for each run that ends."""

import time
from collections.abc import Mapping
from io import TextIOBase

from tqdm.std import tqdm

from synvae_workbench.batch.state import DONE, FAILED, RUNNING, SKIPPED, State
from synvae_workbench.reports.terminal import clock

SHOWN = 2  # names of running runs


class SweepLine:
    """Counts of a sweep, the names of what runs, and the time left, from `begin` to `close`."""

    def __init__(self, file: TextIOBase) -> None:
        self.file, self.began = file, time.monotonic()
        self.total = self.before = 0
        self._bar: tqdm | None = None

    def begin(self, total: int, done: int) -> None:
        """Begins with how many runs there are, and how many were done before."""
        self.total, self.before = total, done
        if self.file.isatty():
            self._bar = tqdm(
                total=max(total, 1),
                initial=done,
                file=self.file,
                dynamic_ncols=True,
                bar_format="{percentage:3.0f}% {bar:20} {desc}",
            )
        self.say(f"{total} runs" + (f", {done} of them done before" if done else ""))

    def say(self, text: str) -> None:
        """Prints a line that stays."""
        text = f"{clock(time.monotonic() - self.began):>8}  {text}"
        if self._bar is not None:
            self._bar.write(text, file=self.file)
        else:
            self.file.write(f"{text}\n")
            self.file.flush()

    def show_end(self, name: str, state: State) -> None:
        """Prints a line for a run that ended."""
        took = f" in {clock(state['seconds'])}" if state.get("seconds") else ""
        why = f": {state['error']}" if state.get("error") else ""
        self.say(f"{name}: {state['state']}{took}{why}")

    def show(self, states: Mapping[str, State], workers: int) -> None:
        """Redraws the line, where somebody sees it."""
        if self._bar is not None:
            counts = [state["state"] for state in states.values()]
            self._bar.n = len(counts) - sum(c not in (DONE, FAILED, SKIPPED) for c in counts)
            self._bar.set_description_str(self.text(states, workers))

    def text(self, states: Mapping[str, State], workers: int) -> str:
        """`3 of 6 done, 1 failed · about 2:10 left · running beta-BETA_0.2`."""
        counts = [state["state"] for state in states.values()]
        done, failed = counts.count(DONE), counts.count(FAILED) + counts.count(SKIPPED)
        parts = [f"{done} of {self.total} done" + (f", {failed} failed" if failed else "")]
        ended, elapsed = done + failed - self.before, time.monotonic() - self.began
        if ended > 0 and (left := self.total - done - failed):
            parts.append(f"about {clock(elapsed / ended * left)} left")
        running = [name for name, state in states.items() if state["state"] == RUNNING]
        if running:
            more = f" and {len(running) - SHOWN} more" if len(running) > SHOWN else ""
            parts.append(f"running {', '.join(running[:SHOWN])}{more}")
        elif not workers:
            parts.append("waiting for workers")
        return " · ".join(parts)

    def close(self, states: Mapping[str, State], left: int) -> None:
        """Leaves a last line that says how it ended."""
        counts = [state["state"] for state in states.values()]
        failed, skipped = counts.count(FAILED), counts.count(SKIPPED)
        parts = [f"{counts.count(DONE)} of {self.total} done"]
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{skipped} skipped"] if skipped else []
        parts += [f"{left} left: --resume goes on"] if left else []
        self.say(", ".join(parts))
        if self._bar is not None:
            self._bar.n = counts.count(DONE)
            self._bar.set_description_str("")
            self._bar.close()
