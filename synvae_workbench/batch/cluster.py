"""Dask clients: workers of this machine, one for each card if it has some, or elsewhere."""

import logging
import math
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import dask
import psutil
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster
from distributed.security import Security

from synvae_workbench.batch.work import IgnoreInterrupt

CARD = "GPU"  # the resource of a worker that has a card
SEEN = "CUDA_VISIBLE_DEVICES"
RUN_BYTES = 2 << 30  # what a run may want of the memory
CONNECT_SECONDS = 10
BEGINS_WITH = "distributed.nanny.pre-spawn-environ"
TRIMS = "MALLOC_TRIM_THRESHOLD_"  # glibc's: from how many free bytes on memory is given back


class Local(NamedTuple):
    """Workers of this machine: `threads` of each, and a card of each, if there are `cards`.

    An empty tuple of cards hides those that there are; None leaves everything as it is.
    """

    workers: int
    threads: int
    cards: tuple[str, ...] | None

    @property
    def needs(self) -> dict[str, float]:
        """Resources that a run takes of its worker."""
        return {CARD: 1.0} if self.cards else {}


def plan_local(runs: int, workers: int | None = None, cards: list[str] | None = None) -> Local:
    """Plans the workers: one for each card, else for each core that has memory for a run.

    Several runs with one thread each get more done than one run with several. Where
    OMP_NUM_THREADS is set, each worker has that many.

    Args:
        cards: what CUDA_VISIBLE_DEVICES would be told, by default those found; none for the CPU.

    Raises:
        ValueError: for less than one worker, or more than cards.
    """
    found = visible_cards() if cards is None else cards
    if workers is not None and workers < 1:
        raise ValueError(f"--workers: expected at least 1, got {workers}")
    if found and workers is not None and workers > len(found):
        raise ValueError(f"{workers} workers for {len(found)} cards: one card takes one run")
    memory = max(1, psutil.virtual_memory().total // RUN_BYTES)
    most = len(found) or min(CPU_COUNT, memory)
    count = min(most, runs) if workers is None else min(workers, runs)
    threads = int(os.environ.get("OMP_NUM_THREADS", 0)) or max(1, CPU_COUNT // max(count, 1))
    return Local(max(count, 1), threads, tuple(found) if found or cards is not None else None)


def visible_cards() -> list[str]:
    """The CUDA devices that a program started here would see."""
    chosen = os.environ.get(SEEN)
    if chosen is not None:
        return [card.strip() for card in chosen.split(",") if card.strip()]
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.split()


class _Workers(LocalCluster):
    """A LocalCluster whose workers have a card each."""

    cards: tuple[str, ...] | None = None

    def new_worker_spec(self) -> dict:
        """The next worker, with the first card that no other has."""
        ((name, worker),) = super().new_worker_spec().items()
        if self.cards is None:
            return {name: worker}
        taken = {other["options"]["env"].get(SEEN) for other in self.worker_spec.values()}
        card = next((card for card in self.cards if card not in taken), "")
        options = worker["options"] | {"env": worker["options"]["env"] | {SEEN: card}}
        return {name: worker | {"options": options}}


@contextmanager
def local_client(local: Local) -> Iterator[Client]:
    """A client of workers here. They talk encrypted, as anyone here could send them code else."""
    own: dict[str, int | str] = {
        f"{name}_NUM_THREADS": local.threads for name in ("OMP", "MKL", "OPENBLAS")
    }
    own["DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED"] = "False"  # looks at it 100 times a second
    # Dask has its workers give memory back at once, and torch then asks for it anew with every
    # step: that takes half as much time again.
    begins_with = {k: v for k, v in dask.config.get(BEGINS_WITH).items() if k != TRIMS}
    with dask.config.set({BEGINS_WITH: begins_with}), _started(local, own) as client:
        yield client


@contextmanager
def _started(local: Local, own: dict[str, int | str]) -> Iterator[Client]:
    cluster = _Workers(
        n_workers=0,
        threads_per_worker=1,  # one run at a time
        processes=True,
        memory_limit=0,  # a run is a process of its own, which Dask does not see
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        silence_logs=logging.ERROR,  # a lost worker is told of by the sweep itself
        security=Security.temporary(),
        protocol="tls://",
        env=own,
        resources=local.needs,
    )
    with cluster:
        cluster.cards = local.cards
        with Client(cluster) as client:
            client.register_plugin(IgnoreInterrupt())
            cluster.scale(local.workers)
            yield client


@contextmanager
def remote_client(address: str) -> Iterator[Client]:
    """A client of a scheduler that runs already.

    Raises:
        ValueError: if none answers there.
    """
    for name in ("distributed", "distributed.client"):  # each has a level of its own
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what is lost, the sweep says
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"no Dask scheduler answers at {address!r} ({error}): start one by `dask scheduler`, "
            "or leave --scheduler out to use this machine"
        ) from error
    with client:
        yield client


def parse_needs(text: str) -> Mapping[str, float]:
    """`GPU=1,MEMORY=16e9` as Dask's resources.

    Raises:
        ValueError: for anything else.
    """
    needs = {}
    for part in filter(None, text.split(",")):
        name, _, amount = part.partition("=")
        try:
            needs[name.strip()] = float(amount)
        except ValueError:
            needs[name.strip()] = math.nan
        if not 0 < needs[name.strip()] < math.inf:  # no worker would ever have it
            raise ValueError(f"--needs: expected a text like GPU=1, got {text!r}")
    return needs
