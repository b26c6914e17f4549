"""Names and forms of published checkpoints: scopes, cuDNN, gaps, and what cannot be read."""

import contextlib
import json
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from melody_models import melody_model

from synvae_core.models.storage import WeightsError
from synvae_workbench.importers import open_melody_model
from synvae_workbench.importers.magenta import (
    _assemble,
    load_magenta,
    model_from_tensors,
    published_names,
)
from synvae_workbench.importers.named_tensors import NamedTensors


def tensors_of(model):
    """A model's variables by published name, kernels of dense layers transposed."""
    found = {}
    for name, (module, parameter) in published_names(model).items():
        values = getattr(module, parameter).detach().numpy()
        found[name] = values.T.copy() if parameter == "weight" else values.copy()
    return found


def write_js(folder, tensors, *, absent=()):
    """A MusicVAE.js folder of raw files."""
    manifest = {}
    for index, (name, values) in enumerate(tensors.items()):
        manifest[name] = {"filename": f"file_{index}", "shape": list(values.shape)}
        if name not in absent:
            (folder / f"file_{index}").write_bytes(values.astype("<f4").tobytes())
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize("family", ["flat", "hierarchical", "fresh"])
def test_sizes_are_read_from_the_tensors_and_nothing_is_lost(family):
    model = melody_model(family)
    start = getattr(model.config, "bar_start", "carried")
    loaded = model_from_tensors(tensors_of(model), steps=32, bar_start=start)
    assert loaded.config == model.config
    for name, value in model.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name])
    count = sum(p.numel() for p in model.parameters())
    assert sum(values.size for values in tensors_of(model).values()) == count


def test_the_hierarchical_model_has_26_variables():
    from synvae_core.models.melody.hierarchical import HierarchicalMelodyConfig
    from synvae_core.models.melody.vae import MelodyVae

    with torch.device("meta"):
        assert len(published_names(MelodyVae(HierarchicalMelodyConfig()))) == 26


def renamed(tensors, rename):
    return {rename(name): values for name, values in tensors.items()}


def synvae_scope(name):
    if name.startswith("decoder/hierarchical_level_0"):
        return name  # SynVAE's checkpoints leave the conductor without a prefix
    return ("music_vae_encoder/" if name.startswith("encoder") else "music_vae_decoder/") + name


@pytest.mark.parametrize("family", ["flat", "hierarchical"])
def test_scopes_and_the_slots_of_training_checkpoints_do_not_matter(family):
    model = melody_model(family)
    tensors = renamed(tensors_of(model), synvae_scope)
    slots = {f"{name}/Adam": values for name, values in tensors.items()}
    more = {"global_step": np.array(7), "beta1_power": np.array(0.9)}
    loaded = model_from_tensors(tensors | slots | more, steps=32)
    z = torch.randn(2, 8)
    assert torch.equal(loaded.decode(z), model.decode(z))


def cudnn_scope(name):
    """Where cuDNN-compatible cells stand."""
    cell = "cudnn_compatible_lstm_cell"
    name = name.replace("/multi_rnn_cell/cell_0/lstm_cell", f"/{cell}") if "_rnn/" in name else name
    if name.startswith("encoder/cell"):
        return name.replace("encoder/", "encoder/stack_bidirectional_rnn/")
    for prefix in ("core_decoder/decoder/", "decoder/hierarchical_level_0/", "decoder/"):
        if name.startswith(prefix) and "/lstm_cell" in name:
            rest = name.removeprefix(prefix).removeprefix("multi_rnn_cell/")
            return f"{prefix}rnn/multi_rnn_cell/" + rest.replace("lstm_cell", cell)
    return name


@pytest.mark.parametrize("family", ["flat", "hierarchical"])
def test_canonical_tensors_beside_an_opaque_kernel_are_used_with_their_forget_bias(family):
    model = melody_model(family)
    tensors = renamed(tensors_of(model), cudnn_scope)
    for name, values in tensors.items():
        if "cudnn" in name and name.endswith("bias"):  # these cells have no bias of run time
            values[len(values) // 2 : 3 * len(values) // 4] += 1
    tensors["decoder/cudnn_lstm/opaque_kernel"] = np.zeros(5)
    loaded = model_from_tensors(tensors, steps=32)
    assert not loaded.missing
    z = torch.randn(2, 8)
    torch.testing.assert_close(loaded.decoder(z).logits, model.decoder(z).logits)


def test_an_opaque_kernel_alone_is_refused():
    tensors = tensors_of(melody_model("flat"))
    kernel = next(name for name in tensors if "cell_1" in name and name.endswith("kernel"))
    del tensors[kernel]
    tensors["encoder/cudnn_lstm/opaque_kernel"] = np.zeros(5)
    with pytest.raises(WeightsError, match="opaque_kernel, whose layout only cuDNN knows"):
        model_from_tensors(tensors)


def test_a_partial_checkpoint_names_what_is_missing_and_still_plays(tmp_path):
    model = melody_model("flat")
    tensors = tensors_of(model)
    lacking = [name for name in tensors if "encoder/cell_1" in name and name.endswith("kernel")]
    write_js(tmp_path, tensors, absent=lacking)
    (tmp_path / "converter.json").write_text('{"args": {"numSteps": 32}}', encoding="utf-8")
    loaded = open_melody_model(tmp_path)
    assert sorted(loaded.missing) == sorted(lacking)
    z = torch.randn(2, 8)
    assert torch.equal(loaded.decode(z), model.decode(z))
    with pytest.raises(ValueError, match="the encoder is incomplete"):
        loaded.encode(torch.zeros(1, 32, dtype=torch.long), sample=False)


def test_the_length_comes_from_the_folder_the_caller_or_the_family(tmp_path):
    write_js(tmp_path, tensors_of(melody_model("flat")))
    assert load_magenta(tmp_path).config.steps == 32
    config = {"dataConverter": {"type": "MelodyConverter", "args": {"numSteps": 64}}}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert load_magenta(tmp_path).config.steps == 64
    assert load_magenta(tmp_path, steps=16).config.steps == 16
    for steps in (0, -32, 1 << 40):
        with pytest.raises(WeightsError, match=rf"steps: expected .* got {steps}"):
            load_magenta(tmp_path, steps=steps)
    assert model_from_tensors(tensors_of(melody_model("hierarchical"))).config.steps == 256


def change(name, values):
    def apply(tensors):
        tensors[name] = values

    return apply


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda tensors: tensors.clear(), "does not say its encoder_units and decoder_units"),
        (change("encoder/mu/bias", np.full(8, np.nan)), "mu/bias holds values that are not finite"),
        (change("encoder/mu/kernel", np.zeros((3, 8))), r"mu/kernel is \(3, 8\), expected \(40, 8"),
        (
            change("decoder/output_projection/bias", np.zeros(512)),
            "only melody models, of 90 events",
        ),
        (change("other/encoder/mu/bias", np.zeros(8)), "holds encoder/mu/bias twice"),
    ],
)
def test_other_tensors_are_refused_with_the_reason(spoil, message):
    tensors = tensors_of(melody_model("flat"))
    spoil(tensors)
    with pytest.raises(WeightsError, match=message):
        model_from_tensors(tensors)


def test_sizes_that_are_only_claimed_do_not_take_memory():
    cell = "encoder/cell_2/bidirectional_rnn/fw/multi_rnn_cell/cell_0/lstm_cell"
    for claimed in ({f"{cell}/kernel": (1 << 16, 1 << 16)}, {f"{cell}/bias": (1 << 20,)}):
        stored = NamedTensors(tensors_of(melody_model("flat")), claimed)
        with pytest.raises(WeightsError, match="more numbers than.*may be missing"):
            _assemble(stored, where="x", steps=32, bar_start="carried")


def test_variables_of_others_may_be_named_without_their_data(tmp_path):
    tensors = tensors_of(melody_model("flat"))
    write_js(tmp_path, tensors)
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    strange = {"global_step": [1], "decoder/opaque_kernel": [7], "decoder/Adam/kernel": [3, 3]}
    for place, (name, shape) in enumerate(strange.items()):
        manifest[name] = {"shape": shape, "dtype": "float32", "filename": f"none{place}"}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert load_magenta(tmp_path).missing == ()


NAMES = ["global_step", "encoder/mu/bias", "encoder/sigma/kernel", "decoder/output_projection/bias"]
NAMES += ["decoder/multi_rnn_cell/cell_0/lstm_cell/bias", "decoder/z_to_initial_state/kernel"]
NAMES += ["core_decoder/decoder/z_to_initial_state/bias", "decoder/hierarchical_level_0/x/kernel"]
NAMES += ["decoder/cell_0/cudnn_compatible_lstm_cell/bias", "encoder/cudnn/opaque_kernel"]
SHAPES = st.lists(st.sampled_from([0, 1, 3, 8, 90, 1 << 20]), max_size=3).map(tuple)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), SHAPES, max_size=3),
    st.dictionaries(st.sampled_from(NAMES), SHAPES.filter(lambda s: np.prod(s) < 1e3), max_size=3),
    st.lists(st.integers(0, 30), max_size=8),
    st.sampled_from([np.float32, np.int32, np.bool_]),
    st.sampled_from([None, 16, -32, 1 << 40]),
)
def test_whatever_variables_there_are_make_a_model_or_are_refused(named, held, lost, kind, steps):
    tensors = tensors_of(melody_model("flat"))
    for place in lost:
        tensors.pop(list(tensors)[place % len(tensors)])
    tensors |= {name: np.ones(shape, kind) for name, shape in held.items()}
    stored = NamedTensors(tensors, named)
    few = mock.patch("synvae_workbench.importers.magenta.MAX_LACKING", 1 << 20)
    with few, contextlib.suppress(WeightsError):
        _assemble(stored, where="x", steps=steps, bar_start="carried")


@pytest.mark.data
def test_the_real_one_lacks_two_encoder_kernels(data_folder):
    model = open_melody_model(data_folder / "musicvae" / "mel_2bar_small")
    assert [name.split("/")[3] for name in model.missing] == ["fw", "bw"]
    assert all(name.endswith("lstm_cell/kernel") for name in model.missing)
    assert sum(p.numel() for p in model.parameters()) == 4_423_770


def test_the_import_command_makes_a_model_folder(tmp_path, capsys):
    from synvae_workbench.__main__ import main

    model = melody_model("hierarchical")
    source, folder = tmp_path / "js", tmp_path / "model"
    source.mkdir()
    write_js(source, tensors_of(model))
    assert main(["import", str(source), str(folder), "--steps", "48", "--bar-start", "fresh"]) == 0
    loaded = open_melody_model(folder)
    assert (loaded.config.steps, loaded.config.bar_start) == (48, "fresh")
    assert str(folder) in capsys.readouterr().out
    assert main(["import", str(tmp_path / "nowhere"), str(folder)]) == 2
    assert "nowhere is missing" in capsys.readouterr().err
