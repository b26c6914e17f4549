"""The epochs of a run, whatever an update is: batches, validation, what is kept, and resuming.

Everything random in an epoch comes from a generator seeded by the run's seed and the epoch, so that
a run resumed at an epoch draws the same numbers. With several processes, each takes its share of
every batch, weighted so that the gradient is that of the whole batch on one device.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.loggers import TensorBoardLogger
from torch import Tensor

from synvae_core.losses import Losses
from synvae_core.models.storage import BEST, LATEST, save_model
from synvae_workbench.progress import progress
from synvae_workbench.runs import write_history
from synvae_workbench.training.batches import batches
from synvae_workbench.training.checkpoints import (
    History,
    identity,
    restore_state,
    save_batch,
    save_state,
)
from synvae_workbench.training.objectives import Objective
from synvae_workbench.training.updates import Batch, NotFiniteError, Update

RESIDENT_BYTES = 1 << 30  # up to here a data set moves to the device as a whole
NAMED_ROWS = 8  # of a batch, in an error's sentence


class DivergedError(RuntimeError):
    """The loss is not finite any more."""


@dataclass(frozen=True)
class RunOptions:
    """What belongs to a run of training, beside what is trained on what.

    Attributes:
        description: of the run, in its progress bar, warnings and errors.
        folder: is resumed from, and written to after every epoch: the state of training,
            `metrics.jsonl`, TensorBoard events, and the model, as `latest/` and as `best/`.
        settings: what defines the run besides configuration, objective and model, such as the
            checksums of the data; to go on with other ones is refused.
        fabric: the device or devices; by default those of `loop.make_fabric()`.
        validation: tensors like those of training; the losses on them are `validation_...` in the
            record.
        validate_by: the objective on them, by default that of training.
        after_epoch: is told the epoch, from 1 on, and the figures that it returns join the epoch's
            record; the model is in evaluation mode.
        best_by: the figure of `after_epoch` that is highest for the best model; by default that of
            the lowest `validation_loss` is the best or, without validation, the latest.
    """

    description: str
    folder: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    fabric: Fabric | None = None
    validation: tuple[Tensor, ...] | None = None
    validate_by: Objective | None = None
    after_epoch: Callable[[int], dict[str, float]] | None = None
    best_by: str = ""


class Epochs:
    """The epochs of one run.

    Args:
        update: what is done on each batch, and to which model.
        options: of the run; their `fabric` is not looked at.
    """

    def __init__(self, update: Update, options: RunOptions, fabric: Fabric):
        self.update, self.options, self.fabric = update, options, fabric
        self.config = update.config
        self.settings: dict[str, Any] = {}
        self.logger = None
        self.length = self.epoch_steps = 0

    def run(self, tensors: tuple[Tensor, ...]) -> History:
        """Trains from where an earlier process stopped; the figures of each epoch.

        Raises:
            ValueError: if the folder is of another run, or `after_epoch` gives no figure `best_by`.
            DivergedError: when a loss or its gradient is not finite, with the step and the batch.
        """
        options, epochs = self.options, self.config.epochs
        history = self.resume()
        tensors = self.to_device(tensors)
        validation = None if options.validation is None else self.to_device(options.validation)
        self.length = min(self.config.epoch_examples or len(tensors[0]), len(tensors[0]))
        self.epoch_steps = math.ceil(self.length / self.config.batch_size)
        steps, done = self.epoch_steps * epochs, self.epoch_steps * len(history)
        with progress(total=steps, initial=done, description=options.description) as bar:
            for epoch in range(len(history), epochs):
                record = {"epoch": epoch + 1, **self.train(tensors, epoch, bar)}
                self.update.look(epoch + 1, record)
                if validation is not None:
                    record |= self.validate(validation, epoch)
                record |= {} if options.after_epoch is None else options.after_epoch(epoch + 1)
                history.append(record)
                self.keep(history)
        self.fabric.barrier()  # what the first process wrote is there for all
        self.update.model.eval()
        return history

    def resume(self) -> History:
        """What an earlier process did of this run; places what is trained on its device."""
        update, options = self.update, self.options
        history: History = []
        if options.folder is not None:
            options.folder.mkdir(parents=True, exist_ok=True)
            more = {"best_by": options.best_by, **options.settings}
            self.settings = identity(update.model, update.objective, self.config, more)
            history = restore_state(options.folder, update, self.settings)
            self.logger = TensorBoardLogger(options.folder, name="events", version="")
        update.place(self.fabric)
        return history

    def to_device(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The tensors on the device, unless they are too large for that."""
        if sum(tensor.nbytes for tensor in tensors) > RESIDENT_BYTES:
            return tensors
        return tuple(tensor.to(self.fabric.device) for tensor in tensors)

    def generators(self, tensors: tuple[Tensor, ...], seed: int) -> tuple[torch.Generator, ...]:
        """One for the order of the rows, where they lie, and one for the draws of the objective.

        On one device they are the same. Processes share the order and differ in their draws.
        """
        order = torch.Generator(tensors[0].device).manual_seed(seed)
        rank, device = self.fabric.global_rank, self.fabric.device
        torch.manual_seed(seed + rank)  # the gumbel coupling draws from the global generator
        if order.device == device and self.fabric.world_size == 1:
            return order, order
        return order, torch.Generator(device).manual_seed(seed + rank)

    def train(self, tensors: tuple[Tensor, ...], epoch: int, bar: Any) -> dict[str, float]:
        """Updates once on every batch; the mean of each loss per example."""
        config, rank, world = self.config, self.fabric.global_rank, self.fabric.world_size
        self.update.train(True)
        order, draws = self.generators(tensors, config.seed * 100_003 + epoch)
        step, steps, sums = epoch * self.epoch_steps, config.epochs * self.epoch_steps, {}
        for rows in batches(len(tensors[0]), self.length, config.batch_size, order):
            own = rows[rank::world]
            batch = Batch(
                self.take_rows(tensors, own), own, len(rows), epoch + 1, step, steps, draws
            )
            try:
                losses, shown = self.update(batch)
            except NotFiniteError as found:
                raise self.divergence_error(batch, found) from None
            add(sums, losses)
            bar.update(1, epoch=f"{epoch + 1}/{config.epochs}", **shown)
            step += 1
        self.update.train(False)
        return self.means(sums, self.length)

    @torch.no_grad()
    def validate(self, tensors: tuple[Tensor, ...], epoch: int) -> dict[str, float]:
        """Mean losses on the validation set, with the same draws after every epoch."""
        objective = self.options.validate_by or self.update.objective
        _, draws = self.generators(tensors, self.config.seed)
        step, rank, sums = (epoch + 1) * self.epoch_steps, self.fabric.global_rank, {}
        rows = torch.arange(len(tensors[0]), device=tensors[0].device)
        for part in rows[rank :: self.fabric.world_size].split(self.config.batch_size):
            batch = self.take_rows(tensors, part)
            add(sums, objective(self.update.wrapped, batch, step, draws))
        means = self.means(sums, len(rows))
        return {f"validation_{name}": value for name, value in means.items()}

    def take_rows(self, tensors: tuple[Tensor, ...], rows: Tensor) -> tuple[Tensor, ...]:
        """These rows of the data, on the device."""
        return tuple(tensor[rows].to(self.fabric.device) for tensor in tensors)

    def means(self, sums: dict[str, Tensor], length: int) -> dict[str, float]:
        """Means over all processes."""
        return {
            name: float(self.fabric.all_reduce(total, reduce_op="sum")) / length
            for name, total in sums.items()
        }

    def keep(self, history: History) -> None:
        """Writes what there is after an epoch; the state last, so that a resumed run lacks none."""
        folder, record = self.options.folder, history[-1]
        if folder is None or not self.fabric.is_global_zero:
            return
        write_history(folder, history)
        self.logger.log_metrics({k: v for k, v in record.items() if k != "epoch"}, record["epoch"])
        if hasattr(self.update.model, "config"):
            save_model(self.update.model, folder / LATEST)
            if is_best(history, self.options.best_by):
                save_model(self.update.model, folder / BEST)
        save_state(folder, self.update, self.settings, history)

    def divergence_error(self, batch: Batch, found: NotFiniteError) -> DivergedError:
        """The error of a loss or a gradient that is not finite, naming and saving the batch."""
        rows, folder = batch.rows, self.options.folder
        named = ", ".join(map(str, rows[:NAMED_ROWS].tolist()))
        more = f" and {len(rows) - NAMED_ROWS} more" if len(rows) > NAMED_ROWS else ""
        saved = "" if folder is None else f" ({save_batch(folder, batch.tensors, rows)})"
        index = batch.step % self.epoch_steps + 1
        return DivergedError(
            f"{self.options.description}: {found} at step {batch.step} (epoch {batch.epoch}, batch "
            f"{index}), rows {named}{more} of the data{saved}; lower the learning rate or look "
            "at these rows"
        )


def is_best(history: History, best_by: str) -> bool:
    """Whether the last epoch is better than all before it: see `RunOptions.best_by`.

    Raises:
        ValueError: if its record has no figure `best_by`.
    """
    last = history[-1]
    if best_by:
        if best_by not in last:
            raise ValueError(
                f"the best model is chosen by {best_by!r}, which after_epoch does not return: "
                f"there is {', '.join(last)}"
            )
        return max(history, key=lambda row: row[best_by]) is last
    best = min(history, key=lambda row: row.get("validation_loss", math.inf))
    return best is last or "validation_loss" not in last


def add(sums: dict[str, Tensor], losses: Losses) -> None:
    """Adds the losses of a batch to the sums."""
    for name, values in losses.items():
        sums[name] = sums.get(name, 0) + values.detach().sum()
