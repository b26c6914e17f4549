"""Identity of a training run: the values with which it is resumed, and with no others.

It is what training stored in `training.pt`: the settings of optimisation, objective and model, the
checksums of the data, and every parameter of the notebook, a new one too, except `MAY_CHANGE`.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synvae_core.small_files import open_regular
from synvae_workbench.declarations import current_defaults, current_parameters

STATE_FILE = "training.pt"
PARAMETERS = "parameters."
# Parameters of which a resumed run may have other values.
MAY_CHANGE = frozenset(
    (
        # The name of the folder itself, and where data lie whose checksums are in the identity.
        *("RUN_NAME", "FOLDER", "CORPUS_FOLDER", "SPEECH_FOLDER", "PICTURES_FOLDER"),
        # Which models a notebook trains that trains several, each in a folder of its own.
        *("COUPLINGS", "ALPHAS", "SURPRISES", "OTHER_WAYS"),
        # What is measured and shown after the training.
        *("MIDI", "PROGRAM", "UNSEEN", "PROBE", "EFFICIENTNET", "NEAREST", "BASELINE_HOP"),
        "MOST",
        # How the melody that is played is chosen of several, which training does not see.
        *("TAKES", "SURPRISE_PRICE", "TWIN_PRICE", "TOLD_PRICE", "CYCLE_PRICE"),
        "CRITIC_PRICE",
        # Passes of the picture decoder alone, after all that a state of training holds.
        "TUNING",
        # Of how many training recordings the codes come along with the trained model.
        "REMEMBERED",
    )
)
SETTINGS_THAT_MAY_CHANGE = frozenset(
    f"model.{name}"
    for name in (
        *("takes", "surprise_price", "twin_price", "told_price", "cycle_price"),
        *("critic_price", "critic", "tuning"),
    )
)
# Settings that older runs stored under another name, and the values of those that they lacked.
RENAMED = {"objective.squashed_twice": "objective.double_softmax"}
LACKING = {
    "best_by": "",
    "model.standard_means": False,
    "model.visual.standard_means": False,
    "model.spans": "()",
    "model.music.spans": "()",
    "model.remembered": 0,
    "objective.musicality_warmup": 0,
    "objective.likeness.likeness": 0.0,
    "objective.likeness.steadiness": 0.0,
    "objective.likeness.commitment": 0.0,
    "objective.likeness.audible": "()",
}
# What torch and its dictionaries raise at a file that is damaged or of something else.
BROKEN = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, OSError),
    *(RuntimeError, TypeError, ValueError, pickle.UnpicklingError),
)
UNTOLD = ("precision",)  # older runs did not say; what is asked for is taken to be theirs


def plain(value: Any) -> Any:
    """A value that is compared: a plain one itself, else its notation."""
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


def identifying_parameters() -> dict[str, Any]:
    """Parameters of the calling notebook that identify a run, by `parameters.NAME`."""
    return _as_parameters(current_parameters())


def refuse_another_run(folder: Path) -> None:
    """Refuses a run folder, or one of models in its folders, that was begun with other parameters.

    Raises:
        ValueError: naming the file and the parameters that differ.
    """
    asked = identifying_parameters()
    for path in (folder / STATE_FILE, *sorted(folder.glob(f"*/{STATE_FILE}"))):
        if asked and path.is_file():
            stored = load_state(path, mmap=True)["settings"]
            refuse_differences(path, _parameters(stored), asked)


def refuse_differences(path: Path, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Refuses a state of training, at `path`, that is of a run with other settings.

    Raises:
        ValueError: naming the file and the settings that differ.
    """
    stored = {RENAMED.get(name, name): value for name, value in stored.items()}
    lacking = LACKING | {name: asked.get(name) for name in UNTOLD}
    if _parameters(stored) and _parameters(asked):
        lacking |= _as_parameters(current_defaults())  # of parameters that are new
    else:  # of a script, or older than parameters were stored: nothing is known of them
        stored, asked = _others(stored), _others(asked)
    stored = {name: value for name, value in lacking.items() if name in asked} | stored
    changeable = {f"{PARAMETERS}{name}" for name in MAY_CHANGE} | SETTINGS_THAT_MAY_CHANGE
    differences = [
        f"{name.removeprefix(PARAMETERS)}: {stored.get(name, 'nothing')} there, "
        f"{asked.get(name, 'nothing')} asked for"
        for name in sorted((stored.keys() | asked.keys()) - changeable)
        if stored.get(name, path) != asked.get(name, path)  # the path: equal to no value
    ]
    if differences:
        raise ValueError(
            f"{path} is of a run with another configuration ({'; '.join(differences)}): "
            "choose another run name, or delete it to start over"
        )


def load_state(path: Path, *, mmap: bool = False) -> dict[str, Any]:
    """Loads a state of training, tensors and plain values only.

    Args:
        mmap: leaves the tensors in the file until they are used.

    Raises:
        ValueError: naming the file, if it is damaged.
    """
    import torch  # slow to import

    try:
        with open_regular(path) as file:
            source = path if mmap else file
            state = torch.load(source, weights_only=True, map_location="cpu", mmap=mmap)
        known = {"settings": dict(state["settings"]), "history": list(state["history"])}
        return {**state, **known}
    except BROKEN as error:
        words = str(error)[:500] or type(error).__name__
        raise ValueError(f"{path} is damaged ({words}): delete it to start over") from error


def _as_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{PARAMETERS}{k}": plain(v) for k, v in values.items() if k not in MAY_CHANGE}


def _parameters(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name.startswith(PARAMETERS)}


def _others(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if not name.startswith(PARAMETERS)}
