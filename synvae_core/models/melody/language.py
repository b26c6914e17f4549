"""Melody language model as an invertible quantile code: latents are quantiles of its events.

A causal transformer (Vaswani et al. 2017, "Attention Is All You Need", arXiv 1706.03762) gives the
probability of every event after those before it. With the events in a fixed order, rising in pitch,
the quantile Phi(z) of a latent number picks the next one, and its place within that event's
interval picks the one after. This is inverse transform sampling: z ~ N(0, I) gives samples of the
language model. Backwards, the notes determine the interval of each quantile, as in arithmetic
coding (Rissanen & Langdon 1979, IBM J. Res. Dev. 23): the exact posterior of z is N(0, I) truncated
to these intervals, and a melody is reconstructed exactly, unless it is so unlikely that float32
cannot resolve the interval. It is to events what an autoregressive flow is to numbers (Papamakarios
et al. 2017, arXiv 1705.07057).
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from synvae_core.fields import Count, Share, Size, Steps
from synvae_core.models.melody.couplings import Coupling, one_hot, straight_through
from synvae_core.models.melody.interfaces import (
    GREEDY,
    Likelihood,
    MelodyDecoder,
    Played,
    Playing,
)
from synvae_core.models.melody.quantiles import (
    IMPOSSIBLE,
    Interval,
    Picking,
    cumulative,
    cumulative_normal,
    interval_of,
    posterior_of,
)
from synvae_core.models.melody.transformer import Blocks, Cache
from synvae_core.music.coding import Coding, coding_named
from synvae_core.types import Decoded, Posterior

NONE = -1  # the event before the first one
NO_GRADIENT = "quantiles have no gradient to the notes: couple by straight_through"


@dataclass(frozen=True)
class LanguageMelodyConfig:
    """Sizes of the transformer, its latent code and the temperature of its distributions."""

    steps: Steps = 32  # two bars of sixteenths
    steps_per_latent: Steps = 2  # events that one latent number picks
    channels: Size = 128
    blocks: Count = 3
    heads: Count = 4
    hidden_channels: Size = 384
    dropout: Share = 0.2
    # Temperature of the events' distributions: at 1 those of the corpus; above, notes have a lower
    # likelihood and can hold more of a picture.
    surprise: float = 1.0
    coding: str = "one_voice"  # of `music.coding.CODINGS`

    def __post_init__(self) -> None:
        if self.length % self.steps_per_latent:
            raise ValueError(
                f"{self.length} steps do not fall into latents of {self.steps_per_latent} steps"
            )
        if self.surprise <= 0:
            raise ValueError(f"surprise is a temperature above 0, got {self.surprise}")

    @property
    def length(self) -> int:
        return self.steps * coding_named(self.coding).voices

    @property
    def latent_dim(self) -> int:
        return len(self.picks)

    @property
    def picks(self) -> tuple[int, ...]:
        """Number of events that each latent number picks."""
        return (self.steps_per_latent,) * (self.length // self.steps_per_latent)

    def build(self) -> tuple["QuantileEncoder", "QuantileDecoder"]:
        language = MelodyLanguage(self)
        return QuantileEncoder(language), QuantileDecoder(language)


class MelodyLanguage(nn.Module):
    """Causal transformer over events: logits of each event given those before it.

    A step reads the event before it and, so that a long note need not be looked for, what sounds.
    An event that makes no sense there, such as a note-off in silence, has probability 0.
    """

    senseless: Bool[Tensor, "states events"]

    def __init__(self, config: LanguageMelodyConfig):
        super().__init__()
        self.config = config
        self.coding = coding = coding_named(config.coding)
        self.event = nn.Embedding(coding.size + 1, config.channels)  # the first row is for `NONE`
        self.sounding = nn.Embedding(coding.states, config.channels)
        self.place = nn.Parameter(torch.zeros(config.length, config.channels))
        self.blocks = Blocks(config)
        self.norm = nn.LayerNorm(config.channels)
        self.output = nn.Linear(config.channels, coding.size)
        self.place_bias = nn.Parameter(torch.zeros(config.length, coding.size))
        self.register_buffer("senseless", torch.from_numpy(~coding.allowed), persistent=False)
        for weight in (self.event.weight, self.sounding.weight, self.place):
            nn.init.normal_(weight, std=0.1)

    def forward(self, events: Int[Tensor, "b t"]) -> Float[Tensor, "b t events"]:
        before = F.pad(events[:, :-1].long(), (1, 0), value=NONE)
        sounding = self.coding.before(events)
        x = self.event(before - NONE) + self.sounding(sounding) + self.place
        x = self.blocks(x)
        return self.sensible(self.output(self.norm(x)) + self.place_bias, sounding)

    def sensible(
        self, logits: Float[Tensor, "*b events"], sounding: Int[Tensor, "*b"]
    ) -> Float[Tensor, "*b events"]:
        """Logits with a mask on events that make no sense after what sounds."""
        return logits.masked_fill(self.senseless[sounding], IMPOSSIBLE)

    def hear(self, events: Int[Tensor, "b t"]) -> Posterior:
        """Posterior of events in canonical form, by the intervals of their quantiles."""
        return self.posterior_of(self(events), events)

    def posterior_of(
        self, logits: Float[Tensor, "b t events"], events: Int[Tensor, "b t"]
    ) -> Posterior:
        """Posterior of the latents that pick these events where they have these logits."""
        low, width = interval_of(cumulative(logits, self.config.surprise), events)
        return posterior_of(low, width, self.config.picks)

    def cache(self, batch: int) -> list[Cache]:
        """Empty cache for a batch of melodies."""
        return self.blocks.caches(batch, self.config.length)

    def step(
        self,
        step: int,
        before: Int[Tensor, " b"],
        sounding: Int[Tensor, " b"],
        cache: list[Cache],
    ) -> Float[Tensor, "b events"]:
        """Logits of one step, which is added to the cache."""
        x = self.event(before - NONE) + self.sounding(sounding) + self.place[step]
        x = self.blocks.step(x, cache, step)
        return self.sensible(self.output(self.norm(x)) + self.place_bias[step], sounding)


@runtime_checkable
class HearingLanguage(Protocol):
    """A language model that finds the quantiles of its events."""

    coding: Coding

    def hear(self, events: Int[Tensor, "b t"]) -> Posterior:
        """Posterior of events in canonical form."""


class QuantileEncoder(nn.Module):
    """Notes -> mean and variance of the exact posterior, a truncated normal distribution.

    It has no parameters: the language model is the decoder's.
    """

    def __init__(self, language: HearingLanguage):
        super().__init__()
        self._language = (language,)  # in a tuple, so that its weights are stored but once

    @torch.no_grad()
    def forward(
        self,
        notes: Float[Tensor, "b t events"] | Int[Tensor, "b t"],
        lengths: Int[Tensor, " b"] | None = None,
    ) -> Posterior:
        """Posterior of event ids, or of notes that are one-hot.

        Raises:
            ValueError: with lengths, or of relaxed notes, which would want a gradient.
        """
        if lengths is not None:
            raise ValueError("this encoder reads melodies of one length; pass no lengths")
        if notes.requires_grad:
            raise ValueError(NO_GRADIENT)
        language = self._language[0]
        events = notes.argmax(-1) if notes.is_floating_point() else notes.long()
        with torch.autocast(events.device.type, enabled=False):  # digit for digit as in decoding
            mu, logvar = language.hear(language.coding.canonical(events))
        return Posterior(mu.to(events.device), logvar.to(events.device))


class CodeDecoder(MelodyDecoder):
    """Decoder of a language that is used as an invertible code, without a gradient to the notes."""

    def __init__(self, language: HearingLanguage, steps: int):
        super().__init__()
        self.language = language
        self.steps, self.coding = steps, language.coding

    def forward(self, z: Float[Tensor, "b z"], couple: Coupling = straight_through) -> Decoded:
        """One-hot notes of free-running decoding, with their exact posterior and their surprise.

        Raises:
            ValueError: for any other coupling than `straight_through`.
        """
        if couple is not straight_through:
            raise ValueError(NO_GRADIENT)
        return self.decoded(z)

    @abstractmethod
    def decoded(self, z: Float[Tensor, "b z"]) -> Decoded:
        """Notes, posterior and surprise, as `forward` gives them."""


class QuantileDecoder(CodeDecoder):
    """z -> the events at the quantiles Phi(z)."""

    language: MelodyLanguage

    def __init__(self, language: MelodyLanguage):
        super().__init__(language, language.config.steps)

    def teacher_forced(
        self, z: Float[Tensor, "b z"], events: Int[Tensor, "b t"]
    ) -> Float[Tensor, "b t events"]:
        """Logits of the language model: z selects events, but does not change their likelihood."""
        return self.language(events)

    def likelihood_and_posterior(self, events: Int[Tensor, "b t"]) -> tuple[Likelihood, Posterior]:
        """Logits of the language model, and the posterior of z given these events."""
        logits = self.language(events)
        with torch.no_grad():
            posterior = self.language.posterior_of(logits, events.long())
        return Likelihood(logits), Posterior(*(part.to(events.device) for part in posterior))

    def decoded(self, z: Float[Tensor, "b z"]) -> Decoded:
        """One-hot notes, with the posterior and the surprise of the events."""
        played, intervals = self._picked(z.detach(), GREEDY)
        mu, logvar = posterior_of(*intervals, self.language.config.picks)
        posterior = Posterior(mu.to(z.device), logvar.to(z.device))
        assert played.logits is not None  # they are kept by default
        likely = played.logits.log_softmax(-1).gather(-1, played.events[..., None])
        notes = one_hot(played.events, self.coding.size)
        return Decoded(played.logits, notes, posterior, surprise=-likely.sum((1, 2)))

    def play(self, z: Float[Tensor, "b z"], playing: Playing = GREEDY) -> Played:
        """Free-running decoding; a temperature T adds noise, z -> (z + T noise) / sqrt(1 + T^2).

        Samples of N(0, I) remain samples of N(0, I).
        """
        return self._picked(playing.blur(z), playing)[0]

    @torch.no_grad()
    def _picked(self, z: Float[Tensor, "b z"], playing: Playing) -> tuple[Played, Interval]:
        """Events at the quantiles of z, and the intervals of what z picks."""
        config, language = self.language.config, self.language
        picking = Picking(cumulative_normal(z), config.picks, config.surprise)
        cache, kept, events = language.cache(len(z)), [], []
        token = torch.full((len(z),), NONE, device=z.device)
        sounding = [torch.zeros_like(token)] * self.coding.voices
        for t in range(self.length):
            voice = t % self.coding.voices
            with torch.autocast(z.device.type, enabled=False):  # the encoder must find the same
                logits = language.step(t, token, sounding[voice], cache)
            token = playing.correct(picking.next(logits), t)
            sounding[voice] = self.coding.after(sounding[voice], token)
            events.append(token)
            if playing.keep_logits:
                kept.append(logits)
        played = Played(torch.stack(events, 1), torch.stack(kept, 1) if kept else None)
        return played, picking.intervals()
