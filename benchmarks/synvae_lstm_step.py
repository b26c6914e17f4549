"""SynVAE training step through cat-mel_2bar_small against a plain transcription of the paper.

At batch 128, on one thread. The transcription decodes in a loop over LSTM cells on one-hot inputs
and encodes by nn.LSTM, all frozen, and passes raw logits on, as published. Steps alternate in one
run; ratios are of median processor times.
"""

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from measuring import ratio
from torch import Tensor, nn

from synvae_core.losses import normal_kl, squared_error
from synvae_core.models.melody.configurations import configuration
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import ImageDecoder, ImageEncoder, visual_config
from synvae_workbench.training.objectives import SynVaeObjective

BATCH, STEPS, EVENTS, LATENT = 128, 32, 90, 256
ROUNDS = 7


class Transcription(nn.Module):
    """SynVAE transcribed from its equations, without optimisation."""

    def __init__(self):
        super().__init__()
        self.image_encoder = ImageEncoder(visual_config(28, latent_dim=LATENT))
        self.image_decoder = ImageDecoder(visual_config(28, latent_dim=LATENT))
        self.initial_state = nn.Linear(LATENT, 1024)
        self.first, self.second = nn.LSTMCell(EVENTS + LATENT, 256), nn.LSTMCell(256, 256)
        self.output = nn.Linear(256, EVENTS)
        self.encoder = nn.LSTM(EVENTS, 512, bidirectional=True, batch_first=True)
        self.mu = nn.Linear(1024, LATENT)
        frozen = (self.initial_state, self.first, self.second, self.output, self.encoder, self.mu)
        for module in frozen:
            module.requires_grad_(False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, logvar = self.image_encoder(images)
        z = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
        c0, h0, c1, h1 = self.initial_state(z).tanh().chunk(4, -1)
        first, second = (h0, c0), (h1, c1)
        previous, logits = z.new_zeros(len(z), EVENTS), []
        for _ in range(STEPS):
            first = self.first(torch.cat([previous, z], -1), first)
            second = self.second(first[0], second)
            logits.append(self.output(second[0]))
            previous = F.one_hot(logits[-1].argmax(-1), EVENTS).float()
        _, (last, _) = self.encoder(torch.stack(logits, 1))
        heard = self.mu(torch.cat([last[0], last[1]], -1))
        return self.image_decoder(heard), mu, logvar


def transcription_step(images: Tensor) -> Callable[[], None]:
    torch.manual_seed(0)
    model = Transcription()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, 1e-3, fused=True)

    def step() -> None:
        pixels = images.float() / 255
        rebuilt, mu, logvar = model(pixels)
        loss = (squared_error(rebuilt, pixels) + normal_kl(mu, logvar)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def our_step(images: Tensor, coupling: str) -> Callable[[], None]:
    torch.manual_seed(0)
    music = MelodyVae(configuration("cat-mel_2bar_small").model)
    model = SynVae(SynVaeConfig(visual_config(28, latent_dim=LATENT), coupling), music)
    objective = SynVaeObjective(beta=1.0, commitment=0.0, augment=False)
    optimizer = torch.optim.AdamW(model.trainable(), 1e-3, fused=True)
    generator = torch.Generator().manual_seed(0)

    def step() -> None:
        loss = objective(model, (images,), 0, generator)["loss"].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def main() -> None:
    torch.set_num_threads(1)
    images = torch.randint(0, 256, (BATCH, 1, 28, 28), dtype=torch.uint8)
    steps = {"transcription": transcription_step(images)}
    steps |= {name: our_step(images, name) for name in ("logits", "straight_through")}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(ROUNDS + 1):
        for name, step in steps.items():
            start = time.process_time()
            step()
            if round_:  # the first is a warm-up
                seconds[name].append(time.process_time() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name in ("logits", "straight_through"):
        times = medians["transcription"] / medians[name]
        ratio(f"SynVAE step, LSTM music, {name}", times, to="a plain transcription")


if __name__ == "__main__":
    main()
