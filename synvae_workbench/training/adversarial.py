"""Adversarial training of a VAE and a discriminator: one optimiser step of each on every batch.

The objectives of both are in `training.adversarial_objective`, the epochs in `training.epochs`. The
saved generator may be an exponential moving average of the trained weights (Yazıcı et al. 2019,
arXiv 1806.04498).
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from synvae_core.losses import Losses
from synvae_core.models.speech.discriminator import Discriminator
from synvae_core.models.speech.to_image import SpeechToImage
from synvae_core.schedules import cosine_decay
from synvae_workbench.training.adversarial_objective import AdversarialObjective, BalanceWatch
from synvae_workbench.training.checkpoints import History
from synvae_workbench.training.epochs import Epochs, RunOptions
from synvae_workbench.training.loop import make_fabric
from synvae_workbench.training.pictures import to_unit
from synvae_workbench.training.speech_image import vary
from synvae_workbench.training.updates import Batch, Update, batch_mean, descend, set_rate


@dataclass(frozen=True)
class AdversarialConfig:
    """Settings of adversarial optimisation: epochs, batches, learning rates, weight averaging."""

    epochs: int
    batch_size: int = 128  # of all processes together
    learning_rate: float = 2e-4  # of the generator
    discriminator_rate: float = 0.0  # 0: that of the generator
    last_rate: float = 1.0  # of both, at the end of a half cosine, as a share; 1: constant
    betas: tuple[float, float] = (0.5, 0.999)  # of Adam
    gradient_clip: float = math.inf  # norm
    average: float = 0.0  # decay per step of the moving average of weights; 0: none
    epoch_examples: int = 0  # examples of an epoch; 0 takes all
    seed: int = 0


def fit_adversaries(
    players: tuple[SpeechToImage, Discriminator],
    objective: AdversarialObjective,
    tensors: tuple[Tensor, Tensor],
    config: AdversarialConfig,
    options: RunOptions,
) -> History:
    """Trains generator and discriminator in turns on every batch; returns each epoch's means.

    These are the losses of both with their terms, the discriminator's mean probability of "real"
    for real and for generated pictures (`d_real`, `d_drawn`), its accuracy (`d_accuracy`), the
    norms of both gradients, and the pixel variance over the generated pictures of a batch as a
    share of that over the real ones (`spread`).

    Args:
        players: the generator, which receives the weights that are saved after every epoch (a copy
            of it is trained), and its discriminator.
        tensors: pictures in bytes and their labels.
        options: of the run. Without `best_by` the latest model counts as the best, as adversarial
            losses do not rank models; `validate_by` has no default.

    Raises:
        ValueError: if the folder is of another run, `after_epoch` gives no figure `best_by`, or
            `validation` comes without `validate_by`, or the objective is `mismatched` and the
            discriminator, which is not given the speech, cannot know.
        DivergedError: when a loss or its gradient is not finite, with the step and the batch.
    """
    if options.validation is not None and options.validate_by is None:
        raise ValueError("validation wants an objective of one model: give validate_by as well")
    if objective.mismatched and not players[1].config.conditional:
        raise ValueError("mismatched pairs want a discriminator that is conditional on the speech")
    update = AdversarialUpdate(players, objective, config, options.description)
    return Epochs(update, options, options.fabric or make_fabric()).run(tensors)


class AdversarialUpdate(Update):
    """One step of the discriminator and one of the generator on the same generated pictures."""

    def __init__(
        self,
        players: tuple[SpeechToImage, Discriminator],
        objective: AdversarialObjective,
        config: AdversarialConfig,
        description: str,
    ):
        self.model, self.discriminator = players
        self.generator = copy.deepcopy(self.model)
        self.objective, self.config = objective, config
        self.everything = nn.ModuleDict(
            {"kept": self.model, "generator": self.generator, "discriminator": self.discriminator}
        )
        self.generator_optimizer = _adam(self.generator, config)
        self.discriminator_optimizer = _adam(self.discriminator, config)
        self.watch = BalanceWatch(description)

    def place(self, fabric: Fabric) -> None:
        self.fabric, self.wrapped = fabric, self.model.to(fabric.device)
        self.draw, self.generator_optimizer = fabric.setup(self.generator, self.generator_optimizer)
        self.judge, self.discriminator_optimizer = fabric.setup(
            self.discriminator, self.discriminator_optimizer
        )

    def train(self, mode: bool) -> None:
        self.everything.train(mode)

    def __call__(self, batch: Batch) -> tuple[Losses, dict[str, float]]:
        self.set_rates(batch)
        pictures, objective = to_unit(batch.tensors[0]), self.objective
        spectrograms = to_unit(objective.speech.draw_recordings(batch.tensors[1], batch.draws))
        if objective.augment:
            spectrograms = vary(spectrograms, batch.draws)
        styled_as = pictures if objective.style else None
        drawn = self.draw(spectrograms, styled_as, generator=batch.draws)

        losses = objective.discriminator_losses(
            self.judge, pictures, drawn.reconstruction.detach(), drawn.posterior.mu.detach()
        )
        discriminator_norm = self.descend(
            self.discriminator_optimizer, losses["discriminator_loss"], batch, "discriminator"
        )
        self.discriminator.requires_grad_(False)  # fixed in the generator's step
        losses |= objective.generator_losses(self.discriminator, pictures, drawn, batch.step)
        generator_norm = self.descend(
            self.generator_optimizer, losses["generator_loss"], batch, "generator"
        )
        self.discriminator.requires_grad_(True)
        self.update_kept_model(batch.step)

        norms = {"discriminator_norm": discriminator_norm, "generator_norm": generator_norm}
        losses |= {name: norm.expand(len(batch.rows)) for name, norm in norms.items()}
        return losses, {name: losses[name].mean().item() for name in ("d_real", "d_drawn")}

    def set_rates(self, batch: Batch) -> None:
        """Sets the learning rates of a step."""
        config = self.config
        share = cosine_decay(batch.step, steps=batch.steps, floor=config.last_rate)
        set_rate(self.generator_optimizer, share * config.learning_rate)
        discriminator_rate = config.discriminator_rate or config.learning_rate
        set_rate(self.discriminator_optimizer, share * discriminator_rate)

    def descend(
        self, optimizer: torch.optim.Optimizer, losses: Tensor, batch: Batch, player: str
    ) -> Tensor:
        """Takes one optimiser step of a player; returns the norm of its gradient."""
        loss, clip = batch_mean(losses, batch, self.fabric), self.config.gradient_clip
        return descend(self.fabric, optimizer, loss, clip=clip, of=f" of the {player}")

    @torch.no_grad()
    def update_kept_model(self, step: int) -> None:
        """Updates the moving average of the weights; without averaging, copies the trained ones."""
        # The decay starts low, so that a short run is not an average of its initial weights.
        decay = min(self.config.average, (1 + step) / (10 + step))
        trained = self.generator.state_dict()
        for name, tensor in self.model.state_dict().items():
            if tensor.is_floating_point():
                tensor.lerp_(trained[name], 1 - decay)
            else:
                tensor.copy_(trained[name])

    def look(self, epoch: int, record: Mapping[str, float]) -> None:
        self.watch.look(epoch, record)

    def state_dict(self) -> dict[str, Any]:
        optimizers = {
            "generator": self.generator_optimizer.state_dict(),
            "discriminator": self.discriminator_optimizer.state_dict(),
        }
        return {"model": self.everything.state_dict(), "optimizer": optimizers}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.everything.load_state_dict(state["model"])
        self.generator_optimizer.load_state_dict(state["optimizer"]["generator"])
        self.discriminator_optimizer.load_state_dict(state["optimizer"]["discriminator"])


def _adam(player: nn.Module, config: AdversarialConfig) -> torch.optim.Adam:
    trained = [p for p in player.parameters() if p.requires_grad]
    return torch.optim.Adam(trained, config.learning_rate, betas=config.betas, fused=True)
