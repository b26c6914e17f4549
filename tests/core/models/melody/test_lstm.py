"""LSTM layers: their own backward pass, lengths, looked-up tokens, and bars without a past."""

import pytest
import torch
import torch.nn.functional as F
from melody_models import melody_model

from synvae_core.models.melody.couplings import COUPLINGS
from synvae_core.models.melody.hierarchical import HierarchicalLstmDecoder, HierarchicalMelodyConfig
from synvae_core.models.melody.lstm import (
    NO_EVENT,
    LstmDecoder,
    LstmLayer,
    log_softplus,
    reverse_sequence,
    token_gates,
)
from synvae_core.models.melody.recurrence import Recurrence


def inputs(steps=4, batch=3, units=2):
    generator = torch.Generator().manual_seed(0)
    shapes = [(steps, batch, 4 * units), (units, 4 * units), (batch, units), (batch, units)]
    return [torch.randn(s, generator=generator, dtype=torch.double) for s in shapes]


def reordered(x):
    """Gates i, c, f, o in torch's order i, f, c, o."""
    i, c, f, o = x.chunk(4, -1)
    return torch.cat([i, f, c, o], -1)


@pytest.mark.parametrize("with_state", [True, False])
def test_states_and_gradients_are_those_of_torch_s_lstm(with_state):
    torch.manual_seed(0)
    ours, theirs = LstmLayer(5, 3).double(), torch.nn.LSTM(5, 3).double()
    torch.nn.init.normal_(ours.bias)
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(reordered(ours.kernel[:5]).T)
        theirs.weight_hh_l0.copy_(reordered(ours.recurrent_kernel).T)
        theirs.bias_ih_l0.copy_(reordered(ours.full_bias))
        theirs.bias_hh_l0.zero_()
    leaves = [torch.randn(shape, dtype=torch.double) for shape in ((6, 2, 5), (2, 3), (2, 3))]
    weight = torch.randn(6, 2, 3, dtype=torch.double)
    gradients = []
    for layer in (ours, theirs):
        x, cell, hidden = (leaf.clone().requires_grad_() for leaf in leaves)
        if layer is ours:
            out = ours(ours.input_gates(x), (cell, hidden) if with_state else None)
        else:
            state = (hidden[None], cell[None]) if with_state else None
            out = theirs(x, state)[0]
        (out * weight).sum().backward()
        gradients.append([out, x.grad] + ([cell.grad, hidden.grad] if with_state else []))
    for mine, other in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, other)
    kernel = torch.cat([theirs.weight_ih_l0.grad, theirs.weight_hh_l0.grad], 1)
    torch.testing.assert_close(reordered(ours.kernel.grad).T, kernel)
    torch.testing.assert_close(reordered(ours.bias.grad), theirs.bias_ih_l0.grad)
    assert torch.equal(ours.forget_bias.view(4, 3)[:, 0], torch.tensor([0.0, 0, 1, 0]))


def test_without_gradients_the_same_states_come_out():
    gates, kernel, cell, hidden = inputs()
    kept = Recurrence.apply(gates.clone(), kernel.requires_grad_(), cell, hidden)
    with torch.no_grad():
        lean = Recurrence.apply(gates.clone(), kernel, cell, hidden)
    torch.testing.assert_close(kept, lean)


def test_a_frozen_layer_passes_the_gradient_on_and_keeps_none():
    layer = LstmLayer(5, 3).requires_grad_(False)
    x = torch.randn(4, 2, 5, requires_grad=True)
    layer(layer.input_gates(x)).sum().backward()
    assert x.grad.abs().sum() > 0
    assert layer.kernel.grad is None


def nodes(tensor):
    """Names of all steps in a tensor's graph."""
    found, rest = set(), [tensor.grad_fn]
    while rest:
        node = rest.pop()
        if node is not None and node not in found:
            found.add(node)
            rest += [below for below, _ in node.next_functions]
    return {type(node).__name__ for node in found}


@pytest.mark.parametrize("coupling", ["softmax", "logits"])
def test_a_frozen_decoder_s_replay_is_teacher_forcing_on_its_own_events(coupling):
    decoder = melody_model("flat").double().decoder.requires_grad_(False)
    for layer in decoder.layers:
        torch.nn.init.normal_(layer.bias)
    z = torch.randn(3, 8, dtype=torch.double)
    weight = torch.randn(3, decoder.steps, 90, dtype=torch.double)
    found = []
    for way in (decoder.forward, super(LstmDecoder, decoder).forward):
        leaf = z.clone().requires_grad_()
        decoded = way(leaf, COUPLINGS[coupling])
        (grad,) = torch.autograd.grad((decoded.notes * weight).sum(), leaf, retain_graph=True)
        found.append((*decoded, grad))
        assert ("ReplayBackward" in nodes(decoded.logits)) == (way == decoder.forward)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            decoded.notes.sum().backward()  # what was kept is used up
    assert len(found[0][0].argmax(-1).unique()) > 1
    for replayed, expected in zip(*found, strict=True):
        torch.testing.assert_close(replayed, expected, atol=1e-12, rtol=1e-9)


def test_a_decoder_that_is_trained_or_in_bfloat16_is_not_replayed():
    z = torch.randn(2, 8, requires_grad=True)
    decoder = melody_model("flat").decoder
    assert "ReplayBackward" not in nodes(decoder(z).logits)
    decoder.requires_grad_(False)
    assert "ReplayBackward" in nodes(decoder(z).logits)
    with torch.autocast("cpu", torch.bfloat16):
        logits = decoder(z).logits
    assert "ReplayBackward" not in nodes(logits)
    assert logits.dtype == torch.bfloat16


def test_bfloat16_where_autocast_asks_for_it():
    layer = LstmLayer(5, 3)
    x = torch.randn(4, 2, 5)
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(layer.input_gates(x))
        half.sum().backward()
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), layer(layer.input_gates(x)), atol=0.05, rtol=0.05)
    assert layer.kernel.grad.dtype == torch.float32


def test_tokens_looked_up_are_one_hot_vectors_multiplied():
    layer = LstmLayer(90, 3)
    torch.nn.init.normal_(layer.bias)
    events = torch.randint(0, 90, (2, 7))
    multiplied = layer.input_gates(F.one_hot(events, 90).float().transpose(0, 1))
    torch.testing.assert_close(token_gates(layer, events, 90, layer.full_bias), multiplied)
    relaxed = token_gates(layer, F.one_hot(events, 90).float(), 90, layer.full_bias)
    torch.testing.assert_close(relaxed, multiplied)
    nothing = token_gates(layer, torch.full((2, 1), NO_EVENT), 90)
    assert (nothing == 0).all()


def test_what_is_beyond_a_melody_s_length_changes_nothing():
    encoder = melody_model("flat").encoder  # two layers
    events = torch.randint(0, 90, (3, 32))
    lengths = torch.tensor([32, 9, 1])
    posterior = encoder(events, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = encoder(events[row : row + 1, :length])
        torch.testing.assert_close(posterior.mu[row : row + 1], alone.mu)
        torch.testing.assert_close(posterior.logvar[row : row + 1], alone.logvar)


def test_reversal_within_lengths():
    x = torch.arange(8).view(2, 4)
    assert reverse_sequence(x, None).tolist() == [[3, 2, 1, 0], [7, 6, 5, 4]]
    assert reverse_sequence(x, torch.tensor([2, 4])).tolist() == [[1, 0, 2, 3], [7, 6, 5, 4]]


def test_a_fresh_bar_knows_nothing_of_the_bar_before_and_a_carried_one_its_last_event():
    z = torch.randn(2, 8)
    events = torch.randint(0, 90, (2, 32))
    changed = events.clone()
    changed[:, 15] = (changed[:, 15] + 1) % 90
    for name, same in (("fresh", True), ("hierarchical", False)):
        decoder = melody_model(name).decoder
        logits = [decoder.teacher_forced(z, rows)[:, 16:] for rows in (events, changed)]
        assert torch.equal(*logits) == same


@pytest.mark.parametrize(
    ("change", "message"),
    [({"bar_start": "stale"}, "'stale' is unknown"), ({"steps": 40}, "40 steps are not whole")],
)
def test_impossible_bars_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        HierarchicalLstmDecoder(HierarchicalMelodyConfig(**change))


def test_log_softplus_where_softplus_underflows():
    x = torch.tensor([-2000.0, -40.0, -30.1, -29.9, 0.0, 50.0], dtype=torch.double)
    x.requires_grad_()
    expected = torch.tensor([-2000.0, -40.0, -30.1, -29.9, 0.0, 50.0], dtype=torch.double)
    expected[3:] = torch.log(torch.log1p(torch.exp(expected[3:])))
    torch.testing.assert_close(log_softplus(x), expected, atol=1e-12, rtol=1e-12)
    log_softplus(x).sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("lengths", [(0, 5), (-1, 5), (5, 33)])
@pytest.mark.parametrize("kind", ["flat", "hierarchical"])
def test_an_encoder_refuses_melodies_without_a_step_and_steps_without_a_melody(kind, lengths):
    encoder = melody_model(kind).encoder
    events = torch.zeros(2, 32, dtype=torch.int64)
    with pytest.raises(ValueError, match=f"lengths 1..32, got {lengths[0]}..{lengths[1]}"):
        encoder(events, torch.tensor(lengths))
    with pytest.raises(ValueError, match="melodies of 0 steps"):
        encoder(events[:, :0])
    assert encoder(events, torch.tensor([1, 32])).mu.isfinite().all()
