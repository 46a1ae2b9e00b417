"""Whether the plugs of a network make sense together: ends, repeats, names, loops, gathers."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from flowctl.model.flow import NetworkSpec, PlugSpec
from flowctl.model.naming import dead_queue, plug_name, plug_queue, socket_queue
from flowctl.recipe.notes import Notes

LONGEST_QUEUE = 240
"""Characters of a queue name; brokers take 255, and dead letters need an ending."""
_MOST_CYCLES = 20
_LONGEST_TRAIL = 16

Placed = Sequence[tuple[str, PlugSpec]]
"""Plugs, each with its path in the recipe."""


def check_wiring(spec: NetworkSpec, placed: Placed, notes: Notes) -> None:
    """Complain about plugs that cannot be."""
    sockets = {f"{p.name}.{s.name}": None for p in spec.processors for s in p.sockets}
    whole = [(path, plug) for path, plug in placed if _has_ends(path, plug, sockets, notes)]
    _check_repeats(whole, notes)
    _check_queues(spec, placed, notes)
    _check_gathers(whole, sockets, notes)
    _check_cycles(whole, notes)


def _has_ends(path: str, plug: PlugSpec, sockets: Mapping[str, None], notes: Notes) -> bool:
    """Complain about ends that are not there, and about an edge from a socket to itself."""
    missing = [
        (key, end)
        for key, end in (("from", plug.source), ("to", plug.target))
        if end not in sockets
    ]
    for key, end in missing:
        _complain_of_missing(f"{path}.{key}", end, sockets, notes)
    if plug.source == plug.target and not missing:
        notes.add(path, f"{plug.source} cannot feed itself", "put another socket between")
    return not missing and plug.source != plug.target


def _complain_of_missing(path: str, end: str, sockets: Mapping[str, None], notes: Notes) -> None:
    processor = end.partition(".")[0]
    if near := notes.near(end, sockets):
        hint = f'did you mean "{near}"?'
    else:
        mine = [each for each in sockets if each.startswith(f"{processor}.")]
        hint = f"{processor} has {', '.join(mine[:12])}" if mine else _NO_SOCKETS
    notes.add(path, f'there is no socket "{end}"', hint)


_NO_SOCKETS = "sockets are written under `sockets` of their processor"


def _check_repeats(placed: Placed, notes: Notes) -> None:
    seen: dict[tuple[str, str, str, str], str] = {}
    for path, plug in placed:
        edge = (plug.source, plug.target, plug.argument, plug.kind)
        first = seen.setdefault(edge, path)
        if first != path:
            what = f"{plug.source} -> {plug.target}" + (plug.argument and f".{plug.argument}")
            notes.add(path, f"the plug {what} is there already, as {first}", "remove one of them")


def _check_queues(spec: NetworkSpec, placed: Placed, notes: Notes) -> None:
    """Complain about plugs whose queue would be that of something else."""
    owners: dict[str, str] = {}
    for processor in spec.processors:
        for socket in processor.sockets:
            queue = socket_queue(spec.name, processor.name, socket.name)
            owners[queue] = owners[dead_queue(queue)] = f"socket {processor.name}.{socket.name}"
    edges = set()
    for path, plug in placed:
        queue = plug_queue(spec.name, plug)
        owner = owners.setdefault(queue, "another plug")
        edge = (plug.source, plug.target, plug.argument, plug.kind)
        if (queue in edges or owner.startswith("socket")) and edge not in edges:
            notes.add(path, f'the name "{plug_name(plug)}" is taken by {owner}', _RENAME)
        if len(queue) > LONGEST_QUEUE:
            notes.add(path, f"its queue name would have {len(queue)} characters", _RENAME)
        edges |= {queue, edge}


_RENAME = "give the plug a `name` of its own"


def _check_gathers(placed: Placed, sockets: Mapping[str, None], notes: Notes) -> None:
    feeding = defaultdict[str, set[str]](set)
    for _, plug in placed:
        feeding[plug.target].add(plug.source)
    for path, plug in placed:
        if not plug.gather:
            continue
        if plug.gather not in sockets:
            _complain_of_missing(f"{path}.gather", plug.gather, sockets, notes)
        elif plug.gather not in _reach(plug.source, feeding):
            message = f"nothing flows from {plug.gather} to {plug.source}"
            notes.add(f"{path}.gather", message, "gather names a socket upstream of `from`")


def _reach(start: str, edges: Mapping[str, Iterable[str]]) -> set[str]:
    seen, waiting = {start}, deque([start])
    while waiting:
        fresh = set(edges.get(waiting.popleft(), ())) - seen
        seen |= fresh
        waiting.extend(fresh)
    return seen


def _check_cycles(placed: Placed, notes: Notes) -> None:
    edges = defaultdict[str, dict[str, str]](dict)
    for path, plug in placed:
        if not plug.allow_cycle:
            edges[plug.source].setdefault(plug.target, path)
    for cycle in cycles(edges):
        closing = edges[cycle[-2]][cycle[-1]]
        remedy = "write `allow_cycle: true` on one of these plugs if it is meant"
        notes.add(closing, f"a cycle: {_trail(cycle)}", remedy)


def _trail(cycle: list[str]) -> str:
    left_out = len(cycle) - _LONGEST_TRAIL
    if left_out > 0:
        cycle = [*cycle[:-2][: _LONGEST_TRAIL - 2], f"({left_out} more)", *cycle[-2:]]
    return " -> ".join(cycle)


def cycles(edges: Mapping[str, Mapping[str, object]]) -> list[list[str]]:
    """Return cycles such that without the last edge of each there are none; at most twenty.

    >>> cycles({"a": {"b": 1}, "b": {"c": 1}, "c": {"a": 1}})
    [['a', 'b', 'c', 'a']]
    """
    found: list[list[str]] = []
    done: set[str] = set()
    for start in edges:
        if start not in done and len(found) < _MOST_CYCLES:
            found.extend(_from(start, edges, done))
    return found[:_MOST_CYCLES]


def _from(
    start: str, edges: Mapping[str, Mapping[str, object]], done: set[str]
) -> Iterator[list[str]]:
    """Walk in depth without recursion; an edge back to the present trail closes a cycle."""
    trail = {start: None}
    waiting = [iter(edges.get(start, ()))]
    while waiting:
        node = next(waiting[-1], None)
        if node is None:
            waiting.pop()
            done.add(trail.popitem()[0])
        elif node in trail:
            names = list(trail)
            yield [*names[names.index(node) :], node]
        elif node not in done:
            trail[node] = None
            waiting.append(iter(edges.get(node, ())))
