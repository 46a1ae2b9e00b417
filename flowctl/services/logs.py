"""Logs of this machine: daemons, workers, and what functions printed, as one stream by time.

The daemons write a line of JSON a record; a line that is none (a crash, a stray print) belongs to
the moment of the line before it, so that a traceback stays together.
"""

from __future__ import annotations

import heapq
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from msgspec import Struct

from flowctl.errors import InvalidInput
from flowctl.model.traffic import Call
from flowctl.model.work import CallFilter
from flowctl.services.control import Control

MOST_BYTES = 4_000_000
"""Of each file this much of its end is read."""
_MOST_CALLS = 500
_PAUSE = 0.5
_DAEMONS = ("agentd", "schedulerd")
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_OWN = frozenset({"at", "level", "logger", "message", "traceback"})


class Line(Struct, frozen=True, kw_only=True, order=True):
    """One line of some log."""

    at: datetime
    source: str
    """`schedulerd`, `agentd-NAME`, a worker's name, or `processor.socket` of a call."""
    level: str
    text: str
    call_id: str = ""


class Filter(Struct, frozen=True, kw_only=True):
    """Which lines are wanted."""

    names: tuple[str, ...] = ()
    """Parts of a source's name; any where empty."""
    since: datetime | None = None
    grep: str = ""
    """A regular expression."""


def read(
    control: Control, wanted: Filter, limit: int = 0, others: Sequence[Line] = ()
) -> list[Line]:
    """Return lines oldest first; with `limit` only the newest so many.

    `others` are lines of other hosts, which are wanted already.

    Raises:
        InvalidInput: the expression cannot be read.
    """
    matches = matcher(wanted)
    streams = [*_tails(control.settings.paths.logs, wanted), list(others)]
    told = {line.call_id for lines in streams for line in lines}
    streams.append([line for line in _printed(control, wanted) if line.call_id not in told])
    streams = [[line for line in lines if matches(line)] for lines in streams]
    lines = list(heapq.merge(*(sorted(stream) for stream in streams)))
    return lines[-limit:] if limit else lines


def follow(
    control: Control, wanted: Filter, others: Callable[[], Sequence[Line]] = tuple
) -> Iterator[list[Line]]:
    """Yield batches of new lines, for ever; `others` is asked for those of other hosts."""
    matches = matcher(wanted)
    folder = control.settings.paths.logs
    offsets = {file: file.stat().st_size for file in files(folder)}
    seen: dict[str, None] = {}
    since = control.clock.now()
    never = threading.Event()
    while True:
        fresh = [line for file in files(folder) for line in _grown(file, offsets, wanted)]
        fresh += others()
        seen.update(dict.fromkeys(line.call_id for line in fresh if line.call_id))
        printed = _printed(control, Filter(names=wanted.names, since=since))
        fresh += [line for line in printed if line.call_id not in seen]
        seen.update(dict.fromkeys(line.call_id for line in fresh if line.call_id))
        if batch := sorted(line for line in fresh if matches(line)):
            yield batch
        since = max(since, control.clock.now() - timedelta(seconds=30))
        never.wait(_PAUSE)


def files(folder: Path) -> list[Path]:
    """Return the logs in a folder: those of the daemons, and those of the workers."""
    return sorted([*folder.glob("*.log"), *(folder / "workers").glob("*.log")])


def source_of(file: Path) -> str:
    """Return whose log a file is."""
    return unquote(file.stem)


def _tails(folder: Path, wanted: Filter) -> Iterator[list[Line]]:
    for file in files(folder):
        if _may_tell(source_of(file), wanted.names):
            yield _telling(_tail(file), wanted.names)


def _tail(file: Path) -> list[Line]:
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - MOST_BYTES))
            text = stream.read().decode(errors="replace")
            changed = _changed_at(stream)
    except OSError:
        return []
    return parse(source_of(file), text, _first_moment(text) or changed)


def _changed_at(stream: IO[bytes]) -> datetime:
    return datetime.fromtimestamp(os.fstat(stream.fileno()).st_mtime, UTC)


def _first_moment(text: str) -> datetime | None:
    records = (record for raw in text.splitlines() if (record := _record(raw)))
    first = next(records, None)
    return _moment(first.get("at"), _EARLIEST) if first else None


def _grown(file: Path, offsets: dict[Path, int], wanted: Filter) -> list[Line]:
    if not _may_tell(source_of(file), wanted.names):
        return []
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            begin = offsets.get(file, 0)
            # A log that shrank was cut: read it from its beginning.
            stream.seek(begin if begin <= size else 0)
            text = stream.read().decode(errors="replace")
            offsets[file] = size
            changed = _changed_at(stream)
    except OSError:
        return []
    lines = parse(source_of(file), text, _first_moment(text) or changed)
    return _telling(lines, wanted.names)


def parse(source: str, text: str, at: datetime = _EARLIEST) -> list[Line]:
    """Return the lines of a log with their moments; `at` is that of lines before the first record."""
    level, found = "info", []
    for raw in text.splitlines():
        record = _record(raw)
        if record is None:
            found.append(Line(at=at, source=source, level=level, text=raw))
            continue
        at, level = _moment(record.get("at"), at), str(record.get("level", "info"))
        if "stream" in record:
            found.append(_print_of(record, at, source))
            continue
        rest = {key: value for key, value in record.items() if key not in _OWN}
        more = " ".join(f"{key}={value}" for key, value in rest.items())
        texts = [
            f"{record['message']} {more}".rstrip(),
            *str(record.get("traceback") or "").splitlines(),
        ]
        found += [Line(at=at, source=source, level=level, text=item) for item in texts]
    return found


def _print_of(record: dict[str, object], at: datetime, source: str) -> Line:
    """Return what a function printed as its worker wrote it down at once."""
    return Line(
        at=at,
        source=str(record.get("socket") or source),
        level="print",
        text=str(record["message"]),
        call_id=str(record.get("call") or ""),
    )


def _record(raw: str) -> dict[str, object] | None:
    if not raw.startswith("{"):
        return None
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "message" in value else None


def _moment(text: object, before: datetime) -> datetime:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return before


def _printed(control: Control, wanted: Filter) -> Iterator[Line]:
    """Return what functions printed, each line at the moment its call ended."""
    found, _ = control.store.traffic.calls(
        CallFilter(network=control.settings.network, since=wanted.since, limit=_MOST_CALLS, most=0)
    )
    for listed in found:
        if listed.finished_at and _is_named(f"{listed.socket} {listed.worker}", wanted.names):
            yield from _output(control.store.traffic.call(listed.id))


def _output(call: Call) -> list[Line]:
    at = call.finished_at or _EARLIEST
    return [
        Line(at=at, source=call.socket, level="print", text=text, call_id=call.id)
        for text in call.output.splitlines()
    ]


def _is_named(source: str, names: Sequence[str]) -> bool:
    """Tell whether one of these names stands in a text as a whole word; without names all is meant.

    >>> _is_named("vm.shop.parse.worker.1", ["parse"]), _is_named("vm.shop.parse.worker.1", ["par"])
    (True, False)
    """
    return not names or any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", source) for name in names)


def _may_tell(source: str, names: Sequence[str]) -> bool:
    """Tell whether lines of a log may be about these names: daemons tell of everything."""
    return source.startswith(_DAEMONS) or _is_named(source, names)


def _telling(lines: list[Line], names: Sequence[str]) -> list[Line]:
    """Return the lines that are of or about one of these names."""
    return [each for each in lines if _is_named(f"{each.source} {each.text}", names)]


class _Matcher:
    def __init__(self, since: datetime | None, pattern: re.Pattern[str] | None) -> None:
        self.since, self.pattern = since, pattern

    def __call__(self, line: Line) -> bool:
        fresh = self.since is None or line.at >= self.since
        return fresh and (self.pattern is None or bool(self.pattern.search(line.text)))


def matcher(wanted: Filter) -> _Matcher:
    """Return what tells whether a line is wanted, by its moment and its text.

    Raises:
        InvalidInput: the expression cannot be read.
    """
    try:
        pattern = re.compile(wanted.grep) if wanted.grep else None
    except re.error as error:
        raise InvalidInput(f"--grep {wanted.grep!r}: {error}") from error
    return _Matcher(wanted.since, pattern)
