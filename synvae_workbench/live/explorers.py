"""SynVAEs of a live page, each with examples of its kind; opened when they first play."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import torch

from synvae_core.models.synvae import load_synvae
from synvae_workbench.data.pictures.kind import DIGIT, KINDS, PHOTOGRAPH
from synvae_workbench.live.explorer import Explorer
from synvae_workbench.live.gallery import Gallery, examples_of
from synvae_workbench.live.models import Choice, choose_model, length_in_words
from synvae_workbench.live.pictures import Picture, known, squares, words_for


class Explorers:
    """Models to choose from by number; the first one is open.

    Args:
        first: the model that is open, with the pictures that it knows.
        models: all of them, of which the first is `first`'s; by default that alone.

    Attributes:
        refused: why a model could not be opened, by its number.
    """

    def __init__(self, first: Explorer, models: Sequence[Choice] = ()) -> None:
        steps = first.model.music.config.steps
        kind = DIGIT if first.shape[0] == 1 else PHOTOGRAPH
        self.models = list(models) or [Choice("", steps, None, kind)]
        own = Gallery(self.models[0].kind, first.captions, first.images, first.images)
        self._galleries = {own.kind: own}
        self._open = {0: first}
        self.refused: dict[int, str] = {}

    def is_open(self, number: int) -> bool:
        """True of a model that plays at once."""
        return number in self._open

    def opening(self, number: int) -> str:
        """What is said while a model is opened."""
        choice = self.models[number]
        made = f"made for {words_for(choice.kind)}"
        return f"{choice.name}, {made}, is opened; the first time takes a while."

    def open(self, number: int) -> Explorer:
        """Opens a model; takes some seconds when it is first chosen.

        Raises:
            ValueError: if it cannot be opened, saying why.
        """
        if number not in self._open:
            choice = self.models[number]
            try:
                self._open[number] = self._opened(choice)
            except ValueError as error:
                self.refused[number] = str(error)
                raise ValueError(f"{choice.name} cannot be opened ({error})") from error
        return self._open[number]

    def _opened(self, choice: Choice) -> Explorer:
        model, gallery = load_synvae(choice.folder), self.gallery(choice.kind)
        visual = model.config.visual
        shape = (visual.image_channels, visual.image_size, visual.image_size)
        alike = next((each for each in self._open.values() if each.shape == shape), None)
        if alike is not None and alike.captions == gallery.captions:
            return alike.with_model(model)
        images = torch.from_numpy(squares(gallery.originals, shape))
        return Explorer(model, images, gallery.captions)

    def gallery(self, kind: str) -> Gallery:
        """Examples of a kind."""
        if kind not in self._galleries:
            self._galleries[kind] = examples_of(kind)
        return self._galleries[kind]

    @cached_property
    def kinds(self) -> list[str]:
        """Kinds of pictures that there are models for, the first model's first."""
        return list(dict.fromkeys(each.kind for each in self.models))

    def example(self, kind: str, index: int) -> Picture:
        """A picture of the examples for a kind of model."""
        gallery = self.gallery(kind)
        original, caption = gallery.originals[index], gallery.captions[index]
        return known(original, caption, gallery.kind, (kind, index))

    def number_for(self, kind: str, last: Mapping[str, int]) -> int:
        """The model for a kind of picture: of several, the one that played last, else the first.

        Where there is none, the first one for another kind of coloured pictures, else any.

        Args:
            last: models that were chosen, by their kind.
        """
        usable = [i for i in range(len(self.models)) if i not in self.refused]
        number = choose_model(self.models, kind, usable)
        played = last.get(self.models[number].kind)
        return played if played in usable else number

    def description(self) -> list[dict]:
        """Models as the page lists them: the words for their kind, and a label."""
        return [
            {"group": words_for(each.kind), "label": each.label if each.name else _own(each)}
            for each in self.models
        ]


def _own(choice: Choice) -> str:
    return f"this model, {length_in_words(choice.steps)}"


def taken_words(picture: Picture, choice: Choice, by_hand: bool) -> str:
    """What a picture is taken for, why, and which model plays it."""
    name = choice.name or "this model"
    plays = f"You chose {name}." if by_hand else f"Played by {name}."
    if picture.place is not None:
        return f"One of the examples of {words_for(picture.kind.name)}. {plays}"
    return f"{picture.kind.words} {plays}"


def limit_words(picture: Picture, choice: Choice) -> str:
    """What a model was not made for, if it plays such a picture; else nothing."""
    if picture.kind.name == choice.kind or choice.kind not in KINDS:
        return ""
    theirs = KINDS.get(picture.kind.name)
    what, name = theirs.one if theirs else "another picture", choice.name or "This model"
    made, like = words_for(choice.kind), KINDS[choice.kind].one
    return f"{name} was made for {made}: {what} comes back as something like {like}."
