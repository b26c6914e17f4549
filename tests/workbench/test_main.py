"""The command line: what it needs, and how its commands end in whatever surroundings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from synvae_workbench.__main__ import main, parser

ROOT = Path(__file__).parents[2]
OF_OTHER_GROUPS = ("dask", "distributed", "voila", "ipywidgets", "anywidget")


def with_python_alone(*arguments: str) -> subprocess.CompletedProcess:
    """A command without any installed package."""
    command = [sys.executable, "-S", "-m", "synvae_workbench", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={}, capture_output=True, encoding="utf-8", check=False
    )


@pytest.mark.parametrize(("command", "word"), [([], "explore"), (["run"], "--devices")])
def test_help_needs_nothing(command, word):
    done = with_python_alone(*command, "--help")
    assert done.returncode == 0, done.stderr
    assert word in done.stdout


@pytest.mark.parametrize(
    ("command", "group"),
    [
        (["list"], "notebooks"),
        (["run", "00"], "notebooks"),
        (["sweep", "reports/beta.yaml"], "sweep"),
        (["explore"], "live"),
        (["listen", "a", "--to", "b"], "notebooks"),
        (["listen", "a", "--to", "b", "--workers", "2"], "sweep"),
    ],
)
def test_what_is_lacking_is_named(command, group):
    done = with_python_alone(*command)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith(f"pip install 'synvae[{group}]'\n")


def test_notebooks_need_nothing_of_sweeps_and_live_pages():
    program = (
        f"import sys\nsys.modules.update(dict.fromkeys({OF_OTHER_GROUPS}))\n"
        "from synvae_workbench.__main__ import main\nsys.exit(main(['list', '--short']))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert "00_quickstart" in done.stdout


# Every command with arguments that it takes.
COMMANDS = {
    "run": ["00"],
    "sweep": ["reports/beta.yaml"],
    "listen": ["a", "--to", "b"],
    "draw": ["a", "--to", "b"],
    "album": ["a"],
    "index": ["a"],
    "search": ["a", "b"],
    "explore": [],
    "compare": ["a", "b"],
    "list": [],
    "new": ["a"],
    "strip": ["a"],
    "results": [],
    "import": ["a", "b"],
}


def with_body(command: str, body: str, **options) -> subprocess.CompletedProcess:
    """A command that does what `body` says in place of its own work."""
    program = (
        "import sys\nfrom synvae_workbench import __main__ as cli\n"
        f"def work(options):\n    {body}\n"
        f"cli.{command}_command = work\nsys.exit(cli.main({[command, *COMMANDS[command]]}))"
    )
    call = [sys.executable, "-S", "-c", program]
    return subprocess.run(call, cwd=ROOT, check=False, **options)


def test_all_commands_are_known_here():
    (commands,) = (action for action in parser()._actions if action.choices)
    assert COMMANDS.keys() == commands.choices.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_works_to_its_end_when_nobody_reads_along(command):
    read, write = os.pipe()
    os.close(read)
    body = "print('x' * 999_999); print('y', file=sys.stderr, flush=True); return 7"
    with os.fdopen(write, "wb") as closed:
        assert with_body(command, body, stdout=closed, stderr=closed).returncode == 7


@pytest.mark.parametrize("command", COMMANDS)
def test_control_c_ends_a_command_without_a_traceback(command):
    done = with_body(command, "raise KeyboardInterrupt", capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_system_refuses_is_a_sentence(command):
    done = with_body(command, "open(sys.executable + '/x')", capture_output=True)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"error: [Errno 20] Not a directory: " in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", "??|"), ("latin-1", "?é|"), ("utf-8", "αé|")]
)
def test_what_an_encoding_cannot_show_is_replaced(encoding, shown):
    surroundings = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}
    body = r"print('\u03b1\u00e9|\udcff'); return 0"  # a name of a file that is not UTF-8, too
    done = with_body("list", body, env=surroundings, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode(encoding).startswith(shown)


@pytest.mark.parametrize("command", ["sweep", "compare", "new", "strip", "import"])
def test_a_path_that_is_none_is_refused_by_every_command(command, capsys):
    for path in ("a" * 300, "b/" * 5000):
        with pytest.raises(SystemExit) as exited:
            main([command, *(path for _ in COMMANDS[command])])
        assert exited.value.code == 2
        assert "cannot be the path of a file: File name too long" in capsys.readouterr().err


def test_paths_on_the_command_line_know_the_home_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for arguments in (["list", "--notebooks=~/none"], ["sweep", "~/none"], ["strip", "~/none"]):
        assert main(arguments) == 2
        assert f"{tmp_path}/none" in capsys.readouterr().err
    assert main(["list", "~/none.ipynb"]) == 2


@pytest.mark.parametrize("name", ["SYNVAE_DATA", "SYNVAE_CACHE"])
def test_folders_of_the_environment_count_from_where_a_command_was_typed(
    name, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, "data")
    main(["list", "--short"])
    assert os.environ[name] == str(tmp_path / "data")


@pytest.mark.parametrize("head", ["host", "host:", ":1", "host:0", "host:65536", "host:x"])
def test_an_address_of_a_first_machine_that_is_none(head, capsys):
    assert main(["run", "00", "--nodes", "2", "--head", head]) == 2
    assert f"--head {head}: expected HOST:PORT with a port of 1 to 65535" in capsys.readouterr().err


def integer_options():
    """Every option of every command that takes a whole number, by its words."""
    (commands,) = (action for action in parser()._actions if action.choices)
    for name, command in commands.choices.items():
        for action in command._actions:
            assert action.type is not int, f"{name} {action.dest} has no range"
            if "whole number" in getattr(action.type, "__name__", ""):
                yield name, action.option_strings[-1]


@pytest.mark.parametrize(("command", "option"), list(integer_options()))
def test_numbers_out_of_range_are_refused_by_the_option_s_name(command, option, capsys):
    for text in ("-32", "-1", "99999999", "2.5", "two", "", "9" * 5000):
        with pytest.raises(SystemExit) as ended:
            main([command, *COMMANDS[command], option, text])
        assert ended.value.code == 2
        assert f"{option}: invalid whole number (" in capsys.readouterr().err


def test_there_is_no_model_of_no_steps_and_no_run_of_no_device(capsys):
    for command, option in (("import", "--steps"), ("run", "--devices"), ("sweep", "--workers")):
        with pytest.raises(SystemExit):
            main([command, *COMMANDS[command], option, "0"])
        assert "invalid whole number (1..4096) value: '0'" in capsys.readouterr().err


def test_a_machine_is_one_of_those_that_run(capsys):
    assert main(["run", "12", "--nodes", "2", "--node-rank", "2"]) == 2
    assert "--node-rank is 0 to 1 of --nodes 2" in capsys.readouterr().err
