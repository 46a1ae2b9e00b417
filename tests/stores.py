"""Stores for tests, and the values that tests put into them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flowctl.model.fleet import Agent, Resources
from flowctl.model.flow import (
    Network,
    NetworkSpec,
    PlugSpec,
    ProcessorSpec,
    SocketSpec,
    Source,
    SourceKind,
)
from flowctl.model.ids import CallId, RunId
from flowctl.model.states import AgentStatus, CallStatus
from flowctl.model.traffic import Call, Finished, Message, Outgoing
from flowctl.model.work import AgentBeat
from flowctl.recipe.diff import diff
from flowctl.state.store import Store

NOON = datetime(2026, 3, 29, 12, 0, 0, 123456, tzinfo=UTC)


def empty(store: Store) -> None:
    """Delete all rows, as if the store had just been migrated."""
    from flowctl.state.drivers import Mode
    from flowctl.state.schema import ALL
    from flowctl.state.tables import table_name

    database = store._database

    def work() -> None:
        for table in reversed(ALL):
            if table_name(table) == "counter":
                database.execute("UPDATE counter SET value = 0")
            else:
                database.execute(f'DELETE FROM "{table_name(table)}"')

    database.run(work, Mode.WRITE)


def processor(name: str, *sockets: str, **fields: Any) -> ProcessorSpec:
    """A processor whose sockets bear the names of their tasks."""
    made = tuple(SocketSpec(name=each, task=each) for each in sorted(sockets))
    source = Source(kind=SourceKind.PATH, module="shop.work", path="/srv/shop")
    return ProcessorSpec(**{"name": name, "source": source, "sockets": made} | fields)


def shop(**fields: Any) -> NetworkSpec:
    """Two processors and a plug."""
    values: dict[str, Any] = {
        "name": "shop",
        "processors": (processor("parse", "rows", "tick"), processor("store", "save", cpus=2)),
        "plugs": (PlugSpec(source="parse.rows", target="store.save"),),
    }
    return NetworkSpec(**values | fields)


def apply(store: Store, spec: NetworkSpec) -> Network:
    """Make the network be as `spec` says."""
    known = [each.name for each in store.flows.networks()]
    old = store.flows.spec(spec.name) if spec.name in known else None
    return store.flows.apply(diff(old, spec), expect=None)


def beat(store: Store, name: str, *, cpus: int = 4, **fields: Any) -> Agent:
    """One heartbeat of an agent."""
    values: dict[str, Any] = {
        "name": name,
        "hostname": f"{name}.example",
        "boot_id": "boot",
        "pid": 7,
        "version": "0.1",
        "cpus": cpus,
        "labels": {},
        "port": 0,
        "sentence": "idle",
        "resources": Resources(cpus=cpus, load=0.5),
        "status": AgentStatus.RUNNING,
    }
    return store.fleet.beat(AgentBeat(**values | fields))


def call(id_: str, **fields: Any) -> Call:
    """A call that finished at noon."""
    values: dict[str, Any] = {
        "id": CallId(id_),
        "run_id": RunId("run"),
        "parent": "",
        "network": "shop",
        "socket": "parse.rows",
        "plug": "",
        "argument": "",
        "status": CallStatus.FINISHED,
        "attempt": 1,
        "worker": "host.shop.parse.worker.1",
        "agent": "host",
        "sent_at": NOON,
        "received_at": NOON,
        "started_at": NOON,
        "finished_at": NOON,
        "duration": 0.25,
        "outputs": 0,
    }
    return Call(**values | fields)


def message(id_: str, **fields: Any) -> Message:
    """A message for a call of this id."""
    return Message(**{"id": CallId(id_), "run_id": RunId("run"), "body": b'{"a": 1}'} | fields)


def outgoing(
    id_: str, queue: str = "shop.store.save", delay: float = 0.0, **fields: Any
) -> Outgoing:
    """A message on its way."""
    return Outgoing(queue=queue, message=message(id_, **fields), delay=delay)


def finished(id_: str, *out: Outgoing, result: bytes | None = b"1", **fields: Any) -> Finished:
    """What a worker commits of a call."""
    return Finished(call=call(id_, outputs=len(out), **fields), result=result, outgoing=tuple(out))


def ids(calls: Iterable[Call]) -> list[str]:
    """The ids of calls, in order."""
    return [each.id for each in calls]


names = partial(map, lambda each: each.name)
"""The names of objects, in order."""
