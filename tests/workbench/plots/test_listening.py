"""The figure of listeners draws what was scored."""

import pytest
from figures import curves, whiskers

from synvae_workbench.plots.listening import listener_accuracies

LISTENERS = [(0.9, 0.7, 0.98), (0.3, 0.1, 0.55), (0.6, 0.4, 0.8)]


def test_each_listener_has_a_point_and_the_lines_have_names():
    figure = listener_accuracies(
        LISTENERS, overall=(0.6, 0.5, 0.7), chance=1 / 3, references={"published": 0.73}
    )
    (axes,) = figure.axes
    points = next(line for line in curves(axes) if line.get_marker() == "o")
    assert points.get_xydata().tolist() == [[1, 0.3], [2, 0.6], [3, 0.9]]
    assert whiskers(axes) == [(low, high) for _, low, high in sorted(LISTENERS)]
    assert [text.get_text() for text in axes.texts] == ["chance", "published", "all answers"]
    heights = [line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1]
    assert {0.6, 1 / 3, 0.73} <= set(heights)
    assert "<svg" in figure._repr_svg_()


@pytest.mark.parametrize(
    ("listeners", "message"), [([], "no listeners"), ([(0.5, 0.6, 0.7)], "encloses")]
)
def test_what_cannot_be_drawn_is_refused(listeners, message):
    with pytest.raises(ValueError, match=message):
        listener_accuracies(listeners, overall=(0.5, 0.4, 0.6), chance=1 / 3)
