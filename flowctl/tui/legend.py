"""What the line above a graph says: the network, what is under the cursor, what limits the flow. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from flowctl.graph.build import Graph
from flowctl.graph.labels import amount, rate, span
from flowctl.graph.live import PlugLive, ProcessorLive
from flowctl.graph.physics import Limit, drains_in, fills_in
from flowctl.graph.walk import Item
from flowctl.model.work import Trend
from flowctl.services.pictures import Reading
from flowctl.tui.scene import box_tone, label_tone
from flowctl.views.lines import Span
from flowctl.views.text import plural
from flowctl.views.tones import Tone

_WAYS = {Trend.GROWING: " ▲", Trend.SHRINKING: " ▼", Trend.STEADY: ""}


def about(graph: Graph, reading: Reading, item: Item) -> list[Span]:
    """Return what is known of the item under the cursor."""
    if item.is_edge:
        edge = next(edge for edge in graph.edges if edge.name == item.name)
        numbers = reading.overlay.plugs.get(edge.name)
        name = edge.title or edge.name
        found = [Span(f"{edge.source} > {edge.target}", Tone.HERE)]
        if name not in ("", f"{edge.source}>{edge.target}"):
            found.append(Span(f" {name}", Tone.NAME))
        found.append(Span(f"  {plug_text(numbers)}", label_tone(numbers)))
        return found
    vertex = next(vertex for vertex in graph.vertices if vertex.name == item.name)
    known = reading.overlay.processors.get(vertex.processor)
    found = [Span(vertex.name, Tone.HERE), Span(f"  {processor_text(known)}", box_tone(known))]
    if reading.limit is not None and reading.limit.processor == vertex.processor:
        found.append(Span(f"  limits the flow: {limit_text(reading.limit)}", Tone.WARN))
    return found


def plug_text(numbers: PlugLive | None) -> str:
    """Return the numbers of a plug in words."""
    if numbers is None:
        return "nothing is known of it"
    waits = "?" if numbers.depth is None else f"{numbers.depth:,}"
    parts = [f"{waits} wait{_WAYS[numbers.trend]}"]
    parts.append(f"in {rate(numbers.in_rate)}/s out {rate(numbers.out_rate)}/s")
    full, empty = fills_in(numbers), drains_in(numbers)
    if full is not None:
        parts.append(f"full in {span(full)}")
    elif empty:
        parts.append(f"empty in {span(empty)}")
    return "  ".join(parts)


def processor_text(numbers: ProcessorLive | None) -> str:
    """Return the numbers of a processor in words."""
    return "  ".join(_processor(numbers)) if numbers else "nothing is known of it"


def _processor(numbers: ProcessorLive) -> Iterator[str]:
    if numbers.status:
        yield numbers.status
    yield f"{numbers.running}/{plural(numbers.wanted, 'cpu')}"
    if numbers.utilisation is not None:
        yield f"{100 * numbers.utilisation:.0f}% busy"
    if numbers.failures:
        yield f"!{amount(numbers.failures)} failed lately"


def limit_text(limit: Limit) -> str:
    """Return why a processor limits its flow, and what would help."""
    if limit.stuck:
        return limit.reason
    return f"{limit.reason}; {plural(limit.cpus, 'cpu')} would balance it"
