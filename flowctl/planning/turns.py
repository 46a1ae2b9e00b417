"""What one transaction does to canvases (pure): moves, collected into messages and records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec import json, structs

from flowctl.model.canvas import (
    FAILURE,
    Canvas,
    Path,
    Pointer,
    path_text,
    place_id,
)
from flowctl.model.ids import CallId, RunId, child_call_id, derived_id
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Answer, Call, Failure, Message, Outgoing
from flowctl.planning.canvas import (
    Arrive,
    Break,
    Close,
    End,
    Move,
    Open,
    Send,
    Value,
    spot,
)

Place = tuple[CallId, Path]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A value for one place of a list, and the call whose outcome brought it."""

    index: int
    body: bytes
    cause: CallId


@dataclass(slots=True)
class Turn:
    """Collects what follows; each thing that is sent belongs to the call that caused it."""

    now: datetime
    outgoing: list[tuple[CallId, Outgoing]] = field(default_factory=list)
    opened: dict[CallId, Call] = field(default_factory=dict)
    """Patterns that began, but for roots: those are on record."""
    roots: dict[CallId, int] = field(default_factory=dict)
    """Roots that began, with how much they start."""
    nodes: list[tuple[CallId, str, int]] = field(default_factory=list)
    closed: list[CallId] = field(default_factory=list)
    arrivals: dict[Place, list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    ended: list[tuple[Canvas, Value]] = field(default_factory=list)
    broken: list[tuple[Canvas, Path, CallId, Failure]] = field(default_factory=list)
    answers: list[tuple[Message, Answer]] = field(default_factory=list)
    """Who is to be told what a canvas came to, once this is committed."""
    _moments: int = 0

    def follow(self, canvas: Canvas, moves: Iterable[Move], cause: CallId) -> None:
        """Collect moves that the outcome of `cause` leads to."""
        for move in moves:
            self._collect(canvas, move, cause)

    def _collect(self, canvas: Canvas, move: Move, cause: CallId) -> None:
        if isinstance(move, Send):
            self.outgoing.append((cause, _outgoing(canvas, move, self._moment())))
        elif isinstance(move, Open):
            self._open(canvas, move)
        elif isinstance(move, Close):
            self._close(place_id(canvas.id, move.path))
        elif isinstance(move, Arrive):
            arrival = Arrival(move.index, move.value.body, cause)
            self.arrivals[canvas.id, move.path].append(arrival)
        elif isinstance(move, End):
            self.ended.append((canvas, move.value))
            self._exit(canvas, cause, move.value, child_call_id(canvas.id, "complete", 0))
        elif isinstance(move, Break):
            told = f"{spot(canvas.program, move.path)}: {move.failure.message}"
            failure = structs.replace(move.failure, message=told)
            self.broken.append((canvas, move.path, cause, failure))

    def _moment(self) -> datetime:
        """Return the present, a little later each time: pictures of a run keep the order of branches."""
        self._moments += 1
        return self.now + timedelta(microseconds=self._moments)

    def _open(self, canvas: Canvas, move: Open) -> None:
        self.nodes.append((canvas.id, path_text(move.path), move.total))
        if not move.path:
            self.roots[canvas.id] = move.starts
            return
        call = _pattern(canvas, move, self._moment())
        self.opened[call.id] = call

    def _close(self, call_id: CallId) -> None:
        if (call := self.opened.get(call_id)) is None:
            self.closed.append(call_id)
        else:
            self.opened[call_id] = structs.replace(
                call, status=CallStatus.FINISHED, finished_at=self.now, duration=0.0
            )

    def exit_broken(self, canvas: Canvas, cause: CallId, failure: Failure) -> None:
        """Tell what follows a canvas in a recipe that it failed."""
        call_id = CallId(derived_id("broken", canvas.id, cause, str(failure.attempt)))
        self._exit(canvas, cause, Value(json.encode(failure), FAILURE), call_id)

    def _exit(self, canvas: Canvas, cause: CallId, value: Value, call_id: CallId) -> None:
        """Send on what a canvas that is part of a recipe came to."""
        if canvas.exit:
            message = Message(
                id=call_id,
                run_id=RunId(canvas.run_id),
                body=value.body,
                content_type=value.content_type,
                parent=canvas.id,
                canvas=canvas.outer,
                gathers=canvas.gathers,
                hops=canvas.hops + 1,
                traceparent=canvas.traceparent,
                sent_at=self.now,
            )
            self.outgoing.append((cause, Outgoing(queue=canvas.exit, message=message)))


def _outgoing(canvas: Canvas, move: Send, now: datetime) -> Outgoing:
    network, slash, socket = move.step.socket.rpartition("/")
    message = Message(
        id=place_id(canvas.id, move.path),
        run_id=RunId(canvas.run_id),
        body=move.value.body,
        content_type=move.value.content_type,
        parent=place_id(canvas.id, move.path[:-1]),
        canvas=Pointer(canvas.id, move.path, move.keep).text(),
        hops=canvas.hops,
        traceparent=canvas.traceparent,
        sent_at=now,
    )
    return Outgoing(queue=f"{network if slash else canvas.network}.{socket}", message=message)


def _pattern(canvas: Canvas, move: Open, now: datetime) -> Call:
    return Call(
        id=place_id(canvas.id, move.path),
        run_id=RunId(canvas.run_id),
        parent=place_id(canvas.id, move.path[:-1]),
        network=canvas.network,
        socket=move.name,
        plug="",
        argument="",
        status=CallStatus.WAITING,
        attempt=1,
        worker="",
        agent="",
        sent_at=None,
        received_at=now,
        started_at=now,
        finished_at=None,
        duration=None,
        outputs=move.starts,
    )
