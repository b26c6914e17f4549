"""A VAE against a discriminator: two optimisers in one loop, what they play for in `training.game`.

The generator may be kept as the average of its recent weights (Yazıcı et al. 2019, arXiv
1806.04498). Epochs, resuming and several processes are as in `training.loop`.
"""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.loggers import TensorBoardLogger
from torch import Tensor, nn

from synvae_core.losses import Losses
from synvae_core.models.speech.discriminator import Discriminator
from synvae_core.models.speech.to_image import SpeechToImage
from synvae_core.schedules import cosine_decay
from synvae_workbench.progress import progress
from synvae_workbench.training.adversarial_objective import AdversarialObjective, BalanceWatch
from synvae_workbench.training.batches import batches
from synvae_workbench.training.checkpoints import History, identity, restore_state
from synvae_workbench.training.loop import Fitting, add, make_fabric
from synvae_workbench.training.pictures import to_unit
from synvae_workbench.training.speech_image import vary


@dataclass(frozen=True)
class AdversarialConfig:
    """How long and how fast to train."""

    epochs: int
    batch_size: int = 128  # of all processes together
    learning_rate: float = 2e-4  # of the generator
    discriminator_rate: float = 0.0  # 0: that of the generator
    last_rate: float = 1.0  # share of both at the end of a half cosine; 1 keeps them, as published
    betas: tuple[float, float] = (0.5, 0.999)  # of Adam
    gradient_clip: float = math.inf  # norm
    average: float = 0.0  # decay per step of the averaged weights that are kept; 0: no averaging
    epoch_examples: int = 0  # examples of an epoch; 0 takes all
    seed: int = 0


def fit_adversaries(
    model: SpeechToImage,
    discriminator: Discriminator,
    objective: AdversarialObjective,
    tensors: tuple[Tensor, Tensor],
    config: AdversarialConfig,
    *,
    description: str,
    fabric: Fabric | None = None,
    run: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    after_epoch: Callable[[int], dict[str, float]] | None = None,
    best_by: str = "",
) -> History:
    """Trains both in turns on every batch and returns the figures of each epoch.

    These are the mean losses of both with their terms, the mean probabilities of being real that
    the discriminator gives real and drawn pictures (`d_real`, `d_drawn`), the share of them that it
    tells apart (`d_accuracy`), the norms of both gradients, and the variance of the pictures drawn
    in a batch as a share of that of the real ones (`spread`).

    Args:
        model: has the weights that are kept after every epoch; what is trained is a copy of it.
        tensors: pictures in bytes and their labels.
        run, settings, after_epoch: as of `training.loop.fit`.
        best_by: the figure of `after_epoch` that is highest for the best model; without one the
            latest is the best, as the losses of a game say nothing of it.

    Raises:
        ValueError: if the folder is of another run, or `after_epoch` gives no figure `best_by`.
        DivergedError: when a loss or its gradient is not finite, with the step and the batch.
    """
    fabric = fabric or make_fabric()
    game = _Game(model, discriminator, objective, config, description, fabric, run, best_by)
    history = game.resume(settings or {})
    placed = game.placed(tensors)
    length = min(config.epoch_examples or len(placed[0]), len(placed[0]))
    game.epoch_steps = math.ceil(length / config.batch_size)
    total, done = game.epoch_steps * config.epochs, len(history) * game.epoch_steps
    watch = BalanceWatch(description)
    with progress(total=total, initial=done, description=description) as bar:
        for epoch in range(len(history), config.epochs):
            record = {"epoch": epoch + 1, **game.train(placed, length, epoch, bar)}
            watch.look(epoch + 1, record)
            record |= after_epoch(epoch + 1) if after_epoch is not None else {}
            history.append(record)
            game.keep(history)
    fabric.barrier()  # what the first process wrote is there for all
    model.eval()
    return history


class _Both:
    """The optimisers of both, stored as one."""

    def __init__(self, **optimizers: torch.optim.Optimizer):
        self.named = optimizers

    def state_dict(self) -> dict[str, Any]:
        return {name: optimizer.state_dict() for name, optimizer in self.named.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name, optimizer in self.named.items():
            optimizer.load_state_dict(state_dict[name])


class _Game(Fitting):
    """What the epochs of one call of `fit_adversaries` share."""

    def __init__(self, model, discriminator, objective, config, description, fabric, run, best_by):
        self.model, self.objective, self.config = model, objective, config
        self.description, self.fabric, self.run, self.best_by = description, fabric, run, best_by
        self.generator, self.discriminator = copy.deepcopy(model), discriminator
        players = {"generator": self.generator, "discriminator": discriminator}
        self.whole = nn.ModuleDict({"kept": model, **players})
        adam = {"lr": config.learning_rate, "betas": config.betas, "fused": True}
        self.optimizer = _Both(
            **{
                name: torch.optim.Adam([p for p in each.parameters() if p.requires_grad], **adam)
                for name, each in players.items()
            }
        )
        self.settings, self.logger, self.epoch_steps = {}, None, 0

    def resume(self, more: Mapping[str, Any]) -> History:
        """What an earlier process did of this run; sets both up on their device."""
        history: History = []
        if self.run is not None:
            self.run.mkdir(parents=True, exist_ok=True)
            more = {"best_by": self.best_by, **more}
            self.settings = identity(self.model, self.objective, self.config, more)
            history = restore_state(self.run, self.whole, self.optimizer, self.settings)
            self.logger = TensorBoardLogger(self.run, name="events", version="")
        self.model.to(self.fabric.device)
        named = self.optimizer.named
        self.draw, named["generator"] = self.fabric.setup(self.generator, named["generator"])
        self.judge, named["discriminator"] = self.fabric.setup(
            self.discriminator, named["discriminator"]
        )
        return history

    def train(
        self, tensors: tuple[Tensor, ...], length: int, epoch: int, bar: Any
    ) -> dict[str, float]:
        """Updates both once on every batch; the mean of each figure per example."""
        self.whole.train()
        order, draws = self.generators(tensors, self.config.seed * 100_003 + epoch)
        step, sums = epoch * self.epoch_steps, {}
        for rows in batches(len(tensors[0]), length, self.config.batch_size, order):
            self.set_rates(step)
            figures = self.update(tensors, rows, step, draws)
            add(sums, figures)
            shown = {name: figures[name].mean().item() for name in ("d_real", "d_drawn")}
            bar.update(1, epoch=f"{epoch + 1}/{self.config.epochs}", **shown)
            step += 1
        self.whole.eval()
        return self.means(sums, length)

    def set_rates(self, step: int) -> None:
        """The learning rates of a step."""
        config = self.config
        total = self.epoch_steps * config.epochs
        share = cosine_decay(step, steps=total, floor=config.last_rate)
        rates = {"discriminator": config.discriminator_rate or config.learning_rate}
        for name, optimizer in self.optimizer.named.items():
            for group in optimizer.param_groups:
                group["lr"] = share * rates.get(name, config.learning_rate)

    def update(
        self, tensors: tuple[Tensor, ...], rows: Tensor, step: int, draws: torch.Generator
    ) -> Losses:
        """One step of the discriminator and one of the generator on the same drawn pictures."""
        own = rows[self.fabric.global_rank :: self.fabric.world_size]
        batch = tuple(tensor[own].to(self.fabric.device) for tensor in tensors)
        pictures, objective = to_unit(batch[0]), self.objective
        spectrograms = to_unit(objective.speech.paired(batch[1], draws))
        if objective.augment:
            spectrograms = vary(spectrograms, draws)
        drawn = self.draw(spectrograms, pictures if objective.style else None, generator=draws)

        code = drawn.posterior.mu.detach()
        losses = objective.discriminator_losses(
            self.judge, pictures, drawn.reconstruction.detach(), code
        )
        discriminator_norm = self.take_step("discriminator", losses, batch, own, step, len(rows))

        self.discriminator.requires_grad_(False)  # it judges, and learns nothing from this
        losses |= objective.generator_losses(self.discriminator, pictures, drawn, step)
        generator_norm = self.take_step("generator", losses, batch, own, step, len(rows))
        self.discriminator.requires_grad_(True)
        self.keep_up(step)
        norms = {"discriminator_norm": discriminator_norm, "generator_norm": generator_norm}
        return losses | {name: norm.expand(len(own)) for name, norm in norms.items()}

    def take_step(
        self,
        name: str,
        losses: Losses,
        batch: tuple[Tensor, ...],
        own: Tensor,
        step: int,
        batch_size: int,
    ) -> Tensor:
        """Updates the generator or the discriminator and returns the norm of its gradient."""
        module, optimizer = getattr(self, name), self.optimizer.named[name]
        # Processes average their gradients: this is the mean over all rows once they have.
        loss = losses[f"{name}_loss"].sum() * self.fabric.world_size / batch_size
        optimizer.zero_grad()
        self.fabric.backward(loss)
        norm = nn.utils.clip_grad_norm_(module.parameters(), self.config.gradient_clip)
        if not torch.isfinite(loss + norm):
            raise self.diverged(batch, own, step, loss, norm, of=f" of the {name}")
        optimizer.step()
        return norm

    @torch.no_grad()
    def keep_up(self, step: int) -> None:
        """Moves the kept weights towards the trained ones; all the way, if nothing is averaged."""
        # Early weights are soon forgotten, so that a short run is no average of its start.
        decay = min(self.config.average, (1 + step) / (10 + step))
        trained = self.generator.state_dict()
        for name, tensor in self.model.state_dict().items():
            if tensor.is_floating_point():
                tensor.lerp_(trained[name], 1 - decay)
            else:
                tensor.copy_(trained[name])

    def is_best(self, history: History) -> bool:
        """Whether no epoch before the last one had as high a figure."""
        if not self.best_by:
            return True
        if self.best_by not in history[-1]:
            raise ValueError(
                f"the best model is chosen by {self.best_by!r}, which after_epoch does not return: "
                f"there is {', '.join(history[-1])}"
            )
        return max(history, key=lambda row: row[self.best_by]) is history[-1]
