"""One training loop for every family, on Lightning Fabric.

Tensors stay in memory as they are (uint8 for pictures and melodies) and batches are gathered by
index: no worker processes. Everything random in an epoch comes from a generator seeded by the run's
seed and the epoch, so that a run resumed at an epoch draws the same numbers.
"""

import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from synvae_core.schedules import cosine_decay
from synvae_core.training.objectives import Losses, Objective
from synvae_core.training.progress import progress

History = list[dict[str, float]]


class DivergedError(RuntimeError):
    """The loss is not finite any more."""


@dataclass(frozen=True)
class FitConfig:
    """How long and how fast to train."""

    epochs: int
    batch_size: int
    learning_rate: float
    warmup_steps: int = 100  # of the learning rate, which then falls along a half cosine
    weight_decay: float = 0.0
    gradient_clip: float = 5.0  # norm; large steps early on can empty the code for good
    seed: int = 0


def make_fabric() -> Fabric:
    """One device: CUDA or MPS where there is one, else the CPU."""
    return Fabric(accelerator="auto", devices=1)


def device_name(fabric: Fabric) -> str:
    """The device in words, as reports and provenance show it."""
    if fabric.device.type == "cuda":
        return f"CUDA, {torch.cuda.get_device_name(fabric.device)}"
    return f"{fabric.device.type.upper()}, {torch.get_num_threads()} threads"


def fit(
    model: nn.Module,
    objective: Objective,
    tensors: tuple[Tensor, ...],
    config: FitConfig,
    *,
    description: str,
    fabric: Fabric | None = None,
    checkpoint: Path | None = None,
    after_epoch: Callable[[], dict[str, float]] | None = None,
) -> History:
    """Trains the parameters that require a gradient and returns the mean losses of each epoch.

    Args:
        tensors: equally long, indexed together; their rows make the batches.
        checkpoint: a file that is written after every epoch and, if it exists, resumed from.
        after_epoch: its figures join the epoch's record; the model is in evaluation mode.

    Raises:
        DivergedError: when the loss is not finite, with the step.
    """
    fabric = fabric or make_fabric()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters,
        config.learning_rate,
        betas=(0.9, 0.99),  # runs here are short: a memory of 1,000 steps would be half of one
        weight_decay=config.weight_decay,
        fused=True,
    )
    resumed = checkpoint is not None and checkpoint.is_file()
    history = restore(checkpoint, model, optimizer, config) if resumed else []
    wrapped, optimizer = fabric.setup(model, optimizer)
    tensors = tuple(tensor.to(fabric.device) for tensor in tensors)
    epoch_steps = math.ceil(len(tensors[0]) / config.batch_size)
    total = epoch_steps * config.epochs
    with progress(total=total, initial=len(history) * epoch_steps, description=description) as bar:

        def update(batch: tuple[Tensor, ...], step: int, generator: torch.Generator) -> Losses:
            rate = cosine_decay(step, steps=total, warmup=config.warmup_steps, floor=0.01)
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * rate
            losses = objective(wrapped, batch, step, generator)
            loss = losses["loss"].mean()
            if not torch.isfinite(loss):
                raise DivergedError(
                    f"{description}: the loss is {loss.item()} at step {step}; "
                    "lower the learning rate or look at the data"
                )
            optimizer.zero_grad()
            fabric.backward(loss)
            nn.utils.clip_grad_norm_(parameters, config.gradient_clip)
            optimizer.step()
            bar.update(1, epoch=f"{step // epoch_steps + 1}/{config.epochs}", loss=loss.item())
            return losses

        for epoch in range(len(history), config.epochs):
            wrapped.train()
            means = train_epoch(update, tensors, config, epoch, epoch_steps)
            wrapped.eval()
            extra = after_epoch() if after_epoch is not None else {}
            history.append({"epoch": epoch + 1, **means, **extra})
            if checkpoint is not None:
                save(checkpoint, model, optimizer, config, history)
    model.eval()
    return history


def train_epoch(
    update: Callable[[tuple[Tensor, ...], int, torch.Generator], Losses],
    tensors: tuple[Tensor, ...],
    config: FitConfig,
    epoch: int,
    epoch_steps: int,
) -> dict[str, float]:
    """Updates once on every batch; the mean of each loss per example."""
    seed = config.seed * 100_003 + epoch
    generator = torch.Generator(tensors[0].device).manual_seed(seed)
    torch.manual_seed(seed)  # the gumbel coupling draws from the global generator
    sums: dict[str, Tensor] = {}
    for index, batch in enumerate(batches(tensors, config.batch_size, generator)):
        for name, values in update(batch, epoch * epoch_steps + index, generator).items():
            sums[name] = sums.get(name, 0) + values.detach().sum()
    return {name: float(total) / len(tensors[0]) for name, total in sums.items()}


def batches(
    tensors: tuple[Tensor, ...], batch_size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, ...]]:
    """All rows once in random order; the last batch may be smaller."""
    order = torch.randperm(len(tensors[0]), generator=generator, device=tensors[0].device)
    for rows in order.split(batch_size):
        yield tuple(tensor[rows] for tensor in tensors)


def save(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    config: FitConfig,
    history: History,
) -> None:
    """Writes the state of training atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "config": asdict(config),
        "history": history,
    }
    torch.save(state, temporary)
    temporary.replace(path)


def restore(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, config: FitConfig
) -> History:
    """Reads the state of training; tensors and plain values only.

    Raises:
        ValueError: naming the file, if it is damaged or of a run with another configuration.
    """
    try:
        state = torch.load(path, weights_only=True)
        stored = state["config"]
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error!r}): delete it to start over") from error
    differences = [
        f"{name}: {stored.get(name)} there, {value} asked for"
        for name, value in asdict(config).items()
        if stored.get(name) != value
    ]
    if differences:
        raise ValueError(
            f"{path} is of a run with another configuration ({'; '.join(differences)}): "
            "choose another run name, or delete it to start over"
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["history"]
