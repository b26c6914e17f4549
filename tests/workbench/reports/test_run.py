"""A run leaves a report however it ends, and never a kernel."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from filelock import FileLock

from synvae_core.atomic import UnwritableError
from synvae_workbench import locks
from synvae_workbench.__main__ import main
from synvae_workbench.reports import NotebookFailed, run_notebook
from synvae_workbench.reports import run as run_module

PARAMETERS = "SMOKE = False  # small\nSTEPS = 3  # of the loop\nNAME = 'n'  # shown"
new = nbformat.v4


@pytest.fixture
def write(tmp_path):
    """Writes notebooks/NAME.ipynb with a title, parameters and the given cells."""

    def write(*sources, name="trial"):
        cells = [new.new_markdown_cell("# A trial"), new.new_code_cell(PARAMETERS)]
        cells[1].metadata.tags = ["parameters"]
        for source in sources:
            make = new.new_markdown_cell if source.startswith("#") else new.new_code_cell
            cells.append(make(source))
        path = tmp_path / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        nbformat.write(new.new_notebook(cells=cells), path)
        return path

    return write


def run(path, **options):
    return run_notebook(path, status=io.StringIO(), **options)


def outputs(report):
    notebook = nbformat.read(report.with_suffix(".ipynb"), as_version=4)
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def of_a_run(process):
    """Whether a process is the kernel of a run, not of a server that other tests share."""
    command = " ".join(process.cmdline())
    # The connection file of a live page's kernel lies a folder deeper.
    connection = rf"{re.escape(tempfile.gettempdir())}/synvae-\w+/kernel\.json"
    return "ipykernel_launcher" in command and bool(re.search(connection, command))


def kernels():
    """Kernels of runs that this process started and did not end."""
    return [child for child in psutil.Process().children(recursive=True) if of_a_run(child)]


FACTS = """import gc, json, os, sys
from IPython import get_ipython
connection = json.load(open(get_ipython().config["IPKernelApp"]["connection_file"]))
from synvae_workbench.progress import progress
for step in progress(range(STEPS), description="training"):
    pass
facts = [sys.executable, os.getcwd(), connection["transport"], STEPS, NAME]
print(json.dumps([*facts, gc.get_threshold()[0]]))"""


def test_a_run_that_ends_well(write, tmp_path):
    path = write("## Facts", FACTS)
    folder = tmp_path / "out {x}"  # papermill would fill in braces
    report = run(path, parameters={"STEPS": 2, "NAME": "<b>"}, out_dir=folder, name="a.b-c_1")
    assert report == folder / "a.b-c_1.html"
    (output,) = outputs(report)  # and so no trace of the progress bar
    transport = "tcp" if os.name == "nt" else "ipc"
    facts = [sys.executable, str(path.parent), transport, 2, "<b>", 10_000]
    assert json.loads(output.text) == facts
    assert "<b>" not in report.read_text(encoding="utf-8")
    assert kernels() == []


@pytest.mark.slow
def test_a_run_in_strange_surroundings(write, tmp_path):
    temporary = tmp_path / "a folder of temporary files" / ("x" * 90)
    temporary.mkdir(parents=True)
    path = write("print('\u03b1 \u266a')")
    surroundings = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "synvae_workbench", "run", str(path)]
    done = subprocess.run(
        command,
        cwd=Path(__file__).parents[3],
        env=os.environ | surroundings | {"TMPDIR": str(temporary)},
        capture_output=True,
        encoding="latin-1",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = Path(done.stdout.strip())
    assert outputs(report)[0].text == "\u03b1 \u266a\n"
    assert "\u03b1 \u266a" in report.read_text(encoding="utf-8")
    assert list(temporary.iterdir()) == []


def test_an_earlier_run_is_used_only_if_it_was_alike(write):
    path = write("x = STEPS")
    executed = run(path, parameters={"STEPS": 2}).with_suffix(".ipynb")
    assert run_module._earlier_run(executed, {"STEPS": 2}) is not None
    assert run_module._earlier_run(executed, {"STEPS": 3}) is None
    assert run_module._earlier_run(executed, {}) is None
    assert run_module._earlier_run(executed.with_name("absent.ipynb"), {}) is None


def test_a_failing_notebook_leaves_what_ran(write, capsys):
    path = write("print('EAR' + 'LIER')", "## Doing it", "1 / 0", "print('LA' + 'TER')")
    assert main(["run", str(path), "-p", "STEPS", "4", "--name", "broken"]) == 1
    out, err = capsys.readouterr()
    report = path.parents[1] / "reports" / "broken.html"
    assert out == f"{report}\n"
    assert "failed in cell 5, “Doing it”: ZeroDivisionError: division by zero" in err
    page = report.read_text(encoding="utf-8")
    assert "EARLIER" in page
    assert "LATER" not in page
    assert "“Doing it”" in page
    assert "ZeroDivisionError" in page
    assert [output.output_type for output in outputs(report)] == ["stream", "error"]
    assert kernels() == []


@pytest.mark.slow
def test_a_kernel_that_dies_is_a_failure_like_any_other(write):
    path = write("print('EAR' + 'LIER')", "import os\nos._exit(9)")
    with pytest.raises(NotebookFailed) as caught:
        run(path)
    assert caught.value.stopped.cell == 4
    assert "DeadKernelError" in caught.value.stopped.reason
    assert "EARLIER" in caught.value.report.read_text(encoding="utf-8")
    assert kernels() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "STEP", "1"], "did you mean 'STEPS'"),
        (["-p", "STEPS", "few"], "STEPS: expected int, got 'few'"),
        (["--name", "../../x"], "got '../../x'"),
        (["--name", "/tmp/x"], "letters, digits"),
        (["--name", ".."], "letters, digits"),
        (["--name", ""], "letters, digits"),
    ],
)
def test_what_is_wrong_is_refused_before_a_kernel_starts(
    write, arguments, message, capsys, monkeypatch
):
    monkeypatch.setattr(run_module, "LocalKernel", None)  # starting one would raise
    path = write("print(1)")
    before = set(path.parents[1].rglob("*"))
    assert main(["run", str(path), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert set(path.parents[1].rglob("*")) == before


def test_a_notebook_is_not_overwritten_by_its_own_run(write, tmp_path):
    path = write("1")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="overwrite"):
        run(path, out_dir=path.parent)
    assert path.read_bytes() == before


LONG = """import os, time
from pathlib import Path
print("BEG" + "UN", flush=True)
time.sleep(2)  # until it is heard, on a busy machine
Path("pid").write_text(str(os.getpid()))
try:
    time.sleep(60)
finally:
    Path("saved").touch()"""


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_a_report_and_no_kernel(write, signum):
    path = write("## Waiting", LONG, "print('LA' + 'TER')")
    pid = path.parent / "pid"
    command = [sys.executable, "-m", "synvae_workbench", "run", str(path)]
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        command, cwd=root, encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    for _ in range(600):
        if (pid.is_file() and pid.read_text(encoding="utf-8")) or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(signum)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signum, err
    assert "was stopped in cell 4, “Waiting”: interrupted" in err
    report = Path(out.splitlines()[-1])
    assert report == path.parents[1] / "reports" / "trial.html"
    page = report.read_text(encoding="utf-8")
    assert "BEGUN" in page
    assert "LATER" not in page
    assert "Interrupted" in page
    assert (path.parent / "saved").exists(), "the cell could not clean up"
    assert not psutil.pid_exists(int(pid.read_text(encoding="utf-8")))


def test_the_kernel_is_this_interpreter_whatever_is_registered(write, tmp_path, monkeypatch):
    spec = tmp_path / "kernels" / "python3"
    spec.mkdir(parents=True)
    kernel = {"argv": ["/bin/false"], "display_name": "other", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(kernel), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    report = run(write("import sys; print(sys.executable)"))
    assert outputs(report)[0].text.strip() == sys.executable


def test_the_commands_that_touch_no_kernel(write, capsys):
    path = write("print(1)")
    assert main(["list", str(path)]) == 0
    assert "STEPS int  3     of the loop" in capsys.readouterr().out

    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].outputs = [new.new_output("stream", text="1")]
    notebook.cells[2].execution_count = 7
    notebook.cells[2].metadata = {"editable": True, "tags": ["a"], "synvae": {"seconds": 2}}
    notebook.metadata.widgets = {"state": {}}
    nbformat.write(notebook, path)
    assert main(["strip", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}\n"
    clean = nbformat.read(path, as_version=4)
    assert clean.cells[2].metadata == {"tags": ["a"], "synvae": {"seconds": 2}}
    assert clean.cells[2].outputs == []
    assert clean.cells[2].execution_count is None
    assert "widgets" not in clean.metadata
    assert main(["strip", str(path)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("room", "error", "left"),
    [
        (100_000, NotebookFailed, ["trial.html", "trial.ipynb"]),
        (8_000, UnwritableError, ["trial.ipynb"]),  # too little for the report, too
    ],
)
def test_a_full_disk_leaves_the_notebook_whole_and_says_so(write, tmp_path, room, error, left):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = write("print('small')", "print('large' * 50_000)")
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(error, match=r"cell 4.*: \S*trial.ipynb cannot be written: files may"):
            run(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "small" in str(outputs(tmp_path / "reports" / "trial.html"))
    seen = [name for name in os.listdir(tmp_path / "reports") if not name.endswith(".lock")]
    assert sorted(seen) == left
    assert not kernels()


def test_a_report_that_another_process_writes_is_left_alone(write, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.0)
    path, report = write("print('mine')"), tmp_path / "reports" / "trial.ipynb"
    report.parent.mkdir()
    with FileLock(locks.lock_file(report)), pytest.raises(locks.HeldError, match=r"trial\.ipynb"):
        run(path)
    assert not report.exists()
