"""Photographs that come with packages, in parts."""

from collections import Counter

import torch

from synvae_workbench.data.pictures.example_photographs import CAPTIONS, photograph_parts


def test_parts_are_named_mixed_and_the_same_every_time():
    images, names = photograph_parts(16)
    assert images.shape == (len(names), 3, 16, 16)
    assert {name.lower() for name in CAPTIONS} == {*names}
    assert min(Counter(names).values()) >= 9
    assert len({*names[:10]}) > 3
    assert torch.equal(images, photograph_parts(16)[0])
    assert len({each.numpy().tobytes() for each in images}) == len(images)
