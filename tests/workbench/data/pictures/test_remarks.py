"""What is said of a user's own pictures."""

import torch

from synvae_workbench.data.pictures.near_duplicates import nearly_repeat
from synvae_workbench.data.pictures.remarks import remarks
from synvae_workbench.data.pictures.types import PictureSet, Split


def split(images, labels):
    return Split(
        images, torch.tensor(labels, dtype=torch.long), [str(i) for i in range(len(images))]
    )


def noise(count, seed):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 256, (count, 3, 8, 8), generator=generator)
    return coarse.to(torch.uint8).repeat_interleave(4, 2).repeat_interleave(4, 3)


def own(train, test, labels, name="folder", skipped=()):
    classes = ("cats", "dogs", "owls")
    empty = split(train[:0], [])
    train, test = split(train, labels[: len(train)]), split(test, labels[len(train) :])
    return PictureSet(name, classes, False, train, empty, test, {}, skipped)


def test_repeated_pictures_mirrored_or_brighter_are_counted_and_others_are_not():
    train, fresh = noise(6, 0), noise(3, 1)
    copies = torch.stack([train[0], train[1].flip(-1), (train[2] * 0.8).to(torch.uint8)])
    assert nearly_repeat(copies, train).tolist() == [True] * 3
    assert nearly_repeat(fresh, train).tolist() == [False] * 3
    labels = [0, 0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1]
    (said,) = remarks(own(train, torch.cat([copies, fresh]), labels))
    assert said.startswith("3 of 6 validation and test pictures nearly repeat one of training")
    (said,) = remarks(own(train, fresh, labels[:9]))
    assert said == "None of 3 validation and test pictures nearly repeats one of training."


def test_published_sets_are_not_looked_through():
    train = noise(4, 0)
    assert remarks(own(train, train[:2], [0, 0, 1, 1, 0, 1], name="mnist")) == []


def test_classes_of_one_picture_and_broken_pictures_are_named():
    said = remarks(own(noise(4, 0), noise(2, 1), [0, 0, 0, 1, 0, 2], skipped=("a.png", "b.png")))
    assert said[0] == "2 broken pictures were left out: a.png, b.png"
    assert said[1].startswith("2 of 3 classes have one picture each")
    assert said[1].endswith("dogs, owls")
