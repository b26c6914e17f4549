"""Words for the attributes of a melody that the sliders of notebook 41 change."""

from synvae_workbench.live.live_player import pitch_name


def describe_change(name: str, before: float, asked: float, after: float, *, steps: int) -> str:
    """Text of an attribute: "12" as it is, "12 → 15, asked for 16" where it was changed."""
    said = [_format_attribute(name, value, steps) for value in (before, asked, after)]
    if abs(asked - before) < 1e-9:
        return said[2]
    return f"{said[0]} → {said[2]}" + (f", asked for {said[1]}" if said[1] != said[2] else "")


def _format_attribute(name: str, value: float, steps: int) -> str:
    if name == "notes":
        return f"{max(0, round(value * steps))}"
    if name == "pitch":
        return pitch_name(round(value)) if value > 0 else "none"
    return f"{max(0.0, value):.1f} st" if name == "leaps" else f"{max(0, round(100 * value))} %"
