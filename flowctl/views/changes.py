"""A plan as text and as a document: what comes, goes and changes, and what that means."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from flowctl.recipe.diff import Change, Changes
from flowctl.views.table import Document, builtin
from flowctl.views.text import one_line, plain, plural
from flowctl.views.yaml import to_yaml

SIGNS = {"add": "+", "update": "~", "remove": "-"}
_DEEP = frozenset({"sockets"})
"""Fields whose parts have changes of their own."""


def plan_text(changes: Changes, waiting: Mapping[str, int]) -> str:
    """Return a plan for a person to decide on."""
    if changes.is_empty and not changes.new:
        return f"network {changes.network}: nothing to change\n"
    new = " (new)" if changes.new else ""
    lines = [f"network {changes.network}{new}"]
    for change in changes.changes:
        if change.kind != "network" or change.action == "update":
            lines += _change_lines(change)
    for queue, count in waiting.items():
        lines.append(f"  ! {plural(count, 'message')} stay in {queue}, which nobody will read")
    return "\n".join([*lines, summary(changes)]) + "\n"


def summary(changes: Changes) -> str:
    """Return the counts of a plan in one line."""
    counted = [
        item for item in changes.changes if item.kind != "network" or item.action == "update"
    ]
    counts = {action: sum(item.action == action for item in counted) for action in SIGNS}
    restarts = sorted({_owner(item) for item in changes.changes if _replaces(item)})
    parts = f"{counts['add']} to add, {counts['update']} to change, {counts['remove']} to remove"
    return parts + (f"; new executors for {', '.join(restarts)}" if restarts else "")


def _owner(change: Change) -> str:
    return change.name.partition(".")[0]


def _replaces(change: Change) -> bool:
    return change.restarts and change.action == "update" and change.kind == "processor"


def _change_lines(change: Change) -> Iterator[str]:
    yield f"  {SIGNS[change.action]} {change.kind} {change.name}" + (
        "  (new executors)" if _replaces(change) else ""
    )
    for field in change.fields:
        if field not in _DEEP:
            yield from _field_lines(
                field, *(_plainly(it, field) for it in (change.before, change.after))
            )


def _field_lines(field: str, old: Any, new: Any) -> Iterator[str]:
    """Show a field, of mappings only the keys that differ, of texts of many lines that they do."""
    if isinstance(old, dict) and isinstance(new, dict) and old and new:
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                yield from _field_lines(f"{field}.{key}", old.get(key), new.get(key))
    elif any("\n" in str(value) for value in (old, new)):
        yield f"      {field}: changed, as `flowctl diff` shows"
    else:
        yield f"      {field}: {' -> '.join(one_line(plain(value), 60) for value in (old, new))}"


def _plainly(spec: object, name: str) -> Any:
    value = builtin(getattr(spec, name))
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if item not in ("", [], 0, None)}
    return value


def diff_text(changes: Changes) -> str:
    """Return a plan as a unified diff of what is there and what the recipe says."""
    lines: list[str] = []
    for change in changes.changes:
        if change.kind == "processor" or change.kind in ("plug", "deployment", "agent", "network"):
            name = f"{change.kind}/{change.name}"
            before, after = _yaml_lines(change.before), _yaml_lines(change.after)
            lines += difflib.unified_diff(
                before, after, f"present {name}", f"recipe {name}", lineterm="", n=2
            )
    return "".join(f"{line}\n" for line in lines)


def _yaml_lines(spec: object) -> list[str]:
    return [] if spec is None else to_yaml(_set_only(builtin(spec))).splitlines()


def _set_only(value: Any) -> Any:
    """Return a document without what is empty, so that a diff shows what people wrote."""
    if isinstance(value, dict):
        pairs = ((key, _set_only(item)) for key, item in value.items())
        return {key: item for key, item in pairs if item not in (None, "", [], {}, 0, 0.0, False)}
    return [_set_only(item) for item in value] if isinstance(value, list) else value


def plan_document(changes: Changes, waiting: Mapping[str, int], revision: int | None) -> Document:
    """Return a plan for programs."""
    return {
        "network": changes.network,
        "new": changes.new,
        "revision": revision,
        "changes": builtin(changes.changes),
        "waiting": dict(waiting),
    }
