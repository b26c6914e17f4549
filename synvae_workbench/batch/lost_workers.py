"""Account of lost workers: which runs may be the reason, and which only waited on them.

Dask gives a run up that was handed to four workers in a row that were lost, also if it was not the
run that these were at.
"""

from collections import Counter

from synvae_workbench.batch.state import FAILED, WAITING, State

MOST_GIVEN_UP = 10  # times that Dask may give up a run which did not begin on each of its workers


class LostWorkers:
    """The runs of a sweep, as they are handed out and given up."""

    def __init__(self) -> None:
        self._attempts: dict[str, int] = {}
        self._given_up: Counter[str] = Counter()

    def hand_out(self, name: str, state: State) -> None:
        """Notes the state of a run that is handed to Dask."""
        self._attempts[name] = state.get("attempts", 0)

    def outcome(self, name: str, state: State, lost: int) -> State:
        """State of a run that Dask gave up after that many workers were lost, in a row.

        FAILED if it had begun on each of them, or is given up for the last time; else WAITING.
        """
        self._given_up[name] += 1
        if state.get("attempts", 0) - self._attempts[name] >= lost:
            error = f"each of the {lost} workers that ran it was lost; see its log"
        elif self._given_up[name] < MOST_GIVEN_UP:
            return state | {"state": WAITING}
        else:
            error = f"{lost * MOST_GIVEN_UP} workers that it was given to were lost"
        return state | {"state": FAILED, "error": error}
