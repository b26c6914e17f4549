"""Named configurations of melody models: the published ones of MusicVAE, and those shipped.

Sizes and training of Roberts et al. 2018, arXiv 1803.05428, as in Magenta's configurations. A model
of your own is a dataclass with `steps`, `latent_dim` and `build`, such as those here; it trains,
saves and loads like them (`load_melody_model(folder, config_class=...)`).
"""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from synvae_core.models.melody.hierarchical import HierarchicalMelodyConfig
from synvae_core.models.melody.interfaces import MelodyConfig, melody_config_class
from synvae_core.models.melody.language import LanguageMelodyConfig
from synvae_core.models.melody.lstm import LstmMelodyConfig
from synvae_core.models.melody.mixer import MixerMelodyConfig
from synvae_core.models.melody.recipe import Recipe
from synvae_core.models.melody.skeleton_language import SkeletonMelodyConfig
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import (
    CONFIG_FILE,
    WeightsError,
    load_model,
    model_folder,
    read_config,
)


class Configuration(NamedTuple):
    """Sizes of a model, and its training recipe."""

    model: MelodyConfig
    recipe: Recipe


# Languages have no KL term: their posterior is exact. Nothing is transposed, since the keys that
# fiddlers like are part of the style.
_LANGUAGE = Recipe(
    beta=0.0,
    transpose=0,
    batch_size=128,
    learning_rate=2e-3,
    decay_rate=0.0,
    warmup_steps=200,
    gradient_clip=5.0,
    weight_decay=1e-2,
)
_TWO_BARS = Recipe(beta=0.2, beta_rate=0.99999, sampling_rate=1000.0)
_BARS = Recipe(beta=0.2, free_bits=256.0)
_SIXTEEN = HierarchicalMelodyConfig()
# The sixteen-bar models at a size that a CPU core trains in half an hour, with parameters alike:
# 1,185,754 with a conductor, 1,194,522 without. A short run wants small batches, a learning rate
# that falls to 0 by its end, and the tunes in their own keys.
_SMALL_BARS = replace(_BARS, batch_size=32, learning_rate=2e-3, decay_rate=0.0, transpose=0)

CONFIGURATIONS: dict[str, Configuration] = {
    # The shipped ones.
    "language_2bar": Configuration(LanguageMelodyConfig(), _LANGUAGE),
    "skeleton_2bar": Configuration(SkeletonMelodyConfig(), replace(_LANGUAGE, batch_size=256)),
    # Whole pieces: form first, then what each two bars are like, rhythm, contour and notes.
    "skeleton_8bar": Configuration(
        SkeletonMelodyConfig(steps=128), replace(_LANGUAGE, batch_size=64)
    ),
    "skeleton_16bar": Configuration(
        SkeletonMelodyConfig(steps=256), replace(_LANGUAGE, batch_size=32)
    ),
    # A constant beta of 0.1 keeps nearly every note; a narrow clip would slow it.
    "melody_2bar": Configuration(
        MixerMelodyConfig(),
        Recipe(
            beta=0.1,
            beta_warmup=2000,
            transpose=6,
            batch_size=256,
            learning_rate=2e-3,
            decay_rate=0.0,
            warmup_steps=200,
            gradient_clip=5.0,
            weight_decay=1e-4,
        ),
    ),
    "cat-mel_2bar_small": Configuration(LstmMelodyConfig(), _TWO_BARS),
    "cat-mel_2bar_big": Configuration(
        LstmMelodyConfig(latent_dim=512, encoder_units=(2048,), decoder_units=(2048, 2048, 2048)),
        replace(_TWO_BARS, beta=0.5),
    ),
    "hierdec-mel_4bar": Configuration(replace(_SIXTEEN, steps=64), _BARS),
    "hierdec-mel_8bar": Configuration(replace(_SIXTEEN, steps=128), _BARS),
    "hierdec-mel_16bar": Configuration(_SIXTEEN, _BARS),
    "flat-mel_16bar": Configuration(
        LstmMelodyConfig(
            steps=256,
            latent_dim=512,
            encoder_units=(2048, 2048),
            decoder_units=(2048, 2048, 2048),
        ),
        _BARS,
    ),
    "hierdec-mel_16bar_small": Configuration(
        HierarchicalMelodyConfig(
            latent_dim=256,
            encoder_units=(160,),
            conductor_units=(192,),
            decoder_units=(128, 128),
        ),
        _SMALL_BARS,
    ),
    "flat-mel_16bar_small": Configuration(
        LstmMelodyConfig(steps=256, latent_dim=256, encoder_units=(160,), decoder_units=(160, 160)),
        _SMALL_BARS,
    ),
}


def configuration(name: str) -> Configuration:
    """Configuration of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in CONFIGURATIONS:
        raise ValueError(
            f"configuration {name!r} is unknown; choose one of {', '.join(CONFIGURATIONS)}"
        )
    return CONFIGURATIONS[name]


def load_melody_model(path: str | Path, *, config_class: type | None = None) -> MelodyVae:
    """Loads the melody model of a folder, in evaluation mode on the CPU.

    Args:
        path: a folder that `save_model` wrote, such as a pretrained model; or a run, of which the
            best model is taken. `synvae_workbench.importers` opens Magenta's checkpoints too.
        config_class: of a model whose configuration is your own dataclass.

    Raises:
        WeightsError: naming the file and what is wrong with it.
    """
    folder = model_folder(path)
    if config_class is None:
        name = read_config(folder / CONFIG_FILE, MelodyVae).get("config_class")
        try:
            config_class = melody_config_class(str(name))
        except ValueError as error:
            raise WeightsError(
                f"{folder / CONFIG_FILE} is of another configuration class: {error}; "
                "pass your dataclass as config_class="
            ) from error
    return load_model(MelodyVae, config_class, folder)
