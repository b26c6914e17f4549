"""One training loop for every family, on Lightning Fabric, on one device or many.

Everything random in an epoch comes from a generator seeded by the run's seed and the epoch, so that
a run resumed at an epoch draws the same numbers. With several processes, each takes its share of
every batch, weighted so that the gradient is that of the whole batch on one device.
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.loggers import TensorBoardLogger
from torch import Tensor, nn

from synvae_core.losses import Losses
from synvae_core.models.storage import BEST, LATEST, save_model
from synvae_core.schedules import cosine_decay, exponential_decay
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
from synvae_workbench.training.collapse import PosteriorWatch
from synvae_workbench.training.objectives import Objective

RESIDENT_BYTES = 1 << 30  # up to here a data set moves to the device as a whole
NAMED_ROWS = 8  # of a batch, in an error's sentence
PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed"}


class DivergedError(RuntimeError):
    """The loss is not finite any more."""


@dataclass(frozen=True)
class FitConfig:
    """How long and how fast to train."""

    epochs: int
    batch_size: int  # of all processes together
    learning_rate: float
    warmup_steps: int = 100  # of the learning rate
    # After the warm-up the rate falls along a half cosine, or by this factor at every step.
    decay_rate: float = 0.0
    weight_decay: float = 0.0
    gradient_clip: float = 5.0  # norm; large steps early on can empty the code for good
    epoch_examples: int = 0  # examples of an epoch; 0 takes all, a large corpus may want fewer
    seed: int = 0

    def rate(self, step: int, total: int) -> float:
        """The learning rate of a step."""
        if self.decay_rate:
            warmup = min(1.0, (step + 1) / max(1, self.warmup_steps))
            return (
                self.learning_rate
                * warmup
                * exponential_decay(step, rate=self.decay_rate, floor=0.01)
            )
        return self.learning_rate * cosine_decay(
            step, steps=total, warmup=self.warmup_steps, floor=0.01
        )


def make_fabric(*, precision: str = "float32") -> Fabric:
    """CUDA or MPS where there is one, else the CPU.

    Under `torch.distributed.run`, which `synvae_core run --devices N --nodes M` starts, every
    process gets its own device, and Fabric's strategy for several devices joins them.

    Args:
        precision: "float32", or "bfloat16" where the device computes it (autocast; the weights
            stay float32).

    Raises:
        ValueError: if the precision is unknown or the device does not have it.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r} is unknown; choose of {', '.join(PRECISIONS)}")
    if precision == "bfloat16" and torch.cuda.is_available() and not torch.cuda.is_bf16_supported():
        raise ValueError(f"{torch.cuda.get_device_name()} has no bfloat16; use float32")
    world, here = (int(os.environ.get(name, 1)) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    fabric = Fabric(
        accelerator="auto",
        devices=here,
        num_nodes=world // here,
        precision=PRECISIONS[precision],
    )
    fabric.launch()
    return fabric


def device_name(fabric: Fabric) -> str:
    """The device in words, as reports and provenance show it."""
    many = f"{fabric.world_size} x " if fabric.world_size > 1 else ""
    if fabric.device.type == "cuda":
        return f"{many}CUDA, {torch.cuda.get_device_name(fabric.device)}"
    threads = torch.get_num_threads()
    return f"{many}{fabric.device.type.upper()}, {threads} thread{'s' * (threads > 1)}"


def fit(
    model: nn.Module,
    objective: Objective,
    tensors: tuple[Tensor, ...],
    config: FitConfig,
    *,
    description: str,
    fabric: Fabric | None = None,
    run: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    validation: tuple[Tensor, ...] | None = None,
    validate_by: Objective | None = None,
    after_epoch: Callable[[int], dict[str, float]] | None = None,
) -> History:
    """Trains the parameters that require a gradient and returns the mean losses of each epoch.

    Args:
        tensors: equally long, indexed together; their rows make the batches. Large ones may be
            mapped from files and are then read as needed.
        run: a folder that is resumed from, and written to after every epoch: the state of training,
            `metrics.jsonl`, TensorBoard events, and the model, as `latest/` and as `best/`.
        settings: what defines the run besides `config`, objective and model, such as the checksums
            of the data; to go on with other ones is refused.
        validation: tensors like those of training; the losses on them are `validation_...` in the
            record, and the lowest `validation_loss` is the best model.
        validate_by: the objective on them, by default that of training.
        after_epoch: is told the epoch, from 1 on, and the figures that it returns join the epoch's
            record; the model is in evaluation mode.

    Raises:
        ValueError: if the folder is of another run.
        DivergedError: when the loss or its gradient is not finite, with the step and the batch.
    """
    fabric = fabric or make_fabric()
    fitting = Fitting(model, objective, config, description, fabric, run)
    history = fitting.resume(settings or {})
    tensors = fitting.placed(tensors)
    validation = None if validation is None else fitting.placed(validation)
    length = min(config.epoch_examples or len(tensors[0]), len(tensors[0]))
    fitting.epoch_steps = math.ceil(length / config.batch_size)
    total = fitting.epoch_steps * config.epochs
    done = len(history) * fitting.epoch_steps
    with progress(total=total, initial=done, description=description) as bar:
        for epoch in range(len(history), config.epochs):
            record = {"epoch": epoch + 1, **fitting.train(tensors, length, epoch, bar)}
            if validation is not None:
                record |= fitting.validate(validate_by or objective, validation, epoch)
            record |= after_epoch(epoch + 1) if after_epoch is not None else {}
            history.append(record)
            fitting.keep(history)
    fabric.barrier()  # what the first process wrote is there for all
    model.eval()
    return history


class Fitting:
    """What the epochs of one call of `fit` share; `training.adversarial` has another step."""

    def __init__(self, model, objective, config, description, fabric, run):
        self.model, self.objective, self.config = model, objective, config
        self.description, self.fabric, self.run = description, fabric, run
        self.whole = model  # all that training changes
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters,
            config.learning_rate,
            betas=(0.9, 0.99),  # runs here are short: a memory of 1,000 steps would be half of one
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.watch = PosteriorWatch(description)
        self.settings: dict[str, Any] = {}
        self.logger = None
        self.epoch_steps = 0

    def resume(self, more: Mapping[str, Any]) -> History:
        """What an earlier process did of this run; sets the model up on its device."""
        history: History = []
        if self.run is not None:
            self.run.mkdir(parents=True, exist_ok=True)
            self.settings = identity(self.model, self.objective, self.config, more)
            history = restore_state(self.run, self.model, self.optimizer, self.settings)
            self.logger = TensorBoardLogger(self.run, name="events", version="")
        self.wrapped, self.optimizer = self.fabric.setup(self.model, self.optimizer)
        return history

    def placed(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
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

    def train(
        self, tensors: tuple[Tensor, ...], length: int, epoch: int, bar: Any
    ) -> dict[str, float]:
        """Updates once on every batch; the mean of each loss per example."""
        self.wrapped.train()
        order, draws = self.generators(tensors, self.config.seed * 100_003 + epoch)
        step, sums = epoch * self.epoch_steps, {}
        for rows in batches(len(tensors[0]), length, self.config.batch_size, order):
            losses, loss = self.update(tensors, rows, step, draws)
            add(sums, losses)
            self.watch.look(step, epoch + 1, losses)
            bar.update(1, epoch=f"{epoch + 1}/{self.config.epochs}", loss=loss.item())
            step += 1
        self.wrapped.eval()
        return self.means(sums, length)

    def update(
        self, tensors: tuple[Tensor, ...], rows: Tensor, step: int, draws: torch.Generator
    ) -> tuple[Losses, Tensor]:
        """One step on a batch; this process' losses, and the mean that it minimised."""
        rate = self.config.rate(step, self.epoch_steps * self.config.epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        world = self.fabric.world_size
        own = rows[self.fabric.global_rank :: world]
        batch = tuple(tensor[own].to(self.fabric.device) for tensor in tensors)
        losses = self.objective(self.wrapped, batch, step, draws)
        # Processes average their gradients: this is the mean over all rows once they have.
        loss = losses["loss"].sum() * world / len(rows)
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.config.gradient_clip)
        if not torch.isfinite(loss + norm):
            raise self.diverged(batch, own, step, loss, norm)
        self.optimizer.step()
        return losses, loss

    @torch.no_grad()
    def validate(
        self, objective: Objective, tensors: tuple[Tensor, ...], epoch: int
    ) -> dict[str, float]:
        """Mean losses on the validation set, with the same draws after every epoch."""
        _, draws = self.generators(tensors, self.config.seed)
        step, rank, sums = (epoch + 1) * self.epoch_steps, self.fabric.global_rank, {}
        rows = torch.arange(len(tensors[0]), device=tensors[0].device)
        for part in rows[rank :: self.fabric.world_size].split(self.config.batch_size):
            batch = tuple(tensor[part].to(self.fabric.device) for tensor in tensors)
            add(sums, objective(self.wrapped, batch, step, draws))
        means = self.means(sums, len(rows))
        return {f"validation_{name}": value for name, value in means.items()}

    def means(self, sums: dict[str, Tensor], length: int) -> dict[str, float]:
        """Means over all processes."""
        return {
            name: float(self.fabric.all_reduce(total, reduce_op="sum")) / length
            for name, total in sums.items()
        }

    def keep(self, history: History) -> None:
        """Writes what there is after an epoch; the state last, so that a resumed run lacks none."""
        if self.run is None or not self.fabric.is_global_zero:
            return
        record = history[-1]
        write_history(self.run, history)
        self.logger.log_metrics({k: v for k, v in record.items() if k != "epoch"}, record["epoch"])
        if hasattr(self.model, "config"):
            save_model(self.model, self.run / LATEST)
            if self.is_best(history):
                save_model(self.model, self.run / BEST)
        save_state(self.run, self.whole, self.optimizer, self.settings, history)

    def is_best(self, history: History) -> bool:
        """Whether no epoch before the last one had a validation loss as low."""
        best = min(history, key=lambda row: row.get("validation_loss", math.inf))
        return best is history[-1] or "validation_loss" not in history[-1]

    def diverged(
        self,
        batch: tuple[Tensor, ...],
        rows: Tensor,
        step: int,
        loss: Tensor,
        norm: Tensor,
        of: str = "",
    ) -> DivergedError:
        """The error of a loss or a gradient that is not finite, naming and saving the batch."""
        named = ", ".join(map(str, rows[:NAMED_ROWS].tolist()))
        more = f" and {len(rows) - NAMED_ROWS} more" if len(rows) > NAMED_ROWS else ""
        saved = "" if self.run is None else f" ({save_batch(self.run, batch, rows)})"
        epoch, index = divmod(step, self.epoch_steps)
        return DivergedError(
            f"{self.description}: the loss{of} is {loss.item()}, the norm of its gradient "
            f"{norm.item()} at step {step} (epoch {epoch + 1}, batch {index + 1}), rows "
            f"{named}{more} of the data{saved}; lower the learning rate or look at these rows"
        )


def add(sums: dict[str, Tensor], losses: Losses) -> None:
    """Adds the losses of a batch to the sums."""
    for name, values in losses.items():
        sums[name] = sums.get(name, 0) + values.detach().sum()
