"""`import synvae_core as sv`: every name is there, and none is read before it is used."""

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import synvae_core as sv

STUB = Path(sv.__file__).with_suffix(".pyi")


@pytest.mark.parametrize("name", sv.__all__)
def test_a_name_is_what_its_module_defines(name):
    found = getattr(sv, name)
    if inspect.isclass(found) or inspect.isfunction(found):
        assert found is getattr(import_module(found.__module__), name)
        assert found.__module__.startswith("synvae_core.") and found.__doc__
    assert name in dir(sv)


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'load_synvea'"):
        sv.load_synvea  # noqa: B018
    assert not hasattr(sv, "torch")


def test_type_checkers_see_the_same_names_in_the_same_modules():
    stubbed = {
        alias.asname: node.module
        for node in ast.parse(STUB.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert stubbed == {name: f"synvae_core.{home}" for name, home in sv._DEFINED_IN.items()}
    assert all((Path(sv.__file__).parent / name).is_file() for name in ("py.typed", STUB.name))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "unread"),
    [
        ("", {"torch", "numpy", "mido", "note_seq", "pretty_midi"}),
        ("sv.normal_kl; sv.load_synvae", {"mido", "note_seq", "pretty_midi", "sklearn"}),
        ("sv.read_midi; sv.write_midi", {"torch", "sklearn", "bokeh", "pandas", "IPython"}),
    ],
    ids=["nothing", "a model", "a melody"],
)
def test_only_what_is_used_is_read(program, unread):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, synvae_core as sv; {program}\nprint(*sys.modules)"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert unread.isdisjoint(done.stdout.split())
