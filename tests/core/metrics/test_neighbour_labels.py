"""Labels among neighbours, against a count item by item in plain Python."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from no_checks import no_checks

from synvae_core.metrics.neighbour_labels import (
    chance_precision,
    neighbour_precision,
    neighbour_precision_as_published,
)
from synvae_core.metrics.retrieval import precision_at_ks


def normal(n: int, z: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, z, generator=torch.Generator().manual_seed(seed))


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_labels(n: int, classes: int, seed: int = 0) -> torch.Tensor:
    """Several labels an item, or none; every label on three items or more."""
    labels = normal(n, classes, seed + 1) > 0.5
    labels[: 3 * classes] |= torch.eye(classes, dtype=torch.bool).repeat(3, 1)
    labels[-2:] = False
    return labels


def sets_of(labels: torch.Tensor) -> list[set[int]]:
    if labels.dtype == torch.bool:
        return [set(row.nonzero().flatten().tolist()) for row in labels]
    return [{int(label)} for label in labels]


def jaccard(a: set[int], b: set[int]) -> float:
    return len(a & b) / len(a | b) if a | b else 1.0


def counted(latents: torch.Tensor, labels: torch.Tensor, k: int):
    """Per class, weighted by count, and agreement: item by item, label by label."""
    points, sets = latents.double().numpy(), sets_of(labels)
    per_class, agreement = {}, []
    for i, carried in enumerate(sets):
        distance = [float(((points[i] - other) ** 2).sum()) for other in points]
        nearest = [j for j in sorted(range(len(points)), key=distance.__getitem__) if j != i][:k]
        agreement.append(sum(jaccard(carried, sets[j]) for j in nearest) / k)
        for label in carried:
            share = sum(label in sets[j] for j in nearest) / k
            per_class.setdefault(label, []).append(share)
    weighted = np.mean([share for shares in per_class.values() for share in shares])
    return [np.mean(per_class[c]) for c in sorted(per_class)], weighted, np.mean(agreement)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("labels", [torch.arange(60) % 4, some_labels(60, 5)], ids=["one", "many"])
def test_precision_agrees_with_a_count_item_by_item(labels, seed):
    latents = normal(60, 3, seed)
    for k, found in neighbour_precision(latents, labels, ks=(7, 1, 59)).items():
        per_class, weighted, agreement = counted(latents, labels, k)
        assert found.per_class.tolist() == pytest.approx(per_class)
        assert found.macro == pytest.approx(np.mean(per_class))
        assert found.weighted == pytest.approx(weighted)
        assert found.agreement == pytest.approx(agreement)


def test_one_label_an_item_is_precision_as_ever():
    latents, labels = normal(120, 4), torch.arange(120) % 7 % 3 * 10
    found = neighbour_precision(latents, labels, ks=(1, 5, 10))
    expected = precision_at_ks(latents, labels, ks=(1, 5, 10))
    assert {k: each.weighted for k, each in found.items()} == pytest.approx(expected)
    assert {k: each.agreement for k, each in found.items()} == pytest.approx(expected)
    assert found[1].classes.tolist() == [0, 10, 20]
    assert found[1].counts.tolist() == labels.div(10).long().bincount().tolist()
    columns = labels[:, None] == torch.tensor([0, 10, 20])
    for k, each in neighbour_precision(latents, columns, ks=(1, 5, 10)).items():
        assert torch.equal(each.per_class, found[k].per_class)


def test_clusters_of_a_class_are_perfect_and_lonely_labels_the_worst():
    labels = torch.arange(40) % 4
    latents = 100.0 * labels[:, None] + normal(40, 3)
    found = neighbour_precision(latents, labels, ks=(9,))[9]
    assert found.per_class.tolist() == [1.0] * 4
    alone = neighbour_precision(latents, torch.arange(40), ks=(3,))[3]
    assert (alone.weighted, alone.macro, alone.agreement) == (0, 0, 0)


def test_a_rare_class_counts_as_much_as_another_in_the_macro_mean():
    labels = torch.tensor([0] * 18 + [1] * 2)
    latents = torch.cat([normal(18, 2), torch.tensor([[50.0, 0.0], [-50.0, 0.0]])])
    found = neighbour_precision(latents, labels, ks=(1,))[1]
    assert found.per_class.tolist() == [1, 0]
    assert found.macro == 0.5
    assert found.weighted == pytest.approx(0.9)


def test_all_other_items_are_what_chance_gives():
    for labels in (torch.arange(50) % 7, some_labels(50, 4)):
        found = neighbour_precision(normal(50, 2), labels, ks=(49,))[49]
        chance = chance_precision(labels)
        assert found.per_class.tolist() == pytest.approx(chance.per_class.tolist())
        assert found.weighted == pytest.approx(chance.weighted)
        assert found.macro == pytest.approx(chance.macro)
        assert found.agreement == pytest.approx(chance.agreement)


@given(st.integers(2, 30), st.integers(1, 4), st.integers(0, 9))
def test_everything_lies_between_none_and_all(n, classes, seed):
    labels = some_labels(max(n, 3 * classes + 2), classes, seed)
    latents = normal(len(labels), 2, seed)
    for each in (neighbour_precision(latents, labels, ks=(1,))[1], chance_precision(labels)):
        values = [*each.per_class.tolist(), each.macro, each.weighted, each.agreement]
        assert all(-1e-12 <= value <= 1 + 1e-12 for value in values)


def test_published_precision_is_that_of_one_sample_of_each_posterior():
    mu, logvar, labels = 3 * normal(90, 5), normal(90, 5, 1), some_labels(90, 3)
    found = neighbour_precision_as_published(mu, logvar, labels, ks=(1, 5), generator=draw())
    samples = mu + (logvar / 2).exp() * torch.randn(90, 5, generator=draw())
    for k in (1, 5):
        assert found[k] == pytest.approx(counted(samples, labels, k)[1])
    again = neighbour_precision_as_published(mu, logvar, labels, ks=(1, 5), generator=draw())
    assert found == again
    other = neighbour_precision_as_published(mu, logvar, labels, ks=(1, 5), generator=draw(1))
    assert found != other


def test_published_precision_of_sure_posteriors_is_that_of_their_means():
    mu, labels = normal(80, 6), torch.arange(80) % 5
    logvar = torch.full_like(mu, -60.0)
    found = neighbour_precision_as_published(mu, logvar, labels, ks=(1, 10), generator=draw())
    assert found == pytest.approx(precision_at_ks(mu, labels, ks=(1, 10)))
    noisy = neighbour_precision_as_published(mu, logvar + 66, labels, ks=(1,), generator=draw())
    assert noisy[1] < 0.6


@pytest.mark.parametrize(
    ("latents", "labels", "ks", "message"),
    [
        (normal(5, 2), torch.arange(4), (1,), "5 items and labels of 4"),
        (normal(5, 2), torch.arange(5), (), "one k or more"),
        (normal(5, 2), torch.arange(5), (0, 1), "from 1"),
        (normal(5, 2), torch.arange(5), (5,), "k = 5 with 5 items"),
        (normal(1, 2), torch.arange(1), (1,), "k = 1 with 1 items"),
        (normal(5, 2) * float("nan"), torch.arange(5), (1,), "NaN"),
        (normal(5, 2), torch.zeros(5, 3, dtype=torch.bool), (1,), r"columns \[0, 1, 2\]"),
        (normal(5, 2), torch.zeros(5, 0, dtype=torch.bool), (1,), r"got \(5, 0\)"),
        (normal(5, 2), torch.eye(5), (1,), "class ids"),
        (normal(5, 2), torch.eye(5).long(), (1,), "class ids"),
        (normal(5, 2)[0], torch.arange(2), (1,), "shape"),
    ],
)
def test_hostile_input_is_refused(latents, labels, ks, message):
    with no_checks(), pytest.raises(ValueError, match=message):
        neighbour_precision(latents, labels, ks=ks)
    with no_checks(), pytest.raises(ValueError):
        logvar = torch.zeros_like(latents)
        neighbour_precision_as_published(latents, logvar, labels, ks=ks, generator=draw())


def test_hostile_posteriors_and_chances_are_refused():
    mu, labels = normal(5, 2), torch.arange(5)
    with no_checks(), pytest.raises(ValueError, match="log variance"):
        neighbour_precision_as_published(mu, mu[:4], labels, ks=(1,), generator=draw())
    with pytest.raises(ValueError, match="NaN"):
        neighbour_precision_as_published(mu, mu * torch.nan, labels, ks=(1,), generator=draw())
    with pytest.raises(ValueError, match="got 1, expected 2"):
        chance_precision(torch.zeros(1, dtype=torch.long))
    with pytest.raises(ValueError, match="got 0, expected 2"):
        chance_precision(torch.zeros(0, dtype=torch.long))
    with pytest.raises(ValueError, match=r"columns \[1\]"):
        chance_precision(torch.tensor([[True, False], [True, False]]))
