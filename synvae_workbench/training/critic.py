"""Training of the critic that tells melodies of pictures from tunes: see `models.critic`."""

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits
from torch import Tensor

from synvae_core.models.critic import BUCKETS, runs_of
from synvae_core.models.synvae import SynVae

MOST = 10_000  # melodies, and tunes: more teach it little
LOOSENESS = 3.0  # C of the logistic regression; by three folds a little better than 1


def train_critic(
    model: SynVae,
    melodies: Int[Tensor, "n t"],
    tunes: Integer[np.ndarray, "m t"],
    *,
    seed: int = 0,
) -> None:
    """Gives a SynVAE a critic, by logistic regression; both kinds count alike.

    Args:
        melodies: of training pictures, as they are played.
        tunes: that the melody model was trained on.
    """
    from sklearn.linear_model import LogisticRegression  # slow to import

    rng = np.random.default_rng(seed)
    ours, theirs = (
        part[np.sort(rng.permutation(len(part))[:MOST])]
        for part in (melodies.numpy(), np.asarray(tunes))
    )
    played = torch.from_numpy(np.concatenate([theirs, ours]).astype(np.int64))
    is_ours = np.repeat([0, 1], [len(theirs), len(ours)])
    regression = LogisticRegression(C=LOOSENESS, max_iter=500, class_weight="balanced")
    with threadpool_limits(1):  # the same figures on any number of threads
        regression.fit(presence(model.music.coding.canonical(played)), is_ours)
    critic = model.add_critic()
    critic.weights.copy_(torch.from_numpy(regression.coef_[0]))
    critic.bias.copy_(torch.as_tensor(regression.intercept_[0]))


def presence(events: Int[Tensor, "b t"]) -> Float[csr_array, "b buckets"]:
    """What the critic hears of each melody, a row: 1 / sqrt(runs) where it has a run, else 0."""
    found, present = (part.numpy() for part in runs_of(events, BUCKETS))
    rows, columns = present.nonzero()
    values = np.full(len(rows), found.shape[1] ** -0.5)
    return csr_array((values, (rows, found[rows, columns])), shape=(len(events), BUCKETS))
