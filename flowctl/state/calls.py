"""Looking at calls: listings, results and runs; and forgetting them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from peewee import JOIN, SQL, fn

from flowctl.errors import InvalidInput, NotFound
from flowctl.model.inputs import Input, restore
from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.traffic import Call, Result
from flowctl.model.work import CallFilter, Pace, RunCount
from flowctl.state.canvas import forget_canvases, patterns_of
from flowctl.state.database import Repository, reading, snapshot, writing
from flowctl.state.rows import delete, within
from flowctl.state.tables import columns
from flowctl.state.traffic_tables import CallRow, CancelRow, EventRow, FiringRow, ResultRow, SlotRow

_FIELDS = Call.__struct_fields__
_LISTED = tuple(name for name in _FIELDS if name != "output")
_AT_REST = [*sorted(TERMINAL), CallStatus.WAITING]
_CHUNK = 500
_LEAD = timedelta(minutes=1)


class Calls(Repository):
    """Calls on record."""

    @reading
    def call(self, id_or_prefix: str) -> Call:
        """Return one call, with what it printed.

        Raises:
            NotFound: no id begins so.
            InvalidInput: several ids begin so.
        """
        query = CallRow.select(*columns(CallRow, _FIELDS)).where(CallRow.id == id_or_prefix)
        if rows := self.database.rows(query):
            return _call(_FIELDS, rows[0])
        begin = (CallRow.id >= id_or_prefix) & (CallRow.id < id_or_prefix + "\U0010ffff")
        query = CallRow.select(*columns(CallRow, _FIELDS)).where(begin).order_by(CallRow.id)
        rows = self.database.rows(query.limit(2)) if id_or_prefix else []
        if not rows:
            raise NotFound("call", id_or_prefix)
        if len(rows) > 1:
            raise InvalidInput(
                f'several calls begin with "{id_or_prefix}"', remedy="give more of the id"
            )
        return _call(_FIELDS, rows[0])

    @snapshot
    def calls(self, filter: CallFilter) -> tuple[list[Call], int]:  # noqa: A002
        """Return a page of calls, without what they printed, and how many there are in all.

        Where `most` bounds the count, one more than that means that there are more.
        """
        where = _conditions(filter)
        order = (
            (CallRow.at.asc(), CallRow.seq.asc())
            if filter.ascending
            else (CallRow.at.desc(), CallRow.seq.desc())
        )
        query = CallRow.select(*columns(CallRow, _LISTED)).where(*where).order_by(*order)
        page = self.database.rows(query.limit(filter.limit).offset(filter.offset))
        return [_call(_LISTED, row) for row in page], self._counted(where, filter.most)

    def _counted(self, where: Sequence[Any], most: int | None) -> int:
        if most is None:
            rows = self.database.rows(CallRow.select(fn.COUNT(SQL("*"))).where(*where))
        else:
            some = CallRow.select(SQL("1")).where(*where).limit(most + 1)
            rows = self.database.rows(some.select_from(fn.COUNT(SQL("*"))))
        return int(rows[0][0])

    @reading
    def result(self, call_id: str) -> Result:
        """Return what a call returned.

        Raises:
            NotFound: it has returned nothing that is kept.
        """
        names = Result.__struct_fields__
        query = ResultRow.select(*columns(ResultRow, names)).where(ResultRow.call_id == call_id)
        rows = self.database.rows(query)
        if not rows:
            raise NotFound("result", call_id)
        return Result(**dict(zip(names, rows[0], strict=True)))

    @reading
    def input(self, call_id: str) -> Input | None:
        """Return what a call was given, or None where its record does not keep it."""
        query = CallRow.select(CallRow.input, CallRow.input_type).where(CallRow.id == call_id)
        rows = self.database.rows(query)
        return restore(*rows[0]) if rows else None

    @reading
    def replays(self, ids: Sequence[str]) -> list[Call]:
        """Return the calls that ran one of these again, oldest first."""
        found: list[Call] = []
        for start in range(0, len(ids), _CHUNK):
            again = [SQL("replays <> ''"), CallRow.replays.in_(list(ids[start : start + _CHUNK]))]
            query = CallRow.select(*columns(CallRow, _LISTED)).where(*again)
            rows = self.database.rows(query.order_by(CallRow.at, CallRow.seq))
            found += [_call(_LISTED, row) for row in rows]
        return found

    @reading
    def run(self, run_id: str) -> list[Call]:
        """Return the calls of a run, oldest first."""
        query = CallRow.select(*columns(CallRow, _LISTED)).where(CallRow.run_id == run_id)
        rows = self.database.rows(query.order_by(CallRow.at, CallRow.seq))
        return [_call(_LISTED, row) for row in rows]

    @reading
    def run_count(self, run_id: str) -> RunCount:
        """Return where the calls of a run are."""
        query = CallRow.select(
            CallRow.status, fn.COUNT(SQL("*")), fn.COALESCE(fn.SUM(CallRow.outputs), 0)
        )
        rows = self.database.rows(query.where(CallRow.run_id == run_id).group_by(CallRow.status))
        count = {status: (int(calls), int(outputs)) for status, calls, outputs in rows}
        at_rest = [count.get(status, (0, 0)) for status in _AT_REST]
        calls = sum(calls for calls, _ in at_rest)
        return RunCount(
            calls=calls,
            outputs=sum(outputs for _, outputs in at_rest),
            failed=count.get(CallStatus.FAILED, (0, 0))[0],
            running=sum(calls for calls, _ in count.values()) - calls,
            waiting=count.get(CallStatus.WAITING, (0, 0))[0],
        )

    @reading
    def pace(self, network: str, since: datetime) -> list[Pace]:
        """Return what the sockets of a network got through since a moment.

        Calls that were received more than a minute before it do not count: their number has no
        bound, and this is asked every second.
        """
        keys = (CallRow.socket, CallRow.plug, CallRow.status)
        ran = fn.COALESCE(fn.SUM(CallRow.duration), 0.0)
        first = fn.MIN(CallRow.finished_at)
        query = CallRow.select(*keys, fn.COUNT(SQL("*")), ran, first)
        lately = [CallRow.at >= since - _LEAD, CallRow.finished_at >= since]
        where = [CallRow.network == network, *lately]
        return [
            Pace(
                socket=socket,
                plug=plug,
                status=status,
                calls=calls,
                seconds=float(seconds),
                first=first,
            )
            for socket, plug, status, calls, seconds, first in self.database.rows(
                query.where(*where).group_by(*keys)
            )
        ]

    @reading
    def results_of(self, run_id: str, sockets: Sequence[str]) -> list[tuple[Call, Result]]:
        """Return the calls of these sockets (`processor.socket`) in a run, with their results."""
        names = Result.__struct_fields__
        query = (
            CallRow.select(*columns(CallRow, _LISTED), *columns(ResultRow, names))
            .join(ResultRow, on=(ResultRow.call_id == CallRow.id))
            .where(CallRow.run_id == run_id, CallRow.socket.in_(list(sockets)))
            .order_by(CallRow.at, CallRow.seq)
        )
        cut = len(_LISTED)
        return [
            (_call(_LISTED, row[:cut]), Result(**dict(zip(names, row[cut:], strict=True))))
            for row in self.database.rows(query)
        ]

    @reading
    def outcomes(self, ids: Sequence[str]) -> list[tuple[Call, Result | None]]:
        """Return those of these calls that have ended, with what they returned; in no order."""
        names = Result.__struct_fields__
        ended = [CallRow.id.in_(list(ids)), CallRow.status.in_(sorted(TERMINAL))]
        query = (
            CallRow.select(*columns(CallRow, _LISTED), *columns(ResultRow, names))
            .join(ResultRow, JOIN.LEFT_OUTER, on=(ResultRow.call_id == CallRow.id))
            .where(*ended)
        )
        cut = len(_LISTED)
        return [
            (
                _call(_LISTED, row[:cut]),
                Result(**dict(zip(names, row[cut:], strict=True))) if row[cut] else None,
            )
            for row in self.database.rows(query)
        ]

    def delete_calls(self, filter: CallFilter) -> int:  # noqa: A002
        """Delete the calls that a listing would show, and return how many went.

        Open calls stay, unless the filter names their status. `limit` and `offset` do not count.
        """
        where = _conditions(filter)
        if not filter.status:
            where.append(CallRow.status.in_(sorted(TERMINAL)))
        gone = 0
        while count := self._delete(where, _CHUNK):
            gone += count
        return gone

    def expire(self, before: datetime, limit: int) -> int:
        """Delete at most `limit` calls that ended earlier, and return how many."""
        where = [CallRow.at < before, CallRow.status.in_(sorted(TERMINAL))]
        gone = 0
        while gone < limit and (count := self._delete(where, min(_CHUNK, limit - gone))):
            gone += count
        return gone

    @writing
    def _delete(self, where: Sequence[Any], limit: int) -> int:
        """Delete some calls with all that hangs on them, in one short transaction."""
        query = CallRow.select(CallRow.id).where(*where).order_by(CallRow.at).limit(limit)
        ids = [id_ for (id_,) in self.database.rows(query)]
        ids += patterns_of(self.database, ids)
        forget_canvases(self.database, ids)
        for table in (ResultRow, SlotRow, FiringRow, CancelRow):
            delete(self.database, table, table.call_id.in_(ids))
        of_calls = [EventRow.kind == "call", EventRow.object.in_(ids)]
        delete(self.database, EventRow, *of_calls)
        return delete(self.database, CallRow, CallRow.id.in_(ids))


def _call(names: tuple[str, ...], row: tuple[Any, ...]) -> Call:
    return Call(**{"output": ""} | dict(zip(names, row, strict=True)))


def _conditions(wanted: CallFilter) -> list[Any]:
    where = within(
        CallRow,
        network=wanted.network,
        processor=wanted.processor,
        socket=wanted.socket,
        run_id=wanted.run_id,
        parent=wanted.parent,
    )
    where += _statuses(wanted.status)
    if wanted.parent:
        where.append(SQL("parent <> ''"))
    if wanted.since:
        where.append(CallRow.at >= wanted.since)
    if wanted.until:
        where.append(CallRow.at < wanted.until)
    if wanted.text:
        where.append(_mentions(wanted.text))
    return where or [SQL("1 = 1")]


def _statuses(wanted: tuple[CallStatus, ...]) -> list[Any]:
    """Return the condition, in words that the partial index understands where it can serve."""
    if not wanted:
        return []
    rest = [] if CallStatus.FINISHED in wanted else [SQL("status <> 'finished'")]
    return [CallRow.status.in_(list(wanted)), *rest]


def _mentions(text: str) -> Any:
    """Return the condition that a call's id or error holds this text, in any case."""
    return CallRow.id.contains(text) | CallRow.error.contains(text)
