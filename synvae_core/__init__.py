"""Models, losses, metrics and music of SynVAE: pictures to melodies and back.

`import synvae_core as sv` imports no other module. A name is imported on first use from where it
is defined, so that a loss needs no MIDI library, and a melody no torch.
"""

from importlib import import_module
from typing import Any

__version__ = "0.3.0"

# Where each name is defined; `__init__.pyi` says the same to type checkers and editors.
_DEFINED_IN = {
    name: module
    for module, names in {
        "models.synvae": ("SynVae", "SynVaeConfig", "load_synvae"),
        "models.visual": ("VisualVae", "visual_config"),
        "models.classifiers": ("load_judge",),
        "models.melody.vae": ("MelodyVae",),
        "models.melody.configurations": ("load_melody_model",),
        "models.speech.to_image": ("SpeechToImage", "load_speech_image"),
        "models.storage": ("PRETRAINED", "save_model"),
        "types": ("Posterior",),
        "losses": (
            "synvae_loss",
            "picture_vae_loss",
            "melody_vae_loss",
            "language_model_loss",
            "speech_vae_loss",
            "generator_loss",
            "discriminator_loss",
            "coefficient_loss",
            "spectral_loss",
            "classifier_loss",
            "normal_kl",
        ),
        "metrics.retrieval": ("precision_at_k",),
        "metrics.two_sample": ("two_sample_auc",),
        "metrics.melody": ("note_f1",),
        "music.reading": ("read_melodies",),
        "music.midi": ("events_to_note_sequence", "midi_bytes", "read_midi", "write_midi"),
        "music.render": ("render",),
    }.items()
    for name in names
}
__all__ = list(_DEFINED_IN)


def __getattr__(name: str) -> Any:
    if name not in _DEFINED_IN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_DEFINED_IN[name]}"), name)
    globals()[name] = value  # found without this function from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
