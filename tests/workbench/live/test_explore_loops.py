"""The loops of notebook 44: blended, fitted to a tempo, and without a seam."""

import io
import json

import numpy as np
import pytest
import soundfile
import torch

from synvae_core.models.waveform.convolutional import (
    ConvolutionalConfig,
    ConvolutionalWaveformVae,
)
from synvae_workbench.live.explore_loops import (
    LoopsPage,
    LoopState,
    describe_page,
    requested_state,
    state_message,
)
from synvae_workbench.live.loops import (
    BEATS,
    Loop,
    LoopBench,
    blend,
    samples_of,
    seam,
    without_seam,
)

RATE = 4000


def hits(samples, beats, seed=0):
    """Decaying noise on each of so many beats."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples) * beats / samples % 1
    return (0.5 * rng.uniform(-1, 1, samples) * np.exp(-20 * time)).astype(np.float32)


@pytest.fixture(scope="module")
def bench():
    torch.manual_seed(0)
    model = ConvolutionalWaveformVae(ConvolutionalConfig(RATE, 8, (8, 12, 16), (2, 4), 3)).eval()
    names = ("a", "b", "<c>", "d", "e")
    return LoopBench(model, {n: hits(samples_of(model), BEATS, i) for i, n in enumerate(names)})


@pytest.fixture
def page(bench):
    made = LoopsPage(bench)
    made.told = []
    made.send = lambda content, buffers=None: made.told.append((content, buffers))
    yield made
    made.close()


def state(bench, **changes):
    return LoopState(tuple(bench.loops[:4]), 108)._replace(**changes)


def wav(waveform, rate=RATE):
    out = io.BytesIO()
    soundfile.write(out, waveform, rate, format="WAV", subtype="FLOAT")
    return out.getvalue()


def heard(message):
    return soundfile.read(io.BytesIO(message[1][0]))


def test_corners_are_the_loops_and_the_middle_is_between(bench):
    codes = [bench.encode(loop) for loop in bench.loops[:4]]
    places = [(0, 0), (1, 0), (0, 1), (1, 1)]
    for code, (x, y) in zip(codes, places, strict=True):
        torch.testing.assert_close(blend(codes, x, y), code)
    torch.testing.assert_close(blend(codes, 0.5, 0.5), torch.stack(codes).mean(0))
    assert state(bench, x=100, y=100).nearest.name == "d"
    assert state(bench, x=25).caption == "75 % a, 25 % b"
    assert state(bench, y=100).caption == "<c> through the model"


@pytest.mark.parametrize("tempo", [60, 97, 108, 160])
@pytest.mark.parametrize("plain", [False, True])
def test_a_loop_of_any_tempo_has_its_beats_and_no_seam(bench, tempo, plain):
    asked = state(bench, tempo=tempo, x=30, y=60, plain=plain)
    found, rate = heard(state_message(bench, asked, [bench.encode(each) for each in asked.corners]))
    assert rate == RATE and len(found) == round(60 * BEATS * RATE / tempo)
    assert seam(found) <= 1 and np.abs(found).max() <= 1
    turned = bench.at_tempo(bench.loops[0].waveform, tempo)
    spectra = [np.abs(np.fft.rfft(each))[1:200] for each in (turned, bench.loops[0].waveform)]
    assert np.corrcoef(*spectra)[0, 1] > 0.999, "the same, turned faster or slower"


@pytest.mark.parametrize(("bars", "beats"), [(1, 4), (2, 8), (4, 16)])
@pytest.mark.parametrize("bpm", [90.0, 120.0])
def test_ones_own_loop_is_taken_for_as_many_bars_as_it_has(bench, bars, beats, bpm):
    count = round(60 * beats / bpm * 8000)
    found = bench.read("mine.wav", wav(hits(count, beats), 8000))
    assert found.waveform.shape == (bench.samples,)
    word = "bars" if bars > 1 else "bar"
    assert f"taken as {bars} {word} at {bpm:.0f} bpm" in found.remark
    envelope = np.abs(found.waveform).reshape(-1, 4)
    loud = np.array([part.mean() for part in np.array_split(envelope, 4 * BEATS)])
    assert (loud.reshape(BEATS, 4).argmax(1) == 0).all(), "hits fall on the beats"


def test_a_loop_that_would_click_is_faded_and_no_other(bench):
    ramp = np.linspace(-0.9, 0.9, 3000)
    assert seam(ramp) > 100 and seam(without_seam(ramp, RATE)) <= 1
    smooth = bench.loops[0].waveform
    assert without_seam(smooth, RATE) is smooth or seam(smooth) > 1
    assert seam(bench.read("ramp.wav", wav(ramp)).waveform) <= 1.5


@pytest.mark.parametrize(
    "content",
    [
        None,
        {"kind": "choose", "corner": 4, "index": 0},
        {"kind": "choose", "corner": 0, "index": 5},
        {"kind": "change", "x": float("inf"), "y": 0, "tempo": 100, "plain": False},
        {"kind": "change", "x": 0, "y": 0, "tempo": "100", "plain": False},
        {"kind": "change", "x": 0, "y": 0, "tempo": 100, "plain": 1},
        {"kind": "upload", "corner": 0, "name": "a.wav"},
    ],
)
def test_what_a_page_sends_is_not_trusted(bench, page, content):
    with pytest.raises(ValueError, match="should not"):
        requested_state(state(bench), content, [], bench)
    page._handle_custom_msg(content, [])
    assert page.told[-1][0]["said"].startswith("Not used: ")


def test_the_page_is_told_what_it_asked_for(bench, page):
    page._handle_custom_msg({"kind": "choose", "corner": 1, "index": 4}, [])
    page._handle_custom_msg({"kind": "change", "x": 100, "y": 0, "tempo": 999, "plain": False}, [])
    content, buffers = page.told[-1]
    assert content["caption"] == "e through the model" and content["tempo"] == 160
    assert content["corners"][1] == ["e", 4, ""]
    assert len(buffers[1]) == np.prod(describe_page(bench)["spectrogram"])
    assert "loudest on beat" in content["words"]
    page._handle_custom_msg({"kind": "upload", "corner": 2, "name": "x.wav"}, [wav(hits(16000, 8))])
    content = page.told[-1][0]
    assert content["corners"][2][1] is None and (content["x"], content["y"]) == (0, 100)
    page._handle_custom_msg({"kind": "upload", "corner": 0, "name": "x.mp3"}, [b"ID3"])
    assert page.told[-1][0]["said"] == (
        "Not used: x.mp3 is no WAV, FLAC or Ogg file: save it as one of these."
    )
    json.dumps([content, describe_page(bench)])


def test_a_bench_needs_four_loops_of_its_length(bench):
    short = {f"{i}": hits(100, 4) for i in range(4)}
    few = {loop.name: loop.waveform for loop in bench.loops[:3]}
    for loops in (short, few):
        with pytest.raises(ValueError, match="expected 4 loops or more"):
            LoopBench(bench.model, loops)
    assert bench.loops[0] == Loop("a", bench.loops[0].waveform)
