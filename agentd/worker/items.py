"""A call in the hands of the worker, from its delivery to its commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from agentd.worker.emitted import Emitted
from agentd.worker.routing import Output, Route
from flowctl.broker.base import Delivery
from flowctl.model.inputs import ARGUMENTS, Kept, keep
from flowctl.model.traffic import Gather, Message

MOST_PRINTED = 64 * 1024
"""Characters of a call's output that go into its record."""


@dataclass(slots=True)
class Item:
    """One delivery that becomes one execution."""

    tags: list[tuple[int, int]]
    """Its deliveries that are not acknowledged: one, or more where copies of the message came."""
    message: Message
    route: Route
    received_at: datetime
    body: bytes = b""
    """What the function gets; a join puts it together from several messages."""
    content_type: str = "application/json"
    named: bool = False
    """The body is an object of argument names and values."""
    parts: tuple[tuple[str, str, int], ...] = ()
    """Name, content type and length of the values in the body, where a join met one of bytes."""
    checked: bool = False
    """It fits the schemas of its socket."""
    gathers: tuple[Gather, ...] | None = None
    """Which scatters its outputs belong to, where a gather ended some."""
    joined: tuple[Message, ...] = ()
    """Other messages of the same run that a join took in, whose senders want an answer."""
    started: float = 0.0
    """Monotonic seconds; 0 while it waits."""
    started_at: datetime | None = None
    outputs: list[Output] | None = None
    emitted: Emitted = field(default_factory=Emitted)
    """What it told on channels."""
    printed: list[str] = field(default_factory=list)
    printed_size: int = 0
    begun: bool = False
    """Its record says that it runs."""
    is_told: bool = False
    """Its worker died while it ran: followers of events know that this attempt began."""
    claimed: bool = False
    """A lease in the database holds it, or is about to."""

    def meet(self, tag: tuple[int, int]) -> None:
        """Take in another delivery: a copy, or the same one after the connection was lost."""
        if self.tags and self.tags[0][0] != tag[0]:
            self.tags.clear()  # of the lost connection
        self.tags.append(tag)

    def give_tags(self) -> list[tuple[int, int]]:
        """Hand over the deliveries that are to be acknowledged or given back now."""
        given = []
        while self.tags:  # one by one: another may come in from the core's thread meanwhile
            given.append(self.tags.pop())
        return given

    def take_output(self, text: str) -> None:
        """Keep what the call printed, up to the limit of its record."""
        text = text.replace("\x00", "\ufffd")  # Postgres keeps no NUL in text
        room = MOST_PRINTED - self.printed_size
        if room > 0:
            self.printed.append(text[:room])
        self.printed_size += len(text)

    def given(self) -> Kept:
        """Return what the call was given, as its record keeps it."""
        if self.parts:
            return Kept()
        return keep(ARGUMENTS if self.named else self.content_type, self.body)

    def text(self) -> str:
        """Return what the call printed, as its record holds it."""
        over = self.printed_size - MOST_PRINTED
        end = [f"\n[{over} more characters are not kept]\n"] if over > 0 else []
        return "".join(self.printed + end)


def item_of(delivery: Delivery, route: Route, received_at: datetime) -> Item:
    """Return the item that a delivery asks for."""
    message = delivery.message
    item = Item([delivery.tag], message, route, received_at, body=message.body)
    if message.content_type == ARGUMENTS:
        item.named = True
    else:
        item.content_type = message.content_type
    return item
