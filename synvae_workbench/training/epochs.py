"""The loop of epochs for any update: batches, validation, checkpoints and resuming.

All random numbers of an epoch come from a generator seeded by the run's seed and the epoch, so that
a resumed run draws the same ones. With several processes, each takes its share of
every batch, weighted so that the gradient is that of the whole batch on one device.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.loggers import TensorBoardLogger
from torch import Tensor

from synvae_core.atomic import explained, make_folder, write_json
from synvae_core.losses import Losses
from synvae_core.models.storage import BEST, LATEST, save_model
from synvae_workbench.locks import holding
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

RESIDENT_BYTES = 1 << 30  # up to this size a data set is kept on the device
MOST_EVENTS = 10_000  # for TensorBoard that wait to be written
NAMED_ROWS = 8  # of a batch that an error message names


class DivergedError(RuntimeError):
    """Training has diverged: a loss or the norm of its gradient is not finite."""


@dataclass(frozen=True)
class RunOptions:
    """Options of a training run: folder, device, validation, choice of the best model.

    Attributes:
        description: of the run, in its progress bar, warnings and errors.
        folder: to resume from, and to write to after every epoch: the state of training,
            `metrics.jsonl`, TensorBoard events, and the model, as `latest/` and as `best/`.
        settings: that identify the run besides configuration, objective and model, such as the
            checksums of the data; a run is not resumed with other ones.
        held_out: ids of what takes no part in training, by the name of the JSON file that keeps
            them in the folder; written when a run begins, and never by one that is resumed.
        fabric: the device or devices; by default those of `loop.make_fabric()`.
        validation: tensors like those of training; their losses are recorded as `validation_...`.
        validate_by: the objective on them, by default that of training.
        after_epoch: called with the epoch, from 1 on, and the model in evaluation mode; the figures
            that it returns are recorded.
        best_by: the figure of `after_epoch` by which the model with the highest is the best; by
            default the lowest `validation_loss` or, without validation, the latest epoch.
    """

    description: str
    folder: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    held_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    fabric: Fabric | None = None
    validation: tuple[Tensor, ...] | None = None
    validate_by: Objective | None = None
    after_epoch: Callable[[int], dict[str, float]] | None = None
    best_by: str = ""


class Epochs:
    """The loop over the epochs of one run.

    Args:
        update: the update on each batch, with its model.
        options: of the run; their `fabric` is not used.
    """

    def __init__(self, update: Update, options: RunOptions, fabric: Fabric):
        self.update, self.options, self.fabric = update, options, fabric
        self.config = update.config
        self.settings: dict[str, Any] = {}
        self.logger = None
        self.length = self.epoch_steps = 0

    def run(self, tensors: tuple[Tensor, ...]) -> History:
        """Trains from the last checkpoint on; returns the means of each epoch.

        Raises:
            ValueError: if the folder is of another run or another process trains in it, or
                `after_epoch` gives no figure `best_by`.
            DivergedError: when a loss or its gradient is not finite, with the step and the batch.
        """
        with contextlib.ExitStack() as stack:
            if self.options.folder is not None:
                stack.enter_context(holding(make_folder(self.options.folder)))
            return self.train_epochs(tensors)

    def train_epochs(self, tensors: tuple[Tensor, ...]) -> History:
        """Trains as `run`, which holds the folder meanwhile."""
        options, epochs = self.options, self.config.epochs
        history = self.resume()
        tensors = self.to_device(tensors)
        validation = None if options.validation is None else self.to_device(options.validation)
        self.length = min(self.config.epoch_examples or len(tensors[0]), len(tensors[0]))
        self.epoch_steps = math.ceil(self.length / self.config.batch_size)
        steps, done = self.epoch_steps * epochs, self.epoch_steps * len(history)
        bars = progress(total=steps, initial=done, description=options.description)
        with bars as bar, self.curves():
            for epoch in range(len(history), epochs):
                record = {"epoch": epoch + 1, **self.train(tensors, epoch, bar)}
                self.update.look(epoch + 1, record)
                if validation is not None:
                    record |= self.validate(validation, epoch)
                record |= {} if options.after_epoch is None else options.after_epoch(epoch + 1)
                history.append(record)
                self.keep(history)
        self.fabric.barrier()  # the first process has written its files before any goes on
        self.update.model.eval()
        return history

    def resume(self) -> History:
        """Loads the last checkpoint and sets models and optimisers up; returns the history."""
        update, options = self.update, self.options
        history: History = []
        if options.folder is not None:
            precision = self.fabric.strategy.precision.precision
            more = {"best_by": options.best_by, "precision": precision, **options.settings}
            settings = identity(update.model, update.objective, self.config, more)
            history, self.settings = restore_state(options.folder, update, settings)
            if not history and self.fabric.is_global_zero:
                for name, ids in options.held_out.items():
                    write_json(options.folder / name, list(ids))
            # its default of two minutes hides a run at work, and is lost with one that is killed
            folder = options.folder
            # Its thread is lost if the disk is full, and who waits for room in its queue, for ever.
            waits = {"flush_secs": 1, "max_queue": MOST_EVENTS}
            self.logger = TensorBoardLogger(folder, name="events", version="", **waits)
        update.place(self.fabric)
        return history

    @contextlib.contextmanager
    def curves(self) -> Iterator[None]:
        """Writes TensorBoard's curves to the end, also where training stops."""
        try:
            yield
        finally:
            if self.logger is not None:
                with contextlib.suppress(OSError):  # of a full disk, which stopped the training
                    self.logger.finalize("")

    def to_device(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Tensors on the device, or unmoved beyond `RESIDENT_BYTES`."""
        if sum(tensor.nbytes for tensor in tensors) > RESIDENT_BYTES:
            return tensors
        return tuple(tensor.to(self.fabric.device) for tensor in tensors)

    def generators(self, tensors: tuple[Tensor, ...], seed: int) -> tuple[torch.Generator, ...]:
        """Random generators: of the order of rows, where these lie, and of the objective's draws.

        On one device they are the same. Processes share the order and differ in their draws.
        """
        order = torch.Generator(tensors[0].device).manual_seed(seed)
        rank, device = self.fabric.global_rank, self.fabric.device
        torch.manual_seed(seed + rank)  # the gumbel coupling draws from the global generator
        if order.device == device and self.fabric.world_size == 1:
            return order, order
        return order, torch.Generator(device).manual_seed(seed + rank)

    def train(self, tensors: tuple[Tensor, ...], epoch: int, bar: Any) -> dict[str, float]:
        """Updates on every batch of an epoch; returns the mean of each loss per example."""
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
        """Mean losses on the validation set, with the same random numbers after every epoch."""
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
        """Rows of each tensor, on the device."""
        return tuple(tensor[rows].to(self.fabric.device) for tensor in tensors)

    def means(self, sums: dict[str, Tensor], length: int) -> dict[str, float]:
        """Means of the losses over all processes, from their sums and the number of examples."""
        return {
            name: float(self.fabric.all_reduce(total, reduce_op="sum")) / length
            for name, total in sums.items()
        }

    def keep(self, history: History) -> None:
        """Writes history, models and, last, the state: a resumed run then lacks none of them."""
        folder, record = self.options.folder, history[-1]
        if folder is None or not self.fabric.is_global_zero:
            return
        write_history(folder, history)
        with explained(folder / "events"):
            shown = {name: value for name, value in record.items() if name != "epoch"}
            self.logger.log_metrics(shown, record["epoch"])
            self.logger.experiment.flush()
        if hasattr(self.update.model, "config"):
            save_model(self.update.model, folder / LATEST)
            if is_best(history, self.options.best_by):
                save_model(self.update.model, folder / BEST)
        save_state(folder, self.update, self.settings, history)

    def divergence_error(self, batch: Batch, found: NotFiniteError) -> DivergedError:
        """Error that names the step and the batch that diverged, which is saved."""
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
    """True if the last epoch is the best so far, by `RunOptions.best_by`.

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
