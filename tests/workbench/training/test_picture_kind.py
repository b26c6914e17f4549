import numpy as np
import pytest

from synvae_workbench.data.pictures import kind
from synvae_workbench.training.picture_kind import Sample, crop, roughen, train_kind


def pictures(colour, seed, count=40):
    """Noisy pictures of about one colour."""
    noise = np.random.default_rng(seed).integers(0, 60, (count, 40, 50, 3))
    return list((np.array(colour) + noise).astype(np.uint8))


@pytest.fixture(scope="module")
def weights():
    samples = [Sample(pictures((20, 20, 160), 0), False), Sample(pictures((160, 20, 20), 1), True)]
    return train_kind(samples, seed=0), train_kind(samples, seed=0)


def test_two_kinds_are_told_apart(weights, monkeypatch):
    fitted = kind._Classifier(**weights[0], least=0.8)
    monkeypatch.setattr(kind, "_classifier", lambda: fitted)
    for colour, is_painting in (((20, 20, 160), False), ((160, 20, 20), True)):
        small = np.stack([kind.small_copy(each) for each in pictures(colour, 2, count=10)])
        assert ((kind.painting_share(small) > 0.5) == is_painting).all()


def test_the_same_seed_gives_the_same_weights(weights):
    first, second = weights
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_crop_is_a_square_of_the_picture():
    rng = np.random.default_rng(0)
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[:, 45:] = 255
    found = [crop(picture, 0.3, rng).mean() for _ in range(40)]
    assert min(found) == 0
    assert max(found) == 255
    assert crop(picture[:, :60], 1.0, rng).shape == (32, 32, 3)


def test_a_roughened_picture_is_about_the_same():
    rng = np.random.default_rng(0)
    picture = np.full((32, 32, 3), 120, np.uint8)
    assert all(np.abs(roughen(picture, rng).astype(int) - 120).max() < 8 for _ in range(20))
