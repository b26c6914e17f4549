"""LSTM layers in TensorFlow's layout, and the flat encoder and decoder of MusicVAE made of them.

Roberts et al. 2018, "A Hierarchical Latent Vector Model for Learning Long-Term Structure in
Music", arXiv 1803.05428. The layout is that of the published checkpoints: one kernel
(input + units, 4 * units) applied to [x, h], gates in the order input, candidate, forget, output,
and 1 added to the forget gate, so that published weights load as they are.

For speed, tokens are looked up in the kernel instead of multiplied with it, the latents, the same
at every step, are projected once, and the recurrence keeps its own graph (see `recurrence`): a
frozen decoder runs once, and its gradients are those of that run.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from synvae_core.fields import Size, Steps
from synvae_core.models.melody.couplings import Coupling, straight_through
from synvae_core.models.melody.interfaces import GREEDY, MelodyDecoder, Played, Playing
from synvae_core.models.melody.recurrence import (
    Recurrence,
    Replay,
    State,
    Trace,
    activate_,
    advance_trace,
    check_lengths,
    new_trace,
)
from synvae_core.music.coding import Coding, coding_named
from synvae_core.types import Decoded, Posterior

INITIAL_SIGMA_BIAS = -3.0  # a standard deviation of 0.05
NO_EVENT = -1  # what stands before the first step: all zeros instead of a one-hot vector


@dataclass(frozen=True)
class LstmMelodyConfig:
    """Sizes of a flat MusicVAE; by default those of cat-mel_2bar_small."""

    steps: Steps = 32  # two bars of sixteenths
    latent_dim: Size = 256
    encoder_units: tuple[Size, ...] = (512,)  # per direction
    decoder_units: tuple[Size, ...] = (256, 256)
    coding: str = "one_voice"  # of `music.coding.CODINGS`

    def build(self) -> tuple["BidirectionalLstmEncoder", "LstmDecoder"]:
        coding = coding_named(self.coding)
        encoder = BidirectionalLstmEncoder(self.encoder_units, self.latent_dim, coding)
        return encoder, LstmDecoder(self.decoder_units, self.latent_dim, self.steps, coding)


class LstmLayer(nn.Module):
    """One LSTM layer over (t, b, input_dim); gates i, c, f, o; forget bias 1 added at run time."""

    forget_bias: Float[Tensor, " gates"]

    def __init__(self, input_dim: int, units: int):
        super().__init__()
        self.input_dim, self.units = input_dim, units
        self.kernel = nn.Parameter(torch.empty(input_dim + units, 4 * units))
        self.bias = nn.Parameter(torch.zeros(4 * units))
        forget = torch.zeros(4 * units)
        forget[2 * units : 3 * units] = 1.0
        self.register_buffer("forget_bias", forget, persistent=False)
        nn.init.xavier_uniform_(self.kernel)

    @property
    def input_kernel(self) -> Float[Tensor, "i gates"]:
        return self.kernel[: self.input_dim]

    @property
    def recurrent_kernel(self) -> Float[Tensor, "u gates"]:
        return self.kernel[self.input_dim :]

    @property
    def full_bias(self) -> Float[Tensor, " gates"]:
        return self.bias + self.forget_bias

    def input_gates(self, x: Float[Tensor, "*b i"]) -> Float[Tensor, "*b gates"]:
        """Contribution of the inputs to the gates before activation, biases included."""
        return F.linear(x, self.input_kernel.T, self.full_bias)

    def forward(
        self, gates: Float[Tensor, "t b gates"], state: State | None = None
    ) -> Float[Tensor, "t b u"]:
        """Hidden states of all steps; zero state if None.

        Args:
            gates: contribution of the inputs; overwritten, so hand over a tensor of its own.
        """
        if torch.is_autocast_enabled(gates.device.type):
            gates = gates.to(torch.get_autocast_dtype(gates.device.type))
        kernel = self.recurrent_kernel.to(gates.dtype)
        cell, hidden = (None, None) if state is None else (x.to(gates.dtype) for x in state)
        return Recurrence.apply(gates, kernel, cell, hidden)

    def step(self, gates: Float[Tensor, "b gates"], state: State) -> State:
        """Next state, from the contribution of the inputs to the gates; without gradients."""
        gates = torch.addmm(gates, state[1], self.recurrent_kernel)
        i, g, f, o = activate_(gates)
        cell = f.mul(state[0]).addcmul_(i, g)
        return cell, cell.tanh().mul_(o)


class LstmStack(nn.ModuleList):
    """LSTM layers, one on top of the other, that read so many numbers and have so many units."""

    def __init__(self, inputs: Iterable[int], units: Iterable[int]):
        super().__init__(LstmLayer(*pair) for pair in zip(inputs, units, strict=True))

    def __iter__(self) -> Iterator[LstmLayer]:
        return cast(Iterator[LstmLayer], super().__iter__())

    @property
    def first(self) -> LstmLayer:
        """The layer at the bottom."""
        return next(iter(self))


def token_gates(
    layer: LstmLayer,
    notes: Float[Tensor, "b t events"] | Int[Tensor, "b t"],
    size: int,
    bias: Float[Tensor, " gates"] | None = None,
) -> Float[Tensor, "t b gates"]:
    """Contribution of notes to the gates of a layer, whose first rows are one per event.

    Events are looked up; `NO_EVENT` gives zeros. Relaxed notes are multiplied.

    Args:
        size: number of events.
        bias: added at every step.
    """
    table = layer.kernel[:size]
    if notes.is_floating_point():
        rows = notes.transpose(0, 1).to(table.dtype)
        if bias is None:
            return rows @ table
        # The product is large: a bias added to it afterwards would cost a copy.
        return torch.addmm(bias, rows.flatten(0, 1), table).unflatten(0, rows.shape[:2])
    table = F.pad(table, (0, 0, 1, 0))  # a row of zeros for NO_EVENT
    table = table if bias is None else table + bias  # cheaper than adding it to every step
    return F.embedding(notes.T - NO_EVENT, table)


def reverse_sequence(
    x: Shaped[Tensor, "b t *c"], lengths: Int[Tensor, " b"] | None
) -> Shaped[Tensor, "b t *c"]:
    """Reverses each sequence within its length; steps beyond stay."""
    if lengths is None:
        return x.flip(1)
    steps = torch.arange(x.shape[1], device=x.device)
    index = torch.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    return x[torch.arange(len(x), device=x.device)[:, None], index]


class BidirectionalLstmEncoder(nn.Module):
    """Notes -> posterior, from the final states of the last layer in both directions.

    The standard deviation is softplus of a dense layer, as published.
    """

    def __init__(self, units: tuple[int, ...], latent_dim: int, coding: Coding):
        super().__init__()
        self.size = coding.size
        widths = [self.size, *(2 * width for width in units[:-1])]
        self.forwards, self.backwards = LstmStack(widths, units), LstmStack(widths, units)
        self.mu = nn.Linear(2 * units[-1], latent_dim)
        self.sigma = nn.Linear(2 * units[-1], latent_dim)
        # A narrow posterior lets the decoder learn from z at once; the published sigma of 0.7 at
        # the start drowns the latents in noise for thousands of steps.
        nn.init.constant_(self.sigma.bias, INITIAL_SIGMA_BIAS)

    def forward(
        self,
        notes: Float[Tensor, "b t events"] | Int[Tensor, "b t"],
        lengths: Int[Tensor, " b"] | None = None,
    ) -> Posterior:
        """Posterior of event ids, or of notes that are one-hot or relaxed.

        Args:
            lengths: steps of each melody that count, 1..t; all of them if None.

        Raises:
            ValueError: if a melody has no step, or fewer than its length says.
        """
        check_lengths(notes.shape[1], lengths)
        x, reversed_x = notes, reverse_sequence(notes, lengths)
        for ahead, back in zip(self.forwards, self.backwards, strict=True):
            if x is notes:  # the first layer reads events, the others what the layer below made
                left = ahead(token_gates(ahead, x, self.size, ahead.full_bias))
                right = back(token_gates(back, reversed_x, self.size, back.full_bias))
            else:
                left = ahead(ahead.input_gates(x.transpose(0, 1)))
                right = back(back.input_gates(reversed_x.transpose(0, 1)))
            if ahead is not self.forwards[-1]:
                left_, right_ = left.transpose(0, 1), right.transpose(0, 1)
                x = torch.cat([left_, reverse_sequence(right_, lengths)], -1)
                reversed_x = torch.cat([reverse_sequence(left_, lengths), right_], -1)
        last = torch.cat([at_last_step(left, lengths), at_last_step(right, lengths)], -1)
        return Posterior(self.mu(last), 2 * log_softplus(self.sigma(last)))


def at_last_step(
    x: Float[Tensor, "t b c"], lengths: Int[Tensor, " b"] | None
) -> Float[Tensor, "b c"]:
    """Values at the last step of each sequence."""
    if lengths is None:
        return x[-1]
    return x[lengths - 1, torch.arange(x.shape[1], device=x.device)]


def log_softplus(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Log of softplus, log(log(1 + e^x)), also where softplus itself underflows."""
    floor = -30.0  # below, softplus(x) = e^x to the last digit of float64
    return torch.where(x < floor, x, F.softplus(x.clamp(min=floor)).log())


class LstmDecoder(MelodyDecoder):
    """z -> events, one after the other; each step reads the event before it and z."""

    def __init__(self, units: tuple[int, ...], latent_dim: int, steps: int, coding: Coding):
        super().__init__()
        self.steps, self.latent_dim, self.coding = steps, latent_dim, coding
        widths = [coding.size + latent_dim, *units[:-1]]
        self.layers = LstmStack(widths, units)
        self.initial_state = nn.Linear(latent_dim, 2 * sum(units))
        self.output = nn.Linear(units[-1], coding.size)

    def start(self, z: Float[Tensor, "b z"]) -> list[State]:
        """Initial state: cell and hidden state of each layer in turn."""
        return split_state(self.initial_state(z).tanh(), self.layers)

    def code_gates(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b gates"]:
        """Contribution of z to the first layer's gates at every step, with the bias."""
        first = self.layers.first
        return F.linear(z, first.kernel[self.coding.size : first.input_dim].T, first.full_bias)

    def forward(self, z: Float[Tensor, "b z"], couple: Coupling = straight_through) -> Decoded:
        """Greedy free-running decoding, as of every decoder; a frozen one is run only once."""
        frozen = not any(parameter.requires_grad for parameter in self.parameters())
        mixed = torch.is_autocast_enabled(z.device.type)  # its products are of another type
        if mixed or not (frozen and torch.is_grad_enabled()):
            return super().forward(z, couple)
        x = self.code_gates(z).expand(self.length, -1, -1)  # the first layer's share of the gates
        traces = self.traces(z)
        for layer, state, trace in zip(self.layers, self.start(z), traces, strict=True):
            input_kernel = None if layer is self.layers.first else layer.input_kernel
            x = Replay.apply(x, input_kernel, layer.recurrent_kernel, *state, trace)
        logits = self.output(x).transpose(0, 1)
        return Decoded(logits, couple(logits, self.coding))

    @torch.no_grad()
    def traces(self, z: Float[Tensor, "b z"]) -> list[Trace]:
        """Activations of each layer in greedy free-running decoding."""
        table, code = self.layers.first.kernel[: self.coding.size], self.code_gates(z)
        traces = [new_trace(self.length, *state) for state in self.start(z)]
        for t in range(self.length):
            gates = traces[0].gates[t].copy_(code)
            if t:  # nothing goes before the first event
                gates += F.embedding(self.output(traces[-1].hidden[t]).argmax(-1), table)
            for index, (layer, trace) in enumerate(zip(self.layers, traces, strict=True)):
                if index:
                    below = traces[index - 1].hidden[t + 1]
                    torch.addmm(layer.full_bias, below, layer.input_kernel, out=trace.gates[t])
                advance_trace(trace, t, layer.recurrent_kernel)
        return traces

    def teacher_forced(
        self,
        z: Float[Tensor, "b z"],
        events: Int[Tensor, "b t"],
        *,
        before: Int[Tensor, " b"] | None = None,
    ) -> Float[Tensor, "b t events"]:
        """Logits of each step given the events before it.

        Args:
            before: the event that went before the first step, or `NO_EVENT`; None for no event.
        """
        if before is None:
            before = torch.full_like(events[:, 0], NO_EVENT)
        inputs = torch.cat([before[:, None], events[:, :-1]], 1)
        x = token_gates(self.layers.first, inputs, self.coding.size) + self.code_gates(z)
        for layer, state in zip(self.layers, self.start(z), strict=True):
            x = layer(x if layer is self.layers.first else layer.input_gates(x), state)
        return self.output(x).transpose(0, 1)

    @torch.no_grad()
    def play(
        self,
        z: Float[Tensor, "b z"],
        playing: Playing = GREEDY,
        *,
        before: Int[Tensor, " b"] | None = None,
    ) -> Played:
        first = self.layers.first
        table = F.pad(first.kernel[: self.coding.size], (0, 0, 1, 0))
        code, states = self.code_gates(z), self.start(z)
        kept, events = [], []
        token = before
        for t in range(self.length):
            gates = code if token is None else code + F.embedding(token - NO_EVENT, table)
            for index, layer in enumerate(self.layers):
                share = gates if layer is first else layer.input_gates(states[index - 1][1])
                states[index] = layer.step(share, states[index])
            logits = self.output(states[-1][1])
            token = playing.choose(logits, t)
            events.append(token)
            if playing.keep_logits:
                kept.append(logits)
        return Played(torch.stack(events, 1), torch.stack(kept, 1) if kept else None)


def split_state(
    state: Float[Tensor, "b s"], layers: LstmStack
) -> list[tuple[Float[Tensor, "b u"], Float[Tensor, "b u"]]]:
    """Splits one vector into cell and hidden state of each layer in turn: c0, h0, c1, h1, ..."""
    parts = state.split([layer.units for layer in layers for _ in range(2)], dim=-1)
    return list(zip(parts[0::2], parts[1::2], strict=True))
