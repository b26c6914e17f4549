"""What is wrong with the figures of a run, by what is declared of their measures."""

from synvae_core.metrics.measures import measure_of
from synvae_workbench.reports.directions import MEASURES

ROUNDING = 1e-6


def wrong_figures(metrics: dict[str, float]) -> list[str]:
    """Figures of no known measure, and those out of the range of theirs; each with the reason."""
    wrong = []
    for metric, value in metrics.items():
        measure = measure_of(metric, MEASURES)
        if measure is None:
            wrong.append(f"{metric}: no measure of that name is declared")
        elif not measure.low - ROUNDING <= value <= measure.high + ROUNDING:
            wrong.append(f"{metric}: {value} is not in {measure.low}..{measure.high}")
    return wrong
