import pytest

from synvae_core.metrics.mutual_information import Estimate
from synvae_workbench.plots.mutual_information import estimate_bars, estimates_of_known

FOUND = [Estimate(0.9, 0.8, 1.0), Estimate(2.5, 2.2, 2.8)]


def texts(figure):
    return figure._repr_svg_()


def test_known_values_are_drawn_with_the_truth_and_the_ceilings():
    figure = estimates_of_known(
        [1.0, 3.0], {"info_nce": FOUND, "nwj_as_published": FOUND}, ceilings={"log 200": 5.3}
    )
    svg = texts(figure)
    for text in ("the truth", "InfoNCE", "as published", "log 200", "true mutual information"):
        assert text in svg
    assert len(figure.axes[0].containers) == 2


def test_a_bound_gone_astray_does_not_squeeze_the_others():
    astray = [Estimate(-1e6, -2e6, 0.0), Estimate(1e6, 0.0, 2e6)]
    figure = estimates_of_known([1.0, 3.0], {"nwj": astray, "smile": FOUND}, ceilings={})
    low, high = figure.axes[0].get_ylim()
    assert -2 < low < 0 < 3 < high < 8


def test_bars_stand_in_a_panel_for_each_kind_of_pairs():
    found = dict(zip(("nwj", "smile"), FOUND, strict=True))
    figure = estimate_bars({"own": found, "shuffled": found}, ceilings={"log 200": 5.3})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["own", "shuffled"]
    for axes in figure.axes:
        assert [round(bar.get_width(), 2) for bar in axes.patches] == [0.9, 2.5]
    assert "2.50" in texts(figure)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="no estimate"):
        estimates_of_known([], {}, ceilings={})
    with pytest.raises(ValueError, match="1 known values want as many estimates: got {'nwj': 2}"):
        estimates_of_known([1.0], {"nwj": FOUND}, ceilings={})
    with pytest.raises(ValueError, match="0 known values"):
        estimates_of_known([], {"nwj": []}, ceilings={})
    with pytest.raises(ValueError, match="no estimate"):
        estimate_bars({}, ceilings={})
    with pytest.raises(ValueError, match="needs the same bounds"):
        estimate_bars({"a": {"nwj": FOUND[0]}, "b": {"smile": FOUND[0]}}, ceilings={})
    with pytest.raises(ValueError, match="needs the same bounds"):
        estimate_bars({"a": {}}, ceilings={})
