"""How many calls a second the store records, in batches as workers make them under load."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from flowctl.model.ids import RunId, new_id
from flowctl.model.traffic import Event, Finished, Outgoing
from flowctl.state.store import open_store
from tests.servers.postgres import PostgresServer, installed
from tests.stores import NOON, finished, outgoing

BATCH, BATCHES = 64, 150
BODY = b'{"row": [1, 2, 3], "name": "abcdefgh", "price": 12.5}'


def measure(home: Path) -> list[tuple[str, Any, str]]:
    """Record calls with a result and an output each on every database; then with events too."""
    found = [*_on(f"sqlite:///{home / 'normal.db'}?synchronous=normal", "SQLite NORMAL", "10,000")]
    found += _on(f"sqlite:///{home / 'full.db'}", "SQLite FULL", "")
    if installed():
        server = PostgresServer(careful=True)
        try:
            server.start()
            found += _on(server.database(), "Postgres with fsync", "4,000")
        finally:
            server.close()
    return found


def _on(url: str, name: str, goal: str) -> list[tuple[str, Any, str]]:
    store = open_store(url)
    store.migrate()
    rows: list[tuple[str, Any, str]] = []
    for events in (0, 3):
        batches = [[_item(events) for _ in range(BATCH)] for _ in range(BATCHES)]
        began, busy = time.perf_counter(), time.process_time()
        sent: list[Outgoing] = []
        for batch in batches:
            assert len(store.traffic.commit(batch, sent=sent)) == BATCH
            sent = [message for item in batch for message in item.outgoing]
        wall, cpu = time.perf_counter() - began, time.process_time() - busy
        what = f"{name}, {events} events a call"
        told = f"calls/s, goal >= {goal}" if goal and not events else "calls/s"
        rows.append((what, BATCH * BATCHES / wall, told))
        rows.append((f"{what}, for a second of our CPU", BATCH * BATCHES / cpu, "calls"))
    store.close()
    return rows


def _item(events: int) -> Finished:
    call_id = new_id()
    made = finished(
        call_id, outgoing(new_id(), parent=call_id, body=BODY), result=BODY, run_id=RunId(new_id())
    )
    made.events = tuple(
        Event(id=0, at=NOON, kind="call", object=call_id, action=action, note="", network="shop")
        for action in ("received", "prerun", "postrun")[:events]
    )
    return made
