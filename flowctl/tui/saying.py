"""What was said: at the bottom for a while, in the messages for good, with time and command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flowctl.views.lines import Line, line
from flowctl.views.tones import Tone


@dataclass(frozen=True)
class Said:
    """One message."""

    at: datetime
    text: str
    tone: Tone = Tone.PLAIN
    command: str = ""
    """What a person could have typed in a shell to the same end."""


def lines(said: Sequence[Said]) -> list[Line]:
    """Return messages as lines, oldest first."""
    found = []
    for each in said:
        found.append(line((f"{each.at.astimezone():%H:%M:%S}  ", Tone.DIM), (each.text, each.tone)))
        if each.command:
            found.append(line("          ", ("$ ", Tone.DIM), (each.command, Tone.NOTE)))
    return found or [line(("nothing was said yet", Tone.DIM))]
