import pytest

from synvae_workbench.data.pictures.splits import count_held_out


@pytest.mark.parametrize(
    ("validation", "count"), [(0, 0), (7, 7), (0.0, 0), (0.25, 5), (0.1, 2), (19, 19)]
)
def test_validation_is_a_number_or_a_share(validation, count):
    assert count_held_out(20, validation) == count


@pytest.mark.parametrize("validation", [20, -1, 1.0, 2.5, -0.1, 0.99, float("nan"), float("inf")])
def test_validation_leaves_some_to_train_on(validation):
    with pytest.raises(ValueError, match="validation is a number of pictures below 20"):
        count_held_out(20, validation)
    with pytest.raises(ValueError, match="test is a number of pictures below 20"):
        count_held_out(20, validation, "test")
