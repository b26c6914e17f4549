"""Checkpoints of training: written atomically, refused where they are of another run."""

import io
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors.torch import save
from torch import Tensor, nn

from synvae_core.atomic import write_bytes
from synvae_core.models.storage import check_finite
from synvae_core.small_files import open_regular

History = list[dict[str, float]]

STATE_FILE = "training.pt"
# Settings that older runs stored under another name, and the values of those that they lacked.
RENAMED = {"objective.squashed_twice": "objective.double_softmax"}
LACKING = {
    "best_by": "",
    "model.standard_means": False,
    "model.visual.standard_means": False,
    "objective.musicality_warmup": 0,
    "objective.likeness.likeness": 0.0,
    "objective.likeness.steadiness": 0.0,
    "objective.likeness.commitment": 0.0,
    "objective.likeness.audible": "()",
}
# What torch and its dictionaries raise at a file that is damaged or of something else.
_BROKEN = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, OSError),
    *(RuntimeError, TypeError, ValueError, pickle.UnpicklingError),
)
DIVERGED_FILE = "diverged.safetensors"


@runtime_checkable
class Stateful(Protocol):
    """Anything with a state to save: weights as `model`, optimisers as `optimizer`."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


def identity(model: nn.Module, objective: Any, config: Any, more: Mapping[str, Any]) -> dict:
    """Settings that identify a run, as a flat dict of plain values.

    They are the dataclasses of training, objective and model, and `more`, such as the checksums of
    the data.
    """
    known = {"fit": config, "objective": objective, "model": getattr(model, "config", None)}
    parts = {key: asdict(value) for key, value in known.items() if is_dataclass(value)}
    return {key: _plain(value) for key, value in _flat(parts | dict(more))}


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


def save_state(run: Path, trained: Stateful, settings: Mapping[str, Any], history: History) -> None:
    """Writes the state of training to `run/training.pt`, atomically.

    Raises:
        UnwritableError: if the disk is full or read-only; the state before stays.
    """
    state = {**trained.state_dict(), "settings": dict(settings), "history": history}
    written = io.BytesIO()  # torch says of a full disk "unexpected pos 64 vs 0"
    torch.save(state, written)
    write_bytes(run / STATE_FILE, written.getvalue())


def restore_state(run: Path, trained: Stateful, settings: Mapping[str, Any]) -> History:
    """Loads the state of training, tensors and plain values only; returns its history, or [].

    Raises:
        ValueError: naming the file, if it is damaged or of a run with another configuration.
    """
    path = run / STATE_FILE
    if not path.is_file():
        return []
    try:
        with open_regular(path) as file:
            state = torch.load(file, weights_only=True, map_location="cpu")
        settled, history = dict(state["settings"]), list(state["history"])
        check_finite(dict(_tensors(state)), path)
    except _BROKEN as error:
        words = str(error)[:500] or type(error).__name__
        raise ValueError(f"{path} is damaged ({words}): delete it to start over") from error
    lacking = {name: value for name, value in LACKING.items() if name in settings}
    stored = lacking | {RENAMED.get(name, name): value for name, value in settled.items()}
    differences = [
        f"{name}: {stored.get(name, 'nothing')} there, {settings.get(name, 'nothing')} asked for"
        for name in sorted(stored.keys() | settings.keys())
        if stored.get(name, path) != settings.get(name, path)  # the path: equal to no value
    ]
    if differences:
        raise ValueError(
            f"{path} is of a run with another configuration ({'; '.join(differences)}): "
            "choose another run name, or delete it to start over"
        )
    try:
        trained.load_state_dict(state)
    except _BROKEN as error:
        raise ValueError(f"{path} is of another model ({str(error)[:500]}): delete it") from error
    return history


def _tensors(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Tensors of a state at any depth, by the names on the way to them."""
    if isinstance(value, Tensor):
        yield name.removeprefix("."), value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _tensors(inner, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from _tensors(inner, f"{name}.{place}")


def save_batch(run: Path, batch: tuple[Tensor, ...], rows: Tensor) -> Path:
    """Writes the batch that a run diverged on, with its row numbers; returns the path."""
    path = run / DIVERGED_FILE
    tensors = {f"batch_{i}": tensor.cpu().contiguous() for i, tensor in enumerate(batch)}
    write_bytes(path, save(tensors | {"rows": rows.cpu().contiguous()}))
    return path
