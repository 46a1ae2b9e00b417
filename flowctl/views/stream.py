"""The documents that whoever listens gets, and their lines for people (pure).

The schema is told in docs/events.md; `VERSION` changes when a key is taken away or changes its
meaning. A call gives `received`, `prerun` and `postrun` for each attempt, once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from flowctl.model.lives import BATCH, Life, Lives, Mark, unpacked
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Event
from flowctl.views.table import Document
from flowctl.views.text import clock_time, duration, printable

VERSION = 1
CHANNELS = ("task", "log", "data", "state")
"""The endings of channels: lives of calls, what user code says, and everything else."""
EMITTED = ("log", "data")
"""The channels that user code may emit to."""
_TOLD_BY_POSTRUN = frozenset({"failed", "retried", "cancelled"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def documents(mark: Mark, event: Event) -> Iterator[tuple[Mark, Document]]:
    """Return what one event tells, in order; each with the place after which to go on."""
    found = [*_told(event)]
    for number, told in enumerate(found, 1):
        place = mark._replace(nth=number)
        yield place, {"version": VERSION, "id": str(place), **told}


def _told(event: Event) -> Iterator[Document]:
    if event.kind == BATCH:
        batch = unpacked(event.note)
        for life in batch.lives:
            yield from _of_life(event, batch, life)
    elif event.kind == "call" and event.action in EMITTED:
        yield _emitted(event)
    elif event.kind != "call" or event.action not in _TOLD_BY_POSTRUN:
        yield _state(event)


def _of_life(event: Event, batch: Lives, life: Life) -> Iterator[Document]:
    base = {
        "channel": f"{event.object}.task",
        "kind": "call",
        "name": life.call,
        "network": event.network,
        "processor": event.object,
        "socket": life.socket,
        "run": life.run,
        "parent": life.parent,
        "plug": life.plug,
        "replays": life.replays,
        "attempt": life.attempt,
        "worker": batch.worker,
        "agent": batch.agent,
    }
    if not life.is_told:
        yield {"at": _iso(life.received), "action": "received", **base}
        yield {"at": _iso(life.started), "action": "prerun", **base}
    if life.status != CallStatus.RUNNING:
        ended = {
            "status": life.status,
            "duration": life.duration,
            "outputs": life.outputs,
            "size": life.size,
            "error": life.error,
        }
        yield {"at": _iso(life.finished), "action": "postrun", **base, **ended}


def _emitted(event: Event) -> Document:
    said = json.loads(event.note)
    processor = str(said["socket"]).partition(".")[0]
    return {
        "at": _iso_of(event.at),
        "action": event.action,
        "channel": f"{processor}.{event.action}",
        "kind": "call",
        "name": event.object,
        "network": event.network,
        "processor": processor,
        "socket": said["socket"],
        "run": event.run_id,
        "attempt": said["attempt"],
        "data": said["data"],
        **({"dropped": said["dropped"]} if "dropped" in said else {}),
    }


def _state(event: Event) -> Document:
    owner = f"{event.object}." if event.kind == "processor" else ""
    return {
        "at": _iso_of(event.at),
        "action": event.action,
        "channel": f"{owner}state",
        "kind": event.kind,
        "name": event.object,
        "network": event.network,
        "run": event.run_id,
        "note": event.note,
    }


def _iso(micros: int) -> str:
    return _iso_of(_EPOCH + timedelta(microseconds=micros))


def _iso_of(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def is_on(document: Document, channels: Sequence[str]) -> bool:
    """Tell whether a document is on one of these channels; none and `global` mean every one.

    >>> is_on({"channel": "parse.task"}, ["parse"]), is_on({"channel": "parse.task"}, ["data"])
    (True, False)
    """
    channel = str(document["channel"])
    return not channels or any(
        fnmatchcase(channel, wide) for word in channels for wide in _wide(word)
    )


def _wide(word: str) -> tuple[str, ...]:
    if word in ("global", "*"):
        return ("*",)
    if word in CHANNELS:
        return (word, f"*.{word}")
    return (word,) if "." in word else (f"{word}.*",)


def line(document: Document) -> str:
    """Return a document as a line for people."""
    at = clock_time(datetime.fromisoformat(document["at"]))
    where = document["socket"] if "socket" in document else document["kind"]
    parts = [
        at,
        f"{where} {str(document['name'])[:12] if 'socket' in document else document['name']}",
    ]
    parts.append(" ".join([document["action"], *_ending(document)]))
    return printable("  ".join(parts)) + "\n"


def _ending(document: Document) -> list[str]:
    if "status" in document:
        ending = [str(document["status"]), duration(document["duration"])]
        return [*ending, *([document["error"]] if document["error"] else [])]
    if "data" in document:
        return [_plain(document["data"])]
    return [document["note"]] if document.get("note") else []


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
