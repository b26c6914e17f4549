import numpy as np
import pytest

from synvae_workbench.evaluation.speech_conditions import recorded_otherwise


def tone(frequency):
    time = np.arange(3200) / 8000
    return (0.5 * np.sin(2 * np.pi * frequency * time) * np.hanning(len(time))).astype(np.float32)


WAVEFORMS = [tone(f) for f in (300, 500, 700, 1100, 1700)]


@pytest.fixture(scope="module")
def made():
    return recorded_otherwise(WAVEFORMS, seed=0)


def level(waveform):
    return 10 * np.log10(np.square(waveform).mean())


def test_the_first_is_the_recording_itself(made):
    assert next(iter(made)) == "as recorded"
    assert all(map(np.array_equal, WAVEFORMS, made["as recorded"]))


def test_quiet_is_as_much_quieter_as_it_says(made):
    for was, found in zip(WAVEFORMS, made["30 dB quieter"], strict=True):
        assert level(found) == pytest.approx(level(was / np.abs(was).max()) - 30, abs=0.05)


def test_too_loud_is_cut_off(made):
    for found in made["12 dB too loud, clipped"]:
        assert (np.abs(found) > 0.999).mean() > 0.3


def test_babble_is_as_loud_as_it_says_and_of_others(made):
    for was, found in zip(WAVEFORMS, made["babble 10 dB below"], strict=True):
        share = (found @ was / (was @ was)) * was
        assert level(share) - level(found - share) == pytest.approx(10, abs=1.5)


@pytest.mark.parametrize("name", ["at 16 kHz", "at 44.1 kHz", "at 48 kHz"])
def test_other_rates_come_back_as_they_were(made, name):
    for was, found in zip(WAVEFORMS, made[name], strict=True):
        assert abs(len(found) - len(was)) <= 1
        n = min(len(found), len(was))
        assert np.corrcoef(found[:n], was[:n])[0, 1] > 0.999


def test_the_seed_decides_who_babbles(made):
    again, other = (recorded_otherwise(WAVEFORMS, seed=s)["babble 10 dB below"] for s in (0, 1))
    assert all(map(np.array_equal, again, made["babble 10 dB below"]))
    assert not all(map(np.array_equal, other, again))


def test_nobody_is_left_to_babble():
    with pytest.raises(ValueError, match="4 recordings or more, got 3"):
        recorded_otherwise(WAVEFORMS[:3], seed=0)
