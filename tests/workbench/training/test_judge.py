"""The judges of pictures learn from pictures what they are."""

import pytest
import torch
import torch.nn.functional as F

from synvae_core.models.visual import visual_config
from synvae_workbench.training.judge import (
    ClassifierTraining,
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
        (lambda: train(classes=3), r"class ids are 0\.\.2, got"),
        (lambda: train(labels=F.one_hot(LABELS[:8], 10).bool(), classes=9), "10 columns"),
        (broken, "logits are not all finite"),
    ],
)
def test_what_cannot_be_learnt_or_read_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
