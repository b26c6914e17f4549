"""Who makes an album: this process, processes here, or workers of a Dask scheduler."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Crew:
    """Who makes an album: this process or, of several workers, processes here or elsewhere.

    Args:
        workers: processes here; one is this one.
        cards: of this machine, as CUDA_VISIBLE_DEVICES has them; by default those found.
        scheduler: address of a Dask scheduler whose workers see the same folders.
        needs: resources that a chunk takes of such a worker, as `GPU=1`.
    """

    workers: int = 1
    cards: tuple[str, ...] | None = None
    scheduler: str = ""
    needs: str = ""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"expected a worker or more, got {self.workers}")
        if self.scheduler and (self.workers > 1 or self.cards is not None):
            raise ValueError("workers and cards are of this machine: leave them or scheduler out")
        if self.needs and not self.scheduler:
            raise ValueError("needs are of a scheduler's workers: here, cards says which there are")

    @property
    def alone(self) -> bool:
        """Whether this process does everything."""
        return self.workers == 1 and not self.scheduler


ALONE = Crew()
