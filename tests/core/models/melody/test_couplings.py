"""What each coupling passes on, and where its gradient goes."""

import pytest
import torch
import torch.nn.functional as F

from synvae_core.models.melody.couplings import (
    COUPLINGS,
    coupling_named,
    one_hot,
    straight_through,
    straight_through_softmax,
)
from synvae_core.music.melody import ONE_VOICE


def test_straight_through_softmax_passes_the_notes_heard_with_the_gradient_of_the_softmax():
    logits = torch.randn(3, 8, 90, requires_grad=True)
    weight = torch.randn(3, 8, 90)
    notes = straight_through_softmax(logits, ONE_VOICE)
    torch.testing.assert_close(notes, straight_through(logits, ONE_VOICE))
    (gradient,) = torch.autograd.grad((notes * weight).sum(), logits)
    (reference,) = torch.autograd.grad((F.softmax(logits, -1) * weight).sum(), logits)
    torch.testing.assert_close(gradient, reference)


def test_a_note_off_in_silence_is_passed_on_as_a_hold():
    logits = one_hot(torch.tensor([[1, 1, 40, 1, 1]]), 90)
    assert straight_through(logits, ONE_VOICE).argmax(-1).tolist() == [[0, 0, 40, 1, 0]]


@pytest.mark.parametrize(
    "name", ["straight_through", "straight_through_softmax", "softmax", "gumbel"]
)
def test_notes_sum_to_one_at_every_step(name):
    notes = COUPLINGS[name](torch.randn(2, 5, 90), ONE_VOICE)
    torch.testing.assert_close(notes.sum(-1), torch.ones(2, 5))


def test_the_published_coupling_passes_the_logits_unchanged():
    logits = torch.randn(2, 5, 90)
    assert COUPLINGS["logits"](logits, ONE_VOICE) is logits


def test_an_unknown_coupling_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'argmax'.*straight_through.*softmax, gumbel, logits"):
        coupling_named("argmax")
