"""Attributes of pictures whose light is known, and directions that change them."""

import pytest
import torch
from no_checks import no_checks

from synvae_core.metrics.picture_attributes import attribute_directions, picture_attributes


def test_attributes_say_where_light_and_colour_are():
    images = torch.zeros(4, 3, 8, 8)
    images[0, :, :, :4] = 1  # on the left
    images[1, :, 6:] = 1  # below
    images[2, 0] = 1  # red
    images[3, :, 2:6, 2:6] = 1  # in the middle
    found = {name: values.tolist() for name, values in picture_attributes(images).items()}
    assert found["light"] == pytest.approx([0.5, 0.25, 1 / 3, 0.25])
    assert found["light from the left"] == pytest.approx([1, 0, 0, 0])
    assert found["light from above"] == pytest.approx([0, -0.5, 0, 0])
    assert found["light in the middle"] == pytest.approx([0, -1 / 3, 0, 1], abs=1e-6)
    assert found["contrast"] == pytest.approx([0.5, 0.1875**0.5, 0, 0.1875**0.5])
    assert found["warmth"] == pytest.approx([0, 0, 1, 0])
    assert "warmth" not in picture_attributes(images[:, :1])


def test_a_direction_leads_to_more_of_the_attribute():
    latents = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    values = 3 * latents[:, 1] - 5
    found = attribute_directions(latents, {"one": values, "constant": torch.ones(500)})
    assert list(found) == ["one"]
    expected = latents.std(0, correction=0)[1] * torch.tensor([0.0, 1, 0, 0])
    torch.testing.assert_close(found["one"], expected, atol=0.15, rtol=0)
    torch.testing.assert_close(found["one"][1], expected[1])


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="4 pixels or more"):
        picture_attributes(torch.zeros(0, 3, 8, 8))
    with pytest.raises(ValueError, match="4 pixels or more"):
        picture_attributes(torch.zeros(1, 3, 3, 8))
    with pytest.raises(ValueError, match="all of them numbers"):
        picture_attributes(torch.full((1, 3, 8, 8), float("nan")))
    with pytest.raises(ValueError, match="two finite latents"):
        attribute_directions(torch.zeros(1, 2), {})
    with pytest.raises(ValueError, match="two finite latents"):
        attribute_directions(torch.full((3, 2), float("inf")), {})
    with (
        no_checks(),
        pytest.raises(ValueError, match="'light' is a finite .* of 3 .* got 2"),
    ):
        attribute_directions(torch.zeros(3, 2), {"light": torch.zeros(2)})
