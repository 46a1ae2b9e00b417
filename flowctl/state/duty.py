"""Who leads, what was fired, and what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import structs
from peewee import SQL, fn

from flowctl.model.fleet import Lease
from flowctl.model.traffic import Outgoing
from flowctl.model.work import Fire, Sample
from flowctl.state.database import Repository, lossy, reading, writing
from flowctl.state.fields import moment
from flowctl.state.outbox import put
from flowctl.state.rows import check_term, delete, expire, insert_many, record, update, within
from flowctl.state.traffic_tables import FireRow, LeaseRow, SampleRow

_LEADER = LeaseRow.name == "leader"


class Duty(Repository):
    """The leader's lease, schedules and samples."""

    @reading
    def lease(self) -> Lease | None:
        """Return who leads, whether the lease has expired or not; None before the first leader."""
        return self._lease()

    @writing
    def acquire(self, holder: str, ttl: float) -> Lease | None:
        """Become the leader for `ttl` seconds of the database's time, if nobody else is."""
        present, now = self._locked(), self._now()
        until = now + timedelta(seconds=ttl)
        if present is None:
            row = {"name": "leader", "holder": holder, "term": 1, "expires_at": until}
            self.database.change(LeaseRow.insert(**row).on_conflict_ignore())
            return self._announce(holder, 1, new=True)
        if present.holder != holder and present.expires_at > now:
            return None
        term = present.term + (present.holder != holder)
        update(self.database, LeaseRow, [_LEADER], holder=holder, term=term, expires_at=until)
        return self._announce(holder, term, new=term != present.term)

    @writing
    def renew(self, holder: str, term: int, ttl: float) -> bool:
        """Lead for `ttl` further seconds; False where another term has begun."""
        until = self._now() + timedelta(seconds=ttl)
        where = [_LEADER, LeaseRow.holder == holder, LeaseRow.term == term]
        return bool(update(self.database, LeaseRow, where, expires_at=until))

    @writing
    def yield_(self, holder: str, term: int) -> None:
        """Let somebody else lead at once."""
        where = [_LEADER, LeaseRow.holder == holder, LeaseRow.term == term]
        if update(self.database, LeaseRow, where, expires_at=self._now()):
            record(self.database, "scheduler", holder, "yielded", f"term {term}")

    @writing
    def fire(self, fires: Sequence[tuple[Fire, Outgoing]], *, term: int | None) -> int:
        """Put the messages of due times into the outbox, once each; return how many were new.

        Raises:
            Conflict: another term has begun.
        """
        check_term(self.database, term)
        new = [(fire, outgoing) for fire, outgoing in fires if self._first(fire)]
        put(self.database, [(fire.socket, outgoing) for fire, outgoing in new])
        return len(new)

    @reading
    def last_fire(self, socket: str) -> datetime | None:
        """Return the latest due time of a socket that was fired."""
        query = FireRow.select(fn.MAX(FireRow.due_at).python_value(_maybe_moment))
        last: datetime | None = self.database.rows(query.where(FireRow.socket == socket))[0][0]
        return last

    @lossy
    def sample(self, samples: Sequence[Sample]) -> None:
        """Keep measurements."""
        insert_many(self.database, SampleRow, map(structs.asdict, samples))

    @reading
    def samples(
        self,
        kind: str,
        object: str,  # noqa: A002
        metric: str,
        since: datetime,
    ) -> list[Sample]:
        """Return measurements, oldest first; an empty name means any."""
        names = Sample.__struct_fields__
        where = within(SampleRow, kind=kind, object=object, metric=metric)
        query = SampleRow.select(*[getattr(SampleRow, name) for name in names])
        query = query.where(*where, SampleRow.at >= since).order_by(SampleRow.at)
        return [Sample(**dict(zip(names, row, strict=True))) for row in self.database.rows(query)]

    def expire(self, before: datetime) -> int:
        """Delete older samples and due times, and return how many; each socket keeps its last."""
        gone, is_over = self._expire_fires(before), False
        while not is_over:
            count, is_over = self._expire_samples(before)
            gone += count
        return gone

    @writing
    def _expire_fires(self, before: datetime) -> int:
        later = FireRow.alias("later")
        newer = later.select(SQL("1")).where(
            later.socket == FireRow.socket, later.due_at > FireRow.due_at
        )
        return delete(self.database, FireRow, FireRow.due_at < before, fn.EXISTS(newer))

    @writing
    def _expire_samples(self, before: datetime) -> tuple[int, bool]:
        return expire(self.database, SampleRow, before)

    def _first(self, fire: Fire) -> bool:
        row = structs.asdict(fire)
        return bool(self.database.change(FireRow.insert(**row).on_conflict_ignore()))

    def _lease(self, *, locked: bool = False) -> Lease | None:
        names = Lease.__struct_fields__
        query = LeaseRow.select(*[getattr(LeaseRow, name) for name in names]).where(_LEADER)
        if locked and self.database.driver.lock:
            query = query.for_update()
        rows = self.database.rows(query)
        return Lease(**dict(zip(names, rows[0], strict=True))) if rows else None

    def _locked(self) -> Lease | None:
        return self._lease(locked=True)

    def _now(self) -> datetime:
        """Return the database's time."""
        if not self.database.driver.now:
            return self.database.clock.now()
        return moment(self.database.execute(f"SELECT {self.database.driver.now}").fetchone()[0])

    def _announce(self, holder: str, term: int, *, new: bool) -> Lease | None:
        """Return the lease as it stands; somebody else may have made the first one."""
        lease = self._lease()
        if lease is None or (lease.holder, lease.term) != (holder, term):
            return None
        if new:
            record(self.database, "scheduler", holder, "leads", f"term {term}")
        return lease


def _maybe_moment(value: Any) -> datetime | None:
    return None if value is None else moment(value)
