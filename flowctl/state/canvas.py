"""Canvases: calls that make up one larger call, moved on by the commit that records their outcomes.

Whoever records an outcome works out in the same transaction what follows of it, under the lock of
the canvas: so two workers that finish the last two branches cannot both miss that they are the last.
What is sent belongs to the call that caused it, so that a redelivery of that call sends it again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property

from peewee import SQL, fn

from flowctl.model.canvas import (
    Canvas,
    Follow,
    Funnel,
    Launch,
    Path,
    Pipeline,
    Pointer,
    answer_of,
    complaint_of,
    nodes,
    path_text,
    place_id,
    read_path,
    read_pointer,
)
from flowctl.model.ids import CallId
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Event, Failure, Finished, Outgoing
from flowctl.planning.canvas import Value, at, begin, came, failed, gathered
from flowctl.planning.turns import Arrival, Place, Turn
from flowctl.state.bulk import insert_new, upsert
from flowctl.state.canvas_tables import CanvasFailureRow, CanvasNodeRow, CanvasRow, CanvasSlotRow
from flowctl.state.database import Database, hot, writing
from flowctl.state.fields import encode, micros
from flowctl.state.outbox import Outbox, put
from flowctl.state.recording import BEGINNING, COLUMNS, Recording, call_row, write_events
from flowctl.state.rows import delete, revise, update
from flowctl.state.traffic_tables import CallRow

_KEEP = "ON CONFLICT (id) DO NOTHING"
_CHUNK = 500
_REMEMBERED = 64
"""Trees that a process keeps: they never change, and reading one again for each call is slow."""


class Canvases(Recording, Outbox):
    """What becomes of canvases."""

    @cached_property
    def _known(self) -> dict[CallId, Canvas]:
        """The canvases that were used last."""
        return {}

    def _trees(self, ids: Iterable[CallId]) -> dict[CallId, Canvas]:
        """Return canvases by id; those that were used lately need no look into the database."""
        wanted = set(ids)
        found = {id_: canvas for id_ in wanted if (canvas := self._known.get(id_))}
        for some in _portions(sorted(wanted - found.keys())):
            query = CanvasRow.select(CanvasRow.id, CanvasRow.canvas).where(CanvasRow.id.in_(some))
            found |= {CallId(id_): canvas for id_, canvas in self.database.rows(query)}
        self._known.update(found)
        for old in list(self._known)[: max(0, len(self._known) - _REMEMBERED)]:
            self._known.pop(old, None)
        return found

    @hot
    def conclude(self, batch: Sequence[Finished], *, sent: Sequence[Outgoing] = ()) -> Follow:
        """Do as `commit` does, and move the canvases on that these calls are steps of, or begin.

        Returned is for each call that won what is to be sent beside its own outputs.
        """
        told, won = self._commit(batch, sent)
        turn = Turn(self.database.clock.now())
        self._launch(turn, [each.launch for each in told if each.launch])
        self._settle(turn, told)
        self._work_off(turn)
        self._write(turn)
        follow: dict[CallId, list[Outgoing]] = defaultdict(list)
        for cause, outgoing in turn.outgoing:
            follow[cause].append(outgoing)
        known = self._left(batch, {each.call.id for each in told if not each.launch})
        more = {id_: tuple(follow.get(id_, known.get(id_, ()))) for id_ in won}
        return Follow(more, turn.answers)

    def _left(self, batch: Sequence[Finished], new: set[CallId]) -> dict[CallId, list[Outgoing]]:
        """Return what earlier commits of the same calls have left to be sent for their canvases."""
        repeated = {each.call.id: each for each in batch if each.call.id not in new}
        if not repeated:
            return {}
        return {
            CallId(id_): [each for each in left if each not in repeated[CallId(id_)].outgoing]
            for id_, left in self._unsent_of(sorted(repeated)).items()
        }

    def _launch(self, turn: Turn, launches: Sequence[Launch]) -> None:
        if not launches:
            return
        known = {each.canvas.id: each for each in launches}
        rows = [(id_, False, encode(known[id_].canvas)) for id_ in sorted(known)]
        for id_ in upsert(self.database, "canvas", ("id", "failed", "canvas"), rows, _KEEP):
            launch = known[CallId(id_)]
            value = Value(launch.body, launch.content_type)
            turn.follow(launch.canvas, begin(launch.canvas.program, (), value), launch.canvas.id)

    def _settle(self, turn: Turn, told: Sequence[Finished]) -> None:
        """Take in the outcomes of steps."""
        steps = [
            (pointer, each)
            for each in told
            if each.pointer and (pointer := read_pointer(each.pointer)) is not None
        ]
        found = self._locked({pointer.canvas for pointer, _ in steps})
        for pointer, each in steps:
            if pointer.canvas in found:
                canvas, is_failed = found[pointer.canvas]
                self._advance(turn, canvas, pointer, each, is_failed=is_failed)

    def _advance(
        self, turn: Turn, canvas: Canvas, pointer: Pointer, each: Finished, *, is_failed: bool
    ) -> None:
        call, program = each.call, canvas.program
        if call.status is CallStatus.FINISHED:
            if is_failed:
                self._mend(canvas, [pointer.path])
            value = Value(each.result or b"null", each.content_type)
            turn.follow(canvas, came(program, pointer.path, value), call.id)
        elif call.status is CallStatus.FAILED and call.failure:
            turn.follow(canvas, failed(program, pointer.path, call.failure), call.id)

    def _locked(self, ids: Iterable[CallId]) -> dict[CallId, tuple[Canvas, bool]]:
        """Return canvases that are under way, locked, each with whether a branch has failed."""
        wanted = sorted(ids)
        if not wanted:
            return {}
        query = CanvasRow.select(CanvasRow.id, CanvasRow.failed).where(CanvasRow.id.in_(wanted))
        query = query.order_by(CanvasRow.id)
        if self.database.driver.lock:
            query = query.for_update()
        flags = {CallId(id_): bool(flag) for id_, flag in self.database.rows(query)}
        trees = self._trees(flags)
        return {id_: (trees[id_], flag) for id_, flag in flags.items()}

    def _work_off(self, turn: Turn) -> None:
        """Fill lists until no full one leads to another."""
        self._write_nodes(turn)
        while turn.arrivals:
            arrivals, turn.arrivals = turn.arrivals, defaultdict(list)
            trees = self._trees({canvas for canvas, _ in arrivals})
            for (canvas, path), cause in self._fill(arrivals):
                bodies = self._drain(canvas, path)
                turn.follow(trees[canvas], gathered(trees[canvas].program, path, bodies), cause)
            self._write_nodes(turn)

    def _write_nodes(self, turn: Turn) -> None:
        rows, turn.nodes = [(*node, 0) for node in turn.nodes], []
        insert_new(self.database, "canvas_node", ("canvas", "path", "total", "arrived"), rows)

    def _fill(self, arrivals: dict[Place, list[Arrival]]) -> list[tuple[Place, CallId]]:
        """Store values; return the places whose lists are full now, with who filled them."""
        rows, owners = [], {}
        for place, values in arrivals.items():
            canvas, path = place[0], path_text(place[1])
            for each in values:
                id_ = f"{canvas}:{path}:{each.index}"
                owners[id_] = place
                rows.append((id_, canvas, path, each.index, each.body))
        names = ("id", "canvas", "path", "position", "body")
        new = Counter(
            owners[id_] for id_ in upsert(self.database, "canvas_slot", names, rows, _KEEP)
        )
        return [
            (place, arrivals[place][-1].cause)
            for place, count in sorted(new.items())
            if self._count(place, count)
        ]

    def _count(self, place: Place, count: int) -> bool:
        """Tell whether these values were the last that a list waited for."""
        where = [CanvasNodeRow.canvas == place[0], CanvasNodeRow.path == path_text(place[1])]
        update(self.database, CanvasNodeRow, where, arrived=CanvasNodeRow.arrived + count)
        query = CanvasNodeRow.select(CanvasNodeRow.arrived, CanvasNodeRow.total).where(*where)
        return any(arrived == total for arrived, total in self.database.rows(query))

    def _drain(self, canvas: CallId, path: Path) -> list[bytes]:
        where = [CanvasSlotRow.canvas == canvas, CanvasSlotRow.path == path_text(path)]
        query = CanvasSlotRow.select(CanvasSlotRow.body).where(*where)
        bodies = [body for (body,) in self.database.rows(query.order_by(CanvasSlotRow.position))]
        delete(self.database, CanvasSlotRow, *where)
        return bodies

    def _write(self, turn: Turn) -> None:
        for canvas, path, cause, failure in turn.broken:
            if self._break(canvas, path, cause, failure, turn.now):
                turn.exit_broken(canvas, cause, failure)
                turn.answers.append(complaint_of(canvas, failure))
        put(self.database, turn.outgoing)
        rows = [call_row(self.database, turn.opened[id_]) for id_ in sorted(turn.opened)]
        upsert(self.database, "call", COLUMNS, rows, BEGINNING)
        for id_, starts in turn.roots.items():
            update(self.database, CallRow, [CallRow.id == id_], outputs=starts)
        _close(self.database, turn.closed, CallStatus.FINISHED, turn.now)
        for canvas, value in turn.ended:
            self._end(turn, canvas, value)

    def _end(self, turn: Turn, canvas: Canvas, value: Value) -> None:
        now = turn.now
        row = (canvas.id, value.content_type, value.body)
        insert_new(self.database, "result", ("call_id", "content_type", "body"), [row])
        if any(getattr(node, "keep", False) for _, node in nodes(canvas.program)):
            _close(
                self.database, patterns_of(self.database, [canvas.id]), CallStatus.CANCELLED, now
            )
        _close(self.database, [canvas.id], CallStatus.FINISHED, now)
        turn.answers.append(answer_of(canvas, value.body, value.content_type))
        sent = CallRow.outputs + bool(canvas.exit)
        update(
            self.database, CallRow, [CallRow.id == canvas.id], size=len(value.body), outputs=sent
        )
        forget_canvases(self.database, [canvas.id])

    def _break(
        self, canvas: Canvas, path: Path, cause: CallId, failure: Failure, now: datetime
    ) -> bool:
        """Fail a canvas, and tell whether it had not failed before.

        What still runs of it goes on, in case the branch is sent again.
        """
        row = (canvas.id, path_text(path), cause, encode(failure))
        insert_new(self.database, "canvas_failure", ("canvas", "path", "call_id", "failure"), [row])
        update(self.database, CanvasRow, [CanvasRow.id == canvas.id], failed=True)
        said = f"{failure.type}: {failure.message}"
        is_open = [CallRow.id == canvas.id, CallRow.status == CallStatus.WAITING]
        if not update(
            self.database, CallRow, is_open,
            status=CallStatus.FAILED, finished_at=now, failure=failure, error=said[:500],
            outputs=CallRow.outputs + bool(canvas.exit),
        ):  # fmt: skip
            return False
        event = Event(
            id=0, at=now, kind="call", object=canvas.id, action="failed", note=said[:500],
            network=canvas.network, run_id=canvas.run_id,
        )  # fmt: skip
        write_events(self.database, [event])
        self._expect_no_more(canvas, path)
        return True

    def _expect_no_more(self, canvas: Canvas, path: Path) -> None:
        """Say that what comes after a failed place will not be started: runs wait for what will."""
        for depth, index in enumerate(path):
            node, call_id = at(canvas.program, path[:depth]), place_id(canvas.id, path[:depth])
            if isinstance(node, Pipeline | Funnel):
                last = index if isinstance(node, Pipeline) else max(index, len(node.branches) - 1)
                update(self.database, CallRow, [CallRow.id == call_id], outputs=last + 1)

    def _mend(self, canvas: Canvas, paths: Iterable[Path]) -> None:
        """Take back the failure of places; a canvas without any is under way again."""
        mine = CanvasFailureRow.canvas == canvas.id
        texts = [path_text(path) for path in paths]
        delete(self.database, CanvasFailureRow, mine, CanvasFailureRow.path.in_(texts))
        if self.database.rows(CanvasFailureRow.select(CanvasFailureRow.path).where(mine).limit(1)):
            return
        update(self.database, CanvasRow, [CanvasRow.id == canvas.id], failed=False)
        is_failed = [CallRow.id == canvas.id, CallRow.status == CallStatus.FAILED]
        update(
            self.database, CallRow, is_failed,
            status=CallStatus.WAITING, finished_at=None, failure=None, error="",
        )  # fmt: skip

    def _reopen_canvases(self, ids: Sequence[str]) -> None:
        """Let canvases go on whose failed steps are sent again."""
        query = CanvasFailureRow.select(CanvasFailureRow.canvas, CanvasFailureRow.path)
        rows = self.database.rows(query.where(CanvasFailureRow.call_id.in_(list(ids))))
        paths: dict[CallId, list[Path]] = defaultdict(list)
        for canvas, path in rows:
            paths[CallId(canvas)].append(read_path(path) or ())
        for id_, (canvas, _) in self._locked(paths).items():
            self._mend(canvas, paths[id_])

    @writing
    def cancel_canvas(self, canvas_id: CallId) -> bool:
        """End a canvas and what runs of it; tell whether there was one under way."""
        revise(self.database)
        if not self._locked([canvas_id]):
            return False
        now = self.database.clock.now()
        patterns = patterns_of(self.database, [canvas_id])
        self._stop_running([canvas_id, *patterns], now)
        _close(self.database, patterns, CallStatus.CANCELLED, now)
        failure = Failure(type="cancelled", message="a person cancelled it", call_id=canvas_id)
        is_open = [CallRow.id == canvas_id, CallRow.status == CallStatus.WAITING]
        update(
            self.database, CallRow, is_open, status=CallStatus.CANCELLED, finished_at=now,
            failure=failure, error="cancelled: a person cancelled it",
        )  # fmt: skip
        forget_canvases(self.database, [canvas_id])
        return True

    def _stop_running(self, parents: Sequence[CallId], now: datetime) -> None:
        for some in _portions(parents):
            below = [SQL("parent <> ''"), CallRow.parent.in_(some)]
            query = CallRow.select(CallRow.id).where(*below, CallRow.status == CallStatus.RUNNING)
            rows = [(id_, micros(now)) for (id_,) in self.database.rows(query)]
            insert_new(self.database, "cancel", ("call_id", "at"), rows)


def patterns_of(database: Database, canvases: Sequence[str]) -> list[CallId]:
    """Return the ids of the patterns of these canvases that began, but for their roots."""
    query = CanvasNodeRow.select(CanvasNodeRow.canvas, CanvasNodeRow.path)
    rows = database.rows(query.where(CanvasNodeRow.canvas.in_(list(canvases))))
    return [place_id(CallId(id_), path) for id_, text in rows if (path := read_path(text))]


def forget_canvases(database: Database, ids: Sequence[str]) -> None:
    """Drop everything about canvases but the calls."""
    for table in (CanvasNodeRow, CanvasSlotRow, CanvasFailureRow):
        delete(database, table, table.canvas.in_(list(ids)))
    delete(database, CanvasRow, CanvasRow.id.in_(list(ids)))


def _close(database: Database, ids: Sequence[CallId], status: CallStatus, now: datetime) -> None:
    """Close patterns that wait; their time is that from their beginning to their end."""
    for some in _portions(ids):
        where = [CallRow.id.in_(some), CallRow.status == CallStatus.WAITING]
        took = (micros(now) - fn.COALESCE(CallRow.started_at, micros(now))) / 1e6
        update(database, CallRow, where, status=status, finished_at=now, duration=took)


def _portions(ids: Sequence[CallId]) -> Iterable[list[CallId]]:
    return (list(ids[start : start + _CHUNK]) for start in range(0, len(ids), _CHUNK))
