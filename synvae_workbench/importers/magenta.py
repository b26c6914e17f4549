"""Magenta's MusicVAE checkpoints as models of this package, without TensorFlow.

Three stored forms are read: TensorFlow `.ckpt`, MusicVAE.js `manifest.json` with raw files, and
MusicVAE.js `weights_manifest.json` with shards, quantised or not. Sizes come from the tensors, so
models that were shrunken or enlarged load too. Roberts et al. 2018, arXiv 1803.05428.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from synvae_core.fields import build_from_fields
from synvae_core.models.melody.hierarchical import HierarchicalMelodyConfig
from synvae_core.models.melody.lstm import BidirectionalLstmEncoder, LstmDecoder, LstmMelodyConfig
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import MISFITS, Allowance, WeightsError
from synvae_core.music.melody import ONE_VOICE
from synvae_core.small_files import read_json
from synvae_workbench.importers.musicvae_js import read_musicvae_js
from synvae_workbench.importers.named_tensors import NamedTensors
from synvae_workbench.importers.tensorflow_checkpoint import read_tensorflow_checkpoint

MANIFESTS = ("manifest.json", "weights_manifest.json")
CONDUCTOR = "decoder/hierarchical_level_0"
MAX_STEPS = 4096  # of a melody: 256 bars
MAX_LACKING = 1 << 28  # parameters that may be missing: all of the largest published model
_CUDNN = "cudnn_compatible_lstm_cell"
# The variables of a melody model, whatever scope stands before them; not Adam's slots.
_VARIABLE = re.compile(
    r"(?:.*?/)??((?:core_decoder/decoder|encoder|decoder)/.*/(?:kernel|bias|opaque_kernel))"
)
Shape = tuple[int, ...]


def load_magenta(
    path: str | Path, *, steps: int | None = None, bar_start: str = "carried"
) -> MelodyVae:
    """Loads the model of a Magenta checkpoint, in evaluation mode on the CPU.

    Args:
        path: a folder of MusicVAE.js; or a `.ckpt`: its prefix, index, folder or archive.
        steps: length of a melody; by default what the folder's converter says, else 32 for flat
            models and 256 for hierarchical ones.
        bar_start: of hierarchical models, see `hierarchical`.

    Raises:
        WeightsError: naming the file and what is wrong. A checkpoint that lacks variables loads
            as long as its sizes are known; `model.missing` names them.
    """
    path = Path(path)
    if any((path / name).is_file() for name in MANIFESTS):
        stored = read_musicvae_js(path)
        steps = _converter_steps(path) if steps is None else steps
    else:
        stored = read_tensorflow_checkpoint(path, wanted=_is_wanted)
    return _assemble(stored, where=str(path), steps=steps, bar_start=bar_start).float()


def model_from_tensors(
    tensors: Mapping[str, np.ndarray], *, steps: int | None = None, bar_start: str = "carried"
) -> MelodyVae:
    """Builds the model of tensors by published name, in their precision; else as `load_magenta`."""
    stored = NamedTensors(dict(tensors), {})
    return _assemble(stored, where="the checkpoint", steps=steps, bar_start=bar_start)


def published_names(model: MelodyVae) -> dict[str, tuple[nn.Module, str]]:
    """The published name of every variable, and the module and parameter that hold it.

    A kernel of an `nn.Linear` is the transpose of its weight.
    """
    return {
        f"{scope}/{name}": (module, "weight" if name == "kernel" and _is_linear(module) else name)
        for scope, module in _scopes(model)
        for name in ("kernel", "bias")
    }


def _scopes(model: MelodyVae) -> Iterator[tuple[str, nn.Module]]:
    encoder, decoder = model.encoder, model.decoder
    assert isinstance(encoder, BidirectionalLstmEncoder)
    for direction, layers in (("fw", encoder.forwards), ("bw", encoder.backwards)):
        for index, layer in enumerate(layers):
            cell = f"cell_{index}/bidirectional_rnn/{direction}/multi_rnn_cell/cell_0/lstm_cell"
            yield f"encoder/{cell}", layer
    yield "encoder/mu", encoder.mu
    yield "encoder/sigma", encoder.sigma
    if isinstance(decoder, LstmDecoder):
        yield from _flat_scopes(decoder, "decoder")
        return
    for index, layer in enumerate(decoder.conductor.layers):
        yield f"{CONDUCTOR}/cell_{index}/lstm_cell", layer
    yield f"{CONDUCTOR}/initial_state", decoder.conductor.initial_state
    yield from _flat_scopes(decoder.core, "core_decoder/decoder")


def _flat_scopes(decoder: LstmDecoder, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    for index, layer in enumerate(decoder.layers):
        yield f"{prefix}/multi_rnn_cell/cell_{index}/lstm_cell", layer
    yield f"{prefix}/z_to_initial_state", decoder.initial_state
    yield f"{prefix}/output_projection", decoder.output


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear)


def _assemble(stored: NamedTensors, *, where: str, steps: int | None, bar_start: str) -> MelodyVae:
    tensors, opaque = _canonical_tensors(stored.tensors, where)
    named = ((_canonical_name(name), shape) for name, shape in stored.missing.items())
    shapes = {name: shape for name, shape in named if name is not None}
    shapes |= {name: tensor.shape for name, tensor in tensors.items()}
    there = sum(tensor.size for tensor in tensors.values())
    try:
        # Variables that are only named could claim anything, and so could a bias without a kernel.
        with Allowance(there + MAX_LACKING):
            model = MelodyVae(_config(shapes, where, steps, bar_start))
    except WeightsError:
        raise
    except MISFITS as error:
        raise WeightsError(
            f"{where}: {error}; {there:,} are there, at most {MAX_LACKING:,} may be missing"
        ) from error
    names = published_names(model)
    _check_shapes(names, shapes, where)
    lacking = [name for name in names if name not in tensors]
    if lacking and opaque:
        raise WeightsError(
            f"{where} was trained with cuDNN and holds {opaque[0]}, whose layout only cuDNN knows, "
            f"but not {lacking[0]}: export it with canonical LSTM variables"
        )
    with torch.no_grad():
        for name in names.keys() - set(lacking):
            module, parameter = names[name]
            values = torch.tensor(np.asarray(tensors[name]))
            own = getattr(module, parameter)
            own.data = (values.T if parameter == "weight" else values).contiguous()
    model.missing = tuple(lacking)
    return model.eval()


def _canonical_tensors(
    tensors: Mapping[str, np.ndarray], where: str
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Tensors by published name, and the names of those in cuDNN's own layout."""
    found, opaque = {}, []
    for name, tensor in tensors.items():
        published = _canonical_name(name)
        if published is None:
            continue
        if published.endswith("opaque_kernel"):
            opaque.append(name)
            continue
        if published in found:
            raise WeightsError(f"{where} holds {published} twice, the second time as {name}")
        if not np.isfinite(tensor).all():
            raise WeightsError(f"{where}: {name} holds values that are not finite")
        if _CUDNN in name and name.endswith("/bias"):
            if tensor.ndim != 1:
                raise WeightsError(f"{where}: {name} is {tensor.shape}, expected one axis")
            # Such a cell adds nothing to its forget gate; ours adds 1 at run time.
            tensor = np.array(tensor, np.result_type(tensor, np.float16))
            units = len(tensor) // 4
            tensor[2 * units : 3 * units] -= 1
        found[published] = tensor
    return found, opaque


def _canonical_name(name: str) -> str | None:
    """The published name of a variable in any scope, None for what is no weight of the model."""
    match = _VARIABLE.fullmatch(name)
    if match is None:
        return None
    name = match[1]
    if _CUDNN not in name:
        return name
    *_, cell, leaf = re.split(rf"(cell_\d+)/(?:.*/)?{_CUDNN}", name)
    scope = name[: name.index(cell)].split("/")
    if scope[0] == "encoder":
        direction = "bw" if "/bw/" in name else "fw"
        return f"encoder/{cell}/bidirectional_rnn/{direction}/multi_rnn_cell/cell_0/lstm_cell{leaf}"
    if CONDUCTOR in name:
        return f"{CONDUCTOR}/{cell}/lstm_cell{leaf}"
    prefix = "core_decoder/decoder" if scope[0] == "core_decoder" else "decoder"
    return f"{prefix}/multi_rnn_cell/{cell}/lstm_cell{leaf}"


def _is_wanted(name: str) -> bool:
    return _canonical_name(name) is not None


def _config(
    shapes: Mapping[str, Shape], where: str, steps: int | None, bar_start: str
) -> LstmMelodyConfig | HierarchicalMelodyConfig:
    """The configuration that the shapes of the variables imply."""
    hierarchical = any(name.startswith(CONDUCTOR) for name in shapes)
    core = "core_decoder/decoder" if hierarchical else "decoder"
    encoder = "bidirectional_rnn/fw/multi_rnn_cell/cell_0/lstm_cell"
    units = {
        "encoder_units": _units(shapes, (f"encoder/cell_{{}}/{encoder}",)),
        "decoder_units": _units(shapes, (f"{core}/multi_rnn_cell/cell_{{}}/lstm_cell",)),
    }
    if hierarchical:
        units["conductor_units"] = _units(shapes, (f"{CONDUCTOR}/cell_{{}}/lstm_cell",))
    latent_dim = next(
        (
            shapes[name][axis]
            for name, axis in (
                ("encoder/mu/bias", 0),
                ("encoder/mu/kernel", 1),
                (f"{CONDUCTOR}/initial_state/kernel", 0),
                ("decoder/z_to_initial_state/kernel", 0),
            )
            if len(shapes.get(name, ())) > axis
        ),
        None,
    )
    unknown = [name for name, value in units.items() if not value]
    if latent_dim is None or unknown:
        raise WeightsError(
            f"{where} does not say its {' and '.join(unknown or ['latent dimension'])}: expected "
            "the variables of a MusicVAE melody model, such as encoder/mu/bias and "
            f"{core}/multi_rnn_cell/cell_0/lstm_cell/bias"
        )
    sizes = {"latent_dim": latent_dim, **units}
    if hierarchical:
        sizes |= {"steps": 256 if steps is None else steps, "bar_start": bar_start}
        return build_from_fields(HierarchicalMelodyConfig, sizes)
    return build_from_fields(LstmMelodyConfig, {"steps": 32 if steps is None else steps, **sizes})


def _units(shapes: Mapping[str, Shape], patterns: Iterable[str]) -> tuple[int, ...]:
    """Units of the layers of a stack, as far as biases or kernels of layers 0, 1, ... are named."""
    units = []
    for pattern in patterns:
        for index in range(64):
            scope = pattern.format(index)
            shape = shapes.get(f"{scope}/bias") or shapes.get(f"{scope}/kernel")
            if not shape:
                break
            units.append(shape[-1] // 4)
    return tuple(units)


def _check_shapes(
    names: Mapping[str, tuple[nn.Module, str]], shapes: Mapping[str, Shape], where: str
) -> None:
    for name, (module, parameter) in names.items():
        own = tuple(getattr(module, parameter).shape)
        expected = own[::-1] if parameter == "weight" else own
        found = tuple(shapes.get(name, expected))
        if found != expected:
            advice = ""
            if name.endswith("output_projection/bias"):
                advice = f"; only melody models, of {ONE_VOICE.size} events, can be read"
            raise WeightsError(f"{where}: {name} is {found}, expected {expected}{advice}")


def _converter_steps(folder: Path) -> int | None:
    """The number of steps that a MusicVAE.js folder gives beside its weights, if it does."""
    for name, *keys in (("converter.json",), ("config.json", "dataConverter")):
        try:
            content = read_json(folder / name)
            for key in keys:
                content = content[key]
            steps = content["args"]["numSteps"]
        except (ValueError, LookupError, TypeError):
            continue
        if type(steps) is int and 1 <= steps <= MAX_STEPS:
            return steps
    return None
