"""MusicVAE training and decoding (cat-mel_2bar_small) against a loop over LSTM cells.

At batch 128, on one thread. The reference has the same layers and sizes, multiplies one-hot inputs,
and feeds z at every step, as a transcription of the published model would. Steps alternate in one
run; ratios are of medians. Memory is the growth of the process' peak over further steps.
"""

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from measuring import peak_mib, ratio
from torch import Tensor, nn

from synvae_core.losses import event_cross_entropy, normal_kl
from synvae_core.models.melody.configurations import configuration
from synvae_core.models.melody.interfaces import Playing
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.types import Posterior

BATCH, STEPS, EVENTS = 128, 32, 90
ROUNDS = 9


class CellLoop(nn.Module):
    """Reference MusicVAE: one LSTM cell call per layer and step."""

    def __init__(self, latent_dim: int = 256, encoder: int = 512, decoder: int = 256):
        super().__init__()
        self.forwards, self.backwards = (nn.LSTMCell(EVENTS, encoder) for _ in range(2))
        self.mu, self.sigma = (nn.Linear(2 * encoder, latent_dim) for _ in range(2))
        self.initial_state = nn.Linear(latent_dim, 4 * decoder)
        self.first = nn.LSTMCell(EVENTS + latent_dim, decoder)
        self.second = nn.LSTMCell(decoder, decoder)
        self.output = nn.Linear(decoder, EVENTS)

    def encode(self, notes: Tensor) -> Posterior:
        zeros = notes.new_zeros(len(notes), self.forwards.hidden_size)
        ahead = back = (zeros, zeros)
        for t in range(STEPS):
            ahead = self.forwards(notes[:, t], ahead)
            back = self.backwards(notes[:, STEPS - 1 - t], back)
        last = torch.cat([ahead[0], back[0]], -1)
        return Posterior(self.mu(last), 2 * F.softplus(self.sigma(last)).log())

    def decode(self, z: Tensor, notes: Tensor | None = None) -> Tensor:
        """Logits, teacher-forced if notes are given, else by free-running greedy decoding."""
        c0, h0, c1, h1 = self.initial_state(z).tanh().chunk(4, -1)
        first, second = (h0, c0), (h1, c1)
        previous, logits = z.new_zeros(len(z), EVENTS), []
        for t in range(STEPS):
            first = self.first(torch.cat([previous, z], -1), first)
            second = self.second(first[0], second)
            logits.append(self.output(second[0]))
            chosen = F.one_hot(logits[-1].argmax(-1), EVENTS).float() if notes is None else None
            previous = chosen if notes is None else notes[:, t]
        return torch.stack(logits, 1)

    def forward(self, events: Tensor) -> tuple[Tensor, Posterior]:
        notes = F.one_hot(events, EVENTS).float()
        posterior = self.encode(notes)
        return self.decode(posterior.sample(), notes), posterior


def training_step(model: nn.Module) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
    events = torch.randint(0, EVENTS, (BATCH, STEPS))

    def step() -> None:
        (logits, *_), posterior = model(events)
        loss = (event_cross_entropy(logits, events) + 0.2 * normal_kl(*posterior)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def times_as_fast(reference: Callable[[], None], ours: Callable[[], None]) -> float:
    """Speed-up over the reference, by median processor times."""
    seconds: dict[Callable, list[float]] = {reference: [], ours: []}
    for round_ in range(ROUNDS + 1):
        for work, taken in seconds.items():
            start = time.process_time()
            work()
            if round_:  # the first is a warm-up
                taken.append(time.process_time() - start)
    return statistics.median(seconds[reference]) / statistics.median(seconds[ours])


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    reference, ours = CellLoop(), MelodyVae(configuration("cat-mel_2bar_small").model)
    steps = training_step(reference), training_step(ours)
    cells = "a loop over LSTM cells"
    ratio("MusicVAE training step", times_as_fast(*steps), to=cells)
    z = torch.randn(BATCH, 256)

    def loop_decode() -> None:
        with torch.no_grad():
            reference.decode(z)

    def decode() -> None:
        ours.decoder.play(z, Playing(keep_logits=False))

    ratio("MusicVAE free-running decoding", times_as_fast(loop_decode, decode), to=cells)
    before = peak_mib()
    for _ in range(2 * ROUNDS):
        steps[1]()
        decode()
    print(f"MusicVAE memory: {peak_mib() - before:+.1f} MiB after {2 * ROUNDS} more steps")


if __name__ == "__main__":
    main()
