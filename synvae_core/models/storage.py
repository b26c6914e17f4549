"""Storage of models: `config.json` and `model.safetensors` in one folder.

No pickle is read or written.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from synvae_core.atomic import make_folder, write_bytes, write_json
from synvae_core.places import PRETRAINED

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
FORMAT_VERSION = 1
LATEST, BEST = "latest", "best"  # where a run keeps its models

Model = TypeVar("Model", bound=nn.Module)


class WeightsError(ValueError):
    """A folder of weights cannot be used; the message says why."""


def save_model(model: nn.Module, folder: str | Path, *, half: bool = False) -> None:
    """Writes the model's configuration and weights, each file atomically.

    Args:
        half: store float16, which halves the file; weights are float32 again after loading.

    Raises:
        UnwritableError: if the disk is full or read-only; what was there before stays.
    """
    folder = make_folder(Path(folder))
    weights = {
        name: (tensor.half() if half and tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in model.state_dict().items()
    }
    config: Any = model.config
    stored = {
        "format": FORMAT_VERSION,
        "model": type(model).__name__,
        "config": dataclasses.asdict(config),
        "config_class": type(config).__name__,
    }
    missing = getattr(model, "missing", ())
    if missing:  # an incomplete model stays one
        stored["missing"] = list(missing)
    # Not by save_file: its files are for their owner alone, and stay half written if it is killed.
    write_bytes(folder / WEIGHTS_FILE, save(weights))
    write_json(folder / CONFIG_FILE, stored)


def find_folder(path: str | Path) -> Path:
    """Folder of a run or a model; `pretrained/NAME` also where only the package has it."""
    folder = Path(path)
    ours = PRETRAINED / folder.name
    return ours if folder.parent.name == "pretrained" and not folder.exists() else folder


def model_folder(path: str | Path) -> Path:
    """Folder of a run's best model, or the folder itself."""
    folder = find_folder(path)
    return folder / BEST if (folder / BEST / CONFIG_FILE).is_file() else folder


def load_model(model_class: type[Model], config_class: type, folder: str | Path) -> Model:
    """Loads the model of a folder written by `save_model`, in evaluation mode on the CPU.

    Raises:
        WeightsError: naming the file, if one is missing, damaged, or of another model or size.
    """
    folder = Path(folder)
    config_path, weights_path = folder / CONFIG_FILE, folder / WEIGHTS_FILE
    stored = read_config(config_path, model_class)
    try:
        model = model_class(config_from(stored["config"], config_class))
    except (TypeError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{config_path} does not fit {config_class.__name__}: {error}"
        ) from error
    if "missing" in stored:
        cast(Any, model).missing = tuple(map(str, stored["missing"]))
    if not weights_path.is_file():
        raise WeightsError(f"{weights_path} is missing: expected the weights of {config_path}")
    try:
        weights = load_file(weights_path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{weights_path} is damaged ({error}): expected a safetensors file; get it afresh"
        ) from error
    check_shapes(weights, model, weights_path, config_path)
    own = model.state_dict()
    model.load_state_dict({name: tensor.to(own[name].dtype) for name, tensor in weights.items()})
    return model.eval()


def read_config(path: Path, model_class: type) -> dict[str, Any]:
    """Reads the configuration that `save_model` wrote, and checks its format and model."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        name, values = stored["model"], dict(stored["config"])
    except FileNotFoundError as error:
        raise WeightsError(f"{path} is missing: expected a model folder with it") from error
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is not a model configuration ({error!r})") from error
    if stored.get("format") != FORMAT_VERSION:
        raise WeightsError(
            f"{path} has format {stored.get('format')!r}: expected {FORMAT_VERSION}; "
            "update synvae or export the weights again"
        )
    if name != model_class.__name__:
        raise WeightsError(f"{path} holds a {name}: expected a {model_class.__name__}")
    return stored | {"config": with_tuples(values)}


def config_from(values: dict[str, Any], config_class: type) -> Any:
    """Builds a configuration from its fields, by `from_json` where it nests configurations."""
    return getattr(config_class, "from_json", lambda fields: config_class(**fields))(values)


def with_tuples(value: Any) -> Any:
    """Restores tuples, which JSON writes as lists, at any depth."""
    if isinstance(value, dict):
        return {key: with_tuples(inner) for key, inner in value.items()}
    return tuple(map(with_tuples, value)) if isinstance(value, list) else value


def check_shapes(
    weights: dict[str, torch.Tensor], model: nn.Module, weights_path: Path, config_path: Path
) -> None:
    """Refuses weights whose names or shapes are not the model's, naming the first differences."""
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    differences = [
        f"{name}: {found.get(name, 'missing')} in the file, {expected.get(name, 'none')} expected"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]
    if differences:
        raise WeightsError(
            f"{weights_path} was written for another configuration than {config_path}: "
            + "; ".join(differences[:3])
            + (f"; and {len(differences) - 3} more" if len(differences) > 3 else "")
        )
