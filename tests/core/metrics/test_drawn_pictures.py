"""Pictures of spoken digits: agreement, spread, nearest pictures and what is found with them."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from no_checks import no_checks
from scipy.spatial.distance import cdist

from synvae_core.metrics.drawn_pictures import (
    agreement,
    agreement_by,
    found_across,
    found_by_chance,
    matched_rows,
    nearest_pictures,
    spread_by_class,
)
from synvae_core.metrics.retrieval import precision_at_ks

SPOKEN = torch.tensor([0, 0, 1, 1, 2, 2])
READ = torch.tensor([0, 1, 1, 1, 0, 0])


def pictures(n: int, seed: int = 0, side: int = 4) -> torch.Tensor:
    return torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(seed))


def digits(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(10, (n,), generator=torch.Generator().manual_seed(seed))


def test_agreement_counts_what_was_read_right():
    assert agreement(SPOKEN, READ) == (3, 6)
    assert agreement_by(SPOKEN, READ, SPOKEN.tolist()) == {0: (1, 2), 1: (2, 2), 2: (0, 2)}
    by_speaker = agreement_by(SPOKEN, READ, ["theo", "anna"] * 3)
    assert list(by_speaker) == ["anna", "theo"]
    assert by_speaker == {"anna": (1, 3), "theo": (2, 3)}


@given(st.integers(1, 60), st.integers(0, 1000))
def test_groups_add_up_to_all(n, seed):
    spoken, read = digits(n, seed), digits(n, seed + 1)
    groups = agreement_by(spoken, read, digits(n, seed + 2).tolist()).values()
    whole = agreement(spoken, read)
    assert sum(each.right for each in groups) == whole.right
    assert sum(each.cases for each in groups) == whole.cases
    low, high = whole.interval()
    assert 0 <= low <= whole.value <= high <= 1


def test_spread_is_the_mean_over_all_pairs():
    images, labels = pictures(20), torch.arange(20) % 3
    found = spread_by_class(images, labels)
    assert list(found) == [0, 1, 2]
    for label, value in found.items():
        some = images[labels == label].double()
        expected = [(a - b).square().sum().sqrt().item() for a, b in combinations(some, 2)]
        assert value == pytest.approx(np.mean(expected))


def test_archetypes_have_no_spread_and_unlike_pictures_the_largest():
    assert spread_by_class(pictures(1).repeat(5, 1, 1, 1), torch.zeros(5).long()) == {0: 0}
    black_and_white = torch.stack([torch.zeros(1, 28, 28), torch.ones(1, 28, 28)])
    assert spread_by_class(black_and_white, torch.tensor([4, 4]))[4] == pytest.approx(28)


def test_nearest_pictures_are_those_of_all_distances():
    images, others = pictures(30), pictures(50, 1)
    found = nearest_pictures(images, others)
    distance = cdist(images.flatten(1).double(), others.flatten(1).double())
    assert found.rows.tolist() == distance.argmin(1).tolist()
    np.testing.assert_allclose(found.distance, distance.min(1))
    assert found.distinct == len(set(distance.argmin(1)))


def test_a_copy_is_found_at_no_distance():
    others = pictures(20)
    found = nearest_pictures(others[[7, 7, 3]], others)
    assert found.rows.tolist() == [7, 7, 3]
    assert found.distance.tolist() == [0, 0, 0]
    assert found.distinct == 2


def test_matched_rows_have_the_labels_and_none_stands_twice():
    labels, among = digits(40), torch.arange(200) % 10
    rows = matched_rows(labels, among, generator=torch.Generator().manual_seed(0))
    assert torch.equal(among[rows], labels)
    assert len(rows.unique()) == len(rows)
    again = matched_rows(labels, among, generator=torch.Generator().manual_seed(0))
    other = matched_rows(labels, among, generator=torch.Generator().manual_seed(1))
    assert torch.equal(rows, again)
    assert not torch.equal(rows, other)


def test_what_is_found_is_what_a_sort_finds():
    queries, items = pictures(30).flatten(1), pictures(40, 1).flatten(1)
    of_query, of_item = digits(30), digits(40, 1)
    found = found_across(queries, of_query, items, of_item, ks=[1, 3, 40])
    order = np.argsort(cdist(queries.double(), items.double()), axis=1, kind="stable")
    right = of_item.numpy()[order] == of_query.numpy()[:, None]
    for k in (1, 3, 40):
        assert found.precision[k] == pytest.approx(right[:, :k].mean())
        assert found.recall[k] == pytest.approx(right[:, :k].any(1).mean())
    assert found.recall[1] == found.precision[1]
    assert found.precision[40] == pytest.approx(found_by_chance(of_query, of_item, ks=[40])[0][40])


def test_pure_clusters_are_found_and_foreign_ones_are_not():
    labels = torch.arange(20) % 4
    spots = 10.0 * labels[:, None] + torch.linspace(0, 1, 20)[:, None]
    found = found_across(spots, labels, spots, labels, ks=[1, 5])
    assert found == ({1: 1, 5: 1}, {1: 1, 5: 1})
    found = found_across(spots, (labels + 1) % 4, spots, labels, ks=[1, 5])
    assert found == ({1: 0, 5: 0}, {1: 0, 5: 0})


def test_within_one_space_it_is_precision_but_for_the_query_itself():
    latents, labels = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)), digits(50)
    across = found_across(latents, labels, latents, labels, ks=[6]).precision[6]
    within = precision_at_ks(latents, labels, ks=[5])[5]
    assert 6 * across == pytest.approx(1 + 5 * within)


def test_chance_is_the_mean_of_random_spaces():
    of_query, of_item, ks = digits(200), digits(80, 1) // 2, [1, 4]
    chance = found_by_chance(of_query, of_item, ks=ks)
    rng, precision, recall = np.random.default_rng(0), [], []
    for _ in range(300):
        order = rng.permuted(np.tile(of_item.numpy(), (200, 1)), axis=1)
        right = order[:, :4] == of_query.numpy()[:, None]
        precision.append(right.mean())
        recall.append(right.any(1).mean())
    assert chance.precision[4] == pytest.approx(np.mean(precision), abs=0.005)
    assert chance.recall[4] == pytest.approx(np.mean(recall), abs=0.005)
    assert chance.recall[1] == pytest.approx(chance.precision[1])


NAN = torch.full((3, 1, 4, 4), torch.nan)
GENERATOR = torch.Generator()
ONES = torch.ones(3).long()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: agreement(SPOKEN[:0], READ[:0]), "for each of some spoken digits"),
        (lambda: agreement(SPOKEN, READ[:4]), r"got \(6,\) spoken and \(4,\) read"),
        (lambda: agreement_by(SPOKEN, READ, ["theo"]), "6 recordings, 1 groups"),
        (lambda: agreement_by(SPOKEN[:0], READ[:0], []), "for each of some spoken digits"),
        (lambda: spread_by_class(pictures(3), torch.arange(3) // 2), "class 1 has one picture"),
        (lambda: spread_by_class(pictures(3), torch.zeros(2).long()), "got 3 and 2 labels"),
        (lambda: spread_by_class(pictures(0), torch.zeros(0).long()), "none of them 0"),
        (lambda: spread_by_class(pictures(3)[:, 0], ONES), "have shape"),
        (lambda: spread_by_class(NAN, ONES), "finite numbers: got NaN"),
        (lambda: nearest_pictures(NAN, pictures(3)), "pixels of pictures are finite"),
        (lambda: nearest_pictures(pictures(3), NAN), "pixels of others are finite"),
        (lambda: nearest_pictures(pictures(3), pictures(0)), "others have shape"),
        (lambda: nearest_pictures(pictures(3), pictures(3, side=5)), "same size"),
        (lambda: matched_rows(ONES[:0], ONES, generator=GENERATOR), "got none"),
        (lambda: matched_rows(ONES, ONES[:2], generator=GENERATOR), "3 are wanted and 2 are"),
        (lambda: found_by_chance(ONES[:0], ONES, ks=[1]), "got 0 and 3"),
        (lambda: found_by_chance(ONES, ONES[:0], ks=[1]), "got 3 and 0"),
        (lambda: found_by_chance(ONES, ONES, ks=[4]), r"got \[4\] with 3 items"),
        (lambda: found_by_chance(ONES, ONES, ks=[]), r"got \[\]"),
    ],
)
def test_hostile_input_is_refused(call, message):
    with no_checks(), pytest.raises(ValueError, match=message):
        call()


def test_queries_and_items_that_do_not_fit_are_refused():
    flat = pictures(3).flatten(1)
    for arguments, message in (
        ((flat, ONES[:2], flat, ONES), "each query has one label: got 3 and 2"),
        ((flat, ONES, flat, ONES[:2]), "each item has one label: got 3 and 2"),
        ((flat, ONES, flat[:, :2], ONES), "same dimensions"),
        ((NAN.flatten(1), ONES, flat, ONES), "queries are finite"),
    ):
        with no_checks(), pytest.raises(ValueError, match=message):
            found_across(*arguments, ks=[1])
    for ks in ([0], [1, 4], []):
        with pytest.raises(ValueError, match="each k is 1 to items"):
            found_across(flat, ONES, flat, ONES, ks=ks)
