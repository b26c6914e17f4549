"""Making of an album by Dask: hands chunks to workers, and those of lost workers out again."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from distributed import Client, Future, KilledWorker

from synvae_workbench.album.chunks import Chunk, begun, finished, run_chunk, settle
from synvae_workbench.album.crew import Crew
from synvae_workbench.album.ledger import Ledger, Outcome
from synvae_workbench.batch.cluster import local_client, parse_needs, plan_local, remote_client
from synvae_workbench.batch.lost_workers import LostWorkers
from synvae_workbench.batch.state import FAILED

SECONDS_BETWEEN_LOOKS = 0.05
SECONDS_BETWEEN_COUNTS = 2.0
AHEAD = 2  # chunks of each worker, so that none waits for its next one


def work(
    ledger: Ledger, chunks: Iterator[Chunk], crew: Crew, tell: Callable[[int], object]
) -> None:
    """Has chunks made and records them, until none is left.

    Raises:
        ValueError: if no scheduler answers, or it is lost.
        UnwritableError: if the disk is full or read-only.
    """
    connection: AbstractContextManager[Client]
    if crew.scheduler:
        needs, connection = parse_needs(crew.needs), remote_client(crew.scheduler)
    else:
        cards = None if crew.cards is None else list(crew.cards)
        local = plan_local(crew.workers, crew.workers, cards)
        needs, connection = local.needs, local_client(local)
    with connection as client:
        _Work(ledger, chunks, client, dict(needs), tell).run()


class _Work:
    """Chunks that workers are at."""

    def __init__(
        self,
        ledger: Ledger,
        chunks: Iterator[Chunk],
        client: Client,
        needs: dict[str, float],
        tell: Callable[[int], object],
    ) -> None:
        self._ledger, self._chunks, self._client = ledger, chunks, client
        self._needs, self._tell, self._lost = needs, tell, LostWorkers()
        self._at: dict[Future, Chunk] = {}
        self._counted, self._workers = 0.0, 1

    def run(self) -> None:
        """Keeps every worker at work until nothing is left."""
        while True:
            self._count()
            while len(self._at) < AHEAD * max(1, self._workers):
                if (chunk := next(self._chunks, None)) is None:
                    break
                self._submit(chunk)
            if not self._at:
                return
            for future in [each for each in self._at if each.done()]:
                self._end(self._at.pop(future), future)
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _submit(self, chunk: Chunk) -> None:
        self._lost.hand_out(chunk.journal.name, {"attempts": begun(chunk.journal)})
        future = self._client.submit(run_chunk, chunk, resources=self._needs or None, pure=False)
        self._at[future] = chunk

    def _end(self, chunk: Chunk, future: Future) -> None:
        if future.cancelled():
            raise ValueError(
                "the scheduler is lost: what was finished is kept, and the same command goes on"
            )
        try:
            outcomes = future.result()
        except KilledWorker as error:
            self._give_up(chunk, error.allowed_failures + 1)
            return
        settle(self._ledger, chunk, outcomes)
        self._tell(len(outcomes))

    def _give_up(self, chunk: Chunk, lost: int) -> None:
        """Hands a chunk out again, in two halves if it may be what the workers were lost by."""
        name, state = chunk.journal.name, {"attempts": begun(chunk.journal)}
        outcome = self._lost.outcome(name, state, lost)
        if outcome["state"] != FAILED:
            self._submit(chunk)
            return
        ended = finished(chunk.journal)
        settle(self._ledger, chunk, ended)
        self._tell(len(ended))
        known = {each.number for each in ended}
        left = [entry for entry in chunk.entries if entry.number not in known]
        if len(left) == 1:
            reason = f"cannot be made: each of the {lost} workers that were at it was lost"
            settle(self._ledger, chunk, [Outcome(left[0].number, {}, reason)])
            self._tell(1)
            return
        for number, part in enumerate((left[: len(left) // 2], left[len(left) // 2 :])):
            if part:
                journal = chunk.journal.with_stem(f"{chunk.journal.stem}{number}")
                self._submit(chunk._replace(entries=part, journal=journal))

    def _count(self) -> None:
        """Counts the workers, and has this machine's cluster replace those that are gone."""
        if time.monotonic() - self._counted < SECONDS_BETWEEN_COUNTS:
            return
        self._counted = time.monotonic()
        self._workers = len(self._client.scheduler_info(n_workers=-1)["workers"])
        cluster = self._client.cluster
        if cluster is not None and self._workers < len(cluster.worker_spec):
            cluster.scale(len(cluster.worker_spec))
