"""Hierarchical decoder of MusicVAE: a conductor decodes z to bars, a flat core each bar to events.

Roberts et al. 2018, "A Hierarchical Latent Vector Model for Learning Long-Term Structure in
Music", arXiv 1803.05428. The core reads the conductor's output for its bar instead of z, and its
state is reset at every bar. Its first input of a bar is an option, `bar_start`:

`carried`: the last event of the bar before, as Magenta trains and samples.
`fresh`: nothing, as SynVAE's own decoding has it; all bars can then be played at once.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from synvae_core.fields import Size, Steps
from synvae_core.models.melody.interfaces import GREEDY, MelodyDecoder, Played, Playing
from synvae_core.models.melody.lstm import (
    NO_EVENT,
    BidirectionalLstmEncoder,
    LstmDecoder,
    LstmStack,
    split_state,
)
from synvae_core.music.coding import coding_named

BAR_STARTS = ("carried", "fresh")


@dataclass(frozen=True)
class HierarchicalMelodyConfig:
    """Sizes of a MusicVAE with a conductor; by default those of hierdec-mel_16bar."""

    steps: Steps = 256  # sixteen bars of sixteenths
    latent_dim: Size = 512
    encoder_units: tuple[Size, ...] = (2048, 2048)  # per direction
    conductor_units: tuple[Size, ...] = (1024, 1024)
    decoder_units: tuple[Size, ...] = (1024, 1024)
    steps_per_bar: Steps = 16
    bar_start: str = "carried"
    coding: str = "one_voice"  # of `music.coding.CODINGS`

    def build(self) -> tuple[BidirectionalLstmEncoder, "HierarchicalLstmDecoder"]:
        coding = coding_named(self.coding)
        encoder = BidirectionalLstmEncoder(self.encoder_units, self.latent_dim, coding)
        return encoder, HierarchicalLstmDecoder(self)


class Conductor(nn.Module):
    """z -> one vector per bar; an LSTM stack whose inputs are zeros of width 1, as published."""

    def __init__(self, units: tuple[int, ...], latent_dim: int, bars: int):
        super().__init__()
        self.bars = bars
        widths = [1, *units[:-1]]
        self.layers = LstmStack(widths, units)
        self.initial_state = nn.Linear(latent_dim, 2 * sum(units))

    def forward(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b bars u"]:
        x = z.new_zeros(self.bars, len(z), 1)
        states = split_state(self.initial_state(z).tanh(), self.layers)
        for layer, state in zip(self.layers, states, strict=True):
            x = layer(layer.input_gates(x), state)
        return x.transpose(0, 1)


class HierarchicalLstmDecoder(MelodyDecoder):
    """z -> conductor -> bars -> events.

    Raises:
        ValueError: if `bar_start` is unknown or the steps are not whole bars.
    """

    def __init__(self, config: HierarchicalMelodyConfig):
        super().__init__()
        steps, per_bar = config.steps, config.steps_per_bar
        if config.bar_start not in BAR_STARTS:
            raise ValueError(f"bar_start {config.bar_start!r} is unknown; choose of {BAR_STARTS}")
        if steps < per_bar or steps % per_bar:
            raise ValueError(f"{steps} steps are not whole bars of {per_bar}")
        self.steps, self.bar_start = steps, config.bar_start
        self.coding = coding_named(config.coding)
        self.conductor = Conductor(config.conductor_units, config.latent_dim, steps // per_bar)
        plan_dim = config.conductor_units[-1]
        self.core = LstmDecoder(config.decoder_units, plan_dim, per_bar, self.coding)

    def teacher_forced(
        self, z: Float[Tensor, "b z"], events: Int[Tensor, "b t"]
    ) -> Float[Tensor, "b t events"]:
        plan = self.conductor(z)
        bars = events.unflatten(1, (plan.shape[1], self.core.length))
        before = torch.full_like(bars[:, :, 0], NO_EVENT)
        if self.bar_start == "carried":
            before[:, 1:] = bars[:, :-1, -1]
        # Every bar starts from a state of its own, so all of them are one large batch.
        logits = self.core.teacher_forced(
            plan.flatten(0, 1), bars.flatten(0, 1), before=before.flatten()
        )
        return logits.unflatten(0, bars.shape[:2]).flatten(1, 2)

    @torch.no_grad()
    def play(self, z: Float[Tensor, "b z"], playing: Playing = GREEDY) -> Played:
        played: list[Played] = []
        before = None
        for bar, plan in enumerate(self.conductor(z).unbind(1)):
            span = slice(bar * self.core.length, (bar + 1) * self.core.length)
            played.append(self.core.play(plan, playing.select(span), before=before))
            before = played[-1].events[:, -1] if self.bar_start == "carried" else None
        kept = [bar.logits for bar in played if bar.logits is not None]
        events = torch.cat([bar.events for bar in played], 1)
        return Played(events, torch.cat(kept, 1) if kept else None)
