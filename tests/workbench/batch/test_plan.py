"""A file of parameters becomes runs, or is refused with a sentence before anything starts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synvae_workbench.batch import plan as plan_module
from synvae_workbench.batch.naming import MAX_LENGTH, cell_name
from synvae_workbench.batch.plan import read_plan
from synvae_workbench.places import NAME

CHAIN = "steps:\n  train: {notebook: 5}\n  look: {notebook: 6, parameters: {RUN: $train}}\n"


def read(tree, text, name="trial", **options):
    return read_plan(tree.file(text, name), notebooks=tree.root / "notebooks", **options)


def test_a_grid_is_every_combination_and_a_list_is_itself(tree):
    plan = read(tree, "notebook: 5\nparameters: {LABEL: x}\ngrid: {BETA: [1, 1e-3], SEED: [0, 1]}")
    assert [cell.varied for cell in plan.cells] == [
        *({"BETA": 1.0, "SEED": 0}, {"BETA": 1.0, "SEED": 1}),
        *({"BETA": 0.001, "SEED": 0}, {"BETA": 0.001, "SEED": 1}),
    ]
    assert [run.name for run in plan.runs][:2] == ["trial-BETA_1.0-SEED_0", "trial-BETA_1.0-SEED_1"]
    assert plan.runs[2].parameters == {
        "RUN_NAME": "trial-BETA_0.001-SEED_0",
        "LABEL": "x",
        "BETA": 0.001,
        "SEED": 0,
    }
    assert (plan.varied, plan.root, plan.smoke) == (["BETA", "SEED"], tree.root, False)
    plan = read(tree, "notebook: tiny\nlist: [{BETA: 1}, {SEED: 2, KINDS: [1]}]", name="a.b")
    assert plan.runs[0].parameters["RUN_NAME"] == "a.b-BETA_1.0"
    assert plan.varied == ["BETA", "SEED", "KINDS"]
    assert plan.cells[0].varied == {"BETA": 1.0, "SEED": 0, "KINDS": [1, 2]}, "the defaults"
    assert [run.name for run in read(tree, "notebook: 05_tiny").runs] == ["trial"]


def test_a_chain_hands_on_run_folders_and_waits_for_them(tree):
    plan = read(tree, CHAIN + "grid: {train.BETA: [1, 2]}\nparameters: {all.SEED: 3}")
    train, look = plan.cells[1].runs
    assert (train.name, look.name) == ("trial-train.BETA_2.0-train", "trial-train.BETA_2.0-look")
    assert look.parameters["RUN"] == f"../runs/{train.name}"
    assert (train.after, look.after) == ((), (train.name,))
    assert train.parameters["SEED"] == look.parameters["SEED"] == 3
    assert "BETA" not in look.parameters


def test_paths_of_a_file_count_from_where_the_sweep_was_asked_for(
    tree, tmp_path_factory, monkeypatch
):
    here = tmp_path_factory.mktemp("here")
    for folder in (here / "there", here / "too", tree.root / "runs" / "mine"):
        folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.chdir(here)
    text = "notebook: 5\ngrid: {RUN: [there, ~/too, ../runs/mine, typo.json, '']}"
    runs = read(tree, text).runs
    there, mine = str(here / "there"), "../runs/mine"
    found = [run.parameters["RUN"] for run in runs]
    assert found == [there, str(here / "too"), mine, str(here / "typo.json"), ""]
    texts = {"RUN": "there", "LABEL": "there"}
    (run,) = read(tree, "notebook: 5", name="b", texts=texts).runs
    assert (run.parameters["RUN"], run.parameters["LABEL"]) == (there, "there")


def test_what_is_typed_wins_and_smoke_runs_are_kept_apart(tree):
    texts = {"all.SMOKE": "true", "look.LABEL": "typed"}
    text = CHAIN + "parameters: {look.LABEL: file}"
    plan = read(tree, text, texts=texts)
    assert (plan.name, plan.smoke) == ("trial_smoke", True)
    train, look = plan.runs
    assert look.parameters["LABEL"] == "typed"
    assert (train.name, train.folder) == ("trial-train", "trial-train_smoke")
    assert look.parameters["RUN"] == "../runs/trial-train_smoke"
    assert read(tree, text, name="a").name == "a"
    assert read_plan(tree.file(text), notebooks=tree.root / "notebooks", name="b").name == "b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected lines like"),
        ("- 1", "expected lines like"),
        ("1: 2", "expected lines like"),
        ("notebook: 5\ngrid: {BETA: [1]", "not the YAML"),
        ("notebook: 5\nsweep: 1", "has the key 'sweep'; it knows about, grid, list, notebook"),
        ("notebook: 5\nshow: tiny/beta", "show: expected names of metrics"),
        ("grid: {BETA: [1]}", "either `notebook` or, for a chain, `steps`"),
        ("notebook: 5\nsteps: {a: {notebook: 5}}", "either `notebook`"),
        ("notebook: 5\ngrid: {BETA: [1]}\nlist: [{BETA: 1}]", "not both"),
        ("notebook: 9", "'9' is no notebook"),
        ("notebook: ../notebooks/05_tiny", "number or name, got '../notebooks/05_tiny'"),
        ("notebook: [5]", "number or name"),
        ("notebook: 5\nabout: [1]", "expected a sentence"),
        ("notebook: 5\nparameters: [1]", "expected lines like `BETA: 0.1`"),
        ("notebook: 5\nparameters: {BETTA: 1}", "did you mean 'BETA'"),
        ("notebook: 5\nparameters: {BETA: yes}", "BETA: expected float, got True"),
        ("notebook: 5\nparameters: {BETA: .nan}", "a finite number"),
        ("notebook: 5\nparameters: {LABEL: 2020-01-01}", "LABEL: expected str"),
        ("notebook: 5\nparameters: {KINDS: [{a: 1}]}", "KINDS: expected a list of plain values"),
        ("notebook: 5\nparameters: {RUN_NAME: x}", "RUN_NAME is made from"),
        ("notebook: 5\nparameters: {1: x}", "expected the name of a parameter, got 1"),
        ("notebook: 5\nparameters: {RUN: $train}", "'\\$train' names no earlier step"),
        ("notebook: 5\ngrid: {BETA: 1}", "BETA: expected a list of values, got 1"),
        ("notebook: 5\ngrid: {BETA: []}", "BETA: expected a list of values"),
        ("notebook: 5\ngrid: {BETA: [1, x]}", "BETA: expected float, got 'x'"),
        ("notebook: 5\ngrid: {BETA: [1, 1.0]}", "two cells are alike: trial-BETA_1.0"),
        ("notebook: 5\ngrid: {BETA: [1], BETA: [2]}", "'BETA' is given twice"),
        ("notebook: 5\nlist: []", "0 runs: expected 1 to"),
        ("notebook: 5\nlist: [1]", "expected lines like `- {BETA"),
        ("notebook: 5\nlist: [{}]", "expected lines like `- {BETA"),
        ("steps: {}", "expected lines like `train"),
        ("steps: {a: 5}", "step 'a': expected `notebook` and `parameters`"),
        ("steps: {A: {notebook: 5}}", "small letters"),
        ("steps: {../a: {notebook: 5}}", "small letters"),
        ("steps: {all: {notebook: 5}}", "not 'all'"),
        ("steps: {a: {notebook: 5, grid: 1}}", "step 'a' has the key 'grid'"),
        (CHAIN + "grid: {BETA: [1]}", "write train.BETA, or all.BETA"),
        (CHAIN + "grid: {trial.BETA: [1]}", "expected train, look, or all, before the dot"),
        (CHAIN + "grid: {all.BETTA: [1]}", "a step that has BETTA"),
        (CHAIN + "grid: {train.BETTA: [1]}", "did you mean 'BETA'"),
        ("steps: {a: {notebook: 5, parameters: {RUN: $b}}, b: {notebook: 5}}", "no earlier step"),
        ("notebook: 5\nparameters: &p {BETA: 1}\ngrid: *p", "aliases are refused"),
        ("notebook: !!python/object/apply:os.system [ls]", "not the YAML"),
        ("a: " + "[" * 5000, "not the YAML"),
        ("notebook: \x00", "not the YAML"),
    ],
)
def test_what_is_wrong_is_refused(tree, text, message):
    with pytest.raises(ValueError, match=rf"trial\.yaml.*{message}"):
        read(tree, text)
    assert not list((tree.root / "runs").iterdir())


def test_a_huge_grid_is_refused_before_it_is_made(tree):
    grid = "\n".join(f"  {name}: [{', '.join(map(str, range(1000)))}]" for name in ("BETA", "SEED"))
    with pytest.raises(ValueError, match="1,000,000 runs: expected 1 to 2,000"):
        read(tree, f"notebook: 5\ngrid:\n{grid}")
    with pytest.raises(ValueError, match="over 100,000 bytes"):
        read(tree, "#" * 1_000_001)


def test_a_notebook_is_read_once_for_each_value(tree, monkeypatch):
    calls = []
    check = plan_module.typed_parameters
    monkeypatch.setattr(plan_module, "typed_parameters", lambda *a: calls.append(a) or check(*a))
    values = [*range(20)]
    plan = read(tree, f"notebook: 5\ngrid: {{BETA: {values}, SEED: {values}}}")
    assert len(plan.runs) == 400
    assert len(calls) == 60, "20 seeds, and 20 betas as integers and as floats"


def test_what_is_varied_cannot_be_typed(tree):
    with pytest.raises(ValueError, match="BETA is varied by the file"):
        read(tree, "notebook: 5\ngrid: {BETA: [1]}", texts={"BETA": "2"})
    with pytest.raises(ValueError, match="BETA: expected float, got 'x'"):
        read(tree, "notebook: 5", texts={"BETA": "x"})
    for name in ("", "../x", "a/b", ".x", "a b"):
        with pytest.raises(ValueError, match="the name of a sweep"):
            read_plan(tree.file("notebook: 5"), notebooks=tree.root / "notebooks", name=name)


PLAIN = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.lists(st.text(), max_size=3),
)


@given(value=PLAIN, other=PLAIN)
def test_cells_have_names_that_are_folders_and_differ(value, other):
    first, second = cell_name({"BETA": value}), cell_name({"BETA": other})
    assert NAME.fullmatch(first)
    assert len(first) <= MAX_LENGTH
    same = type(value) is type(other) and repr(value) == repr(other)
    if type(value) is type(other) and not same:
        assert first.lower() != second.lower()


def test_names_that_a_person_can_read():
    assert cell_name({}) == ""
    assert cell_name({"BETA": 0.5, "SEED": -1, "AUGMENT": True}) == "BETA_0.5-SEED_-1-AUGMENT_true"
    assert cell_name({"DATASET": "mnist_5k"}) == "DATASET_mnist_5k"
    assert cell_name({"MUSIC": "../pretrained/x"}).startswith("MUSIC_pretrained-x-")
