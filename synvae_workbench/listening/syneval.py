"""Task sets as published for Syneval: archetypes of the three most distant classes.

Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music", arXiv 1909.01218: archetypes
of the three classes that lie farthest apart, the examples and the right answers drawn at random.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

from synvae_workbench.listening.tasks import Task, TaskSet, check_labels

CHOICES = ("closest", "minmax")


def syneval_set(
    latents: Float[np.ndarray, "n z"],
    labels: Int[np.ndarray, " n"],
    names: Sequence[str],
    *,
    name: str,
    examples: int = 4,
    tasks: int = 20,
    choose: str = "closest",
    seed: int = 0,
) -> TaskSet:
    """Makes a task set as published; ids are positions among the latents.

    Of the class trios whose members suffice, the one with the largest summed distance between
    class means. `examples` are drawn from the `examples + tasks` chosen members of each class;
    the others make the tasks, equally near members together, and the right one is drawn.

    Args:
        latents: published: those of the pictures.
        names: of the classes, by label.
        name: of the set.
        examples: of each class.
        choose: "closest" takes the members nearest to their class mean; "minmax" those whose
            distance to it exceeds their distances to the other two means least: the smallest
            maximum. (The name is published, its formula is not known; this one is ours.)

    Raises:
        ValueError: if fewer than three classes have `examples + tasks` members, if latents are not
            finite, or if a length, a label or `choose` is wrong.
    """
    _check_latents(latents, labels)
    check_labels(labels, names)
    if choose not in CHOICES:
        raise ValueError(f"choose is {' or '.join(CHOICES)}, not {choose!r}")
    if examples < 1 or tasks < 1:
        raise ValueError(f"expected at least 1 example and 1 task, got {examples} and {tasks}")
    rng = np.random.default_rng(seed)
    needed = examples + tasks
    trio = farthest_trio(latents, labels, least=needed)
    chosen = np.array(
        [_members_by_fit(latents, labels, trio, place, choose)[:needed] for place in range(3)]
    )
    shown = np.sort(rng.choice(needed, examples, replace=False))
    asked = np.delete(chosen, shown, axis=1).T
    return TaskSet(
        name,
        tuple(names[label] for label in trio),
        tuple(chosen[:, shown].flatten().tolist()),
        tuple(
            Task(truth, tuple(options))
            for truth, options in zip(
                rng.integers(3, size=tasks).tolist(), asked.tolist(), strict=True
            )
        ),
    )


def cluster_labels(
    latents: Float[np.ndarray, "n z"], *, clusters: int = 3, seed: int = 0
) -> Int[np.ndarray, " n"]:
    """Clusters by k-means, to ask about in place of labels, as published.

    Raises:
        ValueError: unless 2 <= clusters <= n and every latent is finite.
    """
    from sklearn.cluster import KMeans  # slow to import

    _check_latents(latents)
    if not 2 <= clusters <= len(latents):
        raise ValueError(f"clusters is 2 to {len(latents)} items, got {clusters}")
    found = KMeans(clusters, n_init=10, random_state=seed).fit_predict(latents)
    return found.astype(np.int64)


def merge_rare(
    latents: Float[np.ndarray, "n z"], labels: Int[np.ndarray, " n"], *, least: int
) -> Int[np.ndarray, " n"]:
    """Labels in which each class of fewer than `least` members joins the nearest larger one.

    Near is the distance of class means in the latents, before any merging; as published.

    Raises:
        ValueError: if no class has `least` members, or as `syneval_set`.
    """
    _check_latents(latents, labels)
    means = _class_means(latents, labels)
    counts = {label: int((labels == label).sum()) for label in means}
    large = [label for label, count in counts.items() if count >= least]
    if not large:
        raise ValueError(f"no class has {least} members: the largest has {max(counts.values())}")
    merged = labels.copy()
    for label, count in counts.items():
        if count < least:
            distances = [np.linalg.norm(means[label] - means[other]) for other in large]
            merged[labels == label] = large[int(np.argmin(distances))]
    return merged


def farthest_trio(
    latents: Float[np.ndarray, "n z"], labels: Int[np.ndarray, " n"], *, least: int
) -> tuple[int, ...]:
    """Labels of the three classes with the largest summed distance between their means.

    Args:
        least: members that each of them has.

    Raises:
        ValueError: if fewer than three classes have so many, or pictures have several labels.
    """
    if labels.ndim != 1:
        raise ValueError("the classes farthest apart are of pictures with one label: name three")
    means = _class_means(latents, labels)
    large = [label for label in means if (labels == label).sum() >= least]
    if len(large) < 3:
        raise ValueError(
            f"expected three classes of at least {least} members (examples + tasks), found "
            f"{len(large)}: ask for fewer, merge rare classes or take clusters"
        )
    points = np.array([means[label] for label in large])
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    trios = list(combinations(range(len(large)), 3))
    widths = [apart[i, j] + apart[j, k] + apart[i, k] for i, j, k in trios]
    return tuple(large[i] for i in trios[int(np.argmax(widths))])


def _members_by_fit(
    latents: np.ndarray, labels: np.ndarray, trio: tuple[int, ...], place: int, choose: str
) -> np.ndarray:
    """Members of the trio's class at `place`, the most fitting first, ties by the lower index."""
    members = np.flatnonzero(labels == trio[place])
    means = np.array([latents[labels == label].mean(0) for label in trio])
    distances = np.linalg.norm(latents[members, None] - means, axis=-1)
    score = distances[:, place]
    if choose == "minmax":
        score = (score[:, None] - np.delete(distances, place, axis=1)).max(1)
    return members[np.argsort(score, kind="stable")]


def _class_means(latents: np.ndarray, labels: np.ndarray) -> dict[int, np.ndarray]:
    return {int(label): latents[labels == label].mean(0) for label in np.unique(labels)}


def _check_latents(latents: np.ndarray, labels: np.ndarray | None = None) -> None:
    if not len(latents):
        raise ValueError("there are no latents: expected some")
    if not np.isfinite(latents).all():
        raise ValueError("latents are finite numbers: got NaN or infinity; did training diverge?")
    if labels is not None and len(labels) != len(latents):
        raise ValueError(f"each latent has one label: got {len(latents)} and {len(labels)}")
