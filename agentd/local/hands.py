"""Who does a processor's work in this process: its deliveries sorted, its functions called."""

from __future__ import annotations

import json
import pdb
import signal
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentd import executor
from agentd.environments import Environment, build
from agentd.local.stage import Scene, Stage, packages_of
from agentd.worker.crew import call_head
from agentd.worker.follow import arguments_of
from agentd.worker.frames import Frame, Kind
from agentd.worker.identity import Identity
from agentd.worker.intake import Intake
from agentd.worker.items import Item
from agentd.worker.nodes import Desk
from agentd.worker.outcomes import note, timed_out
from agentd.worker.routing import Outcome
from agentd.worker.setup import setup_of, tasks_of
from flowctl.errors import Refused
from flowctl.model.fleet import Deployment
from flowctl.model.flow import Argument, Plug, Processor, Socket, SourceKind, Task
from flowctl.model.local import Order
from flowctl.model.reach import gathering
from flowctl.model.states import DeploymentStatus, Desired
from flowctl.model.work import Assignment
from flowctl.services.control import Control

NAME = "local"
"""What stands for worker and agent in the records."""
_ENDS = frozenset({"KeyboardInterrupt", "BdbQuit"})
"""By these a person ends the whole run, not one call."""


class TimeUp(BaseException):
    """A call ran for longer than its processor allows."""


class Ear(executor.Wire):
    """Hears what the executor's code says of a call, without a wire."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def send(self, kind: int, head: str, body: bytes = b"") -> None:
        """Keep a frame."""
        self.frames.append(Frame(Kind(kind), json.loads(head), body))


class Screen(executor.Console):
    """Lets what functions print go where it goes."""

    def __init__(self) -> None:
        """Take over nothing."""

    def begin(self, _call_id: str) -> None:
        """Leave the streams as they are."""

    def end(self) -> None:
        """Leave the streams as they are."""


@dataclass(slots=True)
class Hand:
    """One processor at work."""

    assignment: Assignment
    intake: Intake
    desk: Desk
    stage: Stage
    scene: Scene
    source: executor.Python | executor.Command
    control: Control
    tasks: tuple[Task, ...] = ()
    post_mortem: bool = False
    screen: Screen = field(default_factory=Screen)

    def arguments(self, item: Item) -> tuple[Argument, ...]:
        """Return the parameters of the function that an item is for."""
        return arguments_of(self.tasks, item.route.socket.spec.task)

    def run(self, item: Item) -> Outcome:
        """Run a call, and return how it ended.

        Raises:
            KeyboardInterrupt: a person ended the run.
        """
        clock = self.control.clock
        item.started, item.started_at = clock.monotonic(), clock.now()
        if item.route.socket.name in self.desk.concerns:
            outcome = self.desk.answer(item, self.arguments(item))
            if outcome is not None:
                return outcome
        return self._execute(item)

    def _execute(self, item: Item) -> Outcome:
        self.stage.show(self.scene)
        ear, limit = Ear(), self.assignment.processor.spec.timeout
        source: Any = Watched(self.source) if self.post_mortem else self.source
        with _time_limit(limit):
            executor.answer(ear, self.screen, source, call_head(item), item.body)
        found = [
            outcome for frame in ear.frames if (outcome := note(item, frame, self.control.clock))
        ]
        outcome = found[-1]
        kind = outcome.failure.type if outcome.failure else ""
        if kind in _ENDS:
            raise KeyboardInterrupt
        return timed_out(item, limit, self.control.clock) if kind == "TimeUp" else outcome


class Watched:
    """Opens the debugger where a call fails, as the function left things."""

    def __init__(self, source: executor.Python | executor.Command) -> None:
        self._source = source

    def run(self, wire: executor.Wire, call: dict[str, Any], body: bytes) -> executor.Outcome:
        """Run a call as its source does."""
        try:
            return self._source.run(wire, call, body)
        except Exception as error:
            sys.stderr.write(f"{call['task']}: {executor.explain(error)}\n")
            pdb.post_mortem(error.__traceback__)
            raise


def hands(control: Control, order: Order) -> list[Hand]:
    """Return a hand for each processor of the network, its code loaded.

    Raises:
        BuildFailed: the code or the packages of one cannot be had.
        Refused: the code of one cannot be loaded.
    """
    stage, flows = Stage(), control.store.flows
    plugs, sockets = flows.plugs(order.network), flows.sockets(order.network)
    assignments = [
        _assignment(control, each, sockets, plugs) for each in flows.processors(order.network)
    ]
    # Before any code gets its scene: there the variables that installers need are gone.
    built = [build(each, settings=control.settings, clock=control.clock) for each in assignments]
    return [
        _hand(control, order, stage, assignment, environment)
        for assignment, environment in zip(assignments, built, strict=True)
    ]


def _assignment(
    control: Control, processor: Processor, sockets: list[Socket], plugs: list[Plug]
) -> Assignment:
    own = tuple(each for each in sockets if each.processor == processor.name)
    names = {each.name for each in own}
    outbound = tuple(each for each in plugs if each.spec.source in names)
    gathered = gathering([each.spec for each in plugs])
    return Assignment(
        deployment=_deployment(control, processor),
        processor=processor,
        sockets=own,
        inbound=tuple(each for each in plugs if each.spec.target in names),
        outbound=outbound,
        targets=(),
        gathering=frozenset(each.name for each in outbound if each.name in gathered),
    )


def _deployment(control: Control, processor: Processor) -> Deployment:
    now = control.clock.now()
    return Deployment(
        id=processor.id,
        name=f"{processor.name}.{NAME}",
        receipt="",
        created_at=now,
        updated_at=now,
        network=processor.network,
        processor=processor.name,
        agent=NAME,
        cpus=1,
        requested_status=Desired.RUNNING,
        status=DeploymentStatus.RUNNING,
    )


def _hand(
    control: Control, order: Order, stage: Stage, assignment: Assignment, environment: Environment
) -> Hand:
    identity = _identity(control, assignment, environment)
    setup = setup_of(assignment, identity)
    spec = assignment.processor.spec
    intake, desk = Intake(identity, control.clock), Desk(control.clock)
    intake.assign(assignment)
    desk.assign(spec, assignment.sockets)
    scratch = Path(identity.status).with_suffix(".scratch")
    scratch.mkdir(exist_ok=True)
    scene = Scene(
        sources=identity.paths,
        packages=packages_of(
            environment.python, [getattr(sys, "_base_executable", sys.executable)]
        ),
        environment=spec.env,
        folder=setup["cwd"] or str(scratch),
        program=setup["module"] or "processor",
    )
    stage.show(scene)
    source, tasks = _load(assignment, setup)
    return Hand(
        assignment=assignment,
        intake=intake,
        desk=desk,
        stage=stage,
        scene=scene,
        source=source,
        control=control,
        tasks=tasks,
        post_mortem=order.post_mortem,
    )


def _identity(control: Control, assignment: Assignment, environment: Environment) -> Identity:
    processor = assignment.processor
    return Identity(
        worker=NAME,
        deployment=assignment.deployment.name,
        network=processor.network,
        agent=NAME,
        python=environment.python,
        paths=environment.paths,
        status=str(control.settings.paths.run / f"{processor.name}.status"),
        commit=environment.commit,
    )


def _load(
    assignment: Assignment, setup: dict[str, Any]
) -> tuple[executor.Python | executor.Command, tuple[Task, ...]]:
    is_command = assignment.processor.spec.source.kind is SourceKind.COMMAND
    try:
        source = executor.Command(setup) if is_command else executor.Python(setup)
        described = source.describe(setup["tasks"])
    except (Exception, SystemExit) as error:
        sys.stderr.write(executor.failure_of(error)["traceback"])
        said = executor.failure_of(error)
        raise Refused(
            f"processor {assignment.processor.name} is in error: {said['type']}: {said['message']}",
            remedy="its code cannot be loaded; see what it said above",
        ) from error
    return source, tasks_of({"tasks": described}, assignment)


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Interrupt what runs for longer; not while a debugger holds it up."""

    def ring(_number: int, _frame: types.FrameType | None) -> None:
        if sys.gettrace() is None:
            raise TimeUp

    if seconds <= 0:
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
