"""The judges of pictures learn from pictures what they are."""

import pytest
import torch
import torch.nn.functional as F

from synvae_core.models.classifiers import load_judge
from synvae_core.models.storage import PRETRAINED, save_model
from synvae_core.models.visual import visual_config
from synvae_workbench.data.registry import PictureOptions, load_pictures
from synvae_workbench.training import judge as judges
from synvae_workbench.training.judge import (
    ClassifierTraining,
    digits_judge,
    read_labels,
    read_many_labels,
    train_classifier,
    train_judge,
)

GENERATOR = torch.Generator().manual_seed(0)
LABELS = torch.randint(10, (600,), generator=GENERATOR)
BARS = torch.zeros(600, 1, 28, 28, dtype=torch.uint8)
for image, label in zip(BARS, LABELS, strict=True):  # bars at ten heights
    image[0, 2 + 2 * int(label) : 5 + 2 * int(label), 6:22] = 255
VISUAL = visual_config(28, latent_dim=2)


@pytest.mark.slow
def test_a_judge_learns_to_read_and_the_seed_decides():
    judge = train_judge(BARS, LABELS, seed=0, epochs=8)
    read = read_labels(judge, BARS.float() / 255)
    assert (read == LABELS).float().mean() > 0.7  # moved up and down in training, bars overlap
    again = read_labels(train_judge(BARS, LABELS, seed=0, epochs=8), BARS.float() / 255)
    assert torch.equal(read, again)


@pytest.fixture
def trained(monkeypatch):
    """Trainings that were asked for, none of which takes place."""
    asked = []
    monkeypatch.setattr(judges, "fit", lambda model, *rest: asked.append(model.config))
    return asked


def test_the_shipped_judge_is_loaded_for_its_own_training_digits(trained):
    digits = load_pictures("mnist_5k", PictureOptions(seed=0)).train
    judge = digits_judge(digits.images, digits.labels, seed=0)
    shipped = load_judge(PRETRAINED / "judge_mnist_5k")
    assert trained == []
    assert judge.config == shipped.config
    assert all(
        torch.equal(a, b) for a, b in zip(judge.parameters(), shipped.parameters(), strict=True)
    )


@pytest.mark.parametrize(
    "other",
    [
        {"options": PictureOptions(seed=1)},
        {"options": PictureOptions(validation=0.1)},
        {"few": 300},
        {"seed": 1},
        {"epochs": 1},
    ],
    ids=str,
)
def test_for_any_other_digits_or_seed_a_judge_is_trained(trained, other):
    digits = load_pictures("mnist_5k", other.get("options", PictureOptions())).train
    images, labels = (part[: other.get("few")] for part in (digits.images, digits.labels))
    judge = digits_judge(images, labels, seed=other.get("seed", 0), epochs=other.get("epochs", 0))
    assert trained == [judge.config]
    assert judge.config != load_judge(PRETRAINED / "judge_mnist_5k").config


def test_digits_with_other_labels_are_other_digits(trained):
    digits = load_pictures("mnist_5k").train
    digits_judge(digits.images, digits.labels.flip(0), seed=0)
    assert len(trained) == 1


@pytest.mark.slow
def test_a_judge_that_is_saved_says_what_it_has_seen(tmp_path):
    judge = train_judge(BARS[:64], LABELS[:64], seed=3, epochs=1)
    save_model(judge, tmp_path)
    again = load_judge(tmp_path)
    assert again.config == judge.config
    assert (again.config.epochs, again.config.seed) == (1, 3)
    assert torch.equal(again(BARS[:9].float()), judge(BARS[:9].float()))


@pytest.mark.slow
def test_a_classifier_like_the_encoder_reads_one_label_or_many():
    classifier = train_classifier(VISUAL, BARS, LABELS, ClassifierTraining(10, epochs=8, seed=0))
    assert (read_labels(classifier, BARS.float() / 255) == LABELS).float().mean() > 0.9
    many = torch.stack([LABELS >= 5, LABELS % 5 == 0], 1)
    classifier = train_classifier(VISUAL, BARS, many, ClassifierTraining(2, epochs=8, seed=0))
    read = read_many_labels(classifier, BARS.float() / 255)
    assert read.dtype == torch.bool
    assert (read == many).float().mean() > 0.9


def train(images=BARS[:8], labels=LABELS[:8], classes=10):
    training = ClassifierTraining(classes, epochs=1, seed=0)
    return train_classifier(VISUAL, images, labels, training)


def broken():
    return read_labels(train(), torch.full((2, 1, 28, 28), float("nan")))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train(BARS[:0], LABELS[:0]), "got 0 pictures, 0 labels"),
        (lambda: digits_judge(BARS[:0], LABELS[:0], seed=0), "got 0 pictures, 0 labels"),
        (lambda: digits_judge(BARS[:8], LABELS[:8] + 9, seed=0), r"class ids are 0\.\.9, got"),
        (lambda: train(classes=3), r"class ids are 0\.\.2, got"),
        (lambda: train(labels=F.one_hot(LABELS[:8], 10).bool(), classes=9), "10 columns"),
        (broken, "logits are not all finite"),
    ],
)
def test_what_cannot_be_learnt_or_read_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
