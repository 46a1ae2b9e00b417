"""What a processor may be beside code that runs: routers, gates, data and schemas.

A node keeps the rules of every processor (queues, calls on record, retries, ERROR plugs); its type
says what its function decides, or what stands in the function's place.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class ProcessorType(StrEnum):
    """What the outcome of a processor's functions means."""

    TASK = "task"  # the result of the function is sent on
    ROUTER = "router"  # the function chooses the routes that a value takes
    GATE = "gate"  # the function lets the input pass, or rejects it
    DATA = "data"  # no function: a named object is sent on
    SCHEMA = "schema"  # no function: what fits the schema is sent on
    PIPELINE = "pipeline"  # a canvas: calls of other sockets, one after the other
    PARALLEL = "parallel"  # a canvas: all at once
    FUNNEL = "funnel"  # a canvas: all at once, then one with what they returned
    SEGMENT = "segment"  # a canvas: a list, cut into chunks


CANVASES = frozenset(
    {
        ProcessorType.PIPELINE,
        ProcessorType.PARALLEL,
        ProcessorType.FUNNEL,
        ProcessorType.SEGMENT,
    }
)
"""Types that call sockets of other processors and have no code."""
SOURCELESS = CANVASES | {ProcessorType.GATE, ProcessorType.DATA, ProcessorType.SCHEMA}
"""Types that may do without code."""
UNMATCHED = "unmatched"
"""The route of what no other route takes."""


class InlineKind(StrEnum):
    """How the text of an inline object is read."""

    JSON = "json"
    CSV = "csv"  # rows as objects, by the names in the first line
    URL = "url"  # what the address gives, fetched anew each time


class Inline(Struct, frozen=True, kw_only=True):
    """The object that a socket of a `data` processor sends."""

    kind: InlineKind
    text: str
