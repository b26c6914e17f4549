"""Runs the benchmarks and compares their ratios with the stored ones in a table.

`make bench` marks ratios that are more than a fifth worse than the stored ones. `python benchmarks
--keep` stores the ratios in `table.json` and `README.md` instead, and calculates docs/costs.md from
what one of everything costs. Names as arguments select benchmarks.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from measuring import COST, RECORD, SAID
from measuring.costs_page import costs_page

HERE = Path(__file__).parent
KEPT = HERE / "table.json"
COSTS = HERE.parent / "docs" / "costs.md"
WORSE = 0.2  # relative change from which a ratio is marked
HEAD = """# Benchmarks

Ratios against a reference that is timed in the same run; written by `python benchmarks --keep`.
`make bench` measures them anew and marks what became more than a fifth worse.

"""

Row = dict[str, str | float]


def main() -> int:
    options = arguments()
    rows: list[Row] = []
    for name in options.names:
        print(f"{name}.py", file=sys.stderr, flush=True)
        rows += run_benchmark(HERE / f"{name}.py")
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {"rows": []}
    if options.keep:
        own = {row["benchmark"] for row in rows}
        rows = [row for row in kept["rows"] if row["benchmark"] not in own] + rows
        rows.sort(key=lambda row: row["benchmark"])
        made = {"date": str(date.today()), "machine": machine(), "rows": rows}
        KEPT.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
        (HERE / "README.md").write_text(page(made), encoding="utf-8")
        COSTS.write_text(page_of_costs(made), encoding="utf-8")
        print(HERE / "README.md")
        return 0
    print(comparison_table([row for row in rows if row["kind"] != COST], kept["rows"]))
    return 0


def arguments() -> argparse.Namespace:
    known = sorted(path.stem for path in HERE.glob("*.py") if path.stem != "__main__")
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--keep", action="store_true", help="store the table")
    options = parser.parse_args()
    if unknown := set(options.names) - set(known):
        parser.error(f"no benchmark {unknown.pop()!r}; there are {', '.join(known)}")
    options.names = options.names or known
    return options


def run_benchmark(script: Path) -> list[Row]:
    """Runs one benchmark; returns its ratios. Its output is shown."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "ratios"
        record.touch()
        environment = os.environ | {RECORD: str(record)}
        subprocess.run([sys.executable, str(script)], env=environment, check=True)
        lines = record.read_text(encoding="utf-8").splitlines()
    return [{"benchmark": script.stem} | json.loads(line) for line in lines]


def comparison_table(rows: list[Row], kept: list[Row]) -> str:
    """Markdown table of the new ratios beside the stored ones."""
    before = {(row["benchmark"], row["what"]): float(row["value"]) for row in kept}
    lines = ["| | now | kept | |", "|---|---:|---:|---|"]
    worse = 0
    for row in rows:
        value, old = float(row["value"]), before.get((row["benchmark"], row["what"]))
        mark = "new" if old is None else ""
        if old is not None and is_worse(value, old, str(row["kind"])):
            mark, worse = f"**{abs(value / old - 1):.0%} worse**", worse + 1
        shown = "" if old is None else f"{old:.3g}"
        lines.append(f"| {in_words(row)} | {value:.3g} | {shown} | {mark} |")
    return "\n".join([*lines, "", f"{worse} of {len(rows)} more than {WORSE:.0%} worse than kept"])


def is_worse(value: float, old: float, kind: str) -> bool:
    """True if a ratio is more than a fifth worse: lower speed, or more memory."""
    return value > old * (1 + WORSE) if kind == "memory" else value < old * (1 - WORSE)


def in_words(row: Row) -> str:
    return f"{row['what']}: {SAID[str(row['kind'])]} {row['to']}"


def page(made: dict) -> str:
    """Page of the stored table, in Markdown."""
    lines = ["| | | measured in |", "|---|---:|---|"]
    lines += [
        f"| {in_words(row)} | {row['value']:.3g} | `{row['benchmark']}.py` |"
        for row in made["rows"]
        if row["kind"] != COST
    ]
    return HEAD + "\n".join([*lines, "", f"Measured on {made['machine']}, {made['date']}.", ""])


def page_of_costs(made: dict) -> str:
    """Page of what a million pictures cost, in Markdown."""
    costs = [row for row in made["rows"] if row["kind"] == COST]
    return costs_page(costs, made["machine"], made["date"])


def machine() -> str:
    return f"{platform.machine()} under {platform.system()}, {os.cpu_count()} cores"


if __name__ == "__main__":
    sys.exit(main())
