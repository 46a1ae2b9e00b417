"""What an executor is told at its start, and what it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agentd.worker.executors import Executor
from agentd.worker.frames import Kind
from agentd.worker.identity import Identity
from agentd.worker.nodes import overrides
from flowctl.model.flow import Argument, SourceKind, Task
from flowctl.model.nodes import ProcessorType
from flowctl.model.work import Assignment

OUTPUT_CAP = 1024 * 1024
"""Bytes of its prints that an executor passes on for one call."""
FRAME_CAP = 64 * 1024 * 1024
"""Bytes of one result."""


def setup_of(assignment: Assignment, identity: Identity) -> dict[str, Any]:
    """Return the head of the SETUP frame."""
    source = assignment.processor.spec.source
    spec = assignment.processor.spec
    # The objects of data are no functions: what emits them is among the overrides.
    sockets = () if spec.type is ProcessorType.DATA else assignment.sockets
    tasks = sorted({name for socket in sockets for name in socket.spec.functions()})
    return {
        "kind": str(source.kind),
        "module": source.module,
        "code": source.code,
        "command": list(source.command),
        "cwd": _folder(assignment, identity),
        "paths": list(identity.paths),
        "tasks": tasks,
        "overrides": {
            socket.task.name: socket.task.code
            for socket in assignment.sockets
            if socket.task is not None and socket.task.code
        }
        | overrides(spec, assignment.sockets),
        "memory": assignment.processor.spec.memory,
        "output_cap": OUTPUT_CAP,
        "frame_cap": FRAME_CAP,
    }


def make_executor(assignment: Assignment, identity: Identity, number: int, now: float) -> Executor:
    """Start an executor and hand it its setup."""
    env = dict(assignment.processor.spec.env)
    scratch = Path(identity.status).with_suffix(".scratch")
    scratch.mkdir(exist_ok=True)
    executor = Executor(number, identity.python, env, scratch, now, identity.token)
    executor.send(Kind.SETUP, setup_of(assignment, identity))
    return executor


def tasks_of(head: dict[str, Any], assignment: Assignment | None) -> tuple[Task, ...]:
    """Return the functions that a READY frame names."""
    processor = assignment.processor.name if assignment else ""
    return tuple(
        Task(
            name=str(task["name"]),
            processor=processor,
            module=str(task.get("module") or ""),
            arguments=tuple(
                Argument(
                    name=str(argument["name"]),
                    position=int(argument["position"]),
                    kind=str(argument["kind"]),
                    has_default=bool(argument.get("has_default")),
                )
                for argument in task.get("arguments") or ()
            ),
            source=str(task.get("source") or ""),
        )
        for task in head.get("tasks") or ()
    )


def _folder(assignment: Assignment, identity: Identity) -> str:
    source = assignment.processor.spec.source
    if source.kind is SourceKind.COMMAND and not source.path:
        return ""
    if source.kind in (SourceKind.PATH, SourceKind.COMMAND):
        return source.path
    return identity.paths[0] if identity.paths else ""
