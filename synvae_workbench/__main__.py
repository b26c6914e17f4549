"""The command line of synvae: runs, sweeps, comparisons, live pages, imports of models."""

import argparse
import os
import shlex
import signal
import sys
import webbrowser

from synvae_core.places import whole_path
from synvae_workbench.arguments import count, port
from synvae_workbench.commands.albums import (
    draw_command,
    draw_parser,
    listen_command,
    listen_parser,
)
from synvae_workbench.commands.options import notebooks_option, parameter_option, typed
from synvae_workbench.commands.runs import run_command, run_parser, sweep_command, sweep_parser
from synvae_workbench.commands.search import (
    album_command,
    album_parser,
    index_command,
    index_parser,
    search_command,
    search_parser,
)
from synvae_workbench.places import (
    SHARE,
    SHIPPED,
    lay_out,
    notebooks_folder,
    work_folder,
)
from synvae_workbench.streams import make_lasting


def main(arguments: list[str] | None = None) -> int:
    """Runs one command, prints what it made, and returns the exit status."""
    make_lasting()
    for name in ("SYNVAE_DATA", "SYNVAE_CACHE"):  # counted from here, and not from notebooks
        if os.environ.get(name):
            os.environ[name] = str(whole_path(os.environ[name]))
    options = parser().parse_args(arguments)
    try:
        return options.command(options)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except ModuleNotFoundError as error:
        needed = f"pip install 'synvae[{options.group}]'"
        print(f"error: {error.name} is not installed, and this needs it: {needed}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    """Parser of the commands and their arguments."""
    whole = argparse.ArgumentParser(prog="synvae", description=__doc__)
    whole.set_defaults(group="notebooks")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    run_parser(commands).set_defaults(command=run_command)
    sweep_parser(commands).set_defaults(command=sweep_command, group="sweep")
    listen_parser(commands).set_defaults(command=listen_command)
    draw_parser(commands).set_defaults(command=draw_command)
    album_parser(commands).set_defaults(command=album_command)
    index_parser(commands).set_defaults(command=index_command, group="search")
    search_parser(commands).set_defaults(command=search_command, group="search")
    explore_parser(commands)

    compare = commands.add_parser("compare", help="put two runs side by side in one page")
    compare.add_argument("first", type=typed, metavar="RUN", help="a folder of runs/")
    compare.add_argument("second", type=typed, metavar="RUN")
    compare.add_argument("--out", type=typed, metavar="FILE", help="by default in reports/")
    compare.set_defaults(command=compare_command)

    shown = commands.add_parser("list", help="show notebooks, their questions and parameters")
    shown.add_argument("notebook", nargs="?", help="its number, name or path; by default all")
    shown.add_argument("--short", action="store_true", help="their names alone")
    notebooks_option(shown)
    shown.set_defaults(command=list_command)

    new = commands.add_parser("new", help="lay out notebooks and parameter files, to work in")
    new.add_argument("folder", type=typed, help="a new one, or an empty one")
    new.set_defaults(command=new_command)

    strip = commands.add_parser("strip", help="remove what a run left in notebooks, in place")
    strip.add_argument("notebooks", type=typed, nargs="+")
    strip.set_defaults(command=strip_command)

    results = commands.add_parser(
        "results", help="write the README's table and the page of results"
    )
    results.add_argument("--record", type=typed, metavar="RUN", help="a run to add first")
    results.add_argument("--made-by", metavar="COMMAND", help="the command that made that run")
    results.set_defaults(command=results_command)

    imported = commands.add_parser("import", help="turn a Magenta checkpoint into a model folder")
    imported.add_argument("checkpoint", type=typed, help=".ckpt prefix, archive, or a folder")
    imported.add_argument("folder", type=typed, help="where the model is written")
    imported.add_argument("--steps", type=count, help="sixteenths of a melody, where not known")
    imported.add_argument("--bar-start", default="carried", help="of hierarchical models: or fresh")
    imported.set_defaults(command=import_command)
    return whole


def explore_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command that serves the live pages."""
    explore = commands.add_parser("explore", help="serve the live pages, on this machine alone")
    notebooks_option(explore)
    explore.add_argument("--port", type=port, default=8866, help="of 127.0.0.1; 0 for a free one")
    explore.add_argument("--browser", action="store_true", help="open the pages in a browser, too")
    parameter_option(explore, "set a parameter of the pages that have it; may be repeated")
    explore.set_defaults(command=explore_command, group="live")


def compare_command(options: argparse.Namespace) -> int:
    """Compares two runs; prints the path of the page."""
    from synvae_workbench.reports.compare import write_comparison

    names = f"{options.first.resolve().name}_and_{options.second.resolve().name}.html"
    out = options.out or work_folder(notebooks_folder()) / "reports" / names
    print(write_comparison(options.first, options.second, out))
    return 0


def list_command(options: argparse.Namespace) -> int:
    """Prints the notebooks with their questions, and each parameter with type, default and help."""
    from synvae_workbench.batch.notebooks import find_notebook, parameter_lines, question_of

    if options.notebook is None:
        paths = sorted(options.notebooks.glob("[!.]*.ipynb"))
        if not paths:
            raise ValueError(f"{options.notebooks} has no notebooks: name a folder with some")
    else:
        paths = [find_notebook(options.notebook, options.notebooks)]
    for path in paths:
        if options.short:
            print(path.stem)
            continue
        print(path.stem, f"    {question_of(path)}", *parameter_lines(path), "", sep="\n")
    return 0


def strip_command(options: argparse.Namespace) -> int:
    """Strips outputs from notebooks; prints the paths of the changed ones."""
    from synvae_workbench.reports import read_notebook, strip_notebook, write_notebook

    for path in options.notebooks:
        notebook = read_notebook(path)
        if (clean := strip_notebook(notebook)) != notebook:
            write_notebook(clean, path)
            print(path)
    return 0


def new_command(options: argparse.Namespace) -> int:
    """Lays out a work folder; prints its contents and the next commands."""
    copies = lay_out(options.folder)
    count = sum(path.suffix == ".ipynb" for path in copies)
    print(
        f"{options.folder} has {count} notebooks and {len(copies) - count} parameter files. Next:"
    )
    print(f"    cd {shlex.quote(str(options.folder))}")
    print("    synvae list --short                         what there is")
    print("    synvae run 00 -p SMOKE true                 a first report, in reports/")
    print("    jupyter lab                                 all of it, cell by cell")
    print("    synvae sweep reports/beta.yaml --dry-run    many runs")
    return 0


def results_command(options: argparse.Namespace) -> int:
    """Writes or records results; prints the paths of the pages written."""
    if SHIPPED == SHARE:
        raise ValueError("README.md and docs/results.md are pages of a checkout: run it in one")
    # Imports torch, which takes long, after the run has been checked.
    from synvae_workbench.reports.published import write_pages
    from synvae_workbench.reports.results import record_result

    if options.record:
        if not options.made_by:
            raise ValueError("--record needs --made-by, the command that a reader could repeat")
        results = SHIPPED / "reports" / "results.json"
        record_result(results, options.record, command=options.made_by)
    print(*write_pages(SHIPPED), sep="\n")
    return 0


def explore_command(options: argparse.Namespace) -> int:
    """Serves the live pages until interrupted; prints their address."""
    from synvae_workbench.live.server.voila import explore

    def ready(address: str) -> None:
        print(f"Explore and listen: {address}\nEnd it with Control-C.", flush=True)
        if options.browser:
            webbrowser.open(address)

    explore(options.notebooks, parameters=dict(options.parameter), port=options.port, ready=ready)
    return 0


def import_command(options: argparse.Namespace) -> int:
    """Imports a model; prints its configuration, missing weights and the path of its folder."""
    from synvae_core.atomic import make_folder
    from synvae_core.models.storage import save_model
    from synvae_workbench.importers.magenta import load_magenta
    from synvae_workbench.locks import holding

    model = load_magenta(options.checkpoint, steps=options.steps, bar_start=options.bar_start)
    print(model.config)
    for name in model.missing:
        print(f"missing: {name}")
    with holding(make_folder(options.folder)):
        save_model(model, options.folder)
    print(options.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
