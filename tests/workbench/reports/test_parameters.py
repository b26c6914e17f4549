"""Parameters are read as declared, and anything else is refused with a sentence."""

import os
from pathlib import Path

import nbformat
import pytest

from synvae_workbench.places import kernel_folder
from synvae_workbench.reports import check_parameters, notebook_parameters, parse_parameters

ROOT = Path(__file__).parents[3]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

SOURCE = '''"""What may be set."""
SMOKE = False  # small and fast
EPOCHS = 12  # passes
BETA: float = 1  # weight, "#" is no comment
NAME = "a # b"
DIGITS = [0, 1]  # which
LIMIT: int | None = None  # at most
SHIFT = -5
'''


@pytest.fixture
def notebook(tmp_path):
    def write(*sources, name="n.ipynb"):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        for cell in cells:
            cell.metadata.tags = ["parameters"]
        path = tmp_path / name
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    return write


def test_what_is_declared(notebook):
    known = notebook_parameters(notebook(SOURCE))
    assert {name: (p.default, p.type, p.optional, p.help) for name, p in known.items()} == {
        "SMOKE": (False, bool, False, "small and fast"),
        "EPOCHS": (12, int, False, "passes"),
        "BETA": (1.0, float, False, 'weight, "#" is no comment'),
        "NAME": ("a # b", str, False, ""),
        "DIGITS": ([0, 1], list, False, "which"),
        "LIMIT": (None, int, True, "at most"),
        "SHIFT": (-5, int, False, ""),
    }
    assert type(known["BETA"].default) is float


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([], "expected one cell tagged 'parameters', found 0"),
        (["A = 1", "B = 2"], "found 2"),
        (["A = "], "not Python"),
        (["A = 1 + 1"], "line 1: expected NAME = VALUE"),
        (["A = 1\nB = open('x')"], "line 2"),
        (["A = {1: 2}"], "plain bool, int, float, str or list"),
        (["A = None"], "plain bool"),
        (["A = B = 1"], "line 1"),
        (["import os"], "line 1"),
        (["A: int = 'x'"], "A: expected int, got 'x'"),
        (["A: int"], "line 1"),
    ],
)
def test_a_cell_that_is_not_plain_values_is_refused(notebook, sources, message):
    with pytest.raises(ValueError, match=f"n.ipynb.*{message}"):
        notebook_parameters(notebook(*sources))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"cells": 1}', "not json"])
def test_a_file_that_is_no_notebook_is_refused(tmp_path, text):
    path = tmp_path / "n.ipynb"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"n\.ipynb is not a Jupyter notebook"):
        notebook_parameters(path)
    with pytest.raises(ValueError, match="no such notebook"):
        notebook_parameters(tmp_path / "absent.ipynb")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"BETA": 2}, {"BETA": 2.0}),
        ({"LIMIT": None}, {"LIMIT": None}),
        ({"LIMIT": 3, "DIGITS": []}, {"LIMIT": 3, "DIGITS": []}),
        ({"SMOKE": True, "NAME": "<b>"}, {"SMOKE": True, "NAME": "<b>"}),
    ],
)
def test_given_values(notebook, given, expected):
    checked = check_parameters(notebook(SOURCE), given)
    assert checked == expected
    assert [type(value) for value in checked.values()] == [type(v) for v in expected.values()]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"EPOCH": 1}, "no parameter 'EPOCH'; did you mean 'EPOCHS'. It knows: SMOKE, EPOCHS"),
        ({"epochs": 1}, "did you mean 'EPOCHS'"),
        ({"XYZZY": 1}, "no parameter 'XYZZY'. It knows"),
        ({"EPOCHS": 1.0}, "EPOCHS: expected int, got 1.0"),
        ({"EPOCHS": True}, "EPOCHS: expected int, got True"),
        ({"EPOCHS": None}, "EPOCHS: expected int, got None"),
        ({"SMOKE": "True"}, r"SMOKE: expected bool \(true or false\), got 'True'"),
        ({"SMOKE": 1}, "SMOKE: expected bool"),
        ({"BETA": "1"}, "BETA: expected float"),
        ({"BETA": float("nan")}, "BETA: expected a finite number"),
        ({"NAME": 5}, "NAME: expected str"),
        ({"DIGITS": [1, "2"]}, r"DIGITS\[1\]: expected int, got '2'"),
        ({"LIMIT": "x"}, "LIMIT: expected int or None"),
    ],
)
def test_misspelt_and_mistyped_values_are_refused(notebook, given, message):
    with pytest.raises(ValueError, match=f"n.ipynb.*{message}"):
        check_parameters(notebook(SOURCE), given)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("SMOKE", "true", True),
        ("SMOKE", "No", False),
        ("SHIFT", "-3", -3),
        ("BETA", "1e-3", 0.001),
        ("NAME", "12", "12"),
        ("DIGITS", "[4, 5]", [4, 5]),
        ("LIMIT", "None", None),
        ("LIMIT", "7", 7),
    ],
)
def test_typed_text_is_read_by_the_declared_type(notebook, name, text, expected):
    assert parse_parameters(notebook(SOURCE), {name: text}) == {name: expected}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SMOKE", "maybe"),
        ("EPOCHS", "1.5"),
        ("EPOCHS", "None"),
        ("BETA", "inf"),
        ("DIGITS", "4"),
        ("DIGITS", "[4, "),
        ("DIGITS", "['a']"),
        ("DIGITS", "{[]: 1}"),
    ],
)
def test_typed_text_that_does_not_fit_is_refused(notebook, name, text):
    with pytest.raises(ValueError, match=f"{name}.*: expected"):
        parse_parameters(notebook(SOURCE), {name: text})


@pytest.mark.parametrize("value", ["\udce9", "caf\udce9/x", "a\ud800"])
def test_a_text_that_no_notebook_can_hold_is_refused(notebook, value):
    with pytest.raises(ValueError, match=r"NAME: expected text in UTF-8, got '.*\\ud"):
        parse_parameters(notebook(SOURCE), {"NAME": value})


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A current folder that is no work folder, with a file and a folder; and a home."""
    for name in ("here/a folder", "home/a folder"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "here" / "a.file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_path_counts_from_where_it_was_typed(path, elsewhere, monkeypatch):
    declared = {n: p.default for n, p in notebook_parameters(path).items() if p.is_path}

    def found(text):
        return set(parse_parameters(path, dict.fromkeys(declared, text)).values())

    for text in ("a folder", "../here/a.file"):
        assert found(text) <= {os.path.abspath(text)}
    assert found("~/a folder") <= {str(elsewhere / "home" / "a folder")}
    assert parse_parameters(path, declared) == declared, "as without them"
    monkeypatch.chdir(ROOT)
    assert parse_parameters(path, declared) == declared
    assert found("pretrained/melody_2bar") <= {"../pretrained/melody_2bar"}
    assert (kernel_folder(path.parent) / "../pretrained/melody_2bar").is_dir()
