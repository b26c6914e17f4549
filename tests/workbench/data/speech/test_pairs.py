import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synvae_workbench.data.speech.pairs import pair_by_label


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.data())
def test_every_picture_gets_a_recording_of_its_digit(spoken, data):
    pictured = data.draw(st.lists(st.sampled_from(spoken), max_size=60))
    pictured, spoken = torch.tensor(pictured, dtype=torch.int64), torch.tensor(spoken)
    pairs = pair_by_label(pictured, spoken, torch.Generator().manual_seed(1))
    assert torch.equal(spoken[pairs], pictured)
    again = pair_by_label(pictured, spoken, torch.Generator().manual_seed(1))
    assert torch.equal(pairs, again)


def test_recordings_of_a_digit_are_equally_probable():
    spoken = torch.tensor([3, 1, 3, 3, 1, 7])
    pictured = torch.tensor([3] * 30_000 + [1] * 20_000 + [7] * 5)
    pairs = pair_by_label(pictured, spoken, torch.Generator().manual_seed(0))
    counts = torch.bincount(pairs, minlength=6)
    assert counts[5] == 5
    # Five standard deviations of 10,000 draws.
    assert (counts[:5] - 10_000).abs().max() < 5 * (30_000 * 2 / 9) ** 0.5
    other = pair_by_label(pictured, spoken, torch.Generator().manual_seed(1))
    assert not torch.equal(pairs, other)


def test_a_digit_without_recordings_is_named():
    labels = torch.tensor([1, 2, 5])
    with pytest.raises(ValueError, match=r"pictures show 2, 5, of which there is no recording"):
        pair_by_label(labels, torch.tensor([1, 3]), torch.Generator())
    with pytest.raises(ValueError, match="no recording"):
        pair_by_label(labels, labels[:0], torch.Generator())
    assert pair_by_label(labels[:0], labels, torch.Generator()).tolist() == []
