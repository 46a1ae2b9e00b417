"""Numbers, sizes, times and names as a person reads them; all pure, all short."""

from __future__ import annotations

from datetime import UTC, datetime

NOTHING = "-"
"""What a cell shows that has no value."""

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_COUNTS = ("", "k", "M", "G", "T")


def count(number: float) -> str:
    """Return a number in at most five characters.

    >>> count(999), count(1204), count(2_500_000)
    ('999', '1.2k', '2.5M')
    """
    value, unit = _scaled(number, 1000, _COUNTS)
    return f"{_digits(value)}{unit}"


def size(number: float) -> str:
    """Return a number of bytes.

    >>> size(512), size(1536), size(3 * 1024**3)
    ('512 B', '1.5 KiB', '3 GiB')
    """
    value, unit = _scaled(number, 1024, _SIZES)
    return f"{_digits(value)} {unit}"


def duration(seconds: float | None) -> str:
    """Return a length of time by its two greatest units.

    >>> duration(0.0042), duration(1.25), duration(250), duration(90_000)
    ('4.2ms', '1.2s', '4m10s', '1d1h')
    """
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{_digits(seconds * 1000)}ms"
    if seconds < 60:
        return f"{_digits(seconds)}s"
    return _units(int(seconds + 0.5))


def age(moment: datetime | None, now: datetime) -> str:
    """Return how long ago a moment was; a moment to come reads as `in 5s`."""
    if moment is None:
        return NOTHING
    seconds = (now - moment).total_seconds()
    if seconds < -1:
        return f"in {duration(-seconds)}"
    return duration(max(0.0, float(int(seconds))))


def clock_time(moment: datetime | None) -> str:
    """Return a moment with milliseconds, in UTC."""
    if moment is None:
        return NOTHING
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def percent(part: float, whole: float) -> str:
    """Return a share of a whole.

    >>> percent(1, 3), percent(1, 0)
    ('33%', '-')
    """
    return f"{100 * part / whole:.0f}%" if whole else NOTHING


def one_line(text: str, limit: int = 60) -> str:
    """Return the first line that says something, cut with an ellipsis.

    >>> one_line("  a sentence\\n and more", 8)
    'a sente…'
    """
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def plain(value: object) -> str:
    """Return a value as a cell: a dash for nothing, words for booleans, commas between items."""
    if value is None or value == "" or value == () or value == [] or value == {}:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    return str(value)


def printable(text: str) -> str:
    """Return text without control characters, so that nothing that was recorded moves a cursor."""
    return "".join(char if char.isprintable() or char == " " else "·" for char in text)


def plural(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> plural(1, "call"), plural(2, "reply")
    ('1 call', '2 replies')
    """
    if number == 1:
        return f"{number:,} {noun}"
    ending = noun[:-1] + "ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else noun + "s"
    return f"{number:,} {ending}"


def _scaled(number: float, step: int, units: tuple[str, ...]) -> tuple[float, str]:
    value = float(number)
    for unit in units[:-1]:
        if abs(value) < step - 0.5:
            return value, unit
        value /= step
    return value, units[-1]


def _digits(value: float) -> str:
    text = f"{value:.1f}" if abs(value) < 99.95 else f"{value:.0f}"
    return text.removesuffix(".0")


def _units(seconds: int) -> str:
    units = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
    parts = []
    for unit, length in units:
        amount, seconds = divmod(seconds, length)
        parts.append((amount, unit))
    first = next(index for index, (amount, _) in enumerate(parts) if amount)
    return "".join(f"{amount}{unit}" for amount, unit in parts[first : first + 2] if amount)
