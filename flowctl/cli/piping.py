"""Calls in shell pipes: a value a line in, a result a line out, in order, several at once."""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator

from flowctl.cli.output import emit, say
from flowctl.cli.session import Session
from flowctl.errors import CallFailed, InvalidInput
from flowctl.model.flow import Socket
from flowctl.model.traffic import Answer
from flowctl.services import calls, spread
from flowctl.services.answers import Desk, Question
from flowctl.services.calls import Payload
from flowctl.services.control import Control
from flowctl.views.table import builtin
from flowctl.views.traffic import body_value

AHEAD = 64
"""Lines that are in flight at once."""


def lines_of(data: str | None) -> Iterator[str]:
    """Go through the lines of the data, or of stdin as they come; blank ones are left out.

    Raises:
        InvalidInput: stdin is a terminal, so nothing was piped in.
    """
    if data not in (None, "-"):
        lines: Iterable[str] = str(data).splitlines()
    elif sys.stdin.isatty():
        raise InvalidInput("nothing was piped in", remedy="pipe lines, or give them as an argument")
    else:
        lines = sys.stdin
    return (line.rstrip("\n") for line in lines if line.strip())


def ids_of(lines: Iterable[str]) -> Iterator[str]:
    """Go through the call ids in lines: bare ones, or objects as `send -o jsonl` prints them."""
    for line in lines:
        word = line.strip()
        if word.startswith("{"):
            try:
                word = str(json.loads(word)["id"])
            except (ValueError, KeyError) as error:
                raise InvalidInput(f"no call id in {word[:80]}") from error
        yield word.removeprefix("call/")


def call_each(
    session: Session,
    control: Control,
    targets: list[Socket],
    payloads: Iterable[Payload],
    limit: float,
) -> int:
    """Call for each payload and print the results in order; return how many failed."""
    desk, flight, failed = Desk(control), deque[Question](), 0
    chosen = deque[Socket]()
    for payload in payloads:
        chosen = chosen or deque(spread.balanced(control, targets, AHEAD))
        flight.append(desk.ask(chosen.popleft(), [payload]))
        while flight and (flight[0].answer or len(flight) >= AHEAD):
            failed += print_line(session, flight.popleft().wait(control, limit or None))
    return failed + sum(print_line(session, each.wait(control, limit or None)) for each in flight)


def print_line(session: Session, answer: Answer) -> bool:
    """Print the result as one line, or say how the call failed; tell whether it did."""
    try:
        calls.refuse_failed(answer)
    except CallFailed as error:
        say(session.flags, f"failed: {error.message}")
        return True
    body = answer.body or b""
    if answer.content_type == calls.JSON:
        emit(body.decode(errors="replace").replace("\n", " ") + "\n")
    else:
        value = body_value(answer.content_type, body)
        emit(json.dumps(builtin(value), ensure_ascii=False) + "\n")
    sys.stdout.flush()
    return False
