import pytest
import torch
from torch import nn

from synvae_core.models import critics
from synvae_core.models.critics import Critic


def concatenated_scores(critic, first, second):
    """The reference: every pair is concatenated and put through the MLP."""
    pairs = torch.cat(
        [
            first[:, None].expand(-1, len(second), -1),
            second[None].expand(len(first), -1, -1),
        ],
        dim=-1,
    )
    return nn.Sequential(critic.projection, critic.head)(pairs).squeeze(-1)


@pytest.mark.parametrize(("n", "m"), [(7, 7), (5, 3), (1, 1), (0, 4)])
@pytest.mark.parametrize("block", [1, 1 << 18])
def test_scores_and_gradients_are_those_of_concatenation(n, m, block, monkeypatch):
    monkeypatch.setattr(critics, "BLOCK_ELEMENTS", block)
    torch.manual_seed(0)
    critic = Critic(6, 4).double()
    first = torch.randn(n, 6, dtype=torch.double, requires_grad=True)
    second = torch.randn(m, 4, dtype=torch.double, requires_grad=True)
    weights = torch.randn(n, m, dtype=torch.double)
    of = [first, second, *critic.parameters()]
    found, expected = critic(first, second), concatenated_scores(critic, first, second)
    torch.testing.assert_close(found, expected)
    gradients = (torch.autograd.grad((weights * each).sum(), of) for each in (found, expected))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_it_has_the_published_layers():
    sizes = [tuple(parameter.shape) for parameter in Critic(512, 512).parameters()]
    assert sizes == [(128, 1024), (128,), (64, 128), (64,), (1, 64), (1,)]


def test_pairs_are_worked_on_a_block_at_a_time():
    rows = []
    critic = Critic(32, 32)
    critic.head.register_forward_pre_hook(lambda module, inputs: rows.append(inputs[0].shape))
    critic(torch.randn(200, 32), torch.randn(200, 32))
    assert sum(shape[0] for shape in rows) == 200
    assert max(shape.numel() for shape in rows) <= critics.BLOCK_ELEMENTS
    assert {shape[2] for shape in rows} == {128}
