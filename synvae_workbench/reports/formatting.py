"""Formatting of times, durations and figures for pages."""

import math
import sys
from datetime import datetime
from typing import Any

MAX_FLOAT = sys.float_info.max


def format_time(moment: str | None) -> str | None:
    """Formats a moment of ISO 8601 in local time, such as 21 November 2026, 19:50 UTC."""
    if moment is None:
        return None
    local = datetime.fromisoformat(moment).astimezone()
    return f"{local.day} {local:%B %Y, %H:%M %Z}"


def format_duration(seconds: float | None) -> str | None:
    """Formats seconds as 3 min 20 s."""
    if seconds is None:
        return None
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def format_figure(value: Any) -> str:
    """Formats a figure with four significant digits; the text of anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if abs(value) > MAX_FLOAT:
        return "a number of many digits"
    if not math.isfinite(value):
        return "–" if math.isnan(value) else str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"
