"""Help and palette, made from the registry: what exists is explained, with the key as it is bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from flowctl.tui.actions import Action, Danger, Group
from flowctl.tui.keymap import Keymap, written
from flowctl.tui.places import Place
from flowctl.views.filters import parse
from flowctl.views.lines import Line, line
from flowctl.views.tones import Tone

if TYPE_CHECKING:
    from flowctl.tui.deck import Deck
    from flowctl.tui.view import View

_ORDER = ("Look", "Change", "Graph", "Logs", "Texts", "Move", "Filter and sort", "Mark")


def help_lines(actions: Sequence[Action], keymap: Keymap, view: View) -> list[Line]:
    """Return the keys that work in a place, by section."""

    def rank(action: Action) -> tuple[int, str]:
        group = str(action.group)
        return (_ORDER.index(group) if group in _ORDER else len(_ORDER), group)

    found = [line((view.words, Tone.STRONG)), line("")]
    for group, members in groupby(sorted(actions, key=rank), key=lambda a: a.group):
        found.append(line((str(group), Tone.HEAD)))
        for action in members:
            if keys := keymap.of(action):
                shown = "  ".join(written(key) for key in keys)
                tone = Tone.WARN if action.danger >= Danger.MODERATE else Tone.PLAIN
                found.append(line(f"  {shown:<16} ", (action.words, tone)))
        found.append(line(""))
    found += [line(text) for text in _FOOT]
    return found


_FOOT = (
    "Filter: text (regex)  !not  ~fuzzy  key=value  ready>1k  \"two words\"",
    "Shift and drag selects text with the mouse.",
    "Every key can be rebound in keymap.toml; :keymap shows where it is.",
)  # fmt: skip

Option = tuple[Line, Callable[[], None]]


def option_lines(deck: Deck, text: str) -> list[Option]:
    """Return what a palette offers for a text: all actions here, and all views."""
    return sifted([*_actions(deck), *view_options(deck)], text)


def sifted(options: list[Option], text: str) -> list[Option]:
    """Return the options that fit a text, the best first."""
    if not text:
        return options
    wanted = parse(" ".join(f"~{word}" for word in text.split()))
    found = [option for option in options if wanted.matches(option[0].text, {})]
    return sorted(found, key=lambda option: _rank(option[0].text.lower(), text.lower()))


def _rank(shown: str, text: str) -> int:
    """Return where a text stands in an option: the earlier the better; scattered letters come last."""
    at = shown.find(text)
    return at if at >= 0 else len(shown)


def _actions(deck: Deck) -> list[Option]:
    target = deck.view.target()
    found: list[Option] = []
    for action in deck.active():
        if action.group is Group.VIEWS and action.id != "menu":
            continue
        if action.when is not None and (target is None or not action.when(target)):
            continue
        key = deck.cockpit.keymap.shown(action)
        command = action.deed.command(target, "N") if action.deed and target else ""
        shown = line(
            (f"{key:>6}  ", Tone.HEAD), f"{action.words}  ", (command or action.id, Tone.DIM)
        )
        found.append((shown, partial(deck.run, action)))
    return found


def view_options(deck: Deck) -> list[Option]:
    """Return the views that one can go to from anywhere."""
    found: list[Option] = []
    for word, view in deck.cockpit.views.items():
        if view.needs:
            continue
        shown = line((f"{view.key:>6}  ", Tone.HEAD), f"{word:<14}", (view.words, Tone.DIM))
        found.append((shown, partial(deck.going.go, Place(word))))
    return found
