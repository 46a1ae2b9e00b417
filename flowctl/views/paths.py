"""The way of one run through its network: what each processor worked, what waited on each plug."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from flowctl.model.states import CallStatus
from flowctl.model.traffic import Call
from flowctl.views.text import duration, plural


@dataclass(frozen=True)
class Hop:
    """A processor, a socket or a plug on the way, with all calls of the run that came by."""

    name: str
    is_plug: bool
    calls: int = 0
    failed: int = 0
    seconds: float | None = None
    """Worked in all, or waited at the longest; None where nobody knows yet."""
    call: str = ""
    """The id of the call that took longest."""
    longest: float = -1.0

    @property
    def brief(self) -> str:
        """What stands on the picture: `3x 12ms`."""
        many = f"{self.calls}x " if self.calls > 1 else ""
        took = duration(self.seconds) if self.seconds is not None else "?"
        return f"{many}{'wait ' * self.is_plug}{took}{' !' * bool(self.failed)}"

    @property
    def words(self) -> str:
        """The same in a sentence."""
        took = duration(self.seconds) if self.seconds is not None else "nobody knows how long"
        failed = f", {self.failed:,} failed" if self.failed else ""
        if self.is_plug:
            return f"{plural(self.calls, 'message')}, waited {took}{' at most' * (self.calls > 1)}"
        return f"{plural(self.calls, 'call')}{failed}, worked {took}{' in all' * (self.calls > 1)}"


def hops(calls: Sequence[Call], *, sockets: bool) -> list[Hop]:
    """Return the hops of a run in the order of time: of processors, or of sockets."""
    found: dict[tuple[str, bool], Hop] = {}
    for call in sorted(calls, key=_moment):
        if call.plug:
            waited = wait_of(call)
            before = found.get((call.plug, True), Hop(call.plug, True))
            found[call.plug, True] = _with(before, call, waited)
        name = call.socket if sockets else call.socket.partition(".")[0]
        before = found.get((name, False), Hop(name, False))
        found[name, False] = _with(before, call, call.duration)
    return list(found.values())


def _moment(call: Call) -> float:
    at = call.started_at or call.received_at or call.sent_at
    return at.timestamp() if at else float("inf")


def _with(hop: Hop, call: Call, seconds: float | None) -> Hop:
    known = [value for value in (hop.seconds, seconds) if value is not None]
    slow = seconds is not None and seconds > hop.longest
    return replace(
        hop,
        calls=hop.calls + 1,
        failed=hop.failed + (call.status is CallStatus.FAILED),
        seconds=(max(known) if hop.is_plug else sum(known)) if known else None,
        call=call.id if slow or not hop.call else hop.call,
        longest=max(hop.longest, seconds if seconds is not None else -1.0),
    )


def wait_of(call: Call) -> float | None:
    """Return how long the message of a call waited before it was worked on."""
    if call.sent_at is None or call.started_at is None:
        return None
    return max(0.0, (call.started_at - call.sent_at).total_seconds())


def whole(found: Iterable[Hop]) -> str:
    """Return what the way comes to."""
    known = list(found)
    worked = sum(hop.seconds or 0.0 for hop in known if not hop.is_plug)
    calls = sum(hop.calls for hop in known if not hop.is_plug)
    failed = sum(hop.failed for hop in known if not hop.is_plug)
    told = f", {failed:,} failed" if failed else ""
    return f"{plural(calls, 'call')}{told}, worked {duration(worked)}"
