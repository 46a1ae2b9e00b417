"""A network in the middle of its day, for pictures: agents, workers, calls, messages, trouble."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from flowctl.broker.base import QueueSpec
from flowctl.model.fleet import Resources
from flowctl.model.flow import NetworkSpec, PlugSpec, ProcessorSpec, Schedule, SocketSpec
from flowctl.model.journal import Entry
from flowctl.model.states import (
    AgentStatus,
    CallStatus,
    DeploymentStatus,
    ProcessorStatus,
    WorkerStatus,
)
from flowctl.model.traffic import Failure
from flowctl.model.work import Create, Sample, WorkerBeat
from flowctl.planning.health import Health
from flowctl.services import queues
from flowctl.services.control import Control
from tests import stores

GB = 2**30


def fill(control: Control) -> None:
    """Fill a store and a broker."""
    _flows(control)
    _hosts(control)
    _workers(control)
    _messages(control)
    _calls(control)
    _series(control)
    _logs(control)
    _changes(control)


def _flows(control: Control) -> None:
    often = SocketSpec(name="two", task="two", schedule=Schedule(every=900.0, paused=True))
    nightly = Schedule(cron="30 2 * * *", timezone="Europe/Berlin", payload='{"days": 1}')
    tick = SocketSpec(name="tick", task="tick", schedule=nightly)
    shop = stores.shop(
        processors=(_timed("parse", tick, "rows"), stores.processor("store", "save", cpus=2))
    )
    orders = NetworkSpec(
        name="orders",
        processors=(
            _timed("enrich", often, "one", cpus=4, description="adds prices"),
            stores.processor("mail", "send"),
            stores.processor("parse", "rows", cpus=2),
            stores.processor("store", "save", cpus=2),
        ),
        plugs=(
            PlugSpec(source="enrich.one", target="store.save"),
            PlugSpec(source="parse.rows", target="enrich.one"),
            PlugSpec(source="parse.rows", target="mail.send"),
        ),
    )
    stores.apply(control.store, orders)
    stores.apply(control.store, shop)
    status = ProcessorStatus
    seen = {
        ("orders", "enrich"): Health(status=status.RUNNING, deployed=4, running=4),
        ("orders", "parse"): Health(status=status.RUNNING, deployed=2, running=2),
        ("orders", "mail"): Health(
            status=status.ERROR, error="ImportError: no module smtp", deployed=1
        ),
        ("orders", "store"): Health(status=status.PENDING, error="no agent has 2 free cpus"),
        ("shop", "parse"): Health(status=status.RUNNING, deployed=1, running=1),
        ("shop", "store"): Health(status=status.STARTING, deployed=2, running=1),
    }
    control.store.flows.settle(seen)


def _timed(name: str, timed: SocketSpec, plain: str, **fields: Any) -> ProcessorSpec:
    """Return a processor with a socket that is called by itself, beside a plain one."""
    return stores.processor(name, sockets=(SocketSpec(name=plain, task=plain), timed), **fields)


def _hosts(control: Control) -> None:
    busy = Resources(
        cpus=8, cpu_percent=71.0, load=5.2, memory_total=16 * GB, memory_available=4 * GB,
        disk_total=200 * GB, disk_free=120 * GB,
    )  # fmt: skip
    stores.beat(control.store, "h1", cpus=8, resources=busy, sentence="6 workers as wanted")
    idle = Resources(
        cpus=8, cpu_percent=3.0, load=0.1, memory_total=16 * GB, memory_available=15 * GB,
        disk_total=200 * GB, disk_free=190 * GB,
    )  # fmt: skip
    stores.beat(control.store, "h2", cpus=8, resources=idle, sentence="1 worker is starting")
    control.clock.pass_by(-15)
    stores.beat(control.store, "h3", status=AgentStatus.SUSPECT, sentence="idle")
    control.clock.pass_by(15)
    control.store.duty.acquire("s1", 15.0)


def _workers(control: Control) -> None:
    where = (
        ("orders", "enrich", "h1", 4), ("orders", "parse", "h1", 2), ("orders", "mail", "h2", 1),
        ("shop", "parse", "h1", 1), ("shop", "store", "h2", 2),
    )  # fmt: skip
    steps = [
        Create(
            network=network, processor=name, agent=agent, deployment=f"{name}.deploy1", cpus=cpus
        )
        for network, name, agent, cpus in where
    ]
    control.store.fleet.place(steps, term=None)
    for number, (network, name, agent, cpus) in enumerate(where):
        failed = name == "mail"
        status = DeploymentStatus.ERROR if failed else DeploymentStatus.RUNNING
        reason = "ImportError: no module smtp" if failed else ""
        control.store.fleet.report(f"{name}.deploy1", network, status, reason)
        control.store.fleet.beat_worker(
            WorkerBeat(
                name=f"{agent}.{network}.{name}.worker.1", deployment=f"{name}.deploy1",
                agent=agent, network=network, processor=name, pid=4000 + number, executors=cpus,
                busy=max(0, cpus - 1), restarts=5 * failed, cpu_percent=12.5 * cpus,
                memory=120 * 2**20 + number * 2**22, commit="", reason=reason,
                status=WorkerStatus.FAILED if failed else WorkerStatus.RUNNING,
            )
        )  # fmt: skip


def _messages(control: Control) -> None:
    flows = control.store.flows
    specs = queues.specs_of(flows.sockets(), flows.plugs())
    control.broker.declare([QueueSpec(name=spec.name) for spec in specs])
    held = {
        "orders.parse.rows-enrich.one": 1204,
        "orders.store.save": 37,
        "orders.mail.send.dead": 3,
    }
    for queue, count in held.items():
        control.broker.publish(
            [stores.outgoing(f"{queue}-{n:05}", queue, origin="") for n in range(count)]
        )
    now = control.clock.now()
    for seconds, ready in ((15, 900.0), (5, 1100.0)):
        at = now - timedelta(seconds=seconds)
        sample = Sample(
            at=at, kind="queue", object="orders.parse.rows-enrich.one", metric="ready", value=ready
        )
        control.store.duty.sample([sample])


def _calls(control: Control) -> None:
    now = control.clock.now()
    batch = []
    for number in range(60):
        at = now - timedelta(seconds=18 - number * 0.25)
        failed = number % 20 == 7
        batch.append(
            stores.finished(
                f"{number:032x}", network="orders", run_id=f"{number // 3:032x}",
                socket="enrich.one" if number % 3 else "parse.rows",
                plug="parse.rows-enrich.one" if number % 3 else "",
                status=CallStatus.FAILED if failed else CallStatus.FINISHED,
                failure=Failure(type="ValueError", message="no price", traceback="") if failed else None,
                worker="h1.orders.enrich.worker.1", agent="h1",
                sent_at=at, received_at=at, started_at=at, finished_at=at + timedelta(seconds=0.25),
            )
        )  # fmt: skip
    control.store.traffic.commit(batch)


def _series(control: Control) -> None:
    """What was measured in the last hour: waves, so that charts have something to show."""
    now = control.clock.now()
    samples = []
    for minute in range(60, 0, -1):
        at, wave = now - timedelta(minutes=minute - 0.5), minute % 12
        measured = {
            ("cluster", "all", "calls"): 6000.0 + 500 * wave,
            ("cluster", "all", "failed"): 180.0 if minute < 5 else 0.0,
            ("agent", "h1", "cpu"): 40.0 + 3 * wave,
            ("agent", "h1", "load"): 3.0 + 0.2 * wave,
            ("agent", "h1", "memory"): 75.0 - minute / 4,
            ("agent", "h1", "disk"): 40.0,
            ("agent", "h2", "cpu"): 3.0,
        }
        samples += [
            Sample(at=at, kind=kind, object=name, metric=metric, value=value)
            for (kind, name, metric), value in measured.items()
        ]
    control.store.duty.sample(samples)


def _logs(control: Control) -> None:
    """Let daemons and a worker say something of the last seconds."""
    now = control.clock.now()
    said = (
        ("agentd-h1", "info", "6 workers as wanted", {}),
        ("workers/h1.orders.parse.worker.1", "info", "order 17 parsed", {"socket": "parse.rows"}),
        ("workers/h1.orders.parse.worker.1", "info", 'got {"id": 18, "price": null}', {"socket": "parse.rows"}),
        ("agentd-h2", "error", "worker of mail ended: ImportError: no module smtp", {}),
        ("schedulerd", "warning", "agent h3 was not heard of for 15 s: suspect", {}),
        ("schedulerd", "info", "store waits: no agent has 2 free cpus", {}),
    )  # fmt: skip
    for number in range(60):
        name, level, text, more = said[number % len(said)]
        at = (now - timedelta(seconds=60 - number)).isoformat()
        record = {"at": at, "level": level, "logger": "flowctl", "message": text, **more}
        record |= {"stream": "stdout"} if more else {}
        file = control.settings.paths.logs / f"{name}.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as stream:
            stream.write(json.dumps(record) + "\n")


def _changes(control: Control) -> None:
    """What somebody changed this morning, with the commands."""
    changes = (
        ("scale", "flowctl scale orders/enrich=4", "processor/enrich", "processor enrich cpus 2 > 4"),
        ("pause", "flowctl pause orders/mail", "processor/mail", "processor mail running > paused"),
        ("resume", "flowctl resume orders/mail", "processor/mail", "processor mail paused > running"),
    )  # fmt: skip
    now = control.clock.now()
    for number, (action, command, object_, result) in enumerate(changes):
        entry = Entry(
            at=now - timedelta(minutes=40 - 10 * number), who="ada@desk", face="cli",
            command=command, action=action, network="orders", objects=(object_,), result=result,
        )  # fmt: skip
        control.store.journal.add(entry)
