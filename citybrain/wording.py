"""Numbers of a comparison as text: the same digits, brackets and dashes in terminal and report."""

from __future__ import annotations

from math import isnan

UNKNOWN = "–"


def number(value: float, digits: int) -> str:
    """The value with its digits; a dash where it is unknown."""
    return UNKNOWN if isnan(value) else f"{value:.{digits}f}"


def spread(low: float, high: float, digits: int, sign: str = "") -> str:
    """An interval in brackets; nothing where it is unknown."""
    return "" if isnan(low) or isnan(high) else f"[{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def change_text(percent: float, low: float, high: float, between: str = " ") -> str:
    """A change in per cent with its interval."""
    return UNKNOWN if isnan(percent) else f"{percent:+.1f} %{between}{spread(low, high, 1, '+')}".rstrip()


def shortened(text: str, limit: int = 26) -> str:
    """The text, or its two ends where it is longer than the limit."""
    keep = (limit - 1) // 2
    return text if len(text) <= limit else f"{text[:keep]}…{text[-keep:]}"
