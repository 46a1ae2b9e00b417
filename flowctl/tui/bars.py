"""The lines around the view: where one is, how it stands, what was said, which keys help. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flowctl.tui.actions import Action, Group
from flowctl.tui.feeds import Link
from flowctl.tui.keymap import Keymap
from flowctl.tui.saying import Said
from flowctl.tui.targets import Target
from flowctl.views.lines import Line, Span
from flowctl.views.text import duration
from flowctl.views.tones import Tone

STAYS = 8.0
"""Seconds that a message stands at the bottom."""

_TONES = {
    Link.CONNECTED: Tone.GOOD,
    Link.WAITING: Tone.DIM,
    Link.STALE: Tone.WARN,
    Link.LOST: Tone.BAD,
}


@dataclass(frozen=True)
class State:
    """What the top line tells."""

    trail: Sequence[str]
    context: str
    readonly: bool
    link: Link
    age: float = 0.0
    why: str = ""


def top(state: State, width: int) -> Line:
    """Return the line at the top: the way here, and how it stands."""
    left = [Span(" flowctl ", Tone.STRONG)]
    for number, crumb in enumerate(state.trail):
        left += [Span(" > " if number else " ", Tone.DIM), Span(crumb, Tone.HEAD)]
    right = [Span(state.context, Tone.NOTE)]
    if state.readonly:
        right.append(Span("  read-only", Tone.WARN))
    right.append(Span(f"  {_standing(state)} ", _TONES[state.link]))
    why = f" {state.why} " if state.why else ""
    room = width - sum(len(span.text) for span in (*left, *right))
    if why and room > 12:
        left.append(Span(f"  {why.strip()}"[: room - 1], Tone.BAD))
    return spread(left, right, width)


def _standing(state: State) -> str:
    if state.link in (Link.CONNECTED, Link.WAITING) or not state.age:
        return str(state.link)
    return f"{state.link}, {duration(float(int(state.age)))} old"


def spread(left: Sequence[Span], right: Sequence[Span], width: int) -> Line:
    """Return a line with something at both ends; the right end stays whole."""
    taken = sum(len(span.text) for span in right)
    kept, room = [], max(0, width - taken)
    for text, tone in left:
        kept.append(Span(text[:room], tone))
        room -= len(kept[-1].text)
    return Line((*kept, Span(" " * room), *right))


def recent(said: Sequence[Said], now: datetime) -> Said | None:
    """Return the message that is young enough to stand at the bottom."""
    if said and (now - said[-1].at).total_seconds() < STAYS:
        return said[-1]
    return None


_HINTED = (
    "look.open", "look.describe", "stage.more", "processor.pause", "processor.resume",
    "queue.purge", "agent.drain", "agent.resume",
    "prompt.filter", "prompt.command", "help", "back",
)  # fmt: skip
_BRIEF = {
    "look.open": "open", "look.describe": "describe", "stage.more": "scale",
    "processor.pause": "pause", "processor.resume": "resume", "queue.purge": "purge",
    "agent.drain": "drain", "agent.resume": "resume",
    "prompt.filter": "filter", "prompt.command": "command", "help": "all keys", "back": "out",
}  # fmt: skip


def hints(
    actions: Sequence[Action], keymap: Keymap, target: Target | None
) -> list[tuple[str, str]]:
    """Return the keys worth a hint here, with a word each: the view's own, then what is common."""
    known = {action.id: action for action in actions}
    own = [a for a in actions if a.group in (Group.GRAPH, Group.LOGS) and not a.danger]
    wanted = [*own[:3], *(known[name] for name in _HINTED if name in known)]
    found = []
    for action in wanted:
        if action.when is not None and (target is None or not action.when(target)):
            continue
        key = keymap.shown(action)
        if action.id == "stage.more":
            key = f"{key} -"
        if key:
            found.append((key, _BRIEF.get(action.id, action.words.partition(":")[0])))
    return found


def bottom(
    chips: Sequence[Span], said: Said | None, keys: Sequence[tuple[str, str]], width: int
) -> Line:
    """Return the line at the bottom: what is staged, what was just said, else which keys help."""
    if chips:
        return Line((Span(" "), *chips))
    if said is not None:
        return Line((Span(f" {said.text}"[:width], said.tone),))
    spans: list[Span] = [Span(" ")]
    used = 1
    for key, word in keys:
        if used + len(key) + len(word) + 3 > width:
            break
        spans += [Span(key, Tone.HEAD), Span(f" {word}  ", Tone.DIM)]
        used += len(key) + len(word) + 3
    return Line(tuple(spans))
