import math

import pytest
import torch

from synvae_core.metrics.mutual_information import (
    BOUNDS,
    correlated_gaussians,
    estimate,
    nwj_as_published,
)
from synvae_workbench.training.mutual_information import (
    TRAINED_BY,
    CriticConfig,
    CriticObjective,
    estimate_as_published,
    train_critic,
)


def pairs(nats, seed, n=1500, dim=2):
    return correlated_gaussians(
        n, dim=dim, nats=nats, generator=torch.Generator().manual_seed(seed)
    )


@pytest.mark.slow
@pytest.mark.parametrize("bound", BOUNDS)
def test_a_trained_critic_finds_the_known_information_of_held_out_pairs(bound):
    critic, history = train_critic(
        pairs(1.0, 0),
        bound,
        CriticConfig(epochs=8, batch_size=50, learning_rate=3e-3),
        validation=pairs(1.0, 1, n=150),
    )
    with torch.no_grad():
        found = estimate(BOUNDS[bound], critic(*pairs(1.0, 2, n=700)))
    assert 0.75 < found.nats < 1.15
    assert found.low < 1.0 < found.high + 0.1
    assert len(history) == 8


@pytest.mark.slow
def test_the_published_protocol_finds_information_where_there_is_none():
    """Trained and reported on the same pairs; on held-out ones nothing is left of it."""
    few = pairs(0.0, 0, n=60, dim=20)
    critic, history = train_critic(few, "nwj_as_published", CriticConfig(epochs=100))
    assert 1.0 < history[-1]["nats"] < math.log(60)
    assert estimate_as_published(few, CriticConfig()) == history[-1]["nats"]
    with torch.no_grad():
        held_out = estimate(BOUNDS["nwj"], critic(*pairs(0.0, 1, n=500, dim=20)))
    assert held_out.nats < 0.1


@pytest.mark.slow
def test_the_critic_of_the_best_epoch_is_kept():
    fresh = pairs(0.3, 1, n=200, dim=10)
    critic, history = train_critic(
        pairs(0.3, 0, n=60, dim=10),
        "nwj",
        CriticConfig(epochs=40, learning_rate=3e-3),
        validation=fresh,
    )
    course = [epoch["validation_nats"] for epoch in history]
    with torch.no_grad():
        assert BOUNDS["nwj"](critic(*fresh)).item() == pytest.approx(max(course), rel=1e-4)
    assert course[-1] < max(course) - 0.05


def test_batches_are_full_though_the_last_would_have_one_pair(monkeypatch):
    sizes = []
    bound = TRAINED_BY["info_nce"]
    monkeypatch.setitem(TRAINED_BY, "info_nce", lambda s: (sizes.append(len(s)), bound(s))[1])
    train_critic(pairs(1.0, 0, n=41), "info_nce", CriticConfig(epochs=2, batch_size=20))
    assert sizes == [20] * 4


def test_one_seed_gives_one_critic():
    few = pairs(1.0, 0, n=20)
    critics = [train_critic(few, "nwj", CriticConfig(1, seed=seed))[0] for seed in (0, 0, 1)]
    scores = [critic(*few) for critic in critics]
    assert torch.equal(scores[0], scores[1])
    assert not torch.equal(scores[0], scores[2])


def test_the_objective_is_the_bound_to_be_raised():
    model = torch.nn.Module()
    model.forward = lambda first, second: first @ second.T
    batch = pairs(1.0, 0, n=9)
    losses = CriticObjective("nwj_as_published")(model, batch, 0, torch.Generator())
    value = nwj_as_published(batch[0] @ batch[1].T)
    assert torch.allclose(losses["loss"], -value.expand(9))
    assert torch.allclose(losses["nats"], value.expand(9))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            torch.zeros(1, 2),
            torch.zeros(1, 2),
            "two or more pairs of latents: got 1 first and 1 second",
        ),
        (torch.zeros(0, 2), torch.zeros(0, 2), "two or more pairs of latents: got 0"),
        (torch.zeros(4, 2), torch.zeros(3, 2), "got 4 first and 3 second"),
        (torch.full((4, 2), math.nan), torch.zeros(4, 2), "the first latents are not finite"),
        (torch.zeros(4, 2), torch.full((4, 2), math.inf), "the second latents are not finite"),
    ],
)
def test_bad_pairs_are_refused(first, second, message):
    good = pairs(1.0, 0, n=4)
    with pytest.raises(ValueError, match=message):
        train_critic((first, second), "nwj", CriticConfig(1))
    with pytest.raises(ValueError, match=message):
        train_critic(good, "nwj", CriticConfig(1), validation=(first, second))


def test_an_unknown_bound_is_refused():
    with pytest.raises(ValueError, match="bound 'mine' is unknown; choose of donsker_varadhan"):
        train_critic(pairs(1.0, 0, n=4), "mine", CriticConfig(1))


def test_no_epoch_reports_nothing():
    with pytest.raises(ValueError, match="the last epoch: got 0 of them"):
        estimate_as_published(pairs(1.0, 0, n=4), CriticConfig(epochs=0))
