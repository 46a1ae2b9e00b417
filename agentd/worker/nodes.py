"""What a worker does for routers, gates, data and schemas: by itself, or by what it has executors do.

What needs no code is answered here: an input that does not fit its schema fails without reaching a
function, what fits goes through a `schema`, a gate without a function lets everything pass, and an
object that lies in the recipe is its own result.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agentd.worker.items import Item
from agentd.worker.routing import Outcome
from flowctl.clock import Clock
from flowctl.model.flow import Argument, Plug, ProcessorSpec, Socket
from flowctl.model.nodes import CANVASES, SOURCELESS, UNMATCHED, Inline, InlineKind, ProcessorType
from flowctl.model.traffic import Failure
from flowctl.recipe.contracts import Contract, Violation

PASS = "pass"
"""The one test of a gate."""
_SHOWN = 5
"""Violations that a failure tells in its message; its details hold more."""


class Desk:
    """Answers the calls that need no executor; lives in the core's thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.concerns: frozenset[str] = frozenset()
        """The sockets whose calls it must be asked about."""
        self._contracts: dict[str, Contract] = {}
        self._tables: dict[str, bytes] = {}

    def assign(self, processor: ProcessorSpec, sockets: Sequence[Socket]) -> None:
        """Take over what is wanted now."""
        has_no_code = processor.type in SOURCELESS
        self.concerns = frozenset(s.name for s in sockets if has_no_code or s.spec.schemas)
        self._contracts.clear()

    def answer(self, item: Item, arguments: Sequence[Argument]) -> Outcome | None:
        """Return how a call ends that has no need of an executor; None where it has."""
        spec, type_ = item.route.socket.spec, item.route.processor.spec.type
        if spec.schemas and (violations := self._violations(item, arguments)):
            return self._outcome(failure=_failure(violations))
        if type_ in CANVASES:
            return self._outcome(result=item.body, content_type=item.content_type)
        if type_ is ProcessorType.SCHEMA:
            return self._outcome(result=item.body, content_type=item.content_type)
        if type_ is ProcessorType.GATE and not spec.task:
            passed = self._outcome(result=item.body, content_type=item.content_type)
            passed.routes = [PASS]
            return passed
        if spec.inline is not None and spec.inline.kind is not InlineKind.URL:
            return self._outcome(result=self._object(spec.inline))
        return None

    def _outcome(self, **fields: Any) -> Outcome:
        now = self._clock.now()
        return Outcome(started_at=now, finished_at=now, duration=0.0, **fields)

    def _violations(self, item: Item, arguments: Sequence[Argument]) -> list[Violation]:
        found: list[Violation] = []
        try:
            values = _values(item, arguments)
        except msgspec.DecodeError as error:
            return [Violation(path="", message=f"it is not JSON: {error}")]
        for name, text in item.route.socket.spec.schemas.items():
            if name in values:
                contract = self._contracts.get(text) or self._contracts.setdefault(
                    text, Contract(text)
                )
                found += contract.violations(values[name], name)
        return found

    def _object(self, inline: Inline) -> bytes:
        if inline.kind is InlineKind.JSON:
            return inline.text.encode()
        if inline.text not in self._tables:
            self._tables = {inline.text: msgspec.json.encode(rows(inline.text))}
        return self._tables[inline.text]


def rows(text: str) -> list[dict[str, str | None]]:
    """Return the rows of a CSV text as objects; what is beyond the columns is left out.

    >>> rows("a,b\\n1,2\\n")
    [{'a': '1', 'b': '2'}]
    """
    reader = csv.DictReader(io.StringIO(text))
    return [{key: row[key] for key in reader.fieldnames or ()} for row in reader]


def _values(item: Item, arguments: Sequence[Argument]) -> Mapping[str, Any]:
    """Return the values of an input by the names of arguments; the whole of it has no name."""
    if item.parts:
        start, values = 0, {}
        for name, content_type, size in item.parts:
            if content_type == "application/json":
                values[name] = msgspec.json.decode(item.body[start : start + size])
            start += size
        return values
    value = msgspec.json.decode(item.body)
    if item.named:
        return {**value, "": value} if isinstance(value, dict) else {"": value}
    spec = item.route.socket.spec
    names = [argument.name for argument in arguments]
    if spec.wait_all and isinstance(value, list):
        return {"": value, **dict(zip(names, value, strict=False))}
    # Before an executor has shown the function, its only schema can mean its only argument.
    first = names[0] if names else next(iter(spec.schemas))
    return {"": value, first: value}


def _failure(violations: Sequence[Violation]) -> Failure:
    shown = "; ".join(map(str, violations[:_SHOWN]))
    more = len(violations) - _SHOWN
    message = shown + (f"; and {more} more" if more > 0 else "")
    return Failure(type="schema", message=message, details=msgspec.to_builtins(violations))


def extras(processor: ProcessorSpec, socket: Socket, outbound: Sequence[Plug]) -> dict[str, Any]:
    """Return what the CALL frames of a socket say beside what every call needs."""
    spec = socket.spec
    head: dict[str, Any] = {}
    if spec.wait_all:
        head["args"] = True
    if named := {plug.spec.route for plug in outbound if plug.spec.route}:
        head["routes"] = sorted({*named, *spec.routes} - {UNMATCHED})
    if spec.routes:
        head["tests"] = spec.routes
    elif processor.type is ProcessorType.GATE:
        head["tests"] = {PASS: spec.task}
    elif processor.type is ProcessorType.DATA:
        head["task"] = emitter(socket)
    return head


def emitter(socket: Socket) -> str:
    """Return the name of the function that emits the object of a socket."""
    return f"flowctl_emit_{socket.spec.name.replace('-', '_')}"


def overrides(spec: ProcessorSpec, sockets: Sequence[Socket]) -> dict[str, str]:
    """Return the functions that emit the objects of a data processor, as text.

    They are put into its module. It runs again at each emission, so that the object is as of now.
    """
    if spec.type is not ProcessorType.DATA:
        return {}
    module, _, cls = spec.source.module.partition(":")
    found = {}
    for socket in sockets:
        name, inline = emitter(socket), socket.spec.inline
        if inline is None:
            found[name] = _OBJECT.format(
                function=name, module=module, cls=cls, name=socket.spec.task
            )
        elif inline.kind is InlineKind.URL:
            found[name] = _WEB.format(function=name, url=inline.text)
    return found


_OBJECT = """\
def {function}(*_):
    import importlib, linecache, sys
    module = sys.modules[{module!r}]
    code = "".join(linecache.getlines("<processor code>"))
    if code:
        exec(compile(code, "<processor code>", "exec", dont_inherit=True), vars(module))
    else:
        module = importlib.reload(module)
    owner = getattr(module, {cls!r})() if {cls!r} else module
    value = getattr(owner, {name!r})
    return value() if callable(value) else value
"""
_WEB = """\
def {function}(*_):
    import csv, io, json, urllib.request
    with urllib.request.urlopen({url!r}, timeout=60) as answer:
        body, kind = answer.read((64 << 20) + 1), answer.headers.get_content_type()
        charset = answer.headers.get_content_charset() or "utf-8"
    if kind == "application/json" or kind.endswith("+json"):
        return json.loads(body)
    if kind == "text/csv":
        reader = csv.DictReader(io.StringIO(body.decode(charset)))
        return [{{key: row[key] for key in reader.fieldnames or ()}} for row in reader]
    return body.decode(charset) if kind.startswith("text/") else body
"""
