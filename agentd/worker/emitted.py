"""What a call tells on the channels `log` and `data`: events that leave with its outcome, or before it where it runs long."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from flowctl.model.ids import CallId
from flowctl.model.lives import MOST_DATA
from flowctl.model.traffic import Event, Message

MOST_HELD = 1000
"""Values of one call that are held at once; what comes on top is counted only."""


@dataclass(slots=True)
class Emitted:
    """What was told and has not left yet."""

    _held: list[Event] = field(default_factory=list)
    _dropped: int = 0

    def take(self, event: Event) -> None:
        """Hold one more, where there is room."""
        if len(self._held) < MOST_HELD:
            self._held.append(event)
        else:
            self._dropped += 1

    def give(self) -> list[Event]:
        """Hand over what is held; the last one says how many there was no room for."""
        held, self._held = self._held, []
        if self._dropped:
            last = held[-1]
            note = msgspec.json.decode(last.note) | {"dropped": self._dropped}
            held[-1] = msgspec.structs.replace(last, note=msgspec.json.encode(note).decode())
            self._dropped = 0
        return held


def emission(
    message: Message, place: tuple[str, str], channel: str, body: bytes, at: datetime
) -> Event:
    """Return the event of one value; `place` is network and socket. Too large a value is left out."""
    data = body if len(body) <= MOST_DATA else msgspec.json.encode({"too_large": len(body)})
    head = msgspec.json.encode({"socket": place[1], "attempt": message.attempt})
    note = head[:-1] + b',"data":' + data + b"}"
    return Event(
        id=0, at=at, kind="call", object=CallId(message.id), action=channel,
        note=note.decode("utf-8", "replace"), network=place[0], run_id=message.run_id,
    )  # fmt: skip
