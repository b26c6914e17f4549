"""Playing melodies: the language that plans (`skeleton_2bar`) against `language_2bar`, and pieces.

Free-running decoding of 256 latents by turns in one run, on one thread; ratios are of medians.
Pieces of eight bars are compared by the sixteenth with two bars.
"""

import statistics
import time

import torch
from measuring import ratio

from synvae_core.models.melody.configurations import configuration
from synvae_core.models.melody.vae import MelodyVae

BATCH, ROUNDS = 256, 5


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    names = ("skeleton_2bar", "language_2bar", "skeleton_8bar")
    models = {name: MelodyVae(configuration(name).model).eval() for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(ROUNDS + 1):
        for name, model in models.items():
            z = torch.randn(BATCH, model.config.latent_dim)
            start = time.process_time()
            model.decoder.play(z)
            if round_:  # the first is a warm-up
                seconds[name].append(time.process_time() - start)
    planned, plain, piece = (statistics.median(seconds[name]) for name in names)
    ratio("playing, a skeleton before the notes", plain / planned, to="language_2bar")
    eight_bars = (
        planned * models["skeleton_8bar"].config.steps / models["skeleton_2bar"].config.steps
    )
    ratio("playing a sixteenth of eight bars", eight_bars / piece, to="skeleton_2bar")


if __name__ == "__main__":
    main()
