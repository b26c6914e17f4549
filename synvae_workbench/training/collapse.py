"""Detection of posterior collapse during training, early enough to stop the run.

A decoder that learns to ignore z leaves a posterior equal to the prior, while the loss still falls:
Bowman et al. 2016, "Generating Sentences from a Continuous Space", arXiv 1511.06349.
"""

import math
import warnings

from synvae_core.losses import Losses

EVERY = 10  # steps between two checks: each one waits for the device


class PosteriorCollapseWarning(UserWarning):
    """The posterior has collapsed: the latents carry next to no information on the input."""


class PosteriorWatch:
    """Warning, once, that the KL or the number of active units stays near zero.

    Reads the losses `kl_nats` and, where an objective reports them, `active_units`.

    Args:
        description: of the run.
        after: steps at the start of training in which a low value is no collapse.
        patience: low values in a row that count as a collapse.
        min_bits: KL per example below which a value is low.
        min_active: active units below which a value is low.
    """

    def __init__(
        self,
        description: str,
        *,
        after: int = 500,
        patience: int = 10,
        min_bits: float = 1.0,
        min_active: float = 1.0,
    ):
        self.description, self.after, self.patience = description, after, patience
        self.min_bits, self.min_active = min_bits, min_active
        self.low, self.warned = 0, False

    def look(self, step: int, epoch: int, losses: Losses) -> None:
        """Checks the losses of a step."""
        if self.warned or step < self.after or step % EVERY or "kl_nats" not in losses:
            return
        bits = losses["kl_nats"].mean().item() / math.log(2)
        active = losses["active_units"].mean().item() if "active_units" in losses else math.inf
        collapsed = bits < self.min_bits or active < self.min_active
        self.low = self.low + 1 if collapsed else 0
        if self.low < self.patience:
            return
        self.warned = True
        units = "" if active == math.inf else f" and {active:.0f} active units"
        warnings.warn(
            f"{self.description}: the posterior has collapsed at step {step} (epoch {epoch}): "
            f"{bits:.2f} bits of KL per example{units}; lower beta, give free bits or let beta "
            "rise more slowly",
            PosteriorCollapseWarning,
            stacklevel=3,
        )
