"""Builders of fleets for tests: every field has a value, the test names those it is about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from flowctl.model.fleet import Agent, Deployment, Resources, Worker
from flowctl.model.flow import Processor, ProcessorSpec, Source, SourceKind
from flowctl.model.states import (
    AgentStatus,
    DeploymentStatus,
    Desired,
    ProcessorStatus,
    WorkerStatus,
)
from flowctl.model.work import Create, Fleet, Resize, Retire, Step

START = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = Source(kind=SourceKind.CODE, module="m", code="def f(): pass")


def _record(name: str, age: int = 0) -> dict[str, object]:
    at = START + timedelta(seconds=age)
    return {"id": name, "name": name, "receipt": "r", "created_at": at, "updated_at": at}


def processor(name: str = "parse", *, age: int = 0, network: str = "shop", **spec) -> Processor:
    requested = spec.pop("requested", Desired.RUNNING)
    status = spec.pop("status", ProcessorStatus.READY)
    return Processor(
        **_record(name, age),
        network=network,
        spec=ProcessorSpec(name=name, source=SOURCE, **spec),
        generation=1,
        restarts=0,
        requested_status=requested,
        status=status,
    )


def agent(name: str = "h1", cpus: int = 4, **fields) -> Agent:
    return Agent(
        **{
            **_record(name),
            "node": f"{name}.node",
            "cpus": cpus,
            "labels": {},
            "resources": Resources(),
            "heartbeat_at": START,
            "sentence": "",
            "port": 0,
            "pid": 1,
            "version": "0",
            "requested_status": Desired.RUNNING,
            "status": AgentStatus.RUNNING,
            **fields,
        }
    )


def deployment(name: str, agent: str = "h1", cpus: int = 1, **fields) -> Deployment:
    return Deployment(
        **{
            **_record(name),
            "network": "shop",
            "processor": name.partition(".")[0],
            "agent": agent,
            "cpus": cpus,
            "requested_status": Desired.RUNNING,
            "status": DeploymentStatus.RUNNING,
            **fields,
        }
    )


def worker(deployment: str, executors: int = 1, **fields) -> Worker:
    return Worker(
        **{
            **_record(f"h1.shop.{deployment}.worker.1"),
            "deployment": deployment,
            "agent": "h1",
            "processor": deployment.partition(".")[0],
            "network": "shop",
            "pid": 1,
            "executors": executors,
            "busy": 0,
            "restarts": 0,
            "cpu_percent": 0.0,
            "memory": 0,
            "commit": "",
            "reason": "",
            "heartbeat_at": START,
            "status": WorkerStatus.RUNNING,
            **fields,
        }
    )


def fleet(
    processors: Iterable[Processor] = (),
    agents: Iterable[Agent] = (),
    deployments: Iterable[Deployment] = (),
    workers: Iterable[Worker] = (),
    strategy: str = "BALANCED",
) -> Fleet:
    processors = tuple(processors)
    return Fleet(
        revision=1,
        processors=processors,
        agents=tuple(agents),
        deployments=tuple(deployments),
        workers=tuple(workers),
        strategies={each.network: strategy for each in processors},
    )


def taken(snapshot: Fleet, steps: Iterable[Step], *, finish: bool = False) -> Fleet:
    """Return the fleet after the steps; with `finish` retired deployments are gone as well."""
    claims = {(each.network, each.name): each for each in snapshot.deployments}
    for step in steps:
        key = (step.network, step.deployment)
        match step:
            case Create():
                claims[key] = deployment(
                    step.deployment,
                    step.agent,
                    step.cpus,
                    network=step.network,
                    processor=step.processor,
                )
            case Resize():
                claims[key] = msgspec.structs.replace(claims[key], cpus=step.cpus)
            case Retire():
                claims[key] = msgspec.structs.replace(claims[key], requested_status=Desired.REMOVED)
    left = [
        each
        for each in claims.values()
        if not (finish and each.requested_status is Desired.REMOVED)
    ]
    return msgspec.structs.replace(snapshot, deployments=tuple(left))
