"""The embedded broker's rows against a model of lists, under any order of acts."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from flowctl.broker.base import QueueSpec
from flowctl.broker.embedded import queues as acts
from flowctl.broker.embedded import rows as rows
from flowctl.broker.embedded import sessions
from flowctl.broker.embedded.file import open_file
from flowctl.broker.embedded.rows import Posted, Transaction
from flowctl.broker.embedded.wire import pack, unpack
from flowctl.errors import NotFound, PublishFailed
from flowctl.model.ids import CallId, RunId
from flowctl.model.traffic import Message

SPECS = {
    spec.name: spec
    for spec in (
        QueueSpec(name="plain"),
        QueueSpec(name="small", max_length=4),
        QueueSpec(name="hasty", ttl=10.0, dead_letter="dead"),
        QueueSpec(name="dead"),
    )
}
names = st.sampled_from(sorted(SPECS))
members = st.sampled_from([11, 22])
TTL = SPECS["hasty"].ttl


@dataclass
class Row:
    """A message as the model knows it."""

    id: str
    expires: float | None = None
    due: float = 0.0
    origin: str = ""
    place: int = 0
    handed: int = 0
    key: int = 0
    """The id of its row, once it was handed out."""
    owner: int = 0


@dataclass
class Shelf:
    """A queue as the model knows it."""

    ready: list[Row] = field(default_factory=list)
    held: list[Row] = field(default_factory=list)
    delayed: list[Row] = field(default_factory=list)


class Rows(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.connection: sqlite3.Connection = open_file(Path(self.folder.name) / "broker.db")
        self.now = 1000.0
        self.count = 0
        self.places = 0
        self.shelves: dict[str, Shelf] = {}
        self.do(lambda tx: acts.declare(tx, SPECS.values()))
        self.shelves = {name: Shelf() for name in SPECS}
        self.enter()

    def teardown(self) -> None:
        self.connection.close()
        self.folder.cleanup()

    def do(self, act: Callable[[Transaction], Any]) -> Any:
        self.connection.execute("BEGIN IMMEDIATE")
        tx = Transaction(self.connection, self.now, self.now)
        try:
            return act(tx)
        finally:
            tx.flush()
            self.connection.execute("COMMIT")

    def enter(self) -> None:
        for session in (11, 22):
            self.do(lambda tx, session=session: sessions.enter(tx, session, "s"))
            self.follow(session)

    def follow(self, session: int) -> None:
        def act(tx: Transaction) -> None:
            found = [row.id for name in SPECS if (row := tx.queue(name))]
            sessions.follow(tx, session, 1, found)

        self.do(act)

    def place(self) -> int:
        self.places += 1
        return self.places

    @rule(name=names, number=st.integers(1, 5), delay=st.sampled_from([0.0, 0.0, 3.0, 7.0]))
    def publish(self, name: str, number: int, delay: float) -> None:
        posted = []
        for _ in range(number):
            self.count += 1
            call_id = str(self.count)
            message = Message(id=CallId(call_id), run_id=RunId(call_id), body=b"")
            kept = pack(message)
            posted.append(
                Posted(queue=name, message_id=call_id, properties=kept, body=b"", delay=delay)
            )
        refused = self.do(lambda tx: rows.insert(tx, posted))
        expected = {}
        for one in posted:
            shelf, spec = self.shelves.get(name), SPECS[name]
            if shelf is None:
                expected[one.message_id] = "unroutable"
            elif delay:
                shelf.delayed.append(Row(one.message_id, due=self.now + delay))
            elif spec.max_length and len(shelf.ready) >= spec.max_length:
                expected[one.message_id] = "full"
            else:
                expires = self.now + spec.ttl if spec.ttl else None
                shelf.ready.append(Row(one.message_id, expires=expires, place=self.place()))
        assert refused == expected

    @rule(session=members, wanted=st.integers(1, 9), turn=st.integers(0, 9))
    def claim(self, session: int, wanted: int, turn: int) -> None:
        claimed = self.do(lambda tx: rows.claim(tx, session, 1, wanted, turn))
        ready = sum(len(shelf.ready) for shelf in self.shelves.values())
        assert len(claimed) == min(wanted, ready)
        for one in claimed:
            shelf = self.shelves[one.queue]
            row = shelf.ready.pop(0)
            assert (row.id, row.handed) == (unpack(one.properties, b"").id, one.deliveries)
            row.owner, row.handed = session, row.handed + 1
            row.key = one.id
            shelf.held.append(row)

    @rule(session=members, back=st.booleans(), data=st.data())
    def end(self, session: int, back: bool, data: st.DataObject) -> None:
        """Settle or release some, among them some that others hold."""
        held = [(shelf, row) for shelf in self.shelves.values() for row in shelf.held]
        chosen = data.draw(st.lists(st.sampled_from(held), unique_by=id) if held else st.just([]))
        ids = [row.key for _, row in chosen]
        self.do(lambda tx: (rows.release if back else rows.settle)(tx, session, ids))
        for shelf, row in chosen:
            if row.owner == session:
                shelf.held.remove(row)
                if back:
                    self.put_back(shelf, row)

    @rule(session=members)
    def die(self, session: int) -> None:
        self.do(lambda tx: sessions.leave(tx, session))
        for shelf in self.shelves.values():
            for row in [row for row in shelf.held if row.owner == session]:
                shelf.held.remove(row)
                self.put_back(shelf, row)
        self.do(lambda tx: sessions.enter(tx, session, "again"))
        self.follow(session)

    def put_back(self, shelf: Shelf, row: Row) -> None:
        row.owner = 0
        shelf.ready = sorted([*shelf.ready, row], key=lambda row: row.place)

    @rule(seconds=st.sampled_from([1.0, 4.0, 11.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.do(rows.ripen)
        due = [
            (row.due, int(row.id), name, row)
            for name, shelf in self.shelves.items()
            for row in shelf.delayed
            if row.due <= self.now
        ]
        for _, _, name, row in sorted(due, key=lambda item: item[:2]):
            self.shelves[name].delayed.remove(row)
            row.place = self.place()
            row.expires = self.now + SPECS[name].ttl if SPECS[name].ttl else None
            self.shelves[name].ready.append(row)
        self.expire()

    def expire(self) -> None:
        shelf = self.shelves.get("hasty", Shelf())
        old = [row for row in shelf.ready if row.expires is not None and row.expires <= self.now]
        for row in sorted(old, key=lambda row: (row.expires, int(row.id))):
            shelf.ready.remove(row)
            row.expires, row.origin, row.handed, row.place = None, "hasty", 0, self.place()
            self.shelves.setdefault("dead", Shelf()).ready.append(row)

    @rule(name=names)
    def purge(self, name: str) -> None:
        if name not in self.shelves:
            return
        removed = self.do(lambda tx: acts.purge(tx, name))
        assert removed == len(self.shelves[name].ready)
        self.shelves[name].ready.clear()

    @rule(name=names, number=st.integers(1, 30))
    def remove(self, name: str, number: int) -> None:
        if name not in self.shelves:
            return
        shelf = self.shelves[name]
        found = [row for row in shelf.ready if row.id == str(number)]
        assert self.do(lambda tx: acts.remove(tx, name, str(number))) == bool(found)
        shelf.ready = [row for row in shelf.ready if row not in found]

    @rule(source=names, goal_name=names, limit=st.integers(0, 3))
    def move(self, source: str, goal_name: str, limit: int) -> None:
        if source == goal_name:
            return
        origin, goal = self.shelves[source], self.shelves[goal_name]
        chosen = origin.ready[:limit] if limit else list(origin.ready)
        room = len(chosen)
        if SPECS[goal_name].max_length:
            room = max(0, min(room, SPECS[goal_name].max_length - len(goal.ready)))
        try:
            assert self.do(lambda tx: acts.move(tx, source, goal_name, None, limit)) == room
        except PublishFailed as error:
            assert sorted(error.reasons) == sorted({row.id for row in chosen[room:]})  # noqa: PT017
        for row in chosen[:room]:
            origin.ready.remove(row)
            row.place, row.handed = self.place(), 0
            row.expires = self.now + TTL if SPECS[goal_name].ttl else None
            goal.ready.append(row)

    @rule(name=names, if_empty=st.booleans())
    def delete_and_declare(self, name: str, if_empty: bool) -> None:
        shelf = self.shelves.get(name)
        holds = shelf is not None and (shelf.ready or shelf.held or shelf.delayed)
        deleted = self.do(lambda tx: acts.delete(tx, name, if_empty))
        assert deleted == (shelf is not None and not (if_empty and holds))
        if deleted:
            self.shelves[name] = Shelf()
            self.do(lambda tx: acts.declare(tx, [SPECS[name]]))
            self.follow(11)
            self.follow(22)

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        for name, shelf in self.shelves.items():
            found = self.connection.execute(
                "SELECT m.message_id, m.deliveries, c.properties FROM message m"
                " JOIN content c ON c.id = m.id JOIN queue q ON q.id = m.queue"
                " WHERE q.name = ? AND m.owner = 0 ORDER BY m.seq, m.id",
                (name,),
            ).fetchall()
            assert [(row[0], row[1]) for row in found] == [(r.id, r.handed) for r in shelf.ready]
            origins = [unpack(row[2], b"").origin for row in found]
            assert origins == [row.origin for row in shelf.ready]

    @invariant()
    def counters_are_right_and_nothing_is_left_over(self) -> None:
        counted = self.connection.execute("SELECT name, ready, unacked, delayed FROM queue")
        assert {row[0]: row[1:] for row in counted.fetchall()} == {
            name: (len(shelf.ready), len(shelf.held), len(shelf.delayed))
            for name, shelf in self.shelves.items()
        }
        total = sum(
            len(shelf.ready) + len(shelf.held) + len(shelf.delayed)
            for shelf in self.shelves.values()
        )
        assert self.connection.execute("SELECT count(*) FROM message").fetchone() == (total,)
        assert self.connection.execute("SELECT count(*) FROM content").fetchone() == (total,)

    @rule()
    def ask_for_what_is_not_there(self) -> None:
        for act in (acts.purge, lambda tx, name: acts.remove(tx, name, "1")):
            try:
                self.do(lambda tx, act=act: act(tx, "nowhere"))
            except NotFound:
                continue
            raise AssertionError("it was found")


TestRows = Rows.TestCase
TestRows.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
