"""Checkpoints of training: written atomically, refused where they are of another run."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors.torch import save
from torch import Tensor, nn

from synvae_core.atomic import write_bytes
from synvae_core.models.storage import check_finite
from synvae_workbench.identity import (
    BROKEN,
    STATE_FILE,
    identifying_parameters,
    load_state,
    plain,
    refuse_differences,
)

History = list[dict[str, float]]

DIVERGED_FILE = "diverged.safetensors"


@runtime_checkable
class Stateful(Protocol):
    """Anything with a state to save: weights as `model`, optimisers as `optimizer`."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


def identity(model: nn.Module, objective: Any, config: Any, more: Mapping[str, Any]) -> dict:
    """Settings that identify a run, as a flat dict of plain values.

    They are the dataclasses of training, objective and model, the parameters of the notebook, and
    `more`, such as the checksums of the data.
    """
    known = {"fit": config, "objective": objective, "model": getattr(model, "config", None)}
    parts = {key: asdict(value) for key, value in known.items() if is_dataclass(value)}
    settings = {key: plain(value) for key, value in _flat(parts | dict(more))}
    return settings | identifying_parameters()


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def save_state(run: Path, trained: Stateful, settings: Mapping[str, Any], history: History) -> None:
    """Writes the state of training to `run/training.pt`, atomically.

    Raises:
        UnwritableError: if the disk is full or read-only; the state before stays.
    """
    state = {**trained.state_dict(), "settings": dict(settings), "history": history}
    written = io.BytesIO()  # torch says of a full disk "unexpected pos 64 vs 0"
    torch.save(state, written)
    write_bytes(run / STATE_FILE, written.getvalue())


def restore_state(
    run: Path, trained: Stateful, settings: Mapping[str, Any]
) -> tuple[History, dict[str, Any]]:
    """Loads the state of training, if there is one; returns its history and settings.

    Those that it was begun with stay its own; those of a run that begins are the ones given.

    Raises:
        ValueError: naming the file, if it is damaged or of a run with another configuration.
    """
    path = run / STATE_FILE
    if not path.is_file():
        return [], dict(settings)
    state = load_state(path)
    try:
        check_finite(dict(_tensors(state)), path)
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): delete it to start over") from error
    refuse_differences(path, state["settings"], settings)
    try:
        trained.load_state_dict(state)
    except BROKEN as error:
        raise ValueError(f"{path} is of another model ({str(error)[:500]}): delete it") from error
    return state["history"], state["settings"]


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
