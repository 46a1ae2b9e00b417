"""A canvas: calls that make up one larger call, as a tree of patterns whose leaves are sockets.

The tree is data and never changes once it was sent. What runs carries only a `Pointer` to its place
in it; what follows from a result is worked out from tree and place (`planning/canvas.py`), in the
transaction that records the result (`state/canvas.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Union

from msgspec import Struct

from flowctl.model.ids import CallId, RunId, derived_id
from flowctl.model.states import CallStatus
from flowctl.model.traffic import Answer, Failure, Gather, Message, Outgoing

Path = tuple[int, ...]
"""Where a node is: the indexes of children from the root on; chunks of a segment count as such."""

BOUND = "application/x-flowctl-bound+json"
"""Content type of an input that meets values which the canvas has bound."""
FAILURE = "application/x-flowctl-failure+json"
"""Content type of a message that says of a canvas in a recipe that it failed."""
START, COMPLETE = "start", "complete"
"""The sockets of a processor that is a canvas: one takes the input, the other sends the result on."""
DEEPEST = 200
"""Patterns within patterns."""


class Step(Struct, frozen=True, kw_only=True, tag_field="node", tag="step"):
    """A call of a socket with what comes in."""

    socket: str
    """`processor.socket`, with `network/` before it where that is another one."""
    args: str = ""
    """JSON list of values that take the place of what comes in."""
    named: str = ""
    """JSON object of values for arguments by name, which what comes in meets."""


class Pipeline(Struct, frozen=True, kw_only=True, tag_field="node", tag="pipeline"):
    """One after the other, each with the result of the one before."""

    steps: tuple[Node, ...]


class Parallel(Struct, frozen=True, kw_only=True, tag_field="node", tag="parallel"):
    """All at once with the same input; the result is the list of results, in order."""

    branches: tuple[Node, ...]
    keep: bool = False
    """Whether a failure stands in the place of its result, instead of failing the canvas."""


class Funnel(Struct, frozen=True, kw_only=True, tag_field="node", tag="funnel"):
    """All at once, then `final` with the list of their results."""

    branches: tuple[Node, ...]
    final: Node
    keep: bool = False


class Segment(Struct, frozen=True, kw_only=True, tag_field="node", tag="segment"):
    """A list cut into chunks of `size`, a call a chunk; the result is the list of their results."""

    step: Node
    size: int
    keep: bool = False


Node = Union[Step, Pipeline, Parallel, Funnel, Segment]  # noqa: UP007 - msgspec resolves it by name


class Pointer(Struct, frozen=True):
    """Which place of which canvas a call fills."""

    canvas: CallId
    path: Path
    keep: bool = False
    """Whether a failure is a value here: then there is no dead letter of it."""

    def text(self) -> str:
        """Return how a message carries it.

        >>> Pointer("c1", (0, 17), keep=True).text()
        'c1:0.17?'
        """
        return f"{self.canvas}:{path_text(self.path)}{'?' * self.keep}"


def read_pointer(text: str) -> Pointer | None:
    """Return the pointer in a message, or None where there is none that could be.

    >>> read_pointer("c1:0.17?")
    Pointer(canvas='c1', path=(0, 17), keep=True)
    >>> read_pointer("c1:"), read_pointer("nonsense"), read_pointer("c1:x")
    (Pointer(canvas='c1', path=(), keep=False), None, None)
    """
    canvas, colon, place = text.rpartition(":")
    path = read_path(place.removesuffix("?"))
    if not colon or not canvas or path is None:
        return None
    return Pointer(CallId(canvas), path, place.endswith("?"))


def path_text(path: Path) -> str:
    """Return a path as text: `0.17`; that of the root is empty."""
    return ".".join(map(str, path))


def read_path(text: str) -> Path | None:
    """Return the path that `path_text` wrote, or None where it is none."""
    parts = text.split(".") if text else []
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        return None
    return tuple(map(int, parts))


def place_id(canvas: CallId, path: Path) -> CallId:
    """Return the call id of a place, the same every time; the root's is the canvas's own."""
    return CallId(derived_id("canvas", canvas, path_text(path))) if path else canvas


class Canvas(Struct, frozen=True, kw_only=True):
    """A canvas that is under way."""

    id: CallId
    """Also the id of the call that stands for the whole."""
    run_id: str
    network: str
    """Where sockets are that name no other."""
    program: Node
    name: str = ""
    """What the call that stands for the whole is a call of."""
    exit: str = ""
    """The queue that gets the result, where the canvas is part of a recipe."""
    outer: str = ""
    """The pointer of the canvas that this one is a step of."""
    reply_to: str = ""
    """Who is told at once what it came to."""
    gathers: tuple[Gather, ...] = ()
    hops: int = 0
    traceparent: str = ""


class Follow(dict[CallId, tuple[Outgoing, ...]]):
    """Calls whose outcomes count, each with what their canvas has to send."""

    def __init__(
        self,
        won: Mapping[CallId, tuple[Outgoing, ...]] | None = None,
        answers: Iterable[tuple[Message, Answer]] = (),
    ) -> None:
        super().__init__(won or {})
        self.answers = list(answers)
        """Who is to be told what a canvas came to."""


class Launch(Struct, frozen=True, kw_only=True):
    """A canvas that begins, and what with."""

    canvas: Canvas
    body: bytes
    content_type: str = "application/json"


def answer_of(canvas: Canvas, body: bytes, content_type: str) -> tuple[Message, Answer]:
    """Return what to tell whoever waits for a canvas that ended well."""
    answer = Answer(
        id=canvas.id, socket=canvas.name, status=CallStatus.FINISHED,
        content_type=content_type, body=body,
    )  # fmt: skip
    return _asked(canvas), answer


def complaint_of(canvas: Canvas, failure: Failure) -> tuple[Message, Answer]:
    """Return what to tell whoever waits for a canvas that failed."""
    answer = Answer(id=canvas.id, socket=canvas.name, status=CallStatus.FAILED, failure=failure)
    return _asked(canvas), answer


def _asked(canvas: Canvas) -> Message:
    return Message(id=canvas.id, run_id=RunId(canvas.run_id), body=b"", reply_to=canvas.reply_to)


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly below a node."""
    if isinstance(node, Pipeline):
        return node.steps
    if isinstance(node, Parallel):
        return node.branches
    if isinstance(node, Funnel):
        return (*node.branches, node.final)
    return (node.step,) if isinstance(node, Segment) else ()


def nodes(program: Node) -> Iterator[tuple[int, Node]]:
    """Go through all nodes of a tree, each with its depth."""
    waiting = [(0, program)]
    while waiting:
        depth, node = waiting.pop()
        yield depth, node
        waiting.extend((depth + 1, each) for each in reversed(children(node)))


def name_of(node: Node) -> str:
    """Return what a node is called: its socket, or the name of its pattern."""
    return node.socket if isinstance(node, Step) else type(node).__name__.lower()
