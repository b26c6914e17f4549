"""The figures that the README quotes: kept in `reports/results.json`, written into its tables.

A result is what one run measured, with the command that made it, its parameters, commit, device
and date. The tables in the README stand between two marks and are generated from this file alone.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synvae_core.models.storage import write_json

START = "<!-- results: generated from reports/results.json by `make results` -->"
END = "<!-- end of results -->"

# What each figure means to a reader, by table; figures without a line here stay in the file alone.
# A run has a column in a table if it measured the table's first figure.
TABLES = {
    "Pictures through melodies": {
        "notes/squared_error": "squared error of a picture rebuilt from its MIDI file",
        "floor/squared_error": "squared error of the mean picture, for scale",
        "notes/cnn_agreement": "digits rebuilt from MIDI that a CNN reads as their label",
        "judge/accuracy": "the same CNN on the real test digits",
        "notes/precision_at_1": "auditive precision@1 (means of the notes' posteriors)",
        "notes/precision_at_5": "auditive precision@5",
        "notes/precision_at_10": "auditive precision@10",
        "visual/precision_at_10": "visual precision@10 (means)",
        "floor/precision_at_10": "precision@10 on raw pixels, the floor",
        "notes/distinct_melodies": "distinct melodies",
        "notes/auc": "AUC on features, pictures' melodies against tunes (0.5: no difference)",
        "prior/auc": "the same for melodies drawn from the prior of the melody model",
        "tunes/auc": "the same for windows of other tunes: what real music scores",
        "notes/auc_events": "AUC on events, pictures' melodies against tunes",
        "prior/auc_events": "the same for melodies drawn from the prior",
        "tunes/auc_events": "the same for windows of other tunes",
        "notes/auc_plain_folds": "AUC on features, pictures' melodies, folds that share tunes",
        "tunes/auc_plain_folds": "the same for windows of other tunes",
        "notes/within_classes": "steps at which two melodies of a class sound different",
        "notes/between_classes": "the same for melodies of different classes",
    },
    "Neighbours through the notes": {
        "notes/share_of_visual_at_1": "auditive precision@1 as a share of the visual one",
        "notes/share_of_visual_at_5": "the same at 5",
        "notes/share_of_visual_at_10": "the same at 10",
        "notes/precision_at_1": "auditive precision@1",
        "visual/precision_at_1": "visual precision@1",
        "floor/precision_at_1": "precision@1 on raw pixels, the floor",
        "chance/precision": "precision of random neighbours",
    },
    "Melody models": {
        "reconstruction/note_f1": "held-out tunes: note F1, free-running",
        "reconstruction/exact": "held-out tunes: windows reconstructed exactly",
        "reconstruction/teacher_forced_accuracy": "held-out tunes: steps right, teacher-forced",
        "reconstruction/kl_bits": "bits of KL a window",
        "reconstruction/active_dimensions": "active latent dimensions",
        "unseen/note_f1": "a corpus never seen (Essen folk songs): note F1",
        "unseen/exact": "the same: windows reconstructed exactly",
        "prior/auc": "AUC on features, draws of the prior against tunes (0.5: no difference)",
        "tunes/auc": "the same for windows of other tunes: what real music scores",
        "prior/auc_events": "AUC on events, draws of the prior against tunes",
        "tunes/auc_events": "the same for windows of other tunes",
        "prior/auc_plain_folds": "AUC on features, draws of the prior, folds that share tunes",
        "tunes/auc_plain_folds": "the same for windows of other tunes",
    },
    "A melody model looked into": {
        "own/exact": "held-out tunes: windows exact, from the means of the posteriors",
        "own/drawn_exact": "the same from draws of the posteriors",
        "unseen/note_f1": "Essen folk songs, never seen: note F1",
        "unseen/exact": "the same: windows exact",
        "interpolation/linear_length": "length of a path between two tunes (1 is the shortest)",
        "interpolation/events_length": "the same for events drawn from either tune, the baseline",
        "attributes/mean_pitch": "effect of the vector for higher pitch, in s.d. of the tunes",
        "attributes/note_density": "of the vector for more notes",
        "attributes/sixteenth_syncopation": "of the vector for more syncopated sixteenths",
    },
    "Melodies that a decoder alone can play": {
        "own/fitted_steps": "fiddle tunes, latents fitted by gradient descent: steps right",
        "own/fitted_exact": "the same: windows exact",
        "unseen/fitted_exact": "Essen folk songs: windows exact",
    },
}

# Tables of one run that compares several things: a line for each thing, a column for each measure.
# `kept/notes_squared_error` stands in the line `kept`, column `notes_squared_error`.
GRIDS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "What each coupling keeps in the notes": (
        {
            coupling: f"`{coupling}`"
            for coupling in (
                "straight_through",
                "straight_through_softmax",
                "softmax",
                "gumbel",
                "logits",
            )
        },
        {
            "coupling_squared_error": "squared error as trained",
            "notes_squared_error": "squared error from the notes",
            "notes_cnn_agreement": "agreement of the CNN from the notes",
        },
    ),
    "Picture and music": (
        {
            **{
                f"{number.replace('.', '_')}": f"`SURPRISE` {number}"
                for number in ("0.8", "0.9", "1.0", "1.1", "1.3", "1.6")
            },
            "one_take": "1.1, one take",
            "any_surprise": "1.1, of all takes the best picture, at no price",
            "nearest_tune": "1.1, the nearest window of a real tune in place of the melody",
            "kl": "1.1, each posterior held to N(0, I) instead of all together",
            "step_by_step": "1.1, a latent number for each event instead of two",
            "melody_vae": "`melody_2bar`, held by the KL",
            "held_together": "`melody_2bar`, held together",
            "prior_samples": "draws of the prior",
            "other_tunes": "windows of other tunes",
        },
        {
            "squared_error": "squared error",
            "cnn_agreement": "agreement",
            "precision_at_10": "auditive precision@10",
            "auc": "AUC on features",
            "auc_events": "AUC on events",
            "within_classes": "spread within classes",
            "between_classes": "spread between classes",
        },
    ),
}


def record_result(path: Path, run: Path, *, command: str) -> None:
    """Copies a run's metrics and provenance into the results file, under the run's name.

    Raises:
        ValueError: if the run has no `metrics.json` or `provenance.json`.
    """
    for file in ("metrics.json", "provenance.json"):
        if not (run / file).is_file():
            raise ValueError(f"{run / file} is missing: expected a finished run; run it first")
    results = read_results(path)
    results[run.name] = {
        "command": command,
        "metrics": json.loads((run / "metrics.json").read_text()),
        "provenance": json.loads((run / "provenance.json").read_text()),
    }
    write_json(path, results)


def read_results(path: Path) -> dict[str, Any]:
    """All results, by run name; empty where there is no file yet."""
    return json.loads(path.read_text()) if path.is_file() else {}


def results_table(results: Mapping[str, Any]) -> str:
    """The results as Markdown tables: a line for each figure, a column for each run."""
    tables = []
    for title, labels in TABLES.items():
        first = next(iter(labels))
        runs = {name: run for name, run in results.items() if first in run["metrics"]}
        if not runs:
            continue
        lines = [f"| {title} | {' | '.join(runs)} |", "|---|" + "---:|" * len(runs)]
        for metric, label in labels.items():
            values = [run["metrics"].get(metric) for run in runs.values()]
            shown = ["" if value is None else format_value(value) for value in values]
            if any(shown):
                lines.append(f"| {label} | {' | '.join(shown)} |")
        tables.append("\n".join(lines) + f"\n\n{made_by(runs)}")
    tables += [
        grid({name: run}, title, lines, columns)
        for title, (lines, columns) in GRIDS.items()
        for name, run in results.items()
        if f"{next(iter(lines))}/{next(iter(columns))}" in run["metrics"]
    ]
    return "\n\n".join(tables)


def grid(
    runs: Mapping[str, Any], title: str, lines: Mapping[str, str], columns: Mapping[str, str]
) -> str:
    """The table of one run, whose metrics are `line/column`."""
    (run,) = runs.values()
    rows = [f"| {title} | {' | '.join(columns.values())} |", "|---|" + "---:|" * len(columns)]
    for line, label in lines.items():
        values = [run["metrics"].get(f"{line}/{column}") for column in columns]
        shown = ["" if value is None else format_value(value) for value in values]
        if any(shown):
            rows.append(f"| {label} | {' | '.join(shown)} |")
    return "\n".join(rows) + f"\n\n{made_by(runs)}"


def made_by(runs: Mapping[str, Any]) -> str:
    """The command of each run, as a list."""
    return "\n".join(f"- {name}: `{run['command']}`" for name, run in runs.items())


def format_value(value: float) -> str:
    """Whole numbers as they are, large ones with one decimal, shares with three."""
    if value == int(value) and abs(value) > 1:
        return f"{int(value):,}"
    return f"{value:.1f}" if abs(value) >= 2 else f"{value:.3f}"


def with_table(readme: str, results: Mapping[str, Any]) -> str:
    """The README's text with its tables written anew.

    Raises:
        ValueError: unless both marks stand in the text, in order.
    """
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"README.md: expected the lines {START!r} and {END!r} around the table")
    return f"{before}{START}\n{results_table(results)}\n{END}{after}"
