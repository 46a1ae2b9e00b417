"""What happens next on a canvas (pure): from a tree, a place in it and a value, to moves.

A value that comes out of a place goes up: to the next step of its pipeline, into the list of its
parallel, funnel or segment, or out of the canvas. A value that comes to a place goes down, until it
stands before sockets. How much of a list has arrived is the one thing that is remembered elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from flowctl.model.canvas import (
    BOUND,
    Funnel,
    Node,
    Parallel,
    Path,
    Pipeline,
    Segment,
    Step,
    name_of,
)
from flowctl.model.traffic import Failure

JSON = "application/json"
_EMPTY = b"[]"


@dataclass(frozen=True, slots=True)
class Value:
    """What flows: a body and what it is."""

    body: bytes
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class Move:
    """Something that happens at a place."""

    path: Path


@dataclass(frozen=True, slots=True)
class Send(Move):
    """A socket is called."""

    step: Step
    value: Value
    keep: bool


@dataclass(frozen=True, slots=True)
class Open(Move):
    """A pattern begins; `total` places of its list are to be filled, none where it has no list."""

    name: str
    starts: int
    """Calls and patterns directly below it that there will be."""
    total: int = 0


@dataclass(frozen=True, slots=True)
class Close(Move):
    """A pattern has its value."""


@dataclass(frozen=True, slots=True)
class Arrive(Move):
    """A place of the list of the pattern at `path` is filled."""

    index: int
    value: Value


@dataclass(frozen=True, slots=True)
class End(Move):
    """The whole has its value."""

    value: Value


@dataclass(frozen=True, slots=True)
class Break(Move):
    """The place has failed, and with it the whole."""

    failure: Failure


_Task = tuple[Path, Value | Failure, bool]
"""A place, what is there, and whether it came out of the place: else it goes in."""


def begin(program: Node, path: Path, value: Value) -> Iterator[Move]:
    """Go through what happens when `value` comes to a place."""
    return _follow(program, (path, value, False))


def came(program: Node, path: Path, value: Value) -> Iterator[Move]:
    """Go through what happens when `value` comes out of a place."""
    return _follow(program, (path, value, True))


def failed(program: Node, path: Path, failure: Failure) -> Iterator[Move]:
    """Go through what happens when a place has failed for good."""
    return _follow(program, (path, failure, True))


def gathered(program: Node, path: Path, bodies: Sequence[bytes]) -> Iterator[Move]:
    """Go through what happens when the list of the pattern at a place is full."""
    node, value = at(program, path), Value(_list(bodies))
    if isinstance(node, Funnel):
        return _follow(program, ((*path, len(node.branches)), value, False))
    return _follow(program, (path, value, True))


def _follow(program: Node, first: _Task) -> Iterator[Move]:
    """Work off what one thing leads to; empty patterns lead on at once, so there may be many."""
    tasks = [first]
    while tasks:
        path, given, out = tasks.pop()
        if isinstance(given, Failure):
            yield _failed(program, path, given)
        elif out:
            yield from _up(program, path, given, tasks)
        else:
            yield from _down(program, path, given, tasks)


def _down(program: Node, path: Path, value: Value, tasks: list[_Task]) -> Iterator[Move]:
    node = at(program, path)
    if isinstance(node, Step):
        yield _send(program, path, node, value)
        return
    parts = _parts(node, value)
    if isinstance(parts, Failure):
        tasks.append((path, parts, True))
        return
    total = 0 if isinstance(node, Pipeline) else len(parts)
    yield Open(path, name_of(node), _starts(node, len(parts)), total)
    if parts:
        tasks.extend(((*path, i), part, False) for i, part in reversed(list(enumerate(parts))))
    elif isinstance(node, Funnel):
        tasks.append(((*path, 0), Value(_EMPTY), False))
    else:
        tasks.append((path, value if isinstance(node, Pipeline) else Value(_EMPTY), True))


def _send(program: Node, path: Path, step: Step, value: Value) -> Move:
    keep = keeper_of(program, path) is not None
    if not step.args and not step.named:
        return Send(path, step, value, keep)
    given = b"null" if step.args else _as_json(value)
    if given is None:
        return _failed(program, path, _unfit(step.socket, value, "cannot meet bound arguments"))
    body = b'{"input":%b,"args":%b,"named":%b}' % (
        given, step.args.encode() or _EMPTY, step.named.encode() or b"{}",
    )  # fmt: skip
    return Send(path, step, Value(body, BOUND), keep)


def _parts(node: Node, value: Value) -> list[Value] | Failure:
    """Return what the first children of a pattern get."""
    if isinstance(node, Pipeline):
        return [value] if node.steps else []
    if isinstance(node, Parallel | Funnel):
        return [value] * len(node.branches)
    assert isinstance(node, Segment)
    try:
        items = _ITEMS.decode(value.body if value.content_type == JSON else b"")
    except (msgspec.DecodeError, RecursionError):
        return Failure(type="segment", message="what comes into a segment must be a list")
    cuts = range(0, len(items), node.size)
    return [Value(_list(map(bytes, items[cut : cut + node.size]))) for cut in cuts]


_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


def _starts(node: Node, parts: int) -> int:
    if isinstance(node, Pipeline):
        return len(node.steps)
    return parts + 1 if isinstance(node, Funnel) else parts


def _up(program: Node, path: Path, value: Value, tasks: list[_Task]) -> Iterator[Move]:
    if not path:
        yield End(path, value)
        return
    if not isinstance(at(program, path), Step):
        yield Close(path)
    above, index = path[:-1], path[-1]
    node = at(program, above)
    if isinstance(node, Pipeline) and index + 1 < len(node.steps):
        tasks.append(((*above, index + 1), value, False))
    elif _is_last(node, index):
        tasks.append((above, value, True))
    elif (body := _as_json(value)) is not None:
        yield Arrive(above, index, Value(body))
    else:
        yield _failed(program, path, _unfit(spot(program, path), value, "cannot be in a list"))


def _is_last(node: Node, index: int) -> bool:
    """Tell whether what comes out of this child is what comes out of the node."""
    return isinstance(node, Pipeline) or (isinstance(node, Funnel) and index == len(node.branches))


def _failed(program: Node, path: Path, failure: Failure) -> Move:
    keeper = keeper_of(program, path)
    if keeper is None:
        return Break(path, failure)
    return Arrive(keeper, path[len(keeper)], Value(msgspec.json.encode(failure)))


def _as_json(value: Value) -> bytes | None:
    if value.content_type == JSON:
        return value.body
    if value.content_type.startswith("text/"):
        return msgspec.json.encode(value.body.decode(errors="replace"))
    return None


def _unfit(what: str, value: Value, why: str) -> Failure:
    return Failure(type="result", message=f"{what}: {value.content_type} {why}")


def _list(bodies: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(bodies) + b"]"


def keeper_of(program: Node, path: Path) -> Path | None:
    """Return the innermost pattern around a place that takes failures for values."""
    node, found = program, None
    for depth, index in enumerate(path):
        in_list = not isinstance(node, Pipeline) and not _is_last(node, index)
        if in_list and isinstance(node, Parallel | Funnel | Segment) and node.keep:
            found = path[:depth]
        node = _child(node, index)
    return found


def at(program: Node, path: Path) -> Node:
    """Return the node at a place.

    Raises:
        IndexError: there is no such place.
    """
    for index in path:
        program = _child(program, index)
    return program


def _child(node: Node, index: int) -> Node:
    if isinstance(node, Pipeline):
        return node.steps[index]
    if isinstance(node, Segment):
        return node.step
    if isinstance(node, Funnel) and index == len(node.branches):
        return node.final
    if isinstance(node, Parallel | Funnel):
        return node.branches[index]
    raise IndexError("a step has nothing below it")


def spot(program: Node, path: Path) -> str:
    """Return a place in words of people.

    >>> inner = Parallel(branches=(Step(socket="a.x"), Step(socket="b.y")))
    >>> spot(Pipeline(steps=(inner,)), (0, 1))
    'pipeline[0].parallel[1] (b.y)'
    """
    words, node = [], program
    for index in path:
        is_final = isinstance(node, Funnel) and index == len(node.branches)
        words.append(f"{name_of(node)}{'.final' if is_final else f'[{index}]'}")
        node = _child(node, index)
    return f"{'.'.join(words)} ({name_of(node)})" if words else name_of(node)
