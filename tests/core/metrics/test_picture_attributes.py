"""Attributes of pictures whose light is known, and directions that change them."""

import pytest
import torch
from no_checks import no_checks

from synvae_core.metrics.picture_attributes import (
    attribute_directions,
    face_attributes,
    picture_attributes,
)


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


def test_attributes_of_faces_say_where_they_are():
    plain = torch.full((1, 1, 24, 24), 0.5)
    zero = dict.fromkeys(("light at the sides", "dark at the top", "light at the mouth"), 0.0)
    found = face_attributes(plain)
    assert {name: found[name].item() for name in zero} == pytest.approx(zero, abs=1e-6)
    assert found["axis"].item() == pytest.approx(0, abs=1e-6)
    sides, top, mouth = (plain.clone() for _ in range(3))
    sides[..., :3] = sides[..., -3:] = 1
    top[:, :, :4] = 0
    mouth[:, :, 17:21, 9:15] = 1
    assert face_attributes(sides)["light at the sides"].item() == pytest.approx(0.5)
    assert face_attributes(top)["dark at the top"].item() == pytest.approx(0.5)
    assert face_attributes(mouth)["light at the mouth"].item() == pytest.approx(0.5)


@pytest.mark.parametrize("light", [0.0, 0.3])
def test_the_axis_follows_a_face_that_moves_and_no_light_from_the_side(light):
    eyes = torch.zeros(1, 1, 32, 32)
    eyes[:, :, 10:14, 9:12] = eyes[:, :, 10:14, 20:23] = 1  # about the middle
    shade = light * torch.linspace(-1, 1, 32)
    axes = [face_attributes(eyes.roll(by, -1) + shade)["axis"].item() for by in (-3, 0, 3)]
    assert axes == pytest.approx([-3 / 32, 0, 3 / 32], abs=0.02)


def test_width_is_how_far_the_upright_edges_are_from_the_middle():
    bars = torch.zeros(2, 1, 33, 33)
    bars[0, ..., 12:21] = bars[1, ..., 6:27] = 1
    found = face_attributes(bars)["width"].tolist()
    assert found == pytest.approx([4.5 / 31, 10.5 / 31], abs=0.01)


def test_a_direction_leads_to_more_of_the_attribute():
    latents = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    values = 3 * latents[:, 1] - 5
    found = attribute_directions(latents, {"one": values, "constant": torch.ones(500)})
    assert list(found) == ["one"]
    expected = latents.std(0, correction=0)[1] * torch.tensor([0.0, 1, 0, 0])
    torch.testing.assert_close(found["one"], expected, atol=0.15, rtol=0)
    torch.testing.assert_close(found["one"][1], expected[1])


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="16 pixels or more"):
        face_attributes(torch.zeros(1, 1, 8, 8))
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
