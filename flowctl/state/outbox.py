"""The outbox: messages that were decided on in a transaction and are not yet in the broker.

Claims live here too: long calls that were taken out of their queue and go back by the outbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import structs

from flowctl.model.ids import CallId
from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.traffic import Outgoing
from flowctl.model.work import Claim
from flowctl.state.bulk import delete_keys, insert_new
from flowctl.state.database import Database, Repository, hot, reading, writing
from flowctl.state.fields import encode, micros
from flowctl.state.rows import delete, insert, load, update
from flowctl.state.tables import CallRow, ClaimRow, OutboxRow

SentKey = str | tuple[str, int]
"""A message id (all its attempts), or a message id and one attempt."""

_COLUMNS = ("message_id", "attempt", "owner", "queue", "created_at", "outgoing")
_TOLD = sorted(TERMINAL - {CallStatus.JOINED})


class Outbox(Repository):
    """Messages and claims that must not be forgotten."""

    @reading
    def finished(self, ids: Sequence[str]) -> dict[CallId, list[Outgoing]]:
        """Return those of the calls that have an outcome, with what they have not yet sent on."""
        query = CallRow.select(CallRow.id).where(
            CallRow.id.in_(list(ids)), CallRow.status.in_(_TOLD)
        )
        done: dict[CallId, list[Outgoing]] = {id_: [] for (id_,) in self.database.rows(query)}
        if done:
            unsent = OutboxRow.select(OutboxRow.owner, OutboxRow.outgoing)
            unsent = unsent.where(OutboxRow.owner.in_(list(done))).order_by(OutboxRow.created_at)
            for owner, outgoing in self.database.rows(unsent):
                done[owner].append(outgoing)
        return done

    @reading
    def unsent(self, older_than: datetime, limit: int) -> list[Outgoing]:
        """Return messages that were decided on before `older_than` and never seen as sent."""
        query = OutboxRow.select(OutboxRow.outgoing).where(OutboxRow.created_at < older_than)
        rows = self.database.rows(query.order_by(OutboxRow.created_at).limit(limit))
        return [outgoing for (outgoing,) in rows]

    @hot
    def sent(self, message_ids: Sequence[SentKey]) -> None:
        """Forget messages that the broker has confirmed."""
        forget(self.database, message_ids)

    @hot
    def claim(self, claims: Sequence[Claim]) -> None:
        """Hold long calls by a lease; a claim of the same call is taken over."""
        held = [claim.call_id for claim in claims]
        delete(self.database, ClaimRow, ClaimRow.call_id.in_(held))
        insert(self.database, ClaimRow, map(structs.asdict, claims))

    @hot
    def renew_claims(self, worker: str, until: datetime) -> int:
        """Prolong all claims of a worker."""
        return update(self.database, ClaimRow, [ClaimRow.worker == worker], expires_at=until)

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


def forget(database: Database, keys: Iterable[SentKey]) -> None:
    """Delete messages by id, or by id and attempt."""
    plain = [key for key in keys if isinstance(key, str)]
    delete_keys(database, "outbox", "message_id", plain)
    for key in keys:
        if not isinstance(key, str):
            where = [OutboxRow.message_id == key[0], OutboxRow.attempt == key[1]]
            delete(database, OutboxRow, *where)
