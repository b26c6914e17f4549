"""Figures in reports: legible on a phone, and dark where pages are."""

import re
from xml.etree import ElementTree

import pytest

from synvae_workbench import plots
from synvae_workbench.plots.palette import INK, ON_LIGHT
from synvae_workbench.plots.style import new_figure, style
from synvae_workbench.reports.figures import LEAST_LABEL, in_both_schemes, legible_width


def labelled(size, width=4.0):
    with style():
        figure = new_figure(width, 1)
        figure.text(0.5, 0.5, "label", fontsize=size)
    return figure._repr_svg_()


@pytest.mark.parametrize("size", [4, 7.5, 8, 12])
def test_the_smallest_label_is_large_enough(size):
    width = legible_width(labelled(size))
    assert size * width / (4 * 72) >= LEAST_LABEL - 0.05
    assert width >= 4 * 96, "never smaller than it is drawn"


def test_a_figure_without_a_label_or_a_width_is_no_error():
    assert legible_width(new_figure(2, 1)._repr_svg_()) == 192
    assert legible_width("<svg><g/></svg>") is None


def test_in_the_dark_ground_and_ink_change_and_cells_of_heat_maps_do_not():
    svg = in_both_schemes(plots.confusion([0] * 5, [0, 0, 1, 1, 1])._repr_svg_())
    assert ElementTree.fromstring(svg)[0].tag.endswith("style")
    rules = re.search(r"<style>(.*?)</style>", svg)[1]
    assert rules.startswith("@media screen and (prefers-color-scheme:dark)")
    assert f'[style*="fill: {INK}"]' in rules
    (cell,) = re.findall(r'style="([^"]*)"[^>]*>\s*40\s*</text>', svg)
    assert f"fill: {ON_LIGHT}" in cell
    assert ON_LIGHT not in rules, "ink on a light cell stays ink"
