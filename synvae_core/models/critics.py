"""Critics of pairs of latents, for neural estimates of mutual information."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

# Outputs of the first layer computed at a time: they stay in the cache, and bound the memory.
BLOCK_ELEMENTS = 1 << 18


class Critic(nn.Module):
    """MLP on two concatenated latents, 128-64-1 as published, for all pairs of a batch.

    The first layer of a concatenation is a sum of one projection of each latent: latents are
    projected once, and added in pairs.

    Args:
        first_dim: dimensions of the first latent, second_dim: of the second.
        hidden: units of the two hidden layers.
    """

    def __init__(self, first_dim: int, second_dim: int, *, hidden: tuple[int, int] = (128, 64)):
        super().__init__()
        self.first_dim = first_dim
        self.projection = nn.Linear(first_dim + second_dim, hidden[0])
        self.head = nn.Sequential(
            nn.ReLU(), nn.Linear(hidden[0], hidden[1]), nn.ReLU(), nn.Linear(hidden[1], 1)
        )

    def forward(
        self, first: Float[Tensor, "n x"], second: Float[Tensor, "m y"]
    ) -> Float[Tensor, "n m"]:
        """Scores of all pairs of a first and a second latent."""
        of_first, of_second = self.projection.weight.tensor_split((self.first_dim,), dim=1)
        left = first @ of_first.T + self.projection.bias
        right = second @ of_second.T
        rows = max(1, BLOCK_ELEMENTS // max(1, right.numel()))
        scores = [self.head(part[:, None] + right).squeeze(-1) for part in left.split(rows)]
        return torch.cat(scores)
