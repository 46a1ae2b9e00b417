"""What people changed, as sentences, a table and a sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from flowctl.model.journal import Difference, Entry
from flowctl.views.table import Field, Sheet, Table, build, builtin
from flowctl.views.text import age, clock_time, one_line, plain, plural

_FIRST = 3


def described(changed: Sequence[Difference]) -> str:
    """Return what a change did, in few words.

    >>> described([Difference(kind="requested", name="parse", before="running", after="paused")])
    'processor parse running > paused'
    >>> described([Difference(kind="plug", name="a.b-c.d", after={})])
    'plug a.b-c.d added'
    """
    shown = [text for each in changed if (text := _described(each))]
    more = f" and {len(shown) - _FIRST} more" if len(shown) > _FIRST else ""
    return "; ".join(shown[:_FIRST]) + more


def _described(each: Difference) -> str:
    kind = {"requested": "processor", "serving": "agent"}.get(each.kind, each.kind)
    if each.kind == "requested" and None in (each.before, each.after):
        return ""
    if each.before is None:
        return f"{kind} {each.name} added"
    if each.after is None:
        return f"{kind} {each.name} removed"
    return f"{kind} {each.name} {_fields(builtin(each.before), builtin(each.after))}"


def _fields(before: Any, after: Any) -> str:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return f"{before} > {after}"
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ", ".join(_field(name, before.get(name), after.get(name)) for name in names)


def _field(name: str, before: Any, after: Any) -> str:
    if name == "env":  # values may be secret
        before, after = (sorted(each or {}) for each in (before, after))
    return f"{name} {_value(before)} > {_value(after)}"


def _value(value: Any) -> str:
    if isinstance(value, dict | list):
        value = msgspec.json.encode(value).decode()
    return one_line(plain(value), 24) if value not in (None, "") else "-"


def standing(entry: Entry) -> str:
    """Return whether a change holds.

    >>> standing(Entry(at=None, who="", face="", command="", action="undo", undoes=4))
    'undo of 4'
    """
    if entry.undoes:
        return f"{entry.action} of {entry.undoes}"
    if entry.undone_by:
        return f"undone by {entry.undone_by}"
    if not entry.result:
        return "cut off"
    return "can be undone" if entry.can_be_undone else "for good"


_FIELDS = (
    Field("id", lambda each: each.id, right=True),
    Field("at", lambda each: each.at, lambda value, now: age(value, now), title="AGE"),
    Field("who", lambda each: each.who),
    Field("face", lambda each: each.face, wide=True),
    Field("action", lambda each: each.action),
    Field("network", lambda each: each.network, wide=True),
    Field("result", lambda each: each.result, lambda value, _now: one_line(value, 70)),
    Field("standing", standing),
    Field("command", lambda each: each.command, lambda value, _now: one_line(value, 80), wide=True),
    Field(
        "objects",
        lambda each: list(each.objects),
        lambda value, _: plural(len(value), "object"),
        wide=True,
    ),
)


def history(entries: Iterable[Entry], now: datetime) -> Table:
    """Return changes as a table."""
    return build("changes", _FIELDS, entries, now, name=lambda each: str(each.id))


def entry_sheet(entry: Entry, now: datetime) -> Sheet:
    """Return everything about one change."""
    table = history([entry], now)
    pairs = (
        ("id", str(entry.id)),
        ("at", f"{clock_time(entry.at)} ({age(entry.at, now)} ago)"),
        ("who", f"{entry.who} by {entry.face}"),
        ("command", entry.command),
        ("network", entry.network or "-"),
        ("objects", ", ".join(entry.objects) or "-"),
        ("result", entry.result or "it was cut off"),
        ("standing", standing(entry)),
    )
    parts = [text for each in entry.differences if (text := _described(each))]
    document = table.items[0] | {
        "differences": builtin(entry.differences), "shift": builtin(entry.shift),
    }  # fmt: skip
    texts = (("Changes", "\n".join(parts) + "\n"),) if parts else ()
    return Sheet(
        kind="change", name=str(entry.id), properties=pairs, document=document, texts=texts
    )
