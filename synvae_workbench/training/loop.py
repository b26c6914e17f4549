"""Training of a model by one optimiser, on Lightning Fabric, on one device or many.

The epochs are those of `training.epochs`; VAE-GANs are trained by `training.adversarial`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from synvae_core.losses import Losses
from synvae_core.schedules import cosine_decay, exponential_decay
from synvae_workbench.training.checkpoints import History
from synvae_workbench.training.collapse import PosteriorWatch
from synvae_workbench.training.epochs import DivergedError, Epochs, RunOptions
from synvae_workbench.training.objectives import Objective
from synvae_workbench.training.updates import Batch, Update, batch_mean, descend, set_rate

__all__ = ["DivergedError", "FitConfig", "RunOptions", "device_name", "fit", "make_fabric"]

PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed"}


@dataclass(frozen=True)
class FitConfig:
    """Settings of optimisation: epochs, batches, learning rate with its schedule, clipping."""

    epochs: int
    batch_size: int  # of all processes together
    learning_rate: float
    warmup_steps: int = 100  # of the learning rate
    # After the warm-up the rate falls along a half cosine, or by this factor at every step.
    decay_rate: float = 0.0
    weight_decay: float = 0.0
    gradient_clip: float = 5.0  # norm; large early steps can collapse the posterior for good
    epoch_examples: int = 0  # examples of an epoch; 0 takes all, a large corpus may want fewer
    seed: int = 0

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size is 1 or more, got {self.batch_size}")

    def rate(self, step: int, total: int) -> float:
        """Learning rate of a step."""
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
    """Fabric on CUDA or MPS where there is one, else on the CPU.

    Under `torch.distributed.run`, which `synvae run --devices N --nodes M` starts, every
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
    # On CPUs this costs next to nothing, and the same seed gives the same numbers with any load.
    torch.use_deterministic_algorithms(fabric.device.type == "cpu", warn_only=True)
    return fabric


def device_name(fabric: Fabric) -> str:
    """Name of the device, as reports and provenance show it."""
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
    options: RunOptions,
) -> History:
    """Trains the parameters that require a gradient; returns the mean losses of each epoch.

    Args:
        tensors: of one length, indexed together; their rows make the batches. Large ones may be
            mapped from files and are then read as needed.
        options: of the run: its folder, device, validation.

    Raises:
        ValueError: if the folder is of another run, or `after_epoch` gives no figure `best_by`.
        DivergedError: when the loss or its gradient is not finite, with the step and the batch.
    """
    update = SingleUpdate(model, objective, config, options.description)
    return Epochs(update, options, options.fabric or make_fabric()).run(tensors)


class SingleUpdate(Update):
    """Update of one model by AdamW, with a warning of posterior collapse."""

    def __init__(self, model: nn.Module, objective: Objective, config: FitConfig, description: str):
        self.model, self.objective, self.config = model, objective, config
        self.optimizer = torch.optim.AdamW(
            [p for p in model.parameters() if p.requires_grad],
            config.learning_rate,
            betas=(0.9, 0.99),  # 0.999 averages over 1,000 steps, half of a short run
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.watch = PosteriorWatch(description)

    def place(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.wrapped, self.optimizer = fabric.setup(self.model, self.optimizer)

    def train(self, mode: bool) -> None:
        self.wrapped.train(mode)

    def __call__(self, batch: Batch) -> tuple[Losses, dict[str, float]]:
        set_rate(self.optimizer, self.config.rate(batch.step, batch.steps))
        losses = self.objective(self.wrapped, batch.tensors, batch.step, batch.draws)
        loss = batch_mean(losses["loss"], batch, self.fabric)
        descend(self.fabric, self.optimizer, loss, clip=self.config.gradient_clip)
        self.watch.look(batch.step, batch.epoch, losses)
        return losses, {"loss": loss.item()}

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
