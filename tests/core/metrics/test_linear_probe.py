"""Linear probe: known answers, and no peeking at the test labels."""

import pytest
import torch

from synvae_core.metrics.linear_probe import Labelled, linear_probe


def blobs(n, seed, *, apart=10.0):
    """Three classes along three directions, each feature of another scale."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 3
    features = torch.randn(n, 4, generator=generator)
    features[:, :3] += apart * torch.eye(3)[labels]
    return Labelled(features * torch.tensor([1.0, 100.0, 0.01, 1.0]), labels)


def test_classes_that_lie_apart_are_read_and_noise_is_guessed():
    train, validation, test = (blobs(90, seed) for seed in range(3))
    assert linear_probe(train, validation, test) == 1
    train, validation, test = (blobs(900, seed, apart=0) for seed in range(3))
    assert abs(linear_probe(train, validation, test) - 1 / 3) < 0.06


def test_the_labels_of_the_test_pictures_only_count():
    train, validation, test = (blobs(90, seed) for seed in range(3))
    wrong = Labelled(test.features, (test.labels + 1) % 3)
    assert linear_probe(train, validation, wrong) == 0


def test_a_feature_that_never_varies_changes_nothing():
    parts = [blobs(90, seed, apart=2.0) for seed in range(3)]
    more = [Labelled(torch.cat([f, torch.ones(len(f), 1)], 1), y) for f, y in parts]
    assert linear_probe(*more) == pytest.approx(linear_probe(*parts), abs=0.02)


def test_parts_that_do_not_fit_are_refused():
    good = blobs(9, 0)
    with pytest.raises(ValueError, match="features of 9 pictures and 8 labels"):
        linear_probe(good, good, Labelled(good.features, good.labels[:8]))
    with pytest.raises(ValueError, match="same features: got 3 and 4"):
        linear_probe(good, Labelled(good.features[:, :3], good.labels), good)
    with pytest.raises(ValueError, match="of two classes"):
        linear_probe(Labelled(good.features, good.labels * 0), good, good)
