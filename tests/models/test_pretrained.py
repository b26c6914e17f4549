"""The weights that are shipped load, play, and hear, and their card is beside them."""

import pytest
import torch

from synvae_core.data.corpora import load_corpus
from synvae_core.data.images import load_mnist_5k
from synvae_core.metrics.melody import exact_windows
from synvae_core.models.configurations import load_melody_model
from synvae_core.models.storage import PRETRAINED
from synvae_core.models.synvae import load_synvae

FOLDERS = sorted(path for path in PRETRAINED.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_folder_has_a_card_and_no_pickle(folder):
    assert {path.name for path in folder.iterdir()} == {
        "CARD.md",
        "config.json",
        "model.safetensors",
    }
    assert (folder / "CARD.md").read_text().startswith(f"# {folder.name}\n")
    assert sum(path.stat().st_size for path in folder.iterdir()) < 16e6


def test_a_digit_comes_back_from_the_shipped_synvae():
    model = load_synvae(PRETRAINED / "synvae_mnist")
    digits = load_mnist_5k().test_images[:50].float() / 255  # which it was not trained on
    _, rebuilt = model.hear(model.listen(digits))
    error = (rebuilt - digits).square().flatten(1).sum(1).mean()
    assert error < 12  # the mean digit is at 53


def test_the_language_model_gives_tunes_back_exactly():
    model = load_melody_model(PRETRAINED / "language_2bar")
    tunes = load_corpus("abc", bars=2).test[:200].astype("int64")
    assert exact_windows(tunes, model.reconstruct(tunes, sample=False).numpy()).all()


def test_the_music_within_is_the_shipped_melody_model():
    music = load_melody_model(PRETRAINED / "language_2bar").state_dict()
    within = load_synvae(PRETRAINED / "synvae_mnist").music.state_dict()
    assert all(torch.equal(value, within[name]) for name, value in music.items())
