"""`--watch`: a listing that stays up to date, in place on a terminal, as lines of JSON in a pipe."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable
from typing import Any

from flowctl.cli.flags import Flags, Output
from flowctl.cli.output import emit, grid, json_line
from flowctl.services.control import Control
from flowctl.views.table import Table
from flowctl.views.text import clock_time

_PAUSE = 1.0


def watch(control: Control, look: Callable[[], Table], flags: Flags) -> None:
    """Show a listing until Ctrl-C."""
    follow = _in_place if _is_screen(flags) else _as_lines
    follow(control, look, flags)


def _is_screen(flags: Flags) -> bool:
    return sys.stdout.isatty() and flags.output in (Output.TABLE, Output.WIDE)


def _in_place(control: Control, look: Callable[[], Table], flags: Flags) -> None:
    never = threading.Event()
    while True:
        table = look()
        lines = grid(table, flags).splitlines() or [f"no {table.kind}"]
        room = shutil.get_terminal_size().lines - 2
        head = f"{clock_time(control.clock.now())} UTC  (Ctrl-C ends)"
        # Home, then each line over the old one, then clear what is left: nothing flickers.
        shown = "".join(f"{line}\x1b[K\n" for line in [head, *lines[:room]])
        emit(f"\x1b[H{shown}\x1b[J")
        sys.stdout.flush()
        never.wait(_PAUSE)


def _as_lines(_control: Control, look: Callable[[], Table], _flags: Flags) -> None:
    never = threading.Event()
    known: dict[str, Any] = {}
    while True:
        table = look()
        present = dict(zip(table.names, table.items, strict=True))
        emit("".join(json_line(line) for line in changed(known, present)))
        sys.stdout.flush()
        known = present
        never.wait(_PAUSE)


def changed(known: dict[str, Any], present: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what to tell about a listing: objects that came or changed, and those that went."""
    told = [
        {"change": "changed" if name in known else "added", **item}
        for name, item in present.items()
        if known.get(name) != item
    ]
    gone = [{"change": "deleted", **item} for name, item in known.items() if name not in present]
    return told + gone
