"""The hot path: what workers did, many calls in one transaction, the first writer of a call wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flowctl.model.ids import CallId
from flowctl.model.lives import BATCH, lives_of, packed
from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.traffic import Call, Event, Failure, Finished, Outgoing
from flowctl.state.bulk import Row, delete_keys, insert_new, upsert, used
from flowctl.state.database import Database, Repository, hot
from flowctl.state.fields import clean, encode, micros, perhaps_micros
from flowctl.state.outbox import forget, put
from flowctl.state.traffic_tables import CallRow

COLUMNS = (
    "id",
    "run_id",
    "parent",
    "network",
    "processor",
    "socket",
    "plug",
    "argument",
    "status",
    "attempt",
    "worker",
    "agent",
    "at",
    "sent_at",
    "received_at",
    "started_at",
    "finished_at",
    "duration",
    "outputs",
    "failure",
    "error",
    "output",
    "size",
    "replays",
)
_WITH_INPUT = (*COLUMNS, "input", "input_type")
_KEPT = {"id", "at"}
_OPEN = ", ".join(f"'{status}'" for status in CallStatus if status not in TERMINAL)


def _open_calls_take(names: Sequence[str]) -> str:
    taken = ", ".join(f"{name} = excluded.{name}" for name in names if name not in _KEPT)
    return f"ON CONFLICT (id) DO UPDATE SET {taken} WHERE call.status IN ({_OPEN})"


BEGINNING = _open_calls_take(COLUMNS)
_ATTEMPT = "(excluded.status <> 'retrying' OR excluded.attempt >= call.attempt)"
_UNRECORDED = f"{BEGINNING} AND {_ATTEMPT}"
OUTCOME = f"{_open_calls_take(_WITH_INPUT)} AND {_ATTEMPT}"
"""An outcome replaces what is known of an open call; a late retry does not undo a later attempt."""

_EVENT = ("at", "kind", "object", "action", "note", "network", "run_id")


class Recording(Repository):
    """What workers write."""

    @hot
    def commit(self, batch: Sequence[Finished], *, sent: Sequence[Outgoing] = ()) -> set[CallId]:
        """Record outcomes with everything that comes of them, and return the calls that won.

        A call that has an outcome keeps it: nothing of the later one is written. It is safe to
        commit the same batch again.
        """
        return self._commit(batch, sent)[1]

    def _commit(
        self, batch: Sequence[Finished], sent: Sequence[Outgoing]
    ) -> tuple[list[Finished], set[CallId]]:
        """Do as `commit` does; return what is new on record, and the calls that won."""
        forget(self.database, sent)
        recorded = {each.call.id: each for each in reversed(batch) if each.record}
        won = self._write_calls([recorded[id_] for id_ in sorted(recorded)])
        mine = won | self._written_before(recorded, recorded.keys() - won)
        kept = [
            each for each in batch if recorded.get(each.call.id) is each and each.call.id in mine
        ]
        self._write_results(kept)
        told = [each for each in kept if each.call.id in won]
        lives = self._lives((each.call, each.is_told) for each in told)
        write_events(self.database, [*lives, *(event for each in told for event in each.events)])
        loose = [each for each in batch if not each.record]
        put(self.database, [(e.call.id, out) for e in (*kept, *loose) for out in e.outgoing])
        self._release(kept, loose)
        return told, {CallId(id_) for id_ in mine}

    @hot
    def begun(self, calls: Sequence[Call]) -> None:
        """Show calls that are being executed; one that has an outcome keeps it."""
        known = {call.id: call for call in calls}
        shown = self._running(list(known))
        rows = [call_row(self.database, known[id_]) for id_ in sorted(known)]
        written = upsert(self.database, "call", COLUMNS, rows, BEGINNING)
        fresh = [known[CallId(id_)] for id_ in sorted(written)]
        fresh = [call for call in fresh if (call.id, call.attempt) not in shown]
        write_events(self.database, self._lives((call, False) for call in fresh))

    def _running(self, ids: Sequence[str]) -> set[tuple[str, int]]:
        """Return which attempts are known to run: their worker died, and they run once more."""
        query = CallRow.select(CallRow.id, CallRow.attempt)
        running = [CallRow.id.in_(list(ids)), CallRow.status == CallStatus.RUNNING]
        return {(id_, attempt) for id_, attempt in self.database.rows(query.where(*running))}

    def _lives(self, told: Iterable[tuple[Call, bool]]) -> list[Event]:
        """Return one event for all that happened here: one a call would halve what is recorded."""
        now = self.database.clock.now()
        return [
            Event(
                id=0, at=now, kind=BATCH, object=processor, action="", network=network,
                note=encode(packed(worker, agent, lives)),
            )
            for (network, processor, worker, agent), lives in lives_of(told).items()
        ]  # fmt: skip

    def _write_calls(self, items: Sequence[Finished]) -> set[str]:
        rows = [(*call_row(self.database, each.call), *each.given) for each in items]
        return upsert(self.database, "call", _WITH_INPUT, rows, OUTCOME)

    def _written_before(self, items: dict[CallId, Finished], lost: Iterable[str]) -> set[str]:
        """Return the calls that this very batch has recorded already, when its answer was lost."""
        ids = sorted(lost)
        if not ids:
            return set()
        query = CallRow.select(CallRow.id, CallRow.worker, CallRow.finished_at, CallRow.status)
        rows = self.database.rows(query.where(CallRow.id.in_(ids)))
        return {
            id_
            for id_, worker, finished_at, status in rows
            if _trace(items[id_].call) == (worker, finished_at, status) and finished_at is not None
        }

    def _write_results(self, items: Sequence[Finished]) -> None:
        rows = [
            (each.call.id, each.content_type, each.result)
            for each in items
            if each.result is not None
        ]
        insert_new(self.database, "result", ("call_id", "content_type", "body"), rows)

    def _release(self, kept: Sequence[Finished], loose: Sequence[Finished]) -> None:
        """Drop claims, and the values of joins that a call has now used for good.

        The values of a call that failed stay as long as its record: its dead letter may come back.
        """
        calls = [each.call for each in (*kept, *loose)]
        ended = [call for call in calls if call.status in TERMINAL]
        failed = {e.call.id for e in kept if e.call.status is CallStatus.FAILED}
        ids = {"claim": [call.id for call in calls], "cancel": [call.id for call in ended]}
        ids["firing"] = [call.id for call in ended if call.id not in failed]
        for table in used(self.database, list(ids)):
            delete_keys(self.database, table, "call_id", ids[table])
        self._close_unrecorded([each.call for each in loose])

    def _close_unrecorded(self, calls: Sequence[Call]) -> None:
        """Close the rows that joins and long calls have even where calls are not recorded."""
        if not calls:
            return
        mine = CallRow.id.in_([call.id for call in calls])
        query = CallRow.select(CallRow.id).where(mine, CallRow.status.not_in(sorted(TERMINAL)))
        known = {id_ for (id_,) in self.database.rows(query)}
        rows = {call.id: call_row(self.database, call) for call in calls if call.id in known}
        upsert(self.database, "call", COLUMNS, [rows[id_] for id_ in sorted(rows)], _UNRECORDED)


def write_events(database: Database, events: Iterable[Event]) -> None:
    """Insert events; their ids are given by the table."""
    rows = [
        (micros(e.at), e.kind, clean(e.object), e.action, clean(e.note), e.network, e.run_id)
        for e in events
    ]
    insert_new(database, "event", _EVENT, rows)


def call_row(database: Database, call: Call) -> Row:
    """Return the columns of a call, in the order of `COLUMNS`."""
    received, started, finished = map(
        perhaps_micros, (call.received_at, call.started_at, call.finished_at)
    )
    return (
        call.id,
        call.run_id,
        call.parent,
        call.network,
        call.socket.partition(".")[0],
        call.socket,
        call.plug,
        call.argument,
        str(call.status),
        call.attempt,
        call.worker,
        call.agent,
        received or started or finished or micros(database.clock.now()),
        perhaps_micros(call.sent_at),
        received,
        started,
        finished,
        call.duration,
        call.outputs,
        encode(call.failure) if call.failure else None,
        _headline(call.failure),
        clean(call.output) if call.output else "",
        call.size,
        call.replays,
    )


def _headline(failure: Failure | None) -> str:
    return "" if failure is None else clean(f"{failure.type}: {failure.message}")[:500]


def _trace(call: Call) -> tuple[Any, ...]:
    return call.worker, call.finished_at, call.status
