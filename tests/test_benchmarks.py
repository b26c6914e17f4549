"""The table of the benchmarks says what became worse."""

import importlib.util
import json
from pathlib import Path

import pytest
import soundfile as sf

FOLDER = Path(__file__).parents[1] / "benchmarks"
ROW = {"benchmark": "b", "what": "work", "to": "a loop", "kind": "speed", "value": 2.0}


def loaded(name):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def gathered(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return loaded("__main__")


def test_recordings_are_made_up_where_there_are_none(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.delenv("SYNVAE_DATA", raising=False)
    benchmark = loaded("log_mel")
    monkeypatch.setattr(benchmark, "COUNT", 3)
    first, *others = benchmark.files_in(tmp_path)
    assert len(others) == 2
    assert 0.15 <= sf.info(first).duration <= 1.2


@pytest.mark.parametrize(
    ("kind", "value", "worse"),
    [
        ("speed", 1.59, True),
        ("speed", 1.61, False),
        ("speed", 9.0, False),
        ("memory", 2.41, True),
        ("memory", 2.39, False),
        ("memory", 0.1, False),
    ],
)
def test_more_than_a_fifth_worse_is_marked(gathered, kind, value, worse):
    kept = [ROW | {"kind": kind}]
    table = gathered.comparison_table([ROW | {"kind": kind, "value": value}], kept)
    assert ("% worse**" in table) == worse
    assert f"{int(worse)} of 1 more than 20% worse" in table


def test_a_new_ratio_is_said_to_be_new(gathered):
    assert "| new |" in gathered.comparison_table([ROW], [])


def test_a_benchmark_s_ratios_are_recorded(gathered, tmp_path, monkeypatch):
    script = tmp_path / "quick.py"
    script.write_text(
        "from measuring import ratio\nratio('work', 2.0, to='a loop')\n", encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(FOLDER))
    assert gathered.run_benchmark(script) == [ROW | {"benchmark": "quick"}]


def test_the_kept_pages_are_those_of_the_kept_table(gathered):
    kept = json.loads((FOLDER / "table.json").read_text(encoding="utf-8"))
    costs = FOLDER.parent / "docs" / "costs.md"
    assert costs.read_text(encoding="utf-8") == gathered.page_of_costs(kept)
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == gathered.page(kept)
    here = {path.stem for path in FOLDER.glob("*.py")} - {"__main__"}
    assert {row["benchmark"] for row in kept["rows"]} == here
