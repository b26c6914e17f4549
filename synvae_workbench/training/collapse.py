"""Early warnings: a posterior that collapses says so while the run can still be stopped.

A decoder that learns to do without z leaves a posterior equal to the prior (Bowman et al. 2016,
"Generating Sentences from a Continuous Space", arXiv 1511.06349): the loss still falls, and nothing
comes back.
"""

import math
import warnings

from synvae_core.losses import Losses

EVERY = 10  # steps between two looks: each one waits for the device


class PosteriorCollapseWarning(UserWarning):
    """The code says next to nothing about what was encoded."""


class PosteriorWatch:
    """Warns once, by step and epoch, when the KL or the active units stay near zero.

    Looks at what objectives report as `kl_nats` and, where they do, `active_units`.

    Args:
        description: of the run.
        after: steps before which a low value is the start and no collapse.
        patience: low looks in a row that make a collapse.
        min_bits: KL per example below which a code is empty.
        min_active: active units below which a code is empty.
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
        """Takes in the losses of a step."""
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
