"""Nearest-neighbour precision against the published algorithm and scikit-learn: time and memory.

On one thread. The published algorithm computes all distances by scipy, sorts each item's
(neighbour, distance) pairs in Python, and counts the labels of the first; its other measures are
left out. More dimensions cost time in distances on both sides: latents have 64 here and 512 as
published. scikit-learn's brute force is exact as well, but does not count labels. Searches
alternate; ratios are of the fastest wall-clock times, which other load affects least, and
processor-time ratios are printed. Memory is the rise of the process' peak during the search.
"""

import numpy as np
import torch
from measuring import peak_mib, ratio, seconds
from scipy.spatial.distance import pdist, squareform
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from synvae_core.metrics.retrieval import neighbours, precision_at_ks

KS = (1, 5, 10)
LATENT_DIM, PUBLISHED_LATENT_DIM = 64, 512
ROUNDS = 3


def latents_and_labels(n: int, z: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random latents in ten overlapping clusters, with their labels."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(10, (n,), generator=generator)
    centres = 0.3 * torch.randn(10, z, generator=generator)
    return centres[labels] + torch.randn(n, z, generator=generator), labels


def sort_every_row(latents: np.ndarray, labels: np.ndarray) -> dict[int, float]:
    """Precision at k by the published algorithm: per label, then weighted by count."""
    distances = squareform(pdist(latents))
    counts = np.bincount(labels)
    hits = {k: np.zeros(len(counts)) for k in KS}
    for item, label in enumerate(labels):
        others = [(other, far) for other, far in enumerate(distances[item]) if other != item]
        ranked = np.array([other for other, _ in sorted(others, key=lambda pair: pair[1])])
        for k in KS:
            hits[k][label] += (labels[ranked[:k]] == label).mean()
    return {k: float((of / counts * counts).sum() / counts.sum()) for k, of in hits.items()}


def memory(n: int, z: int) -> None:
    latents, _ = latents_and_labels(n, z)
    neighbours(latents[:1000], k=max(KS))  # one-time allocations
    before = peak_mib()
    clock, _ = seconds(lambda: neighbours(latents, k=max(KS)))
    print(f"{n:,} x {z}: {peak_mib() - before:.0f} MiB of extra memory, in {clock:.0f} s")


def compare_with_scikit_learn(n: int, z: int) -> None:
    latents, _ = latents_and_labels(n, z)
    brute = NearestNeighbors(n_neighbors=max(KS), algorithm="brute")
    searches = {
        "ours": lambda: neighbours(latents, k=max(KS)),
        "theirs": lambda: brute.fit(latents.numpy()).kneighbors(),
    }
    times = {name: [] for name in searches}
    for _ in range(ROUNDS):
        for name, search in searches.items():
            times[name].append(seconds(search))
    ours, theirs = (np.min(times[name], axis=0) for name in searches)
    clock, processor = theirs / ours
    print(f"{n:,} x {z}: {ours[0]:.2f} s ({ours[1]:.2f} s of processor time)")
    print(f"by processor time: {processor:.2f} times as fast as scikit-learn's brute force")
    ratio(f"neighbours of {n:,} x {z}", clock, to="scikit-learn's brute force")


def compare_with_published(n: int, z: int) -> None:
    latents, labels = latents_and_labels(n, z)
    times, found, expected = [], {}, {}
    points, classes = latents.numpy(), labels.numpy()
    theirs = seconds(lambda: expected.update(sort_every_row(points, classes)))
    for _ in range(ROUNDS):
        times.append(seconds(lambda: found.update(precision_at_ks(latents, labels, ks=KS))))
    assert np.allclose(list(found.values()), list(expected.values())), (found, expected)
    clock, processor = np.array(theirs) / np.min(times, axis=0)
    print(f"by processor time: {processor:.0f} times as fast as every row sorted in Python")
    ratio(f"precision of {n:,} x {z}, the same", clock, to="every row sorted in Python")


def main() -> None:
    torch.set_num_threads(1)
    with threadpool_limits(1):
        memory(100_000, LATENT_DIM)  # first, as the peak never falls
        compare_with_scikit_learn(10_000, PUBLISHED_LATENT_DIM)
        for z in (LATENT_DIM, PUBLISHED_LATENT_DIM):
            compare_with_published(4_000, z)


if __name__ == "__main__":
    main()
