"""Logs as they grow, read in pieces that are never too large: what comes too fast is counted, not kept.

A screen asks for what is new again and again. Whoever writes a million lines meanwhile is read from
the end; how many lines that leaves out is told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from msgspec import Struct

from flowctl.services import logs
from flowctl.services.control import Control
from flowctl.services.logs import Filter, Line

MOST_LINES = 4_000
"""A piece has no more lines than this."""
MOST_BYTES = 400_000
"""Of each log no more than this is read at once."""
BACK = 4_000_000
"""So much of the end of each log is looked through at first."""
_CHUNK = 1 << 20


class Piece(Struct, frozen=True, kw_only=True):
    """What is new."""

    lines: tuple[Line, ...]
    """Oldest first."""
    came: int
    """How many lines there were, also those that were left out."""
    dropped: int
    """How many of them were left out because they came too fast."""
    at: float
    """When this was read, on the monotonic clock."""
    lag: float = 0.0
    """Seconds by which the slowest host is behind."""
    first: bool = False
    """Whether this is the beginning: what is in it was there before."""


class Tail:
    """Follows the logs of this machine; one thread at a time may ask it."""

    def __init__(self, wanted: Filter, most: int = MOST_LINES) -> None:
        self._wanted, self._most = wanted, most
        self._names = _named(wanted.names)
        self._offsets: dict[Path, int] = {}
        self._first = True

    def poll(self, control: Control) -> Piece:
        """Return what came since the last time; at first, what there is."""
        found: list[Line] = []
        dropped = 0
        for file in logs.files(control.settings.paths.logs):
            lines, left = self._grown(file)
            found += lines
            dropped += left
        found = sorted(line for line in found if self._is_wanted(line))
        came = len(found) + dropped
        if len(found) > self._most:
            dropped += len(found) - self._most
            found = found[-self._most :]
        first, self._first = self._first, False
        return Piece(
            lines=tuple(found),
            came=0 if first else came,
            dropped=0 if first else dropped,
            at=control.clock.monotonic(),
            first=first,
        )

    def _grown(self, file: Path) -> tuple[list[Line], int]:
        """Return the new lines of a log, and how many had to be left out."""
        try:
            with file.open("rb") as stream:
                size = stream.seek(0, 2)
                begin = self._offsets.get(file, max(0, size - BACK) if self._first else 0)
                # A log that shrank was cut: it is read from its beginning.
                begin = begin if begin <= size else 0
                most = BACK if self._first else MOST_BYTES
                start, left = begin, 0
                if size - begin > most:
                    start = size - most
                    left = _lines_between(stream, begin, start) + 1  # and the one it begins within
                stream.seek(start)
                raw = stream.read(size - start)
                changed = datetime.fromtimestamp(os.fstat(stream.fileno()).st_mtime, UTC)
        except OSError:
            return [], 0
        whole = raw.rfind(b"\n") + 1  # what is being written at this moment comes the next time
        self._offsets[file] = start + whole
        raw = raw[raw.find(b"\n") + 1 if start != begin else 0 : whole]
        return logs.parse(logs.source_of(file), raw.decode(errors="replace"), changed), left

    def _is_wanted(self, line: Line) -> bool:
        since = self._wanted.since
        if since is not None and line.at < since:
            return False
        return self._names is None or bool(self._names.search(f"{line.source} {line.text}"))


def _lines_between(stream: IO[bytes], begin: int, end: int) -> int:
    count = 0
    stream.seek(begin)
    while begin < end:
        part = stream.read(min(_CHUNK, end - begin))
        if not part:
            break
        count += part.count(b"\n")
        begin += len(part)
    return count


def _named(names: Sequence[str]) -> re.Pattern[str] | None:
    """Return what finds one of these names as a whole word; without names all is meant."""
    known = "|".join(re.escape(name) for name in names if name)
    return re.compile(rf"(?<!\w)(?:{known})(?!\w)") if known else None
