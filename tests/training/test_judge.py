"""The judge of digits learns from real digits what they are."""

import torch

from synvae_core.training.judge import read_labels, train_judge


def test_a_judge_learns_to_read_and_the_seed_decides():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(10, (600,), generator=generator)
    images = torch.zeros(600, 1, 28, 28, dtype=torch.uint8)
    for image, label in zip(images, labels, strict=True):  # bars at ten heights
        image[0, 2 + 2 * int(label) : 5 + 2 * int(label), 6:22] = 255
    judge = train_judge(images, labels, seed=0, epochs=8)
    read = read_labels(judge, images.float() / 255)
    assert (read == labels).float().mean() > 0.7  # moved up and down in training, bars overlap
    again = read_labels(train_judge(images, labels, seed=0, epochs=8), images.float() / 255)
    assert torch.equal(read, again)
