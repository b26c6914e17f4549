"""Principal components beside an independent reference, and comparisons with known answers."""

import pytest
import torch
from no_checks import no_checks

from synvae_core.losses import squared_error
from synvae_core.metrics.principal_components import compare_errors, principal_components

IMAGES = torch.rand(12, 2, 5, 5, generator=torch.Generator().manual_seed(0))


def test_components_are_those_of_the_singular_value_decomposition():
    found = principal_components(IMAGES, dimensions=4)
    centred = (IMAGES - IMAGES.mean(0)).flatten(1)
    _, values, directions = torch.linalg.svd(centred, full_matrices=False)
    torch.testing.assert_close(found.mean, IMAGES.mean(0))
    torch.testing.assert_close(found.sd, values[:4] / 11**0.5)
    product = (found.directions.flatten(1) @ directions[:4].T).abs()
    torch.testing.assert_close(product, torch.eye(4), atol=1e-4, rtol=0)


def test_with_all_components_nothing_is_lost_and_with_fewer_ever_more():
    errors = [
        squared_error(principal_components(IMAGES, dimensions=z).rebuild(IMAGES), IMAGES).mean()
        for z in (1, 5, 11)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-8


def test_what_is_rebuilt_is_a_picture():
    found = principal_components(IMAGES, dimensions=2)
    rebuilt = found.rebuild(3 * IMAGES)
    assert rebuilt.min() >= 0 and rebuilt.max() <= 1
    with pytest.raises(ValueError, match=r"shape \(2, 5, 5\), got \(2, 4, 5\)"):
        found.rebuild(IMAGES[:, :, :4])


def test_components_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="12 pictures of 50 pixels have 1 to 11 .* not 12"):
        principal_components(IMAGES, dimensions=12)
    with pytest.raises(ValueError, match="not 0"):
        principal_components(IMAGES, dimensions=0)
    with pytest.raises(ValueError, match="no pictures"):
        principal_components(IMAGES[:0], dimensions=1)
    with pytest.raises(ValueError, match="1 pictures .* not 1"):
        principal_components(IMAGES[:1], dimensions=1)
    with pytest.raises(ValueError, match="NaN"):
        principal_components(IMAGES * float("nan"), dimensions=1)


def test_a_comparison_says_how_much_less_and_how_sure():
    baseline = 1 + torch.rand(200, generator=torch.Generator().manual_seed(1))
    half = compare_errors(0.5 * baseline, baseline)
    assert half.ratio == pytest.approx(0.5)
    assert half.low == pytest.approx(0.5) and half.high == pytest.approx(0.5)
    assert (half.better.right, half.better.cases) == (200, 200)
    noise = torch.rand(200, generator=torch.Generator().manual_seed(2))
    noisy = compare_errors(baseline + noise - 0.5, baseline)
    assert noisy.low < 1 < noisy.high
    few = compare_errors((baseline + noise - 0.5)[:20], baseline[:20])
    assert few.high - few.low > 2 * (noisy.high - noisy.low)
    assert compare_errors(baseline, baseline).better.right == 0


def test_errors_that_cannot_be_compared_are_refused():
    some = torch.ones(4)
    with no_checks(), pytest.raises(ValueError, match="got 4 and 3"):
        compare_errors(some, some[:3])
    with pytest.raises(ValueError, match="got 1 and 1"):
        compare_errors(some[:1], some[:1])
    with pytest.raises(ValueError, match="there are no errors"):
        compare_errors(some[:0], some[:0])
    with pytest.raises(ValueError, match="baseline are finite"):
        compare_errors(some, some * float("inf"))
    with pytest.raises(ValueError, match="no error on some picture"):
        compare_errors(some, 0 * some)
