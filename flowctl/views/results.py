"""What functions returned, for people: tables where it is rows, JSON where it is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flowctl.views.text import NOTHING, printable

_WIDEST = 60
_MOST_COLUMNS = 12


def result_text(values: Sequence[Any]) -> str:
    """Return the results of one socket: rows as a table, anything else as JSON, one a line."""
    rows = rows_of(values)
    if rows:
        return aligned(rows)
    return "".join(_json(value) + "\n" for value in values)


def rows_of(values: Sequence[Any]) -> list[dict[str, Any]]:
    """Return results as rows where that is what they are: flat dicts, or lists of flat dicts."""
    flat = [row for value in values for row in (value if isinstance(value, list) else [value])]
    if not flat or not all(_is_row(row) for row in flat):
        return []
    return flat if len(_columns(flat)) <= _MOST_COLUMNS else []


def _is_row(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and not any(isinstance(item, dict | list) for item in value.values())
    )


def _columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def aligned(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as aligned columns; numbers stand to the right."""
    columns = _columns(rows)
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in [columns, *cells]) for i in range(len(columns))]
    right = [_is_numeric([row.get(column) for row in rows]) for column in columns]
    lines = [columns, *cells]
    return "".join(
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        + "\n"
        for line in lines
    )


def _is_numeric(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) or value is None for value in values)


def _cell(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    text = printable(str(value))
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
