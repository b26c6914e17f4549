import numpy as np
import pytest
import torch
from spoken_models import painter, small_synvae, spoken_tone

from synvae_core.models.classifiers import LeNet5, LeNet5Config
from synvae_core.types import TooFewError
from synvae_workbench.data.speech.log_mel import log_mel
from synvae_workbench.evaluation import spoken_chain
from synvae_workbench.evaluation.spoken_chain import (
    WAYS,
    Chain,
    digits_kept,
    found_recordings,
    heard_as_spoken,
    translate_chain,
)
from synvae_workbench.evaluation.spoken_translation import translate_speech

PAINTER, SYNVAE = painter(), small_synvae()
WAVEFORMS = [spoken_tone(0.3 + 0.05 * i, seed=i) for i in range(6)]
SPOKEN = torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.fixture(scope="module")
def chain():
    return translate_chain(PAINTER, SYNVAE, log_mel(WAVEFORMS), seed=0)


def test_the_means_go_the_way_that_the_page_shows(chain):
    shown = translate_speech(PAINTER, SYNVAE, WAVEFORMS)
    assert torch.equal(chain.means, shown.pictures)
    assert np.array_equal(chain.of_means.heard, shown.heard)
    assert not torch.equal(chain.samples, chain.means)


def test_the_judge_reads_both_ends(chain):
    judge = LeNet5(LeNet5Config()).eval()
    with torch.no_grad():
        read = judge(chain.of_means.rebuilt).argmax(1)
    kept = digits_kept(chain, judge, read)
    assert kept["return"].value == 1
    assert kept["picture"].cases == 6


def with_melodies_of_their_own(chain):
    """The chain as a trained SynVAE would make it: each picture has another melody and code."""
    heard = np.zeros_like(chain.of_means.heard)
    heard[:, ::8] = 20 + 9 * np.arange(6)[:, None]
    codes = 10 * torch.eye(6, chain.of_means.visual.shape[1])
    own = chain.of_means._replace(heard=heard, visual=codes, auditive=codes)
    return Chain(chain.means, own, chain.means, own)


def test_a_listener_who_has_heard_the_same_melodies_knows_them(chain, monkeypatch):
    made, examples = with_melodies_of_their_own(chain), 2

    def translated(synvae, images):
        return made.of_means._replace(heard=made.of_means.heard.repeat(examples, 0))

    monkeypatch.setattr(spoken_chain, "translate", translated)
    labels = torch.arange(6).repeat_interleave(examples)
    known = chain.means.repeat_interleave(examples, 0)
    answers = heard_as_spoken(made, torch.arange(6), SYNVAE, known, labels, examples=examples)
    assert answers.right == len(answers.truth) == 6
    with pytest.raises(TooFewError):
        heard_as_spoken(made, SPOKEN % 2, SYNVAE, known[:4], torch.arange(4) % 2)


def test_what_is_the_mean_itself_finds_its_recording_first(chain):
    found = found_recordings(with_melodies_of_their_own(chain), SYNVAE, SPOKEN)
    assert [*found] == [*WAYS]
    for way in ("picture_codes", "melody_codes", "melody_ear"):
        assert found[way].first.value == found[way].same_digit.value == 1
        assert found[way].median_rank == 1
    assert all(each.among_ten.value == 1 for each in found.values()), "there are but six"
