"""One training loop for every family, on Lightning Fabric.

Tensors stay as they are (uint8 for pictures and melodies), in memory or mapped from a file, and
batches are gathered by index: no worker processes. Everything random in an epoch comes from a
generator seeded by the run's seed and the epoch, so that a run resumed at an epoch draws the same
numbers.
"""

import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Int
from lightning_fabric import Fabric
from torch import Tensor, nn

from synvae_core.schedules import cosine_decay, exponential_decay
from synvae_core.training.health import PosteriorWatch
from synvae_core.training.objectives import Losses, Objective
from synvae_core.training.progress import progress

RESIDENT_BYTES = 1 << 30  # up to here a data set moves to the device as a whole
BLOCK = 1 << 12  # rows of a mapped file that are read together
GROUP = 1 << 10  # blocks that are shuffled as one: 4 million rows in memory at a time
NAMED_ROWS = 8  # of a batch, in an error's sentence

History = list[dict[str, float]]


class DivergedError(RuntimeError):
    """The loss is not finite any more."""


@dataclass(frozen=True)
class FitConfig:
    """How long and how fast to train."""

    epochs: int
    batch_size: int
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
        tensors: equally long, indexed together; their rows make the batches. Large ones may be
            mapped from files and are then read as needed.
        checkpoint: a file that is written after every epoch and, if it exists, resumed from.
        after_epoch: its figures join the epoch's record; the model is in evaluation mode.

    Raises:
        DivergedError: when the loss or its gradient is not finite, with the step and the batch.
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
    if sum(tensor.nbytes for tensor in tensors) <= RESIDENT_BYTES:
        tensors = tuple(tensor.to(fabric.device) for tensor in tensors)
    epoch_steps = math.ceil(epoch_length(tensors, config) / config.batch_size)
    total = epoch_steps * config.epochs
    watch = PosteriorWatch(description)
    with progress(total=total, initial=len(history) * epoch_steps, description=description) as bar:

        def update(rows: Tensor, step: int, generator: torch.Generator) -> Losses:
            for group in optimizer.param_groups:
                group["lr"] = config.rate(step, total)
            batch = tuple(tensor[rows].to(fabric.device) for tensor in tensors)
            losses = objective(wrapped, batch, step, generator)
            loss = losses["loss"].mean()
            optimizer.zero_grad()
            fabric.backward(loss)
            norm = nn.utils.clip_grad_norm_(parameters, config.gradient_clip)
            epoch = step // epoch_steps + 1
            if not torch.isfinite(loss + norm):
                where = f"step {step} (epoch {epoch}, batch {step % epoch_steps + 1})"
                raise diverged(description, where, loss, norm, rows)
            optimizer.step()
            watch.look(step, epoch, losses)
            bar.update(1, epoch=f"{epoch}/{config.epochs}", loss=loss.item())
            return losses

        for epoch in range(len(history), config.epochs):
            wrapped.train()
            means = train_epoch(update, tensors, config, epoch, fabric.device)
            wrapped.eval()
            extra = after_epoch() if after_epoch is not None else {}
            history.append({"epoch": epoch + 1, **means, **extra})
            if checkpoint is not None:
                save(checkpoint, model, optimizer, config, history)
    model.eval()
    return history


def diverged(
    description: str, where: str, loss: Tensor, norm: Tensor, rows: Tensor
) -> DivergedError:
    """The error of a loss or a gradient that is not finite, naming the batch."""
    named = ", ".join(map(str, rows[:NAMED_ROWS].tolist()))
    more = f" and {len(rows) - NAMED_ROWS} more" if len(rows) > NAMED_ROWS else ""
    return DivergedError(
        f"{description}: the loss is {loss.item()}, the norm of its gradient {norm.item()} at "
        f"{where}, rows {named}{more} of the data; lower the learning rate or look at these rows"
    )


def train_epoch(
    update: Callable[[Tensor, int, torch.Generator], Losses],
    tensors: tuple[Tensor, ...],
    config: FitConfig,
    epoch: int,
    device: torch.device,
) -> dict[str, float]:
    """Updates once on every batch; the mean of each loss per example."""
    seed = config.seed * 100_003 + epoch
    generator = torch.Generator(tensors[0].device).manual_seed(seed)
    # Rows of a mapped set are drawn where it lies; everything else on the device of the model.
    draws = generator if generator.device == device else torch.Generator(device).manual_seed(seed)
    torch.manual_seed(seed)  # the gumbel coupling draws from the global generator
    length = epoch_length(tensors, config)
    step = epoch * math.ceil(length / config.batch_size)
    sums: dict[str, Tensor] = {}
    for rows in batches(len(tensors[0]), length, config.batch_size, generator):
        for name, values in update(rows, step, draws).items():
            sums[name] = sums.get(name, 0) + values.detach().sum()
        step += 1
    return {name: float(total) / length for name, total in sums.items()}


def epoch_length(tensors: tuple[Tensor, ...], config: FitConfig) -> int:
    """Examples of an epoch."""
    return min(config.epoch_examples or len(tensors[0]), len(tensors[0]))


def batches(
    n: int, length: int, batch_size: int, generator: torch.Generator
) -> Iterator[Int[Tensor, " b"]]:
    """The first `length` of n rows in random order; the last batch may be smaller.

    Beyond a few million rows whole blocks are drawn, and shuffled a group of blocks at a time:
    neither the order nor the rows it touches at a time outgrow the memory.
    """
    rest = torch.zeros(0, dtype=torch.long, device=generator.device)
    for rows in shuffled(n, generator):
        rest = torch.cat([rest, rows])
        while length and len(rest) >= min(batch_size, length):
            yield rest[: min(batch_size, length)]
            rest, length = rest[batch_size:], max(0, length - batch_size)
        if not length:
            return


def shuffled(n: int, generator: torch.Generator) -> Iterator[Int[Tensor, " rows"]]:
    """All of n rows in random order, in one piece or, where they are too many, in several."""
    if n <= BLOCK * GROUP:
        yield torch.randperm(n, generator=generator, device=generator.device)
        return
    blocks = torch.randperm(math.ceil(n / BLOCK), generator=generator, device=generator.device)
    within = torch.arange(BLOCK, device=generator.device)
    for group in blocks.split(GROUP):
        rows = (group[:, None] * BLOCK + within).flatten()
        rows = rows[rows < n]
        yield rows[torch.randperm(len(rows), generator=generator, device=generator.device)]


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
