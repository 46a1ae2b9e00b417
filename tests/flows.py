"""Small flows for tests: processors, sockets, plugs, messages and what the worker makes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from agentd.worker.items import Item, item_of
from agentd.worker.routing import Outcome, Route
from flowctl.broker.base import Delivery
from flowctl.model.flow import (
    Plug,
    PlugKind,
    PlugSpec,
    Processor,
    ProcessorSpec,
    Socket,
    SocketSpec,
    Source,
    SourceKind,
)
from flowctl.model.ids import CallId, RunId
from flowctl.model.naming import plug_name, plug_queue, socket_queue
from flowctl.model.states import Desired, ProcessorStatus
from flowctl.model.traffic import Message

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NET = "shop"
RECORD = {"receipt": "r", "created_at": NOW, "updated_at": NOW}


def processor(name: str = "parse", **spec: Any) -> Processor:
    """Return a processor that runs inline code."""
    spec.setdefault(
        "source", Source(kind=SourceKind.CODE, module=name, code="def rows(x): return x")
    )
    return Processor(
        id=f"id-{name}", name=name, network=NET, spec=ProcessorSpec(name=name, **spec),
        generation=1, restarts=0, requested_status=Desired.RUNNING,
        status=ProcessorStatus.RUNNING, **RECORD,
    )  # fmt: skip


def socket(name: str = "parse.rows", **spec: Any) -> Socket:
    """Return a socket; `name` is `processor.socket`."""
    owner, _, short = name.partition(".")
    spec.setdefault("task", short)
    return Socket(
        id=f"id-{name}", name=name, network=NET, processor=owner,
        spec=SocketSpec(name=short, **spec), queue=socket_queue(NET, owner, short), **RECORD,
    )  # fmt: skip


def plug(source: str, target: str, **spec: Any) -> Plug:
    """Return a plug between two sockets."""
    declared = PlugSpec(source=source, target=target, **spec)
    return Plug(
        id=f"id-{source}-{target}", name=plug_name(declared), network=NET, spec=declared,
        queue=plug_queue(NET, declared), **RECORD,
    )  # fmt: skip


def message(call_id: str = "c1", body: bytes = b"1", **fields: Any) -> Message:
    """Return a message of run `r1`."""
    return Message(id=CallId(call_id), run_id=RunId("r1"), body=body, **fields)


def route(*outbound: Plug, inbound: Plug | None = None, **spec: Any) -> Route:
    """Return the route of `parse.rows` (or of the inbound plug's target)."""
    name = inbound.spec.target if inbound else "parse.rows"
    join = spec.pop("join", None)
    entry = socket(name, **({"join": join} if join else {}))
    return Route(
        network=NET, worker="h1.shop.parse.worker.1", agent="h1",
        processor=processor(name.partition(".")[0], **spec), socket=entry,
        queue=inbound.queue if inbound else entry.queue, outbound=outbound, inbound=inbound,
        gathering=frozenset(p.name for p in outbound if p.spec.kind is PlugKind.RESULT),
    )  # fmt: skip


def outcome(result: bytes = b"1", **fields: Any) -> Outcome:
    """Return an outcome of half a second."""
    return Outcome(started_at=NOW, finished_at=NOW, duration=0.5, result=result, **fields)


def delivery(number: int = 1, queue: str = "shop.parse.rows", **fields: Any) -> Delivery:
    """Return a delivery; `fields` go to its message but for `redelivered` and `deliveries`."""
    redelivered = fields.pop("redelivered", False)
    deliveries = fields.pop("deliveries", 0)
    fields.setdefault("call_id", f"c{number}")
    return Delivery(
        tag=(1, number), queue=queue, message=message(**fields), redelivered=redelivered,
        deliveries=deliveries,
    )  # fmt: skip


def item(through: Route, **fields: Any) -> Item:
    """Return the item that a delivery on the queue of `through` becomes."""
    return item_of(delivery(queue=through.queue, **fields), through, NOW)
