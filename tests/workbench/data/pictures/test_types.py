import pytest
import torch
from scipy.stats import chisquare

from synvae_workbench.data.pictures.types import Split, Strips, random_crops


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_crops_are_the_windows_of_their_strips():
    pixels = torch.randint(0, 256, (40, 3, 4, 9), generator=seeded(), dtype=torch.uint8)
    lengths = torch.arange(40) % 6 + 4
    upright = torch.arange(40) % 3 == 0
    crops = random_crops(pixels, lengths, upright, seeded(1))
    for strip, length, turned, crop in zip(pixels, lengths, upright, crops, strict=True):
        windows = [strip[:, :, at : at + 4] for at in range(length - 3)]
        windows = [window.mT if turned else window for window in windows]
        assert any(torch.equal(crop, window) for window in windows)


def test_pictures_that_are_among_others_are_left_out():
    images = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1).expand(6, 1, 4, 4)
    strips = Strips(images, torch.full((6,), 4), torch.zeros(6, dtype=torch.bool))
    split = Split(images, torch.arange(6), list("abcdef"), strips)
    kept = split.without(images[[4, 1]])
    assert kept.ids == list("acdf")
    assert kept.labels.tolist() == kept.images[:, 0, 0, 0].tolist() == [0, 2, 3, 5]
    assert torch.equal(kept.strips.pixels, kept.images)
    assert split.without(images[:0]).ids == split.ids


def test_every_place_is_as_probable_as_every_other():
    pixels = torch.arange(7, dtype=torch.uint8).expand(4000, 1, 3, 7)
    lengths = torch.full((4000,), 6)
    crops = random_crops(pixels, lengths, torch.zeros(4000, dtype=torch.bool), seeded())
    places = crops[:, 0, 0, 0].bincount()
    assert len(places) == 4
    assert chisquare(places.numpy()).pvalue > 0.001


def test_crops_are_decided_by_the_seed():
    strips = torch.arange(12, dtype=torch.uint8).expand(9, 1, 2, 12)
    rest = torch.full((9,), 12), torch.ones(9, dtype=torch.bool)
    assert torch.equal(
        random_crops(strips, *rest, seeded(3)), random_crops(strips, *rest, seeded(3))
    )
    assert not torch.equal(
        random_crops(strips, *rest, seeded(3)), random_crops(strips, *rest, seeded(4))
    )


def test_squares_are_left_as_they_are_and_no_strips_give_no_crops():
    pixels = torch.randint(0, 256, (2, 1, 3, 3), generator=seeded(), dtype=torch.uint8)
    upright = torch.zeros(2, dtype=torch.bool)
    assert torch.equal(random_crops(pixels, torch.full((2,), 3), upright, seeded()), pixels)
    none = random_crops(pixels[:0], torch.zeros(0, dtype=torch.int64), upright[:0], seeded())
    assert none.shape == (0, 1, 3, 3)


@pytest.mark.parametrize("length", [2, 6])
def test_lengths_that_cannot_be_are_refused(length):
    pixels = torch.zeros(1, 1, 3, 5, dtype=torch.uint8)
    with pytest.raises(ValueError, match="3 to 5 pixels"):
        random_crops(pixels, torch.tensor([length]), torch.tensor([False]), seeded())
