"""Updates of weights on a batch: what the loop asks of one, and one with a single optimiser."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from lightning_fabric import Fabric
from torch import Tensor, nn

from synvae_core.losses import Losses


class Batch(NamedTuple):
    """A process' share of a batch, and where in the run it stands."""

    tensors: tuple[Tensor, ...]  # on the device
    rows: Int[Tensor, " b"]  # of the data, that they are
    size: int  # of the whole batch, of all processes together
    epoch: int  # from 1 on
    step: int  # from 0 on
    steps: int  # of the whole run
    draws: torch.Generator


class NotFiniteError(ArithmeticError):
    """A loss or the norm of its gradient is not finite; nothing was updated by it."""


class Update(ABC):
    """One update on a batch. `loop.SingleUpdate` is plain, `adversarial` has that of two players.

    Attributes:
        model: whose weights are kept in the run folder.
        wrapped: the same on its device or devices, as the validation calls it.
        objective, config: what a run is known by, with the model's sizes.
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
        """Brings the models into training mode, or into evaluation mode."""

    @abstractmethod
    def __call__(self, batch: Batch) -> tuple[Losses, dict[str, float]]:
        """Updates the weights; this process' losses, and figures for the progress bar.

        Raises:
            NotFiniteError: if a loss or its gradient is not finite.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """The state of the weights as `model`, that of the optimisers as `optimizer`."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state_dict` gave."""

    def look(self, epoch: int, record: Mapping[str, float]) -> None:  # noqa: B027
        """Warns of what the means of an epoch show, if of anything."""


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
    """One step of an optimiser down a loss; the norm of the gradient before it was clipped.

    Args:
        clip: largest norm of the gradient.
        of: whose loss it is, for the error.

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
    """The mean over the rows of all processes, once their gradients have been averaged."""
    return values.sum() * fabric.world_size / batch.size
