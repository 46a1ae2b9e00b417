"""Durations, sizes and rates as people write them: text in, numbers out, and back.

Whatever a `..._text` function writes, its `parse_...` reads as exactly the same number.
"""

from __future__ import annotations

import re

LONGEST = 10 * 365 * 86400.0
"""Ten years: no duration in a recipe may be longer."""

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(
    r"(?:(?P<d>\d{1,9}(?:\.\d{1,9})?)d)?\s?(?:(?P<h>\d{1,9}(?:\.\d{1,9})?)h)?\s?"
    r"(?:(?P<m>\d{1,9}(?:\.\d{1,9})?)m)?\s?(?:(?P<s>\d{1,9}(?:\.\d{1,9})?)s)?\s?"
    r"(?:(?P<ms>\d{1,9}(?:\.\d{1,9})?)ms)?"
)
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,30})?(?:[eE][-+]?\d{1,3})?")
_SIZES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,6})?)\s?([KMGT]?)(?:i?B)?", re.IGNORECASE)
_PERIODS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_RATE = re.compile(r"(\d{1,12}(?:\.\d{1,17})?)\s?/\s?([smhd])")


def parse_duration(text: str) -> float:
    """Return the seconds that a text like `1h30m`, `250ms` or `2.5` means.

    Raises:
        ValueError: it is not a duration, or longer than ten years.

    >>> parse_duration("1h30m"), parse_duration("250ms"), parse_duration("2.5")
    (5400.0, 0.25, 2.5)
    """
    if _NUMBER.fullmatch(text):
        seconds = float(text)
    elif text and (match := _DURATION.fullmatch(text)) and any(match.groups()):
        seconds = _sum(match.groupdict())
    else:
        raise ValueError("not a duration")
    if seconds > LONGEST:
        raise ValueError("longer than ten years")
    return seconds


def _sum(parts: dict[str, str | None]) -> float:
    # Milliseconds are divided, not multiplied: 3 / 1000 is the float 0.003, 3 * 0.001 is not.
    given = {unit: float(text) for unit, text in parts.items() if text}
    fraction = given.pop("ms", 0.0) / 1000
    return sum(number * _UNITS[unit] for unit, number in given.items()) + fraction


def duration_text(seconds: float) -> str:
    """Return a duration as people write it.

    >>> duration_text(5400.0), duration_text(0.25), duration_text(0.0)
    ('1h30m', '250ms', '0s')
    """
    if seconds == int(seconds):
        return _in_parts(int(seconds))
    thousandths = round(seconds * 1000)
    if seconds < 1 and thousandths / 1000 == seconds:
        return f"{thousandths}ms"
    return repr(seconds)


def _in_parts(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def parse_size(text: str) -> int:
    """Return the bytes that a text like `512M` or `1.5GiB` means; a K is 1024.

    Raises:
        ValueError: it is not a size.
    """
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError("not a size")
    number, unit = match.groups()
    factor = _SIZES[unit.upper()]
    return int(number) * factor if "." not in number else int(float(number) * factor)


def size_text(size: int) -> str | int:
    """Return a size with the largest unit that divides it, or the bytes."""
    for unit in "TGMK":
        if size and size % _SIZES[unit] == 0:
            return f"{size // _SIZES[unit]}{unit}"
    return size


def parse_rate(text: str) -> tuple[float, float]:
    """Return calls and seconds of a text like `100/s`.

    Raises:
        ValueError: it is not a rate, or none at all may start.
    """
    match = _RATE.fullmatch(text)
    if not match or float(match[1]) <= 0:
        raise ValueError("not a rate")
    return float(match[1]), _PERIODS[match[2]]


def rate_text(calls: float, per: float) -> str:
    """Return a rate in short, or nothing where it has no short form."""
    for unit, seconds in _PERIODS.items():
        text = f"{number_text(calls)}/{unit}"
        if seconds == per and _RATE.fullmatch(text) and parse_rate(text) == (calls, per):
            return text
    return ""


def number_text(number: float) -> str:
    """Return a number without a needless fraction."""
    return str(int(number)) if number == int(number) else repr(number)
