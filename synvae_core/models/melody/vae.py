"""Melody VAEs: any encoder and any decoder that share a latent space with prior N(0, I).

Roberts et al. 2018, "A Hierarchical Latent Vector Model for Learning Long-Term Structure in
Music", arXiv 1803.05428. What goes in as a melody is anything that `music.reading` reads: event
ids, a MIDI file, a NoteSequence, a PrettyMIDI object, or a list of them.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from synvae_core.models.melody.interfaces import Likelihood, MelodyConfig, Playing
from synvae_core.music.coding import Coding
from synvae_core.types import Posterior

Melodies = Any  # see `music.reading.read_melodies`
PATHS = ("linear", "spherical")
CHUNK = 512  # melodies worked on at once outside training; bounds the memory


class MelodyVae(nn.Module):
    """Melody VAE: the encoder and the decoder that a configuration builds.

    Attributes:
        missing: parameters that a partial checkpoint did not hold, by their published names.
    """

    def __init__(self, config: MelodyConfig):
        super().__init__()
        if config.steps < 1:
            raise ValueError(f"a melody has a step or more, got steps={config.steps}")
        self.config = config
        self.encoder, self.decoder = config.build()
        self.missing: tuple[str, ...] = ()

    def forward(
        self,
        events: Int[Tensor, "b t"],
        generator: torch.Generator | None = None,
        *,
        sampling: float = 0.0,
    ) -> tuple[Likelihood, Posterior]:
        """Teacher-forced likelihood through a sample of the posterior, as in training.

        Args:
            sampling: probability of scheduled sampling, that the decoder reads its own sample.
        """
        both = None if sampling > 0 else self.decoder.likelihood_and_posterior(events)
        if both is not None:
            return both
        posterior = self.encoder(events)
        z = posterior.sample(generator)
        inputs = self.decoder.scheduled_inputs(z, events, sampling, generator)
        return self.decoder.likelihood(z, inputs), posterior

    @torch.no_grad()
    def posterior(self, melodies: Melodies, **reading: Any) -> Posterior:
        """Posteriors of melodies.

        Args:
            reading: options of `music.reading.read_melodies`, such as `top_line=True`.

        Raises:
            ValueError: if the encoder is incomplete or the melodies cannot be read.
        """
        self._check_whole(
            "encoder",
            "train a new one against the frozen decoder (START_FROM and FREEZE_DECODER in "
            "notebook 11), or fit latents with models.inversion",
        )
        events = torch.from_numpy(self._events(melodies, **reading))
        parts = [self.encoder(part.to(self.device)) for part in events.split(CHUNK)]
        return Posterior(*(torch.cat(values) for values in zip(*parts, strict=True)))

    def encode(
        self,
        melodies: Melodies,
        *,
        sample: bool,
        generator: torch.Generator | None = None,
        **reading: Any,
    ) -> Float[Tensor, "n z"]:
        """Means of the posteriors of melodies or, with `sample`, one draw of each.

        Args:
            reading: options of `music.reading.read_melodies`, such as `top_line=True`.
        """
        posterior = self.posterior(melodies, **reading)
        return posterior.sample(generator) if sample else posterior.mu

    @torch.no_grad()
    def decode(
        self,
        z: Float[Tensor, "n z"],
        *,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Int[Tensor, "n t"]:
        """Melodies of latent points, in canonical form.

        Args:
            temperature: 0 plays the likeliest event of every step, 1 draws from the model.
            generator: of the draws; the same seed gives the same melodies.
        """
        self._check_whole("decoder", "get the checkpoint whole, or train the model")
        playing = Playing(temperature=temperature, generator=generator, keep_logits=False)
        parts = [self.decoder.play(part, playing).events for part in z.split(CHUNK)]
        return self.coding.canonical(torch.cat(parts))

    def reconstruct(
        self,
        melodies: Melodies,
        *,
        sample: bool,
        temperature: float = 0.0,
        generator: torch.Generator | None = None,
        **reading: Any,
    ) -> Int[Tensor, "n t"]:
        """Melodies encoded, to the mean or a sample, and decoded free-running."""
        z = self.encode(melodies, sample=sample, generator=generator, **reading)
        return self.decode(z, temperature=temperature, generator=generator)

    def sample(
        self, n: int, *, generator: torch.Generator, temperature: float = 0.0
    ) -> Int[Tensor, "n t"]:
        """Melodies decoded from `n` draws of the prior; the generator is one of the CPU.

        Raises:
            ValueError: if n is below 1.
        """
        if n < 1:
            raise ValueError(f"n counts melodies, 1 or more, got {n}")
        z = torch.randn(n, self.config.latent_dim, generator=generator).to(self.device)
        draws = generator if z.device.type == "cpu" else _on(z.device, generator)
        return self.decode(z, temperature=temperature, generator=draws)

    def interpolate(
        self, first: Melodies, second: Melodies, *, n: int, path: str = "linear", **reading: Any
    ) -> Int[Tensor, "n t"]:
        """`n` melodies on the way between the posterior means of two, both ends included.

        Args:
            path: "linear", the straight line, or "spherical", the great circle.
        """
        ends = [self.encode(melody, sample=False, **reading) for melody in (first, second)]
        for melody, end in zip(("first", "second"), ends, strict=True):
            if len(end) != 1:
                raise ValueError(f"interpolate takes one melody as {melody}, got {len(end)}")
        return self.decode(latent_path(ends[0][0], ends[1][0], n=n, path=path))

    def attribute_vector(
        self,
        melodies: Melodies,
        attribute: Callable[[np.ndarray], np.ndarray],
        *,
        share: float = 0.25,
        **reading: Any,
    ) -> Float[Tensor, " z"]:
        """Attribute vector: mean latent of melodies with most of it, less that of those with least.

        Args:
            attribute: events (n, t) to one number each; see `music.attributes`.
            share: of the melodies at either end.

        Raises:
            ValueError: if there is nothing between the two ends.
        """
        events = self._events(melodies, **reading)
        values = np.asarray(attribute(events))
        low, high = np.quantile(values, [share, 1 - share])
        if not low < high:
            raise ValueError(
                f"the attribute is {low:g} for the least and the most of {len(events)} melodies; "
                "give melodies that differ in it, or another share"
            )
        z = self.encode(events, sample=False)
        least, most = (torch.from_numpy(rows) for rows in (values <= low, values >= high))
        return z[most.to(z.device)].mean(0) - z[least.to(z.device)].mean(0)

    @property
    def coding(self) -> Coding:
        """Coding of the decoder's events."""
        return self.decoder.coding

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return next(self.parameters()).device

    def _events(self, melodies: Melodies, **reading: Any) -> Int[np.ndarray, "n t"]:
        # Here, so that who uses models alone needs none of the MIDI libraries.
        from synvae_core.music.reading import read_melodies

        return read_melodies(melodies, steps=self.config.steps, coding=self.coding, **reading)

    def _check_whole(self, part: str, advice: str) -> None:
        lacking = [name for name in self.missing if ("decoder" in name) == (part == "decoder")]
        if lacking:
            raise ValueError(
                f"the {part} is incomplete: its checkpoint lacks {', '.join(lacking)}; {advice}"
            )


def reconfigure(model: MelodyVae, **changes: Any) -> MelodyVae:
    """Copies a model with a changed configuration, such as `surprise=1.2`, and the same weights.

    Raises:
        ValueError: if the configuration has no such field, or the weights do not fit any more.
    """
    try:
        other = MelodyVae(replace(model.config, **changes))
        other.load_state_dict(model.state_dict())
    except (TypeError, RuntimeError) as error:
        raise ValueError(f"{type(model.config).__name__} with {changes}: {error}") from error
    other.missing = model.missing
    return other.train(model.training)


def latent_path(
    first: Float[Tensor, " z"], second: Float[Tensor, " z"], *, n: int, path: str = "linear"
) -> Float[Tensor, "n z"]:
    """`n` points from `first` to `second`, both included.

    Spherical: Shoemake 1985, "Animating Rotation with Quaternion Curves", with the norm going from
    one end's to the other's; a straight line where the two point the same way or oppositely.

    Raises:
        ValueError: if n is below 2 or the path is unknown.
    """
    if n < 2 or path not in PATHS:
        raise ValueError(f"a path has 2 points or more and is one of {PATHS}, got {n}, {path!r}")
    weight = torch.linspace(0, 1, n, dtype=first.dtype, device=first.device)[:, None]
    line = (1 - weight) * first + weight * second
    norms = first.norm(), second.norm()
    cosine = (first @ second / (norms[0] * norms[1])).nan_to_num(1.0)
    if path == "linear" or cosine.abs() > 1 - 1e-6:
        return line
    angle = cosine.arccos()
    arc = ((1 - weight) * angle).sin() * (first / norms[0]) + (weight * angle).sin() * (
        second / norms[1]
    )
    return arc / angle.sin() * ((1 - weight) * norms[0] + weight * norms[1])


def _on(device: torch.device, generator: torch.Generator) -> torch.Generator:
    """Generator of the device, seeded by a draw of one of the CPU."""
    seed = int(torch.randint(2**31, (1,), generator=generator))
    return torch.Generator(device).manual_seed(seed)
