"""Sizes, rates and times as people read them; the same in both languages.

Invariant: decimal units (1 kB = 1000 bytes), as sticks and disks are labelled; no line ends between
a number and its unit (U+00A0). Only people read these texts: JSON has plain numbers.
"""

from __future__ import annotations

NO_BREAK = "\N{NO-BREAK SPACE}"
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_STEP = 1000
_WHOLE = 100


def size(count: float) -> str:
    """Bytes as three significant digits and a unit: `512 B`, `1.23 GB`, `48.1 MB`, `310 MB`."""
    value, unit = float(count), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    if unit == 0 or value >= _WHOLE:
        return f"{value:.0f}{NO_BREAK}{_UNITS[unit]}"
    return f"{value:.{2 if value < _WHOLE / 10 else 1}f}{NO_BREAK}{_UNITS[unit]}"


def duration(seconds: float) -> str:
    """Seconds as `0.4 s`, `12 s`, `3:05` or `1:02:09`."""
    if seconds < 10:
        return f"{seconds:.1f}{NO_BREAK}s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{rest}{NO_BREAK}s"


def minute(time: str) -> str:
    """An ISO 8601 time to the minute: `2026-05-01 12:00`."""
    return time[:16].replace("T", " ")
