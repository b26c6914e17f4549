"""Interfaces of melody encoders and decoders, by which any two of them compose.

An encoder is a module that maps notes, as event ids (b, t) or as vectors (b, t, events), one-hot
or relaxed, to a posterior. A decoder is a `MelodyDecoder`, and says by its coding what its events
mean. A configuration is any dataclass that knows the length, the latent dimension and how to build
the two.
"""

import math
from abc import abstractmethod
from dataclasses import Field, dataclass, replace
from importlib import import_module
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from synvae_core.fields import build_from_fields
from synvae_core.models.melody.couplings import Coupling, straight_through
from synvae_core.music.coding import Coding
from synvae_core.types import Decoded, Posterior


@dataclass(frozen=True, kw_only=True, eq=False)
class Playing:
    """Options of free-running decoding; by default greedy, the likeliest event at every step.

    Args:
        temperature: divides the logits before sampling; 0 takes the likeliest event.
        generator: of the samples.
        truth: events that replace the chosen ones where `forced` is not 0; both or neither.
        keep_logits: False saves memory that would grow with the steps.

    Raises:
        ValueError: for a temperature below 0, or truth without `forced`.
    """

    temperature: float = 0.0
    generator: torch.Generator | None = None
    truth: Int[Tensor, "b t"] | None = None
    forced: Float[Tensor, "b t"] | None = None
    keep_logits: bool = True

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature is 0 or more, got {self.temperature}")
        if (self.truth is None) != (self.forced is None):
            raise ValueError("truth and forced go together: give both, or neither")

    def choose(
        self, logits: Float[Tensor, "b *t events"], at: int | slice = slice(None)
    ) -> Int[Tensor, " b *t"]:
        """Events of these steps: greedy or sampled, and true ones where they are forced."""
        if self.temperature == 0:
            return self.correct(logits.argmax(-1), at)
        probabilities = (logits / self.temperature).softmax(-1)
        drawn = torch.multinomial(probabilities.flatten(0, -2), 1, generator=self.generator)
        return self.correct(drawn.view(logits.shape[:-1]), at)

    def blur(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b z"]:
        """Latents with noise of a temperature T, (z + T noise) / sqrt(1 + T^2).

        Samples of N(0, I) remain samples of N(0, I).
        """
        if self.temperature == 0:
            return z
        noise = torch.randn(z.shape, generator=self.generator, device=z.device)
        return (z + self.temperature * noise) / math.sqrt(1 + self.temperature**2)

    def correct(self, events: Int[Tensor, " b *t"], at: int | slice) -> Int[Tensor, " b *t"]:
        """Replaces events of these steps by true ones where they are forced."""
        if self.truth is None or self.forced is None:
            return events
        return torch.where(self.forced[:, at] > 0, self.truth[:, at].long(), events)

    def select(self, steps: slice) -> "Playing":
        """Options for some of the steps."""
        if self.truth is None or self.forced is None:
            return self
        return replace(self, truth=self.truth[:, steps], forced=self.forced[:, steps])


GREEDY = Playing()


class Played(NamedTuple):
    """Output of free-running decoding: events, and the logits they were chosen from."""

    events: Int[Tensor, "b t"]
    logits: Float[Tensor, "b t events"] | None


class Likelihood(NamedTuple):
    """Log-likelihood of melodies under teacher forcing.

    `logits` are of each event given those before it and, of a model that plans, its plan;
    `plan_nats` is the negative log-likelihood of the plan.
    """

    logits: Float[Tensor, "b t events"]
    plan_nats: Float[Tensor, " b"] | None = None


@runtime_checkable
class MelodyConfig(Protocol):
    """A dataclass of sizes; add a model of your own by writing one. Steps are sixteenths."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def steps(self) -> int: ...

    @property
    def latent_dim(self) -> int: ...

    def build(self) -> tuple[nn.Module, "MelodyDecoder"]:
        """A fresh encoder and decoder."""


# Modules of the configurations that a stored model may name. Each is imported when it is named, so
# that a model reads the code of its own melody side and of no other.
_CONFIGURED_IN = {
    "LanguageMelodyConfig": "synvae_core.models.melody.language",
    "SkeletonMelodyConfig": "synvae_core.models.melody.skeleton_language",
    "MixerMelodyConfig": "synvae_core.models.melody.mixer",
    "LstmMelodyConfig": "synvae_core.models.melody.lstm",
    "HierarchicalMelodyConfig": "synvae_core.models.melody.hierarchical",
}


def melody_config_class(name: str) -> type:
    """Dataclass of that name.

    Raises:
        ValueError: if it is none of this package's.
    """
    if name not in _CONFIGURED_IN:
        raise ValueError(f"the class {name[:80]!r} is not one of {', '.join(_CONFIGURED_IN)}")
    return getattr(import_module(_CONFIGURED_IN[name]), name)


def melody_config(name: str, values: dict[str, Any]) -> MelodyConfig:
    """Builds a configuration from the name of its dataclass and its fields.

    Raises:
        ValueError: if there is no such dataclass here, or the fields do not fit it.
    """
    config_class = melody_config_class(name)
    try:
        return build_from_fields(config_class, values)
    except ValueError as error:
        raise ValueError(f"what is given does not fit {name}: {error}") from error


class MelodyDecoder(nn.Module):
    """z -> melody: the events of `steps` sixteenths, as `coding` has them."""

    steps: int
    coding: Coding

    @property
    def length(self) -> int:
        """Events of a melody."""
        return self.steps * self.coding.voices

    @abstractmethod
    def teacher_forced(
        self, z: Float[Tensor, "b z"], events: Int[Tensor, "b t"]
    ) -> Float[Tensor, "b t events"]:
        """Logits of each step given z and the events before that step; with gradients."""

    def likelihood(self, z: Float[Tensor, "b z"], events: Int[Tensor, "b t"]) -> Likelihood:
        """What `teacher_forced` gives, and what a model decides before the first event."""
        return Likelihood(self.teacher_forced(z, events))

    def likelihood_and_posterior(
        self, events: Int[Tensor, "b t"]
    ) -> tuple[Likelihood, Posterior] | None:
        """Both in one pass, of a decoder that knows the exact posterior of z; else None."""
        return None

    @abstractmethod
    def play(self, z: Float[Tensor, "b z"], playing: Playing = GREEDY) -> Played:
        """Free-running decoding: each step reads the event chosen before it; without gradients."""

    def forward(self, z: Float[Tensor, "b z"], couple: Coupling = straight_through) -> Decoded:
        """Greedy free-running decoding: the logits of each step, and their coupling to notes.

        The events fed back carry no gradient, as published. They are chosen first, without a
        graph, and the logits with gradients are then computed as under teacher forcing.
        """
        events, logits = self.play(z)
        if torch.is_grad_enabled():
            logits = self.teacher_forced(z, events)
        assert logits is not None  # they are kept by default
        return Decoded(logits, couple(logits, self.coding))

    def scheduled_inputs(
        self,
        z: Float[Tensor, "b z"],
        events: Int[Tensor, "b t"],
        probability: float,
        generator: torch.Generator | None = None,
    ) -> Int[Tensor, "b t"]:
        """Decoder inputs of scheduled sampling: its own samples with that probability, else truth.

        Bengio et al. 2015, arXiv 1506.03099. Teacher forcing on the result is the same
        computation as sampling within the training graph: samples have no gradient.
        """
        if probability <= 0:
            return events
        draw = torch.rand(events.shape, generator=generator, device=events.device)
        playing = Playing(
            temperature=1.0,
            generator=generator,
            truth=events,
            forced=(draw >= probability).float(),
            keep_logits=False,
        )
        return self.play(z.detach(), playing).events
