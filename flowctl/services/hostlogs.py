"""Logs of other hosts: their agents are asked, and tell what is new for as long as somebody listens.

A question stands in the state database with a lease, so agents hear of it as they hear of any other
change, and one that nobody renews costs nothing after half a minute. An agent that shares the
asker's folder of logs has nothing to tell it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from flowctl.model.asks import Ask
from flowctl.model.ids import new_id
from flowctl.model.states import AgentStatus
from flowctl.services.control import Control
from flowctl.services.logs import Filter, Line, matcher
from flowctl.services.tails import Piece, Tail

LEASE = timedelta(seconds=30)
_RENEW = 5.0
"""Seconds between renewals of the lease."""
SIGN = 1.0
"""Seconds after which an agent without news says that it is there."""
QUIET = 2.5
"""Seconds without a word after which an agent counts as behind."""
_PAUSE = 0.2
_LETTER_LINES = 400
"""Lines that travel together."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of what an agent tells."""

    agent: str
    place: str
    """The folder that is told of; agents of one host may share one."""
    lines: tuple[Line, ...] = ()
    came: int = 0
    dropped: int = 0
    whole: bool = True
    """Whether everything that was there has been told by now."""
    same: bool = False
    """The asker reads these very files itself."""


_REPORT = msgspec.json.Decoder(Report)
_FILTER = msgspec.json.Decoder(Filter)


def place(folder: Path) -> str:
    """Return what names a folder among all folders of all hosts."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    kernel = boot.read_text().strip() if boot.exists() else os.uname().nodename
    try:
        found = folder.stat()
    except OSError:
        return f"{kernel}:{folder}"
    return f"{kernel}:{found.st_dev}:{found.st_ino}"


class Answer:
    """What an agent tells to one question; one thread may use it."""

    def __init__(self, ask: Ask, agent: str, folder: Path) -> None:
        self.ask = ask
        self._agent = agent
        self._wanted = _FILTER.decode(ask.body)
        self._tail = Tail(self._wanted)
        self._place = place(folder)
        self._same = ask.asker == self._place
        self._told_at = -SIGN

    def tell(self, control: Control) -> None:
        """Tell what is new, or that there is nothing."""
        now = control.clock.monotonic()
        reports = [] if self._same and self._told_at > 0 else list(self._reports(control))
        is_news = any(report.lines or report.dropped for report in reports)
        if reports and (is_news or now >= self._told_at + SIGN):
            bodies = [msgspec.json.encode(report).decode() for report in reports]
            control.store.asks.tell(self.ask.id, bodies)
            self._told_at = now

    def _reports(self, control: Control) -> Iterator[Report]:
        if self._same:
            yield Report(agent=self._agent, place=self._place, same=True)
            return
        piece, matches = self._tail.poll(control), matcher(self._wanted)
        lines = [line for line in piece.lines if matches(line)]
        for begin in range(0, max(1, len(lines)), _LETTER_LINES):
            is_last = begin + _LETTER_LINES >= len(lines)
            yield Report(
                agent=self._agent,
                place=self._place,
                lines=tuple(lines[begin : begin + _LETTER_LINES]),
                came=piece.came if is_last else 0,
                dropped=piece.dropped if is_last else 0,
                whole=is_last,
            )


class Hosts:
    """What the agents of other hosts tell; `ask` makes one. One thread at a time may use it."""

    def __init__(self, ask: Ask, expected: Sequence[str], now: float) -> None:
        self._ask, self._is_asked = ask, bool(expected)
        self._heard = dict.fromkeys(expected, now)
        """When each agent said something last."""
        self._whole: set[str] = set()
        self._speakers: dict[str, str] = {}
        """Of each folder, the agent that is listened to."""
        self._renewed_at = now

    def take(self, control: Control) -> Piece:
        """Return what came since the last time, and how far behind the slowest host is."""
        now = control.clock.monotonic()
        reports: list[Report] = []
        if self._heard:
            self._renew(control, now)
            reports = [_REPORT.decode(body) for body in control.store.asks.take(self._ask.id)]
        reports = [report for report in reports if self._is_news(report, now)]
        quiet = max((now - at for at in self._heard.values()), default=0.0)
        return Piece(
            lines=tuple(sorted(line for report in reports for line in report.lines)),
            came=sum(report.came for report in reports),
            dropped=sum(report.dropped for report in reports),
            at=now,
            lag=quiet if quiet > QUIET else 0.0,
        )

    def _renew(self, control: Control, now: float) -> None:
        if now < self._renewed_at + _RENEW:
            return
        self._renewed_at, until = now, control.clock.now() + LEASE
        if not control.store.asks.renew(self._ask.id, until):
            ask = msgspec.structs.replace(self._ask, expires_at=until)
            control.store.asks.put(ask, control.clock.now())

    def _is_news(self, report: Report, now: float) -> bool:
        """Note who spoke; tell whether nobody else tells the same."""
        if report.same:
            self._heard.pop(report.agent, None)
            return False
        speaker = self._speakers.setdefault(report.place, report.agent)
        if now - self._heard.get(speaker, 0.0) > QUIET:
            speaker = self._speakers[report.place] = report.agent
        self._heard[report.agent] = now
        if report.whole:
            self._whole.add(report.agent)
        return speaker == report.agent

    def gather(self, control: Control, seconds: float) -> tuple[list[Line], list[str]]:
        """Return what every agent has in its logs, and the agents that said nothing in time."""
        lines: list[Line] = []
        pause = threading.Event()
        ends = control.clock.monotonic() + seconds
        while missing := sorted(set(self._heard) - self._whole):
            lines += self.take(control).lines
            if control.clock.monotonic() >= ends:
                return lines, missing
            pause.wait(_PAUSE)
        return lines, []

    def end(self, control: Control) -> None:
        """Ask no more."""
        if self._is_asked:
            control.store.asks.end(self._ask.id)


def ask(control: Control, wanted: Filter) -> Hosts:
    """Ask the agents of all other hosts; whoever does not go on taking is forgotten.

    Nobody is asked where the state is a file: then every log is on this machine.

    Raises:
        StateUnavailable: the database does not answer.
    """
    clock = control.clock
    question = Ask(
        id=new_id(),
        body=msgspec.json.encode(wanted).decode(),
        asker=place(control.settings.paths.logs),
        expires_at=clock.now() + LEASE,
    )
    expected = [] if control.settings.state.startswith("sqlite:") else _running(control)
    if expected:
        control.store.asks.put(question, clock.now())
    return Hosts(question, expected, clock.monotonic())


def _running(control: Control) -> list[str]:
    agents = control.store.fleet.agents()
    return [agent.name for agent in agents if agent.status is AgentStatus.RUNNING]


class Everywhere:
    """Follows the logs of this machine and of all others as one; one thread at a time may ask it."""

    def __init__(self, wanted: Filter) -> None:
        self._wanted, self._tail = wanted, Tail(wanted)
        self._hosts: Hosts | None = None

    def poll(self, control: Control) -> Piece:
        """Return what came since the last time; at first, what there is here."""
        if self._hosts is None:
            self._hosts = ask(control, self._wanted)
        here, there = self._tail.poll(control), self._hosts.take(control)
        return msgspec.structs.replace(
            here,
            lines=tuple(sorted((*here.lines, *there.lines))),
            came=here.came + there.came,
            dropped=here.dropped + there.dropped,
            lag=there.lag,
        )
