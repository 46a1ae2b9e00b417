"""How answers are written: stdout is data in the asked format, stderr is talk."""

from __future__ import annotations

import re
import sys
from typing import Any

from flowctl.cli.flags import Flags, Output, colorful
from flowctl.views.table import VERSION, Document, Sheet, Table, listing, single

_COLORS = {
    "running": "32",
    "finished": "32",
    "ok": "32",
    "ready": "36",
    "starting": "36",
    "building": "36",
    "updating": "36",
    "pending": "33",
    "paused": "33",
    "retrying": "33",
    "draining": "33",
    "suspect": "33",
    "waiting": "33",
    "warn": "33",
    "failed": "31",
    "error": "31",
    "lost": "31",
    "fail": "31",
    "unreachable": "31",
    "stopped": "90",
}
"""The colours of statuses; the word itself always says the same."""


def emit(text: str) -> None:
    """Write data to stdout."""
    sys.stdout.write(text)


def say(flags: Flags, text: str) -> None:
    """Tell a person something on stderr, unless they asked for quiet."""
    if not flags.quiet:
        sys.stdout.flush()
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def show_table(table: Table, flags: Flags) -> None:
    """Write a listing in the asked format."""
    if flags.output in (Output.TABLE, Output.WIDE):
        emit(grid(table, flags))
        if table.footer:
            say(flags, table.footer)
        elif not table.rows:
            say(flags, f"no {table.kind}")
    elif flags.output is Output.NAME:
        emit("".join(f"{name}\n" for name in table.names))
    elif flags.output is Output.JSONL:
        emit("".join(json_line(item) for item in table.items))
    else:
        show_document(listing(table), flags)


def show_sheet(sheet: Sheet, flags: Flags) -> None:
    """Write everything about one object in the asked format."""
    if flags.output in (Output.TABLE, Output.WIDE):
        emit(sheet_text(sheet, flags))
    elif flags.output is Output.NAME:
        emit(f"{sheet.name}\n")
    else:
        show_document(single(sheet), flags)


def show_document(document: Any, flags: Flags) -> None:
    """Write a document as JSON (one line for jsonl) or YAML."""
    if flags.output is Output.YAML:
        from flowctl.views.yaml import to_yaml

        emit(to_yaml(document))
    elif flags.output is Output.JSONL:
        emit(json_line(document))
    else:
        emit(json_text(document))


def show_done(flags: Flags, kind: str, name: str, sentence: str, document: Document) -> None:
    """Write the answer of a command that changed something: a sentence, or its document."""
    if flags.output in (Output.TABLE, Output.WIDE):
        say(flags, sentence)
    elif flags.output is Output.NAME:
        emit(f"{kind}/{name}\n")
    else:
        show_document({"version": VERSION, "kind": kind, "name": name, **document}, flags)


def json_text(value: Any) -> str:
    """Return a value as JSON for reading."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def json_line(value: Any) -> str:
    """Return a value as JSON on one line."""
    import msgspec

    return msgspec.json.encode(value).decode() + "\n"


def grid(table: Table, flags: Flags) -> str:
    """Return a table as text; an empty one is nothing, so that a pipe sees no headings."""
    if not table.rows:
        return ""
    from tabulate import tabulate

    wide = flags.output is Output.WIDE
    keep = [index for index, column in enumerate(table.columns) if wide or not column.wide]
    rows = [[row[index] for index in keep] for row in table.rows]
    text = tabulate(
        rows,
        headers=[table.columns[index].title for index in keep] if flags.headers else (),
        tablefmt="plain",
        disable_numparse=True,
        colalign=["right" if table.columns[index].right else "left" for index in keep],
    )
    lines = [line.rstrip() for line in text.splitlines()]
    return (
        "\n".join(tinted(line) for line in lines) + "\n"
        if colorful(flags.color)
        else "\n".join(lines) + "\n"
    )


_STATUS = re.compile(r"(?<![\w./-])(" + "|".join(_COLORS) + r")(?![\w./-])")


def tinted(line: str) -> str:
    """Return a line with the first status word in it coloured."""
    return _STATUS.sub(lambda found: f"\x1b[{_COLORS[found[1]]}m{found[1]}\x1b[0m", line, count=1)


def sheet_text(sheet: Sheet, flags: Flags) -> str:
    """Return everything about one object as text."""
    width = max((len(key) for key, _ in sheet.properties), default=0) + 1
    parts = ["".join(f"{key + ':':<{width}}  {value}\n" for key, value in sheet.properties)]
    for title, table in sheet.tables:
        if table.rows:
            parts.append(f"{title}\n{_indented(grid(table, flags))}")
    parts += [f"{title}\n{_indented(text)}" for title, text in sheet.texts]
    return "\n".join(parts)


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())
