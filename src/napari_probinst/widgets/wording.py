"""How numbers and durations are said, the same in all docks."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Number and noun, e.g. "1 place", "2 places"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def clock_text(seconds: float) -> str:
    """Duration as minutes and seconds, with hours from the first on: "3:07", "1:00:00"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
