"""Options of loading: a dataclass for each kind of data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synvae_core.places import whole_path
from synvae_workbench.data.audio_files import RATES

PHRASE = 4  # bars; where pieces of more than two bars may begin
BARS = (1, 2, 4, 8, 16)  # allowed lengths of a window of a melody
CROPS = ("centre", "upper")
SPLITS = ("published", "own", "speaker")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of sets of every kind.

    Attributes:
        folder: of the set; by default its usual places.
        seed: of random splits.
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`. False for none, where
            pictures are read from files.

    Raises:
        ValueError: if a setting is unknown or out of range.
    """

    folder: Path | str | None = None
    seed: int = 0
    cache: Path | str | bool | None = None

    def __post_init__(self) -> None:
        for name in ("folder", "cache"):
            value = getattr(self, name)
            if isinstance(value, Path | str):
                object.__setattr__(self, name, whole_path(value) if str(value) else None)


@dataclass(frozen=True, kw_only=True)
class _FileOptions(Options):
    """Options of sets that are read from files.

    Attributes:
        broken: "refuse" files that cannot be read, or "skip" them.
    """

    broken: str = "refuse"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_choice("broken", self.broken, ("refuse", "skip"))


@dataclass(frozen=True, kw_only=True)
class PictureOptions(_FileOptions):
    """Options of sets of pictures; in brackets the sets that each applies to.

    Attributes:
        size: of the square pictures, and of the shorter side of those that are cropped, in pixels;
            64 by default (paintings, folder). Other sets refuse any but their own.
        channels: 3 for red, green and blue, 1 for grey (paintings, folder).
        validation: how many training pictures are for validation, or as a float, which share of
            them. By default none (mnist_5k), a sixth (mnist), a fifth (cifar10), or a tenth of all
            pictures (paintings and folder, where they have no validation pictures of their own).
        test: the same for testing: by default 1,000 (mnist_5k), or a tenth (paintings and folder,
            where they have no test pictures of their own).
        uncertain: what a label of 0.5 means: 1 ("up"), 0 ("down"), or that the picture is left out
            ("drop") (paintings).
        combine: each set of labels that occurs is a class (paintings).
        only: labels whose names begin so, such as "emotion_" (paintings).
    """

    size: int | None = None
    channels: int = 3
    validation: int | float | None = None
    test: int | float | None = None
    uncertain: str = "down"
    combine: bool = False
    only: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_choice("uncertain", self.uncertain, ("up", "down", "drop"))

    def check_size(self, side: int) -> None:
        """Refuses, with a `ValueError`, any other size than that of a set's own pictures."""
        if self.size not in (None, side):
            raise ValueError(
                f"the pictures are of {side} pixels, not {self.size}: leave the size out"
            )


@dataclass(frozen=True, kw_only=True)
class FaceOptions(_FileOptions):
    """Options of sets of faces.

    Attributes:
        size: side of the square pictures in pixels; by default 28 for lfw_subset, and else 64.
        crop: "centre", or "upper": the square at the upper end of pictures that are upright. (Of
            one more than 2.2 times as high as wide, the upper end of its middle part.)
        channels: 3 for colour, 1 for grey; by default 1 for lfw_subset, and else 3.
        validation, test: a number or, as a float, a share of the pictures, of which those that
            nearly repeat each other count as one; at least one each.
    """

    size: int | None = None
    crop: str = "upper"
    channels: int | None = None
    validation: int | float = 0.1
    test: int | float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_choice("crop", self.crop, CROPS)


@dataclass(frozen=True, kw_only=True)
class CorpusOptions(Options):
    """Options of corpora of melodies.

    Attributes:
        bars: in a window, 1, 2, 4, 8 or 16, of sixteenths.
        phrase: bars from a window to the next (abc), counted from where a tune's full bars begin,
            so that windows begin with phrases; a tune's last bar, which its upbeat made short, is
            completed by silence. 0: a window from every bar line.
        workers: processes that read files (midi).
    """

    bars: int = 2
    phrase: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_choice("bars", self.bars, BARS)
        _check_choice("phrase", self.phrase, (0, *BARS))


def options_of_pieces(bars: int, **options: Any) -> CorpusOptions:
    """Options of windows to compare melodies of so many bars with: pieces begin with phrases."""
    return CorpusOptions(bars=bars, phrase=PHRASE if bars > 2 else 0, **options)


@dataclass(frozen=True, kw_only=True)
class SpeechOptions(_FileOptions):
    """Options of sets of spoken digits.

    Attributes:
        split: "published" draws 90/10 of each digit by seed; "own" tests on indices 0 to 4;
            "speaker" tests on all recordings of `speaker`.
        speaker: whose recordings are for testing, with that split.
        validation: share of each digit's recordings for training, drawn by seed.
        takes: of each digit by each of the twelve voices (espeak).
    """

    split: str = "published"
    speaker: str = ""
    validation: float = 0.1
    takes: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.split not in SPLITS or (self.split == "speaker") != bool(self.speaker):
            raise ValueError(
                "split is 'published' (90/10, drawn by seed), 'own' (indices 0 to 4 are for "
                "testing) or 'speaker' (all recordings of the speaker named are); got "
                f"split {self.split!r} and speaker {self.speaker!r}"
            )
        if not 0 <= self.validation < 1:
            raise ValueError(
                f"validation is a share of 0 up to 1, which leaves some; got {self.validation}"
            )


@dataclass(frozen=True, kw_only=True)
class LoopOptions(_FileOptions):
    """Options of sets of loops.

    Attributes:
        rate: in Hz; what a file has above half of it is filtered out.
        held_out: share of the files, drawn by seed; at least one, and never all.
        variations: of each of twelve styles (gm_drums).
    """

    rate: int = 22_050
    held_out: float = 0.2
    variations: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        if not RATES[0] <= self.rate <= RATES[1] or not 0 < self.held_out < 1:
            raise ValueError(
                f"expected a rate of {RATES[0]:,} to {RATES[1]:,} Hz and a share held out between "
                f"0 and 1, got {self.rate} and {self.held_out}"
            )


def _check_choice(name: str, value: object, choices: tuple) -> None:
    if value not in choices:
        raise ValueError(f"{name} is one of {', '.join(map(str, choices))}, got {value!r}")
