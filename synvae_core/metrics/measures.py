"""Registry of all measures of the core, and look-up of the measure of a recorded figure."""

import re
from collections.abc import Sequence
from functools import cache

from synvae_core.metrics import (
    audibility,
    class_melodies,
    classification,
    copying,
    coverage,
    detection,
    diversity,
    drawn_pictures,
    form,
    harmony,
    interpolation,
    latent_geometry,
    latents,
    linear_probe,
    machine_listener,
    melody,
    mutual_information,
    neighbour_labels,
    note_recall,
    picture_attributes,
    principal_components,
    retrieval,
    two_sample,
    waveforms,
)
from synvae_core.types import Measure

MEASURES = (
    *audibility.MEASURES,
    *class_melodies.MEASURES,
    *classification.MEASURES,
    *copying.MEASURES,
    *coverage.MEASURES,
    *detection.MEASURES,
    *diversity.MEASURES,
    *drawn_pictures.MEASURES,
    *form.MEASURES,
    *harmony.MEASURES,
    *interpolation.MEASURES,
    *latent_geometry.MEASURES,
    *latents.MEASURES,
    *linear_probe.MEASURES,
    *machine_listener.MEASURES,
    *melody.MEASURES,
    *mutual_information.MEASURES,
    *neighbour_labels.MEASURES,
    *note_recall.MEASURES,
    *picture_attributes.MEASURES,
    *principal_components.MEASURES,
    *retrieval.MEASURES,
    *two_sample.MEASURES,
    *waveforms.MEASURES,
)
BRACES = re.compile(r"\{\w+\}")


def measure_of(metric: str, measures: Sequence[Measure] = MEASURES) -> Measure | None:
    """Measure whose name matches `where/metric`, the most specific one of several, or None.

    The most specific one has the fewest letters in braces: `floor_squared_error` is found before
    `{space}_squared_error`.
    """
    what = metric.rpartition("/")[2]
    found = [m for m in measures if _pattern(m.name).fullmatch(metric if "/" in m.name else what)]
    return max(found, key=lambda m: len(BRACES.sub("", m.name)), default=None)


@cache
def _pattern(name: str) -> re.Pattern[str]:
    literal = map(re.escape, BRACES.split(name))
    return re.compile("[a-z0-9_]+".join(literal))
