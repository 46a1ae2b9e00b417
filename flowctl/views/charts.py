"""Charts for a terminal: lines of braille, sparklines and gauges, and the same in plain ASCII.

All are functions of values and a width; None is a moment at which nothing was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from flowctl.views.text import count

Values = Sequence[float | None]

_BARS = " ▁▂▃▄▅▆▇█"
_PLAIN_BARS = " .:-=+*#@"
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_DOTS = ((0x40, 0x80), (0x04, 0x20), (0x02, 0x10), (0x01, 0x08))
"""Bits of a braille cell: rows from below, left and right."""


class Step(NamedTuple):
    """A value that holds from a moment on."""

    at: float
    value: float


def resampled(steps: Sequence[Step], begin: float, end: float, number: int) -> list[float | None]:
    """Return what held at the end of each of `number` equal spans; None before the first value.

    >>> resampled([Step(0, 1.0), Step(5, 3.0)], -2, 10, 4)
    [1.0, 1.0, 3.0, 3.0]
    """
    found: list[float | None] = []
    held, index = None, 0
    for column in range(1, number + 1):
        until = begin + (end - begin) * column / number
        while index < len(steps) and steps[index].at <= until:
            held, index = steps[index].value, index + 1
        found.append(held)
    return found


def fitted(values: Values, number: int) -> list[float | None]:
    """Return values as so many columns: the greatest of each part, or each repeated.

    >>> fitted([1, 5, 2, 3], 2), fitted([1, 2], 4)
    ([5, 3], [1, 1, 2, 2])
    """
    if not values or number <= 0:
        return [None] * max(0, number)
    columns: list[float | None] = []
    for column in range(number):
        begin = column * len(values) // number
        end = max(begin + 1, (column + 1) * len(values) // number)
        known = [each for each in values[begin:end] if each is not None]
        columns.append(max(known) if known else None)
    return columns


def sparkline(values: Values, width: int = 0, *, top: float = 0.0, ascii_only: bool = False) -> str:
    """Return values as a row of bars; nothing measured is a blank, zero is the lowest bar.

    >>> sparkline([0, 1, 2, 4, None, 8])
    '▁▂▃▅ █'
    >>> sparkline([0, 4, 8], ascii_only=True)
    '.+@'
    """
    bars = _PLAIN_BARS if ascii_only else _BARS
    shown = fitted(values, width) if width else list(values)
    top = top or max((each for each in shown if each is not None), default=0.0) or 1.0
    return "".join(" " if each is None else bars[_level(each, top, 7) + 1] for each in shown)


def gauge(part: float, whole: float, width: int, *, ascii_only: bool = False) -> str:
    """Return a bar of `width` cells that is full as far as `part` goes into `whole`.

    >>> gauge(1, 2, 8), gauge(3, 2, 4), gauge(1, 0, 4)
    ('████    ', '████', '    ')
    >>> gauge(1, 2, 8, ascii_only=True)
    '####----'
    """
    share = min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0
    if ascii_only:
        full = round(share * width)
        return "#" * full + "-" * (width - full)
    eighths = round(share * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def chart(
    values: Values,
    width: int,
    height: int,
    *,
    top: float = 0.0,
    begin: str = "",
    end: str = "now",
    label: Callable[[float], str] = count,
    ascii_only: bool = False,
) -> list[str]:
    """Return a line chart of `height` lines, none wider than `width`, with both axes labelled.

    The lowest line names the moments of both ends; without `top` the greatest value is the top.

    >>> for line in chart([0, 1, 2, 3], 11, 3, begin="5m", ascii_only=True): print(line)
    3 |    ****
    0 |****
       5m   now
    """
    if width < 1 or height < 1:
        return []
    known = [each for each in values if each is not None]
    top = top or max(known, default=0.0) or 1.0
    rows = max(1, height - 1)
    margin = max(len(label(top)), len(label(0.0)))
    cells = width - margin - 2
    if cells < 1:
        return [sparkline(values, width, top=top, ascii_only=ascii_only)]
    lines = (_plain_lines if ascii_only else _braille_lines)(values, cells, rows, top)
    names = [label(top), *[""] * max(0, rows - 2), *([label(0.0)] if rows > 1 else [])]
    bar = "|" if ascii_only else "┤"
    drawn = [
        f"{name:>{margin}} {bar}{line}".rstrip() for name, line in zip(names, lines, strict=True)
    ]
    return [*drawn, _axis(begin, end, margin + 2, cells)][:height]


def _axis(begin: str, end: str, indent: int, cells: int) -> str:
    room = cells - len(end)
    text = f"{begin if len(begin) < room else '':<{room}}{end}" if room > 0 else end[:cells]
    return (" " * indent + text).rstrip()


def _level(value: float, top: float, most: int) -> int:
    return min(most, max(0, round(value / top * most)))


def _plain_lines(values: Values, cells: int, rows: int, top: float) -> list[str]:
    grid = [[" "] * cells for _ in range(rows)]
    for column, value in enumerate(fitted(values, cells)):
        if value is not None:
            grid[rows - 1 - _level(value, top, rows - 1)][column] = "*"
    return ["".join(row) for row in grid]


def _braille_lines(values: Values, cells: int, rows: int, top: float) -> list[str]:
    masks = [[0] * cells for _ in range(rows)]
    before: int | None = None
    for column, value in enumerate(fitted(values, cells * 2)):
        level = None if value is None else _level(value, top, rows * 4 - 1)
        if level is not None:
            low, high = sorted((level, level if before is None else before))
            for dot in range(low, high + 1):
                masks[rows - 1 - dot // 4][column // 2] |= _DOTS[dot % 4][column % 2]
        before = level
    return ["".join(chr(0x2800 + mask) if mask else " " for mask in row) for row in masks]
