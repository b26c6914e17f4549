"""Training of critics for variational bounds on the mutual information of pairs of latents."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor, nn

from synvae_core.losses import Losses
from synvae_core.metrics.mutual_information import (
    BOUNDS,
    Bound,
    jensen_shannon,
    nwj_as_published,
)
from synvae_core.models.critics import Critic
from synvae_workbench.training.checkpoints import History
from synvae_workbench.training.loop import FitConfig, RunOptions, fit

# The bound that the critic of each estimate maximises.
TRAINED_BY: dict[str, Bound] = BOUNDS | {
    "smile": jensen_shannon,
    "nwj_as_published": nwj_as_published,
}


@dataclass(frozen=True)
class CriticObjective:
    """Negative bound of a batch of pairs, by the bound that trains the critic; also as `nats`."""

    bound: str

    def __post_init__(self) -> None:
        if self.bound not in TRAINED_BY:
            raise ValueError(f"bound {self.bound!r} is unknown; choose of {', '.join(TRAINED_BY)}")

    def __call__(
        self, model: nn.Module, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        nats = TRAINED_BY[self.bound](model(*batch)).expand(len(batch[0]))
        return {"loss": -nats, "nats": nats.detach()}


Pairs = tuple[Float[Tensor, "_ x"], Float[Tensor, "_ y"]]  # the i-th of both


@dataclass(frozen=True)
class CriticConfig:
    """Settings of the training of a critic; by default as published."""

    epochs: int = 100
    batch_size: int = 200  # pairs per step, at most all
    learning_rate: float = 1e-3
    seed: int = 0

    def fit_config(self, n: int) -> FitConfig:
        """Settings of the loop for n pairs; each epoch uses full batches only."""
        batch_size = min(self.batch_size, n)
        return FitConfig(
            self.epochs,
            batch_size,
            self.learning_rate,
            warmup_steps=0,
            decay_rate=1.0,  # none: as published, the rate stays as it is
            epoch_examples=n // batch_size * batch_size,
            seed=self.seed,
        )


def train_critic(
    pairs: Pairs,
    bound: str,
    config: CriticConfig,
    *,
    validation: Pairs | None = None,
    fabric: Fabric | None = None,
) -> tuple[Critic, History]:
    """Trains a critic for a bound; returns it, on the CPU, and the history of training.

    Args:
        bound: of `TRAINED_BY`.
        validation: pairs; the critic of the epoch with the largest bound on these is returned, and
            the bound is `validation_nats` in the history. Without them it is the last critic.

    Raises:
        ValueError: if there are fewer than two pairs, not as many second as first latents, a
            latent that is not finite, or no such bound.
    """
    _check(*pairs)
    objective = CriticObjective(bound)
    torch.manual_seed(config.seed)
    critic = Critic(*(latents.shape[1] for latents in pairs))
    best = None if validation is None else _Best(critic, TRAINED_BY[bound], validation)
    description = f"critic, {bound.replace('_', ' ')}"
    options = RunOptions(description, fabric=fabric, after_epoch=best)
    history = fit(critic, objective, pairs, config.fit_config(len(pairs[0])), options)
    critic.cpu()
    if best is not None:
        critic.load_state_dict(best.weights)
    return critic, history


def estimate_as_published(
    pairs: Pairs, config: CriticConfig, *, fabric: Fabric | None = None
) -> float:
    """Mean of `nwj_as_published` over the last epoch, in nats, on the pairs it was trained on.

    It is no bound: it is positive on independent pairs, by up to log batch_size.
    Müller-Eberstein & van Noord 2019, arXiv 1909.01218.

    Raises:
        ValueError: as `train_critic`, and if there is no epoch.
    """
    if config.epochs < 1:
        raise ValueError(f"what is reported is the last epoch: got {config.epochs} of them")
    _, history = train_critic(pairs, "nwj_as_published", config, fabric=fabric)
    return history[-1]["nats"]


class _Best:
    """Weights of the epoch with the largest bound on validation pairs; called after each one."""

    def __init__(
        self,
        critic: Critic,
        bound: Callable[[Tensor], Tensor],
        validation: tuple[Tensor, Tensor],
    ):
        _check(*validation)
        self.critic, self.bound, self.validation = critic, bound, validation
        self.nats, self.weights = -torch.inf, critic.state_dict()

    @torch.no_grad()
    def __call__(self, epoch: int) -> dict[str, float]:
        device = next(self.critic.parameters()).device
        nats = self.bound(self.critic(*(part.to(device) for part in self.validation))).item()
        if nats > self.nats:
            weights = self.critic.state_dict()
            self.nats = nats
            self.weights = {name: tensor.cpu().clone() for name, tensor in weights.items()}
        return {"validation_nats": nats}


def _check(first: Tensor, second: Tensor) -> None:
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(
            f"expected two or more pairs of latents: got {len(first)} first and {len(second)} "
            "second ones"
        )
    for name, latents in (("first", first), ("second", second)):
        if not torch.isfinite(latents).all():
            raise ValueError(f"the {name} latents are not finite: got NaN or infinity")
