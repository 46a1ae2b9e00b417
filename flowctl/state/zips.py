"""Joins by zip, many at once: each value is used once, in order, none is lost.

Values that meet in one batch never become rows. What waits from before is read for all joins of the
batch in a few statements: no more of an argument than the batch can use.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from msgspec import structs

from flowctl.model.ids import CallId
from flowctl.model.states import CallStatus
from flowctl.model.work import Arrival, Slot
from flowctl.state.bulk import upsert
from flowctl.state.database import Database
from flowctl.state.held import Held, answered, close, portions, take
from flowctl.state.recording import BEGINNING, COLUMNS, call_row
from flowctl.state.rows import insert_many
from flowctl.state.traffic_tables import FiringRow, SlotRow

Place = tuple[str, str]
"""Socket and key: where values meet."""
Queues = dict[Place, dict[str, deque[Held]]]
"""What waits at each place for each argument, oldest first."""

_PLACES = 50
"""Places in one statement: SQLite takes 500 SELECTs in one, and a place has a handful."""
_COLUMNS = "call_id, socket, key, argument, message, content_type"


def arrive(database: Database, arrivals: Sequence[Arrival]) -> dict[CallId, list[Slot] | None]:
    """Store the values and fire what they complete; under the locks of their places."""
    if not arrivals:
        return {}
    known = answered(database, [each.call.id for each in arrivals])
    fresh = {each.call.id: each for each in arrivals if each.call.id not in known}
    waiting = _waiting(database, list(fresh.values()))
    fired = {call: _met(each, waiting) for call, each in fresh.items()}
    _write(database, fresh, fired)
    answers: dict[CallId, list[Slot] | None] = {
        each.call.id: known.get(each.call.id) for each in arrivals
    }
    for call, used in fired.items():
        answers[call] = [slot for _, slot in used] if used else None
    return answers


def _met(arrival: Arrival, waiting: Queues) -> list[Held]:
    """Let a value wait; return the first of each argument when no needed one is missing."""
    slot = arrival.slot
    queues = waiting[slot.socket, slot.key]
    queues.setdefault(slot.argument, deque()).append((arrival.call.id, slot))
    if not all(queues.get(name) for name in arrival.needs):
        return []
    others = sorted(name for name in queues if queues[name] and name not in arrival.needs)
    return [queues[name].popleft() for name in (*arrival.needs, *others)]


def _write(
    database: Database, fresh: Mapping[CallId, Arrival], fired: Mapping[CallId, list[Held]]
) -> None:
    used = [call for values in fired.values() for call, _ in values]
    gone = set(used)
    stored = [each for call, each in fresh.items() if call not in gone]
    take(database, [call for call in used if call not in fresh])
    insert_many(
        database,
        SlotRow,
        [structs.asdict(each.slot) | {"call_id": each.call.id} for each in stored],
    )
    rows = [
        structs.asdict(slot) | {"call_id": call, "position": position}
        for call, values in fired.items()
        for position, (_, slot) in enumerate(values)
    ]
    insert_many(database, FiringRow, rows)
    calls = [
        structs.replace(
            each.call, status=CallStatus.RECEIVED if fired[call] else CallStatus.WAITING
        )
        for call, each in fresh.items()
    ]
    upsert(database, "call", COLUMNS, [call_row(database, call) for call in calls], BEGINNING)
    close(database, used)


# What waits from before


def _waiting(database: Database, arrivals: Sequence[Arrival]) -> Queues:
    """Return what waits where these values go, as many of each argument as they can use."""
    names: dict[Place, set[str]] = defaultdict(set)
    most: Counter[Place] = Counter()
    for each in arrivals:
        place = each.slot.socket, each.slot.key
        names[place] |= {*each.needs, each.slot.argument}
        most[place] += 1
    for place in _with_others(database, names):
        names[place].update(arguments(database, place))
    found: Queues = {place: {} for place in names}
    for some in portions(names, _PLACES):
        wanted = [(place, name, most[place]) for place in some for name in sorted(names[place])]
        for call, slot in _first(database, wanted):
            queues = found[slot.socket, slot.key]
            queues.setdefault(slot.argument, deque()).append((call, slot))
    return found


def _with_others(database: Database, names: Mapping[Place, set[str]]) -> Iterator[Place]:
    """Return the places where values wait of arguments that nobody named: optional ones."""
    for some in portions(names, _PLACES):
        looks: list[str] = []
        params: list[str] = []
        for socket, key in some:
            for after, before in _gaps(names[socket, key]):
                looks.append("socket = ? AND key = ? AND argument > ? AND argument < ?")
                params += [socket, key, after, before]
        for socket, key in _ask(database, "socket, key", looks, params, "LIMIT 1"):
            yield socket, key


def _gaps(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Return what lies between names: pairs of the last before and the first after."""
    edges = ["", *sorted(names), "\U0010ffff"]
    return ((after, before) for after, before in pairwise(edges) if after < before)


def arguments(database: Database, place: Place) -> list[str]:
    """Return the arguments that have values, one look at the index each."""
    from peewee import fn

    names: list[str] = []
    while True:
        where = [SlotRow.socket == place[0], SlotRow.key == place[1]]
        if names:
            where.append(SlotRow.argument > names[-1])
        ((name,),) = database.rows(SlotRow.select(fn.MIN(SlotRow.argument)).where(*where))
        if name is None:
            return names
        names.append(name)


def _first(database: Database, wanted: Sequence[tuple[Place, str, int]]) -> Iterator[Held]:
    """Return the first values of arguments, in their order."""
    looks, params = [], []
    for (socket, key), name, most in wanted:
        looks.append(f"socket = ? AND key = ? AND argument = ? ORDER BY seq LIMIT {most}")
        params += [socket, key, name]
    decode = SlotRow.message.python_value
    for call, socket, key, name, message, content_type in _ask(database, _COLUMNS, looks, params):
        yield (
            call,
            Slot(
                socket=socket,
                key=key,
                argument=name,
                message=decode(message),
                content_type=content_type,
            ),
        )


def _ask(
    database: Database, names: str, looks: Sequence[str], params: Sequence[str], end: str = ""
) -> list[tuple[Any, ...]]:
    """Return the rows of many small looks into the slots, asked together."""
    if not looks:
        return []
    parts = [f"SELECT * FROM (SELECT {names} FROM slot WHERE {look} {end}) AS t" for look in looks]
    sql = " UNION ALL ".join(parts).replace("?", database.driver.parameter)
    return list(database.execute(sql, params).fetchall())
