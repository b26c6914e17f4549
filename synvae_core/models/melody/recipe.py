"""Training recipe of a melody model: weights and schedules of its loss, and the optimiser's."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Training options of a configuration; by default Magenta's common settings."""

    beta: float  # weight of the KL at its highest
    beta_rate: float = 0.0  # beta(t) = beta * (1 - beta_rate^t); 0 is constant
    beta_warmup: int = 0  # steps of a linear rise, on top
    free_bits: float = 0.0  # of a melody's KL, without penalty
    sampling_rate: float = 0.0  # k of inverse sigmoid scheduled sampling; 0 is teacher forcing
    transpose: int = 5  # semitones either way, at random
    batch_size: int = 512
    learning_rate: float = 1e-3
    decay_rate: float = 0.9999  # of the learning rate, per step; 0 for a half cosine over the run
    warmup_steps: int = 50  # of the learning rate; Magenta has none
    gradient_clip: float = 1.0  # norm
    weight_decay: float = 0.0
