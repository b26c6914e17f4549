"""Critic scores of all pairs of 200 latents: sum of two projections against concatenation.

Forward and backward pass, by turns in one run on one thread. At 512 dimensions, as published, and
at the 64 of the packaged melody VAE; gradients are compared first.
"""

import statistics
import time
from collections.abc import Callable

import torch
from measuring import ratio
from torch import Tensor, nn

from synvae_core.metrics.mutual_information import donsker_varadhan
from synvae_core.models.critics import Critic

BATCH = 200
ROUNDS = 9


def score_concatenated(critic: Critic, first: Tensor, second: Tensor) -> Tensor:
    """Reference scores: the critic's MLP on every concatenated pair."""
    sizes = len(first), len(second), -1
    pairs = torch.cat([first[:, None].expand(sizes), second[None].expand(sizes)], -1)
    return nn.Sequential(critic.projection, critic.head)(pairs).squeeze(-1)


def seconds(scores: Callable[..., Tensor], critic: Critic, latents: tuple[Tensor, Tensor]) -> float:
    """Time of one gradient of the bound, in seconds."""
    critic.zero_grad()
    start = time.perf_counter()
    donsker_varadhan(scores(critic, *latents)).backward()
    return time.perf_counter() - start


def main() -> None:
    torch.set_num_threads(1)
    for dim in (512, 64):
        torch.manual_seed(0)
        critic, latents = Critic(dim, dim), (torch.randn(BATCH, dim), torch.randn(BATCH, dim))
        ways = {"sum": Critic.__call__, "concatenation": score_concatenated}
        gradients = {}
        for name, way in ways.items():  # also warms up
            seconds(way, critic, latents)
            gradients[name] = [p.grad.clone() for p in critic.parameters()]
        torch.testing.assert_close(*gradients.values(), rtol=1e-3, atol=1e-5)
        times = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                times[name].append(seconds(way, critic, latents))
        medians = {name: statistics.median(values) for name, values in times.items()}
        ratio(
            f"critic of {BATCH} x {BATCH} pairs, {dim} dimensions each",
            medians["concatenation"] / medians["sum"],
            to="concatenating",
        )


if __name__ == "__main__":
    main()
