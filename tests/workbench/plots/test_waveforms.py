"""Figures of loops: what stands in them is what was given."""

import numpy as np
import pytest
from figures import check_figure, curves, words

from synvae_workbench.plots.spectrograms import COLUMNS, ROWS, spectrogram
from synvae_workbench.plots.waveforms import fidelity_dots

PANELS = {
    "SNR (dB)": {"rebuilt": [15.0, 17.0], "nearest": [0.5, 1.0, 0.0]},
    "correlation": {"rebuilt": np.array([0.75, 0.85])},
}


def draw():
    return fidelity_dots(PANELS, goals={"SNR (dB)": 15.0})


def test_the_figure_is_small_the_same_every_time_and_fetches_nothing(remote_references):
    check_figure(draw, remote_references, most=60_000)


def test_dots_and_means_are_the_values():
    snr, correlation = draw().axes
    rebuilt, nearest = (dots.get_offsets()[:, 0].tolist() for dots in snr.collections)
    assert (rebuilt, nearest) == ([15.0, 17.0], [0.5, 1.0, 0.0])
    means, goal = curves(snr)
    assert means.get_xydata().tolist() == [[16.0, 0], [0.5, 1]]
    assert goal.get_xdata() == [15.0, 15.0]
    assert len(correlation.collections[0].get_offsets()) == 2
    assert {"16.00", "0.50", "0.80", "rebuilt", "nearest", "SNR (dB)"} <= words(draw())


@pytest.mark.parametrize("panels", [{}, {"a": {}}, {"a": {"b": []}}, {"a": {"b": [np.nan]}}])
def test_nothing_to_draw_is_refused(panels):
    with pytest.raises(ValueError, match="nothing to draw"):
        fidelity_dots(panels)


def test_a_spectrogram_shows_when_and_how_high():
    rate = 22_050
    time = np.arange(2 * rate) / rate
    waveform = np.where(time > 1, 0.5 * np.sin(2 * np.pi * 0.75 * rate / 2 * time), 0)
    image = spectrogram(waveform)
    assert image.shape == (ROWS, COLUMNS)
    assert (image[:, : COLUMNS // 2 - 4] == 255).all()
    dark = image[:, COLUMNS // 2 + 4 :].min(1)
    assert abs(int(dark.argmin()) - 0.25 * ROWS) <= 1
    assert dark.min() < 40
    assert (spectrogram(0 * waveform) == 255).all()


@pytest.mark.parametrize("waveform", [np.zeros(100), np.full(1000, np.nan)])
def test_what_has_no_spectrogram_is_refused(waveform):
    with pytest.raises(ValueError, match="finite samples"):
        spectrogram(waveform)
