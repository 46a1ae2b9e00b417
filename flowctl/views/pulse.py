"""The pulse as lines: what is wrong first, each line about an object that one can go to. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flowctl.model.fleet import Agent, Lease
from flowctl.model.states import AgentStatus
from flowctl.views.charts import gauge, sparkline
from flowctl.views.levels import Level
from flowctl.views.lines import EMPTY, Line, line
from flowctl.views.listing import cut, elide
from flowctl.views.standing import FlowRow
from flowctl.views.text import age, count, duration, percent, plural
from flowctl.views.tones import Tone, tone_of, tone_of_load

Values = Sequence[float | None]
_SPARK = 24
"""Cells of a small chart."""
_QUEUES = 5
_MORE = 12


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be."""

    what: str
    """A sentence with the reason."""
    kind: str = ""
    name: str = ""
    network: str = ""
    view: str = ""
    """Where to look, where that is a view of its own and not an object."""
    bad: bool = True
    """Whether something fails; otherwise it is only worth knowing."""
    document: Mapping[str, object] = field(default_factory=dict, compare=False)
    """What actions want to know of the object."""


@dataclass(frozen=True)
class Pulse:
    """Everything at one moment."""

    at: datetime
    leader: Lease | None
    findings: tuple[Finding, ...]
    flows: tuple[FlowRow, ...]
    agents: tuple[Agent, ...]
    cpu: Mapping[str, Values]
    """Percent of each agent, over time."""
    levels: tuple[Level, ...]
    """The queues in which anything waits, the fullest first."""
    calls: Values
    """Calls a minute, over time."""
    failed: Values
    minutes: float = 15.0
    """How long that time is."""
    broker: bool = True


@dataclass(frozen=True)
class Item:
    """A line; with a kind or a view it leads somewhere."""

    line: Line
    kind: str = ""
    name: str = ""
    network: str = ""
    view: str = ""
    document: Mapping[str, object] = field(default_factory=dict, compare=False)

    @property
    def leads(self) -> bool:
        """Whether there is anything to go to."""
        return bool(self.kind or self.view)

    @property
    def key(self) -> str:
        """Who it is, so that a cursor stays on it."""
        return f"{self.kind} {self.network}/{self.name} {self.view}"


def items(pulse: Pulse, width: int, staged: Sequence[tuple[str, str]] = ()) -> list[Item]:
    """Return the lines; `staged` are processors (`network/name`) with what is staged for them."""
    return [
        *_wrong(pulse, width),
        *_staged(staged),
        *_calls(pulse, width),
        *_flows(pulse, width),
        *_queues(pulse, width),
        *_hosts(pulse, width),
        *_leader(pulse),
    ]


def sifted(found: Sequence[Item], text: str) -> list[Item]:
    """Return the items that lead somewhere and say a text; all where there is none."""
    if not text:
        return list(found)
    wanted = text.lower()
    return [each for each in found if each.leads and wanted in each.line.text.lower()]


def summary(pulse: Pulse) -> str:
    """Return the whole in a sentence."""
    serving = sum(each.status is AgentStatus.RUNNING for each in pulse.agents)
    bad = sum(each.bad for each in pulse.findings)
    state = f"{plural(bad, 'thing')} wrong" if bad else "all is well"
    return (
        f"{plural(len(pulse.flows), 'network')}, "
        f"{sum(each.running_cpus for each in pulse.flows)} of "
        f"{plural(sum(each.cpus for each in pulse.flows), 'cpu')} serve, "
        f"{serving} of {plural(len(pulse.agents), 'host')} up: {state}"
    )


def _head(title: str, note: str = "") -> Iterator[Item]:
    yield Item(EMPTY)
    yield Item(line((title, Tone.HEAD), (f"  {note}" if note else "", Tone.DIM)))


def _wrong(pulse: Pulse, width: int) -> Iterator[Item]:
    if not pulse.findings:
        yield Item(line(("✓ ", Tone.GOOD), ("Everything is as it is wanted.", Tone.GOOD)))
        return
    found = sorted(pulse.findings, key=lambda each: not each.bad)
    for each in found[:_MORE]:
        tone = Tone.BAD if each.bad else Tone.WARN
        shown = line(("! " if each.bad else "· ", tone), (cut(each.what, width - 2, "error"), tone))
        yield Item(shown, each.kind, each.name, each.network, each.view, each.document)
    if len(found) > _MORE:
        yield Item(line((f"  and {len(found) - _MORE} more", Tone.DIM)), view="flows")


def _staged(staged: Sequence[tuple[str, str]]) -> Iterator[Item]:
    if staged:
        yield from _head("Staged", "Enter applies, Esc drops")
    for address, text in staged:
        network, _, name = address.rpartition("/")
        yield Item(line("  ", (f" {address} {text} ", Tone.CHIP)), "processor", name, network)


def _calls(pulse: Pulse, width: int) -> Iterator[Item]:
    minutes = duration(60 * pulse.minutes)
    yield from _head("Calls", f"a second, over {minutes}")
    for title, values, tone in (
        ("ended", pulse.calls, Tone.NOTE),
        ("failed", pulse.failed, Tone.BAD),
    ):
        latest = next((each for each in reversed(values) if each is not None), None)
        room = max(0, min(60, width - 24))
        if latest is None:
            said = "not measured: a scheduler does that" if title == "ended" else "-"
            yield Item(line(f"  {title:<7}", (said, Tone.DIM)), view="calls")
            continue
        tone = tone if latest or title == "ended" else Tone.DIM
        rate = f"{count(round(latest / 60, 1))}/s"
        view = "errors" if title == "failed" else "calls"
        yield Item(
            line(f"  {title:<7}", (f"{rate:>8}  ", tone), sparkline(values, room)), view=view
        )


def _flows(pulse: Pulse, width: int) -> Iterator[Item]:
    yield from _head("Networks")
    if not pulse.flows:
        yield Item(line(("  none yet: flowctl apply RECIPE", Tone.DIM)))
    size = _size((each.name for each in pulse.flows), width)
    for each in pulse.flows:
        waits = "?" if each.ready is None else count(each.ready)
        dead = ("", Tone.DIM) if not each.dead else (f"  {count(each.dead)} dead", Tone.BAD)
        shown = line(
            "  ", (elide(each.name, size).ljust(size), Tone.NAME),
            (f"  {each.status:<8}", tone_of("status", each.status)),
            f"  {plural(each.processors, 'processor'):<13}",
            f"  {f'{each.running_cpus} of {each.cpus}':>8} cpus",
            f"  {waits:>5} wait", dead,
        )  # fmt: skip
        yield Item(shown, "network", each.name)


def _queues(pulse: Pulse, width: int) -> Iterator[Item]:
    if not pulse.broker:
        yield from _head("Fullest queues", "the broker does not answer")
        return
    if not pulse.levels:
        yield from _head("Fullest queues", "nothing waits anywhere")
        return
    yield from _head("Fullest queues")
    shown = pulse.levels[:_QUEUES]
    size = _size((each.name for each in shown), width)
    for each in shown:
        yield Item(
            _queue(each, size, width),
            "queue",
            each.name,
            each.network,
            document={"ready": each.ready},
        )


def _queue(each: Level, size: int, width: int) -> Line:
    held = (each.ready or 0) + (each.unacked or 0)
    dead = each.role == "dead"
    tone = Tone.BAD if dead else Tone.WARN if each.status else Tone.NOTE
    why = "  dead letters" if dead else "  nobody takes them" if each.status else ""
    rates = ""
    if not dead and each.in_rate is not None and each.out_rate is not None:
        rates = f"  {_rate(each.in_rate):>7} in {_rate(each.out_rate):>7} out"
    end = "full" if each.trend == "+" else "empty"
    until = f"  {end} in {duration(float(int(each.seconds)) or 1.0)}" if each.seconds else ""
    pieces = [
        (f"  {elide(each.name, size):<{size}}", Tone.NAME),
        (f"  {count(held):>5} wait", tone),
        (why, tone),
        (rates, Tone.PLAIN),
        (until, Tone.WARN if end == "full" else Tone.DIM),
    ]
    return line(*_fitting(pieces, width))


def _fitting(pieces: Sequence[tuple[str, Tone]], width: int) -> Iterator[tuple[str, Tone]]:
    """Give the pieces that there is room for, each as a whole."""
    for text, tone in pieces:
        if len(text) <= width:
            width -= len(text)
            yield text, tone


def _rate(value: float) -> str:
    return f"{count(round(value, 1))}/s"


def _hosts(pulse: Pulse, width: int) -> Iterator[Item]:
    yield from _head("Hosts")
    if not pulse.agents:
        yield Item(line(("  none: flowctl up, or start agentd on a host", Tone.DIM)))
    size = _size((each.name for each in pulse.agents), width)
    for each in pulse.agents:
        yield Item(
            _host(each, pulse.cpu.get(each.name, ()), size, width), "agent", each.name,
            document={"requested_status": str(each.requested_status)},
        )  # fmt: skip


def _host(each: Agent, cpu: Values, size: int, width: int) -> Line:
    found = each.resources
    used = 100.0 - 100.0 * found.memory_available / found.memory_total if found.memory_total else 0
    spare = width - size - 50
    return line(
        "  ", (elide(each.name, size).ljust(size), Tone.NAME),
        (f"  {each.status:<8}", tone_of("status", each.status)),
        "  cpu ", (gauge(found.cpu_percent, 100, 8), tone_of_load(found.cpu_percent)),
        f" {percent(found.cpu_percent, 100):>4}",
        f"  load {found.load:>4.1f}",
        "  mem ", (f"{used:>3.0f}%", tone_of_load(used)),
        (f"  {sparkline(cpu, min(_SPARK, spare), top=100.0)}" if spare > 6 else "", Tone.DIM),
    )  # fmt: skip


def _leader(pulse: Pulse) -> Iterator[Item]:
    yield from _head("Scheduler")
    lease = pulse.leader
    if lease is None:
        yield Item(line("  ", ("nobody leads", Tone.BAD)), view="schedulers")
        return
    ends = age(lease.expires_at, pulse.at)
    shown = line(
        "  ",
        (lease.holder, Tone.NAME),
        f" leads, term {lease.term}",
        (f"  lease ends {ends}", Tone.DIM),
    )
    yield Item(shown, "scheduler", lease.holder)


def _size(names: Iterator[str] | Sequence[str], width: int) -> int:
    return max(8, min(max(map(len, names), default=8), width // 2 - 8))
