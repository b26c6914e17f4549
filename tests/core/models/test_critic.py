"""The critic: what it hears of a melody, and what it says of it."""

import numpy as np
import torch

from synvae_core.models.critic import BASE, BUCKETS, FACTOR, LONGEST, SHIFT, Critic, runs_of


def melodies(count=7, steps=32):
    events = np.random.default_rng(0).integers(0, 90, (count, steps))
    events[:, 5:15] = 0  # a long note: the same runs again and again
    return torch.from_numpy(events)


def buckets_of(row):
    """The same by a loop, in plain integers."""
    found = set()
    for length in range(1, LONGEST + 1):
        for start in range(len(row) - length + 1):
            code = 0
            for event in row[start : start + length]:
                code = code * BASE + event + 1
            found.add((code * FACTOR >> SHIFT) % BUCKETS)
    return found


def test_it_hears_each_run_of_up_to_four_events_once():
    events = melodies()
    found, present = runs_of(events, BUCKETS)
    for row, buckets, there in zip(events.tolist(), found, present.bool(), strict=True):
        heard = buckets[there].tolist()
        assert len(heard) == len(set(heard)) and set(heard) == buckets_of(row)


def test_runs_fall_into_buckets_as_if_by_chance():
    pairs = torch.cartesian_prod(torch.arange(90), torch.arange(90))
    code = (pairs[:, 0] + 1) * BASE + pairs[:, 1] + 1
    used = len(((code * FACTOR >> SHIFT) % BUCKETS).unique())
    assert used > 0.95 * BUCKETS * (1 - np.exp(-len(pairs) / BUCKETS))


def test_its_logit_is_a_sum_over_the_runs_that_are_there():
    critic, events = Critic(), melodies()
    assert torch.equal(critic(events), torch.zeros(len(events)))
    critic.weights.copy_(torch.randn(BUCKETS, generator=torch.Generator().manual_seed(0)))
    critic.bias.fill_(0.5)
    scale = sum(32 - length for length in range(LONGEST)) ** -0.5
    for row, logit in zip(events.tolist(), critic(events), strict=True):
        wanted = 0.5 + scale * sum(critic.weights[i].item() for i in buckets_of(row))
        assert abs(logit.item() - wanted) < 1e-4


def test_melodies_of_one_event_have_a_logit_too():
    assert Critic()(torch.zeros(3, 1, dtype=torch.long)).shape == (3,)
