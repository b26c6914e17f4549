"""What a code recalls: the mean of the codes that are nearest by angle."""

import torch

from synvae_core.models.speech.recall import (
    MOVES,
    NEAREST,
    STRETCH,
    recall,
)
from synvae_core.models.visual import moved_pictures


def test_a_code_recalls_those_of_its_own_direction_however_long_it_is():
    group = torch.eye(5).repeat_interleave(NEAREST, 0) * torch.rand(5 * NEAREST, 1).add(0.5)
    expected = STRETCH * group.norm(dim=1).mean() * torch.eye(5)
    for length in (0.1, 1.0, 9.0):
        found = recall(length * (torch.eye(5) + 0.1), group)
        torch.testing.assert_close(found, expected)


def test_of_few_codes_all_are_recalled():
    few = torch.randn(3, 4)
    length = few.norm(dim=1, keepdim=True)
    expected = STRETCH * length.mean() * (few / length).mean(0)
    torch.testing.assert_close(recall(torch.randn(2, 4), few), expected.expand(2, 4))


def test_a_spectrogram_is_moved_by_whole_pixels():
    spectrograms = torch.rand(2, 1, 10, 10)
    moved = moved_pictures(spectrograms, MOVES)
    assert torch.equal(moved[:, MOVES.index((0, 0))], spectrograms)
    for (down, right), part in zip(MOVES, moved.unbind(1), strict=True):
        whole = torch.roll(spectrograms, (down, right), (2, 3))
        assert torch.equal(part[..., 2:-2, 2:-2], whole[..., 2:-2, 2:-2])
