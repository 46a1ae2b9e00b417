"""The worker's one thread that remembers: it commits, publishes and acknowledges, in that order.

Everything that ended since the last commit goes into one transaction (group commit). What was
committed is then published with pipelined confirms, and only when all of a batch is confirmed are
its deliveries acknowledged. The next batch commits while the last one is being confirmed.
A crash between any two steps leaves deliveries unacknowledged; when they come back their calls are
found finished and only their committed outputs are published again, under the same ids.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from agentd.worker.items import Item
from agentd.worker.joins import complete
from agentd.worker.replies import answers_of, hints_of
from flowctl.broker.base import Subscription
from flowctl.errors import FlowError, PublishFailed, Unavailable
from flowctl.failpoints import reach
from flowctl.model.canvas import Follow
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Answer, Call, Event, Failure, Finished, Message, Outgoing
from flowctl.model.work import Arrival, Claim, Slot
from flowctl.services import answers
from flowctl.services.control import Control

log = logging.getLogger(__name__)
T = TypeVar("T")

MOST_BATCH = 256
TICK = 0.25
_ROUTED_BY = 3
"""Tries after which a queue that does not exist is believed to be gone."""
_AGAIN = (0.05, 5.0)
"""Seconds before the first and between later attempts at something unavailable."""


@dataclass(slots=True)
class Commit:
    """One ended item with what is recorded and sent for it."""

    item: Item
    finished: Finished


@dataclass(slots=True)
class Batch:
    """Items whose outputs are on their way; acknowledged together."""

    items: list[Item]
    outgoing: list[Outgoing]
    """What is not confirmed yet."""
    tries: int = 0
    sent: list[Outgoing] = field(default_factory=list)
    """Everything that was on its way, for the outbox."""

    def __post_init__(self) -> None:
        """Remember what is sent, whatever becomes of each try."""
        self.sent = list(self.outgoing)

    def refused(self, error: BaseException) -> list[Outgoing]:
        """Return what a failed try leaves to be published again.

        What nobody can route stays in the outbox after some tries: its plug is gone, and the
        scheduler parks it. A full queue is waited for: that is what slows this worker down.
        """
        if not isinstance(error, PublishFailed):
            return self.outgoing
        reasons = error.reasons
        if self.tries >= _ROUTED_BY:
            lost = {i for i, reason in reasons.items() if reason == "unroutable"}
            self.sent = [each for each in self.sent if each.message.id not in lost]
            reasons = {i: reason for i, reason in reasons.items() if i not in lost}
        return [each for each in self.outgoing if each.message.id in reasons]


@dataclass(slots=True)
class Desk:
    """What waits for the keeper; filled by other threads under its condition."""

    commits: deque[Commit] = field(default_factory=deque)
    looks: list[Item] = field(default_factory=list)
    arrivals: list[tuple[Item, Arrival]] = field(default_factory=list)
    begun: list[Call] = field(default_factory=list)
    claims: list[tuple[Item, Claim]] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)
    unpublished: list[Batch] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)

    def is_empty(self) -> bool:
        """Tell whether nothing waits but marks that may ride along with the next commit."""
        return not (
            self.commits or self.looks or self.arrivals or self.begun or self.claims or self.told
            or self.unpublished
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answers:
    """Whom the keeper tells; each is called in its thread and must only pass the news on."""

    run: Callable[[list[Item]], None]
    """These items were looked up or joined: they are to be run."""
    release: Callable[[list[Item]], None]
    """These items are acknowledged and forgotten."""
    trouble: Callable[[str], None]
    """State or broker do not answer, and why; empty when they do again."""
    tick: Callable[[], None]
    """A quarter of a second passed; may use the database."""


class Keeper:
    """Runs the thread; everything public but `run` may be called from any thread."""

    def __init__(self, control: Control, answers: Answers) -> None:
        self._control = control
        self._answers = answers
        self._desk = Desk()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._troubled = False
        self._ticked = 0.0
        self.subscription: Subscription | None = None
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Commit what is there, as long as it takes but not longer than `timeout` seconds."""
        self._stopping.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(timeout)

    def commit(self, commits: Sequence[Commit]) -> None:
        """Record these, send what follows from them, then acknowledge them."""
        with self._changed:
            self._desk.commits.extend(commits)
            self._changed.notify()

    def look(self, items: Sequence[Item]) -> None:
        """Find out whether these calls are finished already."""
        with self._changed:
            self._desk.looks.extend(items)
            self._changed.notify()

    def arrive(self, arrivals: Sequence[tuple[Item, Arrival]]) -> None:
        """Store these values of joins, and run what they complete."""
        with self._changed:
            self._desk.arrivals.extend(arrivals)
            self._changed.notify()

    def begin(
        self,
        calls: Sequence[Call],
        claims: Sequence[tuple[Item, Claim]] = (),
        told: Sequence[Event] = (),
    ) -> None:
        """Record that these calls run and what they told, and hold the long ones by a lease."""
        with self._changed:
            self._desk.begun.extend(calls)
            self._desk.claims.extend(claims)
            self._desk.told.extend(told)
            self._changed.notify()

    def _run(self) -> None:
        while not (self._stopping.is_set() and self._desk.is_empty()):
            with self._changed:
                if self._desk.is_empty():
                    self._changed.wait(TICK)
                desk = self._take()
            self._work(desk)
            self._tick()
        self._patiently(lambda: self._mark_sent(self._desk.sent))

    def _tick(self) -> None:
        """Tell that time has passed; under load a turn takes much less than a tick."""
        now = self._control.clock.monotonic()
        if now - self._ticked >= TICK and not self._stopping.is_set():
            self._ticked = now
            self._answers.tick()

    def _take(self) -> Desk:
        desk, self._desk = self._desk, Desk(sent=[])
        while len(desk.commits) > MOST_BATCH:
            self._desk.commits.appendleft(desk.commits.pop())
        if not desk.commits and not desk.is_empty() and len(desk.sent) < MOST_BATCH:
            # A commit follows soon and takes the marks along.
            self._desk.sent, desk.sent = desk.sent, []
        return desk

    def _work(self, desk: Desk) -> None:
        if desk.looks:
            self._patiently(lambda: self._look(desk.looks))
        if desk.arrivals:
            self._patiently(lambda: self._arrive(desk.arrivals))
        if desk.begun or desk.claims or desk.told:
            self._patiently(lambda: self._begin(desk))
        if desk.commits:
            self._commit(list(desk.commits), desk.sent)
        elif desk.sent:
            self._patiently(lambda: self._mark_sent(desk.sent))
        for batch in desk.unpublished:
            self._publish(batch)

    def _commit(self, commits: list[Commit], sent: list[Outgoing]) -> None:
        reach("worker.executed")
        winners = self._patiently(lambda: self._record(commits, sent))
        if winners is None:
            return
        reach("worker.committed")
        won = [each for each in commits if _counts(each.finished, winners)]
        replies = [reply for each in won for reply in answers_of(each.item, each.finished)]
        self._tell(replies + winners.answers)
        lost = [each.item for each in commits if not _counts(each.finished, winners)]
        outgoing = [message for each in won for message in each.finished.outgoing]
        outgoing += [message for each in won for message in winners.get(each.finished.call.id, ())]
        self._publish(Batch([each.item for each in won], outgoing))
        if lost:
            # Somebody else recorded these first, or runs a later attempt: that is what counts.
            self._patiently(lambda: self._look(lost, over=True))

    def _record(self, commits: list[Commit], sent: list[Outgoing]) -> Follow:
        """Return the calls that won, each with what its canvas has to send."""
        finished = [each.finished for each in commits]
        traffic = self._control.store.traffic
        try:
            if any(each.pointer or each.launch for each in finished):
                return traffic.conclude(finished, sent=sent)
            return Follow(dict.fromkeys(traffic.commit(finished, sent=sent), ()))
        except Unavailable:
            raise
        except FlowError as error:
            if len(commits) > 1:
                records = [self._record([each], sent) for each in commits]
                return Follow(
                    {call_id: more for each in records for call_id, more in each.items()},
                    [answer for each in records for answer in each.answers],
                )
            log.error("call %s cannot be recorded: %s", finished[0].call.id, error)
            return traffic.conclude([_unrecordable(finished[0], error)])

    def _look(self, items: list[Item], *, over: bool = False) -> None:
        found = self._control.store.traffic.finished([item.message.id for item in items])
        done: list[Item] = []
        fresh: list[Item] = []
        for item in items:
            state = found.get(item.message.id)
            if over or (state is not None and state.covers(item.message.attempt)):
                done.append(item)
            else:
                item.is_told = state is not None and state.runs(item.message.attempt)
                fresh.append(item)
        if fresh:
            self._answers.run(fresh)
        if done:
            self._tell(hints_of(done))
            known = [found[i.message.id] for i in done if i.message.id in found]
            outgoing = [each for state in known for each in state.outgoing]
            self._publish(Batch(done, [_again(message) for message in outgoing]))

    def _arrive(self, arrivals: list[tuple[Item, Arrival]]) -> None:
        answers = self._control.store.traffic.arrive([arrival for _, arrival in arrivals])
        stored, ready = [], []
        for item, arrival in arrivals:
            slots = answers[arrival.call.id]
            if slots is None:
                stored.append(item)
            else:
                ready.append((item, slots))
        reach("worker.joined")
        if stored:
            self._acknowledge(Batch(stored, []))
        if ready:
            self._answers.run([_joined(item, slots) for item, slots in ready])

    def _begin(self, desk: Desk) -> None:
        self._control.store.traffic.begun(desk.begun)
        if desk.claims:
            self._control.store.traffic.claim([claim for _, claim in desk.claims])
            reach("worker.claimed")
            self._ack([item for item, _ in desk.claims])
        if desk.told:
            self._control.store.events.add(desk.told)

    def _publish(self, batch: Batch) -> None:
        if not batch.outgoing:
            self._acknowledge(batch)
            return
        self._control.broker.publish_soon(batch.outgoing).add_done_callback(
            lambda future: self._published(batch, future)
        )

    def _published(self, batch: Batch, future: Future[None]) -> None:
        """Go on with a batch that was confirmed, in a thread of the broker's."""
        error = future.exception()
        if error is None:
            self._acknowledge(batch)
            return
        left = batch.refused(error)
        if not left:
            self._acknowledge(batch)
            return
        log.warning("%d outputs wait to be published: %s", len(left), error)
        self._answers.trouble(str(error))
        batch.outgoing = [_again(message) for message in left]
        batch.tries += 1
        delay = min(_AGAIN[1], _AGAIN[0] * 2**batch.tries)
        timer = threading.Timer(delay, self._republish, [batch])
        timer.daemon = True
        timer.start()

    def _republish(self, batch: Batch) -> None:
        with self._changed:
            self._desk.unpublished.append(batch)
            self._changed.notify()

    def _acknowledge(self, batch: Batch) -> None:
        if batch.tries:
            self._answers.trouble("")
        if batch.sent:
            reach("worker.published")
        self._ack(batch.items)
        reach("worker.acked")
        with self._changed:
            self._desk.sent.extend(batch.sent)
        self._answers.release(batch.items)

    def _ack(self, items: list[Item]) -> None:
        tags = [tag for item in items for tag in item.give_tags()]
        if tags and self.subscription is not None:
            self.subscription.ack(tags)

    def _mark_sent(self, sent: list[Outgoing]) -> None:
        if sent:
            self._control.store.traffic.sent(sent)

    def _tell(self, replies: list[tuple[Message, Answer]]) -> None:
        if replies:
            answers.tell(self._control, replies)

    def _patiently(self, act: Callable[[], T]) -> T | None:
        """Repeat `act` until the state answers; give up only when stopping."""
        delay = _AGAIN[0]
        while True:
            try:
                value = act()
            except Unavailable as error:
                self._note(str(error))
                if self._stopping.wait(delay):
                    return None
                delay = min(delay * 2, _AGAIN[1])
            else:
                self._note("")
                return value

    def _note(self, why: str) -> None:
        if bool(why) != self._troubled:
            self._troubled = bool(why)
            self._answers.trouble(why)


def _counts(finished: Finished, winners: Follow) -> bool:
    """Tell whether this outcome is the one that counts; where nothing is recorded each does."""
    return not finished.record or finished.call.id in winners


def _joined(item: Item, slots: Sequence[Slot]) -> Item:
    complete(item, slots)
    return item


def _again(outgoing: Outgoing) -> Outgoing:
    message = msgspec.structs.replace(outgoing.message, again=True)
    return msgspec.structs.replace(outgoing, message=message)


def _unrecordable(finished: Finished, error: FlowError) -> Finished:
    failure = Failure(type="record", message=f"the outcome cannot be recorded: {error}")
    call = msgspec.structs.replace(
        finished.call, status=CallStatus.FAILED, failure=failure, output="", outputs=0, size=0
    )
    return Finished(call=call, pointer=finished.pointer)
