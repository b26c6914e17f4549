"""Parts of a model whose weights are shipped: they are named, and not stored once more.

A SynVAE is trained through a frozen melody model. Where that is one of `pretrained/`, bit by bit,
the SynVAE's configuration has its name and the SHA-256 of its weights. Weights of another release
under the same name are thus refused, not taken.
"""

import hashlib
from pathlib import Path
from typing import Any, TypedDict, TypeGuard

import torch
from safetensors.torch import load_file
from torch import nn

from synvae_core.places import CONFIG_FILE, PRETRAINED, WEIGHTS_FILE
from synvae_core.small_files import open_regular, read_json

MAX_CONFIG_BYTES = 1_000_000


class ShippedPart(TypedDict):
    """A folder of `pretrained/`, and the SHA-256 of the weights in it, in hexadecimal."""

    name: str
    sha256: str


def shipped_parts(model: nn.Module) -> dict[str, ShippedPart]:
    """Parts of a model, by their attributes, that are a shipped model in every number."""
    shipped = [(folder, _model_class(folder / CONFIG_FILE)) for folder in _folders()]
    return {
        part: ShippedPart(name=folder.name, sha256=_sha256(folder / WEIGHTS_FILE))
        for part, module in model.named_children()
        for folder, model_class in shipped
        if model_class == type(module).__name__ and _is_same(module, folder / WEIGHTS_FILE)
    }


def part_files(named: Any) -> dict[str, Path]:
    """Files of weights of the parts that `shipped_parts` named.

    Raises:
        ValueError: if none of the name is shipped, or it has other weights by now.
    """
    if not _is_named(named):
        raise ValueError("`shipped` is expected to have a name and a SHA-256 for each part")
    folders = {folder.name: folder for folder in _folders()}
    found = {}
    for part, shipped in named.items():
        name = shipped["name"]
        if name not in folders:
            raise ValueError(f"its {part} is {name[:60]!r}, which is not in {PRETRAINED}")
        found[part] = folders[name] / WEIGHTS_FILE
        if _sha256(found[part]) != shipped["sha256"]:
            raise ValueError(
                f"its {part} was {name} with other weights than {found[part]} has: take the "
                "release of synvae that it was made with, or train it again"
            )
    return found


def _folders() -> list[Path]:
    """Folders of models; of a name of our own, so that nothing outside can be reached by one."""
    folders = sorted(PRETRAINED.iterdir()) if PRETRAINED.is_dir() else []
    return [folder for folder in folders if (folder / WEIGHTS_FILE).is_file()]


def _model_class(path: Path) -> str | None:
    return read_json(path, most_bytes=MAX_CONFIG_BYTES).get("model") if path.is_file() else None


def _sha256(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.sha256(file.read()).hexdigest()


def _is_same(module: nn.Module, path: Path) -> bool:
    own, shipped = module.state_dict(), load_file(path)
    return own.keys() == shipped.keys() and all(
        shipped[name].dtype == tensor.dtype and torch.equal(shipped[name], tensor.cpu())
        for name, tensor in own.items()
    )


def _is_named(value: Any) -> TypeGuard[dict[str, ShippedPart]]:
    return isinstance(value, dict) and all(
        isinstance(part, dict)
        and part.keys() == {"name", "sha256"}
        and all(isinstance(text, str) for text in part.values())
        for part in value.values()
    )
