"""The outbox: messages that were decided on in a transaction and are not yet in the broker.

Claims live here too: long calls that were taken out of their queue and go back by the outbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from flowctl.model.ids import CallId
from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.traffic import Outgoing
from flowctl.model.work import Claim, Known
from flowctl.state.bulk import delete_rows, insert_new
from flowctl.state.database import Database, Repository, hot, reading, writing
from flowctl.state.fields import encode, micros
from flowctl.state.rows import delete, load, update
from flowctl.state.traffic_tables import CallRow, ClaimRow, OutboxRow

_COLUMNS = ("message_id", "attempt", "owner", "queue", "created_at", "outgoing")
_TOLD = sorted(TERMINAL | {CallStatus.RETRYING, CallStatus.RUNNING})


class Outbox(Repository):
    """Messages and claims that must not be forgotten."""

    @reading
    def finished(self, ids: Sequence[str]) -> dict[CallId, Known]:
        """Return what is on record of those calls that run, ended or are to be retried."""
        query = CallRow.select(CallRow.id, CallRow.status, CallRow.attempt).where(
            CallRow.id.in_(list(ids)), CallRow.status.in_(_TOLD)
        )
        done = {id_: (status, attempt) for id_, status, attempt in self.database.rows(query)}
        unsent = self._unsent_of(list(done)) if done else {}
        return {
            CallId(id_): Known(
                status=CallStatus(status), attempt=attempt, outgoing=tuple(unsent.get(id_, ()))
            )
            for id_, (status, attempt) in done.items()
        }

    def _unsent_of(self, owners: Sequence[str]) -> dict[str, list[Outgoing]]:
        query = OutboxRow.select(OutboxRow.owner, OutboxRow.outgoing)
        query = query.where(OutboxRow.owner.in_(owners)).order_by(OutboxRow.created_at)
        found: dict[str, list[Outgoing]] = {}
        for owner, outgoing in self.database.rows(query):
            found.setdefault(owner, []).append(outgoing)
        return found

    @reading
    def unsent(self, older_than: datetime, limit: int) -> list[Outgoing]:
        """Return messages that were decided on before `older_than` and never seen as sent."""
        query = OutboxRow.select(OutboxRow.outgoing).where(OutboxRow.created_at < older_than)
        rows = self.database.rows(query.order_by(OutboxRow.created_at).limit(limit))
        return [outgoing for (outgoing,) in rows]

    @hot
    def sent(self, messages: Sequence[Outgoing]) -> None:
        """Forget messages that the broker has confirmed."""
        forget(self.database, messages)

    @hot
    def claim(self, claims: Sequence[Claim]) -> None:
        """Hold long calls by a lease; a claim of the same call is taken over."""
        for claim in sorted(claims, key=lambda claim: claim.call_id):
            row = ClaimRow.insert(**structs.asdict(claim))
            taken = [ClaimRow.queue, ClaimRow.message, ClaimRow.worker, ClaimRow.expires_at]
            self.database.change(
                row.on_conflict(conflict_target=[ClaimRow.call_id], preserve=taken)
            )

    @hot
    def renew_claims(self, worker: str, until: datetime) -> int:
        """Prolong all claims of a worker."""
        return update(self.database, ClaimRow, [ClaimRow.worker == worker], expires_at=until)

    @hot
    def orphan_claims(self, worker: str, now: datetime) -> int:
        """Make all claims of a worker that is dead nobody's, and expired."""
        mine = [ClaimRow.worker == worker]
        return update(self.database, ClaimRow, mine, worker="", expires_at=now)

    @hot
    def release_claims(self, ids: Sequence[str]) -> None:
        """Give up claims."""
        delete(self.database, ClaimRow, ClaimRow.call_id.in_(list(ids)))

    @reading
    def expired_claims(self, now: datetime, limit: int) -> list[Claim]:
        """Return claims whose workers did not prolong them."""
        query = ClaimRow.select(ClaimRow.call_id).where(ClaimRow.expires_at < now)
        ids = [
            row[0] for row in self.database.rows(query.order_by(ClaimRow.expires_at).limit(limit))
        ]
        where = ClaimRow.call_id.in_(ids)
        return load(self.database, Claim, ClaimRow, where, order=(ClaimRow.expires_at,))

    @writing
    def reissue(self, claims: Sequence[Claim]) -> list[Outgoing]:
        """Turn expired claims into messages of the outbox, once each, and return those."""
        back = []
        for claim in claims:
            same = [ClaimRow.call_id == claim.call_id, ClaimRow.expires_at == claim.expires_at]
            if delete(self.database, ClaimRow, *same):
                message = structs.replace(
                    claim.message, attempt=claim.message.attempt + 1, again=True
                )
                back.append(Outgoing(queue=claim.queue, message=message))
        put(self.database, [(outgoing.message.id, outgoing) for outgoing in back])
        return back


def put(database: Database, messages: Sequence[tuple[str, Outgoing]]) -> None:
    """Write messages with their owners; what is there already stays as it is."""
    now = micros(database.clock.now())
    rows = [
        (each.message.id, each.message.attempt, owner, each.queue, now, encode(each))
        for owner, each in messages
    ]
    insert_new(database, "outbox", _COLUMNS, rows)


def forget(database: Database, messages: Sequence[Outgoing]) -> None:
    """Delete messages; a retry and a dead letter of the same call are others than the call."""
    keys = [(each.message.id, each.message.attempt, each.queue) for each in messages]
    delete_rows(database, "outbox", ("message_id", "attempt", "queue"), keys)
