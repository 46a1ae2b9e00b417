"""Any order of outcomes, repeats, confirmations and claims: each call has one outcome, and what it
sends on is in the outbox until it was confirmed."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flowctl.model.ids import CallId
from flowctl.model.states import TERMINAL, CallStatus
from flowctl.model.traffic import Finished, Outgoing
from flowctl.model.work import CallFilter, Claim
from flowctl.state.store import Store, open_store
from tests.stores import NOON, call, finished, message, outgoing

_LATER = NOON + timedelta(days=300)
_Key = tuple[str, int, str]
_IDS = st.sampled_from(["a", "b", "c"])
_WORKERS = st.sampled_from(["w1", "w2"])
_ATTEMPTS = st.integers(1, 3)
_OUTCOMES = st.sampled_from([CallStatus.FINISHED, CallStatus.FAILED, CallStatus.CANCELLED])


def _key(out: Outgoing) -> _Key:
    return out.message.id, out.message.attempt, out.queue


class Traffic(RuleBasedStateMachine):
    """The store beside a model of a few dictionaries."""

    store: Store

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="flowctl-traffic-"))
        self.store = open_store(f"sqlite:///{self.folder / 'state.db'}?synchronous=off")
        self.store.migrate()
        self.calls: dict[str, tuple[CallStatus, int, str]] = {}
        self.outbox: dict[_Key, Outgoing] = {}
        self.confirmed: set[_Key] = set()
        self.claims: dict[str, Claim] = {}
        self.turn = 0

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.store.close()
            shutil.rmtree(self.folder)

    def _commit(self, item: Finished, *sent: Outgoing) -> None:
        """Commit, twice as after a lost answer, and compare who won."""
        found = item.call
        old = self.calls.get(found.id)
        wins = old is None or old[0] not in TERMINAL
        if old and found.status is CallStatus.RETRYING:
            wins = wins and found.attempt >= old[1]
        won = self.store.traffic.commit([item], sent=sent)
        assert won == ({found.id} if wins else set())
        for out in sent:
            self.outbox.pop(_key(out), None)
        if wins:
            self.calls[found.id] = (found.status, found.attempt, found.worker)
            self.claims.pop(found.id, None)
            self.outbox |= {_key(out): out for out in item.outgoing}
            if found.status in TERMINAL:
                assert self.store.traffic.commit([item]) == {found.id}

    @rule(id_=_IDS, worker=_WORKERS, attempt=_ATTEMPTS, status=_OUTCOMES, outputs=st.integers(0, 2))
    def end(self, id_: str, worker: str, attempt: int, status: CallStatus, outputs: int) -> None:
        out = [outgoing(f"{id_}.{number}", f"q{number}") for number in range(outputs)]
        self._commit(self._item(id_, worker, attempt, status, out))

    @rule(id_=_IDS, worker=_WORKERS, attempt=_ATTEMPTS)
    def retry(self, id_: str, worker: str, attempt: int) -> None:
        again = outgoing(id_, "q", delay=1.0, attempt=attempt + 1)
        self._commit(self._item(id_, worker, attempt, CallStatus.RETRYING, [again]))

    def _item(
        self, id_: str, worker: str, attempt: int, status: CallStatus, out: list[Outgoing]
    ) -> Finished:
        self.turn += 1
        at = NOON + timedelta(seconds=self.turn)
        return finished(id_, *out, worker=worker, attempt=attempt, status=status, finished_at=at)

    @rule(id_=_IDS, worker=_WORKERS, attempt=_ATTEMPTS)
    def begin(self, id_: str, worker: str, attempt: int) -> None:
        running = call(
            id_, status=CallStatus.RUNNING, worker=worker, attempt=attempt, finished_at=None
        )
        self.store.traffic.begun([running])
        if id_ not in self.calls or self.calls[id_][0] not in TERMINAL:
            self.calls[id_] = (CallStatus.RUNNING, attempt, worker)

    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        if self.outbox:
            key = data.draw(st.sampled_from(sorted(self.outbox)))
            self.store.traffic.sent([self.outbox.pop(key)])

    @rule(id_=_IDS, worker=_WORKERS, seconds=st.integers(1, 3))
    def hold(self, id_: str, worker: str, seconds: int) -> None:
        until = NOON + timedelta(seconds=seconds)
        claim = Claim(
            call_id=CallId(id_), queue="q", message=message(id_), worker=worker, expires_at=until
        )
        self.store.traffic.claim([claim])
        self.claims[id_] = claim

    @rule(seconds=st.integers(1, 4))
    def give_back(self, seconds: int) -> None:
        found = self.store.traffic.expired_claims(NOON + timedelta(seconds=seconds), 9)
        for out in self.store.traffic.reissue(found):
            self.outbox.setdefault(_key(out), out)
            del self.claims[out.message.id]
        assert self.store.traffic.reissue(found) == []

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "folder"):
            return
        rows, total = self.store.traffic.calls(CallFilter())
        assert {c.id: (c.status, c.attempt, c.worker) for c in rows} == self.calls
        assert total == len(self.calls)
        assert {_key(out) for out in self.store.traffic.unsent(_LATER, 99)} == set(self.outbox)
        assert {c.call_id for c in self.store.traffic.expired_claims(_LATER, 9)} == set(self.claims)
        ended = {id_ for id_, (status, *_) in self.calls.items() if status in TERMINAL}
        known = self.store.traffic.finished(["a", "b", "c"])
        assert {id_ for id_, each in known.items() if each.status in TERMINAL} == ended


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
