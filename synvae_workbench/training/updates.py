"""The interface of an update on a batch, and an optimiser step with gradient clipping."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from lightning_fabric import Fabric
from torch import Tensor, nn

from synvae_core.losses import Losses


class Batch(NamedTuple):
    """The part of a batch that one process computes, with its step and epoch."""

    tensors: tuple[Tensor, ...]  # on the device
    rows: Int[Tensor, " b"]  # of the data set, that `tensors` are
    size: int  # of the whole batch, of all processes together
    epoch: int  # from 1 on
    step: int  # from 0 on
    steps: int  # of the whole run
    draws: torch.Generator


class NotFiniteError(ArithmeticError):
    """A loss or the norm of its gradient is not finite; the weights were not updated."""


class Update(ABC):
    """Interface of an update on a batch: by one optimiser in `loop`, by two in `adversarial`.

    Attributes:
        model: whose weights are saved in the run folder.
        wrapped: the same on its device or devices, as the validation calls it.
        objective, config: that identify a run, together with the model's sizes.
    """

    model: nn.Module
    wrapped: nn.Module
    objective: Any
    config: Any

    @abstractmethod
    def place(self, fabric: Fabric) -> None:
        """Sets models and optimisers up on the device or devices."""

    @abstractmethod
    def train(self, mode: bool) -> None:
        """Puts the models into training mode, or into evaluation mode."""

    @abstractmethod
    def __call__(self, batch: Batch) -> tuple[Losses, dict[str, float]]:
        """Updates the weights; returns this process' losses, and figures for the progress bar.

        Raises:
            NotFiniteError: if a loss or its gradient is not finite.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """State of the weights as `model`, and of the optimisers as `optimizer`."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned."""

    def look(self, epoch: int, record: Mapping[str, float]) -> None:  # noqa: B027
        """Checks the means of an epoch; by default, nothing."""


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate of all groups of parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def descend(
    fabric: Fabric,
    optimizer: torch.optim.Optimizer,
    loss: Float[Tensor, ""],
    *,
    clip: float,
    of: str = "",
) -> Float[Tensor, ""]:
    """Takes an optimiser step on a loss; returns the norm of the gradient before clipping.

    Args:
        clip: largest norm of the gradient.
        of: the name of the loss, for the error.

    Raises:
        NotFiniteError: in place of the step, if the loss or the norm is not finite.
    """
    optimizer.zero_grad()
    fabric.backward(loss)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    norm = nn.utils.clip_grad_norm_(parameters, clip)
    if not torch.isfinite(loss + norm):
        raise NotFiniteError(
            f"the loss{of} is {loss.item()}, the norm of its gradient {norm.item()}"
        )
    optimizer.step()
    return norm


def batch_mean(values: Float[Tensor, " b"], batch: Batch, fabric: Fabric) -> Float[Tensor, ""]:
    """Loss whose gradient, averaged over processes, is that of the mean over the whole batch."""
    return values.sum() * fabric.world_size / batch.size
