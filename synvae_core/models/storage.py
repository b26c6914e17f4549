"""Storage of models: `config.json` and `model.safetensors` in one folder.

What of a model is a shipped one, such as a SynVAE's melody model, is named and not stored again.
No pickle is read or written. A folder may come from anybody: what its configuration asks for is
compared with what its weights hold before memory is taken for either.
"""

import dataclasses
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import nn
from torch.overrides import TorchFunctionMode

from synvae_core.atomic import make_folder, write_bytes, write_json
from synvae_core.fields import build_from_fields
from synvae_core.models.shipped_parts import MAX_CONFIG_BYTES, part_files, shipped_parts
from synvae_core.places import CONFIG_FILE, PRETRAINED, WEIGHTS_FILE, whole_path
from synvae_core.small_files import open_regular, read_json

FORMAT_VERSION = 1
WITH_SHIPPED_PARTS = 2  # a format that names them: releases that would not find them say so
SPARE_NUMBERS = 1 << 24  # 64 MB that a model may take beside its weights, for frozen features
MAX_HEADER_BYTES = 4_000_000  # of safetensors: names, types and shapes; ours have some 10,000
LATEST, BEST = "latest", "best"  # where a run keeps its models

Model = TypeVar("Model", bound=nn.Module)
Config = TypeVar("Config")
_FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn)
# What building something of values raises that do not go together.
MISFITS = (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError)


class WeightsError(ValueError):
    """A folder of weights cannot be used; the message says why."""


def save_model(model: nn.Module, folder: str | Path, *, half: bool = False) -> None:
    """Writes the model's configuration and weights, each file atomically.

    A part that is a shipped model in every number is named in the configuration, and left out.

    Args:
        half: store float16, which halves the file; weights are float32 again after loading.

    Raises:
        UnwritableError: if the disk is full or read-only; what was there before stays.
    """
    folder = make_folder(Path(folder))
    shipped = shipped_parts(model)
    weights = {
        name: (tensor.half() if half and tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in model.state_dict().items()
        if name.partition(".")[0] not in shipped
    }
    config: Any = model.config
    stored = {
        "format": WITH_SHIPPED_PARTS if shipped else FORMAT_VERSION,
        "model": type(model).__name__,
        "config": dataclasses.asdict(config),
        "config_class": type(config).__name__,
    }
    missing = getattr(model, "missing", ())
    if missing:  # an incomplete model stays one
        stored["missing"] = list(missing)
    if shipped:
        stored["shipped"] = shipped
    # Not by save_file: its files are for their owner alone, and stay half written if it is killed.
    write_bytes(folder / WEIGHTS_FILE, save(weights))
    write_json(folder / CONFIG_FILE, stored)


def find_folder(path: str | Path) -> Path:
    """Folder of a run or a model; `pretrained/NAME` also where only the package has it."""
    folder = whole_path(path)
    ours = PRETRAINED / folder.name
    return ours if folder.parent.name == "pretrained" and not folder.exists() else folder


def model_folder(path: str | Path) -> Path:
    """Folder of a run's best model, or the folder itself."""
    folder = find_folder(path)
    return folder / BEST if (folder / BEST / CONFIG_FILE).is_file() else folder


class Allowance(TorchFunctionMode):
    """Refuses to build what has more numbers than `left`: a configuration may ask for terabytes."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _FACTORIES:
            sizes = kwargs.get("size", args)
            sizes = sizes[0] if sizes and isinstance(sizes[0], tuple | list) else sizes
            self.left -= math.prod(sizes)
            if self.left < 0:
                raise ValueError("it asks for more numbers than its weights hold")
        return func(*args, **kwargs)


def load_model(model_class: type[Model], config_class: type, folder: str | Path) -> Model:
    """Loads the model of a folder written by `save_model`, in evaluation mode on the CPU.

    Raises:
        WeightsError: naming the file, if one is missing, damaged, of another model or size, or
            holds numbers that are not finite.
    """
    folder = Path(folder)
    config_path, weights_path = folder / CONFIG_FILE, folder / WEIGHTS_FILE
    stored = read_config(config_path, model_class)
    config: Any = _config(stored, config_class, config_path)
    files = {"": weights_path} | _part_files(stored, config_path)
    shapes = {
        prefix + name: shape
        for prefix, file in files.items()
        for name, shape in _stored_shapes(file).items()
    }
    try:
        with Allowance(SPARE_NUMBERS + sum(map(math.prod, shapes.values()))):
            model = model_class(config)
    except MISFITS as error:
        raise WeightsError(f"{config_path} makes no {model_class.__name__}: {error}") from error
    own = model.state_dict()
    expected = {name: tuple(tensor.shape) for name, tensor in own.items()}
    check_shapes(shapes, expected, weights_path, config_path)
    if "missing" in stored:
        cast(Any, model).missing = tuple(map(str, stored["missing"]))
    weights: dict[str, torch.Tensor] = {}
    for prefix, file in files.items():
        found = load_file(file)
        check_finite(found, file)
        weights |= {prefix + name: tensor for name, tensor in found.items()}
    model.load_state_dict({name: tensor.to(own[name].dtype) for name, tensor in weights.items()})
    return model.eval()


def load_config(model_class: type, config_class: type[Config], folder: str | Path) -> Config:
    """Configuration of the model in a folder, without its weights.

    Raises:
        WeightsError: as `load_model`.
    """
    path = Path(folder) / CONFIG_FILE
    return _config(read_config(path, model_class), config_class, path)


def _part_files(stored: dict[str, Any], path: Path) -> dict[str, Path]:
    """Weights of the parts that are shipped, by what stands before their names in the model."""
    try:
        named = part_files(stored.get("shipped", {}))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} names weights that are not here: {error}") from error
    return {f"{part}.": file for part, file in named.items()}


def _config(stored: dict[str, Any], config_class: type[Config], path: Path) -> Config:
    """Builds the stored configuration, by `from_json` where it nests configurations."""
    build = getattr(config_class, "from_json", partial(build_from_fields, config_class))
    try:
        return build(stored["config"])
    except MISFITS as error:
        raise WeightsError(f"{path} does not fit {config_class.__name__}: {error}") from error


def read_config(path: Path, model_class: type) -> dict[str, Any]:
    """Reads the configuration that `save_model` wrote, and checks its format and model.

    Raises:
        WeightsError: naming the file and what is wrong with it.
    """
    try:
        stored = read_json(path, most_bytes=MAX_CONFIG_BYTES)
    except ValueError as error:
        raise WeightsError(f"{error}: expected a model folder with it") from error
    name, values, missing = (stored.get(key) for key in ("model", "config", "missing"))
    if not isinstance(name, str) or not isinstance(values, dict) or not _is_names(missing):
        raise WeightsError(f"{path} is not a model configuration: expected `model` and `config`")
    if stored.get("format") not in (FORMAT_VERSION, WITH_SHIPPED_PARTS):
        raise WeightsError(
            f"{path} has format {str(stored.get('format'))[:40]}: expected {FORMAT_VERSION} or "
            f"{WITH_SHIPPED_PARTS}; update synvae or export the weights again"
        )
    if name != model_class.__name__:
        raise WeightsError(f"{path} holds a {name[:40]}: expected a {model_class.__name__}")
    return stored | {"config": with_tuples(values)}


def _is_names(value: Any) -> bool:
    known = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return value is None or known


def with_tuples(value: Any) -> Any:
    """Restores tuples, which JSON writes as lists, at any depth."""
    if isinstance(value, dict):
        return {key: with_tuples(inner) for key, inner in value.items()}
    return tuple(map(with_tuples, value)) if isinstance(value, list) else value


def _stored_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors of a safetensors file, from its header alone."""
    try:
        with open_regular(path) as file:
            if int.from_bytes(file.read(8), "little") > MAX_HEADER_BYTES:
                raise ValueError(f"its header has more than {MAX_HEADER_BYTES:,} bytes")
        with safe_open(path, "pt") as tensors:
            names = tensors.keys()
            return {name: tuple(tensors.get_slice(name).get_shape()) for name in names}
    except (SafetensorError, OSError, ValueError) as error:
        missing = "missing" if not path.exists() else "damaged"
        raise WeightsError(
            f"{path} is {missing} ({error}): expected a safetensors file; get it afresh"
        ) from error


def check_shapes(
    found: Mapping[str, tuple[int, ...]],
    expected: Mapping[str, tuple[int, ...]],
    weights_path: Path,
    config_path: Path,
) -> None:
    """Refuses weights whose names or shapes are not the model's, naming the first differences."""
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


def check_finite(weights: Mapping[str, torch.Tensor], where: str | Path) -> None:
    """Refuses weights that are not numbers, by which a model would play silence.

    Raises:
        WeightsError: naming the first tensor with NaN or an infinity.
    """
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise WeightsError(
                f"{where}: {name} holds values that are not finite; the training that wrote it "
                "diverged, or it is damaged: take other weights"
            )
